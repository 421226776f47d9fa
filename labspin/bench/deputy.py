"""The run's side of the watchdog's deputy (`labspin.bench.deputy_process`).

Run, watchdog and deputy are three processes; whichever two of them are killed at once, the third sees to it
that the bench becomes safe. There is none on Windows, where descriptors are not inherited.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from labspin.bench.watch import as_line

__all__ = ["Deputy"]

_PROGRAM = Path(__file__).with_name("deputy_process.py")
_READY = 30.0  # s that a process of a few modules may take to begin
_GOING = 10.0  # s that it may take to end


class Deputy:
    """Starts the deputy of one watchdog process, and sends it all that the watchdog receives.

    Parameters
    ----------
    command
        Starts another watchdog.
    feed
        Lines that the new watchdog receives first.
    name
        Name of the station, shown in the list of processes.
    watchdog
        Number of the watchdog's process.
    life
        Descriptor of the pipe that ends with the watchdog.
    inherited
        Descriptors that it hands on to another watchdog: the locks on the instruments.

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        feed: str,
        name: str,
        *,
        watchdog: int,
        life: int,
        inherited: Sequence[int],
    ) -> None:
        words = f"labspin: deputy of the watchdog {watchdog} of run {os.getpid()} on {name}"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_PROGRAM), words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=(*inherited, life),
            start_new_session=True,
        )
        order = {
            "command": list(command), "feed": feed, "run": os.getpid(), "watchdog": watchdog, "life": life,
        }  # fmt: skip
        self.tell(order)
        self._is_ready = False
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)  # never block on a reader that hangs

    @property
    def process_id(self) -> int:
        """Number of its process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def is_ready(self, patience: float = _READY) -> bool:
        """Return whether it has said that it is on duty.

        Parameters
        ----------
        patience
            Time that it may take, s.
        """
        answers = self._process.stdout
        if not self._is_ready and answers is not None and select.select([answers], [], [], patience)[0]:
            self._is_ready = answers.read(6) == b"ready\n"
        return self._is_ready

    def tell(self, message: Mapping[str, object]) -> bool:
        """Tell it something, and return whether it took it.

        Parameters
        ----------
        message
            As to the watchdog; ``{"end": True}`` ends it.
        """
        pipe = self._process.stdin
        if pipe is None:
            return False
        try:
            return pipe.write(as_line(message)) is not None
        except (OSError, ValueError):  # it is gone, or has been let go
            return False

    def leave(self) -> None:
        """Let it live on without this process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Dismiss it and wait for its end."""
        self.tell({"end": True})
        with contextlib.suppress(OSError):
            self.leave()
        deadline = time.monotonic() + _GOING
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(0.005)
        if self.is_alive:
            self._process.kill()
            self._process.wait()
