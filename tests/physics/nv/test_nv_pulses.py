from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    LABORATORY_BENCH,
    NV_AXES,
    NV_CENTRE,
    Microwave,
    RateSegment,
    class_rabi_frequencies,
    evolve,
    hamiltonian,
    levels,
    pulse_segment,
    rate_model_at,
    transition_frequencies,
)

MHZ = 2e6 * np.pi
BENCH = LABORATORY_BENCH


def test_rabi_frequency_of_an_axis_normal_to_the_microwave() -> None:
    microwave = Microwave(amplitude=1e-4, direction=(1.0, -1.0, 0.0))
    rabi, lines = class_rabi_frequencies(field=0.005 * NV_AXES[0], microwave=microwave)
    assert rabi[:2, 0] == pytest.approx(NV_CENTRE.gyromagnetic_ratio * 1e-4 / np.sqrt(2), rel=1e-12, abs=0)
    assert np.allclose(lines[:2].T, transition_frequencies(field=0.005 * NV_AXES[0]), atol=0)
    turn = Rotation.from_rotvec([0.3, -0.2, 0.9])
    turned, _ = class_rabi_frequencies(
        field=turn.apply(0.005 * NV_AXES[0]),
        microwave=Microwave(amplitude=1e-4, direction=tuple(turn.apply([1.0, -1.0, 0.0]))),
        orientation=turn.inv(),
    )
    # One entry is zero by selection rule: rounding of a frequency of 1e7 rad/s is left of it.
    assert np.allclose(turned, rabi, rtol=1e-9, atol=1e-15 * rabi.max())


def test_exchange_agrees_with_schroedingers_equation_in_the_lab_frame() -> None:
    """A linear microwave on the full three-level Hamiltonian, with no rotating-wave approximation."""
    field = BENCH.orientation.apply(BENCH.bench.field(0.0))
    microwave = Microwave(amplitude=3e-4, direction=(1.0, 0.4, -0.2), inhomogeneous_width=0.0)
    rabi, lines = class_rabi_frequencies(field=field, microwave=microwave)
    tone, duration = lines[0, 2] + 0.3 * rabi[0, 2], 0.8 * np.pi / rabi[0, 2]
    exchanged = pulse_segment(field=field, frequency=tone, duration=duration, microwave=microwave).exchanged
    static = hamiltonian(field=field)[2]
    wave = hamiltonian(field=3e-4 * microwave.unit_direction)[2] - hamiltonian(field=np.zeros(3))[2]
    energies, vectors = np.linalg.eigh(static)
    inside = vectors.conj().T @ wave @ vectors

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        phase = np.exp(1j * (energies[:, None] - energies) * t)
        return -1j * np.cos(tone * t) * ((inside * phase) @ y)

    end = solve_ivp(slope, (0, duration), np.array([1, 0, 0], complex), rtol=1e-7, atol=1e-9, method="DOP853")
    moved = np.abs(end.y[:, -1]) ** 2
    assert levels(field=field).weights[2, 0, 1] > 0.5  # the lowest state is the |0>-like one
    assert moved[1] == pytest.approx(exchanged[0, 2], abs=0.02)
    assert exchanged[0, 2] > 0.5


def test_rabi_oscillations_fade_into_the_incoherent_limit() -> None:
    field = BENCH.bench.field(0.0)
    model = rate_model_at(field=field, orientation=BENCH.orientation)
    tone = transition_frequencies(field=field, orientation=BENCH.orientation)[0, 0]
    microwave = Microwave(amplitude=2e-4, direction=(0.0, 1.0, 0.0), inhomogeneous_width=0.5 * MHZ)
    start = evolve(model=model, segments=[RateSegment(duration=1e-3, pump=5e4), RateSegment(duration=2e-6)])
    rabi, _ = class_rabi_frequencies(field=field, microwave=microwave, orientation=BENCH.orientation)
    period = 2 * np.pi / rabi[0, 0]
    polarised = []
    for turns in (0.0, 0.5, 1.0, 60.5, 61.0):
        pulse = pulse_segment(
            field=field,
            frequency=tone,
            duration=turns * period,
            microwave=microwave,
            orientation=BENCH.orientation,
        )
        polarised.append(evolve(model=model, initial=start.state, segments=[pulse]).state[0, 0, 0])
    assert polarised[1] < 0.5 * polarised[0]
    assert polarised[2] > 0.95 * polarised[0]
    middle = 0.5 * (start.state[0, 0, 0] + start.state[0, 0, 1])
    assert polarised[3:] == pytest.approx([middle] * 2, abs=0.12)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="field"):
        pulse_segment(field=np.zeros((2, 3)), frequency=1e10, duration=1e-7, microwave=Microwave())
    with pytest.raises(ArgumentError, match="frequency"):
        pulse_segment(field=[0, 0, 0.01], frequency=-1.0, duration=1e-7, microwave=Microwave())
    with pytest.raises(ArgumentError, match="duration"):
        pulse_segment(field=[0, 0, 0.01], frequency=1e10, duration=-1.0, microwave=Microwave())
