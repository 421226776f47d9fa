"""Fits of run files and of files that labspin did not write.

`fit_run` takes a run, applies the recipe of its procedure (or another) and returns one `FitOutcome` a trace;
with ``write=True`` the results are stored in the run file beside the data. `fit_foreign` takes two datasets
of any HDF5 file, or two columns of a text file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.fitting.curve import fit_curve
from labspin.analysis.fitting.derived import with_derived
from labspin.analysis.model import FitModel
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.choice import Choice, choice_of
from labspin.analysis.recipes.recipe import Recipe, default_recipe, load_recipe
from labspin.analysis.recipes.traces import Stack, Trace, stack_of
from labspin.analysis.recipes.values import pairs_of, values_of
from labspin.errors import FitError, RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.analysis.recipes.stack_choice import ChosenStack
    from labspin.analysis.recipes.stack_fit import StackFit
    from labspin.data import Run

__all__ = ["fit_apart", "fit_foreign", "fit_run", "fit_runs", "fit_together", "fit_trace", "write_outcomes"]

THERMAL = "thermal_spectrum"
SPECTRUM_SETTINGS = ("averages", "window", "length", "temperature")
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
    chosen = _recipe(recipe, opened.header.procedure)
    if chosen.chain:
        raise RecipeError(
            f"recipe {chosen.name}: goes over the fits of many runs, got one run; use fit_chain"
        )
    source = "" if path is None else str(path)
    stack = stack_of(opened, chosen)
    together = None if chosen.is_joint else fit_together(stack, chosen)
    outcomes = [
        outcome.with_changes(
            source=source,
            label=", ".join(word for word in (opened.header.label, outcome.label) if word),
            recipe=f"{chosen.name} {chosen.version}".strip(),
        )
        for outcome in (
            _fit_jointly(opened, stack, chosen)
            if chosen.is_joint
            else fit_apart(stack, chosen)
            if together is None
            else map(together.outcome, range(len(stack)))
        )
    ]
    if write:
        write_outcomes(source, outcomes, chosen)
    return outcomes


def _fit_jointly(run: Run, stack: Stack, recipe: Recipe) -> list[FitOutcome]:
    from labspin.analysis.recipes.facts import facts_of
    from labspin.analysis.recipes.joint_fit import fact_names, fit_jointly

    traces = [stack.trace(number) for number in range(len(stack))]
    return fit_jointly(traces, facts_of(run, recipe, fact_names(recipe), len(stack)), recipe)


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
        Of all runs in their order, one a trace.
    """
    return [outcome for run in runs for outcome in fit_run(run, recipe, write=write)]


