"""Scans: any procedure along further axes, with the limits, records and resuming of every run."""

import numpy as np
import pytest

from labspin.bench import ActuatorSpec, Settle
from labspin.data import Column, read_run
from labspin.errors import CardError, LimitError, PlanError
from labspin.experiment import (
    BooleanParameter,
    Control,
    CountParameter,
    Linear,
    Procedure,
    Product,
    QuantityParameter,
    Sweep,
    Values,
    check_plan,
    estimate,
    preflight,
    read_scan,
    resume,
    run,
)
from labspin.session import recorded_procedure
from tests.experiment.fakes import FREQUENCY, MAGNET, fake_bench

POWER = ActuatorSpec(
    instrument="microwave", attribute="power", unit="dBm", minimum=-30.0, maximum=10.0, settle=Settle()
)


class Line(Procedure):
    """Reads the source along the magnet; its power is a setting, its length a matter of the plan."""

    power = QuantityParameter("Power", units="dBm", default=-10.0)
    offset = QuantityParameter("Offset", units="A", default=0.0)
    number = CountParameter("Number", minimum=1, default=3)
    tilted = BooleanParameter("Tilted", default=False)
    quantities = (Column(name="reading", unit="A"), Column(name="level", unit="dBm"))
    log: list = []  # noqa: RUF012

    def settings(self):
        tilt = 1e6 * self.offset if self.tilted else 0.0
        return {"microwave.power": self.power, "microwave.frequency": 2.9e9 + tilt * self.power}

    def plan(self):
        return Linear("magnet.current", 0.0, 1.0, self.number, unit="A")

    def prepare(self, bench):
        self.log.append(("prepare", self.power, self.offset))

    def finish(self, bench):
        self.log.append(("finish", self.power, self.offset))

    def measure(self, bench, point):
        assert point.index < self.number
        assert set(point.setpoints) == {"magnet.current"}
        return {"reading": bench.magnet.measured_current + self.offset, "level": bench.microwave.power}


class Adaptive(Line):
    coordinates = (Column(name="step", role="coordinate"),)

    def plan(self):
        step = 0.0
        for _ in range(self.number):
            reading = yield {"step": step}
            step += 1.0 if reading is None else 1.0 + reading["reading"]

    def measure(self, bench, point):
        return {"reading": self.offset + point.coordinates["step"], "level": bench.microwave.power}


@pytest.fixture(autouse=True)
def _forget():
    Line.log.clear()


@pytest.fixture
def bench():
    return fake_bench(actuators=(MAGNET, FREQUENCY, POWER))


def measured(procedure, bench, path, **options):
    return read_run(run(procedure, bench, path / "run.h5", **options).path)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("power = -10 dBm … 10 dBm, 5", Linear("power", -10, 10, 5, unit="dBm")),
        ("power = -10 dBm .. 10 dBm, 5", Linear("power", -10, 10, 5, unit="dBm")),
        ({"offset": "100 mA to 300 mA, 3"}, Linear("offset", 0.1, 0.3, 3, unit="A")),
        ({"number": [1, 2]}, Values("number", [1, 2])),
        ("magnet.field = 10 G, 17 G", Values("magnet.field", [1e-3, 1.7e-3], unit="T")),
        ({"number": "1 … 3, 3"}, Linear("number", 1, 3, 3)),
        ("power = −10 … 10 dBm, 5", Linear("power", -10, 10, 5, unit="dBm")),
        ("power = -10, 0, 10 dBm", Values("power", [-10, 0, 10], unit="dBm")),
        (
            "power = -10 dBm, 0 dBm\noffset = 0 A, 1 A",
            Product(Values("power", [-10, 0], unit="dBm"), Values("offset", [0, 1], unit="A")),
        ),
        ({"sweep": "values", "name": "number", "values": [2]}, Values("number", [2])),
    ],
)
def test_a_scan_is_read_as_it_is_written(written, wanted):
    assert read_scan(written) == wanted


def test_a_logarithmic_scan_has_equal_ratios():
    values = read_scan({"offset": "1 mA … 1 A, 4, log"}).columns()["offset"]
    assert values[1:] / values[:-1] == pytest.approx([10, 10, 10], rel=1e-12, abs=0)


def test_what_advances_together_is_one_axis():
    sweep = read_scan({"power": "-10 dBm … 0 dBm, 3", "number": [1, 2, 3], "together": ["power", "number"]})
    assert sweep.shape == (3,)
    assert sweep.columns()["number"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("power", "wanted NAME = VALUES, for example"),
        ({}, "wanted a table of names and values"),
        ("power = 1 dBm\npower = 2 dBm", "wanted every name once"),
        ("power = low, high", "a scan goes over numbers"),
        ({"power": 3}, "power: wanted a list of values or 'first … last, number'"),
        ({"power": [1], "together": ["pwr"]}, "together: wanted names of this scan"),
        ({"power": ["1 dBm"], "together": ["power", "x"]}, "got 'x'"),
    ],
)
def test_a_scan_that_cannot_be_read_says_why(written, text):
    with pytest.raises(PlanError, match=text):
        read_scan(written)


