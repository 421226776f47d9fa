"""What the command line says of runs in words, from whichever folder it is given."""

import json
import shutil
from pathlib import Path

import pytest

from labspin import cli
from labspin.cli import main
from labspin.cli.run import duration_text
from labspin.data import list_runs, read_run
from labspin.experiment import Estimate

EXAMPLE = Path(cli.__file__).parents[1] / "session" / "examples" / "rabi.h5"
SHORT = ["--set", "averages=1", "--set", "pulse_durations=3", "--set", "repetitions=1000", "--quiet"]


@pytest.fixture
def lab(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "."]) == 0
    card = tmp_path / "procedures" / "rabi.toml"
    card.write_text('sample = "D7"\ntags = ["card"]\n' + card.read_text(encoding="utf-8"), encoding="utf-8")
    text = 'operator = "M. Curie"\ndata = "measured"\n[samples.D7]\ndescription = "15 µm"\n[samples.D8]\n'
    (tmp_path / "workspace.toml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def outside(lab, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("outside"))
    return lab


def test_a_run_belongs_to_the_workspace_of_its_card_and_records_all_words(outside):
    card = str(outside / "procedures" / "rabi.toml")
    assert main(["run", card, "--comment", "first [light]", "--tag", "new", *SHORT]) == 0
    (summary,) = list_runs(outside / "measured")
    assert not list(Path().iterdir())
    said = read_run(summary.path).metadata
    assert (said.operator, said.sample, said.comment, said.tags) == (
        "M. Curie",
        "D7",
        "first [light]",
        ("card", "new"),
    )
    assert said.description.startswith("Rabi oscillation")
    assert said.sample_description == "15 µm"
    assert main(["note", str(summary.path), "--sample", "D8"]) == 0
    said = read_run(summary.path).metadata
    assert (said.sample, said.sample_description) == ("D8", "")


def test_queue_and_recipes_are_those_of_the_files_that_are_given(outside, capsys):
    assert main(["queue", "add", str(outside / "procedures" / "rabi.toml")]) == 0
    assert "added 1 to" in capsys.readouterr().out
    assert '"measured"' in (outside / "queue.toml").read_text(encoding="utf-8")
    assert not list(Path().iterdir())
    (outside / "analysis" / "rabi.toml").rename(outside / "analysis" / "own.toml")
    run = shutil.copy(EXAMPLE, outside)
    assert main(["fit", str(run), "--with", "own", "--no-write", "--json"]) == 0


def test_the_command_line_has_the_last_word_and_the_register_the_first(lab, capsys):
    assert main(["run", "procedures/rabi.toml", "--sample", "D9", *SHORT]) == 1
    assert "sample 'D9': wanted one of D7, D8" in capsys.readouterr().err
    assert not (lab / "measured").exists()
    assert main(["run", "procedures/rabi.toml", "--sample", "D8", "--operator", "P. C.", *SHORT]) == 0
    (summary,) = list_runs(lab / "measured")
    assert (summary.sample, summary.operator) == ("D8", "P. C.")


def test_runs_are_noted_and_found_again(lab, capsys):
    assert main(["run", "procedures/rabi.toml", *SHORT]) == 0
    (summary,) = list_runs(lab / "measured")
    assert (
        main(
            [
                "note",
                str(summary.path),
                "--comment",
                "drifted",
                "--tag",
                "bad",
                "--untag",
                "card",
                "--rating",
                "1",
            ]
        )
        == 0
    )
    capsys.readouterr()
    for chosen, number in (
        (["--tag", "bad"], 1),
        (["--tag", "card"], 0),
        (["--find", "DRIFT"], 1),
        (["--sample", "D8"], 0),
    ):
        assert main(["ls", "--json", *chosen]) == 0
        assert len(json.loads(capsys.readouterr().out)) == number, chosen
    assert main(["note", str(summary.path), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["comment"], said["tags"], said["rating"]) == ("drifted", ["bad"], 1)


@pytest.fixture
def two_runs(tmp_path, monkeypatch):
    """Two finished runs in the current folder; the first has a tag more."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.h5", "b.h5"):
        shutil.copy(EXAMPLE, name)
    assert main(["tag", "good", "a.h5"]) == 0
    return [Path(name) for name in ("a.h5", "b.h5")]


def test_runs_are_tagged_and_their_tags_listed(two_runs, capsys):
    def said(*words):
        capsys.readouterr()
        assert main(["tag", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert [one["tags"] for one in said("a.h5", "b.h5")] == [["example", "good"], ["example"]]
    assert [one["tags"] for one in said("good,new,", "b.h5")] == [["example", "good", "new"]]
    assert [one["tags"] for one in said("drifted", "a.h5", "--remove", "good")] == [["example", "drifted"]]
    assert [(one["tag"], one["runs"]) for one in said("./")] == [
        ("drifted", 1), ("example", 2), ("good", 1), ("new", 1)
    ]  # fmt: skip
    assert main(["ls", ".", "--tag", "good", "--json"]) == 0
    assert [Path(run["path"]).name for run in json.loads(capsys.readouterr().out)] == ["b.h5"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tag", "good"], "labspin ls --tag good"),
        (["tag", "--remove", "good"], "which run files?"),
        (["tag", "new", "a.h5", "nowhere.h5"], "no such file"),
        (["tag", "new", "a.h5", "./"], "wanted a run file, got a folder"),
        (
            ["tag", "new", "a.h5", "b.h5", "-r", "good"],
            "b.h5: has no tag 'good' to remove; its tags: example",
        ),
        (["note", "a.h5", "b.h5", "--tag", "new", "--untag", "good"], "b.h5: has no tag 'good' to remove"),
        (["tag", "two words", "a.h5"], "wanted words"),
    ],
)
def test_where_one_run_cannot_be_tagged_as_asked_none_is(two_runs, capsys, words, text):
    before = [path.read_bytes() for path in two_runs]
    assert main(words) == 1
    assert text in capsys.readouterr().err
    assert [path.read_bytes() for path in two_runs] == before


@pytest.mark.parametrize(
    ("guess", "text"),
    [
        (Estimate(15, moving=0.05), "at least 0.05 s"),  # the procedure does not say how long it measures
        (Estimate(15, moving=1.0, measuring=9.0), "10 s"),
        (Estimate(15, moving=1.0, measuring=9.0, is_typical=True), "about 10 s"),
        (Estimate(None), "unknown"),
    ],
)
def test_how_long_a_run_takes(guess, text):
    assert duration_text(guess) == text
