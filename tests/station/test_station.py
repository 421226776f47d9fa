"""Station files: what they say, every mistake pointed at, and benches connected from them."""

import dataclasses
import math
from pathlib import Path

import pytest

from labspin.bench import Bench
from labspin.clock import SimulatedClock
from labspin.errors import StationError
from labspin.station import load_station
from labspin.twin import samples
from tests.some import some

ROOT = Path(__file__).parents[2]
SHIPPED = some(sorted((ROOT / "instruments").glob("*.toml")))
SIMULATED = ROOT / "instruments" / "levitated-diamond.toml"
LAB = ROOT / "instruments" / "levitated-diamond-lab.toml"

REAL = """
[station]
name = "small"

[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"
address = "TCPIP::192.168.1.21::5025::SOCKET"

[instruments.microwave.actuators.frequency]
limits = ["1 GHz", "4 GHz"]

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
address = "GPIB0::6::INSTR"
timeout = "500 ms"
retries = 2

[instruments.magnet.options]
model = "20-20"

[instruments.magnet.actuators.current]
limits = ["-3 A", "3 A"]
ramp_rate = "500 mA/s"
safe = "0 A"
readback = "measured_current"

[instruments.magnet.actuators.current.settle]
wait = "1 s"
tolerance = "5 mA"
timeout = "1 min"
poll = "200 ms"

[instruments.magnet.actuators.current.calibration]
name = "field"
unit = "mT"
slope = "50 G/A"
offset = "-1 G"

[interlocks.coil]
quantity = "magnet.measured_current"
minimum = "-3.1 A"
maximum = "3.1 A"
action = "hold"
timeout = "10 min"
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_stations_load(path):
    station = load_station(path)
    assert station.name
    assert station.actuators
    assert station.text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_stations_name_a_safe_value_for_what_ramps(path):
    for actuator in some(load_station(path).actuators):
        assert actuator.ramp_rate is None or actuator.safe is not None


def test_the_simulated_station_is_the_real_one_without_addresses():
    simulated, lab = load_station(SIMULATED), load_station(LAB)
    assert simulated.simulated
    assert not lab.simulated
    assert [(s.name, s.role, s.driver) for s in simulated.instruments] == [
        (s.name, s.role, s.driver) for s in lab.instruments
    ]
    for one, other in some(zip(simulated.actuators, lab.actuators, strict=True)):
        assert one.name == other.name
        assert (one.minimum, one.maximum, one.calibration) == (
            other.minimum,
            other.maximum,
            other.calibration,
        )


def test_the_calibration_of_the_simulated_station_is_true():
    station = load_station(SIMULATED)
    calibration = next(a.calibration for a in station.actuators if a.calibration)
    sample = samples.load(station.simulation.sample)()
    assert calibration.slope == pytest.approx(sample.settings.field_per_current, rel=1e-6, abs=0)


def test_what_a_file_says_in_si(write):
    station = load_station(write(REAL))
    microwave, magnet = station.instruments
    assert (magnet.timeout, magnet.retries, magnet.options.model) == (0.5, 2, "20-20")
    assert (microwave.timeout, microwave.retries) == (3.0, 1)
    frequency, current = station.actuators
    assert (frequency.minimum, frequency.maximum, frequency.unit) == (1e9, 4e9, "Hz")
    assert (current.minimum, current.maximum, current.ramp_rate, current.safe) == (-3.0, 3.0, 0.5, 0.0)
    assert (current.settle.wait, current.settle.tolerance) == (1.0, pytest.approx(5e-3, rel=1e-6, abs=0))
    assert (current.settle.timeout, current.settle.poll) == (60.0, pytest.approx(0.2, rel=1e-6, abs=0))
    assert current.readback == "measured_current"
    assert current.calibration.slope == pytest.approx(5.0, rel=1e-6, abs=0)  # mT/A
    assert current.calibration.offset == pytest.approx(-0.1, rel=1e-6, abs=0)  # mT
    (interlock,) = station.interlocks
    assert (interlock.minimum, interlock.action, interlock.timeout) == (-3.1, "hold", 600.0)
    assert not station.simulated


def test_what_ramps_is_ramped_to_where_its_safe_action_goes_though_the_file_does_not_say_so(write):
    (current,) = load_station(write(REAL.replace('safe = "0 A"', ""))).actuators[1:]
    assert (current.ramp_rate, current.safe) == (0.5, 0.0)
    (stays,) = load_station(
        write(REAL.replace('safe = "0 A"', "").replace('ramp_rate = "500 mA/s"', ""))
    ).actuators[1:]
    assert (stays.ramp_rate, stays.safe) == (None, None)


def test_a_ramp_of_a_supply_begins_where_its_current_is_measured(write):
    (current,) = load_station(write(REAL.replace('readback = "measured_current"', ""))).actuators[1:]
    assert current.readback == "measured_current"


def test_records_do_not_change(write):
    station = load_station(write(REAL))
    with pytest.raises(dataclasses.FrozenInstanceError):
        station.name = "other"


# (what to replace, by what, what the error says); "" appends at the end
MISTAKES = [
    ('name = "small"', "", r"station\.name: is missing; wanted text; write for example name ="),
    ('name = "small"', "name = 3", r"line 3: station\.name: wanted text, got 3"),
    (
        'name = "small"',
        'name = "a"\nnmae = "b"',
        r"line 4: station\.nmae: is not known here; did you mean 'name'",
    ),
    ("[station]", "[statoin]", r"station: is missing; wanted a table; write for example \[station\]"),
    ("", "[instrument.x]\n", r"instrument: is not known here; did you mean 'instruments'"),
    ("[instruments.magnet]", "[instruments.magnet", r"is not TOML: .*line 13"),
    (
        'role = "MagnetSupply"',
        "",
        r"line 13: instruments\.magnet\.role: is missing; .*role = \"MicrowaveSource\"",
    ),
    (
        'role = "MagnetSupply"',
        'role = "MagnetSuply"',
        r"line 14: .*role: wanted a role of .*; did you mean 'MagnetSupply'",
    ),
    ('role = "MagnetSupply"', 'role = "LockIn"', r"role: driver 'kepco_bop' is a MagnetSupply, got 'LockIn'"),
    (
        'driver = "kepco_bop"',
        'driver = "kepco_bob"',
        r"line 15: .*driver 'kepco_bob': .*did you mean 'kepco_bop'",
    ),
    ('driver = "kepco_bop"', "", r"magnet\.driver: is missing"),
    (
        'driver = "kepco_bop"',
        'driver = "mine.py:Supply"',
        r"there is no file '.*mine\.py'; a relative path starts from the file that names it",
    ),
    ('address = "GPIB0::6::INSTR"', "", r"magnet\.address: is missing; .*TCPIP::"),
    (
        'address = "GPIB0::6::INSTR"',
        'address = "GPIB0-6"',
        r"line 16: .*address: wanted a VISA resource name .*got 'GPIB0-6'",
    ),
    (
        'address = "GPIB0::6::INSTR"',
        'address = "TCPIP0::192.168.1.21::5025::SOCKET"',
        r"already the address of 'microwave'; each needs its own",
    ),
    (
        'timeout = "500 ms"',
        'timeout = "500 mA"',
        r"line 17: .*timeout: wanted a quantity in 's', got '500 mA'",
    ),
    ('timeout = "500 ms"', "timeout = 0.5", r"timeout: 0\.5 has no unit; write for example \"0\.5 s\""),
    ('timeout = "500 ms"', 'timeout = "0 s"', r"timeout: wanted a time > 0, got 0 s"),
    ('timeout = "500 ms"', 'time_out = "500 ms"', r"time_out: is not known here; did you mean 'timeout'"),
    ("retries = 2", "retries = -1", r"retries: wanted 0 to 10, got -1"),
    ("retries = 2", "retries = true", r"retries: wanted a whole number, got True"),
    (
        "retries = 2",
        'wiring = { current = "magnet.current" }',
        r"wiring: belongs to a simulated instrument, but this one has an address, or the file has no \[sim",
    ),
    ("retries = 2", "twin = { resistance = 1.0 }", r"twin: belongs to a simulated instrument"),
    (
        'model = "20-20"',
        'model = "20-21"',
        r"line 21: instruments\.magnet\.options\.model: wanted a model of the BOP series",
    ),
    ('model = "20-20"', 'modle = "20-20"', r"options\.modle: is not known here; did you mean 'model'"),
    ('model = "20-20"', 'compliance = "20 A"', r"options\.compliance: wanted a quantity in 'V', got '20 A'"),
    ('model = "20-20"', 'compliance = "50 V"', r"options\.compliance: wanted more than 0 V and at most 36 V"),
    ('limits = ["-3 A", "3 A"]', "", r"line 23: .*current\.limits: is missing; .*write for example limits ="),
    ('limits = ["-3 A", "3 A"]', 'limits = ["-3 A"]', r"line 24: .*limits: wanted 2 values such as"),
    ('limits = ["-3 A", "3 A"]', 'limits = "3 A"', r"limits: wanted a list, got '3 A'"),
    ('limits = ["-3 A", "3 A"]', "limits = [-3, 3]", r"limits: -3 has no unit; write for example \"-3 A\""),
    ('limits = ["-3 A", "3 A"]', 'limits = ["-3 A", "3 V"]', r"limits: wanted a quantity in 'A', got '3 V'"),
    (
        'limits = ["-3 A", "3 A"]',
        'limits = ["3 A", "-3 A"]',
        r"limits: wanted the lower one first, got 3 A and -3 A",
    ),
    (
        'limits = ["-3 A", "3 A"]',
        'limits = ["-21 A", "3 A"]',
        r"within the instrument's own range, -20 A to 20 A, got -21 A to 3 A",
    ),
    (
        'limits = ["-3 A", "3 A"]',
        'limits = ["1 A", "3 A"]',
        r"current\.limits: wanted limits that hold 0 A, .*safe action goes to, .*got 1 to 3 A",
    ),
    ('limits = ["-3 A", "3 A"]', 'limits = ["-3 A", "nan A"]', r"limits: wanted a number with a unit"),
    ('limits = ["-3 A", "3 A"]', 'limits = ["-inf A", "3 A"]', r"within the instrument's own range"),
    (
        'safe = "0 A"',
        'safe = "1 A"',
        r"current\.safe: wanted 0 A, which .*, got 1 A, from where it would go there in one step",
    ),
    (
        'ramp_rate = "500 mA/s"\nsafe = "0 A"',
        'safe = "4 A"',
        r"magnet\.current: wanted a safe value within -3 … 3 A, got 4",
    ),
    ('ramp_rate = "500 mA/s"', 'ramp_rate = "-1 A/s"', r"ramp_rate: wanted a finite number > 0, got -1"),
    ('ramp_rate = "500 mA/s"', 'ramp_rate = "inf A/s"', r"ramp_rate: wanted a finite number > 0, got inf"),
    (
        'ramp_rate = "500 mA/s"',
        'ramp_rate = "500 mA"',
        r"ramp_rate: wanted a quantity in 'A/s', got '500 mA'",
    ),
    ('ramp_rate = "500 mA/s"', 'ramp_rate = "0 A/s"', r"ramp_rate"),
    ('ramp_rate = "500 mA/s"', 'ramp_interval = "0 s"', r"ramp_interval: wanted a time > 0"),
    (
        'ramp_rate = "500 mA/s"',
        'ramprate = "1 A/s"',
        r"ramprate: is not known here; did you mean 'ramp_rate'",
    ),
    (
        'readback = "measured_current"',
        'readback = "measured_curent"',
        r"readback: wanted an attribute of .*did you mean 'measured_current'",
    ),
    (
        'readback = "measured_current"',
        'readback = "current"',
        r"readback: wanted 'measured_current', got 'current', .* would begin with a jump",
    ),
    (
        "[instruments.magnet.actuators.current]",
        "[instruments.magnet.actuators.curent]",
        r"actuators\.curent: is nothing that 'kepco_bop' can move; did you mean 'current'",
    ),
    ('tolerance = "5 mA"', 'tolerance = "5 mT"', r"settle\.tolerance: wanted a quantity in 'A', got '5 mT'"),
    ('tolerance = "5 mA"', 'tolerance = "0 A"', r"settle tolerance"),
    (
        'tolerance = "5 mA"',
        'toleranz = "5 mA"',
        r"settle\.toleranz: is not known here; did you mean 'tolerance'",
    ),
    ('unit = "mT"', 'unit = "mTorsion"', r"calibration\.unit: .*'mTorsion' is not known"),
    (
        'slope = "50 G/A"',
        'slope = "50 G"',
        r"calibration\.slope: wanted a quantity in '\(mT\)/\(A\)', got '50 G'",
    ),
    ('slope = "50 G/A"', "", r"calibration\.slope: is missing; write for example slope ="),
    ('slope = "50 G/A"', 'slope = "0 G/A"', r"calibration .*wanted a finite slope other than 0"),
    ('name = "field"', 'name = "the field"', r"calibration\.name: wanted a word such as 'field'"),
    (
        'quantity = "magnet.measured_current"',
        'quantity = "magnet.current_measured"',
        r"interlocks\.coil\.quantity: wanted a quantity of",
    ),
    (
        'action = "hold"',
        'action = "stop"',
        r"interlocks\.coil\.action: wanted one of abort, hold, got 'stop'",
    ),
    ('maximum = "3.1 A"', 'maximum = "-4 A"', r"interlocks\.coil: .*wanted minimum < maximum"),
    ('minimum = "-3.1 A"\nmaximum = "3.1 A"', "", r"interlocks\.coil: .*it would let everything pass"),
    ('minimum = "-3.1 A"\nmaximum = "3.1 A"', 'minimum = "-inf A"', r"coil: .*it would let everything pass"),
    ("[instruments.magnet]", "[instruments.safe]", r"name 'safe' cannot be used for an instrument"),
    ("[instruments.magnet]", '[instruments."1 magnet"]', r"name '1 magnet' cannot be used"),
    (
        'name = "small"',
        'name = "small"\nsafe_order = ["magnet", "lamp"]',
        r"safe_order: wanted each of microwave, magnet at most once, got 'lamp'",
    ),
    ('name = "small"', 'name = "small"\nsafe_order = ["magnet", "magnet"]', r"safe_order: wanted each of"),
    (
        "",
        '[simulation]\nsample = "levitated_diamond"\n',
        r"microwave\.address: belongs to a real instrument, but the file has a \[simulation\]",
    ),
]


@pytest.mark.parametrize(("old", "new", "match"), MISTAKES, ids=lambda text: text[:40])
def test_every_mistake_is_pointed_at(write, old, new, match):
    assert not old or old in REAL
    text = REAL.replace(old, new) if old else REAL + new
    if "safe]" in new or '1 magnet"' in new:
        text = text[: text.index("[instruments.magnet.options]")]
    path = write(text)
    with pytest.raises(StationError, match=match) as caught:
        load_station(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_unreadable_file(tmp_path):
    (tmp_path / "bench.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StationError, match=r"bench\.toml' cannot be read as text"):
        load_station(tmp_path / "bench.toml")
    with pytest.raises(StationError, match=r"bnech\.toml' does not exist; did you mean '.*bench\.toml'"):
        load_station(tmp_path / "bnech.toml")
    with pytest.raises(StationError, match="cannot be read"):
        load_station(tmp_path)


def test_no_instruments(write):
    with pytest.raises(StationError, match="instruments: wanted at least one table"):
        load_station(write('[station]\nname = "a"\n[instruments]\n'))


SIMULATION = """
[station]
name = "simulated"

