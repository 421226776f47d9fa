"""The coherent steady state against the Liouvillian of all levels, written out with Kronecker products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.constants import hbar, k

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CLASS_FRAMES,
    DIRECT_PUMPING,
    CoherenceWarning,
    Ensemble,
    Microwave,
    UncoupledRelaxation,
    class_fields,
    levels,
    resonance_spectrum,
    steady_state,
    stretched_exponential_mixture,
    transition_driving,
)
from tests.physics.nv import reference as reference
from tests.some import some

MHZ, GAUSS = 2e6 * np.pi, 1e-4
SPIN = (reference.SX, reference.SY, reference.SZ)


class Liouvillian:
    """Levels: ground +1, 0, −1, then for the full cycle the excited three and the singlet."""

    def __init__(self, field: np.ndarray, size: int) -> None:
        self.size, self.ops = size, []
        self.ground = self._triplet(reference.GROUND, field)
        self.hamiltonian = np.zeros((size, size), complex)
        self.hamiltonian[:3, :3] = self.ground
        if size == 7:
            self.hamiltonian[3:6, 3:6] = self._triplet(reference.EXCITED, field)
        self.energies, self.states = np.linalg.eigh(self.ground)

    @staticmethod
    def _triplet(splitting: float, field: np.ndarray) -> np.ndarray:
        zeeman = sum(b * s for b, s in zip(field, SPIN, strict=True))
        return splitting * reference.SZ @ reference.SZ + reference.GAMMA * zeeman

    def jump(self, start: int, end: int, rate: float) -> None:
        operator = np.zeros((self.size, self.size), complex)
        operator[end, start] = np.sqrt(rate)
        self.ops.append(operator)

    def jump_between_eigenstates(self, start: int, end: int, rate: float) -> None:
        operator = np.zeros((self.size, self.size), complex)
        operator[:3, :3] = np.sqrt(rate) * np.outer(self.states[:, end], self.states[:, start].conj())
        self.ops.append(operator)

    def relax(self, isolated: float, cross: float, temperature: float) -> None:
        weight = np.exp(-hbar * (self.energies - self.energies[0]) / (k * temperature))
        weight /= weight.sum()
        for i in range(3):
            for j in range(3):
                self.jump_between_eigenstates(i, j, isolated * weight[j])
                self.jump_between_eigenstates(i, j, cross / 3)

    def cycle(self, pump: float) -> None:
        decay = np.array([[9.7, 0.097, 0], [0.0485, 9.7, 0.0485], [0, 0.097, 9.7]]) * MHZ
        for p, (crossing, landing) in enumerate(((12, 0.21), (1.74, 0.49), (12, 0.21))):
            self.jump(p, 3 + p, pump)
            self.jump(3 + p, 6, crossing * MHZ)
            self.jump(6, p, landing * MHZ)
            for q in range(3):
                self.jump(3 + p, q, decay[p, q])

    def steady(self) -> np.ndarray:
        unit = np.eye(self.size)
        total = -1j * (np.kron(self.hamiltonian, unit) - np.kron(unit, self.hamiltonian.T))
        for operator in self.ops:
            number = operator.conj().T @ operator
            total += np.kron(operator, operator.conj())
            total -= 0.5 * (np.kron(number, unit) + np.kron(unit, number.T))
        rows = np.vstack([total / 1e6, unit.ravel()[None]])
        wanted = np.zeros(len(rows), complex)
        wanted[-1] = 1.0
        return np.linalg.lstsq(rows, wanted, rcond=None)[0].reshape(self.size, self.size)


def spin_of(density: np.ndarray) -> np.ndarray:
    blocks = [density[:3, :3]] + ([density[3:6, 3:6]] if len(density) == 7 else [])
    return np.array([sum(np.trace(block @ s).real for block in blocks) for s in SPIN])


def random_field(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    direction = rng.normal(size=3)
    return direction / np.linalg.norm(direction) * 10 ** rng.uniform(low, high)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_the_liouvillian_of_all_seven_levels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    field, pump = random_field(rng, -3.5, -1.5), 10 ** rng.uniform(3, 7)
    ensemble = Ensemble(relaxation=UncoupledRelaxation(), temperature=4.0)
    found = steady_state(field=field, pump=pump, ensemble=ensemble, method="lindblad")
    inside = class_fields(field=field)
    for c in range(4):
        system = Liouvillian(inside[c], 7)
        system.cycle(pump)
        system.relax(1 / 1.03e-3, 0.0, 4.0)
        density = system.steady()
        spin = CLASS_FRAMES[c].T @ spin_of(density)
        assert np.abs(found.spin[c] - spin).max() < 1e-5 * np.abs(spin).max()
        assert found.singlet_population[c] == pytest.approx(density[6, 6].real, rel=1e-6, abs=0)
        assert found.excited_populations[c].sum() == pytest.approx(
            np.trace(density[3:6, 3:6]).real, rel=1e-6, abs=0
        )
        torque = -hbar * reference.GAMMA * np.cross(spin, field)
        np.testing.assert_allclose(found.class_torque[c], torque, rtol=0, atol=1e-5 * np.abs(torque).max())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_the_master_equation_of_the_supplement(seed: int) -> None:
    rng = np.random.default_rng(seed)
    field, pump = random_field(rng, -3.5, -1.5), 10 ** rng.uniform(3, 6)
    ensemble = Ensemble(rates=DIRECT_PUMPING, temperature=np.inf)
    found = steady_state(field=field, pump=pump, ensemble=ensemble, method="lindblad")
    cross = found.relaxation_rate - 1 / 1.03e-3
    inside = class_fields(field=field)
    for c in range(4):
        system = Liouvillian(inside[c], 3)
        system.jump(0, 1, pump)
        system.jump(2, 1, pump)
        system.relax(1 / 1.03e-3, float(cross[c]), 1e9)
        spin = CLASS_FRAMES[c].T @ spin_of(system.steady())
        assert np.abs(found.spin[c] - spin).max() < 1e-5 * np.abs(spin).max()


def test_a_microwave_drives_jumps_between_eigenstates() -> None:
    field, pump = np.array([0.3, 1.1, 2.0]) * 10 * GAUSS, 3e4
    tone = Microwave(amplitude=5e-5)
    frequency = float(levels(field=field).transition_frequencies[2, 0])
    ensemble = Ensemble(relaxation=UncoupledRelaxation(), temperature=300.0)
    driving = transition_driving(field=field, frequency=frequency, microwave=tone, ensemble=ensemble)
    assert driving.max() > 1e4
    found = steady_state(
        field=field,
        pump=pump,
        ensemble=ensemble,
        microwave=tone,
        microwave_frequency=frequency,
        method="lindblad",
    )
    for c in range(4):
        system = Liouvillian(class_fields(field=field)[c], 7)
        system.cycle(pump)
        system.relax(1 / 1.03e-3, 0.0, 300.0)
        # Eigenstates by energy: |0> is the lowest far below 1024 G.
        for rate, (i, j) in zip(driving[:, c], ((0, 1), (0, 2), (1, 2)), strict=True):
            system.jump_between_eigenstates(i, j, rate)
            system.jump_between_eigenstates(j, i, rate)
        spin = CLASS_FRAMES[c].T @ spin_of(system.steady())
        assert np.abs(found.spin[c] - spin).max() < 1e-5 * np.abs(spin).max()


def test_far_apart_levels_have_no_coherence() -> None:
    """The secular limit: at 300 G and 20° or more from the plane across an axis, rates are enough."""
    rng = np.random.default_rng(5)
    fields = np.array([random_field(rng, -1.52, -1.52) for _ in range(300)])
    cosine = np.abs(class_fields(field=fields)[..., 2]) / np.linalg.norm(fields, axis=-1)[:, None]
    fields = fields[(cosine > np.sin(np.radians(20))).all(axis=-1)]
    assert len(fields) > 10
    rates, full = (steady_state(field=fields, pump=2e4, method=m) for m in ("rates", "lindblad"))
    size = np.linalg.norm(full.class_torque, axis=-1)
    assert (np.linalg.norm(rates.class_torque - full.class_torque, axis=-1) < 3e-3 * size).all()
    np.testing.assert_allclose(rates.ground_populations, full.ground_populations, rtol=1e-3, atol=0)
    assert (rates.coherence < 0.02).all()
    assert (full.coherence == 0).all()


def near_the_plane(strength: float, degrees: float) -> np.ndarray:
    x, y, axis = CLASS_FRAMES[0]
    angle = np.radians(degrees)
    return strength * (np.sin(angle) * axis + np.cos(angle) * (np.cos(0.3) * x + np.sin(0.3) * y))


def test_near_the_plane_across_an_axis_rates_are_off_and_say_so() -> None:
    field = near_the_plane(20 * GAUSS, 1.0)
    rates, full = (steady_state(field=field, pump=2e4, method=m) for m in ("rates", "lindblad"))
    off = np.linalg.norm(rates.class_torque - full.class_torque, axis=-1)[0]
    size = np.linalg.norm(full.class_torque, axis=-1)[0]
    assert 0.2 < off / size < 0.35
    # The light hardly notices.
    assert rates.total_photoluminescence == pytest.approx(
        float(full.total_photoluminescence), rel=3e-4, abs=0
    )
    with pytest.warns(CoherenceWarning, match=r'ask for method="lindblad"'):
        _ = rates.torque
    _ = full.torque


def test_the_estimated_error_bounds_the_error_of_nearly_all_directions() -> None:
    rng = np.random.default_rng(2)
    for strength in (20, 50, 100):
        fields = np.array([random_field(rng, 0, 0) for _ in range(300)]) * strength * GAUSS
        rates, full = (steady_state(field=fields, pump=2e4, method=m) for m in ("rates", "lindblad"))
        error = np.linalg.norm((rates.class_torque - full.class_torque).sum(axis=-2), axis=-1)
        assert (error < 2 * rates.torque_error).mean() > 0.97
        assert np.median(rates.torque_error / error) < 10  # and is not a scare


def test_a_map_at_the_paper_s_field_needs_no_warning() -> None:
    from labspin.physics.nv import torque_map

    rates, full = (
        torque_map(strength=100 * GAUSS, pump=2e4, points=(13, 25), method=m) for m in ("rates", "lindblad")
    )
    largest = full.magnitude.max()
    assert np.abs(rates.magnitude - full.magnitude).max() < 0.02 * largest


def test_the_sum_of_the_four_classes_falls_as_the_fourth_power_of_a_weak_field() -> None:
    # Second order cancels by the symmetry of the cube: Σ (B·n)(n × B) = 0.
    direction = np.array([0.3, -1.0, 0.5])
    direction /= np.linalg.norm(direction)
    ensemble = Ensemble(relaxation=UncoupledRelaxation())
    strong, weak = (
        steady_state(
            field=strength * GAUSS * direction, pump=2e4, ensemble=ensemble, method="lindblad"
        ).torque
        for strength in (0.4, 0.1)
    )
    assert np.linalg.norm(strong) / np.linalg.norm(weak) == pytest.approx(4.0**4, rel=1e-2, abs=0)


def test_a_spread_of_rates_is_averaged() -> None:
    mixture = stretched_exponential_mixture(beta=0.8, terms=3)
    field = near_the_plane(20 * GAUSS, 1.0)
    spread = steady_state(field=field, pump=2e4, ensemble=Ensemble(decay=mixture), method="lindblad")
    parts = []
    for rate in mixture.rates:
        relaxation = UncoupledRelaxation(isolated_time=1.03e-3 / rate)
        parts.append(
            steady_state(
                field=field, pump=2e4, ensemble=Ensemble(relaxation=relaxation), method="lindblad"
            ).spin
        )
    alone = Ensemble(decay=mixture, relaxation=UncoupledRelaxation())
    found = steady_state(field=field, pump=2e4, ensemble=alone, method="lindblad").spin
    np.testing.assert_allclose(found, np.tensordot(mixture.weights, parts, 1), rtol=1e-9, atol=1e-15)
    assert np.abs(spread.spin - found).max() > 0  # cross-relaxation acts


def test_a_spectrum_has_the_torque_of_the_steady_state() -> None:
    field, pump, tone = near_the_plane(20 * GAUSS, 1.0), 2e4, Microwave(amplitude=5e-5)
    frequency = levels(field=field).transition_frequencies[0]
    arguments = {"field": field, "pump": pump, "microwave": tone, "method": "lindblad"}
    spectrum = resonance_spectrum(frequency=frequency, **arguments)
    for n, omega in some(enumerate(frequency)):
        state = steady_state(microwave_frequency=omega, **arguments)
        np.testing.assert_allclose(spectrum.torque[n], state.torque, rtol=1e-9, atol=0)


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ArgumentError, match="'rates' or 'lindblad'"):
        steady_state(field=[0, 0, 0.01], pump=1e4, method="mean field")  # type: ignore[arg-type]
