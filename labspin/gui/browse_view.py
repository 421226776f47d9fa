"""Browse: the runs of the workspace, found again."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import QColor, QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from labspin.data import RunSummary, list_runs, read_run
from labspin.gui.axes import shown
from labspin.gui.link import HostLink
from labspin.gui.parts import Panel, button, label
from labspin.gui.tasks import in_background, sentence
from labspin.gui.theme import current
from labspin.session import Queue, QueuedRun, data_folder

__all__ = ["BrowseView", "RunTable"]

_HEADS = ("started", "run", "procedure", "status", "points", "sample", "operator", "fits", "comment", "file")
_Index = QModelIndex | QPersistentModelIndex


class RunTable(QAbstractTableModel):
    """The summaries of runs, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[RunSummary] = []
        self._texts: list[tuple[str, ...]] = []

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
        return 0 if parent.isValid() else len(_HEADS)

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
            return _HEADS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, colour or tool tip of a cell.

        Parameters
        ----------
        index
            Row and column of the cell.
        role
            What Qt asks for.

        Returns
        -------
        Any
            Text or colour, or None where there is nothing to say.
        """
        run = self.runs[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if role == Qt.ItemDataRole.ToolTipRole and run.problem:
                return run.problem
            return self._texts[index.row()][index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 3:
            theme = current()
            colours = {"finished": theme.good, "running": theme.accent, "aborted": theme.warning}
            return QColor(colours.get(run.status, theme.danger))
        return None


def _status(run: RunSummary) -> str:
    return f"{run.status}, NOT SAFE" if run.unsafe else str(run.status)


def _cells(run: RunSummary) -> tuple[str, ...]:
    total = "" if run.size is None else f"/{run.size}"
    return (
        run.started[:19].replace("T", " "), run.label, run.procedure, _status(run), f"{run.points}{total}",
        run.sample, run.operator, ", ".join(run.fits), " ".join([run.comment, *map("#{}".format, run.tags)]),
        run.path.name,
    )  # fmt: skip


class BrowseView(QWidget):
    """All runs of a workspace, with search, details, and what can be done with them.

    Parameters
    ----------
    link
        To the host.

    Signals
    -------
    see(paths)
        Runs are to be shown in *See*.
    repeated(card, label)
        A run is to be repeated with changes.
    trouble(text), told(text)
        Something failed, or was done.
    """

    see = Signal(object)
    repeated = Signal(object, str)
    trouble = Signal(str)
    told = Signal(str)

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self._workspace = Path()
        self.table = RunTable()
        self.filter = QSortFilterProxyModel()
        self.filter.setSourceModel(self.table)
        self.filter.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter.setFilterKeyColumn(-1)
        self.search = QLineEdit()
        self.search.setPlaceholderText("search: label, procedure, status, date, file")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.filter.setFilterFixedString)
        self.view = QTableView()
        self._make_view()
        self.details = label("Choose a run to see its parameters.", wrap=True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(3000)
        self._timer.timeout.connect(self._look_if_seen)
        self._timer.start()
        self._is_looking = False

    def _make_view(self) -> None:
        self.view.setModel(self.filter)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(30)
        head = self.view.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate((160, 130, 95, 85, 75, 75, 85, 45, 100, 200)):
            head.resizeSection(column, width)
        head.setStretchLastSection(True)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.view.doubleClicked.connect(lambda _: self.show_chosen())
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._tell())

    def _lay_out(self) -> None:
        left = Panel()
        left.body.addWidget(self.search)
        left.body.addWidget(self.view, 1)
        row = QHBoxLayout()
        for text, do, hint in (
            ("See", self.show_chosen, "several are laid over each other"),
            ("Go on", self.resume, "measure the points that are missing"),
            ("Repeat…", self.repeat, "its card, to change something and start"),
            ("Report", self.report, "one page with everything"),
            ("Show file", self.show_file, "in the file manager"),
        ):
            row.addWidget(button(text, do, "primary" if text == "See" else "", hint=hint))
        row.addStretch(1)
        left.body.addLayout(row)
        right = Panel("Run")
        right.body.addWidget(self.details)
        right.body.addStretch(1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setSizes([860, 340])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(splitter)

    # -- the runs --------------------------------------------------------------------------------------

    def use(self, workspace: Path) -> None:
        """Show the runs of a workspace.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._workspace = workspace
        self.look()

    def _look_if_seen(self) -> None:
        if self.isVisible():
            self.look()

    def look(self) -> None:
        """Read the folder again."""
        folder = data_folder(self._workspace)
        if self._is_looking or not folder.is_dir():
            return
        self._is_looking = True
        in_background(functools.partial(list_runs, folder), self._fill, self._failed)

    def _fill(self, runs: list[RunSummary]) -> None:
        self._is_looking = False
        if runs[::-1] == self.table.runs:
            return
        chosen = {run.path for run in self.chosen()}
        self.table.fill(runs)
        for row, run in enumerate(self.table.runs):
            if run.path in chosen:
                place = self.filter.mapFromSource(self.table.index(row, 0))
                self.view.selectRow(place.row())

    def _failed(self, error: Exception) -> None:
        self._is_looking = False
        self.trouble.emit(sentence(error))

    def chosen(self) -> list[RunSummary]:
        """Return the chosen runs."""
        rows = {self.filter.mapToSource(index).row() for index in self.view.selectionModel().selectedRows()}
        return [self.table.runs[row] for row in sorted(rows)]

    def _tell(self) -> None:
        runs = self.chosen()
        if not runs:
            return
        in_background(
            functools.partial(_details, [run.path for run in runs[:3]]), self.details.setText, self._failed
        )

    # -- what can be done ------------------------------------------------------------------------------

    def show_chosen(self) -> None:
        """Show the chosen runs in *See*."""
        runs = [run.path for run in self.chosen() if run.status != "damaged"]
        if runs:
            self.see.emit(runs)

    def resume(self) -> None:
        """Put a run that broke off back into the queue, and let the host go on with it."""
        runs = self.chosen()
        if len(runs) != 1 or runs[0].status in ("finished", "running"):
            self.trouble.emit("choose one run that was aborted, failed or died; it is gone on with")
            return
        path = runs[0].path
        self._link.order(lambda host: _go_on(host, path), lambda _: self.told.emit(f"goes on: {path.name}"))

    def repeat(self) -> None:
        """Show the card of a run in *Measure*."""
        runs = self.chosen()
        queued = _queued(Queue(self._workspace / "queue.toml"), runs[0].path) if len(runs) == 1 else None
        if queued is None:
            self.trouble.emit(
                "choose one run whose card is known to the queue; others are repeated from Measure"
            )
            return
        self.repeated.emit(self._workspace / queued.card, queued.label)

    def report(self) -> None:
        """Write the report of the chosen run, and open it."""
        for run in self.chosen()[:1]:
            in_background(functools.partial(_report, run.path), self._open, self._failed)

    def _open(self, path: Path) -> None:
        self.told.emit(f"report: {path}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def show_file(self) -> None:
        """Show the folder of a run in the file manager."""
        for run in self.chosen()[:1]:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path.parent)))


