"""How the spin–lattice relaxation time T1 of a bath depends on temperature.

Every model is a frozen record that is called with temperatures in K and gives T1 in s, so that a bath can
hold any of them, and a fit can move their fields. What a bath needs is `T1Model`: a laboratory's own law is a
callable of the same signature.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.physics.arguments import finite, non_negative, positive

__all__ = ["ActivatedT1", "ConstantT1", "ExponentialT1", "PowerLawT1", "T1Model"]

FloatArray = NDArray[np.float64]


@runtime_checkable
class T1Model(Protocol):
    """What gives T1 (s) at temperatures (K) of any shape."""

    def __call__(self, temperature: ArrayLike) -> FloatArray:
        """Return T1 in s at ``temperature`` in K."""
        ...


def _check_positive(model: object, *names: str) -> None:
    for field in fields(model):  # type: ignore[arg-type]
        check = positive if field.name in names else non_negative
        check(f"{field.name} of {type(model).__name__}", getattr(model, field.name))


@dataclass(frozen=True)
class ConstantT1:
    """T1 = t1 at every temperature.

    Parameters
    ----------
    t1
        T1 in s, ≥ 0 (0: the moment follows the field at once).
    """

    t1: float

    def __post_init__(self) -> None:
        _check_positive(self)

    def __call__(self, temperature: ArrayLike) -> FloatArray:
        """Return T1 in s at ``temperature`` in K."""
        return np.full_like(positive("temperature", temperature, unit="K"), self.t1)


@dataclass(frozen=True)
class PowerLawT1:
    """T1 = t1 (T/reference)^exponent.

    The exponent is −1 for direct phonons and for Korringa's law, −9 for Raman processes of a Kramers doublet.

    Parameters
    ----------
    t1
        T1 in s at the reference temperature, > 0.
    reference
        Reference temperature in K, > 0.
    exponent
        Any real number.
    """

    t1: float
    reference: float
    exponent: float

    def __post_init__(self) -> None:
        positive("t1 of PowerLawT1", self.t1, unit="s")
        positive("reference of PowerLawT1", self.reference, unit="K")
        finite("exponent of PowerLawT1", self.exponent)

    def __call__(self, temperature: ArrayLike) -> FloatArray:
        """Return T1 in s at ``temperature`` in K."""
        ratio = positive("temperature", temperature, unit="K") / self.reference
        return self.t1 * np.power(ratio, self.exponent)


@dataclass(frozen=True)
class ExponentialT1:
    """T1 = constant + amplitude exp(−T/scale): a decay of the *time* with temperature to a floor.

    Parameters
    ----------
    constant
        Floor in s, ≥ 0.
    amplitude
        Excess at T = 0 in s, ≥ 0.
    scale
        Temperature over which the excess falls by e, in K, > 0.
    """

    constant: float
    amplitude: float
    scale: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale")

    def __call__(self, temperature: ArrayLike) -> FloatArray:
        """Return T1 in s at ``temperature`` in K."""
        fall = np.exp(-positive("temperature", temperature, unit="K") / self.scale)
        total: FloatArray = self.constant + self.amplitude * fall
        return total


@dataclass(frozen=True)
class ActivatedT1:
    """1/T1 = constant_rate + attempt_rate exp(−activation/T): an activated *rate* beside a constant one.

    Parameters
    ----------
    constant_rate
        Rate that does not depend on temperature, in 1/s, > 0 (so that T1 stays finite at low T).
    attempt_rate
        Prefactor of the activated process in 1/s, ≥ 0.
    activation
        Activation energy over k_B in K, > 0.
    """

    constant_rate: float
    attempt_rate: float
    activation: float

    def __post_init__(self) -> None:
        _check_positive(self, "constant_rate", "activation")

    def __call__(self, temperature: ArrayLike) -> FloatArray:
        """Return T1 in s at ``temperature`` in K."""
        kelvin = positive("temperature", temperature, unit="K")
        with np.errstate(over="ignore"):
            rate = self.constant_rate + self.attempt_rate * np.exp(-self.activation / kelvin)
        return 1 / rate
