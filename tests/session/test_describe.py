"""What `labspin show` and `labspin diff` say, of everything that has a name."""

import datetime
import re
from pathlib import Path

import pytest

from labspin.data import annotate
from labspin.errors import ArgumentError, RecipeError
from labspin.procedures import Rabi
from labspin.session import describe, differences_between, known_names, run
from labspin.station import load_station
from tests.some import some

ROOT = Path(__file__).parents[2]
SHORT = {"averages": 1, "pulse_durations": 3, "repetitions": 1000}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with load_station(ROOT / "instruments" / "levitated-diamond.toml").connect(seed=1) as bench:
        first = run(Rabi(**SHORT), bench, folder / "a.h5", label="first").path
        second = run(Rabi(**{**SHORT, "averages": 2}, microwave_power="3 dBm"), bench, folder / "b.h5").path
    annotate(first, comment="[bold]laser", tags=("good",))
    return first, second


def table(description, title):
    (found,) = [one for one in description.listings if one.title == title]
    return {row[0]: row[1:] for row in found.rows}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in known_names().items() for name in names]
)
def test_everything_that_has_a_name_can_be_shown(kind, name):
    shown = [one for one in describe(name) if one.title.startswith(f"{kind} {name}")]
    assert len(shown) == 1
    assert shown[0].text or shown[0].listings


def test_a_procedure_shows_its_parameters_with_unit_bounds_and_meaning():
    rows = table(describe("rabi")[0], "parameters")
    assert rows["pulse_stop"] == ("400 ns", "s", "1 ns …", "Longest pulse")
    assert rows["magnet"][2] == "field | current | nothing"


def test_a_run_file_shows_everything_that_was_recorded(runs):
    (shown,) = describe(str(runs[0]))
    assert shown.text == "[bold]laser"
    assert table(shown, "parameters")["pulse_stop"] == ("400 ns",)
    assert table(shown, "columns")["contrast"][0] == "1"
    assert table(shown, "words")["tags"] == ("good",)
    assert table(shown, "run")["points"] == ("3 of 3",)


def test_a_run_file_shows_its_fits_with_values_and_the_time_of_this_place():
    (shown,) = describe(str(ROOT / "labspin" / "session" / "examples" / "t1.h5"))
    (fits,) = [one for one in shown.listings if one.title == "fits"]
    values = {row[2]: row[3] for row in fits.rows}
    assert re.fullmatch(r"[\d.]+ ± [\d.]+ ms", values["T1"])
    started = dict(table(shown, "run"))["started"][0]
    assert datetime.datetime.strptime(started, "%Y-%m-%d %H:%M:%S %z")


def test_two_runs_differ_by_parameters_in_units_that_one_reads():
    folder = ROOT / "labspin" / "session" / "examples"
    found = {one.what: one for one in differences_between(folder / "rabi.h5", folder / "t1.h5")}
    assert found["parameter signal_width"].first == "20 µs"
    assert found["parameter signal_width"].second == "25 µs"


@pytest.mark.parametrize("folder", ["instruments", "procedures", "analysis"])
def test_every_file_of_the_three_doors_can_be_shown(folder):
    for file in some(sorted((ROOT / folder).glob("*.toml"))):
        (shown,) = describe(str(file))
        assert any(one.rows for one in shown.listings), file


def test_an_offset_counts_where_the_slope_is_one(tmp_path):
    given = (ROOT / "instruments" / "levitated-diamond-lab.toml").read_text()
    other = given.replace('slope = "15 G/A", offset = "0 G"', 'slope = "1 T/A", offset = "0.5 T"')
    assert other != given
    station = tmp_path / "lab.toml"
    station.write_text(other)
    (shown,) = describe(str(station))
    limits, safe, _ = table(shown, "what can be moved")["magnet.field"]
    assert limits == "-10.5 T … 11.5 T"
    assert safe == "500 mT"


def test_a_station_shows_limits_in_both_units():
    rows = table(describe(str(ROOT / "instruments" / "levitated-diamond.toml"))[0], "what can be moved")
    raw, field = rows["magnet.current"], rows["magnet.field"]
    assert "A" in raw[0]
    assert "T" in field[0]


