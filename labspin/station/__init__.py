"""Stations: a TOML file that says which instruments make a bench, and the way from there to a `Bench`."""

from labspin.station.doctor import DoctorRow
from labspin.station.records import InstrumentSpec, SimulationSpec
from labspin.station.serving import ServedBench, ServedInstrument, is_local
from labspin.station.station import Station, load_station

__all__ = [
    "DoctorRow",
    "InstrumentSpec",
    "ServedBench",
    "ServedInstrument",
    "SimulationSpec",
    "Station",
    "is_local",
    "load_station",
]
