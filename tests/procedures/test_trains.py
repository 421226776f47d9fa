"""Ramsey, Hahn echo and dynamical decoupling: what is played, what is refused, what is found."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import PlanError, SequenceError
from labspin.experiment import preflight, run
from labspin.procedures import DynamicalDecoupling, HahnEcho, Ramsey
from labspin.procedures.trains import PHASES
from labspin.station import load_station
from tests.procedures.diamond_station import STATION
from tests.some import some

NARROW = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond-narrow.toml")
ENS = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond-ens.toml")
ON_LINE = {"microwave_frequency": "2.60138 GHz", "microwave_power": "10 dBm", "pi_duration": "50 ns"}


@pytest.fixture
def narrow():
    with NARROW.connect() as bench:
        yield bench


def pulses_of(sequence):
    """Return start, duration and phase of each microwave pulse."""
    high = {line: [(p.start, p.stop) for p in sequence.pulses if p.line == line] for line in PHASES["-Y"]}
    found = []
    for pulse in (p for p in sequence.pulses if p.line == "microwave"):
        middle = pulse.start + 0.5 * pulse.duration
        lines = tuple(n for n, times in high.items() if any(a < middle < b for a, b in times))
        found.append((pulse.start, pulse.duration, next(p for p, on in PHASES.items() if on == lines)))
    return found


@pytest.mark.parametrize("procedure", [Ramsey(), HahnEcho(), DynamicalDecoupling(pulse_count=16)])
def test_both_sequences_differ_in_their_last_pulse_only(procedure):
    for time in some(procedure.evolution_values().tolist()):
        bright, dark = (procedure.sequence(time, bright=kind) for kind in (True, False))
        assert bright.duration == dark.duration
        *first, last = pulses_of(bright)
        *again, other = pulses_of(dark)
        assert first == again
        assert last[:2] == other[:2]
        assert {last[2], other[2]} == {"X", "-X"}


@pytest.mark.parametrize(
    ("method", "count", "phases"),
    [
        ("CPMG", 3, "Y Y Y"),
        ("CP", 2, "X X"),
        ("XY4", 4, "X Y X Y"),
        ("XY8", 8, "X Y X Y Y X Y X"),
        ("XY16", 16, "X Y X Y Y X Y X -X -Y -X -Y -Y -X -Y -X"),
    ],
)
def test_methods_have_their_phases_and_equal_distances(method, count, phases):
    procedure = DynamicalDecoupling(method=method, pulse_count=count, pi_duration="60 ns")
    time = float(procedure.evolution_values()[7])
    first, *middle, last = pulses_of(procedure.sequence(time, bright=True))
    assert [phase for _, _, phase in middle] == phases.split()
    centres = np.array([start + duration / 2 for start, duration, _ in (first, *middle, last)])
    wanted = time * np.array([0.0, *((np.arange(count) + 0.5) / count), 1.0])
    assert np.abs(centres - centres[0] - wanted).max() < 0.51e-9, "half a time step"
    assert_allclose(centres[-1] - centres[0], time, rtol=1e-9, atol=0)


def test_times_do_not_depend_on_the_number_of_pulses():
    few, many = (DynamicalDecoupling(pulse_count=n, evolution_start="20 us") for n in (8, 64))
    assert few.evolution_values().tolist() == many.evolution_values().tolist()


def test_times_are_such_that_every_edge_is_on_a_time_step():
    procedure = DynamicalDecoupling(pulse_count=8, time_step="2 ns", pi_duration="50 ns")
    for sequence in some(procedure.played()):
        edges = np.array([edge for pulse in sequence.pulses for edge in (pulse.start, pulse.stop)])
        assert_allclose(edges / 2e-9, np.round(edges / 2e-9), rtol=1e-9, atol=0)


def test_a_bench_without_phases_turns_further_instead():
    procedure = HahnEcho(opposite="length", echo_phase="X", pi_duration="50 ns")
    bright, dark = (procedure.sequence(10e-6, bright=kind) for kind in (True, False))
    assert bright.duration == dark.duration
    assert "phase_180" not in (*bright.lines, *dark.lines)
    lengths = sorted(pulses_of(sequence)[-1][1] for sequence in (bright, dark))
    assert_allclose(lengths, [25e-9, 75e-9], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("procedure", "error", "text"),
    [
        (lambda: DynamicalDecoupling(method="XY8", pulse_count=12), PlanError, "multiple of 8 .* take 8"),
        (lambda: DynamicalDecoupling(pulse_count=64, evolution_start="4 us"), PlanError, "pulses fit"),
        (lambda: HahnEcho(evolution_start="5 us", evolution_stop="1 us"), PlanError, "evolution_start <"),
        (lambda: HahnEcho(evolution_times=50_000), PlanError, "closer than the time step"),
        (lambda: Ramsey(evolution_times=5), PlanError, "two times a period of the detuning"),
        (lambda: Ramsey(spacing="logarithmic", evolution_start="0 s"), PlanError, "logarithmic"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused(narrow, procedure, error, text):
    with pytest.raises(error, match=text):
        preflight(procedure(), narrow)


def test_a_train_longer_than_the_memory_is_refused():
    procedure = DynamicalDecoupling(
        method="CPMG", pulse_count=3000, evolution_start="2 ms", evolution_stop="3 ms", evolution_times=2
    )
    with ENS.connect() as bench, pytest.raises(SequenceError, match="memory holds 4096"):
        preflight(procedure, bench)


def test_a_generator_without_the_lines_is_refused(tmp_path):
    text = STATION.path.read_text(encoding="utf-8")
    assert ", phase_90 = 3, phase_180 = 4" in text
    path = tmp_path / "plain.toml"
    path.write_text(text.replace(", phase_90 = 3, phase_180 = 4", ""), encoding="utf-8")
    with load_station(path).connect() as bench:
        with pytest.raises(SequenceError, match="no line 'phase_180'"):
            preflight(Ramsey(), bench)
        preflight(Ramsey(opposite="length"), bench)


def test_it_finds_the_fringes_of_the_truth(narrow, tmp_path):
    procedure = Ramsey(**ON_LINE, evolution_start="50 ns", evolution_stop="1.8 us", evolution_times=28,
                       averages=1, repetitions=90_000)  # fmt: skip
    recorded = read_run(run(procedure, narrow, tmp_path / "run.h5").path)
    (fit,) = fit_run(recorded)
    found = {parameter.name: parameter for parameter in fit.parameters}
    truth = recorded.header.truth
    assert abs(found["splitting"].value - truth["hyperfine_splitting"]) < 4 * found["splitting"].stderr
    assert abs(found["T2_star"].value - truth["T2_star"]) < 4 * found["T2_star"].stderr
    assert found["T2_star"].stderr < 0.05 * truth["T2_star"]
    detuned = 2.60138e9 + 1e6 - truth["lower_transition"][0]
    assert abs(found["detuning"].value - detuned) < 4 * found["detuning"].stderr
    assert not narrow.microwave.output_enabled


def test_it_finds_the_echo_of_the_truth(narrow, tmp_path):
    procedure = HahnEcho(**ON_LINE, evolution_start="1 us", evolution_stop="33 us", evolution_times=9,
                         averages=1, repetitions=90_000)  # fmt: skip
    recorded = read_run(run(procedure, narrow, tmp_path / "run.h5").path)
    (fit,) = fit_run(recorded)
    found = {parameter.name: parameter for parameter in fit.parameters}
    assert abs(found["T2"].value - recorded.header.truth["T2_echo"][0]) < 4 * found["T2"].stderr
    assert found["T2"].stderr < 0.05 * found["T2"].value


def test_orders_alternate():
    points = list(itertools.islice(HahnEcho(evolution_times=5, averages=2, seed=3).plan(), 10))
    assert {point.coordinates["average"] for point in points} == {0, 1}
    assert points != list(HahnEcho(evolution_times=5, averages=2, seed=4).plan())
