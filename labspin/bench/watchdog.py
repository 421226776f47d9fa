"""A second process that makes the bench safe when the run's own process is gone, hangs, or could not do it.

Whatever a run can still do for its bench, it does itself (`labspin.bench.safety`). A process that is
killed outright (SIGKILL, out of memory, a crash in a library) can do nothing, and a magnet would stay at its
field. So a *watchdog*, a process of its own, is told of every run when it begins and dismissed when the bench
is safe again. It holds one end of a pipe whose other end dies with the run's process. A pipe that closes
without dismissal means: connect to the bench, and bring it to its safe state.

A process may also live and do nothing any more. So the run says now and then that it makes progress, and for
how long it may be silent; once that time is over the watchdog ends the process and acts as if it had died.
The run in its turn notices when its watchdog is gone or mute, and starts another. What a run could not make
safe at its end stays the watchdog's business.

::

    run's process   watch FILE ──→   alive N ──→   …   dismiss ──→        (or keep NAMES ──→, and it goes)
    watchdog        ←── watching     ←── heard N       ←── dismissed      goes on trying

This module knows the pipe; how a bench is reached is the business of who starts the watchdog
(`labspin.station.guard`). Messages are lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from labspin.bench.safety import signals_put_off
from labspin.errors import SafetyError

__all__ = ["Duty", "Watchdog", "keep_watch", "refuse"]

_log = logging.getLogger(__name__)
_Lines = queue.SimpleQueue[bytes | None]
_LOOK = 0.25  # s between two looks whether the parent still lives
_DISMISSAL = 10.0  # s that a dismissed watchdog may take to say so
_BEAT = 1.0  # s between two signs of life
_MUTE = 60.0  # s after which a watchdog that has not heard the last sign of life counts as gone
_KILLING = 5.0  # s that a killed process may take to go


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
    inherited
        Returns descriptors that the process gets too: the locks on the instruments.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        patience: float = 120.0,
        inherited: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self._command, self._name, self._patience = list(command), name, patience
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None
        self._heir: subprocess.Popen[bytes] | None = None  # still tries what a run could not make safe
        self._answers: _Lines = queue.SimpleQueue()
        self._next_beat, self._promised = 0.0, 0.0
        self._beats, self._heard, self._heard_at = 0, 0, 0.0
        self._watched: Path | None = None

    @contextlib.contextmanager
    def watching(self, path: Path) -> Iterator[None]:
        """Have the watchdog watch the run recorded in ``path`` for the length of the block.

        Blocks may be nested: after the inner one, the run of the outer one is watched again.

        Parameters
        ----------
        path
            The run's file.

        Raises
        ------
        SafetyError
            The watchdog cannot be started, or the bench is another run's.
        """
        if self._heir is not None and self._heir.poll() is None:
            raise self._failed("the one of an earlier run still tries to make that bench safe")
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
            elif self._process is not None:
                self._begin({"watch": str(Path(outer).absolute())})

    def beat(self, patience: float) -> str:
        """Say that the run makes progress; to be called often.

        Parameters
        ----------
        patience
            Time for which the run may be silent after this, s.

        Returns
        -------
            What is to be recorded: that the watchdog was gone, and another was started. Mostly empty.

        Raises
        ------
        SafetyError
            The watchdog is gone, and no other can be started.
        """
        now = time.monotonic()
        is_early = now < self._next_beat and patience <= self._promised
        if is_early or self._watched is None or self._process is None:
            return ""
        self._next_beat, self._promised = now + _BEAT, patience
        self._take_answers(now)
        if self._beats == self._heard:
            self._heard_at = now
        gone = self._process.poll()
        if gone is None and now - self._heard_at <= _MUTE and self._say_alive(patience):
            return ""
        why = f"ended with code {gone}" if gone is not None else f"has not answered for {_MUTE:g} s"
        self._restart()
        self._say_alive(patience)
        return f"the watchdog {why}; another one (process {self.process_id}) has taken its place"

    def _say_alive(self, patience: float) -> bool:
        self._beats += 1
        if self._process is None:
            return False
        try:
            written = _pipe(self._process.stdin).write(_line({"alive": self._beats, "patience": patience}))
        except OSError:
            return False
        return written is not None  # a pipe that is full takes nothing: nobody reads it

    def _take_answers(self, now: float) -> None:
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return
            if answer is not None and (heard := json.loads(answer).get("heard")) is not None:
                self._heard, self._heard_at = int(heard), now

    def _restart(self) -> None:
        if self._process is not None:
            self._process.kill()  # a watchdog that is mute might wake up and act
            self.close()
        self._begin({"watch": str(Path(self._watched or "").absolute())})

    def entrust(self, names: Sequence[str], path: Path) -> int:
        """Leave it to the watchdog to make instruments safe that the run could not; it outlives this process.

        Parameters
        ----------
        names
            Of the instruments.
        path
            The run's file.

        Returns
        -------
            Number of the process that goes on trying.

        Raises
        ------
        SafetyError
            No watchdog can be started.
        """
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._begin({"watch": str(Path(path).absolute())})
        self._ask({"keep": list(names)}, self._patience)
        process, self._process, self._heir = self._process, None, self._process
        if process is None:
            raise self._failed("it is not there any more")
        _pipe(process.stdin).close()
        return process.pid

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
        else:
            apart["pass_fds"] = tuple(self._inherited())
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
        self._beats = self._heard = 0
        self._heard_at = time.monotonic()
        if sys.platform != "win32":
            os.set_blocking(_pipe(self._process.stdin).fileno(), False)  # one that does not read holds nobody

    def _ask(self, message: dict[str, Any], patience: float) -> None:
        process = self._process
        if process is None:
            raise self._failed("it is not there any more")
        deadline = time.monotonic() + patience
        try:
            if _pipe(process.stdin).write(_line(message)) is None:
                raise self._failed("it does not read what it is told")
            while "heard" in (answer := self._next_answer(process, deadline)):
                pass
        except OSError as error:
            raise self._failed(f"it is gone: {error}") from error
        except queue.Empty:
            raise self._failed(f"it did not answer within {patience:g} s") from None
        if problem := answer.get("error"):
            raise self._failed(str(problem))

    def _next_answer(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        line = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
        if line is None:
            raise self._failed(f"it ended with code {process.wait(_DISMISSAL)} instead of answering")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _dismiss(self) -> None:
        if self._process is None:  # what is left is entrusted to it
            return
        try:
            with signals_put_off():
                self._ask({"dismiss": True}, _DISMISSAL)
        except (SafetyError, subprocess.TimeoutExpired, ValueError) as error:
            # The bench is safe already; a watchdog that cannot hear it can only be reported.
            _log.warning("%s", error)
            self.close()

    def _failed(self, problem: str) -> SafetyError:
        return SafetyError(
            f"station {self._name!r}: wanted a watchdog on the bench while a run lasts, but {problem}; "
            "correct that, or connect without a watchdog if somebody stays with the bench"
        )


class Duty(Protocol):
    """What a watchdog does, beside waiting."""

    def begin(self) -> None:
        """Take charge of the bench before a run begins; raises to refuse it."""
        ...

    def end(self) -> None:
        """Give the bench back: the run is over and the bench is safe."""
        ...

    def act(self, path: Path, why: str, names: Sequence[str] | None) -> None:
        """Make the bench safe.

        Parameters
        ----------
        path
            The run's file.
        why
            What happened to the run, in words.
        names
            Instruments that are left to do; None: all.
        """
        ...


class _Watch:
    """What a watchdog knows of the run that it watches."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.names: list[str] | None = None  # that the run could not make safe
        self.due = math.inf  # when the run must have said something, s of the monotonic clock

    def obey(self, command: dict[str, Any], duty: Duty) -> dict[str, Any]:
        """Take in what the run says, and return what is answered."""
        if "alive" in command:
            self.due = time.monotonic() + float(command["patience"])
            return {"heard": command["alive"]}
        if "keep" in command:
            self.names, self.due = list(command["keep"]), math.inf
            return {"kept": self.names}
        self.names, self.due = None, math.inf
        if "watch" in command:
            duty.begin()
            self.path = Path(command["watch"])
            return {"watching": command["watch"]}
        self.path = None
        duty.end()
        return {"dismissed": True}


