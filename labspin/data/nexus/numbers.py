"""The numbers of a run that a list of runs shows: its parameters, and what its fits found, if they are few.

They stand in the seal, behind the end of the file, so that ten thousand runs are listed without HDF5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import h5py

from labspin.data.nexus.fit_groups import FIT_PREFIX
from labspin.data.nexus.stored import (
    get_array,
    get_attributes,
    get_dataset,
    get_group,
    get_json,
    get_text,
    has,
)
from labspin.data.plain import plain

__all__ = ["numbers_of", "told_parameters"]

_TRACES = 64
"""Traces of a fit, and entries of a list, up to which their values are listed."""
_TEXT = 80
_ALL = 4000
"""Numbers of all fits of a run together: the seal is no place for more."""


def numbers_of(entry: h5py.Group) -> dict[str, Any]:
    """Return parameters and results of a run.

    Parameters
    ----------
    entry
        NXentry of the run.

    Returns
    -------
        ``parameters``: name -> [value, unit]; ``results``: fit -> parameter -> [values, errors, unit], one
        value a trace, the latest fit last. Errors that are not known are None.
    """
    header = get_json(get_group(entry, "labspin"), "header")
    return {"parameters": told_parameters(header.get("parameters")), "results": _results(entry)}


def told_parameters(parameters: object) -> dict[str, list[Any]]:
    """Return the parameters that are short enough to be listed: name -> [value, unit].

    Parameters
    ----------
    parameters
        Name -> table with ``value`` and ``unit``, as the header of a run has them.
    """
    found = {}
    for name, record in parameters.items() if isinstance(parameters, Mapping) else ():
        value = plain(record.get("value")) if isinstance(record, Mapping) else None
        if _is_short(value):
            found[str(name)] = [value, str(record.get("unit") or "1")]
    return found


def _is_short(value: object) -> bool:
    match value:
        case bool() | int():
            return True
        case float():
            return math.isfinite(value)
        case str():
            return len(value) <= _TEXT
        case list():
            return len(value) <= _TRACES and all(
                _is_short(one) and not isinstance(one, list) for one in value
            )
    return False


def _results(entry: h5py.Group) -> dict[str, dict[str, list[Any]]]:
    dated: list[tuple[str, str, dict[str, list[object]]]] = []
    room = _ALL
    for name in entry:
        if not name.startswith(FIT_PREFIX):
            continue
        group = get_group(entry, name)
        if not has(group, "parameters"):
            continue
        values = _parameters(get_group(group, "parameters"))
        room -= sum(len(one[0]) for one in values.values())
        if room < 0:
            break
        dated.append((get_text(group, "date"), name.removeprefix(FIT_PREFIX), values))
    return {name: values for _, name, values in sorted(dated, key=lambda one: one[:2])}


def _parameters(group: h5py.Group) -> dict[str, list[Any]]:
    found = {}
    for name in group:
        attributes = get_attributes(group, name)
        if "number" not in attributes:
            continue
        if math.prod(get_dataset(group, name).shape) > _TRACES:
            continue
        values = get_array(group, name, kinds="f").ravel().tolist()
        errors = get_array(group, f"{name}_errors", kinds="f").ravel().tolist()
        found[name] = [_finite(values), _finite(errors), str(attributes["units"] or "1")]
    return found


def _finite(values: list[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
