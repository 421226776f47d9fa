"""Units of data go through one door, for every model that has physics in it."""

import numpy as np
import pytest

from labspin.analysis import MODELS
from labspin.analysis.fitting.axes import in_units_of
from labspin.errors import FitError
from tests.analysis.models.test_models import made

OTHERS = {
    "Hz": {"kHz": 1e-3, "GHz": 1e-9},
    "T": {"G": 1e4, "mT": 1e3},
    "s": {"ms": 1e3, "us": 1e6},
    "K": {"mK": 1e3},
    "m": {"nm": 1e9},
    "1/s": {"1/ms": 1e-3},
    "rad": {"deg": 180 / np.pi},
}
"""Unit of a model -> others of its dimension, and numbers in them for one of its own."""
WRONG = {"Hz": "T", "T": "Hz", "s": "V", "K": "s", "m": "s", "1/s": "T", "rad": "V"}
SIDES = [
    (name, side) for name in sorted(MODELS) for side in ("x", "y") if getattr(made(name)[1], f"{side}_unit")
]


def door(model, side, x, y, unit):
    axes = ("x", unit, "y", "") if side == "x" else ("x", "", "y", unit)
    return in_units_of(model, x, y, np.abs(y) + 1.0, axes)


def test_models_with_physics_in_them_are_known():
    assert {name for name, _ in SIDES} >= {"odmr_spectrum", "mdmr_spectrum", "resonator_phase"}
    assert {getattr(made(name)[1], f"{side}_unit") for name, side in SIDES} <= set(OTHERS)


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_another_unit_of_the_dimension_is_converted(name, side):
    case, model, _ = made(name)
    own = getattr(model, f"{side}_unit")
    x, y = np.asarray(case.x, float), model.evaluate(case.x, case.truth)
    for unit, size in OTHERS[own].items():
        by_x, by_y = (size, 1.0) if side == "x" else (1.0, size)
        points, trace, errors, axes = door(model, side, x * by_x, y * by_y, unit)
        np.testing.assert_allclose(points, x, rtol=1e-12, atol=0)
        np.testing.assert_allclose(trace, y, rtol=1e-12, atol=0)
        np.testing.assert_allclose(errors, (np.abs(y * by_y) + 1.0) / by_y, rtol=1e-12, atol=0)
        assert axes[1 if side == "x" else 3] == own


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_a_unit_of_another_dimension_is_refused(name, side):
    case, model, _ = made(name)
    own = getattr(model, f"{side}_unit")
    for unit in (WRONG[own], "dBm", *(["degC"] if own != "K" else [])):
        with pytest.raises(FitError, match=f"wanted {side} in {own}"):
            door(model, side, case.x, model.evaluate(case.x, case.truth), unit)
