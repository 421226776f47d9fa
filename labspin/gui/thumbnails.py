"""Small pictures of runs for the list: only those that are asked for, sketched in another process."""

from __future__ import annotations

import functools
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from labspin.data import RunSummary
from labspin.gui.run_reader import RunReader
from labspin.gui.run_rows import COLUMNS, ROWS, Sketch
from labspin.gui.theme import current

__all__ = ["HEIGHT", "WIDTH", "Thumbnails", "drawn"]

_SCALE = 2  # pixels of the image per pixel of the list, for fine screens
WIDTH, HEIGHT = COLUMNS // _SCALE, ROWS // _SCALE
_KEPT = 150  # images in memory: 48 kB each, 7 MB; others are sketched again when they are seen
_MOST = 2_000_000  # points above which a run is not read for a small picture
_MARGIN = 3  # pixels around a line
_Key = tuple[Path, str, int]


class Thumbnails(QObject):
    """Images of runs.

    Parameters
    ----------
    reader
        Makes the sketches.

    Signals
    -------
    made()
        Some requested images are ready.
    """

    made = Signal()

    def __init__(self, reader: RunReader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._images: OrderedDict[_Key, QImage] = OrderedDict()
        reader.sketched.connect(self._keep)

    def of(self, run: RunSummary) -> QImage | None:
        """Return the image of a run; None while it is made, until `made` is emitted.

        Parameters
        ----------
        run
            Summary of the run; a run in progress gets new images.
        """
        key = (run.path, str(run.status), run.points)
        found = self._images.get(key)
        if found is not None:
            self._images.move_to_end(key)
        elif run.points and run.points <= _MOST and run.status != "damaged":
            self._reader.sketch(key, run.path)
        return found

    def _keep(self, key: _Key, sketch: Sketch) -> None:
        self._images[key] = drawn(sketch)
        while len(self._images) > _KEPT:
            self._images.popitem(last=False)
        self.made.emit()


def drawn(sketch: Sketch) -> QImage:
    """Return a sketch as an image in the colours of the theme.

    Parameters
    ----------
    sketch
        A run as a small picture.
    """
    if sketch.levels is not None:
        return _map(sketch.levels)
    image = QImage(COLUMNS, ROWS, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(current().panel))
    image.setDevicePixelRatio(_SCALE)
    if sketch.line is None:
        return image
    x = _MARGIN + sketch.line[:, 0] * (WIDTH - 2 * _MARGIN)
    y = HEIGHT - _MARGIN - sketch.line[:, 1] * (HEIGHT - 2 * _MARGIN)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(current().series[0]), 1.3))
    painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]))
    painter.end()
    return image


@functools.cache
def _colours() -> NDArray[np.uint8]:
    import pyqtgraph as pg

    return np.asarray(pg.colormap.get("viridis").getLookupTable(nPts=256), np.uint8)[:, :3]


def _map(levels: NDArray[np.uint8]) -> QImage:
    pixels = np.ascontiguousarray(_colours()[levels])
    height, width = levels.shape
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    image.setDevicePixelRatio(_SCALE)
    return image
