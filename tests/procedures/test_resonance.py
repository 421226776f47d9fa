"""Quick estimates of a resonance, the search for it, and the wait for a stable reading: without a bench."""

import math

import numpy as np
import pytest

from labspin.analysis import fit_curve, load_model
from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, FitError
from labspin.physics import mrfm
from labspin.procedures import resonance
from labspin.procedures.resonance import (
    Resonance,
    resonance_from_ring_down,
    resonance_from_sweep,
    search_resonance,
    sweep_frequencies,
)
from labspin.procedures.stability import StabilityRule, wait_until_stable

GAIN = 1e6  # V/m


def response(frequency, f0, quality, *, amplitude=0.01, phase=2.2, crosstalk=2e-5 + 1e-5j):
    """The exact response, with cross-talk; the estimates know only its pole."""
    chi = (f0**2 / quality) / (f0**2 - frequency**2 + 1j * frequency * f0 / quality)
    return amplitude * np.exp(1j * phase) * chi + crosstalk


def line(f0, quality):
    return Resonance(f0, 0.0, 1 / quality, 0.0, 1.0, 1.0)


class Cantilever:
    """A cantilever behind a lock-in, whose past counts: sweeps that do not wait are skewed."""

    def __init__(self, f0, quality, *, seed=0, drive=0.3, kelvin=0.1):
        self.system = mrfm.DemodulatedMotion(
            resonator=mrfm.Resonator(70e-6, 2 * math.pi * f0, quality),
            lock_in=mrfm.LockInFilter(3e-3, 24),
            temperature=kelvin,
            readout_noise=2e-13,
        )
        self.force, self.rng = math.sqrt(2) * 5e-15 * drive, np.random.default_rng(seed)
        self.state, self.elapsed = None, 0.0

    def sweep(self, frequencies, dwell):
        omega = 2 * math.pi * np.asarray(frequencies)
        if self.state is None:
            self.state = self.system.settled(angular_frequency=omega[0], force=self.force, rng=self.rng)
        states = self.system.advance(
            self.state, duration=dwell, angular_frequency=omega, force=self.force, rng=self.rng
        )
        self.state, self.elapsed = states[-1], self.elapsed + dwell * len(omega)
        return np.asarray(frequencies), GAIN * states[:, self.system.output] + 6e-6


# -- estimates --------------------------------------------------------------------------------------------


def test_a_sweep_gives_the_resonance_with_honest_errors():
    f0, quality, rng = 3001.3, 2000.0, np.random.default_rng(1)
    frequency = sweep_frequencies(line(3001.2, 2200.0), span=6, points=41)
    pulls = []
    for _ in range(300):
        noise = 2e-4 * (rng.standard_normal(41) + 1j * rng.standard_normal(41))
        found = resonance_from_sweep(frequency, response(frequency, f0, quality) + noise)
        pulls.append(
            [
                (found.frequency - f0) / found.frequency_error,
                (found.inverse_quality - 1 / quality) / found.inverse_quality_error,
            ]
        )
    assert np.mean(pulls, axis=0) == pytest.approx([0, 0], abs=4 / math.sqrt(300))
    assert np.std(pulls, axis=0) == pytest.approx([1, 1], rel=4 / math.sqrt(600), abs=0)


@pytest.mark.parametrize("quality", [300.0, 3000.0, 30_000.0])
def test_the_quick_estimate_is_that_of_the_exact_fit(quality):
    f0, rng = 3002.7, np.random.default_rng(2)
    frequency = sweep_frequencies(line(f0, quality), span=6, points=41)
    noise = 1e-4 * (rng.standard_normal(41) + 1j * rng.standard_normal(41))
    measured = response(frequency, f0, quality) + noise
    quick = resonance_from_sweep(frequency, measured)
    exact = fit_curve(load_model("resonator_response"), frequency, measured)
    assert quick.frequency == pytest.approx(exact["f0"].value, abs=0.1 * exact["f0"].stderr)
    assert 1 / quick.inverse_quality == pytest.approx(exact["Q"].value, abs=0.1 * exact["Q"].stderr)
    assert quick.frequency_error == pytest.approx(exact["f0"].stderr, rel=0.05, abs=0)
    assert quick.amplitude == pytest.approx(exact["amplitude"].value, rel=1e-2, abs=0)


