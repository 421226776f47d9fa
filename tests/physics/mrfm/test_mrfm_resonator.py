"""The resonator's response, its exact pole, and its thermal motion."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import constants
from scipy.integrate import quad

from labspin.errors import ArgumentError
from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3
CANTILEVER = mrfm.Resonator(stiffness=70e-6, angular_frequency=OMEGA, quality_factor=3e4)


def exact_pole(resonator: mrfm.Resonator, springs: list[mrfm.RelaxingSpring]) -> mpmath.mpc:
    """Root ω of k0 − mω² + iγω + κ(ω) near ω0, by 40-digit search."""
    k0, w0, q0 = (
        mpmath.mpf(float(x))
        for x in (resonator.stiffness, resonator.angular_frequency, resonator.quality_factor)
    )

    def inverse(x: mpmath.mpc) -> mpmath.mpc:
        kappa = sum(
            mpmath.mpf(float(s.static)) / k0
            + mpmath.mpf(float(s.strength)) / k0 * (1 - 1 / (1 + 1j * x * w0 * mpmath.mpf(float(s.t1))))
            for s in springs
        )
        return 1 - x**2 + 1j * x / q0 + kappa

    return mpmath.findroot(inverse, mpmath.mpc(1, 1 / (2 * q0)))


@pytest.mark.parametrize("quality", [3.0, 1e3, 1e6])
@pytest.mark.parametrize("phase", [1e-7, 1e-3, 0.3, 1.0, 20.0, 1e8])
def test_the_pole_against_forty_digits(quality: float, phase: float) -> None:
    resonator = mrfm.Resonator(70e-6, OMEGA, quality)
    springs = [mrfm.RelaxingSpring(9e-6, phase / OMEGA, -4e-6), mrfm.RelaxingSpring(1e-6, 0.1 / OMEGA)]
    with mpmath.workdps(40):
        pole = exact_pole(resonator, springs)
        modulus = abs(pole)
        shift, loss = float(modulus - 1), float(2 * pole.imag / modulus - 1 / mpmath.mpf(quality))
    result = mrfm.exact_shift(resonator=resonator, springs=springs)
    assert result.angular_frequency / OMEGA == pytest.approx(shift, rel=1e-8, abs=0)
    assert result.inverse_quality == pytest.approx(loss, rel=1e-8, abs=1e-13)


@settings(deadline=None)
@given(strength=st.floats(1e-12, 1e-8), phase=st.floats(0.01, 100))
def test_first_order_is_the_limit_of_the_pole(strength: float, phase: float) -> None:
    spring = mrfm.RelaxingSpring(strength, phase / OMEGA, 0.3 * strength)
    exact = mrfm.exact_shift(resonator=CANTILEVER, springs=[spring])
    first = mrfm.first_order_shift(resonator=CANTILEVER, stiffness=spring.stiffness(OMEGA))
    small = 3 * (strength / CANTILEVER.stiffness + 1 / CANTILEVER.quality_factor) * strength / 70e-6
    assert abs(exact.angular_frequency - first.angular_frequency) / OMEGA < small + 1e-14
    assert abs(exact.inverse_quality - first.inverse_quality) < small + 1e-14


def test_a_bare_resonator_has_no_shift_and_arrays_are_batched() -> None:
    bare = mrfm.exact_shift(resonator=CANTILEVER, springs=[])
    assert abs(bare.angular_frequency) < 1e-14 * OMEGA
    assert abs(bare.inverse_quality) < 1e-14
    strengths, times = np.array([[1e-8], [1e-7]]), np.array([0.0, 1e-4, np.inf])
    batch = mrfm.exact_shift(resonator=CANTILEVER, springs=[mrfm.RelaxingSpring(strengths, times)])
    one = mrfm.exact_shift(resonator=CANTILEVER, springs=[mrfm.RelaxingSpring(1e-7, 1e-4)])
    assert batch.angular_frequency.shape == (2, 3)
    assert batch.angular_frequency[1, 1] == pytest.approx(float(one.angular_frequency), rel=1e-6, abs=0)
    # Instant spins do nothing; frozen ones are a spring.
    assert batch.angular_frequency[1] == pytest.approx(
        [0, float(one.angular_frequency), OMEGA * 0.5e-7 / 70e-6], rel=1e-3, abs=1e-8
    )


def test_large_stiffness_is_warned_about_in_first_order() -> None:
    with pytest.warns(mrfm.LinearResponseWarning, match="use exact_shift"):
        mrfm.first_order_shift(resonator=CANTILEVER, stiffness=5e-6)


def test_an_unstable_or_overdamped_resonator_has_no_shift() -> None:
    with pytest.raises(ArgumentError, match="unstable"):
        mrfm.exact_shift(resonator=CANTILEVER, springs=[mrfm.RelaxingSpring(1e-6, 1e-3, -80e-6)])
    with pytest.raises(ArgumentError, match="overdamped"):
        mrfm.exact_shift(resonator=mrfm.Resonator(1.0, 1.0, 0.4), springs=[])


def test_susceptibility_at_rest_at_resonance_and_far_above() -> None:
    chi = mrfm.susceptibility(resonator=CANTILEVER, angular_frequency=[0.0, OMEGA, 1e3 * OMEGA])
    assert chi[0] == pytest.approx(1 / 70e-6, rel=1e-6, abs=0)
    assert chi[1] == pytest.approx(-1j * 3e4 / 70e-6, rel=1e-6, abs=0)
    assert chi[2] == pytest.approx(-1 / (CANTILEVER.mass * 1e6 * OMEGA**2), rel=1e-5, abs=0)
    assert mrfm.susceptibility(resonator=CANTILEVER, angular_frequency=0.0, stiffness=30e-6) == pytest.approx(
        1e4, rel=1e-6, abs=0
    )


SPRINGS = [mrfm.RelaxingSpring(8e-6, 0.5 / OMEGA, -3e-6), mrfm.RelaxingSpring(2e-6, 30 / OMEGA, 1e-6)]


@pytest.mark.parametrize("springs", [[], SPRINGS], ids=["bare", "two baths"])
def test_equipartition_of_the_thermal_motion(springs: list[mrfm.RelaxingSpring]) -> None:
    # ∫S_q df = k_BT/(k0 + κ(0)), by Kramers and Kronig: the baths' loss must bring just its own noise.
    resonator, kelvin = mrfm.Resonator(70e-6, OMEGA, 40.0), 0.1

    def density(x: float) -> float:
        omega = x * OMEGA
        kappa = sum((s.stiffness(omega) for s in springs), start=np.zeros((), complex))
        return float(
            mrfm.displacement_noise_density(
                resonator=resonator, temperature=kelvin, angular_frequency=omega, stiffness=kappa
            )
        )

    scale = density(1.0)
    edges = [1e-9, 0.2, 0.8, 0.95, 1.05, 1.2, 2, 10, 1e3, 1e6]
    area = sum(
        quad(lambda x: density(x) / scale, a, b, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )
    static = sum(float(s.static) for s in springs)
    rms = mrfm.thermal_displacement(resonator=resonator, temperature=kelvin, static_stiffness=static)
    assert area * scale * OMEGA / (2 * math.pi) == pytest.approx(float(rms) ** 2, rel=1e-7, abs=0)
    assert float(rms) ** 2 == pytest.approx(constants.k * kelvin / (70e-6 + static), rel=1e-6, abs=0)


def test_the_force_noise_is_one_sided() -> None:
    density = mrfm.force_noise_density(resonator=CANTILEVER, temperature=0.02, angular_frequency=OMEGA)
    assert density == pytest.approx(4 * constants.k * 0.02 * 70e-6 / (OMEGA * 3e4), rel=1e-6, abs=0)


@pytest.mark.parametrize("bad", [0.0, -3e4, np.nan, np.inf])
@pytest.mark.parametrize("name", ["stiffness", "angular_frequency", "quality_factor"])
def test_bad_resonators_are_refused(name: str, bad: float) -> None:
    good: dict[str, Any] = {"stiffness": 70e-6, "angular_frequency": OMEGA, "quality_factor": 3e4}
    with pytest.raises(ArgumentError, match=f"{name} of the resonator"):
        mrfm.Resonator(**(good | {name: bad}))


def test_bad_noise_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="temperature"):
        mrfm.thermal_displacement(resonator=CANTILEVER, temperature=-0.1)
    with pytest.raises(ArgumentError, match="static_stiffness"):
        mrfm.thermal_displacement(resonator=CANTILEVER, temperature=0.1, static_stiffness=-1e-4)
    with pytest.raises(ArgumentError, match="at angular_frequency 0"):
        mrfm.force_noise_density(
            resonator=CANTILEVER, temperature=0.1, angular_frequency=0.0, stiffness=1e-9j
        )
    with pytest.raises(ArgumentError, match="stiffness"):
        mrfm.susceptibility(resonator=CANTILEVER, angular_frequency=1.0, stiffness=np.nan * 1j)


@pytest.mark.parametrize("loss", [0.0, 3e-10, 5e-8])
def test_the_force_noise_is_that_of_the_fluctuation_dissipation_theorem(loss: float) -> None:
    # S_F = 4k_BT Im(1/χ)/ω with 1/χ written out: friction of the resonator and loss of the spins.
    kappa, omega = 2e-8 + 1j * loss, 1.1 * OMEGA
    found = mrfm.force_noise_density(
        resonator=CANTILEVER, temperature=0.02, angular_frequency=omega, stiffness=kappa
    )
    friction = 70e-6 / (OMEGA * 3e4)
    inverse = 70e-6 - 70e-6 / OMEGA**2 * omega**2 + 1j * omega * friction + kappa
    assert found == pytest.approx(4 * constants.k * 0.02 * inverse.imag / omega, rel=1e-9, abs=0)
