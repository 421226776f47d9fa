from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given, strategies as st
from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.srs import SG380

from labspin.errors import ArgumentError, ReplyTimeoutError
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES, SG384, SR400, KepcoBOP
from labspin.twin.devices.sr400_settings import four_digits, one_digit
from tests.twin.lamp import PULSES, make_world


class Line:
    """A terminal on a simulated instrument."""

    def __init__(self, device):
        self.device, self.adapter = device, SimulatedAdapter(device, timeout=0.0)

    def __call__(self, command):
        self.adapter.write(command)

    def ask(self, command):
        self.adapter.write(command)
        answer = self.adapter.read()
        assert self.device.transmit() == b""
        return answer


@pytest.fixture
def sg384():
    return Line(SG384(make_world()))


@pytest.fixture
def kepco():
    return Line(KepcoBOP(make_world(), noise=0.0))


@pytest.fixture
def sr400():
    return Line(SR400(make_world()))


def test_the_table_of_devices_is_complete():
    assert {"sg384", "kepco_bop", "sr400", "pulse_streamer", "sr830", "sr860"} <= set(DEVICES)


def test_wiring_and_options_that_do_not_exist_are_refused():
    world = make_world()
    with pytest.raises(ArgumentError, match=r"port 'rf' does not exist.*frequency"):
        SG384(world, wiring={"rf": "microwave.power"})
    with pytest.raises(ArgumentError, match=r"wired to signal 'magnet'.*magnet.current"):
        KepcoBOP(world, wiring={"current": "magnet"})
    with pytest.raises(ArgumentError, match=r"option 'modell' is not known.*model"):
        KepcoBOP(world, modell="36-12")
    with pytest.raises(ArgumentError, match="wanted volts and amperes"):
        KepcoBOP(world, model="big")


# -- SG384 ---------------------------------------------------------------------------------------------------


def test_sg384_wakes_up_with_its_output_off(sg384):
    assert sg384.ask("*IDN?") == "Stanford Research Systems,SG384,s/n001234,ver1.00"
    assert sg384.ask("ENBR?") == "0"
    assert sg384.device.world.level("microwave.power") == -math.inf


@pytest.mark.parametrize(
    ("command", "frequency"),
    [("FREQ2.87E9", 2.87e9), ("freq 2.87 GHz", 2.87e9), ("FREQ2870MHZ;", 2.87e9), ("FREQ 1e6\r", 1e6)],
)
def test_sg384_puts_its_frequency_on_the_bench(sg384, command, frequency):
    sg384(command)
    assert sg384.device.world.level("microwave.frequency") == frequency
    assert float(sg384.ask("FREQ?")) == frequency
    assert float(sg384.ask("FREQ? MHz")) == frequency / 1e6


def test_sg384_emits_only_where_its_output_works(sg384):
    sg384("FREQ2.8E9;AMPR-12.345;ENBR1")
    assert sg384.device.world.level("microwave.power") == pytest.approx(-12.35, abs=0.0051)
    sg384("FREQ 900 kHz")
    assert sg384.device.world.level("microwave.power") == -math.inf


def test_sg384_understands_amplitudes_in_volt(sg384):
    sg384("AMPR 0.5 VPP")
    assert float(sg384.ask("AMPR?")) == pytest.approx(10 * math.log10(0.25**2 / 2 / 50 / 1e-3), abs=0.006)
    assert float(sg384.ask("AMPR? VPP")) == pytest.approx(0.5, rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("command", "code", "event"),
    [
        ("FREQ 4.1E9", 10, 16),
        ("AMPR 20", 10, 16),
        ("FREQ abc", 118, 32),
        ("FREQ", 116, 32),
        ("FOOO?", 111, 32),
        ("FREQ 1 V", 127, 32),
    ],
)
def test_sg384_keeps_wrong_commands_for_those_who_ask(sg384, command, code, event):
    sg384("*CLS")
    sg384(command)
    assert sg384.device.transmit() == b""
    assert sg384.ask("LERR?") == str(code)
    assert sg384.ask("LERR?") == "0"
    assert sg384.ask("*ESR?") == str(event)


def test_the_driver_of_pymeasure_works_on_the_sg384():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        generator = SG380(SimulatedAdapter(SG384(make_world())))
    generator.frequency = 2.87e9
    assert generator.frequency == 2.87e9
    generator.mod_type = "AM"
    assert generator.mod_type == "AM"
    generator.fm_dev = 1e5
    assert generator.fm_dev == 1e5
    assert generator.rate == 1e3


