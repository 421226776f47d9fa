"""Fits of counts: Poisson's maximum likelihood, without the bias of weights taken from the counts."""

import numpy as np
import pytest
from scipy.optimize import minimize

from labspin.analysis import fit_batch, fit_counts, load_model
from labspin.errors import FitError

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(5e-6, 20e-3, 40)


def counted(level, count, seed):
    truth = np.array([level / 2, 1.6e-3, 0.8, level])
    return truth, np.random.default_rng(seed).poisson(SE.evaluate(DELAYS, truth), (count, 40)).astype(float)


def test_the_optimum_is_that_of_poissons_likelihood():
    truth, counts = counted(40.0, 6, 71)
    counts[2, 5] = np.nan
    result = fit_counts(SE, DELAYS, counts, fixed={"beta": 0.8})
    scale = np.array([truth[0], truth[1], truth[3]])
    for row, trace in enumerate(counts):
        there = np.isfinite(trace)

        def deviance(free, trace=trace, there=there):
            expected = SE.function(DELAYS, free[0] * scale[0], free[1] * scale[1], 0.8, free[2] * scale[2])
            return np.sum((expected - trace * np.log(expected))[there])

        best = minimize(deviance, np.ones(3), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11})
        found = np.array([result[name][row] for name in ("amplitude", "T1", "baseline")]) / scale
        errors = np.array([result.error(name)[row] for name in ("amplitude", "T1", "baseline")]) / scale
        assert np.max(np.abs(found - best.x) / errors) < 1e-3


@pytest.mark.parametrize("level", [30.0, 1000.0])
def test_few_counts_do_not_draw_the_baseline_down(level):
    truth, counts = counted(level, 1000, 72)
    start = dict(zip(SE.names, truth, strict=True))
    settings = {"start": start, "fixed": {"beta": 0.8}, "check": 0}
    expected = fit_counts(SE, DELAYS, counts, **settings)
    own = fit_batch(SE, DELAYS, counts, np.sqrt(np.maximum(counts, 1)), **settings)
    pulls = [((r["baseline"] - truth[3]) / r.error("baseline"))[r.sound] for r in (expected, own)]
    # 1000 fits: the mean of the pulls is known to 0.032.
    assert abs(np.mean(pulls[0])) < 0.13
    assert np.mean(pulls[1]) < (-0.25 if level < 100 else -0.02)
    assert np.mean(expected.chi2red[expected.sound]) == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(pulls[0]) < 1) == pytest.approx(0.683, abs=0.05)


def test_bad_traces_and_what_is_no_count():
    _, counts = counted(200.0, 4, 73)
    counts[1], counts[2] = np.nan, 0.0
    result = fit_counts(SE, DELAYS, counts)
    assert list(result.status[[1, 2]]) == [4, 6]
    assert result.sound[[0, 3]].all()
    with pytest.raises(FitError, match=r"wanted raw counts.*got -3"):
        fit_counts(SE, DELAYS, counts - 3)
    with pytest.raises(FitError, match="got sigma"):
        fit_counts(SE, DELAYS, counts, sigma=1.0)
