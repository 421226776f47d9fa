"""Where commands write to: what cannot be printed costs no run, and no terminal obeys a stranger's text.

Standard output may be a full disk, a pipe whose reader has gone, or a code page without µ. While a command
works, both standard streams are replaced by an `Outlet`, which drops what cannot be written, says so once,
and lets the command continue.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from labspin.characters import visible
from labspin.system import reason_of

__all__ = ["tolerant_streams"]


class Outlet:
    """A text stream that never raises on writing.

    Parameters
    ----------
    stream
        Where to write.
    name
        What it is, for the one sentence that says that it fails.
    other
        Where that sentence goes; None: nowhere.
    """

    def __init__(self, stream: TextIO, name: str, other: TextIO | None = None) -> None:
        self._stream, self._name, self._other = stream, name, other
        self.is_broken = False
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[attr-defined]

    def write(self, text: str) -> int:
        """Write ``text``, or drop it; return its length."""
        if not self.is_broken:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, as far as that is possible."""
        if not self.is_broken:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        self.is_broken = True
        if self._other is None or isinstance(error, BrokenPipeError):
            return
        why = reason_of(error, writing=True) if isinstance(error, OSError) else str(error)
        with contextlib.suppress(OSError, ValueError):
            self._other.write(f"labspin: {self._name} cannot be written: {why}; going on without\n")
            self._other.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def tolerant_streams() -> Iterator[None]:
    """Let what cannot be printed be dropped in the block, and warnings spell control characters."""
    output, errors = sys.stdout, sys.stderr
    outlets = Outlet(output, "standard output", errors), Outlet(errors, "standard error")
    sys.stdout, sys.stderr = outlets
    as_it_is = warnings.formatwarning
    warnings.formatwarning = lambda *about, **more: visible(as_it_is(*about, **more))
    try:
        yield
    finally:
        sys.stdout, sys.stderr, warnings.formatwarning = output, errors, as_it_is
        for outlet, stream in zip(outlets, (output, errors), strict=True):
            outlet.flush()
            if outlet.is_broken:
                _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """Send the last flush of a broken stream nowhere, or the interpreter would end with a code of its own."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
