from __future__ import annotations

import numpy as np
import pytest

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    FIG4_BENCH,
    FIG4_ORIENTATION,
    LABORATORY_BENCH,
    bench_orientation,
    degeneracies_on_bench,
    degenerate_groups,
    published_values,
    transition_frequencies,
)

GAUSS, GHZ = 1e-4, 2e9 * np.pi


def lower_lines(gauss: float, orientation: object = LABORATORY_BENCH.orientation) -> np.ndarray:
    field = FIG4_BENCH.field(gauss * GAUSS)
    return transition_frequencies(field=field, orientation=orientation)[:, 0] / GHZ  # type: ignore[arg-type]


def nearest(lines: np.ndarray) -> np.ndarray:
    return np.array([np.abs(np.delete(lines, c) - lines[c]).min() for c in range(4)])


def test_fig4_orientation_merges_two_lines_at_17_gauss_and_2_75_ghz() -> None:
    assert nearest(lower_lines(10, FIG4_ORIENTATION)).min() > 0.03
    assert nearest(lower_lines(25, FIG4_ORIENTATION)).min() > 0.03
    merged = np.sort(lower_lines(17, FIG4_ORIENTATION))
    assert np.abs(merged - 2.75).min() < 0.002
    assert np.sort(nearest(merged))[:2].max() < 0.002
    crossing = [b for b, plane in degeneracies_on_bench(bench=FIG4_BENCH, orientation=FIG4_ORIENTATION)]
    assert np.abs(np.array(crossing) / GAUSS - 17.19).min() < 0.01


@pytest.mark.parametrize(
    ("gauss", "lines"),
    [
        (-150, [2.6670, 2.6670, 2.6670, 2.6670]),
        (0, [2.6014, 2.8173, 2.7509, 2.8739]),
        (10, [2.6036, 2.7898, 2.7622, 2.8896]),
        (17, [2.6057, 2.7705, 2.7705, 2.8971]),
        (25, [2.6086, 2.7485, 2.7804, 2.8957]),
    ],
)
def test_laboratory_bench_has_the_lines_that_its_table_states(gauss: float, lines: list[float]) -> None:
    assert np.allclose(lower_lines(gauss), lines, atol=6e-5)


def test_laboratory_bench_serves_every_measurement() -> None:
    bench = LABORATORY_BENCH
    for gauss in (10, 25):
        assert nearest(lower_lines(gauss)).min() > 0.025

    def groups(strength: float) -> list[tuple[int, ...]]:
        field = bench.bench.field(strength)
        return sorted(degenerate_groups(field=field, orientation=bench.orientation), key=len)

    assert groups(bench.pair_at)[-1] == bench.pair
    assert [len(group) for group in groups(bench.pair_at)] == [1, 1, 2]
    assert groups(bench.all_at) == [(0, 1, 2, 3)]
    assert abs(bench.all_at) <= 150 * GAUSS
    assert bench.all_at < bench.isolated_at < bench.pair_at
    assert nearest(lower_lines(bench.isolated_at / GAUSS))[bench.isolated_class] > 0.040
    axis = bench.orientation.apply(bench.bench.field(bench.all_at))
    assert np.allclose(axis / np.linalg.norm(axis), [1, 0, 0], atol=1e-12)


def test_mirrored_orientation_has_the_same_lines_at_every_field() -> None:
    mirror = bench_orientation(pair_at=17 * GAUSS, all_at=-150 * GAUSS, mirror=True)
    for gauss in (-90.0, 3.0, 40.0):
        assert np.allclose(np.sort(lower_lines(gauss, mirror)), np.sort(lower_lines(gauss)), atol=1e-12)


def test_pair_frequency_is_fixed_by_where_the_axis_lies() -> None:
    """The transverse field's second-order shift counts: 2.75 GHz is reached at −212 G, not at −126 G."""
    found = {}
    for gauss in (-126, -150, -212.198):
        orientation = bench_orientation(pair_at=17 * GAUSS, all_at=gauss * GAUSS)
        lines = lower_lines(17, orientation)
        pair = np.argsort(nearest(lines))[:2]
        found[gauss] = lines[pair].mean()
    assert found[-126] == pytest.approx(2.7863, abs=1e-4)
    assert found[-150] == pytest.approx(2.7705, abs=1e-4)
    assert found[-212.198] == pytest.approx(2.7500, abs=1e-4)


def test_impossible_benches_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"all_at.*45°"):
        bench_orientation(pair_at=17 * GAUSS, all_at=0.0)


def test_published_values_are_reported_as_they_are() -> None:
    values = published_values()
    by_name = {(value.quantity, value.remark[:5]): value for value in values}
    assert len(by_name) == len(values)
    eq3 = values[0]
    assert eq3.quoted == 2e-27
    assert eq3.computed == pytest.approx(1.81e-26, rel=5e-3, abs=0)
    for value in values:
        assert np.isfinite(value.computed)
        assert value.unit
        assert value.source.startswith("[")
    merge = next(v for v in values if v.quantity.startswith("B_em at which"))
    assert merge.computed == pytest.approx(17.19, abs=0.01)
    deflection = next(v for v in values if v.quantity.startswith("deflection"))
    assert deflection.computed == pytest.approx(2.53e-4, rel=2e-3, abs=0)
