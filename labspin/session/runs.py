"""Begin a run, run a card, resume a run file.

Window, command line, queue and notebook all begin and resume runs through these functions.
"""

from __future__ import annotations

import datetime
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from labspin.bench import Bench
from labspin.data import EventKind, RunHeader, RunMetadata, RunStatus, read_run, recover
from labspin.data.reader import run_path
from labspin.data.spooling import deliver_all
from labspin.errors import CardError, StationError, StorageError
from labspin.experiment import Control, Observer, Procedure, RunOutcome, resume, run as run_procedure
from labspin.experiment.resumption import read_unfinished
from labspin.experiment.unchanged import differences
from labspin.mistakes import meant_file, plain_path
from labspin.session.cards import Card, load_card
from labspin.session.host_record import refuse_hosted
from labspin.session.recorded import recorded_procedure, recorded_station
from labspin.station import Station, load_station
from labspin.workspaces import Workspace, find_workspace

__all__ = [
    "metadata_of",
    "new_run_path",
    "recover_dead_runs",
    "resume_run",
    "run",
    "run_exists",
    "station_of",
]

_TAKE_OVER = 90.0  # s that a watchdog has to make the bench of a killed run safe
_LONGEST = 80  # characters of a label in the name of a file
_log = logging.getLogger(__name__)


def run(
    procedure: Procedure,
    bench: Bench,
    path: Path | str | None = None,
    *,
    seed: int | None = None,
    label: str = "",
    observers: Sequence[Observer] = (),
    control: Control | None = None,
    metadata: RunMetadata | None = None,
) -> RunOutcome:
    """Run ``procedure`` on ``bench`` and record it, by default in a new file of the workspace.

    Parameters
    ----------
    procedure
        What to measure.
    bench
        Where; left in its safe state, not closed.
    path
        The run file to make; a new name in the workspace's folder of data unless given.
    seed, label, observers, control, metadata
        As for `labspin.experiment.run`.

    Returns
    -------
        How the run ended; ``labspin.open(outcome.path)`` has the data.
    """
    file = Path(path) if path is not None else new_run_path(find_workspace().data, label or procedure.name)
    return run_procedure(
        procedure,
        bench,
        file,
        seed=seed,
        label=label,
        observers=observers,
        control=control,
        metadata=metadata,
    )


def new_run_path(folder: Path, name: str, is_taken: Callable[[Path], bool] = lambda path: False) -> Path:
    """Return a path for a new run in ``folder``, named as its workspace says, not taken yet.

    Parameters
    ----------
    folder
        Where the file will be.
    name
        Label of the run or name of its procedure.
    is_taken
        Tells of a path without a file whether another run will have it.

    Raises
    ------
    StorageError
        A thousand runs of that name began within this second.
    """
    stem = _stem(folder, name, datetime.datetime.now().astimezone())
    for number in range(1, 1000):
        suffix = "" if number == 1 else f"-{number}"
        path = folder / f"{stem}{suffix}.h5"
        if not run_exists(path) and not is_taken(path):
            return path
    raise StorageError(
        f"{folder}: wanted a new file name for {name!r}, found a thousand taken; wait a second"
    )


def _stem(folder: Path, name: str, now: datetime.datetime) -> str:
    """Return the name of a run file in ``folder`` as its workspace, or that of the current folder, says."""
    workspace = find_workspace(folder)
    if workspace.root == Path():  # the current folder's, or none
        workspace = find_workspace()
    words = {"label": name, "project": workspace.project, "operator": workspace.operator}
    pattern, known = workspace.names, {"date": f"{now:%Y%m%d}", "time": f"{now:%H%M%S}"}
    for key, text in words.items():
        known[key] = _slug(text) or ("run" if key == "label" else "")
        if not known[key]:
            for mark in ("-", "_", ".", ""):
                pattern = pattern.replace(f"{mark}{{{key}}}", "")
    return pattern.format(**known).strip("-_.")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower())[:_LONGEST].strip("-")


def run_exists(path: Path) -> bool:
    """Return whether a run file or its journal exists.

    Parameters
    ----------
    path
        The run file.
    """
    return path.exists() or path.with_name(path.name + ".jnl").exists()


