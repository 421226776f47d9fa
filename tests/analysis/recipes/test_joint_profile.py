"""Joint fits of distances, with what is known of the film: errors are those of the profile, as alone."""

import numpy as np
import pytest

from labspin.analysis import JointTrace, fit_curve, fit_joint, load_model
from labspin.analysis.fitting.joint_profiles import follow_joint, follow_own

SIGMA, OFF = 0.05, np.array([36e-3, 38e-3, 40e-3, 45e-3])
ON = np.array([12e-3, 16e-3, 20e-3])


@pytest.mark.parametrize("seed", [0, 2])
def test_a_joint_fit_of_one_trace_has_the_errors_of_a_single_one(seed, monkeypatch):
    """Of seed 0 the joint fit begins in the worse of two minima."""
    monkeypatch.setattr("labspin.analysis.models.film.drawn", lambda *given: np.ones((2, given[2].size)))
    model = load_model("film_relaxation", logarithmic=True)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=OFF.size) + 1j * rng.normal(size=OFF.size)
    y = model.evaluate(OFF, {"distance": 400e-9, "T1": 3e-3}) + SIGMA * noise
    single = fit_curve(model, OFF, y, SIGMA * (1 + 1j))

    def refit(start, fixed):
        traces = [JointTrace(OFF, y, SIGMA * (1 + 1j))]
        return fit_joint(model, traces, shared={}, start=start, fixed=fixed)

    found, told = follow_joint(refit({}, {}), model.parameter("distance"), refit)
    assert found.chi2 == pytest.approx(single.statistics.chi2, rel=1e-4, abs=0)
    for name in ("distance", "T1"):
        at = found.names.index(name)
        assert found.values[0, at] == pytest.approx(single[name].value, rel=1e-2, abs=0)
        assert found.errors[0, at] == pytest.approx(single[name].stderr, rel=0.15, abs=0)
    assert told.one == pytest.approx(single.ends["distance"].one, rel=0.03, abs=0)
    assert found.trace_covariance[0, 0, 0] == pytest.approx(
        found.errors[0, found.names.index(found.varied[0])] ** 2, rel=1e-6, abs=0
    )


def test_distances_that_traces_have_for_themselves_have_the_errors_of_their_profiles(monkeypatch):
    """308 ± 13 nm is found beside the resonances where 400 nm is true."""
    monkeypatch.setattr("labspin.analysis.models.film.drawn", lambda *given: np.ones((2, given[2].size)))
    model = load_model("film_relaxation", logarithmic=True)
    traces = []
    for seed, fields in ((2, OFF), (0, ON)):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=fields.size) + 1j * rng.normal(size=fields.size)
        y = model.evaluate(fields, {"distance": 400e-9, "T1": 3e-3}) + SIGMA * noise
        traces.append(JointTrace(fields, y, SIGMA))
    held = fit_joint(model, traces, shared={}, fixed={"T1": 3e-3})
    found, ends = follow_own(held, model, "distance", traces)
    single = fit_curve(model, OFF, traces[0].y, SIGMA * (1 + 1j), fixed={"T1": 3e-3})
    at = found.names.index("distance")
    assert ends[1] is None
    assert found.errors[1, at] == pytest.approx(held.errors[1, at], rel=1e-9, abs=0)
    assert (ends[0] is None) == (not single.ends)
    assert found.errors[0, at] == pytest.approx(single["distance"].stderr, rel=1e-3, abs=0)
    shared = fit_joint(model, traces, shared={"T1": None})
    found, ends = follow_own(shared, model, "distance", traces)
    off = np.abs(found.values[:, at] - 400e-9)
    assert off[0] > 5 * shared.errors[0, at]
    assert np.all(off < 4 * found.errors[:, at])
    assert ends[0].widened
    place = found.varied.index("distance")
    assert np.sqrt(found.trace_covariance[0, place, place]) == pytest.approx(
        found.errors[0, at], rel=1e-6, abs=0
    )
