"""Pulse sequences: what they are, when they are refused, and how they are drawn."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.analysis import draw_sequence
from labspin.errors import ArgumentError, SequenceError
from labspin.instruments import Pulse, PulseSequence
from tests.some import some

LIMITS = {"resolution": 1e-9, "minimum_pulse": 3e-9, "max_steps": 100}


def t1(dark=1e-3):
    return (
        PulseSequence()
        .then("laser", duration=10e-6)
        .wait(dark)
        .then("laser", "trigger", duration=3e-6)
        .wait(1e-6)
    )


def test_a_sequence_is_a_value():
    assert t1() == t1()
    assert hash(t1()) == hash(t1())
    assert t1() != t1(2e-3)
    before = PulseSequence()
    before.pulse("laser", start=0, duration=1e-6)
    assert before == PulseSequence()
    with pytest.raises(AttributeError, match="length"):
        before.length = 1.0


def test_the_order_of_adding_does_not_matter():
    one = PulseSequence().pulse("a", start=0, duration=1e-6).pulse("b", start=5e-7, duration=1e-6)
    two = PulseSequence().pulse("b", start=5e-7, duration=1e-6).pulse("a", start=0, duration=1e-6)
    assert one == two


def test_a_waiting_end_counts():
    assert t1().duration == pytest.approx(1.014e-3, rel=1e-6, abs=0)
    assert PulseSequence().wait(1e-6).duration == 1e-6
    assert PulseSequence().wait(0.0) == PulseSequence()


def test_levels_are_the_steps_of_constant_lines():
    durations, levels = t1().levels()
    assert durations == pytest.approx([10e-6, 1e-3, 3e-6, 1e-6], rel=1e-6, abs=0)
    assert levels["laser"].tolist() == [1, 0, 1, 0]
    assert levels["trigger"].tolist() == [0, 0, 1, 0]


def test_pulses_that_touch_make_one_pulse():
    # 0.1 + 0.2 is not 0.3 in doubles: ends and starts that should be one time are.
    sequence = (
        PulseSequence().pulse("a", start=0.1e-6, duration=0.2e-6).pulse("a", start=0.3e-6, duration=0.1e-6)
    )
    sequence.check(**LIMITS)
    durations, levels = sequence.levels()
    assert durations == pytest.approx([0.1e-6, 0.3e-6], rel=1e-6, abs=0)
    assert levels["a"].tolist() == [0, 1]


def test_sequences_follow_each_other_and_repeat():
    two = t1() + t1()
    assert two.duration == pytest.approx(2 * t1().duration, rel=1e-6, abs=0)
    assert two.to_dict() == (t1() * 2).to_dict()
    assert t1() * 0 == PulseSequence()
    with pytest.raises(SequenceError, match="wanted a whole number"):
        t1() * -1
    with pytest.raises(TypeError, match="unsupported operand"):
        t1() + 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("", 0, 1), "wanted the name of a line"),
        ((3, 0, 1), "wanted the name of a line"),
        (("a", -1e-9, 1), "start of a pulse on line 'a': wanted a time ≥ 0 s"),
        (("a", 0, 0), "duration of a pulse on line 'a': wanted a time > 0 s"),
        (("a", 0, math.nan), "duration of a pulse"),
        (("a", math.inf, 1), "start of a pulse"),
        (("a", "0", 1), "start of a pulse"),
        (("a", 0, True), "duration of a pulse"),
    ],
)
def test_a_pulse_that_cannot_be_is_refused(arguments, match):
    with pytest.raises(SequenceError, match=match):
        Pulse(*arguments)


@pytest.mark.parametrize(
    ("sequence", "match"),
    [
        (PulseSequence(), "wanted pulses or waits, got none"),
        (
            PulseSequence().pulse("a", start=0, duration=2e-6).pulse("a", start=1e-6, duration=2e-6),
            "pulses on line 'a' overlap at 1 µs",
        ),
        (PulseSequence().pulse("a", start=0.5e-9, duration=10e-9), r"edge at 5e-10 s is no multiple .* 1 ns"),
        (
            PulseSequence().pulse("a", start=10e-9, duration=2e-9),
            r"changes at 10 ns and again 2 ns later.* 3 ns",
        ),
        (
            PulseSequence().then("a", duration=10e-9).wait(2e-9).then("a", duration=10e-9),
            "changes at 10 ns and again 2 ns later",
        ),
        (PulseSequence().then("a", duration=10e-9).wait(10e-9) * 51, "102 steps .* memory holds 100"),
        (PulseSequence().then("z", duration=10e-9), "no line 'z'; it has a, b"),
    ],
)
def test_what_a_generator_cannot_play_is_refused(sequence, match):
    with pytest.raises(SequenceError, match=match):
        sequence.check(**LIMITS, lines=("a", "b"))


def test_what_a_generator_can_play_passes():
    t1().check(**LIMITS, lines=("laser", "trigger"))
    PulseSequence().then("a", duration=1.0).wait(3000.0).check(**LIMITS)


def test_rounding_to_the_grid():
    rounded = PulseSequence().then("a", duration=10.4e-9).wait(1.23456789e-6).on_grid(1e-9)
    rounded.check(**LIMITS)
    assert rounded.pulses[0].duration == pytest.approx(10e-9, rel=1e-6, abs=0)
    with pytest.raises(SequenceError, match="would vanish on a grid of 1 ns"):
        PulseSequence().then("a", duration=0.3e-9).on_grid(1e-9)


def test_a_sequence_survives_a_file():
    assert PulseSequence.from_dict(t1().to_dict()) == t1()
    for wrong in (
        {},
        {"pulses": [[1]], "duration": 0},
        {"pulses": [["a", 0, 1]]},
        {"pulses": 3, "duration": 1},
    ):
        with pytest.raises(SequenceError):
            PulseSequence.from_dict(wrong)


pulses = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 10_000), st.integers(3, 500)), min_size=1, max_size=30
)


@given(pulses)
def test_levels_agree_with_looking_at_every_nanosecond(drawn):
    """The steps, played out tick by tick, are high exactly where some pulse says so."""
    sequence = PulseSequence()
    high = {line: np.zeros(10_500, dtype=int) for line in "abc"}
    for line, start, length in drawn:
        sequence = sequence.pulse(line, start=start * 1e-9, duration=length * 1e-9)
        high[line][start : start + length] += 1
    if any((ticks > 1).any() for ticks in high.values()):
        with pytest.raises(SequenceError, match="overlap"):
            sequence.levels()
        return
    durations, levels = sequence.levels()
    counts = np.round(durations / 1e-9).astype(int)
    assert counts.sum() == max(start + length for _, start, length in drawn)
    for line, level in some(levels.items()):
        assert np.repeat(level, counts).tolist() == high[line][: counts.sum()].tolist()
    changes = np.any(np.diff(np.array(list(levels.values())), axis=1) != 0, axis=0)
    assert changes.all()  # no step that repeats the one before


@given(pulses)
def test_dict_and_grid_keep_a_sequence(drawn):
    sequence = PulseSequence(tuple(Pulse(line, a * 1e-9, b * 1e-9) for line, a, b in drawn))
    assert PulseSequence.from_dict(sequence.to_dict()) == sequence
    once = sequence.on_grid(1e-9)
    assert once.on_grid(1e-9) == once


@pytest.fixture
def axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt.subplots()[1]
    plt.close("all")


def test_a_long_dark_time_is_drawn_not_to_scale(axes):
    draw_sequence(t1(), axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["laser", "trigger"]
    assert axes.get_xlabel() == "time (not to scale)"
    assert {"10 µs", "1 ms", "3 µs", "1 µs"} <= {text.get_text() for text in axes.texts}


def test_like_durations_are_drawn_to_scale(axes):
    draw_sequence(t1(2e-6), axes, repetitions=2)
    assert axes.get_xlabel() == "time (µs)"
    assert axes.get_xlim()[1] == pytest.approx(32, rel=1e-6, abs=0)


def test_the_axis_can_be_chosen(axes):
    draw_sequence(t1(), axes, axis="linear")
    assert axes.get_xlabel() == "time (ms)"
    with pytest.raises(ArgumentError, match="wanted 'auto', 'linear' or 'schematic'"):
        draw_sequence(t1(), axes, axis="log")
    with pytest.raises(ArgumentError, match="repetitions"):
        draw_sequence(t1(), axes, repetitions=0)


def test_a_new_figure_is_made_if_none_is_given(axes):
    assert draw_sequence(t1()).figure is not axes.figure


def test_a_long_wait_takes_as_many_steps_of_the_memory_as_it_needs():
    waiting = PulseSequence().then("laser", duration=1e-6).wait(99.9)
    waiting.check(resolution=1e-9, max_steps=26, longest_step=4.0)
    with pytest.raises(SequenceError, match="take 26 steps and the generator's memory holds 25"):
        waiting.check(resolution=1e-9, max_steps=25, longest_step=4.0)
    with pytest.raises(SequenceError, match="memory holds 2000000; play a shorter sequence"):
        PulseSequence().wait(1e8).check(resolution=1e-9, max_steps=2_000_000, longest_step=4.29)


def test_an_edge_hours_after_the_start_is_as_exact_as_a_number_can_be():
    PulseSequence().wait(15499.1901766).then("laser", duration=1e-3).check(resolution=1e-9)


def test_edges_of_different_lines_are_kept_apart_unless_they_coincide():
    together = PulseSequence().pulse("a", start=0, duration=1e-6).pulse("b", start=1e-6, duration=1e-6)
    together.check(resolution=2e-9, minimum_pulse=10e-9, minimum_step=10e-9)
    close = PulseSequence().pulse("a", start=0, duration=1e-6).pulse("b", start=1.008e-6, duration=1e-6)
    close.check(resolution=2e-9, minimum_pulse=10e-9)
    with pytest.raises(
        SequenceError, match=r"change at 1 µs and again 8 ns later, .* at least 10 ns between any"
    ):
        close.check(resolution=2e-9, minimum_pulse=10e-9, minimum_step=10e-9)
