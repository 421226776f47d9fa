"""Lake Shore 372: what goes over the wire, and the simulated bridge on its cryostat."""

import math

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, InstrumentError, LimitError
from labspin.instruments.lakeshore372 import LakeShore372, LakeShore372Controller, LakeShore372Options
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load

OK = ("*ESR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("setpoint", 0.1, "SETP 0,0.1"),
        ("range", 1e-3, "RANGE 0,4"),
        ("range", 0.0, "RANGE 0,0"),
        ("pid", (10, 20, 0), "PID 0,10,20,0"),
        ("ramp_rate", 0.05, "RAMP 0,1,0.05"),
    ],
)
def test_settings_are_sent_and_the_event_register_is_read(attribute, value, command):
    with expected_protocol(LakeShore372, [(command, None), OK]) as bridge:
        setattr(bridge.sample_heater, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("setpoint", "SETP? 0", "+100.000E-03", 0.1),
        ("range", "RANGE? 0", "8", 0.1),
        ("range", "RANGE? 0", "00", 0.0),
        ("mode", "OUTMODE? 0", "5,A,0,0,0,5", "closed loop"),
        ("control_input", "OUTMODE? 0", "5,A,0,0,0,5", "A"),
        ("control_input", "OUTMODE? 0", "5,16,0,0,0,5", "16"),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(LakeShore372, [(query, reply)]) as bridge:
        assert getattr(bridge.sample_heater, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("range", 2e-3, "Lake Shore 372 range: wanted one of 0.0, 3.16e-05"),
        ("pid", (0, 20, 2501), "Lake Shore 372 pid: wanted 0 to 2500"),
        ("setpoint", math.nan, "Lake Shore setpoint: wanted 0 K to 500 K, got nan"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(LakeShore372, []) as bridge, pytest.raises(LimitError, match=match):
        setattr(bridge.sample_heater, attribute, value)


def test_safe_switches_all_heaters_off():
    wire = [*((f"RANGE {output},0", None) for output in (0, 1, 2)), OK]
    with expected_protocol(LakeShore372, wire) as bridge:
        bridge.safe()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"input": "17"}, 'input: wanted "A" or "1" to "16", got \'17\''),
        ({"heater_range": 2e-3}, "heater_range: wanted one of 3.16e-05 A"),
        ({"heater_range": 0.0}, "heater_range: wanted one of"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        LakeShore372Options(**options)


def simulated(**options):
    world = World(load("mrfm_cantilever")(), SimulatedClock(), seed=1)
    twin = DEVICES["lakeshore372"](world, **options)
    bridge = LakeShore372(SimulatedAdapter(twin), "cryostat", clock=world.clock)
    vars(bridge).update(world=world, twin=twin)
    return bridge


@pytest.mark.parametrize("name", ["A", "1"])
def test_the_loop_holds_the_cryostat_at_the_setpoint(name):
    bridge = simulated()
    cryostat = LakeShore372Controller(bridge, LakeShore372Options(input=name, heater_range=3.16e-3))
    cryostat.configure()
    cryostat.setpoint = 0.3
    cryostat.output_enabled = True
    cryostat.wait_until_stable(tolerance=1e-4, duration=60.0, timeout=3000.0)
    assert bridge.world.reading("temperature") == pytest.approx(0.3, abs=2e-4)
    power = 0.5 * 2e-4 * (0.3**2 - 0.02**2)
    assert float(bridge.sample_heater.output) == pytest.approx(
        100 * math.sqrt(power / (3.16e-3**2 * 100)), rel=0.02, abs=0
    )
    assert cryostat.settings()["control_input"] == name
    cryostat.safe()
    assert not cryostat.output_enabled


@pytest.mark.parametrize("index", range(1, 9))
def test_ranges_are_what_the_heater_makes_of_their_current(index):
    bridge = simulated()
    bridge.write("OUTMODE 0,2,A,0,0,0,5;MOUT 0,100")
    bridge.write(f"RANGE 0,{index}")
    current = (31.6e-6, 100e-6, 316e-6, 1e-3, 3.16e-3, 10e-3, 31.6e-3, 100e-3)[index - 1]
    bridge.clock.sleep(1.0)
    assert bridge.world.reading("heater_power") == pytest.approx(current**2 * 100.0, rel=1e-6, abs=0)


def test_an_output_that_is_left_out_is_the_sample_heater():
    bridge = simulated()
    bridge.write("SETP 0.25")
    assert float(bridge.ask("SETP?")) == 0.25
    assert float(bridge.ask("SETP? 0")) == 0.25
    assert bridge.ask("RANGE?") == "0"
    bridge.write("RANGE 1,2")
    assert int(bridge.ask("*ESR?")) & 16
    assert bridge.ask("RANGE? 1") == "0"


def test_an_input_without_a_sensor_says_so():
    bridge = simulated()
    with pytest.raises(DeviceError, match="input 7, but it reports status 16"):
        bridge.inputs["7"].temperature()


def test_the_scanner_is_sent_to_an_input():
    with expected_protocol(LakeShore372, [("SCAN 5,1", None), OK, ("SCAN?", "05,1")]) as bridge:
        bridge.scan("5", automatic=True)
        assert bridge.scanner == ("5", True)
    with (
        expected_protocol(LakeShore372, []) as bridge,
        pytest.raises(LimitError, match="scanner: wanted one"),
    ):
        bridge.scan("A")


def test_an_input_is_read_where_the_scanner_is_after_its_pause():
    bridge = simulated()
    two = bridge.inputs["2"]
    with pytest.raises(DeviceError, match="input 2, but it reports status 16"):
        two.temperature()
    bridge.scan("2")
    bridge.clock.sleep(2.9)
    assert two.status == 16
    bridge.clock.sleep(0.2)
    assert two.temperature() == pytest.approx(bridge.world.reading("sample_temperature"), rel=1e-6, abs=0)


def test_an_input_that_the_scanner_has_left_shows_what_was_last_read():
    bridge = simulated()
    before = bridge.inputs["1"].temperature()
    bridge.scan("2")
    bridge.write("OUTMODE 0,2,A,0,0,0,5;MOUT 0,100;RANGE 0,5")
    bridge.clock.sleep(300.0)
    assert bridge.inputs["1"].temperature() == before
    assert bridge.inputs["A"].temperature() > 2 * before
    bridge.scan("1")
    bridge.clock.sleep(3.1)
    assert bridge.inputs["1"].temperature() == bridge.inputs["A"].temperature()


def test_autoscan_goes_round_the_inputs_that_are_enabled():
    bridge = simulated()
    for number in range(1, 17):
        bridge.write(f"INSET {number},{int(number in (1, 2, 9))},5,3,21,1")
    bridge.scan("2", automatic=True)
    seen = []
    for _ in range(6):
        seen.append(bridge.scanner[0])
        bridge.clock.sleep(8.0)
    assert seen == ["2", "9", "1", "2", "9", "1"]
    bridge.write("OUTMODE 0,2,A,0,0,0,5;MOUT 0,100;RANGE 0,5")  # at the beginning of the stop at 2
    read = []
    for _ in range(24):
        read.append(bridge.inputs["1"].temperature())
        bridge.clock.sleep(1.0)
    steps = np.nonzero(np.diff(read))[0]
    assert steps.min() >= 16 + 2  # neither at 2 and 9, nor in the pause
    assert steps.max() == 22


def test_what_was_read_while_nobody_asked_is_there():
    bridge = simulated()
    bridge.scan("1", automatic=True)
    bridge.clock.sleep(1000.0)
    assert bridge.inputs["2"].temperature() == pytest.approx(0.02, rel=1e-3, abs=0)


def test_a_loop_on_an_input_that_is_never_read_is_refused():
    bridge = simulated()
    cryostat = LakeShore372Controller(bridge, LakeShore372Options(input="2"))
    with pytest.raises(InstrumentError, match="input 2 to be read, but the scanner stays at input 1; choose"):
        cryostat.configure()
    bridge.scan("1", automatic=True)
    cryostat.configure()
    assert cryostat.output.control_input == "2"
