"""In which units a card writes its quantities, so that they are shown as they were given: "17 G", not 1.7 mT.

A unit is taken over where it is no SI unit with a prefix (gauss, minutes, degrees) and where all quantities
of its dimension are written in it. A prefix is no choice of the writer: 2770.5 MHz and 2.7705 GHz read alike.
What the workspace chooses (``[units]`` in ``workspace.toml``) goes before what a card writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from labspin.errors import UnitError
from labspin.units import DIMENSIONS, conversion_factor, si_unit

__all__ = ["units_by_dimension", "written_units"]

_QUANTITY = re.compile(r"(?<![\w.])[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d+)?\s*+([^\W\d_]++)(?![\w(])")
"""A number and a unit that is one word; what counts per something is written as SI has it."""
_PREFIXED = re.compile(r"[fpnuµμmckMGT]?(?:s|Hz|T|A|V|W|K|m|N|rad)")


def written_units(values: object) -> tuple[str, ...]:
    """Return the units, one a dimension, in which all quantities of that dimension are written.

    Parameters
    ----------
    values
        Values of a card: texts, numbers, lists and tables of them.

    Returns
    -------
    units
        Such as ``("G",)``; SI units are left out, with a prefix or without.
    """
    found: dict[str, set[str]] = {}
    for text in _texts(values):
        for unit in _QUANTITY.findall(text):
            try:
                found.setdefault(si_unit(f"1 {unit}"), set()).add(unit)
            except UnitError:  # a word beside a number: no unit
                continue
    return tuple(
        min(units)
        for base, units in found.items()
        if base in DIMENSIONS.values() and len(units) == 1 and not _PREFIXED.fullmatch(min(units))
    )


def units_by_dimension(units: Iterable[str]) -> Mapping[str, str]:
    """Return dimension -> unit of units such as ``"G"``; what is no unit of a dimension is left out.

    Parameters
    ----------
    units
        One a dimension, of a run file for instance.
    """
    found = {}
    for unit in units:
        for dimension, base in DIMENSIONS.items():
            try:
                conversion_factor(unit, base)
            except UnitError:  # of another dimension
                continue
            found[dimension] = unit
            break
    return found


def _texts(values: object) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from _texts(value)
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _texts(value)
