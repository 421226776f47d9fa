"""The simplest world for tests of simulated devices, and lock-ins that are quiet."""

import pytest

from labspin.twin import World
from labspin.twin.devices import SR830, SR860
from tests.twin.lamp import make_world
from tests.twin.lockin_sample import Line


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def sr830():
    line = Line(SR830, input_noise=0.0)
    line("*CLS")
    return line


@pytest.fixture
def sr860():
    line = Line(SR860, input_noise=0.0)
    line("*CLS")
    return line
