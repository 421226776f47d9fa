"""Random stations, random plans and random mishaps, run on the simulated bench under a monitor at the wire.

A `Trial` is a station file, what somebody left the bench at, a procedure, and what goes wrong in it;
hypothesis draws it, so that one that fails is made small. `run_trial` runs it and returns what the monitor
saw.
"""

import contextlib
import math
from dataclasses import dataclass
from functools import partial
from unittest import mock

from hypothesis import strategies as st

from labspin.data import Column
from labspin.errors import LabspinError
from labspin.experiment import (
    Control,
    Filter,
    Linear,
    Logarithmic,
    Procedure,
    Product,
    Repeat,
    Shuffled,
    Snake,
    Values,
    Zip,
    check_plan,
    engine,
    run,
)
from labspin.procedures import MDMR, T1, MRFMTemperature, PLScan, Rabi, T1Field
from labspin.station import load_station
from labspin.station.simulation import SimulatedWorld
from tests.experiment.random_stations import PULSED, SIMULATION, SUPPLIES, cryogenics, magnets, sources
from tests.experiment.wire_monitor import Monitor


class MishapError(Exception):
    """What a procedure or a person's program may raise."""


@dataclass(frozen=True)
class Trial:
    """All that is drawn."""

    station: str
    left: tuple = ()  # (instrument, bytes) that somebody sent before
    procedure: object = None
    mishap: tuple = ("none", 0)


@dataclass
class Outcome:
    """What became of a trial."""

    refused: str = ""
    """Sentence with which the plan was refused before anything was measured."""
    ended: str = ""
    points: int = 0
    monitor: Monitor = None


# -- plans ---------------------------------------------------------------------------------------------------


def _values(span, wild):
    low, high = span
    inside = st.floats(low, high)
    if not wild:
        return inside
    beyond = [math.nextafter(low, -9e99), math.nextafter(high, 9e99), math.nan, math.inf, 0.0, -1e9]
    return st.one_of(inside, inside, st.floats(2 * low - high, 2 * high - low), st.sampled_from(beyond))


@st.composite
def axes(draw, name, span, unit, *, wild, number=None):
    """Draw a sweep along one axis; if it may be ``wild``, what is out of the limits, or no sweep at all."""
    kinds = ["linear", "values", "logarithmic"]
    kind = draw(st.sampled_from(kinds if wild or span[0] > 0 else kinds[:2]))
    if wild:
        unit = draw(st.sampled_from([unit, unit, unit, unit, "A", "T", "V", "kHz"]))
    values, least = _values(span, wild), int(not wild)
    if kind == "values":
        listed = draw(st.lists(values, min_size=number or least, max_size=number or 6))
        return lambda: Values(name, listed, unit=unit)
    start, stop, number = draw(values), draw(values), number or draw(st.integers(least, 7))
    made = {"linear": Linear, "logarithmic": Logarithmic}[kind]
    return lambda: made(name, start, stop, number, unit=unit)


@st.composite
def sweeps(draw, actuators, *, wild):
    """Draw a sweep, as a function that makes it and may refuse to."""
    names = draw(st.lists(st.sampled_from(sorted(actuators)), min_size=1, max_size=3, unique=not wild))
    if not wild and "magnet.field" in names and "magnet.current" in names:
        names.remove("magnet.field")
    number = draw(st.sampled_from([None, None, 4]))
    made = [draw(axes(name, *actuators[name], wild=wild, number=number)) for name in names]
    whole, kinds = made[0], [Product, Snake, Zip] if number and len(made) < 3 else [Product, Snake]
    for part in made[1:]:
        kind = draw(st.sampled_from(kinds))
        whole = partial(_nested, kind, whole, part)
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(["repeat", "shuffled", "filter"]))
        count, inner = draw(st.integers(int(not wild), 3)), draw(st.booleans())
        whole = partial(_modified, kind, whole, count, inner)
    return whole


def _nested(kind, outer, inner):
    return kind(outer(), inner())