[simulation]
sample = "levitated_diamond"
clock = "fast"
seed = 3

[simulation.parameters]
drift = 0.0

[simulation.detectors.pl]
efficiency = 0.5
dead_time = "50 ns"

[instruments.counter]
role = "PhotonCounter"
driver = "sr400"

[instruments.counter.wiring]
input1 = "pl"

[instruments.counter.twin]
insertion_delay = 0.0
"""


def test_a_simulated_world_is_as_the_file_says(write):
    station = load_station(write(SIMULATION))
    assert station.simulation.seed == 3
    assert math.isinf(station.simulation.speed)
    with station.connect() as bench:
        world = bench.simulation.world
        assert world.sample.settings.drift == 0.0
        assert world.detectors["pl"].efficiency == 0.5
        assert world.detectors["pl"].dead_time == pytest.approx(50e-9, rel=1e-6, abs=0)
        assert isinstance(world.clock, SimulatedClock)
        assert bench.simulation.seed == 3
        assert "T1" in bench.simulation.truth()


def test_the_seed_can_be_given(write):
    with load_station(write(SIMULATION)).connect(seed=17) as bench:
        assert bench.simulation.seed == 17
        assert bench.simulation.world.seed == 17


@pytest.mark.parametrize(
    ("clock", "speed"), [('"wall"', 1.0), ("100", 100.0), ("0.5", 0.5), ('"fast"', math.inf)]
)
def test_the_clock(write, clock, speed):
    station = load_station(write(SIMULATION.replace('clock = "fast"', f"clock = {clock}")))
    assert station.simulation.speed == speed


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('clock = "fast"', "clock = 0", r"simulation\.clock: wanted \"fast\", \"wall\" or .* > 0, got 0"),
        ('clock = "fast"', 'clock = "slow"', r"simulation\.clock: wanted one of fast, wall, got 'slow'"),
        ("seed = 3", 'seed = "x"', r"simulation\.seed: wanted a whole number"),
        ('sample = "levitated_diamond"', "", r"simulation\.sample: is missing"),
        ("efficiency = 0.5", 'efficiency = "5 m"', r"detectors\.pl\.efficiency: wanted a quantity"),
        (
            "efficiency = 0.5",
            "eficiency = 0.5",
            r"detectors\.pl\.eficiency: is not known here; did you mean 'efficiency'",
        ),
        ("input1 = ", "input1 = 3 #", r"wiring: input1: wanted the name of a signal"),
        ("insertion_delay = 0.0", "insertion_delay = 0.0\n[x]", r"x: is not known here"),
    ],
)
def test_mistakes_about_the_simulation(write, old, new, match):
    assert old in SIMULATION
    with pytest.raises(StationError, match=match):
        load_station(write(SIMULATION.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            '"levitated_diamond"',
            '"levitating_diamond"',
            r"simulation: sample 'levitating_diamond': wanted one of .*; did you mean 'levitated_diamond'",
        ),
        ("drift = 0.0", "drfit = 0.0", r"parameters\.drfit: .*did you mean 'drift'"),
        ("drift = 0.0", 'drift = "1"', r"parameters\.drift: wanted a number in SI units"),
        ("drift = 0.0", "drift = -1.0", r"simulation: drift: wanted"),
        (
            "efficiency = 0.5",
            "efficiency = 2.0",
            r"efficiency of the photon detector: wanted 0 to 1, got 2.0",
        ),
        ("detectors.pl", "detectors.lp", r"detector 'lp': the sample has no such photon detector"),
        ('input1 = "pl"', 'input1 = "lp"', r"counter\.twin: .*'lp'"),
        ('input1 = "pl"', 'input9 = "pl"', r"counter\.twin: .*port 'input9' does not exist"),
        ("insertion_delay = 0.0", "inserted = 0.0", r"counter\.twin: .*'inserted' is not known"),
    ],
)
def test_mistakes_that_only_the_twin_knows_are_pointed_at_too(write, old, new, match):
    assert old in SIMULATION
    station = load_station(write(SIMULATION.replace(old, new)))
    with pytest.raises(StationError, match=match):
        station.connect()


def test_a_bench_of_the_simulated_station():
    with load_station(SIMULATED).connect() as bench:
        assert isinstance(bench, Bench)
        assert set(bench.instruments) == {"microwave", "magnet", "pulses", "counter"}
        assert {"magnet.current", "magnet.field", "microwave.frequency", "microwave.power"} == set(
            bench.actuators
        )
        assert bench.description["simulated"] is True
        assert bench.description["text"] == SIMULATED.read_text(encoding="utf-8")
        bench.magnet.output_enabled = True
        before = bench.clock.now()
        bench.actuator("magnet.field").move(3e-3)  # 2 A at 2 A/s
        assert bench.clock.now() - before >= 1.0
        assert bench.magnet.measured_current == pytest.approx(2.0, abs=0.01)
        assert all(action.ok for action in some(bench.safe()))
        bench.clock.sleep(0.2)  # the rest of the current leaves the coil
        snapshot = bench.snapshot()
    assert snapshot["actuators"]["magnet.current"]["value"] == pytest.approx(0.0, abs=0.01)
    assert snapshot["instruments"]["pulses"]["settings"]["running"] is False


def test_only_what_a_procedure_needs_is_connected():
    with load_station(SIMULATED).connect(roles=["counter", "pulses"]) as bench:
        assert list(bench.instruments) == ["pulses", "counter"]
        assert not bench.actuators
    with pytest.raises(
        StationError, match=r"there is no instrument 'lamp', only microwave.*\[instruments\.lamp\]"
    ):
        load_station(SIMULATED).connect(roles=["lamp"])


def test_connecting_moves_nothing():
    with load_station(SIMULATED).connect() as bench:
        assert bench.clock.now() == 0.0
        assert not bench.microwave.output_enabled
        assert not bench.magnet.output_enabled
        assert bench.simulation.world.signals()["magnet.current"] == 0.0


def test_the_doctor_reports_every_instrument():
    rows = {row.name: row for row in load_station(SIMULATED).doctor()}
    assert list(rows) == ["microwave", "magnet", "pulses", "counter"]
    assert all(row.error is None for row in rows.values())
    assert "SG384" in rows["microwave"].identity
    assert rows["magnet"].address == "simulated"
