"""The watchdog of a real station: ``python -m labspin.station.guard STATION INSTRUMENT…``.

The run's process starts it (see `labspin.bench.watchdog`), or its deputy does. It reads the station file and
loads all that it will need when it starts, and it inherits the claims of the run's process
(`labspin.bench.claims`): no other process on this machine can have an instrument, neither beside the run nor
while the bench is being made safe.

If the run's process dies, hangs, or could not make everything safe, each instrument is connected to by
itself, in the declared order, and brought to its safe state by the same ramps and actions as at the end of a
run. What does not answer keeps the others waiting for a second at most, and is tried again for an hour. No
disk stands before that: what is done is recorded by a thread of its own, in the run's journal and in a file
``….h5.watchdog.log`` beside it. As long as something is not safe, a notice in the workspace says so
(`labspin.bench.notices`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from labspin.bench.claims import Claims, note_watchdog, turn
from labspin.bench.notices import leave_notice, withdraw_notice
from labspin.bench.safety import SafeAction, unsafe_instruments
from labspin.bench.watch import keep_watch, refuse, show_life
from labspin.data import EventKind, Postscript
from labspin.data.journal.writer import journal_path
from labspin.errors import LabspinError, ReplyTimeoutError, RunFileError, SafetyError, StationError
from labspin.station.station import Station, load_station, text_digest

__all__ = ["Guard"]

_PERSISTENCE = 3600.0  # s for which an instrument that cannot be reached is tried again
_PAUSE = (0.2, 5.0)  # s between two tries: at first, and at most
_GRACE = 1.0  # s after which the next instrument no longer waits for the one before
_RELEASE = 20.0  # s in which the journal of a run that died comes free
_LAST_TRY = 30.0  # s that a try which began in time may take
_RECORDING = 60.0  # s that the last records may take before the process ends


class Guard:
    """The duty of the watchdog of one station.

    Parameters
    ----------
    station
        As it was when the run's process read it.
    names
        Instruments that the run uses.
    persistence
        Time for which what failed is tried again, s.
    """

    def __init__(self, station: Station, names: Sequence[str], *, persistence: float = _PERSISTENCE) -> None:
        self._sent: dict[str, float] = {}
        self._token = ""
        self._claims: Claims | None = None
        first = [name for name in station.safe_order if name in names]
        self._station, self._persistence = station, persistence
        self._names = [*first, *(name for name in names if name not in first)]
        station.preload()

    def begin(self) -> None:
        """Take charge of the bench; nothing is to be done for that."""

    def end(self) -> None:
        """Give the bench back; nothing is to be done for that."""

    def act(
        self,
        path: Path,
        why: str,
        names: Sequence[str] | None = None,
        sent: Mapping[str, float] = MappingProxyType({}),
        token: str = "",
    ) -> None:
        """Bring instruments to their safe state, and record it.

        Parameters
        ----------
        path
            The run's file.
        why
            What happened to the run, in words.
        names
            Instruments that are left to do; None: all.
        sent
            Last set-point of each ramped actuator that the run moved, in its raw unit.
        token
            Token of the run: the same for all who act for it.
        """
        self._sent.update(sent)
        self._token = token
        wanted = [name for name in self._names if names is None or name in names]
        witness = _Witness(path)
        if sys.platform == "win32" and names is None:  # the locks of the run's process ended with it
            self._claim(wanted, witness)
        witness.do(lambda: note_watchdog(list(self._station.places(wanted).values())))
        witness.event(EventKind.WATCHDOG, f"{why}; the watchdog makes the bench safe")
        self._notify(witness, path, {name: f"{name} (being made safe)" for name in wanted})
        left = self._make_all_safe(wanted, witness, path)
        if left:
            text = f"watchdog: {', '.join(left)} not safe after {self._persistence:g} s; make it safe by hand"
            witness.event(EventKind.ERROR, text, left=list(left))
            witness.event(EventKind.VERDICT, text, unsafe=left)
            self._notify(witness, path, left)
        else:
            witness.event(EventKind.WATCHDOG, "the bench is in its safe state")
            witness.event(EventKind.VERDICT, "the bench is in its safe state", unsafe={})
        witness.close(_RECORDING)

    def _claim(self, names: Sequence[str], witness: _Witness) -> None:
        """Keep other runs from the instruments; where another is quicker, act all the same, and record it."""
        try:
            self._claims = Claims.take(self._station.places(names))
        except SafetyError as error:
            witness.event(EventKind.ERROR, f"watchdog: {error}")

    def _notify(self, witness: _Witness, path: Path, left: dict[str, str]) -> None:
        station, words, process = self._station, dict(left), os.getpid()
        witness.do(lambda: leave_notice(station.path, station.name, words, path, watchdog=process))

    def _make_all_safe(self, names: Sequence[str], witness: _Witness, path: Path) -> dict[str, str]:
        """Try each instrument until it is safe; return those that are not, and what they said last."""
        deadline = time.monotonic() + self._persistence
        left = {name: _Attempts(self, name, witness, deadline) for name in names}
        for attempts in left.values():
            attempts.start()
        while any(attempts.is_alive() for attempts in left.values()):
            for attempts in left.values():
                attempts.join(_PAUSE[0])
            for name in [name for name, attempts in left.items() if attempts.is_safe]:
                del left[name]
                witness.do(functools.partial(withdraw_notice, self._station.path, [name]))
            if time.monotonic() >= deadline + _LAST_TRY:
                break
        return {name: f"{name} ({attempts.said})" for name, attempts in left.items() if not attempts.is_safe}

    def make_safe(self, name: str, witness: _Witness) -> str:
        """Connect to one instrument and make it safe; return what went wrong, an empty text if nothing did.

        Parameters
        ----------
        name
            The instrument's name in the station file.
        witness
            Records what happens in the run's journal.
        """
        try:
            with turn(f"{name} of {self._station.path.resolve()}") as mine:
                if mine is None:
                    return "another watchdog is at it"
                sent = mine.begin(self._token, _of(name, self._sent))
                try:
                    actions = self._safe_actions(name, sent)
                finally:
                    mine.end(self._token, sent)
        except Exception as error:  # noqa: BLE001 - the other instruments must be made safe whatever this is
            said = f"{type(error).__name__}: {error}"
            witness.once(name, f"watchdog: {name}: {said}")
            return said
        failed = ""
        for action in actions:
            text = f"watchdog: {action.instrument}: {action.message}"
            if action.ok:
                witness.event(EventKind.SAFE_ACTION, text, instrument=name, ok=True)
            else:
                failed = action.message
                witness.once(name, text)
        return failed if unsafe_instruments(actions) else ""

    def _safe_actions(self, name: str, sent: dict[str, float]) -> list[SafeAction]:
        """Connect to an instrument and make it safe; one that gives no whole answer is sent commands only.

        Its value is then what was sent last, which ``sent`` holds before and after. Where that is not
        known it is left as it is: any number to begin a ramp with might be a jump.
        """
        try:
            return self._connected_safely(name, sent, is_deaf=False)
        except ReplyTimeoutError:
            if not sent:
                raise
        return self._connected_safely(name, sent, is_deaf=True)

    def _connected_safely(self, name: str, sent: dict[str, float], *, is_deaf: bool) -> list[SafeAction]:
        connect = self._station.connect
        with connect(roles=[name], watchdog=False, is_claimed=True, is_deaf=is_deaf) as bench:
            bench.recall(sent)
            try:
                return bench.safe()
            finally:
                sent.update(bench.sent)  # the next try begins where this one ended


def _of(name: str, sent: Mapping[str, float]) -> dict[str, float]:
    """Return what was sent to one instrument."""
    return {actuator: value for actuator, value in sent.items() if actuator.partition(".")[0] == name}


class _Attempts(threading.Thread):
    """Tries one instrument until it is safe; begins the next one's as soon as it is, or after a moment."""

    def __init__(self, guard: Guard, name: str, witness: _Witness, deadline: float) -> None:
        super().__init__(name=f"safe {name}", daemon=True)
        self._guard, self._instrument, self._witness, self._deadline = guard, name, witness, deadline
        self.is_safe = False
        self.said = "it has not answered yet"

    def start(self) -> None:
        """Begin, and wait a moment for the end: the declared order holds wherever instruments answer."""
        super().start()
        self.join(_GRACE)

    def run(self) -> None:
        """Try again and again."""
        pause = _PAUSE[0]
        while True:
            said = self._guard.make_safe(self._instrument, self._witness)
            if not said:
                self.is_safe = True
                return
            self.said = said
            if time.monotonic() + pause >= self._deadline:
                return
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE[1])


