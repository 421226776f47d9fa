import math

import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import LimitError, PlanError
from labspin.experiment import preflight, run
from labspin.physics.nv import LABORATORY_BENCH, transition_frequencies
from labspin.procedures import MDMR
from tests.some import some


def lower_lines(field):
    there = LABORATORY_BENCH.bench.field(field)
    lines = transition_frequencies(field=there, orientation=LABORATORY_BENCH.orientation)
    return np.asarray(lines).reshape(4, 2)[:, 0] / (2 * math.pi)


def test_fields_are_outermost_and_frequencies_shuffled():
    procedure = MDMR(fields=["10 G", "25 G"], frequencies=5, averages=2, seed=3)
    points = list(procedure.plan())
    assert len(points) == 20
    assert [point.setpoints["magnet.field"] for point in points] == [1e-3] * 10 + [2.5e-3] * 10
    for begin in range(0, 20, 5):
        part = [point.setpoints["microwave.frequency"] for point in points[begin : begin + 5]]
        assert sorted(part) == pytest.approx(np.linspace(2.55e9, 2.95e9, 5), rel=1e-6, abs=0)
    first, second = ([p.setpoints["microwave.frequency"] for p in points[b : b + 5]] for b in (0, 5))
    assert first != second


def test_with_and_without_differ_in_the_microwave_only():
    on, off = (MDMR().sequence(microwave=microwave) for microwave in (True, False))
    assert on.duration == off.duration
    assert [pulse for pulse in on.pulses if pulse.line != "microwave"] == list(off.pulses)


def test_parameters_that_contradict_each_other_are_refused():
    with pytest.raises(PlanError, match="frequency_start < frequency_stop"):
        MDMR(frequency_start="3 GHz").plan()
    with pytest.raises(PlanError, match="leaves no gate"):
        MDMR(period="4 us").plan()


def test_limits_hold_for_the_whole_scan(bench):
    with pytest.raises(LimitError, match=r"microwave\.frequency"):
        preflight(MDMR(frequency_stop="4.05 GHz"), bench)
    with pytest.raises(LimitError, match=r"magnet\.field"):
        preflight(MDMR(fields=["0 G", "200 G"]), bench)


def test_lines_stand_where_they_are_in_the_light_and_in_the_angle(bench, tmp_path):
    procedure = MDMR(
        fields=["10 G"], frequency_start="2.575 GHz", frequency_stop="2.815 GHz", frequencies=81,
        repetitions=5000, seed=2,
    )  # fmt: skip
    recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    assert recorded.data["pl_ratio"].shape == (1, 1, 81)
    truth = np.sort(lower_lines(10e-4))[:3]
    for recipe, best in (("mdmr", 0.4e6), ("mdmr_angle", 0.15e6)):
        (fit,) = fit_run(recorded, recipe)
        found = {parameter.name: parameter for parameter in fit.parameters}
        for number, line in some(enumerate(truth)):
            center = found[f"center_{number + 1}"]
            assert center.stderr < best
            # A line that saturates a little is no Gaussian: next to another it seems 20 kHz off.
            assert center.value == pytest.approx(line, abs=4 * center.stderr + 0.02e6)
    heights = [found[f"depth_{k}"].value for k in (1, 2, 3)]
    assert min(heights) < 0 < max(heights), "the angle turns both ways"


def test_light_alone_leaves_the_angle_out(bench, tmp_path):
    procedure = MDMR(frequencies=2, repetitions=10, angle=False)
    recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    assert (recorded.data["pl_on"] > 0).all()
    assert not recorded.data["reflected_on"].any()
    assert np.isnan(recorded.data["reflected_ratio"]).all()