def test_a_file_of_another_program_shows_the_names_to_use():
    (shown,) = describe(str(ROOT / "tests" / "data" / "brownian_thermal_spectrum.h5"))
    assert {"x", "y"} <= {row[0] for row in shown.listings[0].rows}


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(ArgumentError, match="did you mean 'rabi'"):
        describe("rabbi")


def test_a_part_of_a_name_and_a_folder_are_answered(tmp_path):
    with pytest.raises(ArgumentError, match="did you mean 'stretched_exponential'"):
        describe("streched")
    with pytest.raises(ArgumentError, match="of a folder, `labspin ls"):
        describe(str(tmp_path))


def test_a_name_of_the_workspace_is_found_where_it_stands(own, tmp_path, monkeypatch):
    (tmp_path / "workspace.toml").write_text("")
    folder = tmp_path / "instruments"
    folder.mkdir()
    own.rename(folder / "own.py")
    monkeypatch.chdir(folder)
    for name, found in (("LampAdapter", "own.py:LampAdapter"), ("Lamp", "own.py:Lamp"), ("own", "own.py")):
        with pytest.raises(ArgumentError, match=f"did you mean '{re.escape(found)}'"):
            describe(name)


def test_a_sample_shows_the_signals_that_a_device_is_wired_to():
    (shown,) = describe("levitated_diamond")
    signals = table(shown, "signals that a simulated device drives or reads")
    assert signals["laser.power"] == ("W", "500 µW")
    assert table(shown, "what a detector looks at")["pl"] == ("photons",)
    assert table(shown, "numbers under [simulation.parameters]")["stretching"] == ("0.8",)


def test_two_runs_differ_in_what_was_asked_for(runs):
    found = {one.what: (one.first, one.second) for one in differences_between(*runs)}
    assert found["parameter averages"] == ("1", "2")
    assert found["parameter microwave_power"] == ("0 dBm", "3 dBm")
    assert found["label"] == ("first", "")
    assert "parameter pulse_stop" not in found
    assert not [one for one in differences_between(runs[0], runs[0]) if one.what]


OWN = """"Words of the file."
from labspin.data import Column
from labspin.experiment import Procedure, Values
from labspin.instruments import RoleAdapter


class Lamp:
    def __init__(self, *args, **kwargs): ...
    level = property(lambda self: 1.0, lambda self, value: None, None, "Control the level (V).")
    def safe(self): ...
    def close(self): ...
    def identify(self): return "lamp"


class LampAdapter(RoleAdapter):
    role, driver, units = "Lamp", Lamp, {"level": "V"}


class Look(Procedure):
    quantities = (Column(name="seen"),)
    signal = "seen"

    def plan(self):
        return Values("a", [1.0, 2.0])


def line(x, slope, level=0.0):
    return level + slope * x
"""


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return file


def test_code_of_ones_own_is_told_by_file_and_name(own):
    (lamp,), (look,), (line,) = (describe(f"{own}:{name}") for name in ("LampAdapter", "Look", "line"))
    assert table(lamp, "what a station may move") == {"level": ("V",)}
    assert lamp.text == look.text == "Words of the file."
    assert "seen" in table(look, "what it records")
    assert line.text.startswith("y = level + slope * x")
    assert list(table(line, "parameters")) == ["slope", "level"]


def test_a_python_file_says_what_is_in_it(own):
    (found,) = describe(str(own))
    kinds = {name.rpartition(":")[2]: kind for name, (kind,) in table(found, "what is in it").items()}
    assert kinds == {
        "LampAdapter": "driver", "Look": "procedure", "line": "function, a model if its first argument is x",
    }  # fmt: skip


def test_what_a_python_file_has_not_is_named(own):
    with pytest.raises(RecipeError, match="has no 'lime'; did you mean 'line'"):
        describe(f"{own}:lime")
    own.write_text("import nothing_of_that_name")
    with pytest.raises(ArgumentError, match="cannot be loaded: ModuleNotFoundError"):
        describe(str(own))
    with pytest.raises(RecipeError, match="there is no file"):
        describe(f"{own.parent / 'none.py'}:a")


def test_the_truth_and_the_time_of_events_are_readable(runs):
    (found,) = describe(str(runs[0]))
    truth = table(found, "ground truth of the simulation")
    assert truth["T1"][0].endswith("ms")
    assert truth["rabi_frequency"][0].endswith("Hz")
    assert float(next(iter(table(found, "events")))) == 0.0
