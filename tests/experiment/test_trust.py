"""Readings that mean nothing, and settings that somebody changed in mid-run, on simulated benches."""

from types import SimpleNamespace

import pytest

from labspin.bench import TrustRules
from labspin.clock import SimulatedClock
from labspin.data import Column, read_run
from labspin.errors import ArgumentError, DoubtfulReadingError, StationError
from labspin.experiment import CountParameter, Linear, Procedure, run
from labspin.experiment.interlocks import Disturbed
from labspin.experiment.trust import TrustWatch
from labspin.station import load_station

STATION = """
[station]
name = "trust"

[simulation]
sample = "levitated_diamond"
seed = 3

[trust]
status = "{status}"
settings = "{settings}"
interval = "{interval}"
timeout = "20 s"

[instruments.microwave]
role = "MicrowaveSource"
driver = "{source}"

[instruments.microwave.actuators.frequency]
limits = ["2 GHz", "4 GHz"]

[instruments.microwave.actuators.power]
limits = ["-60 dBm", "10 dBm"]

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
options = {{ compliance = "20 V" }}

[instruments.probe]
role = "Gaussmeter"
driver = "lakeshore425"
"""


USUAL = {"status": "hold", "settings": "hold", "interval": "0 s"}


class Look(Procedure):
    """Steps the microwave, and lets the test do something at a point."""

    roles = {}  # noqa: RUF012
    quantities = (Column(name="power", unit="dBm"),)
    points = CountParameter("Points", default=6)
    at: dict = {}  # noqa: RUF012 - call of the point -> what happens
    calls = 0

    def plan(self):
        return Linear("microwave.frequency", 2.8e9, 2.9e9, self.points, unit="Hz")

    def prepare(self, bench):
        bench.microwave.power = -20.0
        bench.microwave.output_enabled = True

    def measure(self, bench, point):
        type(self).calls += 1
        type(self).at.get(self.calls, lambda bench: None)(bench)
        bench.clock.sleep(0.1)
        return {"power": bench.microwave.power}


@pytest.fixture
def look(tmp_path):
    """Return a function that runs `Look` with things that happen, and returns how it ended and its file."""

    def go(at, *, source="sg384", **rules):
        path = tmp_path / "station.toml"
        path.write_text(STATION.format(source=source, **(USUAL | rules)))
        Look.at, Look.calls = at, 0
        failure = None
        with load_station(path).connect() as bench:
            try:
                run(Look(), bench, tmp_path / "run.h5")
            except DoubtfulReadingError as error:
                failure = error
        return failure, read_run(tmp_path / "run.h5")

    return go


def wire(name, *commands):
    """Return what somebody does at the front panel of an instrument: no driver knows."""

    def do(bench):
        for command in commands:
            bench.simulation.devices[name].receive(command.encode() + b"\n")

    return do


def after(seconds, do):
    """Return what is done now and undone by somebody in so many seconds."""

    def begin(bench):
        begun = bench.clock.now()
        sleep = bench.clock.sleep

        def watched(duration):
            sleep(duration)  # of the simulated clock
            if bench.clock.now() >= begun + seconds:
                bench.clock.sleep = sleep
                do(bench)

        bench.clock.sleep = watched

    return begin


def both(*actions):
    return lambda bench: [action(bench) for action in actions]


def test_an_undisturbed_run_says_nothing(look):
    failure, recorded = look({})
    assert failure is None
    assert len(recorded.points) == 6
    assert not recorded.events_of("doubt")
    assert not recorded.events_of("setting")


def test_an_unlocked_source_holds_the_run_and_the_point_is_measured_again(look):
    broken = both(
        lambda bench: bench.simulation.devices["microwave"].unlock(),
        after(5.0, lambda bench: setattr(bench.simulation.devices["microwave"], "lost_lock", False)),
    )
    failure, recorded = look({3: broken})
    assert failure is None
    assert recorded.status == "finished"
    assert len(recorded.points) == 6
    assert Look.calls == 7, "one point twice"
    (event,) = recorded.events_of("doubt")
    assert event.data["instrument"] == "microwave"
    assert event.data["what"] == ["1 GHz PLL unlocked"]
    assert event.data["point"] == 2
    assert event.data["indexes"] == []
    assert not recorded.points.quality.any(), "the point in the file is a good one"


def test_a_source_that_stays_unlocked_ends_the_run_in_time(look):
    failure, recorded = look({3: lambda bench: bench.simulation.devices["microwave"].unlock()})
    assert "microwave: 1 GHz PLL unlocked" in str(failure)
    assert "wanted readings that can be trusted" in str(failure)
    assert recorded.status == "failed"
    assert len(recorded.points) == 2


@pytest.mark.parametrize(
    ("source", "text"), [("sg384", "PLL"), ("smb100a", "not locked"), ("scpi_source", "not locked")]
)
def test_with_abort_it_ends_at_once(look, source, text):
    failure, recorded = look(
        {4: lambda bench: bench.simulation.devices["microwave"].unlock()}, source=source, status="abort"
    )
    assert text in str(failure)
    assert len(recorded.points) == 3


