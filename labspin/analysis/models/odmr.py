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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.models.pursuit import place_dips
from labspin.errors import ArgumentError, RecipeError

__all__ = ["HYPERFINE", "Hyperfine", "mdmr_spectrum", "odmr_spectrum"]

_TURN = 2 * math.pi
_FIELD = ("B_x", "B_y", "B_z")


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


def odmr_spectrum(*, hyperfine: str = "none", max_field: float = 0.04) -> FitModel:
    """Return the model of a light spectrum: y = offset (1 − Σ contrast_c L((x − ν_c)/width)).

    Parameters
    ----------
    hyperfine
        ``"none"``, ``"N14"`` or ``"N15"``.
    max_field
        Largest |B| that the guess considers, T.
    """
    return _spectrum("odmr_spectrum", "class", hyperfine, max_field)


def mdmr_spectrum(*, hyperfine: str = "none", max_field: float = 0.04) -> FitModel:
    """Return the model of a torque spectrum: y = offset + Σ amplitude_ck L((x − ν_ck)/width), signed.

    Parameters
    ----------
    hyperfine
        ``"none"``, ``"N14"`` or ``"N15"``.
    max_field
        Largest |B| that the guess considers, T.
    """
    return _spectrum("mdmr_spectrum", "line", hyperfine, max_field)


def _spectrum(name: str, amplitudes: str, hyperfine: str, max_field: float) -> FitModel:
    if hyperfine not in HYPERFINE:
        raise RecipeError(f"model {name}: wanted the hyperfine {', '.join(HYPERFINE)}, got {hyperfine!r}")
    if not max_field > 0:
        raise RecipeError(f"model {name}: max_field: wanted a field > 0 T, got {max_field!r}")
    offsets = np.array(HYPERFINE[hyperfine].offsets)
    by_class = amplitudes == "class"

    def function(x: Any, *values: Any) -> Any:
        x = np.asarray(x, np.float64)
        B, D, E, width = values[:3], values[3], values[4], values[5]
        shapes = _lines(x, B, D, E, width, offsets)
        offset = values[-1]
        heights = values[6:-1]
        if by_class:
            dips = sum(heights[c] * (shapes[2 * c] + shapes[2 * c + 1]) for c in range(4))
            return offset * (1 - dips)
        return offset + sum(heights[k] * shapes[k] for k in range(8))

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
        del weights
        return _guess(x, y, by_class, offsets, max_field)

    term = (
        "offset (1 − Σ contrast_c L((x − ν_c)/width))"
        if by_class
        else "offset + Σ amplitude L((x − ν)/width)"
    )
    return FitModel(
        name=name,
        equation=f"y = {term}, ν = eigenfrequencies of D Sz² + E (Sx² − Sy²) + γe B·S",
        source="Pellet-Mary et al., PRB 104, L100411 (2021), Eq. (1)",
        parameters=_parameters(by_class),
        function=function,
        guesser=guesser,
        options={"hyperfine": hyperfine, "max_field": max_field},
        x_unit="Hz",
    )


def _parameters(by_class: bool) -> tuple[Parameter, ...]:
    heights = (
        [Parameter(f"contrast_{c}", "1", f"depth of the lines of class {c}") for c in range(1, 5)]
        if by_class
        else [
            Parameter(f"amplitude_{c}_{branch}", "y", f"height of the {branch} line of class {c}")
            for c in range(1, 5)
            for branch in ("lower", "upper")
        ]
    )
    return (
        *(Parameter(name, "T", f"field along {name[-1]} of the crystal") for name in _FIELD),
        Parameter("D", "Hz", "zero-field splitting", minimum=0),
        Parameter("E", "Hz", "strain", value=0.0),
        Parameter("width", "Hz", "full width at half maximum of a line", minimum=0),
        *heights,
        Parameter("offset", "y", "signal off resonance"),
    )


