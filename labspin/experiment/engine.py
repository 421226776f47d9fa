"""The engine: runs any procedure on any bench, records every point, and leaves the bench safe.

One run goes through these steps, and through the last three whatever happens in the others:

1. *Pre-flight*: the bench has what the procedure needs, the whole plan is within the limits, the procedure's
   own check has nothing against it. Nothing has moved so far.
2. The bench is read back into a snapshot, and the run file is begun.
3. The settings are ramped to, and the procedure prepares.
4. Point by point: noise of a simulated bench is tied to the point, interlocks are looked at, what has to
   move is ramped and settles, the procedure measures, what it returns is compared with what it declared,
   and the point is recorded. A set-point that does not change is not sent again, unless something came
   between (a pause, a skipped point, an interlock): then settings and set-points are reached again.
5. The procedure finishes.
6. The bench is brought to its safe state (`labspin.bench.safety`).
7. Snapshot, errors and safe actions go into the file.
8. The file is published.

Interlocks are looked at in steps 3 to 5, in every ramp and wait (`labspin.experiment.interlocks`). An error
is raised again when all that is done; a run that was aborted returns its outcome.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from labspin.bench.bench import Bench
from labspin.bench.safety import Interruptions
from labspin.data import EventKind, RunHeader, RunMetadata, RunWriter
from labspin.data.spooling import note_target, place_in_spool
from labspin.errors import RunAborted, StorageError
from labspin.experiment.beside import as_run
from labspin.experiment.check import caution, preflight
from labspin.experiment.closing import PATIENCE, Closing
from labspin.experiment.control import Control, Observer, PointSkipped, RunOutcome
from labspin.experiment.environment import environment
from labspin.experiment.interlocks import Disturbed, InterlockWatch
from labspin.experiment.procedure import Procedure
from labspin.experiment.readings import readings_in_order
from labspin.experiment.regular import RegularReadings
from labspin.experiment.runlog import RecordedLog
from labspin.experiment.sweep import Point
from labspin.experiment.trust import TrustWatch
from labspin.experiment.truth import TruthRecord
from labspin.experiment.unchanged import procedure_source
from labspin.workspaces import find_workspace

__all__ = ["Execution", "run"]

_log = logging.getLogger(__name__)
_HOLD = 0.1  # s of wall-clock time between two looks at a paused control


def run(
    procedure: Procedure,
    bench: Bench,
    path: Path,
    *,
    seed: int | None = None,
    label: str = "",
    observers: Sequence[Observer] = (),
    control: Control | None = None,
    metadata: RunMetadata | None = None,
    run_id: str = "",
) -> RunOutcome:
    """Run ``procedure`` on ``bench`` and record it in ``path``.

    Parameters
    ----------
    procedure
        What to measure.
    bench
        Where; left in its safe state, not closed.
    path
        The run file to make (``.h5``); its folder is made where missing.
    seed
        Replaces the procedure's parameter ``seed``, where it has one.
    label
        What a person calls the run.
    observers
        Notified of start, points, events and end.
    control
        Pause, resume, abort, skip.
    metadata
        Who measures what, and why.
    run_id
        Identity of the run, which its file records; a new one unless given.

    Returns
    -------
        How the run ended: ``"finished"`` or ``"aborted"``.

    Raises
    ------
    LabspinError
        What ended the run, after the bench was made safe and the file published; so does any other exception
        of a procedure or a driver.
    """
    if seed is not None and "seed" in procedure.parameter_objects():
        procedure.set_parameters({"seed": seed})
    target, spool = Path(path), find_workspace().spool
    place = target if spool is None else place_in_spool(target, spool)
    execution = Execution(procedure, bench, place, label, observers, control or Control(), seed)
    execution.metadata, execution.target = metadata or RunMetadata(), target
    execution.run_id = run_id
    return execution.go()


class Execution(Closing):
    """One run while it lasts; made by `run`, or by `labspin.experiment.resume`, which begins otherwise.

    Attributes
    ----------
    known : dict
        Set-points as this run left them; what is not in it may stand anywhere.
    started : float
        When the run began, by the bench's clock, s.
    target : Path
        Where the file belongs; ``path`` while the run lasts, unless that is made in a spool.
    run_id : str
        Identity of the run that begins; empty: a new one.
    done : int
        Points recorded so far.
    patience : float
        How long the run may be silent before its watchdog takes it for hung, s.
    """

    def __init__(
        self,
        procedure: Procedure,
        bench: Bench,
        path: Path,
        label: str,
        observers: Sequence[Observer],
        control: Control,
        seed: int | None,
    ) -> None:
        self.procedure = as_run(procedure, bench)
        self.bench, self.path, self.label = bench, path, label
        self._kind = type(procedure)
        self.observers, self.control = list(observers), control
        self.seed = seed if seed is not None else getattr(procedure, "seed", None)
        self.watch = InterlockWatch((), bench, self._event)
        self.trust = TrustWatch(bench, self._event)
        self.regular = RegularReadings(bench, self._record)
        self.known: dict[str, float] = {}
        self._is_sure = True  # whether nothing came between that may have moved something
        self.writer: RunWriter | None = None
        simulation = bench.simulation
        self.truth = None if simulation is None else TruthRecord(simulation.truth, self._record)
        self.log = RecordedLog(self._record)
        self.done, self.patience = 0, PATIENCE
        self.metadata, self.target, self.run_id = RunMetadata(), path, ""

    def go(self) -> RunOutcome:
        """Go through all the steps of the run and return how it ended."""
        signals = Interruptions(self.control.abort, _in_procedure)
        error: BaseException | None = None
        # Outermost: the watchdog is dismissed when the bench is safe and the file is published.
        with self.bench.watched(self.path), signals.caught(), self.log:
            try:
                try:
                    with self.bench.clock.interrupted_by(self.control.check):
                        self._work()
                finally:
                    signals.closing()
            except BaseException as caught:  # noqa: BLE001 - raised again once the bench is safe
                error = caught
            signals.closing()
            outcome, error = self._close(error)
        del (
            self.watch,
            self.trust,
            self.regular,
            self.truth,
            self.log,
        )  # they know this run, and keep its bench
        if error is not None and not isinstance(error, RunAborted):
            raise error
        return outcome

    # -- the run ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        self.control.check()
        self.plan = preflight(self.procedure, self.bench)
        interlocks = (*self.bench.interlocks, *self.procedure.interlocks())
        self.watch = InterlockWatch(interlocks, self.bench, self._event)
        self.set_out()
        self.started = self.bench.clock.now()
        self.writer = writer = self.begin()
        self._tell("on_start", writer.header, self.plan.total)
        if self.bench.description.get("kind") == "mixed":
            self._event(EventKind.WARNING, _mixture(self.bench))
        if doubt := caution(self.procedure, self.bench):
            self._event(EventKind.WARNING, doubt)
        self.regular.begin(self.started)
        with self.bench.clock.interrupted_by(self._check, due=self._due):
            self._undisturbed(self._make_ready)
            with self.bench.clock.interrupted_by(self._check_point, due=self._due):
                self._measure_points()
            self._undisturbed(self._finish)

    def set_out(self) -> None:
        """Seed the simulated noise for this run, before the first point."""
        if self.bench.simulation is not None:
            self.bench.simulation.begin_point(_noise_stream(self.procedure.name, self.label) - 1)

    def _make_ready(self) -> None:
        self.watch.at_point()
        self._reach_settings()
        self.procedure.prepare(self.bench)
        self.trust.begin()
        if self.truth is not None:  # outputs are on by now: they belong to the truth
            self._event(EventKind.TRUTH, "what is really the case", **self.truth.begin())

    def _finish(self) -> None:
        self.trust.at_end()
        self.procedure.finish(self.bench)

    def _undisturbed(self, do: Callable[[], None]) -> None:
        """Call ``do``, and repeat it each time an interlock held the run meanwhile."""
        while True:
            try:
                return do()
            except Disturbed:
                self._hold()

    def _hold(self) -> None:
        self._doubt()
        self.watch.hold()
        self.trust.hold()

    def _doubt(self) -> None:
        """Forget all known set-points, so that each is sent again."""
        self.known.clear()
        self._is_sure = False

    def _check(self) -> None:
        self.control.check()
        self._beat()
        self.watch.in_wait()
        self.regular.look()

    def _due(self) -> float:
        return min(self.watch.due(), self.regular.due())

    def _check_point(self) -> None:
        self.control.check_point()
        self._beat()
        self.watch.in_wait()
        self.regular.look()

    def begin(self) -> RunWriter:
        """Return the writer of this run's file."""
        header = self.header()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.target != self.path:
                note_target(self.path, self.target)
        except OSError as error:
            raise StorageError(
                f"{self.path.parent}: wanted a folder for the run file, got {error.strerror}; "
                "choose a folder that you may write to"
            ) from error
        return RunWriter.create(self.path, header)

    def header(self) -> RunHeader:
        """Return everything that is known before the first point; asks the bench."""
        simulation = self.bench.simulation
        return RunHeader(
            procedure=self.procedure.name,
            label=self.label,
            parameters=self.procedure.parameter_record(),
            layout=self.plan.layout,
            plan=self.plan.description,
            station=self.bench.description,
            snapshot=self.bench.snapshot(),
            environment=environment(),
            seed=self.seed,
            signal=self.procedure.signal,
            truth=simulation.truth() if simulation is not None else None,
            metadata=self.metadata,
            **({"run_id": self.run_id} if self.run_id else {}),
            extra={
                "settings": dict(self.procedure.settings()),
                "clock": self.started,
                **({"picture": shown} if (shown := self.procedure.picture()) else {}),
                **({"readings": units} if (units := self.regular.units) else {}),
                **({"truth_units": dict(simulation.truth_units)} if simulation is not None else {}),
                "procedure_source": procedure_source(self._kind),
            },
        )

    def points(self) -> Iterable[Point]:
        """Return the points to be measured."""
        return self.plan

    def _reach_settings(self) -> None:
        settings = self.procedure.settings()
        for name in dict.fromkeys((*settings, *self.plan.names)):
            if "." in name:
                self.bench.actuator(name).energise()
        self.move(settings)
        self._is_sure = True

    def _measure_points(self) -> None:
        bench, plan, control = self.bench, self.plan, self.control
        read = readings_in_order(self.procedure.name, self.procedure.quantities)
        begin_point = bench.simulation.begin_point if bench.simulation is not None else None
        noise = _noise_stream(self.procedure.name, self.label)
        place = _placer(plan.recorded)
        is_watched, reads_regularly = bench.is_watched, bool(self.regular.units)
        for point in self.points():
            try:
                if control.requested:
                    self._obey()
                if begin_point is not None:
                    begin_point(noise + point.index)
                if is_watched:
                    self.patience = PATIENCE + 10.0 * max(0.0, self.procedure.duration(point))
                    self._beat()
                if reads_regularly:
                    self.regular.look()
                reading = self._measure(point)
                if control.requested and control.take_skip():
                    raise PointSkipped
            except PointSkipped:
                self.skip(point)
                continue
            values = place(point) + read(reading)
            if self.truth is not None:
                self.truth.at_point(point.index)
            self.keep(point, values)
            plan.reading = reading

    def _measure(self, point: Point) -> Mapping[str, object]:
        while True:
            try:
                if self.watch:
                    self.watch.at_point()
                if not self._is_sure:
                    self._reach_settings()
                if point.setpoints:
                    self.move(point.setpoints)
                reading: Mapping[str, object] = self.procedure.measure(self.bench, point)
                if self.trust:
                    self.trust.after_point(point.index)
                return reading
            except Disturbed:
                self._hold()

    def keep(self, point: Point, values: tuple[object, ...]) -> None:
        """Record a point, and tell the observers.

        Parameters
        ----------
        point
            The point.
        values
            Its values, in the order of the layout's columns.
        """
        if self.writer is None:
            raise StorageError(f"{self.path}: wanted a file to record points in, got none")
        if self.log:
            self.log.hand_on()
        self.writer.append(point.index, self.bench.clock.now() - self.started, values)
        self.done += 1
        if self.observers:
            self._tell("on_point", point.index, values, self.done, self.plan.total)

    def move(self, setpoints: Mapping[str, float]) -> None:
        """Move every actuator that is not known to be at its set-point.

        Parameters
        ----------
        setpoints
            Name of the actuator to set-point, in the actuator's unit.
        """
        known = self.known
        for name, value in setpoints.items():
            if known.get(name) != value:
                known.pop(name, None)
                self.bench.actuator(name).move(value)
                known[name] = value

    def skip(self, point: Point) -> None:
        """Record that a point is left out, and forget the known set-points.

        Parameters
        ----------
        point
            The point.
        """
        self._doubt()  # a ramp may have been left half-way
        self._event(EventKind.SKIP, f"point {point.index} was skipped", index=point.index)

    def _obey(self) -> None:
        if self.control.is_paused:
            self._event(EventKind.PAUSE, "the run holds")
            while not self.control.hold(_HOLD):
                self._beat()
                self._undisturbed(self.watch.in_wait)
            self._doubt()  # a knob may have been turned meanwhile
            self._event(EventKind.CONTINUED, "the run continues")
        self.control.check_point()


