import math
import threading
from pathlib import Path

import lmfit
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from pymeasure.experiment import Results, Worker

from labspin.data import read_run
from labspin.errors import DeviceError, LimitError, PlanError, SequenceError
from labspin.experiment import Control, Point, preflight, resume, run
from labspin.physics.nv import LABORATORY_BENCH, transition_frequencies
from labspin.procedures import T1
from labspin.procedures.t1 import normalised
from labspin.session import load_card, recorded_procedure
from labspin.station import load_station
from tests.some import some

ROOT = Path(__file__).parents[2]
STATION = load_station(ROOT / "instruments" / "levitated-diamond.toml")
CARD = load_card(ROOT / "procedures" / "t1.toml")
SHORT = {
    "dark_time_stop": "2.5 ms", "magnet_field": "-150 G", "microwave_frequency": "2.667 GHz",
    "microwave_power": "10 dBm", "laser_duration": "300 us", "reference_width": "150 us",
}  # fmt: skip


@pytest.fixture
def bench():
    with STATION.connect() as bench:
        yield bench


# -- the plan as a list ---------------------------------------------------------------------------------


def test_the_plan_visits_every_dark_time_once_in_every_average():
    plan = T1(dark_times=5, averages=3, seed=7).plan()
    points = list(plan)
    assert len(points) == 15
    assert all(not point.setpoints for point in points)
    times = T1(dark_times=5).dark_time_values()
    for number in range(3):
        part = points[5 * number : 5 * number + 5]
        assert {point.coordinates["average"] for point in part} == {number}
        assert sorted(point.coordinates["dark_time"] for point in part) == times.tolist()
    orders = {tuple(p.coordinates["dark_time"] for p in points[5 * n : 5 * n + 5]) for n in range(3)}
    assert len(orders) > 1
    assert plan == T1(dark_times=5, averages=3, seed=7).plan()
    assert plan != T1(dark_times=5, averages=3, seed=8).plan()


def test_dark_times_are_logarithmic_and_on_the_time_step():
    times = T1(
        dark_time_start="1 us", dark_time_stop="1 ms", dark_times=31, time_step="8 ns"
    ).dark_time_values()
    assert np.diff(np.log(times)) == pytest.approx(math.log(1000) / 30, abs=0.01)
    assert times / 8e-9 == pytest.approx(np.round(times / 8e-9), abs=1e-6)
    linear = T1(spacing="linear", dark_time_start="1 ms", dark_time_stop="5 ms", dark_times=5)
    assert linear.dark_time_values() == pytest.approx([1e-3, 2e-3, 3e-3, 4e-3, 5e-3], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"dark_time_start": "5 ms", "dark_time_stop": "1 ms"}, "dark_time_start < dark_time_stop"),
        (
            {"dark_time_start": "1 ns", "dark_time_stop": "5 ns", "dark_times": 50},
            "closer than the time step",
        ),
        ({"signal_width": "900 us"}, "make the laser pulse longer or the gates shorter"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(parameters, text):
    with pytest.raises(PlanError, match=text):
        T1(**parameters).plan()


def test_the_magnet_is_set_in_one_way():
    assert "magnet.field" in T1(magnet_field="10 G").settings()
    assert T1(magnet="current", magnet_current="1 A").settings()["magnet.current"] == 1.0
    assert not any(name.startswith("magnet") for name in T1(magnet="nothing").settings())
    with pytest.raises(PlanError, match="set magnet = 'current' or leave magnet_current out"):
        T1(magnet_current="1 A").settings()


# -- the sequences ----------------------------------------------------------------------------------------


@given(dark_time=st.integers(10, 10**7).map(lambda n: n * 1e-9))
def test_with_and_without_pi_pulse_differ_in_the_microwave_only(dark_time):
    procedure = T1()
    with_pi, without = (procedure.sequence(dark_time, with_pi=with_pi) for with_pi in (True, False))
    assert with_pi.duration == without.duration
    assert [pulse for pulse in with_pi.pulses if pulse.line != "microwave"] == list(without.pulses)
    (pi,) = (pulse for pulse in with_pi.pulses if pulse.line == "microwave")
    laser = [pulse for pulse in with_pi.pulses if pulse.line == "laser"]
    (trigger,) = (pulse for pulse in with_pi.pulses if pulse.line == "trigger")
    assert pi.start == pytest.approx(laser[0].stop + procedure.guard_time, rel=1e-6, abs=0)
    assert laser[1].start - pi.stop == pytest.approx(dark_time, abs=1e-12)
    assert trigger.start == laser[1].start


def test_the_sequences_can_be_drawn():
    drawn = T1().sequences()
    assert list(drawn) == ["with π pulse", "without π pulse"]
    assert drawn["with π pulse"].lines == ("laser", "microwave", "trigger")


def test_gates_lie_within_the_readout():
    procedure = T1()
    (start, width), (reference, reference_width) = procedure.gates()
    assert 0 <= start < start + width <= reference
    assert reference + reference_width + procedure.reference_margin == pytest.approx(
        procedure.laser_duration, rel=1e-6, abs=0
    )


# -- counting statistics ------------------------------------------------------------------------------------


@given(signal=st.integers(500, 10**7), reference=st.integers(500, 10**7), ratio=st.floats(0.1, 10))
def test_the_error_of_the_contrast_is_that_of_two_poisson_counts(signal, reference, ratio):
    contrast, error = normalised(signal=signal, reference=reference, gate_ratio=ratio)
    assert contrast == pytest.approx(ratio * signal / reference, rel=1e-6, abs=0)
    assert error / contrast == pytest.approx(math.sqrt(1 / signal + 1 / reference), rel=1e-6, abs=0)


def test_the_error_of_the_contrast_is_its_scatter():
    rng = np.random.default_rng(5)
    pairs = zip(rng.poisson(300, 20_000), rng.poisson(900, 20_000), strict=True)
    found = np.array([normalised(signal=int(s), reference=int(r), gate_ratio=3.0) for s, r in pairs])
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.03, abs=0)


