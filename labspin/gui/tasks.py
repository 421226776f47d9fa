"""Slow work in a separate thread; the result is delivered in the window's thread."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from labspin.errors import LabspinError

__all__ = ["HandedOver", "in_background", "sentence"]

Result = TypeVar("Result")
_under_way: set[_Task] = set()
_LOOK = 0.1  # s between two looks whether something is still to be handed over
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


class HandedOver(QObject):
    """What a thread hands over to the window's thread, one after the other.

    Signals between threads are queued. Those of a thread that is quicker than the window would become ever
    more: the window would draw what was long ago, and not hear a mouse, SAFE neither, since Qt delivers what
    is queued before it looks for input.

    Parameters
    ----------
    take
        Called in the window's thread with each value.
    parent
        Owner of this object.
    """

    _arrived = Signal(object)

    def __init__(self, take: Callable[[Any], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take_value, self._taken = take, threading.Event()
        self._arrived.connect(self._take)

    def give(self, value: object, is_over: Callable[[], bool]) -> None:
        """Hand a value over, and wait in this thread until the window has taken it.

        Parameters
        ----------
        value
            Any value.
        is_over
            Whether the value is not wanted any more; looked at repeatedly.
        """
        self._taken.clear()
        self._arrived.emit((value, is_over))
        while not self._taken.wait(_LOOK):
            if is_over() or not isValid(self):  # the window was closed, or deleted without that
                return

    def _take(self, handed: tuple[object, Callable[[], bool]]) -> None:
        value, is_over = handed
        try:
            if not is_over():
                self._take_value(value)
        finally:
            self._taken.set()


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
