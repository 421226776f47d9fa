"""A seal behind the end of a run file, by which damage is found before HDF5 meets it.

HDF5 trusts its files: a few bytes turned to zero make it run in circles for ever. So a published file
carries behind its HDF5 part a JSON text with the length and the checksum of that part and the run in a few
words, then the length and the checksum of the text itself and a magic word. HDF5 does not look there, and
cuts it off as soon as another program changes the file. The file then counts as unsealed: intact perhaps,
but to be tried out in a process of its own first (`probe`).

A checksum shows damage, not malice: a person who forges a file can forge its seal.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labspin.data.journal.layout import require_plain_file
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError
from labspin.system import reason_of

__all__ = ["Seal", "check_seal", "check_signature", "checksum", "probe", "read_seal", "seal_text"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAGIC = b"labspin-sealed\x01\n"
_FOOT = struct.Struct(f"<II{len(_MAGIC)}s")
_MAX_TEXT = 1 << 20
_BUSY = 20  # times as long on the wall as on the processor: more is waited for nothing


@dataclass(frozen=True, kw_only=True)
class Seal:
    """What follows the HDF5 part of a run file."""

    length: int
    """Bytes of the HDF5 part."""
    crc32: int
    facts: dict[str, Any]
    """The run in a few words."""


def seal_text(length: int, crc32: int, facts: Mapping[str, object]) -> bytes:
    """Return the bytes that seal an HDF5 part of ``length`` bytes.

    Parameters
    ----------
    length
        Size of the HDF5 part, bytes.
    crc32
        Its checksum, as from `checksum`.
    facts
        Summary of the run, values that JSON knows.
    """
    text = json.dumps({"length": length, "crc32": crc32, "facts": dict(facts)}).encode()
    return text + _FOOT.pack(len(text), zlib.crc32(text), _MAGIC)


def checksum(path: Path, length: int) -> int:
    """Return the crc32 of the first ``length`` bytes of a file.

    Parameters
    ----------
    path
        The file.
    length
        Number of bytes.
    """
    value = 0
    with path.open("rb") as file:
        while length > 0 and (block := file.read(min(length, 1 << 22))):
            value = zlib.crc32(block, value)
            length -= len(block)
    return value


def read_seal(path: Path) -> Seal | None:
    """Return the seal of a file, or ``None`` if it carries none.

    Parameters
    ----------
    path
        The file.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < _FOOT.size:
            return None
        file.seek(size - _FOOT.size)
        length, crc32, magic = _FOOT.unpack(file.read(_FOOT.size))
        if magic != _MAGIC or length > min(_MAX_TEXT, size - _FOOT.size):
            return None
        file.seek(size - _FOOT.size - length)
        text = file.read(length)
    if zlib.crc32(text) != crc32:
        return None
    return _parse(text, size - _FOOT.size - length)


def _parse(text: bytes, place: int) -> Seal | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match content:
        case {"length": int(length), "crc32": int(crc32), "facts": dict(facts)} if length == place:
            return Seal(length=length, crc32=crc32, facts=facts)
    return None


def check_seal(path: Path) -> bool:
    """Return whether a file is sealed and unharmed; ``False`` if it carries no seal.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        The file is not what was sealed.
    """
    seal = read_seal(path)
    if seal is None:
        return False
    if checksum(path, seal.length) != seal.crc32:
        raise DamagedFileError(
            f"{path}: corrupted: its bytes do not match the checksum; restore it from a copy"
        )
    return True


def probe(path: Path, task: str, *, patience: float = 30.0) -> None:
    """Let another process do ``task`` with a file that cannot be trusted, before this one does.

    Parameters
    ----------
    path
        The file.
    task
        ``"run"`` to read it as a run, ``"foreign"`` to list its data sets, ``"matlab"`` for a MATLAB file.
    patience
        Time of the processor after which HDF5 is taken to be lost in it, s; a second is added for each 20 MB.
        A machine on which many processes wait for the processor finds no file damaged for that. Where such a
        time cannot be bounded (Windows), and for a disk that does not answer, the time on the wall counts.

    Raises
    ------
    DamagedFileError
        The file brings down what reads it, or to a standstill. What is said in plain words comes later.
    """
    limit = math.ceil(patience + path.stat().st_size / 20e6)
    command = [sys.executable, "-m", "labspin.data.probe", task, os.fspath(path.absolute()), str(limit)]
    endless = f"{path}: corrupted: what reads it does not come to an end"
    try:
        outcome = subprocess.run(
            command, capture_output=True, check=False, env=_environment(),
            timeout=limit if sys.platform == "win32" else _BUSY * limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DamagedFileError(endless) from error
    if sys.platform != "win32" and outcome.returncode == -signal.SIGXCPU:
        raise DamagedFileError(endless)
    if outcome.returncode not in (0, 1):
        raise DamagedFileError(
            f"{path}: corrupted: it brings down what reads it (exit code {outcome.returncode})"
        )


def _environment() -> dict[str, str]:
    """Return an environment in which a new process finds this very package."""
    root = os.fspath(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, known]) if known else root}


def check_signature(path: Path) -> None:
    """Refuse what is no HDF5 file by its first bytes.

    Parameters
    ----------
    path
        The run file.

    Raises
    ------
    RunFileError
        It is not there, cannot be read, is empty, or is another kind of file.
    """
    try:
        require_plain_file(path)
        with path.open("rb") as file:
            start = file.read(len(_SIGNATURE))
    except FileNotFoundError as error:
        raise RunFileError(f"{path}: no such file, and no journal of it; check the name") from error
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {reason_of(error)}") from error
    if not start:
        raise DamagedFileError(f"{path}: empty; it holds nothing")
    if start != _SIGNATURE:
        raise NotARunFileError(f"{path}: not a labspin run, nor any HDF5 file")
