"""NI analog input: the calls of the maker's package, limits, and a field on the simulated device."""

from unittest import mock

import numpy as np
import pytest

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.daqmx import load_daqmx
from labspin.instruments.ni_analog import NIAnalogInput, NIGaussmeter, NIGaussmeterOptions
from labspin.twin import World, samples
from labspin.twin.devices.nidaqmx import NIDaqmx

PROBE = {"slope": 0.02, "offset": 1e-3}  # T/V, T


@pytest.fixture
def world():
    return World(samples.load("levitated_diamond")(), SimulatedClock(), seed=3)


def on(world, *, options=None, **twin):
    device = NIDaqmx(world, **{**PROBE, **twin})
    options = options or NIGaussmeterOptions(**PROBE)
    return device, NIGaussmeter.open(device, name="probe", options=options)


def test_a_field_is_offset_and_slope_times_the_mean_voltage(world):
    _, probe = on(world, noise=0.0)
    world.drive("magnet.current", 5.0)
    truth = world.reading("field")
    assert truth > 1e-3
    assert probe.field == pytest.approx(truth, abs=0.02 * 2 * 10.5 / 2**16)
    found = probe.settings()
    assert found["field"] == pytest.approx(
        PROBE["offset"] + PROBE["slope"] * found["voltage"], rel=1e-6, abs=0
    )
    assert "PCIe-6341" in found["identity"]


@pytest.mark.parametrize(("greatest", "scale"), [(10.0, 10.0), (0.15, 0.2)])
def test_voltages_are_whole_steps_of_sixteen_bits_of_the_range(world, greatest, scale):
    device, _ = on(world, noise=0.2 * scale)
    read = device.voltages("Dev1/ai3", wiring="differential", greatest=greatest, rate=1e4, samples=500)
    steps = read / (2 * 1.05 * scale / 2**16)
    assert steps == pytest.approx(np.round(steps), rel=0, abs=1e-6)
    assert len(set(np.round(steps))) > 450


def test_noise_averages_out_over_the_samples(world):
    few, many = (
        on(world, options=NIGaussmeterOptions(**PROBE, samples=samples, greatest=1.0), noise=0.01)[1]
        for samples in (2, 800)
    )
    scatter = [np.std([probe.field for _ in range(60)]) for probe in (few, many)]
    assert scatter[0] / scatter[1] == pytest.approx(20.0, rel=0.4, abs=0)


def test_reading_takes_its_time(world):
    _, probe = on(world, options=NIGaussmeterOptions(**PROBE, samples=500, rate=1e3))
    before = world.clock.now()
    _ = probe.field
    assert world.clock.now() - before == pytest.approx(0.5, rel=1e-6, abs=0)


def test_an_overloaded_input_is_an_error_and_no_field(world):
    _, probe = on(world, options=NIGaussmeterOptions(slope=1e-5, offset=1e-3, greatest=1.0), slope=1e-5)
    world.drive("magnet.current", 5.0)
    with pytest.raises(DeviceError, match="probe: wanted a voltage within ±1 V at ai0, but it is overloaded"):
        _ = probe.field


def test_an_input_that_is_not_there_is_refused(world):
    with pytest.raises(IdentityError, match="analog input 'ai77', but it has ai0, ai1"):
        on(world, options=NIGaussmeterOptions(**PROBE, channel="ai77"))


def test_an_open_input_reads_nothing(world):
    device = NIDaqmx(world, noise=0.0)
    values = NIAnalogInput(device, "card").voltages("ai3", greatest=1.0, rate=1e3, samples=5)
    assert values.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"greatest": 20.0}, "card greatest voltage: wanted 10 mV to 10 V"),
        ({"rate": 1e9}, "card rate: wanted 1 Hz to 2 MHz"),
        ({"samples": 1}, "card samples: wanted 2 to"),
    ],
)
def test_limits(world, more, match):
    device = NIAnalogInput(NIDaqmx(world), "card")
    with pytest.raises(LimitError, match=match):
        device.voltages("ai0", **{"greatest": 1.0, "rate": 1e3, "samples": 10, **more})


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"channel": "ctr0"}, "channel: wanted an analog input such as 'ai0'"),
        ({"input_wiring": "loose"}, "input_wiring: wanted one of diff, rse, nrse"),
        ({"slope": 0.0}, "slope: wanted a number other than 0"),
        ({"greatest": 50.0}, "greatest: wanted 0.01 to 10 V"),
        ({"rate": 0.0}, "rate: wanted 1 to"),
        ({"samples": 0}, "samples: wanted 2 to"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        NIGaussmeterOptions(**options)


def test_each_input_is_an_instrument_of_its_own():
    other = NIGaussmeterOptions(channel="ai1")
    assert NIGaussmeter.place("Dev1") != NIGaussmeter.place("Dev1", other)
    assert NIGaussmeter.place("dev1") == NIGaussmeter.place("Dev1")


def test_voltages_are_asked_of_the_makers_package():
    nidaqmx = pytest.importorskip("nidaqmx")
    from nidaqmx.constants import TerminalConfiguration
    from nidaqmx.task._timing import Timing
    from nidaqmx.task.collections import AIChannelCollection

    task = mock.create_autospec(nidaqmx.Task, instance=True)
    task.__enter__.return_value = task
    task.ai_channels = mock.create_autospec(AIChannelCollection, instance=True)
    task.timing = mock.create_autospec(Timing, instance=True)
    task.read.return_value = [0.5, 0.25]
    with mock.patch("nidaqmx.Task", return_value=task):
        values = load_daqmx().voltages("Dev1/ai0", wiring="rse", greatest=5.0, rate=1e4, samples=2)
    assert values.tolist() == [0.5, 0.25]
    task.ai_channels.add_ai_voltage_chan.assert_called_once_with(
        "Dev1/ai0", terminal_config=TerminalConfiguration.RSE, min_val=-5.0, max_val=5.0
    )
    task.timing.cfg_samp_clk_timing.assert_called_once_with(1e4, samps_per_chan=2)
