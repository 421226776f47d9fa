from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import solve_ivp

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError
from labspin.twin import Pattern, PhotonDetector, World
from labspin.twin.drift import Drift
from labspin.twin.signal import Track
from tests.some import some
from tests.twin.lamp import PULSES, Lamp, make_world


def test_a_signal_ramps_and_lags_as_its_differential_equation_says():
    track = Track.constant(1.0).towards(5.0, 10.0, slew=2.0, time_constant=0.7)

    def slope(t, y):
        return (min(1.0 + 2.0 * t, 5.0) - y) / 0.7

    times = np.linspace(0, 8, 41)
    reference = solve_ivp(slope, (0, 8), [1.0], t_eval=times, rtol=1e-9, atol=1e-10, max_step=0.02).y[0]
    assert [track.value(10.0 + t) for t in times] == pytest.approx(reference, abs=1e-5)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0, 3), st.floats(0.1, 10)), min_size=1, max_size=8))
def test_a_slewing_signal_never_jumps(moves):
    track, now = Track.constant(0.0), 0.0
    for target, wait, slew in some(moves):
        before = track.value(now)
        track = track.towards(target, now, slew=slew, time_constant=0.0)
        assert track.value(now) == pytest.approx(before, abs=1e-12)
        half = track.value(now + wait / 2)
        assert abs(half - before) <= slew * wait / 2 + 1e-9
        now += wait


def test_an_output_in_dbm_switches_off_at_once(world):
    world.drive("microwave.power", 10.0)
    world.drive("microwave.power", -math.inf, slew=1.0)
    assert world.level("microwave.power") == -math.inf


def test_an_unknown_signal_is_refused(world):
    with pytest.raises(ArgumentError, match=r"'magnet\.curent'.*magnet\.current"):
        world.drive("magnet.curent", 1.0)


def test_a_job_ends_when_its_last_gate_closes(world):
    world.play(PULSES)
    job = world.count("pl", gates=[(0.0, 1e-6), (2e-6, 1.5e-6)], triggers=100)
    assert job.ends == pytest.approx(99 * 10e-6 + 3.5e-6, rel=1e-6, abs=0)
    world.clock.sleep(99 * 10e-6)
    assert not job.done
    world.clock.sleep(4e-6)
    assert job.done
    assert job.triggers == 100


def test_a_closing_trigger_ends_the_job_at_its_edge(world):
    world.play(PULSES)
    job = world.count("pl", gates=[(0.0, 1e-6)], triggers=100, closing_trigger=True)
    assert job.ends == pytest.approx(100 * 10e-6, rel=1e-6, abs=0)
    world.clock.sleep(1.0)
    assert job.open_time() == pytest.approx([100e-6], rel=1e-6, abs=0)


def test_a_job_armed_before_the_pattern_counts_all_of_it(world):
    job = world.count("pl", gates=[(0.0, 1e-6)], triggers=1000)
    assert job.ends == math.inf
    world.clock.sleep(5.0)
    world.play(PULSES, 1000)
    assert job.ends == pytest.approx(5.0 + 999 * 10e-6 + 1e-6, rel=1e-6, abs=0)
    world.clock.sleep(1.0)
    assert job.done
    assert job.counts()[0] == pytest.approx(1000, abs=5 * math.sqrt(1000))


def test_a_pattern_that_stops_too_soon_leaves_the_job_waiting(world):
    world.play(PULSES, 999)
    job = world.count("pl", gates=[(0.0, 1e-6)], triggers=1000)
    world.clock.sleep(10.0)
    assert not job.done
    assert job.triggers == 999
    world.play(PULSES)
    world.clock.sleep(1e-5)
    assert job.done
    assert job.triggers == 1000


def test_a_finite_pattern_ends_in_its_final_levels(world):
    world.play(PULSES, 10, {"laser": 1.0})
    assert world.playing
    world.clock.sleep(1e-4)
    assert not world.playing
    job = world.count("pl", gates=[(0.0, math.inf)], duration=1.0)
    world.clock.sleep(1.0)
    assert job.counts()[0] == pytest.approx(1e6, abs=5e3)


def test_the_mean_follows_a_signal_that_changes_while_counting(world):
    world.play(PULSES)
    job = world.count("pl", gates=[(0.0, math.inf)], duration=2.0)
    world.clock.sleep(1.0)
    world.drive("laser.power", 3.0)
    world.clock.sleep(5.0)
    assert job.counts()[0] == pytest.approx(0.4e6 * (1 + 3), abs=5 * math.sqrt(1.6e6))


