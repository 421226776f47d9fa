"""The report page: what stands on it, that it needs nothing else, and that no stranger's text is markup."""

import base64
import dataclasses
import html
import re
import shutil
import subprocess
import time
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

from labspin.analysis import Recipe, fit_run, load_model, report_html, write_outcomes, write_report
from labspin.analysis.files.stored import outcomes_of
from labspin.analysis.report import pictures
from labspin.analysis.report.fits import fit_warnings
from labspin.analysis.report.page import Html, table, tag
from labspin.analysis.report.words import clock_time, interval
from labspin.data import Column, Dimension, Layout, RunHeader, RunMetadata, RunWriter, read_run
from labspin.errors import FitError, NotARunFileError
from tests.places import PATIENCE
from tests.some import some

DELAYS = np.geomspace(1e-5, 2e-2, 30)
SE = load_model("stretched_exponential")
RECIPE = Recipe(
    name="t1", x="dark_time", y="difference", sigma="difference_errors", model="stretched_exponential",
    derived={"rate": "1/T1 [1/s]"},
)  # fmt: skip
HOSTILE = "<script>alert('ha')</script> $\\frac$ \x07 \u202e 測"


def make(path, *, label="a diamond", repeats=1, status="finished", missing=0, safe=True, **changes):
    rng = np.random.default_rng(5)
    dimensions = (Dimension(name="dark_time", unit="s", values=DELAYS),)
    if repeats > 1:
        dimensions = (Dimension(name="field", unit="T", values=np.arange(1.0, repeats + 1)), *dimensions)
    columns = (Column(name="difference", description="contrast"), Column(name="difference_errors"))
    content = {
        "parameters": {"microwave_frequency": {"value": 2.87e9, "unit": "Hz"}},
        "station": {"name": "bench", "text": "[magnet]\n", "drivers": {"magnet": "kepco_bop"}},
        "snapshot": {"instruments": {"magnet": {"identity": "KEPCO,BOP", "settings": {"current": 0.25}}}},
        "environment": {"labspin": "1.2.3"},
        "truth": {"T1": 1.5e-3, "beta": [0.8, 0.8]},
    }
    header = RunHeader(
        procedure="t1",
        label=label,
        layout=Layout(dimensions=dimensions, columns=columns),
        **content | changes,
    )
    truth = {"amplitude": 0.05, "T1": 1.5e-3, "beta": 0.8, "baseline": 0.0}
    y = np.tile(SE.evaluate(DELAYS, truth), repeats) + rng.normal(0, 1e-3, repeats * DELAYS.size)
    with RunWriter.create(path, header) as writer:
        for index in range(y.size - missing):
            writer.append(index, float(index), [y[index], 1e-3])
        writer.event("log", "lamp off")
        writer.event("safe", "magnet at 0 A", ok=safe)
        return writer.finish(status, snapshot={"instruments": {"magnet": {"settings": {"current": 0.0}}}})


def text_of(page):
    words = []
    parser = HTMLParser()
    parser.handle_data = words.append
    parser.feed(page)
    return " ".join(" ".join(words).split())


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_everything_about_the_run_stands_on_the_page(tmp_path):
    path = make(tmp_path / "run.h5")
    (outcome,) = fit_run(path, RECIPE, write=True)
    text = text_of(report_html(path))
    wanted = [
        "a diamond", "finished", "simulated", "30 of 30", "2.87 GHz", "KEPCO,BOP", "kepco_bop", "[magnet]",
        "lamp off", "magnet at 0 A", "1.2.3", "ground truth", outcome["T1"].text(), "1.5 ms",
        f"{outcome.statistics.chi2:.4g}", f"{outcome.statistics.p_value:.4g}",
    ]  # fmt: skip
    assert [word for word in wanted if word not in text] == []
    # Settings before and after the run stand side by side.
    assert "current 0.25 0" in text
    deviation = (outcome["T1"].value - 1.5e-3) / outcome["T1"].stderr
    assert f"{deviation:+.2f} σ" in text
    percent = 100 * outcome["T1"].stderr / outcome["T1"].value
    assert f"{outcome['T1'].text()} {percent:.2f}%" in text, "the relative error stands beside the value"


