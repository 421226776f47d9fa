import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import Column, Dimension, Layout, RunFollower, RunHeader, RunWriter, read_run
from labspin.errors import ArgumentError, RunFileError
from labspin.gui.pictures import Choice, numeric_names, picture_of, thinned


def test_a_thinned_line_keeps_every_extreme():
    x = np.arange(1_000_000.0)
    y = np.sin(x / 1e4)
    y[123_456], y[777_777] = 50.0, -50.0
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= 8500
    assert (few_y.max(), few_y.min()) == (50.0, -50.0)
    assert few_x[few_y.argmax()] == 123_456
    assert np.all(np.diff(few_x) > 0)
    close_x, close_y = thinned(x, y, (123_400.0, 123_500.0))
    assert len(close_x) == 102, "all points of what is looked at, and one on either side"
    np.testing.assert_array_equal(close_y, y[123_399:123_501])


def layout(*dimensions):
    quantities = (Column(name="counts"), Column(name="counts_errors"), Column(name="note", dtype="str"))
    return Layout(dimensions=dimensions, columns=quantities)


def write(path, layout, values, *, leave=False):
    writer = RunWriter.create(path, RunHeader(procedure="test", layout=layout, signal="counts"))
    for index, value in enumerate(values):
        writer.append(index, 0.1 * index, (float(value), 0.5, ""))
    if not leave:
        writer.finish("finished")
    return writer


