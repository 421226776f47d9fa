import json
import os
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from labspin.bench import Watchdog
from labspin.bench.notices import confirm, notices
from labspin.bench.safety import SafeAction
from labspin.bench.watch import keep_watch
from labspin.data import Column, Postscript, read_run
from labspin.errors import LabspinError, RunFileError, SafetyError
from labspin.experiment import Linear, Procedure, run
from labspin.station import guard, load_station
from tests.bench.killed_runs import INTERVAL, LAB, RATE, ServedBench, read_dead, wait_for_log
from tests.some import some

# -- runs that are killed -----------------------------------------------------------------------------------


def kill_at(folder, delay):
    """Kill a run ``delay`` s after its first ramp began; return what there is to check."""
    folder.mkdir()
    path = folder / "run.h5"
    with ServedBench(folder) as served:
        process = served.start(path)
        assert process.stdout.readline() == "prepared\n"
        time.sleep(delay)  # at any moment of the run
        killed = time.monotonic()
        served.kill(process)
        took = served.wait_until_safe()
        log = wait_for_log(path, "the bench is in its safe state")
        return {
            "took": took,
            "log": log,
            "run": read_dead(path),
            "step": served.greatest_step(killed - 0.5),
            "off": served.current_when_switched_off(killed - 0.5),
        }


def test_a_run_killed_at_any_moment_leaves_a_safe_bench(tmp_path):
    delays = [random.Random(7).uniform(0.0, 4.0) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(kill_at, [tmp_path / str(number) for number in range(5)], delays))
    for result in some(found):
        assert result["took"] is not None
        assert result["step"] <= 1.05 * RATE * INTERVAL, "by its ramp, not by a jump"
        assert result["off"], "the supply was switched off"
        assert max(result["off"]) < 0.1, "with no current in the coil"
        assert result["run"].status == "dead"
        said = [(event.kind, event.message) for event in result["run"].events if "watchdog" in event.message]
        assert ("safe", "watchdog: magnet: magnet.current at 0 A") in said
        assert "magnet: safe()" in result["log"]


class Short(Procedure):
    quantities = (Column(name="current", unit="A"),)
    seen = None

    def plan(self):
        return Linear("magnet.current", 0.0, 0.2, 3, unit="A")

    def measure(self, bench, point):
        type(self).seen = bench._watchdog.process_id
        return {"current": bench.magnet.measured_current}


def test_a_watchdog_serves_all_runs_of_a_bench_and_goes_quietly(tmp_path):
    with ServedBench(tmp_path) as served:
        with load_station(served.station).connect() as bench:
            assert bench._watchdog.process_id is None
            run(Short(), bench, tmp_path / "one.h5")
            first = Short.seen
            assert os.getsid(first) == first, "out of reach of the terminal's signals"
            run(Short(), bench, tmp_path / "two.h5")
            assert Short.seen == first
            os.kill(first, 9)  # somebody tidies up
            run(Short(), bench, tmp_path / "three.h5")
            assert Short.seen != first
        with pytest.raises(ProcessLookupError):
            os.kill(Short.seen, 0)
    assert not list(tmp_path.glob("*.log"))
    assert read_run(tmp_path / "three.h5").status == "finished"


