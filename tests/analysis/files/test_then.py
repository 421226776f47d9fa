"""Chains that go on from a fit by themselves, chains of several traces, and joint recipes over runs."""

import json
import re

import numpy as np
import pytest

from labspin.analysis import fit_chain, fit_many, fit_run, load_recipe, outcomes_of, report_html
from labspin.cli import main
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import FitError, RecipeError
from tests.some import some

TIMES = np.geomspace(1e-5, 1e-2, 20)
FIELDS = np.linspace(1e-3, 8e-3, 6)
PLACES = np.array([1.0, 2.0])
SIGMA = 0.005
SLOPE, OFFSET = 4e4, 300.0  # 1/s/T per place, 1/s

FIRST = """
procedures = ["decays"]
then = ["law.toml"]
[data]
x = "dark_time"
y = "signal"
sigma = "signal_errors"
[model]
name = "stretched_exponential"
fixed = {beta = 1.0, baseline = 0.0}
"""
LAW = """
[chain]
recipe = "first.toml"
by = ["place"]
y_unit = "1/s"
[data]
x = "field"
y = "1/T1"
name = "rate"
[model]
name = "my_models.py:line"
"""
JOINT = "[joint]\nshared = ['offset']\n"
MODELS = """
def line(x, slope=1e4, offset=100.0):
    return slope * x + offset
"""


def rate(field, place):
    return OFFSET + SLOPE * place * field


def decays(path, places=PLACES, seed=1, label="", measured=None):
    """A run of decays on a grid of place and field."""
    rng = np.random.default_rng(seed)
    axes = (
        Dimension(name="place", unit="1", values=places),
        Dimension(name="field", unit="T", values=FIELDS),
    )
    inner = (Dimension(name="dark_time", unit="s", values=TIMES),)
    columns = (
        Column(name="signal", unit="1", shape=(TIMES.size,), axes=inner),
        Column(name="signal_errors", unit="1", shape=(TIMES.size,), axes=inner),
    )
    layout = Layout(columns=columns, dimensions=axes)
    header = RunHeader(procedure="decays", label=label, layout=layout, signal="signal")
    with RunWriter.create(path, header) as writer:
        for index, (place, field) in list(enumerate((p, f) for p in places for f in FIELDS))[:measured]:
            y = 0.4 * np.exp(-TIMES * rate(field, place)) + SIGMA * rng.normal(size=TIMES.size)
            writer.append(index, 0.0, [y, np.full(TIMES.size, SIGMA)])
        return writer.finish("finished" if measured is None else "aborted")


@pytest.fixture
def folder(tmp_path):
    for name, text in (("first", FIRST), ("law", LAW)):
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "my_models.py").write_text(MODELS)
    return tmp_path


def test_a_fit_goes_on_to_its_chain_and_both_stand_in_the_run(folder):
    path = decays(folder / "run.h5")
    (result,) = fit_many([path], folder / "first.toml", workers=1, curves=True)
    (law,) = result.linked
    assert law.status == "fitted"
    assert law.labels == ("place 1", "place 2")
    for at, place in enumerate(PLACES):
        for name, truth in (("slope", SLOPE * place), ("offset", OFFSET)):
            found = law.record.parameter(name)
            assert abs(found.value[at] - truth) < 4 * found.stderr[at]
    run = read_run(path)
    assert [fit.name for fit in run.fits] == ["first", "law"]
    again = outcomes_of(run, run.fits[1])
    assert [outcome.sigma is not None for outcome in again] == [True, True]
    assert again[0].y_name == "rate"
    assert "Fit law" in report_html(path)
    assert {row["fit"] for row in result.rows()} == {"first", "law"}


def test_the_chain_is_that_of_a_second_command(folder):
    path = decays(folder / "run.h5")
    (result,) = fit_many([path], folder / "first.toml", workers=1)
    second = fit_chain([path], folder / "law.toml", workers=1)
    for at, outcome in some(enumerate(second.outcomes)):
        assert outcome["slope"].value == pytest.approx(
            result.linked[0].record.parameter("slope").value[at], rel=1e-9, abs=0
        )


def test_what_is_done_is_not_done_again_and_a_changed_chain_is(folder):
    path = decays(folder / "run.h5")

    def status():
        (result,) = fit_many([path], folder / "first.toml", workers=1, curves=True)
        assert len(result.linked[0].outcomes) == 2
        return result.status, result.linked[0].status

    assert status() == ("fitted", "fitted")
    assert status() == ("unchanged", "unchanged")
    (folder / "law.toml").write_text(LAW + JOINT)
    assert status() == ("unchanged", "refitted")


