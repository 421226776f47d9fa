"""Units at the edges: text such as ``"100 G"`` or ``"2.87 GHz"`` to plain numbers and back.

Inside labspin every number is SI. Units are read where a person writes them (station files, run cards,
command lines) and written where a person reads them (plots, tables, file attributes). Magnetic field is
accepted in gauss as well as tesla; power levels (``dBm``, ``dB``) convert to nothing else. Temperatures with
a zero of their own (``degC``) convert to nothing else either: 30 degC is 303.15 K as a temperature and 30 K
as a difference, and only the writer knows which is meant. Nor do logarithms (``Np``, ``octave``). What counts
an angle (``rpm``, ``rad/s``) is no frequency in hertz: between them is a factor of 2π.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from labspin.errors import UnitError
from labspin.imports import import_lightly

if TYPE_CHECKING:
    import pint

__all__ = [
    "DIMENSIONS", "canonical", "conversion_factor", "format_quantity", "parse_quantity", "prefixed",
    "shown_in", "si_unit", "typeset",
]  # fmt: skip

DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "field": "T", "frequency": "Hz", "time": "s", "current": "A", "voltage": "V", "power": "W",
        "temperature": "K", "length": "m", "force": "N", "angle": "rad", "rate": "1/s",
    }
)  # fmt: skip
"""What a laboratory may choose a unit for, and the unit that labspin keeps it in."""

_LEVELS = frozenset({"dBm", "dB"})
_NUMBER = re.compile(r"\s*+([+-]?(?:\d++\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf)\s*(.*?)\s*$")
_COMMA = re.compile(r",\s*\d")
_UNIT_TOKEN = re.compile(
    r"\s*(?:(?P<power>(?:\*\*|\^)\s*\(?\s*[+-]?\d{1,2}(?:\.\d{1,3}|/\d{1,2})?(?:\s*\))?)"
    r"|(?P<name>[^\W\d]\w*)|1(?![\w.])|[*/·()°%√²³⁴⁻¹Ω])"
)
"""A piece of a unit: numbers stand in short powers only, and as the 1 of ``1/s``."""
_LONGEST = 120  # characters of a quantity, and of a unit
_GAUSS = re.compile(r"\b(?:(micro|milli|kilo|[numk\u00b5\u03bc]?)gauss|([numk\u00b5\u03bc]?)G)\b")
_MICRO = ("u", "\u00b5", "\u03bc")  # the letter, the micro sign and the Greek letter
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_NAMED = ("s", "Hz", "T", "A", "V", "W", "K", "m", "N", "rad", "ohm", "1")
_PREFIXABLE = frozenset({"s", "Hz", "T", "A", "V", "W", "m", "N", "N/m", "K", "ohm", "N m", "g"})
_RATES = ((1e9, 9, "1/ns"), (1e6, 6, "1/µs"), (1e4, 3, "1/ms"), (0.0, 0, "1/s"))
"""From which rate on which unit reads well, and its power of ten; "k1/s" would not."""


def _everyday() -> Iterator[tuple[str, tuple[float, str]]]:
    prefixes = {**{name: power for power, name in _PREFIXES.items()}, "c": -2, "u": -6, "\u03bc": -6}
    for base in _NAMED:
        for prefix, power in prefixes.items() if base in _PREFIXABLE else [("", 0)]:
            yield f"{prefix}{base}", (float(f"1e{power}"), base)
    for prefix in ("", "m", "k", "n", *_MICRO):  # as `_GAUSS` has it
        yield f"{prefix}G", (float(f"1e{prefixes[prefix] - 4}"), "T")
    yield "deg", (math.pi / 180, "rad")


_EVERYDAY: Mapping[str, tuple[float, str]] = MappingProxyType(dict(_everyday()))
"""What laboratories write most, and how much it is of its base unit; pint takes 0.2 s to begin."""


def _everyday_ratio(unit: str) -> tuple[float, tuple[str, ...]] | None:
    """Return factor and base units of ``"ms"`` or ``"mT/A"``; None for what only pint can tell."""
    parts = [part[1:-1] if part[:1] + part[-1:] == "()" else part for part in (unit or "1").split("/")]
    if len(parts) > 2 or any(part not in _EVERYDAY for part in parts):
        return None
    (factor, base), *below = (_EVERYDAY[part] for part in parts)
    return (factor / below[0][0], (base, below[0][1])) if below else (factor, (base,))


def _are_apart(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two of `_NAMED` are of different dimension for certain; of angles pint has to tell."""
    return len(one) == len(other) == 1 and "rad" not in one + other


