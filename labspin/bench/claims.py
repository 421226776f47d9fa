"""Who has which instrument: one process of this machine at a time, by the instrument's resolved address.

Before anything is sent to an instrument its place is *claimed*: a file whose name follows from the place is
locked in a folder that all users of this machine share. The lock is the system's and ends with the process.
A station file may be copied, edited and renamed, and two stations may share an instrument: the place is the
same. A watchdog inherits the locks of the process that it watches, so that they hold as long as one of the
two lives, and no other process can step in between.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from labspin.data.lock import try_lock
from labspin.errors import SafetyError

__all__ = ["Claims", "Turn", "claim_file", "turn"]

_PATIENCE = 2.0  # s that another process may take to release a claim
_TAKE_OVER = 90.0  # s to wait for a bench that a watchdog still makes safe
_LOOK = 0.1  # s
_LONGEST_COMMAND = 160  # characters


def _folder() -> Path:
    if chosen := os.environ.get("LABSPIN_CLAIMS"):
        return Path(chosen)
    # On Windows everybody has a temporary folder of their own, but all who work at the computer write here.
    shared = os.environ.get("PUBLIC", tempfile.gettempdir()) if sys.platform == "win32" else "/tmp"
    return Path(shared) / "labspin-claims"


def claim_file(place: str) -> Path:
    """Return the file that is locked for ``place``.

    Parameters
    ----------
    place
        What is claimed, such as the canonical address of an instrument.
    """
    digest = hashlib.sha256(place.encode(errors="surrogatepass")).hexdigest()
    return _folder() / f"{digest[:32]}.claim"


class Claims:
    """Places that this process has claimed; `take` makes them.

    They are let go by `close`, when this object is collected, and when the process ends.
    """

    def __init__(self, descriptors: Mapping[str, int]) -> None:
        self._descriptors = dict(descriptors)
        self._let_go = weakref.finalize(self, _close, list(self._descriptors.values()))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The locked files, for a watchdog to inherit."""
        return tuple(self._descriptors.values()) if self._let_go.alive else ()

    @classmethod
    def take(cls, places: Mapping[str, str], *, patience: float = _PATIENCE) -> Claims:
        """Claim places for this process.

        Parameters
        ----------
        places
            What errors call the instrument -> its place, as `labspin.station.places` resolves it.
        patience
            Time that another process may take to let go, s. A watchdog that still makes the bench safe is
            waited for longer.

        Returns
        -------
            The claims.

        Raises
        ------
        SafetyError
            Another process, or another bench of this one, uses an instrument; none is claimed then.
        """
        taken: dict[str, int] = {}
        try:
            for name, place in sorted(places.items(), key=lambda item: item[1]):  # one order for everybody
                if place not in taken:
                    taken[place] = _take(name, place, patience)
        except BaseException:
            _close(list(taken.values()))
            raise
        return cls(taken)

    def note(self, what: str) -> None:
        """Write down who holds the places and for what, so that a refused process can report it.

        Parameters
        ----------
        what
            What the places are held for.
        """
        for descriptor in self._descriptors.values():
            _write_holder(descriptor, what)

    def close(self) -> None:
        """Let the places go."""
        self._let_go()


def _take(name: str, place: str, patience: float) -> int:
    descriptor = _open(name, claim_file(place))
    began = time.monotonic()
    while not try_lock(descriptor, patience=0.0):
        holder = _holder(descriptor)
        longest = max(patience, _TAKE_OVER) if holder.get("is_watchdog") else patience
        if time.monotonic() - began >= longest:
            os.close(descriptor)
            raise SafetyError(_refusal(name, place, holder))
        time.sleep(_LOOK)
    _write_holder(descriptor, "")
    return descriptor


