"""Pictures of runs, read off the artists that were drawn."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from labspin.analysis import fit_curve, fit_run, load_recipe, model_from_function, write_outcomes
from labspin.analysis.names import place_words, words_of_name
from labspin.analysis.pictures.lines import is_beside
from labspin.analysis.pictures.plots import COLOURS, _part_of_name, figure_of, log_axis
from labspin.analysis.pictures.runplots import _share_axes, draw_run, draw_stack, plot_runs
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import FitError
from tests.some import some

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
    # Each is named in its corner.
    assert [[text.get_text() for text in panel.texts] for panel in seen[0].axes[:2]] == [["a"], ["b"]]


def test_panels_have_one_axis_of_places_where_these_overlap(tmp_path, monkeypatch):
    run = recorded(tmp_path / "a.h5", [1])
    figure = Figure()
    near, wider, far, other = (figure.add_subplot(1, 4, number) for number in range(1, 5))
    for panel, ends in ((near, (0, 2)), (wider, (1, 3)), (far, (0, 40))):
        draw_run(panel, run)
        panel.set_xlim(*ends)
    draw_run(other, run, "pl_ratio_errors")
    other.set_xlim(0, 3)
    _share_axes([near, wider, other])
    assert near.get_xlim() == wider.get_xlim() == (0, 3)
    _share_axes([wider, far])
    assert (wider.get_xlim(), far.get_xlim()) == ((0, 3), (0, 40))


def test_runs_are_drawn_over_each_other_if_they_can_be(tmp_path):
    for name in "ab":
        recorded(tmp_path / f"{name}.h5", range(13), label=f"run {name}")
    with pytest.raises(FitError, match="wanted up to 12 lines of 'PL ratio' against 'magnet_field', got 13"):
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
    assert _part_of_name(name, "Hz", "imaginary part") == ("Δ(1/Q)", "1")
    assert _part_of_name("frequency (Hz) + i/Q", "Hz", "imaginary part") == ("1/Q", "1")
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


def spectra(path, *, picture, angle=True, scale=1.0):
    layout = Layout(
        dimensions=(
            Dimension(name="magnet_field", unit="T", values=np.array([1e-3, 2e-3, 3e-3])),
            Dimension(name="microwave_frequency", unit="Hz", values=2.6e9 + 1e6 * np.arange(5.0)),
        ),
        columns=(Column(name="pl_ratio"), Column(name="angle_x", unit="V")),
    )
    header = RunHeader(procedure="mdmr", signal="pl_ratio", layout=layout, extra={"picture": picture})
    with RunWriter.create(path, header) as writer:
        for index in range(15):
            writer.append(index, float(index), (1.0 - 0.1 * (index % 3), scale * index * angle))
        writer.finish("finished")
    return read_run(path)


def stacked(run):
    figure = Figure()
    return draw_stack(figure, run), figure


def test_light_and_angle_stand_one_above_the_other_on_one_axis_with_fields_apart(tmp_path):
    run = spectra(tmp_path / "r.h5", picture={"below": ["angle_x"], "apart": 0.5})
    (light, angle), figure = stacked(run)
    assert light.get_shared_x_axes().joined(light, angle)
    assert (light.get_xlabel(), angle.get_xlabel()) == ("", "microwave frequency (GHz)")
    assert (light.get_ylabel(), angle.get_ylabel()) == (
        "PL ratio, moved apart", "angle in phase (V), moved apart",
    )  # fmt: skip
    for number, one in some(enumerate(bars(light))):
        expected = 1.0 - 0.1 * ((5 * number + np.arange(5)) % 3) + number * 0.5 * 0.2
        assert np.allclose(one.lines[0].get_ydata(), expected, rtol=1e-12, atol=0)
    # The legend names lines from top to bottom, once.
    assert [text.get_text() for text in light.get_legend().get_texts()] == [
        "magnet field 3 mT", "magnet field 2 mT", "magnet field 1 mT",
    ]  # fmt: skip
    assert angle.get_legend() is None
    assert len(figure.axes) == 2


def test_what_was_not_measured_is_not_drawn_below(tmp_path):
    assert len(stacked(spectra(tmp_path / "a.h5", picture={"below": ["angle_x"]}, angle=False))[0]) == 1
    for number, picture in enumerate(
        ({"below": ["nothing"]}, {"below": 3}, {"apart": "wide"}, {"apart": 1e9})
    ):
        panels, _ = stacked(spectra(tmp_path / f"{number}.h5", picture=picture))
        assert len(panels) == 1
        assert panels[0].get_ylabel() == "PL ratio"


def test_heights_have_units_that_read_well(tmp_path):
    panel = drawn(spectra(tmp_path / "r.h5", picture={}, scale=1e-6), quantity="angle_x")
    assert panel.get_ylabel() == "angle in phase (µV)"
    assert bars(panel)[2].lines[0].get_ydata() == pytest.approx(np.arange(10.0, 15.0), rel=1e-9, abs=0)


def straight(folder):
    (folder / "line.py").write_text(
        "def line(x, level=10.0, slope=1e3):\n    return level + slope * (x - 1e-3)\n"
    )
    recipe = folder / "line.toml"
    recipe.write_text(
        '[data]\nx = "magnet_field"\ny = "pl_ratio"\nsigma = "pl_ratio_errors"\n'
        '[model]\nname = "line.py:line"\n'
    )
    return load_recipe(recipe)


def fitted(path, rows):
    run, recipe = recorded(path, rows), straight(path.parent)
    write_outcomes(path, fit_run(run, recipe), recipe)
    return read_run(path)


def test_the_fits_of_rows_are_drawn_in_the_colours_of_their_points(tmp_path):
    panel = drawn(fitted(tmp_path / "r.h5", [1, -1]))
    curves = [line for line in panel.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]
    assert [line.get_color() for line in curves] == [one.lines[0].get_color() for one in bars(panel)]
    for row, line in enumerate(curves):
        x = line.get_xdata() * 1e-3
        expected = 10.0 + row + (x - X[0]) / (X[1] - X[0])
        assert np.allclose(line.get_ydata(), expected, rtol=1e-6, atol=0)


def test_traces_of_two_outer_axes_are_lines_with_their_fits_and_not_a_mean(tmp_path):
    path = tmp_path / "r.h5"
    axes = (
        Dimension(name="magnet_field", unit="T", values=np.array([1e-3, 2e-3])),
        Dimension(name="microwave_power", unit="dBm", values=np.array([0.0, 5.0, 10.0])),
        Dimension(name="dark_time", unit="s", values=np.geomspace(2e-5, 7e-4, 6)),
    )
    layout = Layout(dimensions=axes, columns=(Column(name="y"),))
    with RunWriter.create(path, RunHeader(procedure="p", signal="y", layout=layout)) as writer:
        for index in range(36):
            writer.append(index, float(index), (100.0 * (index // 6) + index % 6,))
        writer.finish("finished")
    (tmp_path / "line.py").write_text("def line(x, level=100.0, slope=1e3):\n    return level + slope * x\n")
    (tmp_path / "line.toml").write_text(
        '[data]\nx = "dark_time"\ny = "y"\nsigma = "none"\n[model]\nname = "line.py:line"\n'
    )
    recipe = load_recipe(tmp_path / "line.toml")
    write_outcomes(path, fit_run(read_run(path), recipe), recipe)
    panel = drawn(read_run(path))
    assert [one.lines[0].get_ydata()[0] for one in bars(panel)] == [0, 100, 200, 300, 400, 500]
    words = [text.get_text() for text in panel.get_legend().get_texts()]
    assert words[4] == "magnet field 2 mT, microwave power 5 dBm"
    curves = [line for line in panel.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]
    assert len(curves) == 6
    assert [round(float(np.mean(curve.get_ydata())), -2) for curve in curves] == [0, 100, 200, 300, 400, 500]


def test_numbers_of_a_logarithmic_axis_are_plain_and_stand_clear(tmp_path):
    figure = Figure(figsize=(6.4, 4.4))
    for place, values in enumerate(([20.0, 700.0], [0.03, 1.0], [1e-3, 10.0], [25.0, 90.0], [1e-9, 1e-3])):
        panel = figure.add_subplot(5, 1, place + 1)
        panel.plot(values, [0.0, 1.0])
        log_axis(panel, "x", np.array(values))
    FigureCanvasAgg(figure).draw()
    for place, panel in some(enumerate(figure.axes)):
        low, high = panel.get_xlim()
        ticks = [(at, label) for is_minor in (False, True)
                 for at, label in zip(panel.xaxis.get_ticklocs(minor=is_minor),
                                      panel.xaxis.get_ticklabels(minor=is_minor), strict=True)
                 if low <= at <= high and label.get_text()]  # fmt: skip
        assert len(ticks) >= 2
        assert place == 4 or [label.get_text() for at, label in ticks] == [f"{at:g}" for at, _ in ticks]
        edges = sorted((box.x0, box.x1) for box in (label.get_window_extent() for _, label in ticks))
        assert all(left[1] < right[0] for left, right in some(pairwise(edges)))


def test_a_picture_says_which_fit_it_leaves_out(tmp_path):
    run = fitted(tmp_path / "r.h5", [1])
    figure = Figure()
    assert "without" not in draw_stack(figure, run)[0].get_title()
    assert "without the fit line" in draw_stack(Figure(), run, "pl_ratio_errors")[0].get_title()


def test_runs_over_each_other_have_their_fits(tmp_path, monkeypatch):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    fitted(paths[0], [1])
    recorded(paths[1], [1])
    seen = []
    monkeypatch.setattr(
        "labspin.analysis.pictures.runplots.save", lambda figure, path: seen.append(figure) or path
    )
    plot_runs(paths, tmp_path / "p.png", overlay=True)
    (panel,) = seen[0].axes
    curves = [line for line in panel.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]
    assert [line.get_color() for line in curves] == [COLOURS[0]]
    assert [one.lines[0].get_linestyle() for one in bars(panel)] == ["None", "-"]


def test_many_lines_are_named_beside_them(tmp_path):
    few, many = drawn(recorded(tmp_path / "a.h5", [1, 2])), drawn(recorded(tmp_path / "b.h5", range(7)))
    assert not is_beside(few)
    assert is_beside(many)
    assert many.get_legend().get_bbox_to_anchor().x0 == pytest.approx(many.bbox.x1, rel=1e-12, abs=0)


def test_the_legend_of_a_fit_says_what_it_found(tmp_path):
    panel = drawn(fitted(tmp_path / "r.h5", [1]))
    (words,) = (text.get_text() for text in panel.get_legend().get_texts())
    assert "slope = " in words
    assert "chi^2" in words


def test_the_heights_of_a_fit_have_a_prefix_and_its_residuals_too():
    x = np.linspace(0.0, 1.0, 9)
    outcome = fit_curve(
        model_from_function(lambda x, level, slope: level + slope * x), x, 1e-6 * (x + np.sin(9 * x)),
        axes=("time", "s", "signal", "V"),
    )  # fmt: skip
    upper, lower = figure_of([outcome]).axes
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("signal (µV)", "residual (µV)")
    shown = bars(upper)[0].lines[0].get_ydata()
    assert np.allclose(shown, x + np.sin(9 * x), rtol=1e-9, atol=1e-12)
    curve = next(line for line in upper.lines if len(line.get_xdata()) == outcome.curve_x.size)
    assert np.allclose(curve.get_ydata(), outcome.curve_y * 1e6, rtol=1e-9, atol=0)
    residuals = next(line for line in lower.lines if line.get_linestyle() == "None").get_ydata()
    assert np.allclose(residuals, (outcome.y - outcome.best) * 1e6, rtol=1e-6, atol=1e-12)


def test_traces_with_places_of_their_own_are_lines_over_them(tmp_path):
    """Dark times that follow from the field are no axis of a run; the mean over them would mean nothing."""
    fields, count = [0.01, 0.02, 0.03], 4
    layout = Layout(
        dimensions=(
            Dimension(name="positioner_position", unit="m", values=np.array([4e-7])),
            Dimension(name="average", unit="1", values=np.arange(2.0)),
            Dimension(name="magnet_field", unit="T", values=np.array(fields)),
        ),
        columns=(
            Column(name="dark_time", unit="s", shape=(count,)),
            Column(name="difference_lower", shape=(count,)),
            Column(name="difference_lower_errors", shape=(count,)),
        ),
    )
    path = tmp_path / "run.h5"
    with RunWriter.create(path, RunHeader(procedure="p", signal="difference_lower", layout=layout)) as writer:
        for index in range(6):
            times = np.geomspace(1e-6, 1e-3, count) * (1 + index % 3)
            writer.append(index, float(index), (times, np.full(count, float(index)), np.full(count, 0.2)))
        writer.finish("finished")
    panel = drawn(read_run(path))
    words = [text.get_text() for text in panel.get_legend().get_texts()]
    assert words == ["magnet field 10 mT", "magnet field 20 mT", "magnet field 30 mT"]
    assert panel.get_xlabel() == "dark time (ms)"
    for place, line in some(enumerate(bars(panel))):
        data = line.lines[0]
        expected = np.geomspace(1e-3, 1.0, count) * (1 + place)
        np.testing.assert_allclose(data.get_xdata(), expected, rtol=1e-9, atol=0)
        np.testing.assert_allclose(data.get_ydata(), np.full(count, place + 1.5), rtol=1e-9, atol=0)
        np.testing.assert_allclose(lengths(line), 0.2 / np.sqrt(2), rtol=1e-6, atol=0)
