"""Lines with errors and fits as they are drawn: all of them in the unit that stands at the axis."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from labspin.analysis import fit_curve, model_from_function
from labspin.analysis.pictures.lines import draw_line, draw_lines
from labspin.analysis.pictures.live import LivePlot
from labspin.analysis.pictures.over_time import _draw as draw_over_time
from labspin.analysis.pictures.pulses import draw_sequence
from labspin.instruments import PulseSequence

X = np.linspace(1e9, 3e9, 5)  # Hz: drawn in GHz
Y = 2e-3 + 1e-12 * (X - 1e9)  # V: drawn in mV
BAD = np.array([False, True, False, False, False])


def line(x, a, b):
    return a + b * x


def fitted(y):
    start = {"a": 1e-3, "b": 1e-12}
    return fit_curve(model_from_function(line), X, y, 1e-5, start=start, axes=("f", "Hz", "U", "V"))


def curve_of(panel, length=5):
    """Return the fitted curve: the one with more points than were measured."""
    (found,) = [one for one in panel.lines if one.get_xdata().size > length]
    return found


def bars_of(container):
    """Return the half heights of error bars."""
    (segments,) = container[2]
    return [0.5 * (end[1] - begin[1]) for begin, end in segments.get_segments()]


def check_curve(curve, up=0.0):
    x, y = curve.get_xdata(), curve.get_ydata()
    assert (x.min(), x.max()) == (pytest.approx(1.0, rel=1e-6, abs=0), pytest.approx(3.0, rel=1e-6, abs=0))
    np.testing.assert_allclose(y, 2.0 + (x - 1.0) + up, rtol=1e-6, atol=0)


def test_one_line_its_errors_and_its_fit_have_the_unit_of_the_axis():
    panel = Figure().subplots()
    draw_line(panel, ("f", "Hz", X), (Y, np.full(5, 1e-4), BAD, ("U", "V")), [fitted(Y)])
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("f (GHz)", "U (mV)")
    (container,) = panel.containers
    np.testing.assert_allclose(container.lines[0].get_ydata(), [2.0, 2.5, 3.0, 3.5, 4.0], rtol=1e-9, atol=0)
    assert bars_of(container) == pytest.approx([0.1] * 5, rel=1e-6, abs=0)
    check_curve(curve_of(panel))


def test_lines_that_stand_apart_take_their_errors_and_fits_along():
    panel = Figure().subplots()
    none = np.zeros(5, bool)
    lines = [(Y, np.full(5, 1e-4), BAD, "one"), (Y, np.full(5, 2e-4), none, "two")]
    draw_lines(panel, ("f", "Hz", X), lines, ("U", "V"), 1.5, [fitted(Y), fitted(Y)])
    assert panel.get_ylabel() == "U (mV), moved apart"
    assert [bars_of(one)[0] for one in panel.containers] == pytest.approx([0.1, 0.2], rel=1e-6, abs=0)
    first, second = [one for one in panel.lines if one.get_xdata().size > 5]
    check_curve(first)
    check_curve(second, up=1.5 * 2.0)  # of the height of the tallest, 2 mV
    hollow = [one for one in panel.lines if one.get_markerfacecolor() == "white"]
    assert [one.get_xdata().tolist() for one in hollow] == [pytest.approx([1.5], rel=1e-9, abs=0)]


def test_marks_of_points_stand_at_the_hours_of_the_readings():
    readings = SimpleNamespace(columns={"T": np.array([4.0, 5.0])}, time=np.array([0.0, 7200.0]))
    run = SimpleNamespace(
        readings=readings, points=Points([3600.0]), header=SimpleNamespace(label="r", procedure="p"),
        path=SimpleNamespace(stem="run"),
    )  # fmt: skip
    panel = Figure().subplots()
    draw_over_time(panel, run, "T", 3600.0, "black")
    course, marks = panel.lines
    assert course.get_xdata().tolist() == [0.0, 2.0]
    assert list(marks.get_xdata()) == [1.0]


class Points:
    def __init__(self, times):
        self.time = np.array(times)

    def __len__(self):
        return self.time.size


@pytest.mark.parametrize(("unit", "size"), [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)])
def test_the_axis_of_a_pulse_sequence_counts_in_its_unit(unit, size):
    sequence = PulseSequence().pulse("laser", start=0.0, duration=200 * size)
    panel = draw_sequence(sequence, Figure().subplots(), axis="linear")
    assert panel.get_xlabel() == f"time ({unit})"
    assert panel.get_xlim() == pytest.approx((0.0, 200.0), rel=1e-9, abs=0)


def test_a_picture_that_takes_long_is_drawn_less_often(monkeypatch):
    """Drawing took 2 s: the next 18 s are the run's."""
    now = iter([100.0, 102.0])
    monkeypatch.setattr("labspin.analysis.pictures.live.time.monotonic", lambda: next(now))
    plot = LivePlot(interval=0.2)
    plot._draw("running")
    assert plot._next == pytest.approx(122.0, rel=1e-9, abs=0)
