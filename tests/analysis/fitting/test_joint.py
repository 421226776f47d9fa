"""Joint fits against one big least-squares problem in lmfit: the same optimum and errors, far faster."""

from dataclasses import replace

import lmfit
import numpy as np
import pytest

from labspin.analysis import JointTrace, fit_joint, load_model
from labspin.analysis.fitting import joint_blocks, vectorised
from labspin.errors import FitError
from tests.some import some

TIMES = np.geomspace(1e-5, 2e-2, 25)
DECAY = load_model("stretched_exponential")


def decays(count, *, beta=0.8, groups=None, seed=1, sigma=0.01, cut=True):
    """Traces of decays with amplitudes of their own, T1 by group, one β; some are shorter than others."""
    rng = np.random.default_rng(seed)
    lifetimes = {label: 1e-3 * (1 + at) for at, label in enumerate(dict.fromkeys(groups or range(count)))}
    traces = []
    for at in range(count):
        truth = {
            "amplitude": 0.5 + 0.1 * at / count,
            "T1": lifetimes[groups[at] if groups else at],
            "beta": beta,
            "baseline": 0.1,
        }
        x = TIMES[: -1 - at % 3] if cut else TIMES
        y = DECAY.evaluate(x, truth) + sigma * rng.normal(size=x.size)
        traces.append(JointTrace(x, y, sigma, f"trace {at}"))
    return traces


def big_problem(traces, *, shared, sigma, exact=False):
    """The same as one lmfit problem, with parameters named by trace or group; ``exact``: own derivatives."""
    names = {}
    for at in range(len(traces)):
        for name in DECAY.names:
            scope = shared.get(name, at)
            names[at, name] = name if scope is None else f"{name}_{scope[at] if name in shared else at}"
    parameters = lmfit.Parameters()
    start = {"amplitude": 0.5, "T1": 1.5e-3, "beta": 0.9, "baseline": 0.05}
    for (_, name), full in names.items():
        if full not in parameters:
            parameters.add(full, value=start[name], min=DECAY.parameter(name).minimum)

    def residual(values):
        parts = []
        for at, trace in enumerate(traces):
            model = DECAY.evaluate(trace.x, {name: values[names[at, name]].value for name in DECAY.names})
            parts.append((trace.y - model) / sigma)
        return np.concatenate(parts)

    def jacobian(values):
        rows, order = [], list(values)
        for at, trace in enumerate(traces):
            here = np.array([values[names[at, name]].value for name in DECAY.names])
            part = np.zeros((len(trace.x), len(order)))
            part[:, [order.index(names[at, name]) for name in DECAY.names]] = (
                -DECAY.derivatives(np.asarray(trace.x), here)[1].T / sigma
            )
            rows.append(part)
        return np.concatenate(rows)

    more = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 0.0, "epsfcn": 1e-14}
    minimizer = lmfit.Minimizer(residual, parameters, scale_covar=False)
    if exact:
        more |= {"Dfun": jacobian, "col_deriv": False}
    return minimizer.minimize(method="leastsq", **more), names


def furthest(found, lm, names):
    """The largest distance of values, in standard errors, and the largest relative one of the errors."""
    pairs = [
        (
            found.values[at, DECAY.names.index(name)],
            found.errors[at, DECAY.names.index(name)],
            lm.params[full],
        )
        for (at, name), full in names.items()
    ]
    return (
        max(abs(value - other.value) / other.stderr for value, _, other in pairs),
        max(abs(error / other.stderr - 1) for _, error, other in pairs),
    )


GROUPS = ("a", "b", "a", "b", "a", "b")


@pytest.fixture(scope="module")
def both():
    traces = decays(6, groups=GROUPS)
    shared = {"beta": None, "T1": GROUPS}
    found = fit_joint(DECAY, traces, shared=shared)
    return found, *big_problem(traces, shared=shared, sigma=0.01)


