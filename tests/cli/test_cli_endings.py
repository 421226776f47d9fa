"""How commands end: exit codes, what is not begun, what is recovered, and what a script can read."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labspin.cli import main
from labspin.cli.output import NOT_FINISHED, print_json
from labspin.data import list_runs, read_run
from labspin.session.queue_runner import Ending
from tests.places import PATIENCE, environment

STATION = "instruments/levitated-diamond.toml"
SHORT = ["--set", "averages=1", "--set", "dark_times=5", "--set", "repetitions=2000"]
OWN = """
import os, signal
from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure

class Count(Procedure):
    name = "count"
    quantities = (Column(name="reading"),)
    ctrl_c_at = CountParameter("Point at which somebody presses Ctrl-C", default=99)

    def plan(self):
        return Linear("x", 0.0, 1.0, 6)

    def measure(self, bench, point):
        if os.environ.get("KILL_AT") == str(point.index):
            os.kill(os.getpid(), 9)
        if point.index == self.ctrl_c_at and "CALM" not in os.environ:
            signal.raise_signal(signal.SIGINT)
        return {"reading": point.index}

class Follow(Count):
    name = "follow"

    def check(self, bench):
        bench.pulses.is_running()
"""


def make_lab(folder):
    assert main(["init", str(folder), "--no-examples"]) == 0
    (folder / "procedures" / "own.py").write_text(OWN)
    (folder / "procedures" / "own.toml").write_text(f'procedure = "own.py:Count"\nstation = "../{STATION}"\n')


@pytest.fixture
def lab(tmp_path, monkeypatch, capsys):
    """A workspace with an own procedure, and the current folder."""
    folder = tmp_path / "lab"
    make_lab(folder)
    monkeypatch.chdir(folder)
    capsys.readouterr()
    return folder


@pytest.fixture
def three_runs(lab):
    """A card of three runs; in the second somebody presses Ctrl-C at the third point."""
    card = lab / "procedures" / "three.toml"
    runs = ("", "parameters = { ctrl_c_at = 2 }", "")
    tables = [f'[[runs]]\nlabel = "run {number}"\n{more}\n' for number, more in enumerate(runs, start=1)]
    card.write_text(f'procedure = "own.py:Count"\nstation = "../{STATION}"\n' + "".join(tables))
    return str(card)


@pytest.fixture(scope="module")
def remains(tmp_path_factory):
    """What a run leaves in its folder when its own procedure kills its process at the third point."""
    folder = tmp_path_factory.mktemp("dead") / "lab"
    make_lab(folder)
    words = [sys.executable, "-m", "labspin", "run", "procedures/own.toml"]
    ended = subprocess.run(
        words, cwd=folder, env=environment(KILL_AT="3"), capture_output=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return folder / "data"


@pytest.fixture
def dead(lab, remains):
    """The path of a run in the current folder whose process was killed."""
    shutil.copytree(remains, "data", dirs_exist_ok=True)
    (journal,) = Path("data").glob("*.jnl")
    return journal.with_suffix("")


# -- runs that were aborted ---------------------------------------------------------------------------------


def test_an_aborted_run_ends_the_card_with_its_own_exit_code(three_runs, capsys):
    assert main(["run", three_runs]) == NOT_FINISHED
    runs = sorted(list_runs(Path("data")), key=lambda run: run.label)
    assert [(run.label, run.status, run.points) for run in runs] == [
        ("run 1", "finished", 6), ("run 2", "aborted", 3),
    ]  # fmt: skip
    assert main(["ls"]) == 0
    listed = capsys.readouterr().out
    assert "6/6" in listed
    assert "3/6" in listed


def test_an_aborted_run_does_not_count_as_finished_when_it_is_fitted(three_runs):
    assert main(["run", three_runs, "--fit"]) == NOT_FINISHED


@pytest.fixture
def signalled_while_closing(monkeypatch):
    """A signal comes when the first run is over, and its file not yet what it will be."""
    keep = Ending.on_finish

    def on_finish(self, outcome):
        signal.raise_signal(signal.SIGTERM)
        keep(self, outcome)

    monkeypatch.setattr(Ending, "on_finish", on_finish)


@pytest.mark.usefixtures("signalled_while_closing")
def test_a_signal_while_a_run_is_closed_keeps_the_run_and_begins_no_other(three_runs):
    assert main(["run", three_runs]) == NOT_FINISHED
    assert [(run.label, run.status, run.points) for run in list_runs(Path("data"))] == [
        ("run 1", "finished", 6)
    ]


@pytest.mark.usefixtures("signalled_while_closing")
def test_a_signal_while_a_queued_run_is_closed_ends_the_queue(lab, capsys):
    assert main(["queue", "add", "procedures/own.toml", "--repeat", "2"]) == 0
    main(["queue", "run"])
    capsys.readouterr()
    assert main(["queue", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["state"] for run in listed["runs"]] == ["finished", "waiting"]


def test_a_run_that_is_aborted_again_when_resumed_says_so_by_its_exit_code(three_runs, monkeypatch):
    assert main(["run", three_runs, "--only", "run 2"]) == NOT_FINISHED
    (aborted,) = Path("data").glob("*.h5")
    again = Path("procedures/own.py")
    again.write_text(again.read_text().replace("== self.ctrl_c_at", "== self.ctrl_c_at + 1"))
    words = ["resume", str(aborted), "--card", three_runs, "--force"]
    assert main(words) == NOT_FINISHED
    assert (read_run(aborted).status, len(read_run(aborted).points)) == ("aborted", 4)
    monkeypatch.setenv("CALM", "yes")
    assert main(words) == 0
    assert (read_run(aborted).status, len(read_run(aborted).points)) == ("finished", 6)


# -- runs that died -----------------------------------------------------------------------------------------


def test_a_dead_run_is_recovered_before_the_next_begins(dead, caplog):
    assert main(["run", "procedures/own.toml"]) == 0
    assert f"recovered {dead}, which an earlier run left unfinished" in caplog.messages
    assert not list(Path("data").glob("*.jnl"))
    assert sorted((run.status, run.points) for run in list_runs(Path("data"))) == [
        ("dead", 3), ("finished", 6),
    ]  # fmt: skip


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("one", [True, False])
def test_recover_folds_a_journal_in_and_names_the_file(dead, capsys, as_json, one):
    assert main(["recover", *([str(dead)] if one else []), *(["--json"] if as_json else [])]) == 0
    said = capsys.readouterr().out
    assert json.loads(said) == [str(dead)] if as_json else f"recovered {dead}" in said
    assert not list(Path("data").glob("*.jnl"))
    run = read_run(dead)
    assert run.status == "dead"
    assert run.columns["reading"].tolist() == [0.0, 1.0, 2.0]
    assert main(["recover"]) == 0
    assert "nothing to recover" in capsys.readouterr().out


def test_recover_names_a_journal_that_is_damaged_and_keeps_it(dead, capsys):
    journal = dead.with_name(dead.name + ".jnl")
    content = bytearray(journal.read_bytes())
    content[-400] ^= 0xFF
    journal.write_bytes(content)
    assert main(["recover"]) == 1
    assert f"{journal}: damaged at byte" in capsys.readouterr().err
    assert journal.read_bytes() == content


def test_recover_salvages_what_is_sound_and_keeps_the_damaged_journal(dead, capsys):
    journal = dead.with_name(dead.name + ".jnl")
    content = bytearray(journal.read_bytes())
    content[-400] ^= 0xFF
    journal.write_bytes(content)
    assert main(["recover", "--salvage"]) == 0
    assert f"recovered {dead}" in capsys.readouterr().out
    assert not journal.exists()
    assert dead.with_name(journal.name + ".damaged").read_bytes() == content
    run = read_run(dead)
    assert any(event.kind == "damage" for event in run.events)
    assert run.columns["reading"].tolist() == [0.0, 1.0, 2.0], "what was damaged stood before the points"


# -- what is said -------------------------------------------------------------------------------------------


def test_doctor_fails_where_an_instrument_does_not_answer(tmp_path, capsys):
    station = tmp_path / "real.toml"
    station.write_text(
        '[station]\nname = "real"\n\n[instruments.microwave]\nrole = "MicrowaveSource"\ndriver = "sg384"\n'
        'address = "TCPIP::127.0.0.1::9::SOCKET"\n'  # the discard port, at which nobody listens
    )
    assert main(["doctor", str(station)]) == 1
    capsys.readouterr()
    assert main(["doctor", str(station), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["identity"] is None
    assert "microwave" in row["error"]


def test_check_says_what_it_could_not_check(lab, caplog):
    card = lab / "procedures" / "follow.toml"
    card.write_text(f'procedure = "own.py:Follow"\nstation = "../{STATION}"\n')
    assert main(["check", str(card)]) == 0
    assert any(message.startswith("not checked: pulses") for message in caplog.messages)


def test_a_card_without_a_station_says_how_to_name_one(lab, capsys):
    card = lab / "procedures" / "own.toml"
    card.write_text('procedure = "own.py:Count"\n')
    assert main(["run", str(card)]) == 1
    error = capsys.readouterr().err
    assert "names no station" in error
    assert "--on" in error


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_in_json(capsys, value):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    print_json({"single": value, "many": [1.0, np.array([value, 2.0])], "numpy": np.float64(value)})
    document = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert document == {"single": None, "many": [1.0, [None, 2.0]], "numpy": None}


# -- queue --------------------------------------------------------------------------------------------------


def test_a_card_that_is_repeated_is_made_as_a_whole_each_time(lab, capsys):
    assert main(["queue", "add", "procedures/t1.toml", *SHORT, "--repeat", "2", "--json"]) == 0
    labels = [run["label"] for run in json.loads(capsys.readouterr().out)["runs"]]
    once = ["one class alone", "two classes resonant", "all four classes resonant"]
    assert labels == once + once


def test_a_queue_ends_after_as_many_failures_as_are_allowed(lab, capsys):
    assert main(["queue", "add", "procedures/own.toml", "--repeat", "4"]) == 0
    os.remove("procedures/own.py")  # noqa: PTH107
    assert main(["queue", "run", "--max-failures", "2"]) == NOT_FINISHED
    capsys.readouterr()
    assert main(["queue", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["state"] for run in listed["runs"]] == ["failed", "failed", "waiting", "waiting"]
    assert main(["queue", "list"]) == 0
    assert "(paused at levitated-diamond)" in capsys.readouterr().out
