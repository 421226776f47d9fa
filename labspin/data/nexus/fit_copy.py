"""Fits written by copying one that is built alike, and putting in its own values.

HDF5 copies the group of a fit in half a millisecond; to make its forty parts one by one takes h5py nine. Fits
of one recipe are built alike, so the first one is kept, in memory, as the pattern of those that follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable

import h5py
from h5py import h5o

from labspin.data.fits import FitRecord
from labspin.data.nexus.fit_groups import (
    FIT_PREFIX,
    REST,
    TEXTS,
    attach_axes,
    build_fit_group,
    sorted_statistics,
    write_fit_group,
)
from labspin.data.nexus.pieces import overwrite, overwrite_attribute
from labspin.data.nexus.stored import get_group
from labspin.data.plain import to_json

__all__ = ["write_fit_copy"]

_MOST = 16
_numbers = itertools.count()
_patterns: dict[Hashable, h5py.File] = {}


def write_fit_copy(entry: h5py.Group, fit: FitRecord) -> None:
    """Write ``fit`` into the NXentry of its run, just as `write_fit_group` does.

    Parameters
    ----------
    entry
        NXentry of the run, open for writing, without a fit of this name.
    fit
        The fit.
    """
    if fit.dimensions or sorted_statistics(fit)[1]:
        write_fit_group(entry, fit)  # arrays of many traces: what they hold is the work, not their number
        return
    key = _structure(fit)
    if key not in _patterns:
        if len(_patterns) >= _MOST:
            _patterns.clear()
        pattern = h5py.File(f"pattern {next(_numbers)}", "w", driver="core", backing_store=False)
        build_fit_group(pattern, fit)
        _patterns[key] = pattern
    name = FIT_PREFIX + fit.name
    h5o.copy(_patterns[key].id, name.encode(), entry.id, name.encode())
    group = get_group(entry, name)
    _fill(group, fit)
    attach_axes(group, fit)


def _structure(fit: FitRecord) -> Hashable:
    """Return all of a fit that is not put in again: equal for fits that are built alike."""
    short, _, rest = sorted_statistics(fit)
    curve = fit.curve
    return (
        fit.name,
        fit.quantity,
        fit.model,
        tuple((p.name, p.unit, p.varied) for p in fit.parameters),
        tuple((name, type(value)) for name, value in short.items()),
        bool(rest),
        None if fit.covariance is None else fit.covariance.shape,
        None
        if curve is None
        else (
            tuple((axis.name, axis.unit, len(axis)) for axis in curve.axes),
            curve.unit,
            curve.values.dtype.str,
            *(None if values is None else values.dtype.str for values in (curve.data, curve.errors)),
        ),
    )


def _fill(group: h5py.Group, fit: FitRecord) -> None:
    for name in TEXTS:
        overwrite(group, name, getattr(fit, name))
    overwrite(get_group(group, "recipe"), "data", to_json(fit.recipe, indent=1))
    statistics, (short, _, rest) = get_group(group, "statistics"), sorted_statistics(fit)
    for name, value in short.items():
        overwrite_attribute(statistics, name, value)
    if rest:
        overwrite(statistics, REST, to_json(rest))
    parameters = get_group(group, "parameters")
    for parameter in fit.parameters:
        overwrite(parameters, parameter.name, parameter.value)
        overwrite(parameters, f"{parameter.name}_errors", parameter.stderr)
    if fit.covariance is not None:
        overwrite(get_group(group, "covariance"), "covariance", fit.covariance)
    if fit.curve is not None:
        curve = get_group(group, "curve")
        for axis in fit.curve.axes:
            overwrite(curve, axis.name, axis.values)
        overwrite(curve, "fit", fit.curve.values)
        if fit.curve.data is not None:
            overwrite(curve, "data", fit.curve.data)
        if fit.curve.errors is not None:
            overwrite(curve, "data_errors", fit.curve.errors)
