"""A laboratory's own drivers beside a station file, and what is closed when one of them fails."""

import pytest

from labspin.errors import ConnectionFailedError, IdentityError, StationError
from labspin.station import load_station
from tests.station.test_station import SIMULATION

LAB_DRIVERS = """
import contextlib
from labspin.errors import ConnectionFailedError, IdentityError
from labspin.instruments import RoleAdapter

OPEN = []
LOG = []


class Probe:
    def __init__(self, connection, name, *, clock, timeout, retries):
        LOG.append(("open", name))
        if connection == "nobody":
            raise ConnectionFailedError(f"{name} at {connection}: nothing answers")
        self.connection, self.name = connection, name
        OPEN.append(name)

    def identify(self):
        if self.connection == "impostor":
            raise IdentityError(f"{self.name} at {self.connection}: wanted a probe, but a toaster answers")
        return f"Acme,Probe,{self.connection}"

    def safe(self):
        LOG.append(("safe", self.name))

    def close(self):
        OPEN.remove(self.name)


class ProbeGaussmeter(RoleAdapter):
    role = "Gaussmeter"
    driver = Probe
    field = 1e-3

    @classmethod
    def check_address(cls, address): ...

    @classmethod
    def canonical_address(cls, address):
        return address

    def configure(self):
        LOG.append(("configure", self.device.name))

    def settings(self):
        return {}
"""


def probes(write, addresses):
    path = write("".join([
        '[station]\nname = "probes"\n',
        *(f'[instruments.{name}]\nrole = "Gaussmeter"\n'
                f'driver = "probes.py:ProbeGaussmeter"\naddress = "{address}"\n'
          for name, address in addresses.items()),
    ]))  # fmt: skip
    (path.parent / "probes.py").write_text(LAB_DRIVERS)
    station = load_station(path)
    module = __import__("sys").modules[station.instruments[0].entry.adapter.__module__]
    return station, module


def test_a_labs_own_driver_makes_a_bench(write):
    station, module = probes(write, {"one": "a", "two": "b"})
    with station.connect() as bench:
        assert module.OPEN == ["one", "two"]
        assert bench.one.field == 1e-3
    assert module.OPEN == []


@pytest.mark.parametrize(
    ("address", "error", "match"),
    [
        (
            "nobody",
            ConnectionFailedError,
            r"station 'probes': 'two' \(probes.py:.*\) cannot be connected: two at nobody: nothing answers",
        ),
        (
            "impostor",
            IdentityError,
            r"'two' .* cannot be connected: two at impostor: wanted a probe, but a toaster",
        ),
    ],
)
def test_if_one_instrument_fails_all_are_closed(write, address, error, match):
    station, module = probes(write, {"one": "a", "two": address, "three": "c"})
    with pytest.raises(error, match=match):
        station.connect()
    assert module.OPEN == []
    assert ("open", "three") not in module.LOG


def test_the_doctor_goes_on_after_a_failure_and_sets_nothing(write):
    station, module = probes(write, {"one": "nobody", "two": "impostor", "three": "c"})
    rows = station.doctor()
    assert [row.identity for row in rows] == [None, None, "Acme,Probe,c"]
    assert "nothing answers" in rows[0].error
    assert "toaster" in rows[1].error
    assert module.OPEN == []
    assert {kind for kind, _ in module.LOG} == {"open"}


def test_a_driver_without_twin_cannot_be_simulated(write):
    path = write(
        SIMULATION.split("[instruments")[0]
        + '[instruments.one]\nrole = "Gaussmeter"\ndriver = "p.py:ProbeGaussmeter"\n'
    )
    (path.parent / "p.py").write_text(LAB_DRIVERS)
    with pytest.raises(StationError, match=r"instruments\.one: driver .* has no simulated device"):
        load_station(path).connect()
