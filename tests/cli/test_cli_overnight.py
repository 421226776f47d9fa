"""Queue, resume, keys, dry runs and the plot in the terminal, as a user types them."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labspin.cli import keys, main
from labspin.cli.progress import ProgressBar
from labspin.cli.textplot import text_plot
from labspin.data import Postscript, read_run
from labspin.errors import RunAborted, RunFileError
from labspin.experiment import Control
from labspin.session import Queue
from tests import places
from tests.places import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
SHORT = ["--set", "averages=1", "--set", "dark_times=5", "--set", "repetitions=2000"]
LONG = ["--set", "averages=60", "--set", "dark_times=5", "--set", "repetitions=2000"]
ONLY = ["--only", "all four classes resonant"]

OWN = """
import os
from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure

class Count(Procedure):
    name = "count"
    quantities = (Column(name="reading"),)
    kill_at = None
    seed = CountParameter("Seed", default=0)
    factor = CountParameter("Factor", default=1)

    def plan(self):
        return Linear("x", 0.0, 1.0, 6)

    def measure(self, bench, point):
        if os.environ.get("KILL_AT") == str(point.index):
            os.kill(os.getpid(), 9)
        return {"reading": self.factor * point.index}
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch, capsys):
    """A workspace as `labspin init` makes it, and the current folder."""
    folder = tmp_path / "lab"
    assert main(["init", str(folder), "--no-examples"]) == 0
    (folder / "procedures" / "own.py").write_text(OWN)
    (folder / "procedures" / "own.toml").write_text(
        'procedure = "own.py:Count"\nstation = "../instruments/levitated-diamond.toml"\n'
        "[parameters]\nfactor = 2\n"
    )
    monkeypatch.chdir(folder)
    capsys.readouterr()
    return folder


def answer(capsys, *arguments, code=0):
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def elsewhere(*arguments, **environment):
    """Run labspin in a process of its own and return how it ended."""
    command = [sys.executable, "-m", "labspin", *arguments]
    return subprocess.run(
        command, check=False, timeout=PATIENCE, env=places.environment(**environment),
        capture_output=True, text=True,
    )  # fmt: skip


# -- queue ----------------------------------------------------------------------------------------------


def test_a_queue_from_adding_to_clearing(workspace, capsys):
    added = answer(capsys, "queue", "add", "procedures/t1.toml", *SHORT, "--seed", "3")
    assert [run["id"] for run in added["runs"]] == [1, 2, 3]
    answer(capsys, "queue", "move", "3", "1")
    answer(capsys, "queue", "remove", "1")
    made = answer(capsys, "queue", "run")
    assert [(run["id"], run["status"]) for run in made] == [(3, "finished"), (2, "finished")]
    recorded = read_run(made[0]["path"])
    assert (recorded.header.label, recorded.header.seed) == ("all four classes resonant", 3)
    assert main(["queue", "list"]) == 0
    assert "finished" in capsys.readouterr().out
    assert answer(capsys, "queue", "clear")["runs"] == []


def test_the_list_tells_bench_overrides_and_expected_end(workspace, capsys):
    answer(capsys, "queue", "add", "procedures/t1.toml", *SHORT)
    on = ("--on", "instruments/levitated-diamond-lab.toml")
    answer(capsys, "queue", "add", "procedures/t1.toml", "--only", "one class alone", *on)
    runs = answer(capsys, "queue", "ls")["runs"]
    assert [run["bench"] for run in runs] == ["levitated-diamond"] * 3 + ["levitated-diamond-lab"]
    ends = [datetime.datetime.fromisoformat(run["expected_end"]) for run in runs]
    assert ends == sorted(ends)
    assert (ends[3] - ends[2]).total_seconds() > 3600  # the whole card takes many hours on the real bench
    assert main(["queue", "list"]) == 0
    shown = capsys.readouterr().out
    assert SHORT[1] in shown
    assert f"about {ends[3].astimezone():%Y-%m-%d}" in shown


def test_a_plan_that_leaves_a_limit_is_refused_when_it_is_added(workspace, capsys):
    assert main(["queue", "add", "procedures/t1.toml", "--set", "microwave_frequency=9 GHz"]) == 1
    assert "microwave.frequency" in capsys.readouterr().err
    assert not Path("queue.toml").exists()


def test_a_run_of_a_queue_that_was_killed_is_gone_on_with(workspace, capsys):
    answer(capsys, "queue", "add", "procedures/own.toml", "--repeat", "2")
    assert elsewhere("queue", "run", KILL_AT="3").returncode == -signal.SIGKILL
    listed = answer(capsys, "queue", "list")["runs"]
    assert [run["state"] for run in listed] == ["interrupted", "waiting"]
    assert main(["queue", "list"]) == 0
    assert "labspin queue resume 1" in capsys.readouterr().out
    answer(capsys, "queue", "resume", "1")
    made = answer(capsys, "queue", "run")
    assert [run["status"] for run in made] == ["finished", "finished"]
    resumed = read_run(made[0]["path"])
    assert resumed.data["reading"].tolist() == [0, 2, 4, 6, 8, 10]
    assert "resumed" in [event.kind for event in resumed.events]


