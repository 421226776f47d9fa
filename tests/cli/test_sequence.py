"""`labspin sequence` and what else draws pulses: a card, its check, a report."""

import re

import pytest

from labspin.cli import main
from labspin.data import read_run
from labspin.experiment import run
from labspin.procedures import T1, MDMRLockIn
from labspin.session import drawn_sequences, report_run
from labspin.station import load_station
from tests.places import ROOT
from tests.some import some

CARD = ROOT / "procedures" / "hahn_echo.toml"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_card_is_drawn_before_anything_is_connected(tmp_path, capsys, ending):
    path = tmp_path / f"echo.{ending}"
    assert main(["sequence", str(CARD), "--output", str(path)]) == 0
    assert str(path) in capsys.readouterr().out.replace("\n", "")
    start = path.read_bytes()[:200]
    assert {"png": b"PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending] in start


def test_a_check_draws_it_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(CARD), "--plot"]) == 0
    assert (tmp_path / "hahn_echo-sequence.png").exists()
    assert "hahn_echo-sequence.png" in capsys.readouterr().out


def test_a_card_without_pulses_is_refused(capsys):
    assert main(["sequence", str(ROOT / "procedures" / "mrfm_temperature.toml")]) == 1
    assert "wanted a procedure that plays pulses, got 'mrfm_temperature'" in capsys.readouterr().err


def test_gates_are_drawn_where_the_counter_has_them():
    procedure = T1()
    with_pi = drawn_sequences(procedure)["with π pulse"]
    (trigger,) = (pulse for pulse in with_pi.pulses if pulse.line == "trigger")
    found = [(p.start - trigger.start, p.duration) for p in with_pi.pulses if p.line.startswith("gate ")]
    for (delay, width), (wanted, long) in some(zip(found, procedure.gates(), strict=True)):
        assert delay == pytest.approx(wanted, rel=1e-6, abs=0) or (delay == wanted == 0)
        assert width == pytest.approx(long, rel=1e-6, abs=0)
    assert not any("gate" in line for one in drawn_sequences(MDMRLockIn()).values() for line in one.lines)


def test_a_report_shows_the_pulses_that_were_played(tmp_path):
    station = load_station(ROOT / "instruments" / "levitated-diamond.toml")
    with station.connect() as bench:
        procedure = T1(dark_times=2, averages=1, repetitions=100)
        path = run(procedure, bench, tmp_path / "run.h5").path
    page = report_run(path).read_text(encoding="utf-8")
    assert "What the pulse generator played" in page
    assert re.search(r"<h2[^>]*>Pulses</h2>", page)
    assert read_run(path).is_complete
