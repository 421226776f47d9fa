"""Longitudinal relaxation of a class, and how resonance with other classes shortens it.

Classes whose transitions coincide share fast-decaying fluctuators ([NV], after Choi et al. 2017). Both
parametrisations below are fit models in the *effective number of resonant classes* ``n_i = 1 + Σ_{j≠i}
g(ω_i − ω_j)`` with a line shape g of height one: the supplement of [NV] adds ``1/T_dd`` per resonant class,
and `InterpolatedRelaxation` passes monotonically through the three T1 of [NV] Fig. 2(c).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, positive
from labspin.physics.monotone import interpolated

__all__ = [
    "CR_MEASURED",
    "CR_SUPPLEMENT",
    "DipolarRelaxation",
    "InterpolatedRelaxation",
    "LineShape",
    "Relaxation",
    "UncoupledRelaxation",
    "effective_resonant_classes",
]

FloatArray = NDArray[np.float64]
LineShape = Literal["gaussian", "lorentzian"]


class Relaxation(Protocol):
    """What the rate model asks of a relaxation model; both methods take and return arrays, in 1/s."""

    @property
    def isolated_rate(self) -> float:
        """Rate 1/T1⁰ towards thermal equilibrium of a class that is resonant with no other."""

    def cross_relaxation_rate(self, transition: FloatArray, *, axis: int = -1) -> FloatArray:
        """Return the added rate ``1/T1_i − 1/T1⁰`` towards equal populations, 1/s.

        It has the shape of ``transition``.

        Parameters
        ----------
        transition
            Transition frequencies of the classes, rad/s.
        axis
            Axis of ``transition`` along which the classes lie.
        """


def effective_resonant_classes(
    *, transition: ArrayLike, width: float, line_shape: LineShape = "gaussian", axis: int = -1
) -> FloatArray:
    """Return ``n_i = 1 + Σ_{j≠i} g(ω_i − ω_j)``, of the shape of ``transition``.

    Parameters
    ----------
    transition
        Transition frequencies of the classes along ``axis``, rad/s.
    width
        σ of the Gaussian, or the half width at half maximum of the Lorentzian, rad/s.
    line_shape
        ``"gaussian"``: exp(−δ²/2σ²); ``"lorentzian"``: 1/(1 + δ²/σ²).
    axis
        Axis of ``transition`` along which the classes lie.
    """
    frequency = np.moveaxis(finite("transition", transition, unit="rad/s"), axis, 0)
    positive("width", width, unit="rad/s")
    _check_shape(line_shape)
    return np.moveaxis(1.0 + _overlap(frequency, width, line_shape), 0, axis)


def _check_shape(line_shape: str) -> None:
    if line_shape not in ("gaussian", "lorentzian"):
        raise ArgumentError(f"line_shape: wanted 'gaussian' or 'lorentzian', got {line_shape!r}")


def _overlap(frequency: FloatArray, width: float, line_shape: LineShape) -> FloatArray:
    """Return Σ_{j≠i} g(ω_i − ω_j) with the classes along the first axis; each pair is computed once."""
    total = np.zeros_like(frequency)
    inverse = 1.0 / width
    for i in range(frequency.shape[0]):
        for j in range(i):
            square = ((frequency[i] - frequency[j]) * inverse) ** 2
            overlap = np.exp(-0.5 * square) if line_shape == "gaussian" else 1.0 / (1.0 + square)
            total[i] += overlap
            total[j] += overlap
    return total


@dataclass(frozen=True, kw_only=True)
class UncoupledRelaxation:
    """Every class relaxes at 1/T1⁰, resonant or not: the dashed lines of [NV] Fig. 4(b) and Fig. 3(a)."""

    isolated_time: float = 1.03e-3  # s, T1⁰

    def __post_init__(self) -> None:
        if not self.isolated_time > 0:
            raise ArgumentError(
                f"isolated_time: wanted a time > 0 s (inf for none), got {self.isolated_time!r}"
            )

    @property
    def isolated_rate(self) -> float:
        """1/T1⁰ in 1/s."""
        return 1.0 / self.isolated_time

    def cross_relaxation_rate(self, transition: FloatArray, *, axis: int = -1) -> FloatArray:
        """Return zeros.

        Parameters
        ----------
        transition
            Transition frequencies of the classes; only its shape counts.
        axis
            Axis of the classes; not used.
        """
        return np.zeros_like(transition)


@dataclass(frozen=True, kw_only=True)
class DipolarRelaxation:
    """``1/T1_i = 1/T1⁰ + Σ_{j≠i} (1/T_dd) g(ω_i − ω_j)``: the model of the supplement of [NV].

    The published script differs (a Lorentzian, 6–8 MHz, summed over both transitions); the line shape and its
    width are therefore fields.
    """

    isolated_time: float = 1.03e-3  # s, T1⁰
    dipolar_time: float = 0.38e-3  # s, T_dd
    width: float = 2e6 * math.pi * 6.0  # rad/s, σ or half width at half maximum
    line_shape: LineShape = "gaussian"

    def __post_init__(self) -> None:
        for name in ("isolated_time", "dipolar_time", "width"):
            positive(name, getattr(self, name))
        _check_shape(self.line_shape)

    @property
    def isolated_rate(self) -> float:
        """1/T1⁰ in 1/s."""
        return 1.0 / self.isolated_time

    def cross_relaxation_rate(self, transition: FloatArray, *, axis: int = -1) -> FloatArray:
        """Return ``Σ_{j≠i} g/T_dd`` in 1/s, of the shape of ``transition``.

        Parameters
        ----------
        transition
            Transition frequencies of the classes, rad/s.
        axis
            Axis of ``transition`` along which the classes lie.
        """
        overlap = _overlap(np.moveaxis(transition, axis, 0), self.width, self.line_shape)
        overlap /= self.dipolar_time
        return np.moveaxis(overlap, 0, axis)


@dataclass(frozen=True, kw_only=True)
class InterpolatedRelaxation:
    """1/T1 as the monotone cubic (PCHIP) in n_i through T1 at n = 1, 2, 4: [NV] Fig. 2(c).

    Raises
    ------
    ArgumentError
        The three times do not fall with n, or a width is not positive.
    """

    alone_time: float = 1.61e-3  # s, T1 of a class resonant with no other
    pair_time: float = 490e-6  # s, … with one other
    all_time: float = 220e-6  # s, … with the three others
    width: float = 2e6 * math.pi * 6.0  # rad/s
    line_shape: LineShape = "gaussian"

    def __post_init__(self) -> None:
        for name in ("alone_time", "pair_time", "all_time", "width"):
            positive(name, getattr(self, name))
        if not self.alone_time >= self.pair_time >= self.all_time:
            times = (self.alone_time, self.pair_time, self.all_time)
            raise ArgumentError(f"pair_time: wanted T1 that falls with the number of classes, got {times} s")
        _check_shape(self.line_shape)

    @property
    def isolated_rate(self) -> float:
        """1/T1 at n = 1, in 1/s."""
        return 1.0 / self.alone_time

    def cross_relaxation_rate(self, transition: FloatArray, *, axis: int = -1) -> FloatArray:
        """Return ``1/T1(n_i) − 1/T1(1)`` in 1/s, of the shape of ``transition``.

        Parameters
        ----------
        transition
            Transition frequencies of the classes, rad/s.
        axis
            Axis of ``transition`` along which the classes lie.
        """
        number = _overlap(np.moveaxis(transition, axis, 0), self.width, self.line_shape)
        return np.moveaxis(self._added_rate(number), 0, axis)

    def _added_rate(self, others: FloatArray) -> FloatArray:
        rates = 1.0 / np.array([self.alone_time, self.pair_time, self.all_time])
        return interpolated(at=np.minimum(others, 3.0), known=[0.0, 1.0, 3.0], values=rates - rates[0])


CR_SUPPLEMENT = DipolarRelaxation()
CR_MEASURED = InterpolatedRelaxation()
