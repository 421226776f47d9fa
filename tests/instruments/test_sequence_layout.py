"""What a drawing of a pulse sequence shows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labspin.errors import ArgumentError
from labspin.instruments import PulseSequence, sequence_layout, with_gates


def train(count):
    sequence = PulseSequence().then("laser", duration=100e-6).wait(1e-6)
    for number in range(count):
        lines = ("microwave", "phase_90") if number % 2 else ("microwave",)
        sequence = sequence.then(*lines, duration=50e-9).wait(950e-9)
    return sequence.pulse("trigger", start=0.0, duration=100e-9)


def test_alike_durations_stand_on_an_axis_of_time():
    layout = sequence_layout(PulseSequence().then("laser", duration=3e-6).wait(1e-6), repetitions=2)
    assert layout.is_linear
    assert_allclose(layout.edges[1:], [3e-6, 4e-6, 7e-6, 8e-6], rtol=1e-12, atol=0)
    assert layout.rows["laser"].tolist() == [1, 0, 1, 0]
    assert layout.durations == layout.folds == layout.marks == ()


def test_others_are_as_wide_as_the_logarithm_of_their_duration():
    layout = sequence_layout(
        PulseSequence().then("laser", duration=1e-6).wait(1e-3).then("microwave", duration=1e-7)
    )
    assert not layout.is_linear
    assert_allclose(np.diff(layout.edges), [1.8, 4.2, 1.0], rtol=1e-9, atol=0)
    assert [text for _, _, text in layout.durations] == ["1 µs", "1 ms", "100 ns"]
    assert_allclose(layout.breaks, [1.8 + 2.1], rtol=1e-9, atol=0)
    assert layout.marks == (), "the phase of a single pulse does not matter"


def test_a_train_is_one_unit_and_how_often_it_is_played():
    layout = sequence_layout(train(40))
    ((left, right, count),) = layout.folds
    assert count == 20
    inside = [text for centre, text in layout.marks if left < centre < right]
    assert inside == ["X", "Y"]
    assert len(layout.edges) < 20
    long = sequence_layout(train(4))
    assert long.folds == ()
    assert [text for _, text in long.marks] == ["X", "Y", "X", "Y"]


def test_what_is_folded_is_what_is_played():
    sequence = train(41)
    layout = sequence_layout(sequence)
    steps = sequence.levels()[0].size
    unfolded = len(layout.edges) - 1
    for left, right, count in layout.folds:
        unit = np.count_nonzero((layout.edges >= left) & (layout.edges < right))
        unfolded += (count - 1) * unit
    assert unfolded == steps


def test_gates_are_rows_and_go_on_in_the_next_period():
    sequence = train(2)
    period = sequence.duration
    gated = with_gates(sequence, [(1e-6, 20e-6), (period - 5e-6, 8e-6)], ["pl", "reflected"])
    pulses = {
        (p.line, round(p.start * 1e9), round(p.duration * 1e9)) for p in gated.pulses if "gate" in p.line
    }
    assert pulses == {
        ("gate A (pl)", 1000, 20_000),
        ("gate B (reflected)", round((period - 5e-6) * 1e9), 5000),
        ("gate B (reflected)", 0, 3000),
    }
    assert gated.duration == pytest.approx(period, rel=1e-12, abs=0)
    assert list(sequence_layout(gated).rows) == [
        "laser", "microwave", "phase_90", "trigger", "gate A (pl)", "gate B (reflected)",
    ]  # fmt: skip
    assert with_gates(PulseSequence().wait(1.0), [(0.0, 1e-6)]) == PulseSequence().wait(1.0)


def test_a_line_that_stays_low_can_have_its_row():
    layout = sequence_layout(train(2), lines=("phase_180",))
    assert not layout.rows["phase_180"].any()


@pytest.mark.parametrize("options", [{"axis": "log"}, {"repetitions": 0}])
def test_what_makes_no_drawing_is_refused(options):
    with pytest.raises(ArgumentError, match="wanted"):
        sequence_layout(train(2), **options)
