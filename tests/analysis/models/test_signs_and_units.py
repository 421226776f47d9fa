"""Models made from functions; signs that are known beforehand; units of frequencies and of rates."""

import numpy as np
import pytest

from labspin.analysis import FitModel, Recipe, fit_curve, load_model, model_from_function
from labspin.analysis.outcome import with_error
from labspin.analysis.recipes.values import values_of
from labspin.errors import FitError, RecipeError


def test_a_dip_is_found_beside_a_higher_bump_where_it_is_known_to_be_one():
    x = np.linspace(1.1e-3, 2.3e-3, 60)
    dip, bump = (np.exp(-0.5 * ((x - center) / 1.5e-4) ** 2) for center in (1.7e-3, 1.25e-3))
    y = 1 - 2.0 * (x - 1.7e-3) - 0.003 * dip + 0.006 * bump
    found = {
        sign: fit_curve(load_model("cross_relaxation_dip", sign=sign), x, y, fixed={"saturation": 0.0})
        for sign in ("dip", "either")
    }
    assert found["either"]["depth"].value < 0
    assert abs(found["either"]["center"].value - 1.25e-3) < 1e-4
    assert found["dip"]["depth"].value > 0
    assert abs(found["dip"]["center"].value - 1.7e-3) < 2e-5
    upside_down = fit_curve(load_model("cross_relaxation_dip"), x, 2 - y, fixed={"saturation": 0.0})
    assert upside_down["depth"].value > 0, "it may be either"


def test_a_frequency_is_in_hertz_and_a_rate_is_not():
    rabi = load_model("rabi_ensemble")
    assert rabi.units("s", "1")["rabi_frequency"] == "Hz"
    assert rabi.units("us", "1")["linewidth"] == "MHz"
    assert rabi.units("T", "1")["detuning"] == "1/T"
    assert load_model("complex_ring_down").units("s", "V")["detuning"] == "Hz"
    assert with_error(4.619e6, 1.3e4, "Hz") == "4.619 ± 0.013 MHz"
    assert with_error(4.619e6, 1.3e4, "1/s") == "4.619 ± 0.013 1/µs"
    assert with_error(606.0, 26.0, "1/s") == "606 ± 26 1/s"


def test_function_without_parameters_is_no_model():
    with pytest.raises(FitError, match="wanted a function"):
        model_from_function(lambda x: x)
    assert isinstance(model_from_function(lambda x, a: a * x), FitModel)


@pytest.mark.parametrize(
    ("text", "number"),
    [("3 ms", 3.0), ("3000 us", 3.0), ("3", 3.0), ("500 mV", 0.5), ("2 kHz", 2.0), ("2 V/s", 2e-3)],
)
def test_a_plain_function_takes_quantities_in_the_units_of_the_axes(text, number):
    recipe = Recipe(name="own", x="x", y="y", model="own.py:line")
    units = model_from_function(lambda x, a: a * x).units("ms", "V")
    assert values_of(recipe, units, {"a": text}) == {"a": pytest.approx(number, rel=1e-12, abs=0)}


@pytest.mark.parametrize(
    ("name", "text", "said"), [("a", "3 K", "one of 'ms', 'V'"), ("alpha", "3", "did you mean 'alpha_1'")]
)
def test_another_quantity_or_name_is_refused_with_what_would_do(name, text, said):
    recipe = Recipe(name="own", x="x", y="y", model="own.py:line")
    units = model_from_function(lambda x, a, alpha_1: a * x + alpha_1).units("ms", "V")
    with pytest.raises(RecipeError, match=said):
        values_of(recipe, units, {name: text})
