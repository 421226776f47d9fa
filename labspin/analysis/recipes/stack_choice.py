"""All traces of a run fitted at once by each of several models, of which every trace prefers one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.criterion import THRESHOLD, criterion, preferred
from labspin.analysis.fitting.derived import derive_all, split_unit, with_derived
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.choice import Choice
from labspin.analysis.recipes.fit_records import chosen_statistics, recipe_table, safe_name
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.stack_fit import StackFit
from labspin.analysis.recipes.traces import Stack
from labspin.arrays import Element

if TYPE_CHECKING:
    from labspin.data import FitParameter, FitRecord

__all__ = ["ChosenStack", "fit_choice"]


def fit_choice(choice: Choice, stack: Stack, fit: Callable[[Stack, Recipe, bool], StackFit]) -> ChosenStack:
    """Fit every trace by every model, and thoroughly by those that it may prefer.

    A model with more dips than there are often does not converge; lmfit, which takes a hundred times as long,
    is asked only where what was reached comes near the best.

    Parameters
    ----------
    choice
        The models to choose from.
    stack
        All traces to fit.
    fit
        Fits a stack by a recipe, quickly or not.

    Returns
    -------
    fits
        Those of all models, and which of them each trace prefers.
    """
    quick = ChosenStack(choice, [fit(stack, recipe, True) for recipe in choice.recipes])
    bic = quick.bic
    lowest = np.min(np.where(quick.sound, bic, np.inf), axis=0)
    thorough = []
    for place, (fits, recipe) in enumerate(zip(quick.fits, choice.recipes, strict=True)):
        near = ~quick.sound[place] & (bic[place] < lowest + THRESHOLD)
        rows = np.flatnonzero(near | (quick.places == place))
        thorough.append(fits.with_part(fit(stack.part(rows), recipe, False), rows) if rows.size else fits)
    return ChosenStack(choice, thorough)


@dataclass(frozen=True, eq=False)
class ChosenStack:
    """Fits of a stack of traces by the models of a choice, one `StackFit` a model."""

    choice: Choice
    fits: Sequence[StackFit]

    @functools.cached_property
    def bic(self) -> FloatArray:
        """Bayes' criterion of each model and trace, as it is to be compared; NaN without a fit."""
        results = [fit.result for fit in self.fits]
        bic = np.stack([np.where(fit.result.fitted, fit.bic, np.nan) for fit in self.fits])
        if not results[0].absolute:
            return bic
        chi2 = [fit.result.chi2 if fit.deviance is None else fit.deviance for fit in self.fits]
        points = [np.maximum(result.points, 1) for result in results]
        return criterion(bic, free=[len(result.free) for result in results], chi2=chi2, points=points)

    @functools.cached_property
    def sound(self) -> NDArray[np.bool_]:
        """Whether the fit by each model of each trace converged, with errors, to distinguishable values."""
        return np.stack(
            [
                fit.result.sound & self.choice.resolved(place, fit.result.values)
                for place, fit in enumerate(self.fits)
            ]
        )

    @functools.cached_property
    def places(self) -> NDArray[np.intp]:
        """Which model each trace prefers."""
        return preferred(self.bic, [len(fit.result.free) for fit in self.fits], self.sound)

    def outcome(self, trace: int) -> FitOutcome:
        """Return the preferred fit of one trace.

        Parameters
        ----------
        trace
            Number of the trace, from 0.
        """
        place = int(self.places[trace])
        padded = self.choice.padded(self.fits[place].outcome(trace), place)
        return with_derived(padded, self.choice.recipe.derived)

    def record(self, *, curves: bool = True) -> FitRecord:
        """Return the fits as a run file keeps them, along the dimension ``trace``.

        Parameters
        ----------
        curves
            Keep data and fitted curves as well.
        """
        wanted = [self.places == place for place in range(len(self.fits))]
        records = [
            fit.record(curves=curves, warned=mask) for fit, mask in zip(self.fits, wanted, strict=True)
        ]
        covariance = self._covariance(wanted)
        drawn = [record.curve for record in records if record.curve is not None]
        return replace(
            records[0],
            recipe=recipe_table(self.choice.recipe, self.choice.equation),
            parameters=self._parameters(records, wanted, covariance),
            covariance=covariance,
            statistics=self._statistics(records),
            curve=replace(drawn[0], values=_picked([one.values for one in drawn], wanted)) if drawn else None,
        )

    def _covariance(self, wanted: Sequence[NDArray[np.bool_]]) -> FloatArray:
        padded = [
            self.choice.padded_covariance(fit.result.covariance, fit.result.free, fit.result.names)
            for fit in self.fits
        ]
        return _picked(padded, wanted)

    def _parameters(
        self, records: Sequence[FitRecord], wanted: Sequence[NDArray[np.bool_]], covariance: FloatArray
    ) -> tuple[FitParameter, ...]:
        from labspin.data import FitParameter

        choice, count = self.choice, len(self.places)
        names = [*choice.free, *(p.name for p in choice.parameters if p.name not in choice.free)]
        found, columns = [], {}
        lacking = np.full(count, np.nan)
        for name in names:
            own = [{p.name: p for p in record.parameters}.get(safe_name(name)) for record in records]
            columns[name] = _picked([lacking if p is None else p.value for p in own], wanted)
            errors = _picked([lacking if p is None else p.stderr for p in own], wanted)
            unit = next(p.unit for p in own if p is not None)
            varied = name in choice.free
            found.append(
                FitParameter(
                    name=safe_name(name), value=columns[name], stderr=errors, unit=unit, varied=varied
                )
            )
        for name, text in choice.recipe.derived.items():
            expression, unit = split_unit(text)
            value, stderr = derive_all(columns, choice.free, covariance, expression)
            found.append(
                FitParameter(name=safe_name(name), value=value, stderr=stderr, unit=unit, varied=False)
            )
        return tuple(found)

    def _statistics(self, records: Sequence[FitRecord]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in records[0].statistics.items():
            every = [record.statistics[name] for record in records if name in record.statistics]
            if isinstance(value, np.ndarray):
                stacked = np.stack(every)
                found[name] = stacked[self.places, np.arange(len(self.places))]
            elif isinstance(value, list):
                found[name] = [every[place][trace] for trace, place in enumerate(self.places)]
            else:
                found[name] = sum(every) if name.startswith("checked") else max(every)
        options = [self.choice.options[place] for place in self.places]
        return found | chosen_statistics(options, several=True)


def _picked(values: Sequence[NDArray[Element]], wanted: Sequence[NDArray[np.bool_]]) -> NDArray[Element]:
    """Return for each trace the values of the model that it prefers."""
    picked = np.array(values[0])
    for own, mask in zip(values, wanted, strict=True):
        picked[mask] = own[mask]
    return picked
