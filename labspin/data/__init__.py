"""The run file: everything about one run in one self-describing HDF5 file, and nothing ever lost.

While a run lasts, each point is a record in an append-only journal beside the file (`journal`); the HDF5
file itself is only ever published whole (`publish`). `read_run` and `open` read a running, a finished and
a dead run alike. The names below are loaded on first use: this package costs nothing to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labspin.data.export import export_copy, export_csv
    from labspin.data.fits import FitCurve, FitParameter, FitRecord, write_fit
    from labspin.data.foreign import ForeignColumn, ForeignEntry, list_foreign, read_foreign
    from labspin.data.postscript import Postscript
    from labspin.data.reader import RunSummary, list_runs, open, read_run  # noqa: A004
    from labspin.data.recovery import recover
    from labspin.data.run import Event, Points, Run
    from labspin.data.run_file import RunFile, open_parts
    from labspin.data.schema import Column, Dimension, Layout, RunHeader
    from labspin.data.writer import RunWriter

_LAZY = {
    "Column": "schema",
    "Dimension": "schema",
    "Event": "run",
    "FitCurve": "fits",
    "FitParameter": "fits",
    "FitRecord": "fits",
    "ForeignColumn": "foreign",
    "ForeignEntry": "foreign",
    "Layout": "schema",
    "Points": "run",
    "Postscript": "postscript",
    "Run": "run",
    "RunFile": "run_file",
    "RunHeader": "schema",
    "RunSummary": "reader",
    "RunWriter": "writer",
    "export_copy": "export",
    "export_csv": "export",
    "list_foreign": "foreign",
    "list_runs": "reader",
    "open": "reader",
    "open_parts": "run_file",
    "read_foreign": "foreign",
    "read_run": "reader",
    "recover": "recovery",
    "write_fit": "fits",
}

__all__ = [
    "Column",
    "Dimension",
    "Event",
    "FitCurve",
    "FitParameter",
    "FitRecord",
    "ForeignColumn",
    "ForeignEntry",
    "Layout",
    "Points",
    "Postscript",
    "Run",
    "RunFile",
    "RunHeader",
    "RunSummary",
    "RunWriter",
    "export_copy",
    "export_csv",
    "list_foreign",
    "list_runs",
    "open",
    "open_parts",
    "read_foreign",
    "read_run",
    "recover",
    "write_fit",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"labspin.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'labspin.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
