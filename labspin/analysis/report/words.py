"""Values of a run as a reader wants them: with units and prefixes, tables of tables as indented lines."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Any

from labspin.errors import UnitError
from labspin.units import typeset
from labspin.workspaces import quantity_text

__all__ = ["clock_time", "flattened", "interval", "shown", "with_unit"]

_LONG = 12
_NO_PREFIX = frozenset({"", "1", "dBm", "dB", "%"})


def with_unit(value: object, unit: str) -> str:
    """Return ``value unit`` as the workspace shows it, or with an SI prefix where that reads well.

    Parameters
    ----------
    value
        A number, a list of them, or the record of a sweep, which has a unit of its own; anything else is
        written by `shown`.
    unit
        Unit of the value; ``"1"`` or empty for none.
    """
    if isinstance(value, Mapping):
        own = str(value.get("unit") or "1")
        return ", ".join(f"{name} {_of_sweep(item, own)}" for name, item in value.items() if name != "unit")
    if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        return "; ".join(with_unit(item, unit) for item in value)
    if isinstance(value, (list, tuple)) and value and unit not in _NO_PREFIX:
        items = [*value[:5], "…", *value[-3:]] if len(value) > _LONG else value
        tail = f" ({len(value)} values)" if len(value) > _LONG else ""
        return ", ".join(item if item == "…" else with_unit(item, unit) for item in items) + tail
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return f"{shown(value)} {unit if unit not in ('', '1') else ''}".strip()
    if unit in _NO_PREFIX:
        return f"{shown(value)} {'' if unit == '1' else unit}".strip()
    try:
        return typeset(quantity_text(float(value), unit, digits=9))
    except UnitError:
        return f"{shown(value)} {unit}"


def _of_sweep(value: object, unit: str) -> str:
    """Return what a sweep says; whole numbers are counts of its points."""
    return shown(value) if isinstance(value, (int, str)) else with_unit(value, unit)


def shown(value: object) -> str:
    """Return a plain value as text; a long list by its ends and its length.

    Parameters
    ----------
    value
        A number, text, list, array or table; nothing at all is written as a dash.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, (list, tuple)):
        texts = [shown(item) for item in (value if len(value) <= _LONG else [*value[:5], "…", *value[-3:]])]
        tail = f" ({len(value)} values)" if len(value) > _LONG else ""
        return ", ".join(texts) + tail
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    return str(value)


def flattened(content: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a table of tables under names such as ``gate_A.width``.

    Parameters
    ----------
    content
        A table, whose values may be tables.
    prefix
        What every name begins with.
    """
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def clock_time(time: float) -> str:
    """Return a Unix time as date and time of this place, with its offset.

    Parameters
    ----------
    time
        Seconds since 1970-01-01 UTC.

    Returns
    -------
    text
        To the millisecond, such as ``"2026-01-01 13:00:00.123 +0100"``; a time that is no date is in s.
    """
    try:
        moment = datetime.datetime.fromtimestamp(time, datetime.UTC).astimezone()
    except (OverflowError, OSError, ValueError):
        return f"{time!r} s"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {moment:%z}"


def interval(start: str, end: str | None) -> str:
    """Return how long it is from one ISO 8601 time to another; empty where one is missing or malformed.

    Parameters
    ----------
    start, end
        ISO 8601 times; ``end`` may be None.
    """
    try:
        seconds = (
            datetime.datetime.fromisoformat(end or "") - datetime.datetime.fromisoformat(start)
        ).total_seconds()
    except (ValueError, TypeError):
        return ""
    if seconds < 0:
        return ""  # the clock of the computer was set back meanwhile
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
