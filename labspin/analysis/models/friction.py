"""Friction of a cantilever without contact, against its distance from the surface.

================ ======================================================================
argument         meaning
================ ======================================================================
x                distance of the tip from the surface
amplitude        what the surface adds at the distance ``reference``
exponent         n: it falls as x⁻ⁿ
background       friction far from the surface (internal losses, gas)
================ ======================================================================

Measured exponents are powers of the geometry as much as of the mechanism: n = 1.3 ± 0.2 was found for a
gold-coated cantilever over gold (B. C. Stipe et al., Phys. Rev. Lett. 87, 096801 (2001)), n = 3 by
B. Gotsmann and H. Fuchs (Phys. Rev. Lett. 86, 2597 (2001)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives
from labspin.errors import RecipeError

__all__ = ["noncontact_friction"]

_EXPONENTS = np.linspace(0.25, 8, 32)


def noncontact_friction(*, reference: float = 1.0) -> FitModel:
    """Return the model background + amplitude (x/reference)^(−exponent).

    Parameters
    ----------
    reference
        Distance at which ``amplitude`` is what the surface adds, in the unit of x; one within the data makes
        amplitude and exponent independent.

    Raises
    ------
    RecipeError
        The reference is no distance > 0.
    """
    if isinstance(reference, bool) or not (
        isinstance(reference, (int, float)) and math.isfinite(reference) and reference > 0
    ):
        raise RecipeError(
            f"model noncontact_friction: reference: wanted a number > 0 in the unit of x, got {reference!r}"
        )

    def function(x: ArrayLike, amplitude: Value, exponent: Value, background: Value) -> FloatArray:
        power: FloatArray = (np.asarray(x, np.float64) / reference) ** (-np.asarray(exponent))
        return background + amplitude * power

    def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        amplitude, exponent, background = columns(values)
        ratio = x / reference
        power = ratio ** (-exponent)
        y = background + amplitude * power
        return y, fill_derivatives(y, [power, -amplitude * power * np.log(ratio), 1.0])

    def guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        from labspin.analysis.models.guesses import separable_grid

        basis = (x / reference) ** (-_EXPONENTS[:, None])
        node, amplitude, background = separable_grid(basis, y, weights)
        return {"amplitude": amplitude, "exponent": _EXPONENTS[node], "background": background}

    return FitModel(
        name="noncontact_friction",
        equation=f"y = background + amplitude (x/{reference:g})^(−exponent)",
        source="power laws of friction without contact: Stipe et al., Phys. Rev. Lett. 87, 096801 (2001)",
        parameters=(
            Parameter("amplitude", "y", "what the surface adds at the reference distance"),
            Parameter("exponent", "1", "falls with this power of distance", minimum=0.0, maximum=20.0),
            Parameter("background", "y", "friction far from the surface"),
        ),
        function=function,
        guesser=guess,
        derivatives=derivatives,
        options={"reference": reference},
    )
