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


def test_numbers_are_floats():
    counts = np.array([60_000, 70_000])
    assert Expression("10**20").value({}) == 1e20
    assert Expression("10**-3").value({}) == 1e-3
    assert Expression("x**4").value({"x": counts}) == pytest.approx(
        counts.astype(float) ** 4, rel=1e-15, abs=0
    )
    assert Expression("9**9**9").value({}) == np.inf
    assert Expression("1/2").value({}) == 0.5


@pytest.mark.parametrize("text", ["1" * 400, "a+" * 2000 + "a", "-" * 5000 + "a", "1e999"])
def test_what_no_float_holds_and_endless_texts_are_refused(text):
    with pytest.raises(RecipeError, match="expression"):
        Expression(text)


@pytest.mark.parametrize(("asked", "there"), [("y_errors", "y_error"), ("y_error", "y_errors")])
def test_errors_are_found_under_the_name_of_today_and_that_of_earlier_files(asked, there):
    assert Expression(f"2*{asked}").value({there: np.array([1.0])}) == 2.0
    assert Expression(f"{asked}/2").error(
        {there: np.array([1.0])}, {asked: np.array([0.1])}
    ) == pytest.approx(0.05, rel=1e-6, abs=0)
    with pytest.raises(RecipeError, match=f"no column '{asked}'"):
        Expression(asked).value({"y": 1.0})


TEXTS = [
    "a + b", "a - 2*b", "a * b", "a / b", "a**b", "a**2 - b**-1", "-a + (+b)", "2**a", "b**0.5",
    "abs(a - b)", "arctan(a / b)", "cos(a) * sin(b)", "exp(-a / b)", "log(a)", "sqrt(a * b)",
    "(a - b) / (a + b)", "abs(a + b*z)", "angle(a + b*z)", "real(a*z)", "imag(z / a)", "exp(a*z)", "z**a",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_derivatives_are_those_of_finite_differences(text):
    rng = np.random.default_rng(5)
    a, b = rng.uniform(0.5, 2.0, (2, 7))
    data = {"a": a, "b": b, "z": np.full(7, 0.4 - 0.7j)}
    expression = Expression(text)
    for name in ("a", "b"):
        steps = [{**data, name: data[name] + sign * 1e-5} for sign in (1, -1)]
        expected = (expression.value(steps[0]) - expression.value(steps[1])) / 2e-5
        found = expression.derivative(data, name)
        np.testing.assert_allclose(found, expected, rtol=2e-9, atol=1e-9)


def test_a_derivative_needs_no_step():
    """Beside a frequency of 3 GHz errors of 10 nHz, and a parameter that happens to be 1e-17."""
    data = {"f": np.array(2.87e9), "g": np.array(2.86e9), "tiny": np.array(1e-17)}
    errors = {"f": np.array(1e-8), "g": np.array(1e-8)}
    assert Expression("f - g").error(data, errors) == pytest.approx(np.sqrt(2) * 1e-8, rel=1e-12, abs=0)
    assert Expression("1 + tiny").derivative(data, "tiny") == 1.0
    assert Expression("f").derivative(data, "g") == 0.0


def test_where_there_is_no_derivative_it_is_nan():
    zero = {"a": np.array([0.0, 4.0])}
    np.testing.assert_array_equal(Expression("sqrt(a)").derivative(zero, "a"), [np.nan, 0.25])
    np.testing.assert_array_equal(Expression("abs(a)").derivative(zero, "a"), [1.0, 1.0])
    np.testing.assert_array_equal(Expression("a**2").derivative(zero, "a"), [0.0, 8.0])
    with pytest.raises(RecipeError, match="no column 'b'"):
        Expression("a + b").derivative(zero, "a")


def test_an_error_is_found_under_either_name_in_a_derivative():
    assert Expression("2*y_errors").derivative({"y_error": np.array([1.0])}, "y_errors") == 2.0
