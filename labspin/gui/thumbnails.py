"""Small pictures of runs for the list: drawn in a thread of their own, only those that are asked for."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from labspin.data import RunSummary, read_run
from labspin.errors import LabspinError
from labspin.gui.pictures import Choice, Picture, picture_of
from labspin.gui.theme import current

__all__ = ["HEIGHT", "WIDTH", "Thumbnails", "drawn"]

WIDTH, HEIGHT = 84, 36
_SCALE = 2  # pixels of the image per pixel of the list, for fine screens
_KEPT = 3000  # images in memory: 24 kB each
_WAITING = 80  # requests: what has left the screen is forgotten
_MOST = 2_000_000  # points above which a run is not read for a small picture
_Key = tuple[Path, str, int]


class Thumbnails(QObject):
    """Images of runs.

    Signals
    -------
    made()
        Some that were asked for are there.
    """

    made = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._images: OrderedDict[_Key, QImage] = OrderedDict()
        self._wanted: OrderedDict[_Key, None] = OrderedDict()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def of(self, run: RunSummary) -> QImage | None:
        """Return the image of a run, or None; then it is made, and `made` tells.

        Parameters
        ----------
        run
            Summary of the run; a run that has grown has another image.
        """
        key = (run.path, run.status, run.points)
        with self._changed:
            found = self._images.get(key)
            if found is None and run.points and run.points <= _MOST and run.status != "damaged":
                self._wanted[key] = None
                self._wanted.move_to_end(key)
                while len(self._wanted) > _WAITING:
                    self._wanted.popitem(last=False)
                self._changed.notify()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="thumbnails", daemon=True)
                    self._thread.start()
        return found

    def _work(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window may have been closed
            while (key := self._next()) is not None:
                image = _image(key[0])
                with self._changed:
                    self._images[key] = image
                    while len(self._images) > _KEPT:
                        self._images.popitem(last=False)
                self.made.emit()

    def _next(self) -> _Key | None:
        """Return what was asked for last, once there is something; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._is_closed)
            return None if self._is_closed else self._wanted.popitem(last=True)[0]

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(5.0)


def _image(path: Path) -> QImage:
    try:
        picture = picture_of(read_run(path), Choice())
    except (LabspinError, ValueError):
        return QImage()
    return drawn(picture)


def drawn(picture: Picture) -> QImage:
    """Return a small picture of a run.

    Parameters
    ----------
    picture
        The run as it is shown.
    """
    if picture.map is not None:
        return _map(picture)
    image = QImage(WIDTH * _SCALE, HEIGHT * _SCALE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(current().panel))
    image.setDevicePixelRatio(_SCALE)
    line = picture.line
    if line is None or len(line.values) < 2:
        return image
    x = line.axis.values
    if x.min() > 0 and x.max() > 30 * x.min():
        x = np.log10(x)
    x, y = _scaled(x, WIDTH - 6) + 3, HEIGHT - 3 - _scaled(line.values, HEIGHT - 6)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(current().series[0]), 1.3))
    painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]))
    painter.end()
    return image


def _scaled(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], size: float) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) * (size / (high - low)) if high > low else np.full(len(values), size / 2)


def _map(picture: Picture) -> QImage:
    import pyqtgraph as pg

    if picture.map is None:
        return QImage()
    levels = picture.map.levels[::-1]
    rows = np.linspace(0, levels.shape[0] - 1, HEIGHT * _SCALE).round().astype(int)
    columns = np.linspace(0, levels.shape[1] - 1, WIDTH * _SCALE).round().astype(int)
    table = pg.colormap.get("viridis").getLookupTable(nPts=256)
    pixels = np.ascontiguousarray(table[levels[np.ix_(rows, columns)]].astype(np.uint8)[..., :3])
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    image.setDevicePixelRatio(_SCALE)
    return image
