"""Whether the writer of a journal lives, on this computer or on another one that shares the folder.

On one computer the lock tells. Network shares often carry no lock from one computer to the other: there a
journal counts as alive while its writer, which names its computer in the first record, touches the file.
Times are compared by the clock of the file server, which the two have in common.
"""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
import uuid
from pathlib import Path
from typing import Any

from labspin.data.journal.layout import require_plain_file
from labspin.data.journal.reader import JournalReader
from labspin.data.lock import is_locked
from labspin.errors import RunFileError
from labspin.system import reason_of

__all__ = ["HEARTBEAT", "is_alive", "writer_hint"]

HEARTBEAT = 5.0
"""Longest time between two touches of a journal by its writer, s."""
_PATIENCE = 12 * HEARTBEAT  # s without a touch until a writer elsewhere counts as dead


def writer_hint() -> dict[str, Any]:
    """Return what the first record says of the process that writes."""
    return {"process": os.getpid(), "host": platform.node(), "host_id": _host_id()}


def is_alive(journal: Path) -> bool:
    """Return whether a process writes the journal.

    Parameters
    ----------
    journal
        A journal.

    Raises
    ------
    RunFileError
        It is no plain file.
    OSError
        It cannot be read.
    """
    require_plain_file(journal)
    if is_locked(journal):
        return True
    if not _is_recent(journal):
        return False
    hint = _hint_of(journal)
    return "host_id" in hint and hint["host_id"] != _host_id()


def _host_id() -> str:
    return f"{platform.node()}/{uuid.getnode():012x}"


def _is_recent(journal: Path) -> bool:
    touched = journal.stat().st_mtime
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=journal.parent) as probe:
        return os.fstat(probe.fileno()).st_mtime - touched < _PATIENCE
    return False  # a folder that cannot be written is not recovered either


def _hint_of(journal: Path) -> dict[str, object]:
    try:
        with JournalReader(journal) as reader:
            first = next(reader.records(), [])
    except RunFileError:
        return {}
    except OSError as error:
        raise RunFileError(f"{journal}: {reason_of(error)}") from error
    hint = first[3] if len(first) > 3 else None
    return hint if isinstance(hint, dict) else {}
