"""Chains: a fit whose points are the results of another fit over many runs.

T1 of each run against the field gives a relaxation law; f0 and 1/Q of each temperature give the stiffness of
a spin bath. A recipe with a section ``[chain]`` names the recipe that goes before it; its ``x``, ``y`` and
``sigma`` are arithmetic of the fitted parameters and of whatever each run knows: its parameters, its
set-points, its axes, and the mean of its columns over the trace. The errors of y follow from the covariance
of each fit, correlations included; errors of x are not taken into account.

``i`` is the imaginary unit where nothing else is called so: ``y = "f0 - 3000 + i/Q"``.

All points are one trace, unless ``chain.by`` names what tells traces apart; a section ``[joint]`` fits these
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.expression import Expression
from labspin.analysis.fitting.derived import propagated, slope
from labspin.analysis.model import FloatArray
from labspin.analysis.names import place_words
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.fit_records import chosen_of_trace, record_of
from labspin.analysis.recipes.fit_run import fit_trace
from labspin.analysis.recipes.joint_fit import fact_names, fit_joint_recipe
from labspin.analysis.recipes.recipe import Recipe, load_recipe
from labspin.analysis.recipes.traces import Trace
from labspin.arrays import Numbers
from labspin.errors import FitError, RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.analysis.files.results import FileResult

__all__ = ["ChainOutcome", "chain_fit", "chain_names", "link_of", "write_chain"]

_UNIT_I = "i"


@dataclass(frozen=True, eq=False)
class ChainOutcome:
    """A fit over many runs.

    Attributes
    ----------
    outcomes
        The fits, one a trace.
    group
        Number of the trace that each point belongs to.
    columns, units
        What it was made from: one value a trace, parameters of the fits before it and facts of the runs.
    x, y, sigma
        The points, in the order of the files; for a complex y, sigma holds the errors of both parts.
    sources, labels
        Where each point comes from.
    left_out
        What was not used, and why, one sentence each.
    """

    recipe: Recipe
    outcomes: tuple[FitOutcome, ...]
    columns: Mapping[str, Numbers]
    units: Mapping[str, str]
    x: FloatArray
    y: Numbers
    sigma: Numbers | None
    sources: tuple[str, ...]
    labels: tuple[str, ...]
    group: NDArray[np.intp]
    left_out: tuple[str, ...] = ()

    @property
    def outcome(self) -> FitOutcome:
        """The fit, of the first trace where there are several."""
        return self.outcomes[0]


def link_of(recipe: Recipe) -> Recipe:
    """Return the recipe whose results ``recipe`` uses as its data.

    Parameters
    ----------
    recipe
        A recipe with a section ``[chain]``. The name there is looked for as a file beside the recipe first,
        then as a recipe of the workspace or of labspin.

    Returns
    -------
    before
        The recipe that fits the runs.
    """
    if not recipe.chain:
        raise RecipeError(f"recipe {recipe.name}: wanted a section [chain] that names the recipe before it")
    beside = (recipe.folder or Path()) / recipe.chain
    before = load_recipe(beside if beside.suffix == ".toml" and beside.exists() else recipe.chain)
    if before.chain:
        raise RecipeError(
            f"recipe {recipe.name}: {before.name} is a chain itself; store its result and fit that file"
        )
    return replace(before, then=())  # this chain is what comes then


def chain_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the names that ``recipe`` needs from fits and runs.

    Parameters
    ----------
    recipe
        A recipe with a section ``[chain]``.

    Returns
    -------
    names
        Each once: the names in its x, y and selection, and in its sigma unless that is ``"fit"`` or
        ``"none"``.
    """
    texts = [recipe.x, recipe.y, *recipe.select, *recipe.by]
    texts += list(fact_names(recipe)) if recipe.is_joint else []
    texts += [] if recipe.sigma in ("fit", "none") else [recipe.sigma]
    return tuple(dict.fromkeys(name for text in texts for name in Expression(text).names))


def _with_a_fit(results: Iterable[FileResult], recipe: Recipe) -> tuple[list[FileResult], list[str]]:
    """Return the results that have a fit, and why the others have none."""
    good, left_out = [], []
    for result in results:
        if result.record is None:
            left_out.append(f"{result.path}: {result.error}")
        else:
            good.append(result)
    if not good:
        raise FitError(
            f"recipe {recipe.name}: wanted fits to continue from, got none; {' '.join(left_out[:1])}"
        )
    return good, left_out


