"""The watchdog's deputy: small, quiet, and there when nobody else is (`test_attacks.py` kills pairs)."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labspin.bench import deputy_process
from labspin.bench.deputy_process import Deputy
from labspin.data import Column
from labspin.errors import SafetyError
from labspin.experiment import Linear, Procedure, run
from labspin.station import load_station
from tests.bench.attacks import wait_for
from tests.bench.killed_runs import ServedBench
from tests.places import environment


class Short(Procedure):
    quantities = (Column(name="current", unit="A"),)
    seen = ()

    def plan(self):
        return Linear("magnet.current", 0.0, 0.2, 3, unit="A")

    def measure(self, bench, point):
        if bench._watchdog is not None:
            type(self).seen = (bench._watchdog.process_id, bench._watchdog.deputy_id)
        return {"current": bench.magnet.measured_current}


def lives(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def status(number, key):
    for line in Path(f"/proc/{number}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise AssertionError(key)


def test_a_deputy_is_small_has_a_name_serves_all_runs_and_ends_with_the_bench(tmp_path):
    with ServedBench(tmp_path) as served:
        with load_station(served.station).connect() as bench:
            run(Short(), bench, tmp_path / "one.h5")
            _, first = Short.seen
            run(Short(), bench, tmp_path / "two.h5")
            watchdog, deputy = Short.seen
            assert deputy == first, "one for all runs"
            entry = Path(f"/proc/{deputy}")
            assert (entry / "comm").read_text() == "labspin-deputy\n"
            command = (entry / "cmdline").read_bytes().decode()
            assert (
                f"deputy of the watchdog {watchdog} of run {os.getpid()} on station {served.station}"
                in command
            )
            assert os.getsid(deputy) == deputy, "out of reach of the terminal's signals"
            assert status(deputy, "RssAnon") < 12_000, "kB"
            os.kill(deputy, signal.SIGKILL)
            os.waitid(os.P_PID, deputy, os.WEXITED | os.WNOWAIT)  # a signal takes its time on a busy machine
            run(Short(), bench, tmp_path / "three.h5")
            assert Short.seen[0] == watchdog
            assert lives(another := Short.seen[1])
            assert another != deputy
        assert not lives(watchdog)
        assert not lives(another)
        assert served.processes() == []


def test_without_a_watchdog_there_is_no_deputy(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect(watchdog=False) as bench:
        run(Short(), bench, tmp_path / "run.h5")
        assert served.processes() == []


def test_nothing_that_the_run_stood_on_is_needed(tmp_path):
    (tmp_path / "bench").mkdir()
    (tmp_path / "here").mkdir()
    with ServedBench(tmp_path / "bench") as served:
        before = Path.cwd()
        os.chdir(tmp_path / "here")
        try:
            process = served.start(tmp_path / "here" / "run.h5")
        finally:
            os.chdir(before)
        assert process.stdout.readline() == "prepared\n"
        assert wait_for(lambda: served.devices["magnet"].output_current() > 1.0), "no current yet"
        began = time.monotonic() - 0.5
        (guard,) = [
            n for n in served.processes() if b"station.guard" in Path(f"/proc/{n}/cmdline").read_bytes()
        ]
        shutil.rmtree(tmp_path / "here")
        served.station.unlink()
        os.kill(guard, signal.SIGKILL)
        served.kill(process)
        assert served.wait_until_safe() is not None
        assert max(served.current_when_switched_off(began)) < 0.1, "ramped down, not switched off"
        assert wait_for(lambda: not served.processes())


def deputy(**order):
    words = {"command": [], "feed": "", "run": os.getppid(), "watchdog": 0, "life": None}
    return Deputy(words | order)


@pytest.mark.parametrize(
    ("orders", "has_to_act"),
    [
        ([], False),
        ([{"watch": "/run.h5"}], False),
        ([{"watch": "/run.h5"}, {"alive": 1, "patience": 60.0}], False),
        ([{"watch": "/run.h5"}, {"alive": 1, "patience": -10.0}], False),  # the watchdog's business so far
        ([{"watch": "/run.h5"}, {"alive": 1, "patience": -20.0}], True),
        ([{"watch": "/run.h5"}, {"alive": 1, "patience": -20.0}, {"dismiss": True}], False),
        ([{"watch": "/run.h5"}, {"keep": ["magnet"]}], True),
        ([{"watch": "/run.h5"}, {"keep": ["magnet"]}, {"watch": "/next.h5"}], False),
    ],
)
def test_a_deputy_acts_for_a_run_that_hangs_or_could_not_do_it(orders, has_to_act):
    one = deputy()
    for order in orders:
        one.obey(order)
    assert one.look() == has_to_act


def test_a_deputy_acts_once_the_run_is_gone_if_it_was_watched():
    one = deputy(run=os.getppid() + 1)
    assert not one.look()
    one.obey({"watch": "/run.h5"})
    assert one.look()


HANGING = """
import os, sys, time
from labspin.bench import deputy_process
from labspin.bench.deputy_process import Deputy

