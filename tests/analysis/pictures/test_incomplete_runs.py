"""Pictures of runs of which something is missing: they say what, and no axis shows what was not measured."""

from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis.pictures.runplots import plot_runs
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from tests.analysis.pictures.test_runplots import X, bars, drawn, recorded


def part(run, rows, status):
    """Return ``run`` as if only some of its points had been measured."""
    rows = np.asarray(rows, int)
    points = replace(
        run.points, index=run.points.index[rows], time=run.points.time[rows], quality=run.points.quality[rows]
    )
    columns = {name: values[rows] for name, values in run.columns.items()}
    return replace(run, points=points, columns=columns, status=status)


def without_values(run, rows):
    columns = {name: np.array(values) for name, values in run.columns.items()}
    for values in columns.values():
        values[rows] = np.nan
    return replace(run, columns=columns)


@pytest.mark.parametrize("rows", [[1, -1], range(9)])
def test_a_run_without_a_point_says_so_and_has_no_numbers_at_its_axes(tmp_path, rows):
    run = recorded(tmp_path / "r.h5", rows, name="step")
    panel = drawn(part(run, [], "aborted"))
    (text,) = panel.texts
    assert text.get_text() == "no point was measured"
    assert panel.get_title() == f"p (aborted, 0 of {len(run.points)} points)"
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("magnet field", "PL ratio")
    assert not panel.get_xticks().size
    assert not panel.get_yticks().size
    assert len(panel.figure.axes) == 1  # no scale of colours


def test_a_run_of_which_no_value_is_a_number_says_so(tmp_path):
    panel = drawn(without_values(recorded(tmp_path / "r.h5", [1, -1]), slice(None)))
    assert [text.get_text() for text in panel.texts] == ["no value of PL ratio"]
    assert panel.get_title() == "p (finished, 10 without a value)"


@pytest.mark.parametrize(("rows", "said"), [([0], "1 of 10 points"), (range(4), "4 of 10 points")])
def test_points_that_are_missing_are_counted_and_leave_their_place_empty(tmp_path, rows, said):
    panel = drawn(part(recorded(tmp_path / "r.h5", [1, -1]), rows, "running"))
    assert panel.get_title() == f"p (running, {said})"
    low, high = panel.get_xlim()
    assert low < X[0] * 1e3 < X[-1] * 1e3 < high
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["up", "down: not measured"]


def test_points_without_a_value_are_counted(tmp_path):
    panel = drawn(without_values(recorded(tmp_path / "r.h5", [1, -1]), [2, 5]))
    assert panel.get_title() == "p (finished, 2 without a value)"


def test_a_sweep_of_one_value_is_a_line_over_the_other_axis(tmp_path):
    dimensions = (
        Dimension(name="magnet_field", unit="T", values=np.linspace(1e-3, 2e-3, 9)),
        Dimension(name="microwave_frequency", unit="Hz", values=np.array([2.87e9])),
    )
    layout = Layout(dimensions=dimensions, columns=(Column(name="pl_ratio"),))
    with RunWriter.create(tmp_path / "r.h5", RunHeader(procedure="p", signal="pl_ratio", layout=layout)) as w:
        for index in range(9):
            w.append(index, float(index), (1.0 + index,))
        w.finish("finished")
    panel = drawn(read_run(tmp_path / "r.h5"))
    assert panel.get_title() == "p (finished), microwave frequency 2.87 GHz"
    assert panel.get_xlabel() == "magnet field (mT)"
    (line,) = bars(panel)
    assert line.lines[0].get_ydata() == pytest.approx(np.arange(1.0, 10.0), rel=1e-12, abs=0)


def test_an_open_run_says_how_many_points_it_has(tmp_path):
    layout = Layout(
        columns=(Column(name="magnet_field", unit="T", role="coordinate"), Column(name="pl_ratio"))
    )
    header = RunHeader(procedure="p", signal="pl_ratio", layout=layout)
    with RunWriter.create(tmp_path / "r.h5", header) as writer:
        writer.append(0, 0.0, (1e-3, 1.0))
        writer.finish("aborted")
    run = read_run(tmp_path / "r.h5")
    assert drawn(run).get_title() == "p (aborted, 1 point)"
    assert [text.get_text() for text in drawn(part(run, [], "failed")).texts] == ["no point was measured"]


@pytest.mark.parametrize("overlay", [False, True])
def test_a_file_whose_name_is_no_utf_8_is_drawn(tmp_path, overlay):
    recorded(tmp_path / "r.h5", [1, -1])
    try:
        path = (tmp_path / "r.h5").rename(tmp_path / "r\udcff.h5")
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    assert plot_runs([path, path], tmp_path / "plot.png", overlay=overlay).stat().st_size > 0
