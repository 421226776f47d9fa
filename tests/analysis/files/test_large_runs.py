"""Runs of many traces: one call of the batch engine, in parts that fit the memory, with lmfit's results."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.analysis.files import file_fit
from labspin.analysis.files.jobs import fit_file
from labspin.analysis.files.results import FitJob
from labspin.analysis.files.stored import outcomes_of
from labspin.analysis.recipes.fit_records import record_of
from labspin.analysis.recipes.fit_run import fit_traces_as_stack, fit_traces_singly
from labspin.analysis.recipes.stack_fit import suits_batch
from labspin.analysis.recipes.traces import stack_of, traces_lie_along, traces_of
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, open_parts, read_run
from tests import places
from tests.analysis.samples import DELAYS, NOISE, RECIPE, SE, decay_run
from tests.some import some

FIELDS = np.linspace(-1e-3, 1e-3, 40)
T1 = 1e-3 * (1 + 400 * np.abs(FIELDS))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A run of forty decays."""
    return decay_run(tmp_path_factory.mktemp("many") / "many.h5", T1, fields=FIELDS, field=1.0, seed=3)


def check_alike(found, expected):
    assert [p.name for p in found.parameters] == [p.name for p in expected.parameters]
    for a, b in zip(found.parameters, expected.parameters, strict=True):
        assert (a.unit, a.varied) == (b.unit, b.varied)
        sigma = np.where(b.stderr > 0, b.stderr, np.abs(b.value) + 1e-300)
        np.testing.assert_allclose((a.value - b.value) / sigma, 0 * b.value, atol=1e-4, err_msg=a.name)
        np.testing.assert_allclose(a.stderr, b.stderr, rtol=1e-3, atol=0)
    for name, value in expected.statistics.items():
        if name.startswith(("checked", "largest")):
            continue
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(found.statistics[name], value, rtol=1e-6, err_msg=name, atol=0)
        else:
            assert found.statistics[name] == value, name
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=2e-3, atol=1e-14)


@pytest.mark.parametrize("sigma", ["difference_errors", "none"])
def test_the_batch_says_of_every_trace_what_lmfit_says(many, sigma):
    recipe = replace(RECIPE, sigma=sigma)
    stack = stack_of(read_run(many), recipe)
    together, apart = fit_traces_as_stack(stack, recipe), fit_traces_singly(stack, recipe)
    check_alike(together.record(), record_of(apart, recipe))
    one, other = together.outcome(7), apart[7]
    for name in ("label", "x_name", "x_unit", "y_name", "y_unit", "quantity", "model", "warnings"):
        assert getattr(one, name) == getattr(other, name), name
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_allclose(one.best, other.best, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(one.curve_y, other.curve_y, rtol=1e-5, atol=1e-8)
    assert one.statistics.chi2 == pytest.approx(other.statistics.chi2, rel=1e-8, abs=0)


def test_a_run_of_many_traces_takes_the_batch(many, monkeypatch):
    def never(*arguments):
        raise AssertionError("one by one")

    monkeypatch.setattr("labspin.analysis.recipes.fit_run.fit_traces_singly", never)
    outcomes = fit_run(many, RECIPE)
    assert len(outcomes) == FIELDS.size
    assert outcomes[3].label.startswith("decay, magnet field -")
    errors = [(o["T1"].value - true) / o["T1"].stderr for o, true in zip(outcomes, T1, strict=True)]
    assert 0.6 < np.std(errors) < 1.5
    assert abs(np.mean(errors)) < 4 / np.sqrt(len(errors))


def test_bad_traces_are_named_and_stop_no_other(many):
    run = read_run(many)
    stack = stack_of(run, RECIPE)
    y, sigma = stack.y.copy(), stack.sigma.copy()
    y[0], y[1], y[2, 2:] = np.nan, 0.01, np.nan
    sigma[3, 5], sigma[4, :] = -1.0, 0.0
    together = fit_traces_as_stack(replace(stack, y=y, sigma=sigma), RECIPE)
    said = together.warnings()
    assert said[0] == "not fitted: no finite points"
    assert said[1] == "not fitted: constant"
    assert said[2] == "not fitted: fewer points than parameters"
    assert "error is not positive" in said[3]
    assert said[4] == "not fitted: no finite points"
    assert together.result.sound[5:].all()
    assert together.outcome(3).statistics.points == DELAYS.size - 1
    rows = [together.outcome(k) for k in range(5)]
    assert [outcome.statistics.converged for outcome in rows] == [False, False, False, True, False]
    assert np.isnan(rows[0]["T1"].value)


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, tied={"baseline": "amplitude*0"}, derived={})])
def test_parts_give_what_the_whole_gives(many, recipe, monkeypatch):
    whole = fit_file(FitJob(path=many, recipe=recipe, write=False, wanted=("magnet_field", "temperature")))
    monkeypatch.setattr(file_fit, "PART_BYTES", 16 * DELAYS.size * 18)
    with open_parts(many) as file:
        sizes = [part.shape[0] for part, _ in file_fit._parts(file, recipe)]
    assert len(sizes) > 2
    assert sum(sizes) == FIELDS.size
    parts = fit_file(FitJob(path=many, recipe=recipe, write=False, wanted=("magnet_field", "temperature")))
    assert parts.labels == whole.labels
    assert len(set(parts.labels)) == FIELDS.size
    check_alike(parts.record, whole.record)
    np.testing.assert_allclose(parts.context["magnet_field"][0], FIELDS, atol=0)
    np.testing.assert_allclose(parts.context["temperature"][0], whole.context["temperature"][0], atol=0)


