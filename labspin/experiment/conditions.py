"""Conditions on the points of a sweep, as text: ``"dark_time < 1 ms"``, ``"a <= b"``, ``"0 V < x < 1 V"``.

A condition compares two things, each the name of a set-point or coordinate or a quantity with its unit, or
says between which two a third lies. It is read here, never evaluated as code, so it may stand in a run card
and in a run file.

Values count as equal when they differ by less than a small part of the step between neighbouring values of
the sweep: the third of eleven values from 0 V to 1 V is 0.30000000000000004 V, and ``"x <= 0.3 V"`` means it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.errors import PlanError, UnitError
from labspin.units import conversion_factor, parse_quantity

__all__ = ["holds", "names_in"]

FloatArray = NDArray[np.float64]
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<=": lambda excess, slack: excess <= slack,
    ">=": lambda excess, slack: excess >= -slack,
    "!=": lambda excess, slack: abs(excess) > slack,
    "==": lambda excess, slack: abs(excess) <= slack,
    "<": lambda excess, slack: excess < -slack,
    ">": lambda excess, slack: excess > slack,
}
"""What holds of left minus right, when less than ``slack`` counts as nothing."""
_PART_OF_STEP = 1e-6  # of the step between neighbouring values that counts as no difference
_ROUNDING = 1e-12  # of the value itself: what computing and converting it may have lost
_LONGEST = 300  # characters of a condition
_NAME = re.compile(r"[^\W\d][\w.]*")
_RELATION = re.compile(r"(<=|>=|!=|==|<|>)")
_JOINED = re.compile(r"\b(?:and|or|not)\b|[&|]")


def names_in(condition: str) -> tuple[str, ...]:
    """Return what is compared in a condition by its name, not as a quantity.

    Parameters
    ----------
    condition
        As `holds` takes it; what is none has no names.
    """
    return tuple(side for side in _parts(condition)[::2] if _NAME.fullmatch(side))


def holds(condition: str, columns: Mapping[str, FloatArray], units: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return where ``condition`` holds.

    Parameters
    ----------
    condition
        Two names or quantities with ``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=`` between them; or three
        with the first four, of which both comparisons hold.
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
    between, found = _read(condition)
    if between is not None:
        low, rises, middle, ends, high = between
        return holds(f"{low} {rises} {middle}", columns, units) & holds(
            f"{middle} {ends} {high}", columns, units
        )
    left, relation, right = found
    names = [side for side in (left, right) if side in columns]
    if not names:
        raise PlanError(f"filter: {condition!r} names none of {', '.join(columns)}; compare one of them")
    unit = units[names[0]]
    try:
        first, second = (_values(side, unit, columns, units) for side in (left, right))
    except UnitError as error:
        raise PlanError(f"filter: {condition!r}: {error}") from error
    slack = _slack(first, second)
    return np.asarray(_RELATIONS[relation](np.subtract(first, second), slack), dtype=np.bool_)


def _read(condition: object) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the parts of a condition that says between what a thing lies, or else of a comparison."""
    text = condition if isinstance(condition, str) and len(condition) <= _LONGEST else ""
    is_joined = _JOINED.search(text) is not None
    parts = () if is_joined else _parts(text)
    if len(parts) == 5:
        return parts, ()
    if parts:
        return None, parts
    remedy = "; write conditions that are all to hold as a list" if is_joined else ""
    raise PlanError(
        "filter: wanted a condition such as 'dark_time < 1 ms' or '0 s < dark_time < 1 ms', got "
        f"{str(condition)[:_LONGEST]!r}{remedy}"
    )


def _parts(text: str) -> tuple[str, ...]:
    """Return sides and relations of a condition in turn, three or five; none of what is no condition."""
    parts = tuple(part.strip() for part in _RELATION.split(text)) if len(text) <= _LONGEST else ()
    if not all(parts) or any(set(side) & set("=!") for side in parts[::2]):
        return ()
    is_between = len(parts) == 5 and not {"==", "!="} & {parts[1], parts[3]}
    return parts if len(parts) == 3 or is_between else ()


def _slack(*sides: FloatArray | float) -> FloatArray:
    """Return the difference that counts as none between values of a sweep, or a value and a number."""
    rounding = _ROUNDING * np.maximum(*(np.abs(side) for side in sides))
    steps = [_smallest_step(side) for side in sides if np.ndim(side)]
    return np.maximum(_PART_OF_STEP * min(steps), rounding)


def _smallest_step(column: FloatArray | float) -> float:
    """Return the least difference of neighbouring values that is more than rounding; 0 for one value."""
    values = np.unique(column)
    steps = np.diff(values)
    real = steps > _ROUNDING * np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    return float(np.min(steps[real], initial=np.inf)) if real.any() else 0.0


def _values(
    side: str, unit: str, columns: Mapping[str, FloatArray], units: Mapping[str, str]
) -> FloatArray | float:
    if side in columns:
        return columns[side] * conversion_factor(units[side], unit)
    return parse_quantity(side, unit, name=side)