@functools.cache
def _registry() -> pint.UnitRegistry[float]:
    loaded = import_lightly("pint")
    # pint's own gauss belongs to the CGS system and has another dimension than tesla.
    registry: pint.UnitRegistry[float] = loaded.UnitRegistry(
        preprocessors=[lambda text: _GAUSS.sub(_tesla_gauss, text)]
    )
    registry.define("field_gauss = 1e-4 tesla")
    return registry


def _tesla_gauss(match: re.Match[str]) -> str:
    prefix = match[1] or match[2] or ""
    return {"m": "milli", "k": "kilo", "n": "nano"}.get(prefix, "micro" if prefix in _MICRO else prefix) + (
        "field_gauss"
    )


@functools.lru_cache(maxsize=512)
def conversion_factor(unit: str, to: str) -> float:
    """Return the number by which a value in ``unit`` is multiplied to be in ``to``.

    Parameters
    ----------
    unit, to
        Unit names such as ``"us"``, ``"GHz"``, ``"G"``, ``"A/s"``; ``""`` and ``"1"`` are dimensionless.

    Raises
    ------
    UnitError
        A unit is unknown, or the two are of different dimension, or one has a zero of its own (degC), or only
        one counts an angle (rpm, rad/s).
    """
    if unit == to:
        return 1.0
    one_way, other_way = _everyday_ratio(unit), _everyday_ratio(to)
    if one_way is not None and other_way is not None and one_way[1] == other_way[1]:
        return one_way[0] / other_way[0]
    if one_way is not None and other_way is not None and _are_apart(one_way[1], other_way[1]):
        raise UnitError(f"unit {unit!r} cannot be converted to {to!r}; write the value in {to!r}")
    if unit in _LEVELS or to in _LEVELS:
        raise UnitError(f"unit {unit!r} cannot be converted to {to!r}; write the value in {to!r}")
    one, other = _unit(unit, to), _unit(to, unit)
    _refuse_own_zero(unit, one, to, other)
    _refuse_angle(unit, one, to, other)
    if one.dimensionality != other.dimensionality:
        raise UnitError(f"unit {unit!r} cannot be converted to {to!r}; write the value in {to!r}")
    try:
        return float(one.m_as(other.units))
    except Exception as error:  # pint raises a family of unrelated types
        raise UnitError(f"unit {unit!r} cannot be converted to {to!r}: {error}") from error


def _unit(unit: str, other: str) -> pint.Quantity[float]:
    """Return one ``unit`` as pint has it."""
    _check_form(unit)
    try:
        return _registry().Quantity(1.0, unit or "1")
    except Exception as error:  # pint raises a family of unrelated types, tokenizer errors among them
        raise UnitError(f"unit {unit!r} cannot be converted to {other!r}: {error}") from error


def _check_form(unit: str) -> None:
    """Refuse what no unit looks like: pint computes, and ``9**9**9`` would keep it busy for ever."""
    place, was_power = 0, True  # a unit does not begin with a power
    text = unit.rstrip()
    while place < len(text) <= _LONGEST:
        token = _UNIT_TOKEN.match(text, place)
        is_power = token is not None and token["power"] is not None
        if token is None or (is_power and was_power):
            break
        place, was_power = token.end(), is_power
    if place < len(text):
        raise UnitError(
            f"unit {unit[:_LONGEST]!r} is none; write one such as 's', 'A/s' or 'm**2', without other numbers"
        )


