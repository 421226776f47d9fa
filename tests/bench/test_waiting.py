"""Waits that are interrupted: by whom, how soon, and by nobody else."""

import threading

import pytest

from labspin.bench.waiting import InterruptibleClock
from labspin.clock import SimulatedClock


class Interrupted(Exception):  # noqa: N818 - as the engine names its own
    """Raised at a checkpoint."""


def interrupt():
    raise Interrupted


class Noting(SimulatedClock):
    """A clock that notes how long each of its waits was."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        super().sleep(seconds)


@pytest.fixture
def clock():
    return InterruptibleClock(Noting())


def test_a_wait_is_interrupted_where_that_was_asked_for(clock):
    clock.sleep(1.0)
    with clock.interrupted_by(interrupt), pytest.raises(Interrupted):
        clock.sleep(1.0)
    clock.sleep(1.0)
    assert clock.now() == pytest.approx(2.0, rel=1e-12, abs=0)


def test_after_a_block_within_a_block_the_outer_one_is_as_before(clock):
    """What makes the bench safe is such an inner block; a run that holds, another."""
    with clock.interrupted_by(interrupt):
        with clock.uninterrupted():
            clock.sleep(1.0)
        with pytest.raises(Interrupted):
            clock.sleep(1.0)


def test_the_waits_of_other_threads_are_not_interrupted(clock):
    """Instruments are made safe side by side, in threads."""
    found = []

    def work():
        try:
            clock.sleep(1.0)
        except Interrupted:
            found.append("interrupted")
        else:
            found.append("waited")

    with clock.interrupted_by(interrupt):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == ["waited"]


def test_within_a_long_wait_it_is_looked_when_something_is_due(clock):
    looks, due = [], [3.0]

    def look():
        looks.append(clock.now())
        if clock.now() >= due[0]:
            due[0] += 3.0

    with clock.interrupted_by(look, due=lambda: due[0]):
        clock.sleep(10.0)
    assert clock.clock.waits == pytest.approx([3.0, 3.0, 3.0, 1.0], rel=1e-9, abs=0)
    assert looks == pytest.approx([0.0, 3.0, 6.0, 9.0, 10.0], rel=1e-9, abs=1e-12)


def test_another_thread_that_makes_the_bench_safe_changes_nothing_here(clock):
    """Neither while it is at it, nor by ending after this thread has left its own block."""
    inside, over = threading.Event(), threading.Event()

    def make_safe():
        with clock.uninterrupted():
            inside.set()
            over.wait()

    thread = threading.Thread(target=make_safe)
    with clock.interrupted_by(interrupt):
        thread.start()
        inside.wait()
        with pytest.raises(Interrupted):
            clock.sleep(1.0)
    over.set()
    thread.join()
    clock.sleep(1.0)
