"""Two names of one place are equal, and different devices are not."""

import dataclasses
import socket

import pytest

from labspin.instruments import load_driver
from labspin.station.places import place_of
from labspin.station.records import InstrumentSpec


def place(address, driver="sg384"):
    entry = load_driver(driver)
    spec = InstrumentSpec(
        name="it", role=entry.role, entry=entry, address=address, options=entry.adapter.options(),
        timeout=1.0, retries=0, actuators=(), wiring={}, twin={},
    )  # fmt: skip
    return place_of(dataclasses.replace(spec))


@pytest.mark.parametrize(
    ("one", "other", "driver"),
    [
        ("TCPIP::127.0.0.1::5025::SOCKET", "TCPIP0::localhost::5025::SOCKET", "sg384"),
        ("TCPIP::192.168.1.21::5025::SOCKET", "tcpip0::192.168.1.21::inst0::INSTR", "smb100a"),
        ("TCPIP::192.168.1.21::INSTR", "TCPIP::192.168.1.21::hislip0::INSTR", "smb100a"),
        ("GPIB::6", "GPIB0::6::INSTR", "kepco_bop"),
        ("TCPIP::192.168.1.21::hislip0,4880::INSTR", "TCPIP::192.168.1.21::inst0::INSTR", "smb100a"),
        ("gpib::06", "GPIB0::6::INSTR", "kepco_bop"),
        ("ASRL3::INSTR", "ASRLCOM3::INSTR", "kepco_bop"),
        ("USB0::0x0AAD::0x0054::101234::INSTR", "USB1::2733::84::101234::0::INSTR", "smb100a"),
        ("192.168.1.22", "192.168.1.22:8050", "pulse_streamer"),
        ("localhost", "127.0.0.1:8050", "pulse_streamer"),
    ],
)
def test_two_names_of_one_place_are_equal(one, other, driver):
    assert place(one, driver) == place(other, driver)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({socket.AF_INET6: "2001:db8::7"}, "TCP 2001:db8::7 5025"),
        ({socket.AF_INET: "192.0.2.7", socket.AF_INET6: "2001:db8::7"}, "TCP 192.0.2.7 5025"),
        ({socket.AF_INET6: "::ffff:192.0.2.7"}, "TCP 192.0.2.7 5025"),
        ({}, "TCP lockin.lab 5025"),
    ],
)
def test_a_host_is_known_by_its_address_of_either_version(monkeypatch, known, wanted):
    def look_up(host, port, family):
        if family not in known:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(family, socket.SOCK_STREAM, 6, "", (known[family], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert place("TCPIP::Lockin.lab::5025::SOCKET") == wanted


def test_a_serial_port_is_what_its_link_points_to(tmp_path):
    (tmp_path / "ttyS7").write_text("")
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyS7")
    assert place(f"ASRL{tmp_path}/by-id::INSTR") == place(f"ASRL{tmp_path}/ttyS7::INSTR")


def test_different_devices_are_at_different_places():
    addresses = (
        "TCPIP::192.168.1.21::5025::SOCKET", "TCPIP::192.168.1.22::5025::SOCKET",
        "TCPIP::192.168.1.21::1234::SOCKET", "TCPIP::192.168.1.21::gpib0,6::INSTR", "GPIB0::6::INSTR",
        "GPIB1::6::INSTR", "GPIB0::7::INSTR", "GPIB0::6::0::INSTR", "ASRL3::INSTR", "ASRL4::INSTR",
        "USB0::0x0AAD::0x0054::101234::INSTR", "USB0::0x0AAD::0x0054::101235::INSTR",
    )  # fmt: skip
    assert len({place(address) for address in addresses}) == len(addresses)


def test_outputs_of_one_supply_are_one_place():
    entry = load_driver("e36312a")
    places = {
        place_of(
            InstrumentSpec(
                name="it", role=entry.role, entry=entry, address="TCPIP::192.168.1.30::5025::SOCKET",
                options=entry.adapter.options(channel=channel), timeout=1.0, retries=0, actuators=(),
                wiring={}, twin={},
            )
        )
        for channel in (1, 2)
    }  # fmt: skip
    assert len(places) == 1
