"""Browse: search and manage the runs of the workspace."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from labspin.data import TRASH, RunSummary, restore_run, trash_run, trashed_runs
from labspin.errors import LabspinError
from labspin.gui.hands import ChoiceBox
from labspin.gui.keys import shortcut
from labspin.gui.link import HostLink
from labspin.gui.narrow import flow
from labspin.gui.parts import Panel, button
from labspin.gui.run_details import RunDetails
from labspin.gui.run_reader import Listing, RunReader
from labspin.gui.run_rows import HEADS
from labspin.gui.run_table import RunTable
from labspin.gui.tasks import in_background, sentence
from labspin.gui.thumbnails import HEIGHT, WIDTH
from labspin.session import data_folder

if TYPE_CHECKING:
    from PySide6.QtCore import QItemSelectionRange

__all__ = ["BrowseView"]

_ASIDE = "into the trash of its folder; nothing is deleted (Del)"
_BACK = "to the folder where it was (Del)"
_LOOK = 3000  # ms between two listings of the folder
_DRAW = 120  # ms after which finished thumbnails are shown
_DATE = "2026-11-30 22:08:06"  # that can be read in its column, with large letters, too
_WIDTHS = {"": WIDTH + 12, "started": 158, "run": 138, "procedure": 104, "status": 82, "points": 76,
           "sample": 74, "comment": 170, "fits": 60, "operator": 84, "file": 220}  # fmt: skip


class BrowseView(QWidget):
    """All runs of a workspace, with search, details and actions.

    Parameters
    ----------
    link
        To the host.

    Signals
    -------
    see(paths)
        Runs are to be shown in *See*.
    repeated(path)
        A run is to be repeated with changes.
    listed()
        The list is up to date, or more of it than before.
    trouble(text), told(text)
        Something failed, or was done.
    """

    see = Signal(object)
    repeated = Signal(object)
    listed = Signal()
    trouble = Signal(str)
    told = Signal(str)

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self._workspace = Path()
        self.reader = RunReader(self)
        self.reader.listed.connect(self._take)
        self.reader.trouble.connect(self.trouble)
        self.table = RunTable(self.reader)
        self.search = QLineEdit()
        self.search.setPlaceholderText("search in everything: label, procedure, sample, tags, date, file")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("runs that hold all of these words (Ctrl+F)")
        shortcut("Ctrl+F", self, self.search.setFocus, "search in all runs")
        self.search.textChanged.connect(self.table.search)
        self.folders = ChoiceBox()
        self.folders.setAccessibleName("folder of runs")
        self.folders.setToolTip("folder whose runs are listed; those that were put aside have one, too")
        self.folders.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.folders.activated.connect(lambda _: self._change_folder())
        self.view = QTableView()
        self.view.setAccessibleName("runs")
        self.details = RunDetails()
        self.details.changed.connect(self.look)
        self.details.trouble.connect(self.trouble)
        self._make_view()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._look_if_seen)
        self._timer.start()
        self._drawing = QTimer(self)
        self._drawing.setSingleShot(True)
        self._drawing.setInterval(_DRAW)
        self._drawing.timeout.connect(lambda: self.view.viewport().update())
        self.table.thumbnails.made.connect(self._draw_soon)
        self.is_looking = self._is_wanted = False

    def _make_view(self) -> None:
        self.view.setModel(self.table)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(HEADS.index("started"), Qt.SortOrder.DescendingOrder)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.setIconSize(QSize(WIDTH, HEIGHT))
        self.view.setTabKeyNavigation(False)
        self.view.setWordWrap(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(HEIGHT + 6)
        head = self.view.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.view.ensurePolished()
        larger = max(1.0, (self.view.fontMetrics().horizontalAdvance(_DATE) + 16) / _WIDTHS["started"])
        for column, name in enumerate(HEADS):
            head.resizeSection(column, round(_WIDTHS[name] * larger))
        head.setSelectionModel(QItemSelectionModel(self.table, self))  # else Qt reads every selected cell
        head.setStretchLastSection(True)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.view.activated.connect(lambda _: self.show_chosen())
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._tell())

    def _lay_out(self) -> None:
        left = Panel()
        head = QHBoxLayout()
        head.addWidget(self.search, 1)
        head.addWidget(self.folders)
        left.body.addLayout(head)
        left.body.addWidget(self.view, 1)
        pressed = []
        for text, do, hint in (
            ("See", self.show_chosen, "several are laid over each other (Enter)"),
            ("Resume", self.resume, "measure the points that are missing"),
            ("Repeat…", self.repeat, "its parameters in Measure, to change something and start"),
            ("Report", self.report, "one page with everything, in the browser"),
            ("Show file", self.show_file, "in the file manager"),
        ):
            pressed.append(button(text, do, "primary" if text == "See" else "", hint=hint))
        self.aside_button = button("Put aside", self.put_aside, hint=_ASIDE)
        shortcut(
            "Del", self.view, self.put_aside, "put the chosen runs aside, or bring them back", has_focus=True
        )
        left.body.addLayout(flow(*pressed, self.aside_button))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("browse")
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.details)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([920, 320])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self.splitter)

    # -- the runs --------------------------------------------------------------------------------------

    def use(self, workspace: Path) -> None:
        """Show the runs of a workspace.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._workspace = workspace
        self.details.use(workspace)
        self.folders.clear()
        self._offer_folders()
        self.look()

    @property
    def shows_new_runs(self) -> bool:
        """Whether the list shows the folder of new runs."""
        return self.folders.currentIndex() <= 0

    @property
    def shows_trash(self) -> bool:
        """Whether the list shows the trash."""
        folder = self.folders.currentData()
        return folder is not None and folder.name == TRASH

    def _offer_folders(self) -> None:
        with contextlib.suppress(LabspinError):
            in_background(functools.partial(_folders_of, data_folder(self._workspace)), self._show_folders)

    def _show_folders(self, found: list[tuple[str, Path]]) -> None:
        chosen = self.folders.currentData()
        self.folders.clear()
        for text, folder in found:
            self.folders.addItem(text, folder)
        paths = [folder for _, folder in found]
        self.folders.setCurrentIndex(paths.index(chosen) if chosen in paths else 0)
        if chosen is not None and chosen not in paths:
            self._change_folder()

    def _change_folder(self) -> None:
        self.aside_button.setText("Bring back" if self.shows_trash else "Put aside")
        self.aside_button.setToolTip(_BACK if self.shows_trash else _ASIDE)
        self.look()

    def showEvent(self, event: QShowEvent) -> None:
        """Update the list of folders.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().showEvent(event)
        self._offer_folders()

    def _draw_soon(self) -> None:
        if not self._drawing.isActive():
            self._drawing.start()

    def _look_if_seen(self) -> None:
        if self.isVisible():
            self.look()

    def look(self) -> None:
        """Read the folder again."""
        try:
            folder = self.folders.currentData() or data_folder(self._workspace)
        except LabspinError:
            return  # the window reports an error in the file of the workspace
        if not folder.is_dir():
            self.listed.emit()
            return
        self._is_wanted = self.is_looking
        if self.is_looking:
            return
        self.is_looking = True
        self.reader.look(folder)

    def _take(self, listing: Listing) -> None:
        """Show one part of a listing."""
        self.is_looking = not listing.is_whole
        if listing.rows or listing.gone or listing.is_anew:
            chosen = {str(run.path) for run in self.chosen()}
            self.table.merge(listing.rows, listing.gone, is_anew=listing.is_anew)
            self._choose(chosen)
        self.listed.emit()
        if self._is_wanted and not self.is_looking:
            self.look()

    def choose(self, paths: Collection[Path]) -> None:
        """Choose runs in the list.

        Parameters
        ----------
        paths
            Paths of the run files; those that are not shown are ignored.
        """
        self._choose({str(path) for path in paths})

    def _choose(self, keys: Collection[str]) -> None:
        selection = QItemSelection()
        for first, last in self.table.places(keys) if keys else []:
            selection.select(self.table.index(first, 0), self.table.index(last, len(HEADS) - 1))
        self.view.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _failed(self, error: Exception) -> None:
        self.trouble.emit(sentence(error))

    def chosen(self) -> list[RunSummary]:
        """Return the chosen runs."""
        ranges = cast("list[QItemSelectionRange]", self.view.selectionModel().selection())
        rows = sorted({row for part in ranges for row in range(part.top(), part.bottom() + 1)})
        return [self.table.run(row) for row in rows]

    def _tell(self) -> None:
        self.details.show_runs(self.chosen())

    # -- actions ------------------------------------------------------------------------------

    def show_chosen(self) -> None:
        """Show the chosen runs in *See*."""
        runs = [run.path for run in self.chosen() if run.status != "damaged"]
        if runs:
            self.see.emit(runs)

    def resume(self) -> None:
        """Put an interrupted run into the queue, and let the host resume it."""
        runs = self.chosen()
        if self.shows_trash:
            self.trouble.emit("runs that were put aside are not resumed; bring the run back first")
            return
        if len(runs) != 1 or runs[0].status in ("finished", "running", "damaged"):
            self.trouble.emit("choose one run that was aborted, failed or died, to resume it")
            return
        path = runs[0].path
        self._link.order(lambda host: host.go_on(path), lambda _: self.told.emit(f"resumed: {path.name}"))

    def put_aside(self) -> None:
        """Move the chosen runs to the trash, or back; nothing is deleted."""
        paths, back = [run.path for run in self.chosen()], self.shows_trash
        if not paths:
            self.trouble.emit("choose the runs that are to be put aside, or brought back")
            return

        def done(moved: int) -> None:
            self.told.emit(
                f"{'brought back' if back else 'put aside'}: {moved} run{'' if moved == 1 else 's'}"
            )
            self._offer_folders()
            self.look()

        in_background(functools.partial(_move, paths, back), done, self._failed)

    def repeat(self) -> None:
        """Show the parameters of a run in *Measure*."""
        runs = self.chosen()
        if len(runs) != 1 or runs[0].status == "damaged":
            self.trouble.emit("choose one run to repeat; it is shown in Measure, and started there")
            return
        self.repeated.emit(runs[0].path)

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

    def close_view(self) -> None:
        """End the process that reads runs."""
        self._timer.stop()
        self.reader.close()


def _folders_of(data: Path) -> list[tuple[str, Path]]:
    """Return the folders that hold runs, by name: that of new runs first, then those in it, then trash."""
    inner = (
        sorted(part for part in data.iterdir() if part.is_dir() and part.name != TRASH)
        if data.is_dir()
        else []
    )
    folders = [
        (data.name, data),
        *((f"{data.name}/{part.name}", part) for part in inner if any(part.glob("*.h5"))),
    ]
    aside = [(f"{name}: put aside", folder / TRASH) for name, folder in folders if trashed_runs(folder)]
    return [*folders, *aside]


def _move(paths: list[Path], back: bool) -> int:
    """Move runs to the trash or back, and return how many."""
    for path in paths:
        (restore_run if back else trash_run)(path)
    return len(paths)


def _report(path: Path) -> Path:
    from labspin.session import report_run

    return report_run(path)
