"""Station and procedure that a run file names, and when they may be used again.

A run file comes from anywhere and is data. It names a station file and a procedure; neither may make labspin
execute Python code that the user did not choose. So a procedure is taken from labspin or an installed package
only. A station file that names Python files of its own is loaded only from a known folder of the present
workspace, and only if it and those files have the contents that the run recorded. Anything else must be named
explicitly: ``--card`` and ``--on``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labspin.data import RunHeader, read_run
from labspin.errors import CardError, LabspinError, StationError
from labspin.experiment import Procedure
from labspin.procedures import list_procedures, load_procedure
from labspin.station import Station, load_station
from labspin.station.code import code_files, code_of
from labspin.system import bounded_text, reason_of
from labspin.workspaces import workspace_folder

__all__ = ["recorded_parameters", "recorded_procedure", "recorded_station", "recorded_values"]

DOORS = ("instruments", "procedures", "analysis")
"""Folders of a workspace that may hold code."""


def recorded_procedure(header: RunHeader) -> Procedure:
    """Return the procedure of a run as it was begun, from labspin or an installed package.

    Parameters
    ----------
    header
        Header of the run.

    Raises
    ------
    CardError
        There is no procedure of that name.
    """
    if header.procedure not in list_procedures():
        raise CardError(
            f"procedure {header.procedure!r} is none of labspin or of an installed package, and a run "
            "file is never asked to execute one; name the run card that it was begun with: --card CARD"
        )
    kind, values = load_procedure(header.procedure), recorded_values(header)
    try:
        return kind(**{name: value for name, (value, _) in values.items()})
    except LabspinError:
        raise
    except Exception as error:
        raise CardError(
            f"procedure {header.procedure!r}: the run file's parameters are none of its own "
            f"({type(error).__name__}: {error}); name the run card that it was begun with: --card CARD"
        ) from error


def recorded_values(header: RunHeader) -> dict[str, tuple[Any, str]]:
    """Return the parameters of a run: name to value and unit; "1" where the file names none.

    Parameters
    ----------
    header
        Header of the run.
    """
    found: dict[str, tuple[object, str]] = {}
    for name, record in header.parameters.items():
        known = isinstance(record, Mapping) and "value" in record
        found[name] = (record["value"], str(record.get("unit") or "1")) if known else (record, "1")
    return found


def recorded_parameters(path: Path | str) -> tuple[type[Procedure], dict[str, Any], str]:
    """Return the procedure of a run, its parameters, and the run's label, to repeat it with changes.

    Parameters
    ----------
    path
        The run file.

    Raises
    ------
    RunFileError
        It cannot be read.
    CardError
        Its procedure is not from labspin or an installed package.
    """
    header = read_run(path).header
    procedure = recorded_procedure(header)
    values = {name: value for name, (value, _) in recorded_values(header).items() if name != "station"}
    return type(procedure), values, header.label or header.procedure


def recorded_station(path: Path, recorded: Mapping[str, object]) -> Station:
    """Return the station that a run names.

    Parameters
    ----------
    path
        The run file, for errors.
    recorded
        What it records of its station.

    Raises
    ------
    StationError
        The station file is gone, or is not to be trusted with the Python files that it names.
    """
    file = Path(str(recorded.get("path", "")))
    if not file.is_file():
        raise StationError(
            f"{path}: wanted its station file {str(file)!r}, found none; name one with --on STATION"
        )
    try:
        text = bounded_text(file, errors="replace")
    except OSError as error:
        raise StationError(f"{file}: {reason_of(error)}; name a station with --on STATION") from error
    code = code_files(text, file.parent)
    if code and (problem := _distrust(file, text, code, recorded)):
        raise StationError(
            f"{path}: its station file {str(file)!r} would run {', '.join(code)}, and {problem}; if you "
            f"trust that code, name the station yourself: --on {file}"
        )
    return load_station(file)


def _distrust(file: Path, text: str, code: Mapping[str, Path], recorded: Mapping[str, object]) -> str:
    """Return why code must not be executed; empty if it may be."""
    workspace = workspace_folder(Path.cwd())
    doors = [(workspace / door).resolve() for door in DOORS]
    for one in (file, *code.values()):
        if not any(one.resolve().is_relative_to(door) for door in doors):
            return f"{one.name} does not stand in a door ({', '.join(DOORS)}) of the workspace {workspace}"
    if text != recorded.get("text"):
        return "the station file is not what the run recorded"
    if code_of(text, file.parent) != recorded.get("code"):
        return "the code is not, by its contents, what the run recorded"
    return ""
