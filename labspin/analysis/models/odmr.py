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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.odmr_lines import frequencies_of_many, frequency_slopes
from labspin.analysis.models.odmr_start import (
    ROOM,
    SPLITTING,
    Candidate,
    Search,
    candidates_of,
    frequencies,
    looked_at,
)
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
        Shape of a line: ``"lorentzian"``, or ``"gaussian"`` (a weak microwave shows the inhomogeneous line).
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
        Shape of a line: ``"lorentzian"``, or ``"gaussian"`` (a weak microwave shows the inhomogeneous line).
    """
    return _spectrum("mdmr_spectrum", "line", hyperfine, max_field, shape)


def _spectrum(name: str, amplitudes: str, hyperfine: str, max_field: float, shape: str) -> FitModel:
    _check(name, hyperfine, max_field, shape)
    offsets, line = np.array(HYPERFINE[hyperfine].offsets), _SHAPES[shape]
    by_class = amplitudes == "class"
    search = _search(offsets, shape, by_class, max_field)

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

    return FitModel(
        name=name,
        equation=f"y = {_TERMS[amplitudes]}, ν = eigenfrequencies of D Sz² + E (Sx² − Sy²) + γe B·S",
        source="Pellet-Mary et al., PRB 104, L100411 (2021), Eq. (1)",
        parameters=_parameters(by_class, max_field),
        function=function,
        guesser=lambda *data: _guess(search, *data),
        derivatives=search.evaluate,
        guess_knows_held=True,
        limits=_limits,
        doubts=lambda outcome: _doubts(search, outcome),
        rivals=lambda *fit: _undecided(search, *fit),
        options={"hyperfine": hyperfine, "max_field": max_field, "shape": shape},
        x_unit="Hz",
    )


def _search(offsets: FloatArray, shape: str, by_class: bool, max_field: float) -> Search:
    line = _SHAPES[shape]

    def lines(x: FloatArray, B: FloatArray, D: FloatArray, E: FloatArray, width: FloatArray) -> FloatArray:
        columns = D[:, None], E[:, None], width[:, None]
        return _lines(x, list(B.T[..., None]), *columns, offsets, line).swapaxes(0, 1)

    def evaluate(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _evaluate(x, values, offsets, shape, by_class)

    return Search(lines, evaluate, line, by_class, max_field)


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
    search: Search, x: FloatArray, y: FloatArray, weights: FloatArray | None, held: Mapping[str, float]
) -> Mapping[str, Value]:
    """Return the best of the fields that the spectrum may come from, with what suits it."""
    names = [p.name for p in _parameters(search.by_class, search.max_field)]
    none = Candidate(
        math.inf, np.full(3, 1e-3), held.get("D", ROOM), 1e7, np.zeros(len(names) - 7), float(np.mean(y))
    )
    found = candidates_of(search, x, y, weights, _known(held)) if np.ptp(x) > 0 else ()
    best = found[0] if found else none
    values = (*best.field, best.splitting, held.get("E", 0.0), best.width, *best.heights, best.offset)
    return dict(zip(names, map(float, values), strict=True))


def _known(held: Mapping[str, float]) -> Mapping[str, float]:
    return {name: float(held[name]) for name in ("D", "E") if name in held}


_COMPARABLE = 9.0
"""Difference of χ² (in units of the reduced one, where that is larger) below which two fields compete."""
_CHANCE = 50.0
"""Fall of χ² below that of a constant, in units of the reduced one, that noise alone does not bring: of 16
spectra of noise, of 151 and 400 points, the best field brought 38 at most."""
_TOLD = 3
"""Other fields that are listed."""


class _Rival(NamedTuple):
    """Another field that explains a spectrum about as well: by how much χ² is larger; classes not seen."""

    found: Candidate
    excess: float
    hidden: int


def _rivals(
    search: Search,
    data: tuple[FloatArray, FloatArray, FloatArray | None],
    values: Mapping[str, float],
    held: Mapping[str, float],
) -> tuple[list[_Rival], int]:
    """Return the fields that compete with that of a fit, by |B|, and how many of its classes are not seen."""
    x, y, weights = data
    numbers = np.array([values[p.name] for p in _parameters(search.by_class, search.max_field)])
    size = _left(search, data, numbers) / max(x.size - 9, 1)
    size = size if weights is None else max(size, 1.0)
    cost = _left(search, looked_at(x, y, weights), numbers)
    own = Candidate(cost, numbers[:3], numbers[3], numbers[5], numbers[6:-1], numbers[-1])
    B, found = np.sort(np.abs(own.field)), []
    for other in candidates_of(search, x, y, weights, held):
        apart = float(np.linalg.norm(np.sort(np.abs(other.field)) - B))
        if apart > 0.02 * float(np.linalg.norm(B)) and other.cost - cost < _COMPARABLE * size:
            found.append(_Rival(other, other.cost - cost, search.hidden(x, other)))
    return sorted(found, key=lambda one: float(np.linalg.norm(one.found.field))), search.hidden(x, own)


def _left(
    search: Search, data: tuple[FloatArray, FloatArray, FloatArray | None], numbers: FloatArray
) -> float:
    """Return χ² of a fit in a spectrum."""
    x, y, weights = data
    left = y - search.evaluate(x, numbers[None])[0][0]
    return float(np.sum(np.square(left if weights is None else left * weights)))


def _undecided(
    search: Search,
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    values: Mapping[str, float],
    free: Collection[str],
) -> frozenset[str]:
    """Return field and D where another field, with no more classes that are not seen, does as well.

    So they are where no line in the window is left to check them by.
    """
    sought = frozenset({*_FIELD, "D"} & {*free})
    lines = frequencies(np.array([values[name] for name in _FIELD]), values["D"], values["E"])
    if np.count_nonzero((lines > x.min()) & (lines < x.max())) <= len(sought):
        return sought
    if _is_noise(search, (x, y, weights), values):
        return sought | ({"width"} & {*free})
    held = _known({name: value for name, value in values.items() if name not in free})
    rivals, hidden = _rivals(search, (x, y, weights), values, held)
    return sought if any(one.hidden <= hidden for one in rivals) else frozenset()


def _is_noise(
    search: Search, data: tuple[FloatArray, FloatArray, FloatArray | None], values: Mapping[str, float]
) -> bool:
    """Return whether all lines together explain no more than what the best of all fields finds in noise."""
    x, y, weights = data
    w = np.ones_like(y) if weights is None else weights
    numbers = np.array([values[p.name] for p in _parameters(search.by_class, search.max_field)])
    left = _left(search, data, numbers)
    level = np.average(y, weights=np.square(w))
    fall = float(np.square((y - level) * w).sum() - left)
    scatter = left / max(x.size - 9, 1)
    return fall < _CHANCE * (scatter if weights is None else max(scatter, 1.0))


def _doubts(search: Search, outcome: FitOutcome) -> list[str]:
    """Say where other fields do as well, and where lines are too few to know."""
    values = {p.name: p.value for p in outcome.parameters if not p.derived}
    weights = None if outcome.sigma is None else 1 / np.asarray(outcome.sigma, np.float64)
    held = _known({p.name: p.value for p in outcome.parameters if p.fixed})
    data = outcome.x, np.asarray(outcome.y, np.float64), weights
    if _is_noise(search, data, values):
        return [
            "no line is seen: the best of all fields explains no more of noise alone; average longer, or "
            "sweep where lines are expected"
        ]
    doubts = _told(outcome, *_rivals(search, data, values, held))
    B, D = np.array([values[name] for name in _FIELD]), outcome["D"]
    lines = np.sort(frequencies(B, D.value, values["E"]))
    seen = lines[(lines > outcome.x.min()) & (lines < outcome.x.max())]
    if not D.fixed and seen.size and (np.all(seen < D.value) or np.all(seen > D.value)):
        doubts.append(
            "all lines in the window are on one side of D, so that D and the field are only known together; "
            "hold D (2.8704 GHz at room temperature), or sweep across it"
        )
    unknown = sum(1 for name in (*_FIELD, "D") if not outcome[name].fixed)
    told = int(np.count_nonzero(np.diff(seen) > values["width"])) + 1 if seen.size else 0
    if unknown and told <= unknown:
        doubts.append(
            f"{told} lines of this field can be distinguished in the window, where {unknown} numbers are "
            "wanted and one line more to check them: other fields have the same lines; sweep over more"
        )
    return doubts


def _told(outcome: FitOutcome, rivals: list[_Rival], hidden: int) -> list[str]:
    """List other fields: those that ask for no more, and those in which a class in the window is not seen."""
    strength = float(np.linalg.norm([outcome[name].value for name in _FIELD]))
    advice = "sweep over more lines" if outcome["D"].fixed else "sweep over more lines, or hold D"
    found = []
    for more, reason in ((False, ""), (True, ", if a class whose line is in the window shows no dip")):
        some = [one for one in rivals if (one.hidden > hidden) is more]
        if not some:
            continue
        best = sorted(sorted(some, key=lambda one: one.excess)[:_TOLD], key=lambda one: _strength(one))
        text = ", ".join(
            f"{_strength(one):.4g} mT (D = {one.found.splitting / 1e9:.4f} GHz, χ² {one.excess:+.2g})"
            for one in best
        )
        rest = f" and {len(some) - len(best)} more" if len(some) > len(best) else ""
        range_ = (
            f"; all are between {_strength(some[0]):.3g} and {_strength(some[-1]):.3g} mT" if rest else ""
        )
        verb = "another field explains" if len(some) == 1 else f"{len(some)} other fields explain"
        found.append(
            f"{verb} the spectrum about as well{reason}: |B| = {text}{rest} instead of "
            f"{1e3 * strength:.4g} mT{range_}; {advice}"
        )
    return found


def _strength(rival: _Rival) -> float:
    return 1e3 * float(np.linalg.norm(rival.found.field))
