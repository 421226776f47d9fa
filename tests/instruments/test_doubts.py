"""Every status that makes a reading meaningless is told, by every instrument; left-overs go away."""

import pytest

from labspin.clock import SimulatedClock
from labspin.errors import DeviceError, InstrumentError, ReplyError
from labspin.instruments import DRIVERS, load_driver
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.e36312a import E36312A, E36312AMagnet, E36312AOptions
from labspin.instruments.kepco_bop import KepcoBOP, KepcoMagnet, KepcoOptions
from labspin.instruments.lakeshore336 import LakeShore336, LakeShore336Controller
from labspin.instruments.lakeshore372 import LakeShore372, LakeShore372Controller
from labspin.instruments.lakeshore425 import LakeShore425, LakeShore425Gaussmeter, LakeShore425Options
from labspin.instruments.obis import OBIS, OBISLaser
from labspin.instruments.scpi_source import ScpiMicrowave, ScpiSource
from labspin.instruments.sg384 import SG384, SG384Microwave
from labspin.instruments.smb100a import SMB100A, SMB100AMicrowave
from labspin.instruments.sr830 import SR830, SR830LockIn, SR830Options
from labspin.instruments.sr860 import SR860, SR860LockIn, SR860Options
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load
from tests.twin.lockin_sample import make_world

SILENT = {"pulse_streamer", "pulse_blaster", "ni_counter", "ni_analog", "sr400", "cantilever_readout"}
"""Drivers without a status to ask: an overflow or an overload raises there, or there is nothing to tell."""


def connected(name, driver, adapter, options=None, *, sample="levitated_diamond", configure=True, **twin):
    world = make_world() if sample is None else World(load(sample)(), SimulatedClock(), seed=1)
    device = DEVICES[name](world, **twin)
    role = adapter(driver(SimulatedAdapter(device), name, clock=world.clock), options)
    vars(role).update(twin_device=device, world=world)
    if configure:
        role.configure()
        role.doubts()
    return role


def test_every_driver_with_a_status_tells_of_it():
    for name in DRIVERS:
        entry = load_driver(name)
        assert entry.adapter.tells_doubts() == (name not in SILENT), name


def test_every_driver_says_what_it_depends_on():
    for name in DRIVERS:
        adapter = load_driver(name).adapter
        assert adapter.relied_on or name in SILENT - {"sr400"}, name
        for attribute in adapter.relied_on:  # may be none: those of SILENT
            assert hasattr(adapter, attribute.split(".")[0]) or attribute.startswith("device."), (
                name,
                attribute,
            )


# -- lock-ins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "options"),
    [("sr830", SR830, SR830LockIn, SR830Options), ("sr860", SR860, SR860LockIn, SR860Options)],
)
def test_a_lost_reference_is_told_until_it_is_back(name, driver, adapter, options):
    lockin = connected(
        name,
        driver,
        adapter,
        options(reference="external"),
        sample=None,
        wiring={"reference": "drive.frequency"},
    )
    assert lockin.doubts() == ()
    lockin.twin_device.unlock()
    lockin.world.clock.sleep(1.0)
    assert not lockin.is_overloaded()
    assert lockin.doubts() == ("reference unlocked",)
    assert lockin.doubts() == ("reference unlocked",)
    lockin.twin_device.lost_reference = False
    lockin.doubts()
    assert lockin.doubts() == ()


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "text"),
    [
        ("sr830", SR830, SR830LockIn, "input or reserve overload"),
        ("sr860", SR860, SR860LockIn, "input range overload"),
    ],
)
def test_an_overload_is_told_once_to_whoever_asks_first(name, driver, adapter, text):
    lockin = connected(name, driver, adapter, sample=None)
    lockin.twin_device.overload()
    lockin.world.clock.sleep(1.0)
    assert text in lockin.doubts()
    lockin.world.clock.sleep(1.0)
    assert lockin.is_overloaded()
    lockin.twin_device.saturated = False
    lockin.world.clock.sleep(10.0)
    lockin.is_overloaded()
    assert lockin.doubts() == ()


def test_an_output_overload_of_the_sr830_is_told():
    lockin = connected("sr830", SR830, SR830LockIn, SR830Options(sensitivity=1e-6), sample=None)
    lockin.amplitude = 1.0
    lockin.world.clock.sleep(5.0)
    assert "output overload" in lockin.doubts()


