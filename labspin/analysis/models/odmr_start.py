"""Which fields a whole spectrum of NV centres may come from: starts of the fit, and the doubt about it.

Dips are placed, and every field whose lines stand there is a candidate
(`labspin.physics.nv.field_from_lines`), with the zero-field splitting known and free. Each candidate is
brought to its own minimum with the whole spectrum, heights and offset in closed form, those of light not
negative. The best one is where the fit starts; a second one of about the same χ² at another field is a reason
to doubt.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray
from labspin.analysis.models.pursuit import place_dips
from labspin.errors import ArgumentError

__all__ = ["SPLITTING", "Candidate", "Search", "candidates_of", "frequencies"]

_TURN = 2 * np.pi
SPLITTING = (2.82e9, 2.885e9)
"""Zero-field splitting of NV centres from 700 K to 4 K (and a little beyond), Hz."""
ROOM = 2.8704e9
"""At room temperature, Hz."""
_REFINED = 8
_STEPS = 25
_HIDDEN = 25.0
"""Fall of χ², in units of the reduced one, that a class whose line in the window is not seen must bring."""
_FAINT = 0.1
_SAME = 0.02
"""Relative difference of two fields below which they are one."""


class Candidate(NamedTuple):
    """A field, D and a width with the heights and the offset that suit them; cost is the weighted χ²."""

    cost: float
    field: FloatArray
    splitting: float
    width: float
    heights: FloatArray
    offset: float


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Attributes
    ----------
    lines
        ``lines(x, (B_x, B_y, B_z), D, width)`` -> the eight line shapes, (8, n).
    shape
        A line of width one, by which dips are placed.
    by_class
        The two lines of a class have one height, which is that of a dip.
    max_field
        Largest |B|, T.
    """

    lines: Callable[[FloatArray, FloatArray, float, float], FloatArray]
    shape: Callable[[FloatArray], FloatArray]
    by_class: bool
    max_field: float

    def linear(
        self, x: FloatArray, y: FloatArray, w: FloatArray, B: FloatArray, D: float, width: float
    ) -> tuple[FloatArray, FloatArray, float]:
        """Return weighted residuals, heights and offset that suit one field best.

        Parameters
        ----------
        x, y, w
            The spectrum and 1/σ, shape (n,).
        B
            Field, T, shape (3,).
        D, width
            Splitting and width, Hz.
        """
        shapes = self.lines(x, B, D, width)
        if self.by_class:
            from scipy.optimize import nnls

            sign = 1.0 if y.mean() >= 0 else -1.0
            dips = -sign * (shapes[0::2] + shapes[1::2])
            matrix = np.concatenate([dips, np.ones((1, x.size)), -np.ones((1, x.size))]).T * w[:, None]
            found = nnls(matrix, y * w)[0]
            return y * w - matrix @ found, sign * found[:4], float(found[4] - found[5])
        matrix = np.concatenate([shapes, np.ones((1, x.size))]).T * w[:, None]
        found = np.asarray(np.linalg.lstsq(matrix, y * w, rcond=1e-6)[0], np.float64)
        return y * w - matrix @ found, found[:-1], float(found[-1])

    def hidden(self, x: FloatArray, found: Candidate) -> int:
        """Return how many classes have lines in the window of which nothing is seen.

        Parameters
        ----------
        x
            Points of the spectrum, shape (n,).
        found
            A field with heights.
        """
        lines = frequencies(found.field, found.splitting, 0.0).reshape(4, 2)
        inside = ((lines > x.min() + found.width) & (lines < x.max() - found.width)).any(-1)
        heights = np.abs(found.heights).reshape(4, -1).max(-1)
        return int(np.count_nonzero(inside & (heights < _FAINT * heights.max())))


def frequencies(B: FloatArray, D: float, E: float) -> FloatArray:
    """Return the eight lines (lower, upper of each class) at one field (3,), Hz.

    Parameters
    ----------
    B
        Field in the frame of the crystal, T, shape (3,).
    D, E
        Zero-field splitting and strain over 2π, Hz.
    """
    from labspin.physics.nv import NV_CENTRE, transition_frequencies

    centre = replace(NV_CENTRE, zero_field_splitting=_TURN * D, strain=_TURN * E)
    return np.asarray(transition_frequencies(field=B, centre=centre)).reshape(8) / _TURN


def candidates_of(
    search: Search, x: FloatArray, y: FloatArray, weights: FloatArray | None, splitting: float | None = None
) -> tuple[Candidate, ...]:
    """Return the fields that the spectrum may come from, each at its own minimum, the best first.

    Parameters
    ----------
    search
        What is looked for.
    x, y
        The spectrum, shape (n,).
    weights
        1/σ, shape (n,); None: all alike.
    splitting
        D/2π where it is held, Hz; None: it is fitted.
    """
    w = np.ones_like(y) if weights is None else weights
    return _candidates(search, x.tobytes(), y.tobytes(), np.asarray(w, np.float64).tobytes(), splitting)