def test_a_chain_that_fails_costs_only_itself_and_is_told(folder, capsys):
    (folder / "law.toml").write_text(LAW + "[joint]\nshared = ['nothing']\n")
    path = decays(folder / "run.h5")
    assert main(["fit", str(path), "--with", str(folder / "first.toml"), "--json"]) == 3
    shown = json.loads(capsys.readouterr().out)
    assert {row["fit"] for row in shown["fits"]} == {"first"}
    assert main(["fit", str(path), "--with", str(folder / "first.toml")]) == 3
    assert "no parameter 'nothing'" in capsys.readouterr().out
    assert [fit.name for fit in read_run(path).fits] == ["first"]


def test_one_command_prints_both_and_draws_both(folder, capsys):
    path = decays(folder / "run.h5")
    assert main(["fit", str(path), "--with", str(folder / "first.toml"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {row["fit"] for row in shown["fits"]} == {"first", "law"}
    assert len(shown["pictures"]) == 2


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("law", FIRST, "which is no chain"),
        ("law", LAW.replace("first.toml", "t1"), "continues 't1'"),
        ("first", FIRST + "[chain]\nby = ['a']\n", r"chain\.recipe"),
    ],
)
def test_a_chain_that_does_not_follow_is_refused(folder, name, text, match):
    (folder / f"{name}.toml").write_text(text)
    if name == "first":
        with pytest.raises(RecipeError, match=match):
            load_recipe(folder / "first.toml")
        return
    (result,) = fit_many([decays(folder / "run.h5")], folder / "first.toml", workers=1)
    assert result.status == "failed"
    assert re.search(match, result.error)


def dense(rates, errors, fields):
    """Slopes of all places and one offset by weighted linear least squares, and their errors."""
    rows = [
        [*(float(k == at) * f for k in range(len(rates))), 1.0] for at in range(len(rates)) for f in fields
    ]
    matrix = np.array(rows) / errors.ravel()[:, None]
    covariance = np.linalg.inv(matrix.T @ matrix)
    return covariance @ matrix.T @ (rates.ravel() / errors.ravel()), np.sqrt(np.diagonal(covariance))


def test_a_joint_chain_shares_a_parameter_over_its_traces(folder):
    """Against linear least squares on the rates that the first fits gave."""
    (folder / "law.toml").write_text(LAW + JOINT)
    path = decays(folder / "run.h5")
    (result,) = fit_many([path], folder / "first.toml", workers=1)
    T1 = result.record.parameter("T1")
    rates = (1 / T1.value).reshape(2, -1)
    errors = (T1.stderr / T1.value**2).reshape(2, -1)
    values, deviations = dense(rates, errors, FIELDS)
    law = result.linked[0].record
    for at in range(2):
        assert law.parameter("slope").value[at] == pytest.approx(values[at], rel=1e-6, abs=0)
        assert law.parameter("slope").stderr[at] == pytest.approx(deviations[at], rel=1e-4, abs=0)
        assert law.parameter("offset").value[at] == pytest.approx(values[2], rel=1e-6, abs=0)
        assert law.parameter("offset").stderr[at] == pytest.approx(deviations[2], rel=1e-4, abs=0)
    assert law.recipe["joint"]["shared"] == ["offset"]


TOGETHER = """
[data]
x = "dark_time"
y = "signal"
sigma = "signal_errors"
[model]
name = "stretched_exponential"
fixed = {beta = 1.0, baseline = 0.0}
tied = {T1 = "1/(offset + slope*place*field)"}
[joint]
by = {amplitude = "place"}
free = {offset = "200 [1/s]", slope = "30000 [1/s/T]"}
"""


def test_a_joint_recipe_takes_all_traces_of_all_runs(folder):
    """Decays themselves, tied to place and field: each run holds its own, values are one."""
    (folder / "together.toml").write_text(TOGETHER)
    paths = [
        decays(folder / f"{k}.h5", places=PLACES[k : k + 1], seed=k + 5, label=f"run {k}") for k in range(2)
    ]
    results = list(fit_many(paths, folder / "together.toml", workers=1))
    for name, truth in (("offset", OFFSET), ("slope", SLOPE)):
        values = np.concatenate([result.record.parameter(name).value for result in results])
        (error,) = set(results[0].record.parameter(name).stderr)
        assert len(set(values)) == 1
        assert abs(values[0] - truth) < 4 * error
    amplitudes = [set(result.record.parameter("amplitude").value) for result in results]
    assert [len(found) for found in amplitudes] == [1, 1]
    assert amplitudes[0] != amplitudes[1]
    assert [fit.name for fit in read_run(paths[1]).fits] == ["together"]
    assert [r.status for r in fit_many(paths, folder / "together.toml", workers=1)] == ["unchanged"] * 2
    assert results[0].record.statistics["degrees_of_freedom"][0] == 12 * 20 - 4
    # A run alone is fitted alone.
    alone = fit_run(paths[0], folder / "together.toml")
    assert alone[0].statistics.degrees_of_freedom == 6 * 20 - 3


def test_a_run_that_broke_off_is_fitted_as_far_as_it_was_measured(folder):
    (folder / "together.toml").write_text(TOGETHER)
    outcomes = fit_run(decays(folder / "run.h5", measured=-2), folder / "together.toml")
    empty = [np.isnan(outcome["amplitude"].value) for outcome in outcomes]
    assert empty == [False] * (len(outcomes) - 2) + [True] * 2
    assert abs(outcomes[0]["offset"].value - OFFSET) < 4 * outcomes[0]["offset"].stderr
    assert outcomes[0].statistics.points == 20
    said = [outcome.warnings for outcome in outcomes[-2:]]
    assert said == [("not fitted: wanted points, got none: none was measured",)] * 2
    assert outcomes[-1].label != outcomes[-2].label


def test_a_file_that_cannot_be_read_is_left_out(folder):
    (folder / "together.toml").write_text(TOGETHER)
    good = decays(folder / "good.h5")
    (folder / "bad.h5").write_bytes(b"no run")
    results = list(fit_many([folder / "bad.h5", good], folder / "together.toml", workers=1))
    assert [result.status for result in results] == ["failed", "fitted"]
    with pytest.raises(FitError, match="bad"):
        list(fit_many([folder / "bad.h5"], folder / "together.toml", workers=1))


def test_a_prior_may_be_what_the_run_knows(folder):
    """Amplitudes of 0.4 that are said to be 1 ± their place, and then to be their place."""
    known = TOGETHER + 'priors = {amplitude = ["1", "place"]}\n'
    path = decays(folder / "run.h5")
    (folder / "together.toml").write_text(known)
    loose = fit_run(path, folder / "together.toml")
    (folder / "together.toml").write_text(known.replace('["1", "place"]', '["place", "1e-6"]'))
    tight = fit_run(path, folder / "together.toml")
    assert loose[0].statistics.degrees_of_freedom == tight[0].statistics.degrees_of_freedom
    found = {outcome["amplitude"].value for outcome in tight}
    assert sorted(found) == pytest.approx(PLACES, rel=1e-4, abs=0)
    assert loose[0]["amplitude"].value == pytest.approx(0.4, rel=0.02, abs=0)  # what the decays say
    (folder / "together.toml").write_text(known.replace('"place"]', '"plaice"]'))
    with pytest.raises(RecipeError, match="'plaice' is neither a parameter"):
        fit_run(path, folder / "together.toml")


def test_an_unknown_fact_is_named(folder):
    (folder / "together.toml").write_text(TOGETHER.replace("*field)", "*feld)"))
    with pytest.raises(RecipeError, match="'feld' is neither a parameter"):
        list(fit_many([decays(folder / "run.h5")], folder / "together.toml", workers=1))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (TOGETHER.replace("[joint]", "[joint]\nshared = ['amplitude']"), "among those that all traces share"),
        (TOGETHER.replace("[model]", "[model]\nchoose = {count = [1, 2]}"), "is not for a joint fit"),
        (TOGETHER + "priors = {T1 = 3}\n", "standard deviation"),
        (TOGETHER + "other = 3\n", "joint.other: is not known here"),
        (FIRST + "[joint]\nby = {T1 = 3}\n", "wanted the name by whose values"),
    ],
)
def test_a_joint_recipe_that_makes_no_sense_is_refused(folder, text, match):
    (folder / "wrong.toml").write_text(text)
    with pytest.raises(RecipeError, match=match):
        load_recipe(folder / "wrong.toml")
