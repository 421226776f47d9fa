import time

import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.gui.axes import TimeAxis


@pytest.mark.parametrize("step", [0.1, 0.25, 0.5])
def test_whole_seconds_are_written_though_their_parts_were_added_up(qapp, step):
    first = 1_796_043_574.0
    values = np.cumsum(np.r_[first + 1e-6, np.full(round(8 / step), step)])
    written = TimeAxis("bottom").tickStrings(values, 1.0, step)
    assert [text for text in written if text] == [
        time.strftime("%H:%M:%S", time.localtime(first + second)) for second in range(9)
    ]
