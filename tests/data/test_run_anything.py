"""Whatever drivers and procedures hand over, a run can be published and read back."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from labspin.data import Column, EventKind, Layout, RunHeader, RunWriter, read_run
from labspin.data.plain import to_json
from labspin.errors import StorageError
from tests.data.samples import grid_header, grid_values, list_header

TEXT = st.text(max_size=8) | st.sampled_from(
    ["", ".", "..", "/", "a/b", "a.b.", "\0", "NX_class", "name", "value"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.complex_numbers()
    | TEXT
    | st.binary(max_size=4)
    | st.sampled_from(
        [
            np.float32(1.5),
            np.arange(3),
            np.zeros((0,)),
            np.zeros((2, 0)),
            np.ones((2, 2), complex),
            np.array(["a"]),
            np.datetime64("2026-01-01"),
            np.array(5),
            np.array([2**64 - 1], np.uint64),
            object(),
            {1, 2},
            [1.0, 2],
            [True, False],
            {"value": 1.0, "unit": "V"},
            {"value": [1.0, 2.0], "unit": ""},
        ]
    )
)
TABLES = st.dictionaries(
    TEXT,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
FEW = settings(
    phases=[Phase.reuse, Phase.explicit, Phase.generate],
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@FEW
@given(TABLES, TABLES, TABLES, TABLES, st.sampled_from(sorted({*EventKind} - {EventKind.TRUTH})), TEXT)
def test_any_circumstances_are_published_and_come_back(tmp_path_factory, a, b, c, d, kind, message):
    path = tmp_path_factory.mktemp("any") / "run.h5"
    header = grid_header(parameters=a, snapshot=b, truth=c, extra=d, environment=a, plan=b, label=message)
    writer = RunWriter.create(path, header)
    writer.append(3, 0.0, grid_values(3))
    writer.event(kind, message, **{"x": d})
    live = writer.read()
    writer.finish("failed", snapshot=c)
    run = read_run(path)
    # The texts compare NaN with NaN, and arrays by their items.
    assert to_json(run.header.to_dict()) == to_json(header.to_dict()) == to_json(live.header.to_dict())
    assert to_json(run.snapshot_after) == to_json(c)
    assert to_json([vars(event) for event in run.events]) == to_json([vars(event) for event in live.events])
    assert run.data["contrast"].ravel()[3] == grid_values(3)[0]


def test_long_tables_are_no_trouble(path):
    """HDF5 takes no attribute longer than 64 kB."""
    long = {f"parameter_{k}": {"value": "x" * 100, "unit": "1"} for k in range(1500)}
    plan = {"points": np.arange(100_000.0), "names": ["x"] * 20_000}
    writer = RunWriter.create(path, grid_header(parameters=long, plan=plan))
    writer.append(0, 0.0, grid_values(0))
    writer.event("log", "y" * 200_000)
    writer.finish("aborted")
    run = read_run(path)
    assert run.header.parameters == long
    np.testing.assert_array_equal(run.header.plan["points"], plan["points"])
    assert len(run.events[0].message) == 200_000


def test_many_columns_are_no_trouble(path):
    layout = Layout(columns=tuple(Column(name=f"c{k}") for k in range(600)), size=2)
    writer = RunWriter.create(path, RunHeader(procedure="wide", layout=layout))
    writer.append(1, 0.0, list(range(600)))
    writer.finish("aborted")
    assert read_run(path).data["c599"].tolist()[1] == 599


def test_odd_file_names(tmp_path):
    for name in ("µ [1] *?.h5", "a b.h5", "x.h5.h5", "n" * 197 + ".h5"):
        writer = RunWriter.create(tmp_path / name, list_header())
        writer.append(0, 0.0, [1.0, 2.0])
        assert len(read_run(writer.finish("finished")).points) == 1
    with pytest.raises(StorageError, match="shorter"):
        RunWriter.create(tmp_path / ("n" * 240 + ".h5"), list_header())