def test_a_finished_run_that_was_not_marked_is_not_made_again(workspace, capsys):
    answer(capsys, "queue", "add", "procedures/own.toml")
    (made,) = answer(capsys, "queue", "run")
    queue = Queue("queue.toml")
    queue.end(1, "failed", "died just after its end")
    before = Path(made["path"]).read_bytes()
    answer(capsys, "queue", "resume", "1")
    assert answer(capsys, "queue", "run")[0]["status"] == "finished"
    assert Path(made["path"]).read_bytes() == before


def test_a_card_that_is_gone_at_night_fails_alone(workspace, capsys):
    answer(capsys, "queue", "add", "procedures/own.toml")
    answer(capsys, "queue", "add", "procedures/t1.toml", *SHORT, *ONLY)
    Path("procedures/own.toml").unlink()
    assert main(["queue", "run"]) == 3
    said = capsys.readouterr()
    assert "run card 'procedures/own.toml' does not exist" in said.out
    assert [run.state for run in Queue("queue.toml").read().runs] == ["failed", "finished"]


def test_pause_and_resume_of_a_queue(workspace, capsys):
    answer(capsys, "queue", "add", "procedures/own.toml")
    assert answer(capsys, "queue", "pause")["paused"]
    assert not answer(capsys, "queue", "resume")["paused"]
    assert main(["queue", "clear", "--all"]) == 0
    assert "1 run taken out; 0 runs wait" in capsys.readouterr().out


# -- resume ------------------------------------------------------------------------------------------------


def _points_of(journal):
    """Return how many points a journal holds; none where not even its first bytes are written yet."""
    try:
        return len(read_run(journal).points)
    except RunFileError:
        return 0


@pytest.fixture
def killed(workspace):
    """The path of a run on the simulated bench that was killed in its middle."""
    process = subprocess.Popen(
        [sys.executable, "-m", "labspin", "run", "procedures/t1.toml", *LONG, *ONLY, "--seed", "11"],
        env=places.environment(),
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    journal = None
    while journal is None or _points_of(journal) < 10:
        assert time.monotonic() < deadline
        assert process.poll() is None
        journal = next(iter(Path("data").glob("*.jnl")), None)
        time.sleep(0.01)
    process.kill()
    process.wait()
    return journal.with_suffix("")


def test_a_killed_run_is_resumed_and_equals_the_uninterrupted_one(killed, capsys):
    dead = read_run(killed)
    assert dead.status == "dead"
    assert dead.header.station["seed"] == 11
    outcome = answer(capsys, "resume", str(killed))
    assert (outcome["status"], outcome["points"]) == ("finished", 300)
    whole = answer(capsys, "run", "procedures/t1.toml", *LONG, *ONLY, "--seed", "11", "--output", "whole")
    assert (read_run(killed).data["signal_0"] == read_run(whole[0]["path"]).data["signal_0"]).all()


def test_what_was_changed_since_is_refused(killed, capsys):
    station = Path("instruments/levitated-diamond.toml")
    text = station.read_text(encoding="utf-8")
    station.write_text(text + "\n# a remark\n", encoding="utf-8")
    assert main(["resume", str(killed)]) == 1
    assert "is not the station file that" in capsys.readouterr().err
    station.unlink()
    assert main(["resume", str(killed)]) == 1
    assert "name one with --on STATION" in capsys.readouterr().err
    real = ROOT / "instruments" / "levitated-diamond-lab.toml"
    assert main(["resume", str(killed), "--on", str(real), "--force"]) == 1
    assert "wanted a simulated station as recorded, got the real" in capsys.readouterr().err
    Path("moved.toml").write_text(text + "\n# moved\n", encoding="utf-8")
    assert read_run(killed).status == "dead", "nothing was touched"
    assert answer(capsys, "resume", str(killed), "--on", "moved.toml", "--force")["status"] == "finished"
    assert main(["resume", str(killed)]) == 1
    assert "got one that is finished" in capsys.readouterr().err


def test_a_watchdog_that_is_still_at_work_is_waited_for(workspace, capsys):
    assert elsewhere("run", "procedures/own.toml", KILL_AT="2").returncode == -signal.SIGKILL
    (journal,) = Path("data").glob("*.jnl")
    path = journal.with_suffix("")
    witness = Postscript(path)
    witness.event("watchdog", "the process of the run is gone")
    assert read_run(path).status == "running"
    threading.Timer(1.0, witness.close).start()
    assert answer(capsys, "resume", str(path), "--card", "procedures/own.toml")["points"] == 6


def test_another_version_is_refused_unless_forced(workspace, capsys, monkeypatch):
    assert elsewhere("run", "procedures/own.toml", KILL_AT="2").returncode == -signal.SIGKILL
    (journal,) = Path("data").glob("*.jnl")
    path = str(journal.with_suffix(""))
    with monkeypatch.context() as newer:
        newer.setattr("labspin.experiment.unchanged.environment", lambda: {"labspin": "9.9"})
        assert main(["resume", path, "--card", "procedures/own.toml"]) == 1
        assert "and this is 9.9" in capsys.readouterr().err
    assert main(["resume", path]) == 1
    assert "--card CARD" in capsys.readouterr().err, "nothing that a run file names is executed"
    card = Path("procedures/own.toml")
    card.write_text(card.read_text().replace("factor = 2", "factor = 3"))
    assert main(["resume", path, "--card", str(card)]) == 1
    assert "factor is 3, and" in capsys.readouterr().err
    card.write_text(card.read_text().replace("factor = 3", "factor = 2"))
    assert answer(capsys, "resume", path, "--card", str(card))["points"] == 6


# -- keys, dry run, plot ------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_keys_steer_a_run(monkeypatch):
    keyboard, terminal = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp())
        import termios

        before = termios.tcgetattr(terminal)
        control = Control()
        with keys.listening(control) as is_heard:
            assert is_heard
            os.write(keyboard, b"xp")
            wait_for(lambda: control.is_paused)
            os.write(keyboard, b"R")
            wait_for(lambda: not control.is_paused)
            os.write(keyboard, b"s")
            wait_for(control.take_skip)
            os.write(keyboard, b"a")
            wait_for(lambda: is_aborted(control))
        assert termios.tcgetattr(terminal) == before, "the terminal is as it was"
    os.close(keyboard)


