"""The page on station files names everything that may stand in one."""

import dataclasses
import tomllib

from labspin.instruments import DRIVERS, ROLES, load_driver
from tests.places import ROOT
from tests.some import some
from tests.station.test_station import SHIPPED


def test_the_reference_page_names_every_key_and_driver():
    page = (ROOT / "docs" / "reference" / "station-file.md").read_text(encoding="utf-8")
    for name in (*DRIVERS, *ROLES):
        assert f"`{name}`" in page
    for name in DRIVERS:
        options = load_driver(name).adapter.options
        for field in dataclasses.fields(options):  # may be none: a driver without options
            assert f"`{field.name}`" in page
    for path in SHIPPED:
        for key in some(keys_of(tomllib.loads(path.read_text(encoding="utf-8")))):
            assert key in page


def keys_of(table):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys_of(value)
        elif key not in ("laser", "microwave", "trigger"):
            yield f"`{key}`"
