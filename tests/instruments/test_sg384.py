"""SG384: what goes over the wire, and what does not."""

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import DeviceError, IdentityError, LimitError, ReplyError
from labspin.instruments.sg384 import SG384, SG384Microwave, greatest_power
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load

IDENTITY = "Stanford Research Systems,SG384,s/n001013,ver1.02.10E"
OK = ("LERR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("frequency", 2.87e9, "FREQ2870000000.000000"),
        ("frequency", 950e3, "FREQ950000.000000"),
        ("frequency", 4.05e9, "FREQ4050000000.000000"),
        ("amplitude", -12.345, "AMPR-12.35"),
        ("amplitude", 16.5, "AMPR16.50"),
        ("fm_dev", 1e6, "FDEV1000000.000000"),
        ("rate", 12.5, "RATE12.500000"),
        ("output_enabled", True, "ENBR1"),
        ("output_enabled", False, "ENBR0"),
        ("modulation_enabled", False, "MODL0"),
    ],
)
def test_settings_are_sent_and_the_error_queue_is_read(attribute, value, command):
    with expected_protocol(SG384, [(command, None), OK]) as source:
        setattr(source, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("frequency", "FREQ?", "2870000000.000000", 2.87e9),
        ("amplitude", "AMPR?", "-10.00", -10.0),
        ("output_enabled", "ENBR?", "1", True),
        ("output_enabled", "ENBR?", "0", False),
        ("modulation_enabled", "MODL?", "1", True),
        ("fm_dev", "FDEV?", "1000000", 1e6),
        ("rate", "RATE?", "12.5", 12.5),
    ],
)
def test_settings_are_read_back(attribute, query, reply, value):
    with expected_protocol(SG384, [(query, reply)]) as source:
        assert getattr(source, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("frequency", 949e3, r"SG384 frequency: wanted 950 kHz to 4.05 GHz, got 949000.0"),
        ("frequency", 4.06e9, r"SG384 frequency: wanted 950 kHz to 4.05 GHz"),
        ("frequency", float("nan"), r"SG384 frequency: wanted .*, got nan"),
        ("amplitude", 16.6, r"SG384 amplitude: wanted -110 dBm to 16.5 dBm, got 16.6"),
        ("amplitude", -111, r"SG384 amplitude: wanted -110 dBm to 16.5 dBm, got -111"),
        ("output_enabled", 1, r"SG384 output_enabled: wanted one of True, False, got 1"),
        ("modulation_enabled", "on", r"SG384 modulation_enabled: wanted one of True, False, got 'on'"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(SG384, []) as source, pytest.raises(LimitError, match=match):
        setattr(source, attribute, value)


def test_a_refusal_of_the_instrument_is_an_error():
    wire = [("FREQ2870000000.000000", None), ("LERR?", "10"), ("LERR?", "30"), OK]
    with (
        expected_protocol(SG384, wire) as source,
        pytest.raises(DeviceError, match=r"refused a setting with 10; 30 .* old value stays"),
    ):
        source.frequency = 2.87e9


@pytest.mark.parametrize("reply", ["2", "on", ""])
def test_a_switch_answers_0_or_1(reply):
    with (
        expected_protocol(SG384, [("ENBR?", reply)], retries=0) as source,
        pytest.raises(ReplyError, match=r"wanted 0 or 1 in answer to 'ENBR\?'"),
    ):
        _ = source.output_enabled


def test_identity():
    with expected_protocol(SG384, [("*IDN?", IDENTITY)]) as source:
        assert source.identify() == IDENTITY
    with (
        expected_protocol(SG384, [("*IDN?", IDENTITY.replace("SG384", "SG382"))]) as source,
        pytest.raises(IdentityError, match=r"wanted Stanford Research Systems SG384, but '.*SG382"),
    ):
        source.identify()


def test_safe_switches_the_output_off():
    with expected_protocol(SG384, [("ENBR0", None), OK]) as source:
        source.safe()


def test_configuring_forgets_old_errors_and_switches_modulation_and_list_off():
    left_over = [("MODL?", "1"), ("MODL0", None), OK, ("LSTE?", "1"), ("LSTE0", None), OK]
    with expected_protocol(SG384, [("LERR?", "42"), OK, *left_over]) as source:
        SG384Microwave(source).configure()
    with expected_protocol(SG384, [OK, ("MODL?", "0"), ("LSTE?", "0")]) as source:
        SG384Microwave(source).configure()


def test_the_greatest_power_falls_above_3_ghz():
    assert greatest_power(2.87e9) == 16.5
    assert greatest_power(4e9) == pytest.approx(13.0, rel=1e-6, abs=0)
    with (
        expected_protocol(SG384, [("FREQ?", "4000000000.0")]) as source,
        pytest.raises(LimitError, match=r"power: wanted at most 13.00 dBm at 4 GHz, got 15"),
    ):
        SG384Microwave(source).power = 15
    with expected_protocol(SG384, [("FREQ?", "2870000000.0"), ("AMPR15.00", None), OK]) as source:
        SG384Microwave(source).power = 15
    with expected_protocol(SG384, [("AMPR10.00", None), OK]) as source:
        SG384Microwave(source).power = 10


def test_settings_of_the_role_are_read_from_the_device():
    wire = [("FREQ?", "1E9"), ("AMPR?", "-5"), ("ENBR?", "0"), ("MODL?", "0")]
    with expected_protocol(SG384, wire) as source:
        assert SG384Microwave(source).settings() == {
            "frequency": 1e9,
            "power": -5.0,
            "output_enabled": False,
            "modulation_enabled": False,
        }


def test_the_deviation_of_fm_is_not_that_of_the_sweep():
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    twin = DEVICES["sg384"](world)
    source = SG384(SimulatedAdapter(twin), clock=world.clock)
    sweep = float(source.ask("SDEV?"))
    source.fm_dev = 2.5e5
    assert source.fm_dev == 2.5e5
    assert float(source.ask("FDEV?")) == 2.5e5
    assert float(source.ask("SDEV?")) == sweep != 2.5e5
