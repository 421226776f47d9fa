"""The queue as a host sees it: what it may begin does not hang on the queue's file alone.

The file may be on a full disk, locked by a process that was stopped, or edited to nonsense. None of that may
keep a run from being ended, or the bench from its safe state.
"""

from __future__ import annotations

from labspin.errors import LabspinError
from labspin.session.host_news import News
from labspin.session.host_records import QueueRecord
from labspin.session.queue import Queue
from labspin.session.queue_file import QueueState

__all__ = ["QueueTurns"]


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

    @property
    def come(self) -> bool:
        """Whether the next run that waits is to be made."""
        return self.are_wanted and self.may_begin

    def pause(self, is_wanted: bool = True) -> None:
        """Pause the queue's file once ``may_begin`` is False; then a run may begin when it is resumed.

        Parameters
        ----------
        is_wanted
            False leaves the file as it is.
        """
        try:
            if is_wanted:
                self._queue.pause()
        except LabspinError as error:
            self.are_wanted = False
            self._news.event("error", f"no run begins until the queue is started again; not paused: {error}")
        else:
            self.may_begin = True

    def record(self) -> QueueRecord:
        """Return the state of the queue; a file that is no queue hides neither bench nor run."""
        try:
            state, problem = self._queue.read(), ""
        except LabspinError as error:
            state, problem = QueueState(), str(error)
        return {
            "paused": state.paused,
            "waiting": len(state.of("waiting")),
            "makes_runs": self.come,
            "problem": problem,
        }
