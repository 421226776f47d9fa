"""A run executed by a host: how clients control it, and what they are sent.

Between two points, and while the run is held, the host does what clients ask of the bench: in the run's own
thread, so that no instrument is ever addressed in the middle of a measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from labspin.counts import number_of
from labspin.data import RunHeader
from labspin.errors import ConfigurationError
from labspin.experiment import Control, RunOutcome
from labspin.experiment.control import Progress
from labspin.session.host_records import RunRecord
from labspin.session.queue_file import QueuedRun

__all__ = ["HostControl", "RunWatch", "control_of"]


class HostControl(Control):
    """The control of a run in a host.

    Parameters
    ----------
    inner
        The control of the process that runs the queue; it is aborted as well.
    held
        Called repeatedly while the run is held.
    """

    def __init__(self, inner: Control, held: Callable[[], None]) -> None:
        super().__init__()
        self._inner, self._held = inner, held

    def abort(self, reason: str = "asked to") -> None:
        """End the run at the next opportunity, and abort the inner control as well.

        Parameters
        ----------
        reason
            Why, for the record of the run.
        """
        self._inner.abort(reason)
        super().abort(reason)

    def hold(self, seconds: float) -> bool:
        """Wait for `resume`, and meanwhile execute orders of clients.

        Parameters
        ----------
        seconds
            Longest wait, s of wall-clock time.

        Returns
        -------
            Whether the run may continue.
        """
        self._held()
        return super().hold(seconds)


class RunWatch(Progress):
    """An observer that keeps the state of a run for clients.

    Parameters
    ----------
    run
        Its entry in the queue.
    between
        Called after every point.
    tell
        Called with kind and message of every event.

    Attributes
    ----------
    file : Path
        The run file, which may not exist yet.
    path : str
        The run file as clients see it: empty until there is something to open.
    is_over : bool
        Whether nothing is left to be done but to note in the queue how it ended.
    """

    def __init__(self, run: QueuedRun, between: Callable[[], None], tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self.queued, self._between, self._say = run, between, tell
        self.procedure = self.path = ""
        self.file = Path(run.file)
        self.is_over = False
        self.began = time.time()
        self.control: HostControl | None = None

    def on_start(self, header: RunHeader, total: int | None) -> None:
        """Note which procedure is measured, and that the file can be opened from now on.

        Parameters
        ----------
        header
            Header of the run.
        total
            Number of points of the plan; None if it is adaptive.
        """
        super().on_start(header, total)
        self.procedure, self.path = header.procedure, str(self.file)
        self._say(
            "run", f"{self.queued.label}: begins, {'open' if total is None else number_of(total, 'point')}"
        )

    def on_point(self, index: int, values: Sequence[object], done: int, total: int | None) -> None:
        """Count the point and let clients use the bench for a moment.

        Parameters
        ----------
        index
            Flat index of the point on the grid, or its running number.
        values
            Its values, in the order of the layout's columns.
        done
            Number of points that have been measured.
        total
            Number of points of the plan; None if it is adaptive.
        """
        super().on_point(index, values, done, total)
        self._between()

    def on_event(self, kind: str, message: str) -> None:
        """Pass an event on, unless it holds the truth of a simulation.

        Parameters
        ----------
        kind
            Kind of the event.
        message
            What happened, for people.
        """
        if not kind.startswith("truth"):
            self._say(kind, message)

    def on_finish(self, outcome: RunOutcome) -> None:
        """Report how the run ended.

        Parameters
        ----------
        outcome
            How the run ended.
        """
        super().on_finish(outcome)
        self.is_over = True
        self._say("run", f"{self.queued.label}: {outcome.status}, {number_of(outcome.points, 'point')}")

    def abort(self, why: str) -> None:
        """End the run at the next opportunity; may be called by a signal's handler.

        Parameters
        ----------
        why
            For the record of the run.
        """
        if self.control is not None:
            self.control.abort(why)

    def check(self) -> None:
        """Raise what ends the run, if it was aborted; nothing once it is over."""
        if self.control is not None and not self.is_over:
            self.control.check()

    def record(self) -> RunRecord:
        """Return the run as plain data."""
        return {
            "id": self.queued.id,
            "label": self.queued.label,
            "card": self.queued.card,
            "path": self.path,
            "procedure": self.procedure,
            "done": self.done,
            "total": self.total,
            "left": self.eta,
            "began": self.began,
            "paused": self.control is not None and self.control.is_paused,
        }


def control_of(run: RunWatch | None, number: int | None, station: str) -> HostControl:
    """Return the control of the run in progress.

    Parameters
    ----------
    run
        The run in progress; None: there is none.
    number
        Number in the queue of the run that a client means; None: the one in progress.
    station
        Name of the station, for the error.

    Raises
    ------
    ConfigurationError
        No run is being made, or another than the one that is meant.
    """
    if run is None or run.control is None:
        raise ConfigurationError(f"station {station!r}: no run is being made")
    if number not in (None, run.queued.id):
        raise ConfigurationError(f"run {number} is over; run {run.queued.id} is being made, and continues")
    return run.control
