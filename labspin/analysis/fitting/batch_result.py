"""The result of a batch of fits: arrays, never one object a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import ProfileEnds
from labspin.errors import FitError

if TYPE_CHECKING:
    import xarray

__all__ = ["STATUS", "BatchResult"]

STATUS: Mapping[int, str] = {
    0: "converged",
    1: "converged in lmfit",
    2: "not converged",
    3: "a parameter is not determined",
    4: "no finite points",
    5: "fewer points than parameters",
    6: "constant",
    7: "a parameter is at its bound",
    8: "errors that are not positive",
}
"""What the status of a trace means: 0 and 1 are sound, 3 has values without errors, 4 to 6 and 8 neither.

7 is a minimum within the bounds: the parameter that is at one has no error, and those of the others hold
as long as it is held there.
"""


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Fits of one model to many traces.

    Attributes
    ----------
    names
        Parameters, fixed ones included.
    values, stderr
        Shape (*lead, p); NaN where a trace could not be fitted; the error of a fixed parameter is 0.
    covariance
        Shape (*lead, k, k) of the ``free`` parameters.
    chi2
        Sum of squared weighted residuals, shape (*lead,).
    points
        Finite points, shape (*lead,).
    status
        See `STATUS`, shape (*lead,).
    iterations
        Steps of the batch engine, shape (*lead,).
    absolute
        The errors of the points were given and taken as they are.
    checked, deviation, stderr_deviation
        How many traces lmfit refitted as a check; the largest |difference| of a parameter in standard errors,
        and the largest relative difference of a standard error.
    ends
        Where profiles of χ² end that are no parabola, by number of the trace and name of the parameter.
    """

    model: str
    names: tuple[str, ...]
    free: tuple[str, ...]
    units: Mapping[str, str]
    values: FloatArray
    stderr: FloatArray
    covariance: FloatArray
    chi2: FloatArray
    points: NDArray[np.int64]
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]
    absolute: bool
    checked: int = 0
    deviation: float = float("nan")
    stderr_deviation: float = float("nan")
    ends: Mapping[int, Mapping[str, ProfileEnds]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> FloatArray:
        return np.asarray(self.values[..., self._position(name)])

    def error(self, name: str) -> FloatArray:
        """Return the standard errors of the parameter ``name``.

        Parameters
        ----------
        name
            A parameter, fitted or held.

        Returns
        -------
        stderr
            Shape (*lead,), in the unit of the parameter.
        """
        return np.asarray(self.stderr[..., self._position(name)])

    def _position(self, name: str) -> int:
        if name not in self.names:
            raise FitError(f"batch of {self.model}: no parameter {name!r}; it has {', '.join(self.names)}")
        return self.names.index(name)

    @property
    def sound(self) -> NDArray[np.bool_]:
        """Which traces have a converged fit with errors."""
        return self.status <= 1

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which traces have a minimum: the sound ones, and those whose minimum is at a bound."""
        return np.isin(self.status, (0, 1, 7))

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Which traces have values at all."""
        return ~np.isin(self.status, (4, 5, 6, 8))

    @property
    def chi2red(self) -> FloatArray:
        """Reduced χ², NaN without a degree of freedom."""
        freedom = self.points - len(self.free)
        return np.where(freedom > 0, self.chi2 / np.maximum(freedom, 1), np.nan)

    def counts(self) -> dict[str, int]:
        """Return how many traces have which status."""
        codes, numbers = np.unique(self.status, return_counts=True)
        return {STATUS[int(code)]: int(number) for code, number in zip(codes, numbers, strict=True)}

    def to_xarray(
        self, dims: tuple[str, ...] | None = None, coords: Mapping[str, object] | None = None
    ) -> xarray.Dataset:
        """Return ``NAME`` and ``NAME_stderr`` of every parameter, χ², status and covariance over the traces.

        Parameters
        ----------
        dims
            Names of the dimensions of the traces.
        coords
            Their coordinates, as xarray takes them.
        """
        import xarray

        lead = self.status.ndim
        axes = dims or (("trace",) if lead == 1 else tuple(f"trace_{k}" for k in range(lead)))
        if len(axes) != lead:
            raise FitError(f"batch: wanted {lead} names of dimensions, got {axes!r}")
        variables: dict[str, object] = {}
        for name in self.names:
            attributes = {"units": self.units[name]}
            variables[name] = (axes, self[name], attributes)
            variables[f"{name}_stderr"] = (axes, self.error(name), attributes)
        for name in ("chi2", "chi2red", "points", "status", "iterations"):
            variables[name] = (axes, getattr(self, name))
        variables["covariance"] = ((*axes, "parameter", "parameter_2"), self.covariance)
        inner = {"parameter": list(self.free), "parameter_2": list(self.free)}
        about: dict[str, object] = {
            "model": self.model,
            "status_meaning": ", ".join(f"{code}: {text}" for code, text in STATUS.items()),
            "absolute_sigma": int(self.absolute),
            "checked_in_lmfit": self.checked,
            "largest_deviation_in_standard_errors": self.deviation,
            "largest_relative_deviation_of_stderr": self.stderr_deviation,
        }
        return xarray.Dataset(variables, {**inner, **(coords or {})}, about)
