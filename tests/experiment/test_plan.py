import itertools

import pytest

from labspin.data import Column
from labspin.errors import LimitError, PlanError
from labspin.experiment import Linear, Point, Procedure, Values, Zip, check_plan, compile_plan, preflight
from tests.experiment.fakes import fake_bench


def procedure(plan, *, settings=None, coordinates=()):
    class Scan(Procedure):
        quantities = (Column(name="y"),)

        def plan(self):
            return plan() if callable(plan) else plan

        def settings(self):
            return settings or {}

    Scan.coordinates = coordinates
    return Scan()


class Station:
    def unconnected(self):
        return fake_bench()


def test_a_sweep_becomes_a_grid():
    plan = preflight(procedure(Linear("magnet.current", -1, 1, 5, unit="A")), fake_bench())
    assert plan.total == 5
    assert [d.name for d in plan.layout.dimensions] == ["magnet_current"]
    assert [c.name for c in plan.layout.columns] == ["y"]
    assert not plan.is_adaptive


def test_what_is_zipped_is_recorded_beside_the_axis():
    sweep = Zip(Values("magnet.current", [0.0, 1.0], unit="A"), Values("gain", [1.0, 2.0]))
    plan = preflight(procedure(sweep), fake_bench())
    assert plan.recorded == ("gain",)
    assert [(c.name, c.role) for c in plan.layout.columns] == [("gain", "coordinate"), ("y", "quantity")]


def test_a_list_of_points_is_a_list_scan_with_units_of_the_station():
    points = [Point(7, {"magnet.current": 0.5}), {"magnet.current": 1.0}]
    plan = preflight(procedure(points), fake_bench())
    assert plan.layout.size == 2
    assert (plan.layout.columns[0].name, plan.layout.columns[0].unit) == ("magnet_current", "A")
    assert [point.index for point in plan] == [0, 1]


@pytest.mark.parametrize(
    "plan",
    [
        Linear("magnet.current", 0, 2.1, 5, unit="A"),
        [Point(0, {"magnet.current": 0.0}), Point(1, {"magnet.current": -2.1})],
        Linear("magnet.field", 0, 0.03, 5, unit="T"),
    ],
    ids=["grid", "list", "calibrated"],
)
def test_a_plan_that_leaves_a_limit_anywhere_is_refused_whole(plan):
    with pytest.raises(LimitError, match=r"magnet\.(current|field): wanted"):
        preflight(procedure(plan), fake_bench())


def test_settings_are_checked_too():
    plan = Values("x", [1.0])
    with pytest.raises(LimitError, match=r"microwave\.frequency"):
        preflight(procedure(plan, settings={"microwave.frequency": 5e9}), fake_bench())
    with pytest.raises(PlanError, match=r"no actuator 'magnet\.voltage'"):
        preflight(procedure(plan, settings={"magnet.voltage": 1.0}), fake_bench())


def test_every_limit_that_a_plan_leaves_is_named():
    plan = Values("magnet.current", [0.0, 9.0], unit="A")
    both = r"microwave\.frequency: wanted .*got 5 GHz.*; magnet\.current: wanted .*got 9 A"
    with pytest.raises(LimitError, match=both):
        preflight(procedure(plan, settings={"microwave.frequency": 5e9}), fake_bench())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"magnet.field": 0.0},
            r"'magnet\.field' and 'magnet\.current' move the same actuator; keep one of them, with magnet",
        ),
        ({"magnet.current": 0.0}, r"'magnet\.current' is set for all points and moved from point to point"),
    ],
)
def test_one_actuator_cannot_be_moved_in_two_ways(settings, text):
    with pytest.raises(PlanError, match=text):
        preflight(procedure(Linear("magnet.current", 0, 1, 3, unit="A"), settings=settings), fake_bench())


