"""The main window: a permanent bar, and the views."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QMainWindow,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from labspin.errors import LabspinError
from labspin.experiment import Procedure
from labspin.gui.align_view import AlignView
from labspin.gui.appearance import Appearance
from labspin.gui.bench_view import BenchView
from labspin.gui.browse_view import BrowseView
from labspin.gui.foreign import caption, line
from labspin.gui.hands import ChoiceBox
from labspin.gui.host_watch import HostWatch
from labspin.gui.keys import KeysWindow, shortcut
from labspin.gui.link import HostLink
from labspin.gui.log_view import LogView
from labspin.gui.measure_view import MeasureView
from labspin.gui.parts import BriefLabel, Notice, button, label, text_of
from labspin.gui.run_bar import RunBar
from labspin.gui.safe_order import SafeOrder
from labspin.gui.see_view import SeeView
from labspin.gui.start_view import StartView, first_measurement, listed_station
from labspin.gui.tasks import in_background, sentence
from labspin.gui.top_bar import TopBar
from labspin.session import (
    Queue,
    init_workspace,
    list_stations,
    recorded_parameters,
)
from labspin.session.host_record import state_folder
from labspin.session.host_records import BenchDescription, HandRecord, HostStatus, NewsRecord, RunRecord

__all__ = ["MainWindow"]

_LAST = 30  # runs on the first page
_STATION = 150  # least width of the list of stations, pixels; a small window needs it for the run
_GONE = "host gone"  # until another is connected or looked for


class MainWindow(QMainWindow):
    """The window on one workspace.

    Parameters
    ----------
    workspace
        Folder with ``instruments/`` and ``procedures/``, or one that may become it.
    """

    def __init__(self, workspace: Path) -> None:
        super().__init__()
        self.workspace = workspace.resolve()
        os.chdir(self.workspace)  # recipes and relative paths start from there
        self.link = HostLink(self)
        self.hosts = HostWatch(self.link, self)
        self.start, self.bench, self.align = StartView(), BenchView(self.link), AlignView(self.link)
        self.measure, self.see, self.browse = (
            MeasureView(self.link),
            SeeView(self.link),
            BrowseView(self.link),
        )
        self.log = LogView()
        self.appearance = Appearance(self, self._restate)
        self._shown_run = ""
        self._asked_after: str | None = None  # the last run before the one that was ordered here
        self._make_bar()
        self.notice = Notice()
        self._make_tabs()
        self._connect_parts()
        self.setWindowTitle(line(f"labspin — {self.workspace.name}"))
        self.resize(1280, 720)
        self._restore()
        self.use_workspace()

    def _make_bar(self) -> None:
        self.station = ChoiceBox()
        self.station.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.station.setAccessibleName("station")
        self.station.setMinimumWidth(_STATION)
        self.connect_button = button(
            "Connect", self.connect_chosen, hint="find the host of the station, or start one"
        )
        self.kind = label("", "muted")
        self.kind.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.kind.setContentsMargins(10, 4, 10, 4)
        self.kind.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.kind.hide()
        self.state = BriefLabel("not connected", "heading")
        self.runs = RunBar(self.link)
        self.progress, self.pause_button = self.runs.progress, self.runs.pause_button
        self.skip_button, self.abort_button = self.runs.skip_button, self.runs.abort_button
        self.safe = SafeOrder(self.link, self, self.workspace)
        self.safe_button = self.safe.button
        station = (self.station, self.connect_button, self.kind)
        self.bar = TopBar(station, self.state, self.runs, self.safe_button)

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget()
        for view, name in (
            (self.start, "Start"), (self.bench, "Bench"), (self.align, "Align"), (self.measure, "Measure"),
            (self.see, "See"), (self.browse, "Browse"), (self.log, "Log"),
        ):  # fmt: skip
            self.tabs.addTab(view, caption(name))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        holder = QWidget()
        around = QVBoxLayout(holder)
        around.setContentsMargins(12, 0, 12, 0)
        around.addWidget(self.notice)
        column.addWidget(holder)
        column.addWidget(self.tabs, 1)
        self.setCentralWidget(inside)
        self.tabs.currentChanged.connect(self._tab_changed)
        for number in range(self.tabs.count()):
            show = functools.partial(self.tabs.setCurrentIndex, number)
            shortcut(f"Ctrl+{number + 1}", self, show, f"the view {self.tabs.tabText(number)}")
        corner = QFrame()
        beside = QHBoxLayout(corner)
        beside.setContentsMargins(0, 2, 12, 2)
        keys = button("Keys", lambda: KeysWindow(self).show(), "small", hint="what each key does", key="F1")
        beside.addWidget(keys)
        self.tabs.setCornerWidget(corner)

    def _connect_parts(self) -> None:
        self.link.connected.connect(self._connected)
        self.link.news.connect(self._take)
        self.link.gone.connect(self._gone)
        self.link.silent.connect(self._fade)
        self.safe.changed.connect(lambda: self._show_state(self.link.status))
        self.safe.told.connect(self._tell)
        for source in (
            self.link,
            self.hosts,
            self.safe,
            self.measure,
            self.see,
            self.browse,
            self.appearance,
        ):
            source.trouble.connect(self.complain)
        self.measure.told.connect(self._tell)
        self.measure.started.connect(self._follow_mine)
        self.see.follow.toggled.connect(self._follow_again)
        self.browse.told.connect(self._tell)
        self.bench.traces.chosen.connect(self.align.show_also)
        self.browse.listed.connect(self._show_last_runs)
        self.browse.see.connect(self.show_runs)
        self.browse.repeated.connect(self._repeat_run)
        self.start.init.connect(self._init)
        self.start.first.connect(self.measure_first)
        self.start.connect_station.connect(lambda path: self.connect_station(path))
        self.start.open_card.connect(lambda path: self._repeat(path, ""))
        self.start.open_run.connect(lambda path: self.show_runs([path]))

    # -- the workspace ---------------------------------------------------------------------------------

    def use_workspace(self) -> None:
        """Show the workspace, and connect to a host that is running, or that begins later."""
        self.station.clear()
        for path in list_stations(self.workspace):
            self.station.addItem(line(listed_station(path)), path)
        self.connect_button.setEnabled(self.station.count() > 0)
        self.appearance.use(self.workspace)
        self.start.use(self.workspace)
        self.measure.use(self.workspace)
        self.browse.use(self.workspace)
        self.hosts.use(self.workspace)

    def _init(self) -> None:
        in_background(
            lambda: init_workspace(self.workspace),
            lambda _: self.use_workspace(),
            lambda error: self.complain(sentence(error)),
        )

    def connect_chosen(self) -> None:
        """Connect the station that is chosen in the bar."""
        path = self.station.currentData()
        if path is not None:
            self.connect_station(path)

    def connect_station(self, path: Path, done: Callable[[], None] | None = None) -> None:
        """Connect a station: find its host, or start one.

        Parameters
        ----------
        path
            Path of the station's file.
        done
            Called when it is connected; None calls nothing.
        """
        self._choose_station(path)
        self.connect_button.setEnabled(False)
        self.state.setText("connecting …")
        self.link.attach(path, done)

    def _choose_station(self, path: Path) -> None:
        known = [Path(self.station.itemData(k)).resolve() for k in range(self.station.count())]
        if path.resolve() not in known:  # of another folder
            self.station.addItem(line(path.stem), path)
            known.append(path.resolve())
        self.station.setCurrentIndex(known.index(path.resolve()))

    def measure_first(self) -> None:
        """Connect the simulated diamond, make a first measurement of T1, and show it."""
        found = first_measurement(self.workspace)
        if found is None:
            return
        station, card = found
        self.measure.show_card(card)
        if self.link.record is not None and Path(self.link.record.station).resolve() == station.resolve():
            self.measure.start()
            return
        self.connect_station(station, self.measure.start)

    # -- the host --------------------------------------------------------------------------------------

    def _connected(self, description: BenchDescription) -> None:
        kind = description["kind"]
        self.kind.setText(kind if kind == "simulated" else kind.upper())
        self.kind.setObjectName("simulated" if kind == "simulated" else "real")
        self.kind.style().unpolish(self.kind)
        self.kind.style().polish(self.kind)
        self.kind.show()
        self._choose_station(Path(description["path"]))
        self.connect_button.setEnabled(True)
        self._build(description)
        if self.tabs.currentWidget() is self.start:
            self.tabs.setCurrentWidget(self.bench)

    def _build(self, description: BenchDescription) -> None:
        """Create the parts that depend on a bench."""
        self.bench.build(description)
        self.align.build(description)
        self.measure.form.offer_setpoints(sorted(description["actuators"]))
        self.measure.form.changed.emit()

    def _restate(self) -> None:
        """Redraw everything in other units or colours."""
        if self.link.is_connected and self.link.description:
            self.bench.wanted_traces = set(self.bench.traces.curves)
            self._build(self.link.description)
        self.see.restate()

    def _take(self, answer: NewsRecord) -> None:
        status = answer["status"]
        self.log.take(answer["events"])
        for _, _, kind, message in answer["events"][-20:]:
            if kind == "error":
                self.notice.say(message)
        self.bench.show_status(status)
        self.align.show_status(status)
        self._show_state(status)
        run = status["run"]
        self.runs.show_run(run)
        self._follow_runs(run, status.get("last"))

    def _follow_runs(self, run: RunRecord | None, last: RunRecord | None) -> None:
        """Show the run in progress, or else the last one, which may have begun and ended between two news."""
        newest = run if run is not None and run["done"] > 0 else last
        if newest is None or newest["path"] == self._shown_run or not newest["done"]:
            return
        self._shown_run = newest["path"]
        if not self.see.follow.isChecked():
            return
        self.see.show_runs([Path(newest["path"])])
        is_mine = self._asked_after is not None and newest["path"] != self._asked_after
        if is_mine or (newest is run and self.tabs.currentWidget() in (self.start, self.measure)):
            self.tabs.setCurrentWidget(self.see)  # not away from other views
            self._asked_after = None

    def _show_state(self, status: HostStatus) -> None:
        self.state.setText("making safe …" if self.safe.is_under_way else self._state_of(status))

    def _state_of(self, status: HostStatus) -> str:
        if not status:
            return "connected" if self.link.is_connected else "not connected"
        words = {"idle": "idle", "moving": "moving", "running": "measuring", "paused": "paused"}
        text = words.get(status["state"], status["state"])
        if status["hand"]:
            text = self._move(status["hand"])
        if status["lost"]:
            text += f" — lost: {', '.join(status['lost'])}"
        waiting = status["queue"]["waiting"]
        if waiting:
            text += f" — {waiting} wait{'s' if waiting == 1 else ''}"
            text += ", queue paused" if status["queue"]["paused"] else ""
        if status["queue"]["problem"]:
            text += " — the queue cannot be read"
        chosen = self.station.currentData()
        if chosen is not None and Path(chosen).resolve() != Path(status["path"]):
            text += f" — connected is {status['station']}, not what is chosen"
        return text

    def _move(self, hand: HandRecord) -> str:
        target, unit = hand["target"], ""
        if isinstance(target, (int, float)) and not isinstance(target, bool):
            actuator = self.link.description["actuators"].get(hand["name"])
            unit = "" if actuator is None else actuator["unit"]
        return f"{hand['name']} → {text_of(target, unit or '1')}"

    def _fade(self, text: str) -> None:
        """Show what is known as old: the host lives, but says nothing."""
        self.state.setText("the host does not answer")
        self.bench.fade()
        self.align.fade()
        self.complain(text)

    def _gone(self, text: str) -> None:
        self.connect_button.setEnabled(True)
        self.state.setText(_GONE)
        self.kind.hide()
        self.bench.forget()
        self.align.forget()
        self.runs.show_run(None)
        self.complain(f"{text}, or press Connect")

    # -- orders ----------------------------------------------------------------------------------------

    def make_safe(self) -> None:
        """Bring the bench to its safe state; a run is aborted, the queue paused."""
        self.safe.give()

    # -- views -----------------------------------------------------------------------------------------

    def show_runs(self, paths: list[Path]) -> None:
        """Show runs in *See*.

        Parameters
        ----------
        paths
            Paths of the run files.
        """
        self.see.follow.setChecked([str(path) for path in paths] == [self._shown_run])
        self.see.show_runs(paths)
        self.tabs.setCurrentWidget(self.see)

    def _follow_mine(self) -> None:
        """Show the run that was ordered here, as soon as it begins."""
        last = self.link.status.get("last")
        self._asked_after = last["path"] if last else ""
        self.see.follow.setChecked(True)

    def _follow_again(self, on: bool) -> None:
        """Show the newest run when following is switched on again."""
        if on and [str(path) for path in self.see.paths] != [self._shown_run]:
            self._shown_run = ""

    def _tab_changed(self) -> None:
        """Update the last runs when the first page is opened."""
        if self.tabs.currentWidget() is self.start:
            self.browse.look()

    def _show_last_runs(self) -> None:
        if self.browse.shows_new_runs:
            self.start.show_runs(self.browse.table.latest(_LAST))

    def _repeat(self, card: Path, label_of_run: str) -> None:
        self.measure.show_card(card, label_of_run)
        self.tabs.setCurrentWidget(self.measure)

    def _repeat_run(self, path: Path) -> None:
        """Show a run as it was measured; a procedure out of a file is repeated by its card."""
        queue = Queue(self.workspace / "queue.toml")

        def failed(error: Exception) -> None:
            known = [run for run in queue.read().runs if run.card and run.file]
            for run in known:
                if (queue.folder / run.file).resolve() == path.resolve():
                    self._repeat(queue.folder / run.card, run.label)
                    return
            self.complain(sentence(error))

        in_background(lambda: recorded_parameters(path), self._show_repeated, failed)

    def _show_repeated(self, found: tuple[type[Procedure], dict[str, object], str]) -> None:
        self.measure.show_parameters(*found)
        self.tabs.setCurrentWidget(self.measure)

    def complain(self, text: str) -> None:
        """Show an error without blocking the window.

        Parameters
        ----------
        text
            The message.
        """
        self.log.add("error", text)
        self.notice.say(text)
        self.connect_button.setEnabled(True)
        if not self.link.is_connected and self.state.text() != _GONE:
            self.state.setText("not connected")

    def _tell(self, text: str) -> None:
        self.log.add("window", text)
        self.statusBar().showMessage(line(text), 8000)

    # -- layout ----------------------------------------------------------------------------------------

    def _settings(self) -> QSettings:
        return QSettings(str(self.workspace / ".labspin" / "window.ini"), QSettings.Format.IniFormat)

    def _restore(self) -> None:
        settings = self._settings()
        geometry, tab = settings.value("geometry"), str(settings.value("tab"))
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if tab.isdecimal():
            self.tabs.setCurrentIndex(int(tab))
        for key, part in self._kept_parts().items():
            state = settings.value(key)
            if isinstance(state, QByteArray):
                part.restoreState(state)
        self.bench.wanted_traces = set(str(settings.value("traces") or "").split())

    def _kept_parts(self) -> dict[str, QSplitter | QHeaderView]:
        """Return the parts whose state is saved, by name."""
        found: dict[str, QSplitter | QHeaderView] = {
            f"splitter-{part.objectName()}": part
            for part in self.findChildren(QSplitter)
            if part.objectName()
        }
        return {**found, "runs": self.browse.view.horizontalHeader()}

    def closeEvent(self, event: QCloseEvent) -> None:
        """Store the layout of the window; the host keeps running.

        Parameters
        ----------
        event
            Qt's event; it is accepted.
        """
        self.hosts.stop()
        self.link.close()
        self.appearance.timer.stop()
        self.see.close_source()
        self.browse.close_view()
        try:
            state_folder(self.workspace)
        except LabspinError:
            event.accept()
            return
        settings = self._settings()
        settings.setValue("geometry", self.saveGeometry())
        settings.setValue("tab", self.tabs.currentIndex())
        for key, part in self._kept_parts().items():
            settings.setValue(key, part.saveState())
        settings.setValue("traces", " ".join(self.bench.traces.curves))
        settings.sync()
        event.accept()