def _placer(names: Sequence[str]) -> Callable[[Point], tuple[float, ...]]:
    if not names:
        return lambda point: ()
    where = [(name, "." in name) for name in names]
    return lambda point: tuple(
        [point.setpoints[name] if is_setpoint else point.coordinates[name] for name, is_setpoint in where]
    )


def _mixture(bench: Bench) -> str:
    simulated = bench.description.get("simulated_instruments", [])
    real = [name for name in bench.instruments if name not in simulated]
    return (
        f"MIXED BENCH: simulated are {', '.join(simulated) or 'none'}, real are {', '.join(real) or 'none'}; "
        "no real instrument acts on the simulated sample, and what is measured is no physics"
    )


def _noise_stream(procedure: str, label: str) -> int:
    """Return the seed of a run's noise: runs of one card differ, a resumed run keeps its own."""
    return zlib.crc32(f"{procedure}/{label}".encode()) << 32


_OWN_CODE = "labspin.procedures."
_NOT_BROKEN_OFF = ("labspin.", "logging", "threading", "queue", "contextlib", "pyvisa", "pymeasure")


def _in_procedure(frame: FrameType | None) -> bool:
    """Return whether nothing but a procedure's own code is at work in ``frame``.

    There a second signal may break in. In an exchange with an instrument, in the journal or in the log it may
    not: they end by themselves, and a lock or half a record might be left behind.
    """
    is_inside = False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module == __name__:
            return is_inside and frame.f_code in _CALLS_PROCEDURE
        if module.startswith(_NOT_BROKEN_OFF) and not module.startswith(_OWN_CODE):
            return False
        is_inside, frame = True, frame.f_back
    return False


_CALLS_PROCEDURE = frozenset(
    method.__code__ for method in (Execution._measure, Execution._make_ready, Execution._finish)
)
