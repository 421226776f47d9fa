"""How the runs of a card enter a queue, and how one queued run is begun or resumed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from labspin.bench import Bench
from labspin.data import RunStatus, read_run
from labspin.errors import CardError
from labspin.experiment import Control, Observer, RunOutcome, run as run_procedure
from labspin.experiment.resumption import read_unfinished
from labspin.session.cards import check_runs, load_card
from labspin.session.host_record import refuse_hosted
from labspin.session.queue import Queue
from labspin.session.queue_benches import kept_path
from labspin.session.queue_file import QueuedRun
from labspin.session.recorded import recorded_procedure
from labspin.session.runs import metadata_of, new_run_path, resume_run, run_exists, station_of
from labspin.station import Station, load_station
from labspin.workspaces import belonging_to, find_workspace

__all__ = ["add_card", "add_resume", "make_queued_run", "new_queued_path", "with_own_file"]

Connect = Callable[[Station, int | None], AbstractContextManager[Bench]]


def add_card(
    queue: Queue,
    path: Path,
    *,
    on: Path | None = None,
    output: Path | None = None,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    seed: int | None = None,
    repeat: int = 1,
) -> list[QueuedRun]:
    """Append the runs of a card to ``queue``, once the whole plan of each has been checked.

    Parameters
    ----------
    queue
        Keeps paths relative to its folder where they lie below it.
    path
        The run card.
    on
        Station file, instead of the card's.
    output
        Folder of the run files; default the workspace's.
    overrides, only
        As for `load_card`.
    seed
        As for `labspin.run`.
    repeat
        How many times the whole card is appended.

    Returns
    -------
        What was appended, with the numbers that the queue gave.

    Raises
    ------
    CardError
        The card, a plan or ``repeat`` is not valid.
    """
    if repeat < 1:
        raise CardError(f"--repeat: wanted a number of times, got {repeat}")
    card = load_card(path, overrides=overrides, only=only)
    station = load_station(station_of(card, on))
    check_runs(card, station)  # refused now rather than when the run begins
    with belonging_to(path):
        folder = _from(queue, output or find_workspace().data)
    return list(
        queue.add(
            QueuedRun(
                card=_from(queue, path),
                label=spec.label,
                station=_from(queue, on) if on else "",
                overrides=tuple(overrides),
                seed=seed,
                output=folder,
            )
            for _ in range(repeat)
            for spec in card.runs
        )
    )


def add_resume(queue: Queue, path: Path, *, on: Path | None = None) -> QueuedRun:
    """Append an interrupted run, from any queue or command, and return it; it will be resumed.

    Parameters
    ----------
    queue
        The queue; if it has the run already, that one waits again.
    path
        The run file.
    on
        Station file, instead of the recorded one.

    Raises
    ------
    RunFileError
        The run has finished or is in progress.
    CardError
        Its procedure is not from labspin or an installed package, and the queue does not know its card.
    """
    for run in queue.read().runs:
        if run.file and (queue.folder / run.file).resolve() == path.resolve() and _has_own_file(queue, run):
            return queue.again(run.id)[0]
    header = read_unfinished(path).header
    recorded_procedure(header)
    label = header.label or header.procedure
    resumed = QueuedRun(
        card="", label=label, station=_from(queue, on) if on else "", file=_from(queue, path),
        output=_from(queue, path.parent),
    )  # fmt: skip
    return queue.add([resumed])[0]


def new_queued_path(queue: Queue, run: QueuedRun) -> Path:
    """Return a free path for the file of ``run``, as ``queue`` keeps it.

    The host of another bench may have named a file in this second and not begun it yet.

    Parameters
    ----------
    queue
        The queue.
    run
        A run of it.

    Raises
    ------
    CardError
        Its folder has a name that none can have.
    """
    named = {other.file for other in queue.read().runs}
    try:
        with _workspace_of(queue, run):
            path = new_run_path(
                queue.folder / run.output, run.label, lambda path: _from(queue, path) in named
            )
        return Path(_from(queue, path))
    except ValueError as error:
        raise CardError(f"output: wanted a folder, got {run.output!r} ({error}); correct it") from error


def with_own_file(queue: Queue, run: QueuedRun) -> QueuedRun:
    """Return ``run``, with another file where one of its name belongs to another run.

    A run that does not come from the queue can take the name after the queue has given it. To resume that
    file would measure nothing, or continue the run of another card.

    Parameters
    ----------
    queue
        The queue.
    run
        A run of it that is to be begun or resumed.

    Raises
    ------
    RunFileError
        The file cannot be read.
    """
    if _has_own_file(queue, run):
        return run
    return queue.name_again(run.id, lambda run: str(new_queued_path(queue, run)))


def _has_own_file(queue: Queue, run: QueuedRun) -> bool:
    """Return whether the file of ``run`` is not that of another run; there may be none yet."""
    path = queue.folder / run.file
    return not run.run_id or not run_exists(path) or read_run(path).header.run_id == run.run_id


def make_queued_run(
    queue: Queue,
    run: QueuedRun,
    *,
    watchdog: bool = True,
    observers: Sequence[Observer] = (),
    control: Control | None = None,
    connect: Connect | None = None,
) -> RunOutcome:
    """Begin ``run``, or resume it where its file exists and is its own.

    Parameters
    ----------
    queue
        The queue; the paths of ``run`` start from its folder.
    run
        What to make.
    watchdog
        Whether a second process watches over a real bench.
    observers, control
        As for `labspin.experiment.run`.
    connect
        Given station and seed, returns the bench to run on as a context manager; None: connect again.

    Returns
    -------
        How the run ended.

    Raises
    ------
    LabspinError
        As for `labspin.experiment.run` and `resume_run`.
    """
    run = with_own_file(queue, run)
    make = _resumed if not run.card or run_exists(queue.folder / run.file) else _begun
    if connect is None:
        connect = functools.partial(_connected, watchdog=watchdog)
    with _workspace_of(queue, run):
        return make(queue, run, observers, control or Control(), connect)


@contextmanager
def _workspace_of(queue: Queue, run: QueuedRun) -> Iterator[None]:
    """Let a run belong to the workspace of its card, else to that of the queue: a host may be anywhere."""
    with belonging_to(queue.folder), belonging_to(queue.folder / (run.card or run.file)):
        yield


def _connected(station: Station, seed: int | None, *, watchdog: bool) -> Bench:
    refuse_hosted(station.path)
    return station.connect(seed=seed, watchdog=watchdog)


def _from(queue: Queue, path: Path) -> str:
    return kept_path(queue.folder, path)


def _begun(
    queue: Queue, run: QueuedRun, observers: Sequence[Observer], control: Control, connect: Connect
) -> RunOutcome:
    card = load_card(queue.folder / run.card, overrides=run.overrides, only=[run.label])
    file = station_of(card, queue.folder / run.station if run.station else None)
    (spec,) = card.runs
    with connect(load_station(file), run.seed) as bench:
        return run_procedure(
            spec.make(),
            bench,
            queue.folder / run.file,
            label=run.label,
            seed=run.seed,
            observers=observers,
            control=control,
            metadata=metadata_of(card, find_workspace()),
            run_id=run.run_id,
        )


def _resumed(
    queue: Queue, run: QueuedRun, observers: Sequence[Observer], control: Control, connect: Connect
) -> RunOutcome:
    path, card = queue.folder / run.file, queue.folder / run.card if run.card else None
    recorded = read_run(path)
    if recorded.status == RunStatus.FINISHED:  # the process died after the run, before the queue knew
        return RunOutcome(path, RunStatus.FINISHED, len(recorded.points), ())
    return resume_run(
        path,
        on=queue.folder / run.station if run.station else (load_card(card).station if card else None),
        card=card,
        overrides=run.overrides,
        observers=observers,
        control=control,
        connect=connect,
    )
