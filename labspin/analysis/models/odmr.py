"""Magnetic resonance spectra of an NV ensemble from the full Hamiltonian: field, D, E, contrasts, width.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
B_x, B_y, B_z           field in the crystal's frame, T
D, E                    zero-field splitting and strain over 2π, Hz
width                   full width at half maximum of a line, Hz
contrast_c              depth of a line of class c, in parts of the offset (``amplitudes = "class"``)
amplitude_c_lower/upper height of each line, of either sign (``amplitudes = "line"``, for torque signals)
offset                  signal off resonance
======================= ==========================================================================

The eight lines are ``ω(B, D, E)/2π`` of `labspin.physics.nv.transition_frequencies`. A field is found up to
the 48 symmetries of the crystal, which give the same spectrum. Each line may carry the hyperfine structure
of the nitrogen (A∥ of Felton et al., PRB 79, 075203 (2009)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.odmr_lines import frequencies_of_many, frequency_slopes
from labspin.analysis.models.odmr_start import ROOM, SPLITTING, Candidate, Search, candidates_of, frequencies
from labspin.analysis.outcome import FitOutcome
from labspin.errors import RecipeError

__all__ = ["HYPERFINE", "Hyperfine", "mdmr_spectrum", "odmr_spectrum"]

_FIELD = ("B_x", "B_y", "B_z")
_TERMS = {
    "class": "offset (1 − Σ contrast_c L((x − ν_c)/width))",
    "line": "offset + Σ amplitude L((x − ν)/width)",
}


def _lorentzian(z: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + 4 * np.square(z)))


def _gaussian(z: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-4 * math.log(2) * np.square(z)))


def _lorentzian_slope(z: FloatArray) -> FloatArray:
    return np.asarray(-8 * z / np.square(1 + 4 * np.square(z)))


def _gaussian_slope(z: FloatArray) -> FloatArray:
    return np.asarray(-8 * math.log(2) * z * _gaussian(z))


_SLOPES: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "lorentzian": _lorentzian_slope,
    "gaussian": _gaussian_slope,
}
_SHAPES: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "lorentzian": _lorentzian,
    "gaussian": _gaussian,
}


@dataclass(frozen=True)
class Hyperfine:
    """How the nitrogen nucleus splits a line.

    Attributes
    ----------
    offsets
        Positions of the components about the line, Hz.
    source
        Where the coupling is from.
    """

    offsets: tuple[float, ...]
    source: str


HYPERFINE: Mapping[str, Hyperfine] = {
    "none": Hyperfine((0.0,), ""),
    "N14": Hyperfine((-2.14e6, 0.0, 2.14e6), "A∥ = −2.14 MHz, Felton et al., PRB 79, 075203 (2009)"),
    "N15": Hyperfine((-1.515e6, 1.515e6), "A∥ = 3.03 MHz, Felton et al., PRB 79, 075203 (2009)"),
}


def odmr_spectrum(*, hyperfine: str = "none", max_field: float = 0.04, shape: str = "lorentzian") -> FitModel:
    """Return the model of a light spectrum: y = offset (1 − Σ contrast_c L((x − ν_c)/width)).

    Parameters
    ----------
    hyperfine
        ``"none"``, ``"N14"`` or ``"N15"``.
    max_field
        Largest |B| of a fit, T.
    shape
        Of a line: ``"lorentzian"``, or ``"gaussian"`` where a weak microwave shows the inhomogeneous line.
    """
    return _spectrum("odmr_spectrum", "class", hyperfine, max_field, shape)


def mdmr_spectrum(*, hyperfine: str = "none", max_field: float = 0.04, shape: str = "lorentzian") -> FitModel:
    """Return the model of a torque spectrum: y = offset + Σ amplitude_ck L((x − ν_ck)/width), signed.

    Parameters
    ----------
    hyperfine
        ``"none"``, ``"N14"`` or ``"N15"``.
    max_field
        Largest |B| of a fit, T.
    shape
        Of a line: ``"lorentzian"``, or ``"gaussian"`` where a weak microwave shows the inhomogeneous line.
    """
    return _spectrum("mdmr_spectrum", "line", hyperfine, max_field, shape)


def _spectrum(name: str, amplitudes: str, hyperfine: str, max_field: float, shape: str) -> FitModel:
    _check(name, hyperfine, max_field, shape)
    offsets, line = np.array(HYPERFINE[hyperfine].offsets), _SHAPES[shape]
    by_class = amplitudes == "class"

    def at_one_field(x: FloatArray, B: FloatArray, D: float, width: float) -> FloatArray:
        return _lines(x, list(B), D, 0.0, width, offsets, line)

    search = Search(at_one_field, line, by_class, max_field)

    def function(x: ArrayLike, *values: Value) -> FloatArray:
        x = np.asarray(x, np.float64)
        B, D, E, width = values[:3], values[3], values[4], values[5]
        shapes = _lines(x, B, D, E, width, offsets, line)
        offset = values[-1]
        heights = values[6:-1]
        if by_class:
            dips: FloatArray = sum(heights[c] * (shapes[2 * c] + shapes[2 * c + 1]) for c in range(4))
            return offset * (1 - dips)
        lines: FloatArray = sum(heights[k] * shapes[k] for k in range(8))
        return offset + lines

    def guesser(
        x: FloatArray, y: FloatArray, weights: FloatArray | None, held: Mapping[str, float]
    ) -> Mapping[str, Value]:
        return _guess(search, x, y, weights, held.get("D"))

    return FitModel(
        name=name,
        equation=f"y = {_TERMS[amplitudes]}, ν = eigenfrequencies of D Sz² + E (Sx² − Sy²) + γe B·S",
        source="Pellet-Mary et al., PRB 104, L100411 (2021), Eq. (1)",
        parameters=_parameters(by_class, max_field),
        function=function,
        guesser=guesser,
        derivatives=lambda x, values: _evaluate(x, values, offsets, shape, by_class),
        guess_knows_held=True,
        limits=_limits,
        doubts=lambda outcome: _doubts(search, outcome),
        options={"hyperfine": hyperfine, "max_field": max_field, "shape": shape},
        x_unit="Hz",
    )


def _check(name: str, hyperfine: str, max_field: float, shape: str) -> None:
    if hyperfine not in HYPERFINE:
        raise RecipeError(f"model {name}: wanted the hyperfine {', '.join(HYPERFINE)}, got {hyperfine!r}")
    if not max_field > 0:
        raise RecipeError(f"model {name}: max_field: wanted a field > 0 T, got {max_field!r}")
    if shape not in _SHAPES:
        raise RecipeError(f"model {name}: wanted the shape {', '.join(_SHAPES)}, got {shape!r}")


def _limits(x: FloatArray) -> Mapping[str, tuple[float, float]]:
    """Return how wide lines can be: narrower than the window, and wider than the points are apart."""
    places = np.unique(x)
    if places.size < 3:
        return {}
    span = float(np.ptp(places))
    return {"width": (min(float(np.median(np.diff(places))) / 2, 0.1 * span), span)}


def _parameters(by_class: bool, max_field: float) -> tuple[Parameter, ...]:
    heights = (
        [
            Parameter(f"contrast_{c}", "1", f"depth of the lines of class {c}", minimum=0, maximum=1)
            for c in range(1, 5)
        ]
        if by_class
        else [
            Parameter(f"amplitude_{c}_{branch}", "y", f"height of the {branch} line of class {c}")
            for c in range(1, 5)
            for branch in ("lower", "upper")
        ]
    )
    return (
        *(
            Parameter(name, "T", f"field along {name[-1]} of the crystal", -max_field, max_field)
            for name in _FIELD
        ),
        Parameter("D", "Hz", "zero-field splitting", *SPLITTING),
        Parameter("E", "Hz", "strain", value=0.0),
        Parameter("width", "Hz", "full width at half maximum of a line", minimum=0),
        *heights,
        Parameter("offset", "y", "signal off resonance"),
    )


def _lines(
    x: FloatArray,
    B: Sequence[Value],
    D: Value,
    E: Value,
    width: Value,
    offsets: FloatArray,
    line: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Return the eight line shapes of height one, (8, ..., n); each parameter is a number or (m, 1)."""
    rows = np.broadcast_shapes(*(np.shape(value) for value in (*B, D, E)))
    flat = np.stack([np.broadcast_to(value, rows).ravel() for value in (*B, D, E)], axis=-1)
    nu = frequencies_of_many(flat[:, :3], flat[:, 3], flat[:, 4]).T
    nu = nu.reshape(8, *rows) if rows else nu
    total = sum(line((x - nu - shift) / width) for shift in offsets)
    return np.asarray(total) / len(offsets)


