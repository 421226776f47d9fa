"""Joint fits with ties, facts, free parameters, priors and several models, against SciPy."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from labspin.analysis import JointTrace, fit_joint, load_model
from labspin.analysis.model import FitModel, Parameter
from labspin.errors import FitError

DECAY = load_model("stretched_exponential")
TIMES = np.geomspace(1e-5, 2e-2, 30)
PLACES = np.array([1.0, 2.0, 3.0, 5.0])
SIGMA = 0.01


def decay(x, amplitude, T1, baseline):
    return amplitude * np.exp(-x / T1) + baseline


@pytest.fixture(scope="module")
def traces():
    """T1 = a + b·place; amplitudes of their own, one baseline."""
    rng = np.random.default_rng(3)
    found = []
    for at, place in enumerate(PLACES):
        y = decay(TIMES, 0.5 + 0.05 * at, 4e-4 + 3e-4 * place, 0.1)
        found.append(JointTrace(TIMES, y + SIGMA * rng.normal(size=TIMES.size), SIGMA, f"place {place}"))
    return found


FREE = (Parameter("a", "s", "T1 at place 0", value=1e-3), Parameter("b", "s", "per place", value=0.0))
TIED = {"T1": "a + b*place"}


def reference(traces, *, prior=None):
    """The same as one dense problem: a, b, baseline, then the amplitudes; with the covariance."""

    def residual(p):
        parts = [
            (trace.y - decay(TIMES, p[3 + at], 1e-3 * (p[0] + p[1] * PLACES[at]), p[2])) / SIGMA
            for at, trace in enumerate(traces)
        ]
        return np.concatenate([*parts, [] if prior is None else [(1e-3 * p[0] - prior[0]) / prior[1]]])

    start = [1.0, 0.1, 0.1, *[0.5] * len(traces)]
    found = least_squares(residual, start, xtol=1e-15, ftol=1e-15, gtol=1e-15, jac="3-point")
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    scale = np.array([1e-3, 1e-3, 1.0, *[1.0] * len(traces)])
    return found.x * scale, np.sqrt(np.diagonal(covariance)) * scale, 2 * found.cost


def fitted(traces, **more):
    return fit_joint(
        DECAY, traces, shared={"baseline": None}, fixed={"beta": 1.0}, tied=TIED, free=FREE,
        known={"place": PLACES}, **more,
    )  # fmt: skip


@pytest.mark.parametrize("prior", [None, (5e-4, 2e-5)])
def test_a_parameter_tied_to_facts_and_free_ones_is_that_of_one_big_problem(traces, prior):
    found = fitted(traces, priors={} if prior is None else {"a": prior})
    values, errors, cost = reference(traces, prior=prior)
    assert found.converged
    assert found.chi2 == pytest.approx(cost, rel=1e-9, abs=0)
    for at, name in enumerate(("a", "b", "baseline")):
        value, error = found.value(name)
        assert abs(value - values[at]) < 1e-4 * errors[at]
        assert error == pytest.approx(errors[at], rel=1e-4, abs=0)
    amplitude = found.names.index("amplitude")
    assert found.values[:, amplitude] == pytest.approx(values[3:], rel=1e-6, abs=0)
    assert found.errors[:, amplitude] == pytest.approx(errors[3:], rel=1e-4, abs=0)
    assert found.points == 4 * 30 + (prior is not None)
    assert found.degrees_of_freedom == found.points - 7


def test_a_tied_parameter_has_the_error_of_its_expression(traces):
    found = fitted(traces)
    shared = [name for name, _ in found.shared_names]
    a, b = shared.index("a"), shared.index("b")
    part = found.covariance[np.ix_([a, b], [a, b])]
    at = found.names.index("T1")
    for row, place in enumerate(PLACES):
        gradient = np.array([1.0, place])
        assert found.errors[row, at] == pytest.approx(np.sqrt(gradient @ part @ gradient), rel=1e-6, abs=0)
        expected = found.value("a")[0] + place * found.value("b")[0]
        assert found.values[row, at] == pytest.approx(expected, rel=1e-12, abs=0)


def test_what_each_trace_knows_of_itself_is_its_own_prior(traces):
    """Amplitudes known to 1 %, 2 %, … of other means: against one dense problem."""
    means, deviations = 0.5 + 0.04 * np.arange(4), 5e-3 * np.arange(1, 5)
    found = fitted(traces, priors={"amplitude": (means, deviations)})

    def residual(p):
        parts = [
            (trace.y - decay(TIMES, p[3 + at], 1e-3 * (p[0] + p[1] * PLACES[at]), p[2])) / SIGMA
            for at, trace in enumerate(traces)
        ]
        return np.concatenate([*parts, (p[3:] - means) / deviations])

    dense = least_squares(residual, [1.0, 0.1, 0.1, *means], xtol=1e-15, ftol=1e-15, jac="3-point")
    errors = np.sqrt(np.diagonal(np.linalg.inv(dense.jac.T @ dense.jac)))
    at = found.names.index("amplitude")
    assert found.values[:, at] == pytest.approx(dense.x[3:], rel=1e-5, abs=0)
    assert found.errors[:, at] == pytest.approx(errors[3:], rel=1e-4, abs=0)
    assert found.chi2 == pytest.approx(2 * dense.cost, rel=1e-9, abs=0)
    assert found.degrees_of_freedom == 4 * 30 + 4 - 7


def test_a_prior_of_a_parameter_that_a_trace_lacks_costs_nothing():
    x = np.linspace(0, 1, 12)
    one = JointTrace(TIMES, decay(TIMES, 0.5, 1e-3, 0.1), SIGMA, "decay")
    two = JointTrace(x, line(x, 2e-3, 1e-3), 2e-5, "line")
    settings = {"shared": {"T1": None}, "fixed": {"beta": 1.0}}
    found = fit_joint([DECAY, LINE], [one, two], priors={"slope": (2e-3, 1e-4)}, **settings)
    assert found.chi2 < 1e-6
    assert found.degrees_of_freedom == 42 + 1 - 4


def test_an_error_that_all_points_have_in_common_adds_to_that_of_the_strength():
    """y = g · slope · x, g known to 5 %: against weighted least squares with the covariance of the points."""
    x, rng = np.linspace(0.5, 2.0, 9), np.random.default_rng(6)
    y, sigma = 1.04 * 3.0 * x + 0.1 * rng.normal(size=9), 0.1

    def scaled(x, slope, scale):
        return scale * slope * np.asarray(x)

    model = FitModel(
        name="scaled", equation="y = scale slope x", source="", function=scaled,
        parameters=(Parameter("slope", "y/x", ""), Parameter("scale", "1", "", value=1.0)),
        guesser=lambda x, y, w: {"slope": float((x @ y) / (x @ x)), "scale": 1.0},
    )  # fmt: skip
    found = fit_joint(model, [JointTrace(x, y, sigma)], shared={}, priors={"scale": (1.0, [0.05])})
    slope = float((x @ y) / (x @ x))
    covariance = sigma**2 * np.eye(9) + 0.05**2 * slope**2 * np.outer(x, x)
    expected = 1 / np.sqrt(x @ np.linalg.solve(covariance, x))
    at = found.names.index("slope")
    assert found.values[0, at] == pytest.approx(slope, rel=1e-6, abs=0)
    assert found.errors[0, at] == pytest.approx(expected, rel=1e-4, abs=0)


def line(x, slope, T1):
    return slope * np.asarray(x) + T1


LINE = FitModel(
    name="line", equation="y = slope x + T1", source="", function=line,
    parameters=(Parameter("slope", "y/x", ""), Parameter("T1", "y", "", minimum=0)),
    guesser=lambda x, y, w: dict(zip(("slope", "T1"), np.polyfit(x, y, 1), strict=True)),
)  # fmt: skip


def test_traces_of_two_models_share_a_parameter():
    """T1 of a decay is the intercept of a line; dense reference."""
    rng = np.random.default_rng(9)
    x = np.linspace(0, 1, 12)
    one = JointTrace(TIMES, decay(TIMES, 0.5, 1e-3, 0.1) + SIGMA * rng.normal(size=30), SIGMA, "decay")
    two = JointTrace(x, line(x, 2e-3, 1e-3) + 2e-5 * rng.normal(size=12), 2e-5, "line")
    found = fit_joint([DECAY, LINE], [one, two], shared={"T1": None}, fixed={"beta": 1.0})

    def residual(p):
        first = (one.y - decay(TIMES, p[0], 1e-3 * p[1], p[2])) / SIGMA
        return np.concatenate([first, (two.y - line(x, 1e-3 * p[3], 1e-3 * p[1])) / 2e-5])

    dense = least_squares(residual, [0.4, 1.5, 0.0, 1.0], xtol=1e-15, ftol=1e-15, gtol=1e-15, jac="3-point")
    errors = np.sqrt(np.diagonal(np.linalg.inv(dense.jac.T @ dense.jac)))
    value, error = found.value("T1")
    assert abs(value - 1e-3 * dense.x[1]) < 1e-4 * error
    assert error == pytest.approx(1e-3 * errors[1], rel=1e-4, abs=0)
    assert np.isnan(found.values[1, found.names.index("amplitude")])
    assert found.values[1, found.names.index("slope")] == pytest.approx(1e-3 * dense.x[3], rel=1e-5, abs=0)
    assert found.errors[1, found.names.index("slope")] == pytest.approx(1e-3 * errors[3], rel=1e-4, abs=0)
    assert found.degrees_of_freedom == 42 - 4


def test_what_the_data_leave_free_has_no_error_and_the_rest_has(traces):
    """Only a + b occurs if all places are 1."""
    found = fit_joint(
        DECAY, traces[:1] * 3, shared={"baseline": None}, fixed={"beta": 1.0}, tied=TIED, free=FREE,
        known={"place": [1.0, 1.0, 1.0]},
    )  # fmt: skip
    assert np.isnan(found.value("a")[1])
    assert np.isnan(found.value("b")[1])
    assert 0 < found.value("baseline")[1] < SIGMA


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"tied": {"T1": "a + b*there"}}, "no 'there'"),
        ({"tied": {"T1": "baseline", "baseline": "T1"}, "shared": {}}, "name each other"),
        ({"shared": {"T1": None}}, "shared and tied"),
        ({"known": {"place": [1.0]}}, "a value for each of 4 traces"),
        ({"free": (Parameter("T1", "s", ""),)}, "already"),
        ({"priors": {"a": (1e-3, 0.0)}}, "standard deviation > 0"),
        ({"priors": {"c": (1e-3, 1.0)}}, "no parameter 'c'"),
        ({"priors": {"a": (1e-3, [1e-4, 1e-4])}}, "one for each of 4 traces"),
        ({"priors": {"a": (1e-3, [1e-4, 1e-4, 1e-4, 2e-4])}}, "one thing known beforehand of traces that sh"),
        ({"priors": {"amplitude": (0.5, [0.1, 0.1, 0.0, 0.1])}}, "standard deviation > 0"),
    ],
)
def test_what_makes_no_sense_is_said(traces, change, match):
    arguments = {
        "shared": {"baseline": None}, "tied": TIED, "free": FREE, "known": {"place": PLACES},
    } | change  # fmt: skip
    with pytest.raises(FitError, match=match):
        fit_joint(DECAY, traces, **arguments)


def test_what_is_known_beforehand_wants_errors_of_the_points(traces):
    bare = [JointTrace(trace.x, trace.y) for trace in traces]
    with pytest.raises(FitError, match="wants errors of the points"):
        fitted(bare, priors={"a": (1e-3, 1e-4)})


def test_resonances_against_temperature_and_distance_share_a_spin_bath():
    """(T, d): temperature within a trace, the distance a fact of it; density and T1 of all, one offset."""
    bath = load_model("spin_bath_shift", distance="2 um")
    kelvin, places = np.geomspace(0.03, 1.0, 12), np.array([1.6e-6, 2.2e-6, 3.0e-6])
    truth = {"density": 1.4e17, "T1": 4e-5, "offset": 8e-8}
    rng, sigma = np.random.default_rng(8), 2e-3 + 2e-7j
    traces = []
    for place in places:
        clean = bath.evaluate(kelvin, {"density": 1.4e17, "T1": 4e-5, "distance": place + 8e-8})
        noise = sigma.real * rng.normal(size=12) + 1j * sigma.imag * rng.normal(size=12)
        traces.append(JointTrace(kelvin, clean + noise, sigma))
    found = fit_joint(
        bath, traces, shared={"density": None, "T1": None}, tied={"distance": "place + offset"},
        free=[Parameter("offset", "m", "of the stage", value=0.0)], known={"place": places},
    )  # fmt: skip
    assert found.converged
    for name, value in truth.items():
        assert abs(found.value(name)[0] - value) < 4 * found.value(name)[1]
    assert found.value("offset")[1] < 2e-8
    assert found.values[:, found.names.index("distance")] == pytest.approx(
        places + found.value("offset")[0], rel=1e-12, abs=0
    )


def test_spectra_against_frequency_and_field_share_a_splitting():
    """(ν, B): frequency within a trace, the field a fact of it; D, γ and the width of all, depths apart."""
    dip = load_model("gaussian_dips", count=1)
    fields = np.array([5e-3, 10e-3, 15e-3, 20e-3])
    rng, traces, x = np.random.default_rng(4), [], np.linspace(2.25e9, 2.80e9, 400)
    names = {"center": "center_1" if "center_1" in dip.names else "center"}
    for field in fields:
        line = 2.877e9 - 28.011e9 * field
        y = 1 - 0.05 * np.exp(-0.5 * ((x - line) / 8e6) ** 2)
        traces.append(JointTrace(x, y + 0.005 * rng.normal(size=x.size), 0.005))
    widths = [name for name in dip.names if name.startswith(("width", "sigma"))]
    found = fit_joint(
        dip, traces, shared=dict.fromkeys(widths), known={"field": fields},
        tied={names["center"]: "D - g*field"},
        free=[
            Parameter("D", "Hz", "splitting", value=2.87e9), Parameter("g", "Hz/T", "slope", value=28.0e9),
        ],
    )  # fmt: skip
    for name, value in (("D", 2.877e9), ("g", 28.011e9)):
        assert abs(found.value(name)[0] - value) < 4 * found.value(name)[1]
    # Cramér–Rao: the centre of a dip to σ/depth √(2 w dx/√π), a slope through four of them.
    centre = 0.1 * np.sqrt(2 * 8e6 * (x[1] - x[0]) / np.sqrt(np.pi))
    assert found.value("g")[1] == pytest.approx(centre / np.sqrt(np.var(fields) * 4), rel=0.1, abs=0)
    assert found.degrees_of_freedom == 4 * 400 - 2 - len(widths) - 4 * (len(dip.names) - 1 - len(widths))


def test_an_expression_starts_from_what_single_traces_have_found():
    """From a slope of zero, the last line was looked for where the first is, and never found."""
    model, rng = load_model("resonator_amplitude"), np.random.default_rng(2)
    places, traces = np.arange(5.0), []
    for place in places:
        f0 = 3000.0 + 4.0 * place
        x = np.linspace(f0 - 4, f0 + 4, 40)
        truth = {"f0": f0, "Q": 3000.0, "amplitude": 1.0, "offset": 0.0}
        traces.append(JointTrace(x, model.evaluate(x, truth) + 0.02 * rng.normal(size=x.size), 0.02))
    free = (Parameter("first", "Hz", "", value=3000.0), Parameter("slope", "Hz", "", value=0.0))
    line = {"f0": "first + slope*place"}
    found = fit_joint(model, traces, shared={"Q": None}, tied=line, free=free, known={"place": places})
    assert found.p_value > 1e-4
    slope = found.names.index("slope")
    assert abs(found.values[0, slope] - 4.0) < 5 * found.errors[0, slope] < 0.5
    low = (Parameter("first", "Hz", "", value=3000.0), Parameter("slope", "Hz", "", -9.0, 3.0, value=0.0))
    bounded = fit_joint(model, traces, shared={"Q": None}, tied=line, free=low, known={"place": places})
    assert -9.0 <= bounded.values[0, slope] <= 3.0
