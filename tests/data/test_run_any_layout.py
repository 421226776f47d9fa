"""Runs of any layout come back bit for bit: from the journal, from the file, and after a crash."""

import shutil

import numpy as np
from hypothesis import HealthCheck, given, settings, strategies as st

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run, recover
from labspin.data.journal.writer import journal_path

NAMES = ["a", "b", "c", "d", "e", "f", "g", "h", "x_1", "x.y", "0", "L" * 63]
NUMBERS = {
    "float64": st.floats() | st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308]),
    "complex128": st.builds(complex, st.floats(), st.floats()),
    "int64": st.integers(1 - 2**63, 2**63 - 1),  # the smallest one marks what is missing, and is refused
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@st.composite
def dimensions(draw, name, longest=4):
    length = draw(st.integers(1, longest))
    values = draw(st.lists(st.floats(-1e9, 1e9), min_size=length, max_size=length))
    return Dimension(name=name, unit=draw(st.sampled_from(["T", "s", "1", ""])), values=values)


@st.composite
def layouts(draw):
    names = iter(draw(st.permutations(NAMES)))
    grid = [draw(dimensions(next(names))) for _ in range(draw(st.integers(0, 3)))]
    columns = []
    for number in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from([*NUMBERS, "str"]))
        shape, axes = (), ()
        if dtype != "str" and draw(st.booleans()):
            shape = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
        elif dtype != "str" and number < 2 and draw(st.booleans()):
            axes = tuple(draw(dimensions(next(names))) for _ in range(draw(st.integers(1, 2))))
        role = "quantity" if number == 0 else draw(st.sampled_from(["quantity", "coordinate"]))
        columns.append(Column(name=next(names), unit="V", shape=shape, axes=axes, dtype=dtype, role=role))
    open_list = draw(st.booleans())
    size = None if grid or open_list else draw(st.integers(1, 9))
    return Layout(dimensions=tuple(grid), columns=tuple(columns), size=size)


@st.composite
def runs(draw):
    layout = draw(layouts())
    length = int(np.prod(layout.shape)) if layout.shape is not None else 9
    order = draw(st.permutations(range(length)))[: draw(st.integers(0, length))]
    if layout.shape is None:  # an open list grows point by point
        order = list(range(len(order)))
    return layout, order, [[draw(values(column)) for column in layout.columns] for _ in order]


def values(column):
    if column.dtype == "str":
        return TEXTS
    if not column.shape:
        return NUMBERS[column.dtype]
    count = int(np.prod(column.shape))
    numbers = st.lists(NUMBERS[column.dtype], min_size=count, max_size=count)
    return numbers.map(lambda found: np.array(found, column.dtype).reshape(column.shape))


def exactly(found, wanted, column):
    """Compare by bits: NaN equals NaN, −0 is not 0."""
    if column.dtype == "str":
        return list(found) == wanted
    made = np.array(wanted, column.dtype).reshape(len(wanted), *column.shape)
    return found.dtype == made.dtype and found.shape == made.shape and _bits(found) == _bits(made)


def _bits(array):
    """Return the bytes of numbers; which of the many NaN it is does not matter."""
    parts = array.view(np.float64) if array.dtype.kind == "c" else array
    return np.where(np.isnan(parts), np.nan, parts).tobytes() if parts.dtype.kind == "f" else parts.tobytes()


def check(path, layout, order, rows, status):
    run = read_run(path)
    assert run.status == status
    assert run.header.layout.to_dict().keys() == layout.to_dict().keys()
    assert run.header.layout.dimensions == layout.dimensions
    assert run.header.layout.columns == layout.columns
    assert run.points.index.tolist() == list(order)
    assert run.points.time.tolist() == [0.5 * n for n in range(len(order))]
    shape = layout.shape if layout.shape is not None else (max(order, default=-1) + 1,)
    for number, column in enumerate(layout.columns):
        wanted = [row[number] for row in rows]
        assert exactly(run.columns[column.name], wanted, column), column
        grid = run.data[column.name]
        assert grid.shape == (*shape, *column.shape)
        flat = grid.reshape(-1, *column.shape)
        missing = sorted({*range(len(flat))} - {*order})
        if column.dtype == "str":
            assert [flat[n] for n in order] == wanted
            assert all(flat[n] == "" for n in missing)
        elif column.dtype != "int64":
            assert _bits(flat[list(order)]) == _bits(run.columns[column.name])
            assert np.isnan(flat[missing].view(np.float64)).all()


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(runs())
def test_any_layout_comes_back_bit_for_bit(tmp_path_factory, run):
    layout, order, rows = run
    folder = tmp_path_factory.mktemp("any")
    path, dead = folder / "run.h5", folder / "dead.h5"
    with RunWriter.create(path, RunHeader(procedure="any", layout=layout), sync_interval=1e9) as writer:
        for number, (index, row) in enumerate(zip(order, rows, strict=True)):
            writer.append(index, 0.5 * number, row)
        shutil.copy(journal_path(path), journal_path(dead))
        check(path, layout, order, rows, "running")
        writer.finish("finished")
    check(path, layout, order, rows, "finished")
    check(dead, layout, order, rows, "dead")
    recover(dead)
    check(dead, layout, order, rows, "dead")
