"""What is shown of runs, used by mouse and keys: cursors, distance, maps, cuts, levels, any two axes."""

import numpy as np
import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtWidgets import QApplication

from labspin.analysis import fit_run
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from labspin.gui.axes import use_units
from labspin.gui.see_view import SeeView
from labspin.gui.start_values import recipe_for
from tests.gui.mouse import click, drag, place
from tests.some import some

AXES = {"field": ("T", [0.0, 0.01, 0.02]), "power": ("W", [1.0, 2.0, 3.0, 4.0]),
        "frequency": ("Hz", [1e9, 1.1e9, 1.2e9, 1.3e9, 1.4e9])}  # fmt: skip


def make_run(path, values, names, label="", procedure="p"):
    """Write a finished run over some of the axes; values in the order of the grid."""
    axes = tuple(Dimension(name=n, unit=AXES[n][0], values=np.array(AXES[n][1])) for n in names)
    layout = Layout(dimensions=axes, columns=(Column(name="signal", unit="V"),))
    with RunWriter.create(
        path, RunHeader(procedure=procedure, label=label, signal="signal", layout=layout)
    ) as writer:
        for index, value in enumerate(np.ravel(values)):
            writer.append(index, float(index), (float(value),))
        writer.finish("finished")
    return path


@pytest.fixture
def show(qtbot):
    """Return a function that shows runs in a view of their own."""
    opened = []

    def show_runs(*paths):
        view = SeeView()
        opened.append(view)
        qtbot.addWidget(view)
        view.resize(1200, 700)
        with qtbot.waitExposed(view, timeout=PATIENCE):
            view.show()
        view.show_runs(list(paths))
        qtbot.waitUntil(lambda: len(view.frames) == len(paths), timeout=PATIENCE)
        qtbot.waitUntil(lambda: bool(view.line.lines or view.maps.plots), timeout=PATIENCE)
        return view

    yield show_runs
    for view in opened:
        view.close_source()
    use_units({})


def test_a_cursor_is_dragged_and_read(qtbot, show, tmp_path):
    view = show(make_run(tmp_path / "a.h5", [0, 1, 4, 9, 16], ["frequency"]))
    view.cursors.click()
    plot = view.line.plot
    a, b = view.line._cursors
    plot.setRange(xRange=(1e9, 1.4e9), yRange=(0, 16), padding=0)
    qtbot.waitUntil(lambda: plot.getViewBox().viewRange()[0][0] < 1.001e9, timeout=PATIENCE)
    a.setValue(1.3e9)
    b.setValue(1.4e9)
    drag(plot, place(plot, 1.3e9, 8), place(plot, 1.15e9, 8))
    pixel = 0.4e9 / plot.getViewBox().width()
    assert a.value() == pytest.approx(1.15e9, rel=0, abs=6 * pixel)
    assert b.value() == 1.4e9
    a.setValue(1.15e9)
    assert view.line.readout.text().split("     ") == [
        "A 1.15 GHz, 2.5 V", "B 1.4 GHz, 16 V", "B − A 250 MHz, 13.5 V",
    ]  # fmt: skip
    view.cursors.click()
    assert view.line.readout.text() == ""


def test_a_cursor_on_a_logarithmic_axis_reads_the_value_not_its_logarithm(show, tmp_path):
    view = show(make_run(tmp_path / "a.h5", [0, 1, 4, 9, 16], ["frequency"]))
    view.log_x.click()
    view.cursors.click()
    view.line._cursors[0].setValue(np.log10(1.2e9))
    assert view.line.readout.text().startswith("A 1.2 GHz, 4 V")


def test_runs_are_laid_over_each_other_and_moved_apart(show, tmp_path):
    one = make_run(tmp_path / "a.h5", [0, 1, 2, 3, 4], ["frequency"], "one")
    other = make_run(tmp_path / "b.h5", [4, 3, 2, 1, 0], ["frequency"], "other")
    view = show(one, other)
    names = [label.text for _, label in view.line.plot.plotItem.legend.items]
    assert names == ["one", "other"]
    assert [list(line.getData()[1]) for line in view.line.lines] == [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]
    view.apart.setValue(50)  # percent of the height of the first: 2 V
    assert [list(line.getData()[1]) for line in view.line.lines] == [[0, 1, 2, 3, 4], [6, 5, 4, 3, 2]]
    view.apart.setValue(0)
    assert list(view.line.lines[1].getData()[1]) == [4, 3, 2, 1, 0]


