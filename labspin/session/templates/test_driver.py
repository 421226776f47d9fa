"""The Skeleton: what goes over the wire, and what it does on a simulated bench."""

from pathlib import Path

import pytest
from pymeasure.test import expected_protocol

from labspin.errors import LabspinError
from labspin.instruments import load_driver
from labspin.station import load_station

DOOR = Path(__file__).parents[1] / "instruments"
NOTHING_WRONG = ("SYST:ERR?", '0,"No error"')


def test_what_goes_over_the_wire():
    driver = load_driver(f"{DOOR / 'skeleton.py'}:SkeletonAdapter").driver
    with expected_protocol(driver, [("VOLT 1.500000", None), NOTHING_WRONG, ("MEAS?", "1.499")]) as device:
        device.level = 1.5
        assert device.measured_level == 1.499


def test_a_level_out_of_limits_is_refused_and_nothing_is_sent():
    driver = load_driver(f"{DOOR / 'skeleton.py'}:SkeletonAdapter").driver
    with expected_protocol(driver, []) as device, pytest.raises(LabspinError):
        device.level = 10.1


def test_it_moves_reads_back_and_becomes_safe():
    with load_station(DOOR / "skeleton.toml").connect() as bench:
        bench.skeleton.level = 2.0
        assert bench.skeleton.measured_level == pytest.approx(2.0, rel=1e-6, abs=0)
        world = bench.simulation.world
        assert world.level("laser.power") == pytest.approx(2e-3, rel=1e-6, abs=0)
        with pytest.raises(LabspinError):
            bench.skeleton.level = 6.0  # the station allows less than the device
        bench.skeleton.safe()
        assert world.level("laser.power") == 0.0
        assert bench.skeleton.settings() == {"level": 0.0, "output_enabled": False}
