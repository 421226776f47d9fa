"""Numbers from the wrong question must not be possible, and no answer may hold the bench."""

import contextlib
import socket

import pytest

from labspin.bench import Actuator, ActuatorSpec
from labspin.clock import SimulatedClock, WallClock
from labspin.errors import InstrumentError, LabspinError, ReplyTimeoutError
from labspin.instruments import DRIVERS, load_driver
from labspin.instruments.kepco_bop import KepcoBOP
from labspin.instruments.obis import OBISOptions
from labspin.instruments.pulse_streamer import PulseStreamer
from labspin.twin import World, samples
from labspin.twin.devices import DEVICES
from labspin.twin.server import BenchServer
from tests.bench.hostile import Cable
from tests.some import some

WITH_A_WIRE = sorted(set(DRIVERS) - {"pulse_streamer", "pulse_blaster", "ni_counter", "ni_analog",
                                     "cantilever_readout"})  # fmt: skip


@contextlib.contextmanager
def cabled(driver, sample="levitated_diamond"):
    """A simulated device behind a cable; gives the cable and the address at its near end."""
    world = World(samples.load(sample)(), SimulatedClock(1.0), seed=1)
    free = {"it": 0}
    with (
        BenchServer({"it": DEVICES[driver](world)}, ports=free, binary_ports=free) as server,
        Cable(server.ports["it"]) as cable,
    ):
        if driver == "pulse_streamer":
            yield cable, f"127.0.0.1:{cable.port}"
        else:
            yield cable, f"TCPIP0::127.0.0.1::{cable.port}::SOCKET"


OPTIONS = {"obis": OBISOptions(least=1e-3)}
"""For drivers of which the defaults do not fit the simulated device."""


def opened(driver, address, **settings):
    entry = load_driver(driver)
    visa = {"visa_library": "@py"} if entry.adapter.uses_visa() else {}
    settings = {"options": OPTIONS.get(driver), "timeout": 1.0, **visa, **settings}
    return entry.adapter.open(address, name="it", **settings)


@pytest.mark.parametrize("driver", WITH_A_WIRE)
@pytest.mark.parametrize("greeting", ["Welcome, it is cold today", "0.123", "1"])
def test_a_line_that_waits_at_connection_is_thrown_away(driver, greeting):
    sample = "mrfm_cantilever" if driver.startswith("lakeshore3") else "levitated_diamond"
    with cabled(driver, sample) as (cable, address):
        adapter = opened(driver, address)
        expected = _steady(adapter.settings())
        adapter.close()
        end = b"\r" if driver == "sr400" else b"\n"
        cable.greeting = greeting.encode() + end
        adapter = opened(driver, address)
        assert _steady(adapter.settings()) == expected
        adapter.close()


@pytest.mark.parametrize("driver", ["kepco_bop", "lakeshore425"])
def test_what_waits_at_connection_need_not_be_text(driver):
    with cabled(driver) as (cable, address):
        adapter = opened(driver, address)
        expected = _steady(adapter.settings())
        adapter.close()
        cable.greeting = b"\xff\xfe\x00\x80\r\n"
        adapter = opened(driver, address)
        assert _steady(adapter.settings()) == expected
        adapter.close()


@pytest.mark.parametrize("driver", [name for name in WITH_A_WIRE if load_driver(name).adapter.uses_visa()])
def test_what_is_written_leaves_at_once(driver):
    """A question behind a command waits for no acknowledgement of it: each setting took 40 ms by that."""
    sample = "mrfm_cantilever" if driver.startswith("lakeshore3") else "levitated_diamond"
    with cabled(driver, sample) as (_, address):
        adapter = opened(driver, address)
        connection = adapter.device.adapter.connection
        there = connection.visalib.sessions[connection.session].interface
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        adapter.close()


def _steady(settings):
    """Leave out what is measured, and so has noise."""
    return {
        name: value
        for name, value in settings.items()
        if not any(word in name for word in ("measured", "temperature", "field"))
    }


@pytest.mark.parametrize("driver", WITH_A_WIRE)
@pytest.mark.parametrize("intruder", ["1.25", "1", "-3.5;1"])
def test_a_line_that_comes_in_the_moment_of_an_answer_is_no_answer(driver, intruder):
    sample = "mrfm_cantilever" if driver.startswith("lakeshore3") else "levitated_diamond"
    with cabled(driver, sample) as (cable, address):
        adapter = opened(driver, address)
        expected = _steady(adapter.settings())
        line = intruder.encode() + (b"\r" if driver == "sr400" else b"\n")
        for place in some(range(len(expected))):  # one line, at this answer; what can be asked again is
            cable.before = [b""] * place + [line]
            with _said(driver):
                assert _steady(adapter.settings()) == expected, f"answer {place}"
            cable.before = []
            assert _steady(adapter.settings()) == expected, f"after answer {place}"
        cable.before = [line] * 1000
        with _said(driver):
            assert _steady(adapter.settings()) == expected
        adapter.close()


