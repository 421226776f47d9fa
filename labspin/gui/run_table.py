"""The list of runs as a table for Qt: text, colours, small pictures."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor

from labspin.data import RunSummary
from labspin.gui.theme import current
from labspin.gui.thumbnails import HEIGHT, WIDTH, Thumbnails

__all__ = ["HEADS", "RunTable"]

HEADS = (
    "", "started", "run", "procedure", "status", "points", "sample", "comment", "fits", "operator", "file",
)  # fmt: skip
_STATUS = HEADS.index("status")
_Index = QModelIndex | QPersistentModelIndex


class RunTable(QAbstractTableModel):
    """The summaries of runs, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[RunSummary] = []
        self._texts: list[tuple[str, ...]] = []
        self.thumbnails = Thumbnails(self)

    def fill(self, runs: list[RunSummary]) -> None:
        """Show these runs, the last one first.

        Parameters
        ----------
        runs
            Summaries of the runs.
        """
        self.beginResetModel()
        self.runs = runs[::-1]
        self._texts = [_cells(run) for run in self.runs]
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of runs.

        Parameters
        ----------
        parent
            Parent cell of Qt; below a valid one there are no rows.
        """
        return 0 if parent.isValid() else len(self.runs)

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
        run = self.runs[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if role == Qt.ItemDataRole.ToolTipRole and run.problem:
                return run.problem
            return self._texts[index.row()][index.column()]
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
