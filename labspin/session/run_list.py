"""Lists of runs: filtered by a condition, sorted, with columns of numbers.

A name is a fact of the run (``label``, ``started``, ``points`` …), a parameter of it, or a parameter of one
of its fits (``T1``, or ``t1.T1``). A fit of several traces has as many values: a condition holds for the run
if it does for one of them.
"""

from __future__ import annotations

import difflib
import math
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data import Number, RunSummary
from labspin.errors import ArgumentError, PlanError, UnitError
from labspin.experiment.conditions import holds, names_in
from labspin.units import conversion_factor

__all__ = ["check_column", "known_columns", "number_text", "runs_where", "sorted_runs", "values_text"]

_FACTS = (
    "file",
    "procedure",
    "label",
    "sample",
    "operator",
    "project",
    "status",
    "points",
    "started",
    "rating",
)
_OPTIONS = {
    **dict.fromkeys(("tag", "tags"), "runs with a tag are chosen by --tag WORD"),
    "comment": "words of comments are found by --find TEXT",
}
_FEW = 2  # values that are written one by one; of more, the range


def known_columns(runs: Iterable[RunSummary]) -> tuple[str, ...]:
    """Return the names that runs may be sorted by and shown with.

    Parameters
    ----------
    runs
        The runs.
    """
    found = dict.fromkeys(_FACTS)
    for run in runs:
        found.update(dict.fromkeys(run.parameters))
        for fit, values in run.results.items():
            found.update(dict.fromkeys(values))
            found.update(dict.fromkeys(f"{fit}.{name}" for name in values))
    return tuple(found)


def check_column(name: str, runs: Sequence[RunSummary], what: str) -> None:
    """Raise if none of the runs has a name.

    Parameters
    ----------
    name
        Name of a fact, a parameter or a result.
    runs
        The runs.
    what
        How the error begins.

    Raises
    ------
    ArgumentError
        No run has it.
    """
    known = known_columns(runs)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`labspin show FILE` lists those of a run"
        hint = _OPTIONS.get(name.strip(), hint)
        raise ArgumentError(
            f"{what}: wanted a fact, a parameter or a fit result of one of the runs, got {name!r}; {hint}"
        )


def _fact(run: RunSummary, name: str) -> object:
    return run.path.name if name == "file" else getattr(run, name)


def sorted_runs(runs: Sequence[RunSummary], name: str, *, falling: bool = False) -> list[RunSummary]:
    """Return runs in the order of a fact, a parameter or a result; those that lack it come last.

    Parameters
    ----------
    runs
        The runs.
    name
        Its name.
    falling
        Whether the largest comes first.

    Raises
    ------
    ArgumentError
        No run has it.
    """
    if runs:
        check_column(name, runs, "--sort")
    there: list[tuple[Any, RunSummary]] = []
    lacking = []
    for run in runs:
        value = _fact(run, name) if name in _FACTS else _first(run.number(name))
        if value is None or value != value:
            lacking.append(run)
        else:
            there.append((value, run))
    number = all(isinstance(value, (int, float)) for value, _ in there)
    there.sort(key=lambda pair: pair[0] if number else str(pair[0]), reverse=falling)
    return [*(run for _, run in there), *lacking]


def _first(number: Number | None) -> object:
    return None if number is None or not number.values else number.values[0]


_ONE_SIGN = re.compile(r"(?<![<>=!])=(?!=)")
_TEXTS = ("file", "procedure", "label", "status", "sample", "operator", "project", "station")


def runs_where(runs: Sequence[RunSummary], condition: str) -> list[RunSummary]:
    """Return the runs for which a condition such as ``"T1 > 1 ms"`` holds; runs without a name are left out.

    Parameters
    ----------
    runs
        The runs.
    condition
        Two names or quantities with ``<``, ``<=``, ``>``, ``>=``, ``=`` or ``!=`` between them; or a fact
        that is text, ``=`` or ``!=``, and a text.

    Raises
    ------
    ArgumentError
        It is not a condition, names what no run has, or compares incompatible values.
    """
    condition = _ONE_SIGN.sub("==", condition)
    name, *rest = re.split("(==|!=)", condition, maxsplit=1)
    if rest and name.strip() in _TEXTS:
        text = rest[1].strip().strip("\"'")
        return [run for run in runs if (str(_fact(run, name.strip())) == text) == (rest[0] == "==")]
    try:
        names = [name for name in names_in(condition) if name in known_columns(runs)]
        columns, units, places = _columns(runs, names or list(names_in(condition)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NaN is neither less nor more
            kept = set(places[holds(condition, columns, units)].tolist())
    except (PlanError, UnitError) as error:
        raise ArgumentError(f"--where: {str(error).removeprefix('filter: ')}") from error
    return [run for place, run in enumerate(runs) if place in kept]


def _columns(
    runs: Sequence[RunSummary], names: list[str]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str], NDArray[np.intp]]:
    """Return the values of names at each value of each run, their units, and the place of the run."""
    units: dict[str, str] = {}
    columns: dict[str, list[float]] = {name: [] for name in names}
    places: list[int] = []
    for place, run in enumerate(runs):
        found = [_values(run, name, units) for name in names]
        length = max((len(values) for values in found), default=0)
        if not all(len(values) in (1, length) for values in found):
            continue
        places += [place] * length
        for name, values in zip(names, found, strict=True):
            columns[name] += values if len(values) == length else values * length
    known = {name: values for name, values in columns.items() if name in units}
    if len(known) < len(names) and runs:
        check_column(next(name for name in names if name not in known), runs, "--where")
    return {name: np.array(values) for name, values in known.items()}, units, np.array(places, np.intp)


def _values(run: RunSummary, name: str, units: dict[str, str]) -> list[float]:
    """Return the numbers that a run has of a name, in one unit for all runs."""
    if name in ("points", "rating"):
        units.setdefault(name, "1")
        value = getattr(run, name)
        return [] if value is None else [float(value)]
    number = run.number(name)
    if number is None or not all(isinstance(one, (int, float)) for one in number.values):
        return []
    unit = units.setdefault(name, number.unit)
    factor = conversion_factor(number.unit, unit)
    return [float(one) * factor for one in number.values]


def number_text(run: RunSummary, name: str) -> str:
    """Return a fact, a parameter or a result of a run as text; nothing where it has none.

    Parameters
    ----------
    run
        The run.
    name
        Its name.
    """
    if name in _FACTS:
        value = _fact(run, name)
        return "" if value is None else str(value)
    number = run.number(name)
    return "" if number is None else values_text(number)


def values_text(number: Number) -> str:
    """Return the values of a name with their errors as text; of many, the smallest and the largest.

    Parameters
    ----------
    number
        The values.
    """
    from labspin.analysis.outcome import with_error

    if not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in number.values):
        return ", ".join(map(str, number.values))
    errors = number.errors or (math.nan,) * len(number.values)
    if len(number.values) <= _FEW:
        pairs = zip(number.values, errors, strict=False)
        return ", ".join(with_error(float(value), error, number.unit) for value, error in pairs)
    there = [float(one) for one in number.values if not math.isnan(one)] or [math.nan]
    ends = [with_error(one, math.nan, number.unit) for one in (min(there), max(there))]
    return f"{ends[0]} … {ends[1]} ({len(number.values)})"
