"""Devices that remember what was done to them and fail when told to."""

import math

from labspin.clock import SimulatedClock
from labspin.experiment import ActuatorSpec, Bench, Calibration, Settle


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