def _refusal(name: str, place: str, holder: Mapping[str, object]) -> str:
    process = holder.get("process")
    if process == os.getpid():
        return f"{name} at {place}: this process has it already; close the other bench first (bench.close())"
    said = f"{holder.get('command') or 'a program'} (process {process}, since {holder.get('since')})"
    if holder.get("is_watchdog"):
        return f"{name} at {place}: is still being brought to its safe state by the watchdog of {said}"
    return f"{name} at {place}: is in use by {said}; let it end, or stop it first"


def _open(name: str, path: Path) -> int:
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        path.parent.mkdir(mode=0o777, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # another user's: it was done then
            path.parent.chmod(0o1777)
        with contextlib.suppress(FileNotFoundError):  # the first who claims this place makes the file
            return os.open(path, flags)
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
        with contextlib.suppress(PermissionError):  # another user was quicker and owns it
            path.chmod(0o666)
        return descriptor
    except OSError as error:
        raise SafetyError(
            f"{name}: its claim cannot be written to {path.parent} ({error.strerror}); make that folder "
            "writable, or name another one, the same for everybody, in the variable LABSPIN_CLAIMS"
        ) from error


def _write_holder(descriptor: int, what: str) -> None:
    command = " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])[:_LONGEST_COMMAND]
    since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    record = {"process": os.getpid(), "command": command, "since": since, "is_watchdog": what == "watchdog"}
    _overwrite(descriptor, record)


def _overwrite(descriptor: int, record: Mapping[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(record).encode())


def _holder(descriptor: int) -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, 4096))
        if isinstance(found, dict):
            return found
    return {}


def note_watchdog(places: Sequence[str]) -> None:
    """Say in the claims of ``places``, which this process inherited, that a watchdog holds them now."""
    for place in places:
        with contextlib.suppress(OSError):
            descriptor = os.open(claim_file(place), os.O_RDWR)
            try:
                _write_holder(descriptor, "watchdog")
            finally:
                os.close(descriptor)


class Turn:
    """An instrument that its holder alone makes safe, and what the holder before it did there.

    Parameters
    ----------
    descriptor
        The locked file; None: there is none, and nothing is known of others.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def begin(self, run: str, sent: Mapping[str, float]) -> dict[str, float]:
        """Say that one acts for a run from now on, and return where the actuators were sent last.

        Parameters
        ----------
        run
            Token of the run. What was done for other runs is of no use.
        sent
            What the run said, in raw units.

        Returns
        -------
            That, if no process has acted for this run; else what the one before sent. It is empty if that
            one did not come to its end: any number to begin a ramp with might be a jump.
        """
        before = {} if self._descriptor is None else _holder(self._descriptor)
        known = dict(sent)
        if run and before.get("run") == run:
            left = before.get("sent")
            known = {name: float(value) for name, value in left.items()} if isinstance(left, dict) else {}
        self._write({"run": run})
        return known

    def end(self, run: str, sent: Mapping[str, float]) -> None:
        """Leave word for the next one.

        Parameters
        ----------
        run
            Token of the run.
        sent
            Where the actuators were sent last, in raw units.
        """
        self._write({"run": run, "sent": dict(sent)})

    def _write(self, record: Mapping[str, object]) -> None:
        if self._descriptor is not None:
            _overwrite(self._descriptor, record)


@contextlib.contextmanager
def turn(what: str) -> Iterator[Turn | None]:
    """Have ``what`` to oneself in the block, among processes that share a claim; gives None if another has.

    A watchdog that a run has just started and the deputy of the former one may both find the run gone. One
    after the other they do no harm; two ramps at once would be a set-point that jumps to and fro. Where the
    folder of the claims cannot be written, it is everybody's turn: to act comes first.

    Parameters
    ----------
    what
        The instrument of which station, in words.
    """
    try:
        descriptor = _open(what, claim_file(f"turn: {what}"))
    except SafetyError:
        yield Turn(None)
        return
    try:
        yield Turn(descriptor) if try_lock(descriptor, patience=0.0) else None
    finally:
        os.close(descriptor)


def _close(descriptors: list[int]) -> None:
    while descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptors.pop())