def _evaluate(
    x: FloatArray, values: FloatArray, offsets: FloatArray, kind: str, by_class: bool
) -> tuple[FloatArray, FloatArray]:
    """Return y and its derivatives: lines move with B, D and E, all else is in closed form."""
    flat = values.reshape(-1, values.shape[-1])
    B, D, E, width, offset = flat[:, :3], flat[:, 3], flat[:, 4], flat[:, 5, None], flat[:, -1, None]
    nu, slopes = frequency_slopes(B, D, E)
    points = np.broadcast_to(x, (len(flat), x.shape[-1]))[:, None, :]
    shapes, moved, wider = (np.zeros((len(flat), 8, x.shape[-1])) for _ in range(3))
    for shift in offsets:
        z = (points - nu[:, :, None] - shift) / width[:, :, None]
        value, slope = _SHAPES[kind](z), _SLOPES[kind](z)
        shapes, moved, wider = shapes + value, moved - slope, wider - slope * z
    shapes, moved, wider = (part / len(offsets) for part in (shapes, moved, wider))
    signed = -offset * np.repeat(flat[:, 6:-1], 2, axis=1) if by_class else flat[:, 6:-1]
    change = np.einsum("mk,mkn,mkj->mjn", signed, moved, slopes) / width[:, :, None]
    jacobian = np.empty((*flat.shape, x.shape[-1]))
    jacobian[:, :5] = change
    jacobian[:, 5] = np.einsum("mk,mkn->mn", signed, wider) / width
    sums = np.einsum("mk,mkn->mn", signed, shapes)
    if by_class:
        jacobian[:, 6:-1] = -offset[:, :, None] * (shapes[:, 0::2] + shapes[:, 1::2])
        jacobian[:, -1] = 1 + sums / offset
    else:
        jacobian[:, 6:-1], jacobian[:, -1] = shapes, 1.0
    lead = values.shape[:-1]
    return (offset + sums).reshape(*lead, -1), jacobian.reshape(*lead, values.shape[-1], -1)


