"""Simulated benches for procedures."""

import pytest

from labspin.station import load_station
from tests.procedures.diamond_station import STATION


@pytest.fixture
def bench():
    with STATION.connect() as bench:
        yield bench


@pytest.fixture
def bench_of_one_detector(tmp_path):
    text = STATION.path.read_text(encoding="utf-8").replace("detectors = { pl = 1, reflected = 2 }, ", "")
    path = tmp_path / "one.toml"
    path.write_text(text, encoding="utf-8")
    with load_station(path).connect() as bench:
        yield bench