def test_a_scanned_parameter_makes_an_axis_and_moves_its_setting(bench, tmp_path):
    recorded = measured(Line(scan="power = -20 dBm … 0 dBm, 3"), bench, tmp_path)
    assert [(d.name, d.unit, len(d)) for d in recorded.header.layout.dimensions] == [
        ("power", "dBm", 3), ("magnet_current", "A", 3),
    ]  # fmt: skip
    assert recorded.data["level"].tolist() == [[-20.0] * 3, [-10.0] * 3, [0.0] * 3]
    assert recorded.data["microwave_power"].tolist() == recorded.data["level"].tolist()
    assert recorded.header.extra["settings"] == {"microwave.frequency": 2.9e9}
    assert Line.log == [(step, power, 0.0) for power in (-20.0, -10.0, 0.0) for step in ("prepare", "finish")]


def test_a_scanned_setpoint_needs_nothing_of_the_procedure(bench, tmp_path):
    recorded = measured(Line(scan={"microwave.frequency": ["2.8 GHz", "2.9 GHz"]}), bench, tmp_path)
    assert bench.instruments["microwave"].sent[:2] == [2.8e9, 2.9e9]
    assert recorded.data["reading"].shape == (2, 3)
    assert [step for step, *_ in Line.log] == ["prepare", "finish"]


def test_scans_nest(bench, tmp_path):
    scan = {"offset": ["1 A", "2 A"], "power": ["-20 dBm", "-10 dBm", "0 dBm"]}
    recorded = measured(Line(scan=scan), bench, tmp_path)
    assert recorded.data["reading"].shape == (2, 3, 3)
    assert recorded.data["reading"][:, 0, 0].tolist() == [1.0, 2.0]
    assert recorded.data["level"][0, :, 0].tolist() == [-20.0, -10.0, 0.0]


def test_a_setting_outside_its_limits_is_refused_before_anything_moves(bench, tmp_path):
    with pytest.raises(LimitError, match=r"microwave\.power"):
        run(Line(scan="power = -20 dBm … 20 dBm, 3"), bench, tmp_path / "run.h5")
    assert [value for _, value in bench.instruments["magnet"].sent] == [0.0]  # the safe value, nothing else
    assert not (tmp_path / "run.h5").exists()


