import json
from pathlib import Path

import pytest

from labspin.analysis import fit_run
from labspin.cli import main
from labspin.data import Column, Layout, RunHeader, read_run
from labspin.errors import CardError
from labspin.experiment import Linear, Repeat, run
from labspin.session import check_runs, describe, load_card
from labspin.session.recorded import recorded_procedure
from labspin.station import load_station
from tests.experiment.fakes import fake_bench
from tests.some import some

ROOT = Path(__file__).parents[2]
SHIPPED = some(sorted((ROOT / "procedures").glob("*.toml")))

OWN = """
from labspin.data import Column
from labspin.experiment import CountParameter, Procedure, QuantityParameter, Values

class Mine(Procedure):
    time = QuantityParameter("Time", units="s", minimum=0, default="1 s")
    number = CountParameter("Number", minimum=1, default=3)
    quantities = (Column(name="y"),)
    def plan(self):
        return Values("x", [float(n) for n in range(self.number)])
    def measure(self, bench, point):
        return {"y": self.time}
"""
CARD = """
procedure = "mine.py:Mine"
station = "../bench.toml"
description = "as it should be"

[parameters]
time = "10 ms"

[[runs]]
label = "short"

[[runs]]
label = "long"
parameters = {number = 50, time = "2 s"}
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)

    def write(text):
        path = tmp_path / "card.toml"
        path.write_text(text)
        return path

    return write


def test_a_card_becomes_runs(write):
    card = load_card(write(CARD))
    assert card.procedure_name == "mine"
    assert card.station == card.path.parent / "../bench.toml"
    assert card.metadata.description == "as it should be"
    assert [run.label for run in card.runs] == ["short", "long"]
    made = [run.make() for run in card.runs]
    assert [(p.time, p.number) for p in made] == [(0.01, 3), (2.0, 50)]


def test_a_card_without_runs_is_one_run(write):
    card = load_card(write('procedure = "mine.py:Mine"'))
    assert [run.label for run in card.runs] == ["card"]
    assert card.station is None


def test_overrides_and_only(write):
    card = load_card(write(CARD), overrides=["number=7", "time = 3 ms"], only=["long"])
    (spec,) = card.runs
    assert (spec.make().number, spec.make().time) == (7, pytest.approx(0.003, rel=1e-6, abs=0))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("description =", "descripton ="), r"card\.toml, line 4: descripton: .* did you mean 'description'"),
        (('time = "10 ms"', "tine = 1"), r"parameters\.tine: .* no parameter 'tine'.* did you mean 'time'"),
        (('"10 ms"', "10"), r"parameters\.time: .*has no unit"),
        (('"10 ms"', '"10 V"'), r"parameters\.time: .*wanted a quantity in 's'"),
        (("number = 50", "number = 0"), r"runs\[1\]\.parameters\.number: .*whole number from 1"),
        (('"2 s"', '"inf s"'), r"runs\[1\]\.parameters\.time: .*wanted a finite quantity in 's'"),
        (('"2 s"', '"nan s"'), r"runs\[1\]\.parameters\.time: .*wanted a number with a unit"),
        (('"2 s"', '"-2 s"'), r"runs\[1\]\.parameters\.time: .*wanted 0 s to"),
        (('label = "long"', 'label = "short"'), "two runs have the label 'short'"),
        (('label = "long"', 'labels = "long"'), r"runs\[1\]\.labels: .*did you mean 'label'"),
        (('label = "long"', "label = 3"), r"card\.toml, line \d+: runs\[1\]\.label: wanted text, got 3"),
        (('procedure = "mine.py:Mine"', ""), "procedure: is missing; wanted text; write for example"),
        (("mine.py:Mine", "mine.py:Other"), r"procedure: .*has no 'Other'"),
        (("mine.py:Mine", "other.py:Mine"), r"procedure: .*there is no file"),
        (("mine.py:Mine", "t11"), r"procedure: .*did you mean 't1'"),
        (("[parameters]", "[parameters"), r"card\.toml: is not TOML: .*line 6"),
        (("station =", "station = 5 #"), "line 3: station: wanted text, got 5"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(write, change, text):
    assert change[0] in CARD
    with pytest.raises(CardError, match=text):
        load_card(write(CARD.replace(*change)))


def test_other_refusals(write, tmp_path):
    with pytest.raises(CardError, match=r"run card '.*nowhere\.toml' does not exist"):
        load_card(tmp_path / "nowhere.toml")
    with pytest.raises(CardError, match="none labelled 'shot'; did you mean 'short'"):
        load_card(write(CARD), only=["shot"])
    with pytest.raises(CardError, match="wanted NAME=VALUE"):
        load_card(write(CARD), overrides=["number"])
    with pytest.raises(CardError, match="--set nummer: "):
        load_card(write(CARD), overrides=["nummer=3"])
    with pytest.raises(CardError, match="at least one table"):
        load_card(write('procedure = "mine.py:Mine"\nruns = []'))
    with pytest.raises(CardError, match=r"line 2: runs: wanted at least one table \[\[runs\]\], got \[1\]"):
        load_card(write('procedure = "mine.py:Mine"\nruns = [1]'))
    broken = tmp_path / "broken.py"
    broken.write_text("1/0")
    with pytest.raises(CardError, match="cannot be loaded: ZeroDivisionError"):
        load_card(write('procedure = "broken.py:X"'))
    broken.write_text("X = 5")
    with pytest.raises(CardError, match="wanted a subclass"):
        load_card(write('procedure = "broken.py:X"'))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match=r"cannot be read as text"):
        load_card(Path(binary))


SWEPT = """
from labspin.data import Column
from labspin.experiment import Procedure, Sweep, SweepParameter

