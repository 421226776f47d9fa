"""The first page: contents of the workspace, and next steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from labspin.clock import local_time
from labspin.data import RunSummary
from labspin.gui.foreign import line, tool_tip
from labspin.gui.parts import Panel, button, label
from labspin.session import is_workspace, list_cards, list_stations, station_kind

__all__ = ["StartView", "first_measurement", "listed_station"]

_LIST = 140  # least width of a list, pixels


class StartView(QWidget):
    """Stations, cards, last runs; a button that creates a workspace in an empty folder.

    Signals
    -------
    init(), first()
        A workspace, or a first measurement, is wanted.
    connect_station(path), open_card(path), open_run(path)
        One was chosen.
    """

    init = Signal()
    first = Signal()
    connect_station = Signal(object)
    open_card = Signal(object)
    open_run = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.title = label("", "title", wrap=True)
        self.told = label("", "muted", wrap=True)
        self.init_button = button("Make a workspace here", self.init.emit, "primary", hint="labspin init")
        self.first_button = button(
            "Measure a T1 on the simulated diamond", self.first.emit, "primary",
            hint="connects the station, starts the run of procedures/first_t1.toml, and shows it",
        )  # fmt: skip
        self.stations, self.cards, self.runs = QListWidget(), QListWidget(), QListWidget()
        self._panels: list[Panel] = []
        self._shown: list[RunSummary] | None = None
        head = QHBoxLayout()
        head.addWidget(self.init_button)
        head.addWidget(self.first_button)
        head.addStretch(1)
        lists = QHBoxLayout()
        for heading, box, signal, hint in (
            ("Stations", self.stations, self.connect_station, "double-click or Enter connects"),
            ("Run cards", self.cards, self.open_card, "double-click or Enter opens the form"),
            ("Last runs", self.runs, self.open_run, "double-click or Enter shows the run"),
        ):
            panel = Panel(heading)
            self._panels.append(panel)
            box.setAccessibleName(heading.lower())
            box.setWordWrap(True)  # real or simulated stands at the end
            box.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            box.setMinimumWidth(_LIST)
            panel.body.addWidget(box, 1)
            panel.body.addWidget(label(hint, "muted", wrap=True))
            box.itemActivated.connect(lambda item, s=signal: s.emit(item.data(Qt.ItemDataRole.UserRole)))
            lists.addWidget(panel, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(12)
        layout.addWidget(self.title)
        layout.addWidget(self.told)
        layout.addLayout(head)
        layout.addLayout(lists, 1)
        layout.addStretch(0)

    def use(self, workspace: Path) -> None:
        """Show the contents of a workspace.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        has_files = is_workspace(workspace)
        self.title.setText(workspace.name or str(workspace))
        self.told.setText(
            f"{workspace}: choose a station and connect it, then a card to measure."
            if has_files
            else f"{workspace} is no workspace yet. It can be made one: folders for stations, cards and fit "
            "recipes, with examples that need no hardware. Nothing that is there is overwritten."
        )
        self.init_button.setVisible(not has_files)
        for panel in self._panels:
            panel.setVisible(has_files)
        self.first_button.setVisible(first_measurement(workspace) is not None)
        self.stations.clear()
        for path in list_stations(workspace):
            _add(self.stations, listed_station(path), path)
        self.cards.clear()
        for path in list_cards(workspace):
            _add(self.cards, path.stem, path)

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show the last runs.

        Parameters
        ----------
        runs
            Summaries of them, the last one first.
        """
        if runs == self._shown:
            return
        self._shown = list(runs)
        self.runs.clear()
        if not runs:
            self.runs.addItem("none yet")
            self.runs.item(0).setFlags(Qt.ItemFlag.NoItemFlags)
        for run in runs:
            words = f"{run.label or run.procedure} — {run.status}, {local_time(run.started)[:16]}"
            _add(self.runs, words, run.path)


def listed_station(path: Path) -> str:
    """Return the entry of a station in the list: the name of its file, and whether it is real.

    Parameters
    ----------
    path
        The station file.
    """
    kind = station_kind(path)
    return f"{path.stem} — {kind if kind == 'simulated' else kind.upper() or 'cannot be read'}"


def first_measurement(workspace: Path) -> tuple[Path, Path] | None:
    """Return station and card of a first measurement, if they exist.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    """
    station = workspace / "instruments" / "levitated-diamond.toml"
    card = workspace / "procedures" / "first_t1.toml"
    return (station, card) if station.is_file() and card.is_file() else None


def _add(box: QListWidget, text: str, path: Path) -> None:
    item = QListWidgetItem(line(text))
    item.setData(Qt.ItemDataRole.UserRole, path)
    item.setToolTip(tool_tip(str(path)))
    box.addItem(item)