def test_runs_of_one_name_are_told_apart_and_long_names_leave_room(show, tmp_path):
    name = "relaxation of the class along the bias field, second diamond of the batch of November"
    one, other = (make_run(tmp_path / f"{k}.h5", range(5), ["frequency"], name) for k in "ab")
    third = make_run(tmp_path / "c.h5", range(5), ["frequency"], "third")
    view = show(one, other, third)
    started = view.frames[0].run.header.started[:19].replace("T", " ")
    assert view.frames[0].picture.label == f"{name}, {started}"
    assert view.frames[2].picture.label == "third"
    shown = [label.text for _, label in view.line.plot.plotItem.legend.items]
    assert all(len(text) <= 45 for text in some(shown))
    assert shown[0].startswith("relaxation of the")
    assert shown[0].endswith(started)


GRID = np.arange(3.0)[:, None] * 100 + np.arange(5.0)


def test_a_cut_goes_through_the_row_that_was_clicked(show, tmp_path):
    view = show(make_run(tmp_path / "a.h5", GRID, ["field", "frequency"]))
    (shown,) = view.maps.plots
    for row, field in enumerate(AXES["field"][1]):
        click(shown.plot, place(shown.plot, 1.2e9, field + 0.002))
        assert list(shown._cut_line.getData()[1]) == list(GRID[row])
        assert shown.readout.text() == f"cut at field = {['0 T', '10 mT', '20 mT'][row]}"


def test_maps_side_by_side_show_the_same_and_nothing_is_cut_off(qtbot, show, tmp_path):
    one, other = (make_run(tmp_path / f"{k}.h5", GRID, ["field", "frequency"], k) for k in "ab")
    view = show(one)
    view.show_runs([one, other])
    qtbot.waitUntil(lambda: len(view.maps.plots) == 2 and view.maps.plots[1].isVisible(), timeout=PATIENCE)
    views = [shown.plot.getViewBox() for shown in view.maps.plots]
    whole = [[0.95e9, 1.45e9], [-0.005, 0.025]]
    QApplication.processEvents()
    for box in some(views):
        assert np.allclose(box.viewRange(), whole, rtol=1e-6, atol=0)
    views[1].setRange(yRange=(0.0, 0.01), padding=0)
    assert np.allclose(views[0].viewRange()[1], [0.0, 0.01], rtol=0, atol=1e-12)


def test_the_line_of_the_cut_is_dragged(show, tmp_path):
    view = show(make_run(tmp_path / "a.h5", GRID, ["field", "frequency"]))
    (shown,) = view.maps.plots
    click(shown.plot, place(shown.plot, 1.2e9, 0.02))
    drag(shown.plot, place(shown.plot, 1.2e9, 0.02), place(shown.plot, 1.2e9, 0.001))
    assert list(shown._cut_line.getData()[1]) == list(GRID[0])


def test_colours_are_spread_over_the_values_that_were_chosen(qtbot, show, tmp_path):
    values = GRID.copy()
    values[2, 4] = 1e6  # one hot pixel takes all colours
    view = show(make_run(tmp_path / "a.h5", values, ["field", "frequency"]))
    (shown,) = view.maps.plots
    assert len(np.unique(shown.image.image)) == 2
    assert not view.all_levels.isVisible()
    region = shown._bar.region  # its handles stand at a quarter and three quarters
    region.setRegion((64, 64.05))
    region.sigRegionChangeFinished.emit(region)
    qtbot.waitUntil(lambda: view.all_levels.isVisible(), timeout=PATIENCE)
    low, high = view.choice().levels
    assert low < high < 1e6
    view._set_levels((0.0, 204.0))
    qtbot.waitUntil(lambda: len(np.unique(shown.image.image)) > 10, timeout=PATIENCE)
    assert shown.image.image.max() == 255, "what lies beyond has the last colour"
    assert shown._bar.levels() == (0.0, 204.0)
    view.all_levels.click()
    qtbot.waitUntil(lambda: len(np.unique(shown.image.image)) == 2, timeout=PATIENCE)


