"""Keys that steer a run from the terminal: p pause, r resume, s skip the point, a abort.

The terminal hands over every key at once while a run lasts, and is put back afterwards. Where standard input
is no terminal, or belongs to another process in the foreground, no keys are read.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labspin.experiment import Control

__all__ = ["HINT", "listening", "obey"]

HINT = "keys: p pause, r resume, s skip the point, a abort"
_LOOK = 0.1  # s between two looks whether the run is over


def obey(key: str, control: Control) -> None:
    """Carry out the command of a key; other keys are ignored.

    Parameters
    ----------
    key
        One character: ``p`` pauses, ``r`` resumes, ``s`` skips a point, ``a`` aborts; capitals do the same.
    control
        Control of the run.
    """
    meaning: dict[str, Callable[[], None]] = {
        "p": control.pause,
        "r": control.resume,
        "s": control.skip,
        "a": lambda: control.abort("key a"),
    }
    if key.lower() in meaning:
        meaning[key.lower()]()


@contextlib.contextmanager
def listening(control: Control) -> Iterator[bool]:
    """Obey keys in the block; yield whether anything listens to the keyboard.

    Parameters
    ----------
    control
        Control of the run.
    """
    if not _is_ours():
        yield False
        return
    done = threading.Event()
    with _single_keys():
        listener = threading.Thread(target=_listen, args=(control, done), name="keys", daemon=True)
        listener.start()
        try:
            yield True
        finally:
            done.set()
            listener.join()


def _is_ours() -> bool:
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    if not os.isatty(descriptor):
        return False
    # A process in the background that changes the terminal is stopped by the system.
    return sys.platform == "win32" or os.tcgetpgrp(descriptor) == os.getpgrp()


if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def _single_keys() -> Iterator[None]:
        yield

    def _listen(control: Control, done: threading.Event) -> None:
        while not done.wait(_LOOK):
            while msvcrt.kbhit():
                obey(msvcrt.getwch(), control)

else:
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def _single_keys() -> Iterator[None]:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def _listen(control: Control, done: threading.Event) -> None:
        descriptor = sys.stdin.fileno()
        while not done.is_set():
            ready, _, _ = select.select([descriptor], [], [], _LOOK)
            if not ready:
                continue
            typed = os.read(descriptor, 64)
            if not typed:
                return
            for key in typed.decode("utf-8", "ignore"):
                obey(key, control)
