"""Fits of counts: Poisson's maximum likelihood, without the bias of weights taken from the counts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from labspin.analysis import Recipe, fit_batch, fit_counts, fit_run, load_model, outcomes_of
from labspin.analysis.fitting.counts import expected_counts, poisson_deviance
from labspin.analysis.recipes.fit_records import record_of
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run, write_fit
from labspin.errors import FitError, RecipeError
from tests.some import some

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
    for row, trace in some(enumerate(counts)):
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


def test_a_model_that_expects_nothing_weighs_no_point_without_limit():
    dark = np.zeros((1, DELAYS.size))
    expected = expected_counts(SE, DELAYS, np.array([[0.0, 1e-3, 1.0, 0.0]]), dark)
    assert expected.shape == dark.shape
    assert expected.min() == expected.max() == 1e-3


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


LIKELIHOOD = Recipe(
    name="counts", x="dark_time", y="first + second", sigma="likelihood", model="stretched_exponential",
    fixed={"beta": 0.8}, derived={"rate": "1/T1 [1/s]"},
)  # fmt: skip


def count_run(path, traces, seed, level=10.0):
    """Write traces of a decay, each the sum of two counters."""
    _, counts = counted(level, 2 * traces, seed)
    fields = Dimension(name="field", unit="T", values=np.arange(float(traces)))
    columns = (Column(name="first", dtype="int64"), Column(name="second", dtype="int64"))
    layout = Layout(
        dimensions=(fields, Dimension(name="dark_time", unit="s", values=DELAYS)), columns=columns
    )
    header = RunHeader(procedure="t1", label="run", layout=layout, signal="first")
    pairs = zip(counts[:traces].ravel(), counts[traces:].ravel(), strict=True)
    with RunWriter.create(path, header) as writer:
        for point, (first, second) in enumerate(pairs):
            writer.append(point, 0.0, [int(first), int(second)])
        writer.finish("finished")
    return path, counts[:traces] + counts[traces:]


@pytest.mark.parametrize("traces", [2, 16])
def test_a_recipe_asks_for_the_likelihood(tmp_path, traces):
    path, counts = count_run(tmp_path / "run.h5", traces, 75)
    outcomes = fit_run(path, LIKELIHOOD)
    result = fit_counts(SE, DELAYS, counts, fixed={"beta": 0.8})
    for outcome, T1, error in some(zip(outcomes, result["T1"], result.error("T1"), strict=True)):
        assert outcome["T1"].value == pytest.approx(T1, rel=1e-4, abs=0)
        assert outcome["T1"].stderr == pytest.approx(error, rel=1e-3, abs=0, nan_ok=True)
        assert outcome["rate"].value == pytest.approx(1 / T1, rel=1e-4, abs=0)
        np.testing.assert_allclose(outcome.sigma**2, outcome.best, rtol=1e-6, atol=0)
        assert not outcome.statistics.errors_from_scatter
    write_fit(path, record_of(outcomes, LIKELIHOOD))
    run = read_run(path)
    again = outcomes_of(run, run.fits[0])[0]
    np.testing.assert_allclose(again.sigma, outcomes[0].sigma, rtol=1e-6, atol=0)


def test_models_of_counts_are_compared_by_their_likelihood(tmp_path):
    """Independent reference: the deviance from scipy's Poisson log-probabilities."""
    from scipy.stats import poisson

    path, counts = count_run(tmp_path / "run.h5", 1, 76)
    (outcome,) = fit_run(path, LIKELIHOOD)
    trace = counts[0]
    saturated = poisson.logpmf(trace, np.maximum(trace, 1e-300)).sum()
    deviance = 2 * (saturated - poisson.logpmf(trace, outcome.best).sum())
    assert poisson_deviance(trace, outcome.best) == pytest.approx(deviance, rel=1e-9, abs=0)
    assert outcome.statistics.bic == pytest.approx(deviance + 3 * np.log(trace.size), rel=1e-4, abs=0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": "first - second"}, "counts as they were counted"),
        ({"y": "2*first"}, "counts as they were counted"),
        ({"tied": {"baseline": "2*amplitude"}}, "tied parameters"),
        ({"chain": "other"}, "results of fits"),
    ],
)
def test_likelihood_of_what_is_no_count_is_refused(change, match):
    with pytest.raises(RecipeError, match=match):
        replace(LIKELIHOOD, **change)


def test_a_model_that_is_not_for_counts_is_refused(tmp_path):
    path, _ = count_run(tmp_path / "run.h5", 1, 77)
    with pytest.raises(RecipeError, match="is not for counts"):
        fit_run(path, replace(LIKELIHOOD, model="complex_ring_down", fixed={}, derived={}))
