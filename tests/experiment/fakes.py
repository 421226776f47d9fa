"""Devices that remember what was done to them and fail when told to."""

import math

from labspin.bench import ActuatorSpec, Bench, Calibration, Settle
from labspin.clock import SimulatedClock
from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure, Shuffled


class Magnet:
    """A supply whose set-points are recorded with the time at which they came."""

    def __init__(self, clock, current=0.0):
        self.clock = clock
        self.sent = []
        self.safe_calls = 0
        self.fail_after = math.inf
        self.fail_safe = False
        self.reading = None
        self._current = current

    @property
    def current(self):
        return self._current

    @current.setter
    def current(self, value):
        if len(self.sent) >= self.fail_after:
            raise OSError("supply: cable pulled")
        self.sent.append((self.clock.now(), value))
        self._current = value

    @property
    def measured_current(self):
        if isinstance(self.reading, Exception):
            raise self.reading
        return self._current if self.reading is None else self.reading

    output_enabled = True

    def safe(self):
        self.safe_calls += 1
        if self.fail_safe:
            raise OSError("supply: does not answer")

    def identity(self):
        return "fake magnet"

    def settings(self):
        return {"current": self._current}


class Source:
    """A microwave source that is set in one step."""

    def __init__(self):
        self.sent = []
        self.safe_calls = 0
        self._frequency = 2.87e9

    @property
    def frequency(self):
        return self._frequency

    @frequency.setter
    def frequency(self, value):
        self.sent.append(value)
        self._frequency = value

    power = -10.0
    output_enabled = False

    def safe(self):
        self.safe_calls += 1

    def identity(self):
        return "fake source"

    def settings(self):
        return {"frequency": self._frequency}


MAGNET = ActuatorSpec(
    instrument="magnet",
    attribute="current",
    unit="A",
    minimum=-2.0,
    maximum=2.0,
    ramp_rate=0.5,
    ramp_interval=0.1,
    safe=0.0,
    readback="measured_current",
    calibration=Calibration(name="field", unit="T", slope=0.01, offset=0.001),
)
FREQUENCY = ActuatorSpec(
    instrument="microwave", attribute="frequency", unit="Hz", minimum=2e9, maximum=4e9, settle=Settle()
)


def fake_bench(clock=None, **options):
    """A bench of one magnet and one source, on simulated time unless told otherwise."""
    clock = clock or SimulatedClock()
    instruments = {"microwave": Source(), "magnet": Magnet(clock)}
    options.setdefault("actuators", (MAGNET, FREQUENCY))
    options.setdefault("safe_order", ("magnet",))
    return Bench(name="fake", clock=clock, instruments=instruments, **options)


class Scan(Procedure):
    """Reads the magnet while moving it; fails where the test says."""

    quantities = (Column(name="reading", unit="A"), Column(name="double", unit="A"))
    seed = CountParameter("Seed", default=0)
    fail_at = None
    do_at_point: dict = {}  # noqa: RUF012

    def _fail(self, step):
        if self.fail_at == step:
            raise ValueError(f"broken in {step}")

    def settings(self):
        return {"microwave.frequency": 2.9e9}

    def plan(self):
        self._fail("plan")
        return Shuffled(Linear("magnet.current", 0.0, 1.0, 11, unit="A"), self.seed)

    def check(self, bench):
        self._fail("check")

    def prepare(self, bench):
        self._fail("prepare")

    def measure(self, bench, point):
        if point.index in self.do_at_point:
            self.do_at_point[point.index](bench)
        if point.index == 5:
            self._fail("measure")
        current = bench.magnet.measured_current
        return {"reading": current, "double": 2 * current}

    def finish(self, bench):
        self._fail("finish")


class Watcher:
    def __init__(self, fail_at=None):
        self.told, self.fail_at = [], fail_at

    def _tell(self, what, *arguments):
        self.told.append((what, arguments))
        if what == self.fail_at:
            raise ValueError("no display")

    def on_start(self, header, total):
        self._tell("on_start", header, total)

    def on_point(self, index, values, done, total):
        self._tell("on_point", index, tuple(values), done, total)

    def on_event(self, kind, message):
        self._tell("on_event", kind, message)

    def on_finish(self, outcome):
        self._tell("on_finish", outcome)

    def of(self, what):
        return [arguments for kind, arguments in self.told if kind == what]


def scan(**attributes):
    procedure = Scan(seed=attributes.pop("seed", 0))
    for name, value in attributes.items():
        setattr(procedure, name, value)
    return procedure


def assert_safe(bench):
    assert bench.magnet.current == 0.0
    assert bench.magnet.safe_calls == 1
    assert bench.microwave.safe_calls == 1


def kinds(recorded):
    return [event.kind for event in recorded.events]
