"""Making one run for a person at a terminal: keys, progress, and what must be said at its end.

`labspin run`, `labspin resume` and `labspin queue run` all measure through `measure`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from labspin.cli.output import console

if TYPE_CHECKING:
    from labspin.experiment import Control, Observer, RunOutcome

__all__ = ["add_display", "measure", "outcome_record", "say"]

_log = logging.getLogger(__name__)


def add_display(parser: argparse.ArgumentParser) -> None:
    """Give a command the options of what is shown while it measures."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--live", action="store_true", help="plot the values in the terminal while measuring")
    parser.add_argument(
        "--no-watchdog", action="store_true",
        help="start no second process that makes a real bench safe if this one is killed",
    )  # fmt: skip


def measure(
    start: Callable[[Sequence[Observer], Control], RunOutcome],
    label: str,
    *,
    arguments: argparse.Namespace,
    control: Control | None = None,
    observers: Sequence[Observer] = (),
) -> RunOutcome:
    """Make one run under a progress bar and the keys, and return how it ended.

    Parameters
    ----------
    start
        Makes the run, given observers and control.
    label
        What a person calls it.
    arguments
        Of the command: ``quiet``, ``live``, ``json``.
    """
    from labspin.cli.keys import HINT, listening
    from labspin.experiment import Control

    control = control if control is not None else Control()
    with listening(control) as is_heard:
        shown: list[Any] = []
        if not arguments.quiet and not arguments.json:
            shown.append(_progress(label, hint=HINT if is_heard else "", live=arguments.live))
        return start([*shown, *observers], control)


def say(outcome: RunOutcome, *, as_json: bool) -> None:
    """Say how a run ended, and loudly what could not be made safe."""
    if not as_json:
        console().print(f"{outcome.status}: {outcome.points} points in {outcome.path}")
    for action in outcome.safe_report:
        if not action.ok:
            _log.error("not made safe: %s: %s; check it by hand", action.instrument, action.message)


def outcome_record(outcome: RunOutcome) -> dict[str, Any]:
    """Return a run's outcome for a script."""
    return {"path": outcome.path, "status": outcome.status, "points": outcome.points}


def _progress(label: str, **options: Any) -> Any:
    from labspin.cli.progress import ProgressBar

    return ProgressBar(label, **options)
