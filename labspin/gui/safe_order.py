"""SAFE: its button, its key, and what is said until the bench is safe."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from labspin.bench.safety import SafeAction, unsafe_instruments
from labspin.errors import StationError
from labspin.gui.keys import shortcut
from labspin.gui.link import HostLink
from labspin.gui.parts import button
from labspin.gui.tasks import in_background, sentence
from labspin.session import HostClient, HostRecord, find_hosts

__all__ = ["SafeOrder"]

_KEY = "F12"
_LONG = 5000  # ms after which it is told that the host is not through yet


class SafeOrder(QObject):
    """The order that brings the bench to its safe state, from wherever the keyboard is in the program.

    It goes to the host that is connected. Where none is, it goes to every host of the workspace: a person who
    presses SAFE must not have to connect first.

    Parameters
    ----------
    link
        To the host.
    window
        Where the key belongs to; it works in every other window and menu of the program, too.
    workspace
        Folder whose hosts are meant where none is connected.

    Signals
    -------
    changed()
        It was ordered, or the host has answered: `is_under_way`.
    told(text)
        The bench is safe.
    trouble(text)
        It is not safe, or not yet.
    """

    changed = Signal()
    told = Signal(str)
    trouble = Signal(str)

    def __init__(self, link: HostLink, window: QWidget, workspace: Path) -> None:
        super().__init__(window)
        self._link, self._workspace = link, workspace
        self._waiting = 0
        self.button = button("SAFE", self.give, "safe", hint=f"brings the bench to its safe state ({_KEY})")
        key = shortcut(_KEY, window, self.give, "SAFE: bring the bench to its safe state")
        key.setContext(Qt.ShortcutContext.ApplicationShortcut)
        key.activatedAmbiguously.connect(self.give)  # two windows of one program: both make safe

    @property
    def is_under_way(self) -> bool:
        """Whether it was ordered, and the host has not answered yet."""
        return self._waiting > 0

    def give(self) -> None:
        """Bring the bench to its safe state; a run is aborted, the queue paused."""
        record = self._link.record
        self._waiting += 1
        self.changed.emit()
        QTimer.singleShot(_LONG, self, self._remind)
        in_background(lambda: _make_safe(record, self._workspace), self._done, self._failed)

    def _remind(self) -> None:
        if self.is_under_way:
            self.trouble.emit(
                "SAFE is not through yet: the host is waiting for an instrument, or hangs; if it lasts, "
                "switch off by hand"
            )

    def _end(self) -> None:
        self._waiting -= 1
        self.changed.emit()

    def _done(self, left: list[str]) -> None:
        self._end()
        if left:
            self.trouble.emit(f"not safe: {', '.join(left)}; make it safe by hand")
        else:
            self.told.emit("the bench is in its safe state")

    def _failed(self, error: Exception) -> None:
        self._end()
        self.trouble.emit(f"SAFE did not get through: {sentence(error)}")


def _make_safe(record: HostRecord | None, workspace: Path) -> list[str]:
    """Make the bench of a host safe, or those of all hosts; return the instruments that are not safe."""
    records = find_hosts(workspace) if record is None else [record]
    if not records:
        raise StationError(
            f"no host runs in {workspace}, so no instrument is held from here; switch off by hand what is on"
        )
    left: list[str] = []
    problems: list[str] = []

    def make_one_safe(each: HostRecord) -> None:
        try:
            left.extend(_make_one_safe(each))
        except Exception as error:  # noqa: BLE001 - the other benches are made safe whatever this host does
            problems.append(f"{each.station}: {sentence(error)}")

    # Side by side: a host that hangs holds no other. Daemons, or it would hold the window at its end, too.
    threads = [threading.Thread(target=make_one_safe, args=(each,), daemon=True) for each in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        not_safe = [f"not safe: {', '.join(left)}; make it safe by hand"] if left else []
        raise StationError("; ".join(problems + not_safe))
    return left


def _make_one_safe(record: HostRecord) -> list[str]:
    with HostClient(record, any_version=True) as client:
        return unsafe_instruments(_action(done) for done in client.safe())


def _action(record: dict[str, object]) -> SafeAction:
    return SafeAction(**record)  # type: ignore[arg-type]  # as it came over the wire
