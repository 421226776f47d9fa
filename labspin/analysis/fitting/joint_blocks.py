"""The traces of a joint fit as stacks, a block for each model, and the normal equations of all of them.

Traces of one model are a block: their points stand side by side, shorter ones are filled up with points of
weight 0, complex y are pairs of reals. What moves in the fit is the union over the models; a trace whose
model lacks a parameter does not depend on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.joint_ties import JointTies
from labspin.analysis.minimiser.problem import Evaluate
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.errors import FitError

if TYPE_CHECKING:
    from labspin.analysis.fitting.joint import JointTrace

__all__ = ["Block", "Data", "Layout", "Prior", "Step", "normal_equations", "stacked"]

IndexArray = NDArray[np.intp]
_STEP = float(np.cbrt(np.finfo(float).eps))
_ZERO = 1e-2  # part of the typical size below which a value counts as zero


@dataclass(frozen=True, eq=False)
class Data:
    """Traces of one model as stacks: x (m, n), y and weights (m, n), or (m, 2 n) of a complex model."""

    x: FloatArray
    y: FloatArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Block:
    """The traces of one model.

    Parameters
    ----------
    rows
        Their numbers among all traces.
    data
        Their points.
    ties
        What moves, and how the model's parameters follow from it.
    columns
        Places of what moves in this block among all that moves.
    evaluate
        The model and its derivatives by what moves in this block.
    typical
        Size of what moves, from which steps are taken while it is zero, shape (q,).
    """

    rows: IndexArray
    data: Data
    ties: JointTies
    columns: IndexArray
    evaluate: Evaluate
    typical: FloatArray


@dataclass(frozen=True, eq=False)
class Prior:
    """What is known of a parameter beforehand, of every trace: means and standard deviations, shape (m,)."""

    mean: FloatArray
    deviation: FloatArray


@dataclass(frozen=True, eq=False)
class Step:
    """The normal equations at one place, by blocks: shared ones (s), each trace's own (k)."""

    values: FloatArray
    cost: float
    trace_cost: FloatArray
    common: FloatArray  # (m, s, s)
    mixed: FloatArray  # (m, s, k)
    own: FloatArray  # (m, k, k)
    down_common: FloatArray  # (m, s)
    down_own: FloatArray  # (m, k)


def stacked(model: FitModel, traces: Sequence[JointTrace]) -> Data:
    """Return the traces of a model as stacks.

    Parameters
    ----------
    model
        Tells whether y is complex.
    traces
        At least one.

    Raises
    ------
    FitError
        A trace has no finite points, errors that are not positive, or x and y of different shapes.
    """
    rows = [_cleaned(model, trace) for trace in traces]
    length, parts = max(row[0].size for row in rows), 2 if model.is_complex else 1
    x = np.empty((len(rows), length))
    y, weights = np.zeros((2, len(rows), length * parts))
    for at, (points, values, scale) in enumerate(rows):
        x[at, : points.size], x[at, points.size :] = points, points[-1]
        y[at, : values.size], weights[at, : scale.size] = values, scale
    return Data(x, y, weights)


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
        raise FitError(f"joint fit: {trace.label}: sigma: wanted errors > 0, got {float(errors.min())!r}")
    return x[keep], real_view(y[keep]), 1 / errors


