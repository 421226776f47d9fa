"""No public attribute of any instrument of a bench leads past the limits, ramps and rates of its station.

Everything public is read, set and called with values of all kinds, by every name under which an instrument
can be reached, while a monitor looks at the bytes that arrive at the simulated devices.
"""

import contextlib
import dataclasses
import itertools
import math
import threading
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from pymeasure.units import ureg

from labspin.bench import ActuatorSpec, Interlock, Settle
from labspin.clock import WallClock
from labspin.errors import ArgumentError, SafetyError, UnknownStateError
from labspin.station import load_station
from labspin.station.simulation import SimulatedWorld
from tests.bench.test_actuators import MAGNET
from tests.experiment.fakes import Magnet, fake_bench
from tests.experiment.wire_monitor import Monitor
from tests.some import some

RAMPED = 'ramp_rate = "1 A/s"\nramp_interval = "50 ms"'
STATIONS = {
    "kepco_bop": ("levitated_diamond", "MagnetSupply", {"current": ("-2 A", "2 A", RAMPED)}),
    "e36312a": ("levitated_diamond", "MagnetSupply", {"current": ("0 A", "2 A", RAMPED)}),
    **{
        driver: (
            "levitated_diamond", "MicrowaveSource",
            {"frequency": ("2.8 GHz", "2.9 GHz", ""), "power": ("-30 dBm", "-20 dBm", "")},
        )
        for driver in ("sg384", "smb100a", "scpi_source")
    },
    **{
        driver: (
            "mrfm_cantilever", "LockIn",
            {"frequency": ("2.9 kHz", "3.1 kHz", ""), "amplitude": ("4 mV", "50 mV", "")},
        )
        for driver in ("sr830", "sr860")
    },
    "obis": ("levitated_diamond", "LaserPower", {"power": ("2 mW", "5 mW", "")}),
    **{
        driver: ("mrfm_cantilever", "TemperatureController", {"setpoint": ("1 K", "2 K", "")})
        for driver in ("lakeshore336", "lakeshore372")
    },
}  # fmt: skip


class Sly:
    """Another number at every look: one within all limits first, one without when it is sent."""

    def __init__(self):
        self.looks = 0

    def __float__(self):
        self.looks += 1
        return 1.6 if self.looks % 2 else 11.9

    __index__ = None


class Liar(float):
    """Within any limits, by its own account; as text it is something else again."""

    def __lt__(self, other):
        return False

    __gt__ = __lt__

    def __le__(self, other):
        return True

    __ge__ = __eq__ = __le__
    __hash__ = float.__hash__

    def __format__(self, how):
        return "11.9"

    __str__ = __repr__ = lambda self: "11.9"

    def __sub__(self, other):
        return 0.0

    __rsub__ = __abs__ = __neg__ = lambda self, *other: 0.0


NASTY = (
    9e9, -9e9, 11.9, -5.0, 0.0, 9e3, 2.0, 1.7, math.nan, math.inf, np.float64(11.9), True, False, 0, 1,
    "off", "on", "11.9 A", "9 kHz", "9 GHz", "2 V", None, [9e3], (9e3, 1.0), b"9",
    np.array(11.9), np.array([11.9]), np.float32(9e3), np.str_("11.9"), Decimal("11.9"), Fraction(119, 10),
    11.9 + 0j, Sly(), Liar(11.9), Liar(9e9), ureg.Quantity(11.9, "A"), ureg.Quantity(9.0, "GHz"), 10**400,
)  # fmt: skip
OPTIONS = {"obis": 'options = { least = "1 mW" }'}
NOT_CALLED = {"close", "open", "clock"}


