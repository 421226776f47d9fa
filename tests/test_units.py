import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from labspin import units
from labspin.errors import UnitError
from labspin.units import (
    canonical,
    conversion_factor,
    format_quantity,
    parse_quantity,
    shown_in,
    si_unit,
    typeset,
)


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("100 G", "T", 0.01),
        ("100 mG", "T", 1e-5),
        ("100 \u00b5G", "T", 1e-8),  # the micro sign
        ("100 \u03bcG", "T", 1e-8),  # the Greek letter
        ("100 nG", "T", 1e-11),
        ("100 milligauss", "T", 1e-5),
        ("1 kilogauss/A", "T/A", 0.1),
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
    assert parse_quantity("\N{MINUS SIGN}5 G", "T") == -5e-4


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
        ("0,5 s", "s", "wanted a decimal point and no commas"),
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


# SI brochure (9th edition, BIPM 2019), and 1 G = 1e-4 T; written here once more.
TABLE = {
    "s": ("s", 1.0), "ms": ("s", 1e-3), "us": ("s", 1e-6), "µs": ("s", 1e-6), "ns": ("s", 1e-9),
    "ps": ("s", 1e-12), "min": ("s", 60.0), "h": ("s", 3600.0), "hour": ("s", 3600.0), "d": ("s", 86400.0),
    "day": ("s", 86400.0),
    "Hz": ("Hz", 1.0), "mHz": ("Hz", 1e-3), "kHz": ("Hz", 1e3), "MHz": ("Hz", 1e6), "GHz": ("Hz", 1e9),
    "THz": ("Hz", 1e12), "1/s": ("Hz", 1.0), "1/ms": ("1/s", 1e3), "1/us": ("1/s", 1e6),
    "T": ("T", 1.0), "mT": ("T", 1e-3), "uT": ("T", 1e-6), "µT": ("T", 1e-6), "nT": ("T", 1e-9),
    "G": ("T", 1e-4), "mG": ("T", 1e-7), "kG": ("T", 0.1), "gauss": ("T", 1e-4), "kgauss": ("T", 0.1),
    "A": ("A", 1.0), "mA": ("A", 1e-3), "uA": ("A", 1e-6), "nA": ("A", 1e-9), "A/s": ("A/s", 1.0),
    "mA/s": ("A/s", 1e-3), "A/min": ("A/s", 1 / 60),
    "V": ("V", 1.0), "mV": ("V", 1e-3), "uV": ("V", 1e-6), "µV": ("V", 1e-6), "nV": ("V", 1e-9),
    "kV": ("V", 1e3),
    "W": ("W", 1.0), "mW": ("W", 1e-3), "uW": ("W", 1e-6), "µW": ("W", 1e-6), "nW": ("W", 1e-9),
    "K": ("K", 1.0), "mK": ("K", 1e-3), "uK": ("K", 1e-6), "K/min": ("K/s", 1 / 60),
    "delta_degC": ("K", 1.0), "delta_degF": ("K", 5 / 9),
    "m": ("m", 1.0), "cm": ("m", 1e-2), "mm": ("m", 1e-3), "um": ("m", 1e-6), "µm": ("m", 1e-6),
    "um/s": ("m/s", 1e-6),
    "nm": ("m", 1e-9), "pm": ("m", 1e-12), "angstrom": ("m", 1e-10),
    "N": ("N", 1.0), "aN": ("N", 1e-18), "fN": ("N", 1e-15), "N/m": ("N/m", 1.0), "uN/m": ("N/m", 1e-6),
    "mN/m": ("N/m", 1e-3), "N*m": ("N*m", 1.0),
    "rad": ("rad", 1.0), "mrad": ("rad", 1e-3), "urad": ("rad", 1e-6), "deg": ("rad", math.pi / 180),
    "rad/s": ("rad/s", 1.0), "rpm": ("rad/s", 2 * math.pi / 60), "turn": ("rad", 2 * math.pi),
    "ohm": ("ohm", 1.0), "kohm": ("ohm", 1e3), "Mohm": ("ohm", 1e6),
    "%": ("1", 1e-2), "percent": ("1", 1e-2), "ppm": ("1", 1e-6),
    "G/A": ("T/A", 1e-4), "mT/A": ("T/A", 1e-3), "T/V": ("T/V", 1.0), "1/nm^2": ("1/m^2", 1e18),
    "A*m**2": ("A m^2", 1.0), "A/m": ("A/m", 1.0),
    "pg": ("kg", 1e-15), "g": ("kg", 1e-3), "D": None, "dBm": None, "dB": None, "md": None,
}  # fmt: skip
"""What a person may write, and what it is in SI; None: levels, and bad examples of the pages."""


@pytest.mark.parametrize("unit", [unit for unit, value in TABLE.items() if value])
def test_units_are_what_the_si_brochure_says(unit):
    to, factor = TABLE[unit]
    assert conversion_factor(unit, to) == pytest.approx(factor, rel=1e-12, abs=0)
    assert parse_quantity(f"3 {unit}", to) == pytest.approx(3 * factor, rel=1e-12, abs=0)