def station_of(card: Card, on: Path | None = None) -> Path:
    """Return the station file of a run of ``card``.

    Parameters
    ----------
    card
        The run card.
    on
        Station file to use instead of the card's.

    Raises
    ------
    CardError
        Neither names one, or there is none where the card says.
    """
    if on is not None:
        return on
    if card.station is None:
        raise CardError(f"{card.path}: names no station; add a key 'station', or name one with --on")
    station = plain_path(card.station)
    if not station.exists():
        raise CardError(f"{card.path}: station: {str(station)!r} does not exist; {meant_file(station)}")
    return station


def metadata_of(card: Card, workspace: Workspace, **words: Any) -> RunMetadata:
    """Return who measures what, and why: from the arguments, else the card, else the workspace.

    Parameters
    ----------
    card
        The run card.
    workspace
        Workspace of the current folder.
    **words
        Fields of `RunMetadata`; tags are added to the card's.

    Raises
    ------
    ConfigurationError
        The workspace's register of samples does not have the sample.
    ArgumentError
        A value is not what its name says.
    """
    said = card.metadata
    operator, project = said.operator or workspace.operator, said.project or workspace.project
    tags = (*said.tags, *words.pop("tags", ()))
    found = said.with_changes(**{"operator": operator, "project": project, "tags": tags, **words})
    workspace.check_sample(found.sample)
    return found.with_changes(sample_description=workspace.samples.get(found.sample, ""))


def recover_dead_runs(folder: Path) -> None:
    """Recover the dead runs in ``folder``; what cannot be recovered is kept and logged.

    Parameters
    ----------
    folder
        Folder of run files; it need not exist.
    """
    spool = find_workspace().spool
    if spool is not None and spool.is_dir() and spool != folder:
        recover_dead_runs(spool)
        for path in deliver_all(spool):
            _log.warning("moved %s from the spool, where an earlier run had left it", path)
    if not folder.is_dir():
        return
    for path in recover(folder, on_error=lambda path, problem: _log.error("%s", problem)):
        _log.warning("recovered %s, which an earlier run left unfinished", path)


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
    connect: Callable[[Station, int | None], AbstractContextManager[Bench]] | None = None,
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
        Resume although labspin, station file, procedure or parameters were changed. The plan must still be
        the recorded one, and simulated and measured points are never mixed.
    watchdog
        Whether a second process watches over a real bench.
    observers, control
        As for `labspin.experiment.resume`.
    connect
        Given station and seed, returns the bench as a context manager; None: connect again.

    Returns
    -------
        How the run ended.

    Raises
    ------
    RunFileError
        The run has finished, or is still in progress.
    StationError
        The station cannot be found again, or is another than the recorded one.
    PlanError
        Version of labspin, procedure or its parameters are not the recorded ones.
    LabspinError
        As for `labspin.experiment.resume`.
    """
    path = run_path(path)
    _wait_for_watchdog(path)
    header = read_unfinished(path).header
    station = _station(path, header.station, on)
    if card is None:
        procedure = recorded_procedure(header)
    else:
        procedure = _procedure(header, card, overrides)
        procedure.adapt(station.unconnected())  # what the card leaves open is recorded as it became
    if not force:  # as `resume` does; here before anything is connected
        for change in differences(path, header, station=station.describe(), procedure=procedure):
            raise change
    seed = header.station.get("seed")
    if connect is None:
        refuse_hosted(station.path)
    connected = connect(station, seed) if connect else station.connect(seed=seed, watchdog=watchdog)
    with connected as bench:
        return resume(path, bench, procedure=procedure, observers=observers, control=control, force=force)


def _wait_for_watchdog(path: Path) -> None:
    """Wait while the watchdog of a killed run makes its bench safe and records that in the run."""
    deadline = time.monotonic() + _TAKE_OVER
    while time.monotonic() < deadline:
        run = read_run(path)
        if run.status != RunStatus.RUNNING or not run.events_of(EventKind.WATCHDOG):
            return
        time.sleep(0.5)


def _station(path: Path, recorded: Mapping[str, object], on: Path | None) -> Station:
    station = load_station(on) if on is not None else recorded_station(path, recorded)
    kind = recorded.get("kind") or ("simulated" if recorded.get("simulated") else "real")
    if station.kind != kind:
        raise StationError(
            f"{path}: wanted a {kind} station as recorded, got the {station.kind} {station.path}; start "
            "a new run there"
        )
    return station


def _procedure(header: RunHeader, card: Path, overrides: Sequence[str]) -> Procedure:
    (spec,) = load_card(card, overrides=overrides, only=[header.label]).runs
    made = spec.make()
    if header.seed is not None and "seed" in made.parameter_objects():
        made.set_parameters({"seed": header.seed})
    return made
