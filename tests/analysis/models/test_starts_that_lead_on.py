"""Starts from which the fit reaches the best minimum: what random truths have found to lead elsewhere."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.analysis import fit_batch, fit_curve, load_model
from labspin.analysis.model import Parameter
from labspin.analysis.models import model_from_function


def check(outcome, truth):
    """Values as they are, to five standard errors, by a curve that explains the data."""
    assert outcome.statistics.p_value > 1e-6, outcome.summary()
    for name, value in truth.items():
        assert abs(outcome[name].value - value) < 5 * outcome[name].stderr, outcome.summary()


@given(
    low=st.floats(1e-3, 1e9),
    width=st.floats(-9, 3).map(lambda power: 10.0**power),
    place=st.floats(-1, 2),
    scale=st.booleans(),
)
def test_a_start_lies_between_bounds_that_are_close(low, width, place, scale):
    """A part of the bounds' own size was more than all that lies between them."""
    high = low * (1 + width)
    found = Parameter("f0", "x", "", minimum=low, maximum=high, positive=scale).inside(
        low + place * (high - low)
    )
    assert low < found < high
    if 0.01 < place < 0.9:
        assert found == pytest.approx(low + place * (high - low), rel=1e-12, abs=0)


def test_a_resonance_in_a_sweep_that_is_narrow_beside_its_frequency():
    model, truth = (
        load_model("resonator_amplitude"),
        {"f0": 8203.2, "Q": 3e4, "amplitude": 2.6, "offset": 0.1},
    )
    x, rng = np.linspace(8201.7, 8203.8, 185), np.random.default_rng(1)
    y = model.evaluate(x, truth) + rng.normal(0, 0.05, (2, x.size))
    check(fit_curve(model, x, y[0], 0.05), truth)
    found = fit_batch(model, x, y, 0.05, check=0)
    assert np.all(np.abs(found.values - [*truth.values()]) < 5 * found.stderr)


def test_a_line_that_is_narrow_beside_its_place_by_a_function_of_ones_own():
    """The first differences have steps of a part of the value: 50 kHz for a line of 1 kHz at 5 GHz."""

    def line(x, center, width, depth, offset):
        return offset - depth / (1 + (2 * (x - center) / width) ** 2)

    truth = {"center": 5e9 + 1.3e3, "width": 1e3, "depth": 0.3, "offset": 1.0}
    x, rng = np.linspace(5e9 - 8e3, 5e9 + 8e3, 200), np.random.default_rng(2)
    y, model = line(x, **truth) + rng.normal(0, 0.01, x.size), model_from_function(line)
    for away in (0.02, 0.1, -0.15):
        found = fit_curve(model, x, y, 0.01, start=truth | {"center": truth["center"] + away * 1e3})
        check(found, truth)
        assert found.statistics.evaluations < 60, "it was 500: no step helped"


def test_a_shallow_notch_in_a_wide_sweep():
    """With a turn too many the points lie on a circle about zero, which is nearly as good as their own."""
    model, f0 = load_model("notch_resonator"), 3e9
    truth = {"f0": f0, "Q_internal": 1.7e4, "Q_coupling": 7.7e4, "mismatch": -0.54, "amplitude": 1.0}
    truth |= {"phase": 0.2, "delay": 4e-8}
    width, rng = f0 * (1 / truth["Q_internal"] + 1 / truth["Q_coupling"]), np.random.default_rng(3)
    x = f0 + 22 * width * (np.linspace(-0.5, 0.5, 241) + 0.2)
    y = model.evaluate(x, truth) + (rng.normal(size=x.size) + 1j * rng.normal(size=x.size)) / 29
    check(fit_curve(model, x, y, 1 / 29), truth)


RAMSEY = {"amplitude": 0.1, "detuning": 0.8e6, "splitting": 3.03e6, "T2_star": 1.5e-6, "offset": 0.01}


def fringes(phase):
    model, rng = load_model("ramsey", count=2), np.random.default_rng(4)
    x = np.linspace(5e-8, 4e-6, 120)
    y = model.evaluate(x, RAMSEY | {"phase": phase, "exponent": 2.0}) + rng.normal(0, 2e-3, x.size)
    return model, x, y


def test_a_phase_tells_on_which_side_of_the_microwave_a_line_is():
    model, x, y = fringes(0.4)
    found = fit_curve(model, x, y, 2e-3)
    check(found, RAMSEY)
    assert not found.warnings


def test_fringes_that_do_not_tell_the_side_of_a_line_say_so():
    model, x, y = fringes(0.0)
    found = fit_curve(model, x, y, 2e-3, axes=("x", "s", "y", "1"))
    check(found, {"detuning": 1.515e6, "splitting": 1.6e6})
    (said,) = found.warnings
    assert re.search(
        r"the sign of its frequency: detuning (79|80)\d[.\d]* kHz with splitting 3\.0\d* MHz", said
    )
    held = fit_curve(model, x, y, 2e-3, fixed={"splitting": 3.03e6})
    check(held, {"detuning": 0.8e6})
    assert not held.warnings


def test_a_field_whose_lines_are_narrower_than_the_splittings_that_are_tried_are_apart():
    model, field = load_model("odmr_spectrum"), (0.063e-3, 0.356e-3, 2.577e-3)
    truth = dict(zip(("B_x", "B_y", "B_z"), field, strict=True)) | {"D": 2.874e9, "E": 0.0, "width": 2.11e6}
    depths = (0.0181, 0.0235, 0.0110, 0.0191)
    truth |= {f"contrast_{k + 1}": depth for k, depth in enumerate(depths)} | {"offset": 1.0}
    x, rng, noise = np.linspace(2.5e9, 3.25e9, 547), np.random.default_rng(3), 1e-3
    y = model.evaluate(x, truth) + rng.normal(0, noise, x.size)
    start = model.guess(x, y, np.full(x.size, 1 / noise))
    found = np.sort(np.abs([start[name] for name in ("B_x", "B_y", "B_z")]))
    assert np.linalg.norm(found - field) < 0.02 * np.linalg.norm(field)
    assert start["D"] == pytest.approx(2.874e9, rel=1e-4, abs=0)
