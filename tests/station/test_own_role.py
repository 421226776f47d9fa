"""A laboratory's own role: one word in its driver; what it declares is an axis, a column, an interlock."""

import re
from typing import ClassVar

import pytest

from labspin.data import Column, read_run
from labspin.errors import ArgumentError, ConfigurationError, InterlockError, PlanError, StationError
from labspin.experiment import Linear, Procedure, check_plan, estimate, run
from labspin.instruments import Device, load_driver
from labspin.station import load_station

DRIVER = '''
"""An optical power meter with a wavelength that it is corrected for."""

from labspin.instruments import ErrorQueue, LabspinInstrument, RoleAdapter, quantity
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.wire import Table, ask, number


class Meter(ErrorQueue, LabspinInstrument):
    """Driver of the meter."""

    maker, models = "Acme", ("PM9",)
    wavelength = quantity("WAV?", "WAV %.10g", "Control the wavelength (m, float).", name="PM9 wavelength",
                          unit="m", limits=(4e-7, 1.1e-6))
    power = LabspinInstrument.measurement("READ?", "Measure the power (W, float).")

    def safe(self):
        """Do nothing."""


class SimulatedMeter(MessageDevice):
    """The meter; port ``light`` is the laser's power, W."""

    ports = {"light": "signal"}
    default_wiring = {"light": "laser.power"}
    true_identity = "Acme,PM9,1,1"

    class State:
        wavelength = 532e-9

    def power_on(self):
        self.state = self.State()

    table = Table([
        *SCPI_COMMANDS,
        number("WAVelength", "wavelength", unit="m", limits=(4e-7, 1.1e-6)),
        ask("READ", lambda device: f"{device.read_port('light') * device.state.wavelength / 532e-9:.9g}"),
    ])


class PowerMeter(RoleAdapter):
    """The meter at a bench."""

    role, driver, twin = "PowerMeter", Meter, SimulatedMeter
    units, readings = {"wavelength": "m"}, {"power": "W"}

    @classmethod
    def ranges(cls, options=None):
        return {"wavelength": (4e-7, 1.1e-6)}

    @property
    def wavelength(self):
        return self.device.wavelength

    @wavelength.setter
    def wavelength(self, value):
        self.device.wavelength = value

    @property
    def power(self):
        return self.device.power

    def settings(self):
        return {"wavelength": self.wavelength}
'''

STATION = """
[station]
name = "own role"

[simulation]
sample = "levitated_diamond"

[instruments.meter]
role = "{role}"
driver = "meter.py:PowerMeter"

[instruments.meter.actuators.wavelength]
limits = ["500 nm", "1.09 um"]

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"

{more}
"""


class Sweep(Procedure):
    quantities = (Column(name="doubled", unit="m"),)

    def plan(self):
        return Linear("meter.wavelength", 532e-9, 1064e-9, 5, unit="m")

    def measure(self, bench, point):
        return {"doubled": 2 * bench.meter.wavelength}


class Still(Procedure):
    """One point, which moves nothing."""

    roles: ClassVar = {"meter": Device}
    quantities = (Column(name="one", unit="1"),)

    def plan(self):
        return [{}]

    def measure(self, bench, point):
        return {"one": 1.0}


@pytest.fixture
def station(tmp_path):
    def make(more="", role="PowerMeter", driver=DRIVER):
        (tmp_path / "meter.py").write_text(driver)
        (tmp_path / "station.toml").write_text(STATION.format(more=more, role=role))
        return load_station(tmp_path / "station.toml")

    return make


def test_an_attribute_of_an_own_role_is_an_axis_and_others_are_recorded_beside_it(station, tmp_path):
    record = '[record]\nquantities = ["meter.power", "magnet.measured_current"]'
    with station(record).connect() as bench:
        bench.simulation.world.drive("laser.power", 1e-3)
        run(Sweep(), bench, tmp_path / "run.h5")
    recorded = read_run(tmp_path / "run.h5")
    assert list(recorded.column("meter_power")) == pytest.approx(
        [1e-3, 1.25e-3, 1.5e-3, 1.75e-3, 2e-3], rel=1e-6, abs=0
    )
    assert len(recorded.column("magnet_measured_current")) == 5
    units = {column.name: column.unit for column in recorded.header.layout.columns}
    assert units["meter_power"] == "W"
    assert units["magnet_measured_current"] == "A"


