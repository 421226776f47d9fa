"""How instruments say that a reading is none: words and numbers that must never be taken for a value.

SCPI has three numbers for it (SCPI-1999 volume 1, 7.2.1.4 and 7.2.1.5), far beyond any reading; makers have
words of their own, which each driver lists (`labspin.instruments.base.Guarded.invalid_words`). An overflow
becomes an infinity of its sign, which no interlock and no limit lets pass; what is no number becomes NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["INVALID_FROM", "SCPI_WORDS", "as_reading", "decimal", "is_invalid", "whole"]

INVALID_FROM = 9.8e37
"""From which magnitude on a number on the wire is no reading."""
_NOT_A_NUMBER = 9.91e37
_CLOSE = 1e-4
_DECIMAL = re.compile(r"\s*[+-]?(?:\d++\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_NO_NUMBER = re.compile(r"\s*[+-]?(?:nan|inf(?:inity)?)\s*", re.IGNORECASE)

SCPI_WORDS: Mapping[str, float] = MappingProxyType(
    {"NAN": math.nan, "INF": math.inf, "INFINITY": math.inf, "NINF": -math.inf, "-INF": -math.inf}
)
"""The words that SCPI has for the same."""


def is_invalid(number: float) -> bool:
    """Return whether ``number`` means that there is no reading: NaN, or a magnitude from `INVALID_FROM` on.

    Parameters
    ----------
    number
        A number as it came from the wire.
    """
    return not abs(number) < INVALID_FROM


def decimal(text: str) -> float:
    """Return the number in ``text`` as instruments write it: digits, a point, an exponent.

    Python's own `float` takes ``"1_0"`` for 10, and the digits of all scripts: an answer that was garbled
    could pass for a number.

    Parameters
    ----------
    text
        A part of an answer.

    Raises
    ------
    ValueError
        It is anything else.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def as_reading(text: str, words: Mapping[str, float] = SCPI_WORDS) -> float:
    """Return the number in ``text``; NaN or an infinity where it says that there is none.

    Parameters
    ----------
    text
        Part of an answer.
    words
        The instrument's words for invalid readings, in capitals.

    Returns
    -------
    float
        The reading.

    Raises
    ------
    ValueError
        It is neither a number nor such a word.
    """
    try:
        number = float(text) if _NO_NUMBER.fullmatch(text) else decimal(text)
    except ValueError:
        word = " ".join(text.upper().split())
        if word not in words:
            raise
        return words[word]
    if abs(number) < INVALID_FROM:
        return number
    if math.isnan(number) or abs(number / _NOT_A_NUMBER - 1) < _CLOSE:
        return math.nan
    return math.copysign(math.inf, number)


def whole(text: str) -> int:
    """Return the whole number in ``text``, in whatever form, such as ``+2.0E+00``.

    Parameters
    ----------
    text
        A part of an answer.

    Raises
    ------
    ValueError
        It is not a whole number, or says that there is none.
    """
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if is_invalid(number) or not number.is_integer():
        raise ValueError(f"{text!r} is no whole number")
    return int(number)