def test_offset_and_expand_that_were_left_on_do_not_stay_in_the_readings():
    world = make_world()
    device = DEVICES["sr830"](world)
    driver = SR830(SimulatedAdapter(device), clock=world.clock)
    driver.write("SENS 24;SLVL 0.109")
    world.clock.sleep(5.0)
    good = driver.x
    driver.write("OEXP 1,50,1")
    assert abs(driver.x - good) > 0.1 * abs(good), "it makes a difference"
    lockin = SR830LockIn(driver)
    lockin.configure()
    world.clock.sleep(5.0)
    assert lockin.x == pytest.approx(good, rel=1e-3, abs=0)
    assert driver.offsets == (0.0,) * 6


def test_offset_expand_and_ratio_of_the_sr860_are_taken_away():
    lockin = connected("sr860", SR860, SR860LockIn, sample=None, configure=False)
    lockin.device.write("COFA X,ON;COFP X,20;CEXP Y,X10;CRAT R,ON")
    lockin.configure()
    assert [lockin.device.offsets[n] for n in (0, 2, 3, 4, 6, 7, 8, 10, 11)] == [0.0] * 9


@pytest.mark.parametrize(
    ("name", "driver", "adapter"), [("sr830", SR830, SR830LockIn), ("sr860", SR860, SR860LockIn)]
)
def test_a_synchronous_filter_is_switched_off_and_told_when_it_comes_back(name, driver, adapter):
    lockin = connected(name, driver, adapter, sample=None, configure=False)
    lockin.device.write("FREQ 97;SYNC 1")
    lockin.configure()
    assert not lockin.device.filter_synchronous
    lockin.note_settings()
    lockin.device.write("SYNC 1")
    assert lockin.changes() == ("device.filter_synchronous is True, not False",)


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "command"),
    [("sr830", SR830, SR830LockIn, "ISRC 2"), ("sr830", SR830, SR830LockIn, "ISRC 3"),
     ("sr860", SR860, SR860LockIn, "IVMD 1")],
)  # fmt: skip
def test_a_current_input_is_refused_and_never_taken_for_volts(name, driver, adapter, command):
    lockin = connected(name, driver, adapter, sample=None, configure=False)
    lockin.device.write(command)
    with pytest.raises(DeviceError, match=rf"{name}: wanted a voltage input, but"):
        lockin.configure()


# -- sources -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "happens", "text"),
    [
        ("sg384", SG384, SG384Microwave, "unlock", "1 GHz PLL unlocked"),
        ("smb100a", SMB100A, SMB100AMicrowave, "unlock", "frequency not locked"),
        ("smb100a", SMB100A, SMB100AMicrowave, "unlevel", "power not levelled"),
        ("scpi_source", ScpiSource, ScpiMicrowave, "unlock", "frequency not locked"),
        ("scpi_source", ScpiSource, ScpiMicrowave, "unlevel", "power not levelled"),
    ],
)
def test_a_source_tells_of_lock_and_level(name, driver, adapter, happens, text):
    source = connected(name, driver, adapter)
    assert source.doubts() == ()
    source.twin_device.faults.add(happens)
    _ = source.frequency
    assert source.doubts() == (text,)
    source.twin_device.lost_lock = source.twin_device.not_levelled = False
    assert source.doubts() == ()


@pytest.mark.parametrize(
    ("name", "driver", "adapter"),
    [("smb100a", SMB100A, SMB100AMicrowave), ("scpi_source", ScpiSource, ScpiMicrowave)],
)
@pytest.mark.parametrize(
    "left",
    ["FREQ:OFFS 1e8", "FREQ:MULT 2", "POW:OFFS -10", "FREQ:OFFS 1e6;MULT 3;:POW:OFFS 3", "UNIT:POW DBUV",
     "UNIT:POW V"],
)  # fmt: skip
def test_what_a_source_shows_is_what_it_makes(name, driver, adapter, left):
    source = connected(name, driver, adapter, configure=False)
    source.device.write("FREQ 2.9e9;:POW -20;:OUTP 1")
    source.device.write(left)
    assert (source.world.level("microwave.frequency"), source.world.level("microwave.power")) == (
        2.9e9,
        -20.0,
    )
    assert (source.frequency, source.power) != (2.9e9, -20.0), "it makes a difference"
    source.configure()
    source.frequency, source.power = 2.87e9, -30.0
    assert source.world.level("microwave.frequency") == 2.87e9
    assert source.world.level("microwave.power") == -30.0


