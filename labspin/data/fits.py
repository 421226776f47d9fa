"""Results of fits, each in a group of its own in the file of its run.

A fit is added the same way as everything is published: to a copy of the whole file, which then takes the
place of the file. Raw data are never touched.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.data.plain import clean_text, plain
from labspin.data.schema import Dimension
from labspin.errors import ArgumentError

__all__ = ["FitCurve", "FitParameter", "FitRecord"]

FloatArray = NDArray[np.float64]
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.]{0,53}[A-Za-z0-9_])?")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArgumentError(f"{what}: wanted a name of up to 55 letters, digits, '_' and '.', got {name!r}")


def _array(what: str, value: ArrayLike, dtype: type = np.float64) -> NDArray[np.generic]:
    try:
        return np.array(value, dtype)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{what}: wanted numbers, got {value!r}") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class FitParameter:
    """One parameter of a fit, or of the same fit done at every point of ``FitRecord.dimensions``."""

    name: str
    value: FloatArray
    """Shape of the dimensions of the fit; () for a single fit."""
    stderr: FloatArray
    """Standard error, same shape; NaN where it is not known, 0 for a parameter that was held fixed."""
    unit: str = "1"
    varied: bool = True

    def __post_init__(self) -> None:
        _check_name("parameter of a fit", self.name)
        value = _array(f"parameter {self.name!r}", self.value)
        stderr = _array(f"standard error of {self.name!r}", np.nan if self.stderr is None else self.stderr)
        try:
            stderr = np.array(np.broadcast_to(stderr, value.shape))
        except ValueError as error:
            raise ArgumentError(
                f"parameter {self.name!r}: its standard error has shape {stderr.shape}, wanted {value.shape}"
            ) from error
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "stderr", stderr)


@dataclass(frozen=True, kw_only=True, eq=False)
class FitCurve:
    """The fitted curve (or surface, along more axes), to be drawn beside the data."""

    axes: tuple[Dimension, ...]
    """Axes of the curve itself; those of the fit's dimensions stand before them in ``values``."""
    values: NDArray[np.generic]
    """Shape (dimensions of the fit, axes), float or complex."""
    unit: str = "1"
    data: NDArray[np.generic] | None = None
    """The data as the fit saw them, same shape, where they are not simply a column of the run."""
    errors: NDArray[np.generic] | None = None
    """Standard errors of the data, same shape; of complex data those of both parts, as a complex number."""

    def __post_init__(self) -> None:
        for name in ("values", "data", "errors"):
            value = getattr(self, name)
            if value is not None:
                is_complex = np.iscomplexobj(value)
                array = _array(f"{name} of the curve", value, np.complex128 if is_complex else np.float64)
                object.__setattr__(self, name, array)
        object.__setattr__(self, "axes", tuple(self.axes))
        for name in ("data", "errors"):
            value = getattr(self, name)
            if value is not None and value.shape != self.values.shape:
                raise ArgumentError(
                    f"{name} of the curve: wanted shape {self.values.shape} like its values, got "
                    f"{value.shape}"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class FitRecord:
    """One fit: what was fitted with which model, and what came out."""

    name: str
    quantity: str
    model: str
    recipe: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    """Version of labspin that fitted."""
    parameters: tuple[FitParameter, ...] = ()
    covariance: FloatArray | None = None
    """Shape (dimensions of the fit, k, k), for the k varied parameters in their order."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """Such as ``chi_square``, ``reduced_chi_square``, ``points``, ``success``: numbers, texts or arrays."""
    dimensions: tuple[Dimension, ...] = ()
    """Along these the fit was repeated; none for a single fit."""
    curve: FitCurve | None = None
    date: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        _check_name("fit", self.name)
        for name in ("parameters", "dimensions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("quantity", "model", "version", "date"):
            object.__setattr__(self, name, clean_text(str(getattr(self, name))))
        object.__setattr__(self, "recipe", plain(self.recipe))
        object.__setattr__(self, "statistics", plain(self.statistics))
        if not self.version:
            from labspin import __version__

            object.__setattr__(self, "version", __version__)
        self._check_shapes()

    def _check_shapes(self) -> None:
        shape = tuple(len(dimension) for dimension in self.dimensions)
        varied = sum(parameter.varied for parameter in self.parameters)
        wanted: list[tuple[str, NDArray[np.generic], tuple[int, ...]]] = [
            (f"parameter {parameter.name!r}", parameter.value, shape) for parameter in self.parameters
        ]
        if self.covariance is not None:
            covariance = _array("covariance", self.covariance)
            object.__setattr__(self, "covariance", covariance)
            wanted.append(("covariance", covariance, (*shape, varied, varied)))
        if self.curve is not None:
            wanted.append(("curve", self.curve.values, (*shape, *map(len, self.curve.axes))))
        for what, value, expected in wanted:
            if value.shape != expected:
                raise ArgumentError(
                    f"fit {self.name!r}: {what} has shape {value.shape}, wanted {expected} by its dimensions"
                )
        names = [parameter.name for parameter in self.parameters]
        names += [f"{name}_errors" for name in names] + [dimension.name for dimension in self.dimensions]
        drawn = [axis.name for axis in (*self.dimensions, *(self.curve.axes if self.curve else ()))]
        for used in (names, [*drawn, "fit", "data", "data_errors"]):
            if len(set(used)) < len(used):
                raise ArgumentError(
                    f"fit {self.name!r}: the names of parameters and axes must differ: {used}"
                )

    def parameter(self, name: str) -> FitParameter:
        """Return the parameter ``name``.

        Parameters
        ----------
        name
            Name of a fitted parameter.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise ArgumentError(
            f"fit {self.name!r}: no parameter {name!r}; it has {[p.name for p in self.parameters]}"
        )