def frequencies(B: FloatArray, D: float, E: float) -> FloatArray:
    """Return the eight lines (lower, upper of each class) at one field (3,), Hz."""
    from labspin.physics.nv import NV_CENTRE, transition_frequencies

    centre = replace(NV_CENTRE, zero_field_splitting=_TURN * D, strain=_TURN * E)
    return np.asarray(transition_frequencies(field=B, centre=centre)).reshape(8) / _TURN


def _lines(x: FloatArray, B: Any, D: Any, E: Any, width: Any, offsets: FloatArray) -> FloatArray:
    """Return the eight line shapes of height one, (8, ..., n); each parameter is a number or (m, 1)."""
    rows = np.broadcast_shapes(*(np.shape(value) for value in (*B, D, E)))
    if rows == ():
        nu = frequencies(np.array([float(b) for b in B]), float(D), float(E))
    else:
        flat = [np.broadcast_to(value, rows).ravel() for value in (*B, D, E)]
        nu = np.stack([frequencies(np.array(row[:3]), row[3], row[4]) for row in zip(*flat, strict=True)], -1)
        nu = nu.reshape(8, *rows)
    nu = nu.reshape(nu.shape if rows else (8, 1))
    total = sum(1 / (1 + np.square(2 * (x - nu - shift) / width)) for shift in offsets)
    return np.asarray(total) / len(offsets)


def _guess(
    x: FloatArray, y: FloatArray, by_class: bool, offsets: FloatArray, max_field: float
) -> Mapping[str, Any]:
    """Dips by matching pursuit, fields by the inverse problem, the best one by its whole spectrum."""
    from labspin.physics.nv import NV_CENTRE

    splitting = NV_CENTRE.zero_field_splitting / _TURN
    best: tuple[float, FloatArray, float, float] = (np.inf, np.full(3, 1e-3), splitting, 0.0)
    for count in (8, 7, 6, 5, 4):
        centers, widths, _, _, _ = place_dips(x, y, count, lambda z: 1 / (1 + 4 * z**2), mixed=not by_class)
        width = float(np.median(widths))
        for B, D in _fields(centers, width, (x[0], x[-1]), max_field):
            cost = _linear(x, y, B, D, width, by_class, offsets)[0]
            if cost < best[0]:
                best = (cost, B, D, width)
    cost, B, D, width = best
    if not np.isfinite(cost):
        width = float(np.ptp(x)) / 30
    _, heights, offset = _linear(x, y, B, D, width, by_class, offsets)
    names = [p.name for p in _parameters(by_class)][6:-1]
    scaled = -heights / offset if by_class and offset else heights
    return {
        **dict(zip(_FIELD, map(float, B), strict=True)),
        "D": D,
        "E": 0.0,
        "width": width,
        **dict(zip(names, map(float, scaled), strict=True)),
        "offset": offset,
    }


def _fields(
    centers: FloatArray, width: float, window: tuple[float, float], max_field: float
) -> list[tuple[FloatArray, float]]:
    from labspin.physics.nv import field_from_lines

    lines = np.unique(centers)
    merged = lines[np.concatenate([[True], np.diff(lines) > width / 2])]
    if merged.size < 4:
        return []
    try:
        solutions = field_from_lines(
            lines=_TURN * merged[:8],
            uncertainty=_TURN * width / 6,
            max_field=max_field,
            fit_splitting=True,
            chi_square_limit=np.inf,
        )
    except ArgumentError:
        return []
    del window
    return [(solution.field, solution.splitting / _TURN) for solution in solutions[:6]]


def _linear(
    x: FloatArray, y: FloatArray, B: FloatArray, D: float, width: float, by_class: bool, offsets: FloatArray
) -> tuple[float, FloatArray, float]:
    """Return the cost, the heights and the offset that fit best at one field."""
    shapes = _lines(x, tuple(B), D, 0.0, width, offsets)
    if by_class:
        shapes = shapes[0::2] + shapes[1::2]
    matrix = np.concatenate([shapes, np.ones((1, x.size))]).T
    solution = np.linalg.lstsq(matrix, y, rcond=1e-6)[0]
    cost = float(np.sum((y - matrix @ solution) ** 2))
    return cost, solution[:-1], float(solution[-1])
