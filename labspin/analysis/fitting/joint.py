"""Many traces fitted together, with parameters that all of them, or groups of them, share.

A parameter is *shared* by all traces (one value), by the traces of a group (one value for each label), or
each trace has its own. The normal equations then have blocks: each trace couples to its own parameters and to
the shared ones, never to another trace's. Its own parameters are eliminated trace by trace (Schur
complement), so that a step costs as much as one step of each trace alone, and a small system for the shared
parameters; a dense solver would pay with the cube of the number of traces.

Optimum and standard errors are those of one least-squares problem over everything.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.curve import chi2_probability
from labspin.analysis.fitting.vectorised import as_model, evaluator
from labspin.analysis.minimiser.problem import Evaluate
from labspin.analysis.model import FitModel, FloatArray
from labspin.errors import FitError

__all__ = ["JointFit", "JointTrace", "fit_joint"]

IndexArray = NDArray[np.intp]
_MOST_STEPS = 200
_SETTLED = 1e-8
"""Length of the last step, in standard errors."""
_MOST_DAMPING = 1e12


@dataclass(frozen=True, eq=False)
class JointTrace:
    """One trace of a joint fit.

    Parameters
    ----------
    x, y
        Shape (n,); points that are not finite are left out. y may be complex for a complex model.
    sigma
        Standard deviations, shape (n,) or a number; for complex data of both parts, or of the real part + i
        times that of the imaginary part. None: unknown, for all traces alike.
    label
        What tells it from the others.
    """

    x: ArrayLike
    y: ArrayLike
    sigma: ArrayLike | None = None
    label: str = ""


@dataclass(frozen=True, eq=False)
class JointFit:
    """What a joint fit found.

    Parameters
    ----------
    names, labels
        Of the parameters (p) and of the traces (m).
    values, errors
        Value and standard error of every parameter of every trace, shape (m, p); the error of one that is
        held is 0.
    shared
        For each shared parameter: its label (None where all traces share it) -> (value, standard error).
    covariance
        Of the shared parameters, in the order of ``shared_names``.
    shared_names
        (name, label) of every shared value.
    chi2, degrees_of_freedom, p_value
        Of all traces together; the probability is None where no errors were given.
    trace_chi2
        Part of each trace, shape (m,).
    converged
        Whether the last step was shorter than 10⁻⁸ standard errors.
    steps
        How many steps were tried.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    values: FloatArray
    errors: FloatArray
    shared: Mapping[str, Mapping[Hashable, tuple[float, float]]]
    covariance: FloatArray
    shared_names: tuple[tuple[str, Hashable], ...]
    chi2: float
    degrees_of_freedom: int
    p_value: float | None
    trace_chi2: FloatArray
    converged: bool
    steps: int

    def value(self, name: str, label: Hashable = None) -> tuple[float, float]:
        """Return value and standard error of a shared parameter, of one group where groups share it.

        Parameters
        ----------
        name
            A shared parameter.
        label
            Of the group; None where all traces share the parameter.

        Returns
        -------
        value, stderr
            In the unit of the parameter.

        Raises
        ------
        FitError
            No such parameter is shared, or it has no such group.
        """
        groups = self.shared.get(name)
        if groups is None or label not in groups:
            there = ", ".join(f"{n} ({g})" if g is not None else n for n, g in self.shared_names)
            raise FitError(
                f"joint fit: no shared parameter {name!r} for {label!r}; there are {there or 'none'}"
            )
        return groups[label]