class Mine(Procedure):
    sweep = SweepParameter("Sweep")
    quantities = (Column(name="y"),)
    def plan(self):
        return Sweep.from_dict(self.sweep)
    def measure(self, bench, point):
        return {"y": float(point.index)}
"""
SWEEP = """
procedure = "mine.py:Mine"
[parameters.sweep]
sweep = "repeat"
number = 2
of = { sweep = "linear", name = "magnet.current", start = "0 A", stop = "1 A", number = 3 }
"""


@pytest.fixture
def swept(write, tmp_path):
    (tmp_path / "mine.py").write_text(SWEPT)
    return write


def test_a_card_may_hold_the_sweep_itself(swept, tmp_path):
    wanted = Repeat(Linear("magnet.current", 0, 1, 3, unit="A"), 2)
    procedure = load_card(swept(SWEEP)).runs[0].make()
    assert list(procedure.plan()) == list(wanted)
    assert list(type(procedure)(sweep=wanted).plan()) == list(wanted)
    run(procedure, fake_bench(), tmp_path / "run.h5")
    recorded = read_run(tmp_path / "run.h5")
    assert recorded.data["y"].tolist() == [[0, 1, 2], [3, 4, 5]]
    again = type(procedure)(sweep=recorded.header.parameters["sweep"]["value"])
    assert again.plan() == wanted


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (('"repeat"', '"repaet"'), r"line \d+: parameters\.sweep: sweep: wanted one of the kinds"),
        (("start =", "strat ="), r"parameters\.sweep: .*got 'strat'; did you mean 'start'"),
        (('"1 A"', '"1 V"'), r"parameters\.sweep: .*wanted a quantity in 'A', got '1 V'"),
        (("number = 2", "number = 0"), r"parameters\.sweep: 'repeat': number: wanted a whole number"),
        (("number = 3", "number = 1.5"), r"parameters\.sweep: .*wanted a whole number"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_with_its_place(swept, change, text):
    assert change[0] in SWEEP
    with pytest.raises(CardError, match=text):
        load_card(swept(SWEEP.replace(*change)))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_card_corrects_for_the_dead_time_of_its_detector(path):
    card = load_card(path)
    dead = load_station(card.station).simulation.detectors
    for one in some(card.runs):
        procedure = one.make()
        if "dead_time" in procedure.parameter_objects():  # may be none: it counts no photons
            assert procedure.dead_time == pytest.approx(dead["pl"]["dead_time"], rel=1e-12, abs=0), one.label


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_run_of_a_shipped_card_is_what_its_file_says_that_it_was(path):
    for one in some(load_card(path).runs):
        procedure = one.make()
        written = json.loads(json.dumps(procedure.parameter_record()))
        layout = Layout(columns=(Column(name="y"),), size=1)
        again = recorded_procedure(RunHeader(procedure=procedure.name, layout=layout, parameters=written))
        assert type(again) is type(procedure)
        assert again.parameter_record() == procedure.parameter_record()
        assert again.settings() == procedure.settings()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_card_brings_the_tip_to_where_it_measures(path):
    card = load_card(path)
    station = load_station(card.station)
    if "positioner" not in station.unconnected().instruments:
        return
    most = station.unconnected().actuator("positioner.position").maximum
    for spec, report in some(check_runs(card, station)):
        if "positions" in spec.make().parameter_objects():
            continue  # it approaches by itself
        _, farthest, unit = report.ranges["positioner.position"]
        assert unit == "m"
        assert farthest < 0.1 * most, spec.label


def test_check_shows_a_field_as_the_card_writes_it(capsys):
    assert main(["check", str(ROOT / "procedures" / "t1.toml")]) == 0
    told = capsys.readouterr().out
    assert "magnet.field 17 G" in told
    assert "microwave.frequency 2.7705 GHz" in told


def test_a_run_keeps_the_units_of_its_card(tmp_path):
    few = ["fields=10 G", "averages=1", "frequencies=21", "repetitions=10"]
    card = load_card(ROOT / "procedures" / "mdmr.toml", overrides=few)
    path = tmp_path / "run.h5"
    with load_station(card.station).connect() as bench:
        run(card.runs[0].make(), bench, path, metadata=card.metadata)
    assert read_run(path).metadata.units == ("G",)
    shown = {row[0]: row[1] for part in describe(str(path))[0].listings for row in part.rows}
    assert shown["fields"] == "10 G"
    assert "magnet field 10 G" in fit_run(path, "mdmr")[0].label


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ('averages = 2\n[parameters]\nmagnet = "nothing"', r"line 2: averages: .*\[parameters\]"),
        ("[[runs]]\naverages = 2", "averages: .*'parameters' of the run"),
    ],
)
def test_a_parameter_in_the_wrong_place_is_sent_to_the_right_one(tmp_path, where, place):
    path = tmp_path / "card.toml"
    path.write_text(f'procedure = "rabi"\n{where}\n', encoding="utf-8")
    with pytest.raises(CardError, match=f"{place}"):
        load_card(path)
