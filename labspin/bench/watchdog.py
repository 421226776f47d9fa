"""A second process that makes the bench safe when the run's own process is gone.

Whatever a run can still do for its bench, it does itself (`labspin.bench.safety`). A process that is
killed outright (SIGKILL, out of memory, a crash in a library) can do nothing, and a magnet would stay at its
field. So a *watchdog*, a process of its own, is told of every run when it begins and dismissed when the bench
is safe again. It holds one end of a pipe whose other end dies with the run's process. A pipe that closes
without dismissal means: connect to the bench, and bring it to its safe state.

::

    run's process   watch FILE ──→   … the run …          dismiss ──→
    watchdog        ←── watching     waits at the pipe    ←── dismissed

This module knows the pipe; how a bench is reached is the business of who starts the watchdog
(`labspin.station.guard`). Messages are lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from labspin.bench.safety import signals_put_off
from labspin.errors import SafetyError

__all__ = ["Duty", "Watchdog", "keep_watch", "refuse"]

_log = logging.getLogger(__name__)
_Lines = queue.SimpleQueue[bytes | None]
_LOOK = 0.25  # s between two looks whether the parent still lives
_DISMISSAL = 10.0  # s that a dismissed watchdog may take to say so


class Watchdog:
    """The run's side: starts the watchdog process on first use, and keeps it for further runs.

    Parameters
    ----------
    command
        What to start; it must run `keep_watch` on its standard input and output.
    name
        The station, for errors.
    patience
        Time that the process may take to be on watch, s: a watchdog that still brings the same bench to its
        safe state is waited for.
    """

    def __init__(self, command: Sequence[str], *, name: str, patience: float = 120.0) -> None:
        self._command, self._name, self._patience = list(command), name, patience
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: _Lines = queue.SimpleQueue()
        self._watched: Path | None = None

    @contextlib.contextmanager
    def watching(self, path: Path) -> Iterator[None]:
        """Have the run that is recorded in ``path`` watched in the block.

        Blocks may be nested: after the inner one, what the outer one names is watched on.

        Raises
        ------
        SafetyError
            The watchdog cannot be started, or the bench is another run's.
        """
        try:
            self._begin({"watch": str(Path(path).absolute())})
        except BaseException:
            self.close()
            raise
        outer, self._watched = self._watched, path
        try:
            yield
        finally:
            self._watched = outer
            if outer is None:
                self._dismiss()
            else:
                self._begin({"watch": str(Path(outer).absolute())})

    @property
    def process_id(self) -> int | None:
        """Number of the watchdog process, if there is one."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """Dismiss the watchdog and let it go."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError), _pipe(process.stdin) as pipe:
            pipe.write(_line({"dismiss": True}))
        try:
            process.wait(min(self._patience, _DISMISSAL))
        except subprocess.TimeoutExpired:
            process.kill()  # it has nothing to watch over
            process.wait()
        _pipe(process.stdout).close()

    def _begin(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None:
            self._start()
        try:
            self._ask(message, self._patience)
        except SafetyError:
            if process is None or process.poll() is None:
                raise
            self.close()  # the watchdog of earlier runs has been killed meanwhile
            self._start()
            self._ask(message, self._patience)

    def _start(self) -> None:
        # A session of its own: Ctrl-C and a closed terminal are the run's business.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=_environment(),
                **apart,
            )
        except OSError as error:
            raise self._failed(f"it cannot be started: {error}") from error
        self._answers = _lines(_pipe(self._process.stdout))

    def _ask(self, message: dict[str, Any], patience: float) -> None:
        process = self._process
        if process is None:
            raise self._failed("it is not there any more")
        try:
            _pipe(process.stdin).write(_line(message))
            answer = self._answers.get(timeout=patience)
        except OSError as error:
            raise self._failed(f"it is gone: {error}") from error
        except queue.Empty:
            raise self._failed(f"it did not answer within {patience:g} s") from None
        if answer is None:
            raise self._failed(f"it ended with code {process.wait(_DISMISSAL)} instead of answering")
        if problem := json.loads(answer).get("error"):
            raise self._failed(str(problem))

    def _dismiss(self) -> None:
        try:
            with signals_put_off():
                self._ask({"dismiss": True}, _DISMISSAL)
        except (SafetyError, subprocess.TimeoutExpired, ValueError) as error:
            # The bench is safe already; a watchdog that cannot hear it can only be reported.
            _log.warning("%s", error)
            self.close()

    def _failed(self, problem: str) -> SafetyError:
        return SafetyError(
            f"station {self._name!r}: wanted a watchdog on the bench while a run lasts, but {problem}; mend "
            "that, or connect without a watchdog if somebody stays with the bench"
        )


class Duty(Protocol):
    """What a watchdog does, beside waiting."""

    def begin(self) -> None:
        """Take charge of the bench before a run begins; raises to refuse it."""
        ...

    def end(self) -> None:
        """Give the bench back: the run is over and the bench is safe."""
        ...

    def act(self, path: Path) -> None:
        """Make the bench safe: the process of the run recorded in ``path`` is gone."""
        ...


def keep_watch(commands: IO[bytes], answers: IO[bytes], duty: Duty, *, parent: int | None = None) -> None:
    """Be the watchdog until the pipe closes, and act if a run was being watched then.

    Parameters
    ----------
    commands, answers
        Standard input and output of the watchdog process.
    duty
        What there is to do.
    parent
        Number of the run's process. Where given, that this process got another parent counts as a closed
        pipe too: a child of the run's process may have inherited the pipe and hold it open.
    """
    lines = _lines(commands)
    watched: Path | None = None
    while (line := _next(lines, parent)) is not None:
        command = json.loads(line)
        try:
            if "watch" in command:
                duty.begin()
                watched, answer = Path(command["watch"]), {"watching": command["watch"]}
            else:
                watched, answer = None, {"dismissed": True}
                duty.end()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has to hear of it
            answer = {"error": str(error) or type(error).__name__}
        _answer(answers, answer)
    if watched is not None:
        duty.act(watched)


def refuse(answers: IO[bytes], error: Exception) -> None:
    """Answer, in place of `keep_watch`, why there will be no watchdog."""
    _answer(answers, {"error": str(error)})


def _answer(answers: IO[bytes], answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # a run that died meanwhile is found dead at the next look
        answers.write(_line(answer))
        answers.flush()


def _next(lines: _Lines, parent: int | None) -> bytes | None:
    while True:
        orphaned = parent is not None and os.getppid() != parent
        try:
            return lines.get(timeout=_LOOK)
        except queue.Empty:
            if orphaned:
                return None


def _lines(stream: IO[bytes]) -> _Lines:
    """Return a queue into which a thread puts every line of ``stream``, and None at its end."""
    lines: _Lines = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="watchdog pipe", daemon=True).start()
    return lines


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise SafetyError("the watchdog was started without a pipe")
    return pipe


def _environment() -> dict[str, str]:
    """Return the environment in which the watchdog finds the same labspin as the run."""
    import labspin

    package = str(Path(labspin.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, inherited)))}