class _Witness:
    """Writes down what happens, in a thread of its own: no disk keeps the work on the bench waiting.

    Parameters
    ----------
    path
        The run's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + ".watchdog.log")
        self._said: dict[str, str] = {}
        self._journal: Postscript | None = None
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="witness", daemon=True)
        self._thread.start()
        self.do(self._open)

    def do(self, task: Callable[[], None]) -> None:
        """Have something done that needs the disk, after all that was asked for before."""
        self._tasks.put(task)

    def event(self, kind: EventKind, message: str, **data: object) -> None:
        """Record an event."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self.do(lambda: self._record(stamp, kind, message, data))

    def once(self, name: str, message: str) -> None:
        """Record an error of an instrument, unless it said the same at the last try."""
        if self._said.get(name) != message:
            self._said[name] = message
            self.event(EventKind.SAFE_ACTION, message, instrument=name, ok=False)

    def close(self, patience: float) -> None:
        """Wait until all is written, for ``patience`` s at most."""
        self._tasks.put(None)
        self._thread.join(patience)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except (RunFileError, OSError):
                continue  # a disk or a journal that takes nothing
            except Exception as error:  # noqa: BLE001 - what comes next is recorded all the same
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
                self._write(stamp, f"not recorded: {type(error).__name__}: {error}")
        if self._journal is not None:
            self._journal.close()

    def _open(self) -> None:
        """Open the run's journal; a process that has just been killed may hold it for a moment longer."""
        deadline = time.monotonic() + _RELEASE
        while self._journal is None:
            try:
                self._journal = Postscript(self._path)
            except (RunFileError, OSError) as error:
                if time.monotonic() >= deadline or not journal_path(self._path).exists():
                    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
                    self._write(stamp, f"not recorded in the run: {error}")
                    return
                time.sleep(_PAUSE[0])

    def _record(self, stamp: str, kind: EventKind, message: str, data: dict[str, object]) -> None:
        self._write(stamp, f"{kind}: {message}")
        if self._journal is not None:
            self._journal.event(kind, message, **data)

    def _write(self, stamp: str, line: str) -> None:
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {line}\n")


def _main(path: str, digest: str, *names: str) -> None:
    """Be the watchdog; a digest ``-`` says that the station's text is the first line of standard input."""
    with contextlib.suppress(OSError):  # not Linux: ``ps`` shows the command all the same
        Path("/proc/self/comm").write_text("labspin-guard")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # it ends with its pipe, not with the process that stops the run
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = os.getppid() if hasattr(os, "fork") else None
    try:
        guard = Guard(_station(path, digest), names)
    except LabspinError as error:
        refuse(sys.stdout.buffer, error)
    else:
        with show_life():
            keep_watch(sys.stdin.buffer, sys.stdout.buffer, guard, parent=parent)


def _station(path: str, digest: str) -> Station:
    if digest == "-":
        return load_station(path, text=json.loads(sys.stdin.buffer.readline()))
    station = load_station(path)
    if text_digest(station.text) != digest:
        raise StationError(f"{path}: was changed after the run's process had read it; connect again")
    return station


if __name__ == "__main__":
    _main(*sys.argv[1:])
