"""The window's connection to a bench host: news and orders, never in the window's thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from labspin.errors import ConnectionFailedError, LabspinError
from labspin.gui.tasks import in_background, sentence
from labspin.session import HostClient, HostRecord, start_host
from labspin.session.host_records import BenchDescription, HostStatus, NewsRecord

__all__ = ["HostLink"]

Result = TypeVar("Result")
_WAIT = 1.0  # s for which the host may be silent in one request for news


class HostLink(QObject):
    """A host, once one is connected.

    Signals
    -------
    connected(description)
        A host answers.
    news(answer)
        What `HostClient.follow` returned.
    gone(text)
        The host has died or ended.
    trouble(text)
        An order was refused, or a host could not be started.
    """

    connected = Signal(object)
    news = Signal(object)
    gone = Signal(str)
    trouble = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.record: HostRecord | None = None
        self.description: BenchDescription = {}
        self.status: HostStatus = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
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

        def opened(client: HostClient) -> None:
            self.follow(client)
            if done is not None:
                done()

        in_background(lambda: start_host(station), opened, self._fail)

    def _fail(self, error: Exception) -> None:
        self.trouble.emit(sentence(error))

    def follow(self, client: HostClient) -> None:
        """Follow the events of a host.

        Parameters
        ----------
        client
            Client of the host.
        """
        self.detach()
        self.record = client.record
        self._stop = threading.Event()
        thread = threading.Thread(
            target=self._listen, args=(client, self._stop), daemon=True, name="host news"
        )
        stop = self._stop

        def described(description: BenchDescription) -> None:
            if stop.is_set():  # detached, or closed, before the answer
                client.close()
                return
            self._begin(description, thread)

        in_background(client.describe, described, self._fail)

    def _begin(self, description: BenchDescription, thread: threading.Thread) -> None:
        self.description = description
        self.connected.emit(description)
        self._thread = thread
        thread.start()

    def _listen(self, client: HostClient, stop: threading.Event) -> None:
        sequence = 0
        with client, contextlib.suppress(RuntimeError, TypeError):  # the window may have been closed
            while not stop.is_set():
                try:
                    answer = client.follow(sequence, timeout=_WAIT)
                except ConnectionFailedError as error:
                    if not stop.is_set():
                        self.gone.emit(sentence(error))
                    return
                except LabspinError as error:
                    self.trouble.emit(sentence(error))
                    stop.wait(_WAIT)
                    continue
                sequence = answer["sequence"]
                if not stop.is_set():
                    self.news.emit(answer)

    def detach(self) -> None:
        """Disconnect from the host, which keeps running."""
        self._stop.set()
        self.record = None
        self.status = {}

    def close(self) -> None:
        """Disconnect from the host, and wait until the last news has arrived."""
        self.detach()
        if self._thread is not None:
            self._thread.join(5.0)

    def order(
        self,
        do: Callable[[HostClient], Result],
        done: Callable[[Result], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
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
        """
        record = self.record
        if record is None:
            self.trouble.emit("no station is connected; choose one above and connect it first")
            return

        def work() -> Result:
            with HostClient(record) as client:
                return do(client)

        in_background(work, done, failed or self._fail)
