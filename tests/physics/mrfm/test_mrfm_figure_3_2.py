"""Thesis Fig. 3.2: the three terms along a line parallel to the motion, through the spin's plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import constants

from labspin.physics import mrfm
from tests.some import some

PRESET = mrfm.THESIS_FIG_3_2


@pytest.fixture(scope="module")
def line() -> tuple[np.ndarray, mrfm.SpinLine]:
    x = np.linspace(-10e-6, 10e-6, 2001)
    return x, mrfm.spin_line(position=x)


def test_the_terms_are_even_and_do_not_depend_on_the_frequency(
    line: tuple[np.ndarray, mrfm.SpinLine],
) -> None:
    x, kappa = line
    for term in some(kappa):
        np.testing.assert_allclose(term, term[::-1], atol=1e-12 * np.abs(term).max())
    # With T1 = T2 = 0 nothing lags: the terms are real at the cantilever's frequency too.
    points = np.stack([x, np.zeros_like(x), np.full_like(x, -PRESET.distance)], axis=1)
    moving = mrfm.spin_stiffness(
        projections=mrfm.field_projections(magnet=PRESET.magnet, position=points),
        species=PRESET.species,
        temperature=PRESET.temperature,
        angular_frequency=2 * np.pi * 3e3,
        t1=PRESET.t1,
        t2=PRESET.t2,
    )
    np.testing.assert_allclose(moving.total, kappa.total, rtol=1e-12, atol=0)


def test_below_the_magnet_the_terms_are_those_of_a_hand_calculation(
    line: tuple[np.ndarray, mrfm.SpinLine],
) -> None:
    # At x = 0, with a = μ0m/4π: B_x = −a/d³, ∂B_x = 0, ∂B_z = ±3a/d⁴, ∂²B_x/∂x² = 9a/d⁵, and B̂ = −x̂.
    a, d = 1e-7 * 19e-12, PRESET.distance
    moment = constants.value("Bohr magneton") * math.tanh(
        constants.value("Bohr magneton") * a / d**3 / (constants.k * 0.3)
    )
    middle = [float(term[1000]) for term in line[1]]
    assert middle[0] == pytest.approx(moment * 9 * a / d**5, rel=1e-8, abs=0)
    assert abs(middle[1]) < 1e-20 * abs(middle[0])
    assert middle[2] == pytest.approx(-moment * 9 * a / d**5, rel=1e-8, abs=0)


def test_the_sum_is_the_curvature_of_the_free_energy_along_the_line(
    line: tuple[np.ndarray, mrfm.SpinLine],
) -> None:
    # All of Fig. 3.2 is static, so its black line is F'' and has no area: ∫F'' dx = 0.
    x, kappa = line
    total = kappa.total
    wide = np.abs(total).sum()
    assert abs(total.sum()) < 2e-3 * wide
    beta_moment = PRESET.species.moment / (constants.k * 0.3)
    r = np.hypot(x, PRESET.distance)
    field = 1e-7 * 19e-12 / r**3 * np.sqrt(1 + 3 * (x / r) ** 2)
    energy = -constants.k * 0.3 * np.log(2 * np.cosh(beta_moment * field))
    e, step = energy, x[1] - x[0]
    second = (-e[:-4] + 16 * e[1:-3] - 30 * e[2:-2] + 16 * e[3:-1] - e[4:]) / (12 * step**2)
    np.testing.assert_allclose(total[2:-2], second, atol=1e-7 * np.abs(total).max())
