"""The safe state, and the signals that must not keep a bench from it.

`safe_state` runs the safe actions of a whole bench: device by device in the declared order, ramped
actuators first to their safe value by their ramp, then the device's own ``safe()``. An action that fails
is recorded and the next one runs; what failed is tried once more at the end, over a new connection where
one can be made. A device that obeys but cannot be read back is then ramped from its last set-point, and one
that stands far from its safe value is never just switched off. While all that runs, Ctrl-C and SIGTERM are
put off; they are delivered when the bench is safe.

A process that is killed outright can do none of this; on a real bench a second process then does it
(`labspin.bench.watchdog`).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from labspin.bench.actuators import Actuator
from labspin.clock import Clock

__all__ = ["Interruptions", "SafeAction", "safe_state", "signals_put_off", "unsafe_instruments"]

_log = logging.getLogger(__name__)
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

    @property
    def instruments(self) -> Mapping[str, Any]:
        """The instruments by name."""
        ...

    @property
    def actuators(self) -> Mapping[str, Actuator]:
        """Everything that can be set, by name."""
        ...

    def reopen(self, names: Sequence[str]) -> None:
        """Connect instruments anew."""
        ...


def safe_state(bench: SafeBench, order: Sequence[str], clock: Clock) -> list[SafeAction]:
    """Bring every instrument to its safe state, in ``order`` and then the rest as declared.

    Returns
    -------
        One record an action; a failed action does not keep the next from being run.
    """
    names = [*order, *(name for name in bench.instruments if name not in order)]
    actions: list[SafeAction] = []
    with signals_put_off():
        for name in names:
            actions += _make_safe(bench, name, clock)
        if left := unsafe_instruments(actions):
            _reopen(bench, left)
            for name in left:
                actions += _make_safe(bench, name, clock, attempt=2)
    return actions


def unsafe_instruments(actions: Iterable[SafeAction]) -> list[str]:
    """Return the names of those instruments whose last attempt failed in anything."""
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


def _make_safe(bench: SafeBench, name: str, clock: Clock, *, attempt: int = 1) -> list[SafeAction]:
    """Run the actions of one instrument; it is switched off only where that is no jump."""
    moved = [
        actuator
        for full, actuator in bench.actuators.items()
        if actuator.spec.instrument == name and full == actuator.spec.name and actuator.spec.safe is not None
    ]
    actions = []
    for actuator in moved:
        text = f"{actuator.name} at {actuator.spec.safe:g} {actuator.spec.unit}"
        done = _attempt(name, text, actuator.make_safe, clock, attempt)
        if not done.ok and attempt > 1 and not actuator.is_home():
            done = _attempt(name, text, actuator.make_safe_unread, clock, attempt)
        actions.append(done)
    if all(action.ok for action in actions) or all(actuator.is_home() for actuator in moved):
        return [*actions, _attempt(name, "safe()", bench.instruments[name].safe, clock, attempt)]
    text = "safe(): not called, since to switch it off where it stands would be a jump"
    return [*actions, SafeAction(name, False, text, clock.now(), attempt)]


def _attempt(
    instrument: str, what: str, action: Callable[[], object], clock: Clock, attempt: int
) -> SafeAction:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the other devices must be made safe whatever this one does
        _log.exception("safe action of %s failed: %s", instrument, what)
        text = f"{what}: {type(error).__name__}: {error}"
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
    ``may_break`` allows it, for a measurement that does not come back. Once `closing` is called neither does
    anything: the bench is on its way to its safe state.

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
        if self._closing:
            return
        name = signal.Signals(number).name
        if not self._asked:
            self._asked = True
            self._abort(name)
        elif self._may_break(frame):
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