def spectra_run(path, traces, *, missing=()):
    """Write a list of points with one decay each."""
    rng = np.random.default_rng(5)
    axis = Dimension(name="dark_time", unit="s", values=DELAYS)
    columns = (
        Column(name="position", unit="m", role="coordinate"),
        Column(name="difference", shape=DELAYS.shape, axes=(axis,)),
        Column(name="label", dtype="str", role="coordinate"),
    )
    header = RunHeader(procedure="decay", layout=Layout(columns=columns, size=traces), signal="difference")
    truth = {"amplitude": 0.05, "beta": 0.8, "baseline": 0.0, "T1": 1e-3}
    with RunWriter.create(path, header, sync_interval=1e9) as writer:
        for index in range(traces):
            if index not in missing:
                y = SE.evaluate(DELAYS, truth) + rng.normal(0, NOISE, DELAYS.size)
                writer.append(index, float(index), [1e-6 * index, y, f"n{index}"])
        return writer.finish("finished")


def test_a_list_of_traces_is_cut_too(tmp_path, monkeypatch):
    path = spectra_run(tmp_path / "list.h5", 50, missing=(7, 31))
    recipe = replace(RECIPE, sigma="none")
    whole = fit_file(FitJob(path=path, recipe=recipe, write=False, wanted=("position",)))
    assert not whole.error
    monkeypatch.setattr(file_fit, "PART_BYTES", 8 * DELAYS.size * 20)
    parts = fit_file(FitJob(path=path, recipe=recipe, write=False, wanted=("position",)))
    check_alike(parts.record, whole.record)
    assert parts.labels == whole.labels == tuple(f"point {k}" for k in range(50))
    assert not parts.record.statistics["success"][[7, 31]].any()
    np.testing.assert_allclose(parts.context["position"][0][:7], 1e-6 * np.arange(7), atol=0)
    assert parts.traces == {"sound": 48, "doubtful": 2}


def test_a_part_is_that_part_of_the_run(many, tmp_path):
    run = read_run(many)
    with open_parts(many) as file:
        part = file.part(0, 5, 9, names={"difference"})
        np.testing.assert_array_equal(part.data["difference"], run.data["difference"][5:9])
        np.testing.assert_array_equal(part.coordinates["magnet_field"], FIELDS[5:9])
        assert set(part.columns) == {"difference"}
        assert file.part(1, 3, 6).data["temperature"].shape == (FIELDS.size, 3)
    incomplete = decay_run(tmp_path / "short.h5", T1[:5], fields=FIELDS[:5], points=33)
    whole = read_run(incomplete)
    with open_parts(incomplete) as file:
        for axis, cut in ((0, slice(1, 4)), (1, slice(2, 15))):
            part = file.part(axis, cut.start, cut.stop)
            expected = whole.data["difference"][(slice(None),) * axis + (cut,)]
            np.testing.assert_array_equal(part.data["difference"], expected)


