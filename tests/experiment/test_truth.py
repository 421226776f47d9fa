"""The ground truth of a simulated run, point by point."""

import math
from pathlib import Path

import numpy as np
import pytest

from labspin.data import read_run
from labspin.experiment import run, truth
from labspin.experiment.truth import TruthRecord
from labspin.physics.nv import CR_MEASURED, LABORATORY_BENCH, transition_frequencies
from labspin.procedures import MDMR, T1Field
from labspin.station import load_station

STATION = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond.toml")


def test_only_what_changes_is_recorded():
    events = []
    truths = iter(
        [
            {"T1": [1.0, 2.0], "field": 3.0, "beta": 0.8, "kind": "diamond"},
            {"T1": [1.0, 2.0 + 1e-9], "field": 3.0, "beta": 0.8, "kind": "diamond"},
            {"T1": [1.0, 2.5], "field": 4.0, "beta": 0.8, "kind": "diamond"},
            {"T1": [1.0, 2.5], "field": 4.0, "beta": 0.8, "kind": "diamond"},
            {"T1": [1.0, 2.0], "field": 3.0, "beta": 0.8, "kind": "diamond"},
        ]
    )
    record = TruthRecord(lambda: next(truths), lambda kind, message, data: events.append((kind, data)))
    assert record.begin()["field"] == 3.0
    for index in (5, 7, 2, 9):
        record.at_point(index)
    assert events == [
        ("truth_at_point", {"index": 7, "truth": {"T1": [1.0, 2.5], "field": 4.0}}),
        ("truth_at_point", {"index": 9, "truth": {}}),
    ]


def lower_lines(field):
    there = LABORATORY_BENCH.bench.field(field)
    found = transition_frequencies(field=there, orientation=LABORATORY_BENCH.orientation)
    return np.asarray(found).reshape(4, 2)[:, 0]


def true_t1(field):
    lines = lower_lines(field)
    return 1 / (CR_MEASURED.isolated_rate + CR_MEASURED.cross_relaxation_rate(lines))


def test_the_truth_of_every_field_stands_at_its_points(tmp_path):
    fields = [11e-4, 17e-4, 20e-4]
    with STATION.connect() as bench:
        procedure = T1Field(
            fields=fields, known_fields=["10 G", "25 G"], known_frequencies=["2.79 GHz", "2.748 GHz"],
            dark_times=3, averages=2, repetitions=10, laser_duration="300 us", seed=1,
        )  # fmt: skip
        recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    found = recorded.truth_at_points
    assert found["T1"].shape == (3, 2, 3, 4)
    for place, field in enumerate(fields):
        assert found["T1"][place, 0, 0] == pytest.approx(true_t1(field), rel=1e-3, abs=0)
        assert (found["T1"][place] == found["T1"][place, 0, 0]).all()
    assert "beta" not in found
    assert recorded.header.truth["beta"] == 0.8
    assert len(recorded.events_of("truth_at_point")) == len(fields)


def test_what_does_not_change_with_the_frequency_is_recorded_once_a_field(tmp_path):
    with STATION.connect() as bench:
        procedure = MDMR(fields=["10 G", "25 G"], frequencies=4, averages=2, repetitions=10, angle=False)
        recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    assert len(recorded.events_of("truth_at_point")) == 2
    lines = recorded.truth_at_points["lower_transition"]
    assert lines.shape == (2, 2, 4, 4)
    for place, field in enumerate((10e-4, 25e-4)):
        assert lines[place, 1, 2] == pytest.approx(lower_lines(field) / (2 * math.pi), rel=1e-5, abs=0)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"a": 1.0}, {"a": 1.0 + 1e-15}, True),
        ({"a": 1.0}, {"a": 1.1}, False),
        ({"a": 1.0}, {"b": 1.0}, False),
        ([1.0, 2.0], [1.0], False),
        ([1.0, 2.0], (1.0, 2.0), True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        ("on", "off", False),
    ],
)
def test_what_is_really_the_case_is_told_where_it_has_changed(one, other, alike):
    assert truth._alike(one, other) == alike
