"""Constants of nature, CODATA 2022 (P. J. Mohr et al., Rev. Mod. Phys. 97, 025002 (2025)), in SI units.

They stand here as numbers, and are not taken from `scipy.constants`: importing that takes a fourth of a
second of the processor, and its values change with the release that is installed.
"""

from __future__ import annotations

__all__ = [
    "BOHR_MAGNETON", "DEUTERON_MOMENT", "ELECTRON_GYROMAGNETIC_RATIO", "HELION_MOMENT", "NUCLEAR_MAGNETON",
    "PROTON_GYROMAGNETIC_RATIO", "hbar", "k", "mu_0",
]  # fmt: skip

hbar = 6.62607015e-34 / (2.0 * 3.141592653589793)
"""Reduced Planck constant ħ, J s; exact."""
k = 1.380649e-23
"""Boltzmann constant, J/K; exact."""
mu_0 = 1.25663706127e-6
"""Vacuum magnetic permeability, N/A²."""

BOHR_MAGNETON = 9.2740100657e-24
"""Bohr magneton μ_B, J/T."""
NUCLEAR_MAGNETON = 5.0507837393e-27
"""Nuclear magneton μ_N, J/T."""
ELECTRON_GYROMAGNETIC_RATIO = 176085962784.0
"""Modulus of the gyromagnetic ratio of the free electron, rad/(s T)."""
PROTON_GYROMAGNETIC_RATIO = 267522187.08
"""Gyromagnetic ratio of the proton, rad/(s T)."""
DEUTERON_MOMENT = 0.8574382335
"""Magnetic moment of the deuteron, in nuclear magnetons."""
HELION_MOMENT = -2.1276253498
"""Magnetic moment of the helion, in nuclear magnetons."""