def written(driver, *, composed=False):
    sample, role, actuators = STATIONS[driver]
    name = "it" if not composed else "cantilever"
    lines = ['[station]\nname = "attacked"', f'[simulation]\nsample = "{sample}"', "[instruments.it]"]
    lines += [f'role = "{role}"\ndriver = "{driver}"', OPTIONS.get(driver, "")]
    if composed:
        lines += ['[instruments.cantilever]\nrole = "CantileverReadout"\ndriver = "cantilever_readout"']
        lines += ['uses = { lockin = "it" }\noptions = { ring_down_time = "20 ms" }']
    for attribute, (low, high, more) in actuators.items():
        lines += [f"[instruments.{name}.actuators.{attribute}]", f'limits = ["{low}", "{high}"]', more]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def attacked(path, text):
    """Connect a station whose devices are tapped; give bench and monitor."""
    path.write_text(text, encoding="utf-8")
    station, make, devices = load_station(path), SimulatedWorld.device, {}
    monitor = Monitor(station, None, lambda: 0.0)

    def device(world, spec):
        made = devices[spec.name] = make(world, spec)
        monitor.clock = world.clock
        if "magnet.current" in world.world.sample.inputs:
            monitor.level = lambda: world.world.level("magnet.current")
        monitor.tap(spec.name, spec.driver, made)
        return made

    with mock.patch.object(SimulatedWorld, "device", device), station.connect() as bench:
        bring_up(bench)
        monitor.begin(devices)
        yield bench, monitor


def bring_up(bench):
    """Switch on what ramps, and go away from zero, as a run would."""
    for actuator in bench.actuators.values():
        if actuator.spec.ramp_rate is not None:
            actuator.energise()
            actuator.move(1.5)


def public(thing):
    return [name for name in dir(thing) if not name.startswith("_") and name not in NOT_CALLED]


def attack(thing, name, bench):
    """Read, set and call one attribute in all ways."""
    for value in NASTY:
        with contextlib.suppress(Exception):
            setattr(thing, name, value)
    for actuator in bench.actuators.values():
        if name == actuator.spec.attribute:
            with contextlib.suppress(Exception):
                setattr(thing, name, 0.5 * (actuator.minimum + actuator.maximum))
    bring_up(bench)
    with contextlib.suppress(Exception):
        found = getattr(thing, name)
        if callable(found):
            for arguments in ((), (9e3,), ([9e3],), (11.9,), (True,)):
                with contextlib.suppress(Exception):
                    found(*arguments)
                bring_up(bench)


def ways(bench):
    """Return every public name under which an instrument of the bench can be had."""
    for name, instrument in bench.instruments.items():
        yield instrument
        yield getattr(bench, name)
        yield from getattr(instrument, "made_of", {}).values()
        for attribute in public(instrument):
            with contextlib.suppress(Exception):
                found = getattr(instrument, attribute)
                if not isinstance(found, type) and any(hasattr(found, w) for w in ("safe", "write", "ask")):
                    yield found


@pytest.mark.parametrize("driver", sorted(STATIONS))
def test_nothing_public_leads_past_the_limits(tmp_path, driver):
    with attacked(tmp_path / "bench.toml", written(driver)) as (bench, monitor):
        for thing in some(list(ways(bench))):
            for name in some(public(thing)):
                attack(thing, name, bench)
                monitor.look()
                assert monitor.violations == [], f"after {thing!r}.{name}"
        assert monitor.seen > 1


@pytest.mark.parametrize("driver", ["sr830", "sr860"])
def test_nothing_public_leads_past_the_limits_of_what_is_made_of_others(tmp_path, driver):
    with attacked(tmp_path / "bench.toml", written(driver, composed=True)) as (bench, monitor):
        for thing in some(list(ways(bench))):
            for name in some(public(thing)):
                attack(thing, name, bench)
                assert monitor.violations == [], f"after {thing!r}.{name}"
        bench.cantilever.ring_down_time = 0.02
        for wrong in (bench.it, bench.cantilever, bench.cantilever.lockin):
            with pytest.raises(SafetyError, match="amplitude: wanted"):
                wrong.amplitude = 2.0
        with pytest.raises(SafetyError, match="frequency: wanted"):
            bench.cantilever.sweep([9e3])
        assert monitor.seen > 3


def test_the_limits_of_a_part_hold_for_what_is_made_of_it(tmp_path):
    text = written("sr830", composed=True).replace("cantilever.actuators", "it.actuators")
    with attacked(tmp_path / "bench.toml", text) as (bench, monitor):
        with pytest.raises(SafetyError, match=r"it\.amplitude: wanted"):
            bench.cantilever.amplitude = 2.0
        with pytest.raises(SafetyError, match=r"it\.frequency: wanted"):
            bench.cantilever.sweep([9e3])
        bench.cantilever.amplitude = 0.02
        assert bench.it.amplitude == pytest.approx(0.02, rel=1e-6, abs=0)
        assert monitor.violations == []


