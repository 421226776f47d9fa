from __future__ import annotations

import base64
import json
import math
import struct

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import curve_fit

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError
from labspin.physics.nv import (
    Ensemble,
    rate_model_at,
    steady_state,
    stretched_exponential_mixture,
)
from labspin.twin import Pattern, PhotonDetector, Signals, World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SG384, SR400, KepcoBOP, PulseStreamer
from labspin.twin.samples import SAMPLES, load
from labspin.twin.samples.levitated_diamond import DiamondSettings, LevitatedDiamond
from tests.some import some

POLARISE, READ = 1e-3, 3e-6
ALONE, PAIR, ALL = 0.0, 17 / 15, -10.0  # A, where one, two and four classes are resonant


def t1_pattern(dark, microwave, pulse=100e-9):
    return Pattern(
        np.array([POLARISE, 2e-6, pulse, dark, READ]),
        {"laser": np.array([1.0, 0, 0, 0, 1]), "microwave": np.array([0, 0, microwave, 0, 0])},
    )


def signals_at(sample, current, which=1, power=10.0):
    at = Signals({**sample.defaults, "magnet.current": current})
    frequency = sample.truth(at)["lower_transition"][which]
    return Signals({**at, "microwave.frequency": frequency, "microwave.power": power})


def read_out(sample, pattern, signals):
    window = np.array([[pattern.period - READ, pattern.period]])
    return sample.expected_photons("pl", pattern, window, signals, 0.0)[0]


def stretched(t, amplitude, time, beta):
    return amplitude * np.exp(-((t / time) ** beta))


def test_samples_are_found_by_name():
    assert SAMPLES["levitated_diamond"] is LevitatedDiamond is load("levitated_diamond")
    with pytest.raises(ArgumentError, match=r"sample 'diamant': wanted one of levitated_diamond"):
        load("diamant")


@pytest.mark.parametrize(("current", "time"), [(ALONE, 1.61e-3), (PAIR, 490e-6), (ALL, 220e-6)])
def test_the_bench_reaches_the_three_relaxation_times_of_the_paper(current, time):
    sample = LevitatedDiamond()
    truth = sample.truth(signals_at(sample, current))
    which = 1 if current != ALONE else 0
    assert truth["T1"][which] == pytest.approx(time, rel=1e-3, abs=0)
    coincide = np.abs(np.array(truth["lower_transition"]) - truth["lower_transition"][which]) < 1e6
    assert coincide.sum() == {ALONE: 1, PAIR: 2, ALL: 4}[current]


@pytest.mark.parametrize("current", [ALONE, PAIR, ALL])
def test_the_difference_of_traces_decays_as_the_truth_says(current):
    sample = LevitatedDiamond(DiamondSettings(pump_rate=3e6, drift=0.0))
    signals = signals_at(sample, current)
    times = np.geomspace(2e-5, 6e-3, 15)
    difference = [
        read_out(sample, t1_pattern(t, 0), signals) - read_out(sample, t1_pattern(t, 1), signals)
        for t in times
    ]
    found, _ = curve_fit(stretched, times, difference, p0=[difference[0], 5e-4, 0.8])
    assert found[1] == pytest.approx(sample.truth(signals)["T1"][1], rel=0.03, abs=0)
    assert found[2] == pytest.approx(0.8, abs=0.02)


def test_a_single_trace_does_not():
    sample = LevitatedDiamond(DiamondSettings(drift=0.0))
    signals = signals_at(sample, ALL)
    times = np.geomspace(2e-5, 2e-2, 15)
    trace = np.array([read_out(sample, t1_pattern(t, 0), signals) for t in times])
    assert trace[-1] > trace.min() * 1.01