def _queued(queue: Queue, path: Path) -> QueuedRun | None:
    for run in queue.read().runs:
        if run.file and (queue.folder / run.file).resolve() == path.resolve():
            return run
    return None


def _go_on(host: Any, path: Path) -> None:
    queued = _queued(host.queue, path)
    if queued is None:
        from labspin.errors import RunFileError

        raise RunFileError(f"{path}: is not in the queue; go on with: labspin resume {path}")
    host.queue.again(queued.id)
    host.start()


def _report(path: Path) -> Path:
    from labspin.session import report_run

    return report_run(path)


def _details(paths: list[Path]) -> str:
    """Return parameters of one run, or those in which several differ."""
    runs = [read_run(path) for path in paths]
    names = list(dict.fromkeys(name for run in runs for name in run.header.parameters))
    rows = []
    for name in names:
        values = [_value(run.header.parameters.get(name)) for run in runs]
        if len(runs) == 1 or len(set(values)) > 1:
            rows.append(_row(name, values))
    heads = "".join(f"<td><b>{run.header.label or run.header.procedure}</b>&nbsp;&nbsp;</td>" for run in runs)
    problems = [event.message for run in runs for event in run.events_of("error")][:5]
    said = "".join(f"<p>{message[:300]}</p>" for message in problems)
    what = "parameters" if len(runs) == 1 else "differences"
    return f"<table><tr><td>{what}</td>{heads}</tr>{''.join(rows)}</table>{said}"


def _row(name: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{text}&nbsp;&nbsp;</td>" for text in (name, *cells)) + "</tr>"


def _value(record: Any) -> str:
    if not isinstance(record, dict):
        return "—"
    value, unit = record.get("value"), record.get("unit", "1")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return shown(float(value), unit, 6)
    return str(value)[:60]
