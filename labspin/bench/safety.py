"""The safe state, and the signals that must not keep a bench from it.

`safe_state` runs the safe actions of a whole bench. The instruments are made safe independently of each
other: they begin in the declared order, each when the one before is done, or after a second if that one does
not answer, and then side by side. Of one instrument the ramped actuators go first to their safe value by
their ramp, then follows its own ``safe()``. What fails, or is not done in the time that it may need, is
recorded and left for last: it is tried once more over a new connection where one can be made. A device that
obeys but cannot be read back is then ramped from its last set-point, and one that is far from its safe value
is never just switched off. While all that runs, Ctrl-C and SIGTERM are put off; they are delivered when the
bench is safe.

On a simulated clock that runs as fast as possible there is no time in which things could happen side by side:
there one instrument follows the other, by the same numbers in every run.

A process that is killed outright can do none of this; on a real bench a second process then does it
(`labspin.bench.watchdog`).
"""

from __future__ import annotations

import logging
import math
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from labspin.bench.actuators import Actuator
from labspin.clock import Clock

__all__ = [
    "Interruptions",
    "SafeAction",
    "longest_way",
    "safe_state",
    "signals_put_off",
    "unsafe_instruments",
]

_log = logging.getLogger(__name__)
_GRACE = 1.0  # s after which the next instrument no longer waits for the one before
_SWITCHING_OFF = 30.0  # s that an instrument may take beside its ramps: discharge, exchanges that fail
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True)
class SafeAction:
    """What was done to make one instrument safe, and whether it worked."""

    instrument: str
    ok: bool
    message: str
    time: float  # s on the bench's clock
    attempt: int = 1


class SafeBench(Protocol):
    """What can be brought to its safe state: a `labspin.experiment.Bench`."""

    _instruments: dict[str, Any]
    """The instruments themselves by name."""

    @property
    def instruments(self) -> Mapping[str, Any]:
        """The instruments by name, within their limits."""
        ...

    @property
    def actuators(self) -> Mapping[str, Actuator]:
        """Everything that can be set, by name."""
        ...

    def reopen(self, names: Sequence[str]) -> None:
        """Reconnect instruments."""
        ...


def safe_state(bench: SafeBench, order: Sequence[str], clock: Clock) -> list[SafeAction]:
    """Bring every instrument to its safe state, in ``order`` and then the rest as declared.

    Parameters
    ----------
    bench
        The bench whose instruments are made safe.
    order
        Names of the instruments that come first, in this order.
    clock
        The bench's clock.

    Returns
    -------
        One record an action; a failed action does not keep the next from being run.
    """
    names = [*order, *(name for name in bench.instruments if name not in order)]
    with signals_put_off():
        actions = _make_all_safe(bench, names, clock, attempt=1)
        if left := unsafe_instruments(actions):
            actions += _make_all_safe(bench, left, clock, attempt=2)
    return actions


def longest_way(bench: SafeBench) -> float:
    """Return the time that the safe actions of a whole bench may take at most, s of its clock.

    Parameters
    ----------
    bench
        The bench; nothing is moved.
    """
    return 2 * sum(_longest(bench, name) for name in bench.instruments)


def _longest(bench: SafeBench, name: str) -> float:
    """Return the time that one attempt at one instrument may take, s."""
    moved = [a for a in bench.actuators.values() if a.spec.instrument == name and a.spec.safe is not None]
    # What has a calibration has two names, and goes home once.
    return _SWITCHING_OFF + sum(it.longest_way() for it in moved if it.name == it.spec.name)


def _make_all_safe(bench: SafeBench, names: Sequence[str], clock: Clock, *, attempt: int) -> list[SafeAction]:
    jobs = {name: _Job(bench, name, clock, attempt) for name in names}
    if math.isinf(float(getattr(clock, "speed", 1.0))):
        for job in jobs.values():
            job.work()
    else:
        _side_by_side(list(jobs.values()), float(getattr(clock, "speed", 1.0)))
    return [action for job in jobs.values() for action in job.report()]


class _Job:
    """What is to be done for one instrument, and what has been."""

    def __init__(self, bench: SafeBench, name: str, clock: Clock, attempt: int) -> None:
        self.name = name
        self._bench, self._clock, self._attempt = bench, clock, attempt
        self._actions: list[SafeAction] = []
        self._done = False
        self.longest = _longest(bench, name)
        """Time that it may take, s of the bench's clock."""

    def work(self) -> None:
        """Do it; whatever fails becomes a record."""
        try:
            if self._attempt > 1:
                _reopen(self._bench, [self.name])
            _make_safe(self._bench, self.name, self._clock, self._actions, attempt=self._attempt)
        except Exception as error:  # noqa: BLE001 - the other devices must be made safe whatever this one does
            text = f"{type(error).__name__}: {error}"
            self._actions.append(SafeAction(self.name, False, text, self._clock.now(), self._attempt))
        self._done = True

    def report(self) -> list[SafeAction]:
        """Return what has been done, and that it did not come to its end."""
        if self._done:
            return self._actions
        text = f"safe state: did not come to its end within {self.longest:.3g} s"
        return [*self._actions, SafeAction(self.name, False, text, self._clock.now(), self._attempt)]


