"""Records that a host and its clients exchange: plain data as sent over the connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from labspin.arrays import FloatArray

__all__ = [
    "ActuatorRecord",
    "BenchDescription",
    "Course",
    "EventRecord",
    "HandRecord",
    "HostStatus",
    "InstrumentRecord",
    "NewsRecord",
    "QueueRecord",
    "ReadingRecord",
    "RunRecord",
    "value_of",
]


class InstrumentRecord(TypedDict):
    """An instrument of a bench: attribute to unit in ``settable`` and ``readings``."""

    role: str
    driver: str
    address: str
    settable: dict[str, str]
    readings: dict[str, str]
    has_output: bool
    detectors: list[str]
    methods: list[str]


class ActuatorRecord(TypedDict):
    """An actuator, in ``unit``: ``slope`` times what is sent to ``moves``, plus ``offset``.

    ``ramp_time`` is the time of a ramp by one unit, s; None: it is set in one step.
    """

    unit: str
    minimum: float
    maximum: float
    ramp_time: float | None
    safe: float | None
    instrument: str
    attribute: str
    moves: str
    slope: float
    offset: float


class BenchDescription(TypedDict, total=False):
    """What a client needs to show a panel for every instrument; empty if no host is connected."""

    name: str
    description: str
    path: str
    simulated: bool
    kind: str
    instruments: dict[str, InstrumentRecord]
    actuators: dict[str, ActuatorRecord]


class ReadingRecord(TypedDict):
    """A read-back at a Unix time (s): its ``value``, or the ``error`` in place of it."""

    time: float
    value: NotRequired[float | bool | str]
    error: NotRequired[str]


class RunRecord(TypedDict):
    """The run in progress, or the last one; ``left`` in s."""

    id: int
    label: str
    card: str
    path: str
    procedure: str
    done: int
    total: int | None
    left: float | None
    began: float
    paused: bool


class HandRecord(TypedDict):
    """The manual action in progress; ``target`` None: it does not set a value."""

    name: str
    target: object


class QueueRecord(TypedDict):
    """The queue of a host; ``problem`` says why its file cannot be read, and is empty where it can."""

    paused: bool
    waiting: int
    makes_runs: bool
    problem: str


class HostStatus(TypedDict, total=False):
    """State of host, run, queue and read-backs; empty where no host is connected.

    ``sent`` is the last set-point of each actuator.
    """

    station: str
    path: str
    workspace: str
    simulated: bool
    kind: str
    process: int
    state: str
    run: RunRecord | None
    last: RunRecord | None
    hand: HandRecord | None
    orders: int
    aligns: bool
    readings: dict[str, ReadingRecord]
    sent: dict[str, float]
    lost: list[str]
    queue: QueueRecord
    clients: int


EventRecord = tuple[int, float, str, str]
"""Number, Unix time (s), kind and message of an event; a list where it came over the wire."""


class NewsRecord(TypedDict):
    """News for a client; ``sequence`` is the argument of its next request."""

    sequence: int
    events: list[EventRecord]
    status: HostStatus


def value_of(readings: Mapping[str, ReadingRecord], name: str) -> float | bool | str | None:
    """Return the value that was read back; None: not read, or the reading failed.

    Parameters
    ----------
    readings
        Read-backs by name.
    name
        Name of one of them.
    """
    record = readings.get(name)
    return None if record is None else record.get("value")


Course = dict[str, list[FloatArray]]
"""Name of a read-back to Unix times (s) and values."""
