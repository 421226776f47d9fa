"""The queue: its runs in order, moved by dragging, removed, put back, paused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from labspin.gui.foreign import line, tool_tip
from labspin.gui.keys import shortcut
from labspin.gui.narrow import WrappingPanel, flow
from labspin.gui.parts import button
from labspin.gui.tasks import in_background, sentence
from labspin.session import Queue, QueuedRun, QueueState, host_of

__all__ = ["QueueView"]

_WIDEST = 200  # pixels of a column
_LOWEST = 128  # pixels of the table: three runs and the headings
_HEADS = ("", "run", "state", "parameters", "bench", "file or reason")
_BENCH = _HEADS.index("bench")


class _Table(QTableWidget):
    """A table whose rows can be dragged between others."""

    dropped = Signal(int, int)

    def __init__(self) -> None:
        super().__init__(0, len(_HEADS))
        self.setHorizontalHeaderLabels(_HEADS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setMaximumSectionSize(_WIDEST)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # it would hide a row
        self.horizontalHeader().setStretchLastSection(True)

    def dropEvent(self, event: QDropEvent) -> None:
        """Signal which row was dragged, and before which one."""
        target = self.indexAt(event.position().toPoint()).row()
        source = self.currentRow()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.dropped.emit(source, self.rowCount() if target < 0 else target + (target > source))


class QueueView(WrappingPanel):
    """The queue of the workspace.

    Parameters
    ----------
    start
        Called to let the host run the queue.

    Signals
    -------
    trouble(text)
        A change was refused.
    """

    trouble = Signal(str)

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__("Queue")
        self._queue: Queue | None = None
        self._state, self._benches = QueueState(), _Benches()
        self.table = _Table()
        self.table.dropped.connect(self._drop)
        self.table.setMinimumHeight(_LOWEST)
        self.table.setToolTip("drag a run to change the order, or Alt+↑ and Alt+↓; Delete takes it out")
        for keys, do, does in (
            ("Alt+Up", lambda: self._shift(-1), "the chosen run of the queue comes earlier"),
            ("Alt+Down", lambda: self._shift(1), "the chosen run of the queue comes later"),
            ("Del", self._remove, "take the chosen runs out of the queue"),
        ):
            shortcut(keys, self.table, do, does, has_focus=True)
        self.start_button = button(
            "Start queue", start, "primary", hint="make the runs that wait for this bench, one by one"
        )
        self.pause_button = button(
            "Pause queue", self._pause, hint="begin no further run at this bench; this one continues"
        )
        row = flow(
            self.start_button,
            self.pause_button,
            button("Remove", self._remove, hint="take the chosen runs out"),
            button("Again", self._again, hint="let runs that broke off wait again; they resume"),
            button("Clear", self._clear, hint="take out the runs that are over"),
        )
        self.body.addWidget(self.table, 1)
        self.body.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def use(self, workspace: Path) -> None:
        """Show the queue of a workspace.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._queue = Queue(workspace / "queue.toml")
        self.look()

    def use_bench(self, station: Path) -> None:
        """Let *Pause queue* mean the runs of one bench.

        Parameters
        ----------
        station
            Station file of the bench.
        """
        if self._queue is not None:
            self._queue = Queue(self._queue.path, at=station)
            self.look()

    def look(self) -> None:
        """Read the queue and show it if it has changed."""
        queue = self._queue
        if queue is not None:
            in_background(lambda: _looked_at(queue), self._show, lambda error: None)

    def _show(self, found: tuple[QueueState, _Benches]) -> None:
        state, benches = found
        self.pause_button.setText("Resume queue" if state.paused else "Pause queue")
        if found == (self._state, self._benches) and self.table.rowCount() == len(state.runs):
            return
        chosen = self.chosen()
        self._state, self._benches = found
        self.table.setColumnHidden(_BENCH, len(set(benches.names.values())) < 2)
        self.table.setRowCount(len(state.runs))
        for row, run in enumerate(state.runs):
            for column, text in enumerate(_cells(run, benches)):
                item = QTableWidgetItem(line(text))
                item.setToolTip(tool_tip(text))
                self.table.setItem(row, column, item)
        rows = [row for row, run in enumerate(state.runs) if run.id in chosen]
        if len(rows) == 1 and rows != [self.table.currentRow()]:
            self.table.selectRow(rows[0])  # the run that was moved, not its old position

    def chosen(self) -> list[int]:
        """Return the numbers of the chosen runs."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._state.runs[row].id for row in rows if row < len(self._state.runs)]

    def _change(self, do: Callable[[], object]) -> None:
        in_background(do, lambda _: self.look(), lambda error: self.trouble.emit(sentence(error)))

    def _drop(self, source: int, target: int) -> None:
        if self._queue is None or not 0 <= source < len(self._state.runs):
            return
        moved = self._state.runs[source].id
        waiting = self._beside(moved)
        above = [run.id for run in self._state.runs[:target] if run.id in waiting]
        place = len([number for number in above if number != moved]) + 1
        self._change(functools.partial(self._queue.move, moved, place))

    def _beside(self, number: int) -> list[int]:
        """Return the runs that wait for the bench of a run, in their order."""
        names = self._benches.names
        return [run.id for run in self._state.of("waiting") if names[run.id] == names[number]]

    def _shift(self, places: int) -> None:
        """Move the chosen run among those that wait for its bench."""
        chosen = self.chosen()
        waiting = self._beside(chosen[0]) if len(chosen) == 1 else []
        if self._queue is None or len(chosen) != 1 or chosen[0] not in waiting:
            return
        place = waiting.index(chosen[0]) + 1 + places
        if 1 <= place <= len(waiting):
            self._change(functools.partial(self._queue.move, chosen[0], place))

    def _pause(self) -> None:
        if self._queue is not None:
            self._change(self._queue.resume if self._state.paused else self._queue.pause)

    def _remove(self) -> None:
        if self._queue is not None:
            self._change(functools.partial(self._queue.remove, *self.chosen()))

    def _again(self) -> None:
        if self._queue is not None:
            self._change(functools.partial(self._queue.again, *self.chosen()))

    def _clear(self) -> None:
        if self._queue is not None:
            self._change(self._queue.clear)


@dataclass(frozen=True)
class _Benches:
    """For which bench each run of a queue is, and which of them have a host or are paused."""

    names: dict[int, str] = field(default_factory=dict)
    hosted: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()


def _looked_at(queue: Queue) -> tuple[QueueState, _Benches]:
    state = queue.read()
    names = {run.id: queue.bench_of(run) for run in state.runs}
    hosted = (bench for bench in set(names.values()) if bench and host_of(queue.folder / bench))
    return state, _Benches(names, frozenset(hosted), frozenset(state.paused_at))


def _cells(run: QueuedRun, benches: _Benches) -> tuple[str, ...]:
    bench = benches.names[run.id]
    what = run.message or Path(run.file).name
    if run.state == "waiting" and not bench:
        what = f"nothing names its station: correct {run.card or 'its run file'}, or add it again"
    elif run.state == "waiting" and bench in benches.paused:
        what = "the queue is paused at its bench"
    elif run.state == "waiting" and bench not in benches.hosted:
        what = "waits until its bench is connected"
    parameters = ", ".join(run.overrides) or Path(run.card).name
    return (str(run.id), run.label, run.state, parameters, Path(bench).stem, what)
