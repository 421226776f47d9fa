"""The field in the crystal from the positions of resolved lines: any number from three, unordered.

Without strain the lines do not change under the 48 operations of the cubic group with inversion, so a
solution stands for up to 48 fields; one representative with Bx ≥ By ≥ Bz ≥ 0 is searched for, and its images
are listed. The search begins at what a few lines give in closed form (`labspin.physics.nv.line_starts`) and
refines all of that at once. Strain along the classes'
x' = <11-2> leaves 16 of the operations (signs, and the exchange of x and y). Three lines often allow several
different fields; all that the uncertainties allow are returned, best first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, positive, vectors
from labspin.physics.nv.line_matching import (
    LineModel,
    checked_lines,
    line_model,
    match_lines,
    match_score,
)
from labspin.physics.nv.line_starts import starting_fields
from labspin.physics.nv.records import NV_CENTRE, NVCentre

__all__ = ["FieldSolution", "equivalent_fields", "field_from_lines"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_NEAR = 2e6 * np.pi * 1.0  # rad/s: how far a line may be from its value at a start
_CANDIDATES = 400
_ITERATIONS = 60
_PRUNED_AFTER, _SURVIVORS = 4, 120
_CELL = 3e-5  # T: candidates that have come as close as this are merged
_SURROUNDED, _NEIGHBOURS = 10, 12
_SPLITTINGS = 1.0 + np.linspace(-0.01, 0.01, 11)  # of D, where it is fitted


@dataclass(frozen=True)
class FieldSolution:
    """A field that explains the lines, in the crystal frame."""

    field: FloatArray  # T, (3,), Bx ≥ By ≥ Bz ≥ 0 (with strain Bx ≥ By ≥ 0, Bz ≥ 0)
    covariance: FloatArray  # T², (3, 3), from the uncertainties of the lines (singular if lines cannot fix B)
    splitting: float  # rad/s, D (fitted or given)
    chi_square: float
    assignment: tuple[
        tuple[int, int], ...
    ]  # (class, branch) of each line in the order given; 0 lower, 1 upper
    equivalents: FloatArray  # T, (n ≤ 48, 3): all fields with the same lines

    __repr__ = abridged

    @property
    def strength(self) -> float:
        """|B| in T."""
        return float(np.linalg.norm(self.field))

    @property
    def strength_uncertainty(self) -> float:
        """Standard error of |B| in T."""
        unit = self.field / max(self.strength, np.finfo(float).tiny)
        return float(np.sqrt(unit @ self.covariance @ unit))


def equivalent_fields(
    field: ArrayLike, *, centre: NVCentre = NV_CENTRE, tolerance: float = 0.0
) -> FloatArray:
    """Return the different fields with the same lines as a given one, shape (n ≤ 48, 3), T.

    Parameters
    ----------
    field
        B in the crystal frame, shape (3,), T.
    centre
        The constants; with strain fewer fields have the same lines.
    tolerance
        Images that differ by no more than this in each component count as one, T.
    """
    vector = vectors("field", field, unit="T")
    if vector.shape != (3,):
        raise ArgumentError(f"field: wanted one vector of 3 components, got shape {vector.shape}")
    orders = [(0, 1, 2), (1, 0, 2)] if centre.strain else list(permutations(range(3)))
    limit = max(tolerance, 1e-12 * float(np.abs(vector).max()))
    kept: list[FloatArray] = []
    for order in orders:
        for signs in product((1.0, -1.0), repeat=3):
            image = np.asarray(signs) * vector[list(order)]
            if all(np.abs(image - other).max() > limit for other in kept):
                kept.append(image)
    return np.array(kept)


def field_from_lines(
    *,
    lines: ArrayLike,
    uncertainty: ArrayLike,
    centre: NVCentre = NV_CENTRE,
    max_field: float = 0.04,
    window: tuple[float, float] | None = None,
    fit_splitting: bool = False,
    chi_square_limit: float | None = None,
) -> tuple[FieldSolution, ...]:
    """Return every field (up to symmetry) that explains the observed lines, best first.

    Parameters
    ----------
    lines
        Angular frequencies of the resolved lines, (m,), 3 ≤ m ≤ 8, in any order, rad/s.
    uncertainty
        Their standard errors, one or (m,), rad/s.
    centre
        D, E, γe. With ``fit_splitting`` D is the start value.
    max_field
        Largest |B| to consider, T.
    window
        The swept range (low, high) in rad/s: a solution that has a line inside it, but none observed within
        10 σ (or merged with another), is rejected. Without it, unobserved lines are allowed anywhere.
    fit_splitting
        Whether D is free (needs m ≥ 4), within ±1 %; E is scaled with it.
    chi_square_limit
        Largest χ² of a solution; default: the 99.9 % quantile for the degrees of freedom (at least one).

    Returns
    -------
    tuple of FieldSolution
        Least χ² first.

    Notes
    -----
    Of 1200 random fields of 5 G to 390 G (3 to 8 of their lines, half with a strain of 4 MHz) the true one
    was among the solutions in all; a call takes 0.02 s, with strain 0.04 s, with ``fit_splitting`` 0.1 s.

    Raises
    ------
    ArgumentError
        Too few or too many lines, a value that is not positive, or no field below ``max_field`` explains
        the lines.
    """
    frequency = positive("lines", lines, unit="rad/s")
    observed, sigma = checked_lines("lines", lines, uncertainty)
    parameters = 4 if fit_splitting else 3
    if observed.size < parameters:
        raise ArgumentError(f"lines: wanted at least {parameters} lines, got {observed.size}")
    positive("max_field", max_field, unit="T")
    limit = _default_limit(observed.size - parameters) if chi_square_limit is None else chi_square_limit
    start, splitting = _candidates(observed, sigma, centre, max_field, fit_splitting)
    found = _refine(start, splitting, observed, sigma, centre, fit_splitting)
    distinct = _distinct(found, observed, sigma, limit, None, max_field)
    if distinct:
        around = _scattered(found, distinct)
        found = _refine(*around, observed, sigma, centre, fit_splitting)
    solutions = _distinct(found, observed, sigma, limit, window, max_field)
    if not solutions:
        raise _nothing_explains(found, observed, sigma, limit, window, max_field)
    place = np.argsort(np.argsort(frequency))
    return tuple(
        FieldSolution(
            field=found.field[n],
            covariance=found.covariance(n, sigma, fit_splitting),
            splitting=float(found.splitting[n]),
            chi_square=float(found.chi_square[n]),
            assignment=tuple((int(found.match[n, p]) // 2, int(found.match[n, p]) % 2) for p in place),
            equivalents=equivalent_fields(
                found.field[n],
                centre=centre,
                tolerance=float(np.sqrt(found.covariance(n, sigma, fit_splitting).trace())),
            ),
        )
        for n in solutions
    )


def _nothing_explains(
    found: _Found,
    observed: FloatArray,
    sigma: FloatArray,
    limit: float,
    window: tuple[float, float] | None,
    max_field: float,
) -> ArgumentError:
    """Return the error that says why there is no solution: χ², or a line that should have been seen."""
    unseen = _distinct(found, observed, sigma, limit, None, max_field)
    if not unseen or window is None:
        return ArgumentError(
            f"lines: no field below {max_field:g} T explains the lines within their uncertainty; check lines "
            f"and D, or raise uncertainty (least χ² {found.chi_square.min():.3g}, limit {limit:.3g})"
        )
    best = unseen[0]
    missed = _missed_lines(found.model.frequency[best], observed, sigma, window) / (2e6 * np.pi)
    strength = float(np.linalg.norm(found.field[best])) * 1e3
    return ArgumentError(
        f"window: {len(unseen)} fields explain the lines, but each has a line inside the window that was not "
        f"observed (the best, {strength:.4g} mT, at {', '.join(f'{one:.2f}' for one in missed)} MHz); look "
        "for it, or correct window"
    )


def _default_limit(freedom: int) -> float:
    from scipy.special import gammaincinv  # the quantile of χ²; scipy.stats takes half a second to load

    return 2.0 * float(gammaincinv(0.5 * max(freedom, 1), 0.999))


def _candidates(
    observed: FloatArray, sigma: FloatArray, centre: NVCentre, max_field: float, fit_splitting: bool
) -> tuple[FloatArray, FloatArray]:
    """Return fields (n, 3) from which to refine, and D at each: those of closed form that match best."""
    factors = _SPLITTINGS if fit_splitting else np.ones(1)
    fields, splittings = [], []
    for splitting in centre.zero_field_splitting * factors:
        found = starting_fields(lines=observed, centre=centre, splitting=splitting, max_field=max_field)
        found = _strained(found, centre, 0 if fit_splitting else _NEIGHBOURS) if centre.strain else found
        fields.append(found)
        splittings.append(np.full(len(found), splitting))
    field, splitting = _representative(np.concatenate(fields), centre), np.concatenate(splittings)
    cells = np.column_stack([np.round(field / _CELL), splitting])
    _, first = np.unique(cells, axis=0, return_index=True)
    field, splitting = field[first], splitting[first]
    loose = _NEAR + abs(centre.strain) + (0.001 * centre.zero_field_splitting if fit_splitting else 0.0)
    lines = line_model(field=field, centre=centre, splitting=splitting).frequency
    best = np.argsort(match_score(observed, np.hypot(sigma, loose), lines), kind="stable")[:_CANDIDATES]
    return field[best], splitting[best]


def _strained(field: FloatArray, centre: NVCentre, neighbours: int) -> FloatArray:
    """Return the images (n, 3) of fields that strain tells apart, and some as far away as it shifts lines."""
    images = np.concatenate([field, field[:, [1, 2, 0]], field[:, [2, 0, 1]]])
    reach = 0.6 * abs(centre.strain) / centre.gyromagnetic_ratio
    offset = np.random.default_rng(1).normal(scale=reach, size=(neighbours, 1, 3))
    return np.concatenate((images, (images + offset).reshape(-1, 3)))


@dataclass(frozen=True)
class _Found:
    """Refined candidates."""

    field: FloatArray  # (n, 3)
    splitting: FloatArray  # (n,)
    match: IntArray  # (n, m)
    chi_square: FloatArray  # (n,)
    model: LineModel

    def subset(self, index: IntArray) -> _Found:
        model = LineModel(
            self.model.frequency[index], self.model.field_slope[index], self.model.splitting_slope[index]
        )
        return _Found(
            self.field[index], self.splitting[index], self.match[index], self.chi_square[index], model
        )

    def jacobian(self, fit_splitting: bool) -> FloatArray:
        slope = np.take_along_axis(self.model.field_slope, self.match[..., None], axis=1)
        if not fit_splitting:
            return slope
        return np.concatenate(
            [slope, np.take_along_axis(self.model.splitting_slope, self.match, axis=1)[..., None]], axis=-1
        )

    def covariance(self, n: int, sigma: FloatArray, fit_splitting: bool) -> FloatArray:
        weighted = self.jacobian(fit_splitting)[n] / sigma[:, None]
        return np.asarray(np.linalg.pinv(weighted.T @ weighted, rcond=1e-14, hermitian=True)[:3, :3])


def _evaluate(
    field: FloatArray, splitting: FloatArray, observed: FloatArray, sigma: FloatArray, centre: NVCentre
) -> _Found:
    model = line_model(field=field, centre=centre, splitting=splitting)
    match = match_lines(observed, sigma, model.frequency)
    residual = (np.take_along_axis(model.frequency, match, axis=1) - observed) / sigma
    return _Found(field, splitting, match, np.asarray((residual**2).sum(axis=-1)), model)


def _refine(
    start: FloatArray,
    splitting: FloatArray,
    observed: FloatArray,
    sigma: FloatArray,
    centre: NVCentre,
    fit_splitting: bool,
) -> _Found:
    """Levenberg–Marquardt on all candidates at once; the matching is renewed at every step."""
    count = start.shape[0]
    current = _evaluate(start, splitting, observed, sigma, centre)
    scale = np.array([1e-3, 1e-3, 1e-3, 1e-3 * centre.zero_field_splitting])[: 4 if fit_splitting else 3]
    damping = np.full(count, 1e-2)
    for iteration in range(_ITERATIONS):
        if iteration == _PRUNED_AFTER and count > _SURVIVORS:
            best = _survivors(current, centre)
            current, damping = current.subset(best), damping[best]
        jacobian = current.jacobian(fit_splitting) * scale / sigma[:, None]
        residual = (np.take_along_axis(current.model.frequency, current.match, axis=1) - observed) / sigma
        normal = np.swapaxes(jacobian, 1, 2) @ jacobian
        size = normal.trace(axis1=1, axis2=2)[:, None] * np.eye(scale.size).sum(0)
        damped = normal + (damping[:, None] * size + 1e-12)[..., None] * np.eye(scale.size)
        step = -np.linalg.solve(damped, np.swapaxes(jacobian, 1, 2) @ residual[..., None])[..., 0] * scale
        field = current.field + step[:, :3]
        splitting = current.splitting + (step[:, 3] if fit_splitting else 0.0)
        limit = 0.01 * centre.zero_field_splitting
        splitting = np.clip(
            splitting, centre.zero_field_splitting - limit, centre.zero_field_splitting + limit
        )
        trial = _evaluate(field, splitting, observed, sigma, centre)
        better = trial.chi_square < current.chi_square
        gained = (current.chi_square - trial.chi_square)[better]
        damping = np.clip(np.where(better, 0.2 * damping, 5.0 * damping), 1e-15, 1e8)
        current = _merge(better, trial, current)
        if iteration > _PRUNED_AFTER and not (gained > 1e-9).any():
            break
    return _in_wedge(current, observed, sigma, centre)


def _survivors(found: _Found, centre: NVCentre) -> IntArray:
    """Return the best candidate of each cell of fields and each matching, and of those the best."""
    by_merit = np.argsort(found.chi_square, kind="stable")
    cells = np.round(_representative(found.field[by_merit], centre) / _CELL)
    keys = np.concatenate([cells, found.match[by_merit]], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.asarray(by_merit[np.sort(first)[:_SURVIVORS]])


def _scattered(found: _Found, chosen: list[int]) -> tuple[FloatArray, FloatArray]:
    """Return the chosen fields, and some near the best, with D: weak fields have other matchings close by.

    All of the chosen are kept, however many they are: three lines with strain often have more than twenty.
    """
    offset = np.random.default_rng(0).normal(scale=_CELL, size=(_NEIGHBOURS, 1, 3))
    best = chosen[:_SURROUNDED]
    field = np.concatenate((found.field[chosen], (found.field[best] + offset).reshape(-1, 3)))
    return field, np.concatenate((found.splitting[chosen], np.tile(found.splitting[best], _NEIGHBOURS)))


def _representative(field: FloatArray, centre: NVCentre) -> FloatArray:
    """Return the image of each field (n, 3) that lies in the wedge."""
    inside = np.abs(field)
    exchanged = slice(0, 2) if centre.strain else slice(0, 3)
    inside[:, exchanged] = -np.sort(-inside[:, exchanged], axis=-1)
    return inside


def _merge(better: NDArray[np.bool_], new: _Found, old: _Found) -> _Found:
    def pick(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.where(better.reshape((-1,) + (1,) * (a.ndim - 1)), a, b)

    return _Found(
        field=np.asarray(pick(new.field, old.field), dtype=np.float64),
        splitting=np.asarray(pick(new.splitting, old.splitting), dtype=np.float64),
        match=np.asarray(pick(new.match, old.match), dtype=np.intp),
        chi_square=np.asarray(pick(new.chi_square, old.chi_square), dtype=np.float64),
        model=LineModel(
            np.asarray(pick(new.model.frequency, old.model.frequency), dtype=np.float64),
            np.asarray(pick(new.model.field_slope, old.model.field_slope), dtype=np.float64),
            np.asarray(pick(new.model.splitting_slope, old.model.splitting_slope), dtype=np.float64),
        ),
    )


def _in_wedge(found: _Found, observed: FloatArray, sigma: FloatArray, centre: NVCentre) -> _Found:
    return _evaluate(_representative(found.field, centre), found.splitting, observed, sigma, centre)


def _distinct(
    found: _Found,
    observed: FloatArray,
    sigma: FloatArray,
    limit: float,
    window: tuple[float, float] | None,
    max_field: float,
) -> list[int]:
    """Return the indices of different acceptable solutions, best first."""
    kept: list[int] = []
    for n in np.argsort(found.chi_square, kind="stable"):
        if found.chi_square[n] > limit or np.linalg.norm(found.field[n]) > max_field * 1.001:
            continue
        if window is not None and _misses_lines(found.model.frequency[n], observed, sigma, window):
            continue
        if all(not _same(found, int(n), m, sigma, max_field) for m in kept):
            kept.append(int(n))
    return kept


def _same(found: _Found, n: int, m: int, sigma: FloatArray, max_field: float) -> bool:
    """Return whether two solutions are one within 3 σ (two matchings of nearly equal lines)."""
    difference = found.field[n] - found.field[m]
    weighted = found.jacobian(False)[m] @ difference / sigma
    return bool(np.abs(difference).max() < 1e-6 * max_field or weighted @ weighted < 9.0)


def _misses_lines(
    computed: FloatArray, observed: FloatArray, sigma: FloatArray, window: tuple[float, float]
) -> bool:
    return bool(_missed_lines(computed, observed, sigma, window).size)


def _missed_lines(
    computed: FloatArray, observed: FloatArray, sigma: FloatArray, window: tuple[float, float]
) -> FloatArray:
    """Return the computed lines inside the window that are 10 σ or more from every observed one."""
    inside = computed[(computed > window[0]) & (computed < window[1])]
    distance = np.abs(inside[:, None] - observed)
    return np.asarray(np.sort(inside[(distance > 10.0 * sigma).all(axis=1)]))
