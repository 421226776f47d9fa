"""The queue as a host sees it: what it may begin does not hang on the queue's file alone.

The file may be on a full disk, locked by a process that was stopped, or edited to nonsense. None of that may
keep a run from being ended, or the bench from its safe state.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from labspin.errors import LabspinError, StorageError
from labspin.session.host_news import News
from labspin.session.host_orders import Aside
from labspin.session.host_records import QueueRecord
from labspin.session.queue import Queue
from labspin.session.queue_file import QueuedRun, QueueState, State

__all__ = ["HostQueue", "QueueTurns"]

_GLANCE = 1.0  # s that the state of the bench waits for the queue's file
_PATIENCE = 1.0  # s that a client waits for the queue's file, when what it asked for is done


class HostQueue(Queue):
    """A queue whose file may keep a host's runs waiting, however long, but not its bench.

    Parameters
    ----------
    path
        As for `Queue`.
    station
        Station file of the host, whose runs it makes.
    aside
        Does what may have to wait for the file.
    """

    def __init__(self, path: Path, station: Path, aside: Aside) -> None:
        super().__init__(path, patience=math.inf, at=station)
        self._aside = aside
        self._owed: list[Callable[[QueueState], QueueState]] = []

    def read(self) -> QueueState:
        """Return the present queue.

        Raises
        ------
        ConfigurationError
            The file is not a queue.
        """
        return self._aside(super().read)

    def waiting(self, state: QueueState) -> tuple[QueuedRun, ...]:
        """Return the runs that wait for the host's bench; their cards are read.

        Parameters
        ----------
        state
            The present queue.
        """
        return self._aside(lambda: super(HostQueue, self).waiting(state))

    def end(self, id: int, state: State, message: str = "", *, file: str | None = None) -> None:  # noqa: A002
        """Record how a run ended; if that fails, with the next change that can be written.

        Parameters
        ----------
        id, state, message, file
            As for `Queue.end`.

        Raises
        ------
        StorageError
            The file cannot be written now.
        """
        try:
            super().end(id, state, message, file=file)
        except StorageError:
            self._owed.append(functools.partial(_ended, id, state, message, file))
            raise

    def _change(self, change: Callable[[QueueState], QueueState]) -> QueueState:
        owed = self._owed.copy()

        def change_all(state: QueueState) -> QueueState:
            return change(functools.reduce(lambda whole, late: late(whole), owed, state))

        changed = self._aside(lambda: super(HostQueue, self)._change(change_all))
        del self._owed[: len(owed)]
        return changed


def _ended(id: int, state: State, message: str, file: str | None, whole: QueueState) -> QueueState:  # noqa: A002
    """Return a queue that knows how a run ended, unless a person made it wait again or removed it."""
    runs = tuple(
        replace(run, state=state, message=message, file=run.file if file is None else file)
        if run.id == id and run.state in ("running", "interrupted")
        else run
        for run in whole.runs
    )
    return replace(whole, runs=runs)


class QueueTurns:
    """Whether a host makes the runs of its queue.

    Parameters
    ----------
    queue
        The queue of the host's workspace.
    news
        Receives the news that the queue could not be paused.

    Attributes
    ----------
    are_wanted : bool
        Whether the host was asked to make the runs that wait.
    may_begin : bool
        Whether a run may begin. False from the moment at which all runs are to end until the queue's file
        says that it is paused or, where that cannot be written, until the queue is started again.
    """

    def __init__(self, queue: Queue, news: News) -> None:
        self._queue, self._news = queue, news
        self.are_wanted, self.may_begin = False, True
        self._pauses = 0
        self._seen = False, 0, ""  # paused, how many wait, what is wrong
        self._stuck: threading.Thread | None = None  # still reads the file

    @property
    def come(self) -> bool:
        """Whether the next run that waits is to be made."""
        return self.are_wanted and self.may_begin

    def start(self) -> None:
        """Make the runs that wait from now on; a pause that is not written yet is dropped."""
        self._pauses += 1
        self.are_wanted = self.may_begin = True

    def pause(self, is_wanted: bool = True) -> None:
        """Pause the queue's file once ``may_begin`` is False; then a run may begin when it is resumed.

        This is waited for, but not long: as long as the file is not written, ``may_begin`` stands for it.

        Parameters
        ----------
        is_wanted
            False leaves the file as it is.
        """
        if not is_wanted:
            self.may_begin = True
            return
        self._pauses += 1
        mine = self._pauses
        writer = threading.Thread(target=self._write, args=(lambda: mine == self._pauses,), daemon=True)
        writer.start()
        writer.join(_PATIENCE)
        if writer.is_alive():
            self._news.event("warning", f"{self._queue.path}: another process keeps it; it is paused later")

    def _write(self, is_wanted: Callable[[], bool]) -> None:
        try:
            self._queue.pause(if_still=is_wanted)
        except LabspinError as error:
            if is_wanted():
                self.are_wanted = False
                said = f"no run begins until the queue is started again; not paused: {error}"
                self._news.event("error", said)
        else:
            if is_wanted():
                self.may_begin = True

    def record(self) -> QueueRecord:
        """Return the state of the queue; a file that is no queue hides neither bench nor run.

        Where the disk does not answer within a moment, the state is what was read last: a client that is
        kept waiting takes its host for gone.
        """
        if not self._is_stuck:
            self._read()
        paused, waiting, problem = self._seen
        if self._is_stuck:
            problem = f"{self._queue.path}: its disk does not answer; this is what was read last"
        return {
            "paused": paused,
            "waiting": waiting,
            "makes_runs": self.come,
            "problem": problem,
        }

    @property
    def _is_stuck(self) -> bool:
        return self._stuck is not None and self._stuck.is_alive()

    def _read(self) -> None:
        """Read the queue's file in a thread of its own, and wait for that, but not long."""

        def read() -> None:
            try:
                state = self._queue.read()
                self._seen = state.paused, len(self._queue.waiting(state)), ""
            except LabspinError as error:
                self._seen = False, 0, str(error)

        reader = threading.Thread(target=read, name="queue reader", daemon=True)
        try:
            reader.start()
        except RuntimeError:  # no thread can be had now
            read()
            return
        reader.join(_GLANCE)
        if reader.is_alive():
            self._stuck = reader