def _refuse_own_zero(unit: str, one: pint.Quantity[float], to: str, other: pint.Quantity[float]) -> None:
    """Refuse scales of temperature whose zero is not that of the kelvin."""
    for name, quantity in ((unit, one), (to, other)):
        if any(_has_own_zero(part) for part, _ in quantity.unit_items()):
            raise UnitError(
                f"unit {unit!r} cannot be converted to {to!r}: {name!r} has a zero of its own, so that a "
                "temperature and a difference of temperatures convert differently; write kelvin "
                "(0 degC is 273.15 K; a difference of 1 degC is 1 K)"
            )
        if any(_is_logarithm(part) for part, _ in quantity.unit_items()):
            raise UnitError(
                f"unit {unit!r} cannot be converted to {to!r}: {name!r} is a logarithm, of which "
                f"twice as much is not twice the value; write the value itself in {to!r}"
            )


@functools.cache
def _is_logarithm(name: str) -> bool:
    quantity = _registry().Quantity
    try:
        three, one = (quantity(size, name).to_root_units().magnitude for size in (3.0, 1.0))
    except Exception:  # noqa: BLE001 - pint has no difference of decibels
        return True
    return not math.isclose(three, 3 * one, rel_tol=1e-9, abs_tol=0)  # twice an octave happens to be right


@functools.cache
def _has_own_zero(name: str) -> bool:
    kelvin = _registry().Quantity
    try:
        two, one = kelvin(2.0, name).m_as("K"), kelvin(1.0, name).m_as("K")
    except Exception:  # noqa: BLE001 - no temperature
        return False
    return bool(two != 2 * one)


def _refuse_angle(unit: str, one: pint.Quantity[float], to: str, other: pint.Quantity[float]) -> None:
    """Refuse to take an angle for a number: pint would, and rad/s for Hz is wrong by 2π."""
    angles = [_power_of_radian(quantity) for quantity in (one, other)]
    if angles[0] == angles[1]:
        return
    turns = one.m_as("1/s") / math.tau if angles == [1, 0] and one.is_compatible_with("Hz") else None
    hint = "between them stand 2π for every turn"
    if turns is not None:
        hint = f"for turns, 1 {unit} is {turns:.6g} Hz"
    elif angles == [0, 1] and one.is_compatible_with("Hz"):
        hint = f"for turns, 1 {unit} is {one.m_as('Hz') * math.tau:.6g} rad/s"
    raise UnitError(f"unit {unit!r} cannot be converted to {to!r}: only one of them counts an angle; {hint}")


def _power_of_radian(quantity: pint.Quantity[float]) -> int:
    power = dict(quantity.to_root_units().unit_items()).get("radian", 0)
    return int(power) if isinstance(power, (int, float)) else 0


def canonical(unit: str) -> str:
    """Return a known unit unchanged, but ``"1"`` for ``""``.

    Parameters
    ----------
    unit
        Symbol of a unit; ``""`` for a pure number.

    Raises
    ------
    UnitError
        The unit is unknown.
    """
    if unit in _LEVELS:
        return unit
    if _everyday_ratio(unit) is None:
        _base(unit or "1")
    return unit or "1"


@functools.lru_cache(maxsize=512)
def _base(unit: str) -> str:
    _check_form(unit)
    try:
        return str(_registry().Quantity(1.0, unit).to_base_units().units)
    except Exception as error:
        raise UnitError(f"unit {unit!r} is not known; write an SI unit such as 's', 'Hz', 'T'") from error


def parse_quantity(value: object, unit: str, *, name: str = "") -> float:
    """Return ``value`` as a number in ``unit``.

    Parameters
    ----------
    value
        Text with a unit (``"10 us"``; a typeset minus is one, too), or a number, which is taken to be in
        ``unit`` only where ``unit`` is dimensionless: elsewhere a bare number leaves the unit to be guessed.
    unit
        The unit wanted.
    name
        What the error begins with; empty: with the fault.

    Raises
    ------
    UnitError
        No number, no unit where one is needed, or one of the wrong dimension.
    """
    dimensionless = unit in ("", "1")
    name = f"{name}: " if name else ""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnitError(f"{name}wanted text with a unit such as '1 {unit}', got {value!r}")
    if not isinstance(value, str):
        if not dimensionless:
            raise UnitError(f'{name}{value!r} has no unit; write for example "{value} {unit}"')
        return float(value)
    match = _match(value)
    if match is None:
        value = value if len(value) <= _LONGEST else f"{value[:20]}…"
        raise UnitError(f"{name}wanted a number with a unit such as '1 {unit}', got {value!r}")
    number, found = float(match[1]), match[2]
    if _COMMA.match(found):
        raise UnitError(f"{name}wanted a decimal point and no commas in a number, got {value!r}")
    if not found and not dimensionless:
        raise UnitError(f'{name}{value!r} has no unit; write for example "{value} {unit}"')
    try:
        factor = conversion_factor(found or "1", unit or "1")
    except UnitError as error:
        raise UnitError(
            f"{name}wanted a quantity in {unit!r}, got {value!r}; {_remedy(error, unit, match[1], found)}"
        ) from error
    inverse = 1.0 / factor
    # The division lets "10 us" be 1e-5 and not its neighbour.
    whole = abs(inverse - round(inverse)) < 1e-9 * inverse
    result = number / round(inverse) if whole else number * factor
    if math.isinf(result) and "inf" not in match[1]:
        raise UnitError(f"{name}wanted a number that a computer can hold, got {value!r}; or write 'inf'")
    return result


