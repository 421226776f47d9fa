"""A run as HDF5: one NXentry that describes itself.

::

    /entry                      NXentry       default: data
        data                    NXdata        the columns on the grid of the plan, with their axes
        points                  NXdata        index and time of each point, in order of measurement
        instrument              NXinstrument  settings before and after, by instrument; environment: what was
                                              moved and what was read, after NXsensor_scan
        parameters, software    NXcollection  of the procedure; versions, git state, host
        plan, station           NXnote        the plan; the station file, word for word
        readings                NXdata        what was read at regular times
        events                  NXcollection  log, errors, safe states
        ground_truth            NXcollection  of a simulated sample
        fit_…                   NXprocess     one for each fit
        labspin                 NXcollection  the header as JSON, for reading back
"""

from __future__ import annotations

import datetime
import math
from typing import Any

import h5py
import numpy as np

from labspin import __version__
from labspin.data.journal.spool import SpooledColumn
from labspin.data.nexus.annotations import summary_of, write_people
from labspin.data.nexus.fit_groups import write_fit_group
from labspin.data.nexus.grid import chunks_with_points
from labspin.data.nexus.pieces import (
    TEXT,
    add_array,
    add_axis,
    add_group,
    add_note,
    add_text,
    add_tree,
    attach,
    checksummed,
    chunk_shape,
    describe,
    safe_name,
)
from labspin.data.plain import clean_text, to_json
from labspin.data.quality import Quality, flag_attributes
from labspin.data.readings import READINGS_TIME
from labspin.data.run import POINT_TIME_MEANING, Run, lay_out, missing_value
from labspin.data.schema import FORMAT, POINT, POINT_QUALITY, POINT_TIME, Column, Dimension

__all__ = ["MARK", "room_on_grid", "write_run"]

MARK = "labspin_format"
"""Attribute of the root by which a run file is known."""
_DENSE_BYTES = 1 << 27
"""Bytes in chunks of a few MB, most of them empty, up to which points that are scattered are stored so."""
_SCATTERED_BYTES = 1 << 12
"""Bytes of a chunk beyond that. HDF5 needs 2.5 KB of memory for each chunk that a reader asks for at once: a
chunk for each number, and to load a grid of 70 MB took 22 GB."""
_Missing = tuple[np.dtype[np.generic], object]
"""Type in which a column can stand beside missing values, and what says "missing"."""


