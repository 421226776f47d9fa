import math
import threading
import time

import pytest

from labspin.clock import Clock, SimulatedClock, WallClock
from labspin.errors import ArgumentError


def test_as_fast_as_possible_an_hour_takes_no_time():
    clock = SimulatedClock()
    started = time.monotonic()
    clock.sleep(3600.0)
    assert clock.now() == 3600.0
    assert time.monotonic() - started < 1.0


def test_a_scaled_clock_follows_the_wall_clock():
    clock = SimulatedClock(speed=1000.0)
    before_wall, before = time.monotonic(), clock.now()
    clock.sleep(20.0)
    elapsed, wall = clock.now() - before, time.monotonic() - before_wall
    assert elapsed >= 20.0
    assert elapsed == pytest.approx(1000.0 * wall, rel=0.2, abs=0)


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


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ArgumentError, match="speed of the simulated clock"):
        SimulatedClock(speed)
