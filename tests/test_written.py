"""Quantities are shown in the units in which the card writes them."""

import pytest

from labspin.analysis.report.words import with_unit
from labspin.workspaces import FILE_NAME, quantity_text, shown_as_written
from labspin.written import units_by_dimension, written_units


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ({"field": "17 G"}, ("G",)),
        ({"fields": ["8 G", "12 G"], "scan": {"magnet.field": "10 G … 20 G, 11"}}, ("G",)),
        ({"field": "17 G", "start": "1 mT"}, ()),  # two ways to write a field: none is chosen
        ({"frequency": "2770.5 MHz", "time": "20 us"}, ()),  # SI with a prefix reads well by itself
        ({"wait": "10 min", "angle": "12 deg"}, ("min", "deg")),
        ({"wait": "10 min", "pulse": "100 ns"}, ()),
        ({"count": 3, "spacing": "logarithmic", "words": "5 people"}, ()),
    ],
)
def test_units_of_a_card(values: dict[str, object], units: tuple[str, ...]) -> None:
    assert written_units([values]) == units


def test_dimensions_of_units() -> None:
    assert units_by_dimension(("G", "deg", "people")) == {"field": "G", "angle": "deg"}


def test_a_field_is_shown_in_gauss_where_the_card_writes_gauss() -> None:
    with shown_as_written(("G",)):
        assert quantity_text(1.7e-3, "T") == "17 G"
        assert quantity_text(2.7705e9, "Hz", digits=6) == "2.7705 GHz"
    assert quantity_text(1.7e-3, "T") == "1.7 mT"


def test_cards_that_differ_choose_nothing() -> None:
    with shown_as_written(("G", "min"), ("min",)):
        assert quantity_text(1.7e-3, "T") == "1.7 mT"
        assert quantity_text(600.0, "s") == "10 min"


def test_the_workspace_goes_before_the_card(tmp_path, monkeypatch) -> None:
    (tmp_path / FILE_NAME).write_text('[units]\nfield = "mT"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with shown_as_written(("G",)):
        assert quantity_text(1.7e-3, "T") == "1.7 mT"


def test_lists_and_sweeps_are_written_with_their_units() -> None:
    field = {"sweep": "linear", "name": "magnet.field", "unit": "T", "start": 1e-3, "stop": 2e-3, "number": 3}
    power = {"sweep": "values", "name": "laser.power", "unit": "W", "values": [1e-4, 5e-5]}
    with shown_as_written(("G",)):
        assert with_unit([1e-3, 2.5e-3], "T") == "10 G, 25 G"
        told = with_unit({"sweep": "product", "sweeps": [field, power]}, "1")
    assert told == (
        "sweep product, sweeps sweep linear, name magnet.field, start 10 G, stop 20 G, number 3; "
        "sweep values, name laser.power, values 100 µW, 50 µW"
    )
