"""Lake Shore 336: what goes over the wire, and the simulated controller on its cryostat."""

import math

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import (
    ArgumentError,
    DeviceError,
    IdentityError,
    InstrumentError,
    LimitError,
    RunAborted,
    SettleError,
)
from labspin.instruments.lakeshore336 import LakeShore336, LakeShore336Controller, LakeShore336Options
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load
from tests.instruments.wires import Wire

OK = ("*ESR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("setpoint", 4.2, "SETP 1,4.2"),
        ("setpoint", 0.123456, "SETP 1,0.123456"),
        ("range", "medium", "RANGE 1,2"),
        ("range", "off", "RANGE 1,0"),
        ("manual_output", 12.5, "MOUT 1,12.5"),
        ("pid", (50, 20, 0), "PID 1,50.0,20.0,0.0"),
        ("ramp_rate", 5, "RAMP 1,1,5"),
        ("ramp_rate", 0, "RAMP 1,0,0"),
    ],
)
def test_settings_are_sent_and_the_event_register_is_read(attribute, value, command):
    with expected_protocol(LakeShore336, [(command, None), OK]) as controller:
        setattr(controller.output_1, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("setpoint", "SETP? 2", "+4.20000", 4.2),
        ("range", "RANGE? 2", "1", "low"),
        ("pid", "PID? 2", "+0050.0,+0020.0,+0000.0", (50.0, 20.0, 0.0)),
        ("ramp_rate", "RAMP? 2", "1,+5.00000", 5.0),
        ("ramp_rate", "RAMP? 2", "0,+5.00000", 0.0),
        ("is_ramping", "RAMPST? 2", "1", True),
        ("output", "HTR? 2", "+012.5", 12.5),
        ("mode", "OUTMODE? 2", "3,2,0", "open loop"),
        ("control_input", "OUTMODE? 2", "1,2,0", "B"),
        ("control_input", "OUTMODE? 2", "1,0,0", ""),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(LakeShore336, [(query, reply)]) as controller:
        assert getattr(controller.output_2, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("setpoint", -1, "Lake Shore setpoint: wanted 0 K to 500 K, got -1"),
        ("range", "High", "Lake Shore 336 range: wanted one of 'off', 'low', 'medium', 'high'"),
        ("manual_output", 101, "Lake Shore manual_output: wanted 0 to 100"),
        ("pid", (50, 20), "Lake Shore 336 pid: wanted 3 numbers, got"),
        ("pid", (0, 20, 0), "Lake Shore 336 pid: wanted 0.1 to 1000, got 0"),
        ("ramp_rate", 101, "Lake Shore 336 ramp_rate: wanted 0 K to 100 K"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(LakeShore336, []) as controller, pytest.raises(LimitError, match=match):
        setattr(controller.output_1, attribute, value)


def test_a_mode_is_set_and_the_rest_of_it_kept():
    wire = [("OUTMODE? 1", "3,1,1"), ("OUTMODE 1,1,2,1", None), OK]
    with expected_protocol(LakeShore336, wire) as controller:
        controller.output_1.set_mode("closed loop", "B")
    with (
        expected_protocol(LakeShore336, [], name="cryostat") as controller,
        pytest.raises(LimitError, match=r"cryostat mode: wanted one of off, closed loop, .* got 'pid'"),
    ):
        controller.output_1.set_mode("pid", "A")


def test_a_reading_that_is_not_valid_is_an_error():
    wire = [("KRDG? A", "+0.00000"), ("RDGST? A", "016")]
    with (
        expected_protocol(LakeShore336, wire, name="cryostat") as controller,
        pytest.raises(DeviceError, match="wanted a temperature at input A, but it reports status 16"),
    ):
        controller.input_A.temperature()


def test_a_refusal_of_the_instrument_is_an_error():
    wire = [("SETP 1,4.2", None), ("*ESR?", "16")]
    with (
        expected_protocol(LakeShore336, wire) as controller,
        pytest.raises(DeviceError, match="refused a setting: a value that it cannot take"),
    ):
        controller.output_1.setpoint = 4.2


def test_identity():
    with (
        expected_protocol(LakeShore336, [("*IDN?", "LSCI,MODEL335,LSA1/2,1.0")]) as controller,
        pytest.raises(IdentityError, match="wanted LSCI MODEL336"),
    ):
        controller.identify()


def test_safe_switches_all_heaters_off():
    wire = [*((f"RANGE {output},0", None) for output in (1, 2, 3, 4)), OK]
    with expected_protocol(LakeShore336, wire) as controller:
        controller.safe()


def test_configuring_leaves_a_live_heater_in_another_mode_alone():
    wire = [
        OK,
        ("INTYPE? A", "3,1,5,1,1"),
        ("OUTMODE? 1", "3,1,0"),
        ("OUTMODE? 1", "3,1,0"),
        ("RANGE? 1", "2"),
        ("OUTMODE? 1", "3,1,0"),
        ("OUTMODE? 1", "3,1,0"),
    ]
    with (
        expected_protocol(LakeShore336, wire, name="cryostat") as controller,
        pytest.raises(InstrumentError, match="its heater is on in mode 'open loop' on A"),
    ):
        LakeShore336Controller(controller).configure()


def test_configuring_refuses_an_input_in_celsius():
    wire = [OK, ("INTYPE? A", "3,1,5,1,2")]
    with (
        expected_protocol(LakeShore336, wire) as controller,
        pytest.raises(InstrumentError, match="wanted input A in kelvin"),
    ):
        LakeShore336Controller(controller).configure()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"input": "E"}, "input: wanted one of A, B, C, D, got 'E'"),
        ({"output": 0}, "output: wanted 1, 2, 3 or 4, got 0"),
        ({"heater_range": "off"}, "heater_range: wanted low, medium or high"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        LakeShore336Options(**options)


# -- on the simulated controller -----------------------------------------------------------------------------


def simulated(**options):
    world = World(load("mrfm_cantilever")(), SimulatedClock(), seed=1)
    twin = DEVICES["lakeshore336"](world, **options)
    controller = LakeShore336(SimulatedAdapter(twin), "cryostat", clock=world.clock)
    vars(controller).update(world=world, twin=twin)
    return controller


def test_the_loop_holds_the_cryostat_at_the_setpoint():
    controller = simulated()
    cryostat = LakeShore336Controller(controller)
    cryostat.configure()
    base = cryostat.temperature
    cryostat.setpoint = 0.5
    controller.clock.sleep(100.0)
    assert cryostat.temperature == pytest.approx(base, rel=1e-3, abs=0)  # the heater is off
    cryostat.output_enabled = True
    took = cryostat.wait_until_stable(tolerance=1e-3, duration=60.0, timeout=3000.0)
    assert 60.0 <= took < 1000.0
    assert controller.world.reading("temperature") == pytest.approx(0.5, abs=1e-3)
    assert controller.world.reading("sample_temperature") == pytest.approx(0.5, abs=0.02)
    found = cryostat.settings()
    assert found["setpoint"] == 0.5
    assert found["mode"] == "closed loop"
    assert found["heater_output"] > 0
    cryostat.safe()
    assert not cryostat.output_enabled
    controller.clock.sleep(3600.0)
    assert cryostat.temperature == pytest.approx(base, rel=1e-3, abs=0)


def test_a_setpoint_ramps_at_its_rate_and_the_cryostat_with_it():
    controller = simulated()
    cryostat = LakeShore336Controller(controller)
    cryostat.configure()
    cryostat.setpoint, cryostat.output_enabled = 0.2, True
    controller.clock.sleep(600.0)
    controller.output_1.ramp_rate = 0.1
    cryostat.setpoint = 0.7
    assert controller.output_1.is_ramping
    controller.clock.sleep(150.0)  # half of the way, and nobody looked
    assert cryostat.setpoint == pytest.approx(0.45, abs=1e-3)
    assert cryostat.temperature == pytest.approx(0.45, abs=0.03)
    controller.clock.sleep(150.1)
    assert cryostat.setpoint == pytest.approx(0.7, rel=1e-6, abs=0)
    assert not controller.output_1.is_ramping


def test_the_range_bounds_what_the_heater_can_reach():
    """In the steady state of a link with heat flow g (T² - T0²)/2, the temperature follows from the power."""
    controller = simulated()
    controller.write("HTRSET 1,1,0,0.002,1")  # 25 ohm at 2 mA: 100 µW, 1 µW in the low range
    cryostat = LakeShore336Controller(controller, LakeShore336Options(heater_range="low"))
    cryostat.configure()
    cryostat.setpoint, cryostat.output_enabled = 4.0, True
    controller.clock.sleep(3600.0)
    power, conductance, base = 1e-6, 2e-4, 0.02
    assert cryostat.temperature == pytest.approx(
        math.sqrt(base**2 + 2 * power / conductance), rel=1e-3, abs=0
    )
    assert float(controller.output_1.output) == pytest.approx(100.0, abs=0.1)


def test_open_loop_gives_the_part_of_the_current_that_is_set():
    controller = simulated()
    controller.write("HTRSET 1,1,0,0.002,1")
    controller.output_1.set_mode("open loop", "A")
    controller.output_1.manual_output, controller.output_1.range = 50.0, "high"
    controller.clock.sleep(3600.0)
    power = 0.5**2 * 0.002**2 * 25
    assert controller.world.reading("heater_power") == pytest.approx(power, rel=1e-6, abs=0)
    assert controller.input_A.temperature() == pytest.approx(
        math.sqrt(0.02**2 + 2 * power / 2e-4), rel=1e-3, abs=0
    )
    assert float(controller.output_1.output) == pytest.approx(50.0, abs=0.1)


@pytest.mark.parametrize("output", ["3", "4"])
def test_a_voltage_output_is_off_or_on_and_drives_a_hundred_ohm(output):
    """The 336's RANGE knows 0 and 1 for outputs 3 and 4, which give up to 10 V: 4 V are 0.16 W here."""
    controller = simulated(loop=int(output))
    controller.write(f"OUTMODE {output},3,1,0;MOUT {output},40")
    assert controller.world.level("cryostat.heater") == 0.0
    controller.write(f"RANGE {output},1")
    assert controller.world.level("cryostat.heater") == pytest.approx(4.0**2 / 100, rel=1e-9, abs=0)


def test_a_temperature_beyond_its_limit_switches_the_heater_off():
    controller = simulated()
    cryostat = LakeShore336Controller(controller)
    cryostat.configure()
    controller.input_A.temperature_limit = 0.3
    cryostat.setpoint, cryostat.output_enabled = 0.5, True
    controller.clock.sleep(600.0)
    assert not cryostat.output_enabled


def test_waiting_gives_up_and_can_be_broken_off():
    controller = simulated()
    cryostat = LakeShore336Controller(controller)
    cryostat.configure()
    cryostat.setpoint = 1.0
    with pytest.raises(SettleError, match=r"cryostat: wanted 1 K ± 0.01 K at input A for 10 s within 60 s"):
        cryostat.wait_until_stable(tolerance=0.01, duration=10.0, timeout=60.0)
    assert controller.clock.now() == pytest.approx(60.0, abs=1.1)

    def give_up():
        raise RunAborted("enough")

    with pytest.raises(RunAborted):
        cryostat.wait_until_stable(tolerance=0.01, duration=10.0, timeout=60.0, checkpoint=give_up)


def test_an_input_without_a_sensor_says_so():
    controller = simulated()
    assert controller.ask("KRDG? C") == "+0.00000"
    with pytest.raises(DeviceError, match="input C, but it reports status 1"):
        controller.input_C.temperature()
    assert len(controller.ask("KRDG? 0").split(",")) == 4


@pytest.mark.parametrize(
    ("command", "event"),
    [
        ("SETP 5,1", 16),
        ("SETP 1", 32),
        ("RANGE 1,4", 16),
        ("RAMP 1,1,0.05", 16),
        ("PID 1,50,20", 32),
        ("PID 1,50,20,0,0", 32),
        ("OUTMODE 1,9,1,0", 16),
        ("NONSENSE 1", 32),
        ("KRDG? E", 16),
        ("INTYPE A,x,1,1,1,1", 32),
    ],
)
def test_a_wrong_command_is_marked_and_changes_nothing(command, event):
    controller = simulated()
    before = [controller.ask(query) for query in ("SETP? 1", "RANGE? 1", "RAMP? 1", "PID? 1", "OUTMODE? 1")]
    controller.clear_events()
    controller.write(command)
    assert int(controller.ask("*ESR?")) == event
    after = [controller.ask(query) for query in ("SETP? 1", "RANGE? 1", "RAMP? 1", "PID? 1", "OUTMODE? 1")]
    assert after == before


def test_a_setpoint_in_celsius_is_a_temperature_all_the_same():
    controller = simulated()
    controller.write("INTYPE A,3,1,5,1,2;SETP 1,-272.65;RANGE 1,3")
    controller.clock.sleep(1200.0)
    assert controller.input_A.temperature() == pytest.approx(0.5, abs=2e-3)
    assert float(controller.ask("CRDG? A")) == pytest.approx(0.5 - 273.15, abs=2e-3)


def test_a_setpoint_in_ohm_is_a_temperature_all_the_same():
    controller = simulated()
    wanted = 308.0 * math.exp((17.1 / 0.5) ** 0.25)
    controller.write(f"INTYPE A,3,1,5,1,3;SETP 1,{wanted:.3f};RANGE 1,3")
    controller.clock.sleep(1200.0)
    assert controller.input_A.temperature() == pytest.approx(0.5, abs=2e-3)
    assert float(controller.ask("SRDG? A")) == pytest.approx(wanted, rel=2e-3, abs=0)


def test_waiting_begins_anew_when_the_temperature_leaves_the_window():
    """Near from 2 s to 8 s and again from 9 s on: ten seconds near end at 19 s, not at 12 s."""
    clock = SimulatedClock()
    near = "+10.0000\r\n"

    def answer(command):
        if command == "RDGST? A":
            return "000"
        now = clock.now()
        return near if 2.0 <= now < 8.0 or now >= 9.0 else "+10.2000"

    controller = LakeShore336(Wire(answer), clock=clock)
    took = controller.wait_until_stable("A", 10.0, tolerance=0.1, duration=10.0, timeout=60.0, poll=0.5)
    assert took == pytest.approx(19.0, rel=1e-12, abs=0)
