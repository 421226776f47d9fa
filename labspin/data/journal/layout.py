"""How a journal begins, what precedes each record, and what may be opened as a journal."""

from __future__ import annotations

import stat
import struct
from pathlib import Path

from labspin.errors import RunFileError

__all__ = ["MAGIC", "RECORD_HEAD", "require_plain_file"]

MAGIC = b"labspin-journal\x01"
RECORD_HEAD = struct.Struct("<II")
"""Length and CRC-32 of the record that follows."""


def require_plain_file(path: Path) -> None:
    """Refuse anything but a regular file: opening a pipe would wait for ever.

    Parameters
    ----------
    path
        What is about to be opened.

    Raises
    ------
    RunFileError
        It is a pipe, a device, a folder or a socket.
    OSError
        It is not there.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise RunFileError(f"{path}: is a folder; name files in it, such as {path / '*.h5'}")
    if not stat.S_ISREG(mode):
        raise RunFileError(f"{path}: is no plain file (a pipe or a device); move it away")