def keep_watch(commands: IO[bytes], answers: IO[bytes], duty: Duty, *, parent: int | None = None) -> None:
    """Be the watchdog until the pipe closes or the run hangs, and act if a run was being watched then.

    Parameters
    ----------
    commands, answers
        Standard input and output of the watchdog process.
    duty
        What there is to do.
    parent
        Number of the run's process. Where given, that this process got another parent counts as a closed
        pipe too: a child of the run's process may have inherited the pipe and hold it open. A run that hangs
        is ended by it.
    """
    lines, watch = _lines(commands), _Watch()
    why = "the process of the run is gone"
    while (line := _next(lines, parent, watch)) is not None:
        try:
            answer = watch.obey(json.loads(line), duty)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has to hear of it
            answer = {"error": str(error) or type(error).__name__}
        _answer(answers, answer)
    if watch.names is not None:
        why = f"the run could not make everything safe ({', '.join(watch.names)})"
    elif time.monotonic() >= watch.due:
        why = f"the run has made no progress for longer than it said; {_end(parent)}"
    if watch.path is not None:
        duty.act(watch.path, why, watch.names)


def _end(process: int | None) -> str:
    """Kill the run's process, so that two do not act on one bench; return what came of it."""
    if process is None or not hasattr(os, "getppid") or os.getppid() != process:
        return "its process is not known"
    with contextlib.suppress(OSError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    deadline = time.monotonic() + _KILLING
    while os.getppid() == process and time.monotonic() < deadline:
        time.sleep(0.02)
    return f"its process {process} was ended"


def refuse(answers: IO[bytes], error: Exception) -> None:
    """Report, in place of `keep_watch`, why there will be no watchdog.

    Parameters
    ----------
    answers
        Standard output of the watchdog process.
    error
        The reason.
    """
    _answer(answers, {"error": str(error)})


def _answer(answers: IO[bytes], answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # a run that died meanwhile is found dead at the next look
        answers.write(_line(answer))
        answers.flush()


def _next(lines: _Lines, parent: int | None, watch: _Watch) -> bytes | None:
    """Return the next line of the run; None once it is gone, or silent for longer than it said."""
    while True:
        orphaned = parent is not None and os.getppid() != parent
        try:
            return lines.get(timeout=_LOOK)
        except queue.Empty:
            if orphaned or time.monotonic() >= watch.due:
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
