"""Downhill steps of a joint fit, and the covariance at its end.

Each trace couples to its own parameters and to the shared ones, never to another trace's. Its own parameters
are eliminated trace by trace (Schur complement); what is left is a small system for the shared ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labspin.analysis.fitting.joint_blocks import Block, Layout, Prior, Step, normal_equations
from labspin.analysis.model import FloatArray
from labspin.errors import FitError

__all__ = ["JointCovariance", "JointProblem"]

_MOST_STEPS = 200
_SETTLED = 1e-8
"""Length of the last step, in standard errors."""
_ROUNDING = 1e-5
"""The same, where χ² does not tell better from worse any more, or all steps are used up."""
_MOST_DAMPING = 1e12
_SLOW, _FARTHEST = 0.5, 100.0
"""Part of a move that the next one is for their sum to be tried, and how many moves that may be."""
Move = tuple[FloatArray, FloatArray]
"""Of the shared values, and of each trace's own, shape (m, k)."""
_SINGULAR = 1e-13
"""Least eigenvalue of a normal matrix of unit diagonal; below, a combination is not determined."""


@dataclass(frozen=True, eq=False)
class JointCovariance:
    """Covariances at the end of a joint fit, in what moves (scales by their logarithm).

    Parameters
    ----------
    shared
        Covariance of all shared values; NaN where the data leave a combination free.
    own
        Covariances of each trace's own parameters, shape (m, k, k).
    between
        Covariances of each trace's own parameters with its shared ones, shape (m, k, s).
    """

    shared: FloatArray
    own: FloatArray
    between: FloatArray


