"""Arithmetic on the columns of a run, written in a recipe as text, with the errors carried along.

``"without_pi - with_pi"`` or ``"(a - b) / (a + b)"``: names, numbers, ``+ - * / **``, and a few functions.
Nothing else is accepted and nothing is evaluated as Python: the text, whose length is bounded, is parsed and
walked. All numbers are floats (complex where a column is): ``10**20`` does not wrap, ``10**-3`` is 0.001, and
``9**9**9`` is infinite at once. Derivatives are exact, by the rules of differentiation: no step is too short
for a column beside whose values its errors are small. The error of the result follows from the errors of the
columns to first order, column by column.

Runs of earlier versions call the standard errors of ``NAME`` ``NAME_error``, those of today ``NAME_errors``;
either name finds either column.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

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
        Name of a column, or of the errors of one, with or without the last letter of ``_errors``.
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
        return _parsed(self.text)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that the expression needs."""
        tree = self._tree()
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        found = {n.id: None for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}
        return tuple(found)

    def value(self, data: Mapping[str, ArrayLike]) -> Numbers:
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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            return np.asarray(_walk(self._tree(), self._columns(data)))

    def derivative(self, data: Mapping[str, ArrayLike], name: str) -> Numbers:
        """Return ∂expression/∂name at the arrays in ``data``.

        Parameters
        ----------
        data
            As for `value`.
        name
            A real column; one that is not in the expression has the derivative 0.

        Returns
        -------
            Array of the shape of the value; NaN where there is no derivative, as that of sqrt(x) at 0.

        Raises
        ------
        RecipeError
            A column is missing.
        """
        columns = self._columns(data)
        key = column_of(name, data)
        moved = {one for one in columns if column_of(one, data) == key}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            value, slope = _differentiate(self._tree(), columns, moved)
            found = np.asarray(value) * 0.0 + (0.0 if slope is None else slope)
        return np.where(np.isfinite(found), found, np.nan)

    def _columns(self, data: Mapping[str, ArrayLike]) -> dict[str, ArrayLike]:
        columns: dict[str, ArrayLike] = {}
        for name in self.names:
            found = data.get(column_of(name, data))
            if found is None:
                raise RecipeError(
                    f"expression {self.text!r}: there is no column {name!r}; "
                    f"there are {', '.join(sorted(data))}"
                )
            columns[name] = found
        return columns

    def error(self, data: Mapping[str, ArrayLike], errors: Mapping[str, FloatArray]) -> FloatArray:
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
            variance = variance + np.abs(self.derivative(data, name) * errors[name]) ** 2
        return np.sqrt(np.asarray(variance, np.float64))


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise RecipeError(f"expression {text[:40]!r}…: wanted at most {_LONGEST} characters, got {len(text)}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RecipeError(f"expression {text!r}: wanted arithmetic of column names: {error}") from error


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


def _differentiate(node: ast.expr, data: Mapping[str, ArrayLike], moved: set[str]) -> tuple[Any, Any]:
    """Return the value of a part of an expression and its derivative; None where nothing in it moves."""
    if isinstance(node, ast.Name):
        return _walk(node, data), 1.0 if node.id in moved else None
    if isinstance(node, ast.BinOp):
        left, right = (_differentiate(part, data, moved) for part in (node.left, node.right))
        return _of_two(type(node.op), left, right)
    if isinstance(node, ast.UnaryOp):
        value, slope = _differentiate(node.operand, data, moved)
        operator = _OPERATORS[type(node.op)]
        return operator(value), None if slope is None else operator(slope)
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        value, slope = _differentiate(node.args[0], data, moved)
        found: Any = _FUNCTIONS[node.func.id](value)
        return found, None if slope is None else _SLOPES[node.func.id](value, found, slope)
    return _walk(node, data), None


def _of_two(kind: type, left: tuple[object, object], right: tuple[object, object]) -> tuple[object, object]:
    """Return value and derivative of two parts that an operator joins."""
    (a, da), (b, db) = left, right
    found: object = _OPERATORS[kind](a, b)
    if da is None and db is None:
        return found, None
    of_left, of_right = _PARTIAL[kind]
    slope: object = 0.0
    if da is not None:
        slope = slope + of_left(a, b, found) * da
    if db is not None:
        slope = slope + of_right(a, b, found) * db
    return found, slope


_PARTIAL: dict[type, tuple[Callable[..., Any], Callable[..., Any]]] = {
    ast.Add: (lambda a, b, f: 1.0, lambda a, b, f: 1.0),
    ast.Sub: (lambda a, b, f: 1.0, lambda a, b, f: -1.0),
    ast.Mult: (lambda a, b, f: b, lambda a, b, f: a),
    ast.Div: (lambda a, b, f: 1.0 / b, lambda a, b, f: -f / b),
    ast.Pow: (lambda a, b, f: b * np.power(a, b - 1.0), lambda a, b, f: f * np.log(a)),
}
"""Of each operator: the derivatives by its left and by its right side, from both and the value."""

_SLOPES: dict[str, Callable[..., Any]] = {
    # At 0 the slope of |z| is that to either side.
    "abs": lambda z, f, dz: np.where(f > 0, np.real(np.conj(z) * dz) / f, np.abs(dz)),
    "angle": lambda z, f, dz: np.imag(np.conj(z) * dz) / np.abs(z) ** 2,
    "arctan": lambda z, f, dz: dz / (1.0 + z**2),
    "cos": lambda z, f, dz: -np.sin(z) * dz,
    "exp": lambda z, f, dz: f * dz,
    "imag": lambda z, f, dz: np.imag(dz),
    "log": lambda z, f, dz: dz / z,
    "real": lambda z, f, dz: np.real(dz),
    "sin": lambda z, f, dz: np.cos(z) * dz,
    "sqrt": lambda z, f, dz: 0.5 * dz / f,
}
"""Of each function: the derivative from its argument z, its value f and the derivative of z."""
