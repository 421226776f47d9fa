"""`labspin run`: measure what a run card says, one HDF5 file a run."""

from __future__ import annotations

import argparse
import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.measuring import add_display, exit_code, measure, outcome_record, say
from labspin.cli.numbers import whole_from
from labspin.cli.output import NOT_FINISHED, add_json, print_json, print_table
from labspin.cli.overrides import add_overrides, overrides_of
from labspin.cli.people import add_words, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labspin.bench import Bench
    from labspin.cli.output import Commands
    from labspin.data import RunMetadata
    from labspin.experiment import Control, Estimate, Observer, RunOutcome
    from labspin.session import Card, RunSpec
    from labspin.station import Station

__all__ = ["add", "execute"]

_log = logging.getLogger(__name__)


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser("run", help="measure what a run card says", description=__doc__)
    parser.add_argument("card", type=Path, help="run card (TOML)")
    parser.add_argument("--on", type=Path, metavar="STATION", help="station file, instead of the card's")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the run files (default: the workspace's)"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="LABEL", help="only the runs of this label"
    )
    add_overrides(parser)
    add_words(parser)
    parser.add_argument(
        "--seed", type=whole_from(0), help="seed of the plan's order and of a simulated bench's noise"
    )
    parser.add_argument("--fit", action="store_true", help="fit the runs, print the results, write a PNG")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many points there are and how long they take"
    )
    add_display(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run every run of the card and return the exit code.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import check_runs, load_card, refuse_hosted, station_of
    from labspin.station import load_station

    card = load_card(arguments.card, overrides=overrides_of(arguments), only=arguments.only)
    station = load_station(station_of(card, arguments.on))
    if arguments.dry_run:
        return _tell_estimates(card, station, as_json=arguments.json)
    check_runs(card, station)  # all of them: better refused now than after hours of the first
    refuse_hosted(station.path)
    outcomes = _told(card, lambda: _make_all(card, station, arguments))
    code = exit_code(outcomes) or (0 if len(outcomes) == len(card.runs) else NOT_FINISHED)
    if arguments.fit:
        from labspin.cli.fit_runs import fit_and_show

        paths = [outcome.path for outcome in outcomes]
        return code or fit_and_show(paths, as_json=arguments.json)
    if arguments.json:
        print_json([outcome_record(outcome) for outcome in outcomes])
    return code


def _told(card: Card, make: Callable[[], list[RunOutcome]]) -> list[RunOutcome]:
    """Make the runs and let a person know, where the workspace asks for it, how they ended."""
    from labspin.errors import LabspinError, RunAborted
    from labspin.session import notify

    try:
        outcomes = make()
    except RunAborted:
        raise  # the person who ended it knows
    except LabspinError as error:
        notify(None, "failure", f"labspin: {card.path.name} has failed", str(error))
        raise
    unsafe = [outcome.not_safe for outcome in outcomes if not outcome.is_safe]
    ends = ", ".join(f"{outcome.path.name} {outcome.status}" for outcome in outcomes)
    if unsafe:
        notify(None, "failure", f"labspin: {card.path.name}: {unsafe[0]}", ends)
    elif all(outcome.status != "aborted" for outcome in outcomes):
        notify(None, "end", f"labspin: {card.path.name} is over", ends)
    return outcomes


def _make_all(card: Card, station: Station, arguments: argparse.Namespace) -> list[RunOutcome]:
    """Make the runs of a card until one is not finished, leaves the bench unsafe, or a person ends them."""
    from labspin.experiment import Control
    from labspin.session import metadata_of, new_run_path, recover_dead_runs
    from labspin.workspaces import find_workspace

    workspace = find_workspace()
    metadata = metadata_of(card, workspace, **words_of(arguments))
    output = arguments.output or workspace.data
    recover_dead_runs(output)
    outcomes: list[RunOutcome] = []
    with station.connect(seed=arguments.seed, watchdog=not arguments.no_watchdog) as bench:
        for spec in card.runs:
            path = new_run_path(output, spec.label or card.procedure_name)
            start = functools.partial(_begin, spec, bench, path, arguments.seed, metadata)
            control = Control()
            outcome = measure(start, spec.label, arguments=arguments, control=control)
            outcomes.append(outcome)
            say(outcome, as_json=arguments.json)
            if exit_code([outcome]) or control.is_aborted:  # the latter while the run was being closed
                break  # neither on a bench that is not safe nor after a person ended a run
    return outcomes


def _begin(
    spec: RunSpec,
    bench: Bench,
    path: Path,
    seed: int | None,
    metadata: RunMetadata,
    observers: Sequence[Observer],
    control: Control,
) -> RunOutcome:
    from labspin.experiment import run

    return run(
        spec.make(),
        bench,
        path,
        label=spec.label,
        seed=seed,
        observers=observers,
        control=control,
        metadata=metadata,
    )


def _tell_estimates(card: Card, station: Station, *, as_json: bool) -> int:
    """Say how much there is to do; nothing is connected or moved."""
    from labspin.experiment import estimate

    found = [(spec.label, estimate(spec.make(), station)) for spec in card.runs]
    if as_json:
        print_json([{"label": label, **vars(guess), "total": guess.total} for label, guess in found])
        return 0
    rows = [
        (label, points_text(guess), _duration(guess.moving),
         _duration(guess.measuring) if guess.measuring else "not declared",
         duration_text(guess))
        for label, guess in found
    ]  # fmt: skip
    print_table(f"{card.path} on {station.name}", ("run", "points", "moving", "measuring", "in all"), rows)
    return 0


def points_text(guess: Estimate) -> str:
    """Return how many points a run has, as text.

    Parameters
    ----------
    guess
        What the run is expected to take.
    """
    if guess.points is None:
        return "adaptive"
    return f"{guess.points}, adaptive" if guess.is_adaptive else str(guess.points)


def duration_text(guess: Estimate) -> str:
    """Return how long a run takes in all, as text.

    Parameters
    ----------
    guess
        Estimate of the duration of the run.
    """
    if guess.points is not None and not guess.measuring:
        return f"at least {_duration(guess.moving)}"  # the procedure does not declare how long it measures
    return ("about " if guess.is_typical else "") + _duration(guess.total)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if seconds >= 60 else f"{seconds:.3g} s"