@dataclass(frozen=True, eq=False)
class JointProblem:
    """All traces, what is shared, and what is known beforehand."""

    blocks: tuple[Block, ...]
    layout: Layout
    priors: Mapping[str, Prior]
    absolute: bool

    def at(self, values: FloatArray) -> Step:
        """Return the normal equations at some values, and the cost with the priors of shared values.

        Parameters
        ----------
        values
            Values of every trace, shape (m, q).
        """
        step = normal_equations(self.blocks, self.layout, values, self.priors)
        return replace(step, cost=step.cost + float(np.square(self._off(values)[1]).sum()))

    def _off(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d(off)/d(move) of the prior of every shared value (0: none), and how far it is off."""
        layout = self.layout
        gradient, off = np.zeros(len(layout.names)), np.zeros(len(layout.names))
        if not self.priors:
            return gradient, off
        here, slope = layout.gathered(values), layout.gathered(np.where(layout.is_scale, values, 1.0))
        for slot, (name, _) in enumerate(layout.names):
            prior = self.priors.get(name)
            if prior is not None:
                trace = layout.first[0][slot]
                gradient[slot] = slope[slot] / prior.deviation[trace]
                off[slot] = (prior.mean[trace] - here[slot]) / prior.deviation[trace]
        return gradient, off

    def solve(self, step: Step, damping: float) -> tuple[FloatArray, FloatArray]:
        """Return the moves of the shared values and of each trace's own.

        Parameters
        ----------
        step
            The normal equations.
        damping
            Part of the diagonal that is added to it.
        """
        layout, count = self.layout, len(self.layout.names)
        own = step.own.copy()
        index = np.arange(own.shape[-1])
        own[:, index, index] *= 1 + damping
        right = np.concatenate([step.mixed.swapaxes(1, 2), step.down_own[..., None]], axis=2)
        answer = np.linalg.solve(own, right) if layout.own.size else right
        carried, alone = answer[..., :-1], answer[..., -1]
        gradient, off = self._off(step.values)
        small, down = np.diag(gradient**2), gradient * off
        diagonal = gradient**2
        slots = layout.slots
        np.add.at(diagonal, slots, np.diagonal(step.common, axis1=1, axis2=2))
        np.add.at(small, (slots[:, :, None], slots[:, None, :]), step.common - step.mixed @ carried)
        np.add.at(down, slots, step.down_common - (step.mixed @ alone[..., None])[..., 0])
        small[np.arange(count), np.arange(count)] += damping * diagonal
        shared: FloatArray = np.asarray(np.linalg.solve(small, down) if count else down, np.float64)
        return shared, alone - (carried @ shared[slots][..., None])[..., 0]

    def moved(self, values: FloatArray, shared: FloatArray, own: FloatArray) -> FloatArray:
        """Return the values after a move, inside the bounds.

        Parameters
        ----------
        values
            Values of every trace, shape (m, q).
        shared, own
            What `solve` returns.
        """
        layout, step = self.layout, np.zeros_like(values)
        step[:, layout.common] = shared[layout.slots]
        step[:, layout.own] = own
        logarithmic = layout.is_scale
        out = np.where(logarithmic, values * np.exp(np.clip(step, -5.0, 5.0)), values + step)
        low = np.array([parameter.minimum for parameter in layout.moved])
        high = np.array([parameter.maximum for parameter in layout.moved])
        inside: FloatArray = np.where(step != 0, np.clip(out, low, high), values)
        return inside

    def minimise(self, values: FloatArray) -> tuple[Step, bool, int]:
        """Go downhill until steps are short against the standard errors.

        Parameters
        ----------
        values
            Where to start, shape (m, q).

        Returns
        -------
        step, converged, steps
            Where it ended, whether it settled, and after how many steps.
        """
        step, damping, length = self.at(values), 1e-3, math.inf
        before: Move | None = None
        if not math.isfinite(step.cost):
            raise FitError("joint fit: the model is not finite at the start; give start")
        for tried in range(1, _MOST_STEPS + 1):
            try:
                move = self.solve(step, damping)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            better = self.at(self.moved(step.values, *move))
            length = self.length(step, *move)
            if better.cost <= step.cost:
                summed = self._summed(step, move, before)
                jumped = summed is not None and summed.cost <= better.cost
                before = None if jumped else move
                step, damping = summed if summed and jumped else better, max(damping / 10, 1e-14)
            else:
                before = None
                damping *= 10
            if length < _SETTLED:
                return step, True, tried
            if damping > _MOST_DAMPING:
                break
        return step, length < _ROUNDING, tried

    def _summed(self, step: Step, move: Move, before: Move | None) -> Step | None:
        """Return where moves lead to of which each is a constant part of the one before, if that is slow.

        Where residuals are large and the model is curved, moves continue in one direction or back and forth,
        each r times the one before: their sum is 1/(1 − r) times the first.
        """
        square = self._product(step, before, before) if before else 0.0
        if not before or not square > 0:
            return None
        ratio = self._product(step, move, before) / square
        if not _SLOW < abs(ratio) < 1:
            return None
        stretch = min(1 / (1 - ratio), _FARTHEST)
        return self.at(self.moved(step.values, *(stretch * part for part in move)))

    def _product(self, step: Step, move: Move, other: Move) -> float:
        """Return the product of two moves in the metric of the normal equations."""
        slots, (shared, own), (shared_2, own_2) = self.layout.slots, move, other
        common, common_2 = shared[slots], shared_2[slots]
        found = np.einsum("ms,mst,mt->", common, step.common, common_2)
        found += np.einsum("ms,msk,mk->", common, step.mixed, own_2)
        found += np.einsum("ms,msk,mk->", common_2, step.mixed, own)
        found += np.einsum("mk,mkl,ml->", own, step.own, own_2)
        return float(found + (np.square(self._off(step.values)[0]) * shared * shared_2).sum())

    def length(self, step: Step, shared: FloatArray, own: FloatArray) -> float:
        """Return the length of a move in standard errors.

        Parameters
        ----------
        step
            The normal equations.
        shared, own
            The move.
        """
        scale = 1.0 if self.absolute else step.cost / max(self.freedom(), 1)
        return math.sqrt(max(self._product(step, (shared, own), (shared, own)), 0.0) / max(scale, 1e-300))

    def points(self) -> int:
        """Return the number of real numbers that are fitted, priors among them."""
        layout = self.layout
        own = [layout.moved[at] for at in layout.own]
        known = sum(name in self.priors for name, _ in layout.names)
        known += sum(int(layout.there[:, at].sum()) for at, p in zip(layout.own, own, strict=True)
                     if p.name in self.priors)  # fmt: skip
        return known + sum(int((block.data.weights > 0).sum()) for block in self.blocks)

    def freedom(self) -> int:
        """Return the degrees of freedom."""
        fitted = len(self.layout.names) + int(self.layout.there[:, self.layout.own].sum())
        return self.points() - fitted

    def covariance(self, step: Step) -> JointCovariance:
        """Return the covariances at the end, from the undamped normal equations.

        Parameters
        ----------
        step
            Where the fit ended.
        """
        layout, count = self.layout, len(self.layout.names)
        inverse = _inverse(step.own) if layout.own.size else step.own
        carried = np.nan_to_num(inverse) @ step.mixed.swapaxes(1, 2)
        gradient, _ = self._off(step.values)
        small, slots = np.diag(gradient**2), layout.slots
        np.add.at(small, (slots[:, :, None], slots[:, None, :]), step.common - step.mixed @ carried)
        shared = _inverse(small) if count else small
        between = shared[slots[:, :, None], slots[:, None, :]]
        scale = 1.0 if self.absolute else step.cost / max(self.freedom(), 1)
        needed = np.where(carried != 0, 1.0, 0.0)
        known = np.nan_to_num(between)
        own = inverse + carried @ known @ carried.swapaxes(1, 2)
        lost = needed @ np.isnan(np.diagonal(between, axis1=1, axis2=2))[..., None] > 0
        own = np.where(lost | lost.swapaxes(1, 2), np.nan, own)
        return JointCovariance(scale * shared, scale * own, -scale * carried @ between)


def _inverse(matrices: FloatArray) -> FloatArray:
    """Return the inverses of normal matrices (..., k, k); NaN in the rows of what is not determined."""
    size = np.sqrt(np.diagonal(matrices, axis1=-2, axis2=-1))
    seen = size > 0
    scale = np.where(seen, size, 1.0)
    across = scale[..., :, None] * scale[..., None, :]
    values, vectors = np.linalg.eigh(matrices / across)
    free = values < _SINGULAR
    weighted = vectors * np.where(free, 0.0, 1 / np.where(free, 1.0, values))[..., None, :]
    inverse: FloatArray = weighted @ vectors.swapaxes(-1, -2) / across
    lost = ~seen | ((np.abs(vectors) > 1e-3) & free[..., None, :]).any(axis=-1)
    inverse[lost[..., :, None] | lost[..., None, :]] = np.nan
    return inverse
