"""A field from a spectrum is right, or in doubt: second minima, few lines, none."""

import re
from importlib import resources

import numpy as np
import pytest

import labspin
from labspin.analysis import fit_batch, fit_curve, load_model
from tests.some import some

ALL = np.linspace(2.56e9, 3.2e9, 400)
LOWER = np.linspace(2.56e9, 2.86e9, 151)
"""A window that holds lower lines only, such as that of the shipped card."""


def spectrum(x, field, rng, noise=2e-3):
    truth = {"B_x": field[0], "B_y": field[1], "B_z": field[2], "D": 2.8704e9, "E": 0.0, "width": 9e6}
    truth |= {
        f"contrast_{c}": depth for c, depth in zip(range(1, 5), (0.02, 0.015, 0.018, 0.012), strict=True)
    }
    model = load_model("odmr_spectrum")
    return model, model.evaluate(x, truth | {"offset": 1.0}) + rng.normal(0, noise, x.size)


def strength(fit):
    return float(np.linalg.norm([fit[name].value for name in ("B_x", "B_y", "B_z")]))


def in_doubt(fit):
    return any(text in one for one in fit.warnings for text in ("another field", "can be distinguished"))


def test_a_field_from_all_lines_is_right_and_not_doubted():
    model, y = spectrum(ALL, (2.6e-3, 1.4e-3, 6.1e-3), np.random.default_rng(1), 5e-4)
    fit = fit_curve(model, ALL, y, 5e-4)
    assert strength(fit) == pytest.approx(np.linalg.norm([2.6e-3, 1.4e-3, 6.1e-3]), rel=2e-3, abs=0)
    assert not in_doubt(fit), fit.warnings


def test_a_long_spectrum_is_searched_in_its_parts():
    """Ten thousand points took minutes and gigabytes."""
    x = np.linspace(2.56e9, 3.2e9, 10_000)
    model, y = spectrum(x, (2.6e-3, 1.4e-3, 6.1e-3), np.random.default_rng(1), 2e-3)
    fit = fit_curve(model, x, y, 2e-3)
    assert strength(fit) == pytest.approx(np.linalg.norm([2.6e-3, 1.4e-3, 6.1e-3]), rel=2e-3, abs=0)
    assert fit.statistics.p_value > 1e-4
    assert not in_doubt(fit), fit.warnings
    assert all(np.isfinite(fit[name].stderr) for name in ("B_x", "B_y", "B_z", "D"))


def test_lower_lines_alone_are_doubted():
    """Four lower lines say four numbers: three components and D, with nothing left to check them by."""
    model, y = spectrum(LOWER, (4.0e-3, 4.4e-3, 7.9e-3), np.random.default_rng(2))
    fit = fit_curve(model, LOWER, y, 2e-3)
    assert in_doubt(fit), fit.summary()
    assert any("on one side of D" in one for one in fit.warnings)
    assert all(0 <= fit[f"contrast_{c}"].value <= 1 for c in range(1, 5))


def test_a_spectrum_without_a_line_has_no_field():
    rng = np.random.default_rng(3)
    fit = fit_curve(load_model("odmr_spectrum"), ALL, 1 + rng.normal(0, 2e-3, ALL.size), 2e-3)
    assert any("no line is seen" in one for one in fit.warnings), fit.summary()
    assert undetermined(fit)
    depths = [fit[f"contrast_{c}"] for c in range(1, 5)]
    assert all(0 <= depth.value < 0.05 for depth in some(depths))
    assert all(not depth.stderr < depth.value / 4 for depth in some(depths)), "none of them is seen"


def undetermined(fit):
    return all(np.isnan(fit[name].stderr) for name in ("B_x", "B_y", "B_z"))


def test_a_field_with_rivals_has_no_error_and_they_are_listed():
    """Four lower lines: an error of the one minimum would say that the others are not there."""
    model, y = spectrum(LOWER, (4.0e-3, 4.4e-3, 7.9e-3), np.random.default_rng(2))
    fit = fit_curve(model, LOWER, y, 2e-3)
    assert undetermined(fit), fit.summary()
    assert "not determined" in fit.summary()
    assert any("|B| = " in one and "χ² " in one for one in fit.warnings), fit.warnings
    assert np.isfinite(fit["width"].stderr)
    stack = fit_batch(model, LOWER, y[None], np.full((1, LOWER.size), 2e-3), check=0)
    assert np.isnan(stack.stderr[0, :4]).all()
    np.testing.assert_allclose(stack.stderr[0, 5], fit["width"].stderr, rtol=1e-3, atol=0)


def test_the_shipped_run_says_that_its_window_does_not_hold_the_field():
    """Lower lines only: from 7 to 19 mT every field has them, with a splitting to match (truth: 10.05 mT)."""
    with resources.as_file(resources.files("labspin.session") / "examples" / "mdmr.h5") as path:
        run = labspin.open(path).isel(magnet_field=0, average=0)
    x, y, errors = (run[name].values for name in ("microwave_frequency", "pl_ratio", "pl_ratio_errors"))
    model = load_model("odmr_spectrum", shape="gaussian")
    free = fit_curve(model, x, y, errors)
    assert undetermined(free), free.summary()
    assert np.isnan(free["D"].stderr)
    with_splitting = fit_curve(model, x, y, errors, fixed={"D": 2.87e9})
    assert undetermined(with_splitting)
    named = [float(number) for number in re.findall(r"([\d.]+) mT", " ".join(with_splitting.warnings))]
    truth = 1e3 * float(np.hypot(10e-3, 1e-3))
    assert any(number == pytest.approx(truth, rel=0.03, abs=0) for number in named), named


@pytest.mark.parametrize("axis", [(1, 0, 0), (1, 1, 0), (1, 1, 1)], ids=str)
def test_a_field_of_high_symmetry_is_found_or_named(axis):
    """Lines of several classes are one: two dips may also be both lines of one class at 39 mT."""
    field = 5e-3 * np.array(axis) / np.linalg.norm(axis)
    model, y = spectrum(ALL, field, np.random.default_rng(4), 5e-4)
    fit = fit_curve(model, ALL, y, 5e-4, fixed={"D": 2.8704e9})
    named = [float(number) for number in re.findall(r"([\d.]+) mT", " ".join(fit.warnings))]
    if undetermined(fit):
        assert any(number == pytest.approx(5.0, rel=0.02, abs=0) for number in named), fit.summary()
    else:
        assert strength(fit) == pytest.approx(5e-3, rel=0.01, abs=0)


def test_a_centre_that_cannot_be_is_no_error_to_a_minimiser():
    model = load_model("odmr_spectrum")
    values = np.array([1e-3, 2e-3, 3e-3, 2.87e9, 0.0, 9e6, 0.01, 0.01, 0.01, 0.01, 1.0])
    for place, value in ((0, np.nan), (3, np.nan), (4, 3e9), (3, 0.0)):
        odd = values.copy()
        odd[place] = value
        assert np.isnan(model.derivatives(ALL, np.stack([values, odd]))[0]).any(axis=-1).tolist() == [
            False,
            True,
        ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("x", [ALL, LOWER], ids=["all lines", "lower lines"])
def test_a_field_is_right_or_in_doubt(x, seed):
    rng = np.random.default_rng(seed)
    field = rng.normal(size=3)
    field *= rng.uniform(4e-3, 12e-3) / np.linalg.norm(field)
    model, y = spectrum(x, field, rng)
    fit = fit_curve(model, x, y, 2e-3)
    wrong = abs(strength(fit) - np.linalg.norm(field)) > 0.02 * np.linalg.norm(field)
    assert not wrong or undetermined(fit), fit.summary()
