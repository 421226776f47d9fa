"""Pictures of runs, read off the artists that were drawn."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from labspin.analysis.names import place_words, words_of_name
from labspin.analysis.pictures.plots import _part_of_name
from labspin.analysis.pictures.runplots import draw_run, plot_runs
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import FitError

X = np.linspace(1e-3, 2e-3, 5)


def recorded(path, rows, *, errors=True, label="", name="direction", repeats=1):
    dimensions = (
        Dimension(name=name, unit="1", values=np.array(rows, float)),
        Dimension(name="average", unit="1", values=np.arange(float(repeats))),
        Dimension(name="magnet_field", unit="T", values=X),
    )
    columns = [Column(name="pl_ratio")] + ([Column(name="pl_ratio_errors")] if errors else [])
    header = RunHeader(
        procedure="p",
        label=label,
        signal="pl_ratio",
        layout=Layout(dimensions=dimensions, columns=tuple(columns)),
    )
    with RunWriter.create(path, header) as writer:
        for index in range(len(rows) * repeats * X.size):
            row, place = index // (repeats * X.size), index % X.size
            value = (10.0 + row + place, *([0.2] if errors else []))
            writer.append(index, float(index), value)
        writer.finish("finished")
    return read_run(path)


def drawn(run, **options):
    panel = Figure().subplots()
    draw_run(panel, run, **options)
    return panel


def bars(panel):
    return [one for one in panel.containers if isinstance(one, ErrorbarContainer)]


def lengths(container):
    (collection,) = container.lines[2]
    return np.array([np.ptp(segment[:, 1]) / 2 for segment in collection.get_segments()])


def test_a_few_rows_are_lines_with_their_directions_in_words(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", [1, -1]))
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["up", "down"]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("magnet field (mT)", "PL ratio")
    line = bars(panel)[1].lines[0]
    assert np.allclose(line.get_xdata(), X * 1e3, rtol=1e-12, atol=0)
    assert np.allclose(line.get_ydata(), 11.0 + np.arange(5), rtol=1e-12, atol=0)


def test_many_rows_are_a_map(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", range(9), name="step"))
    assert not bars(panel)
    assert panel.get_ylabel() == "step"


def test_bars_are_the_recorded_errors_also_of_averages(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", [1, -1], repeats=4))
    assert lengths(bars(panel)[0]) == pytest.approx([0.2 / np.sqrt(4)] * 5, rel=1e-9, abs=0)


def test_without_recorded_errors_the_bars_are_those_of_the_scatter(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", [1, -1], repeats=4, errors=False))
    assert lengths(bars(panel)[0]) == pytest.approx([0.0] * 5, abs=1e-12)  # four equal values do not scatter


def test_lines_are_moved_apart_by_heights(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", [1, -1]), offset=0.5)
    first, second = (one.lines[0].get_ydata() for one in bars(panel))
    assert second - first == pytest.approx([1.0 + 0.5 * 4.0] * 5, rel=1e-12, abs=0)
    assert "moved apart" in panel.get_ylabel()


def test_panels_of_one_quantity_have_one_scale(tmp_path, monkeypatch):
    recorded(tmp_path / "a.h5", [1, -1])
    recorded(tmp_path / "b.h5", [1, -1, 0, 2, 3])
    seen = []
    monkeypatch.setattr(
        "labspin.analysis.pictures.runplots.save", lambda figure, path: seen.append(figure) or path
    )
    plot_runs([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "x.png")
    limits = [panel.get_ylim() for panel in seen[0].axes[:2]]
    assert limits[0] == limits[1]


def test_runs_are_drawn_over_each_other_if_they_can_be(tmp_path):
    for name in "ab":
        recorded(tmp_path / f"{name}.h5", [1], label=f"run {name}")
    with pytest.raises(
        FitError, match="wanted one line of 'PL ratio' against 'magnet_field', got 2 dimensions"
    ):
        plot_runs([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "x.png", overlay=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("magnet_field", "magnet field"), ("pl_ratio", "PL ratio"), ("pl ratio", "PL ratio"), ("a/b", "a/b"),
     ("frequency_shift", "frequency shift Δf")],
)  # fmt: skip
def test_names_are_written_as_people_write_them(name, words):
    assert words_of_name(name) == words


def test_places_say_value_and_unit():
    assert place_words("magnet_field", 1.7e-3, "T") == "magnet field 1.7 mT"
    assert place_words("direction", -1.0, "1") == "down"


def test_parts_of_a_complex_quantity_have_their_own_names_and_units():
    name = "frequency shift (Hz) + i/Q"
    assert _part_of_name(name, "Hz", "real part") == ("frequency shift", "Hz")
    assert _part_of_name(name, "Hz", "imaginary part") == ("1/Q", "1")
    assert _part_of_name("x", "V", "imaginary part") == ("x, imaginary part", "V")


def doubted(path, rows, indexes, *, repeats=1):
    run = recorded(path, rows, repeats=repeats)
    quality = run.points.quality.copy()
    quality[indexes] = 1
    return replace(run, points=replace(run.points, quality=quality))


def test_doubtful_points_are_hollow_and_counted(tmp_path):
    panel = drawn(doubted(tmp_path / "r.h5", [1, -1], [6, 8]))
    assert panel.get_title() == "p (finished), 2 doubtful (hollow)"
    (hollow,) = [line for line in panel.lines if line.get_markerfacecolor() == "white"]
    assert np.allclose(hollow.get_xdata(), X[[1, 3]] * 1e3, rtol=1e-12, atol=0)
    assert np.allclose(hollow.get_ydata(), [12.0, 14.0], rtol=1e-12, atol=0)


def test_a_mean_of_which_one_point_is_doubtful_is_hollow(tmp_path):
    panel = drawn(doubted(tmp_path / "r.h5", [1], [7], repeats=3))
    (hollow,) = [line for line in panel.lines if line.get_markerfacecolor() == "white"]
    assert np.allclose(hollow.get_xdata(), X[[2]] * 1e3, rtol=1e-12, atol=0)


def test_doubtful_cells_of_a_map_are_crossed(tmp_path):
    panel = drawn(doubted(tmp_path / "r.h5", list(range(9)), [11], repeats=1))
    assert panel.get_title() == "p (finished), 1 doubtful (crossed)"
    (crosses,) = [line for line in panel.lines if line.get_marker() == "x"]
    assert np.allclose(crosses.get_xydata(), [[X[1] * 1e3, 2.0]], rtol=1e-12, atol=0)


def test_a_good_run_has_no_word_of_it(tmp_path):
    panel = drawn(recorded(tmp_path / "r.h5", [1, -1]))
    assert panel.get_title() == "p (finished)"
    assert not [line for line in panel.lines if line.get_markerfacecolor() == "white"]
