"""Making one run for a person at a terminal: keys, progress, and what must be said at its end.

`labspin run`, `labspin resume` and `labspin queue run` all measure through `measure`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from labspin.cli.output import NOT_FINISHED, NOT_SAFE, console
from labspin.counts import number_of
from labspin.errors import NotSafeError

if TYPE_CHECKING:
    from labspin.experiment import Control, Observer, RunOutcome

__all__ = ["add_display", "exit_code", "measure", "outcome_record", "say"]

_log = logging.getLogger(__name__)


def add_display(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is shown and guarded during a measurement.

    Parameters
    ----------
    parser
        Parser of a command that measures.
    """
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
        Arguments of the command: ``quiet``, ``live``, ``json``.
    control
        Through which the keys pause, skip and abort; None: a new one.
    observers
        Told of the run beside the progress bar.

    Raises
    ------
    NotSafeError
        The run raised an error, and the bench could not be made safe.
    """
    from labspin.cli.keys import HINT, listening
    from labspin.experiment import Control
    from labspin.session import Ending

    control = control if control is not None else Control()
    with listening(control) as is_heard:
        shown: list[Any] = []
        if not arguments.quiet and not arguments.json:
            shown.append(_progress(label, hint=HINT if is_heard else "", live=arguments.live))
        ending = Ending()
        try:
            return start([ending, *shown, *observers], control)
        except BaseException as error:
            if ending.outcome is not None and (text := ending.outcome.not_safe):
                raise NotSafeError(f"{text}; check it by hand\n{type(error).__name__}: {error}") from error
            raise


def exit_code(outcomes: Sequence[RunOutcome]) -> int:
    """Return the exit code of a command that made these runs.

    Parameters
    ----------
    outcomes
        How the runs ended.

    Returns
    -------
        `NOT_SAFE` if a bench is not safe, `NOT_FINISHED` if a run did not finish, 0 otherwise.
    """
    if not all(outcome.is_safe for outcome in outcomes):
        return NOT_SAFE
    return 0 if all(outcome.status == "finished" for outcome in outcomes) else NOT_FINISHED


def say(outcome: RunOutcome, *, as_json: bool) -> None:
    """Print how a run ended; first of all what could not be made safe.

    Parameters
    ----------
    outcome
        Outcome of the run.
    as_json
        Whether standard output is kept for one JSON document; then the warning goes to standard error.
    """
    if outcome.not_safe:
        sentence = f"{outcome.not_safe}; check it by hand"
        if as_json:
            _log.error("%s", sentence)
        else:
            console().print(sentence, style="bold red", markup=False)
    if not as_json:
        console().print(
            f"{outcome.status}: {number_of(outcome.points, 'point')} in {outcome.path}", markup=False
        )
    for action in outcome.safe_report:
        if not action.ok:
            _log.error("not made safe: %s: %s; check it by hand", action.instrument, action.message)


def outcome_record(outcome: RunOutcome) -> dict[str, object]:
    """Return a run's outcome as a table for JSON.

    Parameters
    ----------
    outcome
        How the run ended.

    Returns
    -------
        The keys ``path``, ``status``, ``points``, ``safe`` and ``unsafe``.
    """
    return {
        "path": outcome.path,
        "status": outcome.status,
        "points": outcome.points,
        "safe": outcome.is_safe,
        "unsafe": dict(outcome.unsafe),
    }


def _progress(label: str, **options: Any) -> Any:
    from labspin.cli.progress import ProgressBar

    return ProgressBar(label, **options)
