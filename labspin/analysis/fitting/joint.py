"""Many traces fitted together, with parameters that all of them, or groups of them, share.

A parameter is *shared* by all traces (one value), by the traces of a group (one value for each label), each
trace has its own, or it is *tied*: an expression of other parameters, of free ones that only expressions
know, and of facts of the trace (``distance = position + offset``). Traces may be of different models that
share parameters by name. The normal equations have blocks: a step costs as much as one step of each trace
alone, and a small system for the shared parameters; a dense solver would pay with the cube of the number of
traces.

Optimum and standard errors are those of one least-squares problem over everything.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.curve import chi2_probability
from labspin.analysis.fitting.determination import typical_sizes
from labspin.analysis.fitting.joint_blocks import Block, Data, Layout, Prior, Step, stacked
from labspin.analysis.fitting.joint_steps import JointCovariance, JointProblem
from labspin.analysis.fitting.joint_ties import JointTies
from labspin.analysis.fitting.vectorised import as_model, evaluator
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.arrays import Numbers
from labspin.errors import FitError

__all__ = ["JointFit", "JointTrace", "fit_joint"]

_NEAR_ENOUGH = 1e-2
"""Standard errors to which the fits of single traces are brought, that all together start from."""


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
        Names and labels of the parameters (p), free ones last, and of the traces (m).
    values, errors
        Value and standard error of every parameter of every trace, shape (m, p); the error of one that is
        held is 0, one that the trace's model lacks is NaN.
    shared
        For each shared parameter: its label (None where all traces share it) -> (value, standard error).
    covariance
        Covariance of the shared parameters, in the order of ``shared_names``.
    shared_names
        (name, label) of every shared value.
    varied, trace_covariance
        Which parameters are fitted (k), tied ones not, and their covariance for each trace, shape (m, k, k).
    chi2, degrees_of_freedom, p_value
        χ², degrees of freedom and p value of all traces together, priors included; the p value is None where
        no errors were given.
    trace_chi2
        Part of each trace, shape (m,).
    points
        Real numbers that were fitted, what is known beforehand among them.
    converged
        Whether the last step was shorter than 10⁻⁸ standard errors, or than 10⁻⁵ where χ² is rounding.
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
    varied: tuple[str, ...]
    trace_covariance: FloatArray
    chi2: float
    degrees_of_freedom: int
    p_value: float | None
    trace_chi2: FloatArray
    points: int
    converged: bool
    steps: int

    def value(self, name: str, label: Hashable = None) -> tuple[float, float]:
        """Return value and standard error of a shared parameter, of one group where groups share it.

        Parameters
        ----------
        name
            A shared parameter.
        label
            Label of the group; None where all traces share the parameter.

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


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What a caller said, as it was said."""

    shared: Mapping[str, Sequence[Hashable] | None]
    start: Mapping[str, float]
    fixed: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    tied: Mapping[str, str]
    free: Sequence[Parameter]
    known: Mapping[str, ArrayLike]
    means: Mapping[str, float]

    def held_of(self, model: FitModel) -> dict[str, float]:
        """Return what a model holds: what it holds unless it is started or tied, and what is fixed."""
        own = {p.name: p.value for p in model.parameters if p.value is not None}
        names = {*model.names, *(p.name for p in self.free)}
        kept = {name: value for name, value in own.items() if name not in {*self.start, *self.means}}
        kept |= {name: value for name, value in self.fixed.items() if name in names}
        return {name: value for name, value in kept.items() if name not in self.tied}


def fit_joint(
    model: FitModel | object,
    traces: Sequence[JointTrace],
    *,
    shared: Mapping[str, Sequence[Hashable] | None],
    start: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    tied: Mapping[str, str] | None = None,
    free: Sequence[Parameter] = (),
    known: Mapping[str, ArrayLike] | None = None,
    priors: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> JointFit:
    """Fit many traces that share parameters.

    Parameters
    ----------
    model
        A `FitModel`, or what `fit_batch` takes; or a sequence with one for each trace: parameters of one name
        are then one thing.
    traces
        At least one.
    shared
        By parameter name: None, all traces share it; or one label for each trace, those of one label share
        it. Parameters that are not named are each trace's own; free ones are shared by all.
    start, fixed
        By name: starting value; value to hold. What is not given starts from the fits of the single traces.
    bounds
        By name: replaces the model's own (minimum, maximum).
    tied
        By name: an expression of other parameters, free ones and facts of the traces.
    free
        Parameters that only expressions know; ``value`` is a first idea, which single traces correct.
    known
        Facts of the traces by name, shape (m,).
    priors
        By name: mean and standard deviation of what is known beforehand, numbers or one for each trace. Wants
        errors of the points. The fit starts from the mean.

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
    given = {name: _prior(name, *pair, len(traces)) for name, pair in (priors or {}).items()}
    means = {name: float(np.median(prior.mean)) for name, prior in given.items()}
    wanted = _Wanted(
        _with_free(shared, free), start or {}, fixed or {}, bounds or {}, tied or {}, free, known or {}, means
    )
    models = _models(model, traces, wanted)
    _check_names(models, traces, wanted, given)
    _check_priors(traces, wanted.shared, given)
    problem, values = _problem(models, traces, wanted, given)
    return _finished(problem, *problem.minimise(values), traces)


