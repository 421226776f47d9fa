"""How much a file of another program may unpack to: one rule for everything that is packed.

A file of a few kilobytes can claim to hold, or truly unpack to, more than any memory. So before anything is
unpacked: what comes out may be 256 MB whatever it was packed to, and beyond that at most 100 times the bytes
that it takes in the file. Measured data do not pack better.

A reader of a packed format asks `refuse_bomb` first. It knows zip (and what is made of it: npz, xlsx), gzip
and MATLAB files. A stream that does not say how long it becomes is counted as it is unpacked, and not kept.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from labspin.errors import DamagedFileError

__all__ = ["refuse_bomb"]

_LARGE = 1 << 28  # bytes that may come out whatever they were packed to
_MOST_PACKED = 100  # times to which measured data can be packed
_BLOCK = 1 << 16  # bytes that are unpacked at once to be counted
_GZIP = b"\x1f\x8b"
_MATLAB_HEADER = 128  # bytes
_COMPRESSED = 15  # kind of element in a MATLAB file


def refuse_bomb(path: Path) -> None:
    """Refuse an archive, a gzip file or a MATLAB file that unpacks without bound.

    Parameters
    ----------
    path
        Any file; what is not packed passes.

    Raises
    ------
    DamagedFileError
        It unpacks to more than the memory should hold, and more than data do.
    zlib.error
        What is packed is damaged.
    zipfile.BadZipFile
        The directory of the archive is damaged.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        _refuse_unbounded(sum(m.file_size for m in members), sum(m.compress_size for m in members), path)
        return
    with path.open("rb") as file:
        start = file.read(_MATLAB_HEADER)
        if start.startswith(_GZIP):
            _count_gzip(file, path)
        elif start[126:128] in (b"IM", b"MI"):
            _count_matlab(file, "<" if start[126:128] == b"IM" else ">", path)


def _refuse_unbounded(whole: int, packed: int, path: Path) -> None:
    if whole > _LARGE and whole > _MOST_PACKED * packed:
        most = f"{_LARGE / 1e6:.0f} MB or {_MOST_PACKED} times as much"
        raise DamagedFileError(
            f"{path}: its {packed / 1e6:.3g} MB claim to unpack to {whole / 1e6:.3g} MB or more, wanted at "
            f"most {most}; unpack it yourself if it is meant, and hand over the arrays"
        )


def _count_gzip(file: BinaryIO, path: Path) -> None:
    """Count what the members of a gzip file unpack to."""
    file.seek(0)
    whole = packed = 0
    rest = b""
    while rest := (rest or file.read(_BLOCK)).lstrip(b"\0"):  # padding may follow
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof and (rest or (rest := file.read(_BLOCK))):
            before = len(rest)
            whole += len(stream.decompress(rest, _BLOCK))
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
            packed += before - len(rest)
            _refuse_unbounded(whole, packed, path)


def _count_matlab(file: BinaryIO, order: str, path: Path) -> None:
    """Count what the packed elements of a MATLAB 5 file unpack to."""
    file.seek(_MATLAB_HEADER)
    whole = packed = 0
    while len(tag := file.read(8)) == 8:
        kind, left = struct.unpack(f"{order}II", tag)
        if kind != _COMPRESSED:
            file.seek(left, 1)
            continue
        stream = zlib.decompressobj()
        while left and not stream.eof and (block := file.read(min(left, _BLOCK))):
            left -= len(block)
            packed += len(block)
            while block and not stream.eof:
                whole += len(stream.decompress(block, _BLOCK))
                block = stream.unconsumed_tail
                _refuse_unbounded(whole, packed, path)
        file.seek(left, 1)
