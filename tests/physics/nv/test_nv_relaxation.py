from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CR_MEASURED,
    CR_SUPPLEMENT,
    DipolarRelaxation,
    InterpolatedRelaxation,
    UncoupledRelaxation,
    effective_resonant_classes,
)

MHZ = 2e6 * np.pi
FAR = np.array([2500.0, 2600.0, 2700.0, 2800.0]) * MHZ


def times(model: object, transition: np.ndarray) -> np.ndarray:
    return 1 / (model.isolated_rate + model.cross_relaxation_rate(transition))  # type: ignore[attr-defined]


def test_interpolation_passes_through_the_three_measured_times() -> None:
    pair = FAR.copy()
    pair[1] = pair[0]
    assert np.allclose(times(CR_MEASURED, FAR), 1.61e-3, rtol=1e-9, atol=0)
    assert np.allclose(times(CR_MEASURED, pair), [490e-6, 490e-6, 1.61e-3, 1.61e-3], rtol=1e-9, atol=0)
    assert np.allclose(times(CR_MEASURED, np.full(4, FAR[0])), 220e-6, rtol=1e-9, atol=0)


def test_supplement_adds_one_dipolar_rate_per_resonant_class() -> None:
    assert np.allclose(times(CR_SUPPLEMENT, FAR), 1.03e-3, rtol=1e-9, atol=0)
    assert np.allclose(1 / times(CR_SUPPLEMENT, np.full(4, FAR[0])), 1 / 1.03e-3 + 3 / 0.38e-3, atol=0)
    assert np.array_equal(UncoupledRelaxation().cross_relaxation_rate(FAR), np.zeros(4))


def test_line_shapes_have_height_one_and_the_stated_width() -> None:
    for shape, half in (("gaussian", np.exp(-0.5)), ("lorentzian", 0.5)):
        number = effective_resonant_classes(
            transition=[0.0, 6 * MHZ, 1e6 * MHZ], width=6 * MHZ, line_shape=shape
        )
        assert np.allclose(number, [1 + half, 1 + half, 1.0], atol=1e-9)


@given(
    st.lists(st.floats(0, 40), min_size=4, max_size=4),
    st.floats(0.0, 1.0),
    st.sampled_from(["gaussian", "lorentzian"]),
)
def test_bringing_classes_closer_never_lengthens_t1(offsets: list[float], squeeze: float, shape: str) -> None:
    wide = np.array(offsets) * MHZ
    for model in (DipolarRelaxation(line_shape=shape), InterpolatedRelaxation(line_shape=shape)):
        near, far = model.cross_relaxation_rate(squeeze * wide), model.cross_relaxation_rate(wide)
        assert (near >= far * (1 - 1e-12) - 1e-9).all()
        assert (far >= 0).all()


def test_classes_may_stand_on_any_axis() -> None:
    rng = np.random.default_rng(0)
    transition = rng.normal(size=(5, 4)) * 6 * MHZ
    for model in (CR_SUPPLEMENT, CR_MEASURED):
        moved = model.cross_relaxation_rate(transition.T, axis=0).T
        assert np.allclose(model.cross_relaxation_rate(transition), moved, atol=0)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="line_shape"):
        DipolarRelaxation(line_shape="voigt")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="dipolar_time"):
        DipolarRelaxation(dipolar_time=-1e-3)
    with pytest.raises(ArgumentError, match="pair_time"):
        InterpolatedRelaxation(pair_time=2e-3)
    with pytest.raises(ArgumentError, match="isolated_time"):
        UncoupledRelaxation(isolated_time=float("nan"))
    with pytest.raises(ArgumentError, match="width"):
        effective_resonant_classes(transition=[0.0, 1.0], width=0.0)


def test_three_resonant_classes_relax_between_two_and_four() -> None:
    three = times(CR_MEASURED, np.array([FAR[0], FAR[0], FAR[0], FAR[0] + 1e5 * MHZ]))
    assert three[3] == pytest.approx(1.61e-3, rel=1e-9, abs=0)
    # Between 1/490 µs and 1/220 µs, and not at either end: the curve still rises there.
    low, high = 1 / 490e-6, 1 / 220e-6
    assert (1 / three[:3] > low + 0.2 * (high - low)).all()
    assert (1 / three[:3] < high - 0.2 * (high - low)).all()
