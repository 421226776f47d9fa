"""The figures of the three papers, from public functions only, and their numbers: quoted and computed.

Every figure is one function that a physicist may read as an example: it computes columns and says how to
draw them. `reproduce` writes picture and columns side by side. Nothing is tuned to meet a paper; where a text
and a computation differ, `quoted_values` says so. What a procedure can measure is also measured (`measure`):
a run card on the simulated bench, its points over the curve, and χ² of the two without a fit.

Papers: [NV] Pellet-Mary et al., PRB 104, L100411 (2021); [MR] Wagenaar, thesis (Leiden 2017), chapter 3;
[SW] Gonzalez-Ballestero et al. on spin waves and paramagnetic spins.
"""

from __future__ import annotations

from labspin.reproduction.catalogue import (
    FIGURES,
    Compared,
    FigureScript,
    Sheet,
    measure,
    measurements,
    reproduce,
)
from labspin.reproduction.measurement import Measurement, Panel
from labspin.reproduction.published import quoted_values
from labspin.reproduction.quoted import Quoted

__all__ = [
    "FIGURES",
    "Compared",
    "FigureScript",
    "Measurement",
    "Panel",
    "Quoted",
    "Sheet",
    "measure",
    "measurements",
    "quoted_values",
    "reproduce",
]
