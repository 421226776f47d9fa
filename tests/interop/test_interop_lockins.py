"""Other people's lock-in drivers on the served bench, each used for what it is for, against the truth.

QCoDeS' tests need ``pip install labspin[interop]``. What a driver sends that the instrument does not
understand is written down here, where it happens.
"""

from __future__ import annotations

import contextlib
import math
import time

import numpy as np
import pytest
import pyvisa
from pymeasure.instruments import srs

from labspin.clock import SimulatedClock
from labspin.physics.mrfm import LockInFilter
from labspin.twin import World, devices
from labspin.twin.samples import load
from labspin.twin.server import BenchServer
from tests.twin.lockin_sample import GAIN, make_world

SPEED = 20.0  # simulated seconds per second
LINE = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n", "timeout": 2000}


@pytest.fixture
def serve():
    """Start a server of one instrument, on a clock that runs; return it and its address."""
    servers = []

    def start(kind, sample=None):
        sample = make_world(tone=0.01, beat=0.0).sample if sample is None else sample
        world = World(sample, SimulatedClock(SPEED), seed=5)
        device = kind(world, input_noise=0.0)
        servers.append(BenchServer({"lockin": device}))
        return device, servers[-1].addresses["lockin"]

    yield start
    for server in servers:
        server.close()


def wanted(amplitude, phase=0.0):
    """X + iY in V rms: the oscillator through the amplifier, and a tone of 10 mV at its frequency."""
    return (amplitude * GAIN + 0.01 / math.sqrt(2)) * np.exp(-1j * math.radians(phase))


def wait(simulated):
    time.sleep(simulated / SPEED)  # the clock of the bench follows the real one


# -- pymeasure -----------------------------------------------------------------------------------------------


def test_pymeasure_s_sr830_measures(serve):
    _, address = serve(devices.SR830)
    lockin = srs.SR830(address, **LINE)
    lockin.sine_voltage, lockin.phase, lockin.time_constant, lockin.sensitivity = 0.1, 20.0, 0.03, 0.1
    for frequency in (100.0, 2345.0, 50e3):
        lockin.frequency = frequency
        wait(2.0)
        assert lockin.frequency == pytest.approx(frequency, rel=1e-4, abs=0)
        assert complex(*lockin.xy) == pytest.approx(wanted(0.1, 20.0), rel=1e-3, abs=0)
    assert lockin.magnitude == pytest.approx(abs(wanted(0.1)), rel=1e-3, abs=0)
    assert lockin.theta == pytest.approx(math.degrees(np.angle(wanted(0.1, 20.0))), abs=0.1)
    assert not lockin.is_out_of_range()
    lockin.sensitivity = 0.01
    wait(2.0)
    assert lockin.is_out_of_range()
    lockin.adapter.close()


def test_pymeasure_s_sr830_reads_its_buffer(serve):
    """``start_buffer`` asks for fast transfers, which a serial line does not have; it starts after 0.5 s."""
    _, address = serve(devices.SR830)
    lockin = srs.SR830(address, **LINE)
    lockin.sine_voltage, lockin.time_constant, lockin.sensitivity = 0.1, 0.01, 0.1
    wait(2.0)
    lockin.sample_frequency = 64
    lockin.reset_buffer()
    lockin.start_buffer()
    lockin.wait_for_buffer(100)
    assert lockin.buffer_count >= 100
    for channel, value in ((1, wanted(0.1).real), (2, wanted(0.1).imag)):
        np.testing.assert_allclose(lockin.get_buffer(channel, 0, 100), value, rtol=1e-3, atol=0)
    lockin.adapter.close()


