"""The axes of a scan as a person writes them, in a run card or on a command line.

::

    [scan]
    microwave_power = "-10 dBm … 10 dBm, 5"        # first … last, number; with ", log" of equal ratios
    "magnet.field" = ["10 G", "17 G", "25 G"]      # nested inside, since it is listed below
    together = ["microwave_power", "magnet.field"] # unless they advance together
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from labspin.errors import PlanError, UnitError
from labspin.experiment.algebra import Product, Sweep, Zip
from labspin.experiment.sweep import Linear, Logarithmic, Values
from labspin.units import si_unit

__all__ = ["read_scan", "scan_table"]

_LONGEST = 300  # characters of a range
_RANGE = re.compile(
    r"\s*(?P<start>.+?)\s*(?:…|\.\.\.?|\bto\b)\s*(?P<stop>.+?)\s*,\s*(?P<number>\d+)\s*(?:,\s*(?P<log>log))?\s*"
)
_UNCOUNTED = re.compile(r"…|\.\.|\bto\b")


def read_scan(content: object) -> Sweep:
    """Return the sweep that a person wrote as a scan.

    Parameters
    ----------
    content
        A `Sweep`; its description with a key ``sweep``; lines ``name = values``; or a table name -> values,
        each an axis, nested in this order. Values are a list, or ``"first … last, number"`` (``", log"`` for
        equal ratios). A key ``together`` lists names that advance together, as a list or with commas between.

    Raises
    ------
    PlanError
        It is none of these.
    """
    if isinstance(content, Sweep):
        return content
    if isinstance(content, str):
        lines = [_line(line) for line in content.splitlines() if line.strip()]
        content = dict(lines)
        if len(content) < len(lines):
            raise PlanError(f"scan: wanted every name once, got {[name for name, _ in lines]}")
    if not isinstance(content, Mapping) or not content:
        raise PlanError(f"scan: wanted a table of names and values, got {content!r}")
    if "sweep" in content:
        return Sweep.from_dict(content)
    table = dict(content)
    together = table.pop("together", [])
    if isinstance(together, str):
        together = [name.strip() for name in together.split(",")]
    missing = [name for name in together if name not in table] if isinstance(together, list) else [together]
    if missing:
        raise PlanError(f"scan: together: wanted names of this scan, {sorted(table)}, got {missing[0]!r}")
    parts = {name: _axis(name, values) for name, values in table.items()}
    if together:
        zipped = Zip(*(parts[name] for name in together))
        first = together[0]
        parts = {name: zipped if name == first else part for name, part in parts.items()
                 if name == first or name not in together}  # fmt: skip
    found = tuple(parts.values())
    return found[0] if len(found) == 1 else Product(*found)


def _line(text: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise PlanError(
            f"scan: wanted NAME = VALUES, for example 'microwave_power = -10 dBm … 10 dBm, 5', got {text!r}"
        )
    return name.strip(), values.strip()


def _axis(name: str, values: object) -> Sweep:
    if isinstance(values, str):
        if found := _RANGE.fullmatch(values[:_LONGEST]):
            kind = Logarithmic if found["log"] else Linear
            start, stop = _with_last_unit([found["start"], found["stop"]])
            return kind(name, start, stop, int(found["number"]), unit=_unit(name, start))
        if _UNCOUNTED.search(values[:_LONGEST]):
            raise PlanError(
                f"scan: {name}: wanted first … last, number, such as '0 G … 20 G, 11', got {values!r}"
            )
        values = _with_last_unit([part.strip() for part in values.split(",")])
    if isinstance(values, Mapping):
        whole = f'"{name}.{next(iter(values), "field")}"'
        raise PlanError(
            f"scan: wanted a set-point in quotation marks, got a table {name!r}; write {whole} = …"
        )
    if not isinstance(values, list) or not values:
        raise PlanError(f"scan: {name}: wanted a list of values or 'first … last, number', got {values!r}")
    listed = [_plain(value) if isinstance(value, str) else value for value in values]
    return Values(name, listed, unit=_unit(name, listed[0]))


def _with_last_unit(texts: Sequence[str]) -> list[float | str]:
    """Return values as they are, or all in the unit of the last, where only that has one: -10 … 10 dBm."""
    values = [_plain(text) for text in texts]
    *first, last = values
    if isinstance(last, str) and first and not any(isinstance(value, str) for value in first):
        unit = last.lstrip("+-.eE0123456789\N{MINUS SIGN}").strip()
        return [*(f"{text} {unit}" for text in texts[:-1]), last]
    return values


def _plain(text: str) -> float | str:
    try:
        return float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return text


def _unit(name: str, value: object) -> str:
    try:
        return si_unit(value) if isinstance(value, str) else "1"
    except UnitError as error:
        is_word = str(value)[:1].isalpha()
        hint = "; a scan goes over numbers: of words make a run each, with [[runs]]" if is_word else ""
        raise PlanError(f"scan: {name}: {error}{hint}") from error


def scan_table(description: Mapping[str, Any]) -> dict[str, object] | None:
    """Return a described scan as a table name -> values, as a person writes it; None where no table says it.

    Parameters
    ----------
    description
        Description of a sweep, its kind under ``"sweep"`` (`Sweep.to_dict`); values may be texts with units.
    """
    kind = description.get("sweep")
    parts = description["of"] if kind == "product" else [description]
    axes: dict[str, object] = {}
    together: list[str] = []
    for part in parts:
        is_zip = part.get("sweep") == "zip"
        beside = part["of"] if is_zip else [part]
        for axis in beside:
            values = _as_text(axis)
            if values is None or axis["name"] in (*axes, "sweep", "together"):
                return None
            axes[axis["name"]] = values
        if is_zip and together:
            return None
        together = [axis["name"] for axis in beside] if is_zip else together
    return {**axes, "together": together} if together else axes


def _as_text(axis: Mapping[str, Any]) -> str | list[object] | None:
    """Return the values of one axis as `read_scan` takes them; None: it is none."""
    unit = "" if axis.get("unit", "1") == "1" else f" {axis['unit']}"
    if axis.get("sweep") in ("linear", "logarithmic"):
        log = ", log" if axis["sweep"] == "logarithmic" else ""
        start, stop = (_said(axis[end], unit) for end in ("start", "stop"))
        return f"{start} … {stop}, {axis['number']}{log}"
    if axis.get("sweep") == "values":
        return [_said(value, unit) if unit else value for value in axis["values"]]
    return None


def _said(value: object, unit: str) -> str:
    return value if isinstance(value, str) else f"{value!r}{unit}"
