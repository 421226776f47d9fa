"""A second process that makes the bench safe when the run's own process is gone, hangs, or could not do it.

Whatever a run can still do for its bench, it does itself (`labspin.bench.safety`). A process that is
killed outright (SIGKILL, out of memory, a crash in a library) can do nothing, and a magnet would stay at its
field. So a *watchdog*, a separate process, is notified when a run begins and dismissed when the bench
is safe again. It holds one end of a pipe whose other end dies with the run's process. A pipe that closes
without dismissal means: connect to the bench, and bring it to its safe state.

A process may also live and do nothing any more. So the run says now and then that it makes progress, and for
how long it may be silent; once that time is over the watchdog ends the process and acts as if it had died.
The run in its turn notices when its watchdog is gone or mute, and starts another. What a run could not make
safe at its end stays the watchdog's business.

::

    run's process   watch FILE ──→   alive N ──→   …   dismiss ──→        (or keep NAMES ──→, and it goes)
    watchdog        ←── watching     ←── heard N       ←── dismissed      keeps trying

Each set-point of a ramp is reported before it is sent, so that an instrument that can no longer be read back
can be ramped down from there. A third, small process receives all that the watchdog receives: its deputy
(`labspin.bench.deputy`), for the case that run and watchdog are killed in the same instant.

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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from labspin.bench.deputy import Deputy
from labspin.bench.safety import signals_put_off
from labspin.bench.watch import LIFE, Lines, as_line, lines_of
from labspin.errors import SafetyError

__all__ = ["Watchdog"]

_log = logging.getLogger(__name__)
_DISMISSAL = 10.0  # s that a dismissed watchdog may take to say so
_BEAT = 1.0  # s between two signs of life
_MUTE = 60.0  # s after which a watchdog that has not heard the last sign of life counts as gone
_AGAIN = (1.0, 60.0)  # s between two starts of a deputy that ends by itself: at first, and at most


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
    spare
        How the deputy starts another watchdog, program first; empty: there is no deputy.
    feed
        Lines that this one finds on its standard input before everything else.
    title
        What the list of processes calls the bench.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        patience: float = 120.0,
        inherited: Callable[[], Sequence[int]] = tuple,
        spare: Sequence[str] = (),
        feed: str = "",
        title: str = "",
    ) -> None:
        self._command, self._name, self._patience = list(command), name, patience
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None
        self._heir: subprocess.Popen[bytes] | None = None  # still tries what a run could not make safe
        self._answers: Lines = queue.SimpleQueue()
        self._next_beat, self._promised = 0.0, 0.0
        self._beats, self._heard, self._heard_at = 0, 0, 0.0
        self._watched: Path | None = None
        self._token = ""
        self._spare, self._feed = () if sys.platform == "win32" else tuple(spare), feed
        self._title = title or name
        self._deputy: Deputy | None = None
        self._heirs_deputy: Deputy | None = None
        self._life: int | None = None  # where the watchdog shows its deputy that it lives
        self._next_deputy, self._deputy_pause = 0.0, _AGAIN[0]
        self._sent: dict[str, float] = {}

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
        if self.is_trying:
            raise self._failed("the one of an earlier run still tries to make that bench safe")
        self._forget_heir()
        outer, former = self._watched, self._token
        self._token = f"{os.getpid()} {time.time_ns()}"
        try:
            self._begin(self._order(path))
        except BaseException:
            self._token = former
            self.close()
            raise
        self._watched = path
        try:
            yield
        finally:
            self._watched, self._token = outer, former
            if outer is None:
                self._dismiss()
            elif self._process is not None:
                self._begin(self._order(outer))

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
        if is_early or self._watched is None:
            return ""
        self._next_beat, self._promised = now + _BEAT, patience
        if self._process is None:
            return self._replace_entrusted(patience)
        self._take_answers(now)
        if self._beats == self._heard:
            self._heard_at = now
        gone = self._process.poll()
        if gone is None and now - self._heard_at <= _MUTE and self._say_alive(patience):
            return self._keep_deputy(now, patience)
        why = f"ended with code {gone}" if gone is not None else f"has not answered for {_MUTE:g} s"
        self._restart()
        self._say_alive(patience)
        return f"the watchdog {why}; another one (process {self.process_id}) has taken its place"

    def _replace_entrusted(self, patience: float) -> str:
        """Start a new watchdog for a process that continues after the former one has finished."""
        if self.is_trying:
            return ""
        self._forget_heir()
        self._begin(self._order())
        self._say_alive(patience)
        return (
            f"what was entrusted to the watchdog is over; another one (process {self.process_id}) is on watch"
        )

    def _forget_heir(self) -> None:
        self._heir, self._heirs_deputy = None, None

    @property
    def is_trying(self) -> bool:
        """Whether the watchdog of an earlier run still tries to make safe what was entrusted to it."""
        is_heir = self._heir is not None and self._heir.poll() is None
        return is_heir or (self._heirs_deputy is not None and self._heirs_deputy.is_alive)

    def _say_alive(self, patience: float) -> bool:
        self._beats += 1
        if self._process is None:
            return False
        try:
            written = _pipe(self._process.stdin).write(as_line({"alive": self._beats, "patience": patience}))
        except OSError:
            return False
        return written is not None  # a full pipe takes nothing: it is not read

    def _take_answers(self, now: float) -> None:
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return
            if answer is not None and (heard := json.loads(answer).get("heard")) is not None:
                self._heard, self._heard_at = int(heard), now

    def _restart(self) -> None:
        former, self._deputy = self._deputy, None
        if former is not None:
            former.tell({"alive": 0, "patience": self._patience + _MUTE})
        if self._process is not None:
            self._process.kill()  # a watchdog that is mute might wake up and act
            self.close()
        try:
            self._begin(self._order())
        except SafetyError:
            self._deputy = former  # better than none
            raise
        if former is not None:
            former.close()

    def _order(self, path: Path | None = None) -> dict[str, object]:
        watched = str(Path(path or self._watched or "").absolute())
        return {"watch": watched, "token": self._token, "process": os.getpid()}

    def note_sent(self, name: str, value: float) -> None:
        """Tell where an actuator is sent next, before it is: it may be the last that is known of it.

        Parameters
        ----------
        name
            Name of the actuator.
        value
            The set-point, in its raw unit.
        """
        self._sent[name] = value
        process, deputy, message = self._process, self._deputy, {"sent": {name: value}}
        if self._watched is None or process is None:
            return
        with contextlib.suppress(OSError, ValueError):  # one that is gone is noticed by `beat`
            _pipe(process.stdin).write(as_line(message))
        if deputy is not None:
            deputy.tell(message)

    def _keep_deputy(self, now: float, patience: float) -> str:
        """Tell the deputy that the run makes progress; start another, and say so, where it is gone."""
        deputy = self._deputy
        if not self._spare or (
            deputy and deputy.is_alive and deputy.tell({"alive": 0, "patience": patience})
        ):
            return ""
        if now < self._next_deputy:
            return ""
        self._next_deputy = now + self._deputy_pause
        self._deputy_pause = min(2 * self._deputy_pause, _AGAIN[1])
        self._close_deputy()
        try:
            self._appoint()
            self._instruct(self._order())
        except SafetyError as error:
            return str(error)
        return f"the watchdog's deputy was gone; another one (process {self.deputy_id}) has taken its place"

    def _appoint(self) -> None:
        """Start a deputy of the watchdog, if there is to be one."""
        if not self._spare or self._process is None or self._life is None:
            return
        try:
            self._deputy = Deputy(
                self._spare, self._feed, self._title,
                watchdog=self._process.pid, life=self._life, inherited=self._inherited(),
            )  # fmt: skip
        except OSError as error:
            raise self._failed(f"its deputy cannot be started: {error}") from error

    def _instruct(self, order: Mapping[str, object]) -> None:
        """Tell the deputy what to watch; it is appointed where it is missing."""
        if self._deputy is None or not self._deputy.is_alive:
            self._close_deputy()
            self._appoint()
        deputy = self._deputy
        if deputy is None:
            return
        if not deputy.is_ready():
            raise self._failed("its deputy does not begin")
        deputy.tell(order)
        deputy.tell({"sent": self._sent})

    def _close_deputy(self) -> None:
        deputy, self._deputy = self._deputy, None
        if deputy is not None:
            deputy.close()

    def entrust(self, names: Sequence[str], path: Path) -> int:
        """Leave it to the watchdog to make instruments safe that the run could not; it outlives this process.

        Parameters
        ----------
        names
            Names of the instruments.
        path
            The run's file.

        Returns
        -------
            Number of the process that keeps trying.

        Raises
        ------
        SafetyError
            No watchdog can be started.
        """
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._begin(self._order(path))
        self._ask({"keep": list(names)}, self._patience)
        process, self._process, self._heir = self._process, None, self._process
        for name in [name for name in self._sent if name.partition(".")[0] in names]:
            del self._sent[name]  # it is moved by another process from now on
        if process is None:
            raise self._failed("it is not there any more")
        deputy, self._deputy, self._heirs_deputy = self._deputy, None, self._deputy
        if deputy is not None:
            deputy.tell({"keep": list(names)})
            deputy.leave()
        _pipe(process.stdin).close()
        return process.pid

    @property
    def process_id(self) -> int | None:
        """Number of the watchdog process, if there is one."""
        return None if self._process is None else self._process.pid

    @property
    def deputy_id(self) -> int | None:
        """Number of the process of the watchdog's deputy, if there is one."""
        return None if self._deputy is None else self._deputy.process_id

    def close(self) -> None:
        """Dismiss the watchdog and its deputy and let them go."""
        self._close_deputy()
        if self._life is not None:
            os.close(self._life)
            self._life = None
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError), _pipe(process.stdin) as pipe:
            pipe.write(as_line({"dismiss": True}))
        try:
            process.wait(min(self._patience, _DISMISSAL))
        except subprocess.TimeoutExpired:
            process.kill()  # it has nothing to watch over
            process.wait()

    def _begin(self, message: dict[str, object]) -> None:
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
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin if self._process else None).write(as_line({"sent": self._sent}))
        self._instruct(message)

    def _start(self) -> None:
        # A session of its own: Ctrl-C and a closed terminal are the run's business.
        apart: dict[str, Any] = {"start_new_session": True}
        environment, showing = _environment(), -1
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        else:
            self._life, showing = os.pipe()
            environment[LIFE] = str(showing)
            apart["pass_fds"] = (*self._inherited(), showing)
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=environment,
                **apart,
            )
        except OSError as error:
            raise self._failed(f"it cannot be started: {error}") from error
        finally:
            if showing >= 0:
                os.close(showing)
        self._appoint()
        self._answers = lines_of(_pipe(self._process.stdout), closes=True)
        self._beats = self._heard = 0
        self._heard_at = time.monotonic()
        with contextlib.suppress(AttributeError, OSError):  # Windows, before Python 3.12
            os.set_blocking(_pipe(self._process.stdin).fileno(), False)  # never block on a reader that hangs

    def _ask(self, message: dict[str, Any], patience: float) -> None:
        process = self._process
        if process is None:
            raise self._failed("it is not there any more")
        deadline = time.monotonic() + patience
        try:
            if _pipe(process.stdin).write(as_line(message)) is None:
                raise self._failed("it does not read its input")
            while "heard" in (answer := self._next_answer(process, deadline)):
                pass
        except OSError as error:
            raise self._failed(f"it is gone: {error}") from error
        except queue.Empty:
            raise self._failed(f"it did not answer within {patience:g} s") from None
        if problem := answer.get("error"):
            raise self._failed(str(problem))

    def _next_answer(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, object]:
        line = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
        if line is None:
            raise self._failed(f"it ended with code {process.wait(_DISMISSAL)} instead of answering")
        answer: dict[str, object] = json.loads(line)
        return answer

    def _dismiss(self) -> None:
        if self._deputy is not None:
            self._deputy.tell({"dismiss": True})
        if self._process is None:  # what is left is entrusted to it
            self._close_deputy()
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
            "correct that, or connect without a watchdog if a person stays with the bench"
        )


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