def test_repeats_are_averaged_and_the_scatter_is_the_error(tmp_path):
    repeat = Dimension(name="average", unit="1", values=np.arange(4.0))
    time = Dimension(name="time", unit="s", values=np.array([3.0, 1.0, 2.0]))
    values = np.random.default_rng(1).normal(size=(4, 3))
    write(tmp_path / "run.h5", layout(repeat, time), values.ravel())
    run = read_run(tmp_path / "run.h5")
    assert numeric_names(run)[0] == "counts"
    line = picture_of(run, Choice()).line
    np.testing.assert_array_equal(line.axis.values, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(line.values, values.mean(0)[[1, 2, 0]], rtol=1e-12, atol=0)
    scatter = values.std(0, ddof=1) / 2
    np.testing.assert_allclose(line.errors, scatter[[1, 2, 0]], rtol=1e-12, atol=0)
    each = picture_of(run, Choice(each=True)).map
    assert each.values.shape == (4, 3)
    with pytest.raises(ArgumentError, match="has no quantity 'note' to show"):
        picture_of(run, Choice(quantity="note"))


def test_a_map_may_be_turned_and_cut(tmp_path):
    a = Dimension(name="a", unit="T", values=np.linspace(0, 1, 4))
    b = Dimension(name="b", unit="Hz", values=np.geomspace(1, 1000, 7))
    c = Dimension(name="c", unit="1", values=np.arange(2.0))
    values = np.arange(56.0)
    write(tmp_path / "run.h5", layout(a, b, c), values)
    run, grid = read_run(tmp_path / "run.h5"), values.reshape(4, 7, 2)
    shown = picture_of(run, Choice(x="b", y="a", at={"c": 1})).map
    assert (shown.x.name, shown.y.name, shown.is_log) == ("b", "a", (True, False))
    np.testing.assert_array_equal(shown.values, grid[:, :, 1])
    turned = picture_of(run, Choice(x="a", y="b")).map
    np.testing.assert_allclose(turned.values, grid.mean(2).T, rtol=1e-12, atol=0)
    line = picture_of(run, Choice(x="a", y="-", at={"b": 2, "c": 0})).line
    np.testing.assert_array_equal(line.values, grid[:, 2, 0])
    assert shown.levels.dtype == np.uint8
    assert (shown.levels.min(), shown.levels.max()) == (1, 255)


def test_a_follower_sees_what_a_reader_sees(tmp_path):
    path, size = tmp_path / "run.h5", 3000
    time = Dimension(name="time", unit="s", values=np.arange(float(size)))
    with pytest.raises(RunFileError):
        RunFollower(path).poll()
    writer = write(path, layout(time), range(10), leave=True)
    follower = RunFollower(path)
    first = follower.poll()
    assert (len(first.points), first.status) == (10, "running")
    assert follower.poll() is None
    for index in range(10, size):
        writer.append(index, 0.1 * index, (float(index), 0.5, ""))
    grown = follower.poll()
    assert len(grown.points) == size
    assert len(first.points) == 10, "what was handed out does not change"
    np.testing.assert_array_equal(grown.columns["counts"], np.arange(float(size)))
    writer.finish("finished")
    ended = follower.poll()
    assert (ended.status, follower.has_ended, follower.poll()) == ("finished", True, None)
    np.testing.assert_array_equal(ended.columns["counts"], read_run(path).columns["counts"])


def test_maps_that_are_compared_have_one_scale(tmp_path):
    from labspin.gui.pictures import alike

    values = {"a": [[0.0, 1.0], [2.0, 4.0]], "b": [[4.0, 8.0], [np.nan, 6.0]]}
    pictures = [picture_of(map_run(tmp_path / f"{name}.h5", v), Choice()) for name, v in values.items()]
    found = alike(pictures)
    assert [(p.map.low, p.map.high) for p in found] == [(0.0, 8.0), (0.0, 8.0)]
    assert found[0].map.levels[1, 1] == found[1].map.levels[0, 0], "4 has the same colour in both"
    assert found[1].map.levels[1, 0] == 0, "not measured"
    assert alike(pictures[:1]) == pictures[:1]


def map_run(path, values):
    """Return a run that is a map of 2 × 2."""
    from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run

    sides = tuple(Dimension(name=name, unit="V", values=np.array([1.0, 2.0])) for name in ("y", "x"))
    layout = Layout(dimensions=sides, columns=(Column(name="value", unit="V"),))
    with RunWriter.create(path, RunHeader(procedure="map", signal="value", layout=layout)) as writer:
        for index, value in enumerate(np.ravel(values)):
            if np.isfinite(value):
                writer.append(index, float(index), (float(value),))
        writer.finish("finished" if np.isfinite(values).all() else "aborted")
    return read_run(path)


@pytest.fixture
def relaxing(tmp_path):
    """Decays of two fields, each with dark times of its own, twice."""
    times = np.array([np.geomspace(1e-6, 1e-4, 5), np.geomspace(1e-4, 1e-2, 5)])
    layout = Layout(
        dimensions=(
            Dimension(name="average", unit="1", values=np.arange(2.0)),
            Dimension(name="magnet_field", unit="T", values=np.array([0.01, 0.02])),
        ),
        columns=(
            Column(name="difference", shape=(5,)),
            Column(name="difference_errors", shape=(5,)),
            Column(name="dark_time", unit="s", shape=(5,)),
        ),
    )
    path = tmp_path / "run.h5"
    with RunWriter.create(path, RunHeader(procedure="p", signal="difference", layout=layout)) as writer:
        for index in range(4):
            own = times[index % 2]
            writer.append(index, float(index), (np.log10(own), np.full(5, 0.1), own))
        writer.finish("finished")
    return read_run(path), times


def test_a_counter_is_shown_as_what_it_counts(relaxing):
    run, _ = relaxing
    shown = picture_of(run, Choice())
    assert shown.names == ("magnet_field", "dark_time")
    assert shown.map.x.name == "dark_time"
    assert shown.map.is_log[0]
    np.testing.assert_allclose(10 ** shown.map.x.values[[0, -1]], [1e-6, 1e-2], rtol=1e-9, atol=0)
    first = shown.map.values[0]
    there = np.isfinite(first)
    assert there.any()
    assert not there.all(), "a field is empty where it was not measured"
    np.testing.assert_allclose(first[there], shown.map.x.values[there], rtol=0.02, atol=0)


def test_a_trace_is_shown_at_its_own_places(relaxing):
    run, times = relaxing
    line = picture_of(run, Choice(y="-", at={"magnet_field": 1})).line
    assert (line.axis.name, line.axis.unit) == ("dark_time", "s")
    np.testing.assert_allclose(line.axis.values, times[1], rtol=1e-12, atol=0)
    np.testing.assert_allclose(line.values, np.log10(times[1]), rtol=1e-12, atol=0)
    assert line.errors is not None
