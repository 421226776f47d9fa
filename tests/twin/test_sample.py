from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.errors import ArgumentError
from labspin.twin import Pattern, Signals, samples
from tests.twin.lamp import PULSES, Lamp

levels = st.lists(st.tuples(st.floats(1e-9, 1e-3), st.booleans()), min_size=1, max_size=20)


@given(levels)
def test_every_rising_edge_is_found_and_no_other(steps):
    durations, high = (np.array(column, dtype=float) for column in zip(*steps, strict=True))
    pattern = Pattern(durations, {"gate": high})
    twice = np.concatenate((high, high))
    rises = sum(
        1
        for before, after in zip(twice[len(high) - 1 : -1], twice[len(high) :], strict=True)
        if after > before
    )
    assert len(pattern.edges("gate")) == rises
    assert len(pattern.edges("gate", falling=True)) == rises
    for edge in pattern.edges("gate"):
        assert high[np.flatnonzero(pattern.boundaries == edge)[0]] == 1


def test_a_line_that_is_always_high_never_rises():
    assert Pattern.constant(1.0, laser=1).edges("laser").size == 0
    assert Pattern.constant(1.0).edges("laser").size == 0


def test_patterns_are_equal_by_content():
    same = Pattern(PULSES.durations.copy(), dict(reversed(PULSES.lines.items())))
    assert same == PULSES
    assert hash(same) == hash(PULSES)
    assert Pattern(PULSES.durations * 2, PULSES.lines) != PULSES
    dark = {name: np.zeros_like(levels) for name, levels in PULSES.lines.items()}
    assert Pattern(PULSES.durations, dark) != PULSES
    swapped = dict(zip(PULSES.lines, reversed(PULSES.lines.values()), strict=True))
    assert Pattern(PULSES.durations, swapped) != PULSES, "levels belong to their line"


@pytest.mark.parametrize(
    ("durations", "lines", "match"),
    [
        ([0.0], {}, "durations of the pattern"),
        ([1.0, -1.0], {}, "durations of the pattern"),
        ([], {}, "durations of the pattern"),
        ([1.0], {"laser": [1.0, 0.0]}, "levels of line 'laser'"),
        ([1.0], {"laser": [np.nan]}, "levels of line 'laser'"),
    ],
)
def test_an_impossible_pattern_is_refused(durations, lines, match):
    with pytest.raises(ArgumentError, match=match):
        Pattern(np.array(durations), lines)


def test_signals_name_what_is_missing():
    with pytest.raises(ArgumentError, match=r"'magnet\.curent' does not exist.*magnet\.current"):
        Signals({"magnet.current": 1.0})["magnet.curent"]
    assert Signals({}).get("magnet.current", 3.0) == 3.0


def test_the_steady_state_is_computed_once_for_the_same_question():
    lamp, signals = Lamp(), Signals(Lamp.defaults)
    windows = np.array([[0.0, 2e-6], [3e-6, 5e-6]])
    first = lamp.expected_photons("pl", PULSES, windows, signals, 0.0)
    assert lamp.expected_photons("pl", PULSES, windows.copy(), signals, 1.0) == pytest.approx(
        first, rel=1e-6, abs=0
    )
    assert lamp.evaluations == 1
    assert first == pytest.approx([2.0, 1.0], rel=1e-6, abs=0)
    lamp.expected_photons("pl", PULSES, windows, Signals({**Lamp.defaults, "laser.power": 2.0}), 0.0)
    assert lamp.evaluations == 2


def test_light_of_one_pattern_is_not_taken_for_that_of_another_of_equal_steps():
    lamp, signals, windows = Lamp(), Signals(Lamp.defaults), np.array([[0.0, 2e-6]])
    dark = Pattern(PULSES.durations, {"laser": np.zeros_like(PULSES.durations)})
    found = [
        float(lamp.expected_photons("pl", pattern, windows, signals, 0.0)[0]) for pattern in (PULSES, dark)
    ]
    assert found == pytest.approx([2.0, 0.0], rel=1e-6, abs=0)


def test_what_a_sample_does_not_have_is_refused():
    signals = Signals(Lamp.defaults)
    with pytest.raises(ArgumentError, match="counts no photons"):
        Lamp().expected_photons("reflected", PULSES, np.array([[0, 1e-6]]), signals, 0.0)
    with pytest.raises(ArgumentError, match="no probe for 'temperature'"):
        Lamp().reading("temperature", signals, 0.0)


def test_darkness_is_no_light_and_negative_light_is_refused():
    diamond = samples.load("levitated_diamond")()
    diamond.prepare(1)
    pattern = Pattern(np.array([5e-6, 5e-6]), {"laser": np.array([1.0, 0.0])})
    dark = Signals({**diamond.defaults, "laser.power": 0.0})
    for detector in ("pl", "reflected"):
        (photons,) = diamond.expected_photons(detector, pattern, np.array([[0.0, 1e-6]]), dark, 0.0)
        assert 0 <= photons < 1e-15, "but for rounding errors of populations, which are 1 in sum"

    class Wrong(type(diamond)):
        def steady_photons(self, *_):
            return np.array([-1.0])

    with pytest.raises(ArgumentError, match=r"wanted photons of 0 or more, got -1; correct the sample"):
        Wrong().expected_photons("pl", pattern, np.array([[0.0, 1e-6]]), dark, 0.0)
