"""Numbers in the cells of text: decimal comma, Fortran's ``D``, complex numbers, times of day.

``number`` reads one cell; ``numbers`` a whole column at once where all is plain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray

__all__ = ["MISSING", "CellError", "is_grouped", "is_number", "measured", "number", "numbers", "unpaired"]

MISSING = (
    "", "na", "n/a", "null", "none", "-", "--", "---", "nan", "-nan", "#n/a", "1.#qnan", "-1.#ind",
    "nan(ind)", "ovld", "ovrflw", "overload", "overflow", "ol", "o.l", "#div/0!", "#num!", "#value!", "#ref!",
)  # fmt: skip
"""What stands for a number that is missing, or that an instrument could not measure, in small letters."""
_SCPI = (9.9e37, 9.91e37)
"""How instruments write infinity and not a number (SCPI-99, 7.2.1)."""
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.|(?:\.\d{3})+,)\d*")
_REAL = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?"
_FORTRAN = re.compile(r"([+-]?(?:\d++(?:\.\d*+)?|\.\d++))[dD]([+-]?\d+)")
_NO_LETTER = re.compile(r"([+-]?\d*\.\d+)([+-]\d{3})")  # 1.234-105, where Fortran has no room for the E
_PLAIN = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?"
_COMPLEX = re.compile(rf"(?P<real>{_REAL}(?=[+-]))?(?P<imaginary>[+-]?(?:(?:{_PLAIN})?[ij]|[ij]{_PLAIN}))")
_PAIR = re.compile(rf"\(\s*({_REAL}|[+-]?nan|[+-]?inf)\s*,\s*({_REAL}|[+-]?nan|[+-]?inf)\s*\)", re.IGNORECASE)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?")


def number(cell: str) -> float | complex:
    """Return the number in a cell, NaN for one that is empty or says that its value is missing.

    Parameters
    ----------
    cell
        Text of the cell, its decimal point a point.

    Raises
    ------
    ValueError
        It is no number.
    """
    text = cell.strip().replace("\u2212", "-")
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass  # it may be written as Fortran does, or be a word for what is missing
    if text.lower() in MISSING:
        return math.nan
    if "_" not in text and (match := _FORTRAN.fullmatch(text)):
        return float(f"{match[1]}e{match[2]}")
    if match := _NO_LETTER.fullmatch(text):
        return float(f"{match[1]}e{match[2]}")
    if is_grouped(text):
        # With both signs in one number, the last of them is the decimal point.
        whole, point, part = text.rpartition("." if text.rfind(".") > text.rfind(",") else ",")
        return float(f"{whole.translate({44: None, 46: None})}.{part}") if point else float(text)
    if match := _PAIR.fullmatch(text):
        return complex(_real(match[1]), _real(match[2]))
    return _complex(text)


def _real(text: str) -> float:
    return float(text.replace("D", "e").replace("d", "e"))


def _complex(text: str) -> complex:
    """Return ``a+bi``, ``a + i*b``, ``(a-bj)``; "j" alone is a name."""
    bare = re.sub(r"[\s*]", "", text[1:-1] if text.startswith("(") and text.endswith(")") else text)
    match = _COMPLEX.fullmatch(bare) if len(bare) < 100 and re.search(r"\d", bare) else None
    if match is not None:
        size = match["imaginary"].replace("i", "").replace("j", "")
        return complex(_real(match["real"] or "0"), _real(f"{size}1" if size in ("", "+", "-") else size))
    if bare.endswith("j") and "nan" in bare.lower() and "_" not in bare:
        return complex(bare)
    raise ValueError(f"{text!r} is no number")


def is_grouped(cell: str) -> bool:
    """Return whether a number has its thousands parted, and a decimal point beside: ``1,234.5``, ``1.234,5``.

    Parameters
    ----------
    cell
        Text of the cell.
    """
    return bool(_GROUPED.fullmatch(cell.strip()))


def measured(values: AnyArray) -> AnyArray:
    """Return numbers with NaN for those by which an instrument says that there is none.

    Parameters
    ----------
    values
        Any shape.
    """
    if values.dtype.kind not in "fc" or not values.size:
        return values
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.isin(np.abs(values), _SCPI)
    return np.where(found, np.nan, values) if found.any() else values


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, and not nothing.

    Parameters
    ----------
    cell
        Text of the cell.
    """
    text = cell.strip()
    if not text or (text.lower() in MISSING and "nan" not in text.lower()):
        return False
    try:
        number(text)
    except ValueError:
        return False
    return True


def numbers(cells: Sequence[str], decimal_comma: bool = False) -> NDArray[np.generic]:
    """Return a column of numbers, complex where one of them is; times of day are seconds since the first.

    Parameters
    ----------
    cells
        Text of the cells.
    decimal_comma
        The comma is the decimal point.

    Returns
    -------
    values
        Shape (n,).

    Raises
    ------
    CellError
        A cell holds no number.
    """
    if decimal_comma:
        cells = [cell if is_grouped(cell) else cell.replace(",", ".") for cell in cells]
    try:
        return measured(np.array(cells, dtype=np.float64)) if "_" not in "".join(cells) else _each(cells)
    except ValueError:
        pass  # they may be times
    stamps = [cell.strip() for cell in cells]
    if stamps and all(map(_STAMP.fullmatch, stamps)):
        times = np.array([stamp.rstrip("Z") for stamp in stamps], dtype="datetime64[ns]")
        return np.asarray((times - times[0]) / np.timedelta64(1, "s"), np.float64)
    return _each(cells)


def _each(cells: Sequence[str]) -> NDArray[np.generic]:
    values: list[float | complex] = []
    for place, cell in enumerate(cells):
        try:
            values.append(number(cell))
        except ValueError:
            raise CellError(place, cell) from None
    found = any(isinstance(value, complex) for value in values)
    return measured(np.array(values, np.complex128 if found else np.float64))


class CellError(ValueError):
    """A cell of a column holds no number.

    Attributes
    ----------
    place
        Its number in the column.
    cell
        What it holds.
    """

    def __init__(self, place: int, cell: str) -> None:
        super().__init__(f"{cell!r} is no number")
        self.place, self.cell = place, cell


def unpaired(line: str) -> str:
    """Return a line in which ``(re,im)`` is written ``re+imj``, so that the comma parts columns only.

    Parameters
    ----------
    line
        A line of a table.
    """
    if "(" not in line:
        return line
    return _PAIR.sub(lambda match: f"{match[1]}{'' if match[2][0] in '+-' else '+'}{match[2]}j", line)
