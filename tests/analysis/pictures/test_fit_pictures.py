"""Pictures of fits and of scans there and back, read off the artists that were drawn."""

import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labspin.analysis import fit_curve
from labspin.analysis.models import load_model
from labspin.analysis.pictures import plots
from labspin.analysis.pictures.plots import figure_of, headline, legend_text, style_of
from labspin.analysis.pictures.runplots import draw_run
from labspin.data import Column, Layout, RunHeader, RunWriter, read_run
from tests.some import some

PLACES = (3e-7, 2e-7, 1e-7)


@pytest.fixture
def there_and_back(tmp_path):
    coordinates = (
        Column(name="position", unit="m", role="coordinate"),
        Column(name="direction", role="coordinate", description="1: approach, -1: back"),
    )
    columns = (*coordinates, Column(name="shift", unit="Hz"), Column(name="shift_errors", unit="Hz"))
    header = RunHeader(procedure="p", signal="shift", layout=Layout(dimensions=(), columns=columns))
    with RunWriter.create(tmp_path / "r.h5", header) as writer:
        ways = [*((place, 1.0) for place in PLACES), *((place, -1.0) for place in reversed(PLACES))]
        for index, (place, way) in enumerate(ways):
            writer.append(index, float(index), (place, way, place * 1e7 + 0.1 * way, 0.2))
        writer.finish("finished")
    return read_run(tmp_path / "r.h5")


def test_a_way_there_and_back_is_two_lines_with_the_names_of_the_procedure(there_and_back):
    panel = Figure().subplots()
    draw_run(panel, there_and_back)
    there, back = panel.containers
    assert [one.get_label() for one in (there, back)] == ["approach", "back"]
    assert there.lines[0].get_ydata() - back.lines[0].get_ydata() == pytest.approx([0.2] * 3, rel=1e-9, abs=0)
    assert panel.get_xlabel() == "position (nm)"


def dips(depths):
    x, axes = np.linspace(2.6e9, 2.8e9, 81), ("f", "Hz", "PL", "1")
    model = load_model("gaussian_dips", count=1)
    return [
        fit_curve(model, x, 1 - depth * np.exp(-(((x - 2.7e9) / 6e6) ** 2)), np.full(81, 1e-3), axes=axes)
        for depth in depths
    ]  # fmt: skip


def test_spectra_stand_apart_and_their_residuals_do_not():
    upper, lower = figure_of(dips([0.02, 0.01])).axes
    first, second = (container.lines[0].get_ydata() for container in upper.containers)
    assert second[0] - first[0] == pytest.approx(0.6 * 0.02, rel=1e-3, abs=0)
    assert "moved apart" in upper.get_ylabel()
    assert np.abs([line.get_ydata() for line in lower.lines[:2]]).max() < 1e-3
    (alone, _) = figure_of(dips([0.02])).axes
    assert "moved apart" not in alone.get_ylabel()
    assert alone.get_legend().get_bbox_to_anchor().x0 >= alone.bbox.x1  # beside the data, not over them


def test_a_model_says_how_far_apart_its_traces_are_drawn(monkeypatch):
    model = dataclasses.replace(load_model("gaussian_dips", count=1), lines_apart=1.5)
    monkeypatch.setattr(plots, "offered_model", lambda name: model)
    first, second = (one.lines[0].get_ydata() for one in figure_of(dips([0.02, 0.01])).axes[0].containers)
    assert second[0] - first[0] == pytest.approx(1.5 * 0.02, rel=1e-3, abs=0)


def test_what_is_told_first_are_the_lines_of_a_spectrum():
    assert headline("gaussian_dips", ["center_1", "center_2", "width_1"]) == ("center_1", "center_2")
    assert headline("stretched_exponential", ["amplitude", "T1"]) == ("T1",)


LONG = "y = a u/u + b + i (a v/v + b), u' = -(2G + g) u - (G - g) v, v' = -(G - g) u - (2G + g) v, " * 2


@pytest.mark.parametrize("others", [0, 1])
def test_eight_complex_fits_of_a_long_equation_leave_room_for_the_data(others):
    """As relaxometry at eight fields makes them: once the data had a fifth of the picture."""
    fits = [
        fit.with_changes(
            label=f"relaxometry, positioner position 400 nm, magnet field {10 + number} mT", equation=LONG,
            **{name: getattr(fit, name) * (1 + 2j) for name in ("y", "best", "curve_y")},
        )
        for number, fit in enumerate(dips([0.02] * 8))
    ]  # fmt: skip
    fits += [fit.with_changes(y_name="other", equation="y = x") for fit in dips([0.02])[:others]]
    figure = figure_of(fits)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    uppers = figure.axes[: len(figure.axes) // 2]
    assert len(uppers) == 2 + others
    for upper in uppers:
        assert upper.get_position().height > 0.5
    assert [upper.get_legend() is not None for upper in uppers] == [False, True, True][: 2 + others]
    equations = [upper.title for upper in uppers] if others else [figure._suptitle]
    boxes = [text.get_window_extent() for text in equations]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in some(boxes))
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_no_two_lines_of_a_panel_look_the_same():
    assert len({style_of(number) for number in range(49)}) == 49


def test_what_is_not_determined_is_marked_in_legend_and_line():
    (fit,) = dips([0.02])
    unknown = [dataclasses.replace(one, stderr=np.nan) for one in fit.parameters]
    fit = fit.with_changes(parameters=tuple(unknown))
    assert "(not determined)" in legend_text(fit)
    assert "(not determined)" not in legend_text(dips([0.02])[0])