@pytest.mark.parametrize(
    ("name", "driver", "adapter"),
    [("smb100a", SMB100A, SMB100AMicrowave), ("scpi_source", ScpiSource, ScpiMicrowave)],
)
def test_a_sweep_of_the_power_that_was_left_on_is_ended_and_one_begun_later_is_told(name, driver, adapter):
    source = connected(name, driver, adapter, configure=False)
    source.device.write("POW:STAR -30;STOP -10;:POW:MODE SWE")
    source.configure()
    source.power, source.output_enabled = -20.0, True
    source.world.clock.sleep(1.0)
    assert source.world.level("microwave.power") == -20.0
    source.note_settings()
    source.device.write("POW:MODE SWE")
    assert "device.power_mode is 'sweep', not 'fixed'" in source.changes()


@pytest.mark.parametrize("modulation", ["AM", "FM", "PM"])
def test_modulations_that_were_left_on_are_switched_off(modulation):
    source = connected("smb100a", SMB100A, SMB100AMicrowave, configure=False)
    source.device.write(f"SOUR:{modulation}:STAT ON;:SOUR:PULM:STAT ON")
    source.configure()
    assert source.device.ask(f"SOUR:{modulation}:STAT?") == "0"
    assert source.device.pulse_modulation_enabled, "which may be how the output is gated"


# -- supplies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "options", "twin"),
    [
        ("kepco_bop", KepcoBOP, KepcoMagnet, KepcoOptions(compliance=10.0), {"resistance": 5.0}),
        ("e36312a", E36312A, E36312AMagnet, E36312AOptions(compliance=5.0), {"resistance": 2.5}),
    ],
)
def test_a_supply_at_its_compliance_is_told(name, driver, adapter, options, twin):
    magnet = connected(name, driver, adapter, options, **twin)
    assert magnet.doubts() == ()
    magnet.output_enabled = True
    magnet.current = 1.5
    magnet.world.clock.sleep(2.0)
    assert magnet.doubts() == ()
    magnet.current = 4.0  # of which the compliance drives 2 A
    magnet.world.clock.sleep(2.0)
    (text,) = magnet.doubts()
    assert "A flow where 4 A are set" in text


def test_a_protection_that_has_tripped_is_told():
    magnet = connected("e36312a", E36312A, E36312AMagnet, E36312AOptions(compliance=5.0))
    magnet.output_enabled = True
    magnet.twin_device.trip()
    assert magnet.doubts() == ("its protection has switched the output off",)


@pytest.mark.parametrize(
    ("name", "driver", "adapter", "options"),
    [
        ("kepco_bop", KepcoBOP, KepcoMagnet, KepcoOptions(compliance=10.0)),
        ("e36312a", E36312A, E36312AMagnet, E36312AOptions(compliance=5.0)),
    ],
)
def test_a_supply_is_asked_by_one_message(name, driver, adapter, options, monkeypatch):
    """At every point: a message is 5 to 20 ms on a real line, whatever it asks."""
    magnet = connected(name, driver, adapter, options)
    asked, write = [], magnet.device.adapter.write
    monkeypatch.setattr(
        magnet.device.adapter, "write", lambda text, **more: (asked.append(text), write(text))[1]
    )
    assert magnet.doubts() == ()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "command", ["LIST:VOLT 1,2;:LIST:DWEL 5;:LIST:COUN 0;:VOLT:MODE LIST", "VOLT:MODE TRAN,1"]
)
def test_a_list_that_was_left_running_is_refused(command):
    magnet = connected("kepco_bop", KepcoBOP, KepcoMagnet, KepcoOptions(compliance=10.0), configure=False)
    magnet.device.write(command)
    with pytest.raises(InstrumentError, match="wanted a supply that follows commands"):
        magnet.configure()
    magnet.device.write("CURR:MODE FIX")
    magnet.configure()


def test_an_answer_too_few_is_an_unreadable_one():
    magnet = connected("kepco_bop", KepcoBOP, KepcoMagnet, KepcoOptions(compliance=10.0))
    with pytest.raises(ReplyError, match="wanted 3 answers with ';' between them"):
        magnet.device.together(a=("OUTPut?", float), b=("CURRent?;VOLTage?", float), c=("CURRent?", float))


@pytest.mark.parametrize("word", ["SERies", "PARallel"])
def test_outputs_that_are_joined_are_refused(word):
    magnet = connected("e36312a", E36312A, E36312AMagnet, configure=False)
    magnet.device.write(f"OUTP:PAIR {word}")
    with pytest.raises(DeviceError, match="wanted each output by itself"):
        magnet.configure()


def test_outputs_that_are_switched_together_are_refused():
    magnet = connected("e36312a", E36312A, E36312AMagnet, configure=False)
    magnet.device.write("OUTP:COUP:CHAN CH1,CH3")
    with pytest.raises(DeviceError, match="outputs 1, 3 are switched together"):
        magnet.configure()
    magnet.device.write("OUTP:COUP:CHAN CH2,CH3")
    magnet.configure()


