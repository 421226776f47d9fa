"""What a person can do to a run, and what a run tells.

`Control` is held by all that may interfere (a window, a signal handler, another thread); the engine looks
at it between points and in every wait. Observers hear of start, points, events and end; one that fails is
left out from there on, because a measurement is worth more than its progress bar.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from labspin.bench.safety import SafeAction, unsafe_instruments
from labspin.data import RunHeader, RunStatus, not_safe
from labspin.errors import RunAborted
from labspin.notebook import html_page
from labspin.settable import Settable

__all__ = ["Control", "Observer", "PointSkipped", "Progress", "RunOutcome"]

_LOOK = 0.02  # s between two looks whether a pause is over


class PointSkipped(Exception):  # noqa: N818 - internal to the engine; never leaves it
    """The point being measured is to be left out."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended."""

    path: Path
    status: RunStatus
    points: int
    safe_report: tuple[SafeAction, ...]
    message: str = ""
    unsafe: Mapping[str, str] = field(default_factory=dict)
    """Instruments that could not be made safe, each with its last known value, in words."""

    def _repr_html_(self) -> str:
        facts = [("status", str(self.status)), ("points", str(self.points)), ("file", str(self.path))]
        notes = [note for note in (self.message, self.not_safe) if note]
        return html_page(f"run {self.path.name}", facts, notes=notes)

    @property
    def not_safe(self) -> str:
        """The sentence that says what is not safe; empty if every instrument is."""
        return not_safe(self.unsafe)

    @property
    def is_safe(self) -> bool:
        """Whether every instrument was made safe, be it at the second attempt."""
        return not self.unsafe and not unsafe_instruments(self.safe_report)


class Control(Settable):
    """Pause, resume, abort and skip; all may be called from any thread or signal handler, at any time.

    Nothing in here takes a lock: a signal handler runs in the midst of whatever its thread is doing, and
    would wait for ever for a lock that this thread holds.

    Attributes
    ----------
    requested : bool
        Whether anything was asked for; the engine's quick look at every point.
    """

    def __init__(self) -> None:
        self._paused = False
        self._abort_reason: str | None = None
        self._skip = False
        self.requested = False

    def pause(self) -> None:
        """Hold before the next point."""
        self._paused = True
        self.requested = True

    def resume(self) -> None:
        """Continue after a pause."""
        self._paused = False

    def abort(self, reason: str = "asked to") -> None:
        """End the run at the next opportunity: between points, in a ramp, or in a wait.

        Parameters
        ----------
        reason
            Why the run ends; recorded with the run.
        """
        self._abort_reason = reason
        self._paused = False
        self.requested = True

    def skip(self) -> None:
        """Leave out the point being measured, or the next one if none is."""
        self._skip = True
        self.requested = True

    @property
    def is_paused(self) -> bool:
        """Whether the run holds, or will before its next point."""
        return self._paused

    @property
    def is_aborted(self) -> bool:
        """Whether `abort` was called, be it too late for the run: nothing is to be begun after it."""
        return self._abort_reason is not None

    def check(self) -> None:
        """Raise if the run is to be aborted.

        Raises
        ------
        RunAborted
            A client or handler called `abort`.
        """
        if self._abort_reason is not None:
            raise RunAborted(f"the run was aborted: {self._abort_reason}")

    def check_point(self) -> None:
        """Raise if the run is to be aborted or the point under way to be skipped.

        Raises
        ------
        RunAborted
            A client or handler called `abort`.
        PointSkipped
            A client or handler called `skip`.
        """
        self.check()
        if self._skip and self.take_skip():
            raise PointSkipped

    def take_skip(self) -> bool:
        """Return whether a point is to be skipped, and consider it done."""
        skip, self._skip = self._skip, False
        self._forget()
        return skip

    def hold(self, seconds: float) -> bool:
        """Wait for `resume`; return whether the run may continue.

        Parameters
        ----------
        seconds
            Longest wait, s of wall-clock time.
        """
        end = time.monotonic() + seconds
        while self._paused and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
        if not self._paused:
            self._forget()
        return not self._paused

    def _forget(self) -> None:
        self.requested = self._skip or self._abort_reason is not None or self.is_paused


class Observer(Protocol):
    """An object that is notified of a run; all four methods must exist; each may do nothing."""

    def on_start(self, header: RunHeader, total: int | None) -> None:
        """Receive what will be measured; called once, before the first point.

        Parameters
        ----------
        header
            What will be measured.
        total
            Number of points of the plan; None for an adaptive plan.
        """
        ...

    def on_point(self, index: int, values: Sequence[object], done: int, total: int | None) -> None:
        """Receive a recorded point; called after each.

        Parameters
        ----------
        index
            Index of the point in the plan.
        values
            The point's values, in the order of the layout's columns.
        done
            Number of points recorded so far.
        total
            Number of points of the plan; None for an adaptive plan.
        """
        ...

    def on_event(self, kind: str, message: str) -> None:
        """Receive what else happened: a pause, an interlock, an error, a safe action.

        Parameters
        ----------
        kind
            What kind of event it is; see `EventKind`.
        message
            What happened, for a person to read.
        """
        ...

    def on_finish(self, outcome: RunOutcome) -> None:
        """Receive how the run ended; called once, after the safe actions.

        Parameters
        ----------
        outcome
            How the run ended.
        """
        ...


class Progress:
    """An observer that knows how far a run is and how long it will take.

    Parameters
    ----------
    report
        Called with this object, at most every ``interval`` seconds and at the end.
    interval
        In s of wall-clock time.

    Attributes
    ----------
    done, total
        Points recorded, and points of the plan (None: adaptive).
    """

    def __init__(self, report: Callable[[Progress], None] | None = None, *, interval: float = 0.2) -> None:
        self.done, self.total = 0, None  # type: tuple[int, int | None]
        self._report, self._interval = report, interval
        self._recent: deque[tuple[float, int]] = deque(maxlen=64)
        self._next = 0.0

    @property
    def eta(self) -> float | None:
        """Seconds that are left, by the rate of the recent past; None while that is not known."""
        if self.total is None or len(self._recent) < 2:
            return None
        (begin, first), (end, last) = self._recent[0], self._recent[-1]
        return (self.total - self.done) * (end - begin) / (last - first) if last > first else None

    def on_start(self, header: RunHeader, total: int | None) -> None:
        """Start counting.

        Parameters
        ----------
        header
            Not used.
        total
            Number of points of the plan; None for an adaptive plan.
        """
        self.done, self.total = 0, total
        self._recent.append((time.monotonic(), 0))

    def on_point(self, index: int, values: Sequence[object], done: int, total: int | None) -> None:
        """Count one point, and report if the interval is over.

        Parameters
        ----------
        index, values
            Not used.
        done
            Number of points recorded so far.
        total
            Not used.
        """
        self.done = done
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._recent.append((now, done))
            self._tell()

    def on_event(self, kind: str, message: str) -> None:
        """Do nothing.

        Parameters
        ----------
        kind, message
            Not used.
        """

    def on_finish(self, outcome: RunOutcome) -> None:
        """Report a last time.

        Parameters
        ----------
        outcome
            Not used.
        """
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self)
