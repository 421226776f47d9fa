"""What a command may replace: a file of the very kind that it writes, and never one of those that it read.

Each kind of output is known by its contents, not by its name: ``labspin fit --table *.h5`` hands the name of
a run file to the table, and the run must survive it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from labspin.data.nexus.seal import read_seal
from labspin.errors import LabspinError, StorageError
from labspin.system import reason_of

__all__ = ["CSV", "PAGE", "PICTURE", "TABLE", "OutputKind", "csv_cell", "refuse_foreign"]

_HEAD = 1 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class OutputKind:
    """A kind of file that a command writes."""

    name: str
    """With its article, for errors."""
    recognises: Callable[[bytes], bool]
    """Whether a file that begins with these bytes is of this kind."""


def _is_picture(head: bytes) -> bool:
    known = (b"\x89PNG\r\n\x1a\n", b"%PDF-", b"%!PS", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF")
    return head.startswith(known) or (head.lstrip()[:5] == b"<?xml" and b"<svg" in head)


def _is_page(head: bytes) -> bool:
    return head[:15].lower() == b"<!doctype html>" and b"Content-Security-Policy" in head


PICTURE = OutputKind("a picture", _is_picture)
PAGE = OutputKind("a report of labspin", _is_page)
CSV = OutputKind("a table of text", lambda head: b"\0" not in head)
TABLE = OutputKind("a table of fits", lambda head: head.startswith((b"source,label,trace,", b"PAR1")))


def refuse_foreign(
    target: Path,
    kind: OutputKind,
    *,
    inputs: Iterable[Path] = (),
    error: type[LabspinError] = StorageError,
) -> None:
    """Refuse to write ``target`` where something else would be lost.

    Parameters
    ----------
    target
        What is to be written; it need not exist.
    kind
        What it will be.
    inputs
        Files that are read to make it.
    error
        What is raised.

    Raises
    ------
    LabspinError
        ``target`` is one of ``inputs``, or holds something that is not of this ``kind``.
    """
    try:
        if not target.exists():
            return
        for source in inputs:
            if source.exists() and target.samefile(source):
                raise error(f"{target}: is one of the files to be read; choose another name for {kind.name}")
        if target.is_dir() or not target.is_file():
            raise error(f"{target}: is no plain file; choose another name for {kind.name}")
        with target.open("rb") as file:
            head = file.read(_HEAD)
        if head and (read_seal(target) is not None or not kind.recognises(head)):
            raise error(
                f"{target}: exists already and is not {kind.name}; choose another name, or move it away"
            )
    except OSError as refused:
        raise error(f"{target}: {reason_of(refused, writing=True)}; it is left as it is") from refused


def csv_cell(value: object) -> object:
    """Return a cell that no spreadsheet reads as a formula: text that begins like one gets a quote in front.

    Parameters
    ----------
    value
        Content of the cell.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