def test_any_two_axes_of_three_are_shown_and_a_place_along_the_other(qtbot, show, tmp_path):
    values = np.arange(60.0).reshape(3, 4, 5)
    view = show(make_run(tmp_path / "a.h5", values, ["field", "power", "frequency"]))
    (shown,) = view.maps.plots

    def is_shown(expected, x, y):
        grid = shown._map
        return (grid.x.name, grid.y.name) == (x, y) and np.array_equal(grid.values, expected)

    def choose(box, text):
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())

    qtbot.waitUntil(lambda: is_shown(values.mean(0), "frequency", "power"), timeout=PATIENCE)
    assert list(view._sliders) == ["field"]
    view._sliders["field"].setValue(2)
    qtbot.waitUntil(lambda: is_shown(values[2], "frequency", "power"), timeout=PATIENCE)
    choose(view.x_box, "field")
    qtbot.waitUntil(lambda: is_shown(values.mean(2).T, "field", "power"), timeout=PATIENCE)
    choose(view.y_box, "frequency")
    qtbot.waitUntil(lambda: is_shown(values.mean(1).T, "field", "frequency"), timeout=PATIENCE)
    assert list(view._sliders) == ["power"]
    choose(view.y_box, "-")
    qtbot.waitUntil(lambda: view.stack.currentWidget() is view.line, timeout=PATIENCE)
    assert list(view._sliders) == ["power", "frequency"]
    view._sliders["power"].setValue(0)
    view._sliders["frequency"].setValue(4)
    qtbot.waitUntil(lambda: list(view.line.lines[0].getData()[1]) == list(values[:, 0, 4]), timeout=PATIENCE)


def test_what_is_shown_follows_the_units_of_the_workspace(show, tmp_path):
    view = show(make_run(tmp_path / "a.h5", GRID, ["field", "frequency"]))
    (shown,) = view.maps.plots
    click(shown.plot, place(shown.plot, 1.2e9, 0.01))
    assert shown.readout.text() == "cut at field = 10 mT"
    use_units({"field": "G", "frequency": "MHz"})
    view.restate()
    assert shown.readout.text() == "cut at field = 100 G"
    assert shown.plot.getAxis("bottom").labelString().endswith("frequency (MHz)</span>")


def test_a_run_that_cannot_be_shown_does_not_end_the_thread_that_shows_others(
    qtbot, show, tmp_path, monkeypatch
):
    view = show(make_run(tmp_path / "a.h5", GRID, ["field", "frequency"]))
    other = make_run(tmp_path / "b.h5", [0, 1, 4, 9, 16], ["frequency"])
    told = []
    view.trouble.connect(told.append)

    def fails(*arguments, **options):
        raise KeyError("something that nobody thought of")

    with monkeypatch.context() as broken:
        broken.setattr("labspin.gui.run_source.picture_of", fails)
        view.show_runs([other])
        qtbot.waitUntil(lambda: bool(told), timeout=PATIENCE)
    assert "b.h5: cannot be shown" in told[0]
    view.show_runs([other])
    qtbot.waitUntil(lambda: bool(view.frames) and bool(view.line.lines), timeout=PATIENCE)


def test_a_fit_belongs_to_the_run_that_is_shown(qtbot, show, tmp_path):
    values = np.linspace(1.0, 2.0, 5)
    one = make_run(tmp_path / "one.h5", values, ["frequency"], procedure="t1")
    other = make_run(tmp_path / "other.h5", values, ["frequency"], procedure="mdmr")
    view = show(one)
    fits = view.fits
    qtbot.waitUntil(lambda: fits.recipe.currentText() == "t1", timeout=PATIENCE)
    fits.recipe.setCurrentText("model: stretched_exponential")
    fits.recipe.activated.emit(fits.recipe.currentIndex())
    fits.fit()
    view.show_runs([other])
    assert fits.recipe.count() == 0, "recipes of one procedure are not offered for another"
    qtbot.waitUntil(lambda: fits.recipe.currentText() == "mdmr", timeout=PATIENCE)
    assert fits.result.text() == "", "what was asked of another run is not shown here"
    fits.fit()
    qtbot.waitUntil(lambda: fits.result.text() not in ("", "fitting …"), timeout=PATIENCE)
    view.show_runs([one])
    qtbot.waitUntil(lambda: fits.recipe.count() > 0, timeout=PATIENCE)
    assert fits.recipe.currentText() == "model: stretched_exponential", (
        "as it was chosen last for this procedure"
    )


def test_a_fit_along_another_axis_is_shown_with_its_own_points(qtbot, show, tmp_path):
    path, times = tmp_path / "run.h5", np.geomspace(1e-3, 1.0, 12)
    axis = Dimension(name="step", unit="1", values=np.arange(12.0))
    layout = Layout(
        dimensions=(axis,), columns=(Column(name="signal", unit="V"), Column(name="dark_time", unit="s"))
    )
    with RunWriter.create(path, RunHeader(procedure="p", signal="signal", layout=layout)) as writer:
        for index, time in enumerate(times):
            writer.append(index, float(index), (float(np.exp(-time / 0.1)), float(time)))
        writer.finish("finished")
    view = show(path)
    line, legend = view.line, view.line.plot.plotItem.legend
    assert line.plot.getAxis("bottom").labelText == "step"
    (along,) = fit_run(path, recipe_for("stretched_exponential", False, "dark_time", "signal"))
    line.show_fit(along)
    assert line.plot.getAxis("bottom").labelText == "dark time"
    np.testing.assert_allclose(line._own.getOriginalDataset()[0], times, rtol=1e-12, atol=0)
    assert not line.lines[0].isVisible(), "its points stand elsewhere"
    view._redraw()
    assert not line.lines[0].isVisible(), "also when points arrive"
    line.show_fit(None)
    assert line.lines[0].isVisible()
    assert line.plot.getAxis("bottom").labelText == "step"
    assert legend.getLabel(line.lines[0]) is not None


