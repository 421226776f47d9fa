"""A station without its devices: as its file tells, and as it is served to other programs."""

import math

import pytest

from labspin.errors import ArgumentError, ConnectionFailedError
from labspin.station import load_station
from labspin.station.serving import is_local
from tests.places import ROOT
from tests.some import some

DIAMOND = ROOT / "instruments" / "levitated-diamond.toml"
STATIONS = some(sorted((ROOT / "instruments").glob("*.toml")))


@pytest.mark.parametrize("path", STATIONS, ids=lambda path: path.stem)
def test_at_a_desk_every_instrument_and_actuator_of_the_file_is_there(path):
    station = load_station(path)
    bench = station.unconnected()
    assert set(bench.instruments) == {spec.name for spec in station.instruments}
    for spec in some(station.actuators):
        assert bench.actuator(spec.name).spec is spec


def test_at_a_desk_what_only_a_device_knows_is_refused_and_what_the_file_says_is_told():
    bench = load_station(DIAMOND).unconnected()
    assert bench.actuator("magnet.current").spec.ramp_rate == 2.0
    with pytest.raises(ConnectionFailedError, match=r"magnet: wanted its '\w+', which only the device knows"):
        _ = bench.magnet.measured_current
    with pytest.raises(ConnectionFailedError, match="checked when a run connects"):
        _ = bench.microwave.output_enabled
    for setting, value in (("output_enabled", True), ("frequency", 2.8e9)):
        with pytest.raises(ConnectionFailedError, match=rf"'{setting}'|not connected"):
            setattr(bench.microwave, setting, value)
    with pytest.raises(ConnectionFailedError):
        bench.actuator("microwave.frequency").move(2.8e9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"port_base": -1}, r"port_base: wanted 0 \(free ports\) to 65535, got -1"),
        ({"port_base": 65_536}, "port_base: wanted 0"),
        ({"port_base": 65_535}, r"port_base: wanted room for \d instruments below 65535, got 65535"),
        ({"speed": 0.0}, "speed: wanted simulated seconds per second > 0 and finite, got 0.0"),
        ({"speed": math.inf}, "time must pass by itself"),
    ],
)
def test_a_bench_that_cannot_be_served_is_refused(options, match):
    with pytest.raises(ArgumentError, match=match):
        load_station(DIAMOND).serve(**{"port_base": 0} | options)


def test_whoever_is_served_is_found_by_name():
    station = load_station(ROOT / "instruments" / "mrfm-cantilever.toml")
    with station.serve(port_base=0) as served:
        for one in some(served.instruments):
            assert served[one.name] is one
            assert str(one.port) in one.address
        names = ", ".join(one.name for one in served.instruments)
        with pytest.raises(ArgumentError, match=f"served bench: wanted one of {names}, got 'toaster'"):
            _ = served["toaster"]
        assert is_local(served.host), "unless another host is asked for"


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.2", False), ("localhost.example.org", False), ("", False)],
)  # fmt: skip
def test_only_this_machine_reaches_its_own_addresses(host, local):
    assert is_local(host) == local
