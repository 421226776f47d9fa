"""Approach of a cantilever with centres to a film: the plan, the pole from one response, a simulated run."""

from pathlib import Path

import numpy as np
import pytest

from labspin.data import read_run
from labspin.errors import PlanError, SettleError
from labspin.experiment import run
from labspin.physics import spinwaves as sw
from labspin.procedures import FilmApproach
from labspin.procedures.film_approach import _error_of_mean, _Reference
from labspin.procedures.resonance import Resonance
from labspin.station import load_station

ROOT = Path(__file__).parents[2]
STATION = ROOT / "instruments" / "nv-cantilever-film.toml"


def walked(procedure, touched_at=None):
    """Positions and directions of a plan that touches at a position."""
    plan, found, answer = procedure.plan(), [], None
    while True:
        try:
            point = plan.send(answer)
        except StopIteration:
            return found
        place = point["positioner.position"]
        found.append((place, point["direction"]))
        answer = {"touched": int(touched_at is not None and place <= touched_at)}


def test_it_goes_in_and_comes_back():
    procedure = FilmApproach(positions=["1 um", "500 nm", "200 nm"])
    assert walked(procedure) == [
        (1e-6, 1.0), (5e-7, 1.0), (2e-7, 1.0), (2e-7, -1.0), (5e-7, -1.0), (1e-6, -1.0),
    ]  # fmt: skip


def test_where_it_touches_it_turns_back_at_once():
    procedure = FilmApproach(positions=["1 um", "500 nm", "200 nm"])
    assert walked(procedure, touched_at=5e-7) == [(1e-6, 1.0), (5e-7, 1.0), (1e-6, -1.0)]
    procedure.set_parameters({"hysteresis": False})
    assert walked(procedure, touched_at=5e-7) == [(1e-6, 1.0), (5e-7, 1.0)]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"positions": ["200 nm", "1 um"]}, "from far to near"),
        ({"positions": []}, "from far to near"),
        ({"search_start": "5 kHz", "search_stop": "4 kHz"}, "search_start < search_stop"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, match):
    with pytest.raises(PlanError, match=match):
        FilmApproach(**changes).plan()


def test_the_pole_follows_from_one_response():
    """Against the response of a damped oscillator, exactly: χ = 1/(f0² − f² + i f f0/Q)."""
    drive = 5000.0

    def response(f0, quality):
        return 3e3 / (f0**2 - drive**2 + 1j * drive * f0 / quality)

    reference = _Reference(drive, Resonance(5000.0, 0.0, 1 / 5e4, 0.0, 1.0, 1.0), response(5000.0, 5e4))
    for f0, quality in ((5000.002, 5e4), (5000.03, 4e4), (4999.95, 6e4)):
        pole, error = reference.pole(response(f0, quality), 0.01 * abs(response(f0, quality)))
        assert pole.real - 5000 == pytest.approx(f0 - 5000, rel=2e-3, abs=0)
        assert 2 * pole.imag / pole.real == pytest.approx(1 / quality, rel=2e-3, abs=0)
        assert error == pytest.approx(0.01 * abs(drive - pole), rel=1e-2, abs=0)


@pytest.mark.parametrize("duration", [20.0, 60.0])
def test_the_error_of_a_mean_knows_how_long_thermal_motion_is_remembered(duration):
    """Against the scatter of the means of 4000 simulated records of Brownian motion."""
    rng, memory = np.random.default_rng(7), 3.2
    times = np.arange(0, duration, memory / 10)
    kept = np.exp(-(times[1] - times[0]) / memory)
    noise = rng.normal(size=(4000, times.size, 2)) @ [1, 1j]
    records = np.empty_like(noise)
    records[:, 0] = noise[:, 0]
    for at in range(1, times.size):
        records[:, at] = kept * records[:, at - 1] + np.sqrt(1 - kept**2) * noise[:, at]
    variances = [_error_of_mean(times, record, memory) ** 2 for record in records]
    assert np.mean(variances) == pytest.approx(
        0.5 * np.mean(np.abs(records.mean(axis=1)) ** 2), rel=0.05, abs=0
    )