def _guess(
    search: Search, x: FloatArray, y: FloatArray, weights: FloatArray | None, splitting: float | None
) -> Mapping[str, Value]:
    """Return the best of the fields that the spectrum may come from, with what suits it."""
    names = [p.name for p in _parameters(search.by_class, search.max_field)][6:-1]
    found = candidates_of(search, x, y, weights, splitting)
    if not found:
        B, D, width = np.full(3, 1e-3), splitting or ROOM, float(np.ptp(x)) / 30
        scale = np.ones_like(y) if weights is None else weights
        found = (Candidate(math.inf, B, D, width, *search.linear(x, y, scale, B, D, width)[1:]),)
    best = found[0]
    heights = best.heights / best.offset if search.by_class and best.offset else best.heights
    return {
        **dict(zip(_FIELD, map(float, best.field), strict=True)),
        "D": best.splitting,
        "E": 0.0,
        "width": best.width,
        **dict(zip(names, map(float, heights), strict=True)),
        "offset": best.offset,
    }


_COMPARABLE = 9.0
"""Difference of χ² (in units of the reduced one, where that is larger) below which two fields compete."""


def _doubts(search: Search, outcome: FitOutcome) -> list[str]:
    """Say where another field does as well, and where lines are too few to know."""
    B = np.array([outcome[name].value for name in _FIELD])
    strength, statistics = float(np.linalg.norm(B)), outcome.statistics
    weights = None if outcome.sigma is None else 1 / np.asarray(outcome.sigma, np.float64)
    size = statistics.chi2red if outcome.sigma is None else max(statistics.chi2red, 1.0)
    doubts = []
    D, y = outcome["D"], np.asarray(outcome.y, np.float64)
    for other in candidates_of(search, outcome.x, y, weights, D.value if D.fixed else None):
        apart = np.linalg.norm(np.sort(np.abs(other.field)) - np.sort(np.abs(B)))
        if apart > 0.02 * strength and other.cost - statistics.chi2 < _COMPARABLE * size:
            doubts.append(
                f"another field explains the spectrum about as well: |B| = "
                f"{1e3 * float(np.linalg.norm(other.field)):.4g} mT instead of {1e3 * strength:.4g} mT "
                f"(χ² {other.cost - statistics.chi2:+.2g}); sweep over more lines, or hold D"
            )
            break
    lines = np.sort(frequencies(B, D.value, outcome["E"].value))
    seen = lines[(lines > outcome.x.min()) & (lines < outcome.x.max())]
    if not D.fixed and seen.size and (np.all(seen < D.value) or np.all(seen > D.value)):
        doubts.append(
            "all lines in the window are on one side of D, so that D and the field are only known together; "
            "hold D (2.8704 GHz at room temperature), or sweep across it"
        )
    unknown = sum(1 for name in (*_FIELD, "D") if not outcome[name].fixed)
    told = int(np.count_nonzero(np.diff(seen) > outcome["width"].value)) + 1 if seen.size else 0
    if unknown and told <= unknown:
        doubts.append(
            f"{told} lines of this field can be told apart in the window, where {unknown} numbers are wanted "
            "and one line more to check them: other fields have the same lines; sweep over more"
        )
    return doubts
