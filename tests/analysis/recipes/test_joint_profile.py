"""Joint fits of distances, with what is known of the film: errors are those of the profile, as alone."""

import numpy as np
import pytest

from labspin.analysis import JointTrace, fit_curve, fit_joint, load_model
from labspin.analysis.fitting.joint_profiles import follow_joint

SIGMA, OFF = 0.05, np.array([36e-3, 38e-3, 40e-3, 45e-3])


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
