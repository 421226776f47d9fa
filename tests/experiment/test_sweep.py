import itertools
import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.errors import PlanError, UnitError
from labspin.experiment import (
    MAX_POINTS,
    Filter,
    Linear,
    Logarithmic,
    Point,
    Product,
    Repeat,
    Shuffled,
    Snake,
    Sweep,
    Values,
    Zip,
)
from tests.some import some


def _coordinates(sweep):
    return [tuple(point.coordinates.values()) for point in sweep]


A = Values("a", [1.0, 2.0])
B = Values("b", [10.0, 20.0, 30.0])


def test_one_axis_visits_its_values_in_order():
    sweep = Linear("magnet.field", "0 G", "10 G", 3, unit="T")
    assert list(sweep) == [
        Point(0, {"magnet.field": 0.0}),
        Point(1, {"magnet.field": pytest.approx(5e-4, rel=1e-6, abs=0)}),
        Point(2, {"magnet.field": pytest.approx(1e-3, rel=1e-6, abs=0)}),
    ]
    assert [(d.name, d.unit, len(d)) for d in sweep.dimensions] == [("magnet_field", "T", 3)]


def test_logarithmic_steps_have_equal_ratio():
    values = Logarithmic("t", "1 us", "1 ms", 7, unit="s").values()
    assert values[1:] / values[:-1] == pytest.approx(10**0.5, rel=1e-6, abs=0)
    assert (values[0], values[-1]) == (
        pytest.approx(1e-6, rel=1e-6, abs=0),
        pytest.approx(1e-3, rel=1e-6, abs=0),
    )


def test_product_is_nested_loops():
    assert _coordinates(Product(A, B)) == list(itertools.product([1, 2], [10, 20, 30]))
    assert [point.index for point in Product(A, B)] == list(range(6))


def test_snake_turns_back_at_every_pass_of_every_level():
    assert _coordinates(Snake(A, B)) == [(1, 10), (1, 20), (1, 30), (2, 30), (2, 20), (2, 10)]
    deep = _coordinates(Snake(A, B, Values("c", [0.0, 1.0])))
    changes = [sum(x != y for x, y in zip(p, q, strict=True)) for p, q in itertools.pairwise(deep)]
    assert changes == [1] * 11


def test_there_and_back_is_a_snake():
    assert _coordinates(Snake(Values("direction", [1, -1]), B)) == [
        (1, 10), (1, 20), (1, 30), (-1, 30), (-1, 20), (-1, 10),
    ]  # fmt: skip


def test_zip_advances_together_along_one_axis():
    sweep = Zip(A, Values("magnet.current", [5.0, 6.0], unit="A"))
    assert list(sweep) == [
        Point(0, {"magnet.current": 5.0}, {"a": 1.0}),
        Point(1, {"magnet.current": 6.0}, {"a": 2.0}),
    ]
    assert len(sweep.dimensions) == 1


def test_repeat_by_passes_and_by_points():
    assert _coordinates(Repeat(A, 2)) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    inner = Repeat(A, 2, inner=True, name="average")
    assert _coordinates(inner) == [(0, 1), (1, 1), (0, 2), (1, 2)]
    assert [point.index for point in inner] == [0, 2, 1, 3]
    assert [d.name for d in inner.dimensions] == ["average", "a"]


def test_shuffled_within_keeps_passes_whole_and_orders_them_differently():
    sweep = Shuffled(Repeat(Linear("x", 0, 9, 10), 4), seed=3, within="repeat")
    passes = np.array(_coordinates(sweep)).reshape(4, 10, 2)
    assert (passes[:, :, 0] == np.arange(4)[:, None]).all()
    orders = {tuple(order) for order in passes[:, :, 1]}
    assert len(orders) == 4
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_filter_leaves_points_out_of_the_visit_but_not_of_the_grid():
    sweep = Filter(Product(A, B), lambda a, b: a * 10 < b)
    assert _coordinates(sweep) == [(1, 20), (1, 30), (2, 30)]
    assert len(sweep) == 3
    assert sweep.shape == (2, 3)
    assert sweep.visited()["b"].tolist() == [20.0, 30.0]


sizes = st.integers(1, 5)


@st.composite
def sweeps(draw, depth=3, names=None):
    names = names if names is not None else iter("abcdefghijklmnopqrstuvwxyz")
    if depth == 0 or draw(st.booleans()):
        start, number = draw(st.floats(-9, 9)), draw(sizes)
        return Linear(next(names), start, start if number == 1 else draw(st.floats(-9, 9)), number)
    inner = draw(sweeps(depth=depth - 1, names=names))
    kind = draw(st.sampled_from(["product", "snake", "repeat", "shuffled", "filter"]))
    if kind in ("product", "snake"):
        other = draw(sweeps(depth=depth - 1, names=names))
        return {"product": Product, "snake": Snake}[kind](inner, other)
    if kind == "repeat":
        return Repeat(inner, draw(sizes), name=next(names), inner=draw(st.booleans()))
    if kind == "shuffled":
        return Shuffled(inner, draw(st.integers(0, 99)), within=draw(st.sampled_from([None, inner.names[0]])))
    return Filter(inner, keep=sorted(draw(st.sets(st.integers(0, len(inner) - 1), min_size=1))))


