"""SR860: what goes over the wire, and what comes of it on the simulated instrument."""

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
from labspin.instruments.sr860 import SR860, SR860LockIn, SR860Options
from labspin.physics.mrfm import LockInFilter
from labspin.twin import devices
from labspin.twin.adapter import SimulatedAdapter
from tests.twin.lockin_sample import GAIN, make_world

IDENTITY = "Stanford_Research_Systems,SR860,003456,V1.51"
OK = ("*ESR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("frequency", 3002.91, "FREQ 3002.9100"),
        ("frequency", 500e3, "FREQ 500000.0000"),
        ("sine_voltage", 1e-9, "SLVL 0.000000001"),
        ("sine_voltage", 2, "SLVL 2.000000000"),
        ("sine_level", -5, "SOFF -5.0000"),
        ("phase", 12.3456789, "PHAS 12.3456789"),
        ("sensitivity", 1, "SCAL 0"),
        ("sensitivity", 1e-9, "SCAL 27"),
        ("time_constant", 1e-6, "OFLT 0"),
        ("time_constant", 0.1, "OFLT 10"),
        ("filter_slope", 6, "OFSL 0"),
        ("filter_advanced", True, "ADVFILT 1"),
        ("harmonic", 99, "HARM 99"),
        ("input_range", 0.03, "IRNG 3"),
        ("reference_externalinput", "1MEG", "REFZ 1"),
        ("horizontal_time_div", 7, "GSPD 7"),
    ],
)
def test_settings_are_sent_and_errors_are_read(attribute, value, command):
    with expected_protocol(SR860, [(command, None), OK]) as lockin:
        setattr(lockin, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("frequency", "FREQ?", "3002.91", 3002.91),
        ("sensitivity", "SCAL?", "9", 1e-3),
        ("time_constant", "OFLT?", "10", 0.1),
        ("filter_slope", "OFSL?", "3", 24),
        ("filter_advanced", "ADVFILT?", "0", False),
        ("input_range", "IRNG?", "2", 0.1),
        ("capture_rate_max", "CAPTURERATEMAX?", "78125", 78125.0),
        ("captured_bytes", "CAPTUREBYTES?", "2048", 2048),
    ],
)
def test_settings_are_read_back(attribute, query, reply, value):
    with expected_protocol(SR860, [(query, reply)]) as lockin:
        assert getattr(lockin, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("frequency", 501e3, "SR860 frequency: wanted 1 mHz to 500 kHz"),
        ("sine_voltage", 0, "SR860 sine_voltage: wanted 1 nV to 2 V, got 0"),
        ("sine_level", 6, "SR860 sine_level: wanted -5 V to 5 V"),
        ("phase", 361, "SR860 phase: wanted -360 to 360"),
        ("sensitivity", 3e-3, "SR860 sensitivity: .* take 2 mV or 5 mV"),
        ("input_range", 0.2, "SR860 input_range: .* take 100 mV or 300 mV"),
        ("harmonic", 100, "SR860 harmonic: wanted 1 to 99"),
        ("filter_slope", 0, "SR860 filter_slope: wanted one of 6, 12, 18, 24, got 0"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(SR860, []) as lockin, pytest.raises(LimitError, match=match):
        setattr(lockin, attribute, value)


def test_a_refusal_of_the_instrument_is_an_error():
    with (
        expected_protocol(SR860, [("HARM 2", None), ("*ESR?", "16")]) as lockin,
        pytest.raises(DeviceError, match="it refused a setting: a value that it cannot take; its old value"),
    ):
        lockin.harmonic = 2


def test_identity_and_safe_state():
    with expected_protocol(SR860, [("*IDN?", IDENTITY)]) as lockin:
        assert lockin.identify() == IDENTITY
    with (
        expected_protocol(SR860, [("*IDN?", IDENTITY.replace("860", "865A"))]) as lockin,
        pytest.raises(IdentityError, match="wanted Stanford_Research_Systems SR860"),
    ):
        lockin.identify()
    with expected_protocol(SR860, [("SLVL 0.000000001", None), OK, ("SOFF 0.0000", None), OK]) as lockin:
        lockin.safe()


def test_the_input_range_is_one_that_it_has():
    with pytest.raises(ArgumentError, match=r"input_range: wanted one of 1, 0.3, 0.1, 0.03, 0.01 V, got 0.2"):
        SR860Options(input_range=0.2)


# -- on the simulated instrument ---------------------------------------------------------------------------


def connected(world=None, **options):
    world = world or make_world()
    twin = devices.SR860(world, input_noise=0.0)
    lockin = SR860LockIn.open(
        SimulatedAdapter(twin, timeout=1.0), name="lockin", options=SR860Options(**options), clock=world.clock
    )
    return lockin, world, twin


def test_options_are_set_and_settings_read_back():
    lockin, _, _ = connected(
        sensitivity=0.5, time_constant=0.03, filter_slope=24, harmonic=2, input_range=0.3, coupling="DC"
    )
    found = lockin.settings()
    assert (found["sensitivity"], found["time_constant"], found["filter_slope"]) == (0.5, 0.03, 24)
    assert (found["harmonic"], found["input_range"], found["input_coupling"]) == (2, 0.3, "DC")


def test_what_it_shows_is_the_voltage():
    lockin, world, _ = connected()
    lockin.amplitude, lockin.frequency, lockin.phase = 0.1, 3002.914, 0.1
    assert lockin.frequency == 3002.91  # six digits
    world.clock.sleep(lockin.settling_time(0.9999999))
    assert lockin.quadratures() == pytest.approx(0.1 * GAIN * np.exp(-0.1j), rel=1e-6, abs=0)
    lockin.device.sine_level = 1.0
    lockin.safe()
    assert world.level("drive.amplitude") == pytest.approx(1e-9 * math.sqrt(2), rel=1e-6, abs=0)
    assert lockin.device.sine_level == 0.0


def test_an_overload_is_one_of_the_input_range():
    lockin, world, _ = connected(input_range=0.03, sensitivity=1e-3)
    lockin.amplitude = 0.02  # 14 mV peak at the input: more than the sensitivity, less than the range
    world.clock.sleep(2.0)
    assert not lockin.is_overloaded()
    lockin.amplitude = 0.1
    world.clock.sleep(2.0)
    assert lockin.is_overloaded()


@pytest.mark.parametrize("duration", [0.5, 300.0])
def test_a_recording_is_what_the_output_was(duration):
    """The longer one takes several blocks."""
    lockin, world, _ = connected(make_world(tone=0.01, beat=3.0), time_constant=0.01, filter_slope=12)
    world.clock.sleep(2.0)
    times, seen = lockin.record(duration, rate=40)
    greatest = lockin.device.capture_rate_max
    rate = 1 / times[1]
    assert rate == pytest.approx(greatest / 2 ** round(math.log2(greatest / rate)), rel=1e-6, abs=0)
    assert 40 <= rate < 80
    assert times[-1] == pytest.approx(duration, abs=1 / rate)
    wanted = LockInFilter(0.01, 12).transfer(6 * math.pi) * np.exp(6j * math.pi * (2.0 + times)) * 0.01
    np.testing.assert_allclose(seen, wanted / math.sqrt(2), atol=2e-5)


def test_recordings_that_cannot_be_are_refused():
    lockin, _, _ = connected(time_constant=0.1)
    with pytest.raises(LimitError, match=r"wanted a rate of at most 76\.\d+ Hz at a time constant of 0.1 s"):
        lockin.start_recording(1.0, rate=1000)
    with pytest.raises(LimitError, match="wanted at most 524288 samples, got"):
        lockin.start_recording(1e5, rate=70)
    with pytest.raises(DeviceError, match="none was started"):
        lockin.recorded()


def test_a_block_that_is_cut_or_late_never_passes():
    lockin, _, twin = connected()
    lockin.start_recording(1.0, rate=30)
    twin.faults.add("cut", matching="CAPTUREGET")
    with pytest.raises((ReplyError, ReplyTimeoutError), match=r"lockin: .*CAPTUREGET"):
        lockin.recorded()
    assert lockin.frequency == 1000.0
    lockin.start_recording(1.0, rate=30)
    twin.faults.add("late", matching="CAPTUREGET", value=1.5)
    with pytest.raises(ReplyTimeoutError, match="lockin: no answer to 'CAPTUREGET"):
        lockin.recorded()
    assert lockin.frequency == 1000.0
    assert lockin.sensitivity == 1.0
    lockin.start_recording(1.0, rate=30)
    twin.faults.add("garble", matching="CAPTUREGET")
    with pytest.raises((ReplyError, ReplyTimeoutError)):  # half of the bytes are noise, the head's too
        lockin.recorded()


def test_a_block_of_another_length_than_was_asked_for_is_refused():
    lockin, _, _ = connected()
    assert len(lockin.device.ask_block("CAPTUREGET? 0,1", 1024)) == 1024
    with pytest.raises(ReplyError, match=r"wanted a block of 2048 bytes, got b'#41024'"):
        lockin.device.ask_block("CAPTUREGET? 0,1", 2048)


def test_a_recording_is_read_when_its_last_sample_is_there(monkeypatch):
    lockin, _, _ = connected()
    lockin.start_recording(1.0, rate=30)
    count = lockin._recording.count
    stored = iter([0, count - 1, count])
    monkeypatch.setattr(lockin, "_stored", lambda: next(stored))
    times, seen = lockin.recorded()
    assert next(stored, None) is None, "it was asked until all were there"
    assert len(times) == len(seen) == count


def test_the_driver_tells_an_overload_once():
    lockin, world, _ = connected(input_range=0.03, sensitivity=1e-3)
    lockin.device.overloaded()
    lockin.amplitude = 0.1
    world.clock.sleep(2.0)
    assert lockin.device.overloaded()
    lockin.amplitude = 1e-4
    world.clock.sleep(2.0)
    lockin.device.overloaded()
    assert not lockin.device.overloaded()
