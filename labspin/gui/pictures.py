"""A run as a line or a map: arrays for plots, computed outside the window's thread.

Lines of many points are thinned to what a screen can show, keeping the extremes of every stretch, so that no
peak is lost; maps are brought onto even axes and to 256 levels. What the window's thread then draws is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.pictures.inner_axis import places_along
from labspin.analysis.pictures.runplots import errors_of
from labspin.analysis.recipes.traces import REPEATS
from labspin.data import Run
from labspin.errors import ArgumentError

__all__ = [
    "Axis",
    "Choice",
    "LineData",
    "MapData",
    "Picture",
    "alike",
    "axes_of",
    "numeric_names",
    "picture_of",
    "table_of",
    "thinned",
]

FloatArray = NDArray[np.float64]
_SHOWN = 4000  # stretches into which a long line is divided
_SIDE = 1200  # pixels of a map along one side, at most


@dataclass(frozen=True)
class Axis:
    """One axis of a picture."""

    name: str
    unit: str
    values: FloatArray


@dataclass(frozen=True)
class Choice:
    """The part of a run that is shown."""

    quantity: str = ""
    """Empty: the signal that the procedure names."""
    x: str = ""
    """Axis of a line or of a map; empty: the last one."""
    y: str = ""
    """Second axis; empty: the one before the last; ``"-"``: none, a line."""
    at: Mapping[str, int] = field(default_factory=dict)
    """Place along the other axes; without one: their mean."""
    each: bool = False
    """Whether repeats are shown as an axis of their own instead of their mean."""
    levels: tuple[float, float] | None = None
    """Values at the ends of a map's colours; None: the least and the greatest."""


@dataclass(frozen=True)
class LineData:
    """A line with errors, thinned."""

    axis: Axis
    values: FloatArray
    errors: FloatArray | None
    points: int
    """Points before they were thinned."""
    doubtful: NDArray[np.bool_] | None = None
    """Which points an instrument, or a changed setting, spoilt; None: none of them."""


@dataclass(frozen=True)
class MapData:
    """A map on even axes, in 256 levels."""

    x: Axis
    y: Axis
    values: FloatArray
    levels: NDArray[np.uint8]
    low: float
    high: float
    is_log: tuple[bool, bool]


@dataclass(frozen=True)
class Picture:
    """A run as it is shown."""

    label: str
    quantity: str
    unit: str
    names: tuple[str, ...]
    """Axes there are, repeats included if they are shown."""
    line: LineData | None = None
    map: MapData | None = None


def numeric_names(run: Run) -> list[str]:
    """Return the numeric quantities of a run, the signal first.

    Parameters
    ----------
    run
        A run that was read.
    """
    names = [column.name for column in run.header.layout.quantities if column.dtype != "str"]
    return sorted(names, key=lambda name: name != run.header.signal)


def axes_of(run: Run, quantity: str, *, each: bool) -> list[Axis]:
    """Return the axes of a quantity, outermost first.

    Parameters
    ----------
    run
        A run that was read.
    quantity
        Name of a quantity of the run.
    each
        Whether repeats are an axis, too.
    """
    layout = run.header.layout
    axes = [Axis(d.name, d.unit, np.asarray(d.values, np.float64)) for d in layout.dimensions]
    if not axes:
        axes = [_list_axis(run)]
    axes += _inner_axes(run, quantity)
    kept = [axis for axis in axes if each or axis.name not in REPEATS]
    return kept or axes


def _list_axis(run: Run) -> Axis:
    for column in run.header.layout.coordinates:
        if column.dtype in ("float64", "int64") and not column.shape:
            return Axis(column.name, column.unit, np.asarray(run.data[column.name], np.float64))
    return Axis("point", "1", np.arange(float(run.shape[0])))


