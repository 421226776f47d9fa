"""Slow work in a separate thread; the result is delivered in the window's thread."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from labspin.errors import LabspinError

__all__ = ["in_background", "sentence"]

Result = TypeVar("Result")
_under_way: set[_Task] = set()
_PATIENCE = 5.0  # s for which the end of the program waits for all tasks


class _Task(QObject):
    """One piece of work: an object of the window's thread, executed in another."""

    ended = Signal(object, object)

    def __init__(
        self, done: Callable[[Any], None] | None, failed: Callable[[Exception], None] | None
    ) -> None:
        super().__init__()
        self._do: Callable[[], object] | None = None
        self._done, self._failed = done, failed
        self._thread = threading.Thread(target=self._work, name="window task", daemon=True)
        self.ended.connect(self._report)

    def start(self, do: Callable[[], object]) -> None:
        """Begin."""
        self._do = do
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait so long for the end of the work."""
        self._thread.join(seconds)

    def _work(self) -> None:
        result: object = None
        problem: Exception | None = None
        try:
            result = self._do() if self._do is not None else None
        except Exception as error:  # noqa: BLE001 - shown to the person
            problem = error
        with contextlib.suppress(RuntimeError):  # the window may have been closed
            self.ended.emit(result, problem)

    def _report(self, result: object, problem: Exception | None) -> None:
        self._thread.join(1.0)  # so that no Qt object is freed by that thread
        _under_way.discard(self)
        try:
            if problem is not None and self._failed is not None:
                self._failed(problem)
            elif problem is None and self._done is not None:
                self._done(result)
        except RuntimeError as error:
            # "... already deleted", "Signal source has been deleted": the window was closed meanwhile
            if "deleted" not in str(error):
                raise


@atexit.register
def _wait_for_all() -> None:
    """Let tasks end before the interpreter does: one that comes back from Qt while it ends would abort it."""
    end = time.monotonic() + _PATIENCE
    for task in tuple(_under_way):
        task.wait(max(0.0, end - time.monotonic()))


def in_background(
    do: Callable[[], Result],
    done: Callable[[Result], None] | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> None:
    """Call ``do`` in a thread; then ``done`` with its result, or ``failed`` with its error, in this one.

    Parameters
    ----------
    do
        Called without arguments in a thread of its own.
    done
        Called with the result; None calls nothing.
    failed
        Called with the error; None calls nothing.
    """
    task = _Task(done, failed)
    _under_way.add(task)
    task.start(do)


def sentence(error: Exception) -> str:
    """Return the text that is shown for an error.

    Parameters
    ----------
    error
        An error; those of labspin are shown without the name of their class.
    """
    return str(error) if isinstance(error, LabspinError) else f"{type(error).__name__}: {error}"
