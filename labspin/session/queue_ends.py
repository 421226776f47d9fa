"""Expected ends of the runs of a queue, from their estimates; nothing is connected."""

from __future__ import annotations

import datetime
import functools
from pathlib import Path

from labspin.errors import LabspinError
from labspin.experiment import estimate
from labspin.session.cards import load_card
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
    if run.station:
        return queue.folder / run.station
    try:
        return station_of(load_card(queue.folder / run.card, only=[run.label])) if run.card else None
    except LabspinError:  # the card is gone or was changed: the run will report it
        return None


def expected_ends(queue: Queue) -> dict[int, datetime.datetime | None]:
    """Return when the run in progress and the waiting runs are expected to end, by their numbers.

    Parameters
    ----------
    queue
        The queue. A run that is resumed counts in full.

    Returns
    -------
    ends
        Local times; None from the first run on whose duration is unknown.
    """
    state = queue.read()
    now = datetime.datetime.now().astimezone()
    end: datetime.datetime | None = now
    known = functools.lru_cache(maxsize=256)(functools.partial(_seconds, queue.folder))
    found: dict[int, datetime.datetime | None] = {}
    for run in (*state.of("running"), *state.of("waiting")):
        seconds = known(run.card, run.label, run.station, run.overrides)
        begin = _time(run.started) or now if run.state == "running" else end
        end = None if begin is None or seconds is None else begin + datetime.timedelta(seconds=seconds)
        if end is not None and run.state == "running":
            end = max(end, now)
        found[run.id] = end
    return found


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
