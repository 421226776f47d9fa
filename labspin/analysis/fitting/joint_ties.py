"""Parameters of a joint fit that are expressions: of other parameters, of new ones, of what is known.

``distance = position + offset``: a parameter of the model is computed for each trace from what moves in the
fit (untied parameters of the model, and *free* ones that only the expressions know) and from facts of the
trace, such as the position of the positioner. The engine moves the former; derivatives go through
expressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.expression import Expression
from labspin.analysis.minimiser.problem import Evaluate
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.errors import FitError

__all__ = ["JointTies"]

_SETTLINGS = 20
_STEP = float(np.cbrt(np.finfo(float).eps))


@dataclass(frozen=True, eq=False)
class JointTies:
    """What moves in a joint fit, and how the parameters of the model follow from it.

    Parameters
    ----------
    model
        The model that is evaluated, with p parameters.
    moved
        What moves: untied parameters of the model, then free ones; q of them.
    expressions
        Places of tied parameters in the model, in an order in which each names only what is known before.
    known
        Facts of the traces by name, shape (m,).
    typical
        Size of every parameter and free one, from which steps are taken while it is zero.
    """

    model: FitModel
    moved: tuple[Parameter, ...]
    expressions: Mapping[int, Expression]
    known: Mapping[str, FloatArray]
    typical: Mapping[str, float]

    @classmethod
    def made(
        cls,
        model: FitModel,
        tied: Mapping[str, str],
        free: Sequence[Parameter],
        known: Mapping[str, ArrayLike],
        typical: Mapping[str, float],
    ) -> JointTies:
        """Return the ties of a model.

        Parameters
        ----------
        model
            The model that is evaluated.
        tied
            Name of each tied parameter to an expression.
        free
            Parameters that only expressions know.
        known
            Facts by name: a number a trace, shape (m,).
        typical
            Size of every parameter and free one.

        Raises
        ------
        FitError
            A name is unknown or stands for two things, or tied parameters name each other.
        """
        facts = {name: np.asarray(values, np.float64) for name, values in known.items()}
        names = [*model.names, *(parameter.name for parameter in free)]
        waiting = {name: Expression(text) for name, text in tied.items()}
        for name in waiting:
            model.parameter(name)
        for expression in waiting.values():
            lacking = sorted(set(expression.names) - set(names) - set(facts))
            if lacking:
                raise FitError(
                    f"joint fit: {expression.text!r}: there is no {lacking[0]!r}; there are "
                    f"{', '.join(sorted({*names, *facts}))}"
                )
        ordered: dict[int, Expression] = {}
        while waiting:
            ready = [name for name, expression in waiting.items() if not set(expression.names) & set(waiting)]
            if not ready:
                raise FitError(f"joint fit: tied parameters {', '.join(waiting)} name each other")
            ordered |= {model.names.index(name): waiting.pop(name) for name in ready}
        untied = [p for place, p in enumerate(model.parameters) if place not in ordered]
        return cls(model, (*untied, *free), ordered, facts, typical)

    @property
    def names(self) -> tuple[str, ...]:
        """Of what moves."""
        return tuple(parameter.name for parameter in self.moved)

    def full(self, values: FloatArray) -> FloatArray:
        """Return all parameters of the model (m, p) from what moves.

        Parameters
        ----------
        values
            Shape (m, q).
        """
        named: dict[str, NDArray[np.float64]] = dict(zip(self.names, values.T, strict=True))
        for place, expression in self.expressions.items():
            known = {name: self.known[name] for name in expression.names if name in self.known}
            found = np.real(expression.value(known | named))
            named[self.model.names[place]] = np.broadcast_to(found, (len(values),))
        return np.stack([named[name] for name in self.model.names], axis=1)

    def facts(self) -> dict[str, FloatArray]:
        """Return the tied parameters that follow from facts alone: name to a value a trace, shape (m,)."""
        found = {}
        for place, expression in self.expressions.items():
            if self.known.keys() >= set(expression.names):
                value = np.real(expression.value({name: self.known[name] for name in expression.names}))
                found[self.model.names[place]] = np.asarray(value, np.float64)
        return found

    def slopes(self, values: FloatArray) -> FloatArray:
        """Return d(parameter of the model)/d(what moves) of every trace, shape (m, p, q).

        Parameters
        ----------
        values
            Shape (m, q).
        """
        found = np.zeros((len(values), len(self.model.names), len(self.moved)))
        for column, name in enumerate(self.names):
            if name in self.model.names:
                found[:, self.model.names.index(name), column] = 1.0
        named = dict(self.known) | dict(zip(self.model.names, self.full(values).T, strict=True))
        named |= dict(zip(self.names, values.T, strict=True))
        by = {name: (np.arange(len(self.names)) == column) * 1.0 for column, name in enumerate(self.names)}
        for place, expression in self.expressions.items():
            for name in expression.names:
                if name in by:
                    slope = np.real(expression.derivative(named, name))
                    found[:, place] += np.broadcast_to(slope, (len(values),))[:, None] * by[name]
            by[self.model.names[place]] = found[:, place]
        return found

    def suited(
        self, values: FloatArray, names: Sequence[str], single: FloatArray, errors: FloatArray
    ) -> None:
        """Move free parameters until expressions give what fits of the single traces have found.

        A fit from a slope of zero would look for the lines of the last trace where those of the first are.
        Nothing is moved where that is no nearer.

        Parameters
        ----------
        values
            What moves, shape (m, q), changed in place.
        names
            Free parameters that all traces share.
        single, errors
            All parameters of the model, and their errors, of the single traces, shape (m, p).
        """
        columns, places = [self.names.index(name) for name in names], list(self.expressions)
        seen = np.isfinite(single[:, places]) & np.isfinite(errors[:, places]) & (errors[:, places] > 0)
        if not columns or not places or not seen.any():
            return
        wanted = np.where(seen, single[:, places], 0.0)
        weights = np.where(seen, 1 / np.where(seen, errors[:, places], 1.0), 0.0)
        # Limits may be those of the window of one trace: only what is a size has to be one.
        low = np.where([self.model.parameters[place].minimum >= 0 for place in places], 0.0, -np.inf)
        best, least, now = values.copy(), np.inf, values.copy()
        for _ in range(_SETTLINGS):
            full = self.full(now)[:, places]
            away = np.where(seen, wanted - full, 0.0) * weights
            misfit = float(np.minimum(np.abs(away), np.square(away)).sum())
            if not misfit < least or not np.all(full > low):
                break
            best, least = now.copy(), misfit
            firm = 1 / np.sqrt(np.maximum(np.abs(away), 1.0))  # a trace whose own fit went wrong is outvoted
            slope = self.slopes(now)[:, places][:, :, columns] * (weights * firm)[..., None]
            slope = np.where(np.isfinite(slope), slope, 0.0).reshape(-1, len(columns))
            size = np.sqrt(np.square(slope).sum(0))
            size[size == 0] = 1.0
            now[:, columns] += np.linalg.lstsq(slope / size, (away * firm).ravel(), rcond=1e-9)[0] / size
        values[:] = best
        for column in columns:
            values[:, column] = np.clip(
                values[:, column], self.moved[column].minimum, self.moved[column].maximum
            )

    def through(self, evaluate: Evaluate) -> Evaluate:
        """Return the model and its derivatives by what moves.

        Parameters
        ----------
        evaluate
            Gives them by the parameters of the model.
        """
        if not self.expressions:
            return evaluate

        def evaluated(x: FloatArray, values: FloatArray, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
            del scales  # those of the model's own parameters are needed
            full = self.full(values)
            size = 1e-2 * np.array([self.typical[name] for name in self.model.names])
            y, jacobian = evaluate(x, full, np.maximum(np.abs(full), size) * _STEP)
            return y, np.einsum("mpn,mpq->mqn", jacobian, self.slopes(values))

        return evaluated
