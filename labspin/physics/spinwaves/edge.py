"""The stray field at the straight edge of a film: a calibration of the distance that asks nothing of waves.

A film that fills z < 0, −d < x < 0 and is magnetised along z ends in a wall of magnetic charge M_S at z = 0.
Above it the field of that wall, seen as the shift of a line while the centre is scanned across, is as wide as
the centre is far: T. Hingant *et al.*, Phys. Rev. Applied 4, 014003 (2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labspin.physics.arguments import FloatArray, broadcast, finite, positive
from labspin.physics.constants import mu_0
from labspin.physics.spinwaves.film import Film

__all__ = ["edge_stray_field"]


def edge_stray_field(*, film: Film, position: ArrayLike, distance: ArrayLike) -> FloatArray:
    """Return the stray field of a film beyond or above its edge.

    Parameters
    ----------
    film
        The film, of which thickness d and magnetisation M_S count. It lies at z < 0 and is magnetised along
        +z, across its straight edge.
    position
        z in m, counted from the edge: negative above the film, positive beside it.
    distance
        l > 0 above the level of the upper surface, in m. Both broadcast.

    Returns
    -------
    FloatArray
        B in T, shape (..., 3): (x, y, z), x upwards. Magnetised the other way, its negative. Magnetised along
        the edge there is none.

    Raises
    ------
    ArgumentError
        A distance is not positive, or shapes do not broadcast.

    Notes
    -----
    The field of a charged strip is B_z = (μ0M_S/2π)[arctan((l + d)/z) − arctan(l/z)] and B_x = (μ0M_S/4π)
    ln[((l + d)² + z²)/(l² + z²)]. B_x is largest above the edge; B_z changes sign there, and a thin film has
    its extrema at z = ±l.
    """
    z = finite("position", position, unit="m")
    lower = positive("distance", distance, unit="m")
    broadcast(position=z, distance=lower)
    upper = lower + film.thickness
    scale = mu_0 * film.magnetisation / (4 * np.pi)
    # the angle under which the wall is seen, without the jump of arctan(l/z) at z = 0
    seen = np.arctan2(z * film.thickness, z**2 + lower * upper)
    across = scale * np.log((upper**2 + z**2) / (lower**2 + z**2))
    along = 2 * scale * seen
    return np.stack(np.broadcast_arrays(across, np.zeros(()), along), axis=-1)
