"""Recipes whose options the data choose, trace by trace."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from labspin.analysis import (
    FitOutcome,
    chain_fit,
    count_dips,
    fit_many,
    fit_run,
    load_model,
    load_recipe,
    outcomes_of,
    write_outcomes,
)
from labspin.analysis.fitting.criterion import preferred
from labspin.analysis.models import loading
from labspin.analysis.recipes import fit_run as fit_run_module
from labspin.analysis.recipes.choice import choice_of
from labspin.analysis.recipes.fit_records import chosen_of_trace
from labspin.analysis.recipes.fit_run import fit_traces_as_stack, fit_traces_singly
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.stack_choice import fit_choice
from labspin.analysis.recipes.traces import stack_of
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import RecipeError

X = np.linspace(2.6e9, 2.8e9, 101)
SIGMA = 0.002
RECIPE = Recipe(
    name="dips", x="frequency", y="light", sigma="light_errors", model="gaussian_dips",
    choose={"count": [1, 2, 3]}, derived={"splitting": "center_2 - center_1 [Hz]"}, version="1",
)  # fmt: skip
PLACES = ([2.65e9], [2.64e9, 2.75e9], [2.63e9, 2.7e9, 2.76e9])


def spectrum(places):
    count = len(places)
    model = load_model("gaussian_dips", count=count)
    return model.evaluate(X, [*places, *[8e6] * count, *[0.03] * count, 1.0])


def write_run(path, traces, rng, points=None):
    """Write spectra with one, two, three, one … dips, one a field; ``points`` of them, None: all."""
    fields = np.arange(float(traces)) * 1e-3
    dimensions = (
        Dimension(name="field", unit="T", values=fields),
        Dimension(name="frequency", unit="Hz", values=X),
    )
    columns = (Column(name="light"), Column(name="light_errors"))
    layout = Layout(dimensions=dimensions, columns=columns)
    header = RunHeader(procedure="mdmr", label="run", layout=layout, signal="light")
    with RunWriter.create(path, header) as writer:
        for trace in range(traces):
            noisy = spectrum(PLACES[trace % 3]) + rng.normal(0, SIGMA, X.size)
            left = X.size if points is None else min(max(points - trace * X.size, 0), X.size)
            for point, value in enumerate(noisy[:left]):
                writer.append(trace * X.size + point, 0.0, [value, SIGMA])
        writer.finish("finished")
    return path


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("choice") / "run.h5", 18, np.random.default_rng(1))


def test_one_by_one_and_at_once_choose_the_same_and_agree(run_file):
    stack = stack_of(read_run(run_file), RECIPE)
    together, apart = fit_traces_as_stack(stack, RECIPE), fit_traces_singly(stack, RECIPE)
    assert [outcome.chosen for outcome in apart] == [{"count": 1 + k % 3} for k in range(18)]
    for trace, one in enumerate(apart):
        other = together.outcome(trace)
        assert other.chosen == one.chosen
        assert other.covariance_names == one.covariance_names
        np.testing.assert_allclose(
            list(other.values().values()), list(one.values().values()), rtol=1e-6, equal_nan=True, atol=0
        )
        errors, others = np.sqrt(np.diag(one.covariance)), np.sqrt(np.diag(other.covariance))
        np.testing.assert_allclose(others, errors, rtol=1e-3, equal_nan=True, atol=0)
        apart_by = (other.covariance - one.covariance) / np.outer(errors, errors)
        assert np.nanmax(np.abs(apart_by)) < 1e-3


def test_lacking_parameters_are_missing_and_the_rest_is_the_fit_of_that_model(run_file):
    outcome = fit_run(run_file, RECIPE)[0]
    assert np.isnan(outcome["center_2"].value)
    assert np.isnan(outcome["splitting"].value)
    assert [p.name for p in outcome.present] == ["center_1", "width_1", "depth_1", "offset"]
    assert "nan" not in outcome.summary()
    assert "count = 1" in outcome.summary()
    alone = fit_run(run_file, replace(RECIPE, choose={}, options={"count": 1}, derived={}))[0]
    assert outcome["center_1"].value == pytest.approx(alone["center_1"].value, rel=1e-9, abs=0)
    assert outcome.statistics.bic == pytest.approx(alone.statistics.bic, rel=1e-6, abs=0)
    assert abs(outcome["center_1"].value - 2.65e9) < 5 * outcome["center_1"].stderr


@pytest.mark.parametrize("traces", [3, 18])
def test_choice_survives_the_file_and_is_not_repeated(tmp_path, traces):
    path = write_run(tmp_path / "run.h5", traces, np.random.default_rng(2))
    (result,) = fit_many([path], RECIPE, workers=1)
    rows = [row for row in result.rows() if row["trace"] == 1]
    assert {row["chosen"] for row in rows} == {"count = 2"}
    assert [row["parameter"] for row in rows] == [
        *("center_1", "center_2", "width_1", "width_2", "depth_1", "depth_2", "offset", "splitting")
    ]
    assert len([row for row in result.rows() if row["trace"] == 0]) == 4
    (again,) = fit_many([path], RECIPE, workers=1)
    assert again.status == "unchanged"
    assert again.rows() == result.rows()
    (other,) = fit_many([path], replace(RECIPE, choose={"count": [1, 2]}), workers=1)
    assert other.status == "refitted"
    run = read_run(path)
    assert [chosen_of_trace(run.fits[0], k)["count"] for k in range(3)] == [1, 2, 2]
    drawn = outcomes_of(run, run.fits[0])
    assert [outcome.chosen["count"] for outcome in drawn[:3]] == [1, 2, 2]
    assert isinstance(drawn[0], FitOutcome)
    assert drawn[0].best.size == X.size


def test_a_trace_that_could_not_be_fitted_is_in_the_table_with_every_parameter_and_no_value(tmp_path):
    path = write_run(tmp_path / "run.h5", 2, np.random.default_rng(2), points=X.size + 1)
    (result,) = fit_many([path], RECIPE, workers=1)
    whole, broken_off = ([row for row in result.rows() if row["trace"] == trace] for trace in (0, 1))
    assert [row["parameter"] for row in whole] == ["center_1", "width_1", "depth_1", "offset"]
    assert {row["parameter"] for row in broken_off} > {row["parameter"] for row in whole}
    assert np.isnan([row["value"] for row in broken_off]).all()
    assert not any(row["converged"] for row in broken_off)


def test_single_trace_is_stored_and_drawn_without_its_curve(tmp_path):
    path = write_run(tmp_path / "run.h5", 1, np.random.default_rng(3))
    write_outcomes(path, fit_run(path, RECIPE), RECIPE)
    run = read_run(path)
    (outcome,) = outcomes_of(run, replace(run.fits[0], curve=None))
    assert outcome.chosen == {"count": 1}
    np.testing.assert_allclose(outcome.best, fit_run(path, RECIPE)[0].best, rtol=1e-12, atol=0)


def test_chain_takes_the_traces_that_have_the_parameter(run_file):
    (result,) = fit_many([run_file], RECIPE, workers=1, wanted=("field",), write=False)
    law = Recipe(
        name="law", x="field", y="center_2 - center_1", sigma="fit", chain="dips",
        model="stretched_exponential", fixed={"T1": 1.0, "beta": 1.0, "amplitude": 0.0}, x_unit="T",
        y_unit="Hz", select={"count": (2, 3)},
    )  # fmt: skip
    chain = chain_fit([result], law)
    assert chain.y.size == 12
    assert len(chain.left_out) == 6
    two = chain.columns["count"] == 2
    assert np.abs(chain.y[two] - 1.1e8).max() < 5 * chain.sigma[two].max()


def test_false_dips_are_as_rare_as_the_criterion_says():
    """One dip, 200 spectra: 6 below Bayes' criterion, two are preferred in one or two of a thousand."""
    rng = np.random.default_rng(4)
    run = read_like(np.stack([spectrum([2.7e9]) + rng.normal(0, SIGMA, X.size) for _ in range(200)]))
    counts = fit_traces_as_stack(stack_of(run, RECIPE), replace(RECIPE, derived={})).places + 1
    assert np.count_nonzero(counts > 1) <= 3


