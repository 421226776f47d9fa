"""What procedure, bench, outcome, run and fit show of themselves in a notebook."""

import html.parser

import numpy as np
import pytest

import labspin
from labspin.analysis import Recipe, fit_curve, fit_run, load_model
from labspin.analysis.outcome import Picture
from labspin.data import read_run
from labspin.errors import FitError
from labspin.notebook import html_page
from labspin.procedures.rabi import Rabi
from tests.analysis.samples import decay_run
from tests.places import ROOT

RECIPE = Recipe(
    name="t1", x="dark_time", y="difference", sigma="difference_errors", model="stretched_exponential"
)


class _Words(html.parser.HTMLParser):
    """Counts tags, gathers what is read."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words = [], []
        self.feed(text)
        assert not self.open
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_fit_shows_its_values_and_a_picture_of_itself(tmp_path):
    (fit,) = fit_run(decay_run(tmp_path / "run.h5"), RECIPE)
    shown = _Words(fit._repr_html_())
    assert fit["T1"].text() in shown.text
    assert "stretched_exponential" in shown.text
    picture = fit.plot()
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert picture.save(tmp_path / "fit.svg").read_text("utf-8").count("<svg") == 1
    run = _Words(read_run(tmp_path / "run.h5")._repr_html_())
    assert "dark_time" not in run.text  # an axis, no column
    assert "difference_errors" in run.text


def test_what_is_shown_where_there_is_no_page_is_short_and_says_what_it_is(tmp_path):
    (fit,) = fit_run(decay_run(tmp_path / "run.h5"), RECIPE)
    assert repr(fit).startswith("<fit t1")
    assert f"T1 = {fit['T1'].text()}" in repr(fit)
    shown = repr(labspin.load_station(ROOT / "instruments" / "levitated-diamond.toml"))
    assert shown == "<station levitated diamond (simulated): simulated, microwave, magnet, pulses, counter>"


def test_what_is_no_model_or_no_run_is_refused_by_name(tmp_path):
    x = np.linspace(0.0, 1.0, 9)
    with pytest.raises(FitError, match=r"wanted a model, got 'saturation'; load_model\('saturation'\) makes"):
        fit_curve("saturation", x, x)
    with pytest.raises(FitError, match="saturation_power: wanted a number in the units of x and y"):
        fit_curve(load_model("saturation"), x, x, start={"saturation_power": "1 mW"})
    with pytest.raises(FitError, match="or what read_run returns, got a Dataset"):
        fit_run(labspin.open(decay_run(tmp_path / "run.h5")), RECIPE)


def test_a_picture_is_shown_without_a_line_for_each_font_that_is_missing(tmp_path, caplog):
    (fit,) = fit_run(decay_run(tmp_path / "run.h5"), RECIPE)
    for place, show in enumerate((Picture._repr_png_, lambda one: one.save(tmp_path / "fit.svg"))):
        picture = fit.plot()
        picture.figure.text(0.5, 0.5, "x", fontfamily=f"A Font That Nobody Has {place}")
        show(picture)
    assert caplog.text == ""


def test_procedure_and_bench_show_what_can_be_set():
    shown = _Words(Rabi(pulse_stop="300 ns")._repr_html_())
    assert "pulse_stop" in shown.text
    assert "300 ns" in shown.text
    assert "Dead time of the detector after a count" in shown.text
    station = labspin.load_station(ROOT / "instruments" / "levitated-diamond.toml")
    with station.connect(seed=1) as bench:
        page = _Words(bench._repr_html_())
    assert "microwave.frequency" in page.text
    assert "GHz" in page.text


def test_nothing_of_a_file_becomes_markup():
    page = html_page("<script>", [("a", "<b>")], ["<i>"], [["<u>"]], ["<s>"])
    assert not any(tag in page for tag in ("<script>", "<b>", "<i>", "<u>", "<s>"))
    assert _Words(page).text.count("<") == 5