def picture_of(run: Run, choice: Choice, *, span: tuple[float, float] | None = None) -> Picture:
    """Return a run as a line or a map.

    Parameters
    ----------
    run
        A run, which may be in progress.
    choice
        The part that is shown.
    span
        Visible part of the x axis, if a long line is zoomed.

    Raises
    ------
    ArgumentError
        The run has no such quantity, or it is text.
    """
    names = numeric_names(run)
    quantity = choice.quantity or (names[0] if names else "")
    if quantity not in names:
        raise ArgumentError(f"{run.path}: has no quantity {quantity!r} to show; it has {', '.join(names)}")
    values, errors = _real(run.data[quantity]), errors_of(run, quantity)
    every = _all_axes(run, quantity)
    shown = axes_of(run, quantity, each=choice.each)
    wanted = _wanted(shown, choice)
    places = places_along(run, quantity)
    if places is not None and _is_one_trace(every, wanted, choice):
        own, _, left = _without_repeats(places.values, None, every, choice)
        wanted = [Axis(places.name, places.unit, _at(own, None, left, wanted, choice)[0])]
        every = [*every[:-1], wanted[0]]
    elif places is not None:
        values = places.brought_to(every[-1].values, values)
        errors = None if errors is None else places.brought_to(every[-1].values, errors)
    values, errors, axes = _without_repeats(values, errors, every, choice)
    values, errors = _at(values, errors, axes, wanted, choice)
    label = run.header.label or run.header.procedure
    unit = run.header.layout.column(quantity).unit
    common = (label, quantity, unit, tuple(axis.name for axis in shown))
    if len(wanted) == 1:
        bad = _doubtful(run, quantity, every, wanted, choice)
        return Picture(*common, line=_line(wanted[0], values, errors, span, bad))
    return Picture(*common, map=_map(wanted[0], wanted[1], values, choice.levels))


def _is_one_trace(axes: Sequence[Axis], wanted: Sequence[Axis], choice: Choice) -> bool:
    """Return whether a line along the last axis is shown, at one place of each other one; repeats aside."""
    free = [
        axis.name for axis in axes[:-1] if len(axis.values) > 1 and (choice.each or axis.name not in REPEATS)
    ]
    return [axis.name for axis in wanted] == [axes[-1].name] and all(name in choice.at for name in free)


def _doubtful(
    run: Run, quantity: str, axes: list[Axis], wanted: list[Axis], choice: Choice
) -> NDArray[np.bool_] | None:
    """Return which points of a line are doubtful: a mean is if one of its points is; None: none."""
    flags = run.is_doubtful
    if not flags.any():
        return None
    shape = tuple(len(axis.values) for axis in axes)
    spread = np.broadcast_to(flags.reshape(flags.shape + (1,) * (len(shape) - flags.ndim)), shape)
    marks, _, left = _without_repeats(spread.astype(np.float64), None, axes, choice)
    marks, _ = _at(marks, None, left, wanted, choice)
    return np.asarray(marks > 0)


def alike(pictures: Sequence[Picture]) -> list[Picture]:
    """Return runs with a common colour scale for all maps of one quantity.

    Parameters
    ----------
    pictures
        The runs as they are shown.
    """
    maps = [p.map for p in pictures if p.map is not None and p.quantity == pictures[0].quantity]
    if len(maps) < 2:
        return list(pictures)
    low, high = min(m.low for m in maps), max(m.high for m in maps)
    return [
        replace(p, map=replace(p.map, levels=_levels(p.map.values, low, high), low=low, high=high))
        if p.map is not None and p.quantity == pictures[0].quantity and (p.map.low, p.map.high) != (low, high)
        else p
        for p in pictures
    ]