def test_a_list_that_was_left_on_does_not_move_the_current():
    magnet = connected("e36312a", E36312A, E36312AMagnet, configure=False)
    for left in ("LIST:CURR 1,2,(@1)", "LIST:DWEL 1,(@1)", "CURR:MODE LIST,(@1)", "VOLT:MODE STEP,(@1)"):
        magnet.device.write(left)
    magnet.configure()
    magnet.current, magnet.output_enabled = 0.5, True
    magnet.device.write("INIT (@1)")
    assert magnet.current == pytest.approx(0.5, abs=1e-4)


def test_a_trigger_that_was_left_armed_does_not_move_the_current():
    options = KepcoOptions(compliance=10.0)
    magnet = connected("kepco_bop", KepcoBOP, KepcoMagnet, options, configure=False)
    magnet.device.write("CURR:TRIG 3;:INIT:CONT ON")
    magnet.configure()
    magnet.current, magnet.output_enabled = 0.5, True
    magnet.device.write("*TRG")
    assert magnet.current == pytest.approx(0.5, abs=1e-3)


def test_a_list_of_the_source_that_was_left_on_does_not_move_the_carrier():
    source = connected("sg384", SG384, SG384Microwave, configure=False)
    source.device.ask("LSTC? 1")
    source.device.write("LSTP 0,1E9,N,N,N,N,N,N,N,N,N,N,N,N,N,N")
    source.device.write("LSTE 1")
    source.configure()
    source.frequency = 2.87e9
    source.device.write("*TRG")
    assert source.frequency == 2.87e9


# -- probes and sensors --------------------------------------------------------------------------------------


def test_a_field_beyond_the_range_is_told():
    options = LakeShore425Options(range=350e-4)
    meter = connected("lakeshore425", LakeShore425, LakeShore425Gaussmeter, options)
    assert meter.doubts() == ()
    meter.world.drive("magnet.current", 100.0)
    assert meter.doubts() == ("field overload",)


@pytest.mark.parametrize(("scale", "told"), [(0.35, ("device.range is 0.035, not 0.35",)), (None, ())])
def test_a_range_that_was_chosen_is_looked_at(scale, told):
    options = LakeShore425Options(range=scale)
    meter = connected("lakeshore425", LakeShore425, LakeShore425Gaussmeter, options)
    meter.note_settings()
    meter.device.write("RANGE 2;AUTO 1" if scale is None else "RANGE 2")
    assert meter.changes() == told


@pytest.mark.parametrize("word", ["ANALog", "MIXed"])
def test_a_laser_whose_power_a_voltage_sets_is_refused(word):
    laser = connected("obis", OBIS, OBISLaser, configure=False)
    laser.device.identify()
    laser.device.write(f"SOUR:AM:EXT {word}")
    with pytest.raises(DeviceError, match="wanted a laser whose power follows commands"):
        laser.configure()


def test_a_laser_that_is_left_to_its_input_later_is_told():
    laser = connected("obis", OBIS, OBISLaser, configure=False)
    laser.device.identify()
    laser.configure()
    laser.note_settings()
    laser.device.write("SOUR:AM:EXT DIG")
    assert laser.changes() == ("device.operating_mode is 'DIGITAL', not 'CWP'",)


def test_a_reading_is_asked_with_its_unit():
    meter = connected("lakeshore425", LakeShore425, LakeShore425Gaussmeter)
    meter.twin_device.receive(b"UNIT 1\n")
    with pytest.raises(DeviceError, match="wanted a reading in tesla, but it shows gauss"):
        _ = meter.field


@pytest.mark.parametrize(
    ("name", "driver", "adapter"),
    [
        ("lakeshore336", LakeShore336, LakeShore336Controller),
        ("lakeshore372", LakeShore372, LakeShore372Controller),
    ],
)
@pytest.mark.parametrize("bit", [1, 16, 32, 64, 128])
def test_a_sensor_that_is_out_of_range_is_told(name, driver, adapter, bit):
    controller = connected(name, driver, adapter, sample="mrfm_cantilever")
    assert controller.doubts() == ()
    controller.twin_device.sensor_status["A"] = bit
    assert controller.doubts() == (adapter.doubtful_bits[bit],)
    with pytest.raises(DeviceError, match=f"reports status {bit}"):
        _ = controller.temperature


def test_a_base_class_tells_nothing():
    assert not RoleAdapter.tells_doubts()
