"""SMB100A: what goes over the wire, what does not, and sweeps and lists on the simulated instrument."""

import math

import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.smb100a import RANGES, SMB100A, SMB100AMicrowave, SMB100AOptions
from labspin.twin import Pattern, World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load

IDENTITY = "Rohde&Schwarz,SMB100A,1406.6000k02/101234,3.1.19.15-3.50.124.73"
OK = ("SYST:ERR?", '0,"No error"')


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("frequency", 2.87e9, "SOUR:FREQ 2870000000.000"),
        ("frequency", 9e3, "SOUR:FREQ 9000.000"),
        ("power", -12.345, "SOUR:POW -12.35"),
        ("power", 30, "SOUR:POW 30.00"),
        ("phase", -90, "SOUR:PHAS -90.0 DEG"),
        ("output_enabled", True, "OUTP:STAT 1"),
        ("pulse_modulation_enabled", False, "SOUR:PULM:STAT 0"),
        ("frequency_mode", "sweep", "SOUR:FREQ:MODE SWE"),
        ("frequency_mode", "continuous", "SOUR:FREQ:MODE CW"),
    ],
)
def test_settings_are_sent_and_the_error_queue_is_read(attribute, value, command):
    with expected_protocol(SMB100A, [(command, None), OK]) as source:
        setattr(source, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("frequency", "SOUR:FREQ?", "2870000000", 2.87e9),
        ("power", "SOUR:POW?", "-10.5", -10.5),
        ("output_enabled", "OUTP:STAT?", "1", True),
        ("frequency_mode", "SOUR:FREQ:MODE?", "FIX", "continuous"),
        ("frequency_mode", "SOUR:FREQ:MODE?", "LIST", "list"),
    ],
)
def test_settings_are_read_back(attribute, query, reply, value):
    with expected_protocol(SMB100A, [(query, reply)]) as source:
        assert getattr(source, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("frequency", 8e3, "SMB100A frequency: wanted 9 kHz to 40 GHz, got 8000"),
        ("frequency", 41e9, "SMB100A frequency: wanted 9 kHz to 40 GHz"),
        ("power", 30.1, "SMB100A power: wanted -145 dBm to 30 dBm"),
        ("phase", 721, "SMB100A phase: wanted -720 to 720"),
        ("output_enabled", 1, "SMB100A output_enabled: wanted one of True, False"),
        ("frequency_mode", "CW", "SCPI source frequency_mode: wanted one of 'continuous', 'sweep', 'list'"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(attribute, value, match):
    with expected_protocol(SMB100A, []) as source, pytest.raises(LimitError, match=match):
        setattr(source, attribute, value)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"start": 1.0}, "SMB100A sweep start"),
        ({"stop": math.nan}, "SMB100A sweep stop"),
        ({"points": 1}, "SMB100A sweep points"),
        ({"points": 2.5}, "SMB100A sweep points: wanted a whole number, got 2.5"),
        ({"dwell": 1e-4}, "SMB100A sweep dwell: wanted 1 ms to 100 s"),
        ({"trigger": "SING"}, "SMB100A sweep trigger: wanted one of 'automatic', 'bus', 'external'"),
    ],
)
def test_a_sweep_out_of_limits_is_refused_and_nothing_sent(changes, match):
    wanted = {"start": 2.8e9, "stop": 2.9e9, "points": 11, "dwell": 0.01, **changes}
    with expected_protocol(SMB100A, []) as source, pytest.raises(LimitError, match=match):
        source.sweep(wanted.pop("start"), wanted.pop("stop"), **wanted)


def test_a_list_with_too_few_powers_is_refused():
    with (
        expected_protocol(SMB100A, []) as source,
        pytest.raises(ArgumentError, match="as many powers as frequencies, at least one, got 1 and 2"),
    ):
        source.load_list([1e9, 2e9], powers=[0.0], dwell=0.01)


def test_a_name_that_would_end_the_command_is_refused():
    with (
        expected_protocol(SMB100A, []) as source,
        pytest.raises(ArgumentError, match="list: wanted a name of letters, digits and underscores, got"),
    ):
        source.load_list([1e9], dwell=0.01, name='a";*RST')


def test_a_refusal_of_the_instrument_is_an_error():
    wire = [("SOUR:POW 30.00", None), ("SYST:ERR?", '-222,"Data out of range"'), OK]
    with (
        expected_protocol(SMB100A, wire) as source,
        pytest.raises(DeviceError, match=r"refused a setting with -222.*old value stays"),
    ):
        source.power = 30


def test_identity():
    with expected_protocol(SMB100A, [("*IDN?", IDENTITY)]) as source:
        assert source.identify() == IDENTITY
    with (
        expected_protocol(SMB100A, [("*IDN?", IDENTITY.replace("SMB", "SMC"))]) as source,
        pytest.raises(IdentityError, match="wanted Rohde&Schwarz SMB100A"),
    ):
        source.identify()


def test_safe_switches_the_output_off():
    with expected_protocol(SMB100A, [("OUTP:STAT 0", None), OK]) as source:
        source.safe()