def test_a_station_that_was_changed_is_not_watched_and_not_run(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        served.station.write_text(served.station.read_text() + "\n# a remark\n")
        with pytest.raises(SafetyError, match="was changed after the run's process had read it"):
            run(Short(), bench, tmp_path / "run.h5")
        assert not bench.magnet.output_enabled
    assert not (tmp_path / "run.h5").exists()


def test_a_bench_without_a_watchdog(tmp_path):
    with ServedBench(tmp_path) as served, load_station(served.station).connect(watchdog=False) as bench:
        assert bench._watchdog is None
        with bench.watched(tmp_path / "run.h5"):
            assert bench._watchdog is None


# -- the duty of a station's watchdog ----------------------------------------------------------------------


def test_an_instrument_that_is_gone_does_not_keep_the_others_waiting(tmp_path):
    path = tmp_path / "run.h5"
    with ServedBench(tmp_path) as served:
        station = load_station(served.station)
        with station.connect(watchdog=False) as bench:
            bench.actuator("magnet.current").energise()
            bench.actuator("magnet.current").move(0.5)
        duty = guard.Guard(station, list(served.devices), persistence=0.5)
        served.devices["microwave"].faults.add("identity", times=-1, value="Acme,Toaster,1,1")
        duty.act(path, "it was tried")
        assert served.is_safe
    log = wait_for_log(path, "make it safe by hand")
    assert "watchdog: microwave not safe after 0.5 s" in log
    (notice,) = notices(tmp_path)
    assert list(notice.unsafe) == ["microwave"]
    assert "no process is trying any more" not in notice.sentence, "while this process lives"
    assert confirm(station.path)
    assert notices(tmp_path) == []
    assert log.count("microwave: IdentityError") == 1, "said once, not at every try"
    assert "not recorded in the run" in log


def test_an_instrument_whose_safe_action_fails_is_not_called_safe(tmp_path):
    path = tmp_path / "run.h5"
    with ServedBench(tmp_path) as served:
        served.answer_within(1)
        station = load_station(served.station)
        with station.connect(watchdog=False) as bench:
            bench.actuator("magnet.current").energise()
            bench.actuator("magnet.current").move(0.5)
        served.devices["magnet"].faults.add("silent", matching=r"CURR\S*\?", times=-1)
        guard.Guard(station, list(served.devices), persistence=0.5).act(path, "it was tried")
    log = wait_for_log(path, "make it safe by hand")
    assert "watchdog: magnet not safe after 0.5 s" in log
    assert "microwave not safe" not in log
    (notice,) = notices(tmp_path)
    assert list(notice.unsafe) == ["magnet"]
    assert confirm(station.path)


@pytest.mark.parametrize(("ok", "told"), [(True, ""), (False, "it is at 3 A")])
def test_one_attempt_tells_what_it_could_not_make_safe(tmp_path, monkeypatch, ok, told):
    """The action itself fails, and raises nothing."""
    done = [SafeAction(instrument="magnet", message="it is at 3 A", ok=ok, time=0.0)]
    monkeypatch.setattr(guard.Guard, "_safe_actions", lambda self, name, sent: done)
    station = load_station(LAB)
    witness = guard._Witness(tmp_path / "run.h5")
    assert guard.Guard(station, ["magnet"]).make_safe("magnet", witness) == told
    witness.close(60.0)


def test_what_an_instrument_says_at_every_try_is_recorded_once(tmp_path):
    path = tmp_path / "run.h5"
    witness = guard._Witness(path)
    for name, said in (("a", "gone"), ("a", "gone"), ("b", "gone"), ("a", "another"), ("a", "another")):
        witness.once(name, f"{name}: {said}")
    witness.close(60.0)
    log = path.with_name(path.name + ".watchdog.log").read_text().splitlines()
    assert [line.partition("safe: ")[2] for line in log if "safe: " in line] == [
        "a: gone", "b: gone", "a: another",
    ]  # fmt: skip


def test_what_cannot_be_recorded_does_not_keep_the_rest_from_the_record(tmp_path):
    path = tmp_path / "run.h5"
    witness = guard._Witness(path)
    witness.do(lambda: {}["nobody"])
    witness.once("a", "a: gone")
    witness.close(60.0)
    log = path.with_name(path.name + ".watchdog.log").read_text()
    assert "not recorded: KeyError: 'nobody'" in log
    assert "a: gone" in log


def test_a_signal_that_is_meant_for_the_run_does_not_end_its_watchdog(tmp_path):
    seen = []

    class Signalled(Short):
        name = "short"

        def measure(self, bench, point):
            seen.append(bench._watchdog.process_id)
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                os.kill(seen[-1], getattr(signal, name))
            return super().measure(bench, point)

    with ServedBench(tmp_path) as served, load_station(served.station).connect() as bench:
        run(Signalled(), bench, tmp_path / "one.h5")
        os.kill(seen[0], 0)
        run(Signalled(), bench, tmp_path / "two.h5")
    assert len(set(seen)) == 1, "no other had to take its place"
    assert not read_run(tmp_path / "two.h5").events_of("watchdog")


def test_a_postscript_is_for_the_dead(tmp_path):
    with pytest.raises(RunFileError, match="its run never began, or has ended"):
        Postscript(tmp_path / "run.h5")


# -- the pipe ---------------------------------------------------------------------------------------------


class Recorder:
    def __init__(self, problem=None):
        self.done, self.problem = [], problem

    def begin(self):
        if self.problem:
            raise self.problem
        self.done.append("begin")

    def end(self):
        self.done.append("end")

    def act(self, path, why, names, sent, token):
        self.done.append(str(path))
        self.why, self.names, self.sent, self.token = why, names, sent, token


class Pipes:
    """A watchdog's two pipes, with `keep_watch` at their far end in a thread."""

    def __init__(self, duty, **options):
        from_run, self.to_watchdog = os.pipe()
        self.from_watchdog, to_run = os.pipe()
        self.commands, self.answers = os.fdopen(from_run, "rb"), os.fdopen(to_run, "wb")
        self.heard = os.fdopen(self.from_watchdog, "rb")
        self.thread = threading.Thread(
            target=keep_watch, args=(self.commands, self.answers, duty), kwargs=options
        )
        self.thread.start()

    def ask(self, **message):
        os.write(self.to_watchdog, json.dumps(message).encode() + b"\n")
        return json.loads(self.heard.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        os.close(self.to_watchdog)
        self.thread.join(10)
        for file in (self.commands, self.answers, self.heard):
            file.close()
        assert not self.thread.is_alive()


def test_a_pipe_that_closes_during_a_run_means_death():
    duty = Recorder()
    with Pipes(duty) as pipes:
        assert pipes.ask(watch="/data/one.h5") == {"watching": "/data/one.h5"}
        assert pipes.ask(dismiss=True) == {"dismissed": True}
        pipes.ask(watch="/data/two.h5")
    assert duty.done == ["begin", "end", "begin", "/data/two.h5"]


def test_a_pipe_that_closes_after_dismissal_means_nothing():
    duty = Recorder()
    with Pipes(duty) as pipes:
        pipes.ask(watch="/data/one.h5")
        pipes.ask(dismiss=True)
    assert duty.done == ["begin", "end"]


def test_a_run_that_says_nothing_for_longer_than_it_said_is_taken_for_hung():
    duty = Recorder()
    with Pipes(duty) as pipes:
        pipes.ask(watch="/data/one.h5")
        assert pipes.ask(alive=1, patience=60.0) == {"heard": 1}
        assert pipes.ask(alive=2, patience=0.3) == {"heard": 2}
        pipes.thread.join(30)
        assert not pipes.thread.is_alive()
        assert duty.done == ["begin", "/data/one.h5"]
        assert "no progress" in duty.why


def test_what_is_entrusted_is_done_after_the_pipe_closed():
    duty = Recorder()
    with Pipes(duty) as pipes:
        pipes.ask(watch="/data/one.h5")
        pipes.ask(alive=1, patience=60.0)
        assert pipes.ask(keep=["magnet"]) == {"kept": ["magnet"]}
    assert duty.done == ["begin", "/data/one.h5"]
    assert duty.names == ["magnet"]
    assert "could not make everything safe" in duty.why


def test_of_what_a_run_said_all_is_known_when_there_is_something_to_do():
    duty = Recorder()
    with Pipes(duty) as pipes:
        pipes.ask(watch="/data/one.h5", token="the run")
        for sent in ({"magnet.current": 1.0}, {"laser.power": 0.1}, {"magnet.current": 1.5}):
            os.write(pipes.to_watchdog, json.dumps({"sent": sent}).encode() + b"\n")
    assert duty.sent == {"magnet.current": 1.5, "laser.power": 0.1}
    assert duty.names is None
    assert duty.token == "the run"


def test_a_process_that_goes_on_after_it_left_something_is_not_taken_for_hung():
    duty = Recorder()
    with Pipes(duty) as pipes:
        pipes.ask(watch="/data/one.h5")
        pipes.ask(alive=1, patience=0.2)
        pipes.ask(keep=["magnet"])
        time.sleep(0.7)  # longer than the run said that it would be silent, and than a look takes
        assert pipes.thread.is_alive()
        assert duty.done == ["begin"]
    assert duty.names == ["magnet"]


def test_a_run_that_was_refused_is_not_watched():
    duty = Recorder(SafetyError("in use"))
    with Pipes(duty) as pipes:
        assert pipes.ask(watch="/data/one.h5") == {"error": "in use"}
    assert duty.done == []


def test_a_child_that_holds_the_pipe_open_does_not_hide_the_death():
    duty = Recorder()
    with Pipes(duty, parent=os.getppid() + 1) as pipes:
        pipes.ask(watch="/data/one.h5")
        pipes.thread.join(10)
        assert duty.done == ["begin", "/data/one.h5"]


@pytest.mark.parametrize(
    ("command", "match"),
    [
        (["/no/such/program"], "it cannot be started"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "(it ended with code 3|it is gone)"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "did not answer within 0.2 s"),
    ],
)
def test_without_a_watchdog_there_is_no_run(tmp_path, command, match):
    watchdog = Watchdog(command, name="lab", patience=0.2 if "60" in command[-1] else 30.0)
    with pytest.raises(SafetyError, match=match) as caught, watchdog.watching(tmp_path / "run.h5"):
        pytest.fail("the run began")
    assert "station 'lab'" in str(caught.value)
    assert isinstance(caught.value, LabspinError)
    assert watchdog.process_id is None


def test_two_watchdogs_take_turns_at_an_instrument(tmp_path, monkeypatch):
    """One that a run has just started, and one of the deputy of the former, may both find the run gone."""
    path, inside, most, refused = tmp_path / "run.h5", [], [], threading.Event()
    work, tried = guard.Guard._safe_actions, guard.Guard.make_safe

    def at_work(self, name, sent):
        inside.append(self)
        most.append(len(inside))
        refused.wait(30.0)  # until the other one has come and gone
        try:
            return work(self, name, sent)
        finally:
            inside.remove(self)

    def make_safe(self, name, witness):
        said = tried(self, name, witness)
        if said:
            refused.set()
        return said

    monkeypatch.setattr(guard.Guard, "_safe_actions", at_work)
    monkeypatch.setattr(guard.Guard, "make_safe", make_safe)
    with ServedBench(tmp_path) as served:
        station = load_station(served.station)
        with station.connect(watchdog=False) as bench:
            bench.actuator("magnet.current").energise()
            bench.actuator("magnet.current").move(0.5)
        duties = [guard.Guard(station, ["magnet"]) for _ in range(2)]
        threads = [threading.Thread(target=duty.act, args=(path, "it was tried")) for duty in duties]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        assert served.is_safe
    assert refused.is_set()
    assert most == [1, 1], "both were at it, one after the other"


class Seconds:
    """Stands for the module ``time``: a pause takes no time, and is counted all the same."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_tries_come_less_and_less_often_and_none_after_the_end(monkeypatch):
    seconds, tries = Seconds(), []
    monkeypatch.setattr(guard, "time", seconds)

    class Deaf:
        def make_safe(self, name, witness):
            tries.append((name, seconds.now))
            return "no answer"

    attempts = guard._Attempts(Deaf(), "magnet", None, deadline=1.45)
    attempts.run()
    assert [round(when, 9) for _, when in tries] == [0.0, 0.2, 0.6, 1.4]
    assert not attempts.is_safe
    assert attempts.said == "no answer"


def test_what_was_done_is_written_before_the_watchdog_lets_go(tmp_path, monkeypatch):
    station = load_station(LAB)
    duty = guard.Guard(station, [])
    record = guard._Witness._record

    def late(witness, *what):
        time.sleep(0.05)  # a disk that has much to do
        record(witness, *what)

    monkeypatch.setattr(guard._Witness, "_record", late)
    monkeypatch.setattr(guard, "leave_notice", lambda *_, **__: None)
    duty.act(tmp_path / "run.h5", "it was tried")
    assert "is in its safe state" in (tmp_path / "run.h5.watchdog.log").read_text().splitlines()[-1]
