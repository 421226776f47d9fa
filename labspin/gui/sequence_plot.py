"""Drawing of pulse sequences in a window, one row per line; `sequence_layout` computes the positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QApplication

from labspin.gui.theme import current, fine, style_plot
from labspin.instruments import SequenceLayout, sequence_layout

if TYPE_CHECKING:
    from labspin.instruments.sequence import PulseSequence

__all__ = ["SequencePlot"]

_BESIDE = 14  # pixels between a name and its row
_HEIGHT = 0.62
_ROW = 26  # smallest height of a row, pixels
_NARROW = 0.07  # least part of the width that a duration of four letters takes


class SequencePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is untyped
    """Draws one pulse sequence."""

    def __init__(self) -> None:
        super().__init__()
        style_plot(self)
        self.showGrid(x=False, y=False)
        self.setMouseEnabled(x=True, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMinimumHeight(130)
        self._sequence: PulseSequence | None = None

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Write as many durations as there is room for.

        Parameters
        ----------
        event
            Event of Qt; None where pyqtgraph asks for a layout.
        """
        before = self.width() if event is None else event.oldSize().width()
        super().resizeEvent(event)
        sequence = getattr(self, "_sequence", None)
        if before != self.width() and sequence is not None:
            self.show_sequence(sequence)

    def show_sequence(self, sequence: PulseSequence) -> None:
        """Draw a sequence in place of the previous one.

        Parameters
        ----------
        sequence
            A pulse sequence.
        """
        self.clear()
        self._sequence = sequence
        layout = sequence_layout(sequence)
        count = len(layout.rows)
        rows = range(count - 1, -1, -1)
        for place, (row, level) in enumerate(zip(rows, layout.rows.values(), strict=True)):
            self._row(layout.edges, row, level, current().series[place % len(current().series)])
        self.getAxis("left").setTicks(
            [[(row + _HEIGHT / 2, name) for row, name in zip(rows, layout.rows, strict=True)]]
        )
        widths = [self.fontMetrics().horizontalAdvance(name) for name in layout.rows]
        self.getAxis("left").setWidth(max(widths, default=0) + _BESIDE)  # else it is known after a repaint
        if layout.is_linear:
            self.showAxis("bottom")
            self.setLabel("bottom", "time", units="s")
        else:
            self.hideAxis("bottom")  # not to scale: the durations stand above
        self._words(layout)
        self.setYRange(
            -0.45 if layout.folds else -0.15, count + (0.2 if layout.is_linear else 0.7), padding=0
        )
        self.setXRange(float(layout.edges[0]), float(layout.edges[-1]), padding=0.01)

    def _row(self, edges: object, row: int, level: object, colour: str) -> None:
        fill = QColor(colour)
        fill.setAlpha(70)
        heights = row + _HEIGHT * np.asarray(level, np.float64)
        self.plot(
            edges,
            heights,
            stepMode="center",
            fillLevel=float(row),
            brush=fill,
            pen=pg.mkPen(colour, width=fine(1.5)),
        )

    def _words(self, layout: SequenceLayout) -> None:
        """Write durations, phases, and the number of repetitions of a unit."""
        count = len(layout.rows)
        narrow = self._narrow() * float(layout.edges[-1])
        free = -1.0  # where the last text ends
        for left, right, text in layout.durations:
            half = 0.5 * narrow * (len(text) + 1) / 5
            if right - left >= narrow and (left + right) / 2 - half >= free:
                self._text(text, (left + right) / 2, count - 0.1, (0.5, 1))
                free = (left + right) / 2 + half
        if layout.marks:
            row = count - 1 - list(layout.rows).index("microwave")
            for centre, text in layout.marks:
                self._text(text, centre, row + _HEIGHT / 2, (0.5, 0.5))
        for left, right, number in layout.folds:
            region = pg.LinearRegionItem((left, right), movable=False, brush=QColor(128, 128, 128, 30))
            region.setZValue(-10)
            self.addItem(region)
            self._text(f"× {number}", (left + right) / 2, -0.05, (0.5, 0))

    def _narrow(self) -> float:
        """Return the part of the width that a duration of four letters, and a space, takes."""
        free = self.width() - self.getAxis("left").width()
        written = QFontMetrics(QApplication.font()).horizontalAdvance("24.9 µs")
        return max(_NARROW, float(written / max(free, 1.0)))

    def _text(self, text: str, x: float, y: float, anchor: tuple[float, float]) -> None:
        item = pg.TextItem(text, color=current().muted, anchor=anchor)
        item.setPos(x, y)
        self.addItem(item)
