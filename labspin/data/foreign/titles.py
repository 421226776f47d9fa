"""Titles of columns: ``Frequency (Hz)``, ``f [GHz]``, ``Time_s``, ``V / mV``, and rows of units beneath them.

Only what is a unit beyond doubt is taken off a title. Spellings that programs use (``sec``, ``Volts``,
``c/s``) become those of `labspin.units`; everything else stays as the file says it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_unit", "split_title", "unit_of", "units_row"]

_BRACKETS = re.compile(r"^(.*?)\s*(?:\(([^()\[\]]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\})\s*$")
_NESTED = re.compile(r"^(.*?)\s*\((.*\([^()]*\).*)\)\s*$")  # "noise (V/sqrt(Hz))"
_SLASH = re.compile(r"^(.+?)\s+/\s+(\S+)$|^(.+?)/\s*(\([^()]+\))$")
_TAIL = re.compile(r"^(.+?)[_.]([^\W\d_]+)$")
_LONGEST = 500  # characters of a title in which a unit is looked for
_SPELLINGS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "millisecond": "ms",
    "milliseconds": "ms", "usec": "us", "µsec": "us", "microsecond": "us", "microseconds": "us",
    "nsec": "ns", "nanosecond": "ns", "nanoseconds": "ns", "minutes": "min", "hours": "h",
    "hz": "Hz", "HZ": "Hz", "hertz": "Hz", "Hertz": "Hz", "khz": "kHz", "KHz": "kHz", "KHZ": "kHz",
    "Mhz": "MHz", "MHZ": "MHz", "ghz": "GHz", "Ghz": "GHz", "GHZ": "GHz",
    "volt": "V", "volts": "V", "Volt": "V", "Volts": "V", "VOLT": "V", "VOLTS": "V", "v": "V", "Vrms": "V",
    "amp": "A", "amps": "A", "Amp": "A", "Amps": "A", "ampere": "A", "Ampere": "A", "AMP": "A",
    "watt": "W", "watts": "W", "Watt": "W", "Watts": "W", "tesla": "T", "Tesla": "T", "gauss": "G",
    "Gauss": "G", "kelvin": "K", "Kelvin": "K", "meter": "m", "meters": "m", "Meter": "m", "metre": "m",
    "DBM": "dBm", "dbm": "dBm", "DB": "dB", "db": "dB", "deg": "deg", "degree": "deg", "degrees": "deg",
    "°": "deg", "Deg": "deg", "DEG": "deg", "radians": "rad", "radian": "rad", "RAD": "rad",
    "c/s": "1/s", "cps": "1/s", "counts/s": "1/s", "cts/s": "1/s", "counts/sec": "1/s", "Counts/s": "1/s",
    "counts per second": "1/s", "count/s": "1/s", "kcps": "1/ms", "kc/s": "1/ms", "kcounts/s": "1/ms",
    "s^-1": "1/s", "s⁻¹": "1/s", "Hz^-1": "1/Hz", "ohms": "ohm", "Ohm": "ohm", "Ohms": "ohm", "Ω": "ohm",
    "arb. u.": "1", "arb.u.": "1", "arb. units": "1", "arb. unit": "1", "arbitrary units": "1", "a.u.": "1",
    "arb": "1", "arbs": "1", "au": "1", "counts": "1", "Counts": "1", "count": "1", "cts": "1", "#": "1",
    "norm.": "1", "normalized": "1", "unitless": "1", "dimensionless": "1", "ratio": "1",
    "Angstrom": "angstrom", "Å": "angstrom", "nanometer": "nm", "nanometers": "nm", "wavenumber": "1/cm",
    "cm-1": "1/cm", "cm^-1": "1/cm", "cm⁻¹": "1/cm", "pixels": "1", "pixel": "1",
    "°C": "degC", "℃": "degC", "Celsius": "degC", "celsius": "degC", "deg C": "degC", "deg.": "deg",
    "mdegrees": "mdeg", "a.u": "1", "arb u.": "1", "arb. u": "1", "percent": "%", "Percent": "%", "pct": "%",
    "Oersted": "Oe", "oersted": "Oe", "mGauss": "mG", "kGauss": "kG", "mVrms": "mV", "uVrms": "uV",
    "µVrms": "µV", "Arms": "A", "Mcps": "1/us", "Mcts/s": "1/us", "kcts/s": "1/ms", "kcount/s": "1/ms",
    "photons/s": "1/s", "Torr": "torr", "mTorr": "mtorr", "mohm": "mohm", "kΩ": "kohm", "MΩ": "Mohm",
    "GΩ": "Gohm", "mΩ": "mohm", "kOhm": "kohm", "MOhm": "Mohm", "GOhm": "Gohm", "mOhm": "mohm",
    "Nm": "N*m", "Hz^-1/2": "1/Hz**0.5", "dBuV": "dBµV",
}  # fmt: skip
_BASES = ("s", "Hz", "V", "A", "W", "T", "G", "K", "m", "N", "F", "H", "J", "Ohm", "ohm", "rad", "g", "Pa")
_PREFIXES = ("", "f", "p", "n", "u", "µ", "μ", "m", "k", "M", "G", "T", "c")
_PLAIN = frozenset(prefix + base for base in _BASES for prefix in _PREFIXES) - {"cs", "cK", "fg", "cT", "cG"}
_KNOWN = _PLAIN | {
    "dBm", "dB", "dBV", "dBc", "dBc/Hz", "dBm/Hz", "dBV/Hz", "dBµV", "dBFS", "deg", "mdeg", "%", "ppm", "ppb",
    "min", "h", "eV", "meV", "µeV", "ueV", "degC", "Oe", "kOe", "mOe", "emu", "Wb", "aN", "zN", "N*m", "S",
    "mS", "uS", "µS", "nS", "mbar", "bar", "atm", "torr", "mtorr", "psi", "l", "L", "ml", "mL", "ul", "sccm",
    "ADU", "angstrom", "inch", "Vpp", "mVpp",
}  # fmt: skip
# After an underscore or a dot, a letter may as well be a part of the name: V_G, sample_T, run_A.
_TAILS = (_PLAIN - {"T", "G", "A", "K", "N", "F", "H", "J", "W", "m", "g", "cm", "pA", "kT", "mA", "TA"}) | {
    "dBm", "deg", "mA", "nm", "um", "mm", "mT", "pA", "sec",
}  # fmt: skip
_PRODUCT = re.compile(r"[*·/ ^()²³√]|\brt\b|sqrt")


_FACTOR = re.compile(r"[+-]?\d+(\.\d+)?|.+[²³]")
_IN = re.compile(r"(|.*\s)in (\S+)")
_OF_A_UNIT = {"s": "time", "Hz": "frequency"}
"""What a column is called that says nothing but ``in s``."""


def unit_of(text: str) -> str:
    """Return a unit in the spelling of `labspin.units` where it is known, else as it is written.

    Parameters
    ----------
    text
        What a file says; ``""`` for nothing.
    """
    bare = text.strip()
    if bare.startswith("(") and bare.endswith(")") and bare.count("(") == 1:
        bare = bare[1:-1].strip()
    if bare in _SPELLINGS:
        return _SPELLINGS[bare]
    if bare.casefold() in ("a.u.", "arb. u.", "arb. units", "none", "n/a", "-"):
        return "1" if "." in bare else ""
    bare = bare.replace("μ", "µ").replace("²", "**2").replace("³", "**3")
    bare = re.sub(r"Hz\^?\{(?:1/2|0\.5)\}|Hz\^(?:0\.5|\(1/2\)|1/2)", "Hz**0.5", bare)
    bare = re.sub(r"(?:√|\bsqrt)\s*+(?:\(\s*+)?Hz(?:\s*+\))?|\brt\s?Hz\b", "Hz**0.5", bare)
    return re.sub(r"\b(?:arb\. ?u(?:nits)?\.?)", "1", bare)


def is_unit(text: str) -> bool:
    """Return whether a text is a unit beyond doubt: ``Hz``, ``Volt``, ``(mV)``, ``nm^2/Hz``.

    Parameters
    ----------
    text
        A cell of a table.
    """
    bare = text.strip().strip("()[]").strip()
    if not bare or len(bare) > 30:
        return False
    if bare in _SPELLINGS or bare in _KNOWN or unit_of(bare) in _KNOWN:
        return True
    spelled = unit_of(bare).replace("sqrt", "").replace("√", "")
    pieces = [piece for piece in re.split(r"[*·/ ^()]+", spelled) if piece]
    return bool(_PRODUCT.search(bare)) and all(
        _FACTOR.fullmatch(piece) or piece in _KNOWN or piece in _SPELLINGS for piece in pieces
    )


def split_title(title: str) -> tuple[str, str]:
    """Return the name and the unit in the title of a column.

    Parameters
    ----------
    title
        As the file has it.

    Returns
    -------
    name, unit
        The unit is empty where the title has none.
    """
    title = title.strip()
    if len(title) > _LONGEST:
        return title, ""
    if len(title) > 3 and _SPELLINGS.get(title.lower(), "1") != "1":
        return title, _SPELLINGS[title.lower()]  # a column that is called "Volt"
    match = _BRACKETS.match(title) or _NESTED.match(title)
    if match and match[1]:
        found = next((text for text in match.groups()[1:] if text), "")
        if title.endswith("]") or is_unit(found) or not _is_word(found, title):
            return match[1].rstrip("/ "), unit_of(found)
    match = _SLASH.match(title)
    if match:
        name, unit = (match[1], match[2]) if match[1] else (match[3], match[4])
        if is_unit(unit):
            return name.strip(), unit_of(unit)
    name, comma, unit = title.rpartition(",")
    if comma and name.strip() and is_unit(unit):
        return name.strip(), unit_of(unit)
    match = _IN.fullmatch(title)
    if match and is_unit(match[2]):
        unit = unit_of(match[2])
        return match[1].strip() or _OF_A_UNIT.get(unit, "x"), unit
    match = _TAIL.match(title)
    if match and match[2] in _TAILS:
        return match[1], unit_of(match[2])
    return title, ""


def _is_word(text: str, title: str) -> bool:
    """Return whether round brackets hold a remark or an argument: ``(average)``, ``Re(S21)``."""
    called = text and not title[: -len(text) - 2].endswith(" ")
    return bool(
        called or " " in text or re.fullmatch(r"[A-Za-z]{5,}|avg|fit|raw|std|re|im|mean|real|imag", text)
    )


def units_row(cells: Sequence[str]) -> list[str] | None:
    """Return the units in a row beneath the titles; None if the row is none of units.

    Parameters
    ----------
    cells
        The cells of the row.
    """
    filled = [cell for cell in cells if cell.strip()]
    if (
        not filled
        or all(cell.strip() == "C" for cell in filled)
        or not all(is_unit(cell) or cell.strip() in ("-", "1", "C", "()", "[]") for cell in filled)
    ):
        return None
    return [unit_of(cell.strip().strip("[]")) if cell.strip(" ()[]") else "" for cell in cells]
