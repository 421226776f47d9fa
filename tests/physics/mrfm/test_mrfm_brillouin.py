"""Brillouin functions against 250-digit references, and at the ends of the scale."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.errors import ArgumentError
from labspin.physics import mrfm

SPINS = [0.5, 1.0, 1.5, 2.5, 4.5]


def textbook(spin: float, x: float) -> mpmath.mpf:
    """((2S+1)/2S) coth((2S+1)x/2S) − (1/2S) coth(x/2S), as in every textbook."""
    s, x = mpmath.mpf(spin), mpmath.mpf(x)
    a, b = (2 * s + 1) / (2 * s), 1 / (2 * s)
    return a * mpmath.coth(a * x) - b * mpmath.coth(b * x)


@pytest.mark.parametrize("spin", SPINS)
@pytest.mark.parametrize("x", [1e-9, 1e-4, 0.03, 0.7, 3.0, 20.0, 200.0])
def test_function_and_slope_have_full_precision_at_any_argument(spin: float, x: float) -> None:
    with mpmath.workdps(250):  # 1 − tanh(200) is 1e-174
        value = float(textbook(spin, x))
        slope = float(mpmath.diff(lambda y: textbook(spin, y), mpmath.mpf(x), h=mpmath.mpf(10) ** -22))
    assert mrfm.brillouin(spin=spin, x=x) == pytest.approx(value, rel=4e-15, abs=0)
    assert mrfm.brillouin_slope(spin=spin, x=x) == pytest.approx(slope, rel=2e-13, abs=0)


@settings(deadline=None)
@given(x=st.floats(-50, 50), spin=st.sampled_from(SPINS))
def test_odd_bounded_and_steepest_at_zero(x: float, spin: float) -> None:
    value = mrfm.brillouin(spin=spin, x=x)
    assert mrfm.brillouin(spin=spin, x=-x) == -value
    assert abs(value) <= 1
    assert 0 <= mrfm.brillouin_slope(spin=spin, x=x) <= (spin + 1) / (3 * spin) * (1 + 1e-15)


@settings(deadline=None)
@given(temperature=st.floats(min_value=5e-324, max_value=1e6), field=st.floats(0, 1e3))
def test_no_positive_temperature_overflows(temperature: float, field: float) -> None:
    for species in (mrfm.SPECIES["electron"], mrfm.SPECIES["93Nb"]):
        moment = mrfm.mean_moment(species=species, field=field, temperature=temperature)
        slope = mrfm.mean_moment_slope(species=species, field=field, temperature=temperature)
        assert 0 <= moment <= species.moment
        assert slope >= 0
        assert np.isfinite(slope)


def test_slope_is_the_derivative_of_the_moment() -> None:
    species, field, step = mrfm.SPECIES["11B"], np.geomspace(0.01, 30, 40), 1e-5
    numerical = (
        mrfm.mean_moment(species=species, field=field * (1 + step), temperature=3e-3)
        - mrfm.mean_moment(species=species, field=field * (1 - step), temperature=3e-3)
    ) / (2 * step * field)
    exact = mrfm.mean_moment_slope(species=species, field=field, temperature=3e-3)
    np.testing.assert_allclose(numerical, exact, rtol=1e-7, atol=1e-40)


@pytest.mark.parametrize("spin", [0, -0.5, 0.75, 51, np.nan])
def test_a_spin_that_is_no_half_integer_is_refused(spin: float) -> None:
    with pytest.raises(ArgumentError, match="multiple of 1/2"):
        mrfm.brillouin(spin=spin, x=1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf])
def test_no_temperature_but_a_positive_one(temperature: float) -> None:
    with pytest.raises(ArgumentError, match="temperature"):
        mrfm.mean_moment(species=mrfm.SPECIES["1H"], field=1.0, temperature=temperature)
