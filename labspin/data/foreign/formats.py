"""The formats that labspin reads, in the order in which they are tried: one line a format.

An installed package offers further ones as entry points of the group ``labspin.formats``: a `Format`.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labspin.data.foreign.source import Contents
from labspin.plugins import installed

__all__ = ["FORMATS", "Format", "format_of"]

_ENDING = re.compile(r"\.s\dp")


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name
        In words.
    recognises
        From the first 4100 bytes and the ending of the name, with its dot and in small letters.
    reader
        ``"module:function"``: takes a path and returns `Contents`.
    package
        What reads it, of the extra ``formats``; empty: nothing beyond labspin's own needs.
    """

    name: str
    recognises: Callable[[bytes, str], bool]
    reader: str
    package: str = ""

    def read(self, path: Path) -> Contents:
        """Return what a file of this format offers; raises as its reader.

        Parameters
        ----------
        path
            The file.
        """
        contents: Contents = pkgutil.resolve_name(self.reader)(path)
        return contents


def _starts(*marks: bytes) -> Callable[[bytes, str], bool]:
    return lambda head, ending: head.startswith(marks)


def _is_igor(head: bytes, ending: str) -> bool:
    return ending in (".ibw", ".pxp", ".pxt") and len(head) > 2


def _is_winspec(head: bytes, ending: str) -> bool:
    from labspin.data.foreign.winspec import is_winspec

    return ending == ".spe" and is_winspec(head)


def _is_grid(head: bytes, ending: str) -> bool:
    return ending == ".3ds" and b"Grid dim" in head[:400]


def _is_documents(head: bytes, ending: str) -> bool:
    from labspin.data.foreign.bluesky import is_documents

    return is_documents(head[:40].decode("latin-1"))


def _is_bes3t(head: bytes, ending: str) -> bool:
    return (ending == ".dsc" and head.startswith(b"#DESC")) or (ending == ".dta" and b"<stata" not in head)


def _is_lvm(head: bytes, ending: str) -> bool:
    return b"LabVIEW Measurement" in head[:60].replace(b"\0", b"")


_HERE = "labspin.data.foreign"
FORMATS = (
    Format("HDF5, netCDF-4, MATLAB 7.3", _starts(b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3 MAT-file"),
           f"{_HERE}.hdf5:read_hdf5"),
    Format("netCDF, classic", _starts(b"CDF\x01", b"CDF\x02"), f"{_HERE}.netcdf3:read_netcdf3"),
    Format("TDMS", _starts(b"TDSm"), f"{_HERE}.tdms:read_tdms", "npTDMS"),
    Format("MATLAB", lambda head, ending: head.startswith(b"MATLAB 5.0 MAT-file") or ending == ".mat",
           f"{_HERE}.matlab:read_matlab"),
    Format("NumPy", lambda head, ending: head.startswith(b"\x93NUMPY")
           or (head.startswith(b"PK\x03\x04") and ending == ".npz"), f"{_HERE}.numpy_files:read_numpy"),
    Format("Excel", lambda head, ending: head.startswith(b"PK\x03\x04") and ending in (".xlsx", ".xlsm"),
           f"{_HERE}.excel:read_excel", "openpyxl"),
    Format("QCoDeS", _starts(b"SQLite format 3\0"), f"{_HERE}.qcodes:read_qcodes"),
    Format("Igor Pro", _is_igor, f"{_HERE}.igor:read_igor", "igor2"),
    Format("Nanonis scan", _starts(b":NANONIS_VERSION:"), f"{_HERE}.nanonis:read_sxm"),
    Format("Nanonis grid", _is_grid, f"{_HERE}.nanonis_grid:read_grid"),
    Format("WinSpec and LightField", _is_winspec, f"{_HERE}.winspec:read_winspec"),
    Format("Touchstone", lambda head, ending: bool(_ENDING.fullmatch(ending)),
           f"{_HERE}.touchstone:read_touchstone"),
    Format("bluesky documents", _is_documents, f"{_HERE}.bluesky:read_bluesky"),
    Format("LeCroy", lambda head, ending: b"WAVEDESC" in head[:64], f"{_HERE}.scopes:read_lecroy"),
    Format("Keysight", lambda head, ending: ending == ".bin" and head.startswith(b"AG"),
           f"{_HERE}.scopes:read_keysight"),
    Format("Bruker BES3T", _is_bes3t, f"{_HERE}.bruker:read_bes3t"),
    Format("Parquet and Feather", _starts(b"PAR1", b"ARROW1\0"), f"{_HERE}.arrow:read_arrow", "pyarrow"),
    Format("JSON", lambda head, ending: ending == ".json" and head.lstrip()[:1] in (b"{", b"["),
           f"{_HERE}.json_files:read_json"),
    Format("LabVIEW measurement", _is_lvm, f"{_HERE}.labview:read_lvm"),
    Format("text", lambda head, ending: True, f"{_HERE}.text:read_text"),
)  # fmt: skip
"""What is tried, the surest marks first; text takes whatever is left."""


def format_of(path: Path, head: bytes) -> Format:
    """Return the format of a file.

    Parameters
    ----------
    path
        The file.
    head
        Its first 4100 bytes.
    """
    ending = path.suffix.lower()
    for one in FORMATS[:-1]:
        if one.recognises(head, ending):
            return one
    for entry in installed("labspin.formats").values():
        offered = entry.load()
        if isinstance(offered, Format) and offered.recognises(head, ending):
            return offered
    return FORMATS[-1]
