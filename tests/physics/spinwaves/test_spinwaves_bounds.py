"""The bounds of the error that the integrals state hold, for any film."""

import numpy as np
import pytest

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import integrals
from tests.physics.spinwaves import reference as reference

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


def random_place(rng):
    """A film and a place near it, far beyond the presets: millikelvins, micrometres, eight thicknesses."""

    def between(low, high):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    film = sw.Film(
        between(20e-9, 5e-6), 1.76e11, between(1e5, 1e6), between(1e-16, 1e-15), between(1e-5, 1e-2)
    )
    return {
        "film": film,
        "spin": NV,
        "distance": between(0.15, 8.0) * film.thickness,
        "field": between(1e-3, 90e-3),
        "temperature": between(1e-3, 300.0),
        "occupation": "mode",
    }


BOUNDED = (
    *("decay_minus", "absorption_minus", "decay_plus", "absorption_plus"),
    *("shift_minus", "shift_plus", "shift_zero"),
)


def assert_bounds_hold(monkeypatch, place):
    """Against the same integral with twice the angles, a farther cut-off and a tolerance of 10⁻⁹."""
    found = sw.spin_wave_bath(**place)
    angles, cutoff = integrals._angles_needed, integrals.decay_cutoff
    with monkeypatch.context() as patched:
        patched.setattr(integrals, "_angles_needed", lambda *args: np.minimum(2 * angles(*args), 2048))
        patched.setattr(integrals, "decay_cutoff", lambda rtol: cutoff(rtol) + 15.0)
        exact = sw.spin_wave_bath(**place, rtol=1e-9)
    for name in BOUNDED:
        value, truth = getattr(found, name), getattr(exact, name)
        bound = getattr(found, f"{name}_error") + getattr(exact, f"{name}_error")
        assert abs(value - truth) <= bound + 1e-300, (name, place)
        assert getattr(found, f"{name}_error") > 0 or abs(truth) < 1e-290


@pytest.mark.parametrize("seed", range(4))
def test_error_bounds_hold_for_random_films(seed, monkeypatch):
    rng = np.random.default_rng([20, seed])
    for _ in range(5):
        assert_bounds_hold(monkeypatch, random_place(rng))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(25))
def test_error_bounds_hold_for_five_hundred_random_films(seed, monkeypatch):
    rng = np.random.default_rng([500, seed])
    for _ in range(20):
        assert_bounds_hold(monkeypatch, random_place(rng))


@pytest.mark.parametrize(
    ("film", "length", "field", "temperature"),
    [
        # A cold film sees its lowest waves, farther out than the decay with distance reaches.
        (sw.Film(2.8207e-6, 1.76e11, 2.24416e5, 5.932e-16, 1.118e-5), 4.254, 22.2912e-3, 2.649e-3),
        (sw.Film(1.24389e-6, 1.76e11, 3.743912e5, 3.92275e-16, 5.399e-4), 7.97224, 71.947e-3, 1.26706e-3),
        # A band far above the first ones is resonant: it adds more than those before it.
        (sw.Film(3.87795e-6, 1.76e11, 1.06079e5, 1.362568e-16, 7.65344e-5), 5.50983, 15.0127e-3, 6.80285e-3),
        (
            sw.Film(3.20214e-6, 1.76e11, 1.425936e5, 1.620107e-16, 2.436528e-4),
            3.62019,
            8.27164e-3,
            1.32462e-3,
        ),
    ],
)
def test_error_bounds_hold_where_they_once_did_not(film, length, field, temperature, monkeypatch):
    place = {"film": film, "spin": NV, "distance": length * film.thickness, "field": field}
    assert_bounds_hold(monkeypatch, {**place, "temperature": temperature, "occupation": "mode"})


@pytest.mark.parametrize("change", [{"distance": [-1e-7]}, {"field": [1e-4]}, {"field": [0.5]}])
def test_what_is_refused_of_an_array_is_told_as_a_number(change):
    place = {"distance": 4e-7, "field": 0.02, "temperature": 300.0} | change
    with pytest.raises(ArgumentError, match=r"got (-1e-07|0\.0001|0\.5)"):
        sw.spin_wave_bath(film=FILM, spin=NV, **place)