def test_what_the_sweep_leaves_uncertain_is_in_the_errors():
    """Against poles from references drawn within the errors of the sweep and of the response."""
    rng, drive, error = np.random.default_rng(8), 5000.0, 0.005
    true, response, lit = Resonance(5000.0, error, 2e-5, 2e-6, 1.0, 1.0), 0.05 + 0j, 0.049 + 0.004j
    told = _Reference(drive, true, response, 0.001)
    (dark, _), (light, _) = told.pole(response, 0.0), told.pole(lit, 0.0)
    shifts, absolute = [], []
    for _ in range(4000):
        f0, half = error * rng.normal(size=2)
        drawn = Resonance(5000.0 + f0, 0.0, (0.1 + 2 * half) / 5000, 0.0, 1.0, 1.0)
        one = _Reference(drive, drawn, response + 0.001 * (rng.normal() + 1j * rng.normal()))
        poles = one.pole(lit, 0.0)[0], one.pole(response, 0.0)[0]
        shifts.append(poles[0] - poles[1])
        absolute.append(poles[1].real)
    assert np.std(shifts) / 2**0.5 == pytest.approx(told.scale_error * abs(light - dark), rel=0.05, abs=0)
    assert np.std(absolute) == pytest.approx(told.error, rel=0.05, abs=0)


CARD = {
    "positions": ["1.5 um", "150 nm"], "laser_power": "100 uW", "record_time": "40 s", "hysteresis": False,
}  # fmt: skip


@pytest.mark.slow
def test_a_simulated_approach_gives_the_gradient_of_the_force(tmp_path):
    """Against the physics at the true distance: −κ of all centres in the light less that in the dark.

    120 nm from the film the shift is 5.7 mHz. In 15 min thermal motion leaves an error of 0.6 mHz.
    """
    card = CARD | {"positions": ["1.5 um", "120 nm"], "record_time": "15 min"}
    with load_station(STATION).connect(watchdog=False) as bench:
        recorded = read_run(run(FilmApproach(**card), bench, tmp_path / "run.h5").path)
    data, truth = recorded.data, recorded.truth_at_points
    for at in range(2):
        place = {
            "film": sw.YIG_FIGURES, "spin": sw.NV_TABLE1, "distance": float(truth["distance"][at]),
            "field": 20e-3, "temperature": 300.0, "angular_frequency": 2 * np.pi * 5e3,
        }  # fmt: skip
        light, dark = (1e5 * sw.spin_wave_stiffness(**place, pump_rate=pump).real for pump in (3e6, 0.0))
        expected = light - dark  # κ = −F'
        error = float(data["force_gradient_errors"][at])
        assert abs(-float(data["force_gradient"][at]) - float(expected)) < 4 * error
    assert abs(data["light_shift"][1]) > 5 * data["light_shift_errors"][1]
    scaled = np.asarray(data["scale_uncertainty"] * data["light_shift"])
    parts = np.hypot(data["light_shift_noise"], scaled)
    assert parts == pytest.approx(np.asarray(data["light_shift_errors"]), rel=0.1, abs=0)


@pytest.mark.slow
def test_a_limit_ends_the_approach(tmp_path):
    card = CARD | {"positions": ["1.5 um", "150 nm", "100 nm"], "response_change": 1e-3, "record_time": "5 s"}
    with load_station(STATION).connect(watchdog=False) as bench:
        recorded = read_run(run(FilmApproach(**card), bench, tmp_path / "run.h5").path)
    assert recorded.data["touched"].tolist()[-1] == 1
    assert len(recorded.points) < 3


def test_a_stage_that_does_not_move_is_found_out(tmp_path):
    """The sensor says that the tip is not where it was sent: no point is measured there."""
    text = STATION.read_text(encoding="utf-8")
    assert 'timeout = "20 s"' in text
    impatient = tmp_path / "impatient.toml"
    impatient.write_text(text.replace('timeout = "20 s"', 'timeout = "2 s"'), encoding="utf-8")
    with load_station(impatient).connect(watchdog=False) as bench:
        actuator = bench.actuator("positioner.position")
        actuator.move(2e-6)
        device = bench.simulation.devices["positioner"]
        stuck = device.stage()
        device.stage = lambda: stuck
        with pytest.raises(SettleError, match=r"positioner\.position"):
            actuator.move(1e-6)
