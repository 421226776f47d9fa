"""Start values dragged by hand: lines stand where the parameter is seen, and the fit begins there."""

import functools

import numpy as np
import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

import pyqtgraph as pg

from labspin.analysis import MODELS, Recipe, load_model
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from labspin.gui.see_view import SeeView
from labspin.gui.start_panel import StartHandles
from labspin.gui.start_values import StartValues, handles_of

WITHOUT_HANDLES = {"film_relaxation", "spin_wave_shift", "decoupling_scaling"}
"""Models of which no parameter is a place or a height on the picture."""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_line_dragged_to_where_it_stands_changes_nothing(name):
    model = load_model(name)
    values = {p.name: float(p.inside(1.3 + 0.2 * k)) for k, p in enumerate(model.parameters)}
    start = StartValues(
        Recipe(name=name, x="x", y="y", model=name), model, {}, values, np.array([1.0, 2.0]), "y"
    )
    handles = handles_of(start)
    assert bool(handles) == (name not in WITHOUT_HANDLES)
    for handle in handles:  # may be none: those of WITHOUT_HANDLES
        assert handle.name in values
        back = handle.value(values, handle.place(values))
        assert back == pytest.approx(values[handle.name], rel=1e-9, abs=0), handle.name


@pytest.mark.parametrize(
    ("name", "dragged"),
    [
        ("stretched_exponential", {"amplitude", "T1", "baseline"}),
        ("double_exponential", {"amplitude_fast", "time_fast", "amplitude_slow", "time_slow", "baseline"}),
        ("gaussian_dips", {"center_1", "width_1", "depth_1", "offset"}),
        ("resonator_amplitude", {"f0", "Q", "amplitude", "offset"}),
        ("resonator_response", {"f0", "Q"}),
        ("rabi_oscillation", {"amplitude", "frequency", "decay_time", "offset"}),
        ("ring_down", {"amplitude", "ring_down_time", "offset", "start"}),
    ],
)
def test_what_is_seen_in_a_plot_is_dragged(name, dragged):
    assert {handle.name for handle in _lines(name)} == dragged


def _lines(name):
    model = load_model(name)
    values = {p.name: 1.0 for p in model.parameters}
    return handles_of(
        StartValues(Recipe(name=name, x="x", y="y", model=name), model, {}, values, np.array([1.0, 2.0]), "y")
    )


@pytest.fixture
def dip_run(tmp_path):
    """A run with one dip far from where the guess would look first: at 2.9 GHz, 10 MHz wide, 20 % deep."""
    x = np.linspace(2.8e9, 3.0e9, 201)
    y = 1e5 * (1 - 0.2 / (1 + (2 * (x - 2.9e9) / 1e7) ** 2))
    header = RunHeader(
        procedure="dips", signal="rate",
        layout=Layout(dimensions=(Dimension(name="frequency", unit="Hz", values=x),),
                      columns=(Column(name="rate", unit="1/s"),)),
    )  # fmt: skip
    with RunWriter.create(tmp_path / "dip.h5", header) as writer:
        for index, value in enumerate(y):
            writer.append(index, float(index), (float(value),))
        writer.finish("finished")
    return tmp_path / "dip.h5"


@pytest.fixture
def view(qtbot, dip_run):
    view = SeeView()
    qtbot.addWidget(view)
    view.show()
    view.show_runs([dip_run])
    qtbot.waitUntil(lambda: bool(view.frames) and view.fits.recipe.count() > 0, timeout=PATIENCE)
    view.fits.recipe.setCurrentText("model: lorentzian_dips")
    yield view
    view.close_source()


