"""Two processes, or two threads, that could both send set-points to one supply."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labspin.bench.claims import turn
from labspin.errors import SafetyError
from labspin.session.host_heart import Heart
from labspin.session.host_news import News
from labspin.station import guard, load_station
from tests.bench.attacks import CabledBench, wait_for
from tests.bench.killed_runs import INTERVAL, RATE, ServedBench

STEP = 1.05 * RATE * INTERVAL  # A


def setpoint(bench):
    return bench.commands[-1][1]


def kill_as_another_watchdog_loads(bench, process):
    """Kill the watchdog, stop the next one as it loads, kill the run; return who is stopped, and who acts."""
    deputy, first = bench.deputy_of(process), bench.watchdog_of(process)
    os.kill(first, signal.SIGKILL)
    next_one = wait_for(
        lambda: bench.watchdog_of(process) not in (None, first) and bench.watchdog_of(process)
    )
    os.kill(next_one, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)
    return next_one, wait_for(lambda: bench.child_of(deputy, b"labspin.station.guard"))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_watchdog_that_still_loads_and_the_deputys_do_not_pull_to_and_fro(tmp_path):
    """How three of 648 kills made a set-point jump: both watchdogs ramped, each by its own count."""
    with CabledBench(tmp_path / "bench") as bench:
        process = bench.begin(tmp_path / "run.h5", 0.0)
        assert wait_for(lambda: setpoint(bench) > 3.0)
        since = time.monotonic()
        stopped, acting = kill_as_another_watchdog_loads(bench, process)
        before = setpoint(bench)
        assert wait_for(lambda: abs(setpoint(bench)) < abs(before) - 2 * STEP)
        os.kill(acting, signal.SIGSTOP)  # in the middle of its ramp, with its turn
        left_at, counter = setpoint(bench), bench.cables["counter"]
        connections = counter.made
        os.kill(stopped, signal.SIGCONT)
        assert wait_for(lambda: counter.made > connections), "it comes to the counter after the magnet"
        moved = wait_for(lambda: setpoint(bench) != left_at, timeout=1.0)
        has_its_turn = Path(f"/proc/{acting}").exists()  # on a busy machine the deputy ends it: it is mute
        with contextlib.suppress(ProcessLookupError):
            os.kill(acting, signal.SIGCONT)
        outcome = bench.outcome(since, process)
        assert outcome.is_safe
        assert not outcome.rate_passed, "\n".join(outcome.jumps)
        assert not (moved and has_its_turn), "the other one waits for its turn"
        assert wait_for(lambda: not bench.processes())


class Silent:
    """Witnesses nothing."""

    def event(self, *said, **data):
        """Forget it."""

    once = event


def one_try(bench, told, left):
    """Let a watchdog, told by the run where the magnet is, try once; another one has ``left`` a record."""
    station = load_station(bench.station)
    with turn(f"magnet of {station.path.resolve()}") as mine:
        mine.begin("the run", told)
        if left is not None:
            mine.end("the run", left)
    heir = guard.Guard(station, ["magnet"])
    heir._sent, heir._token = dict(told), "the run"
    said = heir.make_safe("magnet", Silent())
    with turn(f"magnet of {station.path.resolve()}") as mine:
        return said, mine.begin("the run", {})


@pytest.mark.parametrize("left", [None, {"magnet.current": 1.0}])
def test_where_a_run_left_the_magnet_is_not_believed_once_another_watchdog_was_at_it(tmp_path, left):
    """It cannot be read back. The run was at 3 A; another watchdog came to 1 A, or did not say how far."""
    with CabledBench(tmp_path / "bench") as bench:
        with load_station(bench.station).connect(watchdog=False) as connected:
            connected.actuator("magnet.current").energise()
            connected.actuator("magnet.current").move(1.0)
        since = time.monotonic()
        bench.cables["magnet"].drip = 0.3
        said, known = one_try(bench, {"magnet.current": 3.0}, left)
        assert said, "nobody saw it arrive"
        assert bench.greatest_step(since) <= STEP
        assert max((abs(sent) for moment, sent, *_ in bench.commands if moment >= since), default=0.0) <= 1.01
        assert known == ({"magnet.current": 0.0} if left else {})
        assert setpoint(bench) == pytest.approx(0.0 if left else 1.0, rel=1e-3, abs=0)


# -- a run that could not make its bench safe, in a process that goes on ------------------------------------


def heir_that_tries():
    """Return a process that stands for a watchdog to which something was entrusted."""
    return subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, text=True
    )


def test_nobody_moves_by_hand_what_a_watchdog_still_makes_safe(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        bench.magnet.output_enabled = True
        bench.magnet.current = 0.5
        watchdog = bench._watchdog
        watchdog.entrust = lambda names, path: setattr(watchdog, "_heir", heir_that_tries()) or 1
        bench.entrust({"magnet": "at 0.5 A"}, tmp_path / "run.h5")
        told = len(served.commands)
        bench.reopen(["magnet"])
        for touch in (
            lambda: setattr(bench.magnet, "current", 1.0),
            lambda: setattr(bench.magnet, "field", "1 mT"),
            lambda: setattr(bench.magnet, "output_enabled", False),
            lambda: bench.magnet.safe(),
            lambda: bench.actuators["magnet.current"].make_safe_unread(),
        ):
            with pytest.raises(SafetyError, match="an earlier run could not make the bench safe"):
                touch()
        unsafe = {action.instrument for action in bench.safe() if not action.ok}
        assert unsafe == {"magnet"}
        moved = {(current, enabled) for _, current, enabled, _ in served.commands[told:]}
        assert len(moved) == 1, "only asked, never told"
        watchdog._heir.communicate("\\n")
        bench.magnet.current = 0.6
        assert setpoint(served) == pytest.approx(0.6, rel=1e-3, abs=0)


def test_a_host_is_watched_again_once_what_it_entrusted_is_done(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        news = News()
        heart = Heart(news)
        with bench.watched(tmp_path / "host"):
            watchdog = bench._watchdog
            first = watchdog.process_id
            bench.magnet.output_enabled = True
            watchdog.entrust(["counter"], tmp_path / "run.h5")
            assert watchdog.process_id is None
            assert wait_for(lambda: not watchdog.is_trying)
            heart.beat(bench)
            assert watchdog.process_id not in (None, first)
            assert "another one" in news.since(0, 0.0)[1][-1][3]


def test_a_host_that_only_waits_notices_that_its_watchdog_is_gone(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        news = News()
        with bench.watched(tmp_path / "host"):
            first = bench._watchdog.process_id
            os.kill(first, signal.SIGKILL)
            assert wait_for(lambda: Heart(news).beat(bench) or bench._watchdog.process_id != first)
            assert "ended with code" in news.since(0, 0.0)[1][-1][3]