def test_the_page_begins_with_what_a_supervisor_asks(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    said = RunMetadata(
        sample="D7", operator="M. Curie", project="torque", description="why", comment="hot", tags=("good",)
    )
    digest = "0123456789abcdef" * 4
    path = make(
        tmp_path / "run.h5", metadata=said, extra={"source": digest}, started="2026-07-01T10:00:00+00:00"
    )
    (outcome,) = fit_run(path, RECIPE, write=True)
    text = text_of(report_html(path))
    head, rest = text.split("Fit t1", 1)
    for word in ("D7", "M. Curie", "torque", "why", "hot", "good", "2026-07-01 12:00:00 +0200"):
        assert word in head
    for name in ("T1", "beta", "rate"):
        assert f"{name} = {outcome[name].text()}" in head
    assert digest not in head
    assert digest in rest
    assert rest.index("Data, fit and residuals") < rest.index("Measurement")
    assert text_of(report_html(make(tmp_path / "plain.h5"))).index("Measurement") > 0


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system has no tzset")
def test_events_are_told_in_local_time_with_its_offset(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    assert clock_time(1767225600.123) == "2026-01-01 01:00:00.123 +0100"
    assert clock_time(1782864000.0) == "2026-07-01 02:00:00.000 +0200"
    assert clock_time(1e300) == "1e+300 s"


@pytest.fixture(autouse=True)
def _time_zone():
    yield
    time.tzset()


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path):
    path = make(tmp_path / "run.h5")
    fit_run(path, RECIPE, write=True)
    elements = Elements(report_html(path)).found
    assert not {name for name, _ in elements} & {"script", "link", "iframe", "object", "embed", "form", "a"}
    sources = [
        value for _, attributes in elements for key, value in attributes.items() if key in ("src", "href")
    ]
    assert len(sources) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    for source in sources:
        picture = base64.b64decode(source.partition(",")[2]).decode()
        # Besides names of formats, an SVG refers to its own parts only.
        assert all(target.startswith("#") for target in some(re.findall(r'href="([^"]*)"', picture)))
    policy = next(a["content"] for name, a in elements if "http-equiv" in a)
    assert "default-src 'none'" in policy


def test_hostile_texts_are_shown_and_never_obeyed(tmp_path):
    hostile = {
        "parameters": {HOSTILE: {"value": HOSTILE, "unit": "<b>$x"}, "odd": HOSTILE},
        "station": {"name": HOSTILE, "text": HOSTILE, "drivers": HOSTILE},
        "snapshot": {"instruments": {HOSTILE: {"identity": HOSTILE, "settings": HOSTILE}, "magnet": HOSTILE}},
        "environment": {HOSTILE: HOSTILE},
        "truth": {HOSTILE: HOSTILE, "T1": HOSTILE},
        "extra": {"remark": HOSTILE},
    }
    path = make(tmp_path / "run.h5", label=HOSTILE, **hostile)
    fit_run(path, RECIPE, write=True)
    page = report_html(path)
    allowed = {name for name, _ in Elements(report_html(make(tmp_path / "tame.h5"))).found}
    assert {name for name, _ in Elements(page).found} - allowed <= {
        "p",
        "ul",
        "li",
        "details",
        "summary",
        "b",
    }
    assert "<script" not in page
    assert html.escape("<script>alert('ha')</script>") in page
    assert "\x07" not in page
    assert "\u202e" not in page


def test_text_is_escaped_unless_it_is_html():
    assert tag("p", "<b>", tag("i", "&")) == "<p>&lt;b&gt;<i>&amp;</i></p>"
    assert tag("img", alt='"<') == '<img alt="&quot;&lt;">'
    assert isinstance(tag("p"), Html)
    assert "… and 3 more" in table(["n"], [[str(k)] for k in range(5)], limit=2)


def test_what_a_reader_must_know_first_comes_first(tmp_path):
    path = make(tmp_path / "run.h5", status="aborted", missing=4, safe=False)
    text = text_of(report_html(path))
    head = text[: text.index("Measurement")]
    assert "The run is aborted" in head
    assert "4 of 30 points are missing" in head
    assert "NOT SAFE: magnet" in head
    assert "FAILED" in text
    calm = text_of(report_html(make(tmp_path / "calm.h5")))
    assert "missing" not in calm
    assert "NOT SAFE" not in calm


def test_a_bad_fit_is_said_at_the_top(tmp_path):
    path = make(tmp_path / "run.h5")
    run = read_run(path)
    data = {"difference": run.data["difference"], "difference_errors": run.data["difference_errors"] / 5}
    wrong = dataclasses.replace(run, columns={**run.columns, **data})
    outcomes = fit_run(wrong, RECIPE)
    assert outcomes[0].statistics.p_value < 1e-3
    write_outcomes(path, outcomes, RECIPE)
    text = text_of(report_html(path))
    assert "Fit t1:" in text[: text.index("Measurement")]


def test_residuals_are_in_units_of_the_errors_of_the_run(tmp_path):

    path = make(tmp_path / "run.h5")
    (outcome,) = fit_run(path, RECIPE, write=True)
    run = read_run(path)
    (drawn,) = outcomes_of(run, run.fits[0])
    np.testing.assert_array_equal(drawn.sigma, outcome.sigma)
    np.testing.assert_allclose(drawn.residuals, outcome.residuals, atol=0)
    assert drawn.parameters[0].text() == outcome.parameters[0].text()
    assert drawn.statistics.chi2 == pytest.approx(outcome.statistics.chi2, rel=1e-6, abs=0)
    np.testing.assert_allclose(drawn.covariance, outcome.covariance, atol=0)
    assert drawn.warnings == outcome.warnings
    assert drawn["rate"].derived


def test_many_traces_are_listed_and_drawn_along_the_traces(tmp_path):
    path = make(tmp_path / "run.h5", repeats=9)
    outcomes = fit_run(path, RECIPE, write=True)
    page = report_html(path)
    text = text_of(page)
    assert all(outcome["T1"].text() in text for outcome in some(outcomes))
    assert "7 of the 9 traces" in text  # as many as there are colours
    ends = [f([outcome["T1"] for outcome in outcomes], key=lambda one: one.value).text() for f in (min, max)]
    assert f"9 traces: T1 = {ends[0]} … {ends[1]}, see below" in text
    assert page.count("<img") == 3


def test_what_is_fitted_has_the_name_that_the_recipe_gives_it(tmp_path):
    path = make(tmp_path / "run.h5")
    fit_run(path, dataclasses.replace(RECIPE, y_name="light less light"), write=True)
    run = read_run(path)
    (outcome,) = outcomes_of(run, run.fits[0])
    assert outcome.y_name == "light less light"


def test_parameters_are_drawn_over_the_axis_of_the_run(tmp_path):
    path = make(tmp_path / "run.h5", repeats=4)
    fit_run(path, RECIPE, write=True)
    run = read_run(path)
    (name, unit, places), series = pictures._places(run, run.fits[0])
    assert (name, unit, places.tolist()) == ("field", "T", [1.0, 2.0, 3.0, 4.0])
    assert len(series) == 1
    unknown = dataclasses.replace(run.fits[0], recipe={})
    assert pictures._places(run, unknown)[0][0] == "trace"


def test_values_that_the_data_do_not_determine_are_left_out_and_counted(tmp_path, monkeypatch):
    """Without its error, a value of no meaning looks like a good one, and no other is seen beside it."""
    path = make(tmp_path / "run.h5", repeats=4)
    fit_run(path, RECIPE, write=True)
    run = read_run(path)
    record = run.fits[0]
    (first, *others) = record.parameters
    value, stderr = first.value.copy(), first.stderr.copy()
    value[1], stderr[1] = 1e9, np.nan
    spoilt = dataclasses.replace(first, value=value, stderr=stderr)
    seen = []
    monkeypatch.setattr(pictures, "_embedded", lambda figure, caption, size: seen.append((figure, caption)))
    pictures.parameter_picture(run, dataclasses.replace(record, parameters=(spoilt, *others)))
    ((figure, caption),) = seen
    assert "left out: 1 value that" in caption
    assert figure.axes[0].get_ylim()[1] < 1e3
    said = {"warnings": ["", "odd", "", ""], "labels": ["field 1 T", "field 2 T", "field 3 T", "field 4 T"]}
    assert fit_warnings(dataclasses.replace(record, statistics=said))[0] == "field 2 T: odd"
    said.pop("labels")
    assert fit_warnings(dataclasses.replace(record, statistics=said))[0] == "trace 1: odd"


@pytest.mark.parametrize("state", ["running", "nothing measured", "unfitted"])
def test_runs_that_are_not_over_are_reported_too(tmp_path, state):
    if state == "unfitted":
        path = make(tmp_path / "run.h5")
        assert "The run file holds no fit" in report_html(path)
        return
    layout = Layout(columns=(Column(name="signal", unit="V"),))
    with RunWriter.create(tmp_path / "run.h5", RunHeader(procedure="p", layout=layout)) as writer:
        if state == "running":
            writer.append(0, 0.0, [1.0])
        text = text_of(report_html(tmp_path / "run.h5"))
    assert "The run is running" in text
    assert ("No point was measured" in text) == (state != "running")


def test_large_runs_come_as_png(tmp_path):
    axis = Dimension(name="x", unit="s", values=np.arange(6000.0))
    layout = Layout(columns=(Column(name="signal", unit="$V", axes=(axis,)),), size=1)
    with RunWriter.create(tmp_path / "run.h5", RunHeader(procedure="p", layout=layout)) as writer:
        writer.append(0, 0.0, [np.arange(6000.0)])
        path = writer.finish("finished")
    assert "data:image/png;base64," in report_html(path)


def test_where_the_page_goes(tmp_path):
    path = make(tmp_path / "run.h5")
    before = path.read_bytes()
    assert write_report(path) == tmp_path / "run.html"
    assert write_report(path, tmp_path) == tmp_path / "run.html"
    assert write_report(path, tmp_path / "new" / "page.htm").read_text("utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(FitError, match=r"ends in \.html"):
        write_report(path, path)
    assert path.read_bytes() == before
    with pytest.raises(FitError, match=r"has this name already; .* no report was written"):
        write_report(path, path / "page.html")
    with pytest.raises(NotARunFileError):
        report_html(tmp_path / "run.html")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_shows_the_page(tmp_path, width):
    from matplotlib.image import imread

    path = make(tmp_path / "run.h5", label=HOSTILE)
    fit_run(path, RECIPE, write=True)
    page, picture = write_report(path), tmp_path / "page.png"
    profile = tmp_path / "profile"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},1500"]
    subprocess.run(
        [*command, f"--screenshot={picture}", page.as_uri()],
        check=True,
        timeout=PATIENCE,
        capture_output=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = imread(picture)[..., :3]
    assert pixels.shape[1] == width
    # The curves are drawn: the blue of the data (#0072B2) stands in two pictures, one below the other.
    blue = np.all(np.abs(pixels - np.array([0x00, 0x72, 0xB2]) / 255) < 0.05, axis=-1)
    rows = np.flatnonzero(blue.any(1))
    assert rows.size > 20
    assert np.diff(rows).max() > 50


def test_how_long_a_run_took_is_not_told_where_the_clock_was_set_back():
    assert interval("2026-01-01T12:00:00+00:00", "2026-01-01T11:00:00+00:00") == ""
    assert interval("2026-01-01T12:00:00+00:00", "2026-01-01T13:02:00+00:00") == "1 h 2 min"
