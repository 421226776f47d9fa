"""A plot of dots in a terminal, two by four dots a character (the Braille patterns of Unicode)."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["text_plot"]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a character
_EMPTY = 0x2800


def text_plot(x: Sequence[float], y: Sequence[float], *, width: int = 60, height: int = 10) -> list[str]:
    """Return the lines of a plot of ``y`` against ``x``.

    Parameters
    ----------
    x, y
        The dots, equally many; those that are not finite are left out.
    width, height
        In characters.
    """
    dots = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if not dots:
        return []
    left, right = _ends([a for a, _ in dots])
    bottom, top = _ends([b for _, b in dots])
    cells = [[_EMPTY] * width for _ in range(height)]
    for a, b in dots:
        column = round((a - left) / (right - left) * (2 * width - 1))
        row = round((top - b) / (top - bottom) * (4 * height - 1))
        cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    labels = {0: f"{top:.4g}", height - 1: f"{bottom:.4g}"}
    lines = [f"{labels.get(row, ''):>11} {''.join(map(chr, line))}" for row, line in enumerate(cells)]
    ends = f"{left:.4g}", f"{right:.4g}"
    return [*lines, " " * 12 + ends[0] + ends[1].rjust(width - len(ends[0]))]


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) / 2 or 1.0
        return low - room, high + room
    return low, high