@dataclass(frozen=True, eq=False)
class Layout:
    """Which of what moves is shared, and where the values stand.

    Parameters
    ----------
    moved
        All that moves, of all models.
    common, own
        Places among it of what is shared (s), and of what each trace has for itself (k).
    slots
        Where the shared values of each trace stand among all shared values, shape (m, s).
    names
        Names of all shared values, with the label of the group.
    there
        Which traces depend on what moves, shape (m, q).
    """

    moved: tuple[Parameter, ...]
    common: IndexArray
    own: IndexArray
    slots: IndexArray
    names: tuple[tuple[str, Hashable], ...]
    there: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        moved: Sequence[Parameter],
        there: NDArray[np.bool_],
        shared: Mapping[str, Sequence[Hashable] | None],
        held: Mapping[str, float],
    ) -> Layout:
        """Return the layout of what moves.

        Parameters
        ----------
        moved
            All that moves.
        there
            Which traces depend on it, shape (m, q).
        shared
            By name: None, or a label for each trace.
        held
            By name: what does not move after all.
        """
        common = [at for at, p in enumerate(moved) if p.name in shared]
        own = [at for at, p in enumerate(moved) if p.name not in shared and p.name not in held]
        count = len(there)
        slots = np.empty((count, len(common)), np.intp)
        names: list[tuple[str, Hashable]] = []
        for column, at in enumerate(common):
            labels = shared[moved[at].name]
            given: Sequence[Hashable] = [None] * count if labels is None else list(labels)
            different = list(
                dict.fromkeys(label for label, seen in zip(given, there[:, at], strict=True) if seen)
            )
            # A trace that does not depend on it points anywhere: its blocks are zero there.
            slots[:, column] = [len(names) + (different.index(g) if g in different else 0) for g in given]
            names += [(moved[at].name, label) for label in different]
        return cls(
            tuple(moved), np.array(common, np.intp), np.array(own, np.intp), slots, tuple(names), there
        )

    @property
    def is_scale(self) -> NDArray[np.bool_]:
        """Which of what moves is moved by its logarithm, shape (q,)."""
        return np.array([parameter.is_scale for parameter in self.moved], bool)

    def spread(self, shared: FloatArray, values: FloatArray) -> FloatArray:
        """Return ``values`` (m, q) with the shared ones put in.

        Parameters
        ----------
        shared
            All shared values.
        values
            Values of every trace, shape (m, q).
        """
        out = values.copy()
        out[:, self.common] = shared[self.slots]
        return out

    def gathered(self, values: FloatArray) -> FloatArray:
        """Return every shared value, from the first trace that depends on it.

        Parameters
        ----------
        values
            Values of every trace, shape (m, q).
        """
        found: FloatArray = values[:, self.common][self.first]
        return found

    @cached_property
    def first(self) -> tuple[IndexArray, IndexArray]:
        """The trace, and the column among the shared ones, that every shared value is taken from."""
        seen = self.there[:, self.common]
        rows = np.zeros(len(self.names), np.intp)
        columns = np.zeros(len(self.names), np.intp)
        for row, column in reversed(list(zip(*np.nonzero(seen), strict=True))):
            rows[self.slots[row, column]], columns[self.slots[row, column]] = row, column
        return rows, columns

    def middle(self, values: FloatArray) -> FloatArray:
        """Return the median of every shared value over the traces that depend on it.

        Parameters
        ----------
        values
            Values of every trace, shape (m, q); not yet alike.
        """
        seen = self.there[:, self.common]
        return np.array(
            [
                np.median(values[:, self.common][(self.slots == slot) & seen])
                for slot in range(len(self.names))
            ]
        )


def _steps(values: FloatArray, typical: FloatArray) -> FloatArray:
    """Return steps of central differences (m, q): small against a value, or against its typical size."""
    return np.asarray(_STEP * np.maximum(np.abs(values), _ZERO * typical))


def normal_equations(
    blocks: Sequence[Block], layout: Layout, values: FloatArray, priors: Mapping[str, Prior]
) -> Step:
    """Return the normal equations in what moves, scales by their logarithm.

    Parameters
    ----------
    blocks
        All traces.
    layout
        What is shared.
    values
        Values of every trace, shape (m, q).
    priors
        By name; of shared values they are not in here but in the system of the shared ones.
    """
    count, s, k = len(values), layout.common.size, layout.own.size
    cost = np.zeros(count)
    common, mixed, own = np.zeros((count, s, s)), np.zeros((count, s, k)), np.zeros((count, k, k))
    down_common, down_own = np.zeros((count, s)), np.zeros((count, k))
    slope = np.where(layout.is_scale, values, 1.0)
    for block in blocks:
        here = values[block.rows][:, block.columns]
        y, inner = block.evaluate(block.data.x, here, _steps(here, block.typical))
        weights = block.data.weights
        there = weights > 0
        residual = np.where(there, (block.data.y - y) * weights, 0.0)
        inner = inner * weights[:, None, :] * slope[block.rows][:, block.columns, None]
        jacobian = np.zeros((len(block.rows), len(layout.moved), weights.shape[1]))
        jacobian[:, block.columns] = np.where(there[:, None, :], inner, 0.0)
        one, two = jacobian[:, layout.common], jacobian[:, layout.own]
        cost[block.rows] = np.square(residual).sum(axis=1)
        common[block.rows] = one @ one.swapaxes(1, 2)
        mixed[block.rows] = one @ two.swapaxes(1, 2)
        own[block.rows] = two @ two.swapaxes(1, 2)
        down_common[block.rows] = (one @ residual[..., None])[..., 0]
        down_own[block.rows] = (two @ residual[..., None])[..., 0]
    extra = 0.0
    for column, at in enumerate(layout.own):
        prior = priors.get(layout.moved[at].name)
        if prior is not None:
            there = layout.there[:, at]
            off = np.where(there, (prior.mean - values[:, at]) / prior.deviation, 0.0)
            gradient = slope[:, at] / prior.deviation
            own[:, column, column] += gradient**2
            down_own[:, column] += gradient * off
            extra += float(np.square(off).sum())
        own[~layout.there[:, at], column, column] = 1.0  # a parameter that a trace lacks stays where it is
    return Step(values, float(cost.sum()) + extra, cost, common, mixed, own, down_common, down_own)
