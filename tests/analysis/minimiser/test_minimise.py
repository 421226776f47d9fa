"""The minimiser itself, on lines whose least squares are known: a batch corrects what it may leave undone."""

import numpy as np
import pytest

from labspin.analysis.minimiser.levenberg import minimise
from labspin.analysis.minimiser.problem import Problem

X = np.linspace(0.0, 1.0, 12)


def lines(count, *, weights=None, free=(True, True)):
    """Return the problem of ``count`` lines a + b x with slopes 2, 3 … and heights of the other sign."""
    slopes = np.arange(2.0, count + 2.0)

    def evaluate(x, values, steps):
        derivatives = np.broadcast_to(np.stack([np.ones_like(x), x]), (len(values), 2, x.size))
        return values[:, :1] + values[:, 1:] * x, derivatives.copy()

    return Problem(
        evaluate=evaluate,
        x=X,
        y=slopes[:, None] * X - slopes[:, None],
        weights=weights,
        logarithmic=np.zeros(2, bool),
        lower=np.full(2, -np.inf),
        upper=np.full(2, np.inf),
        free=np.array(free),
        numerical=False,
    )


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9])
def test_every_fit_is_made_however_few_run_at_a_time(count):
    found = minimise(lines(count), np.zeros((count, 2)), capacity=4)
    slopes = np.arange(2.0, count + 2.0)
    assert found.converged.all()
    assert (found.iterations > 0).all()
    assert found.values == pytest.approx(np.stack([-slopes, slopes], axis=-1), rel=1e-9, abs=0)


def test_degrees_of_freedom_are_points_that_count_less_what_is_fitted():
    weights = np.ones((3, X.size))
    weights[1, :4], weights[2, :11] = 0.0, 0.0
    assert lines(3).freedom.tolist() == [10.0] * 3
    assert lines(3, weights=weights).freedom.tolist() == [10.0, 6.0, 1.0], "never fewer than one"
    assert lines(3, weights=weights, free=(True, False)).freedom.tolist() == [11.0, 7.0, 1.0]