def light_of_eight_levels(settings, field, pattern):
    """Return the photons of every interval once periods repeat: the mean of the classes."""
    model = rate_model_at(
        field=field,
        orientation=settings.bench.orientation,
        ensemble=Ensemble(relaxation=settings.relaxation),
    )
    loss = (1 - settings.charge_left) / settings.charge_loss
    gain = settings.charge_left / settings.charge_loss
    radiative = 9.797e6 * 2 * math.pi
    scale = settings.photon_rate / (settings.pump_rate * 9.797 / (9.797 + 1.74))

    def generator(number, on):
        matrix = np.zeros((9, 9))  # seven levels, no charge, photons
        matrix[:7, :7] = model.generator(pump=np.full(4, on * settings.pump_rate))[number]
        matrix[:7, :7] -= loss * on * np.eye(7)
        matrix[7, :7] = loss * on
        back = gain if on else 1 / settings.charge_recovery
        matrix[:3, 7], matrix[7, 7] = back / 3, -back
        matrix[8, 3:6] = scale * radiative
        return matrix

    def light(number):
        steps = zip(pattern.durations, pattern.line("laser"), strict=True)
        maps = [(expm(generator(number, on) * duration), on) for duration, on in steps]
        state = np.array([1 / 3] * 3 + [0.0] * 6)
        for _ in range(40):
            collected = []
            for step, on in maps:
                state[8] = 0.0
                state = step @ state
                collected.append(state[8] * on)
        return collected

    return np.mean([light(number) for number in range(4)], axis=0)


def test_populations_follow_their_rate_equation():
    """Light of every interval against scipy's exponential of the eight levels, period after period."""
    settings = DiamondSettings(stretching=1.0, drift=0.0)
    sample = LevitatedDiamond(settings)
    signals = signals_at(sample, ALONE, power=-math.inf)
    pattern = t1_pattern(2e-4, 0)
    windows = np.column_stack([pattern.boundaries[:-1], pattern.boundaries[1:]])
    expected = light_of_eight_levels(settings, sample.field(signals), pattern)
    assert sample.expected_photons("pl", pattern, windows, signals, 0.0) == pytest.approx(
        expected, rel=1e-7, abs=0
    )


def test_a_window_that_starts_a_rounding_error_early_counts_the_same():
    sample = LevitatedDiamond(DiamondSettings(drift=0.0))
    signals, pattern = signals_at(sample, ALL), t1_pattern(2e-5, 0)
    start = pattern.boundaries[-2]
    windows = np.array([[start, pattern.period], [np.nextafter(start, 0.0), pattern.period]])
    exact, early = (sample.expected_photons("pl", pattern, one[None], signals, 0.0)[0] for one in windows)
    assert early == pytest.approx(exact, rel=1e-9, abs=0)
    assert exact > 0


def test_reflected_light_tells_the_angle_that_the_spins_turn():
    settings = DiamondSettings(drift=0.0, charge_left=1.0)
    sample = LevitatedDiamond(settings)
    signals = Signals({**sample.defaults, "magnet.current": 10 / 15})
    whole = np.array([[0.0, 1e-3]])
    lit = Pattern.constant(1e-3, laser=1)
    found = sample.expected_photons("reflected", lit, whole, signals, 0.0)[0]
    state = steady_state(
        field=sample.field(signals),
        pump=settings.pump_rate,
        orientation=settings.bench.orientation,
        ensemble=Ensemble(
            relaxation=settings.relaxation, decay=stretched_exponential_mixture(beta=0.8, terms=10)
        ),
    )
    mode = settings.libration
    angle = (state.class_torque.T @ np.array(mode.spins))[1] / mode.stiffness
    at_rest = 1e-3 * settings.reflected_rate
    assert found / at_rest - 1 == pytest.approx(settings.speckle_slope * angle, rel=1e-6, abs=0)
    assert abs(found / at_rest - 1) > 1e-3
    assert sample.truth(signals)["angle"] == pytest.approx(angle, rel=1e-6, abs=0)
    dark = Pattern.constant(1e-3, laser=0)
    assert sample.expected_photons("reflected", dark, whole, signals, 0.0)[0] == 0.0


def test_magnetic_resonances_move_the_reflected_light_up_and_down():
    """[NV] Fig. 4(a): the light always dips, the angle signal goes either way."""
    sample = LevitatedDiamond(DiamondSettings(drift=0.0))
    pattern, window = Pattern.constant(1e-3, laser=1, microwave=1), np.array([[0.0, 1e-3]])

    def counts(detector, frequency):
        at = Signals(
            {
                **sample.defaults,
                "magnet.current": 10 / 15,
                "microwave.power": -5.0,
                "microwave.frequency": frequency,
            }
        )
        return sample.expected_photons(detector, pattern, window, at, 0.0)[0]

    lines = sample.truth(Signals({**sample.defaults, "magnet.current": 10 / 15}))["lower_transition"]
    away = {name: counts(name, 1e9) for name in ("pl", "reflected")}
    light = np.array([counts("pl", line) / away["pl"] for line in lines])
    angle = np.array([counts("reflected", line) / away["reflected"] for line in lines])
    assert (light < 0.99).all()
    assert angle.min() < 0.99
    assert angle.max() > 1.01