def _modified(kind, make, count, inner):
    sweep = make()
    if kind == "repeat":
        return Repeat(sweep, count, name=f"repeat_{len(sweep.names)}", inner=inner)
    if kind == "shuffled":
        return Shuffled(sweep, count)
    return Filter(sweep, keep=[n for n in range(len(sweep)) if n % (count + 1) == 0])


class RandomScan(Procedure):
    """Moves what it is told to, and does what else it is told to."""

    quantities = (Column(name="y"),)
    made = staticmethod(lambda: Values("x", [0.0]))
    fixed: dict = {}  # noqa: RUF012
    by_hand: tuple = ()

    def settings(self):
        return self.fixed

    def plan(self):
        return self.made()

    def measure(self, bench, point):
        for name, value in self.by_hand:
            instrument, attribute = name.split(".")
            setattr(getattr(bench, instrument), attribute, value)
        return {"y": float(point.index)}


@st.composite
def scans(draw, actuators):
    """Draw a procedure that moves ``actuators``: name to (limits, unit)."""
    procedure, wild = RandomScan(), draw(st.sampled_from([False, False, False, True]))
    kind = draw(st.sampled_from(["sweep", "sweep", "sweep", "sweep", "list", "adaptive"]))
    fixed = draw(st.sampled_from(["", "", *sorted(actuators)]))
    if fixed:
        procedure.fixed = {fixed: draw(_values(actuators[fixed][0], wild))}
    if draw(st.integers(0, 7)) == 7:
        name = draw(st.sampled_from(sorted(actuators)))
        procedure.by_hand = ((name, draw(_values(actuators[name][0], True))),)
    if fixed and not wild:
        same = {"magnet.field", "magnet.current"} if fixed.startswith("magnet") else {fixed}
        actuators = {name: about for name, about in actuators.items() if name not in same}
    if kind == "sweep":
        procedure.made = draw(sweeps(actuators, wild=wild))
        return procedure
    name = draw(st.sampled_from(sorted(actuators)))
    listed = draw(st.lists(_values(actuators[name][0], wild), min_size=int(not wild), max_size=6))
    if kind == "adaptive":
        procedure.coordinates = (
            Column(name=name.replace(".", "_"), unit=actuators[name][1], role="coordinate"),
        )
        procedure.made = lambda: _adaptive(name, listed)
    else:
        procedure.made = lambda: [{name: value} for value in listed]
    return procedure


def _adaptive(name, listed):
    for value in listed:
        yield {name: value}


@st.composite
def shipped(draw, field, is_pulsed):
    """Draw one of labspin's own procedures with parameters over wide ranges."""
    wild = st.sampled_from([1] * 12 + [0, 3, -1, 1e4, math.nan])
    scale = draw(wild)
    if not is_pulsed:
        return MRFMTemperature, {
            "temperatures": [draw(st.floats(0.02, 2.2)) * scale], "stability_timeout": "200 s",
            "if_unstable": "record", "soak_time": "1 s", "search_points": 8, "sweep_points": 8,
            "drive": draw(st.floats(1e-3, 1.0)), "if_not_found": draw(st.sampled_from(["record", "abort"])),
        }  # fmt: skip
    low, high = field
    tesla = st.floats(1.03 * low - 0.03 * high, 1.03 * high - 0.03 * low)
    some = {"repetitions": draw(st.sampled_from([1, 2, 10, 10, 20, 30, 30, 13]))}
    hertz = draw(st.floats(2e9, 3.5e9)) * scale
    kind = draw(st.sampled_from([T1, T1Field, MDMR, PLScan, Rabi]))
    if kind is PLScan:
        ends = sorted((draw(tesla), draw(tesla)))
        more = {
            "field_start": ends[0], "field_stop": ends[1] * scale, "fields": 2,
            "reference_field": draw(tesla), "reference": draw(st.sampled_from(["point", "gate"])),
        }  # fmt: skip
    elif kind is MDMR:
        more = {
            "fields": draw(st.lists(tesla, max_size=2)), "frequency_start": hertz, "frequencies": 2,
            "frequency_stop": draw(st.floats(2e9, 3.5e9)), "microwave_power": draw(st.floats(-70, 20)),
        }  # fmt: skip
    else:
        more = {"microwave_frequency": hertz, "microwave_power": draw(st.floats(-70, 20)), "averages": 1}
        more |= {"pulse_durations": 2} if kind is Rabi else {"dark_times": 2}
        more |= {"fields": draw(st.lists(tesla, max_size=2))} if kind is T1Field else {}
        if kind is not T1Field:
            more["magnet"] = draw(st.sampled_from(["field", "current", "nothing"]))
            if more["magnet"] != "nothing":
                value = draw(tesla)
                more[f"magnet_{more['magnet']}"] = value if more["magnet"] == "field" else 700 * value
    return kind, {**some, **more}


