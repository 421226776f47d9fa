"""The list of runs as a table for Qt: text, colours, small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor

from labspin.data import RunSummary
from labspin.gui.theme import current
from labspin.gui.thumbnails import HEIGHT, WIDTH, Thumbnails

__all__ = ["HEADS", "RunRow", "RunTable", "rows_of"]

HEADS = (
    "", "started", "run", "procedure", "status", "points", "sample", "comment", "fits", "operator", "file",
)  # fmt: skip
_STATUS = HEADS.index("status")
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class RunRow:
    """A run as it stands in the table."""

    run: RunSummary
    cells: tuple[str, ...]
    words: str
    """Everything in small letters, to search in."""


def rows_of(runs: Sequence[RunSummary]) -> list[RunRow]:
    """Return the rows of runs, the last run first; to be made outside the window's thread.

    Parameters
    ----------
    runs
        Summaries of the runs.
    """
    cells = [_cells(run) for run in reversed(runs)]
    pairs = zip(reversed(runs), cells, strict=True)
    return [RunRow(run, texts, "\n".join((*texts, run.project)).lower()) for run, texts in pairs]


class RunTable(QAbstractTableModel):
    """The summaries of runs, the newest first: those in which a text is found, in the order of a column.

    Ten thousand runs are searched and sorted here: Qt's own proxy asks for every cell of every run.
    """

    def __init__(self) -> None:
        super().__init__()
        self._all: list[RunRow] = []
        self._rows: list[RunRow] = []
        self._wanted = ""
        self._order = (HEADS.index("started"), True)
        self.thumbnails = Thumbnails(self)

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

    def fill(self, rows: list[RunRow]) -> None:
        """Show these runs.

        Parameters
        ----------
        rows
            What `rows_of` returned.
        """
        self._all = rows
        self._choose()

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
        self._choose()

    def _choose(self) -> None:
        words, (column, is_descending) = self._wanted.split(), self._order
        self.beginResetModel()
        found = [row for row in self._all if all(word in row.words for word in words)]
        self._rows = sorted(found, key=lambda row: row.cells[column], reverse=is_descending)
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
    ) -> Any:
        """Return the head of a column.

        Parameters
        ----------
        section
            Number of the column, from 0.
        orientation
            Horizontal; rows have no head.
        role
            What Qt asks for; only the text is answered.

        Returns
        -------
        Any
            The text, or None.
        """
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return HEADS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, picture, colour or tool tip of a cell.

        Parameters
        ----------
        index
            Row and column of the cell.
        role
            What Qt asks for.

        Returns
        -------
        Any
            Text, picture or colour, or None where there is nothing to say.
        """
        row = self._rows[index.row()]
        run = row.run
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if role == Qt.ItemDataRole.ToolTipRole and run.problem:
                return run.problem
            return row.cells[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self.thumbnails.of(run)
        if role == Qt.ItemDataRole.SizeHintRole and index.column() == 0:
            return QSize(WIDTH + 8, HEIGHT + 6)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == _STATUS:
            theme = current()
            colours = {"finished": theme.good, "running": theme.accent, "aborted": theme.warning}
            return QColor(colours.get(run.status, theme.danger))
        return None


def _status(run: RunSummary) -> str:
    return f"{run.status}, NOT SAFE" if run.unsafe else str(run.status)


def _cells(run: RunSummary) -> tuple[str, ...]:
    total = "" if run.size is None else f"/{run.size}"
    stars = "" if run.rating is None else "★" * run.rating + "☆" * (5 - run.rating)
    words = " ".join(filter(None, [stars, run.comment, *map("#{}".format, run.tags)]))
    return (
        "", run.started[:19].replace("T", " "), run.label, run.procedure, _status(run),
        f"{run.points}{total}", run.sample, words, ", ".join(run.fits), run.operator, run.path.name,
    )  # fmt: skip