def test_pymeasure_s_sr860_measures(serve):
    device, address = serve(devices.SR860)
    lockin = srs.SR860(address, **LINE)
    lockin.sine_voltage, lockin.time_constant = 0.1, 0.03
    for frequency in (100.0, 2345.67, 400e3):
        lockin.frequency = frequency
        wait(2.0)
        assert lockin.frequency == pytest.approx(frequency, rel=1e-5, abs=0)
        allowed = 1e-4 + ripple(frequency, 0.03)
        assert complex(*lockin.snap()) == pytest.approx(wanted(0.1), rel=allowed, abs=0)
    assert lockin.snap_all()[2:] == pytest.approx(
        [abs(wanted(0.1)), math.degrees(np.angle(wanted(0.1)))], rel=1e-4, abs=0
    )
    assert lockin.get_noise_bandwidth == pytest.approx(
        LockInFilter(0.03, 12).noise_bandwidth, rel=1e-4, abs=0
    )
    with pytest.raises(
        TypeError, match="format"
    ):  # the command is written "REFZ&d", into which no number can be put
        lockin.reference_externalinput = "1MEG"
    assert device.registers["event"].value & 48 == 0
    lockin.filter_advanced = "On"  # sent as "ADVFIL 1"
    assert lockin.filter_advanced == "Off"
    assert device.registers["event"].value & 32
    lockin.adapter.close()


def test_pymeasure_s_sr860_sees_a_cantilever_ring(serve):
    """On resonance the voltage is a quarter of a turn behind the drive, and Q times what it is at rest."""
    sample = load("mrfm_cantilever")()
    device, address = serve(devices.SR860, sample)
    truth = device.world.truth()
    lockin = srs.SR860(address, **LINE)
    lockin.sine_voltage, lockin.time_constant = 0.1, 0.03
    settings, seen = sample.settings, {}
    for offset in (-0.6, 0.0, 0.6):
        lockin.frequency = truth["resonance_frequency"] + offset
        wait(8.0)
        seen[offset] = np.mean([complex(*lockin.snap()) for _ in range(5)])
    force = settings.force_per_volt * 0.1
    height = settings.gain * force * truth["quality_factor"] / settings.resonator.stiffness
    assert abs(seen[0.0]) == pytest.approx(height, rel=0.03, abs=0)
    assert math.degrees(np.angle(seen[0.0])) == pytest.approx(-90, abs=3)
    turn = 2 * truth["quality_factor"] * 0.6 / truth["resonance_frequency"]
    assert math.degrees(np.angle(seen[0.6])) == pytest.approx(-90 - math.degrees(math.atan(turn)), abs=4)
    assert math.degrees(np.angle(seen[-0.6])) == pytest.approx(-90 + math.degrees(math.atan(turn)), abs=4)
    lockin.adapter.close()


# -- QCoDeS --------------------------------------------------------------------------------------------------

quiet = pytest.mark.filterwarnings("ignore")  # its own deprecations


@contextlib.contextmanager
def to_the_last_byte(instrument):
    """Let binary answers be read whole.

    They have no line end behind them, and may have one inside. On the GPIB the end is marked; on a plain
    socket a client that stops at line ends reads too little, or waits for one until its time is over.
    """
    handle, attribute = instrument.visa_handle, pyvisa.constants.ResourceAttribute.suppress_end_enabled
    termination, handle.read_termination = handle.read_termination, None
    before = handle.get_visa_attribute(attribute)
    handle.set_visa_attribute(attribute, False)
    try:
        yield
    finally:
        handle.set_visa_attribute(attribute, before)
        handle.read_termination = termination


