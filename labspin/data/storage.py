"""Bytes to the disk: all of them, made sure of, or a plain word on why not."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from labspin.errors import StorageError

__all__ = ["BINARY", "storage_error", "sync_descriptor", "sync_folder", "write_whole"]

BINARY: int = getattr(os, "O_BINARY", 0)
"""Flag for `os.open`; Windows would translate line ends without it."""
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def sync_descriptor(descriptor: int) -> None:
    """Have the data of an open file stand on the disk itself."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` stand on the disk itself, where the system can promise that."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems know no fsync of a folder
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def storage_error(path: Path, error: OSError, consequence: str) -> StorageError:
    """Return the one error for a write to ``path`` that failed with ``error``."""
    if error.errno in _FULL:
        reason = "the disk (or the quota) is full; free some space"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "no permission to write; choose a folder that is yours"
    elif error.errno == errno.ENOENT:
        reason = "the folder does not exist; make it first"
    else:
        reason = f"{error.strerror or error}"
    return StorageError(f"{path}: {reason}; {consequence}")


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, or raise `OSError`."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
