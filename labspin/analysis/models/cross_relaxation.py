"""Cross-relaxation against the electromagnet's field: as a dip with saturation, and from the Hamiltonian.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
x                       field of the electromagnet B_em, T
center, sigma           position and standard deviation of the resonance of two classes, T
depth, saturation       depth of the feature, and how far the flip-flops saturate it
isolated_time           T1⁰ of a class that is resonant with no other, s
dipolar_time            T_dd, 1/rate that one resonant class adds, s
linewidth               σ of the resonance in frequency, Hz
field_offset            what is added to B_em, T
======================= ==========================================================================

A depolarisation rate r g(δ) beside a repolarisation rate p lowers the polarisation by s g/(1 + s g), s = r/p:
for s ≪ 1 the feature has the shape of g (a Gaussian), for larger s it is broadened. On a sloping background
noise can make a bump beside the dip, on another slope, explain as much as the dip; where it is known which it
is, as in photoluminescence, the fit starts from a dip.

``cross_relaxation_rate`` computes every class's transition frequency from the Hamiltonian instead, so that
all resonances of a scan are fitted with three physical numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.pursuit import place_dips
from labspin.errors import RecipeError

__all__ = ["cross_relaxation_dip", "cross_relaxation_rate"]

_TURN = 2 * math.pi
_FWHM = math.sqrt(8 * math.log(2))
_SIGNS = ("either", "dip")
_LINE_SHAPES = ("gaussian", "lorentzian")
_LINEWIDTHS = np.geomspace(1e6, 40e6, 12)  # Hz, among which the start is looked for


def _dip(
    x: ArrayLike, center: Value, sigma: Value, depth: Value, saturation: Value, offset: Value, slope: Value
) -> FloatArray:
    """Return offset + slope·(x − center) − depth·g·(1 + s)/(1 + s·g), g = exp(−(x − center)²/2σ²)."""
    distance = np.asarray(x, np.float64) - center
    g = np.exp(-0.5 * np.square(distance / sigma))
    return offset + slope * distance - depth * g * (1 + saturation) / (1 + saturation * g)


def _dip_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    center, sigma, depth, saturation, offset, slope = columns(values)
    distance = x - center
    z = distance / sigma
    g = np.exp(-0.5 * np.square(z))
    below = 1 + saturation * g
    shape = g * (1 + saturation) / below
    by_g = (1 + saturation) / np.square(below)
    by_center = -depth * by_g * g * z / sigma
    by_saturation = -depth * g * (1 - g) / np.square(below)
    y = offset + slope * distance - depth * shape
    return y, fill_derivatives(y, [by_center - slope, by_center * z, -shape, by_saturation, 1.0, distance])


def _guess_dip(x: FloatArray, y: FloatArray, downward: bool) -> Mapping[str, Value]:
    centers, widths, depths, offset, slope = place_dips(
        x, y, 1, lambda z: np.exp(-4 * math.log(2) * np.square(z)), line=True, downward=downward
    )
    center = centers[..., 0]
    return {
        "center": center,
        "sigma": widths[..., 0] / _FWHM,
        "depth": depths[..., 0],
        "saturation": np.full_like(center, 0.1),
        "offset": offset + slope * center,
        "slope": slope,
    }


def cross_relaxation_dip(*, sign: str = "either") -> FitModel:
    """Return the model of a signal with one resonance on a sloping background.

    Parameters
    ----------
    sign
        ``"dip"``: the fit starts from the best dip; ``"either"``: from what explains most, dip or bump.
        The depth is not bounded either way: that of nothing is zero within its error.

    Raises
    ------
    RecipeError
        Another sign.
    """
    if sign not in _SIGNS:
        raise RecipeError(f"model cross_relaxation_dip: sign: wanted 'either' or 'dip', got {sign!r}")
    return FitModel(
        name="cross_relaxation_dip",
        equation=(
            "y = offset + slope (x − center) − depth g (1 + s)/(1 + s g), g = exp(−(x − center)²/2 sigma²)"
        ),
        source="rate equation; line shape of Pellet-Mary et al., PRB 104, L100411 (2021), supplement",
        parameters=(
            Parameter("center", "x", "position of the resonance"),
            Parameter("sigma", "x", "standard deviation of the unsaturated resonance", minimum=0),
            Parameter("depth", "y", "depth of the feature"),
            Parameter("saturation", "1", "cross-relaxation rate over repolarisation rate", minimum=0),
            Parameter("offset", "y", "signal off resonance, at the center"),
            Parameter("slope", "y/x", "slope of the background"),
        ),
        function=_dip,
        guesser=lambda x, y, weights: _guess_dip(x, y, sign == "dip"),
        derivatives=_dip_derivatives,
        batch_guess=True,
        options={"sign": sign},
    )


def cross_relaxation_rate(
    *,
    bias: Sequence[float] = (0.0, 0.0, 0.01),
    direction: Sequence[float] = (1.0, 0.0, 0.0),
    orientation: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
    nv_class: int = 1,
    line_shape: str = "gaussian",
) -> FitModel:
    """Return the model of 1/T1 of one class against the electromagnet's field.

    Parameters
    ----------
    bias, direction
        Fixed field (T) and direction of the electromagnet in the lab, as of `labspin.physics.nv.FieldBench`.
    orientation
        Orientation of the crystal, a quaternion (x, y, z, w): v_crystal = R · v_lab.
    nv_class
        1 to 4.
    line_shape
        ``"gaussian"`` or ``"lorentzian"``.

    Raises
    ------
    RecipeError
        A class outside 1 to 4, or an unknown line shape.
    """
    if nv_class not in (1, 2, 3, 4):
        raise RecipeError(f"model cross_relaxation_rate: nv_class: wanted 1 to 4, got {nv_class!r}")
    if line_shape not in _LINE_SHAPES:
        raise RecipeError(
            f"model cross_relaxation_rate: line_shape: wanted 'gaussian' or 'lorentzian', got {line_shape!r}"
        )
    pair = _Resonances(_triple(bias), _triple(direction), tuple(orientation), nv_class, line_shape)
    return FitModel(
        name="cross_relaxation_rate",
        equation="y = 1/isolated_time + Σ_j g((ν_i − ν_j)/linewidth)/dipolar_time",
        source="Pellet-Mary et al., PRB 104, L100411 (2021), supplement; physics.md 1.3",
        parameters=(
            Parameter("isolated_time", "s", "T1 of a class that is resonant with no other", minimum=0),
            Parameter("dipolar_time", "s", "inverse of the rate that a resonant class adds", minimum=0),
            Parameter("linewidth", "Hz", "width of the resonance", minimum=0),
            Parameter("field_offset", "T", "added to the electromagnet's field", value=0.0),
        ),
        function=pair.rate,
        guesser=pair.start,
        options={"nv_class": nv_class, "line_shape": line_shape},
        x_unit="T",
        y_unit="1/s",
    )


@dataclass(frozen=True)
class _Resonances:
    """Where a class is resonant with the three others, from the Hamiltonian."""

    bias: tuple[float, float, float]  # T
    direction: tuple[float, float, float]
    orientation: tuple[float, ...]  # quaternion (x, y, z, w)
    nv_class: int
    line_shape: str

    def rate(
        self, x: ArrayLike, isolated_time: Value, dipolar_time: Value, linewidth: Value, field_offset: Value
    ) -> FloatArray:
        """Return 1/T1 in 1/s."""
        gaps = self._detunings(np.asarray(x, np.float64), field_offset)
        return 1 / isolated_time + self._overlap(gaps, linewidth) / dipolar_time

    def start(self, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
        """Try line widths; the two rates are then linear."""
        scale = np.ones_like(x) if weights is None else weights
        best = (np.inf, 1.0, 1.0, 6e6)
        gaps = self._detunings(x, 0.0)
        for linewidth in _LINEWIDTHS:
            matrix = np.stack([np.ones_like(x), self._overlap(gaps, linewidth)], axis=1)
            rates = np.linalg.lstsq(scale[:, None] * matrix, scale * y, rcond=None)[0]
            cost = float(np.sum((scale * (y - matrix @ rates)) ** 2))
            if cost < best[0] and rates.min() > 0:
                best = (cost, 1 / rates[0], 1 / rates[1], float(linewidth))
        return {"isolated_time": best[1], "dipolar_time": best[2], "linewidth": best[3], "field_offset": 0.0}

    def _overlap(self, gaps: FloatArray, linewidth: Value) -> FloatArray:
        """Return Σ_j g(δ_j/linewidth) of detunings (3, ..., n)."""
        square = np.square(gaps / linewidth)
        each = np.exp(-square / 2) if self.line_shape == "gaussian" else 1 / (1 + square)
        return np.asarray(each.sum(0))

    def _detunings(self, x: FloatArray, offset: Value) -> FloatArray:
        """Return ν_i − ν_j (3, ..., n) in Hz between this class and the three others."""
        from scipy.spatial.transform import Rotation

        from labspin.physics.nv import FieldBench, transition_frequencies

        field = FieldBench(bias=self.bias, direction=self.direction).field(x + offset)
        orientation = Rotation.from_quat(list(self.orientation))
        lower = transition_frequencies(field=field, orientation=orientation)[..., 0] / _TURN
        others = [lower[..., other] for other in range(4) if other != self.nv_class - 1]
        return np.stack([lower[..., self.nv_class - 1] - other for other in others])


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