@given(sweeps())
def test_every_sweep_keeps_what_it_promises(sweep):
    points = list(sweep)
    assert len(points) == len(sweep)
    indices = [point.index for point in points]
    assert len(set(indices)) == len(indices)
    grid = np.meshgrid(*(d.values for d in sweep.dimensions), indexing="ij")
    for number, dimension in some(enumerate(sweep.dimensions)):
        at = [point.coordinates[dimension.name] for point in points]
        assert at == grid[number].ravel()[indices].tolist()
    copy = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())))
    assert copy == sweep
    assert hash(copy) == hash(sweep)
    assert list(copy) == points
    visited = sweep.visited()
    assert all(set(visited[name]) == {p.coordinates[name] for p in points} for name in some(sweep.names))
    columns = sweep.columns()
    assert all(columns[name].tolist() == [p.coordinates[name] for p in points] for name in some(sweep.names))


def test_more_points_than_a_chunk_are_all_visited():
    sweep = Product(Linear("a", 0, 1, 100), Linear("b", 0, 1, 101))
    assert [point.index for point in sweep] == list(range(10100))


def test_a_sweep_of_a_billion_points_is_refused_and_not_computed():
    sweep = Product(Linear("a", 0, 1, 100_000), Linear("b", 0, 1, 10_000))
    assert len(sweep) == 10**9
    for use in (iter, Sweep.order, Sweep.visited, Sweep.axes):
        with pytest.raises(PlanError, match=r"at most 10,000,000 points in one run, got 100000 × 10000"):
            list(use(sweep))
    with pytest.raises(PlanError, match="points in one run"):
        list(Shuffled(Linear("a", 0, 1, MAX_POINTS + 1), 0))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Linear("a", 0, 1, 0), "number of values: wanted a whole number ≥ 1, got 0"),
        (lambda: Linear("a", 0, 1, 2.5), "whole number"),
        (lambda: Linear("a", 0, float("nan"), 2), "finite"),
        (lambda: Linear("", 0, 1, 2), "wanted the name"),
        (lambda: Linear("a", None, 1, 2), "wanted a number"),
        (lambda: Logarithmic("a", 0, 1, 2), "start and stop > 0"),
        (lambda: Values("a", []), "at least one value"),
        (lambda: Values("a", "123"), "wanted a list of values"),
        (lambda: Linear("a", -1e308, 1e308, 3), "wanted start and stop less than"),
        (lambda: Zip(A, B), "one length"),
        (lambda: Zip(A, Shuffled(A, 0)), "shuffle or filter the whole"),
        (lambda: Product(A, A), "'a' is swept twice"),
        (lambda: Product(Values("m.i", [1]), Values("m_i", [1])), "'m_i' is swept twice"),
        (lambda: Product(), "at least one sweep"),
        (lambda: Repeat(A, 2, name="a"), "swept twice"),
        (lambda: Shuffled(A, -1), "seed"),
        (lambda: Shuffled(A, 1, within="b"), "to shuffle within"),
        (lambda: Shuffled([1], 1), "wanted a sweep"),
        (lambda: Filter(A), "either a condition, or 'where', or"),
        (lambda: Filter(A, lambda a: a > 9), "is the condition true anywhere"),
        (lambda: Filter(A, lambda a: a), "booleans"),
        (lambda: Filter(A, keep=[7]), "only points of the sweep"),
        (lambda: Sweep.from_dict({"sweep": "spiral"}), "one of the kinds"),
        (lambda: Sweep.from_dict({"sweep": "linear", "name": "a"}), "cannot be read"),
        (lambda: Sweep.from_dict([]), "one of the kinds"),
        (lambda: Sweep.from_dict({"sweep": "linear", "nmae": "a"}), "got 'nmae'; did you mean 'name'"),
        (lambda: Sweep.from_dict({"sweep": "product", "of": 3}), "cannot be read"),
        (lambda: Filter(A, where="a"), "wanted a condition such as"),
        (lambda: Filter(A, where=["b < 1"]), "names none of a"),
        (lambda: Filter(A, where="a < 1 ms"), "wanted a quantity in '1'"),
        (lambda: Filter(A, where="0 < b < 1"), "names none of a"),
        (lambda: Filter(A, where="0 < a < 1 < 2"), "such as .* or '0 s < dark_time < 1 ms', got '0 < a < 1"),
        (lambda: Filter(A, where="a > 0 and a < 2"), "write conditions that are all to hold as a list"),
        (lambda: Linear("a", True, 1, 2), "sweep of 'a': wanted a number in '1', got True"),
        (lambda: Values("a", [False]), "wanted a number in '1', got False"),
        (lambda: Values("a", np.array([True])), "wanted a number in '1', got .*True"),
        (lambda: Linear("a", 0, 1, 2, unit="foo"), "sweep of 'a': unit 'foo' is not known"),
        (lambda: Values("a", [1], unit="foo"), "sweep of 'a': unit 'foo' is not known"),
        (lambda: Filter(A, where="a > 1e3"), "is the condition true anywhere"),
    ],
)
def test_what_contradicts_itself_is_refused(make, text):
    with pytest.raises(PlanError, match=text):
        make()