def read_like(light):
    dimensions = (
        Dimension(name="field", unit="T", values=np.arange(float(len(light)))),
        Dimension(name="frequency", unit="Hz", values=X),
    )
    columns = (Column(name="light"), Column(name="light_errors"))
    header = RunHeader(procedure="mdmr", layout=Layout(dimensions=dimensions, columns=columns))
    data = {"light": light, "light_errors": np.full(light.shape, SIGMA)}
    return SimpleNamespace(
        header=header, data=data, path=None, is_doubtful=np.zeros(light.shape, bool),
        metadata=SimpleNamespace(units=()),
    )  # fmt: skip


def test_preferred_is_the_smallest_that_no_larger_beats_clearly():
    bic = np.array([[100.0, 100.0, 100.0, 100.0], [95.0, 90.0, 90.0, 90.0], [90.0, 89.0, 80.0, 60.0]])
    sound = np.ones((3, 4), bool)
    assert preferred(bic, [4, 7, 10], sound).tolist() == [2, 1, 2, 2]
    sound[2, 3] = False
    assert preferred(bic, [4, 7, 10], sound)[3] == 1
    assert preferred([[5.0], [4.0]], [3, 3], [[True], [True]]).tolist() == [1]
    assert preferred([[np.nan], [4.0]], [3, 4], [[False], [False]]).tolist() == [1]


