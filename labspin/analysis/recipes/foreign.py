"""Fits of files that labspin did not write: two columns, the part of them that is wanted, and a model.

`fit_foreign` is given all settings; `labspin.analysis.propose` finds them from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.curve import fit_curve
from labspin.analysis.model import FitModel
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.spectra import density_unit, is_spectrum, spectrum_settings
from labspin.analysis.recipes.values import values_of
from labspin.arrays import Numbers
from labspin.errors import FitError, UnitError
from labspin.units import conversion_factor, parse_quantity

if TYPE_CHECKING:
    from labspin.data import Contents, ForeignColumn

__all__ = ["ForeignTrace", "Section", "averages_of", "fit_foreign", "fit_foreign_trace", "read_trace"]

_AVERAGES = ("n_avgs", "averages", "n_averages", "navg", "num_averages")


@dataclass(frozen=True)
class Section:
    """Which points of a trace are fitted.

    Attributes
    ----------
    start, stop
        Smallest and largest x: a number in the unit of x, or text with a unit; None: no limit.
    skip
        How many points at the beginning of the file are left out.
    every
        Step through the other points: every ``every``-th is taken.
    """

    start: float | str | None = None
    stop: float | str | None = None
    skip: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        if self.skip < 0 or self.every < 1:
            raise FitError(
                f"section: wanted skip ≥ 0 and every ≥ 1, got {self.skip} and {self.every}; leave them out "
                "to fit all points"
            )

    def places(self, x: Numbers, unit: str) -> NDArray[np.int64]:
        """Return the numbers of the points that are fitted.

        Parameters
        ----------
        x
            All points, shape (n,).
        unit
            Unit of x.

        Raises
        ------
        FitError
            No points are left, or a limit is no quantity of the dimension of x.
        """
        places = np.arange(x.size)[self.skip :: self.every]
        low, high = (_limit(limit, unit) for limit in (self.start, self.stop))
        inside = places[(x[places] >= low) if low is not None else np.ones(places.size, bool)]
        inside = inside[(x[inside] <= high) if high is not None else np.ones(inside.size, bool)]
        if not inside.size:
            there = f"{np.nanmin(x):.6g} to {np.nanmax(x):.6g} {unit}" if x.size else "no points"
            raise FitError(
                f"section: no points are left between {self.start} and {self.stop} after skipping "
                f"{self.skip}; the file has {there}"
            )
        return inside


def _limit(limit: float | str | None, unit: str) -> float | None:
    if limit is None or isinstance(limit, (int, float)):
        return limit
    try:
        return float(limit)
    except ValueError:  # a quantity with a unit
        return parse_quantity(limit, unit or "1", name="section")


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignTrace:
    """Two columns of a file, and perhaps the errors of the second, as they will be fitted.

    Attributes
    ----------
    path
        The file.
    x, y, sigma
        Shape (n,); sigma is None where there are no errors.
    axes
        Name and unit of x, name and unit of y.
    """

    path: Path
    x: Numbers
    y: Numbers
    sigma: Numbers | None
    axes: tuple[str, str, str, str]


def read_trace(
    contents: Contents,
    *,
    x: str,
    y: str,
    sigma: str | None = None,
    units: tuple[str, str] = ("1", "1"),
    section: Section | None = None,
) -> ForeignTrace:
    """Return two columns of a file as they will be fitted.

    Parameters
    ----------
    contents
        The file, as `labspin.data.open_foreign` returns it.
    x, y, sigma
        Names of columns.
    units
        Units of x and y; ``"1"``: what the file says.
    section
        Which points are taken; None: all.

    Raises
    ------
    RunFileError
        The file has no such column, or it cannot be read.
    FitError
        The columns do not go together.
    """
    wanted = {"x": x, "y": y} | ({} if sigma is None else {"sigma": sigma})
    columns = contents.read(wanted)
    said = [column.unit or "1" for column in (columns["x"], columns["y"])]
    x_unit, y_unit = (
        given if given not in ("", "1") else own for given, own in zip(units, said, strict=True)
    )
    arrays = {role: np.squeeze(column.values) for role, column in columns.items()}
    if sigma is not None and columns["sigma"].unit not in ("", "1", y_unit) and y_unit not in ("", "1"):
        arrays["sigma"] = arrays["sigma"] * _factor(contents.path, sigma, columns["sigma"].unit, y_unit)
    for role, values in arrays.items():
        if values.ndim != 1 or values.shape != arrays["x"].shape:
            shapes = ", ".join(f"{name} {'×'.join(map(str, a.shape)) or 1}" for name, a in arrays.items())
            raise FitError(
                f"{contents.path}: wanted columns of one length, got {shapes}; take a part of "
                f"{wanted[role]!r}, for example '{wanted[role]}[:,0]'"
            )
    if np.iscomplexobj(arrays["x"]):
        raise FitError(f"{contents.path}: x = {x!r} is complex; name a real column, or 'abs({x})'")
    places = slice(None) if section is None else section.places(arrays["x"].astype(np.float64), x_unit)
    return ForeignTrace(
        path=contents.path,
        x=arrays["x"][places],
        y=arrays["y"][places],
        sigma=arrays["sigma"][places] if sigma is not None else None,
        axes=(_called(x, columns["x"]), x_unit, _called(y, columns["y"]), y_unit),
    )


def _called(wanted: str, column: ForeignColumn) -> str:
    """Return what a column is called in results: its own name, where it was asked for by its number."""
    return column.name if wanted.isdigit() else wanted


def _factor(path: Path, sigma: str, unit: str, y_unit: str) -> float:
    try:
        return conversion_factor(unit, y_unit)
    except UnitError as error:
        raise FitError(
            f"{path}: sigma = {sigma!r}: wanted errors in the unit of y, {y_unit!r}, got {unit!r}; name "
            "another column, or correct its unit"
        ) from error


def fit_foreign(
    path: Path | str | Contents,
    *,
    x: str,
    y: str,
    model: FitModel | str,
    sigma: str | None = None,
    units: tuple[str, str] = ("1", "1"),
    options: Mapping[str, object] | None = None,
    section: Section | None = None,
    **settings: object,
) -> FitOutcome:
    """Fit two columns of a file of another program; the formats are `labspin.data.FORMATS`.

    Parameters
    ----------
    path
        The file, or what `labspin.data.open_foreign` returned for it.
    x, y, sigma
        Names of columns, as `labspin.data.read_foreign` takes them. Without ``sigma``, a fit by least squares
        takes the errors from the scatter.
    model
        A model, its name, or ``"thermal_spectrum"``, which is fitted by maximum likelihood (`fit_spectrum`).
    units
        Units of x and y; ``"1"``: what the file says.
    options
        What the model is built with.
    section
        Which points are fitted; None: all.
    settings
        Passed to `fit_curve`, or to `fit_spectrum`; ``start`` and ``fixed`` may be text with a unit.

    Raises
    ------
    RunFileError
        The file or a column of it cannot be read.
    FitError
        The data cannot be fitted.
    """
    from labspin.data import open_foreign

    contents = open_foreign(path) if isinstance(path, (str, Path)) else path
    trace = read_trace(contents, x=x, y=y, sigma=sigma, units=units, section=section)
    if is_spectrum(model) and "averages" not in {**settings, **(options or {})}:
        settings["averages"] = averages_of(contents)
    return fit_foreign_trace(trace, model, options=options, **settings)


def fit_foreign_trace(
    trace: ForeignTrace,
    model: FitModel | str,
    *,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> FitOutcome:
    """Fit columns that were read; the errors are those of `fit_foreign`.

    Parameters
    ----------
    trace
        The columns.
    model, options, settings
        As `fit_foreign` takes them.
    """
    x_name, x_unit, y_name, y_unit = trace.axes
    spectrum = spectrum_settings(model, options or {}, settings)
    built = model if isinstance(model, FitModel) else load_model(model, **spectrum.pop("options"))
    _refuse_wrong_kind(built, trace)
    if is_spectrum(built):
        x_unit = built.x_unit if x_unit in ("", "1") else x_unit
        y_unit = density_unit(x_unit, y_unit)
    named = Recipe(name=str(trace.path), x="x", y="y", model=built.name)
    for name in {"start", "fixed"} & set(settings):
        settings[name] = values_of(named, built.units(x_unit, y_unit), settings[name])
    axes = (x_name, x_unit, y_name, y_unit)
    if is_spectrum(built):
        from labspin.analysis.fitting.spectrum import fit_spectrum

        outcome = fit_spectrum(trace.x, trace.y, axes=axes, **spectrum, **settings).outcome
    else:
        outcome = fit_curve(built, trace.x, trace.y, trace.sigma, quantity=y_name, axes=axes, **settings)
    return outcome.with_changes(source=str(trace.path), label=trace.path.stem)


def _refuse_wrong_kind(model: FitModel, trace: ForeignTrace) -> None:
    """Refuse complex data for a real model, and the other way round: a part would be lost, or made up."""
    y = trace.axes[2]
    if np.iscomplexobj(trace.y) and not model.is_complex:
        raise FitError(
            f"{trace.path}: y = {y!r} is complex, and model {model.name} is real; fit 'abs({y})', "
            f"'real({y})' or 'imag({y})', or take a complex model such as resonator_response"
        )
    if model.is_complex and not np.iscomplexobj(trace.y):
        raise FitError(
            f"{trace.path}: y = {y!r} is real, and model {model.name} is complex; name both parts, for "
            "example 'X + 1j*Y', or take a real model such as resonator_amplitude"
        )


def averages_of(contents: Contents) -> int:
    """Return how many spectra were averaged, where the file says so.

    Parameters
    ----------
    contents
        The file.

    Raises
    ------
    FitError
        The file does not say it.
    """
    for name in _AVERAGES:
        item = contents.find(name)
        if item is not None and item.shape in ((), (1,)):
            return int(contents.read({"n": item.name})["n"].values.ravel()[0])
        said = contents.attributes.get(name)
        if isinstance(said, (int, float)) and said >= 1:
            return int(said)
    raise FitError(f"{contents.path}: does not say how many spectra were averaged; give averages=")
