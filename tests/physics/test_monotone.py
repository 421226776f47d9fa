"""The monotone interpolation is SciPy's, and neither overshoots nor turns back."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.interpolate import PchipInterpolator

from labspin.physics.monotone import interpolated

STEPS = st.lists(st.floats(0.01, 10.0), min_size=1, max_size=12)


@given(steps=STEPS, seed=st.integers(0, 2**31), kind=st.sampled_from(["any", "rising", "flat"]))
def test_it_is_that_of_scipy(steps, seed, kind):
    generator = np.random.default_rng(seed)
    known = np.concatenate([[-3.0], -3.0 + np.cumsum(steps)])
    values = generator.normal(size=known.size)
    values = np.sort(values) if kind == "rising" else np.round(values) if kind == "flat" else values
    at = np.sort(generator.uniform(known[0], known[-1], (5, 7)), axis=None).reshape(5, 7)
    found = interpolated(at=at, known=known, values=values)
    scale = np.ptp(values) + np.abs(values).max() + 1e-3
    assert found == pytest.approx(PchipInterpolator(known, values)(at), rel=0, abs=1e-12 * scale)
    assert interpolated(at=known, known=known, values=values) == pytest.approx(
        values, rel=0, abs=1e-12 * scale
    )
    if kind == "rising":
        assert np.all(np.diff(found.ravel()) >= -1e-12 * scale)
    assert values.min() - 1e-12 * scale <= found.min()
    assert found.max() <= values.max() + 1e-12 * scale


def test_two_points_are_a_line():
    found = interpolated(at=[0.0, 0.25, 1.0], known=[0.0, 1.0], values=[2.0, 4.0])
    assert found == pytest.approx([2.0, 2.5, 4.0], rel=1e-15, abs=0)
