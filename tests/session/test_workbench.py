"""What a person does at a bench by hand, on instruments of which every number is known."""

import dataclasses
from types import SimpleNamespace

import pytest

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError
from labspin.session.workbench import (
    _actuator_record,
    call_method,
    count_rates,
    describe_bench,
    read_all,
    set_value,
)
from labspin.station import load_station
from tests.places import ROOT


class Pulses:
    lines = ("laser", "microwave")

    def __init__(self):
        self.said = []

    def load(self, sequence, *, repetitions):
        self.said.append(("load", tuple(sequence.lines), repetitions))

    def start(self):
        self.said.append("start")

    def stop(self):
        self.said.append("stop")


class Counter:
    """Counts 250 in all gates of each detector together, in two arms: it has one gate at a time."""

    detectors = ("pl", "reference")
    max_gates = 1

    def __init__(self, is_done=True):
        self.armed, self._done = [], is_done

    def arm(self, gates, *, triggers, detectors):
        self.armed.append((gates, triggers, tuple(detectors)))

    def is_done(self):
        return self._done

    def stop(self):
        self.armed.append("stop")

    def counts(self):
        return [250]


DESCRIPTION = {"instruments": {"pulses": {"role": "PulseGenerator"}, "counter": {"role": "PhotonCounter"}}}


def counting_bench(**options):
    pulses, counter = Pulses(), Counter(**options)
    instruments = {"pulses": pulses, "counter": counter}
    return SimpleNamespace(name="lab", instruments=instruments, clock=SimulatedClock()), pulses, counter


def test_count_rates_are_counts_by_the_time_that_was_counted_and_the_light_goes_off():
    bench, pulses, counter = counting_bench()
    rates = count_rates(bench, DESCRIPTION)
    for gates, triggers, _ in counter.armed:
        counted = triggers * sum(length for _, length in gates)
    assert rates == {name: pytest.approx(250 / counted, rel=1e-9, abs=0) for name in ("pl", "reference")}
    assert pulses.said == [("load", ("laser", "trigger"), -1), "start", "stop"]


def test_triggers_that_do_not_come_are_said_and_the_light_goes_off():
    bench, pulses, counter = counting_bench(is_done=False)
    with pytest.raises(DeviceError, match="did not come; check cable"):
        count_rates(bench, DESCRIPTION)
    assert counter.armed[-1] == "stop"
    assert pulses.said[-1] == "stop"


def test_quadratures_stand_under_their_names():
    readout = SimpleNamespace(quadratures=lambda: 3.0 - 4.0j)
    record = {"settable": {}, "readings": dict.fromkeys(("motion_x", "motion_y", "motion_magnitude"), "V"),
              "has_output": False}  # fmt: skip
    bench = SimpleNamespace(instruments={"readout": readout}, actuators={})
    found = read_all(bench, {"instruments": {"readout": record}, "actuators": {}})
    assert {name: one["value"] for name, one in found.items()} == {
        "readout.motion_x": 3.0, "readout.motion_y": -4.0, "readout.motion_magnitude": 5.0}  # fmt: skip


@pytest.fixture(scope="module")
def bench():
    station = load_station(ROOT / "instruments" / "levitated-diamond.toml")
    with station.connect(watchdog=False) as connected:
        yield station, connected


def test_an_actuator_is_described_in_its_own_unit(bench):
    """The safe value of a field and its ramp are in its unit: by slope and offset of the current."""
    station, connected = bench
    described = describe_bench(station, connected)["actuators"]
    field, current = described["magnet.field"], described["magnet.current"]
    assert field["moves"] == "magnet.current"
    ends = sorted(field["offset"] + field["slope"] * current[end] for end in ("minimum", "maximum"))
    assert ends == pytest.approx([field["minimum"], field["maximum"]], rel=1e-9, abs=0)
    assert field["safe"] == pytest.approx(field["offset"] + field["slope"] * current["safe"], rel=1e-9, abs=0)
    spec = connected.actuator("magnet.current").spec
    assert current["ramp_time"] == pytest.approx(1 / spec.ramp_rate, rel=1e-9, abs=0)
    assert field["ramp_time"] == pytest.approx(1 / spec.ramp_rate / abs(field["slope"]), rel=1e-9, abs=0)


def test_a_safe_value_is_described_in_the_unit_of_what_is_shown(bench):
    """0 A is 0 T here; a coil beside a permanent magnet has a field without current."""
    _, connected = bench
    actuator = connected.actuators["magnet.field"]
    found = _actuator_record("magnet.field", Shifted(actuator))
    assert found["offset"] == pytest.approx(0.02, rel=1e-9, abs=0)
    assert found["slope"] == pytest.approx(actuator.spec.calibration.slope, rel=1e-9, abs=0)
    assert found["safe"] == pytest.approx(0.02 + actuator.spec.calibration.slope * 2.0, rel=1e-9, abs=0)


class Shifted:
    """An actuator whose calibration has an offset, and whose safe value is 2 A."""

    def __init__(self, actuator):
        self._actuator = actuator
        calibration = dataclasses.replace(actuator.spec.calibration, offset=0.02)
        self.spec = dataclasses.replace(actuator.spec, calibration=calibration, safe=2.0)

    def __getattr__(self, name):
        return getattr(self._actuator, name)


class Source:
    """An instrument with settings that are no actuators."""

    role = ""

    def __init__(self):
        self.units = {"modulation": "Hz"}
        self._modulation, self._on = 0.0, False

    @property
    def modulation(self):
        return self._modulation

    @modulation.setter
    def modulation(self, value):
        self._modulation = value

    @property
    def on(self):
        return self._on

    @on.setter
    def on(self, value):
        self._on = value


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [("modulation", "2.5 kHz", 2500.0), ("modulation", 40.0, 40.0), ("on", "on", True), ("on", "off", False)],
)
def test_a_text_is_set_in_the_unit_of_the_attribute(attribute, text, value):
    source = Source()
    bench = SimpleNamespace(name="lab", instruments={"source": source}, actuators={}, source=source)
    assert set_value(bench, f"source.{attribute}", text) == value


def test_only_methods_of_the_role_are_called(bench):
    _, connected = bench
    for name in ("microwave.write", "microwave.__init__", "magnet.configure"):
        with pytest.raises(ArgumentError):
            call_method(connected, name)
