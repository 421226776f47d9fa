"""Units of data go through one door, for every model that has physics in it."""

from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis import MODELS, FitModel, Parameter, fit_curve, model_from_function
from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.recipes.joint_fit import fit_joint_recipe
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import Trace
from labspin.errors import FitError
from tests.analysis.fitting.symmetries import X_SCALE
from tests.analysis.models.test_models import LEAST_SQUARES, made
from tests.some import some

OTHERS = {
    "Hz": {"kHz": 1e-3, "GHz": 1e-9},
    "T": {"G": 1e4, "mT": 1e3},
    "s": {"ms": 1e3, "us": 1e6},
    "K": {"mK": 1e3},
    "m": {"nm": 1e9},
    "1/s": {"1/ms": 1e-3},
    "rad": {"deg": 180 / np.pi},
}
"""Unit of a model -> others of its dimension, and numbers in them for one of its own."""
WRONG = {"Hz": "T", "T": "Hz", "s": "V", "K": "s", "m": "s", "1/s": "T", "rad": "V"}
SIDES = [
    (name, side) for name in sorted(MODELS) for side in ("x", "y") if getattr(made(name)[1], f"{side}_unit")
]


FOLLOW = {"x", "y", "1/x", "cycles/x", "y/x", "x*y", "1", "rad"}
"""Units of parameters that need no unit of the axes."""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_with_a_parameter_in_si_says_what_its_axes_are(name):
    model = made(name)[1]
    absolute = [p.name for p in model.parameters if p.unit not in FOLLOW]
    assert model.x_unit or model.y_unit or not absolute


OWN_COUNTS = {
    "decoupling_scaling": "x counts pulses",
    "noncontact_friction": "its reference is in the unit of x",
}


@pytest.mark.parametrize("name", sorted(set(LEAST_SQUARES) - X_SCALE))
def test_a_model_that_knows_a_length_or_a_field_says_what_x_is(name):
    """A film's edge took nanometres for metres: its thickness, an option, is in metres."""
    assert made(name)[1].x_unit or name in OWN_COUNTS


def door(model, side, x, y, unit):
    axes = ("x", unit, "y", "") if side == "x" else ("x", "", "y", unit)
    return in_units_of(model, x, y, np.abs(y) + 1.0, axes)


def test_models_with_physics_in_them_are_known():
    assert {name for name, _ in SIDES} >= {"odmr_spectrum", "mdmr_spectrum", "resonator_phase"}
    assert {getattr(made(name)[1], f"{side}_unit") for name, side in SIDES} <= set(OTHERS)


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_another_unit_of_the_dimension_is_converted(name, side):
    case, model, _ = made(name)
    own = getattr(model, f"{side}_unit")
    x, y = np.asarray(case.x, float), model.evaluate(case.x, case.truth)
    for unit, size in OTHERS[own].items():
        by_x, by_y = (size, 1.0) if side == "x" else (1.0, size)
        points, trace, errors, axes = door(model, side, x * by_x, y * by_y, unit)
        np.testing.assert_allclose(points, x, rtol=1e-12, atol=0)
        np.testing.assert_allclose(trace, y, rtol=1e-12, atol=0)
        np.testing.assert_allclose(errors, (np.abs(y * by_y) + 1.0) / by_y, rtol=1e-12, atol=0)
        assert axes[1 if side == "x" else 3] == own


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_a_unit_of_another_dimension_is_refused(name, side):
    case, model, _ = made(name)
    own = getattr(model, f"{side}_unit")
    for unit in (WRONG[own], "dBm", *(["degC"] if own != "K" else [])):
        with pytest.raises(FitError, match=f"wanted {side} in {own}"):
            door(model, side, case.x, model.evaluate(case.x, case.truth), unit)


def test_traces_of_a_joint_fit_may_come_in_different_units():
    """One β over decays in ms, µs and s of voltages in mV and V: the same as all in the unit of the first."""
    rng, x = np.random.default_rng(3), np.geomspace(0.02, 10, 40)
    alike, mixed = [], []
    for name, by_x, voltage, by_y in (("ms", 1.0, "V", 1.0), ("us", 1e3, "mV", 1e3), ("s", 1e-3, "V", 1.0)):
        y = np.exp(-(x**0.8)) + rng.normal(0, 0.01, x.size)
        alike.append(Trace(x, y, np.full(x.size, 0.01), "time", "ms", "signal", "V"))
        mixed.append(
            replace(
                alike[-1], x=x * by_x, y=y * by_y, sigma=alike[-1].sigma * by_y, x_unit=name, y_unit=voltage
            )
        )
    recipe = Recipe(name="r", x="x", y="y", model="stretched_exponential", shared=("beta",))
    for one, other in some(
        zip(fit_joint_recipe(alike, {}, recipe), fit_joint_recipe(mixed, {}, recipe), strict=True)
    ):
        for p, q in some(zip(one.parameters, other.parameters, strict=True)):
            assert (q.name, q.unit) == (p.name, p.unit)
            assert q.value == pytest.approx(p.value, rel=1e-9, abs=1e-9)
            assert q.stderr == pytest.approx(p.stderr, rel=1e-6, abs=0)
    with pytest.raises(FitError, match="wanted time in ms"):
        fit_joint_recipe([alike[0], replace(alike[1], x_unit="Hz")], {}, recipe)


def test_a_masked_point_is_one_that_is_not_there():
    x = np.arange(8.0)
    y = np.ma.masked_array(1.0 + 2.0 * x, mask=np.arange(8) == 3)
    y.data[3] = 1e6
    outcome = fit_curve(model_from_function(lambda x, a, b: a + b * x), x, y, 0.1, start={"a": 0.0, "b": 1.0})
    assert outcome["a"].value == pytest.approx(1.0, rel=1e-6, abs=0)
    assert outcome["b"].value == pytest.approx(2.0, rel=1e-6, abs=0)
    assert outcome.statistics.points == 7


def test_a_trace_among_several_is_compared_with_its_own_constant():
    """The statistics of a joint fit are those of all traces, which no trace alone outdoes."""
    x, rng = np.linspace(0, 3, 12), np.random.default_rng(1)
    traces = [
        Trace(x, 8 * np.exp(-x) + rng.normal(size=x.size), np.ones(x.size), "t", "s", "y", "1", label)
        for label in "abcdefghijklmnop"
    ]
    recipe = Recipe(name="r", x="x", y="y", model="stretched_exponential", shared=("T1", "beta"))
    found = fit_joint_recipe(traces, {}, recipe)
    assert found[0].statistics.chi2 > 100
    assert not [text for one in found for text in one.warnings if "constant" in text]


def test_what_a_model_is_linear_in_is_no_place_whatever_its_unit():
    """A curve of known shape that lowers χ² by 8, of which chance brings 1 and 2 ln 12."""
    parts = (
        Parameter("strength", "Hz*m/N", "of the curve"),
        Parameter("baseline", "Hz", "far away"),
        Parameter("place", "m", "of its pole"),
    )
    model = FitModel(
        "pole", "y = strength/(x - place)² + baseline", "a test", parts,
        lambda x, a, b, c: a / (x - c) ** 2 + b,
        lambda x, y, weights: {"strength": 1.0, "baseline": 0.0, "place": 0.0},
    )  # fmt: skip
    x = np.linspace(1, 4, 12)
    shape = x**-2 - np.mean(x**-2)
    y = np.sqrt(8 / np.sum(shape**2)) * x**-2 + np.tile([0.3, -0.3], 6)
    assert not [text for text in fit_curve(model, x, y, 1.0).warnings if "constant" in text]
