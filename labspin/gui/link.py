"""The window's connection to a bench host: news and orders, never in the window's thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from labspin.errors import ConnectionFailedError, LabspinError
from labspin.gui.tasks import HandedOver, in_background, sentence
from labspin.session import HostClient, HostRecord, host_of, start_host
from labspin.session.host_records import BenchDescription, HostStatus, NewsRecord

__all__ = ["HostLink"]

Result = TypeVar("Result")
_WAIT = 1.0  # s for which the host may be silent in one request for news
_BREATH = 0.03  # s between two news: a window that draws each of them must hear the mouse, too
_PAUSE = 0.5  # s before a host that lives and does not answer is asked again


class HostLink(QObject):
    """A host, once one is connected.

    Attributes
    ----------
    is_attaching : bool
        Whether a host is being started or asked for its bench.

    Signals
    -------
    connected(description)
        A host answers.
    news(answer)
        What `HostClient.follow` returned.
    silent(text)
        The host lives and does not answer; it is asked again until it does, or has died.
    gone(text)
        The host has died or ended.
    trouble(text)
        An order was refused, or a host could not be started.
    """

    connected = Signal(object)
    news = Signal(object)
    silent = Signal(str)
    gone = Signal(str)
    trouble = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.record: HostRecord | None = None
        self.is_attaching = False
        self.description: BenchDescription = {}
        self.status: HostStatus = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._news = HandedOver(self.news.emit, self)
        self.news.connect(self._remember)
        self.gone.connect(self._forget)

    def _remember(self, answer: NewsRecord) -> None:
        self.status = answer["status"]

    def _forget(self, _: str) -> None:
        self.record, self.status = None, {}

    @property
    def is_connected(self) -> bool:
        """Whether a host answers."""
        return self.record is not None

    def attach(self, station: Path, done: Callable[[], None] | None = None) -> None:
        """Find the host of a station, or start one, and follow its events.

        Parameters
        ----------
        station
            Path of the station's file.
        done
            Called when the host was found; None calls nothing.
        """
        self.is_attaching = True
        in_background(lambda: start_host(station), lambda client: self.follow(client, done), self._fail)

    def _fail(self, error: Exception) -> None:
        self.is_attaching = False
        self.trouble.emit(sentence(error))

    def _refused(self, error: Exception) -> None:
        self.trouble.emit(sentence(error))

    def follow(self, client: HostClient, done: Callable[[], None] | None = None) -> None:
        """Follow the events of a host; until it has described its bench, no host is connected.

        Parameters
        ----------
        client
            Client of the host.
        done
            Called when it is connected; None calls nothing.
        """
        self.detach()
        if self._is_closed:  # the window was closed before the host had answered
            client.close()
            return
        self._stop = stop = threading.Event()
        self.is_attaching = True

        def described(description: BenchDescription) -> None:
            if stop.is_set():  # detached, or closed, before the answer
                client.close()
                return
            self._begin(client, description)
            if done is not None:
                done()

        in_background(client.describe, described, self._fail)

    def _begin(self, client: HostClient, description: BenchDescription) -> None:
        self.record, self.description, self.is_attaching = client.record, description, False
        self.connected.emit(description)
        self._thread = threading.Thread(
            target=self._listen, args=(client, self._stop), daemon=True, name="host news"
        )
        self._thread.start()

    def _listen(self, client: HostClient, stop: threading.Event) -> None:
        sequence, is_silent = 0, False
        with client, contextlib.suppress(RuntimeError, TypeError):  # the window may have been closed
            while not stop.is_set():
                asked = time.monotonic()
                try:
                    answer = client.follow(sequence, timeout=_WAIT)
                except ConnectionFailedError as error:
                    if stop.is_set():
                        return
                    if not _lives(client.record):
                        self.gone.emit(sentence(error))
                        return
                    if not is_silent and time.monotonic() - asked > _WAIT:  # else it ended just now
                        self.silent.emit(sentence(error))
                        is_silent = True
                    stop.wait(_PAUSE)
                    continue
                except LabspinError as error:
                    self.trouble.emit(sentence(error))
                    stop.wait(_WAIT)
                    continue
                sequence, is_silent = answer["sequence"], False
                self._news.give(answer, stop.is_set)
                stop.wait(_BREATH)

    def detach(self) -> None:
        """Disconnect from the host, which keeps running."""
        self._stop.set()
        self.record = None
        self.status = {}

    def close(self) -> None:
        """Disconnect from the host for good, and wait until the last news has arrived."""
        self._is_closed = True
        self.detach()
        if self._thread is not None:
            self._thread.join(5.0)

    def order(
        self,
        do: Callable[[HostClient], Result],
        done: Callable[[Result], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        *,
        of: HostRecord | None = None,
    ) -> None:
        """Let the host do something, over its own connection, so that no order waits for another.

        Parameters
        ----------
        do
            Called in a thread with a client of the host.
        done
            Called in the window's thread with the result; None calls nothing.
        failed
            Called in the window's thread with the error; None shows it as trouble.
        of
            The host that is meant, where the order is for one bench only; None: the one that is connected.
        """
        record = self.record
        if of is not None and record is not None and of != record:
            self.trouble.emit(f"nothing was done: the host of {of.station} is not connected any more")
            return
        if record is None:
            self.trouble.emit("no station is connected; choose one above and connect it first")
            return

        def work() -> Result:
            with HostClient(record) as client:
                return do(client)

        in_background(work, done, failed or self._refused)


def _lives(record: HostRecord) -> bool:
    """Return whether the process of a host still holds its station."""
    found = host_of(Path(record.station))
    return found is not None and found.process == record.process
