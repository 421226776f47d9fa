"""The log of a run: what labspin had to say while it lasted becomes events of the run file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from labspin.errors import StorageError

__all__ = ["recorded_log"]

Record = Callable[[str, str, dict[str, Any]], None]


class _Handler(logging.Handler):
    def __init__(self, record: Record) -> None:
        super().__init__(logging.INFO)
        self._record = record

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("labspin.data"):
            return  # the journal does not write about its own writing
        data = {"level": record.levelname, "logger": record.name}
        if record.exc_info:
            data["traceback"] = logging.Formatter().formatException(record.exc_info)
        # A journal that takes no more is reported by the run itself, once, and not by every log line.
        with suppress(StorageError):
            self._record("log", record.getMessage(), data)


@contextmanager
def recorded_log(record: Record) -> Iterator[None]:
    """Hand every message of labspin, from INFO on, to ``record(kind, message, data)`` within the block."""
    logger, handler = logging.getLogger("labspin"), _Handler(record)
    level = logger.level
    logger.addHandler(handler)
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
