"""Figures measured by run cards: what is compared, what is kept, and that a wrong curve would be seen."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from labspin.cli import main
from labspin.errors import ArgumentError
from labspin.reproduction import FIGURES, Panel, measure, measured_nv, measurements, reproduce
from labspin.reproduction.kept import KeptResults, digest_of
from labspin.session import load_card, workspace_examples
from tests.some import some


def panel(**changes):
    x = np.arange(4.0)
    made = {
        "title": "t", "xlabel": "x", "ylabel": "y", "x": x, "y": x + np.array([1.0, -1.0, 0.0, 2.0]),
        "error": np.ones(4), "expected": x, "curve": (x, x),
    }  # fmt: skip
    return Panel(**{**made, **changes})


def test_chi2_is_the_sum_of_squared_pulls_and_a_scale_costs_a_point():
    assert panel().chi2 == 6.0
    assert panel().degrees_of_freedom == 4
    assert panel(scales=1).degrees_of_freedom == 3
    # Of two degrees of freedom the probability is exp(−χ²/2).
    assert panel(scales=2).p_value == pytest.approx(math.exp(-3), rel=1e-12, abs=0)
    with pytest.raises(ArgumentError, match="panel 't': wanted"):
        panel(error=np.ones(3))


def test_every_card_that_measures_a_figure_is_shipped_and_takes_its_changes():
    for name, one in some(measurements().items()):
        assert name in FIGURES
        assert one.caption
        for changes in some(one.changes):
            card = load_card(workspace_examples() / one.card, overrides=changes, only=one.only)
            assert card.station is not None
            for spec in card.runs:
                list(spec.make().plan())


def test_a_measured_figure_lies_on_its_curve_and_its_runs_are_kept(tmp_path, monkeypatch, capsys):
    (found,) = measure(tmp_path, ["nv-2c"])
    assert found.picture.read_bytes().startswith(b"\x89PNG")
    with found.picture.with_suffix(".csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["panel", "x", "measured", "error", "computed"]
    assert len(rows) == sum(one.y.size for one in found.panels) == 63
    for one in found.panels:
        assert one.chi2 < one.degrees_of_freedom + 4 * math.sqrt(2 * one.degrees_of_freedom)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.h5")}
    assert len(files) == 3
    assert main(["reproduce", "nv-2c", "--measured", "-o", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "with one other, T1 = 490 µs" in told
    assert str(found.picture) in told

    class Slower:
        """Relaxes twice as slowly where classes are resonant."""

        isolated_rate = measured_nv.CR_MEASURED.isolated_rate

        @staticmethod
        def cross_relaxation_rate(*args, **options):
            return 0.5 * measured_nv.CR_MEASURED.cross_relaxation_rate(*args, **options)

    real = measured_nv.relaxation_times
    monkeypatch.setattr(
        measured_nv, "relaxation_times", lambda **given: real(**{**given, "relaxation": Slower()})
    )
    (wrong,) = measure(tmp_path, ["nv-2c"])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.h5")} == files
    assert [one.p_value < 1e-6 for one in wrong.panels] == [False, True, True]


def test_what_cannot_be_measured_says_why(tmp_path, capsys):
    assert main(["reproduce", "nv-3a", "--measured", "-o", str(tmp_path)]) == 1
    assert "cannot be measured: no bench can switch cross-relaxation off" in capsys.readouterr().err
    with pytest.raises(ArgumentError, match="relaxation and force: sw-4b"):
        list(measure(tmp_path, ["sw-1b"]))
    assert main(["reproduce", "--list", "--json"]) == 0
    cards = {one["name"]: one["card"] for one in json.loads(capsys.readouterr().out)}
    assert cards["nv-4a"] == "procedures/mdmr.toml"
    assert cards["nv-3a"] is None


def test_a_figure_is_computed_once_for_the_same_code(tmp_path, monkeypatch):
    list(reproduce(tmp_path, ["mr-3.2"]))
    picture = tmp_path / "mr-3.2.png"
    before = picture.stat().st_mtime_ns
    list(reproduce(tmp_path, ["mr-3.2"]))
    assert picture.stat().st_mtime_ns == before
    started = []
    list(reproduce(tmp_path, ["mr-3.2"], again=True, on_start=started.append))
    assert [one.name for one in started] == ["mr-3.2"]
    assert picture.stat().st_mtime_ns > before
    (tmp_path / "kept.json").write_text('{"mr-3.2.png": "0"}', encoding="utf-8")
    kept = picture.stat().st_mtime_ns
    list(reproduce(tmp_path, ["mr-3.2"]))
    assert picture.stat().st_mtime_ns > kept


def test_a_record_that_was_cut_off_makes_all_be_computed_again(tmp_path):
    (tmp_path / "kept.json").write_text('{"mr-3', encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"")
    kept = KeptResults(tmp_path)
    assert not kept.has(tmp_path / "a.png", "0")
    kept.add(tmp_path / "a.png", "0")
    assert KeptResults(tmp_path).has(tmp_path / "a.png", "0")
    assert digest_of("ab", "c") != digest_of("a", "bc")


def test_errors_of_a_scan_are_the_scatter_of_its_passes_but_not_what_up_and_down_differ_by():
    rng, pulls = np.random.default_rng(3), []
    for _ in range(10):
        passes = 1e-3 * rng.normal(size=(16, 111)) + 2e-3 * np.resize([1.0, -1.0], (16, 1))
        pulls.append(passes.mean(axis=0) / measured_nv._scatter(passes))
    assert np.square(pulls).mean() == pytest.approx(1.0, rel=0.15, abs=0)