def test_a_lock_in_that_counts_the_other_way_gives_the_same():
    frequency = np.linspace(2990, 3010, 41)
    there = resonance_from_sweep(frequency, response(frequency, 3000.4, 500.0))
    mirrored = resonance_from_sweep(frequency, response(frequency, 3000.4, 500.0).conj())
    assert mirrored.frequency == pytest.approx(there.frequency, rel=1e-9, abs=0)
    assert mirrored.inverse_quality == pytest.approx(there.inverse_quality, rel=1e-6, abs=0)


def test_order_and_missing_points_do_not_matter():
    frequency = np.linspace(2990, 3010, 41)
    measured = response(frequency, 3000.4, 500.0)
    order = np.random.default_rng(3).permutation(41)
    shuffled = resonance_from_sweep(frequency[order], measured[order])
    assert shuffled.frequency == pytest.approx(3000.4, abs=1e-3)
    measured[7] = np.nan
    assert resonance_from_sweep(frequency, measured).frequency == pytest.approx(3000.4, abs=1e-3)


def test_a_ring_down_gives_the_pole_and_errors_that_know_of_thermal_motion():
    f0, quality, pulls = 3001.0, 1000.0, []
    time = 5 * quality / (math.pi * f0) / 400 * np.arange(1, 401)
    for seed in range(60):
        cantilever = Cantilever(f0, quality, seed=seed)
        cantilever.sweep(np.array([f0 + 0.3]), 1.0)
        states = cantilever.system.advance(
            cantilever.state, duration=time[0], angular_frequency=np.full(400, 2 * math.pi * (f0 + 0.3)),
            force=0.0, rng=cantilever.rng,
        )  # fmt: skip
        decay = GAIN * states[:, cantilever.system.output]
        free = time > 0.035
        t, z = (values[free][: 4 * (free.sum() // 4)].reshape(-1, 4).mean(axis=1) for values in (time, decay))
        found = resonance_from_ring_down(t, z, f0 + 0.3)
        pulls.append(
            [
                (found.frequency - f0) / found.frequency_error,
                (found.inverse_quality - 1 / quality) / found.inverse_quality_error,
            ]
        )
    assert np.mean(pulls, axis=0) == pytest.approx([0, 0], abs=5 / math.sqrt(60))
    assert np.std(pulls, axis=0) == pytest.approx([1, 1], rel=3.5 / math.sqrt(120), abs=0)


def test_what_does_not_decay_and_what_is_too_short_is_refused():
    time = np.linspace(0, 1, 50)
    with pytest.raises(FitError, match="wanted a decay"):
        resonance_from_ring_down(time, np.exp(3 * time) + 0j, 3000.0)
    with pytest.raises(FitError, match="at least 6 finite points"):
        resonance_from_sweep(time[:5], time[:5] + 0j)
    with pytest.raises(FitError, match="of one shape"):
        resonance_from_sweep(time, time[:7] + 0j)


def test_a_sweep_goes_round_the_circle_in_equal_steps_and_stays_within_its_bounds():
    frequency = sweep_frequencies(line(3000.0, 1000.0), span=6, points=31)
    assert (frequency[0], frequency[-1]) == pytest.approx((2991.0, 3009.0), rel=1e-6, abs=0)
    resonant = response(frequency, 3000.0, 1000.0, crosstalk=0.0)
    assert np.abs(np.diff(resonant)).max() == pytest.approx(np.abs(np.diff(resonant)).min(), rel=0.01, abs=0)
    bounded = sweep_frequencies(line(3000.0, 1000.0), span=6, points=31, low=2999.0, high=3020.0)
    assert bounded[0] == pytest.approx(2999.0, rel=1e-6, abs=0)
    assert bounded.min() >= 2999.0
    assert len(set(bounded)) == 31


# -- search -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [300.0, 2000.0, 30_000.0, 200_000.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_narrow_and_wide_lines_anywhere(quality, seed):
    f0 = float(np.random.default_rng(seed).uniform(2996, 3009))
    cantilever = Cantilever(f0, quality, seed=seed)
    found = search_resonance(cantilever.sweep, low=2995.0, high=3010.0, points=41, settle=0.03, longest=30.0)
    assert found.frequency == pytest.approx(f0, abs=0.2 * f0 / quality)
    assert found.inverse_quality == pytest.approx(1 / quality, rel=0.1, abs=0)
    # A sweep of the whole range that resolves the line and waits five ring-downs would take far longer.
    patient = 5 * quality / (math.pi * f0) * 15 / (f0 / quality / 4)
    assert cantilever.elapsed < max(25.0, 0.2 * patient)


def test_the_search_follows_a_line_that_has_left_the_window():
    cantilever = Cantilever(3003.0, 1000.0)
    found = search_resonance(
        cantilever.sweep, low=2995.0, high=3010.0, points=41, settle=0.03, longest=30.0,
        around=(2999.0, 3001.0),
    )  # fmt: skip
    assert found.frequency == pytest.approx(3003.0, abs=0.5)


class Warm:
    """A line 0.1 Hz wide in white noise: thermal motion at points that are far apart in time."""

    def __init__(self, f0, noise, seed):
        self.f0, self.noise, self.rng, self.elapsed = f0, noise, np.random.default_rng(seed), 0.0

    def sweep(self, frequencies, dwell):
        self.elapsed += dwell * len(frequencies)
        settled = 1 - math.exp(-dwell * math.pi * 0.1)
        scatter = self.rng.standard_normal((len(frequencies), 2)) @ [1, 1j]
        return frequencies, settled * -0.05j / (frequencies - self.f0 - 0.05j) + self.noise * scatter


@pytest.mark.parametrize("off", [0.0, 0.125, 0.25])
def test_a_line_between_two_points_of_a_noisy_sweep_is_found(off):
    """A quarter of a hertz beside a point the line is a fifth of its height, and noise a tenth."""
    times = []
    for seed in range(20):
        bench = Warm(5000.0 + off, 0.1, seed)
        found = search_resonance(bench.sweep, low=4990.0, high=5010.0, points=41, settle=1.0, longest=20.0)
        assert abs(found.frequency - bench.f0) < 0.05
        times.append(bench.elapsed)
    assert max(times) < 41 * (
        1 + 4 + 16 + 3 * 31 + 9 + 21
    )  # what looking at the same points ever more slowly takes


@pytest.mark.parametrize("f0", [2950.0, 3050.0])
def test_a_line_elsewhere_is_not_found(f0):
    cantilever = Cantilever(f0, 30_000.0, drive=0.003)
    with pytest.raises(FitError, match="none found between 2995 and 3010 Hz"):
        search_resonance(cantilever.sweep, low=2995.0, high=3010.0, points=21, settle=0.03, longest=1.0)


def test_noise_alone_is_no_resonance():
    rng = np.random.default_rng(4)

    def sweep(frequencies, dwell):
        return frequencies, rng.standard_normal(len(frequencies)) + 1j * rng.standard_normal(len(frequencies))

    with pytest.raises(FitError, match="drive harder"):
        search_resonance(sweep, low=2995.0, high=3010.0, points=41, settle=0.03, longest=1.0)


# -- stability --------------------------------------------------------------------------------------------

RULE = StabilityRule(window=60.0, scatter=0.005, drift=0.003, error=0.01, timeout=1000.0, poll=2.0)


def waited(reading, rule=RULE, target=0.1):
    clock = SimulatedClock()
    return wait_until_stable(lambda: reading(clock.now()), clock, rule, target=target)


def test_a_steady_reading_is_stable_after_one_window():
    found = waited(lambda t: 0.1)
    assert found.is_stable
    assert found.elapsed == pytest.approx(60.0, rel=1e-6, abs=0)
    assert found.mean == pytest.approx(0.1, rel=1e-12, abs=0)
    # A mean of equal numbers is rounded: a few units in the last place of 0.1 are left.
    assert (found.scatter, found.drift) == pytest.approx((0.0, 0.0), abs=1e-16)


def test_an_approach_is_waited_for_until_its_drift_is_small():
    found = waited(lambda t: 0.1 * (1 - 0.5 * math.exp(-t / 50)))
    assert found.is_stable
    # The line falls by 0.3 % of 0.1 K a window where 0.05 e^{−t/50} has fallen to about that.
    assert 200 < found.elapsed < 400
    assert abs(found.drift) <= 0.003 * found.mean


@pytest.mark.parametrize(
    ("reading", "what"),
    [
        (lambda t: 0.1 + 2e-5 * (t - 500), "drift"),
        (lambda t: 0.1 + 2e-3 * math.sin(t), "scatter"),
        (lambda t: 0.103, "error"),
    ],
)
def test_what_drifts_scatters_or_is_elsewhere_is_not_stable(reading, what):
    found = waited(reading)
    assert not found.is_stable, what
    assert found.elapsed == pytest.approx(1000.0, abs=RULE.poll)


def test_a_reading_that_only_passes_by_is_not_stable():
    found = waited(lambda t: 0.02 + 1.6e-4 * t)  # at 0.1 K after 500 s
    assert not found.is_stable


def test_scatter_and_drift_are_told_apart():
    rng = np.random.default_rng(5)
    rule = StabilityRule(window=600.0, scatter=1.0, drift=1.0, timeout=1000.0, poll=2.0)
    found = waited(lambda t: 0.1 + 1e-5 * t + 1e-3 * rng.standard_normal(), rule)
    assert found.scatter == pytest.approx(1e-3, rel=0.15, abs=0)
    assert found.drift == pytest.approx(6e-3, abs=4 * 1e-3 * math.sqrt(12 / 300))


def test_the_shortest_window_is_enough_on_a_clock_that_comes_late():
    rule = StabilityRule(window=6.0, scatter=0.01, drift=0.01, timeout=100.0, poll=2.0)
    clock = SimulatedClock()

    def read():
        clock.sleep(0.01)  # an answer takes its time
        return 0.1

    found = wait_until_stable(read, clock, rule, target=0.1)
    assert found.is_stable
    assert found.elapsed == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("change", [{"window": 3.0}, {"scatter": 0.0}, {"timeout": -1.0}])
def test_a_rule_that_means_nothing_is_refused(change):
    values = {"window": 60.0, "scatter": 0.01, "drift": 0.01, "poll": 2.0}
    with pytest.raises(ArgumentError, match="stability rule: wanted"):
        StabilityRule(**(values | change))


@pytest.mark.parametrize("seed", range(5))
def test_a_pole_is_never_fitted_worse_than_where_the_fit_began(seed):
    """Whole steps of Gauss and Newton overshoot from afar; what is left of y only falls."""
    rng = np.random.default_rng(seed)
    x, pole = np.linspace(-20.0, 20.0, 81), complex(rng.uniform(-5, 5), -1.0)
    y = (2 - 1j) / (x - pole) + 0.3
    found = []
    for _ in range(40):
        start = complex(rng.uniform(-15, 15), -(10 ** rng.uniform(-1, 1)))
        end, *_ = resonance._fit_pole(resonance._simple_pole, x, y, start)
        before, after = (
            resonance._linear(resonance._simple_pole, x, y, p, lambda r: r)[2] for p in (start, end)
        )
        assert after <= before * (1 + 1e-9)
        found.append(abs(end - pole) < 1e-6)
    assert np.mean(found) > 0.5