def _levels(values: FloatArray, low: float, high: float) -> NDArray[np.uint8]:
    """Return values as levels from 1 to 255; 0 marks points that were not measured."""
    scaled = np.nan_to_num((values - low) * (254.0 / (high - low or 1.0)), nan=-1.0) + 1.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def table_of(pictures: Sequence[Picture]) -> str:
    """Return what is shown as a table with tabs, for a spreadsheet: numbers in SI units.

    Parameters
    ----------
    pictures
        The runs as they are shown: columns for the lines of all of them, or the map of the first.
    """
    if pictures[0].map is not None:
        return _map_table(pictures[0].map)
    heads, columns = [], []
    for picture in pictures:
        line = picture.line
        if line is None:
            continue
        heads += [
            f"{line.axis.name} ({line.axis.unit})",
            f"{picture.label} {picture.quantity} ({picture.unit})",
        ]
        columns += [line.axis.values, line.values]
        if line.errors is not None:
            heads.append(f"{picture.label} error ({picture.unit})")
            columns.append(line.errors)
    rows = ("\t".join("" if x is None else f"{x:.12g}" for x in row) for row in zip_longest(*columns))
    return "\n".join(["\t".join(heads), *rows])


def _map_table(shown: MapData) -> str:
    x, y = (
        10**a.values if log else a.values for a, log in zip((shown.x, shown.y), shown.is_log, strict=True)
    )
    head = f"{shown.y.name} ({shown.y.unit}) / {shown.x.name} ({shown.x.unit})"
    rows = [[head, *(f"{at:.12g}" for at in x)]]
    rows += [[f"{at:.12g}", *(f"{v:.12g}" for v in row)] for at, row in zip(y, shown.values, strict=True)]
    return "\n".join("\t".join(row) for row in rows)


def _all_axes(run: Run, quantity: str) -> list[Axis]:
    layout = run.header.layout
    axes = [Axis(d.name, d.unit, np.asarray(d.values, np.float64)) for d in layout.dimensions]
    axes = axes or [_list_axis(run)]
    return axes + _inner_axes(run, quantity)


def _inner_axes(run: Run, quantity: str) -> list[Axis]:
    """Return the axes of the array that a point yields; where they only count, what a column says of them."""
    places = places_along(run, quantity)
    if places is not None:
        return [Axis(places.name, places.unit, places.common())]
    inner = run.header.layout.column(quantity).inner_axes()
    return [Axis(axis.name, axis.unit, np.asarray(axis.values)) for axis in inner]


def _real(values: object) -> FloatArray:
    array = np.asarray(values)
    return np.abs(array) if np.iscomplexobj(array) else np.asarray(array, np.float64)


def _without_repeats(
    values: FloatArray, errors: FloatArray | None, axes: list[Axis], choice: Choice
) -> tuple[FloatArray, FloatArray | None, list[Axis]]:
    """Return the mean over repeats and its standard error, from the scatter or of the single measurement."""
    repeats = tuple(k for k, axis in enumerate(axes) if axis.name in REPEATS)
    if choice.each or not repeats or len(repeats) == len(axes):
        return values, errors, axes
    count = np.isfinite(values).sum(repeats)
    mean = _mean(values, repeats)
    square = _mean(np.square(values - np.expand_dims(mean, repeats)), repeats)
    scatter = np.sqrt(square / np.where(count > 1, count - 1, np.nan))
    if errors is not None:
        scatter = np.where(count > 1, scatter, np.nansum(errors, repeats))
    return mean, scatter, [axis for k, axis in enumerate(axes) if k not in repeats]


def _mean(values: FloatArray, over: tuple[int, ...]) -> FloatArray:
    there = np.isfinite(values)
    count = there.sum(over)
    total = np.where(there, values, 0.0).sum(over)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _wanted(axes: Sequence[Axis], choice: Choice) -> list[Axis]:
    """Return the axes of the picture: one for a line; y, x for a map."""
    named = {axis.name: axis for axis in axes}
    x = named.get(choice.x, axes[-1])
    if choice.y == "-" or len(axes) == 1:
        return [x]
    others = [axis for axis in axes if axis is not x]
    return [named[choice.y] if choice.y in named and choice.y != x.name else others[-1], x]


