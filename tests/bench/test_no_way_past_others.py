"""Positioners keep to their limits and ramps by every public name; generators and counters move nothing else.

As `test_no_way_past.py`, by the bytes that arrive at the simulated devices.
"""

import contextlib
import itertools
import re
from unittest import mock

import pytest

from labspin.errors import LimitError
from labspin.instruments import DRIVERS, CompositeAdapter, load_driver
from labspin.station import load_station
from labspin.station.simulation import SimulatedWorld
from tests.bench.test_no_way_past import NASTY, STATIONS, public, ways
from tests.experiment.wire_monitor import WORDS
from tests.some import some

POSITIONER = """
[station]
name = "attacked"
[simulation]
sample = "nv_over_film"
[instruments.it]
role = "Positioner"
driver = "pi_gcs"
options = { contact = "100 um", range = "100 um", retracted = "40 um" }
[instruments.it.actuators.position]
limits = ["20 um", "60 um"]
ramp_rate = "10 um/s"
ramp_interval = "100 ms"
"""
LEAST, GREATEST, RATE, INTERVAL, GRAIN = 40.0, 80.0, 10.0, 0.1, 2e-5  # of the stage: um, um/s, s, um
OTHERS = """
[station]
name = "attacked"
[simulation]
sample = "levitated_diamond"
[instruments.it]
role = "{role}"
driver = "{driver}"
[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
[instruments.magnet.actuators.current]
limits = ["-2 A", "2 A"]
ramp_rate = "1 A/s"
[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"
"""
PARTS = {"device", "chosen", "made_of"}  # of what has no set-points, and so no handle


@contextlib.contextmanager
def tapped(path, text):
    """Connect a station; give the bench and (time, name, line) of all that its devices receive."""
    path.write_text(text, encoding="utf-8")
    make, heard = SimulatedWorld.device, []

    def device(world, spec):
        made = make(world, spec)
        receive = getattr(made, "receive", None)
        if receive is None:  # its maker's library is called, and it moves nothing
            return made

        def hear(data):
            heard.extend((world.clock.now(), spec.name, line) for line in data.decode("latin-1").split("\n"))
            receive(data)

        made.receive = hear
        return made

    with mock.patch.object(SimulatedWorld, "device", device), load_station(path).connect() as bench:
        yield bench, heard


def attack(thing, name, *, parts=frozenset()):
    """Read, set and call one attribute with values of all kinds."""
    for value in () if name in parts else NASTY:
        with contextlib.suppress(Exception):  # refused, as most are
            setattr(thing, name, value)
    with contextlib.suppress(Exception):  # likewise
        found = getattr(thing, name)
        if callable(found):
            for arguments in ((), (9e3,), (55e-6,), (True,), ([(0.0, 1e-6)],)):
                with contextlib.suppress(Exception):  # likewise
                    found(*arguments)


def targets(heard):
    """Return (time, target of the stage in um) for every one that was sent."""
    found = ((when, re.match(r"MOV 1\s+(\S+)", line, re.IGNORECASE)) for when, _, line in heard)
    return [(when, float(match[1])) for when, match in found if match]


def test_nothing_public_leads_a_positioner_past_its_limits_or_faster_than_its_ramp(tmp_path):
    with tapped(tmp_path / "bench.toml", POSITIONER) as (bench, heard):
        bench.actuator("it.position").move(55e-6)
        heard.clear()
        for thing in list(ways(bench)):
            for name in public(thing):
                attack(thing, name)
                for aim in (25e-6, 55e-6):
                    with contextlib.suppress(Exception):  # of an instrument that was just taken to pieces
                        bench.it.position = aim
        sent = targets(heard)
        assert len(sent) > 100
        assert all(LEAST - GRAIN <= target <= GREATEST + GRAIN for _, target in sent)
        for (then, before), (now, after) in itertools.pairwise(sent):
            assert abs(after - before) <= RATE * min(now - then, INTERVAL) * (1 + 1e-9) + GRAIN
        with pytest.raises(LimitError, match="wanted"):
            bench.it.position = 10e-6


MOVE_NOTHING = sorted(name for name in DRIVERS if not load_driver(name).settable)
"""Generators, counters, gaussmeters: all drivers without a set-point that a station could declare."""


@pytest.mark.parametrize("driver", MOVE_NOTHING)
def test_nothing_public_of_what_has_no_set_points_moves_anything_else(tmp_path, driver):
    text = OTHERS.format(driver=driver, role=load_driver(driver).role)
    with tapped(tmp_path / "bench.toml", text) as (bench, heard):
        bench.actuator("magnet.current").energise()
        bench.actuator("magnet.current").move(1.5)
        heard.clear()
        for name in public(bench.it):
            attack(bench.it, name, parts=PARTS)
        moved = [line for _, name, line in heard if name != "it" and not line.strip().endswith("?")]
        assert [line for line in moved if line.strip()] == []
        assert bench.magnet.current == pytest.approx(1.5, rel=1e-3, abs=0)
        assert all(action.ok for action in some(bench.safe()))


def test_every_driver_is_attacked():
    """A driver with set-points has its commands in the monitor, and a station that is attacked."""
    composed = {name for name in DRIVERS if issubclass(load_driver(name).adapter, CompositeAdapter)}
    assert composed == {"cantilever_readout"}, "attacked as a whole in test_no_way_past.py"
    assert set(DRIVERS) - composed - {"pi_gcs"} == set(STATIONS) | set(MOVE_NOTHING)
    for driver, (_, role, actuators) in STATIONS.items():
        entry = load_driver(driver)
        assert (role, set(actuators)) <= (entry.role, set(entry.settable))
        declared = {name for name in entry.adapter.ranges() if name not in CHOICES}
        assert declared == set(actuators), f"{driver}: all that can be moved is limited, and attacked"
        assert set(actuators) <= {word.attribute for word in WORDS[driver]}


CHOICES = {"phase", "time_constant", "sensitivity"}  # of a lock-in: what it does with a reading
