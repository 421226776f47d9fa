"""A fit as an NXprocess group, there and back.

What it says in single numbers and short words are attributes, which cost a fraction of a data set: a fit is
added to ten thousand files oftener than it is looked at.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.fits import FitCurve, FitParameter, FitRecord
from labspin.data.nexus.pieces import (
    add_array,
    add_axis,
    add_group,
    add_note,
    add_text,
    attach,
    set_attribute,
)
from labspin.data.nexus.stored import get_array, get_attributes, get_group, get_json, get_text, has
from labspin.data.plain import plain, to_json
from labspin.data.schema import Dimension

__all__ = [
    "FIT_PREFIX",
    "REST",
    "TEXTS",
    "attach_axes",
    "build_fit_group",
    "read_fit_group",
    "sorted_statistics",
    "write_fit_group",
]

FIT_PREFIX = "fit_"
TEXTS = ("version", "date", "quantity", "model")
"""What is said of a fit in a text each."""
_LONG = 4096
"""Characters from which a text is no attribute, of which HDF5 takes 64 kB."""
REST = "other_json"
"""Statistics that are neither a number nor a short text nor an array."""


def write_fit_group(entry: h5py.Group, fit: FitRecord) -> None:
    """Write ``fit`` into the NXentry of its run.

    Parameters
    ----------
    entry
        NXentry of the run, open for writing, without a fit of this name.
    fit
        The fit.
    """
    attach_axes(build_fit_group(entry, fit), fit)


def build_fit_group(entry: h5py.Group, fit: FitRecord) -> h5py.Group:
    """Write a fit without the links between axes and data, which HDF5 does not copy with a group.

    Parameters
    ----------
    entry
        Group that gets the fit, open for writing, without a fit of this name.
    fit
        The fit.

    Returns
    -------
        The new group; `attach_axes` completes it.
    """
    group = add_group(entry, FIT_PREFIX + fit.name, "NXprocess")
    add_text(group, "program", "labspin")
    for name in TEXTS:
        add_text(group, name, getattr(fit, name))
    add_note(group, "recipe", to_json(fit.recipe, indent=1), kind="application/json")
    _write_statistics(group, fit)
    _write_parameters(group, fit)
    if fit.curve is not None:
        _write_curve(group, fit, fit.curve)
    return group


def attach_axes(group: h5py.Group, fit: FitRecord) -> None:
    """Attach the axes in ``group`` to its data.

    Parameters
    ----------
    group
        The group that `build_fit_group` made.
    fit
        The same fit.
    """
    dimensions = [dimension.name for dimension in fit.dimensions]
    tied: list[tuple[str, str, list[str]]] = []
    if dimensions:
        for parameter in fit.parameters:
            tied += [("parameters", f"{parameter.name}{ending}", dimensions) for ending in ("", "_errors")]
        arrays = sorted_statistics(fit)[1]
        shape = tuple(map(len, fit.dimensions))
        tied += [("statistics", name, dimensions) for name, value in arrays.items() if value.shape == shape]
    if fit.covariance is not None and fit.covariance.size:
        tied.append(("covariance", "covariance", [*dimensions, "row", "column"]))
    if fit.curve is not None:
        names = [*dimensions, *(axis.name for axis in fit.curve.axes)]
        there = {"fit": fit.curve.values, "data": fit.curve.data, "data_errors": fit.curve.errors}
        tied += [("curve", name, names) for name, values in there.items() if values is not None]
    for place, name, axes in tied:
        attach(group[place], name, axes)


def sorted_statistics(fit: FitRecord) -> tuple[dict[str, Any], dict[str, AnyArray], dict[str, Any]]:
    """Return the statistics that are attributes, those that are arrays, and the rest.

    Parameters
    ----------
    fit
        The fit.

    Returns
    -------
        Three tables, name -> value: numbers and short texts; arrays; all other values.
    """
    names = {dimension.name for dimension in fit.dimensions}
    short: dict[str, object] = {}
    arrays: dict[str, NDArray[np.generic]] = {}
    rest: dict[str, object] = {}
    for name, value in plain(fit.statistics).items():
        if name in ("", ".", "NX_class", REST) or name in names or "/" in name:
            rest[name] = value
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, (bool, int, float, complex)) or (
            isinstance(value, str) and len(value) < _LONG
        ):
            short[name] = value
        else:
            rest[name] = value
    return short, arrays, rest


def _write_statistics(group: h5py.Group, fit: FitRecord) -> None:
    own = add_group(group, "statistics", "NXcollection")
    short, arrays, rest = sorted_statistics(fit)
    for name, value in short.items():
        set_attribute(own, name, value)
    for axis in fit.dimensions if arrays else ():
        add_axis(own, axis)
    for name, values in arrays.items():
        add_array(own, name, values, ())
    if rest:
        add_text(own, REST, to_json(rest))


def _read_statistics(group: h5py.Group, dimensions: tuple[Dimension, ...]) -> dict[str, object]:
    if has(group, "statistics_json"):  # of files written before the numbers became attributes
        return dict(get_json(group, "statistics_json"))
    own = get_group(group, "statistics")
    found = {name: plain(value) for name, value in get_attributes(own).items() if name != "NX_class"}
    others = {REST, *(dimension.name for dimension in dimensions)}
    found |= {name: get_array(own, name) for name in own if name not in others}
    return found | (get_json(own, REST) if has(own, REST) else {})


def _write_parameters(group: h5py.Group, fit: FitRecord) -> None:
    parameters = add_group(group, "parameters", "NXdata")
    dimensions = [dimension.name for dimension in fit.dimensions]
    for dimension in fit.dimensions:
        add_axis(parameters, dimension)
    for number, parameter in enumerate(fit.parameters):
        name = parameter.name
        value = add_array(parameters, name, parameter.value, (), parameter.unit)
        set_attribute(value, "number", number)
        set_attribute(value, "varied", parameter.varied)
        add_array(parameters, f"{name}_errors", parameter.stderr, (), parameter.unit)
    if fit.dimensions and fit.parameters:
        parameters.attrs["signal"] = fit.parameters[0].name
        parameters.attrs["axes"] = dimensions
    if fit.covariance is not None:
        covariance = add_group(group, "covariance", "NXcollection")
        varied = sum(parameter.varied for parameter in fit.parameters)
        for axis in (*fit.dimensions, *_matrix_axes(varied)):
            add_axis(covariance, axis)
        add_array(covariance, "covariance", fit.covariance, ())


def _matrix_axes(size: int) -> tuple[Dimension, ...]:
    counter = np.arange(size, dtype=np.float64)
    return tuple(Dimension(name=name, unit="1", values=counter) for name in ("row", "column") if size)


def _write_curve(group: h5py.Group, fit: FitRecord, curve: FitCurve) -> None:
    data = add_group(group, "curve", "NXdata")
    axes = (*fit.dimensions, *curve.axes)
    for axis in axes:
        add_axis(data, axis)
    names = [axis.name for axis in axes]
    add_array(data, "fit", curve.values, (), curve.unit, f"{fit.model} fitted to {fit.quantity}")
    data.attrs["signal"] = "fit"
    data.attrs["axes"] = names
    data.attrs["title"] = f"{fit.name}: {fit.model}"
    for place, name in enumerate(names):
        data.attrs[f"{name}_indices"] = [place]
    if curve.data is not None:
        add_array(data, "data", curve.data, (), curve.unit, fit.quantity)
        data.attrs["auxiliary_signals"] = ["data"]
    if curve.errors is not None:
        add_array(data, "data_errors", curve.errors, (), curve.unit, f"standard errors of {fit.quantity}")
    group.attrs["default"] = "curve"


def read_fit_group(group: h5py.Group, name: str) -> FitRecord:
    """Read back what `write_fit_group` wrote under ``name``.

    Parameters
    ----------
    group
        Group of the fit.
    name
        Name of the fit, which the record gets.
    """
    parameters = get_group(group, "parameters")
    dimensions = _axes(parameters, get_attributes(parameters).get("axes", ()))
    covariance = None
    if has(group, "covariance"):
        covariance = get_array(get_group(group, "covariance"), "covariance", kinds="f")
    return FitRecord(
        name=name,
        quantity=get_text(group, "quantity"),
        model=get_text(group, "model"),
        recipe=get_json(get_group(group, "recipe"), "data"),
        version=get_text(group, "version"),
        date=get_text(group, "date"),
        parameters=_read_parameters(parameters),
        covariance=covariance,
        statistics=_read_statistics(group, dimensions),
        dimensions=dimensions,
        curve=_read_curve(group, len(dimensions)) if has(group, "curve") else None,
    )


def _read_parameters(group: h5py.Group) -> tuple[FitParameter, ...]:
    found: list[tuple[int, FitParameter]] = []
    for name in group:
        attributes = get_attributes(group, name)
        if "number" not in attributes:
            continue
        parameter = FitParameter(
            name=name,
            value=get_array(group, name, kinds="f"),
            stderr=get_array(group, f"{name}_errors", kinds="f"),
            unit=str(attributes["units"]),
            varied=bool(attributes["varied"]),
        )
        found.append((int(attributes["number"]), parameter))
    return tuple(parameter for _, parameter in sorted(found, key=lambda pair: pair[0]))


def _axes(group: h5py.Group, names: Any) -> tuple[Dimension, ...]:
    return tuple(
        Dimension(name=name, unit=_unit(group, name), values=get_array(group, name, kinds="f"))
        for name in map(str, names)
    )


def _unit(group: h5py.Group, name: str) -> str:
    return str(get_attributes(group, name)["units"])


def _read_curve(group: h5py.Group, skipped: int) -> FitCurve:
    data = get_group(group, "curve")
    values = get_array(data, "fit", kinds="fc")
    return FitCurve(
        axes=_axes(data, get_attributes(data)["axes"])[skipped:],
        values=values,
        unit=_unit(data, "fit"),
        data=get_array(data, "data", values.shape, "fc") if has(data, "data") else None,
        errors=get_array(data, "data_errors", values.shape, "fc") if has(data, "data_errors") else None,
    )
