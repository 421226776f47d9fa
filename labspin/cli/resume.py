"""`labspin resume`: go on with a run that died, failed or was aborted, at its first missing point."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.measuring import add_display, measure, outcome_record, say
from labspin.cli.output import add_json, print_json
from labspin.errors import PlanError, StationError

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
        help="go on although the station file or labspin itself was changed since",
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
        Go on with a changed station file or another version of labspin. The plan must be the recorded one all
        the same, and simulated and measured points are never mixed.

    Raises
    ------
    RunFileError
        The run has finished, or is still being made.
    StationError
        The station cannot be found again, or is another than the recorded one.
    PlanError
        Card or version of labspin are not the recorded ones.
    LabspinError
        As for `labspin.experiment.resume`.
    """
    from labspin.experiment import resume
    from labspin.experiment.resumption import read_unfinished

    path = path.with_name(path.name.removesuffix(".jnl"))
    _wait_for_watchdog(path)
    header = read_unfinished(path).header
    if not force:
        _refuse_other_version(path, header)
    station = _station(path, header.station, on, force=force)
    procedure = _procedure(path, header, card, overrides) if card is not None else None
    seed = header.station.get("seed")
    with station.connect(seed=seed, watchdog=watchdog) as bench:
        return resume(path, bench, procedure=procedure, observers=observers, control=control)


def _wait_for_watchdog(path: Path) -> None:
    """Wait while the watchdog of a run that was killed still makes its bench safe and says so in the run."""
    from labspin.data import read_run

    deadline = time.monotonic() + _TAKE_OVER
    while time.monotonic() < deadline:
        run = read_run(path)
        if run.status != "running" or not run.events_of("watchdog"):
            return
        time.sleep(0.5)


def _station(path: Path, recorded: Mapping[str, Any], on: Path | None, *, force: bool) -> Station:
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
    if station.text != recorded.get("text") and not force:
        raise StationError(
            f"{file}: is not the station file that {path} was begun with; restore it, or go on with --force "
            "if instruments, limits and calibrations mean the same"
        )
    return station


def _refuse_other_version(path: Path, header: RunHeader) -> None:
    from labspin.experiment.environment import environment

    was, now = _version(header.environment), _version(environment())
    if was != now:
        raise PlanError(
            f"{path}: was begun with labspin {was}, and this is {now}; go on with that version, or with "
            "--force if the procedure still does the same"
        )


def _version(environment: Mapping[str, Any]) -> str:
    commit = str((environment.get("code") or {}).get("commit", ""))[:12]
    return f"{environment.get('labspin', 'unknown')}{f' ({commit})' if commit else ''}"


def _procedure(path: Path, header: RunHeader, card: Path, overrides: Sequence[str]) -> Procedure:
    from labspin.experiment import load_card

    (spec,) = load_card(card, overrides=overrides, only=[header.label]).runs
    made = spec.make()
    if header.seed is not None and "seed" in made.parameter_objects():
        made.set_parameters({"seed": header.seed})
    now = made.parameter_record()
    for name in sorted({*now, *header.parameters}):
        was, becomes = (record.get(name, {}).get("value") for record in (header.parameters, now))
        if was != becomes:
            raise PlanError(
                f"{card}: {name} is {becomes!r}, and {path} was begun with {was!r}; restore the card, or "
                "start a new run"
            )
    return made