def chain_fit(results: Iterable[FileResult], recipe: Recipe) -> ChainOutcome:
    """Fit ``recipe`` to the results of the fits before it; the errors are those of `fit_chain`.

    Parameters
    ----------
    results
        One of each run file, in the order in which the points are to be kept. Those without a fit are left
        out.
    recipe
        A recipe with a section ``[chain]``.

    Returns
    -------
    chain
        The fit, its points, and what was left out and why.
    """
    good, left_out = _with_a_fit(results, recipe)
    columns, errors, units = _columns(good, recipe)
    x = np.asarray(_evaluated(recipe, recipe.x, columns), np.float64)
    y = _evaluated(recipe, recipe.y, columns)
    sigma = _sigma(recipe, columns, errors)
    keep = _kept(recipe, columns, units, x, y, sigma)
    sources, labels, converged = _origins(good)
    left_out += [
        f"{source}: {label}: not used: {'no usable value' if found else 'its fit did not converge'}"
        for source, label, used, found in zip(sources, labels, keep & converged, converged, strict=True)
        if not used
    ]
    keep &= converged
    if not keep.any():
        raise FitError(
            f"recipe {recipe.name}: wanted points, got none: of {keep.size} none can be used; "
            + "; ".join(left_out[:1] or [f"check what is selected: {', '.join(recipe.select)}"])
        )
    group, words = _groups(recipe, columns, units, keep)
    points = [np.flatnonzero(keep)[group == number] for number in range(max(len(words), 1))]
    traces = [
        replace(_trace(recipe, x[at], y[at], None if sigma is None else sigma[at], units), label=label)
        for at, label in zip(points, words or [recipe.name], strict=True)
    ]
    outcomes = _fitted(recipe, traces, columns, points, left_out)
    return ChainOutcome(
        recipe=recipe,
        outcomes=tuple(o.with_changes(recipe=f"{recipe.name} {recipe.version}".strip()) for o in outcomes),
        group=group,
        columns={name: values[keep] for name, values in columns.items() if name != _UNIT_I or name in units},
        units=units,
        x=x[keep],
        y=y[keep],
        sigma=None if sigma is None else sigma[keep],
        sources=tuple(np.array(sources, object)[keep]),
        labels=tuple(np.array(labels, object)[keep]),
        left_out=tuple(left_out),
    )


def _groups(
    recipe: Recipe, columns: Mapping[str, Numbers], units: Mapping[str, str], keep: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], list[str]]:
    """Return the number of the trace that each point belongs to, and what each trace is called."""
    if not recipe.by:
        return np.zeros(int(keep.sum()), np.intp), []
    places = np.stack([np.real(_evaluated(recipe, name, columns))[keep] for name in recipe.by], axis=1)
    distinct, group = np.unique(places, axis=0, return_inverse=True)
    words = [
        ", ".join(
            place_words(name, float(value), units.get(name, "1"))
            for name, value in zip(recipe.by, row, strict=True)
        )
        for row in distinct
    ]
    return np.asarray(group, np.intp).ravel(), words


def _fitted(
    recipe: Recipe,
    traces: Sequence[Trace],
    columns: Mapping[str, Numbers],
    points: Sequence[NDArray[np.intp]],
    left_out: list[str],
) -> list[FitOutcome]:
    """Fit the traces, together if the recipe says so; one that cannot be fitted is left out and named."""
    if recipe.is_joint:
        facts = {
            name: np.array([float(np.mean(np.real(columns[name][at]))) for at in points])
            for name in fact_names(recipe)
            if name in columns
        }
        return fit_joint_recipe(traces, facts, recipe)
    found = []
    for trace in traces:
        try:
            found.append(fit_trace(trace, recipe).with_changes(label=trace.label))
        except FitError as error:
            if len(traces) == 1:
                raise
            left_out.append(f"{recipe.name}: {trace.label}: not fitted: {error}")
    if not found:
        raise FitError(left_out[-1])
    return found


def _columns(
    results: list[FileResult], recipe: Recipe
) -> tuple[dict[str, Numbers], tuple[list[str], FloatArray], dict[str, str]]:
    """Return one value a trace by name, the varied parameters with their covariance (n, k, k), and units."""
    first = results[0].record
    assert first is not None
    columns: dict[str, Numbers] = {}
    units: dict[str, str] = {}
    for name in chain_names(recipe):
        if all(name in result.context for result in results):
            columns[name] = np.concatenate([result.context[name][0] for result in results])
            units[name] = results[0].context[name][1]
    for parameter in first.parameters:
        found = [result.record.parameter(parameter.name).value for result in results if result.record]
        columns[parameter.name] = np.concatenate([np.atleast_1d(values).ravel() for values in found])
        units[parameter.name] = parameter.unit or "1"
    for name in first.recipe.get("choose") or ():
        values = [
            chosen_of_trace(r.record, k).get(name) for r in results if r.record for k in range(len(r.labels))
        ]
        if all(isinstance(value, (int, float)) for value in values):
            columns.setdefault(name, np.array(values, np.float64))
    columns.setdefault(_UNIT_I, np.full(len(next(iter(columns.values()))), 1j))
    varied = [parameter.name for parameter in first.parameters if parameter.varied]
    stacks = [_covariances(result, len(varied)) for result in results]
    return columns, (varied, np.concatenate(stacks)), units


def _covariances(result: FileResult, size: int) -> FloatArray:
    covariance = None if result.record is None else result.record.covariance
    if covariance is None:
        return np.full((len(result.labels), size, size), np.nan)
    return np.asarray(covariance, np.float64).reshape(len(result.labels), size, size)


def _evaluated(recipe: Recipe, text: str, columns: Mapping[str, Numbers]) -> Numbers:
    size = len(next(iter(columns.values())))
    try:
        return np.array(np.broadcast_to(Expression(text).value(columns), (size,)))
    except RecipeError as error:
        raise RecipeError(f"recipe {recipe.name}: {error}, in every run or its fit") from error