def test_windows_add_up():
    sample = LevitatedDiamond()
    signals, pattern = signals_at(sample, PAIR), t1_pattern(1e-4, 1)
    cuts = np.linspace(0, pattern.period, 13)
    parts = sample.expected_photons("pl", pattern, np.column_stack([cuts[:-1], cuts[1:]]), signals, 7.0)
    whole = sample.expected_photons("pl", pattern, np.array([[0, pattern.period]]), signals, 7.0)
    assert parts.sum() == pytest.approx(whole[0], rel=1e-9, abs=0)


def test_light_dips_where_the_microwave_meets_a_transition():
    sample = LevitatedDiamond(DiamondSettings(drift=0.0))
    pattern = Pattern.constant(1e-3, laser=1, microwave=1)
    window = np.array([[0.0, 1e-3]])

    def light(frequency, power=0.0):
        at = Signals({**sample.defaults, "microwave.power": power, "microwave.frequency": frequency})
        return sample.expected_photons("pl", pattern, window, at, 0.0)[0]

    away = light(1e9)
    for frequency in some(sample.truth(Signals(sample.defaults))["lower_transition"]):
        dip = 1 - light(frequency) / away
        assert 0.005 < dip < 0.25
        assert 1 - light(frequency, -20.0) / away < dip
        assert 1 - light(frequency + 40e6) / away < dip / 4


def test_light_needs_the_laser():
    sample = LevitatedDiamond()
    signals = signals_at(sample, ALONE)
    dark = sample.expected_photons("pl", Pattern.constant(1.0, laser=0), np.array([[0.0, 1.0]]), signals, 0.0)
    assert dark[0] == 0.0


def test_drift_is_slow_and_from_the_seed():
    first, second = LevitatedDiamond(), LevitatedDiamond()
    first.prepare(3)
    second.prepare(3)
    times = np.linspace(0, 3600, 200)
    values = np.array([first.drift("pl", t) for t in times])
    assert values == pytest.approx([second.drift("pl", t) for t in times], rel=1e-6, abs=0)
    assert 0.001 < values.std() < 0.02
    assert abs(first.drift("pl", 0.1) - first.drift("pl", 0.0)) < 1e-3


class Bench:
    """The four instruments on the diamond, spoken to in bytes."""

    def __init__(self, seed=1):
        self.clock = SimulatedClock()
        detector = PhotonDetector(efficiency=1.0, dark_rate=500.0, dead_time=50e-9)
        self.world = World(LevitatedDiamond(), self.clock, seed=seed, detectors={"pl": detector})
        self.microwave, self.magnet, self.counter = (
            SimulatedAdapter(kind(self.world)) for kind in (SG384, KepcoBOP, SR400)
        )
        self.pulses = PulseStreamer(self.world)
        self.magnet.write("FUNC:MODE CURR;:CURR -10;:OUTP ON")
        self.microwave.write("FREQ2.66695E9;AMPR10;ENBR1")
        self.counter.write("CM0;CI0,1;CI1,1;CI2,3;CP2,3E6;GM0,1;GM1,1")
        self.clock.sleep(1.0)

    def count(self, dark, microwave):
        polarise, pulse, read = 200_000, 104, 20_000
        steps = [(polarise, 1), (2000, 0), (pulse, 2 * microwave), (round(dark * 1e9), 0), (read, 1 | 4)]
        body = b"".join(struct.pack("<IBhh", ticks, levels, 0, 0) for ticks, levels in steps)
        request = {"jsonrpc": "2.0", "id": 1, "method": "stream"}
        request["params"] = [base64.b64encode(body).decode(), -1, [0, 0, 0, 0]]
        self.pulses.handle(json.dumps(request).encode())
        self.counter.write("GD0,0;GW0,5E-6;GD1,15E-6;GW1,5E-6;CR;SS")
        self.counter.read()
        self.counter.write("CS")
        while True:
            self.clock.sleep(100.0)
            self.counter.write("SS1")
            if self.counter.read() == "1":
                break
        self.counter.write("QA;QB")
        return int(self.counter.read()), int(self.counter.read())