@pytest.mark.parametrize("driver", ["kepco_bop", "e36312a"])
def test_switching_off_and_safe_ramp_first(tmp_path, driver):
    with attacked(tmp_path / "bench.toml", written(driver)) as (bench, monitor):
        bench.it.safe()
        assert not bench.it.output_enabled
        bring_up(bench)
        for wrong in ("off", "False", None, 2, []):
            with pytest.raises(ArgumentError, match="output_enabled: wanted True or False"):
                bench.it.output_enabled = wrong
        assert bench.it.output_enabled
        bench.it.output_enabled = np.bool_(False)
        assert not bench.it.output_enabled
        assert bench.it.current == 0.0
        assert monitor.violations == []
        with pytest.raises(UnknownStateError, match="its output is off"):
            bench.it.current = 1.0
        began = bench.clock.now()
        with pytest.raises(UnknownStateError, match="its output is off"):
            bench.actuator("it.current").move(1.0)
        assert bench.clock.now() - began < 1.0, "refused at once"


def test_the_way_round_is_explicit_and_recorded(tmp_path, caplog):
    with attacked(tmp_path / "bench.toml", written("kepco_bop")) as (bench, _):
        with pytest.raises(SafetyError, match=r"write bench\.raw\('it', reason='…'\)\.device"):
            _ = bench.it.device
        with pytest.raises(ArgumentError, match="wanted a reason"):
            bench.raw("it", reason=" ")
        assert bench.raw("it", reason="first light").device.identify().startswith("KEPCO")
        assert "bypassed: it: first light" in caplog.text
        assert bench.description["bypassed"] == ["it: first light"]


def test_two_threads_on_one_actuator_take_turns():
    clock = WallClock()
    bench = fake_bench(clock)
    magnet = bench.raw("magnet", reason="a test")
    targets = (0.4, -0.4)
    threads = [threading.Thread(target=bench.actuator("magnet.current").move, args=(to,)) for to in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    values = [0.0, *(value for _, value in magnet.sent)]
    assert max(abs(b - a) for a, b in itertools.pairwise(values)) <= 0.05 * (1 + 1e-9)
    assert values[-1] in targets


def test_what_makes_safe_takes_over_from_a_ramp_under_way():
    bench = fake_bench(WallClock())
    magnet, refused = bench.raw("magnet", reason="a test"), []

    def ramp():
        with pytest.raises(UnknownStateError, match="is being made safe") as caught:
            bench.actuator("magnet.current").move(2.0)
        refused.append(caught)

    thread = threading.Thread(target=ramp)
    thread.start()
    while not magnet.sent:
        pass
    assert all(action.ok for action in some(bench.safe()))
    thread.join(10.0)
    assert refused
    assert magnet.current == 0.0
    values = [value for _, value in magnet.sent]
    assert max(abs(b - a) for a, b in itertools.pairwise(values)) <= 0.05 * (1 + 1e-9)


def test_absurd_ramps_and_tolerances_are_refused_or_bounded():
    def spec(**more):
        wanted = {"instrument": "m", "attribute": "current", "unit": "A", "minimum": -5.0, "maximum": 5.0}
        return ActuatorSpec(**wanted | {"ramp_rate": 0.05} | more)

    with pytest.raises(ArgumentError, match=r"ramp_interval of at most 10 s, got 100\.0"):
        spec(ramp_interval=100.0)
    with pytest.raises(ArgumentError, match="tolerance of at most half the range"):
        spec(settle=Settle(tolerance=10.0))
    assert spec(ramp_rate=2.0, ramp_interval=5.0).largest_step == pytest.approx(0.2, rel=1e-12, abs=0)


def test_a_wide_tolerance_does_not_let_a_magnet_be_switched_off_at_full_current():
    spec = {"tolerance": 1.9}
    bench = fake_bench(actuators=(_with_settle(**spec),))
    bench.magnet.current = 1.5
    magnet = bench.raw("magnet", reason="a test")
    magnet.reading = float("nan")
    assert not bench.actuator("magnet.current").is_home()


def _with_settle(**settle):
    return dataclasses.replace(MAGNET, settle=Settle(**settle))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_an_overflow_satisfies_no_interlock(value):
    assert not Interlock(quantity="a.b", unit="K", minimum=1.0).allows(value)
    assert not Interlock(quantity="a.b", unit="K", maximum=1.0).allows(value)


def test_a_fake_is_a_magnet():
    assert isinstance(fake_bench().magnet, Magnet)