def test_empty_gates_are_no_division_by_zero():
    assert all(map(math.isnan, normalised(signal=3, reference=0, gate_ratio=1.0)))
    assert normalised(signal=0, reference=100, gate_ratio=1.0) == (0.0, pytest.approx(0.01, rel=1e-6, abs=0))


# -- pre-flight on the simulated bench --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"repetitions": 12_000}, LimitError, "one significant digit"),
        ({"magnet_field": "-200 G"}, LimitError, r"magnet\.field: wanted"),
        ({"microwave_frequency": "5 GHz"}, LimitError, r"microwave\.frequency"),
        ({"pi_duration": "1 ns"}, SequenceError, "needs at least 3 ns"),
        ({"pi_duration": "50.5 ns"}, SequenceError, "resolution"),
    ],
)
def test_what_the_bench_cannot_do_is_refused_before_anything_moves(bench, parameters, error, text):
    with pytest.raises(error, match=text):
        preflight(T1(**parameters), bench)
    assert bench.magnet.measured_current == pytest.approx(0.0, abs=0.02)
    assert not bench.microwave.output_enabled


def test_a_counter_that_gets_no_triggers_is_an_error_and_not_an_endless_wait(bench):
    procedure = T1(repetitions=100)
    bench.pulses.start = lambda: None
    with pytest.raises(DeviceError, match=r"wanted 100 triggers within .* check the trigger cable"):
        procedure.measure(bench, Point(0, {}, {"average": 0.0, "dark_time": 1e-5}))


# -- on the simulated bench -------------------------------------------------------------------------------


def test_the_card_watches_the_classes_that_the_physics_says():
    settings = [spec.make() for spec in CARD.runs]
    fields = [LABORATORY_BENCH.isolated_at, LABORATORY_BENCH.pair_at, LABORATORY_BENCH.all_at]
    watched = [LABORATORY_BENCH.isolated_class, LABORATORY_BENCH.pair[0], 0]
    for procedure, field, number in zip(settings, fields, watched, strict=True):
        assert procedure.magnet_field == pytest.approx(field, rel=1e-6, abs=0)
        vector = LABORATORY_BENCH.bench.field(field)
        lines = transition_frequencies(field=vector, orientation=LABORATORY_BENCH.orientation) / (2 * math.pi)
        assert procedure.microwave_frequency == pytest.approx(lines[number].min(), abs=0.1e6)


def _fitted(recorded, *, quantity="difference"):
    times = recorded.header.layout.dimensions[1].values
    y = recorded.data[quantity].mean(axis=0)
    sigma = np.sqrt((recorded.data[quantity + "_errors"] ** 2).mean(axis=0) / len(recorded.data[quantity]))
    model = lmfit.Model(lambda t, a, T1, beta: a * np.exp(-((t / T1) ** beta)), independent_vars=["t"])
    parameters = model.make_params(a=y[0], T1={"value": 5e-4, "min": 1e-6}, beta={"value": 1, "min": 0.1})
    return model.fit(y, parameters, t=times, weights=1 / sigma, scale_covar=False)


@pytest.fixture
def bright_bench(tmp_path):
    """The simulated bench with so much light that even the fastest relaxing spins are polarised."""
    text = STATION.path.read_text(encoding="utf-8")
    sample = "[simulation.parameters]\npump_rate = 3e6\n\n[simulation.detectors.pl]"
    path = tmp_path / "bright.toml"
    path.write_text(text.replace("[simulation.detectors.pl]", sample), encoding="utf-8")
    with load_station(path).connect() as bench:
        yield bench


