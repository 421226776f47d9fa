"""The group's experiments, one file each, and how a procedure is found by name.

A name is looked for in the table below, then among the entry points of the group ``labspin.procedures`` of
installed packages; ``"file.py:Class"`` takes a class out of a file, relative to the run card that names it.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.errors import CardError

if TYPE_CHECKING:
    from labspin.experiment import Procedure
    from labspin.procedures.mdmr import MDMR
    from labspin.procedures.mdmr_lockin import MDMRLockIn
    from labspin.procedures.mrfm_temperature import MRFMTemperature
    from labspin.procedures.pl_scan import PLScan
    from labspin.procedures.rabi import Rabi
    from labspin.procedures.t1 import T1
    from labspin.procedures.t1_field import T1Field

__all__ = [
    "MDMR",
    "PROCEDURES",
    "T1",
    "MDMRLockIn",
    "MRFMTemperature",
    "PLScan",
    "Rabi",
    "T1Field",
    "list_procedures",
    "load_procedure",
]

PROCEDURES = {
    "mdmr": "labspin.procedures.mdmr:MDMR",
    "mdmr_lockin": "labspin.procedures.mdmr_lockin:MDMRLockIn",
    "mrfm_temperature": "labspin.procedures.mrfm_temperature:MRFMTemperature",
    "pl_scan": "labspin.procedures.pl_scan:PLScan",
    "rabi": "labspin.procedures.rabi:Rabi",
    "t1": "labspin.procedures.t1:T1",
    "t1_field": "labspin.procedures.t1_field:T1Field",
}
"""Procedures that come with labspin."""
_GROUP = "labspin.procedures"


def list_procedures() -> tuple[str, ...]:
    """Return the names of all procedures that are installed."""
    found = (entry.name for entry in importlib.metadata.entry_points(group=_GROUP))
    return tuple(sorted({*PROCEDURES, *found}))


def load_procedure(name: str, folder: Path = Path()) -> type[Procedure]:
    """Return the procedure class called ``name``.

    Parameters
    ----------
    name
        A name of `list_procedures`, or ``"file.py:Class"``.
    folder
        What a relative path starts from.

    Raises
    ------
    CardError
        There is none, its module cannot be loaded, or it is no procedure.
    """
    if ".py:" in name:
        return _checked(name, _from_file(name, folder))
    if name in PROCEDURES:
        return _checked(name, pkgutil.resolve_name(PROCEDURES[name]))
    for entry in importlib.metadata.entry_points(group=_GROUP):
        if entry.name == name:
            return _checked(name, _load(name, entry.load))
    known = list_procedures()
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise CardError(f"wanted a procedure out of {list(known)} or 'file.py:Class', got {name!r}{hint}")


def _from_file(name: str, folder: Path) -> object:
    file, _, attribute = name.rpartition(":")
    path = (folder / file).resolve()
    if not path.is_file():
        raise CardError(f"procedure {name!r}: there is no file {path}")
    module_name = f"labspin_workspace_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise CardError(f"procedure {name!r}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pymeasure looks a procedure's module up there
    _load(name, lambda: spec.loader.exec_module(module))
    if not hasattr(module, attribute):
        raise CardError(f"procedure {name!r}: {path} has no {attribute!r}")
    return getattr(module, attribute)


def _load(name: str, load: Any) -> Any:
    try:
        return load()
    except Exception as error:  # a person's file may raise anything
        raise CardError(f"procedure {name!r}: its module fails: {type(error).__name__}: {error}") from error


def _checked(name: str, found: object) -> type[Procedure]:
    from labspin.experiment import Procedure

    if not isinstance(found, type) or not issubclass(found, Procedure):
        raise CardError(
            f"procedure {name!r}: wanted a subclass of labspin.experiment.Procedure, got {found!r}"
        )
    return found


def __getattr__(name: str) -> Any:
    for where in PROCEDURES.values():
        if where.endswith(f":{name}"):
            return pkgutil.resolve_name(where)
    raise AttributeError(f"module 'labspin.procedures' has no attribute {name!r}")
