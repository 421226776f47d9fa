"""Two lines that are closer than they are wide are one line of another shape: no choice prefers them."""

import numpy as np
import pytest

from labspin.analysis import fit_curve, load_model
from labspin.analysis.recipes.choice import choice_of
from labspin.analysis.recipes.recipe import Recipe

X = np.linspace(2.70e9, 2.84e9, 141)
WIDTH, SIGMA = 9e6, 2e-3
RECIPE = Recipe(name="lines", x="f", y="r", model="gaussian_dips", choose={"count": [0, 1, 2]})
CHOICE = choice_of(RECIPE)


def spectrum(seed, *places):
    """Lorentzian lines, which two close Gaussians describe better than one."""
    light = 1 - sum(0.05 / (1 + (2 * (X - place) / WIDTH) ** 2) for place in places)
    return light + np.random.default_rng(seed).normal(0, SIGMA, X.size)


def chosen(y):
    return CHOICE.best([fit_curve(model, X, y, SIGMA) for model in CHOICE.models])


@pytest.mark.parametrize("seed", range(3))
def test_one_line_of_another_shape_is_one_line(seed):
    y = spectrum(seed, 2.77e9)
    outcome = chosen(y)
    assert outcome.chosen == {"count": 1}
    assert outcome["center_1"].value == pytest.approx(2.77e9, rel=1e-3, abs=0)
    pair, one = (fit_curve(load_model("gaussian_dips", count=n), X, y, SIGMA) for n in (2, 1))
    assert pair.statistics.bic < one.statistics.bic - 6, "the criterion alone would have taken the pair"


@pytest.mark.parametrize("apart", [1.3, 2.0])
def test_two_lines_that_can_be_told_apart_are_two(apart):
    places = 2.765e9, 2.765e9 + apart * WIDTH
    outcome = chosen(spectrum(1, *places))
    assert outcome.chosen == {"count": 2}
    for number, place in enumerate(places, start=1):
        assert outcome[f"center_{number}"].value == pytest.approx(place, rel=4e-4, abs=0)


def test_apart_is_more_than_the_mean_of_the_widths():
    resolved = load_model("gaussian_dips", count=3).resolved
    near, far = [3.0, 1.0, 9.0, 1.5, 2.0, 1.0], [3.0, 1.3, 9.0, 1.5, 2.0, 1.0]
    values = np.array([[*near, 1, 1, 1, 0], [*far, 1, 1, 1, 0], [*far, -1, 1, 1, 0]])
    assert resolved(values).tolist() == [True, False, True]