def test_the_difference_relaxes_with_the_truth_and_one_raw_trace_does_not(bright_bench, tmp_path):
    bench = bright_bench
    procedure = T1(
        **SHORT,
        signal_width="2 us",
        dark_time_start="20 us",
        dark_times=16,
        averages=4,
        repetitions=4_000_000,
    )
    outcome = run(procedure, bench, tmp_path / "run.h5", label="test of all four")
    assert (outcome.status, outcome.points, outcome.is_safe) == ("finished", 64, True)
    assert not bench.microwave.output_enabled
    assert bench.magnet.measured_current == pytest.approx(0.0, abs=0.02)
    recorded = read_run(outcome.path)
    truth = recorded.header.truth["T1"][0]
    assert truth == pytest.approx(220e-6, rel=1e-3, abs=0), "the truth is that of the settings"
    fit = _fitted(recorded)
    found = fit.params["T1"]
    assert found.stderr / found.value < 0.04
    assert found.value == pytest.approx(truth, abs=4 * found.stderr)
    assert fit.params["beta"].value == pytest.approx(
        recorded.header.truth["beta"], abs=4 * fit.params["beta"].stderr
    )
    # Recharging in the dark bends the raw trace: as a decay to a level it fits badly.
    times = recorded.header.layout.dimensions[1].values
    raw, sigma = recorded.data["contrast_0"].mean(axis=0), recorded.data["contrast_0_errors"].mean(axis=0) / 2
    model = lmfit.Model(lambda t, a, T1, beta, c: c + a * np.exp(-((t / T1) ** beta)), independent_vars=["t"])
    start = model.make_params(a=raw[0] - raw[-1], T1={"value": 2e-4, "min": 1e-6}, beta=0.8, c=raw[-1])
    start["beta"].set(vary=False)
    single = model.fit(raw, start, t=times, weights=1 / sigma, scale_covar=False)
    assert abs(single.params["T1"].value - truth) > 10 * found.stderr


def test_the_errors_are_honest_and_the_reference_takes_the_drift_out(bench):
    procedure = T1(**SHORT, repetitions=90_000)
    bench.actuator("magnet.field").energise()
    for name, value in procedure.settings().items():
        bench.actuator(name).move(value)
    procedure.prepare(bench)
    rows = []
    for index in range(120):
        bench.simulation.begin_point(index)
        rows.append(procedure.measure(bench, Point(index, {}, {"average": float(index), "dark_time": 2e-4})))
    difference = np.array([row["difference"] for row in rows])
    expected = np.mean([row["difference_errors"] for row in rows])
    assert difference.std(ddof=1) == pytest.approx(expected, rel=4 / math.sqrt(2 * len(rows)), abs=0)
    signal = np.array([row["signal_0"] for row in rows], dtype=float)
    assert signal.std() > 2 * math.sqrt(signal.mean()), "the light itself drifts"


def test_it_runs_in_a_stock_pymeasure_worker_on_a_station_file(tmp_path):
    procedure = T1(
        **SHORT,
        station=str(STATION.path),
        dark_times=4,
        averages=1,
        repetitions=1000,
        dark_time_start="20 us",
    )
    procedure.run_file = tmp_path / "run.h5"
    worker = Worker(Results(procedure, str(tmp_path / "run.csv")))
    worker.start()
    threading.Thread.join(worker, 60)
    assert procedure.status == T1.FINISHED
    table = pd.read_csv(tmp_path / "run.csv", comment="#")
    assert list(table.columns) == T1.DATA_COLUMNS
    assert sorted(table["dark_time (s)"]) == pytest.approx(procedure.dark_time_values(), rel=1e-6, abs=0)
    assert (table["signal_0"] > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("spec", CARD.runs, ids=lambda spec: spec.label)
def test_the_shipped_card_finds_t1(bench, tmp_path, spec):
    recorded = read_run(run(spec.make(), bench, tmp_path / "run.h5", label=spec.label).path)
    found = _fitted(recorded).params["T1"]
    class_watched = {"one class alone": 0, "two classes resonant": 1}.get(spec.label, 0)
    assert found.value == pytest.approx(recorded.header.truth["T1"][class_watched], abs=4 * found.stderr)
    assert found.stderr / found.value < 0.05


class _AbortAt:
    def __init__(self, control, done):
        self.control, self.done = control, done

    def on_start(self, header, total):
        pass

    def on_point(self, index, values, done, total):
        if done == self.done:
            self.control.abort("for the test")

    def on_event(self, kind, message):
        pass

    def on_finish(self, outcome):
        pass


def test_a_resumed_run_on_the_simulated_bench_equals_the_uninterrupted_one(tmp_path):
    parameters = {**SHORT, "dark_times": 5, "averages": 2, "repetitions": 10_000, "seed": 3}
    with STATION.connect() as bench:
        run(T1(**parameters), bench, tmp_path / "whole.h5", label="same")
    control = Control()
    with STATION.connect() as bench:
        watcher = _AbortAt(control, 4)
        outcome = run(
            T1(**parameters), bench, tmp_path / "parts.h5", label="same", control=control, observers=[watcher]
        )
    assert (outcome.status, outcome.points) == ("aborted", 4)
    with STATION.connect() as bench:
        recorded = recorded_procedure(read_run(tmp_path / "parts.h5").header)
        assert resume(tmp_path / "parts.h5", bench, procedure=recorded).status == "finished"
    whole, parts = read_run(tmp_path / "whole.h5"), read_run(tmp_path / "parts.h5")
    for column in some(whole.header.layout.columns):
        assert (whole.data[column.name] == parts.data[column.name]).all(), column.name
    assert parts.points.time == pytest.approx(whole.points.time, rel=1e-12, abs=0)
