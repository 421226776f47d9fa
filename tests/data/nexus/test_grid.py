"""A run that is ended early on a large grid takes the room of its points, and can be published."""

import math
import tracemalloc

import h5py
import numpy as np
import pytest

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.data.nexus import pieces, write
from labspin.data.nexus.grid import chunks_with_points
from labspin.data.nexus.run_file import open_parts
from labspin.data.quality import Quality
from tests.some import some

COLUMNS = (Column(name="signal"), Column(name="counts", dtype="int64"), Column(name="pair", shape=(2,)))


def grid(*lengths):
    axes = (Dimension(name=f"x{k}", unit="1", values=np.arange(float(n))) for k, n in enumerate(lengths))
    return Layout(dimensions=tuple(axes), columns=COLUMNS)


def aborted(path, layout, indices):
    writer = RunWriter.create(path, RunHeader(procedure="p", layout=layout, signal="signal"))
    for index in indices:
        writer.append(index, 0.5 * index, [float(index), index, np.array([index, -1.0])])
    return writer.finish("aborted")


@pytest.mark.parametrize("indices", [[], [0, 1, 2], [8_999_999, 4]], ids=["none", "first", "far"])
def test_a_large_grid_with_few_points_is_published_in_little_room(tmp_path, indices):
    layout = grid(3000, 3000)
    tracemalloc.start()
    try:
        path = aborted(tmp_path / "run.h5", layout, indices)
        run = read_run(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60e6, "a column on this grid has 72 MB"
    assert path.stat().st_size < 100e6, "the grid has 370 MB"
    assert run.points.index.tolist() == indices
    assert run.columns["signal"].tolist() == [float(index) for index in indices]
    assert run.columns["counts"].tolist() == indices
    assert run.columns["pair"].tolist() == [[float(index), -1.0] for index in indices]


@pytest.mark.parametrize("dense", [1 << 27, 0], ids=["chunks", "scattered"])
@pytest.mark.parametrize("share", [0.1, 0.7, 1.0])
def test_each_point_lies_at_its_place_and_the_others_are_missing(tmp_path, monkeypatch, share, dense):
    monkeypatch.setattr(pieces, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(write, "_DENSE_BYTES", dense)
    monkeypatch.setattr(write, "_SCATTERED_BYTES", 40)
    shape = (5, 3, 7)
    order = np.random.default_rng(1).permutation(math.prod(shape))[: round(share * math.prod(shape))]
    path = aborted(tmp_path / "run.h5", grid(*shape), order.tolist())
    with h5py.File(path) as file:
        data = file["entry/data"]
        for place in some(np.ndindex(shape)):
            index = int(np.ravel_multi_index(place, shape))
            there = index in order
            np.testing.assert_equal(data["signal"][place], float(index) if there else np.nan)
            np.testing.assert_equal(data["pair"][place].tolist(), [index, -1.0] if there else [np.nan] * 2)
            np.testing.assert_equal(data["point_time"][place], 0.5 * index if there else np.nan)
            assert data["point_quality"][place] == (0 if there else Quality.NOT_MEASURED)


def test_points_that_are_scattered_leave_a_file_that_others_can_load(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "_CHUNK_BYTES", 1 << 16)
    monkeypatch.setattr(write, "_DENSE_BYTES", 1 << 17)
    path = aborted(tmp_path / "run.h5", grid(300, 300), range(0, 90_000, 450))
    with h5py.File(path) as file:
        for name in ("signal", "counts", "pair", "point_time"):
            dataset = file["entry/data"][name]
            # HDF5 keeps 2.5 KB for each chunk of what is asked for: about as much as the numbers take.
            assert 2048 < math.prod(dataset.chunks) * dataset.dtype.itemsize <= 4096
            assert dataset.fletcher32


def test_a_part_of_a_large_grid_is_read_alone(tmp_path):
    path = aborted(tmp_path / "run.h5", grid(3000, 3000), [4, 3001, 3002])
    with open_parts(path) as file:
        part = file.part(0, 1, 2)
    assert part.columns["signal"].tolist() == [3001.0, 3002.0]


def test_chunks_hold_every_point_once():
    shape, steps = (5, 3, 7), (2, 3, 4)
    index = np.random.default_rng(2).permutation(math.prod(shape))[:60]
    found = np.full(shape, -1)
    for box, places, rows in some(chunks_with_points(index, shape, steps)):
        assert all(part.stop - part.start <= step for part, step in some(zip(box, steps, strict=True)))
        found[box][places] = rows
    seen = found.ravel()[index]
    assert seen.tolist() == list(range(60))
    assert np.count_nonzero(found >= 0) == 60