def test_the_declared_coordinates_must_be_those_of_the_plan():
    declared = (Column(name="x", unit="s", role="coordinate"),)
    with pytest.raises(PlanError, match="declared coordinates"):
        preflight(procedure(Values("x", [1.0], unit="Hz"), coordinates=declared), fake_bench())
    assert preflight(procedure(Values("x", [1.0], unit="s"), coordinates=declared), fake_bench()).total == 1


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ([], "wanted 1 to"),
        (range(10**9), "at most 10,000,000 points"),
        (Linear("x", 0, 1, 10**9), "at most 10,000,000 points"),
        ([1.0], "wanted points or mappings"),
        ([Point(0, {}, {"x": 1.0}), Point(1, {}, {"y": 1.0})], "every point to carry"),
        ([{"x": float("inf")}], "finite numbers"),
        (5, "wanted a sweep or points"),
    ],
    ids=["empty", "billion", "billion grid", "numbers", "names differ", "inf", "number"],
)
def test_plans_that_are_none_are_refused(plan, text):
    with pytest.raises(PlanError, match=text):
        preflight(procedure(plan), fake_bench())


def test_an_endless_iterable_is_refused(monkeypatch):
    monkeypatch.setattr("labspin.experiment.plan.MAX_POINTS", 1000)
    with pytest.raises(PlanError, match="got more"):
        preflight(procedure(map(lambda n: {"x": n}, itertools.count())), fake_bench())  # noqa: C417


def test_an_adaptive_plan_receives_readings_and_numbers_its_points():
    heard = []

    def plan():
        for n in range(3):
            reading = yield {"magnet.current": n / 10}
            heard.append(reading)

    declared = (Column(name="magnet_current", unit="A", role="coordinate"),)
    compiled = compile_plan(procedure(plan, coordinates=declared), fake_bench().actuators)
    assert compiled.is_adaptive
    assert compiled.total is None
    points = iter(compiled)
    assert next(points) == Point(0, {"magnet.current": 0.0})
    compiled.reading = {"y": 1.0}
    assert next(points).index == 1
    assert next(points).index == 2
    compiled.reading = {"y": 3.0}
    assert list(points) == []
    assert heard == [{"y": 1.0}, None, {"y": 3.0}]


def test_an_adaptive_plan_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr("labspin.experiment.plan.MAX_POINTS", 5)

    def plan():
        while True:
            yield {"x": 1.0}

    compiled = compile_plan(procedure(plan, coordinates=(Column(name="x", role="coordinate"),)), {})
    with pytest.raises(PlanError, match="did not end"):
        list(compiled)


def test_an_adaptive_point_without_its_coordinates_is_refused():
    def plan():
        yield {"z": 1.0}

    compiled = compile_plan(procedure(plan, coordinates=(Column(name="x", role="coordinate"),)), {})
    with pytest.raises(PlanError, match="every point to carry"):
        list(compiled)


def test_check_plan_needs_no_connection():
    scan = procedure(Linear("magnet.current", -1, 1, 5, unit="A"))
    report = check_plan(scan, Station())
    assert report.points == 5
    assert report.ranges == {"magnet.current": (-1.0, 1.0, "A")}
    assert report.text() == "magnet.current -1 A … 1 A"
    with pytest.raises(LimitError):
        check_plan(procedure(Values("magnet.field", [1.0], unit="T")), Station())


@pytest.mark.parametrize("unit", ["mA", "V", "1"])
def test_a_set_point_is_in_the_unit_of_its_actuator_or_refused(unit):
    declared = (Column(name="magnet_current", unit=unit, role="coordinate"),)
    for plan in (Linear("magnet.current", 0, 1, 3, unit=unit), [{"magnet.current": 0.5}]):
        with pytest.raises(PlanError, match=rf"wanted 'magnet\.current' in 'A', .* got '{unit}'; give"):
            preflight(procedure(plan, coordinates=declared), fake_bench())


def test_no_set_point_of_an_adaptive_point_is_moved_before_all_are_checked():
    def plan():
        yield {"microwave.frequency": 3e9, "magnet.current": 99.0}

    names = (("microwave_frequency", "Hz"), ("magnet_current", "A"))
    declared = tuple(Column(name=name, unit=unit, role="coordinate") for name, unit in names)
    compiled = preflight(procedure(plan, coordinates=declared), fake_bench())
    with pytest.raises(LimitError, match=r"magnet\.current: wanted .* got 99 A"):
        list(compiled)