class TestAgainstOneBigProblem:
    def test_it_is_the_same_optimum(self, both):
        """To the accuracy that lmfit reaches with its own forward differences."""
        found, lm, names = both
        assert found.converged
        assert found.chi2 == pytest.approx(lm.chisqr, rel=1e-9, abs=0)
        assert found.chi2 <= lm.chisqr * (1 + 1e-13)
        for at in range(6):
            for column, name in some(enumerate(DECAY.names)):
                reference = lm.params[names[at, name]]
                assert abs(found.values[at, column] - reference.value) < 1e-4 * reference.stderr

    def test_optimum_and_errors_of_fifty_traces_are_those_of_lmfit_to_a_millionth(self):
        """With derivatives of its own, lmfit is as exact as that."""
        groups = tuple("abcde" * 10)
        traces, shared = decays(50, groups=groups), {"beta": None, "T1": groups}
        found = fit_joint(DECAY, traces, shared=shared)
        lm, names = big_problem(traces, shared=shared, sigma=0.01, exact=True)
        off, widths = furthest(found, lm, names)
        assert off < 1e-6
        assert widths < 1e-6

    def test_errors_are_those_of_the_big_problem(self, both):
        found, lm, names = both
        for at in range(6):
            for column, name in some(enumerate(DECAY.names)):
                expected = lm.params[names[at, name]].stderr
                assert found.errors[at, column] == pytest.approx(expected, rel=1e-3, abs=0)

    def test_errors_are_those_of_the_dense_normal_equations(self, both):
        """Without lmfit's differences: JᵀJ of everything, inverted as a whole, and a gradient of zero."""
        found, _, names = both
        traces = decays(6, groups=GROUPS)
        order = list(dict.fromkeys(names.values()))
        total, gradient = np.zeros((len(order), len(order))), np.zeros(len(order))
        for at, trace in enumerate(traces):
            y, jacobian = DECAY.derivatives(np.asarray(trace.x), found.values[at])
            places = [order.index(names[at, name]) for name in DECAY.names]
            total[np.ix_(places, places)] += jacobian @ jacobian.T / 0.01**2
            gradient[places] += jacobian @ (trace.y - y) / 0.01**2
        covariance = np.linalg.inv(total)
        errors = np.sqrt(np.diagonal(covariance))
        assert np.abs(covariance @ gradient / errors).max() < 1e-6
        for at in range(6):
            for column, name in some(enumerate(DECAY.names)):
                expected = errors[order.index(names[at, name])]
                assert found.errors[at, column] == pytest.approx(expected, rel=1e-6, abs=0)
        shared = [
            order.index(name if label is None else f"{name}_{label}") for name, label in found.shared_names
        ]
        assert found.covariance == pytest.approx(covariance[np.ix_(shared, shared)], rel=1e-6, abs=0)

    def test_shared_values_are_asked_by_name_and_group(self, both):
        found, _, _ = both
        beta, error = found.value("beta")
        assert abs(beta - 0.8) < 4 * error
        for label, truth in (("a", 1e-3), ("b", 2e-3)):
            value, error = found.value("T1", label)
            assert abs(value - truth) < 4 * error
        with pytest.raises(FitError, match="no shared parameter 'amplitude'"):
            found.value("amplitude")
        with pytest.raises(FitError, match=r"T1 \(a\), T1 \(b\)"):
            found.value("T1", "c")


def test_all_shared_is_one_fit_of_all_points_and_none_is_each_alone():
    from labspin.analysis import fit_curve

    rng = np.random.default_rng(4)
    truth = {"amplitude": 0.5, "T1": 1e-3, "beta": 0.8, "baseline": 0.1}
    traces = [
        JointTrace(TIMES, DECAY.evaluate(TIMES, truth) + 0.01 * rng.normal(size=25), 0.01) for _ in range(3)
    ]
    together = fit_joint(DECAY, traces, shared=dict.fromkeys(DECAY.names))
    pooled = fit_curve(DECAY, np.tile(TIMES, 3), np.concatenate([t.y for t in traces]), 0.01)
    apart = fit_joint(DECAY, traces, shared={})
    for column, name in some(enumerate(DECAY.names)):
        value, error = together.value(name)
        assert abs(value - pooled[name].value) < 1e-4 * error
        assert error == pytest.approx(pooled[name].stderr, rel=1e-4, abs=0)
        for at, trace in some(enumerate(traces)):
            alone = fit_curve(DECAY, TIMES, trace.y, 0.01)[name]
            assert abs(apart.values[at, column] - alone.value) < 1e-3 * alone.stderr
            assert apart.errors[at, column] == pytest.approx(alone.stderr, rel=1e-3, abs=0)


def test_a_value_held_has_no_error_and_errors_come_from_the_scatter_without_sigma():
    traces = [JointTrace(t.x, t.y) for t in decays(8, sigma=0.02, cut=False)]
    found = fit_joint(DECAY, traces, shared={"baseline": None}, fixed={"beta": 0.8})
    assert (found.errors[:, DECAY.names.index("beta")] == 0).all()
    assert found.p_value is None
    known = fit_joint(
        DECAY, [JointTrace(t.x, t.y, 0.02) for t in traces], shared={"baseline": None}, fixed={"beta": 0.8}
    )
    ratio = np.sqrt(known.chi2 / known.degrees_of_freedom)
    own = known.errors > 0
    assert found.errors[own] == pytest.approx(ratio * known.errors[own], rel=1e-5, abs=0)


def test_standard_errors_of_shared_values_are_honest():
    pulls = []
    for seed in range(150):
        found = fit_joint(
            DECAY, decays(5, seed=seed, groups="ababa"), shared={"beta": None, "T1": tuple("ababa")}
        )
        pulls.append(
            [
                (found.value("beta")[0] - 0.8) / found.value("beta")[1],
                (found.value("T1", "a")[0] - 1e-3) / found.value("T1", "a")[1],
            ]
        )
    assert 0.60 < np.mean(np.abs(pulls) < 1) < 0.76


