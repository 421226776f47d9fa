from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.constants import hbar

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CLASS_FRAMES,
    CR_SUPPLEMENT,
    DIRECT_PUMPING,
    FIG4_BENCH,
    FIG4_ORIENTATION,
    NV_AXES,
    NV_CENTRE,
    Ensemble,
    OpticalRates,
    UncoupledRelaxation,
    deflection,
    electromagnet_sweep,
    ground_state_torque,
    levels,
    sphere_directions,
    steady_state,
    torque_map,
)

KHZ = 2e3 * np.pi
GAMMA, D = NV_CENTRE.gyromagnetic_ratio, NV_CENTRE.zero_field_splitting
SIDE = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
UNCOUPLED = Ensemble(relaxation=UncoupledRelaxation(), rates=DIRECT_PUMPING)


def tilted(strength: float, angle: np.ndarray | float) -> np.ndarray:
    angle = np.asarray(angle)[..., None]
    return strength * (np.cos(angle) * NV_AXES[0] + np.sin(angle) * SIDE)


@settings(max_examples=60, deadline=None)
@given(angle=st.floats(0.05, 1.5), gauss=st.floats(1, 2000))
def test_state_torques_are_minus_the_slope_of_the_energy(angle: float, gauss: float) -> None:
    """Hellmann–Feynman: −ħγe (<S> × B) about the axis of rotation is −dE/dθ of the crystal."""
    strength, step = gauss * 1e-4, 1e-5
    # θ grows as the field leaves the axis; the crystal feels the opposite torque.
    energies = levels(field=tilted(strength, [angle - step, angle, angle + step])).energies[:, 0]
    if np.abs(np.diff(np.sort(energies[1]))).min() < 1e-3 * D:
        return
    slope = hbar * (energies[2] - energies[0]) / (2 * step)
    spin = levels(field=tilted(strength, angle)).spin[0] @ CLASS_FRAMES[0]
    torque = -hbar * GAMMA * np.cross(spin, tilted(strength, angle)) @ np.cross(NV_AXES[0], SIDE)
    assert np.allclose(torque, slope, atol=1e-6 * hbar * GAMMA * strength)


@pytest.mark.parametrize(
    ("gauss", "ratio"), [(10, 0.9999), (50, 0.9976), (100, 0.9905), (200, 0.962), (500, 0.785)]
)
def test_equation_three_is_the_limit_of_weak_fields(gauss: float, ratio: float) -> None:
    """Exact −dE/dθ of the |0>-like state at 45° over Eq. (3)."""
    angle, step, strength = np.pi / 4, 1e-4, gauss * 1e-4
    energy = levels(field=tilted(strength, [angle - step, angle + step])).energies[:, 0, 0]
    exact = -hbar * (energy[1] - energy[0]) / (2 * step)
    assert exact / ground_state_torque(field=strength, angle=angle) == pytest.approx(ratio, abs=1e-3)


def test_polarised_class_reaches_equation_three() -> None:
    field = tilted(1e-3, np.pi / 4)
    state = steady_state(field=field, pump=1e9, ensemble=UNCOUPLED)
    found = np.linalg.norm(state.class_torque[0])
    assert found == pytest.approx(ground_state_torque(field=1e-3, angle=np.pi / 4), rel=1e-3, abs=0)


def test_equation_three_at_100_gauss_and_its_erratum() -> None:
    """[NV] p. 3 quotes 2e-27 N m; Eq. (3) gives 1.81e-26 N m."""
    torque = ground_state_torque(field=0.01, angle=np.pi / 4)
    assert torque == pytest.approx(1.81e-26, rel=3e-3, abs=0)
    assert torque / 2e-27 > 9


@pytest.mark.parametrize("khz", [1.0, 3.0, 10.0, 100.0])
def test_four_classes_nearly_cancel_without_cross_relaxation(khz: float) -> None:
    """Three-level pumping; supplement 3e-28 N m, [NV] p. 3: "around 1e-28"."""
    found = torque_map(strength=0.01, pump=khz * KHZ, points=(61, 121), ensemble=UNCOUPLED).magnitude.max()
    assert 2.9e-28 < found < 3.5e-28


