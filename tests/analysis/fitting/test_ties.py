"""Parameters tied by expressions: the derivatives through them, whatever the size of the parameters."""

import numpy as np
import pytest

from labspin.analysis import LabspinModel, fit_curve, model_from_function
from labspin.analysis.fitting.solve import Ties


def pair(x, first, gap, second, height):
    return height * (np.exp(-((x - first) ** 2)) - np.exp(-((x - second) ** 2)))


def test_a_tie_is_followed_from_a_value_that_is_almost_zero():
    """The other end of the tie is 1: a step of a millionth of 1e-17 would change nothing."""
    x = np.linspace(-4.0, 6.0, 81)
    y = pair(x, 0.0, 0.0, 1.3, 2.0) + 1e-3 * np.random.default_rng(1).normal(size=x.size)
    options = {"start": {"gap": 1e-17, "height": 1.0}, "fixed": {"first": 0.0}}
    outcome = fit_curve(model_from_function(pair), x, y, 1e-3, tied={"second": "1 + gap"}, **options)
    options = {"start": {"second": 1.0, "height": 1.0}, "fixed": {"first": 0.0, "gap": 0.0}}
    free = fit_curve(model_from_function(pair), x, y, 1e-3, **options)
    assert outcome.values()["second"] == pytest.approx(free.values()["second"], rel=1e-7, abs=0)
    assert outcome["gap"].stderr == pytest.approx(free["second"].stderr, rel=1e-5, abs=0)


@pytest.mark.parametrize("size", [1e-14, 1e-9, 1.0, 1e13])
def test_lmfit_is_given_the_slope_through_a_tie_of_any_size(size):
    """Down to 1e-14: lmfit takes a starting value below 1e-15 for 0."""
    model = LabspinModel(model_from_function(pair))
    parameters = model.make_params(first=0.1, gap=size, second=0.0, height=size)
    parameters["second"].set(expr=f"first + sqrt(gap / {size!r})")
    x = np.linspace(-4.0, 6.0, 81)
    y = size * pair(x, 0.2, 1.3, 1.5, 2.0)
    found = model.fit(y, parameters, x=x, weights=np.full(x.size, 1e3 / size))
    assert found.params["gap"].value == pytest.approx(1.69 * size, rel=1e-9, abs=0)
    assert found.params["second"].value == pytest.approx(1.5, rel=1e-9, abs=0)


def test_lmfit_computes_ties_that_are_more_than_arithmetic():
    model = LabspinModel(model_from_function(pair))
    parameters = model.make_params(first=0.1, gap=1.0, second=0.0, height=1.0)
    parameters["second"].set(expr="first + gap if gap > 0 else 0.0")
    x = np.linspace(-4.0, 6.0, 81)
    found = model.fit(pair(x, 0.2, 1.3, 1.5, 2.0), parameters, x=x, weights=np.full(x.size, 1e3))
    assert found.params["gap"].value == pytest.approx(1.3, rel=1e-6, abs=0)


def test_a_tie_of_a_tie_moves_with_what_both_follow():
    """d(second)/d(first) is 6 where second = 2 gap and gap = 3 first; by hand, not by differences."""
    model = model_from_function(pair)
    ties = Ties.made(model, {"gap": "3 * first", "second": "2 * gap"})
    slopes = ties.slopes(np.array([0.5, 0.0, 0.0, 1.0]))
    assert slopes[:, 0].tolist() == [1.0, 3.0, 6.0, 0.0]
    assert slopes[:, 1].tolist() == slopes[:, 2].tolist() == [0.0] * 4
    assert ties.completed(np.array([[0.5, 0.0, 0.0, 1.0]])).tolist() == [[0.5, 1.5, 3.0, 1.0]]


def test_points_that_are_all_alike_give_no_errors():
    outcome = fit_curve(model_from_function(lambda x, a, b: a + b * x), np.arange(9.0), np.full(9, 2.5))
    assert outcome["a"].value == pytest.approx(2.5, rel=1e-12, abs=0)
    assert np.isnan(outcome.covariance).all()
