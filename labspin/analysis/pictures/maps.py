"""Values over two axes as colours: cells around the places, doubtful ones crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray
from labspin.analysis.pictures.lines import Axis, is_logarithmic
from labspin.analysis.pictures.plots import axis_label, axis_scale, log_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_map"]


def draw_map(panel: Axes, axes: list[Axis], values: FloatArray, label: str, bad: NDArray[np.bool_]) -> None:
    """Draw values over two axes as colours.

    Parameters
    ----------
    panel
        Where to draw.
    axes
        The vertical axis and the horizontal one.
    values
        Shape of both axes; NaN stays empty.
    label
        Words beside the scale of colours.
    bad
        Which values are doubtful.
    """
    (name_y, unit_y, y), (name_x, unit_x, x) = axes
    order_y, order_x = np.argsort(y, kind="stable"), np.argsort(x, kind="stable")
    scale_y, shown_y = axis_scale(np.asarray(y), unit_y)
    scale_x, shown_x = axis_scale(np.asarray(x), unit_x)
    edges_x, edges_y = _edges(x[order_x] * scale_x), _edges(y[order_y] * scale_y)
    image = panel.pcolormesh(edges_x, edges_y, values[np.ix_(order_y, order_x)], cmap="cividis")
    rows, columns = np.nonzero(bad)
    panel.plot(x[columns] * scale_x, y[rows] * scale_y, "x", color="tab:red", markersize=4)
    if is_logarithmic(x):
        log_axis(panel, "x", x * scale_x)
    if is_logarithmic(y):
        log_axis(panel, "y", y * scale_y)
    panel.figure.colorbar(image, ax=panel, label=label)
    panel.set_xlabel(axis_label(name_x, shown_x))
    panel.set_ylabel(axis_label(name_y, shown_y))


def _edges(centres: FloatArray) -> FloatArray:
    """Return the borders between cells, halfway; halfway of the logarithms on a logarithmic axis."""
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    if is_logarithmic(centres):
        return np.exp(_edges_between(np.log(centres)))
    return _edges_between(centres)


def _edges_between(centres: FloatArray) -> FloatArray:
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