def write_run(file: h5py.File, run: Run) -> None:
    """Write the whole of ``run`` into a new file.

    Parameters
    ----------
    file
        Empty HDF5 file, open for writing.
    run
        The run.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    root = {
        "NX_class": "NXroot",
        "default": "entry",
        "file_name": run.path.name,
        "file_time": now,
        "creator": "labspin",
        "creator_version": __version__,
        "HDF5_Version": h5py.version.hdf5_version,
        "h5py_version": h5py.version.version,
        MARK: FORMAT,
    }
    for name, value in root.items():
        file.attrs[name] = value
    entry = add_group(file, "entry", "NXentry", default="data")
    _write_facts(entry, run)
    _write_data(entry, run)
    _write_points(entry, run)
    _write_instrument(entry, run)
    _write_circumstances(entry, run)
    _write_readings(entry, run)
    _write_events(entry, run)
    for fit in run.fits:
        write_fit_group(entry, fit)


def _write_facts(entry: h5py.Group, run: Run) -> None:
    header = run.header
    add_text(entry, "title", header.label or header.procedure)
    add_text(entry, "entry_identifier", header.run_id)
    write_people(entry, header, header.metadata)
    add_text(entry, "start_time", header.started)
    if run.ended:
        add_text(entry, "end_time", run.ended)
    add_text(entry, "program_name", "labspin").attrs["version"] = __version__
    add_text(entry, "status", run.status)
    own = add_group(entry, "labspin", "NXcollection")
    add_text(own, "header", to_json(header.to_dict()))
    add_text(own, "snapshot_after", to_json(run.snapshot_after))
    summary: dict[str, str | int | bool] = {
        "run_id": header.run_id,
        "procedure": header.procedure,
        "label": header.label,
        "started": header.started,
        "ended": run.ended or "",
        "status": run.status,
        "points": len(run.points),
        "size": -1 if header.layout.size is None else header.layout.size,
        "signal": header.signal,
        "simulated": header.truth is not None,
        "mixed": header.simulated if header.station.get("kind") == "mixed" else "",
        "station": str(header.station.get("name", "")),
        **summary_of(header.metadata),
    }
    if run.unsafe is not None:
        summary["unsafe"] = "; ".join(run.unsafe.values())
    for name, value in summary.items():
        own.attrs[name] = clean_text(value) if isinstance(value, str) else value


def _write_data(entry: h5py.Group, run: Run) -> None:
    layout = run.header.layout
    data = add_group(entry, "data", "NXdata")
    for dimension in layout.dimensions:
        add_axis(data, dimension)
    if not layout.is_grid:
        _write_counter(data, POINT, run.shape[0])
    for column in layout.columns:
        for axis in column.inner_axes():
            add_axis(data, axis)
    time = _on_grid(data, POINT_TIME, run, run.points.time, missing_value(run.points.time, complete=False))
    describe(time, run.dimensions, "s", POINT_TIME_MEANING)
    none = np.dtype(np.uint8), np.uint8(Quality.NOT_MEASURED)
    quality = _on_grid(data, POINT_QUALITY, run, run.points.quality, none)
    attach(data, POINT_QUALITY, run.dimensions)
    for name, flags in flag_attributes().items():
        quality.attrs[name] = flags
    for column in layout.columns:
        _write_column(data, run, column)
    _describe_plot(data, run)
    for name, value in run.attributes.items():
        data.attrs[name] = value


def _write_counter(group: h5py.Group, name: str, size: int) -> None:
    dataset = group.create_dataset(name, data=np.arange(size))
    dataset.make_scale(name)


def _write_column(data: h5py.Group, run: Run, column: Column) -> None:
    axes = (*run.dimensions, *(axis.name for axis in column.inner_axes()))
    values: Any = run.columns[column.name]
    if isinstance(values, SpooledColumn) and not (column.shape and len(values)):
        values = values.read()
    if column.dtype == "str":
        laid_out = lay_out(values, run.points.index, run.shape, run.path)
        dataset = add_array(data, column.name, laid_out, axes, column.unit, column.description)
    else:
        missing = _missing(values, complete=run.is_complete)
        dataset = _on_grid(data, column.name, run, values, missing, column.shape)
        describe(dataset, axes, column.unit, column.description)
    if values.dtype.kind == "i" and dataset.dtype.kind == "i" and not run.is_complete:
        dataset.attrs["_FillValue"] = np.iinfo(np.int64).min
    others = [c.name for c in run.header.layout.coordinates if c.name != column.name]
    if column.role == "quantity":
        dataset.attrs["coordinates"] = " ".join((POINT_TIME, POINT_QUALITY, *others))
        dataset.attrs["ancillary_variables"] = POINT_QUALITY


def _on_grid(
    data: h5py.Group, name: str, run: Run, values: Any, missing: _Missing, inner: tuple[int, ...] = ()
) -> h5py.Dataset:
    """Write one number, or one array of shape ``inner``, for each point at its place in the grid.

    Of a grid that is larger than a chunk only the chunks that hold points are written; what is not written
    reads as missing. Points that are scattered over a large grid get small chunks.
    """
    (dtype, nothing), shape = missing, run.shape + inner
    chunks = chunk_shape(shape, dtype.itemsize)
    if not isinstance(values, SpooledColumn) and chunks == shape:
        grid = np.full(shape, nothing, dtype)
        grid.reshape(-1, *inner)[run.points.index] = values
        return checksummed(data, name, grid)
    steps = chunks[: len(run.shape)]
    size = math.prod(inner) * dtype.itemsize
    if _is_scattered(run, steps, size):
        steps = _small_steps(run, size)
        chunks = steps + inner
    dataset = data.create_dataset(
        name, shape, dtype, chunks=chunks or None, fillvalue=nothing, fletcher32=True
    )
    for box, places, rows in chunks_with_points(run.points.index, run.shape, steps):
        block = np.full((*(part.stop - part.start for part in box), *inner), nothing, dtype)
        block[places] = values.take(rows) if isinstance(values, SpooledColumn) else values[rows]
        dataset[box] = block
    return dataset


def _is_scattered(run: Run, steps: tuple[int, ...], size: int) -> bool:
    """Return whether chunks of ``steps`` would mostly be empty, and together large; ``size``: of a point."""
    points = math.prod(run.shape)
    if 2 * len(run.points) > points or points * size <= _DENSE_BYTES:
        return False
    return _touched(run, steps) * size > _DENSE_BYTES


def _small_steps(run: Run, size: int) -> tuple[int, ...]:
    """Return the places of the grid in a chunk of scattered points, of ``size`` bytes each."""
    return chunk_shape(run.shape, max(1, size), largest=_SCATTERED_BYTES)


def _touched(run: Run, steps: tuple[int, ...]) -> int:
    """Return the number of places in the chunks of ``steps`` that hold points."""
    chunks = sum(1 for _ in chunks_with_points(run.points.index, run.shape, steps))
    return min(chunks * math.prod(steps), math.prod(run.shape))


def room_on_grid(run: Run) -> int:
    """Return about how many bytes the columns, times and quality of a run take on their grid.

    Parameters
    ----------
    run
        The run.
    """
    numbers = [column for column in run.header.layout.columns if column.dtype != "str"]
    needed = 0
    for inner, size in ((), 8), ((), 1), *((column.shape, column.itemsize) for column in numbers):
        item = size // max(1, math.prod(inner))
        steps = chunk_shape(run.shape + inner, max(1, item))[: len(run.shape)]
        if steps != run.shape and _is_scattered(run, steps, size):
            steps = _small_steps(run, size)
        needed += size * _touched(run, steps)
    return needed


def _missing(values: Any, *, complete: bool) -> _Missing:
    """Return the type in which a column can stand beside missing values, and what says "missing"."""
    if not isinstance(values, SpooledColumn):
        return missing_value(values, complete=complete)
    if values.dtype.kind != "i":
        return missing_value(np.empty(0, values.dtype), complete=complete)
    found = [missing_value(block, complete=complete) for block in values.blocks()]
    return next((one for one in found if one[0].kind == "i"), found[0])


def _describe_plot(data: h5py.Group, run: Run) -> None:
    """Say what to draw along what, as NeXus says it."""
    layout = run.header.layout
    listed = [
        column.name
        for column in layout.coordinates
        if not layout.is_grid and not column.shape and column.dtype in ("float64", "int64")
    ]
    axes = [*(listed[:1] or run.dimensions)]
    for place, name in enumerate(run.dimensions):
        data.attrs[f"{name}_indices"] = [place]
    everywhere = list(range(len(run.shape)))
    for name in (
        POINT_TIME,
        POINT_QUALITY,
        *(column.name for column in layout.coordinates if not column.shape),
    ):
        data.attrs[f"{name}_indices"] = everywhere
    if not run.header.signal:
        return
    signal = layout.column(run.header.signal)
    inner = [axis.name for axis in signal.inner_axes()]
    for place, name in enumerate(inner):
        data.attrs[f"{name}_indices"] = [len(run.shape) + place]
    data.attrs["signal"] = signal.name
    data.attrs["axes"] = [*axes, *inner]
    if inner:
        data[signal.name].attrs["interpretation"] = "spectrum" if len(inner) == 1 else "image"
    same = [c.name for c in layout.quantities if c.shape == signal.shape and c.dtype in ("float64", "int64")]
    # Viewers find NAME_errors by themselves, as the errors of NAME.
    auxiliary = [name for name in same if name != signal.name and not name.endswith("_errors")]
    if auxiliary:
        data.attrs["auxiliary_signals"] = auxiliary


def _write_points(entry: h5py.Group, run: Run) -> None:
    points = add_group(entry, "points", "NXdata", signal="index")
    _write_counter(points, POINT, len(run.points))
    add_array(
        points, "index", run.points.index, (POINT,), "1", "flat index of the point, in order of measurement"
    )
    add_array(points, POINT_TIME, run.points.time, (POINT,), "s", POINT_TIME_MEANING)
    points.attrs["axes"] = [POINT]


def _write_instrument(entry: h5py.Group, run: Run) -> None:
    header, layout = run.header, run.header.layout
    instrument = add_group(entry, "instrument", "NXinstrument")
    if header.station.get("name"):
        add_text(instrument, "name", str(header.station["name"]))
    environment = add_group(instrument, "environment", "NXenvironment")
    roles: tuple[tuple[str, str, tuple[Dimension | Column, ...]], ...] = (
        ("independent_controllers", "NXactuator", (*layout.dimensions, *layout.coordinates)),
        ("measurement_sensors", "NXsensor", layout.quantities),
    )
    for field, nx_class, items in roles:
        environment.attrs[field] = np.array([item.name for item in items], dtype=TEXT)
        for item in items:
            _write_device(environment, item, nx_class)
    after = run.snapshot_after or {}
    for name in {**header.snapshot, **after}:
        group = add_group(instrument, safe_name(instrument, name), "NXcollection")
        for moment, settings in (("before", header.snapshot.get(name)), ("after", after.get(name))):
            if settings is not None:
                add_tree(group, moment, settings if isinstance(settings, dict) else {"value": settings})


def _write_device(environment: h5py.Group, item: Dimension | Column, nx_class: str) -> None:
    group = add_group(environment, item.name, nx_class)
    add_text(group, "name", item.name)
    add_text(group, "data_path", f"/entry/data/{item.name}")
    group.attrs["units"] = item.unit or "1"
    if isinstance(item, Dimension):
        group.attrs["minimum"] = item.values.min()
        group.attrs["maximum"] = item.values.max()


def _write_circumstances(entry: h5py.Group, run: Run) -> None:
    header = run.header
    add_tree(entry, "parameters", header.parameters)
    add_tree(entry, "software", header.environment)
    add_note(entry, "plan", to_json(header.plan, indent=1), kind="application/json")
    text = header.station.get("text")
    add_note(
        entry,
        "station",
        text if isinstance(text, str) else "",
        kind="application/toml",
        file_name=str(header.station.get("path", "")),
    )
    if header.seed is not None:
        entry.create_dataset("seed", data=header.seed)
    if header.truth is not None:
        add_tree(entry, "ground_truth", header.truth)
    if header.extra:
        add_tree(entry, "extra", header.extra)


def _write_readings(entry: h5py.Group, run: Run) -> None:
    readings = run.readings
    if not len(readings):
        return
    names = list(readings.columns)
    if not names:
        return  # what was read had no name that a column can have
    group = add_group(entry, "readings", "NXdata", signal=names[0])
    axis = group.create_dataset(READINGS_TIME, data=readings.time)
    axis.make_scale(READINGS_TIME)
    axis.attrs["units"] = "s"
    axis.attrs["long_name"] = "time after the start of the run"
    for name, values in readings.columns.items():
        add_array(group, name, values, (READINGS_TIME,), readings.units[name])
    group.attrs["axes"] = [READINGS_TIME]
    if names[1:]:
        group.attrs["auxiliary_signals"] = names[1:]


def _write_events(entry: h5py.Group, run: Run) -> None:
    events = add_group(entry, "events", "NXcollection")
    _write_counter(events, "event", len(run.events))
    times = np.array([event.time for event in run.events], np.float64)
    add_array(events, "time", times, ("event",), "s", "seconds since 1970-01-01 UTC")
    for name in ("kind", "message"):
        texts = np.array([clean_text(getattr(event, name)) for event in run.events], object)
        add_array(events, name, texts, ("event",))
    add_array(events, "data", np.array([to_json(event.data) for event in run.events], object), ("event",))
