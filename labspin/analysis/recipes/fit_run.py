"""Fits of run files.

`fit_run` takes a run, applies the recipe of its procedure (or another) and returns one `FitOutcome` a trace;
with ``write=True`` the results are stored in the run file beside the data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.fitting.curve import fit_curve
from labspin.analysis.fitting.derived import with_derived
from labspin.analysis.model import FitModel
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.choice import Choice, choice_of
from labspin.analysis.recipes.recipe import Recipe, default_recipe, load_recipe
from labspin.analysis.recipes.spectra import SPECTRUM_SETTINGS, density_unit, is_spectrum, spectrum_numbers
from labspin.analysis.recipes.traces import Stack, Trace, stack_of
from labspin.analysis.recipes.values import pairs_of, values_of
from labspin.errors import FitError, RecipeError
from labspin.workspaces import belonging_to

if TYPE_CHECKING:
    from labspin.analysis.recipes.stack_choice import ChosenStack
    from labspin.analysis.recipes.stack_fit import StackFit
    from labspin.data import Run

__all__ = ["fit_run", "fit_runs", "fit_trace", "fit_traces_as_stack", "fit_traces_singly", "write_outcomes"]

MANY = 16
"""Traces from which the batch engine pays; fewer are fitted by lmfit, one by one."""


def fit_run(
    run: Run | Path | str, recipe: Recipe | Path | str | None = None, *, write: bool = False
) -> list[FitOutcome]:
    """Fit a run by a recipe.

    Parameters
    ----------
    run
        A run file, or a run that was read.
    recipe
        A recipe, its file or its name; None: the one for the run's procedure.
    write
        Store the fits in the run file, replacing an earlier fit of the same name. Needs a finished file.

    Returns
    -------
    list of FitOutcome
        One a trace.

    Raises
    ------
    RecipeError
        There is no recipe, or it does not suit the run.
    FitError
        The data cannot be fitted.
    """
    opened, path = _opened(run)
    with belonging_to(*[path] if path else []):
        chosen = _recipe(recipe, opened.header.procedure)
    if chosen.chain:
        raise RecipeError(f"recipe {chosen.name}: wanted the fits of many runs, got one run; use fit_chain")
    source = "" if path is None else str(path)
    stack = stack_of(opened, chosen)
    together = None if chosen.is_joint else fit_traces_as_stack(stack, chosen)
    outcomes = [
        outcome.with_changes(
            source=source,
            label=", ".join(word for word in (opened.header.label, outcome.label) if word),
            recipe=f"{chosen.name} {chosen.version}".strip(),
        )
        for outcome in (
            _fit_jointly(opened, stack, chosen)
            if chosen.is_joint
            else fit_traces_singly(stack, chosen)
            if together is None
            else map(together.outcome, range(len(stack)))
        )
    ]
    if write:
        write_outcomes(source, outcomes, chosen)
    return outcomes


def _fit_jointly(run: Run, stack: Stack, recipe: Recipe) -> list[FitOutcome]:
    from labspin.analysis.recipes.facts import facts_of
    from labspin.analysis.recipes.joint_fit import fact_names, fit_joint_recipe

    traces = [stack.trace(number) for number in range(len(stack))]
    return fit_joint_recipe(traces, facts_of(run, recipe, fact_names(recipe), len(stack)), recipe)


def fit_runs(
    runs: Iterable[Path | str], recipe: Recipe | Path | str | None = None, *, write: bool = False
) -> list[FitOutcome]:
    """Fit several run files; see `fit_run`.

    Parameters
    ----------
    runs
        Run files.
    recipe
        A recipe, its file or its name; None: the one for the procedure of each run.
    write
        Store the fits in the run files.

    Returns
    -------
    outcomes
        Outcomes of all runs in their order, one per trace.
    """
    return [outcome for run in runs for outcome in fit_run(run, recipe, write=write)]


def fit_trace(trace: Trace, recipe: Recipe) -> FitOutcome:
    """Fit one trace by a recipe; the errors are those of `fit_run`.

    Parameters
    ----------
    trace
        The data of one fit.
    recipe
        The recipe; its selection has been applied to the trace already.
    """
    return _fitter(recipe)(trace)


def fit_traces_singly(stack: Stack, recipe: Recipe) -> list[FitOutcome]:
    """Fit traces one by one; one that cannot be fitted has NaN for values, and says why.

    Parameters
    ----------
    stack
        All traces to fit.
    recipe
        How to fit them.

    Returns
    -------
    outcomes
        One a trace, in the order of the stack.

    Raises
    ------
    FitError
        None of them can be fitted.
    """
    choice = choice_of(recipe) if recipe.choose else None
    fitted = _fitter(recipe, choice)
    found: list[FitOutcome | FitError] = []
    for k in range(len(stack)):
        try:
            found.append(fitted(stack.trace(k)))
        except FitError as error:
            found.append(error)
    sound = next((one for one in found if isinstance(one, FitOutcome)), None)
    if sound is None:
        raise found[0] if isinstance(found[0], FitError) else FitError(f"recipe {recipe.name}: no traces")
    if choice is not None:
        sound = sound.with_changes(chosen=dict(choice.options[choice.simplest]))
    outcomes = [one if isinstance(one, FitOutcome) else sound.not_fitted(str(one)) for one in found]
    return [
        one.with_changes(label=label, warnings=(*one.warnings, *remarks))
        for one, label, remarks in zip(outcomes, stack.labels, stack.remarks, strict=True)
    ]


def fit_traces_as_stack(stack: Stack, recipe: Recipe, *, least: int = MANY) -> StackFit | ChosenStack | None:
    """Fit all traces of a stack at once by the batch engine, where that is possible.

    Parameters
    ----------
    stack
        All traces to fit.
    recipe
        How to fit them.
    least
        Number of traces from which the batch engine is used.

    Returns
    -------
    fits
        None where there are fewer traces, or where the batch engine does not take such a fit.
    """
    if len(stack) < least or is_spectrum(recipe.model):
        return None
    from labspin.analysis.recipes.stack_fit import suits_batch

    if recipe.choose:
        from labspin.analysis.recipes.stack_choice import fit_choice

        choice = choice_of(recipe)
        alone = zip(choice.models, choice.recipes, strict=True)
        if not all(suits_batch(stack, model, one) for model, one in alone):
            return None
        return fit_choice(choice, stack, _fit_at_once)
    return _fit_at_once(stack, recipe) if suits_batch(stack, recipe.built, recipe) else None


def _fit_at_once(stack: Stack, recipe: Recipe, quick: bool = False) -> StackFit:
    from labspin.analysis.recipes.stack_fit import fit_stack

    units = recipe.built.units(stack.names[1], stack.names[3])
    return fit_stack(
        stack,
        recipe.built,
        recipe,
        start=values_of(recipe, units, recipe.start),
        fixed=values_of(recipe, units, recipe.fixed),
        bounds=pairs_of(recipe, units, recipe.bounds),
        quick=quick,
    )


def write_outcomes(path: Path | str, outcomes: list[FitOutcome], recipe: Recipe | None = None) -> None:
    """Store the fits of one run in its file, in place of an earlier fit of the same name.

    Parameters
    ----------
    path
        A finished run file.
    outcomes
        The fits, one a trace.
    recipe
        The recipe of the fits, which is kept with them; None: there was none.
    """
    from labspin.analysis.recipes.fit_records import record_of
    from labspin.data import write_fit

    if not str(path):
        raise FitError("fits: wanted the path of a run file to write to, got a run without one")
    write_fit(Path(path), record_of(outcomes, recipe), replace_same=True)


def _opened(run: Run | Path | str) -> tuple[Run, Path | None]:
    from labspin.data import read_run

    if not isinstance(run, (str, Path)):
        if not hasattr(run, "header"):
            kind = type(run).__name__
            raise FitError(f"fit_run: wanted the path of a run file, or what read_run returns, got a {kind}")
        return run, run.path

    return read_run(Path(run)), Path(run)


def _recipe(recipe: Recipe | Path | str | None, procedure: str) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    return default_recipe(procedure) if recipe is None else load_recipe(recipe)


def _fitter(recipe: Recipe, choice: Choice | None = None) -> Callable[[Trace], FitOutcome]:
    if recipe.choose:
        choice = choice or choice_of(recipe)
        return functools.partial(_fit_best, choice, [_fitter(one) for one in choice.recipes])
    if is_spectrum(recipe.model):
        return functools.partial(_fit_spectrum, recipe)
    if recipe.sigma == "likelihood":
        return functools.partial(_fit_counts, recipe)
    return functools.partial(_fit_trace, recipe, recipe.built)


def _fit_best(choice: Choice, fitters: list[Callable[[Trace], FitOutcome]], trace: Trace) -> FitOutcome:
    """Return the fit by the model that the trace prefers; a model that cannot be fitted is none of them."""
    found: list[FitOutcome | None] = []
    errors = []
    for fitted in fitters:
        try:
            found.append(fitted(trace))
        except FitError as error:
            found.append(None)
            errors.append(error)
    if len(errors) == len(found):
        raise errors[choice.simplest]
    return choice.best(found)


def _fit_counts(recipe: Recipe, trace: Trace) -> FitOutcome:
    """Fit counts by Poisson's likelihood, which the batch engine does."""
    from labspin.analysis.fitting.batch_result import STATUS
    from labspin.analysis.recipes.stack_fit import suits_batch

    names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
    keep = np.ones((1, trace.x.size), bool)
    stack = Stack(
        x=trace.x, y=trace.y[None], sigma=None, keep=keep, names=names, labels=(trace.label,), remarks=((),)
    )
    model = recipe.built
    if model.is_complex or not suits_batch(stack, model, recipe):
        raise RecipeError(
            f"recipe {recipe.name}: sigma = 'likelihood': model {model.name} is not for counts; "
            "choose other errors"
        )
    fit = _fit_at_once(stack, recipe)
    if not fit.result.fitted[0]:
        raise FitError(f"model {model.name}: {STATUS[int(fit.result.status[0])]}")
    return fit.outcome(0)


