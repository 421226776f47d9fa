import math
from pathlib import Path

import pytest

import labspin
from labspin.bench import ActuatorSpec, Bench, Settle, handle
from labspin.clock import SimulatedClock
from labspin.data import read_run
from labspin.errors import LimitError, PlanError, UnitError, UnknownStateError
from labspin.station import load_station
from tests.experiment.fakes import Magnet, Source, Watcher, fake_bench, scan
from tests.some import some

SIMULATED = Path(__file__).resolve().parents[2] / "instruments" / "levitated-diamond.toml"


def test_an_assignment_keeps_to_the_limits_of_the_station():
    bench = fake_bench()
    bench.microwave.frequency = 2.5e9
    assert bench.microwave.sent == [2.5e9]
    for wrong in (9e9, -1.0, math.nan, "9 GHz"):
        with pytest.raises(LimitError, match=r"microwave\.frequency: wanted 2 GHz to 4 GHz"):
            bench.microwave.frequency = wrong
    with pytest.raises(UnitError):
        bench.microwave.frequency = "3 A"
    assert bench.microwave.sent == [2.5e9]
    bench.microwave.frequency = "2.87 GHz"
    assert bench.microwave.frequency == pytest.approx(2.87e9, rel=1e-6, abs=0)


def test_what_is_ramped_is_ramped_from_where_it_reads():
    bench = fake_bench()
    bench.magnet.current = 1.0
    values = [value for _, value in bench.magnet.sent]
    assert values[-1] == 1.0
    assert max(b - a for a, b in zip([0.0, *values], values, strict=False)) <= 0.05 + 1e-12
    assert bench.clock.now() == pytest.approx(2.0, rel=1e-6, abs=0)  # 1 A at 0.5 A/s
    bench.magnet.field = 0.006  # 0.001 T + 0.01 T/A
    assert bench.magnet.current == pytest.approx(0.5, rel=1e-6, abs=0)
    assert bench.magnet.field == pytest.approx(0.006, rel=1e-6, abs=0)
    with pytest.raises(LimitError, match=r"magnet\.field: wanted -19 mT to 21 mT"):
        bench.magnet.field = 0.03
    bench.magnet.reading = OSError("gone")
    with pytest.raises(UnknownStateError, match="cannot be read back"):
        bench.magnet.current = 0.0
    assert bench.magnet.current == pytest.approx(0.5, rel=1e-6, abs=0)


class Switched(Magnet):
    """A supply that holds its set-point while its output is off."""

    def __init__(self, clock):
        super().__init__(clock)
        self.on = False
        self._current = 1.7

    @property
    def measured_current(self):
        return self._current if self.on else 0.0

    @property
    def output_enabled(self):
        return self.on

    @output_enabled.setter
    def output_enabled(self, value):
        self.on = bool(value)


def test_an_output_comes_on_without_a_jump_and_only_then_is_ramped():
    clock = SimulatedClock()
    spec = ActuatorSpec(
        instrument="magnet", attribute="current", unit="A", minimum=-2.0, maximum=2.0, ramp_rate=1.0,
        readback="measured_current", settle=Settle(tolerance=0.01),
    )  # fmt: skip
    bench = Bench(name="b", clock=clock, instruments={"magnet": Switched(clock)}, actuators=[spec])
    with pytest.raises(UnknownStateError, match=r"switch it on first \(magnet\.output_enabled\)"):
        bench.magnet.current = 1.0
    assert bench.magnet.sent == []
    bench.magnet.output_enabled = True
    assert bench.magnet.measured_current == 0.0
    bench.magnet.current = 1.0
    assert bench.magnet.measured_current == 1.0
    bench.magnet.output_enabled = False
    assert not bench.magnet.output_enabled


def test_a_name_that_is_not_there_is_refused_with_the_right_one():
    bench = fake_bench()
    with pytest.raises(AttributeError, match="did you mean 'frequency'"):
        bench.microwave.frequncy = 2.9e9
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        bench.magnet.colour = 3
    with pytest.raises(AttributeError, match=r"'measured_current' of .* has no setter"):
        bench.magnet.measured_current = 3.0  # can only be read
    bench.magnet.reading = 0.7
    assert bench.instruments["magnet"].reading == 0.7


def test_it_is_the_instrument_to_whoever_looks():
    bench = fake_bench()
    assert isinstance(bench.microwave, Source)
    assert isinstance(bench.magnet, Magnet)
    assert {"field", "current", "identity"} <= set(dir(bench.magnet))
    assert "current -2 … 2 A" in repr(bench.magnet)
    assert bench.magnet.identity() == "fake magnet"
    assert bench.instruments["magnet"] is bench.magnet, "within the limits by whatever name"
    assert isinstance(bench.raw("magnet", reason="a test"), Magnet)
    assert bench.description["bypassed"] == ["magnet: a test"]


def test_the_shipped_bench_refuses_what_its_file_refuses():
    with load_station(SIMULATED).connect() as bench:
        with pytest.raises(LimitError, match=r"microwave\.frequency: wanted 1 GHz to 4 GHz, got 9 GHz"):
            bench.microwave.frequency = 9e9
        bench.magnet.output_enabled = True
        bench.magnet.field = "30 G"
        assert bench.magnet.measured_current == pytest.approx(2.0, abs=0.01)
        assert bench.clock.now() > 1.0
        assert all(action.ok for action in some(bench.safe()))


def test_a_run_from_a_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bench, watcher = fake_bench(), Watcher()
    outcome = labspin.run(scan(), bench, label="first try", seed=4, observers=[watcher])
    assert outcome.path.parent == Path("data")
    assert outcome.path.name.endswith("-first-try.h5")
    assert read_run(outcome.path).header.seed == 4
    assert len(watcher.of("on_point")) == 11
    assert labspin.run(scan(), bench, "here.h5").path == Path("here.h5")
    with pytest.raises(PlanError, match="has no 'counter'"):
        bench.require({"counter": Source})


@pytest.mark.parametrize("kind", handle._PLAIN, ids=lambda kind: kind.__name__)
def test_what_is_not_looked_at_is_no_driver(kind):
    """A reading of these types is handed on as it is: none of them can speak to a device."""
    assert not any(hasattr(kind, name) for name in handle._OF_A_DRIVER)
