"""Spin species: the spin number and the gyromagnetic ratio of electrons and nuclei, each with its source.

Electron, proton: CODATA 2022. ²H, ³He: CODATA moments. Other nuclei: R. K. Harris et
al., Pure Appl. Chem. 73, 1795 (2001), tables 1 and 2 (IUPAC recommendations), of which 1–3 % chemical
shielding of the heaviest is no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.mrfm.brillouin import (
    LARGEST_SPACING,
    checked_spin,
    polarisation,
    polarisation_slope,
)

__all__ = ["SPECIES", "SpinSpecies", "mean_moment", "mean_moment_slope", "species_named"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SpinSpecies:
    """A kind of spin.

    Parameters
    ----------
    name
        What it is called.
    spin
        Spin number S (or nuclear I), a multiple of 1/2.
    gyromagnetic_ratio
        γ_s in rad s⁻¹ T⁻¹ with its sign; κ depends on its modulus only.
    source
        Where the numbers come from.

    Raises
    ------
    ArgumentError
        The spin is no positive multiple of 1/2, or the gyromagnetic ratio is zero or not finite.
    """

    name: str
    spin: float
    gyromagnetic_ratio: float
    source: str

    def __post_init__(self) -> None:
        checked_spin(self.spin)
        ratio = finite(f"gyromagnetic_ratio of {self.name}", self.gyromagnetic_ratio, unit="rad/(s T)")
        if ratio == 0:
            raise ArgumentError(f"gyromagnetic_ratio of {self.name}: wanted a value other than 0, got 0")

    @classmethod
    def from_g_factor(cls, name: str, *, spin: float, g: float, source: str) -> SpinSpecies:
        """Return a paramagnetic centre with γ_s = −g μ_B/ħ.

        Parameters
        ----------
        name
            What it is called.
        spin
            Spin number S, a positive multiple of 1/2.
        g
            g-factor, > 0.
        source
            Where the numbers come from.
        """
        ratio = -float(positive("g", g)) * constants.BOHR_MAGNETON / constants.hbar
        return cls(name, spin, ratio, source)

    @property
    def moment(self) -> float:
        """μ_s = S ħ |γ_s| in A m²."""
        return self.spin * constants.hbar * abs(self.gyromagnetic_ratio)

    def larmor_frequency(self, field: ArrayLike) -> FloatArray:
        """Return ω_s = |γ_s| B in rad/s.

        Parameters
        ----------
        field
            B ≥ 0 in T, any shape.
        """
        return abs(self.gyromagnetic_ratio) * non_negative("field", field, unit="T")


def mean_moment(*, species: SpinSpecies, field: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Return M(B, T) = μ_s Br_S(βμ_sB), the thermal mean moment along the field, in A m².

    Parameters
    ----------
    species
        The spin.
    field
        B ≥ 0 in T.
    temperature
        T > 0 in K; broadcasts with ``field``.

    Raises
    ------
    ArgumentError
        A temperature is not positive or a field negative.
    """
    return unchecked_moment(
        species, non_negative("field", field, unit="T"), positive("temperature", temperature, unit="K")
    )


def mean_moment_slope(*, species: SpinSpecies, field: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Return ∂M/∂B = βμ_s² Br_S'(βμ_sB) in A m²/T; errors are those of `mean_moment`.

    Parameters
    ----------
    species
        The spin.
    field
        B ≥ 0 in T.
    temperature
        T > 0 in K; broadcasts with ``field``.
    """
    return unchecked_moment_slope(
        species, non_negative("field", field, unit="T"), positive("temperature", temperature, unit="K")
    )


def unchecked_moment(species: SpinSpecies, field: FloatArray, temperature: FloatArray) -> FloatArray:
    """Return M for arguments that the caller has checked."""
    return species.moment * polarisation(species.spin, _level_spacing(species, field, temperature))


def unchecked_moment_slope(species: SpinSpecies, field: FloatArray, temperature: FloatArray) -> FloatArray:
    """Return ∂M/∂B for arguments that the caller has checked."""
    slope = polarisation_slope(species.spin, _level_spacing(species, field, temperature))
    # μ_s²/k_B first: k_B T alone would underflow for the smallest T.
    slope *= species.moment**2 / constants.k / temperature
    return slope


def _level_spacing(species: SpinSpecies, field: FloatArray, temperature: FloatArray) -> FloatArray:
    """Return t = ħ|γ|B/(k_B T), bounded so that no T > 0 overflows."""
    with np.errstate(over="ignore"):
        spacing = (constants.hbar * abs(species.gyromagnetic_ratio) / constants.k) * field / temperature
    return np.minimum(spacing, LARGEST_SPACING, out=np.asarray(spacing))


_CODATA = "CODATA 2022"
_HARRIS = "Harris et al., Pure Appl. Chem. 73, 1795 (2001)"


def _from_magnetons(name: str, spin: float, moment: float) -> SpinSpecies:
    ratio = moment * constants.NUCLEAR_MAGNETON / (spin * constants.hbar)
    return SpinSpecies(name, spin, ratio, _CODATA)


def _nucleus(name: str, spin: float, ratio: float) -> SpinSpecies:
    return SpinSpecies(name, spin, ratio * 1e7, _HARRIS)


SPECIES: Mapping[str, SpinSpecies] = MappingProxyType(
    {
        species.name: species
        for species in (
            SpinSpecies("electron", 0.5, -constants.ELECTRON_GYROMAGNETIC_RATIO, _CODATA),
            SpinSpecies.from_g_factor(
                "Si dangling bond", spin=0.5, g=2.0055, source="Brodsky and Title, PRL 23, 581 (1969)"
            ),
            SpinSpecies("1H", 0.5, constants.PROTON_GYROMAGNETIC_RATIO, _CODATA),
            _from_magnetons("2H", 1, constants.DEUTERON_MOMENT),
            _from_magnetons("3He", 0.5, constants.HELION_MOMENT),
            _nucleus("6Li", 1, 3.9371709),
            _nucleus("7Li", 1.5, 10.3977013),
            _nucleus("10B", 3, 2.8746786),
            _nucleus("11B", 1.5, 8.5847044),
            _nucleus("13C", 0.5, 6.728284),
            _nucleus("14N", 1, 1.9337792),
            _nucleus("15N", 0.5, -2.71261804),
            _nucleus("17O", 2.5, -3.62808),
            _nucleus("19F", 0.5, 25.18148),
            _nucleus("23Na", 1.5, 7.0808493),
            _nucleus("27Al", 2.5, 6.9762715),
            _nucleus("29Si", 0.5, -5.3190),
            _nucleus("31P", 0.5, 10.8394),
            _nucleus("63Cu", 1.5, 7.1117890),
            _nucleus("65Cu", 1.5, 7.60435),
            _nucleus("69Ga", 1.5, 6.438855),
            _nucleus("71Ga", 1.5, 8.181171),
            _nucleus("75As", 1.5, 4.596163),
            _nucleus("93Nb", 4.5, 6.5674),
            _nucleus("195Pt", 0.5, 5.8385),
        )
    }
)


def species_named(name: str) -> SpinSpecies:
    """Return a species of the table.

    Parameters
    ----------
    name
        Its name there, such as ``"electron"`` or ``"19F"``.

    Raises
    ------
    ArgumentError
        The table has no such species.
    """
    try:
        return SPECIES[name]
    except KeyError:
        raise ArgumentError(f"species {name!r} is not known; choose one of {', '.join(SPECIES)}") from None