# -- Kepco BOP -----------------------------------------------------------------------------------------------


def test_kepco_wakes_up_in_voltage_mode_with_its_output_off(kepco):
    assert kepco.ask("FUNC:MODE?") == "0"
    assert kepco.ask("OUTP?") == "0"
    assert float(kepco.ask("MEAS:CURR?")) == 0.0
    assert kepco.ask("*IDN?").startswith("KEPCO,BIT 4886 36-12")


def test_kepco_ramps_the_current_as_fast_as_its_compliance_lets_it(kepco):
    kepco("FUNC:MODE CURR;:VOLT 20;:CURR 10;:OUTP ON")
    clock = kepco.device.world.clock
    ramp = 10 / (20 / 10e-3)
    clock.sleep(ramp / 2)
    slow = 20 / 10e-3 * (ramp / 2 - 2e-3 * (1 - math.exp(-ramp / 2 / 2e-3)))
    assert float(kepco.ask("MEAS:CURR?")) == pytest.approx(slow, abs=0.002)
    clock.sleep(1.0)
    assert float(kepco.ask("MEAS:CURR?")) == pytest.approx(10.0, abs=4e-4)
    assert float(kepco.ask("MEAS:VOLT?")) == pytest.approx(10.0, abs=2e-3)
    assert kepco.device.world.level("magnet.current") == pytest.approx(10.0, abs=4e-4)


def test_kepco_cannot_exceed_its_compliance(kepco):
    kepco("FUNC:MODE CURR;:VOLT 3;:CURR 10;:OUTP ON")
    kepco.device.world.clock.sleep(1.0)
    assert float(kepco.ask("MEAS:CURR?")) == pytest.approx(3.0, abs=2e-3)
    assert float(kepco.ask("CURR?")) == pytest.approx(10.0, abs=4e-4)


def test_kepco_in_voltage_mode_lags_by_the_coil(kepco):
    kepco("VOLT 2;CURR 12;OUTP 1")
    kepco.device.world.clock.sleep(10e-3)
    assert float(kepco.ask("MEAS:CURR?")) == pytest.approx(2 * (1 - math.exp(-1)), abs=2e-3)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("CURR 13", '-222,"Data out of range"'),
        ("CURR 1 V", '-131,"Invalid suffix"'),
        ("FUNC:MODE RES", '-224,"Illegal parameter value"'),
        ("FUNC:MODEL CURR", '-113,"Undefined header"'),
        ("CURR", '-109,"Missing parameter"'),
        ("CURR 1,2", '-108,"Parameter not allowed"'),
        ("MEAS:CURR", '-113,"Undefined header"'),
        ("\xff", '-101,"Invalid character"'),
    ],
)
def test_kepco_queues_errors(kepco, command, error):
    kepco("*CLS")
    kepco(command)
    assert kepco.ask("SYST:ERR?") == error
    assert kepco.ask("SYST:ERR?") == '0,"No error"'
    assert int(kepco.ask("*ESR?")) & (16 if error.startswith("-2") else 32)


def test_the_error_queue_overflows_as_scpi_says(kepco):
    kepco("*CLS")
    for _ in range(30):
        kepco("FOO")
    errors = [kepco.ask("SYST:ERR?") for _ in range(20)]
    assert errors[0] == '-113,"Undefined header"'
    assert errors[-1] == '-350,"Queue overflow"'
    assert kepco.ask("SYST:ERR?") == '0,"No error"'


def test_the_status_byte_sums_up_what_is_enabled(kepco):
    kepco("*CLS;*ESE 32;*SRE 32")
    assert kepco.ask("*STB?") == "0"
    kepco("FOO")
    assert int(kepco.ask("*STB?")) == 4 + 32 + 64
    assert kepco.ask("*ESE?;*SRE?") == "32;32"
    kepco("*OPC")
    assert int(kepco.ask("*ESR?")) & 1


@pytest.mark.parametrize("register", ["*ESE", "*SRE"])
def test_a_register_that_enables_is_one_byte(kepco, register):
    """IEEE 488.2: the value lies in 0 to 255; any other is refused and leaves the register as it was."""
    kepco(f"*CLS;{register} 255")
    for beyond in ("256", "-1"):
        kepco(f"{register} {beyond}")
        assert kepco.ask("SYST:ERR?") == '-222,"Data out of range"'
        assert kepco.ask(f"{register}?") == "255"