MISHAPS = ["none", "none", "none", "exception", "abort", "skip", "pause", "silent", "drop"]


@st.composite
def trials(draw):
    """Draw a trial."""
    is_pulsed = draw(st.integers(0, 11)) < 11
    left, calibrated = [], ()
    if is_pulsed:
        magnet, amperes, model = draw(magnets())
        source, frequency, power = draw(sources())
        text = magnet + source + PULSED.format()
        actuators = {"magnet.current": (amperes, "A"), "microwave.frequency": (frequency, "Hz"),
                     "microwave.power": (power, "dBm")}  # fmt: skip
        calibrated = _calibrated(magnet, amperes)
        if calibrated and draw(st.booleans()):
            actuators["magnet.field"] = (calibrated, "T")
        left = draw(_left(model, amperes))
        order = draw(st.permutations(["pulses", "microwave", "magnet"]))
    else:
        text, actuators = draw(cryogenics())
        order = draw(st.permutations(["cantilever", "cryostat"]))
    header = SIMULATION.format(
        order=str(order).replace("'", '"'), seed=draw(st.integers(0, 99)),
        sample="levitated_diamond" if is_pulsed else "mrfm_cantilever",
    )  # fmt: skip
    if draw(st.integers(0, 4 if is_pulsed else 19)) == 0:
        procedure = draw(shipped(calibrated or (0.0, 1e-3), is_pulsed))
    else:
        procedure = draw(scans(actuators))
    mishap = draw(st.sampled_from(MISHAPS)), draw(st.integers(0, 5)), draw(st.integers(0, 60))
    return Trial(header + text, tuple(left), procedure, mishap)


def _calibrated(text, amperes):
    if "calibration" not in text:
        return ()
    slope = next(s for s in ((15e-4, "15 G/A"), (-40e-4, "-40 G/A"), (1e-3, "1 mT/A")) if s[1] in text)[0]
    return tuple(sorted(1e-4 + slope * ampere for ampere in amperes))


@st.composite
def _left(draw, model, amperes):
    """Draw what somebody left the supply at: off, on within the limits, or on beyond them."""
    how = draw(st.sampled_from(["untouched", "off", "on", "on", "beyond"]))
    most = SUPPLIES[model]
    low = -most if model != "e36312a" else 0.0
    ampere = draw(st.floats(low, most) if how == "beyond" else st.floats(*amperes))
    if how == "untouched":
        return []
    channel = ", (@1)" if model == "e36312a" else ""
    volts = 6 if channel else model.split("-")[0]
    lines = [] if channel else ["FUNC:MODE CURR"]
    lines += [f"VOLT {volts}{channel}", f"CURR {ampere:.6g}{channel}", f"OUTP {int(how != 'off')}{channel}"]
    return [("magnet", line) for line in lines]