def test_every_unit_on_the_pages_and_in_the_files_is_in_the_table():
    quoted = re.compile(r'"[-+]?[\d.]+(?:e[-+]?\d+)? ([^"\\{}\s]+)"')
    root = Path(__file__).parents[1]
    files = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("**/procedures/*.toml")]
    files += [*root.glob("**/instruments/*.toml"), *root.glob("**/analysis/*.toml")]
    assert len(files) > 20
    for path in files:
        text = re.sub(r"^label *=.*$", "", path.read_text(), flags=re.MULTILINE)  # words, not quantities
        for unit in quoted.findall(text):  # may be none: a page without quantities
            unit = unit.removeprefix("[").removesuffix("]")  # as expressions of recipes have it
            assert unit in TABLE, f"{path}: {unit!r} is not in the table of units"


@pytest.mark.parametrize("unit", ["degC", "degF", "°C", "celsius"])
@pytest.mark.parametrize(("value", "to"), [("30", "K"), ("1", "mK")])
def test_a_temperature_with_a_zero_of_its_own_is_refused(value, to, unit):
    with pytest.raises(UnitError, match=r"zero of its own.*write kelvin \(0 degC is 273.15 K"):
        parse_quantity(f"{value} {unit}", to, name="maximum")
    with pytest.raises(UnitError, match="zero of its own"):
        parse_quantity(f"{value} {to}", unit)
    assert canonical(unit) == unit
    assert parse_quantity(f"{value} {unit}", unit) == float(value)


@pytest.mark.parametrize("unit", [u for u in units._EVERYDAY if u != "1"])
def test_the_unit_in_which_an_everyday_one_is_kept_is_that_of_pint(unit):
    kept = si_unit(f"2 {unit}")
    registry = units._registry()
    written = units._GAUSS.sub(units._tesla_gauss, unit)
    assert registry(written).is_compatible_with(registry(kept))
    assert kept in units._NAMED


@pytest.mark.parametrize(
    ("text", "to", "hint"),
    [
        ("60 rpm", "Hz", "1 rpm is 0.0166667 Hz"),
        ("6.28 rad/s", "Hz", "1 rad/s is 0.159155 Hz"),
        ("1 krad/s", "1/s", "1 krad/s is 159.155 Hz"),
        ("360 deg/s", "kHz", "1 deg/s is 0.00277778 Hz"),
        ("1 turn/s", "Hz", "1 turn/s is 1 Hz"),
        ("1 Hz", "rad/s", "1 Hz is 6.28319 rad/s"),
        ("1 kHz", "rpm", "1 kHz is 6283.19 rad/s"),
        ("90 deg", "1", "2π for every turn"),
        ("1 N*m/rad", "N*m", "2π for every turn"),
    ],
)
def test_an_angle_is_not_taken_for_a_number(text, to, hint):
    with pytest.raises(UnitError, match="only one of them counts an angle") as caught:
        parse_quantity(text, to)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["1 9**9**9 s", "1 9**9**9**9", "1 s**9**9", "1 s**999999999", "1 (9**9)**9 s", "1 s**(9**9)",
     "1 10**300 s", "1 " + "s*" * 5000 + "s", "1" + " " * 50_000 + "x", "1 " + "(" * 60 + "s", "1 s^9^9^9",
     "1 ** s"],
)  # fmt: skip
def test_a_quantity_that_is_a_computation_is_refused_at_once(text):
    begun = time.process_time()
    with pytest.raises(UnitError):
        parse_quantity(text, "s")
    with pytest.raises(UnitError):
        si_unit(text)
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("2 A/s", "A/s", 2.0), ("3 1/s", "Hz", 3.0), ("4 m**2", "m^2", 4.0),
     ("5 V/Hz**0.5", "V/Hz**(1/2)", 5.0),
     ("6 rad/(s T)", "rad/s/T", 6.0), ("7 N m", "N*m", 7.0), ("8 W/m^2", "W/m**2", 8.0),
     ("9 s**-1", "1/s", 9.0)],
)  # fmt: skip
def test_units_may_be_products_and_short_powers(text, unit, value):
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-12, abs=0)


LIKED = {"field": "G", "frequency": "MHz", "temperature": "mK"}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1e-3, "T", "10 G"),
        (-1e-3, "T", "-10 G"),
        (2.87e9, "Hz", "2870 MHz"),
        (2.87, "GHz", "2870 MHz"),
        (0.0, "T", "0 G"),
        (0.3, "K", "300 mK"),
        (5.0, "Hz", "5 Hz"),  # not 5e-06 MHz
        (2.9e3, "Hz", "2.9 kHz"),  # not 0.0029 MHz
        (1.1e-6, "T", "0.011 G"),
        (1e-12, "T", "1 pT"),
        (1e5, "1/s", "100 1/ms"),  # counts are no frequency
        (2.5, "T/s", "2.5 T/s"),
        (3.0, "dBm", "3 dBm"),
        (0.5, "1", "0.5"),
        (1e-3, "s", "1 ms"),
        (math.inf, "T", "inf T"),
    ],
)
def test_a_laboratory_reads_its_own_units(value, unit, text):
    assert format_quantity(value, unit, units=LIKED) == text


