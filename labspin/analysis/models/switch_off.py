"""Where in a record of a ring-down the drive was switched off.

Before that moment the record is steady, at whatever level (the drive may reach the detector past the
resonator, so that the level may jump); after it, a decay to a constant. Both are fitted for every possible
moment, with closed forms for all but the decay time; that with the smallest sum of squares is taken.
A record without a steady beginning begins at its first point: a steady part is only cut off if that
lowers the sum of squares by more than chance would.

Long records are searched as means over parts, and looked at point by point where the moment is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray, Numbers
from labspin.arrays import Element
from labspin.errors import FitError

__all__ = ["ring_down_window"]

_PARTS = 200
"""Parts of a long record."""
_FEWEST = 6
"""Parts that a decay has at least; a shorter record is taken as it is."""
_TRIED = 16
"""Moments that are compared at a time."""
_CLEAR = 4.0
"""Variances by which the sum of squares may grow while a later moment is taken for as good."""


def ring_down_window(x: FloatArray, y: Numbers) -> NDArray[np.bool_]:
    """Return which points of a record belong to the decay: those after the drive was switched off.

    Parameters
    ----------
    x, y
        Times and record, shape (n,); real or complex.

    Returns
    -------
    Boolean array, shape (n,).

    Raises
    ------
    FitError
        The record is an oscillation itself, not the amplitude of one.
    """
    order = np.argsort(x, kind="stable")
    times, record = x[order], np.asarray(y)[order]
    if not np.iscomplexobj(record):
        record = amplitudes = record.astype(np.float64)
        _refuse_oscillation(amplitudes)
    kept = np.zeros(times.size, bool)
    kept[order[_switched_off(times, record) :]] = True
    return kept


def _refuse_oscillation(record: FloatArray) -> None:
    """Refuse a record most of whose power lies about one frequency of several turns."""
    if record.size < 32:
        return
    power = np.square(np.abs(np.fft.rfft(record - record.mean())))[1:]
    peak = int(np.argmax(power))
    reach = max(4, peak // 10)
    near = power[max(peak - reach, 0) : peak + reach + 1]
    if peak >= 6 and near.size < 0.3 * power.size and near.sum() > 0.6 * power.sum():
        raise FitError(
            "ring-down: wanted the amplitude of an oscillation against time, got an oscillation with about "
            f"{peak + 1} turns; demodulate it (lock-in), or fit rabi_oscillation"
        )


@dataclass(frozen=True, eq=False)
class _Parts:
    """Means of a record over parts, in the frame of the motion; sums of squares are those of all points.

    Attributes
    ----------
    begins
        First point of each part.
    x, y, r, w
        Mean time, mean record, mean of a constant in that frame, and number of points.
    scatter
        Sum of squares about the mean within the parts from each on, shape (parts + 1,).
    before
        Sum of squares about the mean of all points before each part, shape (parts,).
    spacing
        Least distance of two points in time.
    """

    begins: NDArray[np.intp]
    x: FloatArray
    y: Numbers
    r: Numbers
    w: FloatArray
    scatter: FloatArray
    before: FloatArray
    spacing: float

    @classmethod
    def made(cls, x: FloatArray, y: Numbers, detuning: float, begins: NDArray[np.intp]) -> _Parts:
        """Return the parts of a record that begin at the points ``begins``."""
        size = np.diff(np.append(begins, x.size)).astype(float)
        turned: Numbers = y
        rest: Numbers = np.ones_like(y)
        if detuning:
            rest = np.exp(-2j * np.pi * detuning * (x - x[0]))
            turned = np.asarray(y * rest, np.complex128)

        def mean(values: NDArray[Element]) -> NDArray[Element]:
            return np.asarray(np.add.reduceat(values, begins) / size)

        middle = mean(turned)
        within = np.maximum(mean(np.square(np.abs(turned))) - np.square(np.abs(middle)), 0.0) * size
        scatter = np.append(np.cumsum(within[::-1])[::-1], 0.0)
        before = _about_mean(y, begins)
        if detuning:
            before = np.minimum(before, _about_mean(turned, begins))  # a reference beside the drive
        gaps = np.diff(x)
        return cls(begins, mean(x), middle, mean(rest), size, scatter, before, float(gaps[gaps > 0].min()))

    def cost(self, place: int, times: FloatArray, shift: float = 0.0) -> FloatArray:
        """Return the sum of squares for a switch-off before part ``place``, for each decay time."""
        tail = slice(place, None)
        x, y, r, w = self.x[tail] - self.x[place], self.y[tail], self.r[tail], self.w[tail]
        decay: Numbers = np.exp(-x / times[:, None])
        if shift:
            decay = decay * np.exp(2j * np.pi * shift * x)
        rr, ry = np.sum(w * np.square(np.abs(r))), np.sum(w * r.conj() * y)
        yy = np.sum(w * np.square(np.abs(y - r * ry / rr)))
        er = decay @ (w * r.conj())
        own = np.square(np.abs(decay)) @ w - np.square(np.abs(er)) / rr
        along = decay.conj() @ (w * (y - r * ry / rr))
        gain = np.square(np.abs(along)) / np.maximum(own, 1e-12 * w.sum())
        return np.asarray(np.maximum(yy - gain, 0.0) + self.scatter[place] + self.before[place])

    def least(self, place: int, times: FloatArray, shift: float) -> float:
        """Return the smallest sum of squares for a switch-off before part ``place``."""
        time = float(times[np.argmin(self.cost(place, times, shift))])
        for spread in (1.4, 1.05):
            grid = time * np.geomspace(1 / spread, spread, 9)
            cost = self.cost(place, grid, shift)
            best = int(np.clip(np.argmin(cost), 1, 7))
            low, mid, high = cost[best - 1 : best + 2]
            bend = low - 2 * mid + high
            step = float(np.clip(0.5 * (low - high) / bend, -1, 1)) if bend > 0 else 0.0
            time = float(grid[best] * (grid[1] / grid[0]) ** step)
        return min(float(cost.min()), float(mid - 0.25 * (low - high) * step))

    def alike(self, place: int, times: FloatArray, shift: float) -> float:
        """Return how many neighbours what a decay from ``place`` has left says the same of, at least 1.

        Thermal motion lasts as long as the decay, and so looks like something that begins or ends.
        """
        time = float(times[np.argmin(self.cost(place, times, shift))])
        x, y, r, root = (
            self.x[place:] - self.x[place],
            self.y[place:],
            self.r[place:],
            np.sqrt(self.w[place:]),
        )
        columns = np.stack([np.exp((2j * np.pi * shift - 1 / time) * x), r], 1) * root[:, None]
        columns = columns if np.iscomplexobj(y) else columns.real
        left = y * root - columns @ np.linalg.lstsq(columns, y * root, rcond=None)[0]
        length = 1 << (2 * left.size).bit_length()
        power = np.square(np.abs(np.fft.fft(left, length)))
        correlation = np.fft.ifft(power).real[: left.size // 2]
        if not correlation[0] > 0:
            return 1.0
        ends = np.flatnonzero(correlation < 0)
        return max(1.0, float(2 * correlation[: ends[0] if ends.size else None].sum() / correlation[0] - 1))


def _about_mean(y: Numbers, begins: NDArray[np.intp]) -> FloatArray:
    """Return the sum of squares about their mean of the points before each of ``begins``."""
    level = y - y[0]
    sums, squares = (np.cumsum(values)[begins[1:] - 1] for values in (level, np.square(np.abs(level))))
    return np.append(0.0, np.maximum(squares - np.square(np.abs(sums)) / begins[1:], 0.0))


def _switched_off(x: FloatArray, y: Numbers) -> int:
    """Return the first point after the drive was switched off."""
    size = x.size
    if size < 2 * _FEWEST or x[-1] == x[0] or np.all(y == y[0]):
        return 0
    detuning = _detuning(x, y) if np.iscomplexobj(y) else 0.0
    if detuning:
        y = np.asarray(y - _level(x, y, detuning), np.complex128)
    begins = np.unique(np.linspace(0, size, min(size, _PARTS) + 1).astype(np.intp)[:-1])
    parts = _Parts.made(x, y, detuning, begins)
    times = np.geomspace(parts.spacing, 10 * float(x[-1] - x[0]), 32)
    turning = np.iscomplexobj(y)
    shifts = [0.0]
    if turning:
        place, time = _best(parts, times, 0.0)
        detuning += _sharper(parts, place, time)
        parts = _Parts.made(x, y, detuning, begins)
        shifts.append(_sharper(parts, 0, float(times[np.argmin(parts.cost(0, times))])))
    place, time = _best(parts, times, 0.0)
    if turning:
        shifts.append(_sharper(parts, place, time))
    low, high = place, place
    if size > _PARTS:
        region = parts.begins[max(place - 1, 0)], parts.begins[min(place + 2, len(begins) - 1)]
        fine = np.unique(np.linspace(region[0], region[1], 96).astype(np.intp))
        parts = _Parts.made(x, y, detuning, np.union1d(begins, fine))
        low, high = (int(k) for k in np.searchsorted(parts.begins, region))
    last = len(parts.w) - _FEWEST
    costs = {
        k: min(parts.least(k, times, shift) for shift in shifts)
        for k in (0, *range(max(low - 4, 1), min(high + 8, last)))
    }
    best = min(costs, key=lambda k: costs[k])
    variance = costs[best] / max(size * (2 if turning else 1) - 6, 1)
    variance *= parts.alike(best, times, shifts[-1])
    if not costs[0] - costs[best] > (8 + 2 * math.log(len(parts.w))) * variance:
        return 0
    lowest = costs[best]
    while costs.get(best + 1, math.inf) - lowest < _CLEAR * variance:
        best += 1
    return int(parts.begins[best])


def _best(parts: _Parts, times: FloatArray, shift: float) -> tuple[int, float]:
    """Return the best moment and the decay time after it, looked for ever more closely."""
    last = max(len(parts.w) - _FEWEST, 1)
    low, high = 0, last
    step = max((high - low) // _TRIED, 1)
    jumps = _jumps(parts.y)
    while True:
        tried = sorted({*range(low, high, step), *(k for k in jumps if k < last)})
        found = [parts.cost(k, times, shift) for k in tried]
        best = int(np.argmin([cost.min() for cost in found]))
        place, time = tried[best], float(times[np.argmin(found[best])])
        if step == 1:
            return place, time
        low, high = max(place - step, 0), min(place + step + 1, len(parts.w) - _FEWEST)
        step = max((high - low) // _TRIED, 1)


def _jumps(y: Numbers) -> list[int]:
    """Return the parts before which the level jumps most, seen over one part, two and four on each side."""
    found = []
    sums = np.concatenate([np.zeros(1), np.cumsum(y)])
    for width in (1, 2, 4):
        means = (sums[width:] - sums[:-width]) / width
        found.append(int(np.argmax(np.abs(means[width:] - means[:-width]))) + width)
    return found


def _detuning(x: FloatArray, y: Numbers) -> float:
    """Return the frequency of what moves: differences of neighbours hold nothing of a steady state."""
    size = x.size
    even = np.interp(np.linspace(x[0], x[-1], size), x, y)
    spacing = float(x[-1] - x[0]) / (size - 1)
    length = 1 << (2 * size - 1).bit_length()
    frequency = np.fft.fftfreq(length, spacing)
    steps = np.diff(even)
    most = 4 * float(np.median(np.abs(steps)))
    steps = steps * np.minimum(1.0, most / np.maximum(np.abs(steps), 1e-300))  # the jump at the switch-off
    spectrum = np.fft.fft(steps, length)
    # A difference multiplies a turn by its frequency: undone, but for less than one turn in the record.
    turns = np.maximum(np.abs(np.sin(np.pi * frequency * spacing)), np.pi / size)
    return float(frequency[np.argmax(np.abs(spectrum) / turns)])


def _level(x: FloatArray, y: Numbers, detuning: float) -> complex:
    """Return about what remains: within a part of the record it turns in the frame of the decay."""
    late = slice(x.size // 2, None)
    turning = np.exp(2j * np.pi * detuning * (x[late] - x[0]))
    return complex(np.linalg.lstsq(np.stack([np.ones_like(turning), turning], 1), y[late], rcond=1e-6)[0][0])


def _sharper(parts: _Parts, place: int, time: float) -> float:
    """Return what the frequency of the decay differs from that of the frame."""
    shift, step = 0.0, 0.1 / time
    at = np.array([time])
    for _ in range(12):
        low, mid, high = (float(parts.cost(place, at, shift + k * step)[0]) for k in (-1, 0, 1))
        bend = low - 2 * mid + high
        move = np.clip(0.5 * (low - high) / bend, -1, 1) if bend > 0 else float(np.sign(low - high))
        shift += float(move) * step
        step *= 0.4 if bend > 0 else 1.0
    return shift
