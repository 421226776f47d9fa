"""The line of a centre across the straight edge of a film: its distance, whatever spin waves do.

The stray field of the edge shifts the lines by ∓γ B∥ (`labspin.physics.spinwaves.edge_stray_field`). How wide
the shift is along the scan tells the distance, how high it is the magnetisation; both are fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.guesses import averaged
from labspin.errors import RecipeError

__all__ = ["film_edge"]

_ENOUGH = 1000
"""Points from which the start is found as well as from more."""


def film_edge(*, thickness: float = 200e-9, elevation: float = 0.0) -> FitModel:
    """Return the model of a field along the axis (T) against the position across an edge (m).

    Parameters
    ----------
    thickness
        Thickness of the film, m.
    elevation
        Angle of the axis of the centres out of the plane of the film, rad, in the plane of normal and
        magnetisation.

    Raises
    ------
    RecipeError
        The thickness is not positive, or the angle beyond ±π/2.
    """
    from labspin.physics.spinwaves import Film, edge_stray_field

    if not thickness > 0 or not abs(elevation) <= math.pi / 2:
        raise RecipeError(
            f"model film_edge: wanted a thickness > 0 m and an elevation of −π/2 to π/2 rad, got "
            f"{thickness!r} and {elevation!r}"
        )

    wall = Film(
        thickness=thickness, gyromagnetic_ratio=1.0, magnetisation=1.0, exchange_stiffness=1.0,
        gilbert_damping=1.0,
    )  # fmt: skip
    # The field of the edge is proportional to the magnetisation, and asks for nothing else.
    axis = np.array([math.sin(elevation), 0.0, math.cos(elevation)])

    def along(x: ArrayLike, distance: Value, edge: Value, magnetisation: Value, offset: Value) -> FloatArray:
        height = np.maximum(distance, 1e-12)
        field = edge_stray_field(film=wall, position=np.asarray(x) - edge, distance=height)
        along_axis: FloatArray = field @ axis
        return np.asarray(magnetisation, np.float64) * along_axis + offset

    return FitModel(
        name="film_edge",
        equation="y = B·n + offset, B of a wall of charge M_S at the edge, distance away",
        source="T. Hingant et al., Phys. Rev. Applied 4, 014003 (2015): edge_stray_field",
        parameters=(
            Parameter("distance", "x", "of the centre from the level of the upper surface", minimum=0),
            Parameter("edge", "x", "position of the edge; the film lies at smaller x"),
            Parameter("magnetisation", "A/m", "M_S across the edge; negative if it points into the film"),
            Parameter("offset", "y", "field without the film"),
        ),
        x_unit="m",
        y_unit="T",
        function=along,
        guesser=lambda x, y, weights: _guess(along, x, y),
        options={"thickness": thickness, "elevation": elevation},
    )


def _guess(along: Callable[..., FloatArray], x: FloatArray, y: FloatArray) -> Mapping[str, float]:
    """Return the distance and the edge of a grid that come nearest, the rest being linear."""
    x, y, _ = averaged(x, y, None, _ENOUGH)
    span = float(np.ptp(x)) or 1e-6
    best, least = (0.1 * span, float(np.mean(x)), 1e5, 0.0), math.inf
    for distance in span * np.geomspace(0.005, 1.0, 16):
        for edge in np.linspace(x.min(), x.max(), 33):
            matrix = np.stack([along(x, distance, edge, 1e5, 0.0), np.ones_like(x)], axis=1)
            solution, *_ = np.linalg.lstsq(matrix, y, rcond=None)
            cost = float(np.square(y - matrix @ solution).sum())
            if cost < least:
                least = cost
                best = (float(distance), float(edge), 1e5 * float(solution[0]), float(solution[1]))
    return dict(zip(("distance", "edge", "magnetisation", "offset"), best, strict=True))