def quiet_ratio(sample, signals, dark, microwave):
    """Return what the bench's two gates would give without noise, drift, dark counts and dead time."""
    pattern = Pattern(
        np.array([200e-6, 2e-6, 104e-9, dark, 20e-6]),
        {"laser": np.array([1.0, 0, 0, 0, 1]), "microwave": np.array([0, 0, microwave, 0, 0])},
    )
    opening = 202.104e-6 + dark + 25e-9
    windows = np.array([[opening, opening + 5e-6], [opening + 15e-6 - 25e-9, opening + 20e-6 - 25e-9]])
    signal, reference = sample.expected_photons("pl", pattern, windows, signals, 0.0)
    return signal / reference


def test_a_t1_measurement_over_the_wire_finds_the_truth():
    bench = Bench()
    times = np.array([2e-5, 1e-4, 2e-4, 4e-4, 8e-4, 3e-3])
    signal, error, quiet = [], [], []
    for dark in times:
        (off, off_reference), (on, on_reference) = bench.count(dark, 0), bench.count(dark, 1)
        signal.append(off / off_reference - on / on_reference)
        error.append(math.sqrt(1 / off + 1 / off_reference + 1 / on + 1 / on_reference))
        ratios = [quiet_ratio(bench.world.sample, bench.world.signals(), dark, on) for on in (0, 1)]
        quiet.append(ratios[0] - ratios[1])

    def model(t, amplitude, time):
        return stretched(t, amplitude, time, 0.8)

    found, covariance = curve_fit(model, times, signal, sigma=error, absolute_sigma=True, p0=[0.1, 3e-4])
    without_noise, _ = curve_fit(model, times, quiet, sigma=error, p0=[0.1, 3e-4])
    truth = bench.world.truth()["T1"][0]
    uncertainty = math.sqrt(covariance[1, 1])
    assert uncertainty < 0.05 * truth
    assert found[1] == pytest.approx(without_noise[1], abs=4 * uncertainty)
    assert without_noise[1] == pytest.approx(
        truth, rel=0.15, abs=0
    )  # polarisation is finite at the paper's powers


def test_a_resumed_run_sees_the_counts_of_the_uninterrupted_one():
    def point(bench, index):
        bench.world.begin_point(index)
        return bench.count(1e-4 * (index + 1), 1)

    whole, starts, counts = Bench(seed=4), [], []
    for index in range(3):
        starts.append(whole.clock.now())
        counts.append(point(whole, index))
    resumed = Bench(seed=4)
    resumed.world.restore(starts[2])
    assert point(resumed, 2) == counts[2]


def test_a_long_count_sees_the_mean_of_the_drift_however_often_it_is_looked_at():
    """The drift by quadrature over the count; that at its middle would be off by a standard deviation."""
    settings = DiamondSettings(drift=0.1, drift_time=20.0, photon_rate=1e8)
    pattern = Pattern.constant(1e-3, laser=1)
    counted = []
    for looks in (1, 40):
        world = World(LevitatedDiamond(settings), SimulatedClock(), seed=11)
        world.play(pattern)
        job = world.count("pl", gates=[(0.0, math.inf)], duration=600.0)
        for _ in range(looks):
            world.clock.sleep(600.0 / looks)
            job.counts()
        counted.append(int(job.counts()[0]))
    sample = world.sample
    times = np.linspace(0.0, 600.0, 60_001)
    drift = np.array([sample.drift("pl", t) for t in times])
    still = LevitatedDiamond(DiamondSettings(drift=0.0, photon_rate=1e8))
    signals = Signals(LevitatedDiamond.defaults)
    rate = still.expected_photons("pl", pattern, np.array([[0.0, 1e-3]]), signals, 0.0)[0] / 1e-3
    wanted = rate * 600.0 * np.trapezoid(drift, times) / 600.0
    assert abs(sample.drift("pl", 300.0) * rate * 600.0 / wanted - 1) > 1e-2
    for found in some(counted):
        assert found == pytest.approx(wanted, rel=1e-4, abs=0)