@pytest.fixture
def decays(tmp_path):
    """T1 at seven fields, without noise: fast where two classes meet."""
    fields, times = np.linspace(1.1e-3, 2.3e-3, 7), np.geomspace(2e-5, 1e-2, 12)
    layout = Layout(
        dimensions=(
            Dimension(name="magnet_field", unit="T", values=fields),
            Dimension(name="dark_time", unit="s", values=times),
        ),
        columns=(Column(name="difference"), Column(name="difference_errors")),
    )
    path = tmp_path / "run.h5"
    with RunWriter.create(
        path, RunHeader(procedure="t1_field", signal="difference", layout=layout)
    ) as writer:
        for index in range(fields.size * times.size):
            field, time = fields[index // times.size], times[index % times.size]
            rate = 650.0 + 1300.0 * np.exp(-(((field - 1.7e-3) / 2.5e-4) ** 2))
            writer.append(index, float(index), (0.03 * float(np.exp(-((time * rate) ** 0.8))), 1e-4))
        writer.finish("finished")
    return path


def test_a_fit_that_goes_on_from_fits_is_offered_and_shown_by_itself(qtbot, show, decays):
    view = show(decays)
    fits, line = view.fits, view.line
    qtbot.waitUntil(lambda: fits.recipe.count() > 1, timeout=PATIENCE)
    assert [fits.recipe.itemText(k) for k in range(2)] == ["t1_field", "t1_cross_relaxation"]
    assert view.stack.currentWidget() is view.maps
    fits.recipe.setCurrentText("t1_cross_relaxation")
    fits.fit()
    qtbot.waitUntil(lambda: fits.outcome is not None, timeout=PATIENCE)
    assert view.stack.currentWidget() is line, "its curve is no part of a map"
    assert line.plot.getAxis("bottom").labelText == "magnet field"
    assert line.plot.getAxis("left").labelText == "relaxation rate"
    np.testing.assert_allclose(fits.outcome["center"].value, 1.7e-3, rtol=0.02, atol=0)
    assert line._own.getOriginalDataset()[0].size == 7
    assert line._own_bars.isVisible()
    view._choose(keep_axes=True)
    qtbot.waitUntil(lambda: view.stack.currentWidget() is view.maps, timeout=PATIENCE)
    assert line._own is None


def test_start_values_are_not_for_a_fit_that_goes_on_from_fits(qtbot, show, decays):
    view = show(decays)
    fits = view.fits
    qtbot.waitUntil(lambda: fits.recipe.count() > 1, timeout=PATIENCE)
    fits.by_hand.setChecked(True)
    qtbot.waitUntil(lambda: fits.start is not None, timeout=PATIENCE)
    fits.recipe.setCurrentText("t1_cross_relaxation")
    fits.recipe.activated.emit(fits.recipe.currentIndex())
    qtbot.waitUntil(lambda: "starts from such fits" in fits.result.text(), timeout=PATIENCE)
    assert fits.start is None, "those of the other recipe are not taken"


def test_a_fit_along_the_axis_that_is_shown_leaves_the_lines(qtbot, show, tmp_path):
    """A fit names its axis in words, "dark time", and a run by its column, "dark_time"."""
    times = np.geomspace(1e-3, 1.0, 12)
    axis = Dimension(name="dark_time", unit="s", values=times)
    layout = Layout(dimensions=(axis,), columns=(Column(name="signal"), Column(name="signal_errors")))
    path = tmp_path / "run.h5"
    with RunWriter.create(path, RunHeader(procedure="p", signal="signal", layout=layout)) as writer:
        for index, time in enumerate(times):
            writer.append(index, float(index), (float(np.exp(-time / 0.1)), 0.01))
        writer.finish("finished")
    view = show(path)
    (fit,) = fit_run(path, recipe_for("stretched_exponential", False, "dark_time", "signal"))
    view.line.show_fit(fit)
    assert view.line.lines[0].isVisible()
    assert view.line._own is None
