"""Conditions on the points of a sweep, as text: ``"dark_time < 1 ms"``, ``"a <= b"``.

A condition compares two things, each the name of a set-point or coordinate or a quantity with its unit. It is
read here, never evaluated as code, so it may stand in a run card and in a run file.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.errors import PlanError, UnitError
from labspin.units import conversion_factor, parse_quantity

__all__ = ["holds"]

FloatArray = NDArray[np.float64]
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*(.+?)\s*(<=|>=|!=|==|<|>)\s*([^<>=!]+?)\s*$")


def holds(condition: str, columns: Mapping[str, FloatArray], units: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return where ``condition`` holds.

    Parameters
    ----------
    condition
        Two names or quantities with ``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=`` between them.
    columns, units
        Name -> values, shape (n,), and their unit.

    Returns
    -------
        Booleans, shape (n,).

    Raises
    ------
    PlanError
        It is no condition, names nothing that is there, or compares what cannot be compared.
    """
    found = _FORM.match(condition) if isinstance(condition, str) else None
    if found is None:
        raise PlanError(f"filter: wanted a condition such as 'dark_time < 1 ms', got {condition!r}")
    left, relation, right = found.groups()
    names = [side for side in (left, right) if side in columns]
    if not names:
        raise PlanError(f"filter: {condition!r} names none of {', '.join(columns)}; compare one of them")
    unit = units[names[0]]
    try:
        sides = [_values(side, unit, columns, units) for side in (left, right)]
    except UnitError as error:
        raise PlanError(f"filter: {condition!r}: {error}") from error
    return np.asarray(_RELATIONS[relation](*sides), dtype=np.bool_)


def _values(
    side: str, unit: str, columns: Mapping[str, FloatArray], units: Mapping[str, str]
) -> FloatArray | float:
    if side in columns:
        return columns[side] * conversion_factor(units[side], unit)
    return parse_quantity(side, unit, name=side)
