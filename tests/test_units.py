import math

import pytest
from hypothesis import example, given, strategies as st

from labspin.errors import UnitError
from labspin.units import canonical, conversion_factor, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("100 G", "T", 0.01),
        ("100 mG", "T", 1e-5),
        ("1 kgauss", "T", 0.1),
        ("2.87 GHz", "Hz", 2.87e9),
        ("10 us", "s", 1e-5),
        ("10 µs", "s", 1e-5),
        ("-10 dBm", "dBm", -10.0),
        ("50 G/A", "T/A", 5e-3),
        ("70 uN/m", "N/m", 7e-5),
        ("0.14 1/nm^2", "1/m^2", 1.4e17),
        ("1e-3s", "s", 1e-3),
        ("7", "1", 7.0),
        (7, "1", 7.0),
    ],
)
def test_a_quantity_is_read_in_the_unit_wanted(text, unit, number):
    assert parse_quantity(text, unit) == pytest.approx(number, rel=1e-12, abs=0)


def test_ten_microseconds_are_exactly_ten_microseconds():
    assert parse_quantity("10 us", "s") == 1e-5
    assert parse_quantity("17.3 G", "T") == 17.3e-4


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [
        ("5", "s", "has no unit"),
        (5, "s", "has no unit"),
        ("5 s", "T", "wanted a quantity in 'T', got '5 s'"),
        ("5 parsecks", "m", "wanted a quantity in 'm'"),
        ("five s", "s", "wanted a number with a unit"),
        (True, "s", "wanted text with a unit"),
        (None, "s", "wanted text with a unit"),
        ("3 dB", "W", "wanted a quantity in 'W'"),
        ("3 mW", "dBm", "wanted a quantity in 'dBm'"),
        ("__import__('os') s", "s", "wanted a number"),
    ],
)
def test_a_wrong_quantity_is_refused_by_name(value, unit, message):
    with pytest.raises(UnitError, match="dark time: ") as caught:
        parse_quantity(value, unit, name="dark time")
    assert message in str(caught.value)


def test_unknown_units_are_refused():
    with pytest.raises(UnitError):
        canonical("furlonk")
    with pytest.raises(UnitError, match="cannot be converted"):
        conversion_factor("s", "T")


@given(st.floats(1e-14, 1e13), st.sampled_from(["s", "Hz", "T", "A", "N/m"]))
def test_formatted_quantities_read_back(value, unit):
    text = format_quantity(value, unit, digits=12)
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-10, abs=0)


def test_values_that_have_no_prefix_are_written_plainly():
    assert format_quantity(0.8, "1") == "0.8"
    assert format_quantity(math.nan, "s") == "nan s"
    assert format_quantity(0.0, "T") == "0 T"
    assert format_quantity(1.61e-3, "s") == "1.61 ms"


@given(
    value=st.floats(1e-15, 9.9e14) | st.floats(-9.9e14, -1e-15),
    unit=st.sampled_from(["s", "Hz", "T", "N/m", "K"]),
    digits=st.integers(2, 15),
)
@example(value=999.96e-6, unit="s", digits=4)
@example(value=9.9999e-4, unit="s", digits=3)
@example(value=123e-6, unit="s", digits=2)
def test_a_quantity_is_written_with_a_prefix_and_read_back(value, unit, digits):
    text = format_quantity(value, unit, digits=digits)
    number = text.split(" ", 1)[0]
    assert "e" not in number
    assert 1 <= abs(float(number)) < 1000
    assert len(number.strip("-").replace(".", "").rstrip("0")) <= digits
    assert parse_quantity(text, unit) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits) + 1e-14, abs=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.96e-6, "1 ms"), (1e-3, "1 ms"), (999.94e-6, "999.9 µs"), (0.0, "0 s"), (2e-18, "0.002 fs")],
)
def test_a_quantity_that_rounds_up_takes_the_next_prefix(value, text):
    assert format_quantity(value, "s") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (606.0, "606 1/s"),
        (9999.0, "9999 1/s"),
        (12346.0, "12.35 1/ms"),
        (4.619e6, "4.619 1/µs"),
        (0.5, "0.5 1/s"),
    ],
)
def test_a_rate_is_written_per_time_that_reads_well(value, text):
    assert format_quantity(value, "1/s") == text
    assert parse_quantity(text, "1/s") == pytest.approx(value, rel=1e-3, abs=0)