def _prior(name: str, mean: ArrayLike, deviation: ArrayLike, count: int) -> Prior:
    for given in (mean, deviation):
        if np.shape(given) not in ((), (count,)):
            raise FitError(
                f"joint fit: {name}: wanted what is known beforehand as a number, or one for each of {count} "
                f"traces, got shape {np.shape(given)}"
            )
    means, deviations = (np.full(count, given, np.float64) for given in (mean, deviation))
    if not np.all(deviations > 0):
        raise FitError(f"joint fit: {name}: wanted a standard deviation > 0, got {deviation!r}")
    return Prior(means, deviations)


def _check_priors(
    traces: Sequence[JointTrace],
    shared: Mapping[str, Sequence[Hashable] | None],
    priors: Mapping[str, Prior],
) -> None:
    if priors and traces[0].sigma is None:
        raise FitError("joint fit: what is known beforehand wants errors of the points; give sigma")
    for name, prior in priors.items():
        labels = shared[name] if name in shared else range(len(traces))
        known: dict[Hashable, tuple[float, float]] = {}
        pairs = zip(prior.mean.tolist(), prior.deviation.tolist(), strict=True)
        for label, pair in zip(labels or [None] * len(traces), pairs, strict=True):
            if known.setdefault(label, pair) != pair:
                raise FitError(
                    f"joint fit: {name}: wanted one thing known beforehand of traces that share it, got "
                    f"{known[label]} and {pair}; share it by what tells them apart"
                )


def _with_free(
    shared: Mapping[str, Sequence[Hashable] | None], free: Sequence[Parameter]
) -> dict[str, Sequence[Hashable] | None]:
    return {**{parameter.name: None for parameter in free}, **shared}


def _models(model: Any, traces: Sequence[JointTrace], wanted: _Wanted) -> list[FitModel]:
    """Return the model of each trace, one object for all traces of one model."""
    several = isinstance(model, (list, tuple))
    if several and len(model) != len(traces):
        raise FitError(f"joint fit: wanted a model for each of {len(traces)} traces, got {len(model)}")
    given = list(model) if several else [model] * len(traces)
    made: dict[int, FitModel] = {}
    for one, trace in zip(given, traces, strict=True):
        if id(one) not in made:
            names = set(getattr(one, "names", ())) or set(wanted.bounds)
            own = {name: pair for name, pair in wanted.bounds.items() if name in names}
            made[id(one)] = as_model(one, np.asarray(trace.x, np.float64), own)
    return [made[id(one)] for one in given]


def _check_names(
    models: Sequence[FitModel],
    traces: Sequence[JointTrace],
    wanted: _Wanted,
    priors: Mapping[str, Prior],
) -> None:
    names = {name for model in models for name in model.names}
    for parameter in wanted.free:
        if parameter.name in names:
            raise FitError(f"joint fit: {parameter.name} is a parameter of the model already; rename it")
    names |= {parameter.name for parameter in wanted.free}
    for name in (*wanted.shared, *wanted.start, *wanted.fixed, *wanted.tied, *priors, *wanted.bounds):
        if name not in names:
            raise FitError(
                f"joint fit: model {models[0].name}: no parameter {name!r}; there are "
                f"{', '.join(sorted(names))}"
            )
    for name, labels in wanted.shared.items():
        if labels is not None and len(labels) != len(traces):
            raise FitError(
                f"joint fit: {name}: wanted a label for each of {len(traces)} traces, got {len(labels)}"
            )
        if name in wanted.fixed:
            raise FitError(f"joint fit: {name} is shared and held; remove it from one")
        if name in wanted.tied:
            raise FitError(f"joint fit: {name} is shared and tied; remove it from one")
    for name, values in wanted.known.items():
        if np.shape(values) != (len(traces),):
            raise FitError(
                f"joint fit: {name}: wanted a value for each of {len(traces)} traces, got {np.shape(values)}"
            )
    if len({trace.sigma is None for trace in traces}) != 1:
        raise FitError("joint fit: wanted errors for all traces or for none, got both; give sigma everywhere")


