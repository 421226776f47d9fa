"""The numbers of the thesis, each with its place in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labspin.physics.mrfm.magnet import Magnet
from labspin.physics.mrfm.resonator import Resonator
from labspin.physics.mrfm.sample import Surface
from labspin.physics.mrfm.species import SpinSpecies

__all__ = ["ELECTRON_G2", "THESIS_FIG_3_2", "THESIS_FIG_3_3", "SingleSpinPreset", "SurfaceBathPreset"]

# The thesis does not say which g-factor its electrons have. With g = 2 (μ_s = μ_B) the reference value
# κ(300 mK) = 4.38566760e-8 (1 + i) N/m follows to all its digits (with μ_B of CODATA 2018); the free electron
# gives 0.22 % more.
ELECTRON_G2 = SpinSpecies.from_g_factor("electron, g = 2", spin=0.5, g=2.0, source="μ_s = μ_B")


@dataclass(frozen=True)
class SingleSpinPreset:
    """One spin below a magnet, along a line parallel to the motion.

    Parameters
    ----------
    magnet
        Moment (A m²) and motion.
    distance
        Distance of the line from the magnet's centre in m.
    temperature
        In K.
    t1, t2
        Relaxation times in s.
    species
        The spin.
    source
        Where the numbers stand.
    """

    magnet: Magnet
    distance: float
    temperature: float
    t1: float
    t2: float
    species: SpinSpecies
    source: str


@dataclass(frozen=True)
class SurfaceBathPreset:
    """A surface covered with spins below the magnet on a cantilever.

    Parameters
    ----------
    magnet
        Moment (A m²) and motion.
    resonator
        The cantilever.
    surface
        The plane of the spins.
    density
        In 1/m².
    species
        The spins.
    source
        Where the numbers stand.
    """

    magnet: Magnet
    resonator: Resonator
    surface: Surface
    density: float
    species: SpinSpecies
    source: str


THESIS_FIG_3_2 = SingleSpinPreset(
    magnet=Magnet(moment=(19e-12, 0.0, 0.0), motion=(1.0, 0.0, 0.0)),
    distance=2.5e-6,
    temperature=0.3,
    t1=0.0,
    t2=0.0,
    species=ELECTRON_G2,
    source="Wagenaar, thesis (Leiden 2017), caption of Fig. 3.2",
)

# Q0 is not stated there; κ does not depend on it.
THESIS_FIG_3_3 = SurfaceBathPreset(
    magnet=Magnet(moment=(19e-12, 0.0, 0.0), motion=(1.0, 0.0, 0.0)),
    resonator=Resonator(stiffness=70e-6, angular_frequency=2 * np.pi * 3e3, quality_factor=3e4),
    surface=Surface(2.2e-6),
    density=0.14e18,
    species=ELECTRON_G2,
    source="Wagenaar, thesis (Leiden 2017), caption of Fig. 3.3; quality factor: typical",
)
