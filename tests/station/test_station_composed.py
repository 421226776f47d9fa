"""Instruments of a station that are made of others: what is refused, and what is connected."""

import pytest

from labspin.errors import ConnectionFailedError, StationError
from labspin.station import load_station

STATION = """
[station]
name = "composed"
safe_order = ["cantilever"]

[simulation]
sample = "mrfm_cantilever"

[instruments.cantilever]
role = "CantileverReadout"
driver = "cantilever_readout"
uses = { lockin = "lockin" }
options = { ring_down_time = "300 ms" }

[instruments.cantilever.actuators.frequency]
limits = ["2.9 kHz", "3.1 kHz"]

[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"

[instruments.lockin]
role = "LockIn"
driver = "sr830"

[instruments.lockin.actuators.phase]
limits = ["-3 rad", "3 rad"]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_parts_are_connected_first_and_shared(write):
    station = load_station(write(STATION))
    assert [spec.name for spec in station.instruments] == ["cantilever", "microwave", "lockin"]
    assert dict(station.instruments[0].uses) == {"lockin": "lockin"}
    with station.connect() as bench:
        assert bench.cantilever.lockin is bench.instruments["lockin"]
        assert bench.cantilever.clock is bench.clock
        assert bench.cantilever.ring_down_time == 0.3
        bench.actuator("cantilever.frequency").move(3000.0)
        assert bench.lockin.frequency == 3000.0
        assert [action.ok for action in bench.safe()] == [True] * len(bench.safe())


def test_parts_come_with_what_is_made_of_them(write):
    with load_station(write(STATION)).connect(roles=["cantilever"]) as bench:
        assert set(bench.instruments) == {"cantilever", "lockin"}
    with load_station(write(STATION)).connect(roles=["microwave"]) as bench:
        assert set(bench.instruments) == {"microwave"}


def test_the_doctor_says_what_it_is_made_of(write):
    rows = {row.name: row for row in load_station(write(STATION)).doctor()}
    assert rows["cantilever"].identity == "made of lockin: lockin"
    assert rows["cantilever"].address == ""
    assert rows["lockin"].error is None


def test_a_part_that_fails_is_an_error_of_the_part(write):
    text = STATION.replace('[simulation]\nsample = "mrfm_cantilever"\n', "")
    text = text.replace('driver = "sg384"', 'driver = "sg384"\naddress = "TCPIP::127.0.0.1::1::SOCKET"')
    text = text.replace(
        'driver = "sr830"', 'driver = "sr830"\naddress = "TCPIP::127.0.0.1::2::SOCKET"\ntimeout = "200 ms"'
    )
    with pytest.raises(ConnectionFailedError, match=r"'lockin' \(sr830\) cannot be connected"):
        load_station(write(text)).connect(roles=["cantilever"])


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('uses = { lockin = "lockin" }\n', "", r"cantilever\.uses: is missing; wanted a table"),
        ('{ lockin = "lockin" }', "{ }", r'uses\.lockin: is missing; .*lockin = "lockin"'),
        ('{ lockin = "lockin" }', '{ lockin = "lokin" }', "got 'lokin'; did you mean 'lockin'"),
        ('{ lockin = "lockin" }', '{ lockin = "microwave" }', "but 'microwave' is a Microwave"),
        ('{ lockin = "lockin" }', '{ lockin = "cantilever" }', "wanted the name of a LockIn"),
        ('{ lockin = "lockin" }', '{ lockin = "lockin", piezo = "x" }', r"uses\.piezo: is not known here"),
        ('{ ring_down_time = "300 ms" }', '{ ring_down_time = "0 s" }', "wanted more than 0 s"),
        ("[instruments.microwave]", 'timeout = "1 s"\n[instruments.microwave]', "is not known here"),
        ("uses =", 'address = "GPIB0::1::INSTR"\nuses =', "address: belongs to an instrument with a conn"),
        ("uses =", "twin = { }\nuses =", "twin: belongs to an instrument with a connection of its own"),
        ('driver = "sr830"', 'driver = "sr830"\nuses = { lockin = "x" }', "uses: is not known here"),
        ('"2.9 kHz", "3.1 kHz"', '"2.9 kHz", "200 kHz"', "own range, 1 mHz to 102 kHz"),
        (
            "[instruments.lockin.actuators.phase]\nlimits = [\"-3 rad\", \"3 rad\"]",
            '[instruments.lockin.actuators.frequency]\nlimits = ["1 Hz", "90 kHz"]',
            "is the same knob as 'lockin.frequency', which is declared too",
        ),
    ],
)  # fmt: skip
def test_every_mistake_is_pointed_at(write, old, new, match):
    assert old in STATION
    with pytest.raises(StationError, match=match):
        load_station(write(STATION.replace(old, new)))
