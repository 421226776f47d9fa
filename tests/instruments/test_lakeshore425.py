"""Lake Shore 425: what goes over the wire, and the simulated gaussmeter beside its magnet."""

import math
import re

import pytest
from hypothesis import given, strategies as st
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.lakeshore425 import (
    RANGES,
    LakeShore425,
    LakeShore425Gaussmeter,
    LakeShore425Options,
)
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.devices.lakeshore import scientific, six_digits
from labspin.twin.samples import load


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("unit", "tesla", "UNIT 2"),
        ("unit", "ampere per metre", "UNIT 4"),
        ("range", 0.35, "RANGE 3"),
        ("auto_range_enabled", True, "AUTO 1"),
        ("relative_enabled", False, "REL 0"),
    ],
)
def test_settings_are_sent_and_read_back(attribute, value, command):
    """The instrument has no record of errors (manual, 6.3.1), so the setting itself is asked."""
    word, _, sent = command.partition(" ")
    with expected_protocol(LakeShore425, [(command, None), (f"{word}?", sent)]) as meter:
        setattr(meter, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("field", "RDGFIELD?", "+012.345E-03", 12.345e-3),
        ("unit", "UNIT?", "3", "oersted"),
        ("range", "RANGE?", "1", 35e-4),
        ("auto_range_enabled", "AUTO?", "0", False),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(LakeShore425, [(query, reply)]) as meter:
        assert getattr(meter, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("unit", "T", "Lake Shore 425 unit: wanted one of 'gauss', 'tesla'"),
        ("range", 1.0, "Lake Shore 425 range: wanted one of 0.0035, 0.035, 0.35, 3.5, got 1.0"),
        ("auto_range_enabled", 1, "Lake Shore 425 auto_range_enabled: wanted one of True, False"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(LakeShore425, []) as meter, pytest.raises(LimitError, match=match):
        setattr(meter, attribute, value)


def test_a_setting_that_does_not_come_back_is_an_error():
    wire = [("UNIT 2", None), ("UNIT?", "1")]
    refused = "it refused a setting: wanted '2' after UNIT, got '1' back"
    with expected_protocol(LakeShore425, wire) as meter, pytest.raises(DeviceError, match=refused):
        meter.unit = "tesla"


def test_the_mode_is_read_back_however_its_numbers_are_written():
    with expected_protocol(LakeShore425, [("RDGMODE 1,0,1", None), ("RDGMODE?", "1,00,1")]) as meter:
        meter.dc_mode()
        meter.check_set_errors()


def test_identity():
    with expected_protocol(LakeShore425, [("*IDN?", "LSCI,MODEL425,4250022,1.0")]) as meter:
        assert meter.identify().endswith("1.0")
    with (
        expected_protocol(LakeShore425, [("*IDN?", "LSCI,MODEL475,4750022,1.0")]) as meter,
        pytest.raises(IdentityError, match="wanted LSCI MODEL425"),
    ):
        meter.identify()


def test_options_are_checked():
    assert LakeShore425Options(range=0.035).range == 0.035
    with pytest.raises(ArgumentError, match=r"range: wanted one of 0.0035 T, .*, got 1.0 T"):
        LakeShore425Options(range=1.0)


# -- numbers as these instruments send them ------------------------------------------------------------------


@given(st.floats(-1e12, 1e12))
def test_a_scientific_number_keeps_its_value_and_its_form(value):
    written = scientific(value)
    assert re.fullmatch(r"[+-]\d{3}\.\d{3}E[+-]\d{2}", written)
    assert float(written) == pytest.approx(value, rel=5.1e-6, abs=1e-97)


@given(st.floats(-999_000, 999_000))
def test_a_number_of_six_digits_keeps_its_value_and_its_form(value):
    written = six_digits(value)
    assert len(written.replace(".", "")) == 7
    assert float(written) == pytest.approx(value, abs=0.51 * 10.0 ** -(6 - len(str(int(abs(value))))))


# -- on the simulated gaussmeter -----------------------------------------------------------------------------


def simulated(**options):
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    meter = LakeShore425(SimulatedAdapter(DEVICES["lakeshore425"](world, **options)), clock=world.clock)
    vars(meter).update(world=world)
    return meter


@pytest.mark.parametrize("current", [0.0, 0.5, 2.0, 11.0])
def test_the_reading_is_the_field_at_the_sample(current):
    meter = simulated(noise=0.0)
    gaussmeter = LakeShore425Gaussmeter(meter)
    gaussmeter.configure()
    meter.world.drive("magnet.current", current)
    truth = meter.world.reading("field")
    scale = min(scale for scale in RANGES if scale >= truth)
    assert gaussmeter.field == pytest.approx(truth, abs=0.51 * scale / 35_000 + 5.1e-6 * truth)
    assert gaussmeter.settings()["range"] == scale


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("gauss", 1e4), ("tesla", 1.0), ("oersted", 1e4), ("ampere per metre", 1e7 / 4 / math.pi)],
)
def test_units(unit, factor):
    meter = simulated(noise=0.0)
    meter.world.drive("magnet.current", 5.0)
    meter.unit = unit
    assert meter.field == pytest.approx(meter.world.reading("field") * factor, rel=1e-3, abs=0)


@pytest.mark.parametrize("offset", [0.0, -0.04])
def test_a_field_beyond_the_range_is_an_error_and_not_a_number(offset):
    meter = simulated(offset=offset)
    gaussmeter = LakeShore425Gaussmeter(meter, LakeShore425Options(range=35e-4))
    gaussmeter.configure()
    meter.world.drive("magnet.current", 10.0)
    assert meter.range == 35e-4
    assert not meter.auto_range_enabled
    with pytest.raises(DeviceError, match=r"wanted a field within ±0.0035 T, but it is overloaded"):
        _ = gaussmeter.field
    assert meter.ask("OPST?") == "002"


def test_zeroing_takes_the_offset_of_the_probe_away():
    meter = simulated(noise=0.0, offset=2e-3)
    gaussmeter = LakeShore425Gaussmeter(meter)
    gaussmeter.configure()
    before = meter.world.reading("field")
    assert gaussmeter.field == pytest.approx(before + 2e-3, rel=1e-3, abs=0)
    meter.zero_probe()
    assert gaussmeter.field == pytest.approx(0.0, abs=1e-6)
    meter.world.drive("magnet.current", 3.0)
    assert gaussmeter.field == pytest.approx(meter.world.reading("field") - before, rel=1e-3, abs=0)


def test_the_noise_of_a_reading_is_what_was_asked_for():
    meter = simulated(noise=5e-6)
    LakeShore425Gaussmeter(meter, LakeShore425Options(range=0.035)).configure()
    readings = [meter.field for _ in range(400)]
    mean = sum(readings) / 400
    assert math.sqrt(sum((value - mean) ** 2 for value in readings) / 399) == pytest.approx(
        5e-6, rel=0.15, abs=0
    )


@pytest.mark.parametrize("command", ["UNIT 5", "UNIT 1,2", "RANGE 9"])
def test_a_value_that_it_cannot_take_is_noticed(command):
    meter = simulated()
    meter.write(command)
    with pytest.raises(DeviceError, match="it refused a setting"):
        meter.check_set_errors()


@pytest.mark.parametrize("command", ["AUTO", "RANGE", "RDGFIELDS?", "DFLT 98", "*ESR?", "*CLS", "*STB?"])
def test_what_it_does_not_know_it_ignores(command):
    meter = simulated()
    before = [meter.ask(question) for question in ("UNIT?", "RANGE?", "AUTO?")]
    meter.write(command)
    assert [meter.ask(question) for question in ("UNIT?", "RANGE?", "AUTO?")] == before


def test_a_question_mark_asks_the_last_question_again():
    meter = simulated(noise=0.0)
    assert meter.ask("UNIT?") == "1"
    meter.write("UNIT 2")
    assert meter.ask("?") == "2"


def test_the_greatest_field_is_kept():
    meter = simulated(noise=0.0)
    meter.world.drive("magnet.current", 5.0)
    greatest = float(meter.ask("RDGMX?"))
    meter.world.drive("magnet.current", 0.0)
    assert float(meter.ask("RDGMX?")) == greatest
    meter.write("MXRST")
    assert float(meter.ask("RDGMX?")) < greatest


def test_a_relative_mode_that_was_left_on_does_not_stay_in_the_readings():
    meter = simulated(noise=0.0)
    meter.world.drive("magnet.current", 5.0)
    meter.write("UNIT 2")
    meter.write("RELSP +100.000E-03")
    meter.write("REL 1")
    gaussmeter = LakeShore425Gaussmeter(meter)
    gaussmeter.configure()
    assert gaussmeter.field == pytest.approx(meter.world.reading("field"), rel=1e-3, abs=0)
    assert not meter.relative_enabled
