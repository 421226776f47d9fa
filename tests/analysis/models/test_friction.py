"""Friction without contact against distance: the model's bad inputs, and a cantilever measured over gold."""

from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_foreign, load_model, profile_interval
from labspin.errors import RecipeError

MEASURED = Path(__file__).parents[2] / "data" / "cantilever_dissipation_vs_distance.csv"


def measured(**settings):
    return fit_foreign(
        MEASURED, x="Distance from Surface", y="Dissipation Ringdown", sigma="Dissipation Ringdown std",
        model="noncontact_friction", options={"reference": 45.0}, **settings,
    )  # fmt: skip


def test_friction_over_gold_falls_with_the_fourth_power_of_distance():
    fit = measured()
    assert (fit.x_unit, fit.y_unit) == ("nm", "pNs/(V^2 m)")
    # By a grid over the exponent, amplitude and background in closed form: independent of the engine.
    x, y, sigma = fit.x, fit.y, fit.sigma
    exponents, costs = np.linspace(1, 8, 1401), []
    for n in exponents:
        matrix = np.stack([(x / 45) ** -n, np.ones_like(x)], axis=1) / sigma[:, None]
        costs.append(np.linalg.lstsq(matrix, y / sigma, rcond=None)[1][0])
    assert fit["exponent"].value == pytest.approx(exponents[np.argmin(costs)], abs=0.005)
    assert fit.statistics.chi2 == pytest.approx(min(costs), rel=1e-5, abs=0)
    inside = exponents[np.array(costs) < min(costs) + 1]
    interval = profile_interval(load_model("noncontact_friction", reference=45.0), fit, "exponent")
    assert (interval.lower, interval.upper) == pytest.approx((inside[0], inside[-1]), abs=0.01)
    assert fit["exponent"].text() == "3.85 ± 0.51"
    # Per square of voltage there is no friction far from the surface.
    assert abs(fit["background"].value) < 2 * fit["background"].stderr


def test_the_exponent_does_not_hang_on_the_background():
    fixed = measured(fixed={"background": 0.0})
    assert fixed["exponent"].value == pytest.approx(measured()["exponent"].value, abs=0.51)
    assert fixed["exponent"].stderr < 0.5


@pytest.mark.parametrize("reference", [0.0, -1.0, float("nan"), True, "45 nm"])
def test_a_reference_that_is_no_distance_is_refused(reference):
    with pytest.raises(RecipeError, match=r"reference: wanted a number (> 0|in SI units)"):
        load_model("noncontact_friction", reference=reference)
