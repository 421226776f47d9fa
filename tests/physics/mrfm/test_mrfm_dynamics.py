"""Motion in time against integration of the equation of motion, mq'' + γq' + (k0 + κ)q = F."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import constants
from scipy.integrate import solve_ivp

from labspin.errors import ArgumentError
from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3
# A low Q, so that an integrator can follow the whole ring-down.
SOFT = mrfm.Resonator(stiffness=70e-6, angular_frequency=OMEGA, quality_factor=80.0)
SPRINGS = [mrfm.RelaxingSpring(4e-6, 0.8 / OMEGA, -1e-6), mrfm.RelaxingSpring(2e-6, 60 / OMEGA, 1e-6)]


def integrate(
    drive: Any, start: np.ndarray, times: np.ndarray, springs: list[mrfm.RelaxingSpring] = SPRINGS
) -> np.ndarray:
    """Follow q, q' and the baths' forces, f + T1 f' = −K T1 q' (κ = K iωT1/(1 + iωT1)), by DOP853."""
    k = SOFT.stiffness + sum(float(s.static) for s in springs)

    def rate(t: float, y: np.ndarray) -> list[float]:
        q, v, *forces = y
        acceleration = (drive(t) - k * q - SOFT.damping * v + sum(forces)) / SOFT.mass
        answers = [-f / s.t1 - s.strength * v for f, s in zip(forces, springs, strict=True)]
        return [v, acceleration, *answers]

    # Displacements of 1e-9 m are kept far above atol by scaling.
    scale = 1e-9
    path = solve_ivp(
        lambda t, y: np.asarray(rate(t, y * scale)) / scale,
        (0, times[-1]),
        start / scale,
        "DOP853",
        times,
        rtol=1e-11,
        atol=1e-12,
    )
    return path.y * scale


def steady_start(omega: float, displacement: complex) -> np.ndarray:
    """q, q' and bath forces of Re(displacement e^{iωt}) at t = 0."""
    forces = [(-(complex(s.stiffness(omega)) - float(s.static)) * displacement).real for s in SPRINGS]
    return np.array([displacement.real, (1j * omega * displacement).real, *forces])


@pytest.mark.parametrize("detuning", [0.0, 0.03])
def test_ring_down_is_that_of_the_equation_of_motion(detuning: float) -> None:
    omega, phase = OMEGA * (1 + detuning), 0.4
    times = np.linspace(0, 0.02, 400)
    path = integrate(lambda _: 0.0, steady_start(omega, 3e-9 * np.exp(1j * phase)), times)
    z = mrfm.ring_down(
        resonator=SOFT, springs=SPRINGS, time=times, amplitude=3e-9, angular_frequency=omega, phase=phase
    )
    np.testing.assert_allclose(z.real, path[0], atol=3e-9 * 1e-8)


def test_ring_down_of_a_bare_resonator_takes_two_q_over_omega() -> None:
    resonator = mrfm.Resonator(70e-6, OMEGA, 3e4)
    times = resonator.ring_down_time * np.array([0.0, 1.0, 2.0])
    envelope = np.abs(mrfm.ring_down(resonator=resonator, time=times, amplitude=1e-9))
    assert envelope == pytest.approx(1e-9 * np.exp([0, -1, -2]), rel=1e-4, abs=0)


def test_ring_down_has_the_rate_of_the_exact_pole() -> None:
    shift = mrfm.exact_shift(resonator=SOFT, springs=SPRINGS)
    modulus, loss = OMEGA + shift.angular_frequency, 1 / 80.0 + shift.inverse_quality
    late = np.array([0.03, 0.05])
    z = np.abs(mrfm.ring_down(resonator=SOFT, springs=SPRINGS, time=late, amplitude=1e-9))
    assert math.log(z[0] / z[1]) / 0.02 == pytest.approx(float(modulus * loss / 2), rel=1e-3, abs=0)


def test_a_slow_bath_gives_a_ring_down_of_two_time_constants() -> None:
    # Spins far slower than the ring-down hold the resonator off centre long after it stopped.
    spring = mrfm.RelaxingSpring(2e-6, 3000 / OMEGA)
    motion = mrfm.LinearMotion(SOFT, [spring])
    slowest = np.sort(motion.rates.real)[-1]
    assert slowest == pytest.approx(-OMEGA / 3000 * 70 / 72, rel=1e-3, abs=0)


