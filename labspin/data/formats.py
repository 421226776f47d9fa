"""Runs in the formats of other programs: CSV, Excel, Parquet, MATLAB and netCDF.

Text, Excel and Parquet have one row a point, arrays tables of their own; MATLAB and netCDF keep the shape
of the run. Units stand in the heads of tables and in attributes.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.data.export import export_csv, tables_of
from labspin.data.outputs import OutputKind, csv_cell, refuse_foreign
from labspin.data.reader import read_run, run_path
from labspin.data.run import Run
from labspin.data.storage import whole_file
from labspin.errors import ArgumentError, StorageError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["FORMATS", "export_run"]

_KEPT = "it was not exported"
_LONGEST_CELL = 32_767  # characters, with the quote before what looks like a formula
_NOT_IN_A_SHEET = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SHEET_ROWS = 1_048_576 - 1  # Excel's own limit, without the heads


def export_run(
    source: Path | str, *, to: str, folder: Path | None = None, overwrite: bool = False
) -> list[Path]:
    """Write a run in the format ``to`` and return the files written.

    Parameters
    ----------
    source
        A run file; a running or dead run will do.
    to
        One of `FORMATS`.
    folder
        Where to write; default beside the run file. Made where missing.
    overwrite
        Whether files that an earlier export wrote are replaced.

    Raises
    ------
    ArgumentError
        There is no such format, or its package is not installed.
    StorageError
        A file exists already, is of another kind, or cannot be written.
    RunFileError
        The run cannot be read.
    """
    if to not in FORMATS:
        raise ArgumentError(f"export: wanted one of the formats {', '.join(sorted(FORMATS))}, got {to!r}")
    path = run_path(Path(source))
    run = read_run(path)
    into = path.parent if folder is None else folder
    into.mkdir(parents=True, exist_ok=True)
    target = into / f"{path.stem}.{to}"
    if to == "csv":
        return export_csv(run, target, overwrite=overwrite)
    kind, write = FORMATS[to]
    if target.exists() and not overwrite:
        raise StorageError(f"{target}: exists already; choose another folder or allow overwriting (--force)")
    refuse_foreign(target, kind, inputs=run.sources)
    return write(run, target)


def _xlsx(run: Run, target: Path) -> list[Path]:
    openpyxl = _package("openpyxl", "xlsx")
    book = openpyxl.Workbook(write_only=True)
    for name, table in tables_of(run).items():
        rows = len(next(iter(table.values())))
        if rows > _SHEET_ROWS:
            raise StorageError(
                f"{target}: wanted at most {_SHEET_ROWS:,} rows in a sheet, got {rows:,} of "
                f"{name or 'the points'}; use parquet or nc"
            )
        sheet = book.create_sheet(name[:31] or "points")
        sheet.append(list(table))
        for row in zip(*(column.tolist() for column in table.values()), strict=True):
            sheet.append([_sheet_cell(cell) for cell in row])
    about = book.create_sheet("run")
    for key, value in run.attributes.items():
        about.append([key, _sheet_cell(str(value))])
    with whole_file(target, _KEPT) as temporary:
        book.save(temporary)
    return [target]


def _sheet_cell(value: object) -> object:
    """Return a cell as Excel can hold it: no formula, no control characters, 32767 characters at most."""
    if not isinstance(value, str):
        return value
    text = _NOT_IN_A_SHEET.sub(lambda match: ascii(match[0])[1:-1], value)
    return csv_cell(text if len(text) < _LONGEST_CELL else f"{text[: _LONGEST_CELL - 2]}…")


def _parquet(run: Run, target: Path) -> list[Path]:
    pyarrow, parquet = _package("pyarrow", "parquet"), _package("pyarrow.parquet", "parquet")
    written = []
    for name, table in tables_of(run).items():
        path = target.with_suffix(f".{name}.parquet") if name else target
        about = {key: str(value) for key, value in run.attributes.items()}
        frame = pyarrow.table(dict(table)).replace_schema_metadata(about)
        with whole_file(path, _KEPT) as temporary:
            parquet.write_table(frame, temporary)
        written.append(path)
    return written


def _mat(run: Run, target: Path) -> list[Path]:
    from scipy.io import savemat

    data: dict[str, object] = {dimension.name: dimension.values for dimension in run.header.layout.dimensions}
    data |= {name: _plain(values) for name, values in run.data.items()}
    layout = run.header.layout
    units = {one.name: one.unit for one in layout.dimensions} | {one.name: one.unit for one in layout.columns}
    content = {
        "data": data,
        "units": units,
        "run": {key: str(value) for key, value in run.attributes.items()},
    }
    with whole_file(target, _KEPT) as temporary:
        savemat(os.fspath(temporary), content, appendmat=False, long_field_names=True, oned_as="column")
    return [target]


def _netcdf(run: Run, target: Path) -> list[Path]:
    dataset = run.to_xarray()
    _package("h5netcdf", "nc")
    is_complex = any(values.dtype.kind == "c" for values in dataset.variables.values())
    with whole_file(target, _KEPT) as temporary:
        # netCDF itself knows no complex numbers; h5netcdf writes them as HDF5 does.
        dataset.to_netcdf(temporary, engine="h5netcdf", invalid_netcdf=is_complex)
    return [target]


def _plain(values: Any) -> object:
    return values.astype(object) if values.dtype.kind in "OUST" else values


def _package(name: str, to: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ArgumentError(
            f"export: the format {to!r} needs the package {name.partition('.')[0]}; "
            "install it with pip install 'labspin[formats]'"
        ) from error


FORMATS: dict[str, tuple[OutputKind, Callable[[Run, Path], list[Path]]]] = {
    "csv": (
        OutputKind("a table of text", lambda head: b"\0" not in head),
        lambda run, path: export_csv(run, path),
    ),
    "mat": (OutputKind("a MATLAB file", lambda head: head.startswith(b"MATLAB ")), _mat),
    "nc": (OutputKind("a netCDF file", lambda head: head.startswith((b"\x89HDF", b"CDF"))), _netcdf),
    "parquet": (OutputKind("a Parquet file", lambda head: head.startswith(b"PAR1")), _parquet),
    "xlsx": (OutputKind("an Excel file", lambda head: head.startswith(b"PK\x03\x04")), _xlsx),
}
"""Format -> what its files are, and how a run is written as one."""
