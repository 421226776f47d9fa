import sys
import time
import types

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest

matplotlib.use("Agg")

import labspin
from labspin.analysis import LivePlot
from labspin.bench import Bench
from labspin.clock import SimulatedClock
from labspin.data import Column
from labspin.experiment import Linear, Procedure, Product, Repeat


class Source:
    def safe(self): ...

    def identity(self):
        return "source"

    def settings(self):
        return {}


class Line(Procedure):
    quantities = (Column(name="other"), Column(name="value", unit="V"), Column(name="note", dtype="str"))
    signal = "value"
    pause = 0.0

    def plan(self):
        return Repeat(Linear("detuning", 0.0, 4.0, 5, unit="Hz"), 2)

    def measure(self, bench, point):
        time.sleep(self.pause)  # a point takes its time
        value = 3.0 * point.coordinates["detuning"] + point.coordinates["repeat"]
        return {"other": -1.0, "value": value, "note": "x"}


class Map(Line):
    def plan(self):
        return Product(Linear("field", 0.0, 1.0, 9, unit="T"), Linear("detuning", 0.0, 4.0, 5, unit="Hz"))

    def measure(self, bench, point):
        found = super().measure(bench, point._replace(coordinates={**point.coordinates, "repeat": 0.0}))
        return found | {"value": point.coordinates["field"]}


class Found(Line):
    coordinates = (Column(name="where", unit="m", role="coordinate"),)

    def plan(self):
        for where in (3.0, 1.0, 2.0):
            yield {"where": where}

    def measure(self, bench, point):
        return {"other": 0.0, "value": 10.0 * point.coordinates["where"], "note": "x"}


@pytest.fixture
def bench():
    return Bench(name="b", clock=SimulatedClock(), instruments={"source": Source()})


@pytest.fixture(autouse=True)
def close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def drawn_line(plot):
    (axes,) = plot.figure.axes
    line = axes.lines[0]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_the_last_picture_is_the_whole_run_with_repeats_averaged(bench, tmp_path):
    plot = LivePlot()
    labspin.run(Line(), bench, tmp_path / "run.h5", observers=[plot])
    x, y = drawn_line(plot)
    assert x == pytest.approx([0, 1, 2, 3, 4], rel=1e-6, abs=0)
    assert y == pytest.approx(3 * x + 0.5, rel=1e-6, abs=0)
    assert "finished" in plot.figure.axes[0].get_title()


def test_a_run_is_not_held_up_by_its_picture(bench, tmp_path):
    """Ten points in an instant are two pictures; in slow motion they are at most five a second."""
    pictures = []
    plot = LivePlot(show=lambda figure: pictures.append(time.monotonic()))
    labspin.run(Line(), bench, tmp_path / "fast.h5", observers=[plot])
    assert plot.drawn == len(pictures) == 2
    pictures.clear()
    slow = Line()
    slow.pause = 0.15
    labspin.run(slow, bench, tmp_path / "slow.h5", observers=[plot])
    assert 2 <= len(pictures) < 10
    assert np.diff(pictures[:-1]).min(initial=1.0) >= 0.2


def test_a_map_and_a_list(bench, tmp_path):
    plot = LivePlot()
    labspin.run(Map(), bench, tmp_path / "map.h5", observers=[plot])
    (mesh,) = plot.figure.axes[0].collections
    rows = np.asarray(mesh.get_array()).reshape(9, 5)[:, 0]
    assert rows == pytest.approx(np.linspace(0, 1, 9), rel=1e-6, abs=0)
    labspin.run(Found(), bench, tmp_path / "list.h5", observers=[plot])
    x, y = drawn_line(plot)
    assert x == pytest.approx([1, 2, 3], rel=1e-6, abs=0)
    assert y == pytest.approx([10, 20, 30], rel=1e-6, abs=0)


def test_another_quantity(bench, tmp_path):
    plot = LivePlot("other")
    labspin.run(Line(), bench, tmp_path / "run.h5", observers=[plot])
    assert set(drawn_line(plot)[1]) == {-1.0}


def test_a_quantity_that_is_not_there_does_not_end_the_run(bench, tmp_path):
    plot = LivePlot("nothing")
    assert labspin.run(Line(), bench, tmp_path / "run.h5", observers=[plot]).points == 10
    assert plot.drawn == 0


def test_in_a_notebook_one_output_is_replaced(bench, tmp_path, monkeypatch):
    from matplotlib import pyplot

    pyplot.close(pyplot.figure())  # matplotlib looks for IPython at the first figure: not for the one below
    updates = []

    class Handle:
        def update(self, figure):
            updates.append(figure)

    fake, inner = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    inner.display = lambda figure, display_id: updates.append("first") or Handle()
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    plot = LivePlot()
    labspin.run(Line(), bench, tmp_path / "run.h5", observers=[plot])
    assert updates == ["first", plot.figure]
    assert plot.figure.number not in pyplot.get_fignums(), "the cell does not show it a second time"
