"""What happens to a run: the kinds of events, the status of a run, and whether its bench was left safe.

Every event that labspin records is of one of the kinds below. What a later reader has to find again is
in the event's data, under the names that its kind documents. The last event of the kind `EventKind.VERDICT`
says whether the bench was left in its safe state; `unsafe_instruments` reads it, also out of files that are
older than the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "ENDED",
    "Event",
    "EventKind",
    "RunStatus",
    "not_safe",
    "recorded_event",
    "unsafe_instruments",
]


class RunStatus(StrEnum):
    """The status of a run."""

    RUNNING = "running"
    DEAD = "dead"
    """Its process is gone; it can be resumed or recovered."""
    FINISHED = "finished"
    ABORTED = "aborted"
    FAILED = "failed"
    ENDED = "ended, to be recovered"
    """It ended as it should, and its file could not be published yet (`RunSummary` only)."""
    DAMAGED = "damaged"
    """It cannot be read (`RunSummary` only)."""


ENDED = (RunStatus.FINISHED, RunStatus.ABORTED, RunStatus.FAILED)
"""What a run can end as."""


class EventKind(StrEnum):
    """What an event is about; the data that its kind has are named here."""

    LOG = "log"
    """A message of labspin's own log: ``level``, ``logger``, ``traceback``."""
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
    """What ended the run: ``traceback``."""
    ABORT = "abort"
    PAUSE = "pause"
    CONTINUED = "continued"
    """After a pause, or after an interlock held the run."""
    READINGS = "readings"
    """What a station records at regular times: ``time`` (s after the start), ``values`` by name."""
    SKIP = "skip"
    """A point is left out: ``index``."""
    INTERLOCK = "interlock"
    """A quantity left its window: ``quantity``, ``value``."""
    DOUBT = "doubt"
    """A status makes readings meaningless: ``instrument``, ``what``, ``point`` at which it was found, and
    ``indexes`` of the points that were recorded in spite of it."""
    SETTING = "setting"
    """A setting is not what it was: ``instrument``, ``what``, ``indexes`` of the points since the last
    look."""
    RESUMED = "resumed"
    """Another process took up a run that had ended or died."""
    REPEAT = "repeat"
    """A simulated bench repeats what is recorded."""
    SNAPSHOT = "snapshot"
    """The bench when the run was resumed."""
    TRUTH = "truth"
    """What is really the case on a simulated bench, once the settings are reached."""
    TRUTH_AT_POINT = "truth_at_point"
    """What differs at a point: ``index``, ``truth``."""
    CHECKPOINT = "checkpoint"
    """A file of what was measured so far could not be written."""
    JOURNAL = "journal"
    """The journal was lost or replaced while the run went on."""
    DAMAGE = "damage"
    """A part of the journal could not be read."""
    WATCHDOG = "watchdog"
    SAFE_ACTION = "safe"
    """One action on the way to the safe state: ``instrument``, ``ok``, ``attempt``, ``time``."""
    VERDICT = "safe_state"
    """Whether the bench is safe: ``unsafe``, instrument to its last known value, in words; empty if it is."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened during a run."""

    time: float
    """Unix time, s."""
    kind: EventKind | str
    """An `EventKind`; text where a file holds a kind that this version does not know."""
    message: str
    data: dict[str, Any] = field(default_factory=dict)


def recorded_event(time: float, kind: str, message: str, data: dict[str, object]) -> Event:
    """Return an event as it is stored, its kind in today's words.

    Parameters
    ----------
    time
        Unix time, s.
    kind
        As recorded. Files of earlier versions call the end of a pause ``resume``, and a safe action that
        failed ``error``.
    message, data
        As recorded.

    Returns
    -------
        The event.
    """
    if kind == "resume":
        kind = EventKind.CONTINUED
    elif kind == EventKind.ERROR and "ok" in data:
        kind = EventKind.SAFE_ACTION
    known = kind in EventKind.__members__.values()
    return Event(time=time, kind=EventKind(kind) if known else kind, message=message, data=data)


def not_safe(unsafe: Mapping[str, str]) -> str:
    """Return the sentence that says which instruments are not safe; empty if all are.

    Parameters
    ----------
    unsafe
        Instrument to its last known value, in words such as ``"magnet at 1.2 A"``.
    """
    return f"NOT SAFE: {'; '.join(unsafe.values())}" if unsafe else ""


def unsafe_instruments(events: Iterable[Event]) -> dict[str, str] | None:
    """Return which instruments the last process of a run left unsafe.

    Parameters
    ----------
    events
        All events of the run, in order.

    Returns
    -------
        Instrument to its last known value, in words; empty if all are safe, None if the events do not say.
    """
    verdict: dict[str, str] | None = None
    actions: dict[tuple[str, str], tuple[bool, str]] = {}
    for event in events:
        if event.kind == EventKind.RESUMED:
            verdict, actions = None, {}
        elif event.kind == EventKind.VERDICT:
            found = event.data.get("unsafe")
            verdict = {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}
        elif event.kind == EventKind.SAFE_ACTION:
            instrument = str(event.data.get("instrument", ""))
            _, _, rest = event.message.removeprefix("watchdog: ").partition(": ")
            actions[instrument, rest.partition(":")[0]] = (bool(event.data.get("ok", True)), event.message)
    if verdict is None and actions:
        return {name: message for (name, _), (ok, message) in actions.items() if not ok}
    return verdict
