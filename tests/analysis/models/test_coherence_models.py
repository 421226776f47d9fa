"""Fringes that look like those of other lines, and decays, among others."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from labspin.analysis import fit_curve
from labspin.analysis.models import load_model
from labspin.analysis.models.rabi import rabi_ensemble
from labspin.errors import RecipeError

NOISE = 2.5e-3
TRUTH = {
    "amplitude": 0.054,
    "splitting": 2.16e6,
    "T2_star": 1.12e-6,
    "phase": 0.0,
    "offset": 0.0,
    "exponent": 2.0,
}


# 0.6 MHz: the lines at -1.56, 0.6 and 2.76 MHz look like lines at 0.56, 1.66 and 2.75 MHz.
@pytest.mark.parametrize(
    ("detuning", "count", "splitting"),
    [
        (0.3e6, 3, 2.16e6),
        (0.6e6, 3, 2.16e6),
        (1e6, 3, 2.16e6),
        (3e6, 3, 2.16e6),
        (2e6, 2, 3.03e6),
        (3e6, 2, 3.03e6),
    ],
)
def test_lines_of_either_sign_are_told_apart(detuning, count, splitting):
    model = load_model("ramsey", count=count)
    times = np.linspace(5e-8, 2e-6, 40)
    truth = TRUTH | {"splitting": splitting, "detuning": detuning}
    noise = np.random.default_rng(int(detuning)).normal(size=times.size) * NOISE
    found = fit_curve(model, times, model.evaluate(times, truth) + noise, sigma=np.full(times.size, NOISE))
    fitted = {parameter.name: parameter for parameter in found.parameters}
    for name in ("splitting", "detuning", "T2_star"):
        assert abs(fitted[name].value - truth[name]) < 4.5 * fitted[name].stderr, name
    assert fitted["splitting"].stderr < 0.03 * splitting


def test_fringes_of_no_splitting_have_none():
    assert "splitting" not in load_model("ramsey").names
    assert load_model("ramsey", count=2).units("s", "1")["splitting"] == "Hz"
    with pytest.raises(RecipeError, match="wanted 1, 2 or 3 hyperfine lines"):
        load_model("ramsey", count=4)


@pytest.mark.parametrize("turns", [0.0, 0.3, 3.0, 30.0])
def test_a_rabi_oscillation_of_a_wide_line_is_its_mean(turns):
    """σ x from none to more than a damped cosine ever shows, against adaptive quadrature piece by piece."""
    x, rabi, detuning = 2.0, 1.3, 0.4
    sigma = max(turns / x, 1e-6)

    def weighted(z):
        general = rabi**2 + (detuning + sigma * z) ** 2
        inverted = rabi**2 / general * np.sin(np.pi * np.sqrt(general) * x) ** 2
        return inverted * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)

    edges = np.linspace(-8.5, 8.5, 69)
    mean = sum(quad(weighted, low, high, epsabs=1e-14)[0] for low, high in itertools.pairwise(edges))
    assert rabi_ensemble(x, 1.0, rabi, sigma, 0.0, detuning) == pytest.approx(-mean, rel=0, abs=1e-10)
