"""What a person mistypes is answered by one sentence: where, what was wanted, what came, what to do."""

import pytest

from labspin.cli import main
from labspin.errors import StationError
from labspin.station import load_station
from tests.places import ROOT

STATION = ROOT / "instruments" / "levitated-diamond.toml"
CARD = (ROOT / "procedures" / "t1.toml").read_text("utf-8")
LINE_OF_FIELD, LINE_OF_TIMES = (
    f"line {CARD[: CARD.index(found)].count(chr(10)) + 1}: " for found in ('"17 G"', "dark_times = 21")
)
OWN = """
from labspin.data import Column
from labspin.experiment import Linear, Procedure


class Own(Procedure):
    quantities = (Column(name="p", unit="{unit}"),)

    def plan(self):
        return {plan}
"""


def refused(capsys, *words):
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.fixture
def card(tmp_path):
    def write(text):
        path = tmp_path / "card.toml"
        path.write_text(text.replace("../instruments", str(STATION.parent)), "utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("wrong", "right", "error"),
    [
        ('"17 G"', '"17 g"', LINE_OF_FIELD + "runs[1].parameters.magnet_field: wanted a quantity in "
         "'T', got '17 g'; did you mean '17 G'?"),
        ('power = "10 dBm"', 'power = "50 dBm"', "run 'one class alone': microwave.power: wanted -60 dBm"),
        ("dark_times = 21", "dark_tims = 21", LINE_OF_TIMES + "parameters.dark_tims: procedure 't1' has no"),
        ('procedure = "t1"', 'procedure = "t11"', "did you mean 't1'?"),
        ('"17 G"', '"1,7 mT"', LINE_OF_FIELD + "runs[1].parameters.magnet_field: wanted a decimal "),
        ('"17 G"', "17 G", 'write text and quantities in quotation marks: magnet_field = "17 G"'),
        ('"17 G"', "“17 G”", 'write text and quantities in quotation marks: magnet_field = "17 G"'),
        ("dark_times = 21", 'sample = "D7"', "parameters.sample: is a key of the card; write it above"),
        ("[parameters]", "[record]\nx = 1\n[parameters]", "record: belongs into the station file"),
        ("[parameters]", '[scan]\nmagnet.field = ["1 G"]\n[parameters]', 'scan: wanted a set-point in '
         'quotation marks, got a table \'magnet\'; write "magnet.field" = …'),
        ("[parameters]", '[scan]\nmicrowave_power = "0 dBm … 5 dBm"\n[parameters]', "scan: microwave_power: "
         "wanted first … last, number"),
        ("[[runs]]", "[runs]", "is not TOML"),
        ("levitated-diamond.toml", "levitatd-diamond.toml", "did you mean"),
        ("levitated-diamond.toml", "levitated-diamond", "did you mean"),
    ],
)  # fmt: skip
def test_a_card(card, capsys, wrong, right, error):
    path = card(CARD.replace(wrong, right))
    said = refused(capsys, "check", path)
    assert str(path) in said
    assert error in said


def test_a_file_that_is_none(tmp_path, capsys):
    (tmp_path / "run.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "old.toml").write_bytes("procedure = 't1'\n# für".encode("latin-1"))
    for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        (tmp_path / f"{coding}.toml").write_bytes('procedure = "t1"\n'.encode(coding))
        said = refused(capsys, "check", tmp_path / f"{coding}.toml")
        assert "it is in UTF-16 or UTF-32" in said
        assert "save the file as UTF-8" in said
    (tmp_path / "right.toml").touch()
    assert "it is a folder; name a .toml file in it" in refused(capsys, "check", tmp_path)
    assert "it is an HDF5 file" in refused(capsys, "check", tmp_path / "run.h5")
    assert "line 2 is not UTF-8; save the file as UTF-8" in refused(capsys, "check", tmp_path / "old.toml")
    assert "right.toml'?" in refused(capsys, "check", tmp_path / "right")
    for command in ("note", "plot", "report", "export"):
        assert "is a folder; name files in it" in refused(capsys, command, tmp_path)
    assert "wanted a folder, got a file" in refused(capsys, "ls", tmp_path / "run.h5")


@pytest.mark.parametrize(
    "words",
    [
        "run card.toml --seed -5", "ls --last 0", "fit a.h5 --workers 0",
        "queue move 1 0", "queue run --max-failures 0", "queue add card.toml --repeat 0",
        "bench host station.toml --interval -1",
        "bench host station.toml --interval inf", "bench serve station.toml --seed -1",
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused_at_the_command_line(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert "wanted a " in capsys.readouterr().err


def test_a_negative_seed_of_a_simulation(card, tmp_path, capsys):
    station = tmp_path / "station.toml"
    station.write_text(STATION.read_text("utf-8").replace("seed = 2024", "seed = -2024"), "utf-8")
    assert "simulation.seed: wanted a whole number from 0, got -" in refused(capsys, "doctor", station)
    with pytest.raises(StationError, match="wanted a whole number from 0, got -5"):
        load_station(STATION).connect(seed=-5)


def test_a_card_for_a_station_and_a_station_for_a_card(card, capsys):
    path = card(CARD)
    assert "this is a run card" in refused(capsys, "check", path, "--on", path)
    assert "this is a station file" in refused(capsys, "check", STATION)


@pytest.mark.parametrize(
    ("wrong", "right", "near"),
    [('["pulses"', '["puls"', "pulses"), ('"PhotonCounter"', '"PhotonCountr"', "PhotonCounter")],
)
def test_a_station(card, tmp_path, capsys, wrong, right, near):
    station = tmp_path / "station.toml"
    station.write_text(STATION.read_text("utf-8").replace(wrong, right), "utf-8")
    assert f"did you mean '{near}'?" in refused(capsys, "check", card(CARD), "--on", station)


def test_a_recipe(card, capsys):
    assert "did you mean 'rabi'?" in refused(capsys, "fit", card(CARD), "--with", "rabbi")


@pytest.mark.parametrize(
    ("unit", "plan", "error"),
    [
        ("Wt", 'Linear("magnet.field", 0.0, 1e-3, 3, unit="T")', "column 'p': unit 'Wt' is not known"),
        ("W", "1 / 0", "cannot make its plan: ZeroDivisionError: division by zero (own.py, line 10)"),
    ],
)
def test_a_procedure_of_ones_own(card, tmp_path, capsys, unit, plan, error):
    (tmp_path / "own.py").write_text(OWN.format(unit=unit, plan=plan), "utf-8")
    path = card('procedure = "own.py:Own"\nstation = "../instruments/levitated-diamond.toml"\n')
    assert error in refused(capsys, "check", path)
