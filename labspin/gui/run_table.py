"""The list of runs as a table for Qt: text, colours, small pictures."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor

from labspin.data import RunSummary
from labspin.gui.foreign import line, tool_tip
from labspin.gui.run_reader import RunReader
from labspin.gui.run_rows import HEADS, RunRow
from labspin.gui.theme import current
from labspin.gui.thumbnails import HEIGHT, WIDTH, Thumbnails

__all__ = ["RunTable"]

_STARTED, _STATUS, _POINTS = map(HEADS.index, ("started", "status", "points"))
_Index = QModelIndex | QPersistentModelIndex


class RunTable(QAbstractTableModel):
    """The summaries of runs, newest first, filtered by a text and sorted by a column.

    Search and sorting are done here for ten thousand runs: Qt's own proxy reads every cell of every run.

    Parameters
    ----------
    reader
        Makes the sketches of the thumbnails.
    """

    def __init__(self, reader: RunReader) -> None:
        super().__init__()
        self._all: list[RunRow] = []
        self._rows: list[RunRow] = []
        self._wanted = ""
        self._order = (_STARTED, True)
        self.thumbnails = Thumbnails(reader, self)

    @property
    def runs(self) -> list[RunSummary]:
        """The runs that are shown, in their order."""
        return [row.run for row in self._rows]

    def run(self, row: int) -> RunSummary:
        """Return the run of a row.

        Parameters
        ----------
        row
            Number of the row, from 0.
        """
        return self._rows[row].run

    def merge(self, rows: Sequence[RunRow], gone: Collection[str], *, is_anew: bool = False) -> None:
        """Show these rows, too.

        Parameters
        ----------
        rows
            New rows, or replacements for those of the same key.
        gone
            Keys of rows that are to be removed.
        is_anew
            Whether all previous rows are to be removed.
        """
        replaced = {row.key for row in rows}.union(gone)
        kept = [] if is_anew else [row for row in self._all if row.key not in replaced]
        self._all = self._sorted([*kept, *rows])
        self._choose()

    def places(self, keys: Collection[str]) -> list[tuple[int, int]]:
        """Return the positions of the rows with these keys, as first and last row of stretches.

        Parameters
        ----------
        keys
            Keys of rows; those that are not shown are ignored.
        """
        found: list[tuple[int, int]] = []
        for place, row in enumerate(self._rows):
            if row.key in keys:
                first = found.pop()[0] if found and found[-1][1] == place - 1 else place
                found.append((first, place))
        return found

    def latest(self, number: int) -> list[RunSummary]:
        """Return the newest runs, newest first, independent of the search.

        Parameters
        ----------
        number
            How many.
        """
        return [row.run for row in heapq.nlargest(number, self._all, key=lambda row: row.run.started)]

    def search(self, text: str) -> None:
        """Show only runs in which all words of a text are found.

        Parameters
        ----------
        text
            Words with spaces between; empty shows all runs.
        """
        self._wanted = text.lower()
        self._choose()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the runs into the order of a column.

        Parameters
        ----------
        column
            Number of the column.
        order
            Ascending or descending.
        """
        self._order = (column, order == Qt.SortOrder.DescendingOrder)
        self._all = self._sorted(self._all)
        self._choose()

    def _sorted(self, rows: list[RunRow]) -> list[RunRow]:
        """Return rows in the order of the chosen column; nearly sorted ones take hardly any time."""
        column, is_descending = self._order
        if column == _POINTS:
            return sorted(rows, key=lambda row: row.run.points, reverse=is_descending)
        if column == _STARTED:
            return sorted(rows, key=lambda row: row.run.started, reverse=is_descending)
        return sorted(rows, key=lambda row: row.cells[column], reverse=is_descending)

    def _choose(self) -> None:
        words = self._wanted.split()
        self.beginResetModel()
        self._rows = [row for row in self._all if all(word in row.words for word in words)]
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of runs.

        Parameters
        ----------
        parent
            Parent cell of Qt; below a valid one there are no rows.
        """
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns.

        Parameters
        ----------
        parent
            Parent cell of Qt; below a valid one there are no columns.
        """
        return 0 if parent.isValid() else len(HEADS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the header of a column.

        Parameters
        ----------
        section
            Number of the column, from 0.
        orientation
            Horizontal; rows have no header.
        role
            Role of Qt; only the text is returned.

        Returns
        -------
        object
            The text, or None.
        """
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return HEADS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return text, picture, colour or tool tip of a cell.

        Parameters
        ----------
        index
            Row and column of the cell.
        role
            Role of Qt.

        Returns
        -------
        object
            Text, picture or colour, or None.
        """
        row = self._rows[index.row()]
        run = row.run
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if role == Qt.ItemDataRole.ToolTipRole and run.problem:
                return tool_tip(run.problem)
            cell = row.cells[index.column()]
            return tool_tip(cell) if role == Qt.ItemDataRole.ToolTipRole else line(cell)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self.thumbnails.of(run)
        if role == Qt.ItemDataRole.SizeHintRole and index.column() == 0:
            return QSize(WIDTH + 8, HEIGHT + 6)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == _STATUS:
            theme = current()
            colours = {"finished": theme.good, "running": theme.accent, "aborted": theme.warning}
            return QColor(colours.get(run.status, theme.danger))
        return None
