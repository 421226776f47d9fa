"""E36312A: what goes over the wire, how an output is made safe, and the simulated supply with its coil."""

import math

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError, ReplyTimeoutError
from labspin.instruments.e36312a import E36312A, RATINGS, E36312AMagnet, E36312AOptions
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load
from tests.instruments.wires import Wire

OK = ("SYST:ERR?", '+0,"No error"')
IDENTITY = "Keysight Technologies,E36312A,MY59001234,2.1.0-1.0.4-1.12"


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("voltage_setpoint", 20, "VOLT 20, (@2)"),
        ("current_limit", 0.123456, "CURR 0.123456, (@2)"),
        ("protection_voltage", 27.5, "VOLT:PROT 27.5, (@2)"),
        ("current_protection_enabled", True, "CURR:PROT:STAT 1, (@2)"),
        ("output_enabled", False, "OUTP 0, (@2)"),
    ],
)
def test_settings_are_sent_to_their_output_and_the_error_queue_is_read(attribute, value, command):
    with expected_protocol(E36312A, [(command, None), OK]) as supply:
        setattr(supply.ch_2, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("voltage_setpoint", "VOLT? (@3)", "+2.00000000E+01", 20.0),
        ("current_limit", "CURR? (@3)", "+5.0E-01", 0.5),
        ("voltage", "MEAS:VOLT? (@3)", "+1.0E+00", 1.0),
        ("current", "MEAS:CURR? (@3)", "+1.0E-03", 1e-3),
        ("output_enabled", "OUTP? (@3)", "1", True),
        ("regulates", "STAT:QUES:INST:ISUM3:COND?", "+1", "current"),
        ("regulates", "STAT:QUES:INST:ISUM3:COND?", "+2", "voltage"),
        ("regulates", "STAT:QUES:INST:ISUM3:COND?", "+512", "nothing"),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(E36312A, [(query, reply)]) as supply:
        assert getattr(supply.ch_3, attribute) == value


@pytest.mark.parametrize(
    ("number", "attribute", "value", "match"),
    [
        (1, "voltage_setpoint", 6.2, "E36312A voltage_setpoint: wanted 0 V to 6.18 V, got 6.2"),
        (2, "voltage_setpoint", 26, "E36312A voltage_setpoint: wanted 0 V to 25.75 V, got 26"),
        (1, "current_limit", 5.2, "E36312A current_limit: wanted 0 A to 5.15 A, got 5.2"),
        (3, "current_limit", 1.04, "E36312A current_limit: wanted 0 A to 1.03 A, got 1.04"),
        (3, "current_limit", -0.1, "E36312A current_limit: wanted 0 A to 1.03 A"),
        (1, "protection_voltage", 6.7, "E36312A protection_voltage: wanted 0 V to 6.6 V"),
        (1, "output_enabled", 1, "E36312A output_enabled: wanted one of True, False"),
    ],
)
def test_what_is_out_of_limits_of_the_output_is_refused_and_nothing_sent(number, attribute, value, match):
    with expected_protocol(E36312A, []) as supply, pytest.raises(LimitError, match=match):
        setattr(supply.channels[number], attribute, value)


def test_a_refusal_of_the_supply_is_an_error():
    wire = [("CURR 1, (@1)", None), ("SYST:ERR?", '-222,"Data out of range"'), OK]
    with expected_protocol(E36312A, wire) as supply, pytest.raises(DeviceError, match="-222"):
        supply.ch_1.current_limit = 1


def test_identity():
    with expected_protocol(E36312A, [("*IDN?", IDENTITY)]) as supply:
        assert supply.identify() == IDENTITY
    with (
        expected_protocol(E36312A, [("*IDN?", IDENTITY.replace("12A", "13A"))]) as supply,
        pytest.raises(IdentityError, match="wanted Keysight E36312A"),
    ):
        supply.identify()


def test_safe_waits_until_the_current_has_gone():
    wire = [
        ("CURR 0, (@1)", None),
        OK,
        ("MEAS:CURR? (@1)", "2.0"),
        ("MEAS:CURR? (@1)", "0.01"),
        ("OUTP 0, (@1)", None),
        OK,
    ]
    clock = SimulatedClock()
    with expected_protocol(E36312A, wire, clock=clock) as supply:
        E36312AMagnet(supply).safe()
    assert clock.now() == pytest.approx(0.1, rel=1e-6, abs=0)


def test_safe_switches_every_output_off_even_if_the_current_of_one_stays():
    answers = {"MEAS:CURR? (@1)": "2.0", "MEAS:CURR? (@2)": "0", "MEAS:CURR? (@3)": "0", OK[0]: OK[1]}
    wire = Wire(answers.get)
    with pytest.raises(DeviceError, match="output 1: 2 A still flow 10 s after"):
        E36312A(wire, clock=SimulatedClock()).safe()
    assert [command for command in wire.sent if command.startswith("OUTP")] == [
        f"OUTP 0, (@{number})" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"channel": 4}, "channel: wanted 1, 2 or 3, got 4"),
        ({"compliance": 0.0}, "compliance: wanted more than 0 V and at most 6.18 V"),
        ({"channel": 2, "compliance": 26.0}, "compliance: wanted more than 0 V and at most 25.75 V"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        E36312AOptions(**options)


def test_two_outputs_of_one_supply_are_two_places():
    address = "TCPIP::192.168.1.10::5025::SOCKET"
    first, second = (E36312AOptions(channel=number) for number in (1, 2))
    assert E36312AMagnet.place(address, first) != E36312AMagnet.place(address, second)
    assert E36312AMagnet.place(address, first) == E36312AMagnet.place(
        address.replace("TCPIP", "TCPIP0"), first
    )


# -- on the simulated supply ---------------------------------------------------------------------------------


def simulated(channel=1, **options):
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    device = DEVICES["e36312a"](world, channel=channel, noise=0.0, **options)
    supply = E36312A(SimulatedAdapter(device), clock=world.clock)
    vars(supply).update(world=world, twin=device)
    return supply


@pytest.mark.parametrize("channel", RATINGS)
def test_the_simulated_supply_does_what_the_role_says(channel):
    supply = simulated(channel)
    magnet = E36312AMagnet(supply, E36312AOptions(channel=channel, compliance=5.0))
    magnet.configure()
    magnet.output_enabled = True
    magnet.current = 0.75
    supply.clock.sleep(1.0)
    assert supply.world.level("magnet.current") == pytest.approx(0.75, abs=1e-4)
    assert magnet.measured_current == pytest.approx(0.75, abs=3e-4)
    assert magnet.settings()["regulates"] == "current"
    magnet.safe()
    supply.clock.sleep(1.0)
    assert supply.world.level("magnet.current") == pytest.approx(0.0, abs=1e-6)
    assert not magnet.output_enabled


def test_a_coil_that_draws_less_is_held_at_the_voltage():
    supply = simulated(resistance=4.0)
    output = supply.ch_1
    output.voltage_setpoint, output.current_limit, output.output_enabled = 2.0, 3.0, True
    supply.clock.sleep(1.0)
    assert output.regulates == "voltage"
    assert output.current == pytest.approx(0.5, abs=2e-4)
    assert output.voltage == pytest.approx(2.0, abs=2e-4)


def test_the_current_ramps_as_fast_as_the_voltage_lets_it():
    supply = simulated(resistance=0.1, inductance=0.1)
    output = supply.ch_1
    output.voltage_setpoint, output.current_limit, output.output_enabled = 6.0, 5.0, True
    supply.clock.sleep(0.05)
    assert output.current == pytest.approx(6.0 / 0.1 * 0.05, rel=0.05, abs=0)


def test_over_voltage_switches_off_until_it_is_cleared():
    supply = simulated()
    output = supply.ch_1
    output.protection_voltage = 3.0
    output.voltage_setpoint, output.output_enabled = 2.5, True
    output.voltage_setpoint = 3.5
    assert output.is_tripped
    assert not output.output_enabled
    with pytest.raises(DeviceError, match="was switched off by its protection"):
        E36312AMagnet(supply).configure()
    with pytest.raises(DeviceError, match=r"-221.*Settings conflict"):
        output.output_enabled = True
    output.voltage_setpoint = 2.5
    output.clear_protection()
    output.output_enabled = True
    assert output.output_enabled


def test_over_current_protection_switches_off():
    supply = simulated()
    output = supply.ch_1
    output.current_protection_enabled = True
    output.current_limit, output.voltage_setpoint, output.output_enabled = 1.0, 3.0, True
    assert output.is_tripped
    assert output.regulates == "nothing"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("SOUR:VOLT:PROT 2, @(1)", '-102,"Syntax error"'),
        ("VOLT 1, (1)", '-102,"Syntax error"'),
        ("VOLT 1, (@1", '-102,"Syntax error"'),
        ("VOLT 1, (@4)", '-222,"Data out of range"'),
        ("VOLT 7, (@1)", '-222,"Data out of range"'),
        ("VOLT 1, 2, (@1)", '-108,"Parameter not allowed"'),
        ("VOLT (@1)", '-109,"Missing parameter"'),
        ("VOLT 1 A, (@1)", '-131,"Invalid suffix"'),
        ("VOLTS 1, (@1)", '-113,"Undefined header"'),
        ("INST:NSEL 4", '-222,"Data out of range"'),
    ],
)
def test_malformed_commands_are_answered_with_the_error_of_scpi(command, error):
    supply = simulated()
    supply.write(command)
    assert supply.ask("SYST:ERR?") == error
    assert supply.ask("SYST:ERR?") == '0,"No error"'


