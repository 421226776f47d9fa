"""What light does besides pumping: it takes the charge of centres, and its reflection tells the angle.

Under light an NV⁻ centre loses its charge (NV⁰, dark to the detector) and regains it; in the dark it
recovers. A centre that comes back is not polarised. So a trace of light against dark time carries a
recharging besides T1, alike in both traces of a T1 measurement, where the difference cancels it.

=================  =====================================================================
``L``              light over a reference power
``1/T_loss``       rate at which light of L = 1 brings the charge to its steady fraction
``f``              fraction of charged centres under light
``T_dark``         recovery in the dark
``R``              reflected light, ``R0 L (1 + s θ)``: s is the slope of the speckle at the fibre
=================  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive

__all__ = ["ChargeDynamics", "reflected_light"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChargeDynamics:
    """How centres lose and regain their charge.

    Raises
    ------
    ArgumentError
        A time is not positive, or ``kept`` is no fraction.
    """

    loss_time: float = 200e-6  # s, T_loss under light of L = 1
    recovery_time: float = 5e-3  # s, T_dark
    kept: float = 0.85  # f, fraction of centres that keep their charge under light

    def __post_init__(self) -> None:
        positive("loss_time of the charge", self.loss_time, unit="s")
        positive("recovery_time of the charge", self.recovery_time, unit="s")
        if not 0 <= self.kept <= 1:
            raise ArgumentError(f"kept: wanted a fraction of charged centres in 0…1, got {self.kept!r}")

    def rates(self, light: float) -> tuple[float, float]:
        """Return the rates at which a charged centre is discharged, and a discharged one charged, 1/s.

        Parameters
        ----------
        light
            L ≥ 0.
        """
        relative = float(non_negative("light", light))
        if relative == 0:
            return 0.0, 1.0 / self.recovery_time
        total = relative / self.loss_time
        return total * (1.0 - self.kept), total * self.kept

    def charged(self, *, start: ArrayLike, time: ArrayLike, light: float) -> FloatArray:
        """Return the fraction of charged centres after a time under constant light.

        Parameters
        ----------
        start
            Fraction at the beginning, 0…1.
        time
            s, ≥ 0, broadcasts with ``start``.
        light
            L ≥ 0; 0 is the dark.
        """
        lost, regained = self.rates(light)
        end = regained / (lost + regained)
        gone = np.exp(-(lost + regained) * non_negative("time", time, unit="s"))
        return np.asarray(end + (finite("start", start) - end) * gone)

    def generator(self, charged: FloatArray, light: float) -> FloatArray:
        """Return the generator (..., n + 1, n + 1) of the charged levels (..., n, n) and the discharged one.

        A centre comes back with equal populations of the first three levels, the ground triplet.

        Parameters
        ----------
        charged
            Generator of the charged centre's levels, shape (..., n, n), 1/s.
        light
            L ≥ 0, relative as in `rates`.
        """
        lost, regained = self.rates(light)
        n = charged.shape[-1]
        whole = np.zeros((*charged.shape[:-2], n + 1, n + 1))
        whole[..., :n, :n] = charged - lost * np.eye(n)
        whole[..., n, :n] = lost
        whole[..., :3, n] = regained / 3.0
        whole[..., n, n] = -regained
        return whole


def reflected_light(*, angle: ArrayLike, slope: float, light: ArrayLike = 1.0) -> FloatArray:
    """Return R/R0 = L (1 + s θ), never below 0.

    Parameters
    ----------
    angle
        θ of the crystal from where R0 was measured, rad.
    slope
        s, 1/rad, of either sign: the speckle at the fibre decides.
    light
        L ≥ 0.
    """
    turned = 1.0 + float(finite("slope", slope, unit="1/rad")) * finite("angle", angle, unit="rad")
    return np.asarray(non_negative("light", light) * np.maximum(turned, 0.0))
