"""`labspin check`: validate a card's whole plan against a station's limits; nothing is connected or moved."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json, print_table
from labspin.cli.overrides import add_overrides, overrides_of
from labspin.cli.run import duration_text, points_text
from labspin.cli.sequence import draw

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.experiment.plan import PlanReport

__all__ = ["add", "execute"]

_log = logging.getLogger(__name__)


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "check", help="check a run card's whole plan without moving anything", description=__doc__
    )
    parser.add_argument("card", type=Path, help="run card (TOML)")
    parser.add_argument("--on", type=Path, metavar="STATION", help="station file, instead of the card's")
    parser.add_argument(
        "--plot", action="store_true", help="draw the pulses, too, as `labspin sequence` does"
    )
    add_overrides(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Check every run of the card; a plan that leaves a limit is an error.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.experiment import estimate
    from labspin.session import check_runs, load_card, station_of
    from labspin.station import load_station
    from labspin.workspaces import shown_as_written

    card = load_card(arguments.card, overrides=overrides_of(arguments))
    station = load_station(station_of(card, arguments.on))
    reports = [(spec.label, report) for spec, report in check_runs(card, station)]
    picture = draw(card, None) if arguments.plot else None
    if arguments.json:
        print_json(
            [
                {
                    "label": label,
                    "points": report.points,
                    "ranges": report.ranges,
                    "unchecked": report.unchecked,
                    "caution": report.caution,
                    **({"plot": str(picture)} if picture else {}),
                }
                for label, report in reports
            ]
        )
        return 0
    with shown_as_written(card.metadata.units):
        texts = [report.text() for _, report in reports]
    rows = []
    for spec, text in zip(card.runs, texts, strict=True):
        guess = estimate(spec.make(), station)
        rows.append((spec.label, points_text(guess), duration_text(guess), text))
    print_table(
        f"{arguments.card} on {station.name}: within all limits",
        ("run", "points", "takes", "set-points"),
        rows,
    )
    for note in dict.fromkeys(text for _, report in reports for text in _notes(report)):
        _log.warning("%s", note)
    if picture:
        console().print(str(picture), markup=False)
    return 0


def _notes(report: PlanReport) -> list[str]:
    """Return what a user should know of a plan that is within all limits."""
    unchecked = [f"not checked: {report.unchecked}"] if report.unchecked else []
    return unchecked + [report.caution] * bool(report.caution)