def test_a_message_that_does_not_fit_is_lost_and_told(kepco):
    kepco("*CLS")
    kepco.device.receive(b"CURR 1;" * 10_000)  # 70 000 bytes without an end
    assert kepco.ask("SYST:ERR?") == '-363,"Input buffer overrun"'
    assert kepco.ask("SYST:ERR?") == '0,"No error"'
    kepco.device.receive(b"CURR 2\n" * 10_000)  # as many, in messages that fit
    assert kepco.ask("SYST:ERR?") == '0,"No error"'


def test_the_driver_of_pymeasure_works_on_the_kepco():
    world = make_world()
    supply = KepcoBOP3612(SimulatedAdapter(KepcoBOP(world)))
    supply.operating_mode = "CURR"
    supply.voltage_setpoint = 20
    supply.current_setpoint = -1.5
    supply.output_enabled = True
    world.clock.sleep(1.0)
    assert supply.operating_mode == "CURR"
    assert supply.output_enabled is True
    assert supply.current == pytest.approx(-1.5, abs=2e-3)
    assert supply.voltage == pytest.approx(-1.5, abs=5e-3)
    assert supply.confidence_test == 0
    supply.beep()
    supply.wait_to_continue()
    assert supply.check_errors() == []


# -- SR400 ---------------------------------------------------------------------------------------------------


@given(st.floats(1e-9, 0.9992))
def test_gate_times_are_rounded_as_the_manual_says(time):
    rounded = four_digits(0, 0.9992)(time)
    digits = float(f"{rounded:.3e}".split("e")[0]) * 1000
    assert abs(rounded - time) <= max(0.51e-9, time * 0.002)
    if rounded >= 1e-6:  # may be none: finer steps count in nanoseconds
        step = 1 if digits < 2048 else 2 if digits < 4096 else 4 if digits < 8192 else 8
        assert digits / step == pytest.approx(round(digits / step), abs=1e-6)


def test_the_examples_of_the_manual():
    near_ten = four_digits(0, 0.9992)
    for value in (9.984e-6, 9.992e-6, 10.00e-6, 10.01e-6):
        assert near_ten(value) == pytest.approx(value, rel=1e-9, abs=0)
    for text in ("10", "1E1", "0.1E2", "12"):
        assert one_digit(1, 9e11)(float(text)) == 10


def test_sr400_asks_by_leaving_the_value_out(sr400):
    sr400("CM 0;CI 0,1;CI1,1;CI2,3;CP2,1200;GD1,5.003 E-6;NP 5")
    assert [sr400.ask(query) for query in ("CM", "CI0", "CI2", "CP2", "GD1", "NP")] == [
        "0", "1", "3", "1E+03", "5.004E-06", "5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", ["CI0,2", "CP2,0.5", "GW0,1E-9", "GD0,1", "NP2001", "XX", "GM0", "CM?", "TL 3"]
)
def test_sr400_sets_a_bit_and_drops_the_rest_of_the_line(sr400, wrong):
    sr400("NP7" if wrong == "GM0" else f"{wrong};NP7")
    if wrong != "GM0":
        assert sr400.ask("NP") == "1"
        assert int(sr400.ask("SS")) & 128
        assert int(sr400.ask("SS")) & 128 == 0


def armed(sr400, triggers=1000, periods=1, extra=""):
    world = sr400.device.world
    world.play(PULSES)
    sr400(f"CM0;CI0,1;CI1,1;CI2,3;CP2,{triggers};NP{periods};GM0,1;GM1,1;{extra}")
    sr400("GD0,0;GW0,1E-6;GD1,3E-6;GW1,2E-6;CR;SS")
    sr400.device.transmit()
    return world.clock


def test_sr400_counts_in_two_gates_for_n_triggers(sr400):
    clock = armed(sr400)
    sr400("CS")
    clock.sleep(1000 * 10e-6 - 1e-6)
    assert sr400.ask("SS1") == "0"
    assert int(sr400.ask("SI")) & 4
    clock.sleep(1.1e-6)
    assert sr400.ask("SS1") == "1"
    assert sr400.ask("SS1") == "0"
    a, b = int(sr400.ask("QA")), int(sr400.ask("QB"))
    assert a == pytest.approx(1000, abs=5 * math.sqrt(1000))
    assert b == pytest.approx(975, abs=5 * math.sqrt(975))
    assert (a, b) == (int(sr400.ask("QA")), int(sr400.ask("QB 1")))