def _at(
    values: FloatArray, errors: FloatArray | None, axes: list[Axis], wanted: list[Axis], choice: Choice
) -> tuple[FloatArray, FloatArray | None]:
    """Return the values over the wanted axes, at a place along each other one, or their mean."""
    places = [k for k, axis in enumerate(axes) if axis.name not in {w.name for w in wanted}]
    for k in sorted(places, reverse=True):
        place = choice.at.get(axes[k].name)
        if place is None and values.shape[k] == 1:
            place = 0
        if place is None:
            values, errors = _mean(values, (k,)), None
        else:
            values = np.take(values, min(place, values.shape[k] - 1), k)
            errors = None if errors is None else np.take(errors, min(place, errors.shape[k] - 1), k)
    left = [axis.name for k, axis in enumerate(axes) if k not in places]
    if len(wanted) == 2 and left[0] != wanted[0].name:
        values = values.T
    return values, errors


def _line(
    axis: Axis,
    values: FloatArray,
    errors: FloatArray | None,
    span: tuple[float, float] | None,
    doubtful: NDArray[np.bool_] | None = None,
) -> LineData:
    x = axis.values
    there = np.isfinite(values) & np.isfinite(x)
    order = np.argsort(x[there], kind="stable")
    x, y = x[there][order], values[there][order]
    bars = None if errors is None else errors[there][order]
    marks = None if doubtful is None else doubtful[there][order]
    points = len(x)
    if points > 4 * _SHOWN:
        x, y = thinned(x, y, span)
        bars = marks = None
    return LineData(Axis(axis.name, axis.unit, x), y, bars, points, marks)


def thinned(
    x: FloatArray, y: FloatArray, span: tuple[float, float] | None = None, *, stretches: int = _SHOWN
) -> tuple[FloatArray, FloatArray]:
    """Return a line of few points that looks the same: minimum and maximum of every stretch.

    Parameters
    ----------
    x, y
        Shape (n,), x ascending.
    span
        Keep only this part of x, and one point on either side.
    stretches
        Number of stretches; a line of fewer than four points a stretch is returned whole.
    """
    if span is not None:
        first, last = np.searchsorted(x, span)
        x, y = x[max(first - 1, 0) : last + 1], y[max(first - 1, 0) : last + 1]
    size = len(x) // stretches
    if size < 4:
        return x, y
    whole = size * stretches
    parts = y[:whole].reshape(stretches, size)
    places = np.sort(np.stack([parts.argmin(1), parts.argmax(1)], 1), 1)
    chosen = (places + size * np.arange(stretches)[:, None]).ravel()
    chosen = np.append(chosen, np.arange(whole, len(x)))
    return x[chosen], y[chosen]


def _map(y: Axis, x: Axis, values: FloatArray, levels: tuple[float, float] | None) -> MapData:
    (even_x, log_x, place_x), (even_y, log_y, place_y) = _even(x), _even(y)
    shown = values[np.ix_(place_y, place_x)]
    there = shown[np.isfinite(shown)]
    low, high = levels or ((float(there.min()), float(there.max())) if there.size else (0.0, 1.0))
    return MapData(
        Axis(x.name, x.unit, even_x), Axis(y.name, y.unit, even_y), shown,
        _levels(shown, low, high), low, high, (log_x, log_y),
    )  # fmt: skip


def _even(axis: Axis) -> tuple[FloatArray, bool, NDArray[np.int64]]:
    """Return even values along an axis, whether they are even in its logarithm, and the nearest places."""
    values = axis.values
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    is_log = bool(sorted_values[0] > 0) and is_log_spaced(sorted_values)
    scale = np.log10(sorted_values) if is_log else sorted_values
    steps = np.diff(scale)
    if len(values) < 2 or steps.max() == 0:
        return scale, is_log, order[:1]
    size = len(values) if steps.min() > 0.99 * steps.max() else min(_SIDE, 8 * len(values))
    even = np.linspace(scale[0], scale[-1], min(size, _SIDE))
    middle = (scale[1:] + scale[:-1]) / 2
    return even, is_log, order[np.searchsorted(middle, even)]
