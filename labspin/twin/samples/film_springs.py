"""The stiffness that centres over a film add to a cantilever, interpolated in the distance.

A stage that moves or drifts asks for it at ever new distances, and each is an integral over spin waves. It is
smooth: within an octave of the distance a Chebyshev polynomial through ten distances gives κ l⁴ to 10⁻⁸, and
all of them cost one integral. Beyond `FAR` there is none: κ falls faster than l⁻⁴.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

from labspin.physics.arguments import FloatArray
from labspin.twin.sample import ComplexArray

__all__ = ["FAR", "FilmSprings"]

FAR = 20e-6
"""Distance from which the centres add no stiffness, m."""
_NODES = 10
_REMEMBERED = 64


class FilmSprings:
    """Stiffness against distance, octave by octave, as it is asked for.

    Parameters
    ----------
    stiffness
        ``stiffness(distances, field, pump)`` -> N/m of all centres; distances (n,) of the nearest in m, field
        in T, pump rate in rad/s.
    """

    def __init__(self, stiffness: Callable[[FloatArray, float, float], ComplexArray]) -> None:
        self._of = stiffness
        self._known: OrderedDict[tuple[float, float, int], ComplexArray] = OrderedDict()

    def at(self, distance: float, field: float, pump: float) -> complex:
        """Return the stiffness of all centres, N/m.

        Parameters
        ----------
        distance
            Of the nearest centre, m.
        field, pump
            T and rad/s.
        """
        if distance >= FAR:
            return 0j
        octave = math.floor(math.log2(distance / FAR))
        key = (field, pump, octave)
        if key not in self._known:
            spots = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
            lengths = FAR * 2.0 ** (octave + 0.5 * (spots + 1))
            scaled = self._of(lengths, field, pump) * (lengths / FAR) ** 4
            parts = [chebyshev.chebfit(spots, part, _NODES - 1) for part in (scaled.real, scaled.imag)]
            self._known[key] = np.asarray(parts[0] + 1j * parts[1], np.complex128)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        spot = 2 * (math.log2(distance / FAR) - octave) - 1
        return complex(chebyshev.chebval(spot, self._known[key]) / (distance / FAR) ** 4)