def test_a_parameter_that_changes_the_points_makes_a_list(bench, tmp_path):
    recorded = measured(Line(scan={"number": [2, 3, 4]}), bench, tmp_path)
    assert recorded.points.index.size == 9
    assert recorded.data["number"].tolist() == [2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_an_adaptive_procedure_decides_at_every_place(bench, tmp_path):
    recorded = measured(Adaptive(scan={"offset": ["0 A", "1 A"]}), bench, tmp_path)
    assert recorded.data["offset"].tolist() == [0, 0, 0, 1, 1, 1]
    assert recorded.data["step"].tolist() == [0, 1, 3, 0, 2, 6]


def test_a_setting_that_changes_with_two_axes_together_is_refused(bench):
    scan = {"offset": ["1 A", "2 A"], "power": ["-20 dBm", "-10 dBm"]}
    with pytest.raises(
        PlanError, match=r"microwave\.frequency changes with several of \['offset', 'power'\]"
    ):
        preflight(Line(tilted=True, scan=scan), bench)
    preflight(Line(tilted=True, scan={**scan, "together": ["offset", "power"]}), bench)


@pytest.mark.parametrize(
    ("scan", "text"),
    [
        ({"pwer": ["1 dBm"]}, "has no parameter 'pwer'; did you mean 'power'"),
        ({"tilted": [1]}, "wanted a parameter of 'line' that is a number, got 'tilted'"),
        ({"station": [1]}, "has no parameter 'station'"),
        ({"power": ["1 A"]}, "wanted a quantity in 'dBm'"),
        ({"power": [1]}, "power: wanted values in 'dBm', got numbers without a unit"),
        ({"number": [1.5]}, "wanted a whole number"),
    ],
)
def test_what_cannot_be_scanned_says_why(bench, scan, text):
    with pytest.raises(CardError, match=text):
        preflight(Line(scan=scan), bench)


def test_a_scan_that_was_broken_off_is_resumed_at_its_place(bench, tmp_path):
    control, path = Control(), tmp_path / "run.h5"
    whole = measured(Line(scan="power = -20 dBm … 0 dBm, 3"), bench, tmp_path)
    path.unlink()

    class After:
        def on_point(self, index, values, done, total):
            if done == 4:
                control.abort("for the test")

        def on_start(self, *_): ...

        on_event = on_finish = on_start

    assert (
        run(Line(scan="power = -20 dBm … 0 dBm, 3"), bench, path, control=control, observers=[After()]).points
        == 4
    )
    header = read_run(path).header
    found = Line(**{name: record["value"] for name, record in header.parameters.items()})
    assert resume(path, bench, procedure=found).status == "finished"
    resumed = read_run(path)
    for name in ("reading", "level", "microwave_power"):
        assert np.array_equal(resumed.data[name], whole.data[name])


class Declared:
    def __init__(self, bench):
        self._bench = bench

    def unconnected(self):
        return self._bench


def test_check_and_estimate_know_the_scan(bench):
    procedure = Line(scan={"power": "-20 dBm … 0 dBm, 3"})
    report = check_plan(procedure, Declared(bench))
    assert report.points == 9
    assert report.ranges["microwave.power"] == (-20.0, 0.0, "dBm")
    assert estimate(procedure, Declared(bench)).points == 9
    assert estimate(Line(), Declared(bench)).moving < estimate(procedure, Declared(bench)).moving


class Lit(Adaptive):
    """Its parameter reads like the set-point, which it moves by itself: `microwave.power` is a setting."""

    microwave_power = QuantityParameter("Power while it measures", units="dBm", default=-5.0)

    def settings(self):
        return {"microwave.power": -30.0}

    def measure(self, bench, point):
        return {"reading": 0.0, "level": self.microwave_power}


def test_a_parameter_of_an_open_plan_is_not_taken_for_the_set_point_of_its_name(bench, tmp_path):
    recorded = measured(Lit(scan="microwave_power = -20 dBm, 0 dBm"), bench, tmp_path)
    assert recorded.data["microwave_power"].tolist() == [-20.0] * 3 + [0.0] * 3
    assert recorded.data["level"].tolist() == [-20.0] * 3 + [0.0] * 3
    assert bench.microwave.power == -30.0


class Still(Line):
    def settings(self):
        return {"microwave.frequency": 2.9e9}


@pytest.mark.parametrize(
    ("settle", "is_told"), [(Settle(), True), (Settle(wait=1.0), False), (Settle(tolerance=1.0), False)]
)
def test_a_temperature_that_is_not_waited_for_is_told(tmp_path, settle, is_told):
    heater = ActuatorSpec(
        instrument="microwave", attribute="power", unit="K", minimum=1.0, maximum=400.0, settle=settle
    )
    bench = fake_bench(actuators=(MAGNET, FREQUENCY, heater))
    procedure = Still(scan="microwave.power = 4 K, 300 K")
    wanted = "microwave.power: the station does not say how this temperature settles"
    assert check_plan(procedure, Declared(bench)).caution.startswith(wanted) is is_told
    warnings = [e.message for e in measured(procedure, bench, tmp_path).events if e.kind == "warning"]
    assert any(text.startswith(wanted) for text in warnings) is is_told
    assert not check_plan(Still(scan="offset = 0 A, 1 A"), Declared(bench)).caution
    bench.record = {"magnet.measured_current": "A"}  # beside the points, which changes nothing of it
    assert check_plan(procedure, Declared(bench)).caution.startswith(wanted) is is_told


def test_a_scan_repeats_the_whole_procedure(bench, tmp_path):
    """A pass is no parameter: the procedure is the same in each, and the file has an axis of passes."""
    passes = {"sweep": "repeat", "number": 2, "of": {"sweep": "values", "name": "offset", "values": ["1 A"]}}
    recorded = measured(Line(scan={"sweep": "shuffled", "seed": 1, "of": passes}), bench, tmp_path)
    names = [one.name for one in recorded.header.layout.dimensions]
    assert names[:2] == ["repeat", "offset"]
    assert recorded.data["reading"].shape[0] == 2
    with pytest.raises(CardError, match="has no parameter 'again'"):
        preflight(Line(scan={"again": [1, 2]}), bench)


def test_every_kind_of_sweep_is_known_where_sweeps_are():
    described = {"sweep": "snake", "of": [{"sweep": "values", "name": "a", "values": [1, 2]}]}
    assert Sweep.from_dict(described).shape == (2,)


def test_the_procedure_of_a_scan_is_found_again_from_its_file(tmp_path):
    from labspin.procedures import Rabi
    from labspin.station import load_station

    scan = {"microwave_frequency": ["2.60 GHz", "2.61 GHz"]}
    procedure = Rabi(scan=scan, averages=1, pulse_durations=3, repetitions=1000)
    with load_station("instruments/levitated-diamond.toml").connect(seed=1) as bench:
        recorded = measured(procedure, bench, tmp_path)
    assert recorded.data["contrast"].shape == (2, 1, 3)
    assert recorded.header.layout.dimensions[0].name == "microwave_frequency"
    assert recorded_procedure(recorded.header).parameter_record() == procedure.parameter_record()
