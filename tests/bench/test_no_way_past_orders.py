"""Orders of clients, scans, settings and what a procedure does at its points keep to limits and ramps, too.

As `test_no_way_past.py`, by the bytes that arrive at the simulated devices: a host is asked for everything
by every name, a run scans and sets every attribute to values of all kinds, and a procedure attacks the bench
from its own callbacks.
"""

import contextlib

import pytest

from labspin.data import Column
from labspin.data.plain import pack, unpack
from labspin.errors import LabspinError
from labspin.experiment import Procedure, Values, read_scan, run
from labspin.session.host import BenchHost
from labspin.session.workbench import describe_bench
from labspin.station import load_station
from tests.bench.test_no_way_past import (
    NASTY,
    NOT_CALLED,
    STATIONS,
    attack,
    attacked,
    bring_up,
    public,
    ways,
    written,
)
from tests.some import some

OVER_THE_LINE = [value for value in NASTY if type(value) in (int, float, bool, str, list, tuple, type(None))][
    :-1
]
NAMES = (
    "device",
    "clock",
    "made_of",
    "actuators",
    "__class__",
    "_bench",
    "device.current",
    "safe.__func__",
    "",
)


OTHERS = ("sg384", "lakeshore336", "sr830")
SOME = ["kepco_bop", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
OFTEN = ("kepco_bop", "sg384")
ALL = [pytest.param(name, marks=() if name in OFTEN else pytest.mark.slow) for name in sorted(STATIONS)]


@contextlib.contextmanager
def host_of(path, driver):
    """Give a host whose orders are carried out at once, its bench and the monitor."""
    with attacked(path, written(driver)) as (bench, monitor):
        host = BenchHost(load_station(path))
        host._bench, host._order = bench, lambda do: do()
        host.description = describe_bench(host.station, bench)
        yield host, bench, monitor


def order(host, verb, **arguments):
    """Give an order as a client's message has it."""
    with contextlib.suppress(Exception):  # refused, as most are
        message = unpack(pack({"verb": verb, "arguments": arguments}))
        host._answer(message["verb"], message["arguments"])


@pytest.mark.parametrize("driver", ALL)
def test_no_order_of_a_client_leads_past_the_limits(tmp_path, driver):
    with host_of(tmp_path / "bench.toml", driver) as (host, bench, monitor):
        for actuator in bench.actuators.values():
            for part in (0.4, 0.5):  # what is allowed is done, and seen
                value = actuator.minimum + part * (actuator.maximum - actuator.minimum)
                order(host, "set", name=actuator.name, value=value)
        assert monitor.seen > 1
        names = [f"it.{name}" for name in (*public(bench.instruments["it"]), *NAMES)]
        for name in some(names):
            for value in OVER_THE_LINE:
                order(host, "set", name=name, value=value)
            bring_up(bench)
            order(host, "get", name=name)
            for arguments in ([], [9e3], [[9e3]], [11.9], [True], ["11.9 A"]):
                if name.partition(".")[2] not in NOT_CALLED:
                    order(host, "call", name=name, arguments=arguments, keywords={})
                bring_up(bench)
            order(host, "call", name=name, arguments=[], keywords={"value": 11.9})
            assert monitor.violations == [], f"after {name}"
        order(host, "align", on=True)
        order(host, "safe")
        assert monitor.violations == []


class Attacked(Procedure):
    """Sweeps nothing, and does ``doing`` at each of its points."""

    quantities = (Column(name="answer"),)
    doing = staticmethod(lambda bench: None)
    set_first = ()

    def settings(self):
        return dict(self.set_first)

    def plan(self):
        return Values("round", [0, 1])

    def measure(self, bench, point):
        self.doing(bench)
        return {"answer": 0.0}


def made(bench, path, procedure):
    """Make a run; return whether it ended with points."""
    with contextlib.suppress(LabspinError):  # refused, as most are
        return run(procedure, bench, path).status == "finished"
    return False


@pytest.mark.parametrize("driver", SOME)
def test_nothing_that_a_procedure_does_at_a_point_leads_past_the_limits(tmp_path, driver):
    with attacked(tmp_path / "bench.toml", written(driver)) as (bench, monitor):

        def attack_all(bench):
            for thing in some(list(ways(bench))):
                for name in some(public(thing)):
                    attack(thing, name, bench)
                    assert monitor.violations == [], f"after {thing!r}.{name}"

        procedure = Attacked()
        procedure.doing = attack_all
        made(bench, tmp_path / "run.h5", procedure)
        assert monitor.violations == []
        assert monitor.seen > 1
        for actuator in some(bench.actuators.values()):
            assert monitor.knobs, actuator


@pytest.mark.parametrize("driver", SOME)
def test_no_scan_and_no_setting_leads_past_the_limits(tmp_path, driver):
    with attacked(tmp_path / "bench.toml", written(driver)) as (bench, monitor):
        within = [(a.name, 0.5 * (a.minimum + a.maximum)) for a in bench.actuators.values()]
        for number, pair in some(enumerate(within)):
            procedure = Attacked()
            procedure.set_first = (pair,)
            bring_up(bench)
            assert made(bench, tmp_path / f"within{number}.h5", procedure), "what is allowed is done"
        for number, name in some(enumerate(f"it.{name}" for name in public(bench.instruments["it"]))):
            for at, value in enumerate(OVER_THE_LINE):
                scanned, setting = Attacked(), Attacked()
                with contextlib.suppress(LabspinError):
                    scanned.scan = read_scan({name: [value, value]})
                    made(bench, tmp_path / f"scan{number}-{at}.h5", scanned)
                setting.set_first = ((name, value),)
                made(bench, tmp_path / f"set{number}-{at}.h5", setting)
            assert monitor.violations == [], f"after {name}"
        assert monitor.violations == []
        assert monitor.seen > 1


@pytest.mark.parametrize("value", [True, "low", 10**400])
def test_the_word_by_which_a_heater_is_switched_off_is_kept(tmp_path, value):
    with attacked(tmp_path / "bench.toml", written("lakeshore336")) as (bench, _):
        with pytest.raises(AttributeError, match="part of the instrument"):
            bench.it.off = value
        assert all(action.ok for action in some(bench.safe()))