def _said(driver):
    """Return what lets errors pass where an answer and its marker's do not come in one line."""
    is_sure = load_driver(driver).driver.takes_several and driver not in ("sr830", "sr400")
    return contextlib.nullcontext() if is_sure else contextlib.suppress(InstrumentError)


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_surplus_lines_never_shift_answers(delay):
    with cabled("kepco_bop") as (cable, address):
        supply = KepcoBOP(address, "it", timeout=1.0, visa_library="@py")
        supply.mode, supply.voltage_setpoint = "current", 7.0
        supply.current_setpoint = 2.5
        cable.surplus, cable.surplus_delay = b"1.25\n", delay
        for _ in range(5):
            assert supply.voltage_setpoint == pytest.approx(7.0, rel=1e-3, abs=0)
            assert supply.current_setpoint == pytest.approx(2.5, rel=1e-3, abs=0)
        cable.surplus = b""
        assert supply.voltage_setpoint == pytest.approx(7.0, rel=1e-3, abs=0)
        assert supply.current_setpoint == pytest.approx(2.5, rel=1e-3, abs=0)
        supply.close()


class Meddler:
    """Makes a line come between the look at the connection and the answer, which takes its time."""

    def __init__(self, cable, supply, line):
        self.write, self.line, self.cable = supply.adapter.write, line, cable
        supply.adapter.write = self

    def __call__(self, command, **kwargs):
        if self.line and command.endswith("?") and "IDN" not in command:
            line, self.line = self.line, b""
            self.cable.late = 0.05
            self.cable.say(line)
        self.write(command, **kwargs)


def test_what_a_ramp_begins_with_is_no_line_that_nobody_asked_for():
    with cabled("kepco_bop") as (cable, address):
        magnet = opened("kepco_bop", address)
        spec = ActuatorSpec(
            instrument="it", attribute="current", unit="A", minimum=-4.0, maximum=4.0, ramp_rate=20.0,
            ramp_interval=0.01, readback="measured_current", safe=0.0,
        )  # fmt: skip
        sent = []
        actuator = Actuator(spec, magnet, WallClock(), on_send=lambda name, value: sent.append(value))
        actuator.energise()
        actuator.move(2.0)
        del sent[:]
        Meddler(cable, magnet.device, b"-3.5\n")
        with contextlib.suppress(LabspinError):
            actuator.move(1.5)
        assert all(1.4 < value < 2.1 for value in some(sent)), sent
        cable.late = 0.0
        actuator.move(1.5)
        assert magnet.current == pytest.approx(1.5, rel=1e-3, abs=0)
        magnet.close()


def test_after_a_disturbance_answers_are_confirmed():
    with cabled("kepco_bop") as (cable, address):
        supply = KepcoBOP(address, "it", timeout=1.0, retries=1, visa_library="@py")
        supply.mode, supply.voltage_setpoint = "current", 7.0
        cable.drip = 0.3
        with pytest.raises(ReplyTimeoutError):
            _ = supply.voltage_setpoint
        cable.drip = 0.0
        for _ in range(20):  # what dripped is still under way
            with contextlib.suppress(InstrumentError):
                assert supply.voltage_setpoint == pytest.approx(7.0, rel=1e-3, abs=0)
                break
        Meddler(cable, supply, b"1.25\n")
        found = []
        for _ in range(3):
            with contextlib.suppress(InstrumentError):
                found.append(supply.voltage_setpoint)
        assert found
        assert found == pytest.approx([7.0] * len(found), rel=1e-3, abs=0)
        supply.close()


def test_an_answer_has_a_deadline_as_a_whole():
    with cabled("kepco_bop") as (cable, address):
        supply = KepcoBOP(address, "it", timeout=1.0, retries=1, visa_library="@py")
        before = supply.current_setpoint
        cable.drip = 0.3
        with pytest.raises(ReplyTimeoutError, match=r"no answer to 'CURRent\?' within 1 s"):
            _ = supply.current_setpoint
        cable.drip = 0.0
        for _ in range(20):  # what dripped is still under way
            with contextlib.suppress(InstrumentError):
                assert supply.current_setpoint == before
                break
        else:
            pytest.fail("the supply never answered again")
        supply.close()


def test_the_pulse_streamer_has_one_too():
    with cabled("pulse_streamer") as (cable, address):
        generator = PulseStreamer(address, "it", timeout=1.0, retries=1)
        cable.drip = 0.3
        with pytest.raises(ReplyTimeoutError, match=r"within 1 s"):
            generator.safe()
        generator.close()


def test_an_unreadable_answer_is_asked_for_again():
    with cabled("kepco_bop") as (_, address):
        supply = KepcoBOP(address, "it", timeout=1.0, retries=1, visa_library="@py")
        supply.identify()
        sent, ask = [], supply._exchange

        def garbled(line, command, query_delay):
            sent.append(command)
            answer = ask(line, command, query_delay)
            return "\x00" if sent.count("VOLTage?") == 1 and command == "VOLTage?" else answer

        supply._exchange = garbled
        assert supply.voltage_setpoint >= 0.0
        assert sent.count("VOLTage?") == 2
        assert supply.repeated["unreadable"] == 1
        supply.close()