@pytest.fixture
def stanford(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    pytest.importorskip("qcodes")
    drivers = pytest.importorskip("qcodes.instrument_drivers.stanford_research")
    opened = []

    def start(kind, address, **settings):
        opened.append(getattr(drivers, kind)("lockin", address, visalib="@py", terminator="\n", **settings))
        return opened[-1]

    yield start
    for instrument in opened:
        instrument.close()


@quiet
def test_qcodes_sr830_measures(serve, stanford):
    device, address = serve(devices.SR830)
    lockin = stanford("SR830", address)
    lockin.amplitude(0.1)
    lockin.phase(20.0)
    lockin.time_constant(0.03)
    lockin.sensitivity(0.1)
    lockin.filter_slope(24)
    for frequency in (100.0, 2345.0, 50e3):
        lockin.frequency(frequency)
        wait(2.0)
        assert lockin.frequency() == pytest.approx(frequency, rel=1e-4, abs=0)
        assert lockin.complex_voltage() == pytest.approx(wanted(0.1, 20.0), rel=1e-3, abs=0)
    assert lockin.R() == pytest.approx(abs(wanted(0.1)), rel=1e-3, abs=0)
    assert lockin.P() == pytest.approx(math.degrees(np.angle(wanted(0.1, 20.0))), abs=0.1)
    assert lockin.snap("x", "freq")[1] == pytest.approx(50e3, rel=1e-6, abs=0)
    assert lockin.increment_sensitivity()
    assert lockin.sensitivity() == 0.2
    assert device.registers["event"].value & 48 == 0


@quiet
def test_qcodes_sr830_reads_its_buffer(serve, stanford):
    _, address = serve(devices.SR830)
    lockin = stanford("SR830", address)
    lockin.amplitude(0.1)
    lockin.time_constant(0.01)
    lockin.sensitivity(0.1)
    lockin.ch1_display("X")
    lockin.ch2_display("Phase")
    wait(2.0)
    lockin.buffer_SR(64)
    lockin.buffer_acq_mode("single shot")
    lockin.buffer_reset()
    lockin.buffer_start()
    while lockin.buffer_npts() < 100:
        wait(0.2)
    lockin.buffer_pause()
    for channel, value in ((1, wanted(0.1).real), (2, math.degrees(np.angle(wanted(0.1))))):
        buffer = getattr(lockin, f"ch{channel}_databuffer")
        buffer.prepare_buffer_readout()
        with to_the_last_byte(lockin):
            seen = buffer.get_raw()
        np.testing.assert_allclose(seen, value, rtol=1e-3, atol=0)


@quiet
def test_qcodes_sr860_measures(serve, stanford):
    device, address = serve(devices.SR860)
    lockin = stanford("SR860", address)
    lockin.amplitude(0.1)
    lockin.time_constant(0.03)
    lockin.input_range(0.3)
    for frequency in (100.0, 2345.67, 400e3):
        lockin.frequency(frequency)
        wait(2.0)
        assert lockin.frequency() == pytest.approx(frequency, rel=1e-5, abs=0)
        allowed = 1e-4 + ripple(frequency, 0.03)
        assert lockin.complex_voltage() == pytest.approx(wanted(0.1), rel=allowed, abs=0)
    assert lockin.get_values("R", "P", "amplitude") == pytest.approx(
        (abs(wanted(0.1)), math.degrees(np.angle(wanted(0.1))), 0.1), rel=1e-4, abs=0
    )
    assert lockin.get_data_channels_dict(requery_names=True)["R"] == pytest.approx(
        abs(wanted(0.1)), rel=1e-4, abs=0
    )
    assert lockin.noise_bandwidth() == pytest.approx(LockInFilter(0.03, 12).noise_bandwidth, rel=1e-4, abs=0)
    assert device.registers["event"].value & 48 == 0


@quiet
def test_qcodes_sr860_captures(serve, stanford, monkeypatch):
    device, address = serve(devices.SR860)
    lockin = stanford("SR860", address)
    lockin.amplitude(0.1)
    lockin.time_constant(1e-3)
    wait(1.0)
    buffer = lockin.buffer
    query = lockin.visa_handle.query_binary_values

    def query_whole(*arguments, **settings):
        with to_the_last_byte(lockin):
            return query(*arguments, **settings)

    monkeypatch.setattr(lockin.visa_handle, "query_binary_values", query_whole)
    buffer.capture_config("X,Y")
    buffer.capture_rate(buffer.available_frequencies[4])
    data = buffer.capture_samples(500)
    assert data["X"].shape == data["Y"].shape == (500,)
    allowed = 1e-4 + ripple(lockin.frequency(), 1e-3)
    np.testing.assert_allclose(data["X"] + 1j * data["Y"], wanted(0.1), rtol=allowed, atol=0)
    buffer.capture_config("X,Y,R,T")
    data = buffer.capture_one_sample_per_trigger(20, lambda: triggers(device, 20))
    np.testing.assert_allclose(data["R"], abs(wanted(0.1)), rtol=allowed, atol=0)


def ripple(frequency, time_constant):
    """Return how much of the product at twice the reference passes two stages."""
    return float(abs(LockInFilter(time_constant, 12).transfer(4 * math.pi * frequency)))


def triggers(device, count):
    """Pulse the trigger input once the instrument waits for it, as a generator beside the bench would."""
    while not device.capturing:
        time.sleep(0.01)
    for _ in range(count):
        with device.world.lock:
            device.follow()
            device.trigger()
