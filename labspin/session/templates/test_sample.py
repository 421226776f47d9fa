"""The sample Skeleton, by itself and through the instruments of its bench."""

import time
from pathlib import Path

import numpy as np

from labspin.instruments import PulseSequence
from labspin.station import load_station
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.samples import load

DOOR = Path(__file__).parents[1] / "instruments"
EXPECTED = 2e5 * 0.5 * 200e-6  # photons in 200 µs at the power of half saturation


def test_the_counter_sees_the_light_of_the_sample():
    triggers = 20_000
    with load_station(DOOR / "skeleton.toml").connect(seed=1) as bench:
        pulses = PulseSequence().pulse("trigger", start=0.0, duration=1e-6)
        bench.pulses.load(pulses.pulse("laser", start=0.0, duration=300e-6))
        bench.counter.arm([(50e-6, 200e-6)], triggers=triggers)
        bench.pulses.start()
        deadline = time.monotonic() + 60
        while not bench.counter.is_done() and time.monotonic() < deadline:
            bench.clock.sleep(0.01)
        counts = int(bench.counter.counts()[0])
    expected = triggers * (EXPECTED + 250 * 200e-6)  # with the dark counts of the detector
    assert abs(counts - expected) < 5 * np.sqrt(expected)


def test_there_is_light_while_the_laser_is_on_and_none_else():
    sample = load(f"{DOOR / 'skeleton.py'}:Skeleton")()
    half_power, window = Signals({"laser.power": 1e-3}), np.array([[0.0, 200e-6]])
    for level, expected in ((1.0, EXPECTED), (0.0, 0.0)):
        pattern = Pattern.constant(1e-3, laser=level)
        found = sample.expected_photons("pl", pattern, window, half_power, 0.0)
        np.testing.assert_allclose(found, [expected], rtol=1e-12, atol=0)
