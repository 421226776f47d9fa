"""The simulated SR860, and pymeasure's own drivers on both lock-ins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pymeasure.instruments import srs

from labspin.physics.mrfm import LockInFilter
from labspin.twin.devices.sr860 import SENSITIVITIES as SR860_SCALES
from labspin.twin.devices.sr860_commands import six_digits
from tests.twin.lockin_sample import GAIN, reading


@pytest.mark.parametrize("asked", [3002.914, 12.345678, 499_999.7])
def test_sr860_has_six_digits(sr860, asked):
    assert six_digits(asked) == pytest.approx(asked, rel=1e-5, abs=0)
    sr860(f"FREQ {asked}")
    assert sr860.world.level("drive.frequency") == six_digits(asked)
    assert six_digits(3002.914) == 3002.91


@pytest.mark.parametrize("command", ["FREQ 2.5 KHZ", "freqint 2500", "FREQ 2.5E3"])
def test_sr860_takes_units_and_any_case(sr860, command):
    sr860(command)
    assert float(sr860.ask("FREQ?")) == 2500


@pytest.mark.parametrize(
    ("command", "event"),
    [
        ("FREQ2500", 32), ("REFZ&d", 32), ("ADVFIL 1", 32), ("GSDP 3", 32), ("PSTA0, 1E-3", 32),
        ("SLVL 2.1", 16),
     ("SCAL 28", 16), ("IRNG 5", 16), ("IRNG 2VOLT", 16), ("SNAP? X", 32), ("CAPTUREGET? 0,65", 16),
     ("HARM 100", 16), ("FREQ 500001", 16), ("CAPTURESTART TWO, IMM", 16),
    ],
)  # fmt: skip
def test_sr860_refuses(sr860, command, event):
    sr860(command)
    assert sr860.error() & event


def test_sr860_answers_in_one_line(sr860):
    assert sr860.ask("SCAL?;OFLT?;ICPL?") == "0;10;0"
    assert sr860.ask("IRNG?") == "0"
    sr860("IRNG 100M")
    assert sr860.ask("IRNG?") == "2"
    assert sr860.ask("CDSP? DAT3") == "2"


def test_sr860_shows_x_and_y_at_any_sensitivity(sr860):
    sr860("SLVL 0.1", "SCAL 9")  # 1 mV
    sr860.wait(5)
    assert reading(sr860) == pytest.approx(0.1 * GAIN, rel=1e-6, abs=0)
    assert int(sr860.ask("LIAS?")) & 3 == 3
    assert int(sr860.ask("LIAS?")) & 16 == 0
    sr860("IRNG 4")  # 10 mV peak
    sr860.wait(5)
    assert int(sr860.ask("LIAS?")) & 16
    assert int(sr860.ask("CUROVLDSTAT?")) == 19
    assert sr860.ask("ILVL?") == "4"
    assert abs(reading(sr860)) == pytest.approx(0.01 / math.sqrt(2), rel=1e-3, abs=0)
    sr860("IRNG 0", "ARNG")
    sr860.wait(5)
    sr860("ASCL")
    assert sr860.ask("IRNG?") == "2"  # 71 mV peak
    assert SR860_SCALES[int(sr860.ask("SCAL?"))] == pytest.approx(0.05, rel=1e-6, abs=0)


def test_sr860_noise_bandwidth_is_that_of_its_filter(sr860):
    for slope in range(4):
        sr860(f"OFSL {slope}")
        assert float(sr860.ask("ENBW?")) == pytest.approx(
            LockInFilter(0.1, 6 * slope + 6).noise_bandwidth, rel=1e-5, abs=0
        )


def captured(line, kind, kilobytes):
    line(f"CAPTUREGET? 0,{kilobytes}")
    head = line.adapter.read_bytes(2)
    size = int(line.adapter.read_bytes(int(head[1:2])))
    assert size == 1024 * kilobytes
    return np.frombuffer(line.adapter.read_bytes(size), "<f4").reshape(-1, kind)


def test_sr860_captures(sr860):
    sr860("SLVL 0.1", "OFLT 6", "CAPTURECFG XYRT", "CAPTURELEN 7")
    sr860.wait(1.0)
    assert sr860.ask("CAPTURELEN?") == "8"
    greatest = float(sr860.ask("CAPTURERATEMAX?"))
    sr860("CAPTURERATE 3")
    assert float(sr860.ask("CAPTURERATE?")) == greatest / 8
    sr860("CAPTURESTART ONE, IMM")
    assert sr860.ask("CAPTURESTAT?") == "3"
    sr860.wait(0.1)
    count = int(0.1 * greatest / 8) + 1
    assert sr860.ask("CAPTUREBYTES?") == str(16 * count)
    sr860("*CLS", "CAPTUREGET? 0,2")
    assert sr860.error() == 16  # not while it is going on
    sr860("CAPTURESTOP")
    assert sr860.ask("CAPTUREPROG?") == str(2 * math.ceil(16 * count / 2048))
    data = captured(sr860, 4, 4)
    x, y, r, theta = data[:count].T
    # What the mixer makes at twice the reference passes at 1 ms: a ripple of constant size about the mean.
    frequency = float(sr860.ask("FREQ?"))
    ripple = 0.05 * abs(
        LockInFilter(1e-3, 6 * (int(sr860.ask("OFSL?")) + 1)).transfer(4 * math.pi * frequency)
    )
    np.testing.assert_allclose(np.abs(x + 1j * y - 0.1 * GAIN), ripple, rtol=2e-3, atol=0)
    np.testing.assert_allclose(r, np.hypot(x, y), rtol=1e-6, atol=0)
    np.testing.assert_allclose(theta, np.degrees(np.arctan2(y, x)), rtol=1e-6, atol=0)
    assert not data[count:].any()
    assert sr860.numbers("CAPTUREVAL? 1")[2] == pytest.approx(0.05, rel=1.1 * ripple / 0.05, abs=0)


def test_sr860_s_capture_ends_or_goes_round(sr860):
    sr860("CAPTURECFG X", "CAPTURELEN 2", "CAPTURESTART ONE, IMM")
    sr860.wait(20.0)
    assert sr860.ask("CAPTURESTAT?") == "6"
    assert sr860.ask("CAPTUREBYTES?") == "2048"
    sr860("SLVL 0.1", "CAPTURESTART CONT, IMM")
    sr860.wait(20.0)
    assert sr860.ask("CAPTURESTAT?") == "7"
    sr860("CAPTURESTOP")
    np.testing.assert_allclose(captured(sr860, 1, 2), 0.1 * GAIN.real, rtol=1e-4, atol=0)


def test_sr860_captures_at_triggers(sr860):
    sr860("CAPTURECFG XY", "CAPTURELEN 2", "CAPTURESTART ONE, SAMP")
    for _ in range(7):
        sr860.wait(0.1)
        sr860("TRIG")
    assert sr860.ask("CAPTUREBYTES?") == "56"
    sr860("CAPTURESTART ONE, TRIG")
    sr860.wait(1.0)
    assert sr860.ask("CAPTURESTAT?") == "0"
    sr860("*TRG")
    sr860.wait(1.0)
    assert int(sr860.ask("CAPTUREBYTES?")) > 500


# -- pymeasure's own drivers, in process ---------------------------------------------------------------------


def test_pymeasure_s_sr830_sets_and_reads_everything(sr830):
    lockin = srs.SR830(sr830.adapter)
    lockin.sine_voltage, lockin.frequency, lockin.phase = 0.1, 2345.6, -12.5
    lockin.sensitivity, lockin.time_constant, lockin.filter_slope = 0.1, 0.03, 24
    sr830.wait(3.0)
    assert lockin.snap("X", "Y", "R", "Theta", "Frequency")[2] == pytest.approx(0.05, rel=1e-3, abs=0)
    assert (lockin.frequency, lockin.phase, lockin.sensitivity) == (2345.6, -12.5, 0.1)
    assert (lockin.time_constant, lockin.filter_slope) == (0.03, 24)
    lockin.aux_out_3 = 2.5
    assert lockin.aux_out_3 == 2.5
    assert lockin.aux_in_1 == 0
    lockin.channel1 = "R"
    lockin.sample_frequency = 64
    assert lockin.channel1 == [1, 0]  # it does not expect the second number of the answer
    assert (lockin.sample_frequency, lockin.reserve) == (64, "Low Noise")
    lockin.set_scaling("X", 10.0, 10)
    assert sr830.error() & 16  # it sends 10 for the expand, which is no index
    assert lockin.get_scaling("X") == (0.0, 1)


def test_pymeasure_s_sr860_sets_and_reads(sr860):
    lockin = srs.SR860(sr860.adapter)
    lockin.sine_voltage, lockin.frequency, lockin.time_constant = 0.1, 2345.6, 0.03
    lockin.sensitivity, lockin.filter_slope = 0.05, 3
    sr860.wait(3.0)
    x, y = lockin.snap()
    assert complex(x, y) == pytest.approx(0.1 * GAIN, rel=1e-5, abs=0)
    assert lockin.snap("R", "THeta", "SAMp") == pytest.approx([0.05, math.degrees(0.3), 0.1], rel=1e-5, abs=0)
    assert (lockin.sensitivity, lockin.time_constant, lockin.filter_slope) == (0.05, 0.03, 3)
    lockin.filter_advanced = "On"  # sends ADVFIL
    assert lockin.filter_advanced == "Off"
    lockin.horizontal_time_div = 7  # sends GSDP
    assert lockin.horizontal_time_div == 4
    lockin.sine_amplitudepreset1 = 0.5  # sends PSTA0, without a space
    assert lockin.sine_amplitudepreset1 == 0.0
