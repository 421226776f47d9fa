"""What the manuals' tables say of bits, limits and thresholds, asked over the wire."""

from __future__ import annotations

import pytest

from labspin.clock import SimulatedClock
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES, E36312A, SG384, SR400, SR830, SR860, KepcoBOP, LakeShore425
from labspin.twin.samples.levitated_diamond import DiamondSettings, LevitatedDiamond
from labspin.twin.samples.mrfm_cantilever import MRFMCantilever
from labspin.twin.wire.status import Status
from tests.twin.lamp import PULSES, make_world
from tests.twin.lockin_sample import GAIN, make_world as make_amplifier


class Line:
    """A terminal on a simulated instrument."""

    def __init__(self, device):
        self.device, self.adapter = device, SimulatedAdapter(device, timeout=0.0)

    def __call__(self, *commands):
        for command in commands:
            self.adapter.write(command)

    def ask(self, command):
        self.adapter.write(command)
        return self.adapter.read()

    def wait(self, seconds):
        self.device.world.clock.sleep(seconds)


def test_kepco_s_questionable_register_has_bit_1_after_a_trip():
    line = Line(KepcoBOP(make_world(), noise=0.0))
    line("FUNC:MODE CURR;:CURR 5;:OUTP ON")
    line.wait(1.0)
    assert line.ask("STAT:QUES:COND?") == "0"
    line.device.trip()
    assert line.ask("STAT:QUES:COND?") == "2"
    line("OUTP ON")
    assert line.ask("STAT:QUES:COND?") == "0"


def test_e36312a_says_whether_voltage_or_current_tripped():
    line = Line(E36312A(make_world()))
    line("*RST", "VOLT 5,(@2)", "VOLT:PROT 4,(@2)", "OUTP ON,(@2)")
    assert (line.ask("VOLT:PROT:TRIP? (@2)"), line.ask("CURR:PROT:TRIP? (@2)")) == ("1", "0")
    assert line.ask("OUTP? (@2)") == "0"
    line.device.trip()
    channel = line.device._options["channel"]
    tripped = [line.ask(f"{kind}:PROT:TRIP? (@{channel})") for kind in ("VOLT", "CURR")]
    assert tripped == ["0", "1"]


@pytest.mark.parametrize("kind", [SR830, SR860])
def test_a_lock_in_s_output_overloads_at_109_percent_of_full_scale(kind):
    line = Line(kind(make_amplifier(), input_noise=0.0))
    line("SENS 23" if kind is SR830 else "SCAL 3", "RMOD 0" if kind is SR830 else "IRNG 0", "PHAS 17.188734")
    for share in (1.08, 1.11, 1.05):  # all of it is X: the phase is the detector's
        line(f"SLVL {share * line.device.full_scale / abs(GAIN):.4f}")
        for _ in range(2):  # the second time nothing of the setting before is left
            line.wait(5.0)
            line.ask("FREQ?")
            line.device.overloads()
        line.wait(5.0)
        line.ask("FREQ?")
        assert line.device.overloads()[1] == (share > 1.09)


def test_sr400_s_counter_ends_at_its_largest_number_and_says_so():
    """Nine digits (manual, page 5): 100 s of the 10 MHz clock are 1e9."""
    line = Line(SR400(make_world()))
    line.device.world.play(PULSES)
    line("CI0,0;CI1,1;CI2,0;CP2,9E8;GM0,0;GM1,0;CS")
    line.wait(91.0)
    assert line.ask("QA") == "900000000"
    assert line.ask("SS3") == "0"
    line("CR;CP2,2E9;CS")
    line.wait(201.0)
    assert line.ask("QA") == "999999999"
    assert line.ask("SS3") == "1"


def test_sr400_s_secondary_status_has_triggered_at_bit_0_and_counting_at_bit_2():
    line = Line(SR400(make_world()))
    assert int(line.ask("SI")) & 5 == 0
    line("CI0,1;CI1,2;CI2,3;CP2,1000;GM0,1;GM1,1;GD0,0;GD1,0;GW0,1E-6;GW1,1E-6;CS")
    assert int(line.ask("SI")) & 5 == 5
    assert int(line.ask("SI")) & 5 == 4  # still counting; the other bit is cleared by reading it
    line("CH")
    assert int(line.ask("SI")) & 4 == 0


