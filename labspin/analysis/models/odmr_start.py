"""Which fields a whole spectrum of NV centres may come from: starts of the fit, and the doubt about it.

Dips are placed, and every field whose lines stand there (`labspin.physics.nv.starting_fields`) is a
candidate, for each of some zero-field splittings where that is not held; so are fields of high symmetry, in
which the lines of several classes are one. A class has one height in light, and none that is negative. Those
that suit the spectrum best are all brought to their own minima at once. The best of these is where the fit
starts; others at another field, of about the same χ², are reasons to doubt: few lines leave one field for
every splitting, and several for each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from labspin.analysis.minimiser.levenberg import minimise
from labspin.analysis.minimiser.problem import Problem
from labspin.analysis.model import FloatArray
from labspin.analysis.models.condensed import condensed
from labspin.analysis.models.odmr_lines import frequencies_of_many, frequency_slopes
from labspin.analysis.models.pursuit import place_dips

__all__ = ["ROOM", "SPLITTING", "Candidate", "Search", "candidates_of", "frequencies", "looked_at"]

_TURN = 2 * np.pi
SPLITTING = (2.82e9, 2.885e9)
"""Zero-field splitting of NV centres from 700 K to 4 K (and a little beyond), Hz."""
ROOM = 2.8704e9
"""At room temperature, Hz."""
_SPLITTINGS = np.append(np.linspace(2.825e9, 2.88e9, 8), ROOM)
"""Splittings for which fields are sought where it is fitted, Hz."""
_COUNTS = (8, 7, 6, 5, 4, 3)
_OF_A_COUNT, _REFINED = 160, 48
"""Fields that are compared with the spectrum for each number of lines, and that are refined in all."""
_STEPS, _TOLERANCE = 60, 1e-2
_OFF, _TIGHT, _FARTHEST, _SETTLINGS = (1e-4, 1e6), 1e-2, 5.0, 3
"""By how much fields (T) and splittings (Hz) are off that are moved to the dips, how firmly they are kept (in
squares of widths), how many times those sizes one step is at most, and how many steps there are."""
_AXES = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]) ** 0.5
_STRENGTHS = 100
_HIDDEN = 25.0
"""Fall of χ², in units of the reduced one, that a class whose line in the window is not seen must bring."""
_FAINT = 0.1
_SAME = 0.02
"""Relative difference of two fields below which they are one."""
_LONGEST = 1000
"""Points up to which a spectrum is searched as it is."""
_BLOCK = 2_000_000
"""Numbers of a block of line shapes."""


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
        ``lines(x, B (m, 3), D (m,), E (m,), width (m,))`` -> the eight line shapes, (m, 8, n).
    evaluate
        ``evaluate(x, values (m, p))`` -> the model and its derivatives.
    shape
        A line of width one, by which dips are placed.
    by_class
        The two lines of a class have one height, which is that of a dip in parts of the offset.
    max_field
        Largest |B|, T.
    """

    lines: Callable[..., FloatArray]
    evaluate: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    shape: Callable[[FloatArray], FloatArray]
    by_class: bool
    max_field: float

    def suited(
        self, x: FloatArray, y: FloatArray, w: FloatArray, fields: FloatArray, strain: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return χ² (m,) and the heights and offset (m, k) that suit each field, none of a wrong sign.

        Parameters
        ----------
        x, y, w
            The spectrum and 1/σ, shape (n,).
        fields
            Rows of B_x, B_y, B_z, D and width, shape (m, 5).
        strain
            E/2π, Hz.
        """
        rows = max(1, _BLOCK // (8 * x.size))
        parts = [self._suited(x, y, w, fields[k : k + rows], strain) for k in range(0, len(fields), rows)]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]

    def _suited(
        self, x: FloatArray, y: FloatArray, w: FloatArray, fields: FloatArray, strain: float
    ) -> tuple[FloatArray, FloatArray]:
        shapes = self.lines(x, fields[:, :3], fields[:, 3], np.full(len(fields), strain), fields[:, 4])
        if self.by_class:
            shapes = -np.sign(y.mean() or 1.0) * (shapes[:, 0::2] + shapes[:, 1::2])
        basis = np.concatenate([shapes, np.ones((len(shapes), 1, x.size))], axis=1) * w
        normal, right = basis @ np.swapaxes(basis, 1, 2), basis @ (y * w)
        size = np.sqrt(np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-300))
        normal, right = normal / size[:, :, None] / size[:, None, :], right / size
        unit, used = np.eye(size.shape[1]), np.ones(size.shape, bool)
        for _ in range(4 if self.by_class else 1):
            pairs = used[:, :, None] & used[:, None, :]
            solved = np.linalg.solve(np.where(pairs, normal, 0.0) + 1e-9 * unit, (right * used)[..., None])
            found = solved[..., 0] * used
            if self.by_class:
                used[:, :-1] &= found[:, :-1] > 0
        found *= used
        left = float((y * w) @ (y * w)) - 2 * (found * right).sum(1)
        cost = left + np.einsum("mi,mij,mj->m", found, normal, found)
        return cost, found / size

    def hidden(self, x: FloatArray, found: Candidate) -> int:
        """Return how many classes have lines in the window, and no dip of any class there.

        Parameters
        ----------
        x
            Points of the spectrum, shape (n,).
        found
            A field with heights.
        """
        lines = frequencies(found.field, found.splitting, 0.0)
        inside = ((lines > x.min() + found.width) & (lines < x.max() - found.width)).reshape(4, 2)
        if not inside.any():
            return 0
        one = np.array([found.splitting]), np.zeros(1), np.array([found.width])
        shapes = self.lines(lines, found.field[None], *one)[0]
        heights = np.repeat(found.heights, 2) if self.by_class else found.heights
        depths = np.abs(heights @ shapes).reshape(4, 2)
        deepest = float(depths[inside].max())
        return int(
            np.count_nonzero(inside.any(-1) & (np.where(inside, depths, 0.0).max(-1) < _FAINT * deepest))
        )


def frequencies(B: FloatArray, D: float, E: float) -> FloatArray:
    """Return the eight lines (lower, upper of each class) at one field (3,), Hz.

    Parameters
    ----------
    B
        Field in the frame of the crystal, T, shape (3,).
    D, E
        Zero-field splitting and strain over 2π, Hz.
    """
    return np.asarray(frequencies_of_many(np.asarray(B)[None], np.array([D]), np.array([E]))[0])


def looked_at(
    x: FloatArray, y: FloatArray, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the spectrum in which fields are sought: of a long one means of its parts, fine at its dips.

    Parameters
    ----------
    x, y
        The spectrum, shape (n,).
    weights
        1/σ, shape (n,); None: all alike.

    Returns
    -------
    x, y, weights
        Shape (m,) each; χ² of a smooth curve differs from that of all points by a constant.
    """
    w = np.ones_like(y) if weights is None else np.asarray(weights, np.float64)
    if x.size <= _LONGEST:
        return x, y, w
    part, order = condensed(x, y), np.argsort(x, kind="stable")
    return part.x, part.y, part.weights * np.sqrt(np.interp(part.x, x[order], np.square(w[order])))


def candidates_of(
    search: Search,
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    held: Mapping[str, float] | None = None,
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
    held
        D and E where they are held, Hz; a D that is not is fitted, an E that is not is 0.
    """
    x, y, w = looked_at(x, y, weights)
    known = held or {}
    return _candidates(
        search, x.tobytes(), y.tobytes(), w.tobytes(), known.get("D"), float(known.get("E", 0.0))
    )


@functools.lru_cache(maxsize=64)
def _candidates(
    search: Search,
    x_bytes: bytes,
    y_bytes: bytes,
    w_bytes: bytes,
    splitting: float | None,
    strain: float,
) -> tuple[Candidate, ...]:
    x, y, w = (np.frombuffer(part, np.float64) for part in (x_bytes, y_bytes, w_bytes))
    fields = np.concatenate(list(_begun(search, x, y, splitting)))
    cost, heights = search.suited(x, y, w, fields, strain)
    picked: list[int] = []
    for k in np.argsort(cost, kind="stable"):
        near = (j for j in picked if abs(fields[k, 3] - fields[j, 3]) < 2e6)
        if not any(_alike(fields[k, :3], fields[j, :3]) for j in near):
            picked.append(int(k))
        if len(picked) == _REFINED:
            break
    found = _refined(search, (x, y, w), fields[picked], heights[picked], splitting, strain)
    # Classes are of one number of spins: a field that needs a line of no depth must explain much better.
    size = min((one.cost for one in found), default=0.0) / max(x.size - 9, 1)
    found.sort(key=lambda one: one.cost + _HIDDEN * max(size, 1e-300) * search.hidden(x, one))
    kept: list[Candidate] = []
    for one in found:
        if not any(_alike(one.field, other.field) for other in kept):
            kept.append(one)
    return tuple(kept)


def _begun(search: Search, x: FloatArray, y: FloatArray, splitting: float | None) -> Iterator[FloatArray]:
    """Yield rows of B, D and width: fields whose lines stand where dips are, and those of high symmetry."""
    from labspin.physics.nv import NV_CENTRE, starting_fields

    splittings = _SPLITTINGS if splitting is None else np.array([splitting])
    for count in _COUNTS:
        centers, widths, *_ = place_dips(x, y, count, search.shape, mixed=not search.by_class)
        width = float(np.median(widths))
        lines = np.unique(centers)
        lines = lines[np.concatenate([[True], np.diff(lines) > width / 2])][:8]
        if count == _COUNTS[-1]:
            strengths = np.linspace(0, search.max_field, _STRENGTHS + 1)[1:]
            yield _rows((strengths[:, None, None] * _AXES).reshape(-1, 3), splitting or ROOM, width)
        if lines.size < 3 or not lines[0] > 0:
            continue
        fields, places = [], []
        for D in splittings:
            centre = replace(NV_CENTRE, zero_field_splitting=_TURN * float(D))
            found = starting_fields(
                lines=_TURN * lines, centre=centre, splitting=_TURN * float(D), max_field=search.max_field
            )
            fields.append(-np.sort(-np.abs(found), axis=1))
            places.append(np.full(len(found), D))
        rows = _rows(np.concatenate(fields), np.concatenate(places), width)
        computed = frequencies_of_many(rows[:, :3], rows[:, 3], np.zeros(len(rows)))
        score = np.square(np.abs(computed[:, :, None] - lines).min(axis=1)).sum(axis=-1)
        best = rows[np.argsort(score, kind="stable")[:_OF_A_COUNT]]
        yield _settled(best, lines, moves=splitting is None)


def _settled(rows: FloatArray, lines: FloatArray, *, moves: bool) -> FloatArray:
    """Return rows of B, D and width, each moved until its lines stand at the dips, D too if it ``moves``.

    The splittings that are tried are further apart than narrow lines are wide, and then the right field
    explains no more of the spectrum than a wrong one.
    """
    rows, sizes = rows.copy(), np.array([*3 * [_OFF[0]], _OFF[1] if moves else 0.0])
    for _ in range(_SETTLINGS):
        nu, slopes = frequency_slopes(rows[:, :3], rows[:, 3], np.zeros(len(rows)))
        nearest = np.abs(nu[:, :, None] - lines).argmin(axis=1)
        away = np.nan_to_num((lines - np.take_along_axis(nu, nearest, 1)) / rows[:, 4:])
        slope = np.take_along_axis(slopes, nearest[..., None], 1)[..., :4] * sizes / rows[:, 4:, None]
        slope = np.nan_to_num(slope)
        turned = np.swapaxes(slope, 1, 2)
        step = np.linalg.solve(turned @ slope + _TIGHT * np.eye(4), turned @ away[..., None])[..., 0]
        rows[:, :4] += np.clip(step, -_FARTHEST, _FARTHEST) * sizes
        rows[:, 3] = np.clip(rows[:, 3], *SPLITTING) if moves else rows[:, 3]
    return rows


def _rows(fields: FloatArray, splitting: Any, width: float) -> FloatArray:
    rows = np.empty((len(fields), 5))
    rows[:, :3], rows[:, 3], rows[:, 4] = fields, splitting, width
    return rows


def _refined(
    search: Search,
    data: tuple[FloatArray, FloatArray, FloatArray],
    fields: FloatArray,
    heights: FloatArray,
    splitting: float | None,
    strain: float,
) -> list[Candidate]:
    """Return the minima near some fields."""
    (x, y, w), count, size = data, len(fields), 4 if search.by_class else 8
    sign = float(np.sign(y.mean()) or 1.0)
    offset = heights[:, -1:]
    # Between two points a line may be as deep as it likes: no deeper than twice what points show.
    seen = min(1.0, max(2 * float(np.ptp(y)) / abs(float(y.mean()) or 1.0), 1e-12))
    if search.by_class:
        depth = np.divide(sign * heights[:, :-1], offset, out=np.zeros((count, size)), where=offset != 0)
        heights = np.concatenate([np.clip(depth, 1e-4 * seen, 0.9 * seen), offset], axis=1)
    start = np.concatenate([fields[:, :4], np.full((count, 1), strain), fields[:, 4:], heights], axis=1)
    span, spacing = float(np.ptp(x)), float(np.ptp(x)) / max(x.size - 1, 1)
    free = np.ones(start.shape[1], bool)
    free[[3, 4]] = splitting is None, False
    low, high = ([0.0] * 4, [seen] * 4) if search.by_class else ([-np.inf] * 8, [np.inf] * 8)
    narrow = min(spacing, 0.1 * span)
    problem = Problem(
        evaluate=lambda points, values, steps: search.evaluate(points, values),
        x=x,
        y=np.repeat(y[None], count, axis=0),
        weights=np.repeat(w[None], count, axis=0),
        logarithmic=np.arange(free.size) == 5,
        lower=np.array([*3 * [-search.max_field], SPLITTING[0], -np.inf, narrow, *low, -np.inf]),
        upper=np.array([*3 * [search.max_field], SPLITTING[1], np.inf, max(span, 2 * narrow), *high, np.inf]),
        free=free,
        numerical=False,
    )
    ended = minimise(problem, start, tolerance=_TOLERANCE, iterations=_STEPS)
    return [
        Candidate(float(cost), row[:3], float(row[3]), float(row[5]), row[6:-1], float(row[-1]))
        for cost, row in zip(ended.cost, ended.values, strict=True)
        if np.isfinite(cost) and np.linalg.norm(row[:3]) <= 1.001 * search.max_field
    ]


def _alike(one: FloatArray, other: FloatArray) -> bool:
    """Return whether two fields are the same up to the symmetries of the crystal."""
    a, b = (np.sort(np.abs(field)) for field in (one, other))
    return bool(np.linalg.norm(a - b) < _SAME * max(float(np.linalg.norm(a)), 1e-5))
