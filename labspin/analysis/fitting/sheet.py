"""The working sheet of a batch: one row a trace, filled by the batch engine and by lmfit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.batch_result import BatchResult
from labspin.analysis.fitting.determination import inverse, undetermined
from labspin.analysis.minimiser.problem import Minimum
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.outcome import ProfileEnds

__all__ = ["Sheet"]


@dataclass(eq=False)
class Sheet:
    """Rows of results; see `BatchResult` for the columns.

    ``held`` marks the free parameters that stand at a bound or are not seen, ``refit`` the rows that are to
    be fitted once more; ``ends`` are those of profiles that are no parabola, by row and parameter.
    """

    model: FitModel
    free: NDArray[np.bool_]
    absolute: bool
    values: FloatArray
    covariance: FloatArray
    chi2: FloatArray
    points: NDArray[np.int64]
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]
    refit: NDArray[np.bool_]
    held: NDArray[np.bool_]
    height: FloatArray
    checked: int = 0
    deviation: float = float("nan")
    stderr_deviation: float = float("nan")
    ends: dict[int, dict[str, ProfileEnds]] = field(default_factory=dict)

    @classmethod
    def blank(
        cls,
        model: FitModel,
        free: NDArray[np.bool_],
        y: FloatArray,
        weights: FloatArray | None,
        *,
        absolute: bool,
    ) -> Sheet:
        """Return an empty sheet whose status already tells the traces that cannot be fitted.

        Parameters
        ----------
        model
            The model that is fitted.
        free
            Which of its parameters are fitted, shape (p,).
        y
            Real numbers of the traces, shape (m, n).
        weights
            1/σ, shape (m, n), 0 for a point that is left out; None: all points count alike.
        absolute
            The errors of the points are known.

        Returns
        -------
        sheet
            m rows, with NaN for values; the codes of the status are those of `STATUS`.
        """
        count, k = len(y), int(free.sum())
        there = np.ones_like(y, bool) if weights is None else weights > 0
        points = there.sum(-1)
        with np.errstate(invalid="ignore"):
            low = np.min(y, axis=-1, initial=np.inf, where=there)
            high = np.max(y, axis=-1, initial=-np.inf, where=there)
            height = np.max(np.abs(y), axis=-1, initial=0.0, where=there)
        status = np.zeros(count, np.int8)
        status[low == high] = 6
        status[points < max(k, 1)] = 5
        status[points == 0] = 4
        return cls(
            model=model,
            free=free,
            absolute=absolute,
            values=np.full((count, free.size), np.nan),
            covariance=np.full((count, k, k), np.nan),
            chi2=np.full(count, np.nan),
            points=points.astype(np.int64),
            status=status,
            iterations=np.zeros(count, np.int32),
            refit=np.zeros(count, bool),
            held=np.zeros((count, k), bool),
            height=height,
        )

    def store(
        self,
        rows: NDArray[np.intp],
        found: Minimum,
        x: FloatArray,
        *,
        held: NDArray[np.bool_] | None = None,
        status: int = 0,
    ) -> None:
        """Enter where fits ended: values, covariance and status; mark what should be fitted once more.

        Parameters
        ----------
        rows
            Rows of the sheet, shape (m,).
        found
            Where the m fits ended.
        x
            Axis of the fits, shape (n,) or one for each row, (m, n).
        held
            Free parameters that were held while these fits were made, (m, k); None: none.
        status
            Status of a sound fit: 0, or 1 for one by lmfit.
        """
        self.values[rows] = found.values
        self.chi2[rows] = found.cost
        self.iterations[rows] = found.iterations
        variance = np.ones(len(rows))
        if not self.absolute:
            variance = found.cost / np.maximum(self.points[rows] - int(self.free.sum()), 1)
        begun = self._at_bound(found) if held is None else self._at_bound(found) | held
        height = self.height[rows]
        held = undetermined(self.model, self.free, found.values, found.hessian, variance, x, height, begun)
        self.held[rows] = held
        covariance, determined = inverse(found.hessian, held)
        if not self.absolute:
            freedom = np.maximum(self.points[rows] - covariance.shape[-1] + held.sum(-1), 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                covariance *= (found.cost / freedom)[:, None, None]
            determined &= freedom > 0
            covariance[~determined] = np.nan
        self.covariance[rows] = covariance
        sound = np.where(held.any(-1), 7, status)
        ended = found.converged & np.isfinite(found.values).all(-1)
        self.status[rows] = np.where(ended, np.where(determined, sound, 3), 2)
        self.refit[rows] = ~ended | ~determined

    def _at_bound(self, found: Minimum) -> NDArray[np.bool_]:
        """Return which free parameters (m, k) the fits have left at a bound."""
        limits = np.array([(p.minimum, p.maximum) for p in self.model.parameters])
        low, high = limits[self.free].T
        values = found.values[:, self.free]
        return np.asarray(found.at_bound[:, None] & ((values <= low) | (values >= high)))

    def stderr(self, rows: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        """Return standard errors (m, p) of some rows; those of fixed parameters are 0.

        Parameters
        ----------
        rows
            Rows of the sheet; all of them unless said otherwise.
        """
        errors = np.zeros_like(self.values[rows])
        with np.errstate(invalid="ignore"):
            errors[:, self.free] = np.sqrt(np.diagonal(self.covariance[rows], axis1=-2, axis2=-1))
        errors[np.isin(self.status[rows], (4, 5, 6, 8))] = np.nan
        return errors

    def result(self, lead: tuple[int, ...], units: Mapping[str, str]) -> BatchResult:
        """Return the sheet as the result for a stack of traces.

        Parameters
        ----------
        lead
            Shape of the stack; its product is the number of rows.
        units
            Unit of each parameter, by name.
        """

        def shaped(array: NDArray[np.generic]) -> NDArray[np.generic]:
            return array.reshape(lead + array.shape[1:])

        names = self.model.names
        columns = {
            name: shaped(getattr(self, name))
            for name in ("values", "covariance", "chi2", "points", "status", "iterations")
        }
        return BatchResult(
            model=self.model.name,
            names=names,
            free=tuple(name for name, free in zip(names, self.free, strict=True) if free),
            units=units,
            stderr=shaped(self.stderr()),  # type: ignore[arg-type]
            absolute=self.absolute,
            checked=self.checked,
            deviation=self.deviation,
            stderr_deviation=self.stderr_deviation,
            ends=self.ends,
            **columns,  # type: ignore[arg-type]
        )