def test_a_gaussmeter_reads_five_percent_beyond_its_range_and_no_more():
    world = World(LevitatedDiamond(DiamondSettings()), SimulatedClock(), seed=1)
    line = Line(LakeShore425(world, noise=0.0))
    line("UNIT 1", "AUTO 0", "RANGE 1")  # gauss, 35 G
    true = world.reading("field") * 1e4
    assert true > 60
    assert float(line.ask("RDGFIELD?")) == pytest.approx(1.05 * 35.0, rel=1e-3, abs=0)
    line("RANGE 2")
    assert float(line.ask("RDGFIELD?")) == pytest.approx(true, rel=1e-3, abs=0)


@pytest.mark.parametrize("name", ["lakeshore336"])
def test_a_temperature_limit_switches_every_heater_off(name):
    world = World(MRFMCantilever(), SimulatedClock(), seed=1)
    line = Line(DEVICES[name](world))
    line("OUTMODE 1,1,1,0", "OUTMODE 2,1,1,0", "RANGE 1,1", "RANGE 2,2")
    assert (line.ask("RANGE? 1"), line.ask("RANGE? 2")) == ("1", "2")
    line("TLIMIT A,0.001")
    assert (line.ask("RANGE? 1"), line.ask("RANGE? 2")) == ("0", "0")


def test_the_status_byte_has_the_bits_of_ieee_488_2():
    status = Status()
    status.read_events()
    assert status.byte(message_available=False) == 0
    assert status.byte(message_available=True) == 16  # MAV is bit 4
    status.request_enable = 16
    assert status.byte(message_available=True) == 16 + 64  # and asks for service by bit 6


@pytest.mark.parametrize(("code", "bit"), [(-113, 32), (-222, 16), (-350, 8), (-410, 4)])
def test_errors_set_the_event_of_their_hundred(code, bit):
    """IEEE 488.2 and SCPI: command 32, execution 16, device 8, query 4."""
    from labspin.twin.wire import CommandError

    status = Status()
    status.read_events()
    status.report(CommandError(code, "any"))
    assert status.read_events() == bit


def test_sr830_finds_no_gain_beyond_a_second():
    """Page 5-14: AGAN does nothing if the time constant is greater than 1 s."""
    line = Line(SR830(make_amplifier(), input_noise=0.0))
    line("SLVL 0.1", "OFLT 10")  # 1 s
    line.wait(30.0)
    line("SENS 26", "AGAN")
    assert line.ask("SENS?") == "22"  # 50 mV
    line("OFLT 11")  # 3 s
    line.wait(90.0)
    line("SENS 26", "AGAN")
    assert line.ask("SENS?") == "26"


def test_sr830_s_detection_range_has_hysteresis():
    """Pages 4-9 and 5-6: up at 203.12 Hz, down at 199.21 Hz; only the lower range has more than 30 s."""
    line = Line(SR830(make_amplifier(), input_noise=0.0))
    line("FREQ 100", "OFLT 15", "FREQ 201")
    assert line.ask("OFLT?") == "15"  # still in the lower range
    line("FREQ 204")
    assert line.ask("OFLT?") == "13"
    line("FREQ 201", "OFLT 15")
    assert line.ask("OFLT?") == "13"  # still in the upper range
    line("FREQ 199", "OFLT 15")
    assert line.ask("OFLT?") == "15"


def test_a_fault_that_stays_does_not_count():
    device = KepcoBOP(make_world(), noise=0.0)
    stays = device.faults.add("silent", times=-1)
    passes = device.faults.add("garble", times=2)
    for _ in range(5):
        device.receive(b"*IDN?\n")
        device.transmit()
    assert stays.times == -1
    assert passes.times == 0
    assert stays in list(device.faults)


