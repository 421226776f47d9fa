"""Small pictures of runs are kept up to a bound, however many runs are seen."""

from pathlib import Path

import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import QObject, Signal

from labspin.gui.run_rows import Sketch
from labspin.gui.thumbnails import Thumbnails

MEGABYTES = 8e6


class Reader(QObject):
    """Hands out sketches, as the process that reads runs does."""

    sketched = Signal(object, object)


def test_pictures_of_runs_take_a_bounded_memory(qapp):
    reader = Reader()
    kept = Thumbnails(reader)
    line = np.stack([np.linspace(0, 1, 20), np.linspace(0, 1, 20)], 1)
    keys = [(Path(f"run{number}.h5"), "finished", 20) for number in range(1000)]
    for key in keys:
        reader.sketched.emit(key, Sketch(line=line, levels=None))
    sizes = [image.sizeInBytes() for image in kept._images.values()]
    assert sum(sizes) <= MEGABYTES
    assert list(kept._images) == keys[-len(sizes) :], "those that were seen last"
    assert len(sizes) >= 100, "what is on a screen is not sketched again and again"