def test_the_mean_follows_a_ramp(world):
    world.play(Pattern.constant(1e-3, laser=1.0))
    world.drive("laser.power", 3.0, slew=2.0)
    job = world.count("pl", gates=[(0.0, math.inf)], duration=1.0)
    world.clock.sleep(1.0)
    assert job.counts()[0] == pytest.approx(2e6, abs=5 * math.sqrt(2e6))


def test_a_gate_may_reach_into_the_next_period(world):
    world.play(PULSES)
    job = world.count("pl", gates=[(9e-6, 2e-6), (0.0, 25e-6)], triggers=100_000)
    world.clock.sleep(2.0)
    assert job.counts() == pytest.approx([1e5, 12e5], rel=0.02, abs=0)


def test_edges_within_the_holdoff_are_missed(world):
    world.play(PULSES)
    job = world.count("pl", gates=[(0.0, 1e-6)], triggers=10, holdoff=25e-6)
    assert job.misses_triggers
    assert job.ends == pytest.approx(9 * 30e-6 + 1e-6, rel=1e-6, abs=0)


def test_a_job_may_begin_in_the_past(world):
    world.play(PULSES)
    world.clock.sleep(1.0)
    world.play(PULSES)
    world.clock.sleep(1.0)
    job = world.count("pl", gates=[(0.0, 1e-6)], triggers=150_000, start=0.0)
    assert job.done
    assert job.ends == pytest.approx(1.5, abs=2e-5)
    assert job.counts()[0] == pytest.approx(150_000, rel=0.02, abs=0)


def test_counts_are_poissonian_without_dead_time():
    world = make_world(efficiency=0.5, dark_rate=1e4)
    world.play(PULSES)
    counts = []
    for _ in range(3000):
        job = world.count("pl", gates=[(0.0, 2e-6)], triggers=20)
        world.clock.sleep(1e-3)
        counts.append(job.counts()[0])
    mean = 20 * (1.0 + 0.02)
    assert np.mean(counts) == pytest.approx(mean, abs=5 * math.sqrt(mean / 3000))
    assert np.var(counts) == pytest.approx(mean, rel=5 * math.sqrt(2 / 3000), abs=0)


def _one_by_one(rate, duration, dead_time, runs, rng):
    """Count arrivals that are each missed or not: the process itself, in its steady state."""
    counts = np.empty(runs)
    for run in range(runs):
        times = np.cumsum(rng.exponential(1 / rate, int(1.3 * rate * (duration + 1e-4)) + 100)) - 1e-4
        last, count = -math.inf, 0
        for time in times[times < duration]:
            if time >= last + dead_time:
                last = time
                count += time >= 0
        counts[run] = count
    return counts


def test_dead_time_changes_mean_and_variance_as_it_does_to_single_photons():
    detector, rng = PhotonDetector(dead_time=200e-9), np.random.default_rng(3)
    rate, duration, runs = 3e6, 100e-6, 2000
    reference = _one_by_one(rate, duration, 200e-9, runs, rng)
    drawn = np.concatenate(
        [detector.draw(np.array([rate * duration]), np.array([duration]), rng) for _ in range(runs)]
    )
    error = math.sqrt((reference.var() + drawn.var()) / runs)
    assert drawn.mean() == pytest.approx(reference.mean(), abs=5 * error)
    assert drawn.var() == pytest.approx(reference.var(), rel=5 * math.sqrt(4 / runs), abs=0)
    assert drawn.var() < 0.6 * drawn.mean()


@settings(max_examples=50)
@given(st.floats(0, 1e9), st.floats(0, 1e-6), st.floats(1e-9, 1.0))
def test_a_detector_never_counts_faster_than_its_dead_time_allows(rate, dead_time, duration):
    counts = PhotonDetector(dead_time=dead_time).draw(
        np.array([rate * duration]), np.array([duration]), np.random.default_rng(0)
    )
    assert counts[0] >= 0
    if dead_time > 0:
        assert counts[0] <= duration / dead_time + 8 * math.sqrt(duration / dead_time) + 10