def fit_joint(
    model: FitModel | Any,
    traces: Sequence[JointTrace],
    *,
    shared: Mapping[str, Sequence[Hashable] | None],
    start: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> JointFit:
    """Fit one model to many traces that share parameters.

    Parameters
    ----------
    model
        A `FitModel`, or what `fit_batch` takes.
    traces
        At least one.
    shared
        By parameter name: None, all traces share it; or one label for each trace, those of one label share
        it. Parameters that are not named are each trace's own.
    start, fixed
        By name: starting value; value to hold. What is not given starts from the fits of the single traces.
    bounds
        By name: replaces the model's own (minimum, maximum).

    Returns
    -------
    JointFit
        Values and standard errors.

    Raises
    ------
    FitError
        No traces, an unknown parameter, labels that are not one for each trace, some traces with errors and
        some without, or fewer points than parameters.
    """
    if not traces:
        raise FitError("joint fit: wanted traces, got none")
    first = np.asarray(traces[0].x, np.float64)
    described = as_model(model, first, bounds or {})
    held = {p.name: p.value for p in described.parameters if p.value is not None}
    held = {name: value for name, value in held.items() if name not in (start or {})} | dict(fixed or {})
    _check_names(described, traces, shared, start or {}, held)
    data = _stacked(described, traces)
    layout = _Layout.of(described, shared, held, len(traces))
    values = _starting(described, data, start or {}, held, layout)
    job = _Job(described, data, layout, evaluator(described, data.x[0], values[0]))
    return _finished(job, *job.minimise(values), [trace.label for trace in traces])


def _check_names(
    model: FitModel,
    traces: Sequence[JointTrace],
    shared: Mapping[str, Sequence[Hashable] | None],
    start: Mapping[str, float],
    held: Mapping[str, Any],
) -> None:
    for name in (*shared, *start, *held):
        model.parameter(name)
    for name, labels in shared.items():
        if labels is not None and len(labels) != len(traces):
            raise FitError(
                f"joint fit: {name}: wanted a label for each of {len(traces)} traces, got {len(labels)}"
            )
        if name in held:
            raise FitError(f"joint fit: {name} is shared and held; remove it from one")
    if len({trace.sigma is None for trace in traces}) != 1:
        raise FitError("joint fit: wanted errors for all traces or for none, got both; give sigma everywhere")


@dataclass(frozen=True, eq=False)
class _Data:
    """All traces as stacks, shorter ones filled up with points of weight 0; complex y as pairs of reals."""

    x: FloatArray
    y: FloatArray
    weights: FloatArray
    absolute: bool


def _stacked(model: FitModel, traces: Sequence[JointTrace]) -> _Data:
    rows = [_cleaned(model, trace) for trace in traces]
    length, parts = max(row[0].size for row in rows), 2 if model.is_complex else 1
    x = np.empty((len(rows), length))
    y, weights = np.zeros((2, len(rows), length * parts))
    for at, (points, values, scale) in enumerate(rows):
        x[at, : points.size], x[at, points.size :] = points, points[-1]
        y[at, : values.size], weights[at, : scale.size] = values, scale
    return _Data(x, y, weights, traces[0].sigma is not None)


def _cleaned(model: FitModel, trace: JointTrace) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, y and 1/sigma of the points that count, the last two as reals."""
    x = np.asarray(trace.x, np.float64)
    y = np.asarray(trace.y).astype(np.complex128 if model.is_complex else np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise FitError(
            f"joint fit: {trace.label}: wanted x and y of one shape (n,), got {x.shape}, {y.shape}"
        )
    keep = np.isfinite(x) & np.isfinite(y)
    sigma = np.ones(x.shape) if trace.sigma is None else np.broadcast_to(np.asarray(trace.sigma), x.shape)
    if model.is_complex and not np.iscomplexobj(sigma):
        sigma = sigma * (1 + 1j)
    keep &= np.isfinite(sigma)
    if not keep.any():
        raise FitError(f"joint fit: {trace.label}: wanted points, got none that are finite")
    errors = real_view(np.ascontiguousarray(sigma[keep]))
    if errors.min() <= 0:
        raise FitError(f"joint fit: {trace.label}: sigma: wanted errors > 0, got {errors.min()!r}")
    return x[keep], real_view(y[keep]), 1 / errors


@dataclass(frozen=True, eq=False)
class _Layout:
    """Which parameters are shared and where their values stand."""

    common: IndexArray  # parameters that are shared, (s,)
    own: IndexArray  # parameters that each trace has, (k,)
    slots: IndexArray  # where the shared ones of each trace stand among all shared values, (m, s)
    names: tuple[tuple[str, Hashable], ...]  # of all shared values

    @classmethod
    def of(
        cls,
        model: FitModel,
        shared: Mapping[str, Sequence[Hashable] | None],
        held: Mapping[str, Any],
        count: int,
    ) -> _Layout:
        common = [at for at, name in enumerate(model.names) if name in shared]
        own = [at for at, name in enumerate(model.names) if name not in shared and name not in held]
        slots = np.empty((count, len(common)), np.intp)
        names: list[tuple[str, Hashable]] = []
        for column, at in enumerate(common):
            labels = shared[model.names[at]]
            given: Sequence[Hashable] = [None] * count if labels is None else list(labels)
            different = list(dict.fromkeys(given))
            slots[:, column] = [len(names) + different.index(label) for label in given]
            names += [(model.names[at], label) for label in different]
        return cls(np.array(common, np.intp), np.array(own, np.intp), slots, tuple(names))

    def spread(self, shared: FloatArray, values: FloatArray) -> FloatArray:
        """Return ``values`` (m, p) with the shared ones put in."""
        out = values.copy()
        out[:, self.common] = shared[self.slots]
        return out

    def gathered(self, values: FloatArray) -> FloatArray:
        """Return the median over its traces of every shared value."""
        return np.array(
            [np.median(values[:, self.common][self.slots == slot]) for slot in range(len(self.names))]
        )


def _starting(
    model: FitModel, data: _Data, start: Mapping[str, float], held: Mapping[str, Any], layout: _Layout
) -> FloatArray:
    """Return starting values (m, p) from fits of the single traces."""
    y: NDArray[Any] = data.y.copy()
    y[data.weights == 0] = np.nan
    sigma: Any = None
    if data.absolute and not model.is_complex:  # a start needs no weights of both parts
        sigma = np.where(data.weights > 0, 1 / np.where(data.weights > 0, data.weights, 1.0), 1.0)
    y = y.view(np.complex128) if model.is_complex else y
    same = bool((data.x == data.x[0]).all())
    single = fit_batch(
        model,
        data.x[0] if same else data.x,
        y,
        sigma,
        start=dict(start),
        fixed=dict(held),
        check=0,
        fallback=False,
    )
    values = np.stack([np.broadcast_to(single[name], len(data.y)) for name in model.names], axis=1)
    values = np.where(np.isfinite(values), values, np.nanmedian(values, axis=0))
    if not np.isfinite(values).all():
        raise FitError(f"joint fit: model {model.name}: no trace can be fitted alone; give start")
    return layout.spread(layout.gathered(values), values)


@dataclass(frozen=True, eq=False)
class _Step:
    """The normal equations at one place, by blocks."""

    values: FloatArray
    cost: float
    trace_cost: FloatArray
    common: FloatArray  # (m, s, s)
    mixed: FloatArray  # (m, s, k)
    own: FloatArray  # (m, k, k)
    down_common: FloatArray  # (m, s)
    down_own: FloatArray  # (m, k)


@dataclass(frozen=True, eq=False)
class _Job:
    model: FitModel
    data: _Data
    layout: _Layout
    evaluate: Evaluate

    def at(self, values: FloatArray) -> _Step:
        """Evaluate the model, and the blocks of its normal equations in the parameters as they are moved."""
        scales = np.maximum(np.abs(values), 1e-300) * np.cbrt(np.finfo(float).eps)
        y, jacobian = self.evaluate(self.data.x, values, scales)
        residual = (self.data.y - y) * self.data.weights
        jacobian = jacobian * self.data.weights[:, None, :] * self.slope(values)[:, :, None]
        residual = np.where(self.data.weights > 0, residual, 0.0)
        jacobian = np.where(self.data.weights[:, None, :] > 0, jacobian, 0.0)
        one, two = jacobian[:, self.layout.common], jacobian[:, self.layout.own]
        parts = np.square(residual).sum(axis=1)
        return _Step(
            values, float(parts.sum()), parts,
            one @ one.swapaxes(1, 2), one @ two.swapaxes(1, 2), two @ two.swapaxes(1, 2),
            (one @ residual[..., None])[..., 0], (two @ residual[..., None])[..., 0],
        )  # fmt: skip

    def slope(self, values: FloatArray) -> FloatArray:
        """Return dp/dt: scales are moved by their logarithm."""
        logarithmic = np.array([parameter.is_scale for parameter in self.model.parameters])
        return np.where(logarithmic, values, 1.0)

    def solve(self, step: _Step, damping: float) -> tuple[FloatArray, FloatArray]:
        """Return the moves of the shared values and of each trace's own."""
        layout, count = self.layout, len(self.layout.names)
        own = _damped(step.own, damping)
        right = np.concatenate([step.mixed.swapaxes(1, 2), step.down_own[..., None]], axis=2)
        answer = np.linalg.solve(own, right) if layout.own.size else right
        carried, alone = answer[..., :-1], answer[..., -1]
        small, down = np.zeros((count, count)), np.zeros(count)
        diagonal = np.zeros(count)
        np.add.at(diagonal, layout.slots, np.diagonal(step.common, axis1=1, axis2=2))
        slots = layout.slots
        np.add.at(small, (slots[:, :, None], slots[:, None, :]), step.common - step.mixed @ carried)
        np.add.at(down, slots, step.down_common - (step.mixed @ alone[..., None])[..., 0])
        small[np.arange(count), np.arange(count)] += damping * diagonal
        shared: FloatArray = np.asarray(np.linalg.solve(small, down) if count else down, np.float64)
        return shared, alone - (carried @ shared[slots][..., None])[..., 0]

    def moved(self, values: FloatArray, shared: FloatArray, own: FloatArray) -> FloatArray:
        """Return the values after a move, inside the bounds."""
        step = np.zeros_like(values)
        step[:, self.layout.common] = shared[self.layout.slots]
        step[:, self.layout.own] = own
        logarithmic = np.array([parameter.is_scale for parameter in self.model.parameters])
        out = np.where(logarithmic, values * np.exp(np.clip(step, -5.0, 5.0)), values + step)
        low = np.array([parameter.minimum for parameter in self.model.parameters])
        high = np.array([parameter.maximum for parameter in self.model.parameters])
        inside: FloatArray = np.where(logarithmic, out, np.clip(out, low, high))
        return inside

    def minimise(self, values: FloatArray) -> tuple[_Step, bool, int]:
        """Go downhill until steps are short against the standard errors."""
        step, damping = self.at(values), 1e-3
        if not math.isfinite(step.cost):
            raise FitError(f"joint fit: model {self.model.name} is not finite at the start; give start")
        for tried in range(1, _MOST_STEPS + 1):
            try:
                shared, own = self.solve(step, damping)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            better = self.at(self.moved(step.values, shared, own))
            length = self.length(step, shared, own)
            if better.cost <= step.cost:
                step, damping = better, max(damping / 10, 1e-14)
                if length < _SETTLED:
                    return step, True, tried
            else:
                damping *= 10
                if length < _SETTLED:
                    return step, True, tried
            if damping > _MOST_DAMPING:
                break
        return step, False, tried

    def length(self, step: _Step, shared: FloatArray, own: FloatArray) -> float:
        """Return the length of a move in standard errors."""
        common = shared[self.layout.slots]
        squares = np.einsum("ms,mst,mt->", common, step.common, common)
        squares += 2 * np.einsum("ms,msk,mk->", common, step.mixed, own)
        squares += np.einsum("mk,mkl,ml->", own, step.own, own)
        scale = 1.0 if self.data.absolute else step.cost / max(self.freedom(), 1)
        return math.sqrt(max(float(squares), 0.0) / max(scale, 1e-300))

    def freedom(self) -> int:
        """Degrees of freedom."""
        fitted = len(self.layout.names) + self.layout.own.size * len(self.data.y)
        return int((self.data.weights > 0).sum()) - fitted


def _damped(matrices: FloatArray, damping: float) -> FloatArray:
    out = matrices.copy()
    index = np.arange(out.shape[-1])
    out[:, index, index] *= 1 + damping
    return out


def _finished(job: _Job, step: _Step, converged: bool, steps: int, labels: list[str]) -> JointFit:
    """Return values with standard errors from the undamped normal equations."""
    layout, freedom = job.layout, job.freedom()
    if freedom < 0:
        raise FitError(f"joint fit: model {job.model.name}: fewer points than parameters; share more of them")
    scale = 1.0 if job.data.absolute else step.cost / max(freedom, 1)
    inverse = np.linalg.pinv(step.own) if layout.own.size else step.own
    carried = inverse @ step.mixed.swapaxes(1, 2)
    count, slots = len(layout.names), layout.slots
    small = np.zeros((count, count))
    np.add.at(small, (slots[:, :, None], slots[:, None, :]), step.common - step.mixed @ carried)
    covariance = np.linalg.pinv(small) if count else small
    between = covariance[slots[:, :, None], slots[:, None, :]]
    own = inverse + carried @ between @ carried.swapaxes(1, 2)
    slope, errors = job.slope(step.values), np.zeros(step.values.shape)
    errors[:, layout.common] = np.sqrt(scale * np.diagonal(between, axis1=1, axis2=2))
    errors[:, layout.own] = np.sqrt(scale * np.maximum(np.diagonal(own, axis1=1, axis2=2), 0.0))
    errors = errors * np.abs(slope)
    size = layout.gathered(slope)
    shared: dict[str, dict[Hashable, tuple[float, float]]] = {}
    for at, (name, label) in enumerate(layout.names):
        row, column = np.argwhere(slots == at)[0]
        place = int(layout.common[column])
        shared.setdefault(name, {})[label] = (float(step.values[row, place]), float(errors[row, place]))
    return JointFit(
        names=job.model.names,
        labels=tuple(labels),
        values=step.values,
        errors=errors,
        shared=shared,
        covariance=scale * covariance * np.outer(size, size),
        shared_names=layout.names,
        chi2=step.cost,
        degrees_of_freedom=freedom,
        p_value=chi2_probability(step.cost, freedom) if job.data.absolute else None,
        trace_chi2=step.trace_cost,
        converged=converged,
        steps=steps,
    )
