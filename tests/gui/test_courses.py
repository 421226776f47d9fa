"""The course of a read-back goes on whatever is done to the clock of the computer."""

import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.gui.traces import Course, trace_pen


def test_a_value_is_added_once():
    course = Course()
    assert [course.add(moment, moment) for moment in (1.0, 2.0, 2.0, 3.0, 3.0)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert course.arrays()[0].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("by", [-3600.0, -0.7, 3600.0])
def test_values_are_shown_after_the_clock_was_set_back_or_forward(by):
    course = Course()
    for moment in range(100):
        assert course.add(1e9 + moment, float(moment))
    for moment in range(100, 150):
        assert course.add(1e9 + by + moment, float(moment))
    times, values = course.arrays()
    assert values[-50:].tolist() == list(range(100, 150))
    assert np.all(np.diff(times) > 0)


def test_a_long_course_is_drawn_by_a_thin_pen(qapp):
    """An hour of read-backs took a second to draw thick, each time that a value came."""
    assert trace_pen("#204080", 100).widthF() > 1
    assert trace_pen("#204080", 101).widthF() <= 1
