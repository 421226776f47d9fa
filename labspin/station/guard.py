"""The watchdog of a real station: ``python -m labspin.station.guard STATION INSTRUMENT…``.

The run's process starts it (see `labspin.bench.watchdog`). It reads the station file when it starts,
and while it watches a run it holds a lock on that file: nobody else on this machine can begin a run there,
neither beside the run nor while its bench is still being made safe.

If the run's process dies, each instrument is connected to by itself, in the declared order, and brought to
its safe state by the same ramps and actions as at the end of a run. What cannot be reached does not keep the
others waiting, and is tried again for ten minutes. All of it is recorded twice: as events in the run's
journal, and in a file ``….h5.watchdog.log`` beside it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labspin.bench.safety import unsafe_instruments
from labspin.bench.verdict import unsafe_remarks
from labspin.bench.watchdog import keep_watch, refuse
from labspin.data import EventKind, Postscript, not_safe
from labspin.data.lock import try_lock
from labspin.errors import LabspinError, RunFileError, SafetyError, StationError
from labspin.station.station import Station, load_station, text_digest

__all__ = ["Guard"]

_TAKE_OVER = 90.0  # s to wait for a bench that another watchdog still makes safe
_PERSISTENCE = 600.0  # s for which an instrument that cannot be reached is tried again
_PAUSE = (0.2, 5.0)  # s between two tries: at first, and at most


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
        first = [name for name in station.safe_order if name in names]
        self._station, self._persistence = station, persistence
        self._names = [*first, *(name for name in names if name not in first)]
        self._lock: int | None = None
        self._remarks: dict[str, str] = {}

    def begin(self) -> None:
        """Take the station.

        Raises
        ------
        SafetyError
            Another run uses it.
        """
        if self._lock is not None:
            return
        descriptor = os.open(self._station.path, os.O_RDONLY)
        if not try_lock(descriptor, patience=_TAKE_OVER):
            os.close(descriptor)
            raise SafetyError(
                f"another run has been using {self._station.path} for {_TAKE_OVER:g} s, or its bench is "
                "still being brought to its safe state"
            )
        self._lock = descriptor

    def end(self) -> None:
        """Give the station back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def act(self, path: Path) -> None:
        """Bring every instrument to its safe state, and record it."""
        with _Witness(path) as witness:
            witness.event(
                EventKind.WATCHDOG, "the process of the run is gone; the watchdog makes the bench safe"
            )
            left = self._make_all_safe(witness)
            if left:
                names = ", ".join(left)
                text = f"watchdog: {names} not safe after {self._persistence:g} s; see to it by hand"
                witness.event(EventKind.ERROR, text, left=left)
            unsafe = {name: self._remarks.get(name, name) for name in left}
            text = not_safe(unsafe) or "the bench is in its safe state"
            witness.event(EventKind.VERDICT, f"watchdog: {text}", unsafe=unsafe)
        self.end()

    def _make_all_safe(self, witness: _Witness) -> list[str]:
        deadline = time.monotonic() + self._persistence
        pause, left = _PAUSE[0], self._names
        while left := [name for name in left if not self._make_safe(name, witness)]:
            if time.monotonic() >= deadline:
                break
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE[1])
        return left

    def _make_safe(self, name: str, witness: _Witness) -> bool:
        try:
            with self._station.connect(roles=[name], watchdog=False) as bench:
                actions = bench.safe()
                self._remarks.update(unsafe_remarks(bench, actions))
        except Exception as error:  # noqa: BLE001 - the other instruments must be made safe whatever this is
            text = f"watchdog: {name}: {type(error).__name__}: {error}"
            self._remarks.setdefault(name, f"{name} (cannot be reached: {error})")
            witness.once(name, text)
            return False
        for action in actions:
            text = f"watchdog: {action.instrument}: {action.message}"
            if action.ok:
                witness.event(EventKind.SAFE_ACTION, text, instrument=name, ok=True)
            else:
                witness.once(name, text)
        return not unsafe_instruments(actions)


class _Witness:
    """Writes down what happens, wherever that is possible; nothing in here ends the work on the bench."""

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(path.name + ".watchdog.log")
        self._said: dict[str, str] = {}
        self._journal: Postscript | None = None
        try:
            self._journal = Postscript(path)
        except (RunFileError, OSError) as error:
            self._write(f"not recorded in the run: {error}")

    def event(self, kind: EventKind, message: str, **data: Any) -> None:
        """Record an event."""
        self._write(f"{kind}: {message}")
        if self._journal is not None:
            with contextlib.suppress(RunFileError):
                self._journal.event(kind, message, **data)

    def once(self, name: str, message: str) -> None:
        """Record an error of an instrument, unless it said the same at the last try."""
        if self._said.get(name) != message:
            self._said[name] = message
            self.event(EventKind.SAFE_ACTION, message, instrument=name, ok=False)

    def _write(self, line: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {line}\n")

    def __enter__(self) -> _Witness:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._journal is not None:
            self._journal.close()


def _main(path: str, digest: str, *names: str) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # it ends with its pipe, not with whoever stops the run
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = os.getppid() if hasattr(os, "fork") else None
    try:
        guard = Guard(_station(path, digest), names)
    except LabspinError as error:
        refuse(sys.stdout.buffer, error)
    else:
        keep_watch(sys.stdin.buffer, sys.stdout.buffer, guard, parent=parent)


def _station(path: str, digest: str) -> Station:
    station = load_station(path)
    if text_digest(station.text) != digest:
        raise StationError(f"{path}: was changed after the run's process had read it; connect again")
    return station


if __name__ == "__main__":
    _main(*sys.argv[1:])
