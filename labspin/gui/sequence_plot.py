"""Drawing of pulse sequences: a row a line; where durations differ much, widths follow their logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor

from labspin.gui.theme import current, style_plot
from labspin.units import format_quantity

__all__ = ["SequencePlot"]

_LINEAR = 30.0  # largest ratio of durations that a linear axis shows well
_HEIGHT = 0.62
_MOST = 14  # durations that are written above


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

    def show_sequence(self, sequence: Any) -> None:
        """Draw a sequence; the former one is removed.

        Parameters
        ----------
        sequence
            A pulse sequence; its ``levels()`` are the durations (s) and the level of each line.
        """
        self.clear()
        durations, levels = sequence.levels()
        is_linear = durations.max() <= _LINEAR * durations.min()
        widths = durations if is_linear else 1.0 + 0.8 * np.log10(durations / durations.min())
        edges = np.concatenate([[0.0], np.cumsum(widths)])
        rows = range(len(levels) - 1, -1, -1)
        for place, (row, (_, level)) in enumerate(zip(rows, levels.items(), strict=True)):
            self._row(edges, row, level, current().series[place % len(current().series)])
        self.getAxis("left").setTicks(
            [[(row + _HEIGHT / 2, name) for row, name in zip(rows, levels, strict=True)]]
        )
        if is_linear:
            self.showAxis("bottom")
            self.setLabel("bottom", "time", units="s")
        else:
            self.hideAxis("bottom")  # not to scale: the durations stand above
            self._durations(edges, durations, len(levels))
        self.setYRange(-0.15, len(levels) + (0.2 if is_linear else 0.7), padding=0)
        self.setXRange(float(edges[0]), float(edges[-1]), padding=0.01)

    def _row(self, edges: Any, row: int, level: Any, colour: str) -> None:
        fill = QColor(colour)
        fill.setAlpha(70)
        heights = row + _HEIGHT * np.asarray(level, np.float64)
        self.plot(
            edges,
            heights,
            stepMode="center",
            fillLevel=float(row),
            brush=fill,
            pen=pg.mkPen(colour, width=1.5),
        )

    def _durations(self, edges: Any, durations: Any, rows: int) -> None:
        if len(durations) > _MOST:
            return
        for left, right, duration in zip(edges, edges[1:], durations, strict=False):
            text = pg.TextItem(
                format_quantity(float(duration), "s", digits=3), color=current().muted, anchor=(0.5, 1)
            )
            text.setPos((left + right) / 2, rows - 0.1)
            self.addItem(text)
