"""`labspin fit` of foreign files, and what it says to many traces."""

import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import lfilter, welch

from labspin.analysis.outcome import noted
from labspin.cli import main
from labspin.cli.fit_shown import _doubts
from labspin.cli.output import print_table
from tests.analysis.samples import decay_run

RECIPE = (
    '[data]\nx = "dark_time"\ny = "difference"\nsigma = "difference_errors"\n'
    '[model]\nname = "stretched_exponential"\nfixed = { beta = 0.8 }\n'
)


def fitted(capsys, *words):
    assert main(["fit", *map(str, words), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    return {row["parameter"]: row for row in answer["fits"]}


@pytest.fixture
def dips(tmp_path):
    """Two dips in a table, at 2.85 and 2.89 GHz."""
    frequency = np.linspace(2.8e9, 2.95e9, 301)
    y = 1.0 + np.random.default_rng(1).normal(0, 1e-4, frequency.size)
    for center in (2.85e9, 2.89e9):
        y -= 0.03 / (1 + ((frequency - center) / 3e6) ** 2)
    path = tmp_path / "dips.csv"
    np.savetxt(path, np.column_stack([frequency, y]), delimiter=",", header="frequency,light", comments="")
    return path


def test_a_foreign_file_takes_the_options_of_the_model(dips, capsys):
    words = (dips, "--x", "frequency", "--y", "light", "--model", "lorentzian_dips", "--x-unit", "Hz")
    free = fitted(capsys, *words, "--option", "count=2")
    centers = [name for name in free if name.startswith("center")]
    assert sorted(free[name]["value"] for name in centers) == pytest.approx([2.85e9, 2.89e9], rel=1e-5, abs=0)
    held = fitted(capsys, *words, "--option", "count=2", "--fix", f"{centers[0]}=2.851 GHz")
    assert held[centers[0]]["fixed"]
    assert held[centers[0]]["value"] == pytest.approx(2.851e9, rel=1e-6, abs=0)
    assert main(["fit", *map(str, words), "--fix", "center"]) == 1
    assert "--fix: wanted NAME=VALUE" in capsys.readouterr().err


def test_the_window_of_a_spectrum_widens_its_errors(tmp_path, capsys):
    """As `fit_spectrum` does: a Hann window correlates neighbouring bins."""
    frequency = np.arange(900.0, 1100.0, 0.5)
    clean = 1e-24 + 1e-20 / ((frequency - 1000.0) ** 2 + 25.0)
    power = clean * np.random.default_rng(2).gamma(60, 1 / 60, frequency.size)
    path = tmp_path / "spectrum.csv"
    np.savetxt(path, np.column_stack([frequency, power]), delimiter=",", header="f,psd", comments="")
    words = (path, "--x", "f", "--y", "psd", "--model", "thermal_spectrum", "--averages", 60)
    plain, hann = fitted(capsys, *words), fitted(capsys, *words, "--window", "hann", "--length", "2 s")
    assert hann["f0"]["value"] == pytest.approx(plain["f0"]["value"], abs=4 * plain["f0"]["stderr"])
    assert 1.1 < hann["f0"]["stderr"] / plain["f0"]["stderr"] < 1.6
    assert main(["fit", *map(str, words), "--window", "boxcar"]) == 1
    assert "boxcar" in capsys.readouterr().err


def test_many_traces_are_not_all_printed(tmp_path, capsys):
    fields = np.linspace(0, 1e-3, 40)
    path = decay_run(tmp_path / "map.h5", 1e-3 * (1 + 400 * fields), fields=fields)
    (tmp_path / "decay.toml").write_text(RECIPE)
    assert main(["fit", str(path), "--with", str(tmp_path / "decay.toml")]) == 0
    out = capsys.readouterr().out
    assert out.count("T1 = ") == 24
    assert "24 of 40 traces are shown; --table FILE has them all" in out
    assert "40 traces, " in out
    assert re.search(r"^1 fitted in \d+\.\d s$", out, re.MULTILINE)


def test_help_shows_examples_that_parse(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = capsys.readouterr().out
    assert "exit codes:" in text
    assert text.count("  labspin fit ") >= 6


def test_a_spectrum_of_unknown_unit_has_a_variance_without_one(tmp_path, capsys):
    rng, frequency = np.random.default_rng(3), np.arange(2950.0, 3050.0, 0.5)
    mean = 1e-3 + 1 / (1 + ((frequency - 3000) / 2) ** 2)
    path = tmp_path / "psd.csv"
    spectrum = mean * rng.gamma(40, 1 / 40, frequency.size)
    np.savetxt(path, np.column_stack([frequency, spectrum]), delimiter=",", header="f,psd", comments="")
    words = ("--x", "f", "--y", "psd", "--model", "thermal_spectrum", "--averages", 40)
    assert fitted(capsys, path, *words)["variance"]["unit"] == "1"
    assert fitted(capsys, path, *words, "--y-unit", "m**2/Hz")["variance"]["unit"] == "m**2"


def test_pictures_of_two_recipes_stand_side_by_side(tmp_path, capsys):
    path = decay_run(tmp_path / "run.h5", 1e-3)
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(RECIPE)
        assert main(["fit", str(path), "--with", str(tmp_path / f"{name}.toml")]) == 0
    assert sorted(found.name for found in tmp_path.glob("*.png")) == ["run-one-fit.png", "run-two-fit.png"]
    assert "run-two-fit.png" in capsys.readouterr().out


def test_a_table_in_a_pipe_breaks_no_line(tmp_path, capsys):
    name = "20261122-025912-a-run-with-a-very-long-name-that-tells-everything-about-it.h5"
    decay_run(tmp_path / name, 1e-3, label="a label of many words, which would be folded on a screen")
    assert main(["ls", str(tmp_path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if ".h5" in line]
    assert name in line
    assert "which would be folded on a screen" in line
    assert re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d$", line)


def test_a_narrow_screen_breaks_labels_and_no_names(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    name = "20261122-025912-run.h5"
    print_table(
        "",
        ("file", "label", "started"),
        [(name, "words " * 9, "2026-11-22 02:59")],
        whole=("file", "started"),
    )
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if name in line and "2026-11-22 02:59" in line]
    assert len([line for line in lines if "words" in line]) > 3


def test_the_length_of_a_segment_takes_its_resolution_out_of_the_width(tmp_path, capsys):
    """Of a table that holds every third bin, the spacing does not tell the length."""
    rate, f0, Q, length = 1024.0, 200.0, 200.0, 1.0  # a line of 1 Hz, seen with a resolution of 1.5 Hz
    damping, turn = np.pi * f0 / Q / rate, 2 * np.pi * f0 / rate
    white = np.random.default_rng(5).standard_normal(600 * int(rate))
    motion = lfilter([1.0], [1.0, -2 * np.exp(-damping) * np.cos(turn), np.exp(-2 * damping)], white)
    frequency, power = welch(motion, rate, "hann", int(rate * length), noverlap=0, detrend=False)
    near = np.flatnonzero(np.abs(frequency - f0) < 30)[::3]
    path = tmp_path / "spectrum.csv"
    table = np.column_stack([frequency, power])[near]
    np.savetxt(path, table, delimiter=",", header="f,psd", comments="")
    words = (path, "--x", "f", "--y", "psd", "--model", "thermal_spectrum", "--averages", 600)
    told = fitted(capsys, *words, "--window", "hann", "--length", "1 s")["Q"]
    untold = fitted(capsys, *words, "--window", "hann")["Q"]
    assert told["value"] == pytest.approx(Q, abs=2 * told["stderr"])
    assert told["value"] > untold["value"] + 2 * untold["stderr"]
    assert told["stderr"] < 0.1 * Q
    assert untold["value"] < Q - 3 * untold["stderr"]


def test_what_is_said_of_every_trace_is_said_once():
    stored = {"warnings": ["layer or distance; who knows | far | own", "layer or distance; who knows | far"]}
    rows = [{"trace": at, "fit": "film", "label": name, "warnings": "…"} for at, name in enumerate("ab")]
    result = SimpleNamespace(record=SimpleNamespace(statistics=stored), own_rows=lambda: iter(rows))
    assert _doubts(result) == ["film, all 2 traces: layer or distance; who knows; far", "a: own"]
    rows.pop()
    assert _doubts(result) == ["a: layer or distance; who knows; far; own"]


def test_a_held_value_of_a_trace_that_was_not_fitted_is_none():
    assert noted(math.nan, math.nan, "s", fixed=True) == "not determined"
    assert noted(2e-6, math.nan, "s", fixed=True).endswith("(held)")
