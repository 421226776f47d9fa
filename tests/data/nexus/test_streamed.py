"""A run that is published out of a file instead of the memory is the same run, byte for byte of its data."""

import h5py
import numpy as np
import pytest

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.data.journal import replay, spool
from labspin.data.nexus import pieces, publish as publish_module, write
from tests.some import some

LAG = Dimension(name="lag", unit="s", values=np.arange(7.0))
COLUMNS = (
    Column(name="number"),
    Column(name="whole", dtype="int64"),
    Column(name="trace", axes=(LAG,)),
    Column(name="image", dtype="complex128", shape=(2, 3)),
    Column(name="counts", dtype="int64", shape=(5,)),
    Column(name="word", dtype="str"),
)
GRID = tuple(Dimension(name=name, unit="1", values=np.arange(float(n))) for name, n in (("a", 6), ("b", 9)))
LAYOUTS = {
    "grid": Layout(dimensions=GRID, columns=COLUMNS),
    "list": Layout(columns=COLUMNS, size=54),
    "open list": Layout(columns=COLUMNS),
}
ORDERS = {
    "in order": range(54),
    "shuffled": np.random.default_rng(1).permutation(54).tolist(),
    "incomplete": [3, 50, 7, 8, 9, 20, 1, *range(25, 48)],
    "few": [11, 3],
    "none": [],
}


def values(index, big):
    return [
        0.5 * index,
        index + big,
        index + np.arange(7.0),
        np.full((2, 3), complex(index, -1)),
        index * np.arange(5) + big,
        f"wört {index}",
    ]


def published(path, layout, order, big):
    writer = RunWriter.create(path, RunHeader(procedure="p", layout=layout, signal="number", run_id="1" * 32))
    for index in order:
        writer.append(index, 0.25 * index, values(index, big))
    writer.finish("finished")
    return path


@pytest.fixture
def streaming(monkeypatch):
    """Publish out of a spool, in small chunks, and write by HDF5 itself."""

    def switch(*, sparse):
        monkeypatch.setattr(replay, "_SMALL", 0)
        monkeypatch.setattr(publish_module, "_IN_MEMORY", 0)
        monkeypatch.setattr(spool, "_BLOCK", 100)
        if sparse:
            monkeypatch.setattr(write, "_DENSE_BYTES", 0)

    return switch


@pytest.mark.parametrize("big", [0, 1 << 60], ids=["small numbers", "beyond floats"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_streamed_run_is_the_same(tmp_path, monkeypatch, streaming, layout, order, big):
    monkeypatch.setattr(pieces, "_CHUNK_BYTES", 200)
    with monkeypatch.context() as plain:
        if order == "few":
            plain.setattr(write, "_DENSE_BYTES", 0)
        one = published(tmp_path / "one.h5", LAYOUTS[layout], ORDERS[order], big)
    streaming(sparse=order == "few")
    two = published(tmp_path / "two.h5", LAYOUTS[layout], ORDERS[order], big)
    runs = read_run(one), read_run(two)
    for name in (column.name for column in COLUMNS):
        np.testing.assert_array_equal(runs[0].columns[name], runs[1].columns[name], strict=True)
    np.testing.assert_array_equal(runs[0].points.index, runs[1].points.index)
    with h5py.File(one) as first, h5py.File(two) as second:
        for name in some(first["entry/data"]):
            here, there = first["entry/data"][name], second["entry/data"][name]
            assert (here.dtype, here.shape, here.chunks) == (there.dtype, there.shape, there.chunks), name
            assert (here.fletcher32, dict(here.attrs).keys()) == (there.fletcher32, dict(there.attrs).keys())
            np.testing.assert_array_equal(here[()], there[()])


def test_a_spool_on_a_full_disk_says_so_and_loses_nothing(tmp_path, monkeypatch, streaming):
    from labspin.errors import StorageError

    streaming(sparse=False)
    path = tmp_path / "run.h5"
    writer = RunWriter.create(path, RunHeader(procedure="p", layout=LAYOUTS["grid"]))
    for index in range(54):
        writer.append(index, 0.0, values(index, 0))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(spool, "write_whole", full)
        with pytest.raises(StorageError, match=r"full.* nothing is lost"):
            writer.finish("finished")
    writer.finish("finished")
    assert len(read_run(path).points) == 54
