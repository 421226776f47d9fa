"""The page on station files names everything that may stand in one."""

import dataclasses
import tomllib

from labspin.instruments import DRIVERS, ROLES, load_driver
from tests.places import ROOT
from tests.station.test_station import SHIPPED


def test_the_reference_page_names_every_key_and_driver():
    page = (ROOT / "docs" / "reference" / "station-file.md").read_text(encoding="utf-8")
    for name in (*DRIVERS, *ROLES):
        assert f"`{name}`" in page
        if name in DRIVERS:
            options = load_driver(name).adapter.options
            assert all(f"`{field.name}`" in page for field in dataclasses.fields(options))
    for path in SHIPPED:
        for key in keys_of(tomllib.loads(path.read_text(encoding="utf-8"))):
            assert key in page


def keys_of(table):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys_of(value)
        elif key not in ("laser", "microwave", "trigger"):
            yield f"`{key}`"