def test_a_text_without_a_unit_is_refused():
    with pytest.raises(UnitError, match="has no unit"):
        Linear("a", "0", "1", 2, unit="s")


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("a < b", [(1, 10), (1, 20), (1, 30), (2, 10), (2, 20), (2, 30)]),
        ("b >= 20", [(1, 20), (1, 30), (2, 20), (2, 30)]),
        (["a == 2", "b != 20"], [(2, 10), (2, 30)]),
        ("25 < b", [(1, 30), (2, 30)]),
    ],
)
def test_a_condition_as_text_keeps_where_it_holds_and_describes_itself(where, kept):
    sweep = Filter(Product(A, B), where=where)
    assert _coordinates(sweep) == kept
    copy = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())))
    assert copy == sweep
    assert list(copy) == list(sweep)
    assert "keep" not in sweep.to_dict()


def test_a_condition_converts_units():
    times = Values("time", ["1 us", "1 ms", "2 ms"], unit="s")
    assert Filter(times, where="time <= 1000 us").visited()["time"].tolist() == [1e-6, 1e-3]


def test_a_description_without_a_unit_takes_that_of_its_values():
    made = Sweep.from_dict({"sweep": "values", "name": "magnet.field", "values": ["1 mT", "20 G"]})
    assert made == Values("magnet.field", [1e-3, 2e-3], unit="T")
    power = {"sweep": "linear", "name": "p", "start": "-10 dBm", "stop": "0 dBm", "number": 2}
    assert Sweep.from_dict(power).to_dict()["unit"] == "dBm"
    with pytest.raises(UnitError, match="give 'unit' beside it"):
        Sweep.from_dict({"sweep": "values", "name": "x", "values": ["1 kg/s"]})


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("x <= 0.3 V", 4),
        ("x < 0.3 V", 3),
        ("x >= 0.3 V", 8),
        ("x > 0.3 V", 7),
        ("x == 0.3 V", 1),
        ("x != 0.3 V", 10),
        ("300 mV == x", 1),
        ("x <= 0.29999 V", 3),
        ("x >= 0.30001 V", 7),
        ("0.2 V < x < 0.5 V", 2),
        ("0.2 V <= x <= 500 mV", 4),
        ("0.5 V > x >= 0.2 V", 3),
    ],
)
def test_a_value_of_the_sweep_is_met_by_the_number_that_a_person_writes(where, count):
    assert np.linspace(0, 1, 11)[3] != 0.3
    assert len(Filter(Linear("x", "0 V", "1 V", 11, unit="V"), where=where)) == count


def test_small_values_of_a_logarithmic_sweep_are_told_apart():
    sweep = Logarithmic("x", 1e-20, 1.0, 21, unit="V")
    for index, value in some(enumerate(sweep.values())):
        assert len(Filter(sweep, where=f"x <= {value:.6e} V")) == index + 1
        assert len(Filter(sweep, where=f"x == {value:.6e} V")) == 1


def test_columns_are_compared_with_a_tolerance_of_their_step():
    sweep = Product(Linear("a", 0, 1, 11), Values("b", [0.1 * n for n in range(11)]))
    assert len(Filter(sweep, where="a == b")) == 11
    assert len(Filter(sweep, where="a <= b")) == 66
    assert len(Filter(sweep, where="a != b")) == 110


@pytest.mark.parametrize("kind", [Linear, Logarithmic])
def test_one_value_between_two_ends_is_refused(kind):
    with pytest.raises(PlanError, match=r"wanted at least 2 values from 1\.0 to 2\.0, got 1"):
        kind("x", 1.0, 2.0, 1)
    assert list(kind("x", 2.0, 2.0, 1).values()) == [2.0]


def test_shuffled_within_keeps_the_groups_in_the_order_in_which_they_came():
    inner = Shuffled(Product(Linear("outer", 0, 5, 6), Linear("inner", 0, 3, 4)), seed=5)
    outer = Shuffled(inner, seed=2, within="outer")

    def groups(sweep):
        return list(dict.fromkeys(outer for outer, _ in _coordinates(sweep)))

    assert groups(inner) != sorted(groups(inner)), "or this shows nothing"
    assert groups(outer) == groups(inner)


def test_conditions_compare_axes_in_different_units():
    sweep = Filter(
        Zip(Values("a", [1e-3, 3e-3], unit="s"), Values("b", [2.0, 2.0], unit="ms")), where="a < b"
    )
    assert [point.index for point in sweep] == [0]
    other = Filter(
        Zip(Values("a", [1e-3, 3e-3], unit="s"), Values("b", [2.0, 2.0], unit="ms")), where="b < a"
    )
    assert [point.index for point in other] == [1]
