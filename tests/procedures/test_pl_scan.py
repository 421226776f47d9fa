import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import LimitError, PlanError
from labspin.experiment import preflight, run
from labspin.physics.nv import LABORATORY_BENCH
from labspin.procedures import PLScan
from tests.some import some

GATE = {"reference": "gate", "repetitions": 300_000, "fields": 25, "field_start": "11 G",
        "field_stop": "23 G", "settle_time": "0.5 s"}  # fmt: skip


def test_the_scan_runs_up_and_down():
    points = list(PLScan(fields=4, averages=2).plan())
    up = np.linspace(10e-4, 24e-4, 4)
    fields = [point.setpoints["magnet.field"] for point in points]
    assert fields == pytest.approx([*up, *up[::-1], *up, *up[::-1]], rel=1e-6, abs=0)
    assert [point.coordinates["direction"] for point in points] == ([1.0] * 4 + [-1.0] * 4) * 2


def test_gates_lie_in_the_light():
    for way in ("point", "gate"):
        procedure = PLScan(reference=way)
        (laser,) = (pulse for pulse in procedure.sequence().pulses if pulse.line == "laser")
        for delay, width in some(procedure.gates()):
            assert 0 <= delay < delay + width <= laser.duration
    (start, width), (reference, _) = procedure.gates()
    assert start + width <= reference


def test_parameters_that_contradict_each_other_are_refused():
    with pytest.raises(PlanError, match="field_start < field_stop"):
        PLScan(field_stop="1 G").plan()
    with pytest.raises(PlanError, match="do not fit into the laser pulse"):
        PLScan(reference="gate", laser_duration="110 us").plan()


def test_the_reference_field_has_limits_too(bench):
    with pytest.raises(LimitError, match=r"magnet\.field"):
        preflight(PLScan(reference_field="200 G"), bench)


def test_the_resonance_is_found_up_and_down_by_reference_gates(bench, tmp_path):
    recorded = read_run(run(PLScan(**GATE), bench, tmp_path / "run.h5").path)
    fits = fit_run(recorded)
    assert len(fits) == 2
    for fit in fits:
        found = {parameter.name: parameter for parameter in fit.parameters}
        assert found["center"].stderr < 1.5e-5
        assert found["center"].value == pytest.approx(
            LABORATORY_BENCH.pair_at, abs=4 * found["center"].stderr
        )
        assert found["depth"].value > 5 * found["depth"].stderr
    assert not recorded.data["reflected"].any()


def test_every_point_is_compared_with_the_light_at_the_reference_field(bench, tmp_path):
    seen = []
    procedure = PLScan(fields=3, repetitions=20, reference_field="-20 G")
    counted = procedure.count

    def spy(bench, *arguments, **keywords):
        seen.append(bench.magnet.measured_current * 15e-4)
        return counted(bench, *arguments, **keywords)

    procedure.count = spy
    recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    up = [10e-4, 17e-4, 24e-4]
    fields = np.reshape(seen, (6, 4))  # at the point, twice at the reference, at the point
    for place in (0, 3):
        assert fields[:, place] == pytest.approx([*up, *up[::-1]], abs=2e-5), (
            "also where the scan turns round"
        )
    for place in (1, 2):
        assert fields[:, place] == pytest.approx([-20e-4] * 6, abs=2e-5)
    for name in ("pl", "reflected"):
        ratio = recorded.data[name] / recorded.data[f"{name}_reference"]
        assert recorded.data[f"{name}_ratio"] == pytest.approx(ratio, rel=1e-6, abs=0)
    assert bench.magnet.measured_current == pytest.approx(0, abs=0.02), "safe at the end"


def test_what_drifts_evenly_cancels(bench, tmp_path):
    procedure = PLScan(field_start="10 G", field_stop="24 G", fields=2, repetitions=1000, settle_time="0.2 s")
    steady = read_run(run(procedure, bench, tmp_path / "steady.h5").path)
    sample = bench.simulation.world.sample
    started = bench.clock.now()
    # 1 % a second is more than the error. The mean of a straight line is its value in the middle.
    sample.drift = lambda detector, time: 1 + 0.01 * (time - started)
    sample.mean_drift = lambda detector, start, stop: sample.drift(detector, (start + stop) / 2)
    drifting = read_run(run(procedure, bench, tmp_path / "drifting.h5").path)
    error = np.hypot(steady.data["pl_ratio_errors"], drifting.data["pl_ratio_errors"])
    assert (error < 2e-3).all()
    assert (np.abs(drifting.data["pl_ratio"] - steady.data["pl_ratio"]) < 4.5 * error).all()
    # From the first to the last count: three of them, three ways and settling times.
    assert (drifting.data["pl_drift"] > 0.02).all()
    assert (np.abs(steady.data["pl_drift"]) < 0.01).all()


def test_the_angle_turns_between_two_fields_as_the_torque_says(bench, tmp_path):
    procedure = PLScan(
        field_start="-20 G", field_stop="10 G", fields=2, reference_field="-25 G", repetitions=2000
    )
    recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    far, error = recorded.data["reflected_ratio"][0, 0, 1], recorded.data["reflected_ratio_errors"][0, 0, 1]
    world = bench.simulation.world
    speckle = world.sample.settings.speckle_slope
    angles = []
    for field in (10e-4, -25e-4):
        world.drive("magnet.current", field / 15e-4)
        angles.append(world.truth()["angle"])
    expected = (1 + speckle * angles[0]) / (1 + speckle * angles[1])
    assert abs(expected - 1) > 10 * error
    # What drifts between point and reference comes on top of the counting error.
    assert far == pytest.approx(expected, abs=4 * error + 3e-3)