def _problem(
    models: Sequence[FitModel],
    traces: Sequence[JointTrace],
    wanted: _Wanted,
    priors: Mapping[str, Prior],
) -> tuple[JointProblem, FloatArray]:
    """Return the problem and where it starts."""
    groups: dict[int, list[int]] = {}
    for row, model in enumerate(models):
        groups.setdefault(id(model), []).append(row)
    parts = [(np.array(rows), models[rows[0]]) for rows in groups.values()]
    stacks = [stacked(model, [traces[row] for row in rows]) for rows, model in parts]
    sizes = [_typical(model, data, wanted, priors) for (_, model), data in zip(parts, stacks, strict=True)]
    ties = [
        JointTies.made(
            model,
            {name: text for name, text in wanted.tied.items() if name in model.names},
            wanted.free,
            {name: np.asarray(values, np.float64)[rows] for name, values in wanted.known.items()},
            size,
        )
        for (rows, model), size in zip(parts, sizes, strict=True)
    ]
    moved = {p.name: p for tie in reversed(ties) for p in tie.moved}
    order = list(moved)
    there = np.zeros((len(traces), len(order)), bool)
    values = np.full((len(traces), len(order)), 1.0)
    blocks = []
    held = {name: 0.0 for _, model in parts for name in wanted.held_of(model)}
    for (rows, model), tie, data in zip(parts, ties, stacks, strict=True):
        columns = np.array([order.index(name) for name in tie.names], np.intp)
        begin = _starting(model, data, wanted, tie, absolute=traces[0].sigma is not None)
        values[np.ix_(rows, columns)] = begin
        there[np.ix_(rows, columns)] = True
        full = tie.full(begin)
        moving = np.array([name not in held for name in model.names])
        evaluate = tie.through(evaluator(model, data.x[0], full[0], moving))
        size = np.array([tie.typical[name] for name in tie.names])
        blocks.append(Block(rows, data, tie, columns, evaluate, size))
    shared = {name: labels for name, labels in wanted.shared.items() if name in moved and name not in held}
    layout = Layout.of(list(moved.values()), there, shared, held)
    problem = JointProblem(tuple(blocks), layout, priors, traces[0].sigma is not None)
    return problem, layout.spread(layout.middle(values), values)


def _typical(model: FitModel, data: Data, wanted: _Wanted, priors: Mapping[str, Prior]) -> dict[str, float]:
    """Return a size of every parameter: of what is known of it, of its range, or by its unit and the data."""
    by_unit = typical_sizes(model, data.x, data.y)
    found = {}
    for place, p in enumerate((*model.parameters, *wanted.free)):
        width = p.maximum - p.minimum
        own = float(by_unit[place]) if place < len(by_unit) else abs(p.value or 0.0)
        found[p.name] = 0.1 * width if np.isfinite(width) else own
        if p.name in priors:
            found[p.name] = float(np.median(priors[p.name].deviation))
        if found[p.name] == 0:
            facts = [np.abs(np.asarray(values, np.float64)).max() for values in wanted.known.values()]
            found[p.name] = float(max(facts, default=1.0)) or 1.0
    return found


def _starting(model: FitModel, data: Data, wanted: _Wanted, ties: JointTies, *, absolute: bool) -> FloatArray:
    """Return starting values (m, q) of what moves from fits of the single traces."""
    y: Numbers = data.y.copy()
    y[data.weights == 0] = np.nan
    sigma: Numbers | None = None
    if absolute and not model.is_complex:  # a start needs no weights of both parts
        sigma = np.where(data.weights > 0, 1 / np.where(data.weights > 0, data.weights, 1.0), 1.0)
    y = y.view(np.complex128) if model.is_complex else y
    same = bool((data.x == data.x[0]).all())
    held: dict[str, float | FloatArray] = {
        n: value for n, value in wanted.held_of(model).items() if n in model.names
    }
    held |= {p.name: p.value for p in model.parameters if p.name in wanted.tied and p.value is not None}
    held |= {name: mean for name, mean in wanted.means.items() if name in model.names}
    held |= ties.facts()
    single = fit_batch(
        model,
        data.x[0] if same else data.x,
        y,
        sigma,
        start={name: value for name, value in wanted.start.items() if name in model.names},
        fixed=held,
        check=0,
        tolerance=_NEAR_ENOUGH,
        fallback=False,
        profiles=False,
    )
    given = {**wanted.means, **wanted.start, **wanted.fixed}
    extra = {p.name: given.get(p.name, p.value or 0.0) for p in wanted.free}
    found = {name: np.broadcast_to(single[name], len(data.y)) for name in model.names}
    columns = [found[n] if n in found else np.full(len(data.y), extra[n]) for n in ties.names]
    values = np.stack(columns, axis=1)
    known = np.array([wanted.start.get(name, np.nan) for name in ties.names])
    middle = np.array([np.median(v[np.isfinite(v)]) if np.isfinite(v).any() else np.nan for v in values.T])
    values = np.where(np.isfinite(values), values, np.where(np.isfinite(middle), middle, known))
    if not wanted.means:  # at which single fits hold what is known, right or not
        sought = [p.name for p in wanted.free if p.name not in given and wanted.shared.get(p.name) is None]
        ties.suited(values, sought, single.values, single.stderr)
    if not np.isfinite(values).all():
        raise FitError(f"joint fit: model {model.name}: no trace can be fitted alone; give start")
    return values