def _side_by_side(jobs: Sequence[_Job], speed: float) -> None:
    """Begin one job after the other, and wait until all are done or have had their time."""
    ended: queue.SimpleQueue[_Job] = queue.SimpleQueue()

    def work(job: _Job) -> None:
        try:
            job.work()
        finally:
            ended.put(job)

    deadlines: dict[_Job, float] = {}
    for job in jobs:
        try:
            threading.Thread(target=work, args=(job,), name=f"safe {job.name}", daemon=True).start()
        except RuntimeError:  # no thread can be made
            work(job)
        deadlines[job] = time.monotonic() + job.longest / speed
        _await(ended, deadlines, time.monotonic() + _GRACE, job)
    while deadlines and _await(ended, deadlines, max(deadlines.values())):
        now = time.monotonic()
        deadlines = {job: end for job, end in deadlines.items() if end > now}


def _await(
    ended: queue.SimpleQueue[_Job], waiting: dict[_Job, float], until: float, awaited: _Job | None = None
) -> bool:
    """Wait for a job, or for any; return whether one ended in time."""
    while (left := until - time.monotonic()) > 0:
        try:
            job = ended.get(timeout=left)
        except queue.Empty:
            return False
        waiting.pop(job, None)
        if awaited in (None, job):
            return True
    return False


def unsafe_instruments(actions: Iterable[SafeAction]) -> list[str]:
    """Return the names of the instruments for which an action of the last attempt failed.

    Parameters
    ----------
    actions
        Records of safe actions, as `safe_state` returns them.
    """
    last: dict[str, list[SafeAction]] = {}
    for action in actions:
        done = last.setdefault(action.instrument, [])
        last[action.instrument] = [one for one in done if one.attempt == action.attempt] + [action]
    return [name for name, done in last.items() if not all(action.ok for action in done)]


def _reopen(bench: SafeBench, names: Sequence[str]) -> None:
    for name in names:
        try:
            bench.reopen([name])
        except Exception as error:  # noqa: BLE001 - the old connection may have come back
            _log.warning("no new connection to %s: %s", name, error)


def _make_safe(
    bench: SafeBench, name: str, clock: Clock, actions: list[SafeAction], *, attempt: int = 1
) -> None:
    """Run the actions of one instrument; it is switched off only where that is no jump."""
    moved = [
        actuator
        for full, actuator in bench.actuators.items()
        if actuator.spec.instrument == name and full == actuator.spec.name and actuator.spec.safe is not None
    ]
    for actuator in moved:
        text = f"{actuator.name} at {actuator.spec.safe:g} {actuator.spec.unit}"
        done = _attempt(name, text, actuator.make_safe, clock, attempt)
        if not done.ok and attempt > 1 and not actuator.is_home():
            done = _attempt(name, text, actuator.make_safe_unread, clock, attempt)
        actions.append(done)
    if all(action.ok for action in actions) or all(actuator.is_home() for actuator in moved):
        actions.append(_attempt(name, "safe()", bench._instruments[name].safe, clock, attempt))
        return
    text = "safe(): not called, since to switch it off where it is would be a jump"
    actions.append(SafeAction(name, False, text, clock.now(), attempt))


def _attempt(
    instrument: str, what: str, action: Callable[[], object], clock: Clock, attempt: int
) -> SafeAction:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the other devices must be made safe whatever this one does
        text = f"{what}: {type(error).__name__}: {error}"
        # The sentence says it: a notebook would show a page of tracebacks for every instrument that is gone.
        _log.error(
            "safe action of %s failed: %s", instrument, text, exc_info=_log.isEnabledFor(logging.DEBUG)
        )
        return SafeAction(instrument, False, text, clock.now(), attempt)
    return SafeAction(instrument, True, what, clock.now(), attempt)


@contextmanager
def signals_put_off() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back until the block is left (in the main thread only)."""
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    with _handlers(note):
        yield
    for number in arrived[:1]:
        signal.raise_signal(number)


def _never(frame: FrameType | None) -> bool:
    return False


class Interruptions:
    """Signals while a run is on: the first asks it to end, the second breaks into a measurement.

    The first Ctrl-C (or SIGTERM, SIGHUP) calls ``abort``, and the run ends at its next checkpoint: no
    query is cut in half and no point is lost. A second one raises `KeyboardInterrupt` on the spot where
    ``may_break`` allows it, for a measurement that does not come back. Once `closing` is called nothing is
    broken off, for the bench is on its way to its safe state; a first signal calls ``abort`` even then, so
    that nothing is begun after the run.

    A handler runs between any two steps of the main thread, which may hold any lock. So it sets flags and
    nothing else: it writes no log and waits for nothing.

    Handlers are installed in the main thread only, and the former ones restored; a signal that was
    ignored before (``nohup``) stays ignored.

    Parameters
    ----------
    abort
        Called with the name of the signal; must not take a lock.
    may_break
        Told the frame that a further signal arrived in; returns whether it may be broken off there.
    """

    def __init__(
        self, abort: Callable[[str], None], may_break: Callable[[FrameType | None], bool] = _never
    ) -> None:
        self._abort, self._may_break = abort, may_break
        self._asked = False
        self._closing = False

    def closing(self) -> None:
        """Let no further signal interrupt."""
        self._closing = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self._asked:
            self._asked = True
            self._abort(name)  # while closing, too: what would be begun after this run must not be
        elif not self._closing and self._may_break(frame):
            raise KeyboardInterrupt(name)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle signals in the block."""
        with _handlers(self._handle):
            yield


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former: dict[int, Any] = {}
    for number in _SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            former[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in former.items():
            signal.signal(number, previous)
