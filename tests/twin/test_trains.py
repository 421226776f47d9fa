"""Trains of microwave pulses on the simulated diamond: whatever is played, with its phases."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labspin.errors import ArgumentError
from labspin.physics.nv import SpinBath
from labspin.twin import Pattern, Signals
from labspin.twin.samples.levitated_diamond import DiamondSettings, LevitatedDiamond
from labspin.twin.samples.trains import phases_of, trains_of

MHZ = 2e6 * math.pi
NARROW = DiamondSettings(
    line_width=0.2 * MHZ,
    bath_width=0.05 * MHZ,
    bath_time=50e-6,
    dephasing_rate=2e4,
    rabi_frequency=10.79 * MHZ,
    drift=0.0,
)
BATH = SpinBath(amplitude=0.05 * MHZ, correlation_time=50e-6)


def pattern(*steps):
    """Return a pattern of (duration, lines that are high)."""
    lines = sorted({line for _, high in steps for line in high.split()})
    levels = {line: np.array([float(line in high.split()) for _, high in steps]) for line in lines}
    return Pattern(np.array([duration for duration, _ in steps]), levels)


def played(sample, *steps, detuning=0.0):
    """Return the photons after steps between laser pulses, at a detuning (Hz) from the line of a class."""
    at = Signals({**sample.defaults, "microwave.power": 10.0})
    line = sample.truth(at)["lower_transition"][0]
    signals = Signals({**at, "microwave.frequency": line + detuning})
    period = pattern((300e-6, "laser"), (1e-6, ""), *steps, (100e-9, ""))
    return sample.expected_photons("pl", period, np.array([[0, 20e-6]]), signals, 0.0)[0]


@pytest.fixture(scope="module")
def narrow():
    return LevitatedDiamond(NARROW)


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ([(1e-6, "laser"), (5e-8, "microwave"), (1e-6, "")], []),
        ([(1e-6, "laser"), (5e-8, "microwave"), (1e-6, ""), (5e-8, "microwave"), (1e-6, "")], [(1, 3)]),
        ([(5e-8, "microwave"), (1e-6, "laser"), (5e-8, "microwave")], []),
        ([(5e-8, "microwave"), (5e-8, "microwave trigger"), (1e-6, "")], [(0, 1)]),
        ([(5e-8, "microwave"), (1.0, ""), (5e-8, "microwave")], []),
        (
            [(5e-8, "microwave"), (1e-6, ""), (5e-8, "microwave"), (1.0, ""), (5e-8, "microwave"),
             (5e-8, "microwave phase_90")],
            [(0, 2), (4, 5)],
        ),
    ],
)  # fmt: skip
def test_pulses_between_which_it_is_dark_are_a_train(steps, wanted):
    given = pattern(*steps)
    found = trains_of(given, given.line("microwave") > 0.5, BATH)
    assert [(train.first, train.last) for train in found] == wanted


def test_a_pulse_too_long_to_be_coherent_ends_a_train():
    given = pattern((5e-8, "microwave"), (1e-6, ""), (1e-3, "microwave"), (1e-6, ""), (5e-8, "microwave"))
    short = (given.line("microwave") > 0.5) & (given.durations < 1e-4)
    assert trains_of(given, short, BATH) == []


def test_two_lines_make_four_phases():
    given = pattern((1.0, "microwave"), (1.0, "phase_90"), (1.0, "phase_180"), (1.0, "phase_90 phase_180"))
    assert_allclose(phases_of(given), [0, math.pi / 2, math.pi, 3 * math.pi / 2], rtol=1e-12, atol=0)


def test_the_phase_of_the_last_pulse_decides_where_a_fringe_stands(narrow):
    wait, detuning = 400e-9, 0.5e6

    def after(phase):
        return played(
            narrow, (25e-9, "microwave"), (wait, ""), (25e-9, f"microwave {phase}"), detuning=detuning
        )

    cosine = after("phase_180") - after("")
    # A microwave above the line sees the spins fall behind. They precess for 2/π of each pulse, too.
    sine = after("phase_90") - after("phase_90 phase_180")
    angle = 2 * math.pi * detuning * (wait + 4 / math.pi * 25e-9)
    assert math.atan2(sine, cosine) == pytest.approx(math.remainder(angle, 2 * math.pi), rel=0.03, abs=0)
    mean = [after("") + after("phase_180"), after("phase_90") + after("phase_90 phase_180")]
    assert mean[0] == pytest.approx(mean[1], rel=1e-3, abs=0)


def test_an_echo_brings_back_what_a_free_precession_loses(narrow):
    def kept(*inside, last):
        both = [
            played(narrow, (25e-9, "microwave"), *inside, (25e-9, f"microwave {phase}"))
            for phase in (last, "")
        ]
        return both[0] - both[1]

    start = kept((10e-9, ""), last="phase_180")
    free = kept((8e-6, ""), last="phase_180")
    echo = kept((4e-6, ""), (50e-9, "microwave phase_90"), (4e-6, ""), last="phase_180")
    assert abs(free) < 1e-3 * start
    assert echo == pytest.approx(start * math.exp(-((8.05 / 18.2) ** 3)), rel=0.03, abs=0)


def test_a_pulse_is_one_pulse_whatever_other_lines_do_meanwhile(narrow):
    whole = played(narrow, (50e-9, "microwave"), (1e-6, ""))
    cut = played(narrow, (20e-9, "microwave"), (30e-9, "microwave trigger"), (1e-6, "trigger"))
    none = played(narrow, (1.05e-6, ""))
    assert none - whole > 0.5
    assert none - cut == pytest.approx(none - whole, rel=5e-3, abs=0)


def test_classes_that_are_far_away_do_not_see_a_train(narrow):
    steps = [(25e-9, "microwave"), (500e-9, ""), (25e-9, "microwave")]
    silent = played(narrow, (550e-9, ""))
    assert played(narrow, *steps) < silent - 0.3
    assert played(narrow, *steps, detuning=-70e6) == pytest.approx(silent, rel=2e-3, abs=0)


def test_hyperfine_lines_are_apart_for_weak_pulses():
    settings = dataclass_with(hyperfine_splitting=2.16 * MHZ, hyperfine_lines=3)
    split, single = LevitatedDiamond(settings), LevitatedDiamond(NARROW)

    def lost(sample, detuning):
        pulse = (5e-6, "microwave")
        at = Signals({**sample.defaults, "microwave.power": -30.0})
        line = sample.truth(at)["lower_transition"][0]
        signals = Signals({**at, "microwave.frequency": line + detuning})
        both = []
        for steps in ([pulse], [(5e-6, "")]):
            period = pattern((300e-6, "laser"), (1e-6, ""), *steps, (100e-9, ""))
            window = np.array([[0, 20e-6]])
            both.append(sample.expected_photons("pl", period, window, signals, 0.0)[0])
        return both[1] - both[0]

    assert lost(split, 0.0) == pytest.approx(lost(single, 0.0) / 3, rel=0.03, abs=0)
    assert lost(split, 2.16e6) == pytest.approx(lost(single, 0.0) / 3, rel=0.03, abs=0)
    assert lost(split, 1.08e6) < 0.1 * lost(split, 0.0)


def dataclass_with(**changes):
    import dataclasses

    return dataclasses.replace(NARROW, **changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"bath_width": 0.3 * MHZ}, "bath_width: wanted no more than the line_width"),
        ({"hyperfine_lines": 4}, "hyperfine_lines: wanted 1, 2 or 3"),
        ({"bath_time": 0.0}, "bath_time"),
    ],
)
def test_settings_that_make_no_line_are_refused(changes, text):
    with pytest.raises(ArgumentError, match=text):
        dataclass_with(**changes)