# -- running -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def watched(trial, station):
    """Tap every simulated device of ``station`` in the block, and leave the bench as somebody left it."""
    monitor = Monitor(station, None, lambda: 0.0)
    make = SimulatedWorld.device

    def device(world, spec):
        made = make(world, spec)
        monitor.clock = world.clock
        if "magnet.current" in world.world.sample.inputs:
            monitor.level = lambda: world.world.level("magnet.current")
        if hasattr(made, "receive"):
            monitor.tap(spec.name, spec.driver, made)
        for name, line in trial.left:
            if name == spec.name:
                made.receive(line.encode() + b"\n")
        if trial.left:
            world.clock.advance(300.0)  # until the coil has settled
        return made

    with mock.patch.object(SimulatedWorld, "device", device), mock.patch.object(engine, "RunWriter", _NoFile):
        yield monitor


class _NoFile:
    """Stands in for the run file, which would take most of the time and has nothing to do with the wire."""

    def __init__(self, path, header):
        self.path, self.header = path, header

    @classmethod
    def create(cls, path, header):
        return cls(path, header)

    def append(self, *record):
        pass

    def event(self, *record, **data):
        pass

    def finish(self, *how, **more):
        return self.path


class _Meddler:
    """What goes wrong in a run: at a point, or at a command on the wire, so in the middle of a ramp too."""

    def __init__(self, trial, control, monitor, bench):
        self._kind, self._at, self._message = trial.mishap
        self._control, self._monitor, self._bench = control, monitor, bench
        monitor.on_command = self._command

    def on_start(self, header, total):
        if self._kind in ("silent", "drop") and "magnet" in self._bench.simulation.devices:
            self._bench.simulation.devices["magnet"].faults.add(self._kind, after=self._message)

    def on_point(self, index, values, done, total):
        self._monitor.look()
        if done == self._at + 1 and self._kind == "pause":
            self._control.pause()
            self._control.resume()

    def _command(self):
        self._monitor.look()
        self._message -= 1
        if self._message == 0 and self._kind in ("abort", "skip"):
            getattr(self._control, self._kind)()

    def on_event(self, kind, message):
        self._monitor.look()

    def on_finish(self, outcome):
        self._monitor.look()


def run_trial(trial, path):
    """Run ``trial`` with its run file at ``path`` and return its `Outcome`.

    Raises
    ------
    Exception
        Anything that is no error of labspin's own and was not drawn.
    """
    outcome = Outcome()
    file = path.with_suffix(".toml")
    file.write_text(trial.station, encoding="utf-8")
    try:
        station = load_station(file)
    except LabspinError as error:
        outcome.refused = str(error)
        return outcome
    with watched(trial, station) as monitor:
        outcome.monitor = monitor
        try:
            _run(trial, station, monitor, path, outcome)
        except (LabspinError, MishapError) as error:
            outcome.ended = f"{type(error).__name__}: {error}"
    return outcome


def _run(trial, station, monitor, path, outcome):
    procedure = _made(trial, outcome)
    if procedure is None:
        return
    with station.connect(seed=trial.mishap[1]) as bench:
        monitor.begin(bench.simulation.devices)
        control = Control()
        meddler = _Meddler(trial, control, monitor, bench)
        _refused(procedure, station, outcome)
        try:
            found = run(procedure, bench, path, observers=[meddler], control=control)
        except LabspinError as error:
            outcome.ended = str(error)
            return
        finally:
            monitor.look()
        outcome.ended, outcome.points = found.status, found.points


def _made(trial, outcome):
    """Return the procedure, unless its parameters are refused."""
    procedure = trial.procedure
    if isinstance(procedure, tuple):
        kind, parameters = procedure
        try:
            procedure = kind(**parameters)
        except LabspinError as error:
            outcome.refused = str(error)
            return None
    if trial.mishap[0] == "exception":
        _break(procedure, trial.mishap[1])
    return procedure


def _break(procedure, at):
    measure, left = procedure.measure, iter(range(at, -1, -1))

    def measured(bench, point):
        if next(left, 0) == 0:
            raise MishapError("broken")
        return measure(bench, point)

    procedure.measure = measured


def _refused(procedure, station, outcome):
    try:
        check_plan(procedure, station)
    except LabspinError as error:
        outcome.refused = str(error)