def _finished(
    problem: JointProblem, step: Step, converged: bool, steps: int, traces: Sequence[JointTrace]
) -> JointFit:
    """Return values with standard errors from the undamped normal equations."""
    layout, freedom = problem.layout, problem.freedom()
    if freedom < 0:
        raise FitError("joint fit: fewer points than parameters; share more of them")
    covariance = problem.covariance(step)
    names = _all_names(problem)
    varied = [p.name for at, p in enumerate(layout.moved) if at in {*layout.common, *layout.own}]
    through, values, errors = _of_traces(problem, step, covariance, names, varied)
    size = layout.gathered(np.where(layout.is_scale, step.values, 1.0))
    shared: dict[str, dict[Hashable, tuple[float, float]]] = {}
    middle = layout.gathered(step.values)
    deviations = np.sqrt(np.diagonal(covariance.shared)) if size.size else size
    for at, (name, label) in enumerate(layout.names):
        shared.setdefault(name, {})[label] = (float(middle[at]), float(deviations[at] * abs(size[at])))
    return JointFit(
        names=names,
        labels=tuple(trace.label for trace in traces),
        values=values,
        errors=errors,
        shared=shared,
        covariance=covariance.shared * np.outer(size, size),
        shared_names=layout.names,
        varied=tuple(varied),
        trace_covariance=through,
        chi2=step.cost,
        degrees_of_freedom=freedom,
        p_value=chi2_probability(step.cost, freedom) if problem.absolute else None,
        trace_chi2=step.trace_cost,
        points=problem.points(),
        converged=converged,
        steps=steps,
    )


def _all_names(problem: JointProblem) -> tuple[str, ...]:
    models = dict.fromkeys(name for block in problem.blocks for name in block.ties.model.names)
    return tuple(dict.fromkeys([*models, *(p.name for p in problem.layout.moved)]))


def _of_traces(
    problem: JointProblem,
    step: Step,
    covariance: JointCovariance,
    names: tuple[str, ...],
    varied: list[str],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the covariance of what varies, and value and error of everything, of each trace."""
    layout = problem.layout
    places = np.array([*layout.own, *layout.common], np.intp)
    order = np.array([[layout.moved[at].name for at in places].index(name) for name in varied], np.intp)
    slots = layout.slots
    shared = covariance.shared[slots[:, :, None], slots[:, None, :]]
    upper = np.concatenate([covariance.own, covariance.between], axis=2)
    lower = np.concatenate([covariance.between.swapaxes(1, 2), shared], axis=2)
    whole = np.concatenate([upper, lower], axis=1)[:, order][:, :, order]
    slope = np.where(layout.is_scale, step.values, 1.0)[:, places[order]]
    whole = whole * slope[:, :, None] * slope[:, None, :]
    lacking = ~layout.there[:, places[order]]
    whole[lacking] = np.nan
    whole.swapaxes(1, 2)[lacking] = np.nan
    values = np.full((len(whole), len(names)), np.nan)
    errors = np.full(values.shape, np.nan)
    for block in problem.blocks:
        here, rows = step.values[block.rows][:, block.columns], block.rows
        model = block.ties.model
        for column, name in enumerate(block.ties.names):
            values[rows, names.index(name)] = here[:, column]
            errors[rows, names.index(name)] = 0.0
        full, slopes = block.ties.full(here), block.ties.slopes(here)
        for column, name in enumerate(varied):
            if name in block.ties.names:
                errors[rows, names.index(name)] = np.sqrt(whole[rows, column, column])
        inner = [block.ties.names.index(n) if n in block.ties.names else -1 for n in varied]
        used = [place for place, at in enumerate(inner) if at >= 0]
        part = whole[rows][:, used][:, :, used]
        for place in block.ties.expressions:
            gradient = slopes[:, place][:, [inner[at] for at in used]]
            at = names.index(model.names[place])
            values[rows, at] = full[:, place]
            errors[rows, at] = np.sqrt(np.einsum("mi,mij,mj->m", gradient, part, gradient))
    return whole, values, errors
