"""What holds for every procedure."""

from pathlib import Path

import pytest

from labspin import plugins
from labspin.errors import CardError, StationError
from labspin.experiment import Procedure, Sweep, check_plan
from labspin.procedures import PROCEDURES, list_procedures, load_procedure
from labspin.session import load_card
from labspin.station import load_station
from tests.some import some

CARDS = some(sorted((Path(__file__).parents[2] / "procedures").glob("*.toml")))


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_procedure_declares_what_it_yields(name):
    procedure = load_procedure(name)
    assert issubclass(procedure, Procedure)
    assert procedure.name == name
    assert procedure.__doc__
    assert procedure.quantities
    assert procedure.signal in [column.name for column in procedure.quantities]
    assert procedure.DATA_COLUMNS
    for column in (*procedure.quantities, *procedure.coordinates):
        assert column.description, f"{name}: {column.name} is not described"


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_plan_touches_no_hardware_and_is_the_same_again(name):
    procedure = load_procedure(name)
    plan = procedure().plan()
    if isinstance(plan, Sweep):
        assert plan == procedure().plan()
        assert Sweep.from_dict(plan.to_dict()) == plan
    else:  # it follows its readings: without one, it begins at the same point
        assert next(iter(plan)) == next(iter(procedure().plan()))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.name)
def test_a_card_that_is_shipped_runs_within_the_limits_of_its_station(path):
    card = load_card(path)
    station = load_station(card.station)
    for spec in some(card.runs):
        report = check_plan(spec.make(), station)
        assert report.points is None or report.points > 0


def test_all_built_in_procedures_are_listed():
    assert set(PROCEDURES) <= set(list_procedures())


def test_an_unknown_procedure_says_what_there_is():
    with pytest.raises(CardError, match=r"procedure 't2star': wanted one of .*\bt1\b"):
        load_procedure("t2star")


def test_an_entry_point_of_another_package_is_found(tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(
        "from labspin.experiment import Procedure\nclass Elsewhere(Procedure): pass\n"
    )
    (tmp_path / "broken_elsewhere.py").write_text("1 / 0\n")
    information = tmp_path / "elsewhere-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[labspin.procedures]\nodmr_elsewhere = elsewhere:Elsewhere\nbroken = broken_elsewhere:Any\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugins.installed.cache_clear()
    assert load_procedure("odmr_elsewhere").__name__ == "Elsewhere"
    assert "odmr_elsewhere" in list_procedures()
    with pytest.raises(CardError, match="cannot be loaded: ZeroDivisionError"):
        load_procedure("broken")


def test_a_procedure_names_its_station_in_a_stock_worker(tmp_path):
    procedure = load_procedure("t1")(station=str(tmp_path / "missing.toml"))
    with pytest.raises(StationError, match=r"missing\.toml"):
        procedure.execute()


@pytest.mark.parametrize("name", PROCEDURES)
def test_standard_errors_go_by_the_name_by_which_viewers_know_them(name):
    columns = {column.name: column for column in load_procedure(name)().quantities}
    for column in some(columns.values()):
        said = f"{column.name} {column.description}".lower()
        if "standard error" not in said and "_error" not in column.name and "errors of" not in said:
            continue
        assert column.name.endswith("_errors"), f"{name}: {column.name}"
        assert columns[column.name.removesuffix("_errors")].unit == column.unit