def test_sr400_needs_one_trigger_more_than_gates(sr400):
    clock = armed(sr400)
    sr400.device.world.play(PULSES, 1000)
    sr400("CS")
    clock.sleep(1.0)
    assert sr400.ask("SS1") == "0"
    assert sr400.ask("QA") == "-1"


def test_sr400_counts_periods_with_dwell_between(sr400):
    clock = armed(sr400, triggers=100, periods=3, extra="DT 5E-3")
    sr400("CS")
    one, dwell = 100 * 10e-6, 5e-3
    for complete, wait in ((0, one / 2), (1, one), (1, dwell - one), (2, 1.6 * one), (3, dwell + one)):
        clock.sleep(wait)
        sr400("EA")
        assert sr400.device.transmit().count(b"\r\n") == complete
    assert int(sr400.ask("SS")) & 6 == 6
    sr400("ET")
    assert len(sr400.device.transmit().split()) == 6


def test_sr400_goes_through_many_periods_when_nobody_looks(sr400):
    clock = armed(sr400, triggers=100, periods=500, extra="DT 2E-3")
    sr400("CS")
    clock.sleep(3600.0)
    sr400("EA")
    values = [int(value) for value in sr400.device.transmit().split()]
    assert len(values) == 500
    assert sum(values) / 500 == pytest.approx(100, abs=5 * math.sqrt(100 / 500))


def test_sr400_sends_a_scan_as_it_comes(sr400):
    armed(sr400, triggers=100, periods=3, extra="DT 2E-3")
    adapter = SimulatedAdapter(sr400.device, timeout=1.0)
    adapter.write("FT")
    assert len([int(adapter.read()) for _ in range(6)]) == 6
    with pytest.raises(ReplyTimeoutError, match="wanted an answer within 1 s, got nothing"):
        adapter.read()


def test_sr400_counts_for_a_time_without_gates(sr400):
    world = sr400.device.world
    world.play(PULSES)
    sr400("CI0,1;CI1,2;CI2,0;CP2,1E7;GM0,0;GM1,0;CS")
    world.clock.sleep(0.5)
    assert int(sr400.ask("XA")) == pytest.approx(2e5, rel=0.02, abs=0)
    world.clock.sleep(0.5)
    assert int(sr400.ask("QA")) == pytest.approx(4e5, rel=0.01, abs=0)
    assert sr400.ask("QB") == "0"


def test_sr400_counts_its_own_clock_in_the_gate(sr400):
    clock = armed(sr400, triggers=100, extra="CI0,0")
    sr400("CI0,0;CS")
    clock.sleep(1.0)
    assert sr400.ask("QA") == "1000"


def test_sr400_scans_a_gate(sr400):
    clock = armed(sr400, triggers=1000, periods=3, extra="DT2E-3;GY0,2E-6")
    sr400("GM0,2;CS")
    clock.sleep(1.0)
    sr400("EA")
    counts = [int(value) for value in sr400.device.transmit().split()]
    assert counts == pytest.approx([1000, 1000, 0], abs=160)


def test_sr400_reports_triggers_that_come_too_fast(sr400):
    armed(sr400)
    sr400("GD1,9.5E-6;CS")
    assert sr400.ask("SS4") == "1"


def test_sr400_sees_no_trigger_at_a_level_that_is_not_reached(sr400):
    clock = armed(sr400, extra="TL-0.5")
    sr400("CS")
    clock.sleep(10.0)
    assert sr400.ask("SS1") == "0"


def test_sr400_stops_pauses_and_resets(sr400):
    clock = armed(sr400, triggers=100, periods=3, extra="DT 2E-3")
    sr400("CS")
    clock.sleep(1.5e-3)
    sr400("CH")
    clock.sleep(1.0)
    sr400("EA")
    assert sr400.device.transmit().count(b"\r\n") == 1
    sr400("CS")
    clock.sleep(1.0)
    assert sr400.ask("QA 3") != "-1"
    sr400("CR")
    assert sr400.ask("QA") == "-1"


def test_sr400_keeps_and_recalls_settings(sr400):
    sr400("NP9;ST 3;NP5;RC 3")
    assert sr400.ask("NP") == "9"
    sr400("RC 0")
    assert sr400.ask("NP") == "1"
