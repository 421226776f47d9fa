import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import DeviceError, LimitError, PlanError
from labspin.experiment import Control, preflight, resume, run
from labspin.physics.nv import LABORATORY_BENCH, transition_frequencies
from labspin.procedures import MDMRLockIn
from labspin.session import recorded_procedure
from labspin.station import load_station
from tests.some import some

STATION = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond-lockin.toml")


@pytest.fixture
def lockin_bench():
    with STATION.connect() as bench:
        yield bench


def station_with(tmp_path, old, new):
    text = STATION.path.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return load_station(path)


def lower_lines(field):
    there = LABORATORY_BENCH.bench.field(field)
    lines = transition_frequencies(field=there, orientation=LABORATORY_BENCH.orientation)
    return np.asarray(lines).reshape(4, 2)[:, 0] / (2 * math.pi)


def near_a_line(**changes):
    line = lower_lines(10e-4)[1]
    return MDMRLockIn(
        **{
            "fields": ["10 G"],
            "frequency_start": line,
            "frequency_stop": line + 60e6,
            "frequencies": 2,
            **changes,
        }
    )


def test_the_microwave_is_on_for_half_of_a_period_with_the_reference():
    sequence = MDMRLockIn(modulation_frequency="217 Hz").sequence()
    half = 0.5 / 217
    assert sequence.duration == pytest.approx(2 * half, abs=2e-9)
    pulses = {pulse.line: (pulse.start, pulse.duration) for pulse in sequence.pulses}
    assert pulses["microwave"] == pulses["reference"] == (0.0, pytest.approx(half, abs=1e-9))
    assert pulses["laser"] == (0.0, pytest.approx(2 * half, abs=2e-9))


def test_half_periods_are_multiples_of_what_the_generator_can(lockin_bench):
    procedure = MDMRLockIn(modulation_frequency="30.01 kHz", time_step="100 ns")
    assert procedure.half_period() == pytest.approx(16.7e-6, abs=1e-12)
    procedure.check(lockin_bench)
    with pytest.raises(PlanError, match="modulate more slowly"):
        MDMRLockIn(modulation_frequency="30 kHz", time_step="100 us").half_period()


def test_parameters_that_contradict_each_other_are_refused():
    with pytest.raises(PlanError, match=r"at least one period of the modulation, 0\.0143 s, got 0\.003 s"):
        MDMRLockIn(modulation_frequency="70 Hz").plan()
    with pytest.raises(PlanError, match="at least 100 time constants"):
        MDMRLockIn(averaging_time="200 ms").plan()
    with pytest.raises(PlanError, match="procedure 'mdmr_lockin': wanted frequency_start < frequency_stop"):
        MDMRLockIn(frequency_start="3 GHz").plan()


def test_a_time_constant_that_the_lock_in_does_not_have_is_refused(lockin_bench, tmp_path):
    with pytest.raises(LimitError, match="take 10 ms or 30 ms"):
        run(near_a_line(time_constant="15 ms", averaging_time="2 s"), lockin_bench, tmp_path / "run.h5")


def test_x_is_the_first_harmonic_of_what_the_microwave_does(lockin_bench, tmp_path):
    """On a line, against the counted light with and without microwave of the same sample."""
    recorded = read_run(run(near_a_line(averaging_time="5 s"), lockin_bench, tmp_path / "run.h5").path)
    data = {name: values[0, 0] for name, values in recorded.data.items() if values.ndim == 3}
    world = lockin_bench.simulation.world
    sample = world.sample
    from labspin.twin import Pattern, Signals

    found = {}
    for tone in (0, 1):
        at = {**sample.defaults, "magnet.current": 10 / 15, "microwave.power": -20.0,
              "microwave.frequency": lower_lines(10e-4)[1]}  # fmt: skip
        window = np.array([[0.0, 1e-3]])
        steady = Pattern.constant(1e-3, laser=1, microwave=tone)
        found[tone] = [
            sample.steady_photons(name, steady, window, Signals(at))[0] for name in ("pl", "reflected")
        ]
    settings = sample.settings
    for place, (name, full) in enumerate((("pl", settings.photon_rate), ("angle", settings.reflected_rate))):
        difference = (found[1][place] - found[0][place]) / (1e-3 * full)  # of 1 V
        response, error = data[f"{name}_response"][0], data[f"{name}_response_errors"][0]
        lag = 1 / (1 - (417 / 1e3) ** 2) if name == "angle" else 1.0  # below the libration's resonance
        assert response.real == pytest.approx(
            math.sqrt(2) / math.pi * difference * lag, abs=4 * error.real + 0.01 * abs(response)
        )
        assert abs(response.imag) < 0.1 * abs(response.real) + 4 * error.imag
        assert abs(data[f"{name}_response"][1]) < 5 * abs(data[f"{name}_response_errors"][1]), "off the line"
        assert data[f"{name}_x"][0] == response.real
    assert data["reference_frequency"] == pytest.approx(417.0, rel=1e-5, abs=0)
    assert not data["overloaded"].any()


