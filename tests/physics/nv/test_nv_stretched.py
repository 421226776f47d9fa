from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.errors import ArgumentError
from labspin.physics.nv import RateMixture, stable_density, stretched_exponential_mixture

TIME = np.concatenate([[0.0], np.logspace(-9, 3, 2000)])


@pytest.mark.parametrize(
    ("beta", "terms", "accuracy"),
    [
        (0.3, 16, 1.5e-3),
        (0.5, 16, 1e-4),
        (0.8, 16, 3e-6),
        (0.9, 16, 6e-7),
        (0.3, 24, 6e-4),
        (0.5, 24, 2e-5),
        (0.8, 24, 2e-7),
        (0.9, 24, 2e-8),
        (0.8, 48, 2e-9),
    ],
)
def test_mixture_keeps_the_accuracy_it_states(beta: float, terms: int, accuracy: float) -> None:
    mixture = stretched_exponential_mixture(beta=beta, terms=terms)
    error = np.abs(mixture.decay(TIME) - np.exp(-(TIME**beta))).max()
    assert error < accuracy
    assert error > accuracy / 30  # what is stated is not far from what is reached


@settings(max_examples=15, deadline=None)
@given(beta=st.floats(0.3, 0.95), terms=st.integers(1, 40))
def test_weights_are_positive_and_sum_to_one(beta: float, terms: int) -> None:
    mixture = stretched_exponential_mixture(beta=beta, terms=terms)
    assert (mixture.weights > 0).all()
    assert (mixture.rates > 0).all()
    assert mixture.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert mixture.rates.size <= terms


def test_beta_one_is_one_rate_and_half_is_levys_density() -> None:
    assert stretched_exponential_mixture(beta=1.0).rates.tolist() == [1.0]
    x = np.logspace(-1.5, 6, 40)
    levy = np.exp(-1 / (4 * x)) / (2 * np.sqrt(np.pi) * x**1.5)
    assert np.allclose(stable_density(x=x, beta=0.5), levy, rtol=1e-11, atol=0)


def test_density_has_the_laplace_transform_of_its_definition() -> None:
    u = np.linspace(-6, 45, 40_000)
    x = np.exp(u)
    for beta in (0.4, 0.7, 0.85):
        density = stable_density(x=x, beta=beta) * x * (u[1] - u[0])
        for t in (0.1, 1.0, 3.0):
            assert (density * np.exp(-x * t)).sum() == pytest.approx(np.exp(-(t**beta)), rel=1e-7, abs=0)


def laplace_inverse(x: float, beta: float) -> float:
    """The density by the inverse Laplace transform along a parabola, in 60 digits."""
    with mp.workdps(60):
        x, beta = mp.mpf(x), mp.mpf(beta)

        # s = μ(1 + iu)² with μ that passes through the saddle point of sx − s^β
        mu = max((beta / x) ** (1 / (1 - beta)), 4 / x) if x < 1.2 else 8 / x

        def integrand(u: mp.mpf) -> mp.mpf:
            s = mu * (1 + 1j * u) ** 2
            return mp.re(mp.exp(s * x - s**beta) * 2 * mu * (1 + 1j * u))

        reach = mp.sqrt(1 + 4000 / (mu * x))  # s^β grows nearly as s x
        edges = [reach * mp.mpf(n) / 80 for n in range(81)]
        return float(mp.quad(integrand, edges) / mp.pi)


OFTEN = {(0.98, 0.96), (3.0, 0.6), *((x, beta) for x in (0.9, 1.2, 50.0) for beta in (0.3, 0.9, 0.985))}
"""Places of the density that are looked at with every commit: an integral in 60 digits takes a second."""


@pytest.mark.parametrize(
    ("x", "beta"),
    [pytest.param(x, beta, marks=() if (x, beta) in OFTEN else pytest.mark.slow)
     for x in (0.9, 0.98, 1.2, 3.0, 50.0) for beta in (0.3, 0.6, 0.9, 0.96, 0.985)],
)  # fmt: skip
def test_density_is_the_inverse_laplace_transform(x: float, beta: float) -> None:
    wanted = laplace_inverse(x, beta)
    if wanted < 1e-30:
        pytest.skip("the contour's integral cancels where the density is that small")
    assert float(stable_density(x=x, beta=beta)) == pytest.approx(wanted, rel=1e-10, abs=0)


@pytest.mark.parametrize("beta", [0.4, 0.8, 0.95, 0.99])
def test_fine_measure_has_the_mass_one_before_it_is_normalised(beta: float) -> None:
    # A density that is wrong somewhere shows here, whatever is divided by afterwards.
    from labspin.physics.nv import stretched

    rates, weights = stretched._fine_measure(beta)
    assert weights.sum() == pytest.approx(1.0, rel=1e-9, abs=0)
    assert weights @ np.exp(-rates) == pytest.approx(np.exp(-1.0), rel=1e-9, abs=0)


def test_gauss_rule_keeps_the_moments_of_its_measure() -> None:
    from labspin.physics.nv.stretched import _gauss_rule

    node, weight = np.array([0.1, 0.3, 0.5, 0.8]), np.array([0.4, 0.1, 0.2, 0.3])
    found, kept = _gauss_rule(node, weight, 2)
    for power in range(4):  # two nodes keep four moments
        assert kept @ found**power == pytest.approx(weight @ node**power, rel=1e-13, abs=0)


def test_bad_input_is_refused() -> None:
    for beta in (0.0, 0.2, 0.995, 1.5, float("nan")):
        with pytest.raises(ArgumentError, match="beta"):
            stretched_exponential_mixture(beta=beta)
    with pytest.raises(ArgumentError, match="terms"):
        stretched_exponential_mixture(beta=0.8, terms=0)
    with pytest.raises(ArgumentError, match="x: wanted"):
        stable_density(x=[0.0], beta=0.8)
    with pytest.raises(ArgumentError, match="weights"):
        RateMixture(np.ones(2), np.ones(2))
    with pytest.raises(ArgumentError, match="time"):
        stretched_exponential_mixture(beta=0.8).decay(-1.0)
