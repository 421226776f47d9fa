"""`labspin run`: measure what a run card says, one HDF5 file a run."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import add_json, console, print_json
from labspin.errors import CardError

if TYPE_CHECKING:
    from labspin.experiment import Card, RunOutcome

__all__ = ["add", "execute", "station_of"]

NOT_FINISHED = 3

_log = logging.getLogger(__name__)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("run", help="measure what a run card says", description=__doc__)
    parser.add_argument("card", type=Path, help="run card (TOML)")
    parser.add_argument("--on", type=Path, metavar="STATION", help="station file, instead of the card's")
    parser.add_argument(
        "--output", type=Path, default=Path("data"), metavar="DIR", help="folder of the run files"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="LABEL", help="only the runs of this label"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides",
        help="override a parameter of every run, for example --set averages=2",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="seed of the plan's order and of a simulated bench's noise")
    parser.add_argument("--fit", action="store_true", help="fit the runs, print the results, write a PNG")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run every run of the card and return the exit code."""
    from labspin.experiment import load_card, run, run_path
    from labspin.station import load_station

    card = load_card(arguments.card, overrides=arguments.overrides, only=arguments.only)
    station = load_station(station_of(arguments, card))
    _recover_dead_runs(arguments.output)
    outcomes: list[RunOutcome] = []
    with station.connect(seed=arguments.seed) as bench:
        for spec in card.runs:
            procedure = spec.make()
            path = run_path(arguments.output, spec.label or card.procedure_name)
            observers = [] if arguments.quiet or arguments.json else [_progress(spec.label)]
            outcome = run(procedure, bench, path, label=spec.label, seed=arguments.seed, observers=observers)
            outcomes.append(outcome)
            if not arguments.json:
                console().print(f"{outcome.status}: {outcome.points} points in {outcome.path}")
            for action in outcome.safe_report:
                if not action.ok:
                    _log.error("not made safe: %s: %s; check it by hand", action.instrument, action.message)
            if outcome.status != "finished":
                break
    paths = [outcome.path for outcome in outcomes]
    if arguments.fit:
        from labspin.cli.fit_runs import fit_and_show

        return fit_and_show(paths, as_json=arguments.json)
    if arguments.json:
        print_json(
            [
                {"path": outcome.path, "status": outcome.status, "points": outcome.points}
                for outcome in outcomes
            ]
        )
    return 0 if all(outcome.status == "finished" for outcome in outcomes) else NOT_FINISHED


def station_of(arguments: argparse.Namespace, card: Card) -> Path:
    """Return the station file named on the command line, or the card's."""
    path: Path | None = arguments.on or card.station
    if path is None:
        raise CardError(f"{card.path}: names no station; add a key 'station', or name one with --on")
    return path


def _recover_dead_runs(folder: Path) -> None:
    """Fold in what earlier runs left behind; a journal that cannot be folded in is kept and reported."""
    if not folder.is_dir():
        return
    from labspin.data import recover

    for path in recover(folder, on_error=lambda path, problem: _log.error("%s", problem)):
        _log.warning("recovered %s, which an earlier run left unfinished", path)


def _progress(label: str) -> Any:
    from labspin.cli.progress import ProgressBar

    return ProgressBar(label)
