import time

import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.gui.axes import TimeAxis, UnitAxis, rate_unit
from labspin.gui.traces import Course


@pytest.mark.parametrize("step", [0.1, 0.25, 0.5])
def test_whole_seconds_are_written_though_their_parts_were_added_up(qapp, step):
    first = 1_796_043_574.0
    values = np.cumsum(np.r_[first + 1e-6, np.full(round(8 / step), step)])
    written = TimeAxis("bottom").tickStrings(values, 1.0, step)
    assert [text for text in written if text] == [
        time.strftime("%H:%M:%S", time.localtime(first + second)) for second in range(9)
    ]


@pytest.mark.parametrize(
    ("view", "log", "unit", "factor"),
    [
        ((0.0, 2.9e9), False, "GHz", 1e-9),
        ((-3e-3, 1e-3), False, "mHz", 1e3),
        ((4.0, 6.5), True, "MHz", 1e-6),  # 10 kHz to 3 MHz
    ],
)
def test_an_axis_counts_in_the_unit_that_is_written_beside_it(qapp, view, log, unit, factor):
    axis = UnitAxis("bottom")
    axis.show_quantity("frequency", "Hz")
    axis.label.setVisible(True)
    axis.setLogMode(log)
    axis.setRange(*view)
    axis.updateAutoSIPrefix()
    assert axis.labelUnits == unit
    assert axis.autoSIPrefixScale == pytest.approx(factor, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("rate", "unit"), [(999.0, (1.0, "1/s")), (5e4, (1e3, "k/s")), (-3e6, (1e6, "M/s")), (0.0, (1.0, "1/s"))]
)
def test_count_rates_are_read_in_thousands_and_millions(rate, unit):
    assert rate_unit(rate) == unit


def test_a_course_is_whole_once_the_host_has_told_what_it_remembers():
    course = Course()
    assert course.add(100.0, 1.0)
    assert not course.add(100.0, 2.0), "it is known already"
    assert course.add(101.0, 2.0)
    course.fill(np.array([98.0, 99.0, 100.0, 101.0]), np.array([8.0, 9.0, 1.0, 2.0]))
    times, values = course.arrays()
    assert times.tolist() == [98.0, 99.0, 100.0, 101.0]
    assert values.tolist() == [8.0, 9.0, 1.0, 2.0]


def test_a_course_keeps_an_hour_and_each_value_its_time():
    course = Course()
    for minute in range(200):
        course.add(60.0 * minute, float(minute))
    times, values = course.arrays()
    assert 60 <= times.size <= 72
    assert (times == 60.0 * values).all()
    assert times[-1] == 60.0 * 199
