"""Kepco BOP: what goes over the wire, and how it is made safe."""

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, InstrumentError, LimitError, ReplyError
from labspin.instruments.kepco_bop import MODELS, KepcoBOP, KepcoMagnet, KepcoOptions
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load
from tests.instruments.wires import Wire

IDENTITY = "KEPCO,BIT 4886 36-12,E123456,3.05"
OK = ("SYSTem:ERRor?", '0,"No error"')


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("current_setpoint", -1.23456, "CURRent -1.23456"),
        ("voltage_setpoint", 20, "VOLTage 20"),
        ("output_enabled", True, "OUTPut 1"),
        ("output_enabled", False, "OUTPut 0"),
        ("mode", "current", "FUNCtion:MODE CURR"),
        ("mode", "voltage", "FUNCtion:MODE VOLT"),
    ],
)
def test_settings_are_sent_and_the_error_queue_is_read(attribute, value, command):
    with expected_protocol(KepcoBOP, [(command, None), OK]) as supply:
        setattr(supply, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("current_setpoint", "CURRent?", "-1.5E0", -1.5),
        ("voltage_setpoint", "VOLTage?", "2.0E1", 20.0),
        ("current", "MEASure:CURRent?", "1.25E-3", 1.25e-3),
        ("voltage", "MEASure:VOLTage?", "-3.0E0", -3.0),
        ("output_enabled", "OUTPut?", "1", True),
        ("mode", "FUNCtion:MODE?", "0", "voltage"),
        ("mode", "FUNCtion:MODE?", "1", "current"),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(KepcoBOP, [(query, reply)]) as supply:
        assert getattr(supply, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("current_setpoint", 30.1, "Kepco BOP current_setpoint: wanted -30 A to 30 A, got 30.1"),
        ("voltage_setpoint", -201, "Kepco BOP voltage_setpoint: wanted -200 V to 200 V, got -201"),
        ("output_enabled", 1, "Kepco BOP output_enabled: wanted one of True, False"),
        ("mode", "CURR", "Kepco BOP mode: wanted one of 'voltage', 'current', got 'CURR'"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(KepcoBOP, []) as supply, pytest.raises(LimitError, match=match):
        setattr(supply, attribute, value)


@pytest.mark.parametrize("model", MODELS)
def test_the_models_limit_is_refused(model):
    volts, amperes = MODELS[model]
    assert model == f"{volts:g}-{amperes:g}"
    with expected_protocol(KepcoBOP, [(f"CURRent {amperes:g}", None), OK], name="magnet") as supply:
        magnet = KepcoMagnet(supply, KepcoOptions(model=model))
        magnet.current = amperes
        with pytest.raises(LimitError, match=f"magnet current: wanted -{amperes:g} A to {amperes:g} A"):
            magnet.current = 1.001 * amperes


def test_a_refusal_of_the_supply_is_an_error():
    wire = [("CURRent 20", None), ("SYSTem:ERRor?", '-222,"Data out of range"'), OK]
    with (
        expected_protocol(KepcoBOP, wire) as supply,
        pytest.raises(DeviceError, match=r"-222.*old value stays"),
    ):
        supply.current_setpoint = 20


@pytest.mark.parametrize("reply", ["", "no", "x,y"])
def test_an_error_queue_that_cannot_be_read_is_an_error(reply):
    with (
        expected_protocol(KepcoBOP, [("CURRent 1", None), ("SYSTem:ERRor?", reply)]) as supply,
        pytest.raises(ReplyError, match="an error number and its text"),
    ):
        supply.current_setpoint = 1


def test_safe_waits_until_the_current_has_gone():
    wire = [
        ("CURRent 0", None),
        OK,
        ("MEASure:CURRent?", "2.0"),
        ("MEASure:CURRent?", "0.5"),
        ("MEASure:CURRent?", "0.01"),
        ("OUTPut 0", None),
        OK,
    ]
    clock = SimulatedClock()
    with expected_protocol(KepcoBOP, wire, clock=clock) as supply:
        supply.safe()
    assert clock.now() == pytest.approx(0.2, rel=1e-6, abs=0)


def test_safe_switches_off_even_if_the_current_stays():
    answers = {"MEASure:CURRent?": "2.0", "SYSTem:ERRor?": OK[1]}
    wire = Wire(answers.get)
    with pytest.raises(DeviceError, match="2 A still flow 10 s after"):
        KepcoBOP(wire, clock=SimulatedClock()).safe()
    assert wire.sent[0] == "CURRent 0"
    assert "OUTPut 0" in wire.sent


def test_configuring_sets_current_mode_and_compliance():
    wire = [
        ("*IDN?", IDENTITY),
        OK,
        ("CURRent:MODE?", "FIXED"),
        ("INITiate:CONTinuous?", "1"),
        ("INITiate:CONTinuous 0", None),
        OK,
        ("FUNCtion:MODE?", "0"),
        ("OUTPut?", "0"),
        ("FUNCtion:MODE CURR", None),
        OK,
        ("VOLTage 20", None),
        OK,
    ]
    with expected_protocol(KepcoBOP, wire) as supply:
        KepcoMagnet(supply, KepcoOptions(compliance=20.0)).configure()


def test_configuring_leaves_a_live_output_in_voltage_mode_alone():
    wire = [
        ("*IDN?", IDENTITY),
        OK,
        ("CURRent:MODE?", "FIXED"),
        ("INITiate:CONTinuous?", "0"),
        ("FUNCtion:MODE?", "0"),
        ("OUTPut?", "1"),
    ]
    with (
        expected_protocol(KepcoBOP, wire, name="magnet") as supply,
        pytest.raises(InstrumentError, match="magnet: wanted current mode, but its output is on"),
    ):
        KepcoMagnet(supply).configure()


def test_identity_and_model():
    with expected_protocol(KepcoBOP, [("*IDN?", IDENTITY)]) as supply:
        assert supply.identify() == IDENTITY
    with (
        expected_protocol(KepcoBOP, [("*IDN?", IDENTITY)], name="magnet") as supply,
        pytest.raises(IdentityError, match="magnet: wanted the model 20-20, but 'KEPCO,BIT 4886 36-12"),
    ):
        KepcoMagnet(supply, KepcoOptions(model="20-20")).configure()
    with (
        expected_protocol(KepcoBOP, [("*IDN?", "KEITHLEY,2400,1,1")]) as supply,
        pytest.raises(IdentityError, match="wanted KEPCO"),
    ):
        supply.identify()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"model": "36-13"}, "model: wanted a model of the BOP series"),
        ({"compliance": 0.0}, "compliance: wanted more than 0 V and at most 36 V"),
        ({"model": "20-5", "compliance": 21.0}, "compliance: wanted more than 0 V and at most 20 V"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        KepcoOptions(**options)


@pytest.mark.parametrize("amperes", [10.0, -10.0])
@pytest.mark.parametrize("model", ["36-12", "20-20"])
def test_it_is_switched_off_only_when_the_coil_is_empty(model, amperes):
    """A coil of 2 H at 20 V takes a second from 10 A; what flows is noted where the switch arrives."""
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    twin = DEVICES["kepco_bop"](world, model=model, inductance=2.0, resistance=0.1)
    magnet = KepcoMagnet(KepcoBOP(SimulatedAdapter(twin), clock=world.clock), KepcoOptions(model=model))
    magnet.configure()
    magnet.device.voltage_setpoint = 20.0
    magnet.output_enabled, magnet.current = True, amperes
    world.clock.sleep(5.0)
    assert world.level("magnet.current") == pytest.approx(amperes, rel=1e-2, abs=0)
    flowing = []
    receive = twin.receive

    def watched(data):
        if b"OUTP" in data.upper() and b"?" not in data:
            flowing.append(abs(world.level("magnet.current")))
        receive(data)

    twin.receive = watched
    magnet.safe()
    assert len(flowing) == 1
    assert flowing[0] < 0.015 * MODELS[model][1]
    assert not magnet.output_enabled


@pytest.mark.parametrize("program", ["LIST", "TRANSIENT", "list", "EXTERNAL"])
def test_a_supply_that_somebody_s_list_moves_is_refused(program):
    wire = [("*IDN?", IDENTITY), OK, ("CURRent:MODE?", program)]
    with (
        expected_protocol(KepcoBOP, wire, name="magnet") as supply,
        pytest.raises(InstrumentError, match="magnet: wanted a supply that follows commands"),
    ):
        KepcoMagnet(supply, KepcoOptions()).configure()
