"""The drawing of the house shows the imports that there are."""

import importlib.util
from pathlib import Path

import pytest

from tests.some import some

pytest.importorskip("grimp")
PAGE = Path(__file__).parents[1] / "docs" / "explanations" / "house.py"


@pytest.fixture(scope="module")
def house():
    spec = importlib.util.spec_from_file_location("house_drawing", PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawing_is_that_of_the_code(house):
    drawn = PAGE.with_suffix(".svg").read_text(encoding="utf-8")
    assert drawn == house.drawing(), "run: python docs/explanations/house.py"


def test_every_package_stands_in_the_drawing_or_in_the_ground(house):
    packages = {path.parent.name for path in (PAGE.parents[2] / "labspin").glob("*/__init__.py")}
    assert packages <= {*house.PLACES, *house.GROUND}


def test_every_arrow_points_down_or_sideways(house):
    for source, targets in some(house.imports().items()):
        for target in some(targets):
            assert house.PLACES[source][1] <= house.PLACES[target][1], f"{source} imports {target}"