def test_count_dips_follows_the_same_rule():
    rng = np.random.default_rng(5)
    for places in PLACES:
        y = spectrum(places) + rng.normal(0, SIGMA, X.size)
        ranked = count_dips(X, y, SIGMA, largest=3, shape="gaussian_dips")
        assert len(ranked[0].outcome.covariance_names) == 3 * len(places) + 1


def test_any_option_of_any_model_may_be_chosen(run_file):
    recipe = replace(RECIPE, choose={"background": ["constant", "line"], "count": [1, 2]}, derived={})
    assert fit_run(run_file, recipe)[1].chosen == {"background": "constant", "count": 2}
    assert choice_of(recipe).free[-1] == "slope"


def test_settings_of_a_dip_hold_only_where_it_is(run_file):
    recipe = replace(RECIPE, fixed={"width_2": "8 MHz"}, derived={})
    outcome = fit_run(run_file, recipe)[1]
    assert outcome.chosen == {"count": 2}
    assert outcome["width_2"].fixed
    assert outcome["width_2"].value == 8e6
    assert "width_2" not in outcome.covariance_names
    with pytest.raises(RecipeError, match="no parameter 'width_4' with any"):
        fit_run(run_file, replace(recipe, fixed={"width_4": 1.0}))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"choose": {"count": [2]}}, "two or more different values"),
        ({"choose": {"count": [2, 2]}}, "two or more different values"),
        ({"choose": {"count": "auto"}}, "two or more different values"),
        ({"options": {"count": 2}}, "both set and to be chosen"),
        ({"model": "thermal_spectrum"}, "not for thermal_spectrum"),
        ({"choose": {"number": [1, 2]}}, "number"),
    ],
)
def test_choice_that_makes_no_sense_is_refused(run_file, change, match):
    with pytest.raises(RecipeError, match=match):
        fit_run(run_file, replace(RECIPE, **change))


@pytest.mark.parametrize("name", ["mdmr", "mdmr_angle", "mdmr_lockin", "mdmr_lockin_angle"])
def test_shipped_recipes_let_the_data_decide(name):
    assert load_recipe(name).choose == {"count": [0, 1, 2, 3, 4]}


def test_a_model_that_did_not_converge_quickly_is_tried_thoroughly(run_file):
    """Three dips explain a third of the traces; the quick fits of three are all taken for not converged."""
    stack, asked = stack_of(read_run(run_file), RECIPE), []

    def fit(part, recipe, quick):
        found = fit_run_module._fit_at_once(part, recipe, quick)
        if recipe.options["count"] != 3:
            return found
        if quick:
            return replace(found, result=replace(found.result, status=np.full_like(found.result.status, 2)))
        asked.append(len(part))
        return found

    chosen = fit_choice(choice_of(RECIPE), stack, fit)
    assert [chosen.outcome(trace).chosen["count"] for trace in range(18)] == [1 + k % 3 for k in range(18)]
    assert 6 <= asked[0] < 18  # the six that have three dips, and those for which three come near


def test_a_fit_makes_the_model_of_every_option_once(run_file, monkeypatch):
    made = []
    built = loading._built
    monkeypatch.setattr(loading, "_built", lambda *told: made.append(told[2]) or built(*told))
    fit_traces_singly(stack_of(read_run(run_file), RECIPE), RECIPE)
    assert [options["count"] for options in made] == [1, 2, 3]
    made.clear()
    recipe = replace(RECIPE, choose={}, options={"count": 2}, derived={})
    fit_run(run_file, recipe)
    assert len(made) == 1
    assert pickle.loads(pickle.dumps(recipe)) == recipe  # the model stays: a worker makes its own
