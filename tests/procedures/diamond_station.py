"""The simulated bench of the levitated diamond, as it is shipped."""

from pathlib import Path

from labspin.station import load_station

STATION = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond.toml")
