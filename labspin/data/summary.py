"""A run in one line, with its parameters and what its fits found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labspin.data.events import RunStatus

__all__ = ["Number", "RunSummary", "parameters_from", "results_from"]


@dataclass(frozen=True)
class Number:
    """A parameter of a run, or one of a fit, which has a value for each of its traces.

    Attributes
    ----------
    values, errors
        In ``unit``; NaN where there is none. The errors of a parameter of the run are none at all.
    """

    values: tuple[Any, ...]
    unit: str = "1"
    errors: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run in one line."""

    path: Path
    status: RunStatus
    """`RunStatus.DAMAGED` if the file cannot be read; then ``problem`` says why."""
    run_id: str = ""
    procedure: str = ""
    label: str = ""
    started: str = ""
    points: int = 0
    size: int | None = None
    """Points of the plan; ``None`` if open."""
    signal: str = ""
    simulated: bool = False
    mixed: str = ""
    """Which instruments were simulated, beside real ones; empty if all were, or none."""
    fits: tuple[str, ...] = ()
    sample: str = ""
    operator: str = ""
    project: str = ""
    comment: str = ""
    tags: tuple[str, ...] = ()
    rating: int | None = None
    problem: str = ""
    station: str = ""
    unsafe: str | None = None
    """Which instruments were not left safe and where they stand; empty if all were, None if not known."""
    parameters: Mapping[str, Number] = field(default_factory=dict)
    """Those that are short enough for a list."""
    results: Mapping[str, Mapping[str, Number]] = field(default_factory=dict)
    """Fit -> parameter of it, the latest fit last; of fits of few traces."""

    def number(self, name: str) -> Number | None:
        """Return a parameter of the run, or one of a fit of it; None where it has none of that name.

        Parameters
        ----------
        name
            Name of a parameter, such as ``"magnet_field"``, or of one of a fit, such as ``"T1"`` (the latest
            fit that has it counts); ``"t1.T1"`` names the fit, too.
        """
        if name in self.parameters:
            return self.parameters[name]
        fit, dot, own = name.rpartition(".")
        if dot:
            return self.results.get(fit, {}).get(own)
        return next((one[name] for one in reversed(list(self.results.values())) if name in one), None)


def parameters_from(told: object) -> dict[str, Number]:
    """Return parameters as the seal of a run file tells them.

    Parameters
    ----------
    told
        Name -> [value, unit]; what is none is left out.
    """
    found = {}
    for name, entry in told.items() if isinstance(told, Mapping) else ():
        match entry:
            case [value, str(unit)]:
                found[str(name)] = Number(tuple(value) if isinstance(value, list) else (value,), unit)
    return found


def results_from(told: object) -> dict[str, dict[str, Number]]:
    """Return the results of fits as the seal of a run file tells them.

    Parameters
    ----------
    told
        Fit -> parameter -> [values, errors, unit]; what is none is left out.
    """
    found: dict[str, dict[str, Number]] = {}
    for fit, values in told.items() if isinstance(told, Mapping) else ():
        for name, entry in values.items() if isinstance(values, Mapping) else ():
            match entry:
                case [list(numbers), list(errors), str(unit)]:
                    found.setdefault(str(fit), {})[str(name)] = Number(_nan(numbers), unit, _nan(errors))
    return found


def _nan(values: list[object]) -> tuple[float, ...]:
    return tuple(float(one) if isinstance(one, (int, float)) else math.nan for one in values)
