"""Lines of centres near a film: the pair against diagonalisation, the dip, refusals, a simulated run."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from labspin.data import read_run
from labspin.errors import DeviceError, PlanError
from labspin.experiment import run
from labspin.physics import spinwaves as sw
from labspin.physics.nv import field_of_pair
from labspin.procedures import ODMR
from labspin.procedures.odmr import dip_centre
from labspin.station import load_station

ROOT = Path(__file__).parents[2]
STATION = ROOT / "instruments" / "nv-over-film.toml"
S_Z = np.diag([1.0, 0.0, -1.0])
S_X = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
GATES = {
    "laser_power": "100 uW", "laser_duration": "12 us", "guard_time": "0.7 us", "signal_width": "0.8 us",
    "reference_width": "4 us",
    "microwave_power": "-10 dBm", "dead_time": "22 ns",
}  # fmt: skip


def lines(strength, angle, splitting=2.877):
    energies = np.linalg.eigvalsh(
        splitting * S_Z @ S_Z + strength * (np.cos(angle) * S_Z + np.sin(angle) * S_X)
    )
    return energies[1] - energies[0], energies[2] - energies[0]


@settings(deadline=None)
@given(st.floats(0.05, 1.0), st.floats(0.0, 1.5))
def test_a_pair_of_lines_gives_field_and_angle(strength, angle):
    """Against the levels of the spin Hamiltonian."""
    lower, upper = lines(strength, angle)
    found = field_of_pair(lower=lower, upper=upper, splitting=2.877)
    assert found.strength == pytest.approx(strength, rel=1e-7, abs=0)
    assert found.angle == pytest.approx(angle, rel=1e-4, abs=1e-4)


def test_lines_that_no_field_makes_are_put_at_the_nearest():
    assert field_of_pair(lower=2.877, upper=2.877, splitting=2.877) == (0.0, 0.0)
    assert field_of_pair(lower=2.5, upper=3.2, splitting=2.877).angle == 0.0


def test_a_dip_is_found_with_its_error():
    rng = np.random.default_rng(2)
    x = np.linspace(2.0e9, 2.004e9, 21)
    pulls = []
    for _ in range(200):
        y = 1 - 0.2 * np.exp(-0.5 * ((x - 2.0023e9) / 4e5) ** 2) + 0.01 * rng.normal(size=21)
        centre, error = dip_centre(x, y, np.full(21, 0.01))
        pulls.append((centre - 2.0023e9) / error)
    assert 0.60 < np.mean(np.abs(pulls) < 1) < 0.76
    assert np.isnan(dip_centre(x, 1 + 0.01 * rng.normal(size=21), np.full(21, 0.01))[0])


@given(
    st.integers(9, 41),
    st.floats(-0.85, 0.85),
    st.floats(0.06, 0.4),
    st.floats(1e-3, 0.3),
    st.floats(1e9, 4e9),
    st.integers(0, 2**32),
)
@example(17, 0.0, 0.24, 0.05, 2092585120.3, 2)
def test_a_clear_dip_is_found_wherever_it_lies(points, centre, width, depth, middle, seed):
    """Also in the middle of an odd number of points, where the centre starts at rounded zero."""
    x = middle + np.linspace(-0.5, 0.5, points) * 4e6
    width = max(width, 2.5 / points)
    noise = depth / 20
    y = 0.96 - depth * np.exp(-0.5 * (((x - middle) / 2e6 - centre) / width) ** 2)
    y += noise * np.random.default_rng(seed).normal(size=points)
    found, error = dip_centre(x, y, np.full(points, noise))
    assert abs(found - (middle + 2e6 * centre)) < 6 * error
    assert error < 0.2 * width * 2e6


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"fields": ["110 mT"]}, "wanted fields"), ({"laser_duration": "3 us"}, "gates shorter")],
)
def test_what_cannot_be_measured_is_refused(changes, match):
    with pytest.raises(PlanError, match=match):
        ODMR(**{**GATES, **changes}).plan()


def test_a_field_off_the_axis_ends_the_run(monkeypatch):
    """Lines of a field 6° off the axis, as if they had been found."""
    procedure = ODMR(**GATES, fields=["20 mT"])
    lower, upper = lines(28.011e9 * 0.02, np.radians(6.0), 2.877e9)
    found = {"line_lower_errors": 1e4, "line_upper_errors": 1e4}
    named = {"lower": lower, "upper": upper}
    monkeypatch.setattr(
        ODMR, "_line",
        lambda self, bench, name, middle, rng: {f"line_{name}": named[name], f"line_{name}_errors": 1e4},
    )  # fmt: skip
    procedure._off = {"lower": 0.0, "upper": 0.0}
    point = next(iter(procedure.plan()))
    with pytest.raises(DeviceError, match=r"say 6°; turn the magnet"):
        procedure.measure(None, point)
    told = procedure._field(lower, upper, found)
    assert np.degrees(told["angle"]) == pytest.approx(6.0, rel=1e-4, abs=0)
    procedure.set_parameters({"largest_angle": "7 deg"})
    assert procedure.measure(None, point)["field_of_lines"] == pytest.approx(0.02, rel=1e-6, abs=0)


@pytest.mark.slow
def test_a_simulated_run_finds_lines_and_shift(tmp_path):
    """100 nm from the film, against the integrals at the distance that was true."""
    procedure = ODMR(**GATES, fields=["28 mT", "34 mT"], span="4 MHz", points=17, repetitions=200_000)
    with load_station(STATION).connect(watchdog=False) as bench:
        bench.actuator("positioner.position").move(100e-9)
        recorded = read_run(run(procedure, bench, tmp_path / "run.h5").path)
    data = recorded.data
    for at, field in enumerate((0.028, 0.034)):
        bath = sw.spin_wave_bath(
            film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=100e-9, field=field, temperature=300.0
        )
        expected = float(bath.shift_minus + bath.shift_plus) / (2 * np.pi)
        error = data["pair_shift_errors"][at]
        assert error < 0.5 * abs(expected)
        assert abs(data["pair_shift"][at] - expected) < 4 * error
        assert data["field_of_lines"][at] == pytest.approx(field, rel=1e-3, abs=0)
