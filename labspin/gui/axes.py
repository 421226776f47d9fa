"""Quantities in the preferred units of the workspace: in text, and on the axes of plots.

Data stay in SI everywhere; only their labels change.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg

from labspin.analysis.names import words_of_name
from labspin.gui.foreign import markup
from labspin.units import format_quantity, shown_in

__all__ = ["RateAxis", "TimeAxis", "UnitAxis", "liked_unit", "rate_unit", "shown", "use_units"]

_MINUTE, _DAY = 60.0, 86400.0
_TICK = 0.01  # s by which a tick may differ from the second in its label

_SMALLEST = 0.6  # of its size that the label of a short axis may have
_chosen: dict[str, str] = {}


def use_units(units: Mapping[str, str]) -> None:
    """Set the units in which quantities are shown.

    Parameters
    ----------
    units
        Dimension -> unit, as ``[units]`` of the workspace has them.
    """
    _chosen.clear()
    _chosen.update(units)


def shown(value: float, unit: str, digits: int = 4) -> str:
    """Return a quantity as text, in the preferred unit of the workspace.

    Parameters
    ----------
    value
        A number in ``unit``.
    unit
        Symbol of a unit without a prefix.
    digits
        Significant digits.
    """
    return format_quantity(value, unit, digits=digits, units=_chosen)


def liked_unit(unit: str) -> str:
    """Return the unit in which a person would type a quantity of ``unit``.

    Parameters
    ----------
    unit
        Symbol of a unit without a prefix.
    """
    return shown_in(0.0, unit, _chosen)[1]


class UnitAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph is untyped
    """An axis with the preferred unit, or an SI prefix; a logarithmic scale is labelled at 1, 2 and 5 only.

    Parameters
    ----------
    orientation
        Side of the plot.
    **options
        Options of pyqtgraph's axis.
    """

    def __init__(self, orientation: str, **options: object) -> None:
        self._unit = ""
        super().__init__(orientation, **options)

    def show_quantity(self, words: str, unit: str) -> None:
        """Set the label of the axis.

        Parameters
        ----------
        words
            Name of the quantity, which is written in words.
        unit
            Unit of the data.
        """
        text, self._unit = words_of_name(words), "" if unit in ("", "1") else unit
        if (text, self._unit) != (self.labelText, getattr(self, "_shown_unit", None)):
            self._shown_unit = self._unit
            self.setLabel(text, units=self._unit)
            self.enableAutoSIPrefix(bool(self._unit))

    def updateAutoSIPrefix(self) -> None:
        """Choose the unit for the visible range."""
        divisor, name = 1.0, ""
        if self._unit and self.label.isVisible():
            ends = 10 ** np.clip(self.range, -300, 300) if self.logMode else self.range
            greatest = float(max(abs(ends[0]), abs(ends[1]))) * self.scale
            divisor, name = shown_in(greatest, self._unit, _chosen, digits=3)
        self.autoSIPrefixScale = 1.0 / divisor
        self.labelUnits, self.labelUnitPrefix = name, ""
        self._updateLabel()

    def resizeEvent(self, event: object = None) -> None:
        """Place the label, smaller where the axis is shorter than it.

        Parameters
        ----------
        event
            Event of Qt; None where pyqtgraph asks for a layout.
        """
        super().resizeEvent(event)
        if getattr(self, "label", None) is None:
            return
        upright = self.orientation in ("left", "right")
        length, wide = (
            (self.size().height() if upright else self.size().width()),
            self.label.boundingRect().width(),
        )
        scale = max(_SMALLEST, min(1.0, length / wide)) if wide > 0 and length > 0 else 1.0
        self.label.setScale(scale)
        if scale < 1.0 and upright:
            self.label.setY(0.5 * (length + scale * wide))
        elif scale < 1.0:
            self.label.setX(0.5 * (length - scale * wide))

    def labelString(self) -> str:
        """Return the label of the axis, with the unit in brackets."""
        style = ";".join(f"{key}: {value}" for key, value in self.labelStyle.items())
        unit = f" ({self.labelUnits})" if self.labelUnits else ""
        return f"<span style='{style}'>{markup(f'{self.labelText}{unit}')}</span>"

    def logTickStrings(self, values: object, scale: float, spacing: object) -> list[str]:
        """Return the labels of the ticks of a logarithmic scale.

        Parameters
        ----------
        values
            Decadic logarithms of the ticks.
        scale
            By which values are multiplied.
        spacing
            Distance of the ticks; not used.
        """
        del spacing
        return [_tick(10.0**value * scale) for value in np.asarray(values, np.float64)]


class RateAxis(UnitAxis):
    """An axis of count rates, in k/s or M/s, as their figures are written."""

    def updateAutoSIPrefix(self) -> None:
        """Choose the unit for the visible range."""
        divisor, name = rate_unit(max(abs(self.range[0]), abs(self.range[1])))
        self.autoSIPrefixScale = 1.0 / divisor
        self.labelUnits, self.labelUnitPrefix = name, ""
        self._updateLabel()


def rate_unit(rate: float) -> tuple[float, str]:
    """Return a divisor and the unit in which a count rate reads well: not 691.7 1/ms.

    Parameters
    ----------
    rate
        The rate, 1/s.
    """
    return next(
        ((power, f"{prefix}/s") for power, prefix in ((1e6, "M"), (1e3, "k")) if abs(rate) >= power),
        (1.0, "1/s"),
    )


class TimeAxis(pg.DateAxisItem):  # type: ignore[misc]  # pyqtgraph is untyped
    """An axis of the time of day: hours and minutes, with seconds where the scale needs them."""

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks.

        Parameters
        ----------
        values
            Times, s since 1970.
        scale
            Factor of the values; not used.
        spacing
            Distance of the ticks, s.

        Returns
        -------
            The texts; empty at fractions of a second.
        """
        del scale
        if spacing >= _DAY:
            return list(super().tickStrings(values, 1.0, spacing))
        form = "%H:%M" if spacing >= _MINUTE else "%H:%M:%S"
        whole = [
            round(t) for t in values
        ]  # sums of tenths of a second are not exact at the size of a Unix time
        return [
            time.strftime(form, time.localtime(second)) if abs(t - second) < _TICK else ""
            for t, second in zip(values, whole, strict=True)
        ]


def _tick(value: float) -> str:
    digits = f"{value:.0e}"
    if digits[0] not in "125":
        return ""
    return f"{value:g}" if 1e-3 <= abs(value) < 1e5 else digits
