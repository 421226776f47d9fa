"""Swept outputs: staircases of a signal, and what counters and samples see of them."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
from hypothesis import given, strategies as st

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError
from labspin.twin import Pattern, Sample, World
from labspin.twin.signal import Staircase, Track, pieces
from tests.some import some
from tests.twin.lamp import make_world

LIT = Pattern.constant(1e-3, laser=1.0)


class Integrator(Sample):
    """Adds up its input over time."""

    inputs: ClassVar = {"cryostat.setpoint": "K"}
    defaults: ClassVar = {"cryostat.setpoint": 0.0}

    def __init__(self) -> None:
        self.time = self.total = 0.0

    def advance(self, until, signals, rng):
        self.total += signals["cryostat.setpoint"] * (until - self.time)
        self.time = until

    def truth(self, signals):
        return {"total": self.total}


def test_a_staircase_goes_through_its_values_and_stays():
    stairs = Staircase(10.0, (1.0, 2.0, 3.0), (1.0, 2.0, 4.0), final=7.0)
    assert [stairs.value(10.0 + t) for t in (0, 0.5, 1, 2, 3.9, 4, 100)] == [1, 1, 2, 3, 3, 7, 7]
    assert stairs.settled == 14.0
    assert stairs.changes(10.0, 100.0, 10) == [11.0, 12.0, 14.0]


def test_a_repeating_staircase_begins_anew():
    stairs = Staircase(0.0, (1.0, 2.0), (1.0, 2.0), repeat=True)
    assert [stairs.value(t) for t in (0.5, 1.5, 2.5, 1001.5)] == [1, 2, 1, 2]
    assert stairs.changes(1.5, 5.0, 10) == [2.0, 3.0, 4.0]
    assert len(stairs.changes(0.0, 1e9, 10)) == 10


@given(
    st.lists(st.floats(0.1, 3.0), min_size=1, max_size=6),
    st.booleans(),
    st.floats(0, 20),
    st.floats(0.01, 20),
)
def test_a_staircase_is_constant_between_its_changes(durations, repeat, start, length):
    ends = tuple(sum(durations[: n + 1]) for n in range(len(durations)))
    stairs = Staircase(0.0, tuple(float(n) for n in range(len(ends))), ends, repeat, final=-1.0)
    for begin, end in some(pieces([stairs], start, start + length)):
        inside = {stairs.value(begin + part * (end - begin)) for part in (0.01, 0.5, 0.99)}
        assert len(inside) == 1 or end - begin < 1e-9


def test_pieces_of_a_fast_sweep_are_bounded():
    stairs = Staircase(0.0, (1.0, 2.0), (1e-6, 2e-6), repeat=True)
    assert len(pieces([stairs, Track.constant(1.0)], 0.0, 1000.0)) <= 20_000


def test_a_counter_sees_each_step_of_a_sweep_as_long_as_it_lasts():
    world = make_world()
    world.play(LIT)
    world.sweep("laser.power", [1.0, 3.0, 0.0], [1.0, 0.5, 2.0], final=2.0)
    job = world.count("pl", gates=[(0.0, math.inf)])
    world.clock.sleep(5.0)
    expected = 1e6 * (1.0 * 1.0 + 3.0 * 0.5 + 0.0 * 2.0 + 2.0 * 1.5)
    assert job.counts()[0] == pytest.approx(expected, abs=6 * math.sqrt(expected))
    assert world.level("laser.power") == 2.0


def test_driving_ends_a_sweep():
    world = make_world()
    world.sweep("laser.power", [1.0, 3.0], [1.0, 1.0])
    world.clock.sleep(101.5)
    assert world.level("laser.power") == 3.0
    world.drive("laser.power", 0.5)
    world.clock.sleep(0.7)
    assert world.level("laser.power") == 0.5


@pytest.mark.parametrize(
    ("values", "durations"), [([], []), ([1.0], [1.0, 1.0]), ([1.0], [0.0]), ([1.0, 2.0], [1.0, -1.0])]
)
def test_a_sweep_that_cannot_be_is_refused(values, durations):
    with pytest.raises(ArgumentError, match=r"sweep of 'laser.power': wanted as many durations > 0 s"):
        make_world().sweep("laser.power", values, durations)


def test_a_sweep_of_a_signal_that_is_not_there_is_refused():
    with pytest.raises(ArgumentError, match=r"'laser': Lamp does not feel it"):
        make_world().sweep("laser", [1.0], [1.0])


def test_a_sample_with_a_state_follows_a_ramp_that_nobody_watches():
    world = World(Integrator(), SimulatedClock(), seed=0)
    world.drive("cryostat.setpoint", 10.0, slew=0.1)
    world.clock.sleep(200.0)
    assert world.truth()["total"] == pytest.approx(0.5 * 10.0 * 100.0 + 10.0 * 100.0, rel=1e-6, abs=0)


def test_a_sample_with_a_state_follows_a_sweep_that_nobody_watches():
    world = World(Integrator(), SimulatedClock(), seed=0)
    world.sweep("cryostat.setpoint", [1.0, 5.0], [3.0, 4.0], final=2.0)
    world.clock.sleep(10.0)
    assert world.truth()["total"] == pytest.approx(1 * 3 + 5 * 4 + 2 * 3, rel=1e-6, abs=0)
