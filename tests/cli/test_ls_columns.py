"""`labspin ls` with columns of parameters and fit results, conditions on them, and orders."""

import json

import pytest

from labspin.analysis import Recipe, fit_many
from labspin.cli import main
from labspin.data import list_runs
from labspin.data.nexus.publish import _seal_file
from labspin.data.nexus.seal import read_seal
from tests.analysis.samples import decay_run

RECIPE = Recipe(
    name="t1",
    x="dark_time",
    y="difference",
    sigma="difference_errors",
    model="stretched_exponential",
    fixed={"beta": 0.8},
)
TIMES = {"a.h5": 1.5e-3, "b.h5": 0.5e-3, "c.h5": 3e-3}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three fitted runs at 0, 1 and 2 mT, and one without a fit."""
    for number, (name, value) in enumerate(TIMES.items()):
        decay_run(tmp_path / name, value, field=1e-3 * number, seed=number)
    assert [result.error for result in fit_many([tmp_path / name for name in TIMES], RECIPE, workers=1)] == [
        ""
    ] * 3
    decay_run(tmp_path / "unfitted.h5", field=5e-3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(capsys, *words):
    assert main(["ls", ".", *words]) == 0
    return [line.split()[0] for line in capsys.readouterr().out.splitlines() if ".h5" in line]


def test_runs_are_chosen_and_ordered_by_what_their_fits_found(folder, capsys):
    assert files(capsys, "--where", "T1 > 1 ms") == ["a.h5", "c.h5"]
    assert files(capsys, "--where", "T1 > 1 ms", "--where", "magnet_field >= 10 G") == ["c.h5"]
    assert files(capsys, "--where", "file = c.h5") == ["c.h5"]
    assert files(capsys, "--where", "file != 'c.h5'", "--where", "T1 > 1 ms") == ["a.h5"]
    assert files(capsys, "--where", "magnet_field = 20 G") == ["c.h5"]
    assert files(capsys, "--sort", "t1.T1") == ["b.h5", "a.h5", "c.h5", "unfitted.h5"]
    assert files(capsys, "--sort", "T1", "--reverse") == ["c.h5", "a.h5", "b.h5", "unfitted.h5"]
    assert files(capsys, "--sort", "magnet_field", "--last", "2") == ["c.h5", "unfitted.h5"]


def test_columns_are_shown_in_the_units_of_the_workspace(folder, capsys):
    (folder / "workspace.toml").write_text('[units]\nfield = "G"\ntime = "us"\n', "utf-8")
    assert main(["ls", ".", "--columns", "magnet_field,T1", "--where", "T1 < 1 ms"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("b.h5"))
    assert " 10 G " in line
    assert " us" in line
    assert " ± " in line


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--where", "T1"), "wanted a condition"),
        (("--where", "sample"), "wanted a condition"),
        (("--where", "tag = good"), "chosen by --tag WORD"),
        (("--where", "magnet_feld > 1 G"), "did you mean 'magnet_field'"),
        (("--where", "T1 > 1 K"), "wanted a quantity in 's'"),
        (("--columns", "betta"), "did you mean 'beta'"),
        (("--sort", "nonsense"), "got 'nonsense'"),
    ],
)
def test_what_no_run_has_is_refused(folder, capsys, words, error):
    assert main(["ls", ".", *words]) == 1
    assert error in capsys.readouterr().err


def test_the_json_has_parameters_and_results(folder, capsys):
    assert main(["ls", ".", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first["parameters"]["magnet_field"] == {"values": [0.0], "unit": "T", "errors": []}
    found = first["results"]["t1"]["T1"]
    assert found["values"][0] == pytest.approx(TIMES["a.h5"], abs=5 * found["errors"][0])


def test_a_file_of_an_earlier_version_is_opened_for_its_numbers(folder):
    path = folder / "a.h5"
    seal = read_seal(path)
    facts = {name: value for name, value in seal.facts.items() if name != "numbers"}
    with path.open("r+b") as file:
        file.truncate(seal.length)
    _seal_file(path, facts)
    assert not list_runs(folder)[0].results
    assert "T1" in list_runs(folder, numbers=True)[0].results["t1"]
