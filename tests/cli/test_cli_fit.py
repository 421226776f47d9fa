"""`labspin fit` of foreign files, and what it says to many traces."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from labspin.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))

from fit_samples import decay_run

RECIPE = (
    '[data]\nx = "dark_time"\ny = "difference"\nsigma = "difference_error"\n'
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
    assert sorted(free[name]["value"] for name in centers) == pytest.approx([2.85e9, 2.89e9], rel=1e-5)
    held = fitted(capsys, *words, "--option", "count=2", "--fix", f"{centers[0]}=2.851 GHz")
    assert held[centers[0]]["fixed"]
    assert held[centers[0]]["value"] == pytest.approx(2.851e9)
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


def test_help_shows_examples_that_parse(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = capsys.readouterr().out
    assert "exit codes:" in text
    assert text.count("  labspin fit ") >= 6