def test_cross_relaxation_lets_ten_times_more_torque_through() -> None:
    coupled = Ensemble(relaxation=CR_SUPPLEMENT, rates=DIRECT_PUMPING)
    found = torque_map(strength=0.01, pump=3 * KHZ, points=(91, 181), ensemble=coupled)
    assert 1.4e-27 < found.magnitude.max() < 3.7e-27
    i, j = np.unravel_index(np.argmax(found.magnitude), found.magnitude.shape)
    rate = found.state.relaxation_rate[i, j]
    assert rate.max() > 1.5 / 1.03e-3  # the maximum lies where classes are resonant


def test_torque_map_has_the_symmetry_of_the_cube() -> None:
    found = torque_map(strength=0.01, pump=3 * KHZ, points=(31, 121)).magnitude
    assert np.allclose(found, found[:, ::-1], rtol=1e-6, atol=1e-33)  # φ → −φ
    assert np.allclose(found, np.roll(found[:, :-1], 30, axis=1)[:, [*range(120), 0]], rtol=1e-6, atol=1e-33)
    assert np.allclose(found, found[::-1], rtol=1e-6, atol=1e-33)
    assert found[0].max() < 1e-32  # along [100] the four torques cancel exactly


def test_excited_state_mixing_polarises_classes_unequally() -> None:
    """Seven levels let the classes cancel less than the three-level model of the paper does."""
    seven = Ensemble(relaxation=UncoupledRelaxation(), rates=OpticalRates())
    full = torque_map(strength=0.01, pump=3 * KHZ, points=(31, 61), ensemble=seven).magnitude.max()
    three = torque_map(strength=0.01, pump=3 * KHZ, points=(31, 61), ensemble=UNCOUPLED).magnitude.max()
    assert full > 3 * three


def test_light_dips_and_torque_changes_across_the_resonance_of_fig4() -> None:
    strength = np.linspace(7, 27, 201) * 1e-4
    with_cr = electromagnet_sweep(
        bench=FIG4_BENCH, electromagnet=strength, pump=3 * KHZ, orientation=FIG4_ORIENTATION
    )
    without = electromagnet_sweep(
        bench=FIG4_BENCH,
        electromagnet=strength,
        pump=3 * KHZ,
        orientation=FIG4_ORIENTATION,
        ensemble=Ensemble(relaxation=UncoupledRelaxation()),
    )
    lost = 1 - with_cr.total_photoluminescence / without.total_photoluminescence
    assert strength[np.argmax(lost)] == pytest.approx(17.2e-4, abs=0.3e-4)
    assert lost[0] < 0.1 * lost.max()
    change = np.linalg.norm(with_cr.torque - without.torque, axis=-1)
    assert strength[np.argmax(change)] == pytest.approx(17.2e-4, abs=0.3e-4)


def test_deflection_and_bad_input() -> None:
    angle = deflection(torque=4e-15, moment_of_inertia=1e-22, angular_frequency=2e3 * np.pi)
    assert angle == pytest.approx(4e-15 / (1e-22 * 4e6 * np.pi**2), rel=1e-6, abs=0)
    with pytest.raises(ArgumentError, match="moment_of_inertia"):
        deflection(torque=1.0, moment_of_inertia=0.0, angular_frequency=1.0)
    with pytest.raises(ArgumentError, match="field"):
        ground_state_torque(field=-1.0, angle=0.0)
    with pytest.raises(ArgumentError, match="points"):
        torque_map(strength=0.01, pump=1.0, points=(0, 3))
    with pytest.raises(ArgumentError, match="shapes do not broadcast"):
        ground_state_torque(field=np.ones(2), angle=np.ones(3))


def test_polar_angles_are_counted_from_100_and_azimuths_from_010() -> None:
    np.testing.assert_allclose(sphere_directions(polar=0.0, azimuth=1.0), [1, 0, 0], rtol=0, atol=1e-15)
    half = np.pi / 2
    np.testing.assert_allclose(sphere_directions(polar=half, azimuth=0.0), [0, 1, 0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(sphere_directions(polar=half, azimuth=half), [0, 0, 1], rtol=0, atol=1e-15)
    # So the first row of a map is one direction, [100], whatever the azimuth: there the classes are alike.
    row = torque_map(strength=0.01, pump=1e4, points=(4, 6))
    frequencies = row.state.transition_frequencies[0, :, :, 0]
    np.testing.assert_allclose(frequencies, frequencies[0, 0], rtol=1e-12, atol=0)
    assert np.ptp(row.state.transition_frequencies[1, 1, :, 0]) > 1e6
