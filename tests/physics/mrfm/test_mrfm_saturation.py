"""Condition (3.6): its size, its warning, and the shape of the line."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from labspin.errors import ArgumentError
from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3
MAGNET = mrfm.Magnet(moment=(19e-12, 0, 0), motion=(1, 0, 0))


@pytest.mark.parametrize("line", ["lorentzian", "gaussian"])
def test_lines_have_unit_area(line: Any) -> None:
    area, _ = quad(
        lambda x: float(mrfm.absorption_line(detuning=x * 1e6, t2=1e-6, line=line)) * 1e6, -np.inf, np.inf
    )
    assert area == pytest.approx(1, rel=1e-9, abs=0)


def test_a_cantilever_far_below_the_larmor_frequency_does_not_saturate() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = mrfm.saturation(
            magnet=MAGNET,
            position=[(0, 0, -2.2e-6), (1e-6, 1e-6, -2.2e-6)],
            species=mrfm.SPECIES["electron"],
            amplitude=1e-10,
            angular_frequency=OMEGA,
            t1=1 / OMEGA,
            t2=1e-6,
        )
    # By hand: B = 1e-7·19e-12/d³ = 0.178 T, |B'| = 3B/d, g = 1/(π T2 ω_s²) up to 2ω0/ω_s = 1.2e-6.
    field = 1e-7 * 19e-12 / 2.2e-6**3
    by_hand = (3 * field / 2.2e-6 * 1e-10) ** 2 / (OMEGA * 1e-6 * field**2)
    assert value.shape == (2,)
    assert value[0] == pytest.approx(by_hand, rel=2e-6, abs=0)


def test_saturation_is_warned_about() -> None:
    with pytest.warns(mrfm.SaturationWarning, match="reduce the amplitude"):
        value = mrfm.saturation(
            magnet=MAGNET,
            position=(0, 0, -2.2e-6),
            species=mrfm.SPECIES["electron"],
            amplitude=2e-7,
            angular_frequency=OMEGA,
            t1=1e-2,
            t2=1e-8,
        )
    assert value > 0.1


def test_a_larger_amplitude_saturates_with_its_square() -> None:
    case: dict[str, Any] = {
        "magnet": MAGNET,
        "position": (0, 0, -2.2e-6),
        "species": mrfm.SPECIES["1H"],
        "angular_frequency": OMEGA,
        "t1": 1.0,
        "t2": 1e-4,
    }
    small, large = (float(mrfm.saturation(**case, amplitude=q)) for q in (1e-13, 3e-13))
    assert large == pytest.approx(9 * small, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amplitude": -1e-9}, "amplitude"),
        ({"t1": np.inf}, "t1"),
        ({"t2": 1.0}, "T2 ≤ 2 T1"),
        ({"line": "square"}, "lorentzian"),
        ({"position": (0, 0, 0)}, "outside the magnet"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "magnet": MAGNET,
        "position": (0, 0, -2.2e-6),
        "species": mrfm.SPECIES["electron"],
        "amplitude": 1e-10,
        "angular_frequency": OMEGA,
        "t1": 1e-3,
        "t2": 1e-6,
    }
    with pytest.raises(ArgumentError, match=message):
        mrfm.saturation(**(good | change))
