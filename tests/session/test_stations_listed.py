import pytest

from labspin.session import list_stations, station_kind
from labspin.station import load_station
from tests.places import ROOT
from tests.some import some

STATIONS = some(sorted((ROOT / "instruments").glob("*.toml")))


@pytest.mark.parametrize("path", STATIONS, ids=lambda path: path.stem)
def test_the_kind_in_a_list_is_that_of_the_station(path):
    assert station_kind(path) == load_station(path).kind


def test_simulated_stations_come_first_and_nonsense_hides_none(tmp_path):
    folder = tmp_path / "instruments"
    folder.mkdir()
    simulated = (ROOT / "instruments" / "levitated-diamond.toml").read_text()
    for name, text in (("a-real", "[instruments]"), ("b-nonsense", "[simulation\n"), ("c-twin", simulated)):
        (folder / f"{name}.toml").write_text(text)
    mixed = simulated.replace("\n[simulation]\n", "\n[simulation]\nmixed = true\n")
    (folder / "d-mixed.toml").write_text(mixed)
    (folder / "e-bytes.toml").write_bytes(b"\xff\xfe")
    found = [(path.stem, station_kind(path)) for path in list_stations(tmp_path)]
    assert found[:3] == [("c-twin", "simulated"), ("a-real", "real"), ("b-nonsense", "")]
    assert found[3:] == [("d-mixed", "mixed"), ("e-bytes", "")]
