"""Relaxation laws, and baths alone and together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.errors import ArgumentError
from labspin.physics import mrfm
from tests.some import some

OMEGA = 2 * np.pi * 3e3

LAWS: list[mrfm.T1Model] = [
    mrfm.ConstantT1(1e-3),
    mrfm.PowerLawT1(1e-3, 0.1, -1.0),
    mrfm.ExponentialT1(1e-5, 1e-3, 0.05),
    mrfm.ActivatedT1(1e3, 1e9, 2.0),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_every_law_keeps_the_shape_and_is_a_time(law: mrfm.T1Model) -> None:
    assert isinstance(law, mrfm.T1Model)
    kelvin = np.geomspace(1e-3, 10, 12).reshape(3, 4)
    assert law(kelvin).shape == (3, 4)
    assert np.all(law(kelvin) > 0)
    with pytest.raises(ArgumentError, match="temperature"):
        law(0.0)


def test_the_laws_have_their_limits() -> None:
    assert mrfm.PowerLawT1(2e-3, 0.1, -9)(0.2) == pytest.approx(2e-3 / 512, rel=1e-6, abs=0)
    law = mrfm.ExponentialT1(1e-5, 1e-3, 0.05)
    assert law([1e-12, 0.05, 50.0]) == pytest.approx([1.01e-3, 1e-5 + 1e-3 / np.e, 1e-5], rel=1e-6, abs=0)
    law = mrfm.ActivatedT1(1e3, 1e9, 2.0)
    assert law([1e-3, 2.0]) == pytest.approx([1e-3, 1 / (1e3 + 1e9 / np.e)], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mrfm.ConstantT1(-1.0), "t1 of ConstantT1"),
        (lambda: mrfm.PowerLawT1(1.0, 0.0, 1.0), "reference"),
        (lambda: mrfm.PowerLawT1(1.0, 1.0, np.inf), "exponent"),
        (lambda: mrfm.ExponentialT1(1.0, 1.0, 0.0), "scale"),
        (lambda: mrfm.ActivatedT1(0.0, 1.0, 1.0), "constant_rate"),
        (lambda: mrfm.RelaxingSpring(-1e-9, 1e-3), "strength"),
        (lambda: mrfm.RelaxingSpring(1e-9, -1e-3), "t1"),
    ],
)
def test_impossible_laws_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.fixture(scope="module")
def baths() -> list[mrfm.SpinBath]:
    magnet = mrfm.Magnet(moment=(19e-12, 0, 0), motion=(0.8, 0, 0.6))
    surface = mrfm.reduce_geometry(magnet=magnet, sample=mrfm.Surface(2.2e-6))
    bulk = mrfm.reduce_geometry(magnet=magnet, sample=mrfm.half_space(2.202e-6))
    return [
        mrfm.SpinBath(mrfm.SPECIES["electron"], 0.14e18, surface, mrfm.PowerLawT1(5e-5, 0.1, -1)),
        mrfm.SpinBath(mrfm.SPECIES["29Si"], 2.3e27, bulk, mrfm.ConstantT1(10.0)),
    ]


def test_electrons_and_nuclei_together_are_their_sum(baths: list[mrfm.SpinBath]) -> None:
    kelvin, omega = np.array([[0.05], [0.3]]), np.array([OMEGA, 2 * OMEGA, 3 * OMEGA])
    total = mrfm.total_stiffness(baths=baths, temperature=kelvin, angular_frequency=omega)
    parts = [bath.stiffness(temperature=kelvin, angular_frequency=omega) for bath in baths]
    assert total.shape == (2, 3)
    np.testing.assert_allclose(total, parts[0] + parts[1], atol=0)
    assert np.all(np.abs(parts[1]) > 0)
    assert mrfm.total_stiffness(baths=[], temperature=0.1, angular_frequency=OMEGA) == 0


@settings(deadline=None)
@given(temperature=st.floats(5e-3, 4), omega=st.floats(1, 1e8))
def test_a_bath_as_a_spring_has_the_bath_s_stiffness(
    baths: list[mrfm.SpinBath], temperature: float, omega: float
) -> None:
    for bath in some(baths):
        spring = bath.spring(temperature=temperature)
        direct = bath.stiffness(temperature=temperature, angular_frequency=omega)
        assert spring.stiffness(omega) == pytest.approx(complex(direct), rel=1e-12, abs=0)


def test_a_law_of_one_s_own_is_taken_and_a_number_is_not(baths: list[mrfm.SpinBath]) -> None:
    bath = baths[0]
    own = mrfm.SpinBath(
        bath.species, bath.density, bath.spectrum, lambda temperature: 1e-4 / np.asarray(temperature)
    )
    assert own.spring(temperature=0.5).t1 == pytest.approx(2e-4, rel=1e-6, abs=0)
    with pytest.raises(ArgumentError, match="wanted a T1 model"):
        mrfm.SpinBath(bath.species, bath.density, bath.spectrum, 1e-3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="density"):
        mrfm.SpinBath(bath.species, -1.0, bath.spectrum, bath.t1)
