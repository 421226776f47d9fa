"""What a run would do: points, duration, ranges of the set-points, or the limit that it would break."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.experiment import Procedure, check_plan, estimate
from labspin.gui.axes import shown
from labspin.gui.tasks import sentence
from labspin.session import drawn_sequences
from labspin.station import load_station

if TYPE_CHECKING:
    from labspin.instruments.sequence import PulseSequence

__all__ = ["Preview", "preview"]


@dataclass(frozen=True)
class Preview:
    """A preview of a run."""

    text: str
    problem: str = ""
    sequences: tuple[tuple[str, PulseSequence], ...] = ()


def preview(kind: type[Procedure], values: dict[str, object], station: Path | None) -> Preview:
    """Return the points and duration of a run, or what forbids it; nothing is connected.

    Parameters
    ----------
    kind
        The procedure.
    values
        Its parameters.
    station
        The station file; None: only the parameters are checked.
    """
    try:
        procedure = kind(**values)
    except Exception as error:  # noqa: BLE001 - a laboratory's own procedure may raise anything
        return Preview("", sentence(error))
    if station is None:
        return Preview(
            "No station is chosen: the plan is not compared with limits.", "", _sequences(procedure)
        )
    try:
        declared = load_station(station)
        report = check_plan(procedure, declared)
        guess = estimate(kind(**values), declared)
    except Exception as error:  # noqa: BLE001 - as above
        return Preview("", sentence(error), _sequences(procedure))
    count = "an open number of" if guess.points is None else f"{'about ' * guess.is_adaptive}{guess.points}"
    some = "about" if guess.measuring else "at least"
    lasts = "" if guess.total is None else f", {some} {_duration(guess.total)}"
    unchecked = f" Not checked without the bench: {report.unchecked}." if report.unchecked else ""
    is_fast = declared.simulation is not None and math.isinf(declared.simulation.speed)
    faster = " A simulated bench does not wait for it." if is_fast else ""
    moved = ";  ".join(_range(name, *ends) for name, ends in report.ranges.items())
    caution = f"\n{report.caution}" if report.caution else ""
    points = f"{count} point{'s' * (guess.points != 1)}"
    text = f"{points}{lasts} on {declared.name}; within all limits.{unchecked}{faster}\n{moved}{caution}"
    return Preview(text, "", _sequences(procedure))


def _range(name: str, low: float, high: float, unit: str) -> str:
    return f"{name}  {shown(low, unit)}" + ("" if low == high else f" … {shown(high, unit)}")


def _sequences(procedure: Procedure) -> tuple[tuple[str, PulseSequence], ...]:
    try:
        return tuple(drawn_sequences(procedure).items())
    except Exception:  # noqa: BLE001 - the check of the plan reports the error
        return ()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if seconds >= 60 else f"{seconds:.3g} s"
