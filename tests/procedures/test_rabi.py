import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import LimitError, PlanError, SequenceError
from labspin.experiment import preflight, run
from labspin.procedures import Rabi
from tests.procedures.diamond_station import STATION
from tests.some import some

BRIGHT = {"magnet_field": "0 G", "microwave_frequency": "2.6014 GHz", "microwave_power": "10 dBm"}


def test_the_plan_visits_every_length_once_in_every_average():
    points = list(Rabi(pulse_durations=7, averages=3, seed=5).plan())
    lengths = Rabi(pulse_durations=7).pulse_values()
    for number in range(3):
        part = points[7 * number : 7 * number + 7]
        assert {point.coordinates["average"] for point in part} == {number}
        assert sorted(point.coordinates["pulse_duration"] for point in part) == lengths.tolist()
    assert all(not point.setpoints for point in some(points))
    assert Rabi(seed=1).plan() == Rabi(seed=1).plan() != Rabi(seed=2).plan()


def test_only_the_microwave_pulse_differs_between_lengths():
    procedure = Rabi()
    sequences = [procedure.sequence(length) for length in procedure.pulse_values().tolist()]
    assert len({sequence.duration for sequence in sequences}) == 1
    rest = {tuple(p for p in s.pulses if p.line != "microwave") for s in sequences}
    assert len(rest) == 1
    assert "microwave" not in sequences[0].lines, "length 0 is no pulse"
    for sequence, length in some(zip(sequences[1:], procedure.pulse_values()[1:], strict=True)):
        (pulse,) = (p for p in sequence.pulses if p.line == "microwave")
        assert pulse.start == pytest.approx(procedure.laser_duration + procedure.guard_time, rel=1e-6, abs=0)
        assert pulse.duration == pytest.approx(length, rel=1e-6, abs=0)
        assert pulse.stop + procedure.rest_time <= sequence.duration + 1e-12


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"pulse_start": "1 us", "pulse_stop": "100 ns"}, "pulse_start < pulse_stop"),
        ({"pulse_stop": "20 ns", "pulse_durations": 41}, "closer than the time step"),
        ({"signal_width": "299 us"}, "procedure 'rabi': the signal gate ends"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(parameters, text):
    with pytest.raises(PlanError, match=text):
        Rabi(**parameters).plan()


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"pulse_start": "2 ns"}, SequenceError, "needs at least 3 ns"),
        ({"guard_time": "1.5 ns"}, SequenceError, "resolution"),
        ({"repetitions": 12_000}, LimitError, "one significant digit"),
        ({"microwave_power": "12 dBm"}, LimitError, r"microwave\.power"),
    ],
)
def test_what_the_bench_cannot_do_is_refused(bench, parameters, error, text):
    with pytest.raises(error, match=text):
        preflight(Rabi(**parameters), bench)
    assert not bench.microwave.output_enabled


def test_it_finds_the_pi_pulse_of_the_truth_in_the_run_file(bench, tmp_path):
    procedure = Rabi(**BRIGHT, pulse_durations=26, averages=2, repetitions=30_000)
    recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    assert recorded.data["contrast"].shape == (2, 26)
    (fit,) = fit_run(recorded)
    found = {parameter.name: parameter for parameter in fit.parameters}
    truth = recorded.header.truth["rabi_frequency"][0]
    assert truth == pytest.approx(4.634e6, rel=1e-3, abs=0), "recorded while the microwave is on"
    pi = found["pi_duration"]
    assert pi.unit == "s"
    assert pi.stderr / pi.value < 0.01
    assert pi.value == pytest.approx(0.5 / truth, abs=4 * pi.stderr)
    assert not bench.microwave.output_enabled


def test_the_same_seed_gives_the_same_counts(tmp_path):
    counts = []
    for number, seed in enumerate((4, 4, 5)):
        with STATION.connect(seed=seed) as bench:
            procedure = Rabi(**BRIGHT, pulse_durations=3, averages=1, repetitions=1000)
            counts.append(read_run(run(procedure, bench, tmp_path / f"{number}.h5").path).data["signal"])
    assert np.array_equal(counts[0], counts[1])
    assert not np.array_equal(counts[0], counts[2])