def _match(text: str) -> re.Match[str] | None:
    """Return the number and the unit in a text; None if there is no number, or the text is far too long."""
    return _NUMBER.match(text.replace("\N{MINUS SIGN}", "-")) if len(text) <= _LONGEST else None


def _remedy(error: UnitError, unit: str, number: str, found: str) -> str:
    """Return what to do about a unit that cannot be converted."""
    meant = []
    for other in _other_cases(found):
        with contextlib.suppress(UnitError):  # not that one
            conversion_factor(other, unit)
            meant.append(f"'{number} {other}'")
    if meant:  # two at most: 17 mT or 17 MT
        return f"did you mean {' or '.join(meant[:2])}?"
    _, has_reason, reason = str(error).partition("': ")
    known = has_reason and any(
        why in reason for why in ("zero of its own", "counts an angle", "is a logarithm")
    )
    return reason if known else f"write it in {unit!r}"


def _other_cases(unit: str) -> list[str]:
    """Return a unit in other upper and lower case, first what differs in the last letters: mT before MT."""
    if not 0 < len(unit) <= _LONGEST_CASED:
        return []
    choices = itertools.product(*((letter, letter.swapcase()) for letter in unit))
    found = {"".join(letters) for letters in choices} - {unit}
    kept = [[new == old for new, old in zip(one, unit, strict=True)] for one in found]
    ranked = sorted(zip(kept, found, strict=True), key=lambda pair: (-sum(pair[0]), [not k for k in pair[0]]))
    return [one for _, one in ranked]


_LONGEST_CASED = 5
"""Letters of a unit whose case is tried: mW, MHz, dBm, gauss."""


def typeset(text: str) -> str:
    """Return a value with its unit as it is printed: 10¹⁷ m⁻² for e+17 1/m**2, Hz m/N for Hz*m/N.

    Parameters
    ----------
    text
        Such as ``"(1.39982 ± 0.00030)e+17 1/m**2"``.
    """
    text = re.sub(r"(?<=[\d)])e([+-])0*(\d+)", lambda m: f"·10{_raised(m[1].strip('+') + m[2])}", text)
    text = re.sub(r" 1/(\w+)\*\*(\d)$", lambda m: f" {m[1]}{_raised('-' + m[2])}", text)
    text = re.sub(r"\*\*(\d)", lambda m: _raised(m[1]), text)
    return re.sub(r"(?<=[^\W\d])\*(?=[^\W\d])", " ", text)


def _raised(digits: str) -> str:
    return digits.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def si_unit(text: str) -> str:
    """Return the unit in which labspin keeps a quantity such as ``"10 G"`` (``"T"``): SI, or dBm.

    Parameters
    ----------
    text
        A number with a unit, or a pure number.

    Raises
    ------
    UnitError
        The text is no quantity, or its unit is none of those that labspin names (write it in SI then).
    """
    match = _match(text)
    found = match[2] if match else ""
    if match is None:
        raise UnitError(f"wanted a number with a unit such as '1 ms', got {text!r}")
    if found in _LEVELS or not found:
        return found or "1"
    everyday = _everyday_ratio(found)
    if everyday is not None and len(everyday[1]) == 1:
        return everyday[1][0]
    for unit in _NAMED:
        try:
            conversion_factor(found, unit)
        except UnitError as error:  # of another dimension: the next one may be it
            if "zero of its own" in str(error):  # °C
                reason = str(error).partition("': ")[2]
                raise UnitError(f"{text!r}: {reason}") from None
            continue
        return unit
    raise UnitError(f"{text!r}: wanted a unit of {', '.join(_NAMED)}, got {found!r}; give 'unit' beside it")


