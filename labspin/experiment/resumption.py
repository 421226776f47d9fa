"""Resuming a run that died, failed or was aborted.

The plan is made again from the procedure's recorded parameters and seed, and must be the recorded one. What
stands in the file stays, and what was skipped stays skipped.

On a real bench the plan walks over the points that were measured, an adaptive one receiving their recorded
readings. Before the first missing point the settings are ramped to, and then the set-points of the last point
that was measured, so that actuators come from where they would have come from.

A simulated bench that has just been connected *repeats* the run instead, as fast as it can, without
recording anything, up to where it broke off. What cantilever, cryostat, filters, drivers and procedure
remember is then what they remembered, and with the same seed the resumed file equals the uninterrupted one
bit for bit. That the repetition yields what is recorded is checked, point by point, and said in the file.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from labspin.bench.bench import Bench
from labspin.counts import number_of
from labspin.data import EventKind, Run, RunStatus, RunWriter, read_run
from labspin.errors import PlanError, RunFileError
from labspin.experiment.control import Control, Observer, RunOutcome
from labspin.experiment.engine import Execution
from labspin.experiment.procedure import Procedure
from labspin.experiment.sweep import Point
from labspin.experiment.unchanged import differences, notes

__all__ = ["read_unfinished", "resume"]


def resume(
    path: Path,
    bench: Bench,
    *,
    procedure: Procedure,
    observers: Sequence[Observer] = (),
    control: Control | None = None,
    force: bool = False,
) -> RunOutcome:
    """Measure the points that are missing in the run file ``path``.

    Parameters
    ----------
    path
        A run file, or its journal's ``.h5`` name, whose run is not finished.
    bench
        The bench of the run; left in its safe state, not closed.
    procedure
        The procedure with its parameters, as the run was begun (`labspin.session.recorded_procedure`).
    observers, control
        As for `labspin.experiment.run`.
    force
        Resume although labspin, station, procedure or parameters were changed, and say so in the file. The
        plan must be the recorded one all the same.

    Raises
    ------
    RunFileError
        The run has finished, is being written, or cannot be read.
    PlanError
        The procedure, its parameters or its plan are not the recorded ones any more, or labspin is another
        version.
    StationError
        The station file was changed.
    LabspinError
        As for `labspin.experiment.run`.
    """
    recorded = read_unfinished(path)
    changed = differences(Path(path), recorded.header, station=bench.description, procedure=procedure)
    if changed and not force:
        raise changed[0]
    resumption = _Resumption(procedure, bench, Path(path), recorded, observers, control or Control())
    resumption.remarks = [*((EventKind.WARNING, str(change)) for change in changed),
                          *((EventKind.NOTE, note) for note in notes(recorded.header))]  # fmt: skip
    return resumption.go()


def read_unfinished(path: Path) -> Run:
    """Return the run in ``path``, which can be resumed.

    Parameters
    ----------
    path
        The run's file.

    Raises
    ------
    RunFileError
        It has finished, is being written, or cannot be read.
    """
    recorded = read_run(path)
    if recorded.status in (RunStatus.FINISHED, RunStatus.RUNNING):
        raise RunFileError(
            f"{path}: wanted a run that died, failed or was aborted, got one that is {recorded.status}"
        )
    return recorded


class _Resumption(Execution):
    """A run that begins in its middle."""

    def __init__(
        self,
        procedure: Procedure,
        bench: Bench,
        path: Path,
        recorded: Run,
        observers: Sequence[Observer],
        control: Control,
    ) -> None:
        header = recorded.header
        super().__init__(procedure, bench, path, header.label, observers, control, header.seed)
        self._recorded = recorded
        self._rows = {index: row for row, index in enumerate(recorded.points.index.tolist())}
        self._skipped = {event.data.get("index") for event in recorded.events if event.kind == EventKind.SKIP}
        self._last_time = float(recorded.points.time.max(initial=0.0))
        simulation = bench.simulation
        self._repeats = simulation is not None and simulation.is_fresh and math.isinf(bench.clock.speed)
        self._left = set(self._rows) if self._repeats else set()
        self._differing: list[int] = []
        self.remarks: list[tuple[EventKind, str]] = []

    def set_out(self) -> None:
        """Take a simulated bench to the time at which the run began."""
        if self._repeats and self.bench.simulation is not None:
            self.bench.simulation.restore(float(self._recorded.header.extra.get("clock", 0.0)))
        super().set_out()

    def begin(self) -> RunWriter:
        """Return the writer of the recorded run, if the plan is still the recorded one."""
        header = self._recorded.header
        if self.plan.layout != header.layout or _plain(self.plan.description) != _plain(header.plan):
            raise PlanError(
                f"{self.path}: procedure {header.procedure!r} does not plan what was recorded any more; "
                "resume with the version of the code that the file names, or start a new run"
            )
        self.done = len(self._rows)
        now = self.header()  # asked as when the run began: a simulated bench answers out of its noise
        writer = RunWriter.resume(self.path)
        for kind, remark in self.remarks:
            writer.event(kind, remark)
        writer.event(EventKind.SNAPSHOT, "the bench when the run was resumed", **now.snapshot)
        if self._left:
            text = f"the simulated bench repeats {number_of(len(self._left), 'point')}, to be what it was"
            writer.event(EventKind.REPEAT, text)
        return writer

    def points(self) -> Iterator[Point]:
        """Return the points that are missing, and those that a simulated bench repeats before them."""
        last: Point | None = None
        caught_up = self._repeats
        for point in self.plan:
            if point.index in self._rows:
                self._compare_with_plan(point)
                if self._repeats:
                    yield point
                self.plan.reading = self._reading(point)
                last = point
            elif point.index not in self._skipped:
                if not caught_up:
                    self._catch_up(last)
                    caught_up = True
                yield point

    def keep(self, point: Point, values: tuple[object, ...]) -> None:
        """Record a point, or compare one that was repeated with what is recorded."""
        if point.index not in self._rows:
            super().keep(point, values)
            return
        row, columns = self._rows[point.index], self._recorded.columns
        names = [column.name for column in self._recorded.header.layout.columns]
        if not all(_same(columns[name][row], value) for name, value in zip(names, values, strict=True)):
            self._differing.append(point.index)
        self._left.discard(point.index)
        if not self._left:
            self._tell_repeated()

    def skip(self, point: Point) -> None:
        """Note a point that is left out; a point that is in the file is not left out."""
        if point.index not in self._rows:
            super().skip(point)

    def _tell_repeated(self) -> None:
        if not self._differing:
            self._event(EventKind.REPEAT, "the simulated bench has repeated what is recorded")
            return
        text = (
            f"the simulated bench does not repeat what is recorded, first at point {self._differing[0]}: "
            "sample, faults or code were others; what follows continues the run only statistically"
        )
        self._event(EventKind.WARNING, text, points=self._differing[:100])

    def _compare_with_plan(self, point: Point) -> None:
        row = self._rows[point.index]
        found = {**point.setpoints, **point.coordinates}
        for name in self.plan.recorded:
            was = float(self._recorded.columns[name.replace(".", "_")][row])
            if not np.isclose(was, found[name], rtol=1e-12, atol=0.0):
                raise PlanError(
                    f"{self.path}: point {point.index} was measured at {name} = {was!r}, and the plan now "
                    f"asks for {found[name]!r}; start a new run"
                )

    def _reading(self, point: Point) -> dict[str, object]:
        row, quantities = self._rows[point.index], self._recorded.header.layout.quantities
        return {column.name: self._recorded.columns[column.name][row] for column in quantities}

    def _catch_up(self, last: Point | None) -> None:
        if last is not None:
            self.move(last.setpoints)
        header, clock = self._recorded.header, self.bench.clock
        if self.bench.simulation is not None:
            begun = float(header.extra.get("clock", 0.0))
            self.bench.simulation.restore(begun + self._last_time)
            self.started = begun
        else:
            begun_at = datetime.datetime.fromisoformat(header.started)
            passed = (datetime.datetime.now(datetime.UTC) - begun_at).total_seconds()
            if passed < self._last_time:
                text = "the clock of the computer was set back; times continue after the last point"
                self._event(EventKind.WARNING, text)
            self.started = clock.now() - max(passed, self._last_time)


def _same(recorded: object, found: object) -> bool:
    if isinstance(recorded, str) or isinstance(found, str):
        return str(recorded) == str(found)
    return np.array_equal(np.asarray(recorded), np.asarray(found), equal_nan=True)


def _plain(value: object) -> object:
    """Return plan descriptions comparable whether they were just made or read from a file."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