def fit_foreign(
    path: Path | str,
    *,
    x: str,
    y: str,
    model: FitModel | str,
    sigma: str | None = None,
    units: tuple[str, str] = ("1", "1"),
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> FitOutcome:
    """Fit two datasets of an HDF5 file, or two columns of a text or NumPy file.

    Parameters
    ----------
    path
        The file.
    x, y, sigma
        Paths of datasets (HDF5), names of columns (a text file with a header), or column numbers as text.
        Without ``sigma``, a fit by least squares takes the errors from the scatter.
    model
        A model, its name, or ``"thermal_spectrum"``, which is fitted by maximum likelihood (`fit_spectrum`).
    units
        Units of x and y; ``"1"``: what the file says.
    options
        What the model is built with.
    settings
        Passed to `fit_curve`, or to `fit_spectrum`; ``start`` and ``fixed`` may be text with a unit.

    Raises
    ------
    RunFileError
        The file or a column of it cannot be read.
    FitError
        The data cannot be fitted.
    """
    from labspin.data import read_foreign

    file = Path(path)
    wanted = {"x": x, "y": y} | ({} if sigma is None else {"sigma": sigma})
    columns = read_foreign(file, **wanted)
    said = [column.unit or "1" for column in (columns["x"], columns["y"])]
    x_unit, y_unit = (
        given if given not in ("", "1") else own for given, own in zip(units, said, strict=True)
    )
    arrays = {role: column.values for role, column in columns.items()}
    spectrum = _spectrum_settings(model, options or {}, settings)
    built = model if isinstance(model, FitModel) else load_model(model, **spectrum.pop("options"))
    if built.likelihood == "gamma":
        x_unit = built.x_unit if x_unit in ("", "1") else x_unit
        y_unit = _density_unit(x_unit, y_unit)
    named = Recipe(name=str(file), x="x", y="y", model=built.name)
    for name in {"start", "fixed"} & set(settings):
        settings[name] = values_of(named, built.units(x_unit, y_unit), settings[name])
    axes = (x, x_unit, y, y_unit)
    if built.likelihood == "gamma":
        from labspin.analysis.fitting.spectrum import fit_spectrum

        if "averages" not in spectrum:
            spectrum["averages"] = _averages(file)
        outcome = fit_spectrum(arrays["x"], arrays["y"], axes=axes, **spectrum, **settings).outcome
    else:
        outcome = fit_curve(
            built, arrays["x"], arrays["y"], arrays.get("sigma"), quantity=y, axes=axes, **settings
        )
    return outcome.with_changes(source=str(file), label=file.stem)


def _spectrum_settings(
    model: FitModel | str, options: Mapping[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return what `fit_spectrum` is told beside the model, taken out of options and ``settings``.

    ``options`` in it are those that the model itself takes.
    """
    named = model.likelihood == "gamma" if isinstance(model, FitModel) else model == THERMAL
    given = {name: settings.pop(name) for name in SPECTRUM_SETTINGS if name in settings}
    if not named:
        if given:
            raise FitError(f"{next(iter(given))}: is for {THERMAL}, got model {model!r}; leave it out")
        return {"options": dict(options)}
    unknown = sorted(set(options) - set(SPECTRUM_SETTINGS))
    if unknown:
        raise RecipeError(
            f"model {THERMAL}: unknown option {unknown[0]!r}; it takes {', '.join(SPECTRUM_SETTINGS)}"
        )
    return {"options": {}, **_spectrum_numbers(f"model {THERMAL}", options), **given}


def _spectrum_numbers(where: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a thermal spectrum as numbers: temperature in K, length in s."""
    found = dict(options)
    for name, unit in (("temperature", "K"), ("length", "s")):
        if isinstance(found.get(name), str):
            found[name] = parse_quantity(found[name], unit, name=f"{where}: {name}")
    for name in {"temperature", "length", "averages"} & set(found):
        if isinstance(found[name], bool) or not isinstance(found[name], (int, float)):
            raise RecipeError(f"{where}: {name}: wanted a number, got {found[name]!r}")
    return found


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


def fit_apart(stack: Stack, recipe: Recipe) -> list[FitOutcome]:
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
    fitted = _fitter(recipe)
    found: list[FitOutcome | FitError] = []
    for k in range(len(stack)):
        try:
            found.append(fitted(stack.trace(k)))
        except FitError as error:
            found.append(error)
    sound = next((one for one in found if isinstance(one, FitOutcome)), None)
    if sound is None:
        raise found[0] if isinstance(found[0], FitError) else FitError(f"recipe {recipe.name}: no traces")
    if recipe.choose:
        choice = choice_of(recipe)
        sound = sound.with_changes(chosen=dict(choice.options[choice.simplest]))
    outcomes = [one if isinstance(one, FitOutcome) else _not_fitted(sound, one) for one in found]
    return [
        one.with_changes(label=label, warnings=(*one.warnings, *remarks))
        for one, label, remarks in zip(outcomes, stack.labels, stack.remarks, strict=True)
    ]


def _not_fitted(sound: FitOutcome, error: FitError) -> FitOutcome:
    """Return the outcome of a trace that could not be fitted, in the form of one that could."""
    nothing = np.empty(0)
    return sound.with_changes(
        parameters=tuple(p if p.fixed else replace(p, value=np.nan, stderr=np.nan) for p in sound.parameters),
        covariance=np.full_like(sound.covariance, np.nan),
        statistics=replace(
            sound.statistics, chi2=np.nan, degrees_of_freedom=0, points=0, aic=np.nan, bic=np.nan,
            p_value=None if sound.statistics.p_value is None else np.nan, converged=False, extra={},
        ),
        x=nothing, y=nothing, sigma=None if sound.sigma is None else nothing, best=nothing,
        curve_x=nothing, curve_y=nothing, noise=None, warnings=(f"not fitted: {error}",),
    )  # fmt: skip


def fit_together(stack: Stack, recipe: Recipe, *, least: int = MANY) -> StackFit | ChosenStack | None:
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
    if len(stack) < least or recipe.model == THERMAL:
        return None
    from labspin.analysis.recipes.stack_fit import suits_batch

    if recipe.choose:
        from labspin.analysis.recipes.stack_choice import fit_choice

        choice = choice_of(recipe)
        alone = zip(choice.models, choice.recipes, strict=True)
        if not all(suits_batch(stack, model, one) for model, one in alone):
            return None
        return fit_choice(choice, stack, _fit_at_once)
    model = load_model(recipe.model, folder=recipe.folder, **recipe.options)
    return _fit_at_once(stack, recipe) if suits_batch(stack, model, recipe) else None


def _fit_at_once(stack: Stack, recipe: Recipe, quick: bool = False) -> StackFit:
    from labspin.analysis.recipes.stack_fit import fit_stack

    model = load_model(recipe.model, folder=recipe.folder, **recipe.options)
    units = model.units(stack.names[1], stack.names[3])
    return fit_stack(
        stack,
        model,
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
    if not isinstance(run, (str, Path)):
        return run, run.path
    from labspin.data import read_run

    return read_run(Path(run)), Path(run)


def _recipe(recipe: Recipe | Path | str | None, procedure: str) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    return default_recipe(procedure) if recipe is None else load_recipe(recipe)


def _fitter(recipe: Recipe) -> Callable[[Trace], FitOutcome]:
    if recipe.choose:
        choice = choice_of(recipe)
        return functools.partial(_fit_best, choice, [_fitter(one) for one in choice.recipes])
    if recipe.model == THERMAL:
        return functools.partial(_fit_spectrum, recipe)
    if recipe.sigma == "likelihood":
        return functools.partial(_fit_counts, recipe)
    model = load_model(recipe.model, folder=recipe.folder, **recipe.options)
    return functools.partial(_fit_trace, recipe, model)


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
    model = load_model(recipe.model, folder=recipe.folder, **recipe.options)
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

    options = dict(recipe.options)
    unknown = sorted(set(options) - set(SPECTRUM_SETTINGS))
    if unknown or "averages" not in options:
        what = f"unknown option {unknown[0]!r}" if unknown else "averages is missing"
        raise RecipeError(
            f"recipe {recipe.name}: model.options: {what}; "
            f"a thermal spectrum takes {', '.join(SPECTRUM_SETTINGS)}"
        )
    options = _spectrum_numbers(f"recipe {recipe.name}", options)
    units = load_model(recipe.model).units(trace.x_unit, _density_unit(trace.x_unit, trace.y_unit))
    for name in ("bounds", "tied"):
        if getattr(recipe, name):
            raise RecipeError(f"recipe {recipe.name}: {name}: is not for a thermal spectrum; remove it")
    options |= {name: values_of(recipe, units, getattr(recipe, name)) for name in ("start", "fixed")}
    axes = (trace.x_name, trace.x_unit, trace.y_name, _density_unit(trace.x_unit, trace.y_unit))
    fit = fit_spectrum(trace.x, trace.y, axes=axes, name=recipe.result_name or recipe.name, **options)
    return with_derived(fit.outcome, recipe.derived)


def _density_unit(x_unit: str, y_unit: str) -> str:
    """Return the unit of a power spectrum: where none is known, that of one of plain numbers."""
    if y_unit in ("dBm", "dB"):
        raise FitError(f"spectrum: wanted power in each bin, got a level in {y_unit}; convert it to power")
    return f"1/{x_unit}" if y_unit in ("", "1") and x_unit not in ("", "1") else y_unit


def _averages(path: Path) -> int:
    """Return how many spectra were averaged, where the file has a dataset that says so."""
    from labspin.data import list_foreign, read_foreign

    present = {entry.name.strip("/"): entry.name for entry in list_foreign(path)}
    for name in ("n_avgs", "averages", "n_averages"):
        if name in present:
            return int(read_foreign(path, n=present[name])["n"].values)
    raise FitError(f"{path}: does not say how many spectra were averaged; give averages=")
