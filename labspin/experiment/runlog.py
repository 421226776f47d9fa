"""The log of a run: what labspin had to say while it lasted becomes events of the run file.

A log record may come from anywhere: another thread, a finaliser that runs in the midst of a write into the
journal. So the handler only puts it down in a list, which takes no lock; the engine hands the list on to the
journal where nothing else is being written.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from labspin.data import EventKind
from labspin.errors import StorageError

__all__ = ["RecordedLog"]

Record = Callable[[EventKind, str, dict[str, Any]], None]


class _Handler(logging.Handler):
    def __init__(self, waiting: deque[tuple[str, dict[str, object]]]) -> None:
        super().__init__(logging.INFO)
        self._waiting = waiting

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("labspin.data"):
            return  # the journal does not write about its own writing
        data: dict[str, object] = {"level": record.levelname, "logger": record.name, "time": record.created}
        if record.exc_info:
            data["traceback"] = logging.Formatter().formatException(record.exc_info)
        self._waiting.append((record.getMessage(), data))


class RecordedLog:
    """Keeps every message of labspin, from INFO on, until `hand_on` records it; a context manager.

    Parameters
    ----------
    record
        Called with kind, message and data of each by `hand_on`.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._waiting: deque[tuple[str, dict[str, object]]] = deque()
        self._handler = _Handler(self._waiting)
        self._logger = logging.getLogger("labspin")
        self._level = self._logger.level

    def hand_on(self) -> None:
        """Record what has been said so far."""
        while self._waiting:
            message, data = self._waiting.popleft()
            # A journal that takes no more is reported by the run itself, once, and not by every log line.
            with suppress(StorageError):
                self._record(EventKind.LOG, message, data)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __enter__(self) -> Self:
        self._level = self._logger.level
        self._logger.addHandler(self._handler)
        if self._logger.getEffectiveLevel() > logging.INFO:
            self._logger.setLevel(logging.INFO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)