@functools.lru_cache(maxsize=16)
def _candidates(
    search: Search, x_bytes: bytes, y_bytes: bytes, w_bytes: bytes, splitting: float | None
) -> tuple[Candidate, ...]:
    x, y, w = (np.frombuffer(part, np.float64) for part in (x_bytes, y_bytes, w_bytes))
    rough = []
    for B, D, width in _begun(search, x, y, splitting):
        left = search.linear(x, y, w, B, D, width)[0]
        rough.append((float(left @ left), B, D, width))
    rough.sort(key=lambda one: one[0])
    picked: list[tuple[FloatArray, float, float]] = []
    for _, B, D, width in rough:
        if not any(_alike(B, other) and abs(D - d) < 2e6 for other, d, _ in picked):
            picked.append((B, D, width))
        if len(picked) == _REFINED:
            break
    held = splitting is not None
    found = [_refined(search, x, y, w, *one, held) for one in picked]
    # Classes are of one number of spins: a field that needs a line of no depth must explain much better.
    size = min((one.cost for one in found), default=0.0) / max(x.size - 9, 1)
    found.sort(key=lambda one: one.cost + _HIDDEN * max(size, 1e-300) * search.hidden(x, one))
    kept: list[Candidate] = []
    for one in found:
        if not any(_alike(one.field, other.field) for other in kept):
            kept.append(one)
    return tuple(kept)


def _begun(
    search: Search, x: FloatArray, y: FloatArray, splitting: float | None
) -> list[tuple[FloatArray, float, float]]:
    """Return fields whose lines stand where dips are, with D and width."""
    found = []
    window = (float(x.min()), float(x.max()))
    for count in (8, 7, 6, 5, 4, 3):
        centers, widths, *_ = place_dips(x, y, count, search.shape, mixed=not search.by_class)
        width = float(np.median(widths))
        lines = np.unique(centers)
        merged = lines[np.concatenate([[True], np.diff(lines) > width / 2])][:8]
        for D in (None, ROOM) if splitting is None else (splitting,):
            found += [(B, at, width) for B, at in _fields(merged, width, search.max_field, D, window)]
    return found


def _fields(
    lines: FloatArray,
    width: float,
    max_field: float,
    splitting: float | None,
    window: tuple[float, float],
) -> list[tuple[FloatArray, float]]:
    """Return fields and D that explain the lines; ``splitting`` None: D is fitted."""
    from labspin.physics.nv import NV_CENTRE, field_from_lines

    if lines.size < (4 if splitting is None else 3):
        return []
    found = []
    # Lines in the window that no dip was placed at may be weak; but fields without any are looked at first.
    for seen in ((_TURN * window[0], _TURN * window[1]), None):
        with contextlib.suppress(ArgumentError):
            solutions = field_from_lines(
                lines=_TURN * lines,
                uncertainty=_TURN * width / 6,
                centre=replace(NV_CENTRE, zero_field_splitting=_TURN * (splitting or ROOM)),
                max_field=max_field,
                fit_splitting=splitting is None,
                chi_square_limit=np.inf,
                window=seen,
            )
            found += [(one.field, one.splitting / _TURN) for one in solutions[:8]]
    return found


def _refined(
    search: Search,
    x: FloatArray,
    y: FloatArray,
    w: FloatArray,
    B: FloatArray,
    D: float,
    width: float,
    held: bool,
) -> Candidate:
    """Return the minimum near one field, with heights and offset in closed form at every step."""
    from scipy.optimize import least_squares

    sizes = np.array([1e-3, 1e-3, 1e-3, 1e6, width])
    span, spacing = float(np.ptp(x)), float(np.ptp(x)) / max(x.size - 1, 1)
    splittings = (D - 1e-3, D + 1e-3) if held else SPLITTING
    low = np.array([*3 * [-search.max_field], splittings[0], min(spacing, width / 2)]) / sizes
    high = np.array([*3 * [search.max_field], splittings[1], max(span, 2 * width)]) / sizes

    def residual(scaled: NDArray[np.float64]) -> FloatArray:
        p = scaled * sizes
        return search.linear(x, y, w, p[:3], float(p[3]), float(p[4]))[0]

    margin = 1e-6 * (high - low)
    start = np.clip(np.array([*B, D, width]) / sizes, low + margin, high - margin)
    ended = least_squares(residual, start, bounds=(low, high), max_nfev=_STEPS, diff_step=[1e-5])
    p = ended.x * sizes
    left, heights, offset = search.linear(x, y, w, p[:3], float(p[3]), float(p[4]))
    return Candidate(float(left @ left), p[:3], float(p[3]), float(p[4]), heights, offset)


def _alike(one: FloatArray, other: FloatArray) -> bool:
    """Return whether two fields are the same up to the symmetries of the crystal."""
    a, b = (np.sort(np.abs(field)) for field in (one, other))
    return bool(np.linalg.norm(a - b) < _SAME * max(float(np.linalg.norm(a)), 1e-5))
