"""Arithmetic on the columns of a run, written in a recipe as text, with the errors carried along.

``"without_pi - with_pi"`` or ``"(a - b) / (a + b)"``: names, numbers, ``+ - * / **``, and a few functions.
Nothing else is accepted and nothing is evaluated as Python: the text, whose length is bounded, is parsed and
walked. All numbers are floats (complex where a column is): ``10**20`` does not wrap, ``10**-3`` is 0.001, and
``9**9**9`` is infinite at once. The error of the result follows from the errors of the columns to first
order, column by column.

Runs of earlier versions call the standard errors of ``NAME`` ``NAME_error``, those of today ``NAME_errors``;
either name finds either column.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.arrays import Numbers
from labspin.errors import RecipeError

__all__ = ["Expression", "column_of"]

_FUNCTIONS: dict[str, Callable[..., object]] = {
    "abs": np.abs,
    "angle": np.angle,
    "arctan": np.arctan,
    "cos": np.cos,
    "exp": np.exp,
    "imag": np.imag,
    "log": np.log,
    "real": np.real,
    "sin": np.sin,
    "sqrt": np.sqrt,
}
_OPERATORS: dict[type, Callable[..., object]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
}


_LONGEST = 2000
"""Characters of an expression; a longer one is no arithmetic of columns."""


def column_of(name: str, data: Mapping[str, object]) -> str:
    """Return the key of ``data`` that ``name`` means.

    Parameters
    ----------
    name
        Of a column, or of the errors of one, with or without the last letter of ``_errors``.
    data
        What there is.

    Returns
    -------
        The key, or ``name`` itself if there is none.
    """
    if name in data:
        return name
    other = name.removesuffix("s") if name.endswith("_errors") else f"{name}s"
    return other if name.endswith(("_error", "_errors")) and other in data else name


@dataclass(frozen=True)
class Expression:
    """An expression of column names.

    Attributes
    ----------
    text
        As written in the recipe.

    Raises
    ------
    RecipeError
        The text is not an expression of names, numbers, arithmetic and the functions abs, angle, arctan, cos,
        exp, imag, log, real, sin, sqrt.
    """

    text: str

    def __post_init__(self) -> None:
        _check(self._tree(), self.text)

    def _tree(self) -> ast.expr:
        if len(self.text) > _LONGEST:
            raise RecipeError(
                f"expression {self.text[:40]!r}…: wanted at most {_LONGEST} characters, got {len(self.text)}"
            )
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise RecipeError(
                f"expression {self.text!r}: wanted arithmetic of column names: {error}"
            ) from error

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that the expression needs."""
        tree = self._tree()
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        found = {n.id: None for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}
        return tuple(found)

    def value(self, data: Mapping[str, Any]) -> Numbers:
        """Return the expression of the arrays in ``data``.

        Parameters
        ----------
        data
            Arrays, or numbers, that go together by broadcasting, by name.

        Returns
        -------
            Floats, or complex numbers where a column is complex.

        Raises
        ------
        RecipeError
            A column is missing.
        """
        columns = {}
        for name in self.names:
            columns[name] = data.get(column_of(name, data))
            if columns[name] is None:
                raise RecipeError(
                    f"expression {self.text!r}: there is no column {name!r}; "
                    f"there are {', '.join(sorted(data))}"
                )
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            return np.asarray(_walk(self._tree(), columns))

    def error(self, data: Mapping[str, Any], errors: Mapping[str, FloatArray]) -> FloatArray:
        """Return the standard deviation of the expression for independent errors of its columns.

        Parameters
        ----------
        data
            Values of the columns by name.
        errors
            Standard errors of those columns that have any, by name.
        """
        variance: Any = 0.0
        for name in self.names:
            if name not in errors:
                continue
            key = column_of(name, data)
            centre, sigma = np.asarray(data[key], np.float64), errors[name]
            step = np.where(sigma > 0, sigma, 1.0) * 1e-4
            above, below = (self.value({**data, key: centre + sign * step}) for sign in (1, -1))
            variance = variance + np.abs((above - below) / (2 * step) * sigma) ** 2
        return np.sqrt(np.asarray(variance, np.float64))


def _check(node: ast.AST, text: str) -> None:
    for child in ast.walk(node):
        known = isinstance(child, (ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, *_OPERATORS))
        number = isinstance(child, ast.Constant) and _is_number(child.value)
        call = (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Name)
            and child.func.id in _FUNCTIONS
            and len(child.args) == 1
            and not child.keywords
        )
        if not (known or number or call):
            raise RecipeError(
                f"expression {text!r}: wanted names, numbers, + - * / ** and {', '.join(_FUNCTIONS)}, "
                f"got {ast.unparse(child) if isinstance(child, ast.expr) else type(child).__name__!r}"
            )


def _is_number(value: object) -> bool:
    """Return whether a constant is a number that a float can hold."""
    try:
        return type(value) in (int, float) and math.isfinite(float(value))  # type: ignore[arg-type]
    except OverflowError:
        return False


def _walk(node: ast.expr, data: Mapping[str, object]) -> object:
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, (int, float))
        return np.float64(node.value)
    if isinstance(node, ast.Name):
        values = np.asarray(data[node.id])
        return values.astype(np.float64) if values.dtype.kind in "biu" else values
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_walk(node.left, data), _walk(node.right, data))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_walk(node.operand, data))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return _FUNCTIONS[node.func.id](_walk(node.args[0], data))
