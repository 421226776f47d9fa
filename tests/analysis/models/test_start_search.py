"""A function of one's own is fitted without a word about where its parameters are."""

import numpy as np
import pytest

from labspin.analysis import fit_curve, model_from_function
from labspin.analysis.models.start_search import search_start
from tests.some import some


def saturation(x, rate, saturation_power, background=0.0):
    return rate * x / (x + saturation_power) + background


def decay(x, height, time, level):
    return level + height * np.exp(-x / time)


def peak(x, center, width, height, level):
    return level + height / (1 + ((x - center) / width) ** 2)


def power(x, scale, exponent):
    return scale * np.abs(x) ** exponent


def bent(x, level, knee, slope):
    """A function that is no array function: it takes one point after the other."""
    return np.array([level if one < knee else level + slope * (one - knee) for one in x])


@pytest.mark.parametrize(("unit", "size"), [(1e-9, 1e7), (1e6, 1e-7)])
@pytest.mark.parametrize(
    ("function", "true"),
    [
        (saturation, {"rate": 3.0, "saturation_power": 0.4}),
        (saturation, {"rate": -3.0, "saturation_power": 4.0}),
        (decay, {"height": 2.0, "time": 0.15, "level": -1.0}),
        (decay, {"height": -2.0, "time": 0.7, "level": 5.0}),
        (peak, {"center": 0.37, "width": 0.06, "height": -0.2, "level": 1.0}),
        (power, {"scale": 2.0, "exponent": 0.67}),
        (bent, {"level": 1.0, "knee": 0.5, "slope": 3.0}),
    ],
)
def test_the_fit_finds_what_the_data_were_made_with(function, true, unit, size):
    x = np.linspace(0.02, 1.0, 60)
    y = function(x, **true)
    kinds = {
        "rate": size, "saturation_power": unit, "height": size, "time": unit, "level": size, "center": unit,
        "width": unit, "scale": size / unit ** true.get("exponent", 1.0), "exponent": 1.0, "knee": unit,
        "slope": size / unit,
    }  # fmt: skip
    noise = 1e-3 * size * np.random.default_rng(3).normal(size=x.size)
    found = fit_curve(model_from_function(function), x * unit, y * size + noise, 1e-3 * size)
    assert found.statistics.chi2red < 2
    for name, value in some(true.items()):
        assert found[name].value == pytest.approx(value * kinds[name], rel=0.05, abs=0)


def test_defaults_of_the_signature_stay_what_they_are():
    x = np.linspace(0.1, 1.0, 20)
    start = search_start(saturation, {"background": 0.5}, ["rate", "saturation_power"], (x, x, None))
    assert start.keys() == {"rate", "saturation_power"}


def test_a_function_that_fails_everywhere_starts_at_one():
    def never(x, a, b):
        raise ValueError("no")

    x = np.linspace(0.1, 1.0, 20)
    assert search_start(never, {}, ["a", "b"], (x, x, None)) == {"a": 1.0, "b": 1.0}


def test_an_offset_that_starts_at_nothing_is_fitted_with_its_error():
    x = np.linspace(0.02, 1.0, 60)
    y = 1e6 * saturation(x, 3.0, 0.4, background=0.1)
    noise = 1e3 * np.random.default_rng(5).normal(size=x.size)
    found = fit_curve(model_from_function(saturation), x, y + noise, 1e3)
    assert abs(found["background"].value - 1e5) < 5 * found["background"].stderr
    assert 100 < found["background"].stderr < 1e4
