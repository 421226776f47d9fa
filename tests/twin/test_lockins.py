"""The simulated lock-ins against what their manuals say and what the input is known to be."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.physics.mrfm import LockInFilter
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SR830, SR860
from labspin.twin.devices.sr830_commands import five_digits
from labspin.twin.devices.sr830_tables import RESERVES, SENSITIVITIES, shortest_time_constant
from tests.examples import examples
from tests.twin.lockin_sample import GAIN, Line, make_world, reading

# -- both: what is shown -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_what_is_shown_is_root_mean_square_against_the_reference_phase(kind):
    line = Line(kind, input_noise=0.0)
    line("SLVL 0.1", "FREQ 3000")
    assert line.world.level("drive.amplitude") == pytest.approx(0.1 * math.sqrt(2), rel=1e-6, abs=0)
    assert line.world.level("drive.frequency") == 3000
    line.wait(10)
    assert reading(line) == pytest.approx(0.1 * GAIN, rel=1e-4, abs=0)
    line("PHAS 50")
    line.wait(10)
    assert reading(line) == pytest.approx(0.1 * GAIN * cmath.exp(-1j * math.radians(50)), rel=1e-4, abs=0)
    line("APHS")
    line.wait(10)
    assert reading(line).real == pytest.approx(0.05, rel=1e-4, abs=0)
    assert float(line.ask("PHAS?")) == pytest.approx(math.degrees(0.3), abs=0.02)


@pytest.mark.parametrize("kind", [SR830, SR860])
@pytest.mark.parametrize("slope", [0, 1, 2, 3])
def test_a_step_goes_through_the_filter(kind, slope):
    line = Line(kind, make_world(step=0.02), input_noise=0.0)
    one_second = 10 if kind is SR830 else 12
    line(f"OFSL {slope}", f"OFLT {one_second}")
    line.wait(10 - line.world.clock.now())
    response = LockInFilter(1.0, 6 * (slope + 1)).step_response
    for elapsed in (0.5, 1.0, 3.0, 8.0):
        line.wait(10 + elapsed - line.world.clock.now())
        before = 0.004 * GAIN.real * float(LockInFilter(1.0, 6 * (slope + 1)).step_response(10 + elapsed))
        wanted = 0.02 / math.sqrt(2) * float(response(elapsed)) + before * (kind is SR830)  # its least: 4 mV
        assert reading(line).real == pytest.approx(wanted, abs=0.02 * 0.015)


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_it_does_not_matter_how_often_it_is_looked_at(kind):
    often, seldom = (Line(kind, make_world(tone=0.01, beat=0.7), input_noise=0.0) for _ in range(2))
    for _ in range(300):
        often.wait(0.02)
        often.ask("FREQ?")
    seldom.wait(6.0)
    assert reading(often) == pytest.approx(reading(seldom), rel=3e-3, abs=0)
    beat = LockInFilter(0.1, 12).transfer(2 * math.pi * 0.7) * cmath.exp(2j * math.pi * 0.7 * 6.0)
    driven = 0.004 * GAIN if kind is SR830 else 0
    assert reading(often) == pytest.approx(0.01 / math.sqrt(2) * complex(beat) + driven, rel=3e-3, abs=0)


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_noise_is_that_of_the_bandwidth(kind):
    line = Line(kind, make_world(noise=3e-6), input_noise=4e-6, wiring={"amplitude": ""})
    line("OFSL 1")
    found = []
    for _ in range(1500):
        line.wait(2.0)  # twenty time constants: readings are independent
        found.append(reading(line))
    wanted = 5e-6 * math.sqrt(LockInFilter(0.1, 12).noise_bandwidth)
    for part in (np.real(found), np.imag(found)):
        assert np.std(part) == pytest.approx(wanted, rel=4 / math.sqrt(2 * len(found)), abs=0)
        assert abs(np.mean(part)) < 4 * wanted / math.sqrt(len(found))


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_an_external_reference_unlocks_where_there_is_none(kind):
    line = Line(kind, input_noise=0.0)
    line("*CLS", "FMOD 0" if kind is SR830 else "RSRC EXT")
    line.wait(1.0)
    assert int(line.ask("LIAS?")) & 8
    world = make_world()
    world.drive("piezo.voltage", 123.0)
    wired = SimulatedAdapter(kind(world, wiring={"reference": "piezo.voltage"}))
    wired.write("*CLS;FMOD 0" if kind is SR830 else "*CLS;RSRC EXT")
    world.clock.sleep(1.0)
    wired.write("FREQ?;LIAS? 3")
    answers = wired.read().split(";")
    assert float(answers[0]) == 123.0
    assert (answers[1:] or [wired.read()]) == ["0"]


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_auxiliary_outputs_drive_what_they_are_wired_to(kind):
    world = make_world()
    device = kind(world, wiring={"aux_out2": "piezo.voltage"})
    SimulatedAdapter(device).write("AUXV 2, 1.2345" if kind is SR830 else "AUXV 1, 1.2345")
    assert world.level("piezo.voltage") == pytest.approx(1.234, abs=6e-4)


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_a_stray_voltage_overloads_until_it_is_gone(kind):
    line = Line(kind, input_noise=0.0)
    line("*CLS")
    line.device.faults.add("overload", matching="FREQ")
    line.ask("FREQ?")
    line.wait(5.0)
    bit = 1 if kind is SR830 else 16
    assert int(line.ask("LIAS?")) & bit
    line.device.saturated = False
    line.wait(5.0)
    line.ask("LIAS?")
    line.wait(5.0)
    assert not int(line.ask("LIAS?")) & bit


@settings(max_examples=examples(150), deadline=None)
@given(data=st.binary(max_size=60))
def test_random_bytes_never_break_a_lock_in(data):
    for kind in (SR830, SR860):
        line = Line(kind)
        line.device.receive(data + b"\n")
        line.device.transmit()
        assert "SR8" in line.ask("*IDN?").splitlines()[-1]


# -- SR830 ---------------------------------------------------------------------------------------------------


def test_sr830_wakes_up_quietly_and_resets_to_standard_settings(sr830):
    assert sr830.ask("*IDN?").startswith("Stanford_Research_Systems,SR830,s/n")
    assert float(sr830.ask("SLVL?")) == 0.004
    sr830("*RST")
    asked = (
        "SLVL?",
        "FREQ?",
        "SENS?",
        "RMOD?",
        "OFLT?",
        "OFSL?",
        "FMOD?",
        "HARM?",
        "SRAT?",
        "SEND?",
        "DDEF? 1",
    )
    assert [sr830.ask(question) for question in asked] == [
        "1.000", "1000", "26", "2", "8", "1", "1", "1", "4", "1", "0,0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "made"),
    [(3002.914, 3002.9), (1000.04, 1000.0), (12.34567, 12.346), (102e3, 102e3), (0.0015, 0.0015)],
)
def test_sr830_has_five_digits(sr830, asked, made):
    assert five_digits(asked) == made
    sr830(f"FREQ{asked:.6f}")
    assert sr830.world.level("drive.frequency") == made


@pytest.mark.parametrize(
    ("command", "event"),
    [
        ("FREQ 102001", 16), ("SLVL 5.1", 16), ("SLVL0.003", 16), ("SENS 27", 16), ("SENS 3.5", 16),
        ("FOOO 1", 32),
     ("FREQ", 32), ("FREQ 1,2", 32), ("FREQ abc", 32), ("OUTP 1", 32), ("OFLT 14", 16), ("TRCA? 1,0,5", 16),
     ("PHAS 730", 16), ("AUXV 5,1", 16), ("AUXV 1,10.6", 16), ("SNAP? 1", 32), ("SNAP? 1,12", 16),
    ],
)  # fmt: skip
def test_sr830_keeps_wrong_commands_for_those_who_ask(sr830, command, event):
    before = [sr830.ask(question) for question in ("FREQ?", "SLVL?", "SENS?", "OFLT?", "PHAS?")]
    sr830("*CLS", command)
    assert sr830.error() == event
    assert sr830.error() == 0
    assert [sr830.ask(question) for question in ("FREQ?", "SLVL?", "SENS?", "OFLT?", "PHAS?")] == before


def test_sr830_answers_every_question_in_a_line_of_its_own(sr830):
    sr830("FREQ?;SENS ?;*ESR? 5")
    assert [sr830.adapter.read() for _ in range(3)] == ["1000", "26", "0"]


def test_sr830_overloads(sr830):
    sr830("SLVL 1", "SENS 23")  # 0.5 V at 100 mV full scale, no reserve at low noise
    sr830.wait(2.0)
    assert int(sr830.ask("LIAS?")) & 5 == 1
    sr830("RMOD 0")  # 20 dB
    sr830.wait(2.0)
    assert int(sr830.ask("LIAS? 2")) == 1
    assert reading(sr830).real == pytest.approx(0.109, rel=1e-3, abs=0)
    sr830("*CLS")
    sr830.wait(2.0)
    assert int(sr830.ask("LIAS?")) & 5 == 4
    sr830("SLVL 0.15")  # 75 mV: within reserve and full scale
    sr830.wait(5.0)
    sr830("*CLS")
    sr830.wait(5.0)
    assert int(sr830.ask("LIAS?")) & 5 == 0
    sr830("LIAE 0,1", "*SRE 8", "RMOD 2", "SENS 20", "SLVL 1")
    sr830.wait(2.0)
    assert int(sr830.ask("*STB?")) & 72 == 72  # LIA and SRQ


def test_sr830_reads_what_it_stores(sr830):
    sr830("SLVL 0.1", "SENS 23", "OEXP 1,10,0", "OEXP 3,-5,0")
    sr830.wait(0.2)
    stored = sr830.device.quantities(np.asarray(sr830.device.filter.output))
    assert sr830.device.now() == pytest.approx(
        {name: float(value) for name, value in stored.items()}, rel=1e-6, abs=0
    )


def test_sr830_finds_its_gain(sr830):
    sr830("SLVL 0.1")
    sr830.wait(3.0)
    sr830("AGAN")
    assert SENSITIVITIES[int(sr830.ask("SENS?"))] == 0.05
    sr830("AOFF 1")
    assert abs(reading(sr830).real) < 1e-5


def test_sr830_s_time_constant_gives_way(sr830):
    sr830("FREQ 100", "OFLT 15")
    assert sr830.ask("OFLT?") == "15"
    sr830("*CLS", "FREQ 300")
    assert sr830.ask("OFLT?") == "13"  # 30 s
    assert int(sr830.ask("LIAS?")) & 48 == 48
    # 64 dB of reserve (2 uV, low noise) and ten-fold expand at 12 dB/octave: 100 us (manual, page 4-9)
    assert RESERVES[2][SENSITIVITIES.index(2e-6)] == 64
    assert shortest_time_constant(1, 84) == 2
    sr830("OFLT 0", "OEXP 1,0,1", "SENS 9")
    assert sr830.ask("OFLT?") == "2"


def test_sr830_stores_what_its_displays_show(sr830):
    sr830("SLVL 0.1", "SRAT 13", "SEND 0", "DDEF 2,1,0")
    sr830.wait(3.0)
    sr830("REST", "STRT")
    sr830.wait(0.5)
    sr830("PAUS")
    n = int(sr830.ask("SPTS?"))
    assert n == 257  # 0.5 s at 512 Hz, both ends
    sr830.wait(1.0)
    assert int(sr830.ask("SPTS?")) == n
    x, theta = (np.array(sr830.numbers(f"TRCA? {channel},0,{n}")) for channel in (1, 2))
    np.testing.assert_allclose(x, 0.1 * GAIN.real, rtol=1e-4, atol=0)
    np.testing.assert_allclose(theta, math.degrees(0.3), rtol=1e-4, atol=0)
    sr830(f"TRCB?1,3,{n - 3}")
    np.testing.assert_allclose(
        np.frombuffer(sr830.adapter.read_bytes(4 * (n - 3)), "<f4"), x[3:], rtol=1e-6, atol=0
    )
    sr830(f"TRCL ? 1, 0, {n}")
    words = np.frombuffer(sr830.adapter.read_bytes(4 * n), "<i2").astype(float)
    np.testing.assert_allclose(words[::2] * 2.0 ** (words[1::2] - 124), x, rtol=1e-6, atol=0)
    assert sr830.device.transmit() == b""


def test_sr830_s_buffer_ends_or_goes_round(sr830):
    sr830("SRAT 13", "SEND 0", "REST", "STRT")
    sr830.wait(40.0)
    assert sr830.ask("SPTS?") == "16383"
    sr830("SEND 1", "REST", "STRT")
    sr830.wait(40.0)
    assert sr830.ask("SPTS?") == "16383"


def test_sr830_samples_at_triggers(sr830):
    sr830("SRAT 14", "REST")
    for _ in range(5):
        sr830("TRIG")
        sr830.wait(0.1)
    sr830("TRIG", "TRIG")  # the second comes too soon
    assert sr830.ask("SPTS?") == "6"
    sr830("SRAT 10", "TSTR 1", "REST", "TRIG")
    sr830.wait(1.0)
    assert sr830.ask("SPTS?") == "65"


def test_a_ring_of_samples_is_what_the_output_was():
    line = Line(SR830, make_world(tone=0.01, beat=3.0), input_noise=0.0)
    line("OFLT 6", "SRAT 11", "SEND 0")
    line.wait(2.0)
    line("REST", "STRT")
    line.wait(3.0)
    x, y = (np.array(line.numbers(f"TRCA? {channel},0,384")) for channel in (1, 2))
    times = 2.0 + np.arange(384) / 128
    wanted = LockInFilter(0.01, 12).transfer(6 * math.pi) * np.exp(6j * math.pi * times) * 0.01 / math.sqrt(2)
    wanted = wanted + 0.004 * GAIN
    np.testing.assert_allclose(x + 1j * y, wanted, atol=3e-3 * 0.01)


def test_sr830_keeps_and_recalls_setups(sr830):
    sr830("FREQ 77", "SSET 3", "FREQ 99", "RSET 3")
    assert sr830.ask("FREQ?") == "77"
    assert sr830.world.level("drive.frequency") == 77
    sr830("*CLS", "RSET 4")
    assert sr830.error() == 16