def _fit_trace(recipe: Recipe, model: FitModel, trace: Trace) -> FitOutcome:
    units = model.units(trace.x_unit, trace.y_unit)
    outcome = fit_curve(
        model,
        trace.x,
        trace.y,
        trace.sigma,
        start=values_of(recipe, units, recipe.start),
        fixed=values_of(recipe, units, recipe.fixed),
        bounds=pairs_of(recipe, units, recipe.bounds),
        tied=recipe.tied,
        name=recipe.result_name or recipe.name,
        quantity=recipe.y,
        axes=(trace.x_name, trace.x_unit, trace.y_name, trace.y_unit),
    )
    return with_derived(outcome, recipe.derived)


def _fit_spectrum(recipe: Recipe, trace: Trace) -> FitOutcome:
    from labspin.analysis.fitting.spectrum import fit_spectrum

    given = dict(recipe.options)
    unknown = sorted(set(given) - set(SPECTRUM_SETTINGS))
    if unknown or "averages" not in given:
        what = f"unknown option {unknown[0]!r}" if unknown else "averages is missing"
        raise RecipeError(
            f"recipe {recipe.name}: model.options: {what}; "
            f"a thermal spectrum takes {', '.join(SPECTRUM_SETTINGS)}"
        )
    options = spectrum_numbers(f"recipe {recipe.name}", given)
    units = load_model(recipe.model).units(trace.x_unit, density_unit(trace.x_unit, trace.y_unit))
    for name in ("bounds", "tied"):
        if getattr(recipe, name):
            raise RecipeError(f"recipe {recipe.name}: {name}: is not for a thermal spectrum; remove it")
    options |= {name: values_of(recipe, units, getattr(recipe, name)) for name in ("start", "fixed")}
    axes = (trace.x_name, trace.x_unit, trace.y_name, density_unit(trace.x_unit, trace.y_unit))
    fit = fit_spectrum(trace.x, trace.y, axes=axes, name=recipe.result_name or recipe.name, **options)
    return with_derived(fit.outcome, recipe.derived)