def test_a_fit_begins_where_the_lines_were_dragged(qtbot, view):
    until = functools.partial(qtbot.waitUntil, timeout=PATIENCE)
    view.fits.by_hand.click()
    until(lambda: view.fits.start is not None)
    lines = view.fits.handles.lines
    assert set(lines) == {"center_1", "width_1", "depth_1", "offset"}
    lines["center_1"].setValue(2.902e9)
    lines["center_1"].sigDragged.emit(lines["center_1"])
    lines["width_1"].setValue(2.902e9 + 8e6)
    lines["width_1"].sigDragged.emit(lines["width_1"])
    lines["depth_1"].setValue(8.5e4)
    lines["depth_1"].sigDragged.emit(lines["depth_1"])
    found = view.fits.start.values
    assert found["center_1"] == pytest.approx(2.902e9, rel=1e-12, abs=0)
    assert found["width_1"] == pytest.approx(1.6e7, rel=1e-9, abs=0)
    assert found["depth_1"] == pytest.approx(found["offset"] - 8.5e4, rel=1e-9, abs=0)
    assert view.fits.start_panel.fields["width_1"].text() == "16 MHz"
    view.fits.fit()
    until(lambda: view.fits.outcome is not None)
    assert view.fits.outcome["center_1"].value == pytest.approx(2.9e9, rel=1e-9, abs=0)
    assert view.fits.outcome["width_1"].value == pytest.approx(1e7, rel=1e-6, abs=0)
    view.fits.by_hand.click()
    assert not view.fits.handles.lines
    assert view.fits.start is None


def test_a_start_value_is_typed_and_held(qtbot, view):
    until = functools.partial(qtbot.waitUntil, timeout=PATIENCE)
    view.fits.by_hand.click()
    until(lambda: view.fits.start is not None)
    panel = view.fits.start_panel
    field = panel.fields["width_1"]
    field.setText("12 MHz")
    field.returnPressed.emit()
    panel.holds["width_1"].setChecked(True)
    view.fits.fit()
    until(lambda: view.fits.outcome is not None)
    assert view.fits.outcome["width_1"].value == pytest.approx(1.2e7, rel=1e-12, abs=0)
    assert view.fits.outcome["width_1"].fixed


def test_what_is_shown_is_copied_as_a_table(qtbot, view):
    from PySide6.QtWidgets import QApplication

    view.copy_data()
    rows = [row.split("\t") for row in QApplication.clipboard().text().splitlines()]
    assert rows[0] == ["frequency (Hz)", "dips rate (1/s)"]
    assert len(rows) == 202
    assert float(rows[101][1]) == pytest.approx(8e4, rel=1e-9, abs=0)


def test_a_curve_is_drawn_as_its_points_are_spaced():
    """A Rabi oscillation over three decades of pulses is no logarithmic matter."""
    model, points = load_model("rabi_oscillation"), np.linspace(1e-9, 1e-6, 101)
    values = {"amplitude": 1.0, "frequency": 2e7, "decay_time": 1e-6, "phase": 0.0, "offset": 0.0}
    values["exponent"] = 1.0
    recipe = Recipe(name="rabi", x="x", y="y", model="rabi_oscillation")
    x, y = StartValues(recipe, model, {}, values, points, "y").curve()
    assert np.median(np.diff(x)) < 2e-9
    assert np.count_nonzero(np.diff(np.sign(y))) == 40


@pytest.mark.parametrize(("log", "at", "value"), [(False, 3.0, 3.0), (True, -3.0, 1e-3)])
def test_a_line_on_a_logarithmic_axis_is_dragged_to_a_value_not_to_its_logarithm(qapp, log, at, value):
    model = load_model("stretched_exponential")
    values = {"amplitude": 1.0, "T1": 1e-2, "beta": 1.0, "baseline": 0.0}
    start = StartValues(
        Recipe(name="r", x="x", y="y", model=model.name), model, {}, values, np.array([1e-4, 1.0]), "y"
    )
    plot = pg.PlotWidget()
    handles, dragged = StartHandles(plot), []
    handles.dragged.connect(lambda name, to: dragged.append((name, to)))
    handles.show(start, (log, False))
    assert handles.lines["T1"].value() == pytest.approx(np.log10(1e-2) if log else 1e-2, rel=1e-9, abs=0)
    handles.lines["T1"].setValue(at)
    handles._drag("T1", handles.lines["T1"])
    assert dragged == [("T1", pytest.approx(value, rel=1e-9, abs=0))]
    plot.close()
