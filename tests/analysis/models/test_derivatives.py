"""Derivatives of models anywhere near what is measured, against differences extrapolated to no step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.analysis import MODELS
from tests.analysis.models.test_models import away, made
from tests.some import some

WITH_DERIVATIVES = [name for name in sorted(MODELS) if made(name)[1].derivatives is not None]
LEVELS = 6


def extrapolated(function, at, step):
    """Return the derivative by differences of halved steps, extrapolated by Richardson; and its error."""
    table = [
        (function(at + step / 2**k) - function(at - step / 2**k)) / (2 * step / 2**k) for k in range(LEVELS)
    ]
    columns = [table]
    for order in range(1, LEVELS):
        last = columns[-1]
        columns.append([(4**order * b - a) / (4**order - 1) for a, b in itertools.pairwise(last)])
    # The best column is the one whose last two entries agree best: later ones amplify rounding.
    best = min(columns[:-1], key=lambda column: np.max(np.abs(column[-1] - column[-2])))
    return best[-1], np.abs(best[-1] - best[-2])


def test_the_extrapolation_finds_a_known_derivative():
    found, error = extrapolated(np.exp, np.linspace(-1, 2, 7), 0.1)
    np.testing.assert_allclose(found, np.exp(np.linspace(-1, 2, 7)), rtol=1e-11, atol=0)
    assert error.max() < 1e-9


@pytest.mark.parametrize("name", WITH_DERIVATIVES)
@settings(max_examples=15)
@given(data=st.data())
def test_derivatives_are_those_of_the_model_anywhere(name, data):
    (case, model, _), truth = made(name), away(name)
    factors = data.draw(st.lists(st.floats(0.8, 1.25), min_size=truth.size, max_size=truth.size))
    # Where a curve is far from zero or steep in a parameter is what a fit of measured data visits.
    scale = step_scale(model, case, truth)
    values = truth + (np.array(factors) - 1) * scale
    y, jacobian = model.derivatives(case.x, values)
    np.testing.assert_allclose(y, model.evaluate(case.x, values), rtol=1e-10, atol=1e-13 * np.abs(y).max())
    steps = 0.05 * scale
    for index, parameter in some(enumerate(model.names)):

        def moved(value, index=index):
            return model.evaluate(case.x, np.where(np.arange(truth.size) == index, value, values))

        numeric, error = extrapolated(moved, values[index], steps[index])
        tolerance = 1e-8 * np.abs(numeric).max()
        assert error.max() < tolerance, parameter
        np.testing.assert_allclose(jacobian[index], numeric, rtol=0, atol=tolerance, err_msg=parameter)


def step_scale(model, case, values):
    """Return by how much each parameter may change until the curve is another one."""
    _, jacobian = model.derivatives(case.x, values)
    y = model.evaluate(case.x, values)
    size = np.max(np.abs(y - y.mean()))
    return np.minimum(size / np.max(np.abs(jacobian), axis=-1), np.where(values == 0, np.inf, np.abs(values)))