def test_channel_lists():
    supply = simulated()
    supply.write("VOLT 5, (@1:3)")
    supply.write("CURR 0.5, (@1,3)")
    assert [float(part) for part in supply.ask("VOLT? (@1,2,3)").split(",")] == pytest.approx(
        [5] * 3, abs=3e-4
    )
    assert [float(part) for part in supply.ask("CURR? (@ 1 : 3 )").split(",")] == pytest.approx(
        [0.5, 1.0, 0.5], abs=1e-4
    )
    supply.write("INST:NSEL 3;:VOLT 2")
    assert [float(part) for part in supply.ask("VOLT? (@2,3)").split(",")] == pytest.approx([5, 2], abs=3e-4)
    assert float(supply.ask("VOLT? MAX, (@1)")) == pytest.approx(6.18, rel=1e-6, abs=0)
    supply.write("APPL CH2, 12.5, 0.25")
    assert float(supply.ask("VOLT?")) == pytest.approx(12.5, abs=1e-3)
    assert math.isclose(float(supply.ask("CURR?")), 0.25, abs_tol=1e-4)


def test_a_silent_supply_is_one_clear_error():
    supply = simulated()
    supply.twin.faults.add("silent", times=-1)
    with pytest.raises(ReplyTimeoutError, match=r"E36312A: no answer to 'MEAS:CURR\? \(@1\)'"):
        _ = supply.ch_1.current
