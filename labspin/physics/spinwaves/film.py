"""The magnetic film: its material, its thickness, and the numbers the paper uses for it.

A film of thickness d lies in the y–z plane with its normal along x, saturated along z by an in-plane field.
Everything else in this package is computed from the five numbers of a `Film`.

Source: Gonzalez-Ballestero, van der Sar, Romero-Isart, *Towards a quantum interface between spin waves and
paramagnetic spin baths*, called [SW] here; equation numbers in this package are those of [SW].
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive
from labspin.physics.constants import mu_0

__all__ = ["YIG_FIGURES", "YIG_TABLE1", "Film", "ValidityWarning"]


class ValidityWarning(UserWarning):
    """A result lies outside the range in which its approximation was shown to hold."""


@dataclass(frozen=True)
class Film:
    """A saturated ferromagnetic film with free surface spins.

    Parameters
    ----------
    thickness
        d, in m.
    gyromagnetic_ratio
        |γ|, in rad/(s T).
    magnetisation
        Saturation magnetisation M_S, in A/m.
    exchange_stiffness
        α_x of H_x = α_x ∇²M, in m²; α_x = 2A/(μ0 M_S²) for an exchange constant A in J/m.
    gilbert_damping
        α_G, dimensionless.
    saturation_field
        Smallest in-plane μ0H0 at which the film is taken to be saturated, in T. [SW] assumes saturation and
        names no limit; coercive and in-plane anisotropy fields of YIG films are below the default.

    Raises
    ------
    ArgumentError
        A number is not finite and positive (the saturation field may be zero).
    """

    thickness: float
    gyromagnetic_ratio: float
    magnetisation: float
    exchange_stiffness: float
    gilbert_damping: float
    saturation_field: float = 0.5e-3

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "saturation_field" and value == 0:
                continue
            positive(f"film {item.name}", value)

    @property
    def omega_m(self) -> float:
        """ω_M = |γ| μ0 M_S, in rad/s."""
        return self.gyromagnetic_ratio * mu_0 * self.magnetisation

    @property
    def exchange_ratio(self) -> float:
        """α_x/d², dimensionless."""
        return self.exchange_stiffness / self.thickness**2

    def reduced_field(self, field: object) -> FloatArray:
        """Return ω_H/ω_M for an applied field.

        Parameters
        ----------
        field
            μ0H0 in T, at least the saturation field, any shape.

        Raises
        ------
        ArgumentError
            A field is not finite or lies below the saturation field.
        """
        array = finite("field", field, unit="T")  # type: ignore[arg-type]
        low = array < max(self.saturation_field, np.finfo(float).tiny)
        if low.any():
            raise ArgumentError(
                f"field: wanted at least the saturation field {self.saturation_field} T of the film, "
                f"got {array[low].flat[0].item()!r} T; spin-wave modes are those of a saturated film"
            )
        return array / (mu_0 * self.magnetisation)


YIG_TABLE1 = Film(
    thickness=200e-9,
    gyromagnetic_ratio=1.76e11,
    magnetisation=1.39e5,
    exchange_stiffness=2.14e-16,
    gilbert_damping=1e-4,
)
"""[SW] Table 1 as printed; α_x = 2.14·10⁻⁴ µm² contradicts the figures and the text (d²/α_x ≈ 130)."""

YIG_FIGURES = Film(
    thickness=200e-9,
    gyromagnetic_ratio=1.76e11,
    magnetisation=1.39e5,
    exchange_stiffness=3.08e-16,
    gilbert_damping=1e-4,
)
"""[SW] Table 1 with the α_x = 3.08·10⁻⁴ µm² that its text and figures need (the textbook value of YIG)."""