def test_the_stack_is_the_traces_whatever_the_order_of_the_axes(tmp_path):
    """Against plain slicing: the scanned axis in the middle, repeats before and after."""
    rng = np.random.default_rng(6)
    values = rng.normal(size=(2, 5, 3, 4))
    names = ("repeat", "dark_time", "magnet_field", "average")
    dimensions = tuple(
        Dimension(name=name, unit="1", values=np.arange(float(n)))
        for name, n in zip(names, values.shape, strict=True)
    )
    header = RunHeader(procedure="x", layout=Layout(dimensions=dimensions, columns=(Column(name="y"),)))
    with RunWriter.create(tmp_path / "run.h5", header, sync_interval=1e9) as writer:
        for index, value in enumerate(values.ravel()):
            writer.append(index, 0.0, [value])
        run = read_run(writer.finish("finished"))
    recipe = replace(RECIPE, y="y", sigma="none", select={"average": (0.5, 9.0)})
    assert traces_lie_along(run, recipe) == 2
    traces = traces_of(run, recipe)
    assert len(traces) == 3
    for k, trace in enumerate(traces):
        expected = values[:, :, k, 1:]
        np.testing.assert_array_equal(trace.y, expected.ravel())
        x = np.broadcast_to(np.arange(5.0)[None, :, None], expected.shape)
        np.testing.assert_array_equal(trace.x, x.ravel())
        assert trace.label == f"magnet field {k}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_a_run_larger_than_the_memory_is_fitted(tmp_path):
    """The process may take a third of the size of the run beyond what it has after its imports."""
    script = Path(__file__).parents[3] / "benchmarks" / "large_run.py"
    done = subprocess.run(
        [sys.executable, str(script), "1300", str(tmp_path)], capture_output=True, text=True, check=False,
        env=places.environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fitted" in done.stdout


def test_what_the_batch_engine_does_not_take_is_fitted_one_by_one(many):
    stack = stack_of(read_run(many), RECIPE)
    assert suits_batch(stack, SE, RECIPE)
    assert not suits_batch(stack, replace(SE, noise=lambda *arguments: None), RECIPE)
    assert not suits_batch(replace(stack, sigma=stack.sigma * (1 + 1j)), SE, RECIPE)
    assert not suits_batch(stack, SE, replace(RECIPE, tied={"baseline": "0*amplitude"}))
    assert fit_traces_as_stack(stack, replace(RECIPE, model="thermal_spectrum")) is None


def test_curves_that_were_too_many_to_store_are_computed_again(many, tmp_path, monkeypatch):
    drawn = {}
    for limit in (1 << 20, 0):
        monkeypatch.setattr(file_fit, "_CURVE_NUMBERS", limit)
        path = tmp_path / f"{limit}.h5"
        path.write_bytes(many.read_bytes())
        assert fit_file(FitJob(path=path, recipe=RECIPE)).status == "fitted"
        run = read_run(path)
        (record,) = run.fits
        assert (record.curve is None) == (limit == 0)
        drawn[limit] = outcomes_of(run, record, most=5)
    for stored, computed in some(zip(*drawn.values(), strict=True)):
        for name in ("x", "y", "sigma", "best", "curve_y"):
            np.testing.assert_allclose(getattr(computed, name), getattr(stored, name), rtol=1e-12, atol=0)
        assert (computed.label, computed.x_unit, computed.y_name) == (
            stored.label,
            stored.x_unit,
            stored.y_name,
        )
    assert drawn[0][0].label.endswith("-1 mT")
    assert drawn[0][-1].label.endswith(" 1 mT")
    foreign = replace(record, model="somebody.py:model")
    assert outcomes_of(run, foreign) == []
