"""Checks that a run is resumed under the conditions it began with.

A run that broke off is resumed with the same release of labspin, the same station file, the same source of
the procedure and the same parameters, or not at all unless the user says that the difference does not matter
(``--force``); then the run file says what was different. A commit more in a development tree, while release
and procedure are what they were, is worth a note: a developer resumes all the time, and would soon say
``--force`` without looking.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from labspin.data import RunHeader
from labspin.errors import LabspinError, PlanError, StationError
from labspin.experiment.environment import environment
from labspin.experiment.procedure import Procedure

__all__ = ["differences", "notes", "procedure_source"]


def procedure_source(kind: type[Procedure]) -> str:
    """Return a digest of the source of a procedure: its module, and those beside it that it takes names from.

    Empty where a part of the source is not available, as of a class that was typed into a notebook.

    Parameters
    ----------
    kind
        The procedure's class.
    """
    bases = [base for base in kind.__mro__ if issubclass(base, Procedure) and base is not Procedure]
    wanted, sources = [base.__module__ for base in bases], dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name in sources:
            continue
        module = sys.modules.get(name)
        try:
            sources[name] = inspect.getsource(module) if module is not None else ""
        except (OSError, TypeError):
            sources[name] = ""
        if module is None or not sources[name]:
            return ""
        wanted += _beside(module)
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(sources[name].encode())
    return digest.hexdigest()


def _beside(module: ModuleType) -> list[str]:
    """Return the modules of the same package that ``module`` takes names from."""
    package = module.__name__.rpartition(".")[0]
    origins = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in vars(module).values()
    }
    return [
        name
        for name in origins
        if isinstance(name, str) and package and name.startswith(f"{package}.") and name != module.__name__
    ]


def differences(
    path: Path, header: RunHeader, *, station: Mapping[str, object], procedure: Procedure
) -> list[LabspinError]:
    """Return the differences that forbid resuming a run, one error each.

    Parameters
    ----------
    path
        The run file, for errors.
    header
        What the run was begun with.
    station
        Description of the station as it is now.
    procedure
        As it would be resumed.
    """
    found: list[LabspinError] = []
    was, now = header.environment.get("labspin"), environment().get("labspin")
    if was != now:
        found.append(
            PlanError(
                f"{path}: was begun with labspin {was}, and this is {now}; resume with that version, or with "
                "--force if the procedure still does the same"
            )
        )
    if header.station.get("text") != station.get("text"):
        found.append(
            StationError(
                f"{station.get('path')}: is not the station file that {path} was begun with; restore it, or "
                "resume with --force if instruments, limits and calibrations mean the same"
            )
        )
    was, now = header.extra.get("procedure_source"), procedure_source(type(procedure))
    if was and now and was != now:
        found.append(
            PlanError(
                f"{path}: procedure {header.procedure!r} was changed since the run was begun; restore it, or "
                "resume with --force if it still does the same"
            )
        )
    return found + _other_parameters(path, header, procedure)


def _other_parameters(path: Path, header: RunHeader, procedure: Procedure) -> list[LabspinError]:
    now = procedure.parameter_record()
    values = {
        name: tuple(record.get(name, {}).get("value") for record in (header.parameters, now))
        for name in sorted({*now, *header.parameters} - {"station"})
    }
    return [
        PlanError(
            f"{path}: {name} is {becomes!r}, and the run was begun with {was!r}; restore the card, start a "
            "new run, or resume with --force if the points mean the same"
        )
        for name, (was, becomes) in values.items()
        if _listed(was) != _listed(becomes)
    ]


def _listed(value: object) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def notes(header: RunHeader) -> list[str]:
    """Return a note if the code differs from the code with which the run was begun; else an empty list.

    Parameters
    ----------
    header
        The header of the run that is resumed.
    """
    was, now = _state(header.environment), _state(environment())
    return [f"begun with the code of {was}, resumed with that of {now}"] if was != now else []


def _state(recorded: Mapping[str, Any]) -> str:
    code = recorded.get("code") or {}
    commit = str(code.get("commit", ""))[:12] or "no repository"
    return f"{commit}, changed" if code.get("changed") else commit