def test_lines_stand_where_they_are_in_the_light_and_in_the_angle(lockin_bench, tmp_path):
    procedure = MDMRLockIn(
        fields=["10 G"],
        frequency_start="2.575 GHz",
        frequency_stop="2.815 GHz",
        frequencies=81,
        microwave_power="-26 dBm",
        seed=2,
    )
    recorded = read_run(run(procedure, lockin_bench, tmp_path / "run.h5").path)
    truth = np.sort(lower_lines(10e-4))[:3]
    for recipe in ("mdmr_lockin", "mdmr_lockin_angle"):
        (fit,) = fit_run(recorded, recipe)
        for number, line in some(enumerate(truth)):
            center = fit[f"center_{number + 1}"]
            assert center.stderr < 0.5e6
            assert center.value == pytest.approx(line, abs=4 * center.stderr + 0.02e6)
        assert 0.5 < fit.statistics.chi2red < 1.7


def test_a_lock_in_that_does_not_follow_is_named(tmp_path):
    text = 'wiring = { input = "pl_photodiode", reference = "reference" }'
    unplugged = station_with(tmp_path, text, 'wiring = { input = "pl_photodiode", reference = "" }')
    match = r"lockin: wanted the reference of 417 Hz .* shows 0 Hz; check the cable"
    with unplugged.connect() as bench:
        with pytest.raises(DeviceError, match=match):
            run(near_a_line(), bench, tmp_path / "run.h5")
        assert bench.magnet.measured_current == pytest.approx(0, abs=0.02), "safe at the end"


def test_an_overload_ends_the_run_or_is_recorded(tmp_path):
    small = station_with(tmp_path, 'sensitivity = "50 mV", time', 'sensitivity = "1 mV", time')
    with (
        small.connect() as bench,
        pytest.raises(DeviceError, match=r"lockin: overloaded at 2\.79 GHz; wanted readings within full"),
    ):
        run(near_a_line(seed=3), bench, tmp_path / "run.h5")
    with small.connect() as bench:
        recorded = read_run(run(near_a_line(if_overloaded="record"), bench, tmp_path / "again.h5").path)
    assert recorded.data["overloaded"][0, 0].tolist() == [1, 0]


def test_an_overload_is_told_of_its_own_point_alone_in_whichever_order_they_come(tmp_path):
    small = station_with(tmp_path, 'sensitivity = "50 mV", time', 'sensitivity = "1 mV", time')
    averages = near_a_line(averages=4, if_overloaded="record", averaging_time="300 ms")
    frequencies = [point.setpoints["microwave.frequency"] for point in averages.plan()]
    behind = {(before < now) for before, now in itertools.pairwise(frequencies) if before != now}
    assert behind == {True, False}, "the line comes before the quiet place, and behind it"
    with small.connect() as bench:
        recorded = read_run(run(averages, bench, tmp_path / "run.h5").path)
    assert recorded.data["overloaded"][0].tolist() == [[1, 0]] * 4


def test_without_the_angle_one_lock_in_is_enough(tmp_path):
    text = STATION.path.read_text(encoding="utf-8")
    begin = text.index("# The angle, by reflected")
    path = tmp_path / "one.toml"
    path.write_text(text[:begin].replace(', "angle_lockin"', ""), encoding="utf-8")
    with load_station(path).connect() as bench:
        with pytest.raises(PlanError, match=r"has no 'angle_lockin'"):
            preflight(MDMRLockIn(), bench)
        recorded = read_run(run(near_a_line(angle=False), bench, tmp_path / "run.h5").path)
    assert (recorded.data["pl_x"] < 0).any()
    assert np.isnan(recorded.data["angle_x"]).all()


class AbortAfter:
    """Ends a run after some points."""

    def __init__(self, control, points):
        self.control, self.points = control, points

    def on_start(self, header, total):
        del header, total

    def on_point(self, index, values, done, total):
        del index, values, total
        if done == self.points:
            self.control.abort("enough")

    def on_event(self, kind, message):
        del kind, message

    def on_finish(self, outcome):
        del outcome


@pytest.mark.slow  # tests/faults/test_every_step.py breaks off a run of every procedure
def test_a_run_that_was_broken_off_goes_on_as_if_it_had_not_been(tmp_path):
    def procedure():
        return near_a_line(frequencies=5, averages=2, seed=4)

    with STATION.connect(seed=5) as bench:
        whole = read_run(run(procedure(), bench, tmp_path / "whole.h5").path)
    control = Control()
    with STATION.connect(seed=5) as bench:
        broken = run(
            procedure(), bench, tmp_path / "broken.h5", control=control, observers=[AbortAfter(control, 4)]
        )
        assert broken.status == "aborted"
        assert not bench.microwave.output_enabled
        assert not bench.pulses.is_running()
    with STATION.connect(seed=5) as bench:
        resumed = read_run(
            resume(broken.path, bench, procedure=recorded_procedure(read_run(broken.path).header)).path
        )
    for name in ("pl_response", "angle_response", "pl_response_errors"):
        assert (resumed.data[name] == whole.data[name]).all()
