"""Expected ends of the runs of a queue, from their estimates; nothing is connected."""

from __future__ import annotations

import datetime
import functools
from pathlib import Path

from labspin.errors import LabspinError
from labspin.experiment import estimate
from labspin.session.cards import load_card
from labspin.session.host_record import host_of
from labspin.session.queue import Queue
from labspin.session.queue_file import QueuedRun
from labspin.session.runs import station_of
from labspin.station import load_station

__all__ = ["expected_ends", "station_name", "station_path"]


def station_name(queue: Queue, run: QueuedRun) -> str:
    """Return the station file of a queued run, without its suffix; empty if nothing names one.

    Parameters
    ----------
    queue
        The queue.
    run
        A run of it.
    """
    path = station_path(queue, run)
    return "" if path is None else path.stem


def station_path(queue: Queue, run: QueuedRun) -> Path | None:
    """Return the station file of a queued run; None if nothing names one.

    Parameters
    ----------
    queue
        The queue.
    run
        A run of it.
    """
    bench = queue.bench_of(run)
    return queue.folder / bench if bench else None


def expected_ends(queue: Queue) -> dict[int, datetime.datetime | None]:
    """Return when the runs in progress and the waiting runs are expected to end, by their numbers.

    Hosts make the runs of their benches at the same time; those of other benches are made one after another.

    Parameters
    ----------
    queue
        The queue. A run that is resumed counts in full.

    Returns
    -------
    ends
        Local times; None from the first run of a bench on whose duration is unknown.
    """
    state = queue.read()
    now = datetime.datetime.now().astimezone()
    hosted = functools.lru_cache(maxsize=256)(functools.partial(_hosted, queue.folder))
    latest: dict[str, datetime.datetime | None] = {}
    known = functools.lru_cache(maxsize=256)(functools.partial(_seconds, queue.folder))
    found: dict[int, datetime.datetime | None] = {}
    for run in (*state.of("running"), *state.of("waiting")):
        seconds = known(run.card, run.label, run.station, run.overrides)
        bench = hosted(queue.bench_of(run))
        begin = _time(run.started) or now if run.state == "running" else latest.get(bench, now)
        end = None if begin is None or seconds is None else begin + datetime.timedelta(seconds=seconds)
        if end is not None and run.state == "running":
            end = max(end, now)
        found[run.id] = latest[bench] = end
    return found


def _hosted(folder: Path, bench: str) -> str:
    """Return a bench that a host holds, else an empty text."""
    return bench if bench and host_of(folder / bench) else ""


def _seconds(folder: Path, card: str, label: str, station: str, overrides: tuple[str, ...]) -> float | None:
    """Return how long a run takes, s; None if unknown."""
    if not card:
        return None
    try:
        loaded = load_card(folder / card, overrides=overrides, only=[label])
        bench = load_station(station_of(loaded, folder / station if station else None))
        guess = estimate(loaded.runs[0].make(), bench)
        return guess.total if guess.measuring else None  # moving alone is not how long it takes
    except LabspinError:  # the run will report the error
        return None


def _time(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
