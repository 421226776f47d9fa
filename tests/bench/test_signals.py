"""Signals must neither hang a run nor keep its bench from the safe state."""

import logging
import os
import signal
import threading
import time

import pytest

from labspin.bench.safety import Interruptions, signals_put_off
from labspin.data import read_run
from labspin.data.journal.replay import POINT_RECORD
from labspin.data.journal.writer import JournalWriter
from labspin.experiment import Control, run
from tests.bench.signalled_runs import bursts
from tests.experiment.fakes import fake_bench, scan
from tests.places import PATIENCE
from tests.some import some


def test_bursts_of_signals_neither_hang_a_run_nor_keep_it_from_the_safe_state(tmp_path):
    for result in some(bursts(tmp_path / "runs", 4, seed=11)):
        assert result["said"] in ("aborted\n", "interrupted\n")
        assert result["current"] < 0.01
        assert result["safe"]
        assert result["published"]


def test_a_handler_writes_no_log(caplog):
    asked = []
    signals = Interruptions(asked.append)
    with caplog.at_level(logging.DEBUG), signals.caught():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        signals.closing()
        os.kill(os.getpid(), signal.SIGINT)
        with signals_put_off():
            os.kill(os.getpid(), signal.SIGINT)
    assert asked == ["SIGINT"], "the first alone is handed on"
    assert not caplog.records


def test_what_is_logged_in_the_midst_of_a_write_is_recorded_and_hangs_nothing(tmp_path, monkeypatch):
    write = JournalWriter.write

    def interrupted(self, record):
        if record[0] == POINT_RECORD and len(waiting) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            logging.getLogger("labspin.test").warning("said while the journal is written")
            waiting.clear()
        write(self, record)

    waiting = [threading.Timer(20.0, os._exit, (70,))]
    waiting[0].start()
    timer = waiting[0]
    monkeypatch.setattr(JournalWriter, "write", interrupted)
    outcome = run(scan(), fake_bench(), tmp_path / "run.h5")
    timer.cancel()
    assert outcome.status == "aborted"
    recorded = read_run(tmp_path / "run.h5")
    assert "said while the journal is written" in [event.message for event in recorded.events_of("log")]


def test_a_pause_is_ended_by_a_signal():
    control = Control()
    control.pause()
    signals = Interruptions(control.abort)
    with signals.caught():
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        while not control.hold(60.0):
            pytest.fail("the signal did not end the pause")
    assert control.requested


class Stuck(type(scan())):
    def measure(self, bench, point):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10 * PATIENCE)  # an instrument's library that does not come back


def test_a_second_signal_breaks_into_a_procedure_of_its_own(tmp_path):
    began = time.monotonic()
    bench = fake_bench()
    with pytest.raises(KeyboardInterrupt):
        run(Stuck(seed=0), bench, tmp_path / "run.h5")
    assert time.monotonic() - began < PATIENCE
    assert bench.magnet.current == 0.0
    assert read_run(tmp_path / "run.h5").status == "aborted"
