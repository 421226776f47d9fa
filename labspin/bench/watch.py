"""The watchdog's own side of the pipe: it listens to a run, and acts when the run is gone or hangs.

`labspin.bench.watchdog` says what the messages are; what is done to a bench is a `Duty`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

__all__ = ["LIFE", "Duty", "Lines", "as_line", "keep_watch", "lines_of", "refuse", "show_life"]

Lines = queue.SimpleQueue[bytes | None]
LIFE = "LABSPIN_WATCHDOG_LIFE"
"""Variable that names the descriptor on which a watchdog shows that it lives, and that it is done."""
_LOOK = 0.25  # s between two looks whether the parent still lives
_KILLING = 5.0  # s that a killed process may take to go
_SIGN = 2.0  # s between two signs of life
_GONE = "the process of the run is gone"


class Duty(Protocol):
    """What a watchdog does, beside waiting."""

    def begin(self) -> None:
        """Take charge of the bench before a run begins; raises to refuse it."""
        ...

    def end(self) -> None:
        """Give the bench back: the run is over and the bench is safe."""
        ...

    def act(
        self, path: Path, why: str, names: Sequence[str] | None, sent: Mapping[str, float], token: str
    ) -> None:
        """Make the bench safe.

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
        ...


class _Watch:
    """What a watchdog knows of the run that it watches."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.names: list[str] | None = None  # that the run could not make safe
        self.due = math.inf  # when the run must have said something, s of the monotonic clock
        self.sent: dict[str, float] = {}
        self.why, self.token = _GONE, ""
        self.process: int | None = None  # of the run, as it says

    def obey(self, command: dict[str, Any], duty: Duty) -> dict[str, object]:
        """Take in what the run says, and return what is answered; nothing where no answer is wanted."""
        if "sent" in command:
            self.sent.update(command["sent"])
            return {}
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
            self.why, self.token = command.get("why", _GONE), command.get("token", "")
            self.process = command.get("process")
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
    lines, watch = lines_of(commands), _Watch()
    while (line := _next(lines, parent, watch)) is not None:
        try:
            answer = watch.obey(json.loads(line), duty)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has to hear of it
            answer = {"error": str(error) or type(error).__name__}
        if answer:
            _answer(answers, answer)
    why = watch.why
    if watch.names is not None:
        why = f"the run could not make everything safe ({', '.join(watch.names)})"
    elif time.monotonic() >= watch.due:
        why = f"the run has made no progress for longer than it said; {_end(parent, watch.process, lines)}"
    if watch.path is not None:
        duty.act(watch.path, why, watch.names, watch.sent, watch.token)


def _end(parent: int | None, told: int | None, lines: Lines) -> str:
    """Kill the run's process, so that two do not act on one bench; return what came of it.

    On Windows a process keeps the number of its parent when that is gone, and may have been started by a
    launcher. There the number that the run reported counts: its pipe is open, so the number is still its own.
    """
    process = told if parent is None else parent
    if process is None or (parent is not None and os.getppid() != parent):
        return "its process is not known"
    with contextlib.suppress(OSError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    deadline = time.monotonic() + _KILLING
    while time.monotonic() < deadline and (parent is None or os.getppid() == parent):
        with contextlib.suppress(queue.Empty):
            if lines.get(timeout=0.02) is None:  # its end of the pipe is closed
                break
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


def _answer(answers: IO[bytes], answer: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # a run that died meanwhile is found dead at the next look
        answers.write(as_line(answer))
        answers.flush()


def _next(lines: Lines, parent: int | None, watch: _Watch) -> bytes | None:
    """Return the next line of the run; None once it is gone, or silent for longer than it said."""
    while True:
        orphaned = parent is not None and os.getppid() != parent
        try:
            return lines.get(timeout=_LOOK)
        except queue.Empty:
            if orphaned or time.monotonic() >= watch.due:
                return None


def lines_of(stream: IO[bytes], *, closes: bool = False) -> Lines:
    """Return a queue into which a thread puts every line of a pipe, and None at its end.

    Parameters
    ----------
    stream
        The pipe's end.
    closes
        Whether the thread closes the pipe at its end. Nothing else may close it before: between two
        readings its number would go to the next pipe that is made, and the thread would take what is
        written into that.
    """
    lines: Lines = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError), stream if closes else contextlib.nullcontext():
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="watchdog pipe", daemon=True).start()
    return lines


def as_line(message: Mapping[str, object]) -> bytes:
    """Return a message as it goes through the pipe.

    Parameters
    ----------
    message
        What there is to say.
    """
    return json.dumps(message).encode() + b"\n"


@contextlib.contextmanager
def show_life() -> Iterator[None]:
    """Let the watchdog's deputy see that this process lives, and, once the block is left, that it is done.

    A block that is left by an exception is not done.
    """
    pipe = int(os.environ.pop(LIFE, "-1"))
    if pipe < 0:  # there is no deputy
        yield
        return
    os.set_blocking(pipe, False)  # a deputy that does not read must not block this process
    os.set_inheritable(pipe, False)
    is_over = threading.Event()

    def show() -> None:
        while not is_over.wait(_SIGN):
            with contextlib.suppress(OSError):
                os.write(pipe, b".")

    signs = threading.Thread(target=show, name="signs of life", daemon=True)
    signs.start()
    try:
        yield
    finally:  # or it writes into whatever has the number of the pipe later
        is_over.set()
        signs.join()
    with contextlib.suppress(OSError):
        os.write(pipe, b"!")