def test_configuring_forgets_old_errors_ends_a_sweep_and_takes_offsets_and_modulations_away():
    wire = [OK, ("SOUR:FREQ:MODE?", "SWE"), ("SOUR:FREQ:MODE CW", None), OK]
    wire += [("SOUR:POW:MODE?", "SWE"), ("SOUR:POW:MODE FIX", None), OK]
    wire += [("SOUR:FREQ:OFFS?", "1000000"), ("SOUR:FREQ:OFFS 0.000", None), OK, ("SOUR:FREQ:MULT?", "1")]
    wire += [("SOUR:POW:OFFS?", "-3"), ("SOUR:POW:OFFS 0.00", None), OK]
    wire += [("UNIT:POW?", "DBUV"), ("UNIT:POW DBM", None), OK]
    wire += [("SOUR:AM:STAT?", "0"), ("SOUR:FM:STAT?", "1"), ("SOUR:FM:STAT 0", None), OK]
    wire += [("SOUR:PM:STAT?", "0")]
    with expected_protocol(SMB100A, wire) as source:
        SMB100AMicrowave(source).configure()


@pytest.mark.parametrize("option", RANGES)
def test_the_range_is_that_of_the_option(option):
    low, high = RANGES[option]
    with expected_protocol(SMB100A, [(f"SOUR:FREQ {high:.3f}", None), OK], name="microwave") as source:
        microwave = SMB100AMicrowave(source, SMB100AOptions(range=option))
        microwave.frequency = high
        with pytest.raises(LimitError, match="microwave frequency: wanted"):
            microwave.frequency = 1.001 * high
        with pytest.raises(LimitError, match="microwave frequency: wanted"):
            microwave.frequency = 0.999 * low


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(ArgumentError, match=r"range: wanted one of B101, .*got 'B105'"):
        SMB100AOptions(range="B105")


# -- on the simulated instrument -----------------------------------------------------------------------------


@pytest.fixture
def source():
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    device = DEVICES["smb100a"](world)
    driver = SMB100A(SimulatedAdapter(device), clock=world.clock)
    vars(driver).update(world=world)
    return driver


def test_the_simulated_source_does_what_the_role_says(source):
    microwave = SMB100AMicrowave(source)
    microwave.configure()
    microwave.frequency, microwave.power = 2.87e9, -3.25
    assert source.world.level("microwave.power") == -math.inf
    microwave.output_enabled = True
    assert source.world.level("microwave.frequency") == 2.87e9
    assert source.world.level("microwave.power") == -3.25
    assert microwave.settings() == {
        "frequency": 2.87e9,
        "power": -3.25,
        "frequency_mode": "continuous",
        "output_enabled": True,
        "pulse_modulation_enabled": False,
    }
    microwave.safe()
    assert source.world.level("microwave.power") == -math.inf


def test_a_triggered_sweep_waits_runs_and_stays(source):
    source.sweep(2.9e9, 2.8e9, points=11, dwell=0.1, trigger="bus")
    assert (source.frequency, source.is_sweeping) == (2.9e9, False)
    source.clock.sleep(5.0)
    assert source.frequency == 2.9e9
    source.trigger()
    seen = []
    for _ in range(12):
        seen.append(source.world.level("microwave.frequency"))
        source.clock.sleep(0.1001)
    assert seen[:11] == pytest.approx([2.9e9 - n * 1e7 for n in range(11)], rel=1e-6, abs=0)
    assert source.frequency == pytest.approx(2.8e9, rel=1e-6, abs=0)
    assert not source.is_sweeping


def test_an_automatic_sweep_goes_on_for_ever(source):
    source.sweep(2.8e9, 2.9e9, points=3, dwell=0.1)
    source.clock.sleep(0.3 * 1000 + 0.15)
    assert source.frequency == pytest.approx(2.85e9, rel=1e-6, abs=0)
    assert source.is_sweeping


def test_a_list_is_stepped_by_triggers(source):
    source.output_enabled = True
    source.load_list([1e9, 3e9, 2e9], powers=[0, -5, -10], dwell=0.01, trigger="bus", single_steps=True)
    seen = []
    for _ in range(4):
        seen.append((source.world.level("microwave.frequency"), source.world.level("microwave.power")))
        source.trigger()
    assert seen == [(1e9, 0.0), (3e9, -5.0), (2e9, -10.0), (1e9, 0.0)]


def test_an_unwatched_sweep_over_a_line_darkens_the_diamond(source):
    """The whole way: one sweep across the resonances while a counter counts each step by itself."""
    world = source.world
    world.play(Pattern.constant(10e-6, laser=1.0, microwave=1.0))
    world.drive("magnet.current", 2.0)
    lower = min(world.truth()["lower_transition"])
    source.power, source.output_enabled = 10.0, True
    frequencies = [lower - 300e6, lower, lower - 200e6]
    source.load_list(frequencies, dwell=0.05, trigger="bus")
    source.trigger()
    counts = []
    for _ in frequencies:
        job = world.count("pl", gates=[(0.0, math.inf)], duration=0.05)
        world.clock.sleep(0.05)
        counts.append(int(job.counts()[0]))
    assert counts[1] < 0.98 * min(counts[0], counts[2])