def test_complex_traces_of_two_variables_share_a_rate():
    """Relaxometry: one distance, the fields of each trace its own."""
    model = load_model("film_relaxation", near=150e-9, far=700e-9)
    rng = np.random.default_rng(2)
    traces = []
    for fields in ([16e-3, 24e-3, 32e-3], [20e-3, 28e-3, 36e-3]):
        clean = model.evaluate(np.array(fields), {"distance": 320e-9, "T1": 3e-3, "scale": 1.0})
        sigma = 0.03 * clean.real + 0.03j * clean.imag
        y = clean + sigma.real * rng.normal(size=3) + 1j * sigma.imag * rng.normal(size=3)
        traces.append(JointTrace(fields, y, sigma))
    found = fit_joint(model, traces, shared={"distance": None})
    value, error = found.value("distance")
    assert abs(value - 320e-9) < 4 * error
    assert error < 5e-9
    assert found.errors[0, 1] != found.errors[1, 1]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"shared": {"gamma": None}}, "no parameter 'gamma'"),
        ({"shared": {"T1": ("a", "b")}}, "a label for each of 3"),
        ({"shared": {"beta": None}, "fixed": {"beta": 0.8}}, "shared and held"),
        ({"traces": []}, "wanted traces"),
    ],
)
def test_what_cannot_be_fitted_is_said(change, match):
    arguments = {"traces": decays(3), "shared": {"beta": None}} | change
    with pytest.raises(FitError, match=match):
        fit_joint(DECAY, arguments.pop("traces"), **arguments)


def test_bad_traces_are_said():
    good = decays(2)
    with pytest.raises(FitError, match="for all traces or for none"):
        fit_joint(DECAY, [*good, JointTrace(TIMES, TIMES)], shared={})
    with pytest.raises(FitError, match="short: wanted x and y of one shape"):
        fit_joint(DECAY, [*good, JointTrace(TIMES, TIMES[:3], 0.1, "short")], shared={})
    with pytest.raises(FitError, match="errors > 0"):
        fit_joint(DECAY, [*good, JointTrace(TIMES, TIMES, 0.0, "zero")], shared={})


def test_the_cost_grows_with_the_number_of_traces_only():
    """In calls of the model and curves that it computes; derivatives are a curve for each parameter."""
    calls, curves = [], []

    def function(x, *values):
        calls[-1] += 1
        curves[-1] += np.broadcast(x, *values).size // np.shape(x)[-1]
        return DECAY.function(x, *values)

    def derivatives(x, values):
        calls[-1] += 1
        curves[-1] += (1 + len(DECAY.names)) * values[..., 0].size
        return DECAY.derivatives(x, values)

    counted = replace(DECAY, function=function, derivatives=derivatives)
    for count in (50, 200):
        calls.append(0)
        curves.append(0)
        groups = tuple("abcde" * (count // 5))
        found = fit_joint(counted, decays(count, groups=groups), shared={"beta": None, "T1": groups})
        assert found.converged
        assert curves[-1] >= count * (1 + len(DECAY.names))
    assert calls[1] < 1.2 * calls[0]
    assert curves[1] / 200 < 1.2 * curves[0] / 50
    groups = tuple("abcde" * 10)
    big, _ = big_problem(decays(50, groups=groups), shared={"beta": None, "T1": groups}, sigma=0.01)
    assert 50 * big.nfev > 10 * curves[0]


@pytest.mark.parametrize("curvature", [-0.95, 0.95])
def test_steps_that_hardly_get_shorter_are_summed(curvature):
    """Residuals a + 1 and λa² + a − 1: near a = 0 each step of Gauss and Newton leaves λ of what was left."""

    def model(x, a):
        return a + curvature * a**2 * x

    traces = [JointTrace([0.0, 1.0], [-1.0, 1.0], 1.0, name) for name in ("one", "two")]
    found = fit_joint(model, traces, shared={"a": None}, start={"a": 0.3})
    assert found.converged
    assert found.steps < 40
    value, error = found.value("a")
    assert abs(value) < 1e-6 * error
    assert error == pytest.approx(0.5, rel=1e-6, abs=0)


def test_traces_of_one_axis_are_guessed_together(monkeypatch):
    """Rows of a stack that are cut to different lengths: guesses as for single traces, in few calls."""
    called = []
    counted = replace(DECAY, guesser=lambda *given: called.append(1) or DECAY.guesser(*given))
    traces = decays(9)
    data = joint_blocks.stacked(DECAY, traces)
    together = vectorised.guess_all(counted, data.x, data.y, data.weights, {})
    assert len(called) == 3
    single = [DECAY.guess(trace.x, trace.y, np.full(trace.x.size, 100.0)) for trace in traces]
    expected = [[one[name] for name in DECAY.names] for one in single]
    assert together == pytest.approx(np.array(expected), rel=1e-9, abs=0)
