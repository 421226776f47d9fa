"""`labspin resume`: go on with a run that died, failed or was aborted, at its first missing point."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.measuring import add_display, measure, outcome_record, say
from labspin.cli.output import add_json, print_json
from labspin.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labspin.data import RunHeader
    from labspin.experiment import Control, Observer, Procedure, RunOutcome
    from labspin.station import Station

__all__ = ["add", "execute", "resume_run"]

NOT_FINISHED = 3
_TAKE_OVER = 90.0  # s


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "resume", help="go on with a run that died, failed or was aborted", description=__doc__
    )
    parser.add_argument("file", type=Path, help="run file (.h5), whether it exists yet or only its journal")
    parser.add_argument(
        "--on", type=Path, metavar="STATION", help="station file, instead of the recorded one"
    )
    parser.add_argument(
        "--card", type=Path, help="run card, for procedures out of a file: a run file is never executed"
    )
    parser.add_argument(
        "--force", action="store_true",
        help="go on although labspin, the station file, the procedure or its parameters were changed since",
    )  # fmt: skip
    add_display(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Measure what is missing and return the exit code."""
    outcome = measure(
        lambda observers, control: resume_run(
            arguments.file,
            on=arguments.on,
            card=arguments.card,
            force=arguments.force,
            watchdog=not arguments.no_watchdog,
            observers=observers,
            control=control,
        ),
        arguments.file.stem,
        arguments=arguments,
    )
    say(outcome, as_json=arguments.json)
    if arguments.json:
        print_json(outcome_record(outcome))
    return 0 if outcome.status == "finished" else NOT_FINISHED


def resume_run(
    path: Path,
    *,
    on: Path | None = None,
    card: Path | None = None,
    overrides: Sequence[str] = (),
    force: bool = False,
    watchdog: bool = True,
    observers: Sequence[Observer] = (),
    control: Control | None = None,
) -> RunOutcome:
    """Connect the recorded station and measure the points that are missing in ``path``.

    Parameters
    ----------
    path
        The run file, or its journal's ``.h5`` name.
    on
        Station file, instead of the recorded one.
    card, overrides
        Where the procedure comes from, if not from labspin or an installed package.
    force
        Go on although labspin, station file, procedure or parameters were changed. The plan must be the
        recorded one all the same, and simulated and measured points are never mixed.

    Raises
    ------
    RunFileError
        The run has finished, or is still being made.
    StationError
        The station cannot be found again, or is another than the recorded one.
    PlanError
        Version of labspin, procedure or its parameters are not the recorded ones.
    LabspinError
        As for `labspin.experiment.resume`.
    """
    from labspin.experiment import resume
    from labspin.experiment.resumption import read_unfinished, recorded_procedure
    from labspin.experiment.unchanged import differences

    path = path.with_name(path.name.removesuffix(".jnl"))
    _wait_for_watchdog(path)
    header = read_unfinished(path).header
    station = _station(path, header.station, on)
    procedure = recorded_procedure(header) if card is None else _procedure(header, card, overrides)
    if not force:  # as `resume` does; here before anything is connected
        for change in differences(path, header, station=station.describe(), procedure=procedure):
            raise change
    seed = header.station.get("seed")
    with station.connect(seed=seed, watchdog=watchdog) as bench:
        return resume(path, bench, procedure=procedure, observers=observers, control=control, force=force)


def _wait_for_watchdog(path: Path) -> None:
    """Wait while the watchdog of a run that was killed still makes its bench safe and says so in the run."""
    from labspin.data import read_run

    deadline = time.monotonic() + _TAKE_OVER
    while time.monotonic() < deadline:
        run = read_run(path)
        if run.status != "running" or not run.events_of("watchdog"):
            return
        time.sleep(0.5)


def _station(path: Path, recorded: Mapping[str, Any], on: Path | None) -> Station:
    from labspin.station import load_station

    file = on if on is not None else Path(str(recorded.get("path", "")))
    if not file.is_file():
        raise StationError(
            f"{path}: wanted its station file {str(file)!r}, found none; name one with --on STATION"
        )
    station = load_station(file)
    if station.simulated != recorded.get("simulated"):
        kinds = ["real", "simulated"]
        raise StationError(
            f"{path}: wanted a {kinds[bool(recorded.get('simulated'))]} station as recorded, got the "
            f"{kinds[station.simulated]} {file}; start a new run there"
        )
    return station


def _procedure(header: RunHeader, card: Path, overrides: Sequence[str]) -> Procedure:
    from labspin.experiment import load_card

    (spec,) = load_card(card, overrides=overrides, only=[header.label]).runs
    made = spec.make()
    if header.seed is not None and "seed" in made.parameter_objects():
        made.set_parameters({"seed": header.seed})
    return made
