import math
import re
import threading
import time
from pathlib import Path

import pytest

import labspin
from labspin.clock import Clock, SimulatedClock, WallClock, local_time
from labspin.errors import ArgumentError
from tests.places import PATIENCE


def test_as_fast_as_possible_an_hour_takes_no_time():
    clock = SimulatedClock()
    started = time.monotonic()
    clock.sleep(3600.0)
    assert clock.now() == 3600.0
    assert time.monotonic() - started < PATIENCE, "the wait itself is fifteen times as long"


def test_a_scaled_clock_follows_the_wall_clock():
    clock = SimulatedClock(speed=1000.0)
    outside = time.monotonic()
    before = clock.now()
    inside = time.monotonic()
    clock.sleep(20.0)
    inside = time.monotonic() - inside
    elapsed = clock.now() - before
    outside = time.monotonic() - outside
    assert elapsed >= 20.0
    assert 1000.0 * inside <= elapsed * (1 + 1e-9)
    assert elapsed <= 1000.0 * outside * (1 + 1e-9)


def test_waits_of_many_threads_all_count():
    clock = SimulatedClock()
    threads = [threading.Thread(target=lambda: [clock.sleep(0.5) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 2000.0


@pytest.mark.parametrize("clock", [WallClock(), SimulatedClock(), SimulatedClock(10.0)])
def test_clocks_never_run_backwards(clock):
    assert isinstance(clock, Clock)
    before = clock.now()
    clock.sleep(-1.0)
    clock.sleep(0.0)
    clock.sleep(math.nan)
    assert clock.now() >= before


@pytest.mark.parametrize("speed", [math.inf, 10.0])
def test_time_that_is_skipped_goes_forwards_only(speed):
    clock = SimulatedClock(speed)
    before = clock.now()
    for seconds in (-1e6, math.nan, 0.0, 3600.0, -1e6):
        clock.advance(seconds)
    assert 3600.0 <= clock.now() - before < 7200.0  # nothing was waited for: the rest is wall time, tenfold


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ArgumentError, match="speed of the simulated clock"):
        SimulatedClock(speed)


@pytest.fixture
def in_paris(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system has no tzset")
@pytest.mark.usefixtures("in_paris")
def test_a_time_of_a_file_is_read_as_that_of_this_place():
    assert local_time("2026-07-01T10:00:00.123+00:00") == "2026-07-01 12:00:00 +0200"
    assert local_time("2026-01-01T10:00:00+00:00")[:16] == "2026-01-01 11:00"
    assert local_time("yesterday") == "yesterday"


def test_no_list_shows_the_time_of_a_file_as_it_stands_there():
    """A file has UTC; a slice of it would look like local time."""
    package = Path(labspin.__file__).parent
    sliced = [path for path in package.rglob("*.py") if re.search(r"\.started\[:", path.read_text("utf-8"))]
    assert sliced == []
