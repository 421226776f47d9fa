"""Pictures of fits and of scans there and back, read off the artists that were drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from labspin.analysis import fit_curve
from labspin.analysis.models import load_model
from labspin.analysis.pictures.plots import figure_of, headline
from labspin.analysis.pictures.runplots import draw_run
from labspin.data import Column, Layout, RunHeader, RunWriter, read_run

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


def test_what_is_told_first_are_the_lines_of_a_spectrum():
    assert headline("gaussian_dips", ["center_1", "center_2", "width_1"]) == ("center_1", "center_2")
    assert headline("stretched_exponential", ["amplitude", "T1"]) == ("T1",)