def _sigma(
    recipe: Recipe, columns: Mapping[str, Numbers], errors: tuple[list[str], FloatArray]
) -> Numbers | None:
    """Return the errors of y: as the recipe says, or √(gᵀ C g) of each fit, for both parts of a complex y."""
    if recipe.sigma == "none":
        return None
    if recipe.sigma != "fit":
        return _evaluated(recipe, recipe.sigma, columns)
    varied, covariance = errors
    y = Expression(recipe.y)
    used = [place for place, name in enumerate(varied) if name in y.names]
    if not used:
        raise RecipeError(
            f"recipe {recipe.name}: sigma = 'fit' wants a fitted parameter in y, got {recipe.y!r}; "
            f"those of the fit before are {', '.join(varied)} (a derived one is written out)"
        )
    gradient = np.stack([slope(y, varied[place], columns, covariance[:, place, place]) for place in used])
    part = covariance[:, used][:, :, used]
    if np.iscomplexobj(gradient):
        return np.asarray(propagated(gradient.real, part) + 1j * propagated(gradient.imag, part))
    return propagated(gradient.real, part)


def _kept(
    recipe: Recipe,
    columns: Mapping[str, Numbers],
    units: Mapping[str, str],
    x: FloatArray,
    y: Numbers,
    sigma: Numbers | None,
) -> NDArray[np.bool_]:
    keep = np.isfinite(x) & np.isfinite(y)
    if sigma is not None:
        keep &= np.isfinite(sigma)
    for name, limits in recipe.select.items():
        values = _evaluated(recipe, name, columns)
        low, high = (
            parse_quantity(limit, units.get(name, "1"), name=f"recipe {recipe.name}: {name}")
            if isinstance(limit, str)
            else float(limit)
            for limit in limits
        )
        keep &= (values >= low) & (values <= high)
    return keep


def _origins(results: list[FileResult]) -> tuple[list[str], list[str], NDArray[np.bool_]]:
    sources = [str(result.path) for result in results for _ in result.labels]
    labels = [label for result in results for label in result.labels]
    success = [
        np.broadcast_to(np.asarray(result.record.statistics.get("success", True), bool), len(result.labels))
        for result in results
        if result.record is not None
    ]
    return sources, labels, np.concatenate(success)


def _trace(
    recipe: Recipe, x: FloatArray, y: Numbers, sigma: Numbers | None, units: Mapping[str, str]
) -> Trace:
    return Trace(
        x,
        y,
        sigma,
        recipe.x.replace("_", " "),
        recipe.x_unit or units.get(recipe.x, "1"),
        (recipe.y_name or recipe.y).replace("_", " "),
        recipe.y_unit or units.get(recipe.y, "1"),
    )


def write_chain(chain: ChainOutcome, path: Path | str) -> Path:
    """Store points and fit as a new run file, which can be plotted, reported and fitted like any other.

    Parameters
    ----------
    chain
        What `fit_chain` returned.
    path
        The new run file.

    Returns
    -------
    written
        Path of the finished file.

    Raises
    ------
    RunFileError
        The file is there already, or cannot be written.
    """
    from labspin.data import Column, Layout, RunHeader, RunWriter, write_fit

    names = [name for name in chain.columns if name not in ("x", "y", "y_errors", "source", "trace")]
    trace = _trace(chain.recipe, chain.x, chain.y, chain.sigma, chain.units)
    kind: Any = "complex128" if np.iscomplexobj(chain.y) else "float64"
    errors = np.full(len(chain.x), np.nan) if chain.sigma is None else chain.sigma
    columns = (
        Column(name="x", unit=trace.x_unit, role="coordinate", description=trace.x_name),
        Column(name="y", unit=trace.y_unit, dtype=kind, description=trace.y_name),
        Column(name="y_errors", unit=trace.y_unit, dtype=kind, description="standard errors of y"),
        *(Column(name=name, unit=chain.units.get(name, "1")) for name in names),
        Column(name="source", dtype="str", role="coordinate", description="run file"),
        Column(name="trace", dtype="str", role="coordinate", description="which trace of it"),
    )
    extra = {"recipe": chain.recipe.name, "after": chain.recipe.chain, "left_out": list(chain.left_out)}
    layout = Layout(columns=columns, size=len(chain.x))
    header = RunHeader(procedure="chain", label=chain.recipe.name, layout=layout, signal="y", extra=extra)
    values = [chain.x, chain.y, errors, *(chain.columns[name] for name in names), chain.sources, chain.labels]
    with RunWriter.create(Path(path), header) as writer:
        for index, row in enumerate(zip(*values, strict=True)):
            writer.append(index, 0.0, list(row))
        written = writer.finish("finished")
    as_stored = replace(
        chain.recipe, x="x", y="y", sigma="none" if chain.sigma is None else "y_errors", select={}
    )
    write_fit(written, record_of([o.with_changes(quantity="y") for o in chain.outcomes], as_stored))
    return written