def test_kepco_s_trigger_waits_until_it_is_armed_and_the_output_on():
    """BIT 4886 manual, A.16: unarmed, or with the output off, nothing happens and no error is queued."""
    line = Line(KepcoBOP(make_world(), noise=0.0))
    line("FUNC:MODE CURR;:VOLT 10;:CURR 1;:VOLT:TRIG 12;:CURR:TRIG 3;:OUTP ON", "*TRG")
    assert (float(line.ask("CURR?")), line.ask("STAT:OPER:COND?")) == (pytest.approx(1.0, abs=1e-3), "0")
    line("INIT")
    assert line.ask("STAT:OPER:COND?") == "32"
    line("OUTP OFF", "*TRG", "OUTP ON")
    assert float(line.ask("CURR?")) == pytest.approx(1.0, abs=1e-3)
    line("*TRG")
    assert [float(line.ask(f"{word}?")) for word in ("CURR", "VOLT")] == pytest.approx([3.0, 12.0], abs=1e-3)
    assert line.ask("STAT:OPER:COND?") == "0"
    line("INIT:CONT ON", "*TRG")
    assert line.ask("STAT:OPER:COND?") == "32"
    assert line.ask("SYST:ERR?") == '0,"No error"'


@pytest.mark.parametrize("word", ["TRIG:SOUR BUS", "TRIG:SOUR?", "TRIG"])
def test_the_card_of_the_kepco_knows_no_trigger_source(word):
    """That is of the BOP-MG supplies; "the BOP/BIT 4886 only supports *TRG" (BOP 1KW manual, 3.5.3.5.3)."""
    line = Line(KepcoBOP(make_world()))
    line(word)
    assert line.ask("SYST:ERR?") == '-113,"Undefined header"'


def test_kepco_s_list_runs_as_often_as_it_is_told_and_skips_its_beginning():
    line = Line(KepcoBOP(make_world(), noise=0.0))
    line("FUNC:MODE CURR;:VOLT 36;:OUTP ON")
    line("LIST:CLE;:LIST:CURR 1,2,3;:LIST:DWEL 1;:LIST:COUN 2;:LIST:COUN:SKIP 1;:CURR:MODE LIST")
    line.wait(0.5)
    seen = []
    for _ in range(6):
        seen.append(round(float(line.ask("MEAS:CURR?"))))
        line.wait(1.0)
    assert seen == [1, 2, 3, 2, 3, 3]
    assert line.ask("CURR:MODE?") == "FIXED"


def test_kepco_s_list_cannot_be_changed_while_it_runs_and_ends_where_it_began():
    line = Line(KepcoBOP(make_world(), noise=0.0))
    line(
        "FUNC:MODE CURR;:VOLT 36;:CURR 5;:OUTP ON",
        "LIST:CURR 1,2;:LIST:DWEL 1,0.5;:LIST:COUN 0;:CURR:MODE LIST",
    )
    line.wait(100.2)
    line("LIST:CURR 3")
    assert line.ask("SYST:ERR?").startswith("-100")
    assert line.ask("CURR:MODE?") == "LIST"
    line("CURR:MODE FIX")
    line.wait(1.0)
    assert float(line.ask("MEAS:CURR?")) == pytest.approx(5.0, abs=1e-3)


def test_kepco_s_transient_is_a_pulse_of_the_next_set_point():
    line = Line(KepcoBOP(make_world(), noise=0.0))
    line("FUNC:MODE CURR;:VOLT 36;:CURR 2;:OUTP ON")
    line.wait(1.0)
    line("CURR:MODE TRAN,0.5;:CURR 7")
    assert float(line.ask("MEAS:CURR?")) == pytest.approx(7.0, abs=1e-3)
    line.wait(0.6)
    assert [float(line.ask(f"{word}?")) for word in ("MEAS:CURR", "CURR")] == pytest.approx([2, 2], abs=1e-3)
    assert line.ask("CURR:MODE?") == "FIXED"


def test_e36312a_steps_at_a_trigger_of_its_source_only():
    line = Line(E36312A(make_world(), noise=0.0))
    line(
        "VOLT 5,(@1)", "CURR 1,(@1)", "CURR:TRIG 2,(@1)", "CURR:MODE STEP,(@1)", "TRIG:SOUR BUS,(@1)", "*TRG"
    )
    assert float(line.ask("CURR? (@1)")) == pytest.approx(1.0, abs=1e-4)
    line("INIT (@1)", "*TRG")
    assert float(line.ask("CURR? (@1)")) == pytest.approx(2.0, abs=1e-4)
    line("CURR 1,(@1)", "*TRG")
    assert float(line.ask("CURR? (@1)")) == pytest.approx(1.0, abs=1e-4)
    line("TRIG:SOUR IMM,(@1)", "INIT (@1)")
    assert float(line.ask("CURR? (@1)")) == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(("last", "after"), [("ON", 2.0), ("OFF", 0.5)])
