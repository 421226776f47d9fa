"""Coherent OBIS: what goes over the wire, and the simulated laser."""

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, LimitError
from labspin.instruments.obis import OBIS, OBISLaser, OBISOptions
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("power", 0.0123, "SOUR:POW:LEV:IMM:AMPL 0.012300"),
        ("output_enabled", True, "SOUR:AM:STAT ON"),
        ("output_enabled", False, "SOUR:AM:STAT OFF"),
    ],
)
def test_settings_are_sent(attribute, value, command):
    with expected_protocol(OBIS, [(command, None)]) as laser:
        setattr(laser, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("power", "SOUR:POW:LEV:IMM:AMPL?", "0.012300", 0.0123),
        ("output_enabled", "SOUR:AM:STAT?", "ON", True),
        ("output_enabled", "SOUR:AM:STAT?", "OFF", False),
        ("measured_power", "SOUR:POW:LEV?", "0.011900", 0.0119),
        ("least_power", "SOUR:POW:LIM:LOW?", "0.001000", 1e-3),
        ("fault_code", "SYST:FAUL?", "00008020", 0x8020),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(OBIS, [(query, reply)]) as laser:
        assert getattr(laser, attribute) == value


def test_limits_refuse():
    with expected_protocol(OBIS, []) as laser, pytest.raises(LimitError, match="power"):
        laser.power = 3.0


def test_safe_is_dark():
    with expected_protocol(OBIS, [("SOUR:AM:STAT OFF", None)]) as laser:
        laser.safe()


def simulated(**options):
    world = World(load("nv_over_film")(), clock=SimulatedClock(), seed=5)
    device = DEVICES["obis"](world, transmission=2e-3, **options)
    laser = OBIS(SimulatedAdapter(device), clock=world.clock)
    assert "OBIS" in laser.identify()
    return world, device, laser


CHOSEN = OBISOptions(transmission=2e-3, least=2e-6, greatest=1.1e-4)


class TestTwin:
    def test_handshaking_is_switched_off_and_its_last_word_is_no_answer(self):
        _, device, laser = simulated()
        assert laser.handshaking is False
        assert laser.measured_power == 0.0
        laser.write("SYST:COMM:HAND ON")
        assert laser.read() == "OK"
        laser.write("SOUR:POW:LEV?")
        assert [laser.read(), laser.read()] == ["0.000000", "OK"]
        laser.write("SOUR:POW:LEV:IMM:AMPL 7")
        assert laser.read().startswith("ERR")
        assert device.state.power == pytest.approx(50e-3, rel=1e-12, abs=0)

    def test_the_sample_has_the_light_and_zero_is_dark(self):
        world, _, laser = simulated()
        adapter = OBISLaser(laser, CHOSEN)
        adapter.configure()
        assert world.level("laser.power") == 0.0
        adapter.power = 50e-6
        assert world.level("laser.power") == pytest.approx(50e-6, rel=1e-9, abs=0)
        assert adapter.measured_power == pytest.approx(50e-6, rel=1e-6, abs=0)
        adapter.power = 0.0
        assert (adapter.power, world.level("laser.power")) == (0.0, 0.0)

    def test_a_refusal_is_silent_and_found_by_reading_back(self):
        _, _, laser = simulated(nominal=30e-3)
        adapter = OBISLaser(laser, CHOSEN)
        with pytest.raises(DeviceError, match="it kept"):
            adapter.power = 90e-6

    def test_a_fault_ends_the_light_and_is_told(self):
        world, device, laser = simulated()
        adapter = OBISLaser(laser, CHOSEN)
        adapter.power = 50e-6
        assert adapter.doubts() == ()
        device.trip()
        assert adapter.doubts() == ("over-current of the diode",)
        assert (world.level("laser.power"), adapter.measured_power) == (0.0, 0.0)
        device.state.fault_code = 0x8010
        assert adapter.doubts() == ("fatal fault", "fault 0x10")

    def test_what_the_head_cannot_do_is_said(self):
        _, _, laser = simulated()
        with pytest.raises(DeviceError, match="put a filter before it"):
            OBISLaser(laser, OBISOptions(transmission=2e-3, least=1e-6, greatest=1e-4)).configure()
        with pytest.raises(ArgumentError, match="0 W or at least"):
            OBISLaser(laser, CHOSEN).power = 1e-6

    def test_without_a_promise_the_least_is_that_of_the_head(self):
        _, _, laser = simulated(nominal=50e-3)
        adapter = OBISLaser(laser, OBISOptions(transmission=2e-3))
        adapter.configure()
        adapter.power = 2e-6
        with pytest.raises(ArgumentError, match="0 W or at least 2e-06 W"):
            adapter.power = 1.9e-6

    @pytest.mark.parametrize("options", [{"transmission": 0.0}, {"least": 1.0, "greatest": 0.5}])
    def test_bad_options(self, options):
        with pytest.raises(ArgumentError, match="wanted"):
            OBISOptions(**options)