def prefixed(value: float, unit: str, *, digits: int = 12) -> tuple[int, str]:
    """Return a power of ten n and a unit in which ``value`` reads well: it is value·10⁻ⁿ in that unit.

    Parameters
    ----------
    value
        A number in ``unit``.
    unit
        Symbol of a unit without a prefix; any unit that takes no prefix is returned unchanged.
    digits
        Significant digits to which ``value`` will be rounded: 999.96 µs with four digits is 1 ms, not 1e+03
        µs.
    """
    if value == 0 or value != value or abs(value) == float("inf"):
        return 0, unit
    rounded = f"{value:.{digits - 1}e}"
    if unit == "1/s":
        return next((power, name) for least, power, name in _RATES if abs(float(rounded)) >= least)
    if unit not in _PREFIXABLE:
        return 0, unit
    exponent = min(12, max(-15, 3 * (int(rounded.partition("e")[2]) // 3)))
    return exponent, f"{_PREFIXES[exponent]}{unit}"


@functools.lru_cache(maxsize=512)
def _wanted(unit: str, chosen: tuple[tuple[str, str], ...]) -> tuple[float, str] | None:
    """Return what one of the chosen unit is in ``unit``, and its name; None: nothing is chosen."""
    for dimension, name in chosen:
        if unit in _LEVELS or unit in ("", "1"):
            return None
        if dimension in ("frequency", "rate") and ("Hz" in unit) != (dimension == "frequency"):
            continue  # counts per second are no frequency
        try:
            conversion_factor(unit, DIMENSIONS[dimension])
        except UnitError:  # of another dimension: the next one may be it
            continue
        return conversion_factor(name, unit), name
    return None


def shown_in(
    value: float, unit: str, units: Mapping[str, str] | None = None, *, digits: int = 12
) -> tuple[float, str]:
    """Return a divisor and the name of a unit in which ``value`` reads well: it is value / divisor in it.

    Parameters
    ----------
    value
        A number in ``unit``; for an axis the greatest on it.
    unit
        Symbol of a unit without a prefix.
    units
        Dimension (of `DIMENSIONS`) -> unit in which a laboratory likes to read it. Where a value would be
        less than a hundredth of it, or more than a million, the SI prefix is taken all the same.
    digits
        Significant digits to which ``value`` will be rounded.
    """
    wanted = _wanted(unit, tuple(units.items())) if units else None
    if wanted is not None and (value == 0 or 1e-2 <= abs(value) / wanted[0] < 1e6):
        return wanted
    exponent, name = prefixed(value, unit, digits=digits)
    return 10.0**exponent, name


def format_quantity(
    value: float, unit: str, *, digits: int = 4, units: Mapping[str, str] | None = None
) -> str:
    """Return ``value`` in ``unit`` as text with an SI prefix, such as ``"1.61 ms"``.

    Parameters
    ----------
    value
        A number in ``unit``.
    unit
        Symbol of a unit without a prefix; ``""`` or ``"1"`` for a pure number.
    digits
        Significant digits.
    units
        Dimension -> unit that a laboratory likes better, as in `shown_in`.
    """
    if unit in ("", "1"):
        return f"{value:.{digits}g}"
    if units and (wanted := _wanted(unit, tuple(units.items()))) is not None:
        divisor, name = shown_in(value, unit, units)
        if (divisor, name) == wanted:
            return f"{float(f'{value / divisor:.{digits}g}'):.{max(digits, 15)}g} {name}"
    plain = unit not in _PREFIXABLE and unit != "1/s"
    if plain or value == 0 or value != value or abs(value) == float("inf"):
        return f"{value:.{digits}g} {unit}"
    exponent, name = prefixed(value, unit, digits=digits)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    shown = float(f"{mantissa}e{int(power) - exponent}")
    return f"{shown:.{max(digits, 15)}g} {name}"
