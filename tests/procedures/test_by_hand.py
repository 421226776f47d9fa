"""Times, orders and waits of procedures against what a person works out from the pulses and the filters."""

import math

import numpy as np
import pytest
from scipy.special import gammainc

from labspin.clock import SimulatedClock
from labspin.errors import DeviceError
from labspin.experiment import Point, run
from labspin.procedures import MDMR, T1, MDMRLockIn, MRFMTemperature, PLScan, Rabi, T1Field
from labspin.procedures.pulsed import normalised
from labspin.procedures.resonance import Resonance
from labspin.procedures.stability import StabilityRule, wait_until_stable
from labspin.station import load_station
from tests.places import ROOT

LOCKIN = ROOT / "instruments" / "levitated-diamond-lockin.toml"
CANTILEVER = load_station(ROOT / "instruments" / "mrfm-cantilever.toml")


# -- pulses -------------------------------------------------------------------------------------------------


def test_a_point_of_t1_takes_both_sequences_of_four_parts():
    procedure = T1(repetitions=3000, laser_duration="300 us", guard_time="1 us", pi_duration="100 ns")
    point = Point(0, {}, {"average": 0.0, "dark_time": 2e-3})
    one = 300e-6 + 1e-6 + 100e-9 + 2e-3 + 300e-6  # polarise, guard, π, dark, read out
    assert procedure.duration(point) == pytest.approx(2 * 3000 * one, rel=1e-12, abs=0)


def test_with_and_without_pi_pulse_take_turns_at_being_first(bench):
    class Noted(T1):
        name = "t1"

        def count(self, bench, sequence, gates):
            order.append("pi" if any(pulse.line == "microwave" for pulse in sequence.pulses) else "0")
            return [100.0, 200.0]

    procedure, found = Noted(repetitions=100), []
    for average in range(4):
        order = []
        procedure.measure(bench, Point(0, {}, {"average": float(average), "dark_time": 1e-4}))
        found.append(order)
    assert found[0] != found[1]
    assert sorted(found[0]) == ["0", "pi"]
    assert found == [found[0], found[1]] * 2


@pytest.mark.parametrize("kind", [T1, T1Field, Rabi, MDMR, PLScan, MDMRLockIn])
def test_pulses_and_microwave_are_off_when_a_procedure_has_finished(kind):
    """The engine makes the bench safe afterwards; the procedure does not count on it."""
    station = LOCKIN if kind is MDMRLockIn else LOCKIN.with_name("levitated-diamond.toml")
    with load_station(station).connect() as bench:
        procedure = kind()
        procedure.prepare(bench)
        uses_microwave = "microwave" in procedure.roles
        assert bench.microwave.output_enabled == uses_microwave
        bench.pulses.load(next(iter(procedure.played())), repetitions=-1)
        bench.pulses.start()
        procedure.finish(bench)
        assert not bench.microwave.output_enabled
        assert not bench.pulses.is_running()


# -- lock-in ------------------------------------------------------------------------------------------------


def lockin_station(tmp_path, old="", new=""):
    text = LOCKIN.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "station.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return load_station(path)


@pytest.mark.parametrize("harmonic", [2, 3])
def test_a_lock_in_at_another_harmonic_is_refused(tmp_path, harmonic):
    station = lockin_station(tmp_path, "sensitivity =", f"harmonic = {harmonic}, sensitivity =")
    with (
        station.connect() as bench,
        pytest.raises(DeviceError, match=rf"first harmonic .* got harmonic {harmonic}; set harmonic = 1"),
    ):
        run(MDMRLockIn(fields=["10 G"], frequencies=2), bench, tmp_path / "run.h5")


def test_the_libration_is_given_its_time_to_ring_down(tmp_path):
    taken = {}
    with lockin_station(tmp_path).connect() as bench:
        for settle in (0.0, 2.0):
            procedure = MDMRLockIn(settle_time=settle, averaging_time=1.0)
            procedure.prepare(bench)
            began = bench.clock.now()
            procedure.measure(bench, Point(0, {"microwave.frequency": 2.79e9, "magnet.field": 1e-3}, {}))
            taken[settle] = bench.clock.now() - began
    assert taken[2.0] - taken[0.0] == pytest.approx(2.0, rel=1e-6, abs=0)


# -- cantilever ---------------------------------------------------------------------------------------------


