"""The watchdog's deputy: a small process that starts a new watchdog when no other process can act.

    python -I -S deputy_process.py WORDS…    (started by `labspin.bench.deputy`; WORDS tell who reads ``ps``)

A run and its watchdog may be killed at the same moment: a person kills everything that looks like Python,
or the machine is short of memory. So a third process watches both. It has three facts. Its standard input
ends with the run's process, and brings what the watchdog is told, too. A second pipe ends with the watchdog,
which writes a sign of life into it now and then and ``!`` when all is done. And once the run is gone its own
parent is another. As long as the run lives and says that it makes progress, the deputy does nothing: a run
looks after its watchdog itself. Once something has to be done and the watchdog is gone, or shows no life, it
starts one, and another should that be killed in its turn: one at a time, with pauses that become longer.

It inherits the locked claims of the run, so that no other process takes the instruments meanwhile. It
imports nothing but a few modules of the standard library, reads no file and needs no folder, so it is small
and has little that can fail; that is why it runs as a program of its own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOK = 1.0  # s between two looks whether the run's process is still the parent
_GRACE = 15.0  # s that the watchdog gets to end a run that hangs, before its deputy does
_MUTE = 30.0  # s without a sign of life after which a watchdog that has to act counts as hung
_LOADING = 120.0  # … before its first sign of life
_PAUSE = (0.5, 30.0)  # s before another watchdog is started: at first, and at most
_PERSISTENCE = 4000.0  # s for which it is tried; a watchdog itself tries for an hour
_LIFE = "LABSPIN_WATCHDOG_LIFE"
_BLOCK = 65536


class Deputy:
    """What a deputy knows, and does."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.command: list[str] = order["command"]  # starts a watchdog
        self.feed: str = order["feed"]  # what the new watchdog receives first
        self.run: int = order["run"]  # process of the run
        self.watchdog: int = order["watchdog"]
        self.life: int | None = order["life"]  # pipe of the watchdog; None: it has ended
        self.path: str | None = None
        self.token = ""  # of the run
        self.names: list[str] | None = None
        self.sent: dict[str, float] = {}
        self.due = float("inf")
        self.is_over = self.is_done = self.is_run_gone = False
        self.seen, self.patience = time.monotonic(), _MUTE
        self.pause, self.next_start, self.end = _PAUSE[0], 0.0, float("inf")
        self.number = 0  # of watchdogs started here

    def obey(self, order: dict[str, Any]) -> None:
        """Take in what the run says, as the watchdog does."""
        if "sent" in order:
            self.sent.update(order["sent"])
        elif "alive" in order:
            self.due = time.monotonic() + order["patience"]
        elif "keep" in order:
            self.names, self.due = order["keep"], float("inf")
        else:
            self.path, self.names, self.due = order.get("watch"), None, float("inf")
            self.token = order.get("token", "")
            self.is_over = "end" in order

    def look(self) -> bool:
        """Return whether action is needed: the run is gone or silent, and no watchdog shows life."""
        self.is_run_gone = self.is_run_gone or os.getppid() != self.run
        is_hung = time.monotonic() >= self.due + _GRACE
        return self.path is not None and (self.is_run_gone or is_hung or self.names is not None)

    def hear(self, life: int) -> None:
        """Take in signs of life of the watchdog; its pipe ends with it."""
        signs = os.read(life, _BLOCK)
        self.seen, self.patience = time.monotonic(), _MUTE
        self.is_done = self.is_done or b"!" in signs
        if not signs:
            os.close(life)
            self.life = None
            self.next_start = self.seen + self.pause

    def act(self) -> None:
        """Ensure that a watchdog is at work."""
        now = time.monotonic()
        self.end = min(self.end, now + _PERSISTENCE)
        if self.life is not None and now - self.seen > self.patience:
            _kill(self.watchdog)  # it holds the other end of the pipe, so the number is still its own
            self.seen = now
        if self.life is None and now >= self.next_start:
            if not self.is_run_gone and os.getppid() == self.run and self.names is None:
                _kill(self.run)  # it hangs, and two must not act on one bench
            self.start()

    def start(self) -> None:
        """Start a watchdog, which acts at once: its standard input ends after its instructions."""
        self.number += 1
        why = "the processes of the run and of its watchdog are gone; the deputy has started another watchdog"
        words: list[dict[str, Any]] = [{"watch": self.path, "why": why, "token": self.token}]
        words += [{"sent": self.sent}]
        words += [] if self.names is None else [{"keep": self.names}]
        text = self.feed + "".join(json.dumps(one) + "\n" for one in words)
        self.life, life = os.pipe()
        reading, writing = os.pipe()
        self.watchdog = os.fork()
        if not self.watchdog:
            _become(self.command, reading, life)
        os.close(reading)
        os.close(life)
        _write(writing, text.encode())
        self.seen, self.patience = time.monotonic(), _LOADING
        self.pause = min(2 * self.pause, _PAUSE[1])


def _become(command: list[str], stdin: int, life: int) -> None:
    """Be the watchdog from here on; what this process has inherited, the locked claims, it inherits too."""
    try:
        os.setsid()
        os.chdir("/")  # the run's folder may be gone
        nothing = os.open(os.devnull, os.O_RDWR)
        for source, target in ((stdin, 0), (nothing, 1), (nothing, 2)):
            os.dup2(source, target)
        os.set_inheritable(life, True)
        os.execve(command[0], command, {**os.environ, _LIFE: str(life)})
    finally:
        os._exit(127)


def _write(pipe: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(pipe, data) :]
    except OSError:
        return  # it is dead already, which its other pipe tells
    finally:
        os.close(pipe)


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:
        return  # it has gone by itself


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def serve(deputy: Deputy) -> None:
    """Watch run and watchdog until both have no more need of it."""
    rest = b""
    commands: int | None = 0
    while not (deputy.is_over or deputy.is_done or time.monotonic() > deputy.end):
        sources = [source for source in (commands, deputy.life) if source is not None]
        ready = select.select(sources, [], [], _LOOK)[0]
        if deputy.life is not None and deputy.life in ready:
            deputy.hear(deputy.life)
        if commands in ready:
            data = os.read(0, _BLOCK)
            commands = commands if data else None
            deputy.is_run_gone = deputy.is_run_gone or not data
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                deputy.obey(json.loads(line))
        if deputy.look():
            deputy.act()
        elif deputy.is_run_gone:
            return
        _reap()


def _be_called(name: bytes) -> None:
    try:
        comm = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return  # not Linux: ``ps`` shows the command all the same
    os.write(comm, name)
    os.close(comm)


def main() -> None:
    """Begin: out of reach of the terminal, with a name of its own, when the run has said what there is."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    _be_called(b"labspin-deputy")
    first = b""
    while not first.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            return
        first += piece
    deputy = Deputy(json.loads(first))
    os.chdir("/")
    os.write(1, b"ready\n")
    serve(deputy)


if __name__ == "__main__":
    main()
