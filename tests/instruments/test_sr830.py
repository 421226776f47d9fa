"""SR830: what goes over the wire, and what comes of it on the simulated instrument."""

import math

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labspin.errors import (
    ArgumentError,
    DeviceError,
    IdentityError,
    LimitError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments.sr830 import SR830, SR830LockIn, SR830Options
from labspin.physics.mrfm import LockInFilter
from labspin.twin import devices
from labspin.twin.adapter import SimulatedAdapter
from tests.instruments.wires import Wire
from tests.twin.lockin_sample import GAIN, make_world

IDENTITY = "Stanford_Research_Systems,SR830,s/n45678,ver1.07 "
OK = ("*ESR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("frequency", 3002.9, "FREQ3002.9000"),
        ("frequency", 1e-3, "FREQ0.0010"),
        ("frequency", 102e3, "FREQ102000.0000"),
        ("sine_voltage", 0.004, "SLVL0.004"),
        ("sine_voltage", 5, "SLVL5.000"),
        ("phase", -360.0, "PHAS-360.00"),
        ("sensitivity", 2e-9, "SENS0"),
        ("sensitivity", 1, "SENS26"),
        ("time_constant", 10e-6, "OFLT0"),
        ("time_constant", 0.1, "OFLT8"),
        ("time_constant", 30e3, "OFLT19"),
        ("filter_slope", 24, "OFSL3"),
        ("harmonic", 2, "HARM2"),
        ("reserve", "Low Noise", "RMOD2"),
        ("sample_frequency", 512, "SRAT13"),
    ],
)
def test_settings_are_sent_and_errors_are_read(attribute, value, command):
    with expected_protocol(SR830, [(command, None), OK]) as lockin:
        setattr(lockin, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("frequency", "FREQ?", "3002.9", 3002.9),
        ("sine_voltage", "SLVL?", "0.100", 0.1),
        ("sensitivity", "SENS?", "17", 1e-3),
        ("time_constant", "OFLT?", "8", 0.1),
        ("filter_slope", "OFSL?", "1", 12),
        ("harmonic", "HARM?", "1", 1),
        ("reserve", "RMOD?", "0", "High Reserve"),
        ("sample_frequency", "SRAT?", "0", 0.0625),
    ],
)
def test_settings_are_read_back(attribute, query, reply, value):
    with expected_protocol(SR830, [(query, reply)]) as lockin:
        assert getattr(lockin, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("frequency", 103e3, "SR830 frequency: wanted 1 mHz to 102 kHz, got 103000.0"),
        ("sine_voltage", 0.003, "SR830 sine_voltage: wanted 4 mV to 5 V, got 0.003"),
        ("phase", 730, "SR830 phase: wanted -360 to 729.99, got 730"),
        (
            "sensitivity",
            3e-3,
            "SR830 sensitivity: wanted one of the instrument's values, got 0.003; take 2 mV or 5 mV",
        ),
        ("sensitivity", 2.0, "SR830 sensitivity: wanted 2 nV to 1 V, got 2.0"),
        ("time_constant", 0.2, "SR830 time_constant: .* take 100 ms or 300 ms; nothing was sent"),
        ("filter_slope", 10, "SR830 filter_slope: wanted one of 6, 12, 18, 24, got 10"),
        ("harmonic", 0, "SR830 harmonic: wanted 1 to 1999"),
        ("reserve", "Max", "SR830 reserve: wanted one of 'High Reserve', 'Normal', 'Low Noise', got 'Max'"),
        ("sample_frequency", 100, "SR830 sample_frequency: .* take 64 Hz or 128 Hz"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(SR830, []) as lockin, pytest.raises(LimitError, match=match):
        setattr(lockin, attribute, value)


@pytest.mark.parametrize(
    ("bits", "match"),
    [(16, "cannot take"), (32, "does not know"), (48, "know and a value"), (1, "more commands")],
)
def test_a_refusal_of_the_instrument_is_an_error(bits, match):
    with (
        expected_protocol(SR830, [("OFLT14", None), ("*ESR?", str(bits))]) as lockin,
        pytest.raises(DeviceError, match=f"{match}.*its old value stays"),
    ):
        lockin.time_constant = 100.0


def test_an_index_that_it_does_not_have_is_unreadable():
    with (
        expected_protocol(SR830, [("SENS?", "40")], retries=0) as lockin,
        pytest.raises(
            ReplyError, match=r"wanted one of the instrument's words in answer to 'SENS\?', got '40'"
        ),
    ):
        _ = lockin.sensitivity


def test_traces_are_read_in_parts_that_can_be_asked_again():
    wire = [("TRCA?2,0,1000", "1.0E-3," * 1000), ("TRCA?2,1000,500", "-2.0E-3," * 500)]
    with expected_protocol(SR830, wire) as lockin:
        trace = lockin.read_trace(2, 1500)
    assert trace.shape == (1500,)
    assert (trace[999], trace[1000]) == (1e-3, -2e-3)
    with (
        expected_protocol(SR830, [("TRCA?1,0,3", "1.0,2.0,")], retries=0) as lockin,
        pytest.raises(ReplyError, match="wanted 3 numbers"),
    ):
        lockin.read_trace(1, 3)
    with (
        expected_protocol(SR830, [("TRCA?1,0,2", "1.0,x2.0,")], retries=0) as lockin,
        pytest.raises(ReplyError, match="wanted numbers"),
    ):
        lockin.read_trace(1, 2)


def test_identity():
    with expected_protocol(SR830, [("*IDN?", IDENTITY)]) as lockin:
        assert lockin.identify() == IDENTITY.strip()
    with (
        expected_protocol(SR830, [("*IDN?", IDENTITY.replace("830", "844"))]) as lockin,
        pytest.raises(IdentityError, match="wanted Stanford_Research_Systems SR830"),
    ):
        lockin.identify()


def test_safe_is_the_least_amplitude():
    with expected_protocol(SR830, [("SLVL0.004", None), OK]) as lockin:
        lockin.safe()


def test_status_that_clears_itself_is_asked_once():
    wire = Wire(lambda command: "1", silent=["LIAS?"])
    lockin = SR830LockIn(SR830(wire))
    with pytest.raises(ReplyTimeoutError, match=r"no answer to 'LIAS\?'"):
        lockin.is_overloaded()
    assert wire.sent.count("LIAS?") == 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"filter_slope": 10}, "filter_slope: wanted 6, 12, 18 or 24"),
        ({"harmonic": 0}, "harmonic: wanted a whole number from 1"),
        ({"harmonic": True}, "harmonic: wanted a whole number from 1"),
        ({"coupling": "ac"}, "coupling: wanted 'AC' or 'DC'"),
        ({"reserve": "Max"}, "reserve: wanted one of"),
        ({"reference": "extern"}, "reference: wanted 'internal' or 'external'"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        SR830Options(**options)


# -- on the simulated instrument ---------------------------------------------------------------------------


def connected(world=None, **options):
    world = world or make_world()
    adapter = SimulatedAdapter(devices.SR830(world, input_noise=0.0), timeout=1.0)
    lockin = SR830LockIn.open(adapter, name="lockin", options=SR830Options(**options), clock=world.clock)
    return lockin, world


def test_options_are_set_and_settings_read_back():
    lockin, _ = connected(sensitivity=0.5, time_constant=0.03, filter_slope=24, harmonic=2, reserve="Normal")
    found = lockin.settings()
    assert (found["sensitivity"], found["time_constant"], found["filter_slope"]) == (0.5, 0.03, 24)
    assert (found["harmonic"], found["reserve"], found["input_coupling"]) == (2, "Normal", "AC")
    assert found["reference_source"] == "Internal"
    assert (lockin.filter_slope, lockin.harmonic, lockin.sensitivity) == (24, 2, 0.5)


def test_what_it_shows_is_the_voltage():
    lockin, world = connected()
    lockin.amplitude, lockin.frequency, lockin.phase = 0.1, 2345.0, 0.1
    assert lockin.phase == pytest.approx(0.1, abs=1e-4)
    world.clock.sleep(lockin.settling_time(0.99999))
    wanted = 0.1 * GAIN * np.exp(-0.1j)
    assert lockin.quadratures() == pytest.approx(wanted, rel=3e-4, abs=0)
    assert (lockin.x, lockin.y) == pytest.approx((wanted.real, wanted.imag), rel=3e-4, abs=0)
    assert (lockin.magnitude, lockin.theta) == pytest.approx((0.05, 0.2), rel=3e-3, abs=0)
    lockin.safe()
    assert world.level("drive.amplitude") == pytest.approx(0.004 * math.sqrt(2), rel=1e-6, abs=0)


def test_the_time_to_settle_is_that_of_the_filter():
    lockin, _ = connected(time_constant=0.3, filter_slope=18)
    assert lockin.settling_time(0.999) == LockInFilter(0.3, 18).settling_time(0.999)


def test_an_overload_is_seen_once():
    lockin, world = connected(sensitivity=0.1)
    lockin.amplitude = 1.0
    world.clock.sleep(2.0)
    assert lockin.is_overloaded()
    lockin.safe()
    world.clock.sleep(5.0)
    lockin.is_overloaded()
    assert not lockin.is_overloaded()


def test_a_recording_is_what_the_output_was():
    lockin, world = connected(make_world(tone=0.01, beat=3.0), time_constant=0.01)
    world.clock.sleep(2.0)
    times, seen = lockin.record(5.0, rate=100)
    assert times.shape == seen.shape == (641,)
    assert times[1] == 1 / 128
    wanted = LockInFilter(0.01, 12).transfer(6 * math.pi) * np.exp(6j * math.pi * (2.0 + times)) * 0.01
    np.testing.assert_allclose(seen, wanted / math.sqrt(2) + 0.004 * GAIN, atol=3e-5)
    assert world.clock.now() - 7.0 < 0.1


def test_recordings_that_cannot_be_are_refused():
    lockin, _ = connected()
    with pytest.raises(LimitError, match="wanted a rate of at most 512 Hz, got 1000 Hz"):
        lockin.start_recording(1.0, rate=1000)
    with pytest.raises(LimitError, match="wanted at most 16383 samples, got 51201; record shorter or slower"):
        lockin.start_recording(100.0, rate=512)
    with pytest.raises(LimitError, match="duration of a recording"):
        lockin.start_recording(math.nan, rate=1)
    with pytest.raises(DeviceError, match="none was started"):
        lockin.recorded()


def test_a_recording_that_is_disturbed_is_an_error():
    lockin, _ = connected()
    lockin.start_recording(2.0, rate=64)
    lockin.device.write("REST")
    with pytest.raises(DeviceError, match=r"wanted 129 samples, but after .* s there are 0"):
        lockin.recorded()
