"""A line of NV centres that the nucleus of their nitrogen splits into equal ones, as dips of one shape.

========= =====================================================================
argument  meaning
========= =====================================================================
x         microwave frequency
center    middle of the lines
splitting distance of neighbouring lines: 2.16 MHz of ¹⁴N, 3.03 MHz of ¹⁵N
width     full width at half maximum of each line
depth     depth of each line; negative for a peak
offset    background
========= =====================================================================

The lines of ¹⁴N (spin 1) are three, those of ¹⁵N (spin ½) two; nuclei that are not polarised make them
equally deep (M. W. Doherty *et al.*, Phys. Rep. 528, 1 (2013)). They share width and distance, so a triplet
has fewer parameters than two free dips, and its middle is known better than that of any of them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.condensed import LONGEST, condensed
from labspin.analysis.models.dips import GAUSSIAN, LORENTZIAN, Shape
from labspin.analysis.models.guesses import separable_grid
from labspin.errors import RecipeError

__all__ = ["hyperfine_dips"]

_SHAPES = {
    "gaussian": (GAUSSIAN, "exp(−4 ln 2 (x − xₖ)²/width²)"),
    "lorentzian": (LORENTZIAN, "1/(1 + 4 (x − xₖ)²/width²)"),
}
_CENTERS, _SPLITTINGS = 61, 24
_WIDTHS = np.array([0.12, 0.25, 0.5, 0.9])  # of the splitting, in a guess
_SINGLE_WIDTHS = np.array([0.03, 0.06, 0.12, 0.25, 0.5])  # of the span, of a line that is not split


def hyperfine_dips(*, lines: int = 3, shape: str = "gaussian") -> FitModel:
    """Return the model of a line that is split into equal ones.

    Parameters
    ----------
    lines
        Number of lines: 3 of ¹⁴N, 2 of ¹⁵N, 1 where they are not resolved.
    shape
        ``"gaussian"``, of centres in different surroundings, or ``"lorentzian"``, of a line that the
        microwave broadens or that decays exponentially.

    Raises
    ------
    RecipeError
        Another number of lines, or another shape.
    """
    if lines not in (1, 2, 3) or isinstance(lines, bool):
        raise RecipeError(f"model hyperfine_dips: lines: wanted 1, 2 or 3, got {lines!r}")
    if shape not in _SHAPES:
        raise RecipeError(f"model hyperfine_dips: shape: wanted one of {', '.join(_SHAPES)}, got {shape!r}")
    form, term = _SHAPES[shape]
    made = _Split(form, lines)
    split = Parameter("splitting", "x", "distance of neighbouring lines", minimum=0)
    places = "center" if lines == 1 else "center + k splitting"
    return FitModel(
        name="hyperfine_dips",
        equation=f"y = offset − depth Σₖ {term}, xₖ = {places}",
        source="Doherty et al., Phys. Rep. 528, 1 (2013)",
        parameters=(
            Parameter("center", "x", "middle of the lines"),
            *([split] if lines > 1 else []),
            Parameter("width", "x", "full width at half maximum of each line", minimum=0),
            Parameter("depth", "y", "depth of each line; negative for a peak"),
            Parameter("offset", "y", "background"),
        ),
        function=made.function,
        guesser=made.guess,
        derivatives=made.derivatives,
        batch_guess=True,
        headline=("center", "splitting", "width") if lines > 1 else ("center", "width"),
        limits=made.limits,
        resolved=made.resolved if lines > 1 else None,
        lines_apart=0.6,
        options={"lines": lines, "shape": shape},
    )


@dataclass(frozen=True)
class _Split:
    """Function, derivatives and guess of some equal lines."""

    shape: Shape
    lines: int

    @functools.cached_property
    def places(self) -> FloatArray:
        """Places of the lines in splittings from the middle, shape (lines,)."""
        return np.asarray(np.arange(self.lines) - 0.5 * (self.lines - 1), np.float64)

    def function(self, x: ArrayLike, center: Value, *others: Value) -> FloatArray:
        *split, width, depth, offset = others
        x = np.asarray(x, np.float64)
        apart = split[0] if split else 0.0
        dips = sum(self.shape.value((x - center - k * apart) / width) for k in self.places)
        return np.asarray(offset - depth * dips, np.float64)

    def derivatives(self, x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        center, *split, width, depth, offset = (values[..., k, None] for k in range(values.shape[-1]))
        apart = split[0] if split else 0.0
        zs = [(x - center - k * apart) / width for k in self.places]
        dips = [self.shape.value(z) for z in zs]
        falls = [self.shape.slope(z, dip) * depth / width for z, dip in zip(zs, dips, strict=True)]
        by_split = [sum(k * fall for k, fall in zip(self.places, falls, strict=True))] if split else []
        by_width = sum(z * fall for z, fall in zip(zs, falls, strict=True))
        total = sum(dips)
        y = offset - depth * total
        found = [sum(falls), *by_split, by_width, -np.asarray(total), np.ones_like(y)]
        return y, np.stack([np.broadcast_to(one, y.shape) for one in found], axis=-2)

    def guess(self, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        """Return the place, distance and width on a grid whose lines explain most.

        The grid takes some thousand curves, so long spectra are searched in means of their points.
        """
        if x.size > LONGEST:
            shorter = [condensed(x, one) for one in y.reshape(-1, x.size)]
            rows = [self._from_grid(*one) for one in shorter]
            return {name: np.reshape([row[name] for row in rows], y.shape[:-1]) for name in rows[0]}
        return self._from_grid(x, y, weights)

    def _from_grid(self, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> dict[str, Value]:
        low, high = float(x.min()), float(x.max())
        span = max(high - low, 1e-300)
        if self.lines == 1:
            pairs = [(0.0, width * span) for width in _SINGLE_WIDTHS]
        else:
            splittings = np.geomspace(0.04, 0.8, _SPLITTINGS) * span / (self.lines - 1)
            pairs = [(split, width * split) for split in splittings for width in _WIDTHS]
        centers = np.linspace(low, high, _CENTERS)
        nodes = np.array([(center, *pair) for pair in pairs for center in centers])
        parts = nodes.T[:, :, None]
        basis = sum(-self.shape.value((x - parts[0] - k * parts[1]) / parts[2]) for k in self.places)
        node, depth, offset = separable_grid(np.asarray(basis), y, weights)
        center, split, width = np.moveaxis(nodes[node], -1, 0)
        found: dict[str, Value] = {"center": center, "width": width, "depth": depth, "offset": offset}
        return found if self.lines == 1 else {**found, "splitting": split}

    def resolved(self, values: FloatArray) -> NDArray[np.bool_]:
        """Return whether lines are farther apart than they are wide: closer ones are one of another shape."""
        return np.asarray(values[..., 1] > np.abs(values[..., 2]))

    def limits(self, x: FloatArray) -> dict[str, tuple[float, float]]:
        """Return where lines can be, how far apart and how wide; nothing for less than three points."""
        places = np.unique(x)
        if places.size < 3:
            return {}
        low, high = float(places[0]), float(places[-1])
        narrowest = min(float(np.quantile(np.diff(places), 0.05)), 0.1 * (high - low))
        found = {"center": (low, high), "width": (narrowest, high - low)}
        if self.lines > 1:
            found["splitting"] = (narrowest, (high - low) / (self.lines - 1))
        return found