if os.fork():
    time.sleep(60)  # the run, which hangs
order = {"command": ["/bin/sh", "-c", f"cat > {sys.argv[1]}"], "feed": "", "watchdog": 0, "life": None}
one = Deputy(order | {"run": os.getppid()})
one.obey({"watch": "/run.h5"})
one.obey({"alive": 1, "patience": -20.0})
assert one.look()
one.act()
os.waitpid(one.watchdog, 0)
os._exit(0)
"""


def test_a_run_that_hangs_is_ended_before_somebody_else_acts_on_its_bench(tmp_path):
    told = tmp_path / "told"
    with subprocess.Popen([sys.executable, "-c", HANGING, str(told)], env=environment()) as hung:
        assert wait_for(lambda: told.exists() and '"watch": "/run.h5"' in told.read_text())
        assert wait_for(lambda: hung.poll() is not None)
        hung.kill()
    assert hung.returncode == -signal.SIGKILL


def test_a_watchdog_that_says_nothing_when_it_has_to_act_is_replaced(monkeypatch, tmp_path):
    life, shown = os.pipe()
    mute = subprocess.Popen(["/bin/sleep", "60"], pass_fds=[shown])
    os.close(shown)
    told = tmp_path / "told"
    one = deputy(
        run=os.getppid() + 1, watchdog=mute.pid, life=life, command=["/bin/sh", "-c", f"cat > {told}"]
    )
    one.obey({"watch": "/run.h5"})
    one.obey({"sent": {"magnet.current": 2.5}})
    one.seen -= 20.0
    one.act()
    assert one.watchdog == mute.pid, "it has a while to show life"
    one.seen -= 20.0
    one.act()
    assert mute.wait(30) == -signal.SIGKILL
    one.hear(life)
    assert one.life is None
    one.act()
    assert one.number == 0, "after a pause"
    one.next_start = 0.0
    one.act()
    assert one.number == 1
    assert os.waitpid(one.watchdog, 0)[1] == 0
    assert '{"sent": {"magnet.current": 2.5}}' in told.read_text()
    one.hear(one.life)
    assert one.next_start - one.seen == pytest.approx(1.0, rel=1e-6, abs=0), "the next pause is longer"


def test_a_watchdog_that_loads_has_longer_than_one_that_is_at_work(monkeypatch):
    ended = []
    monkeypatch.setattr(deputy_process, "_kill", ended.append)
    one = deputy(run=os.getppid() + 1, command=["/bin/sleep", "60"])
    one.obey({"watch": "/run.h5"})
    one.act()
    assert one.number == 1
    one.seen -= 60.0
    one.act()
    assert ended == [], "it still loads"
    one.seen -= 70.0
    one.act()
    assert ended == [one.watchdog]
    os.kill(one.watchdog, signal.SIGKILL)
    os.waitpid(one.watchdog, 0)
    os.close(one.life)


def test_a_process_that_goes_on_is_not_ended_for_what_it_left_to_its_watchdog(tmp_path, monkeypatch):
    """A window or a notebook lives on after a run that could not make everything safe."""
    ended = []
    monkeypatch.setattr(deputy_process, "_kill", ended.append)
    one = deputy(command=["/bin/true"])
    one.obey({"watch": "/run.h5"})
    one.obey({"keep": ["magnet"]})
    assert one.look()
    one.act()
    assert one.number == 1
    assert ended == []
    os.waitpid(one.watchdog, 0)
    os.close(one.life)


def test_a_run_does_not_begin_without_a_deputy_that_begins(tmp_path, monkeypatch):
    nothing = tmp_path / "nothing.py"
    nothing.write_text("")
    monkeypatch.setattr("labspin.bench.deputy._PROGRAM", nothing)
    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        with pytest.raises(SafetyError, match="its deputy does not begin"):
            run(Short(), bench, tmp_path / "run.h5")
        assert not bench.magnet.output_enabled
