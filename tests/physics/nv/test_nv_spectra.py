from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import find_peaks

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    FIG4_BENCH,
    FIG4_ORIENTATION,
    NV_AXES,
    NV_CENTRE,
    Ensemble,
    Microwave,
    inversion_probability,
    resonance_spectrum,
    steady_state,
    transition_driving,
    transition_frequencies,
)
from tests.some import some

KHZ, MHZ, GHZ = 2e3 * np.pi, 2e6 * np.pi, 2e9 * np.pi
FREQUENCY = np.linspace(2.55, 2.95, 801) * GHZ


@pytest.mark.parametrize(("gauss", "resolved"), [(10.0, 4), (17.19, 3), (25.0, 4)])
def test_fig4_shows_four_lines_two_of_which_merge(gauss: float, resolved: int) -> None:
    field = FIG4_BENCH.field(gauss * 1e-4)
    spectrum = resonance_spectrum(
        field=field, frequency=FREQUENCY, pump=3 * KHZ, orientation=FIG4_ORIENTATION
    )
    peaks, _ = find_peaks(spectrum.contrast, prominence=0.05 * spectrum.contrast.max())
    assert len(peaks) == resolved
    for line in some(spectrum.lines[:, 0]):
        assert np.abs(FREQUENCY[peaks] - line).min() < 2 * MHZ
    assert np.allclose(
        spectrum.lines, transition_frequencies(field=field, orientation=FIG4_ORIENTATION), atol=0
    )


def test_spectrum_equals_the_general_steady_state() -> None:
    field, tone = FIG4_BENCH.field(12e-4), np.array([2.64, 2.7655, 2.9]) * GHZ
    microwave = Microwave(amplitude=2e-5, direction=(1.0, 1.0, 0.3))
    ensemble = Ensemble(collection=(1.0, 0.8, 1.0, 0.9))
    spectrum = resonance_spectrum(
        field=field,
        frequency=tone,
        pump=3 * KHZ,
        microwave=microwave,
        orientation=FIG4_ORIENTATION,
        ensemble=ensemble,
    )
    state = steady_state(
        field=field,
        pump=3 * KHZ,
        orientation=FIG4_ORIENTATION,
        ensemble=ensemble,
        microwave=microwave,
        microwave_frequency=tone,
    )
    dark = steady_state(field=field, pump=3 * KHZ, orientation=FIG4_ORIENTATION, ensemble=ensemble)
    assert np.allclose(spectrum.photoluminescence, state.photoluminescence, rtol=1e-12, atol=0)
    assert np.allclose(spectrum.torque, state.torque, rtol=1e-9, atol=0)
    assert np.allclose(spectrum.dark_torque, dark.torque, rtol=1e-9, atol=0)
    assert np.allclose(spectrum.dark_photoluminescence, dark.photoluminescence, rtol=1e-12, atol=0)
    about_y = spectrum.angle_signal([0.0, 2.0, 0.0])
    assert np.allclose(about_y, (state.torque - dark.torque)[:, 1], rtol=1e-6, atol=0)


def test_lines_dim_the_light_but_torque_goes_either_way() -> None:
    spectrum = resonance_spectrum(
        field=FIG4_BENCH.field(10e-4), frequency=FREQUENCY, pump=3 * KHZ, orientation=FIG4_ORIENTATION
    )
    assert (spectrum.contrast > -1e-12).all()
    signal = spectrum.angle_signal([0, 1, 0])
    assert signal.max() > 0 > signal.min()


def test_driving_rate_is_the_voigt_average_of_the_lorentzian_rate() -> None:
    field = 0.005 * NV_AXES[0]
    line = transition_frequencies(field=field)[0, 0]
    microwave = Microwave(amplitude=1e-5, direction=(1.0, -1.0, 0.0), dephasing_rate=3e6)
    detuning = 1.3e7
    found = transition_driving(field=field, frequency=line + detuning, microwave=microwave)[0, 0]
    rabi = NV_CENTRE.gyromagnetic_ratio * 1e-5 / np.sqrt(2)  # |<0|Sx|−1>| = 1/√2 with B1 ⟂ n
    width = microwave.inhomogeneous_width

    def integrand(x: float) -> float:
        weight = np.exp(-0.5 * (x / width) ** 2) / (width * np.sqrt(2 * np.pi))
        return weight * 0.5 * rabi**2 * 3e6 / (9e12 + (detuning - x) ** 2)

    expected = quad(integrand, -8 * width, 8 * width, points=[detuning], limit=400)[0]
    assert found == pytest.approx(expected, rel=1e-7, abs=0)


def test_double_quantum_transition_is_forbidden_on_the_axis_and_allowed_off_it() -> None:
    microwave = Microwave(direction=(1.0, -1.0, 0.0))
    on, off = 0.005 * NV_AXES[0], np.array([0.008, -0.003, 0.004])
    gap = abs(np.diff(transition_frequencies(field=on)[0]))[0]
    assert transition_driving(field=on, frequency=gap, microwave=microwave)[2, 0] < 1e-18
    gap = abs(np.diff(transition_frequencies(field=off)[0]))[0]
    assert transition_driving(field=off, frequency=gap, microwave=microwave)[2, 0] > 1.0


def test_inversion_probability() -> None:
    rabi = 2 * MHZ
    for detuning in (0.0, 1 * MHZ, 5 * MHZ):
        general = np.hypot(rabi, detuning)
        expected = (rabi / general * np.sin(0.5 * general * np.pi / rabi)) ** 2
        found = inversion_probability(
            rabi=rabi, detuning=detuning, duration=np.pi / rabi, inhomogeneous_width=0.0
        )
        assert found == pytest.approx(expected, rel=1e-12, abs=0)
    width = 1.5 * MHZ

    def integrand(x: float) -> float:
        general = np.hypot(rabi, x)
        chance = (rabi / general * np.sin(0.5 * general * np.pi / rabi)) ** 2
        return chance * np.exp(-0.5 * (x / width) ** 2) / (width * np.sqrt(2 * np.pi))

    broad = inversion_probability(rabi=rabi, detuning=0.0, duration=np.pi / rabi, inhomogeneous_width=width)
    assert broad == pytest.approx(quad(integrand, -8 * width, 8 * width, limit=200)[0], rel=1e-6, abs=0)
    many = inversion_probability(
        rabi=[[rabi], [2 * rabi]], detuning=np.zeros(3), duration=1e-7, inhomogeneous_width=width
    )
    assert many.shape == (2, 3)
    assert inversion_probability(rabi=0.0, detuning=0.0, duration=1.0, inhomogeneous_width=0.0) == 0.0


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="frequency"):
        resonance_spectrum(field=[0, 0, 0.01], frequency=np.ones((2, 2)), pump=1.0)
    with pytest.raises(ArgumentError, match="frequency"):
        resonance_spectrum(field=[0, 0, 0.01], frequency=[-1.0], pump=1.0)
    with pytest.raises(ArgumentError, match="field"):
        resonance_spectrum(field=np.zeros((2, 3)), frequency=[1.0], pump=1.0)
    with pytest.raises(ArgumentError, match="orientation"):
        resonance_spectrum(field=[0, 0, 0.01], frequency=[1.0], pump=1.0, orientation=np.eye(3)[None])
    spectrum = resonance_spectrum(field=[0, 0, 0.01], frequency=[1e10], pump=1.0)
    with pytest.raises(ArgumentError, match="axis"):
        spectrum.angle_signal([0, 0, 0])
    with pytest.raises(ArgumentError, match="rabi"):
        inversion_probability(rabi=-1.0, detuning=0.0, duration=1.0, inhomogeneous_width=0.0)