@pytest.mark.parametrize("rate", [2e5, -2e5, 3e7])
def test_a_chirp_is_that_of_the_equation_of_motion(rate: float) -> None:
    start = OMEGA * (1 - math.copysign(0.08, rate))
    span = min(0.16 * OMEGA / abs(rate), 0.016)
    times = np.linspace(0, span, 300)
    kappa = sum(complex(s.stiffness(start)) for s in SPRINGS)
    begin = complex(mrfm.susceptibility(resonator=SOFT, angular_frequency=start, stiffness=kappa)) * 1e-13

    def drive(t: float) -> float:
        return 1e-13 * math.cos(start * t + 0.5 * rate * t * t)

    path = integrate(drive, steady_start(start, begin), times)
    chirp = mrfm.chirp_response(
        resonator=SOFT, springs=SPRINGS, time=times, start=start, rate=rate, force=1e-13
    )
    top = np.abs(path[0]).max()
    np.testing.assert_allclose(chirp.displacement.real, path[0], atol=1e-8 * top)
    assert chirp.displacement[0] == pytest.approx(begin, rel=1e-6, abs=0)
    assert chirp.angular_frequency[-1] == pytest.approx(start + rate * span, rel=1e-6, abs=0)


def test_a_slow_chirp_shows_the_susceptibility_and_a_fast_one_does_not() -> None:
    omega = np.linspace(0.9, 1.1, 201) * OMEGA
    chi = mrfm.susceptibility(resonator=SOFT, angular_frequency=omega) * 1e-13
    errors = []
    for rate in (1e5, 1e3):
        chirp = mrfm.chirp_response(
            resonator=SOFT, time=(omega - omega[0]) / rate, start=omega[0], rate=rate, force=1e-13
        )
        errors.append(np.abs(chirp.amplitude - chi).max() / np.abs(chi).max())
    assert errors[0] > 0.3
    # A slow one lags by r/Γ² at the peak, Γ = ω0/2Q: first order of the adiabatic expansion.
    assert errors[1] == pytest.approx(1e3 / (OMEGA / 160) ** 2, rel=0.05, abs=0)


@pytest.mark.parametrize("quality", [1.0, 1e3, 1e7])
@pytest.mark.parametrize("rate", [-1e9, 1e-6, 1e2, 1e12])
def test_a_chirp_of_any_rate_and_quality_has_its_limits(quality: float, rate: float) -> None:
    resonator = mrfm.Resonator(70e-6, OMEGA, quality)
    times = np.geomspace(1e-9, 1e5, 50)
    chirp = mrfm.chirp_response(resonator=resonator, time=times, start=OMEGA, rate=rate, force=1e-13)
    on_resonance = 1e-13 * quality / 70e-6  # F Q/k0
    # It begins on resonance, so neither the driven part nor what rings down is ever larger.
    assert (np.abs(chirp.displacement) < 2.3 * on_resonance).all()
    assert abs(chirp.amplitude[0]) == pytest.approx(on_resonance, rel=1e-3, abs=0)
    settled = times > 60 * resonator.ring_down_time
    adiabatic = abs(rate) * resonator.ring_down_time**2 < 1e-4
    if adiabatic and settled.any():  # may be none: a fast chirp, or one that still rings
        chi = mrfm.susceptibility(resonator=resonator, angular_frequency=chirp.angular_frequency[settled])
        np.testing.assert_allclose(chirp.amplitude[settled], 1e-13 * chi, rtol=1e-3, atol=0)
    if abs(rate) >= 1e9 and settled.any() and rate > 0:  # may be none: the others
        late = chirp.angular_frequency[settled]  # far above resonance the mass alone resists: −F/mω²
        np.testing.assert_allclose(
            chirp.amplitude[settled], -1e-13 / (resonator.mass * late**2), rtol=1e-2, atol=0
        )


def test_the_noise_matrix_is_friction_only() -> None:
    # AΣ + ΣAᵀ must be diagonal: reactive forces make no noise. Then equilibrium is stationary.
    motion = mrfm.LinearMotion(SOFT, SPRINGS)
    covariance = motion.equilibrium_covariance(temperature=0.1)
    change = motion.matrix @ covariance + covariance @ motion.matrix.T
    noise = motion.noise_matrix(temperature=0.1)
    assert np.abs(change + noise).max() < 1e-12 * np.abs(noise).max()
    assert covariance[0, 0] == pytest.approx(constants.k * 0.1 / 70e-6, rel=1e-6, abs=0)
    # The velocity's noise is the resonator's 4k_BTγ (one-sided) alone; the baths make their own.
    force = 4 * constants.k * 0.1 * SOFT.damping / 2 / SOFT.mass**2
    assert noise[1, 1] == pytest.approx(force / OMEGA**2 / OMEGA, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"rate": 0.0}, "rate"), ({"time": [-1.0]}, "time"), ({"start": np.nan}, "start")],
)
def test_bad_chirps_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"resonator": SOFT, "time": [1.0], "start": OMEGA, "rate": 1.0, "force": 1e-13}
    with pytest.raises(ArgumentError, match=message):
        mrfm.chirp_response(**(good | change))


def test_motion_takes_one_temperature_only() -> None:
    with pytest.raises(ArgumentError, match="got arrays"):
        mrfm.LinearMotion(SOFT, [mrfm.RelaxingSpring(np.ones(2), 1e-3)])
