"""Readings at regular times: in waits, between points, in every form in which a run is read."""

import h5py
import numpy as np
import pytest
import xarray

import labspin
from labspin import cli
from labspin.analysis import plot_readings
from labspin.data import Column, export_csv, read_run
from labspin.errors import ConnectionFailedError, FitError, StationError
from labspin.experiment import CountParameter, Linear, Procedure, run
from labspin.station import load_station

STATION = """
[station]
name = "slow"

[simulation]
sample = "mrfm_cantilever"
seed = 3

[record]
quantities = ["cryostat.temperature"]
{interval}

[instruments.cryostat]
role = "TemperatureController"
driver = "lakeshore336"

[instruments.cryostat.actuators.setpoint]
limits = ["3 K", "300 K"]
safe = "hold"

[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"

[instruments.microwave.actuators.frequency]
limits = ["2 GHz", "4 GHz"]
"""


class Waits(Procedure):
    """Waits 100 s before the first point, and 25 s at each."""

    roles = {}  # noqa: RUF012
    quantities = (Column(name="y"),)
    points = CountParameter("Points", default=4)
    during = staticmethod(lambda bench, index: None)

    def plan(self):
        return Linear("microwave.frequency", 2.8e9, 2.9e9, self.points, unit="Hz")

    def prepare(self, bench):
        bench.clock.sleep(100.0)

    def measure(self, bench, point):
        self.during(bench, point.index)
        bench.clock.sleep(25.0)
        return {"y": 1.0}


@pytest.fixture
def recorded(tmp_path):
    def make(interval='interval = "10 s"', during=None):
        path = tmp_path / "station.toml"
        path.write_text(STATION.format(interval=interval).replace('safe = "hold"\n', ""))
        with load_station(path).connect() as bench:
            if during is not None:
                Waits.during = staticmethod(during)
            try:
                run(Waits(), bench, tmp_path / "run.h5")
            finally:
                Waits.during = staticmethod(lambda bench, index: None)
        return read_run(tmp_path / "run.h5")

    return make


def test_it_is_read_in_waits_every_so_often(recorded):
    found = recorded()
    readings = found.readings
    assert list(readings.columns) == ["cryostat_temperature"]
    assert readings.units == {"cryostat_temperature": "K"}
    assert readings.time[0] < 1.0
    assert np.allclose(readings.time[1:20], np.arange(10.0, 200.0, 10.0), rtol=1e-3, atol=0)
    assert np.all(np.isfinite(readings.columns["cryostat_temperature"]))
    assert len(found.points) == 4
    assert "cryostat_temperature" in found.columns, "beside the points as ever"


def test_without_an_interval_there_are_none(recorded):
    found = recorded("")
    assert not len(found.readings)
    assert not found.events_of("readings")
    assert "readings_time" not in found.to_xarray().coords
    with h5py.File(found.path) as file:
        assert "readings" not in file["entry"]
    with pytest.raises(FitError, match="give \\[record\\] of the station an interval"):
        plot_readings([found.path], found.path.with_suffix(".png"))


def test_it_is_in_xarray_in_the_file_in_tables_and_pictures(recorded, tmp_path, capsys):
    found = recorded()
    own = labspin.open(found.path)
    assert own["readings.cryostat_temperature"].dims == ("readings_time",)
    assert own["readings.cryostat_temperature"].attrs["units"] == "K"
    with xarray.open_dataset(found.path, group="entry/readings", engine="h5netcdf") as foreign:
        assert np.array_equal(foreign["cryostat_temperature"], own["readings.cryostat_temperature"])
        assert foreign["cryostat_temperature"].dims == ("readings_time",)
    files = export_csv(found, tmp_path / "t.csv")
    assert [file.name for file in files] == ["t.csv", "t.readings.csv"]
    assert files[1].read_text().startswith("readings_time (s),cryostat_temperature (K)\n")
    picture = tmp_path / "p.png"
    assert cli.main(["plot", str(found.path), "--readings", "--output", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    assert "p.png" in capsys.readouterr().out


def test_a_reading_that_fails_is_no_number_and_ends_nothing(recorded, monkeypatch):
    def breaks(bench, index):
        kind = type(bench._instruments["cryostat"])
        whole, tries = kind.temperature, []

        def once(self):
            tries.append(1)
            if len(tries) == 1:
                raise ConnectionFailedError("cable")
            return whole.fget(self)

        if index == 2:
            monkeypatch.setattr(kind, "temperature", property(once))

    found = recorded(during=breaks)
    values = found.readings.columns["cryostat_temperature"]
    assert np.count_nonzero(np.isnan(values)) == 1
    assert found.status == "finished"


def test_an_interval_for_nothing_is_refused(tmp_path):
    path = tmp_path / "station.toml"
    text = STATION.format(interval='interval = "10 s"').replace('safe = "hold"\n', "")
    path.write_text(text.replace('quantities = ["cryostat.temperature"]\n', ""))
    with pytest.raises(StationError, match="wanted quantities to read so often"):
        load_station(path)
    path.write_text(text.replace('"10 s"', '"0 s"'))
    with pytest.raises(StationError, match="wanted a time > 0"):
        load_station(path)