@pytest.mark.parametrize("value", [1.23456789e-3, 1.6e-3, 0.3, 7e-5])
def test_what_is_shown_in_a_chosen_unit_reads_back(value):
    text = format_quantity(value, "T", digits=12, units=LIKED)
    assert text.endswith(" G")
    assert parse_quantity(text, "T") == pytest.approx(value, rel=1e-11, abs=0)
    divisor, name = shown_in(value, "T", LIKED)
    assert parse_quantity(f"{value / divisor!r} {name}", "T") == pytest.approx(value, rel=1e-12, abs=0)


@pytest.mark.parametrize("unit", units._EVERYDAY)
def test_everyday_units_are_what_pint_says(unit):
    """Those that are converted without pint, alone and in a ratio."""
    factor, base = units._EVERYDAY[unit]
    by_pint = units._registry().Quantity(1.0, unit).m_as(base)
    assert factor == pytest.approx(by_pint, rel=1e-15, abs=0)
    assert units.conversion_factor(unit, base) == factor
    assert units.conversion_factor(f"{unit}/A", f"({base})/(A)") == factor
    assert units.canonical(unit) == unit


@pytest.mark.parametrize(
    "unit", ["s/", "/s", "s//s", "s/s/s", "(s", "s)", "nms", "MK s", "dHz", "krad", "ks1", "", "1/1/1"]
)
def test_what_is_no_everyday_unit_is_left_to_pint(unit):
    found = units._everyday_ratio(unit)
    assert found is None or (unit == "" and found == (1.0, ("1",)))


@pytest.mark.parametrize("text", ["3 Np", "2 octave", "1 decade", "3 decibel", "2 neper"])
def test_a_logarithm_is_no_number(text):
    """3 Np are a factor of e³, and two octaves one of 4, not twice that of one."""
    with pytest.raises(UnitError, match="is a logarithm, of which twice as much is not twice the value"):
        parse_quantity(text, "1")


@pytest.mark.parametrize("text", ["3 dB/m", "1 Np/m"])
def test_a_logarithm_a_length_is_refused_in_words(text):
    with pytest.raises(UnitError, match="is a logarithm"):
        parse_quantity(text, "1/m")


@pytest.mark.parametrize(("text", "unit"), [("1e400 K", "K"), ("-1e999 T", "T"), ("1e308 km", "m")])
def test_a_number_too_large_is_not_taken_for_no_limit(text, unit):
    """``maximum = "1e400 K"`` would be an interlock that never trips; who wants none writes ``inf``."""
    with pytest.raises(UnitError, match="wanted a number that a computer can hold"):
        parse_quantity(text, unit)
    assert parse_quantity(f"inf {unit}", unit) == math.inf


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(1.39982 ± 0.00030)e+17 1/m**2", "(1.39982 ± 0.00030)·10¹⁷ m⁻²"), ("5e-07 T**2", "5·10⁻⁷ T²"),
        ("1.60 ± 0.02 ms", "1.60 ± 0.02 ms"), ("3 1/s", "3 1/s"), ("level 3", "level 3"),
        ("(2.79 ± 0.42)e+12 Hz*m/N", "(2.79 ± 0.42)·10¹² Hz m/N"),
    ],
)  # fmt: skip
def test_values_are_written_as_they_are_printed(text, printed):
    assert typeset(text) == printed


@pytest.mark.parametrize(
    ("value", "unit", "hint"),
    [
        ("17 g", "T", "did you mean '17 G'?"), ("17 mt", "T", "did you mean '17 mT' or '17 MT'?"),
        ("2.6 ghz", "Hz", "did you mean '2.6 GHz'?"), ("2 KHZ", "Hz", "did you mean '2 kHz'?"),
        ("10 dbm", "dBm", "did you mean '10 dBm'?"), ("4 US", "s", "did you mean '4 us'?"),
        ("4 parsecs", "s", "write it in 's'"),
    ],
)  # fmt: skip
def test_a_unit_in_wrong_case_is_recognised(value, unit, hint):
    with pytest.raises(UnitError, match=re.escape(hint)):
        parse_quantity(value, unit)


@pytest.mark.parametrize(("unit", "to"), [("MHz", "T"), ("furlong", "s"), ("V**2", "V"), ("3", "x")])
def test_a_unit_of_another_dimension_is_refused_in_words(unit, to):
    with pytest.raises(UnitError) as refused:
        conversion_factor(unit, to)
    assert "[" not in str(refused.value)  # no dimensions as pint prints them


def test_the_unit_of_a_quantity_in_degrees_celsius_is_refused_with_the_reason():
    for text in ("22 degC", "22 °C"):
        with pytest.raises(UnitError, match=r"has a zero of its own.*write kelvin"):
            si_unit(text)