def is_aborted(control):
    try:
        control.check()
    except RunAborted as reason:
        return "key a" in str(reason)
    return False


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("there", [False, True])
def test_nobody_listens_where_there_is_no_terminal(monkeypatch, tmp_path, there):
    (tmp_path / "input").write_bytes(b"a")
    with (tmp_path / "input").open("rb") if there else contextlib.nullcontext() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        control = Control()
        with keys.listening(control) as is_heard:
            assert not is_heard
        assert not control.requested


def test_a_dry_run_tells_points_and_times_and_touches_nothing(workspace, capsys):
    (guess,) = answer(capsys, "run", "procedures/t1.toml", "--dry-run", *ONLY)
    assert guess["points"] == 84
    # -150 G are 10 A at 2 A/s there and back, and every move settles for 50 ms.
    assert guess["moving"] == pytest.approx(10.1, abs=0.01)
    assert guess["total"] == pytest.approx(guess["moving"] + guess["measuring"], rel=1e-6, abs=0)
    assert not list(Path("data").iterdir())
    short = answer(capsys, "run", "procedures/t1.toml", "--dry-run", *ONLY, *SHORT)[0]
    path = answer(capsys, "run", "procedures/t1.toml", *ONLY, *SHORT)[0]["path"]
    took = read_run(path).points.time[-1]  # on the simulated clock, without the ramp back
    assert short["total"] - 5.1 == pytest.approx(took, rel=0.2, abs=0)
    assert main(["run", "procedures/t1.toml", "--dry-run"]) == 0
    assert "measuring" in capsys.readouterr().out


def test_a_plot_of_dots():
    lines = text_plot([0.0, 1.0, 2.0], [0.0, 5.0, 10.0], width=10, height=2)
    assert len(lines) == 3
    assert lines[0].split()[0] == "10"
    marked = [[character != "\u2800" for character in line[12:]] for line in lines[:2]]
    assert marked[0][9]
    assert marked[1][0]
    assert sum(map(sum, marked)) == 3
    assert text_plot([], []) == []
    assert text_plot([float("nan")], [1.0]) == []
    assert len(text_plot([1.0], [1.0], height=4)) == 5


def test_live_shows_the_values(workspace, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    bars = []
    original = ProgressBar.on_finish
    monkeypatch.setattr(
        ProgressBar, "on_finish", lambda bar, outcome: (bars.append(bar), original(bar, outcome))
    )
    assert main(["run", "procedures/t1.toml", *SHORT, *ONLY, "--live"]) == 0
    (bar,) = bars
    run = read_run(next(Path("data").glob("*.h5")))
    assert sorted(bar._x) == pytest.approx(sorted(run.header.layout.dimensions[-1].values), rel=1e-6, abs=0)
    assert sorted(bar._y) == pytest.approx(sorted(run.data["difference"].ravel()), rel=1e-6, abs=0)
    shown = capsys.readouterr().err
    assert "difference = " in shown
    measured = len(run.points)
    assert f"{measured}/{measured}" in shown, "the bar goes on to its end"


def test_resume_without_a_file_names_the_command_for_the_run_of_a_host(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["resume"])
    assert ended.value.code == 2
    assert "is resumed by: labspin unpause" in capsys.readouterr().err
