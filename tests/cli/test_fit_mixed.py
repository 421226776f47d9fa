"""`labspin fit` on a folder of everything, and its options: applied or refused, never ignored."""

import argparse
import json

import h5py
import numpy as np
import pytest

from labspin.cli import fit, main
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from tests.analysis.samples import decay_run
from tests.some import some

RECIPE = """
procedures = ["decay"]
[data]
x = "dark_time"
y = "difference"
sigma = "difference_errors"
[model]
name = "stretched_exponential"
fixed = { beta = 0.8 }
"""
CHAIN = '[data]\nx = "magnet_field"\ny = "T1"\n[model]\nname = "line.py:line"\n[chain]\nrecipe = "decay"\n'


def other_run(path, procedure="nobody_knows", points=2):
    layout = Layout(
        dimensions=(Dimension(name="x", unit="s", values=[1.0, 2.0]),), columns=(Column(name="y"),)
    )
    with RunWriter.create(path, RunHeader(procedure=procedure, label="", layout=layout)) as writer:
        for index in range(points):
            writer.append(index, float(index), [1.0])
        writer.finish("finished")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workspace whose data are of all kinds; two runs of equal label."""
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "decay.toml").write_text(RECIPE, "utf-8")
    data = tmp_path / "data"
    data.mkdir()
    decay_run(data / "20260101-120000-decay.h5", 1.5e-3)
    decay_run(data / "20260101-130000-decay.h5", 0.7e-3, seed=2)
    other_run(data / "unknown.h5")
    other_run(data / "law.h5", procedure="chain")
    other_run(data / "empty.h5", procedure="decay", points=0)
    h5py.File(data / "foreign.h5", "w").close()
    monkeypatch.chdir(tmp_path)
    return data


def asked(capsys, *words):
    code = main(["fit", *map(str, words), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out) if shown.out else None, shown.err


def test_a_mixed_folder_is_fitted_and_the_rest_is_named_once(folder, capsys):
    assert main(["fit", str(folder)]) == 0
    said = capsys.readouterr().out
    for name, reason in {
        "unknown.h5": "no recipe is for procedure 'nobody_knows'",
        "law.h5": "the result of a chain, no run",
        "empty.h5": "it has no points",
        "foreign.h5": "no run of labspin",
    }.items():
        assert said.count(name) == 1
        assert f"skipped ({reason}): {name}" in said
    assert "decay (20260101-120000)" in said
    assert "decay (20260101-130000)" in said


def test_a_recipe_takes_the_runs_that_it_serves(folder, capsys):
    code, found, _ = asked(capsys, folder, "--with", "t1")
    assert code == 1  # it serves none of them
    assert found is None
    (folder.parent / "analysis" / "any.toml").write_text(
        RECIPE.replace('procedures = ["decay"]', ""), "utf-8"
    )
    code, found, _ = asked(capsys, folder, "--with", "any")
    assert code == 0
    assert {row["source"].rsplit("/")[-1] for row in found["fits"]} == {
        "20260101-120000-decay.h5",
        "20260101-130000-decay.h5",
    }
    reasons = {entry["path"].rsplit("/")[-1]: entry["reason"] for entry in found["skipped"]}
    assert reasons["unknown.h5"] == "it has no dark_time, which recipe any uses"


def test_many_files_give_a_table_in_the_order_that_is_asked_for(folder, capsys):
    times = 1e-3 * np.array([0.9, 2.0, 0.5, 1.5, 1.1, 3.0, 0.7, 1.3, 2.5, 0.6, 1.7, 0.8, 2.2])
    for number, value in enumerate(times):
        decay_run(folder / f"run{number:02}.h5", value, seed=number)
    runs = str(folder / "run*.h5")
    assert main(["fit", runs, "--sort", "T1", "--workers", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("run")]
    order = [int(line[3:5]) for line in lines]
    assert len(order) == times.size
    assert all(" ms" in line and "µs" not in line for line in some(lines))  # one unit a column
    assert order[0] == np.argmin(times)
    assert order[-1] == np.argmax(times)
    assert main(["fit", runs, "--sort", "T1", "--reverse", "--rows", "2", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert [line[:5] for line in shown.splitlines() if line.startswith("run")][:1] == [f"run{order[-1]:02}"]
    assert "2 of 13 traces are shown" in shown
    assert main(["fit", runs, "--sort", "amplitud", "--workers", "1"]) == 1
    assert "did you mean 'amplitude'?" in capsys.readouterr().err


def value(found, name):
    return next(row for row in found["fits"] if row["parameter"] == name)


def test_what_is_wanted_of_the_fit_of_a_run_is_done(folder, capsys):
    run = folder / "20260101-120000-decay.h5"
    _, plain, _ = asked(capsys, run)
    assert value(plain, "beta")["kind"] == "fixed"
    _, held, _ = asked(capsys, run, "--fix", "T1=1 ms")
    assert value(held, "T1")["kind"] == "fixed"
    assert value(held, "T1")["value"] == pytest.approx(1e-3, rel=1e-12, abs=0)
    _, free, _ = asked(capsys, run, "--start", "beta=0.9")
    assert value(free, "beta")["kind"] == "fitted"
    _, unweighted, _ = asked(capsys, run, "--sigma", "2 * difference_errors")
    assert value(unweighted, "T1")["stderr"] == pytest.approx(
        2 * value(plain, "T1")["stderr"], rel=1e-3, abs=0
    )
    code, other, _ = asked(capsys, run, "--model", "double_exponential")
    assert code in (0, 3)
    assert other["fits"][0]["model"] == "double_exponential"
    assert other["fits"][0]["fit"] == "decay_double_exponential"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--fix", "nonsense=3"), "no parameter 'nonsense'"),
        (("--start", "nonsense=3"), "no parameter 'nonsense'"),
        (("--fix", "T1=1 ms", "--start", "T1=1 ms"), "wanted it either held or started"),
        (("--fix", "T1=1 K"), "wanted a quantity in 's'"),
        (("--option", "nonsense=3"), "nonsense"),
        (("--model", "nonsense"), "nonsense"),
        (("--sigma", "nonsense"), "nonsense"),
    ],
)
def test_what_a_run_cannot_be_fitted_by_is_refused(folder, capsys, words, error):
    code, found, said = asked(capsys, folder / "20260101-120000-decay.h5", *words)
    assert code == 1
    assert error in said
    assert found is None


APPLIED = {
    "files", "help", "recipe", "no_write", "plot", "force", "workers", "dask", "table", "output", "quiet",
    "sort", "reverse", "rows", "json", "model", "sigma", "option", "fix", "start",
}  # fmt: skip
"""Each of them is tried by a test of this file or of `tests.analysis.files`."""
FOREIGN = ("recipe", "force", "workers", "dask", "output", "sort", "reverse", "rows")
VALUES = {"first": "1", "last": "2", "skip": "1", "every": "2", "averages": "3", "workers": "2", "rows": "3"}


def actions():
    parser = argparse.ArgumentParser()
    fit.add(parser.add_subparsers(dest="command"))
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {one.dest: one for one in commands.choices["fit"]._actions}


def words_of(action):
    return [action.option_strings[-1], *([] if action.nargs == 0 else [VALUES.get(action.dest, "1")])]


def test_every_option_is_applied_or_refused_for_runs(folder, capsys):
    for dest, action in some(actions().items()):
        if dest in APPLIED:
            continue
        code, _, said = asked(capsys, *[folder / "20260101-120000-decay.h5"] * 2, *words_of(action))
        assert code == 1, dest
        assert "is for a file of another program" in said or "foreign file" in said, (dest, said)


def test_options_of_runs_are_refused_for_foreign_files(folder, capsys):
    table = folder / "decay.csv"
    table.write_text("t,y\n" + "".join(f"{t},{np.exp(-t)}\n" for t in range(1, 9)), "utf-8")
    found = actions()
    for dest in FOREIGN:
        code, _, said = asked(capsys, table, "--x", "t", "--y", "y", *words_of(found[dest]))
        assert code == 1, dest
        assert "is for runs, got a file of another program" in said, (dest, said)


def test_what_a_picture_leaves_out_is_said_in_it(tmp_path):
    """Seven traces are all drawn; of twenty, some, and the picture says how many."""
    from labspin.analysis import Recipe, fit_run, plot_outcomes

    fields = 1e-3 * np.arange(1.0, 8.0)
    path = decay_run(tmp_path / "run.h5", np.full(7, 1e-3), fields=fields)
    recipe = Recipe(
        name="t1", x="dark_time", y="difference", sigma="difference_errors", model="stretched_exponential"
    )
    outcomes = fit_run(path, recipe)
    assert len(outcomes) == 7
    whole = plot_outcomes(outcomes, tmp_path / "whole.svg", traces=7).read_text("utf-8")
    part = plot_outcomes(outcomes[:3], tmp_path / "part.svg", traces=7).read_text("utf-8")
    assert "traces are drawn" not in whole
    assert "3 of 7 traces are drawn" in part
