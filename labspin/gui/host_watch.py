"""Hosts of the workspace that begin and end while the window is open."""

from __future__ import annotations

import functools
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from labspin.gui.link import HostLink
from labspin.gui.tasks import in_background, sentence
from labspin.session import HostClient, HostRecord, find_hosts

__all__ = ["HostWatch"]

_EVERY = 1000  # ms between two looks; one reads a few small files, in a thread of its own


class HostWatch(QObject):
    """Connects a window to the first host that is found, and again to the host of the same station.

    Once a bench was shown, no other one takes its place by itself: an order must go to the bench that the
    person has before the eyes. A host that could not be connected is not tried again.

    Parameters
    ----------
    link
        The window's connection.

    Signals
    -------
    trouble(text)
        A host was found and does not answer, or is of another version.
    """

    trouble = Signal(str)

    def __init__(self, link: HostLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._workspace = link, Path()
        self._tried: set[tuple[int, str]] = set()
        self._station = ""
        self._is_looking = False
        link.connected.connect(self._note)
        self.timer = QTimer(self)
        self.timer.setInterval(_EVERY)
        self.timer.timeout.connect(self.look)

    def use(self, workspace: Path) -> None:
        """Look for the hosts of a workspace from now on.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._workspace = workspace
        self.look()
        self.timer.start()

    def stop(self) -> None:
        """Look no more."""
        self.timer.stop()

    def _note(self, description: object) -> None:
        if self._link.record is not None:
            self._station = self._link.record.station

    def look(self) -> None:
        """Look for hosts, unless one is connected or being connected."""
        if self._is_looking or self._link.is_connected or self._link.is_attaching:
            return
        self._is_looking = True
        workspace = self._workspace
        in_background(lambda: find_hosts(workspace), self._found, lambda error: self._found([]))

    def _found(self, hosts: list[HostRecord]) -> None:
        self._is_looking = False
        if self._link.is_connected or self._link.is_attaching:
            return
        for record in hosts:
            is_meant = not self._station or record.station == self._station
            if is_meant and record.port and (record.process, record.started) not in self._tried:
                self._tried.add((record.process, record.started))
                in_background(functools.partial(HostClient, record), self._follow, self._fail)
                return

    def _follow(self, client: HostClient) -> None:
        if self._link.is_connected or self._link.is_attaching:  # meanwhile a person chose one
            client.close()
        else:
            self._link.follow(client)

    def _fail(self, error: Exception) -> None:
        self.trouble.emit(sentence(error))
