"""Memory and evaluations of a fit grow as its points do, not as their square."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis import fit_curve
from tests.analysis.models.test_models import INTEGRALS, LEAST_SQUARES, made, noisy

POINTS = 1000
FIXED = 192 << 20
"""Bytes that have nothing to do with the number of points: a grid of curves at the points of a search."""
A_POINT = 6000
"""Bytes for each point: a million of them take 6 GB."""
FIELD = {"cross_relaxation_rate", *INTEGRALS}
"""An integral or a diagonalisation at every point."""
COSTLY = {"odmr_spectrum", "mdmr_spectrum", "rabi_ensemble", "film_layer_relaxation"}
"""Seconds of work each."""


def counted(model):
    """The model, and the numbers that it was asked for, in curves and in derivatives."""
    asked = [0]

    def tallied(function):
        def call(x, *values):
            found = function(x, *values)
            asked[0] += (found[0] if isinstance(found, tuple) else np.asarray(found)).size
            return found

        return call

    derivatives = None if model.derivatives is None else tallied(model.derivatives)
    return replace(model, function=tallied(model.function), derivatives=derivatives), asked


def axis(x, count):
    return np.interp(np.linspace(0, len(x) - 1, count), np.arange(len(x)), np.sort(x))


def taken(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def of_points(name, count, monkeypatch):
    """The peak of memory of a fit, and the numbers that it asked for, or solved by least squares."""
    case, model, _ = made(name)
    model, asked = counted(model)
    case = replace(case, x=axis(case.x, count))
    y = noisy(case, model, np.random.default_rng(3))
    fit_curve(model, case.x[:: count // 100], y[:: count // 100])  # tables and what is imported late
    plain = np.linalg.lstsq

    def tallied(matrix, *others, **options):
        asked[0] += np.asarray(matrix).size
        return plain(matrix, *others, **options)

    asked[0] = 0
    with monkeypatch.context() as patch:
        patch.setattr(np.linalg, "lstsq", tallied)
        return taken(lambda: fit_curve(model, case.x, y)), asked[0]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in COSTLY else name
     for name in sorted(set(LEAST_SQUARES) - FIELD)],
)  # fmt: skip
def test_a_fit_of_many_points_takes_as_much_more(name, monkeypatch):
    few, asked_few = of_points(name, POINTS, monkeypatch)
    many, asked_many = of_points(name, 4 * POINTS, monkeypatch)
    assert many < 5 * few + FIXED  # sixteen times, where it goes as the square
    assert many < 4 * POINTS * A_POINT + FIXED  # linear, and yet too much: some thousand curves at once
    # The steps are not the same; what asks for a curve at every point asks for 16 times as many numbers.
    assert asked_many < 10 * asked_few
