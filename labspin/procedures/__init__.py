"""The group's experiments, one file each, and how a procedure is found by name.

A name is looked for in the table below, then among the entry points of the group ``labspin.procedures`` of
installed packages; ``"file.py:Class"`` takes a class out of a file, relative to the run card that names it.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.errors import CardError
from labspin.plugins import Registry

if TYPE_CHECKING:
    from labspin.experiment import Procedure
    from labspin.procedures.dynamical_decoupling import DynamicalDecoupling
    from labspin.procedures.film_approach import FilmApproach
    from labspin.procedures.hahn_echo import HahnEcho
    from labspin.procedures.mdmr import MDMR
    from labspin.procedures.mdmr_lockin import MDMRLockIn
    from labspin.procedures.mrfm_temperature import MRFMTemperature
    from labspin.procedures.odmr import ODMR
    from labspin.procedures.pl_scan import PLScan
    from labspin.procedures.pulsed_odmr import PulsedODMR
    from labspin.procedures.rabi import Rabi
    from labspin.procedures.ramsey import Ramsey
    from labspin.procedures.relaxometry import Relaxometry
    from labspin.procedures.t1 import T1
    from labspin.procedures.t1_field import T1Field

__all__ = [
    "MDMR",
    "ODMR",
    "PROCEDURES",
    "T1",
    "DynamicalDecoupling",
    "FilmApproach",
    "HahnEcho",
    "MDMRLockIn",
    "MRFMTemperature",
    "PLScan",
    "PulsedODMR",
    "Rabi",
    "Ramsey",
    "Relaxometry",
    "T1Field",
    "list_procedures",
    "load_procedure",
]

PROCEDURES = {
    "dynamical_decoupling": "labspin.procedures.dynamical_decoupling:DynamicalDecoupling",
    "hahn_echo": "labspin.procedures.hahn_echo:HahnEcho",
    "mdmr": "labspin.procedures.mdmr:MDMR",
    "mdmr_lockin": "labspin.procedures.mdmr_lockin:MDMRLockIn",
    "mrfm_temperature": "labspin.procedures.mrfm_temperature:MRFMTemperature",
    "odmr": "labspin.procedures.odmr:ODMR",
    "pl_scan": "labspin.procedures.pl_scan:PLScan",
    "pulsed_odmr": "labspin.procedures.pulsed_odmr:PulsedODMR",
    "relaxometry": "labspin.procedures.relaxometry:Relaxometry",
    "film_approach": "labspin.procedures.film_approach:FilmApproach",
    "ramsey": "labspin.procedures.ramsey:Ramsey",
    "rabi": "labspin.procedures.rabi:Rabi",
    "t1": "labspin.procedures.t1:T1",
    "t1_field": "labspin.procedures.t1_field:T1Field",
}
"""Procedures that come with labspin."""
_REGISTRY = Registry("procedure", "labspin.procedures", PROCEDURES, CardError)


def list_procedures() -> tuple[str, ...]:
    """Return the names of all procedures that are installed."""
    return _REGISTRY.names()


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
    from labspin.experiment import Procedure

    found = _REGISTRY.load(name, folder)
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