def test_a_slow_sweep_waits_for_cantilever_and_filter(monkeypatch):
    """The filter of n equal stages is 1 − P(n, t/τ) short of a step at t: below the accuracy in the end."""
    waits = []

    def noted(self, frequencies, *, settling_time=None):
        waits.append(settling_time)
        return np.asarray(frequencies), np.zeros(len(frequencies), complex)

    line = Resonance(
        3000.0, 0.0, inverse_quality=1e-5, inverse_quality_error=0.0, amplitude=1.0, explained=1.0
    )
    procedure = MRFMTemperature(temperatures=["0.3 K"], method="sweep", ring_downs=5.0)
    with CANTILEVER.connect() as bench:
        readout = bench.instruments["cantilever"]
        monkeypatch.setattr(readout.__class__, "sweep", noted)
        procedure._slow_sweep(bench, line)
        stages, constant = readout.lockin.filter_slope // 6, readout.lockin.time_constant
        accuracy = readout.chosen.accuracy
    left = waits[0] - 5.0 * 1e5 / (math.pi * 3000.0)  # τ = 2Q/ω
    assert 0 < 1 - gammainc(stages, left / constant) < accuracy


@pytest.mark.parametrize("wider", [0.25, 1.0, 6.0])
def test_light_in_a_gate_relative_to_another_has_the_relative_error_of_both_counts(wider):
    """400 counts are known to 1/20, 225 to 1/15: their ratio to √(1/400 + 1/225) = 1/12."""
    found, error = normalised(signal=400, reference=225, gate_ratio=wider)
    assert found == pytest.approx(400 / 225 * wider, rel=1e-12, abs=0)
    assert error / found == pytest.approx(1 / 12, rel=1e-12, abs=0)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_difference_of_contrasts_is_the_first_minus_the_second_whichever_is_played_first(swapped):
    """300 of 400 counts without a pulse, 100 of 400 with one: the difference of T1 begins above zero."""
    counts, played = {"bright": (300.0, 400.0), "dark": (100.0, 400.0)}, []

    class Counted(T1):
        name = "t1"

        def count(self, bench, sequence, gates):
            played.append(sequence)
            return counts[sequence]

    wide = {"signal_width": "20 us", "reference_width": "20 us"}
    sequences = {"0": "bright", "pi": "dark"}
    found = Counted(**wide).compared(None, sequences, "difference", swapped=swapped)
    assert played == (["dark", "bright"] if swapped else ["bright", "dark"])
    assert found["difference"] == pytest.approx(300 / 400 - 100 / 400, rel=1e-12, abs=0)
    errors = [0.75 * math.hypot(300**-0.5, 400**-0.5), 0.25 * math.hypot(100**-0.5, 400**-0.5)]
    assert found["difference_errors"] == pytest.approx(math.hypot(*errors), rel=1e-12, abs=0)


@pytest.mark.parametrize("reference", ["point", "gate"])
def test_a_point_of_a_scan_lasts_as_long_as_its_counts_and_waits(reference):
    """Counted at the point, twice at the reference, again at the point; it settles wherever it has moved."""
    procedure = PLScan(reference=reference, reference_field="10 G", settle_time="0.3 s", repetitions=500)
    with load_station(ROOT / "instruments" / "levitated-diamond.toml").connect(watchdog=False) as bench:
        procedure.prepare(bench)
        point = Point(0, {"magnet.field": 10e-4}, {})
        bench.magnet.output_enabled = True
        bench.actuator("magnet.field").move(10e-4)  # of which it is not moved away: the ways are told apart
        began = bench.clock.now()
        procedure.measure(bench, point)
        took = bench.clock.now() - began
        settled = bench.actuator("magnet.field").spec.settle.wait * (2 if reference == "point" else 0)
    assert took - settled == pytest.approx(procedure.duration(point), rel=0.1, abs=0)


# -- stability ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [4, 5, 9])
def test_the_scatter_in_a_window_is_that_about_its_line(count):
    """Two numbers, height and slope, are taken from the readings: n − 2 are left."""
    readings = 1.0 + 1e-3 * np.random.default_rng(count).standard_normal(count)
    rule = StabilityRule(window=count - 1.0, scatter=0.5, drift=10.0, error=1.0, timeout=100.0, poll=1.0)
    clock = SimulatedClock()
    found = wait_until_stable(lambda: readings[round(clock.now())], clock, rule, target=1.0)
    line = np.polynomial.Polynomial.fit(np.arange(count), readings, 1)
    square = np.sum((readings - line(np.arange(count))) ** 2)
    assert found.scatter == pytest.approx(math.sqrt(square / (count - 2)), rel=1e-9, abs=0)
    assert found.drift == pytest.approx(line.deriv()(0.0) * rule.window, rel=1e-9, abs=0)
    assert found.mean == pytest.approx(readings.mean(), rel=1e-12, abs=0)
