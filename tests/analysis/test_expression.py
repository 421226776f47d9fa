"""Arithmetic of columns: values, first-order errors, and nothing else gets through."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.analysis import Expression
from labspin.errors import RecipeError

positive = st.floats(1.0, 1e6)


@given(positive, positive)
def test_error_of_difference_and_contrast_is_the_textbook_one(a, b):
    data = {"a": np.array([a]), "b": np.array([b])}
    errors = {"a": np.sqrt(data["a"]), "b": np.sqrt(data["b"])}
    assert Expression("a - b").error(data, errors)[0] == pytest.approx(np.sqrt(a + b), rel=1e-9, abs=0)
    contrast = 2 * np.sqrt(a * b / (a + b) ** 3)
    assert Expression("(a - b)/(a + b)").error(data, errors)[0] == pytest.approx(contrast, rel=1e-6, abs=0)


def test_error_agrees_with_a_simulation():
    rng = np.random.default_rng(1)
    counts = {"a": rng.poisson(9000, 200_000), "b": rng.poisson(4000, 200_000)}
    mean = {"a": np.array(9000.0), "b": np.array(4000.0)}
    expression = Expression("log(a / b) + sqrt(a)/100")
    predicted = expression.error(mean, {name: np.sqrt(value) for name, value in mean.items()})
    assert float(predicted) == pytest.approx(float(np.std(expression.value(counts))), rel=0.02, abs=0)


def test_names_are_columns_and_not_functions():
    assert Expression("abs(x) + 2*y_1 - x").names == ("x", "y_1")


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "a.b", "a[0]", "lambda: 1", "open(a)", "a if b else c", "abs(a, b)", "'a'", "a +",
     "", "a < b", "f(a)", "[a]", "True", "abs(*a)", "(" * 300 + "a" + ")" * 300],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(RecipeError, match="expression"):
        Expression(text)


def test_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(RecipeError, match="no column 'b'; there are a"):
        Expression("a + b").value({"a": 1.0})