def test_a_scan_is_recorded_with_the_readings_of_the_station(station, tmp_path):
    """The scan is done once; what it moves is an axis, and not recorded a second time."""
    read = station('[record]\nquantities = ["meter.wavelength", "meter.power", "magnet.current"]')
    procedure = Still(scan=Linear("meter.wavelength", 532e-9, 1064e-9, 3, unit="m").to_dict())
    assert check_plan(procedure, read).points == estimate(procedure, read).points == 3
    with read.connect() as bench:
        bench.simulation.world.drive("laser.power", 1e-3)
        run(procedure, bench, tmp_path / "run.h5")
    recorded = read_run(tmp_path / "run.h5")
    columns = recorded.header.layout.columns
    assert [one.name for one in columns] == ["meter_wavelength", "one", "meter_power", "magnet_current"]
    assert list(recorded.column("meter_power")) == pytest.approx([1e-3, 1.5e-3, 2e-3], rel=1e-6, abs=0)


@pytest.mark.parametrize("kind", ["grid", "list"])
def test_what_the_points_move_is_not_recorded_beside_them(station, tmp_path, kind):
    class Moved(Sweep):
        def plan(self):
            return super().plan() if kind == "grid" else [{"meter.wavelength": 532e-9}]

    with station('[record]\nquantities = ["meter.wavelength", "meter.power"]').connect() as bench:
        run(Moved(), bench, tmp_path / "run.h5")
    columns = read_run(tmp_path / "run.h5").header.layout.columns
    assert [one.name for one in columns if one.role == "quantity"] == ["doubled", "meter_power"]


def test_a_reading_of_an_own_role_is_an_interlock(station, tmp_path):
    lock = '[interlocks.light]\nquantity = "meter.power"\nmaximum = "1.3 mW"'
    with station(lock).connect() as bench:
        bench.simulation.world.drive("laser.power", 1e-3)
        with pytest.raises(InterlockError, match=r"meter\.power: wanted"):
            run(Sweep(), bench, tmp_path / "run.h5")


def test_what_cannot_be_recorded_is_refused(station, tmp_path):
    with pytest.raises(StationError, match=r"quantities.*did you mean 'meter.power'"):
        station('[record]\nquantities = ["meter.powr"]')
    with pytest.raises(StationError, match="at most once"):
        station('[record]\nquantities = ["meter.power", "meter.power"]')

    class Same(Sweep):
        quantities = (Column(name="meter_power", unit="W"),)

        def measure(self, bench, point):
            return {"meter_power": bench.meter.power}

    match = re.escape("[record] 'meter.power': procedure 'same' records")
    with (
        station('[record]\nquantities = ["meter.power"]').connect() as bench,
        pytest.raises(PlanError, match=match),
    ):
        run(Same(), bench, tmp_path / "run.h5")
    with pytest.raises(PlanError, match=match):  # before the night, too
        check_plan(Same(), station('[record]\nquantities = ["meter.power"]'))


def test_a_role_is_a_word_and_no_misspelt_one(station, tmp_path):
    with pytest.raises(StationError, match="role"):
        station(role="PowerMetre")
    for role, match in (("Gausmeter", "is nearly 'Gaussmeter'"), ("no word", "or a word of your own")):
        other = tmp_path / role.replace(" ", "_")
        other.mkdir()
        (other / "m.py").write_text(DRIVER.replace('"PowerMeter", Meter', f'"{role}", Meter'))
        with pytest.raises(ConfigurationError, match=match):
            load_driver("m.py:PowerMeter", folder=other)


def test_a_port_of_a_signal_that_the_sample_lacks_is_open_and_says_so(station):
    driver = DRIVER.replace('{"light": "laser.power"}', '{"light": "lamp.power"}')
    match = r"'lamp\.power', and LevitatedDiamond has magnet\.current"
    with station(driver=driver).connect() as bench, pytest.raises(ArgumentError, match=match):
        bench.simulation.devices["meter"].read_port("light")


def test_a_port_of_a_simulated_device_is_read_by_its_name(station):
    with station().connect() as bench:
        device = bench.simulation.devices["meter"]
        bench.simulation.world.drive("laser.power", 2e-3)
        assert device.read_port("light") == 2e-3
        with pytest.raises(ArgumentError, match=r"wanted a port with a value \(light\), got 'dark'"):
            device.read_port("dark")
