"""The simplest world for tests of simulated devices."""

import pytest

from labspin.twin import World
from tests.twin.lamp import make_world


@pytest.fixture
def world() -> World:
    return make_world()
