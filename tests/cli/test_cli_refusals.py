"""What a person gets wrong in a card or station file: one sentence, an exit code, nothing written."""

import time
from pathlib import Path

import pytest

from labspin.cli import main

ROOT = Path(__file__).resolve().parents[2]

PROCEDURE = """
from labspin.data import Column
from labspin.experiment import Procedure, Sweep, SweepParameter
from labspin.instruments import LockIn, MagnetSupply

class Mine(Procedure):
    roles = {"magnet": MagnetSupply}
    quantities = (Column(name="y"),)
    sweep = SweepParameter("Sweep")
    def plan(self):
        return Sweep.from_dict(self.sweep)
    def measure(self, bench, point):
        return {"y": 0.0}

class Both(Mine):
    def settings(self):
        return {"magnet.field": 0.0}

class Other(Mine):
    roles = {"magnet": LockIn}
"""
CARD = """
procedure = "mine.py:Mine"
station = "bench.toml"

[[runs]]
label = "good"
[runs.parameters]
sweep = { sweep = "linear", name = "magnet.current", start = "0 A", stop = "1 A", number = 3 }

[[runs]]
label = "other"
[runs.parameters]
sweep = { sweep = "linear", name = "magnet.current", start = "0 A", stop = "1 A", number = 4 }
"""
SECOND = 'stop = "1 A", number = 4'


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with a card of two runs, a procedure and a station, and nowhere to write by accident."""
    station = (ROOT / "instruments" / "levitated-diamond.toml").read_text(encoding="utf-8")
    for name, text in (("mine.py", PROCEDURE), ("card.toml", CARD), ("bench.toml", station)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--scan", "x = 1, 2", "--scan", "x = 3"], "--scan 'x' is given twice"),
        (["--scan", "x = 1, 2", "--set", "x=3"], "'x' is given by --set and by --scan"),
        (["--scan", ""], "--scan '': wanted 'NAME = VALUES'"),
    ],
)
def test_of_two_overrides_that_contradict_each_other_none_is_ignored(lab, capsys, words, text):
    assert main(["check", "card.toml", *words]) == 1
    assert text in capsys.readouterr().err


def change(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


MISTAKES = [
    ("card.toml", SECOND, 'stop = "20 A", number = 4', "magnet.current: wanted -11 A to 11 A, got"),
    ("card.toml", SECOND, 'stop = "1 V", number = 4', "wanted a quantity in 'A', got '1 V'"),
    ("card.toml", SECOND, 'stop = "inf A", number = 4', "wanted finite values"),
    ("card.toml", SECOND, 'stop = "nan A", number = 4', "wanted a number with a unit"),
    ("card.toml", SECOND, 'stop = "1 A", number = 0', "wanted a whole number ≥ 1, got 0"),
    ("card.toml", SECOND, 'stop = "1 A", number = 1000000000', "wanted at most 10,000,000 points"),
    ("card.toml", SECOND, 'stop = "1 A", number = 4, unit = "mA"', "wanted 'magnet.current' in 'A'"),
    ("card.toml", SECOND, 'stop = "1 A", nubmer = 4', "did you mean 'number'"),
    ("card.toml", '"magnet.current"', '"magnet.curent"', "no actuator 'magnet.curent'"),
    ("card.toml", '"magnet.current"', '"magnet.voltage"', "[instruments.magnet.actuators.voltage] with"),
    ("card.toml", '"magnet.current"', '"lamp.power"', "no actuator 'lamp.power'"),
    ("card.toml", "mine.py:Mine", "mine.py:Both", "'magnet.current' move the same actuator"),
    ("card.toml", "mine.py:Mine", "mine.py:Other", "'magnet' is no LockIn: it lacks"),
    ("card.toml", "\nsweep =", "\nswept =", "did you mean 'sweep'"),
    ("bench.toml", "[instruments.magnet]", "[instruments.coil]", "magnet"),
    ("bench.toml", 'limits = ["-11 A", "11 A"]', "", "limits: is missing"),
    ("bench.toml", 'safe = "0 A"', 'safe = "12 A"', "safe: wanted 0 A"),
    ("bench.toml", 'ramp_rate = "2 A/s"', 'ramp_rate = "0 A/s"', "ramp_rate: wanted a finite number > 0"),
    ("bench.toml", 'ramp_rate = "2 A/s"', 'ramp_rate = "2 A"', "ramp_rate: wanted a quantity in 'A/s'"),
]  # fmt: skip


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(("file", "old", "new", "text"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_one_sentence_and_nothing_is_written(lab, capsys, command, file, old, new, text):
    change(lab / file, old, new)
    before = sorted(lab.rglob("*.h5*"))
    begun = time.process_time()
    assert main([command, "card.toml"]) == 1
    assert time.process_time() - begun < 5
    captured = capsys.readouterr()
    assert text in captured.err
    assert captured.err.startswith("labspin: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert sorted(lab.rglob("*.h5*")) == before == []
    assert not (lab / "data").exists()


def test_a_calibration_that_is_missing_is_asked_for(lab, capsys):
    change(lab / "bench.toml", "calibration =", "# calibration =")
    change(lab / "card.toml", '"magnet.current", start = "0 A", stop = "1 A"',
           '"magnet.field", start = "0 G", stop = "1 G"')  # fmt: skip
    assert main(["run", "card.toml"]) == 1
    error = capsys.readouterr().err
    assert "no actuator 'magnet.field'" in error
    assert "a calibration of 'magnet.current' of that name" in error


def test_the_card_itself_is_good(lab, capsys):
    assert main(["check", "card.toml"]) == 0
    assert main(["run", "card.toml", "--quiet"]) == 0
    assert len(list((lab / "data").glob("*.h5"))) == 2