def test_e36312a_s_list_ends_with_its_last_step_or_where_it_began(last, after):
    line = Line(E36312A(make_world(), noise=0.0))
    line("VOLT 6,(@1)", "CURR 0.5,(@1)", "OUTP ON,(@1)", f"LIST:TERM:LAST {last},(@1)")
    line("CURR:MODE LIST,(@1)", "LIST:CURR 1,2,(@1)", "LIST:DWEL 1,(@1)", "LIST:COUN 2,(@1)", "INIT (@1)")
    line.wait(0.5)
    seen = []
    for _ in range(4):
        seen.append(round(float(line.ask("MEAS:CURR? (@1)"))))
        line.wait(1.0)
    assert seen == [1, 2, 1, 2]
    line.wait(1.0)
    assert float(line.ask("MEAS:CURR? (@1)")) == pytest.approx(after, abs=1e-3)
    assert float(line.ask("CURR? (@1)")) == pytest.approx(after, abs=1e-3)


def test_e36312a_s_calibration_is_secured():
    line = Line(E36312A(make_world()))
    line("CAL:SAVE")
    assert line.ask("SYST:ERR?").startswith("702,")


def test_sg384_loads_a_point_of_its_list_at_each_trigger():
    """SG380 manual, list commands: 15 places, N for what stays; the index wraps at the end."""
    line = Line(SG384(make_world()))
    assert line.ask("LSTC? 2") == "1"
    line("LSTP 0,2.8E9,N,N,N,-10,N,4,N,N,N,N,N,N,N,N", "LSTP 1,2.9E9,N,N,N,N,N,0,N,N,N,N,N,N,N,N", "*TRG")
    assert float(line.ask("FREQ?")) == 10e6
    line("LSTE 1", "*TRG")
    assert [float(line.ask(f"{word}?")) for word in ("FREQ", "AMPR", "ENBR", "LSTI")] == [2.8e9, -10, 1, 1]
    line("*TRG")
    assert [float(line.ask(f"{word}?")) for word in ("FREQ", "AMPR", "ENBR", "LSTI")] == [2.9e9, -10, 0, 0]
    line("LSTD", "LSTE 1")
    assert line.ask("LERR?") == "11"


@pytest.mark.parametrize("source", ["BUS", "IMM"])
def test_a_source_steps_at_each_trigger_or_sweeps_at_one(source):
    """LIST:TRIGger:SOURce of Agilent's sources: a point waits for a trigger (BUS), or for its dwell time."""
    world = make_world()
    line = Line(DEVICES["scpi_source"](world))
    line("FREQ:MODE LIST;:LIST:TYPE STEP;:SWE:POIN 3;DWEL 1", "FREQ:STAR 1E9;STOP 3E9", "TRIG:SOUR BUS")
    line(f"LIST:TRIG:SOUR {source}", "INIT:CONT ON", "OUTP ON")
    seen = []
    for _ in range(3):
        seen.append(world.level("microwave.frequency"))
        line("*TRG")
    assert seen == ([1e9, 2e9, 3e9] if source == "BUS" else [1e9] * 3)
    world.clock.sleep(1.5)
    assert world.level("microwave.frequency") == (1e9 if source == "BUS" else 2e9)


@pytest.mark.parametrize(
    ("command", "code"),
    [("AMPH 3", 15), ("ENBC?", 14), ("QFNC 4", 16), ("TYPE 6", 16), ("*CAL", 113), ("LSTD?", 112),
     ("STYP 1", 111), ("*RCL 3", 13), ("*SAV 0", 10)],
)  # fmt: skip
def test_sg384_names_its_errors_by_the_maker_s_numbers(command, code):
    line = Line(SG384(make_world()))
    line(command)
    assert line.ask("LERR?") == str(code)
