"""Readings that are none: what instruments send for an overflow or for no number is never a finite value."""

import math

import pytest
from pymeasure.test import expected_protocol

from labspin.errors import ReplyError
from labspin.instruments import DRIVERS, load_driver
from labspin.instruments.base import Guarded
from labspin.instruments.e36312a import E36312A
from labspin.instruments.invalid import as_reading, decimal, whole
from labspin.instruments.kepco_bop import KepcoBOP
from labspin.instruments.lakeshore336 import LakeShore336
from labspin.instruments.lakeshore425 import LakeShore425
from labspin.instruments.smb100a import SMB100A
from labspin.instruments.sr830 import SR830
from labspin.instruments.wire import as_boolean

NOTHING, OVER, UNDER = math.nan, math.inf, -math.inf

# (driver, question of a reading, attribute path, answer, what it is)
WORDS = [
    (E36312A, "MEAS:CURR? (@1)", "ch_1.current", "+9.91000000E+37", NOTHING),
    (E36312A, "MEAS:CURR? (@1)", "ch_1.current", "+9.90000000E+37", OVER),
    (E36312A, "MEAS:VOLT? (@1)", "ch_1.voltage", "-9.90000000E+37", UNDER),
    (KepcoBOP, "MEASure:CURRent?", "current", "9.91E37", NOTHING),
    (KepcoBOP, "MEASure:CURRent?", "current", "-9.9E37", UNDER),
    (SMB100A, "SOUR:POW?", "power", "NAN", NOTHING),
    (SMB100A, "SOUR:POW?", "power", "9.91E+37", NOTHING),
    (SMB100A, "SOUR:POW?", "power", "NINF", UNDER),
    (LakeShore425, "RDGFIELD?", "field", "OL", OVER),
    (LakeShore425, "RDGFIELD?", "field", "-OL", UNDER),
    (LakeShore425, "RDGFIELD?", "field", "NO PROBE", NOTHING),
    (LakeShore336, "KRDG? A", "input_A.kelvin", "T.OVER", OVER),
    (LakeShore336, "KRDG? A", "input_A.kelvin", "S.UNDER", UNDER),
    (LakeShore336, "KRDG? A", "input_A.kelvin", "NO CURVE", NOTHING),
    (SR830, "OUTP?1", "x", "NAN", NOTHING),
    (SR830, "OUTP?1", "x", "INF", OVER),
]


@pytest.mark.parametrize(("driver", "question", "attribute", "answer", "reading"), WORDS)
def test_what_is_no_reading_is_never_a_finite_one(driver, question, attribute, answer, reading):
    with expected_protocol(driver, [(question, answer)]) as device:
        found = device
        for name in attribute.split("."):
            found = getattr(found, name)
    assert found == reading or (math.isnan(found) and math.isnan(reading))


@pytest.mark.parametrize(
    "text", ["9.9E37", "9.91E37", "-9.9e37", "1e38", "1.79e308", "inf", "nan", "9.90001E+37"]
)
def test_no_driver_reads_these_as_a_number(text):
    checked = 0
    for name in DRIVERS:
        driver = load_driver(name).driver
        if issubclass(driver, Guarded):
            assert not math.isfinite(as_reading(text, driver.invalid_words)), name
            checked += 1
    assert checked >= 10
    with pytest.raises(ValueError, match="no whole number"):
        whole(text)


def test_large_readings_are_readings():
    for text in ("9.7e37", "-1e30", "+1.234500E+05", " 3 ", "-0.0"):
        assert as_reading(text) == float(text)


def test_a_count_that_is_no_number_is_an_error_not_a_huge_count():
    with expected_protocol(SR830, [("HARM?", "9.91E37")], retries=0) as lockin, pytest.raises(ReplyError):
        _ = lockin.harmonic


@pytest.mark.parametrize(
    "text", ["1_0", "1_0.5", "1e1_0", "\u0663", "\uff11\uff12", "0x10", "1,5", "1 0", "", "+", "1e"]
)
def test_what_python_alone_takes_for_a_number_is_none(text):
    for read in (decimal, whole, as_reading, as_boolean):
        with pytest.raises(ValueError, match=r"is no( whole)? number"):
            read(text)


@pytest.mark.parametrize(
    ("text", "number"), [("+1.50000E+03", 1500.0), (" -.5\r", -0.5), ("3.", 3.0), ("007", 7.0), ("2e0", 2.0)]
)
def test_numbers_are_read_as_instruments_write_them(text, number):
    assert decimal(text) == as_reading(text) == number
