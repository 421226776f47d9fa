"""What pulsed procedures share, and lists of quantities."""

import math
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from pymeasure.experiment import Results, Worker

from labspin.data import read_run
from labspin.errors import ArgumentError, CardError, DeviceError, LimitError, PlanError, UnitError
from labspin.experiment import Point, preflight
from labspin.instruments import PulseSequence
from labspin.procedures import MDMR, PLScan, Rabi, T1Field
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.pulsed import on_time_steps, ratio
from labspin.session import load_card
from tests.procedures.diamond_station import STATION
from tests.some import some

POINTS = {
    Rabi: Point(0, {}, {"average": 0.0, "pulse_duration": 1e-7}),
    MDMR: Point(0, {"magnet.field": 0.0, "microwave.frequency": 2.7e9}, {"average": 0.0}),
    PLScan: Point(0, {"magnet.field": 0.0}, {"average": 0.0, "direction": 1.0}),
    T1Field: Point(0, {}, {"average": 0.0, "dark_time": 1e-5}),
}


@pytest.mark.parametrize("kind", POINTS)
def test_a_missing_trigger_is_an_error_and_not_an_endless_wait(bench, kind):
    bench.pulses.start = lambda: None
    with pytest.raises(DeviceError, match=r"wanted 100 triggers within .* check the trigger cable"):
        kind(repetitions=100).measure(bench, POINTS[kind])


SMALL = {
    Rabi: {"pulse_durations": 2, "averages": 1},
    MDMR: {"frequencies": 2},
    PLScan: {"fields": 2, "reference": "gate"},
    T1Field: {"fields": ["0 G", "2 G"], "dark_times": 2, "averages": 1},
}


@pytest.mark.parametrize("kind", SMALL)
def test_it_runs_in_a_stock_pymeasure_worker_on_a_station_file(tmp_path, kind):
    procedure = kind(station=str(STATION.path), repetitions=10, **SMALL[kind])
    procedure.run_file = tmp_path / "run.h5"
    worker = Worker(Results(procedure, str(tmp_path / "run.csv")))
    worker.start()
    threading.Thread.join(worker, 60)
    assert procedure.status == kind.FINISHED
    table = pd.read_csv(tmp_path / "run.csv", comment="#")
    assert list(table.columns) == kind.DATA_COLUMNS
    assert len(table) == len(procedure.plan()) == len(read_run(procedure.run_file).points.index)
    counted = table[[name for name in table if name in ("signal", "pl_on", "pl", "signal_0")]]
    assert (counted > 0).all(axis=None)


@pytest.mark.parametrize("kind", POINTS)
def test_every_sequence_that_is_played_is_checked_and_can_be_drawn(kind):
    procedure = kind()
    played = list(procedure.played())
    assert played
    for sequence in (*played, *procedure.sequences().values()):
        assert isinstance(sequence, PulseSequence)
        assert "laser" in sequence.lines
        assert "trigger" in sequence.lines


@pytest.mark.parametrize("kind", [MDMR, PLScan])
def test_a_counter_without_the_detector_is_refused_before_anything_moves(bench_of_one_detector, kind):
    with pytest.raises(LimitError, match=r"no detector 'reflected', only pl; name it in the station file"):
        preflight(kind(repetitions=100), bench_of_one_detector)


def test_light_alone_needs_one_detector(bench_of_one_detector):
    for procedure in (MDMR(repetitions=100, angle=False), PLScan(repetitions=100, reference="gate")):
        plan = preflight(procedure, bench_of_one_detector)
        assert plan.total == len(procedure.plan())


@given(counts=st.integers(1, 10**8), reference=st.integers(1, 10**8))
def test_relative_errors_of_a_ratio_add_in_squares(counts, reference):
    value, error = ratio(counts=counts, reference=reference)
    assert value == pytest.approx(counts / reference, rel=1e-6, abs=0)
    assert error / value == pytest.approx(math.hypot(counts**-0.5, reference**-0.5), rel=1e-6, abs=0)


def test_the_error_of_a_ratio_is_its_scatter():
    rng = np.random.default_rng(3)
    drawn = zip(rng.poisson(500, 20_000), rng.poisson(700, 20_000), strict=True)
    found = np.array([ratio(counts=int(n), reference=int(r)) for n, r in drawn])
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.03, abs=0)


def test_no_reference_gives_no_number():
    assert all(map(math.isnan, ratio(counts=5, reference=0)))


def test_times_are_put_on_the_time_step():
    assert on_time_steps("x", "times", np.array([0.9e-9, 3.2e-9]), 1e-9) == pytest.approx(
        [1e-9, 3e-9], rel=1e-6, abs=0
    )
    with pytest.raises(PlanError, match=r"procedure 'x': 2 times .* closer than the time step of 1e-09 s"):
        on_time_steps("x", "times", np.array([1.1e-9, 1.3e-9]), 1e-9)


# -- lists of quantities --------------------------------------------------------------------------------


def fields():
    return QuantityListParameter("Fields", units="T")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["10 G", "1 mT"], [1e-3, 1e-3]),
        ("10 G, -2 mT", [1e-3, -2e-3]),
        ("3 G", [3e-4]),
        ("", []),
        ([0.1, 1], [0.1, 1.0]),
        (np.array([0.1, 0.2]), [0.1, 0.2]),
    ],
)
def test_a_list_of_quantities(given, found):
    assert fields().convert(given) == pytest.approx(found, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("1 A", UnitError),
        ("10", UnitError),
        (["10 G", "2"], UnitError),
        (3.0, ArgumentError),
        ([True], ArgumentError),
        ([math.nan], ArgumentError),
        ([None], ArgumentError),
    ],
)
def test_what_is_no_list_of_quantities_is_refused(given, error):
    with pytest.raises(error, match="Fields"):
        fields().convert(given)


@given(st.lists(st.floats(-1, 1), max_size=5))
def test_a_list_survives_the_way_through_text(values):
    parameter = fields()
    parameter.value = values
    assert parameter.convert(str(parameter)) == values


def test_a_card_gives_a_list(tmp_path):
    path = tmp_path / "card.toml"
    path.write_text('procedure = "mdmr"\n[parameters]\nfields = ["10 G", "25 G"]\n')
    (spec,) = load_card(path).runs
    assert spec.make().fields == pytest.approx([1e-3, 2.5e-3], rel=1e-6, abs=0)
    (spec,) = load_card(path, overrides=["fields=5 G"]).runs
    assert spec.make().fields == pytest.approx([5e-4], rel=1e-6, abs=0)
    path.write_text('procedure = "mdmr"\n[parameters]\nfields = ["10 Hz"]\n')
    with pytest.raises(CardError, match=r"parameters\.fields.*10 Hz"):
        load_card(path)


@pytest.mark.parametrize("kind", SMALL)
def test_the_time_that_a_point_takes_is_told_beforehand(bench, kind):
    procedure = kind(repetitions=3000, **SMALL[kind])
    bench.actuator("magnet.field").energise()
    for point in some(list(procedure.plan())[:2]):
        began = bench.clock.now()
        procedure.measure(bench, point)
        took = bench.clock.now() - began
        assert took == pytest.approx(procedure.duration(point), rel=0.05, abs=0.05)
