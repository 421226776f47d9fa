"""From a run file to numbers, and back into the file."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from labspin.analysis import fit_foreign, fit_run, load_model, plot_outcomes, plot_runs, plot_t1
from labspin.analysis.recipes.fit_records import record_of
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import traces_of
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import FitError, LabspinError, RecipeError, UnitError
from tests.some import some

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(1e-5, 2e-2, 30)
RECIPE = Recipe(
    name="test",
    x="dark_time",
    y="bright - dark",
    sigma="poisson",
    model="stretched_exponential",
    start={"T1": "1 ms"},
    bounds={"T1": ("1 us", "1 s")},
    derived={"rate": "1/T1 [1/s]"},
)


def counts(rng, T1, shape=()):
    truth = {"amplitude": 0.0, "T1": T1, "beta": 0.8, "baseline": 2e5}
    size = (*shape, DELAYS.size)
    return {
        "dark": rng.poisson(SE.evaluate(DELAYS, truth), size),
        "bright": rng.poisson(SE.evaluate(DELAYS, truth | {"amplitude": 2e4}), size),
    }


def fake(dimensions, data, columns=None):
    made = tuple(Dimension(name=name, unit=unit, values=values) for name, unit, values in dimensions)
    if columns is None:
        columns = tuple(Column(name=name, dtype="int64") for name in data)
    layout = Layout(dimensions=made, columns=columns)
    header = RunHeader(procedure="t1", label="run", layout=layout)
    good = np.zeros(layout.shape or (len(next(iter(data.values()))),), bool)
    written = SimpleNamespace(units=())
    return SimpleNamespace(header=header, data=data, path=None, is_doubtful=good, metadata=written)


def spoilt(rows=1):
    """Return a run of T1 whose points 3 and 7 of the last trace are far off, and doubtful."""
    dimensions = [("dark_time", "s", DELAYS)]
    if rows > 1:
        dimensions = [("magnet_field", "T", np.arange(float(rows))), *dimensions]
    shape = () if rows == 1 else (rows,)
    run = fake(dimensions, counts(np.random.default_rng(1), 1.6e-3, shape))
    last = (rows - 1,) if shape else ()
    run.data["bright"][(*last, [3, 7])] += 50_000
    run.is_doubtful[(*last, [3, 7])] = True
    return run


@pytest.mark.parametrize("rows", [1, 3, 20])
def test_doubtful_points_are_left_out_and_that_is_said(rows):
    """One by one, and by the batch engine."""
    outcomes = fit_run(spoilt(rows), RECIPE)
    last = outcomes[-1]
    assert abs(last["T1"].value - 1.6e-3) < 4 * last["T1"].stderr
    assert last.statistics.points == DELAYS.size - 2
    assert "2 of 30 points are doubtful: left out" in last.warnings
    assert not any("doubtful" in text for one in outcomes[:-1] for text in one.warnings)


def test_a_recipe_may_fit_doubtful_points_and_says_so():
    (outcome,) = fit_run(spoilt(), replace(RECIPE, doubtful="use"))
    assert outcome.statistics.points == DELAYS.size
    assert outcome.statistics.chi2 > 1000
    assert "2 of 30 points are doubtful: fitted" in outcome.warnings
    with pytest.raises(RecipeError, match="wanted 'leave out' or 'use', got 'maybe'"):
        replace(RECIPE, doubtful="maybe")


def test_one_trace_of_a_grid():
    run = fake([("dark_time", "s", DELAYS)], counts(np.random.default_rng(1), 1.6e-3))
    (outcome,) = fit_run(run, RECIPE)
    assert abs(outcome["T1"].value - 1.6e-3) < 4 * outcome["T1"].stderr
    assert outcome["T1"].unit == "s"
    assert outcome.statistics.p_value > 1e-3
    np.testing.assert_allclose(outcome.sigma**2, run.data["bright"] + run.data["dark"], rtol=1e-6, atol=0)
    rate = outcome["rate"]
    assert rate.value == pytest.approx(1 / outcome["T1"].value, rel=1e-6, abs=0)
    assert rate.stderr == pytest.approx(outcome["T1"].stderr / outcome["T1"].value ** 2, rel=1e-5, abs=0)
    assert rate.unit == "1/s"


def test_other_dimensions_make_traces_and_repeats_are_pooled():
    rng = np.random.default_rng(2)
    fields = np.array([0.001, 0.002])
    run = fake(
        [("field", "T", fields), ("repeat", "1", np.arange(3.0)), ("dark_time", "s", DELAYS)],
        counts(rng, 1.6e-3, (2, 3)),
    )
    outcomes = fit_run(run, RECIPE)
    assert [outcome.label for outcome in outcomes] == ["run, field 1 mT", "run, field 2 mT"]
    assert all(outcome.statistics.points == 90 for outcome in outcomes)


def test_points_that_were_not_measured_are_left_out():
    data = {name: values.astype(float) for name, values in counts(np.random.default_rng(3), 1e-3).items()}
    data["bright"][20:] = np.nan
    (outcome,) = fit_run(fake([("dark_time", "s", DELAYS)], data), RECIPE)
    assert outcome.statistics.points == 20


def test_list_scan_and_array_quantity():
    rng = np.random.default_rng(4)
    data = counts(rng, 1e-3) | {"dark_time": DELAYS}
    columns = (
        Column(name="dark_time", unit="s", role="coordinate"),
        *(Column(name=name, dtype="int64") for name in ("dark", "bright")),
    )
    run = fake([], data, columns)
    assert len(fit_run(run, RECIPE)) == 1
    axis = Dimension(name="dark_time", unit="s", values=DELAYS)
    columns = tuple(Column(name=name, dtype="int64", axes=(axis,)) for name in ("dark", "bright"))
    traces = traces_of(fake([("field", "T", np.arange(3.0))], counts(rng, 1e-3, (3,)), columns), RECIPE)
    assert len(traces) == 3
    np.testing.assert_array_equal(traces[1].x, DELAYS)


def test_selection_by_unit():
    run = fake([("dark_time", "s", DELAYS)], counts(np.random.default_rng(5), 1e-3))
    chosen = replace(RECIPE, select={"dark_time": ("100 us", "1 s")})
    (outcome,) = fit_run(run, chosen)
    assert outcome.x.min() >= 1e-4


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"y": "bright - missing"}, RecipeError, "no column 'missing'"),
        ({"fixed": {"gamma": 1}}, RecipeError, "no parameter 'gamma'"),
        ({"start": {"T1": "1 T"}}, UnitError, "T1"),
        ({"model": "no_model"}, RecipeError, "wanted one of"),
        ({"options": {"count": 2}}, RecipeError, "takes no options"),
        ({"sigma": "poisson", "y": "bright/3.0 - dark_time"}, FitError, "wanted counts"),
    ],
)
def test_recipe_that_does_not_suit_the_run_is_refused(change, error, match):
    run = fake([("dark_time", "s", DELAYS)], counts(np.random.default_rng(6), 1e-3))
    with pytest.raises(error, match=match):
        fit_run(run, replace(RECIPE, **change))


def test_record_for_the_file_holds_one_fit_or_many():
    rng = np.random.default_rng(7)
    run = fake([("field", "T", np.arange(2.0)), ("dark_time", "s", DELAYS)], counts(rng, 1e-3, (2,)))
    outcomes = fit_run(run, RECIPE)
    single, both = record_of(outcomes[:1], RECIPE), record_of(outcomes, RECIPE)
    assert single.parameter("T1").value.shape == ()
    assert both.parameter("T1").value.shape == (2,)
    assert both.curve.values.shape == (2, DELAYS.size)
    errors = np.sqrt(np.diagonal(both.covariance, axis1=1, axis2=2))
    varied = [parameter for parameter in both.parameters if parameter.varied]
    for column, parameter in some(enumerate(varied)):
        np.testing.assert_allclose(errors[:, column], parameter.stderr, atol=0)


def test_rows_summary_and_pictures(tmp_path):
    run = fake([("dark_time", "s", DELAYS)], counts(np.random.default_rng(8), 1.6e-3))
    outcomes = fit_run(run, RECIPE)
    assert {row["parameter"] for row in outcomes[0].rows()} == {"amplitude", "T1", "beta", "baseline", "rate"}
    assert "T1 = 1." in outcomes[0].summary()
    for draw, name in ((plot_t1, "t1.png"), (plot_outcomes, "all.svg")):
        path = draw(outcomes, tmp_path / name)
        assert path.stat().st_size > 5000
    with pytest.raises(FitError, match="at least one fit"):
        plot_outcomes([], tmp_path / "none.png")
    with pytest.raises(FitError, match="cannot be"):
        plot_outcomes(outcomes, tmp_path / "picture.unknown")


@pytest.mark.parametrize(("separator", "suffix"), [(",", "csv"), ("\t", "dat")])
def test_foreign_text_columns(tmp_path, separator, suffix):
    y = SE.evaluate(DELAYS, {"amplitude": 1, "T1": 1e-3, "beta": 0.7, "baseline": 0.1})
    lines = ["# made elsewhere", separator.join(("time", "signal"))]
    lines += [separator.join((repr(float(a)), repr(float(b)))) for a, b in zip(DELAYS, y, strict=True)]
    path = tmp_path / f"foreign.{suffix}"
    path.write_text("\n".join(lines))
    outcome = fit_foreign(path, x="time", y="signal", model="stretched_exponential", units=("s", "1"))
    assert outcome["T1"].value == pytest.approx(1e-3, rel=1e-6, abs=0)
    with pytest.raises(LabspinError, match="noise"):
        fit_foreign(path, x="time", y="noise", model="stretched_exponential")


def test_foreign_file_that_is_none(tmp_path):
    with pytest.raises(LabspinError, match=r"none\.h5"):
        fit_foreign(tmp_path / "none.h5", x="x", y="y", model="thermal_spectrum")


def run_file(folder, rng):
    axis = (
        Dimension(name="average", unit="1", values=np.arange(3.0)),
        Dimension(name="dark_time", unit="s", values=DELAYS),
    )
    columns = tuple(Column(name=name, dtype="int64") for name in ("dark", "bright"))
    layout = Layout(dimensions=axis, columns=columns)
    path = folder / "run.h5"
    writer = RunWriter.create(path, RunHeader(procedure="t1", label="alone", layout=layout, signal="bright"))
    data = counts(rng, 1.6e-3, (3,))
    for index in range(3 * DELAYS.size - 1):
        place = np.unravel_index(index, (3, DELAYS.size))
        writer.append(index, float(index), [int(data["dark"][place]), int(data["bright"][place])])
    return writer.finish("finished")


def test_fit_of_a_run_file_is_stored_and_read_back(tmp_path):
    path = run_file(tmp_path, np.random.default_rng(9))
    (outcome,) = fit_run(path, RECIPE, write=True)
    fit_run(path, RECIPE, write=True)
    run = read_run(path)
    (stored,) = run.fits
    assert outcome.statistics.points == 3 * DELAYS.size - 1
    assert float(stored.parameter("T1").value) == outcome["T1"].value
    assert float(stored.parameter("rate").stderr) == outcome["rate"].stderr
    assert stored.recipe["y"] == "bright - dark"
    np.testing.assert_array_equal(stored.curve.data, outcome.y)
    assert stored.statistics["p_value"] == pytest.approx(outcome.statistics.p_value, rel=1e-6, abs=0)
    picture = plot_runs([path], tmp_path / "run.png")
    assert picture.stat().st_size > 5000
    assert plot_outcomes([outcome], tmp_path).name == "fits.png"
    with pytest.raises(FitError, match="no quantity 'none'"):
        plot_runs([path], tmp_path / "x.png", quantity="none")


def test_recipe_of_the_procedure_is_found(tmp_path, monkeypatch):
    path = run_file(tmp_path, np.random.default_rng(10))
    folder = tmp_path / "analysis"
    folder.mkdir()
    (folder / "t1.toml").write_text(
        'procedures = ["t1"]\n[data]\nx = "dark_time"\ny = "bright - dark"\n'
        '[model]\nname = "stretched_exponential"\n'
    )
    monkeypatch.chdir(tmp_path)
    (outcome,) = fit_run(path)
    assert outcome.name == "t1"
    assert outcome.statistics.errors_from_scatter


def test_no_count_at_all_has_the_error_of_one():
    """√0 would weigh a gate in which nothing was seen without end."""
    data = {"dark": np.array([0, 1, 4, 0, 9]), "bright": np.array([0, 3, 0, 1, 16])}
    run = fake([("dark_time", "s", DELAYS[:5])], data)
    (single,) = traces_of(run, replace(RECIPE, y="dark"))
    assert single.sigma == pytest.approx([1, 1, 2, 1, 3], rel=1e-6, abs=0)
    (difference,) = traces_of(run, RECIPE)
    assert difference.sigma**2 == pytest.approx([1 + 1, 1 + 3, 4 + 1, 1 + 1, 9 + 16], rel=1e-6, abs=0)


@pytest.mark.parametrize(("first", "last"), [(0, 29), (5, 20), (7, 7)])
def test_both_limits_of_a_selection_belong_to_it(first, last):
    run = fake([("dark_time", "s", DELAYS)], counts(np.random.default_rng(5), 1e-3))
    chosen = replace(RECIPE, select={"dark_time": (DELAYS[first], DELAYS[last])})
    (trace,) = traces_of(run, chosen)
    assert trace.x.tolist() == DELAYS[first : last + 1].tolist()


@pytest.mark.parametrize("several", [False, True])
def test_stored_parameters_stand_in_the_order_of_their_covariance(several):
    """In the order of the model, which is not that of the alphabet; fixed and derived ones come after."""
    shape = (2,) if several else ()
    axes = [("field", "T", np.arange(2.0))] if several else []
    run = fake([*axes, ("dark_time", "s", DELAYS)], counts(np.random.default_rng(7), 1e-3, shape))
    stored = record_of(fit_run(run, RECIPE), RECIPE)
    varied = [parameter for parameter in stored.parameters if parameter.varied]
    assert [parameter.name for parameter in varied] == ["amplitude", "T1", "beta", "baseline"]
    assert list(stored.parameters[: len(varied)]) == varied
    errors = np.sqrt(np.diagonal(stored.covariance, axis1=-2, axis2=-1))
    for column, parameter in enumerate(varied):
        np.testing.assert_allclose(errors[..., column], parameter.stderr, rtol=1e-9, atol=0)