def test_noise_is_a_function_of_seed_and_point():
    def point(world, index):
        world.begin_point(index)
        world.play(PULSES)
        jobs = [world.count("pl", gates=[(0.0, 1e-6)], triggers=1000) for _ in range(2)]
        world.clock.sleep(1.0)
        return [int(job.counts()[0]) for job in jobs] + [float(world.rng.standard_normal())]

    whole = make_world(seed=5)
    course = [point(whole, index) for index in range(4)]
    resumed = make_world(seed=5)
    resumed.restore(whole.clock.now() - 1.0)
    assert point(resumed, 3) == course[3]
    assert course[2] != course[3]
    assert point(make_world(seed=6), 3) != course[3]


def test_restoring_moves_time_on_and_never_back(world):
    world.restore(100.0)
    assert world.clock.now() == 100.0
    world.restore(50.0)
    assert world.clock.now() == 100.0


def test_a_blinded_detector_counts_as_fast_as_it_can():
    world = make_world(dead_time=50e-9)
    world.detectors.blind("pl")
    job = world.count("pl", gates=[(0.0, math.inf)], duration=1e-3)
    world.clock.sleep(1e-3)
    assert job.counts()[0] == pytest.approx(1e-3 / 50e-9, rel=0.01, abs=0)
    world.detectors.unblind("pl")
    assert world.detectors["pl"].dark_rate == 0


def test_drift_has_the_spread_and_the_memory_it_was_given():
    values = np.array(
        [
            [drift.at(0.0), drift.at(300.0), drift.at(3000.0)]
            for drift in (
                Drift(amplitude=0.02, correlation_time=300.0, rng=np.random.default_rng(seed))
                for seed in range(4000)
            )
        ]
    )
    covariance = values.T @ values / len(values)
    assert math.sqrt(covariance[0, 0]) == pytest.approx(0.02, rel=0.05, abs=0)
    assert covariance[0, 1] / covariance[0, 0] == pytest.approx(math.exp(-1), abs=0.06)
    assert covariance[0, 2] / covariance[0, 0] == pytest.approx(0.0, abs=0.06)


def test_what_drifts_within_seconds_is_no_tone():
    moved = []  # mean square over one second, of one draw each, over what the covariance says
    for seed in range(20):
        drift = Drift(amplitude=0.02, correlation_time=300.0, rng=np.random.default_rng(seed))
        steps = [drift.at(t + 1.0) - drift.at(t) for t in np.linspace(0.0, 3e4, 100).tolist()]
        moved.append(float(np.mean(np.square(steps))) / (2 * 0.02**2 * -math.expm1(-1.0 / 300.0)))
    assert np.mean(moved) == pytest.approx(1.0, rel=0.15, abs=0)
    assert np.std(moved) < 0.3  # a tone in some draws, and nothing in the others: 2.2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"gates": []}, "gates of a counting job"),
        ({"gates": [(-1.0, 1.0)]}, "gates of a counting job"),
        ({"gates": [(0.0, 0.0)]}, "gates of a counting job"),
        ({"gates": [(0.0, 1.0)], "triggers": 0}, "triggers of a counting job"),
        ({"gates": [(0.0, 1.0)], "duration": 0.0}, "duration of a counting job"),
    ],
)
def test_an_impossible_job_is_refused(world, arguments, match):
    with pytest.raises(ArgumentError, match=match):
        world.count("pl", **arguments)


def test_impossible_detectors_are_refused():
    with pytest.raises(ArgumentError, match="efficiency"):
        PhotonDetector(efficiency=1.5)
    with pytest.raises(ArgumentError, match="dead_time"):
        PhotonDetector(dead_time=-1.0)
    with pytest.raises(ArgumentError, match="does not count photons"):
        make_world().count("apd", gates=[(0.0, 1.0)])


def test_what_does_not_move_is_asked_once_an_instant():
    class Counted(Lamp):
        asked = 0

        def reading(self, quantity, signals, time):
            type(self).asked += 1
            return time + signals["magnet.current"]

    clock = SimulatedClock()
    world = World(Counted(), clock, seed=1)
    assert world.signals() is world.signals()
    assert [world.reading("field"), world.reading("field")] == [0.0, 0.0]
    assert Counted.asked == 1
    world.drive("magnet.current", 2.0)
    assert world.reading("field") == 2.0
    clock.advance(1.0)
    assert world.reading("field") == 3.0
    world.drive("magnet.current", 4.0, slew=1.0)
    assert world.signals() is not world.signals()
    clock.advance(1.0)
    assert world.reading("field") == pytest.approx(5.0, rel=1e-6, abs=0)