def test_with_record_every_doubtful_point_is_named(look):
    failure, recorded = look(
        {4: lambda bench: bench.simulation.devices["microwave"].unlevel()}, source="smb100a", status="record"
    )
    assert failure is None
    assert len(recorded.points) == 6
    assert [event.data["indexes"] for event in recorded.events_of("doubt")] == [[3], [4], [5]]
    assert recorded.quality.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("name", "command", "text"),
    [
        ("microwave", "AMPR 5", "power is 5, not -20"),
        ("microwave", "ENBR 0", "output_enabled is False, not True"),
        ("microwave", "MODL 1", "device.modulation_enabled is True, not False"),
        ("microwave", "FREQ 3e9", "frequency is 3e+09, not 2.84e+09"),
        ("magnet", "VOLT 1", "output.voltage_setpoint is 0.999756, not 19.9995"),
        ("probe", "UNIT 1", "device.unit is 'gauss', not 'tesla'"),
        ("probe", "REL 1", "device.relative_enabled is True, not False"),
    ],
)
def test_a_knob_that_is_turned_in_mid_run_does_not_pass(look, name, command, text):
    failure, recorded = look({3: wire(name, command)}, settings="abort")
    assert f"{name}: {text}" in str(failure)
    (event,) = recorded.events_of("setting")
    assert event.data["what"] == [text]
    assert recorded.status == "failed"


def test_a_run_goes_on_when_the_knob_is_turned_back(look):
    turned = both(wire("microwave", "AMPR 5"), after(3.0, wire("microwave", "AMPR -20")))
    failure, recorded = look({3: turned})
    assert failure is None
    assert len(recorded.points) == 6
    assert len(recorded.events_of("setting")) == 1
    assert list(recorded.column("power")) == [-20.0] * 6


def test_what_is_found_is_recorded_with_the_points_since_the_last_look(look):
    """Points of 0.1 s, looks 0.25 s apart: after points 2 and 5, so 3, 4 and 5 are doubtful."""
    failure, recorded = look({4: wire("microwave", "AMPR 5")}, settings="record", interval="250 ms")
    assert failure is None
    assert [event.data["indexes"] for event in recorded.events_of("setting")] == [[3, 4, 5]]
    assert recorded.quality.tolist() == [0, 0, 0, 2, 2, 2]


@pytest.mark.parametrize("settings", ["hold", "abort", "record"])
def test_the_last_look_is_at_the_end(look, settings):
    failure, recorded = look({2: wire("microwave", "AMPR 5")}, settings=settings, interval="1 h")
    assert (failure is not None) == (settings == "abort")
    assert [event.data["indexes"] for event in recorded.events_of("setting")] == [[0, 1, 2, 3, 4, 5]]
    assert len(recorded.points) == 6


def test_what_the_procedure_sets_is_no_knob_turned_by_somebody(look):
    def moves(bench):
        bench.microwave.power = -17.123
        bench.magnet.output_enabled = True

    failure, recorded = look({2: moves, 4: lambda bench: setattr(bench.microwave, "power", -30.0)})
    assert failure is None
    assert not recorded.events_of("setting")


def test_what_a_run_depends_on_is_in_the_snapshot(look):
    _, recorded = look({})
    relied = recorded.header.snapshot["instruments"]["microwave"]["relied_on"]
    switches = {"output_enabled", "device.modulation_enabled", "device.list_enabled"}
    assert set(relied) == {"frequency", "power"} | switches
    assert recorded.header.snapshot["instruments"]["probe"]["repeated"] == {"timeouts": 0, "unreadable": 0}


class Latched:
    """Keeps what its status said until it is asked, as an overload of a lock-in is kept."""

    said = ()

    def relies_on(self):
        return ()

    def tells_doubts(self):
        return True

    def doubts(self):
        said, self.said = self.said, ()
        return said


def test_what_a_status_kept_from_before_the_run_makes_no_point_meaningless():
    device = Latched()
    bench = SimpleNamespace(trust=TrustRules(), instruments={"it": device}, clock=SimulatedClock())
    watch = TrustWatch(bench, lambda *told, **more: None)
    device.said = ("input overload",)
    watch.begin()
    watch.after_point(0)
    device.said = ("input overload",)
    with pytest.raises(Disturbed, match="it: input overload"):
        watch.after_point(1)


def test_what_changes_after_the_last_point_that_was_looked_at_ends_no_run():
    """Every recorded point was measured with the settings as they should be."""
    device = SimpleNamespace(
        relies_on=lambda: True, tells_doubts=lambda: False, note_settings=lambda: None, changes=lambda: ("x",)
    )
    bench = SimpleNamespace(
        trust=TrustRules(settings="abort"), instruments={"it": device}, clock=SimulatedClock()
    )
    told = []
    watch = TrustWatch(bench, lambda *what, **more: told.append(more["indexes"]))
    watch.begin()
    watch.at_end()
    assert not told
    watch.after_point(0)  # too early for a look
    with pytest.raises(DoubtfulReadingError, match="it"):
        watch.at_end()
    assert told == [[0]]


def test_rules_are_checked(look):
    with pytest.raises(ArgumentError, match=r"trust, status: wanted one of hold, abort, record, got 'maybe'"):
        TrustRules(status="maybe")
    for number in (-1.0, float("nan")):
        with pytest.raises(ArgumentError, match="trust, timeout: wanted at least 0 s"):
            TrustRules(timeout=number)
        with pytest.raises(ArgumentError, match="trust, interval: wanted at least 0 s"):
            TrustRules(interval=number)
    with pytest.raises(StationError, match="trust"):
        look({}, status="maybe")


def test_a_station_that_says_nothing_keeps_no_doubtful_point():
    usual = TrustRules()
    assert (usual.status, usual.settings) == ("hold", "hold")
    assert (usual.interval, usual.timeout) == (10.0, 600.0)
