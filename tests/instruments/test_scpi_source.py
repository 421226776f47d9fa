"""A SCPI source: what goes over the wire, and what the simulated one makes of it."""

import math

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.scpi_source import ScpiMicrowave, ScpiSource, ScpiSourceOptions
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load

OK = ("SYST:ERR?", '+0,"No error"')
IDENTITY = "Agilent Technologies, E8257D, MY12345678, C.06.28"


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("frequency", 2.87e9, ":FREQ 2870000000.000 Hz"),
        ("power", -10, ":POW -10.00 dBm"),
        ("output_enabled", True, ":OUTP 1"),
        ("modulation_enabled", False, ":OUTP:MOD 0"),
    ],
)
def test_settings_are_sent_and_the_error_queue_is_read(attribute, value, command):
    with expected_protocol(ScpiSource, [(command, None), OK]) as source:
        setattr(source, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("frequency", 68e9, "SCPI source frequency: wanted 100 kHz to 67 GHz"),
        ("power", 31, "SCPI source power: wanted -145 dBm to 30 dBm"),
        ("output_enabled", "ON", "SCPI source output_enabled: wanted one of True, False"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(ScpiSource, []) as source, pytest.raises(LimitError, match=match):
        setattr(source, attribute, value)


def test_a_refusal_of_the_instrument_is_an_error():
    wire = [(":POW 30.00 dBm", None), ("SYST:ERR?", '-222,"Data out of range"'), OK]
    with expected_protocol(ScpiSource, wire) as source, pytest.raises(DeviceError, match="-222"):
        source.power = 30


def test_the_model_is_checked_if_the_station_names_one():
    with (
        expected_protocol(ScpiSource, [("*IDN?", IDENTITY)]) as source,
        pytest.raises(IdentityError, match="wanted N5183B, but 'Agilent Technologies, E8257D"),
    ):
        ScpiMicrowave(source, ScpiSourceOptions(model="N5183B")).configure()
    with (
        expected_protocol(ScpiSource, [("*IDN?", "+1.0E9")]) as source,
        pytest.raises(IdentityError, match="wanted maker, model, serial number and firmware"),
    ):
        source.identify()


def test_options_are_checked():
    with pytest.raises(ArgumentError, match=r"lowest: wanted .* lowest < highest"):
        ScpiSourceOptions(lowest=3e9, highest=2e9)


@pytest.fixture
def source():
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    driver = ScpiSource(SimulatedAdapter(DEVICES["scpi_source"](world)), clock=world.clock)
    vars(driver).update(world=world)
    return driver


def test_the_simulated_source_does_what_the_role_says(source):
    microwave = ScpiMicrowave(source, ScpiSourceOptions(model="E8257D"))
    microwave.configure()
    microwave.frequency, microwave.power = 2.87e9, -3.25
    microwave.output_enabled = True
    assert source.world.level("microwave.frequency") == 2.87e9
    assert source.world.level("microwave.power") == -3.25
    assert microwave.settings() == {
        "frequency": 2.87e9,
        "power": -3.25,
        "output_enabled": True,
        "modulation_enabled": False,
    }
    with pytest.raises(LimitError, match="power: wanted -135 dBm to 21 dBm"):
        microwave.power = 22
    source.safe()
    assert source.world.level("microwave.power") == -math.inf


def test_a_single_sweep_goes_through_once_and_comes_back(source):
    source.sweep(2.8e9, 2.9e9, points=11, dwell=0.1, repeat=False)
    source.clock.sleep(0.55)
    assert source.frequency == pytest.approx(2.85e9, rel=1e-6, abs=0)
    source.clock.sleep(10.0)
    assert source.frequency == pytest.approx(2.8e9, rel=1e-6, abs=0)  # list retrace is on
    source.stand_still()
    source.frequency = 1e9
    assert source.world.level("microwave.frequency") == 1e9


def test_a_continuous_sweep_repeats(source):
    source.sweep(2.8e9, 2.9e9, points=11, dwell=0.1)
    source.clock.sleep(1.1 * 500 + 0.35)
    assert source.frequency == pytest.approx(2.83e9, rel=1e-6, abs=0)
