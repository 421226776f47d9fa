"""Whatever the plan, and wherever it is broken off: the parts put together are the run made at once."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from labspin.data import Column, read_run
from labspin.experiment import Linear, Procedure, Product, Shuffled, Snake, resume, run
from tests.experiment.test_resume import bench
from tests.experiment.test_sweep import sweeps
from tests.some import some


class Anything(Procedure):
    """Any plan; what it measures depends on the noise of the bench and on the place of the magnet."""

    quantities = (
        Column(name="reading"),
        Column(name="response", dtype="complex128"),
        Column(name="count", dtype="int64"),
        Column(name="trace", shape=(2, 2)),
        Column(name="remark", dtype="str"),
    )
    sweep, left = None, None

    def plan(self):
        return self.sweep

    def measure(self, bench, point):
        if self.left is not None:
            if self.left == 0:
                raise ValueError("broken off")
            self.left -= 1
        noise = bench.simulation.noise()
        return {
            "reading": noise,
            "response": complex(bench.magnet.current, noise),
            "count": point.index,
            "trace": noise * np.arange(4.0).reshape(2, 2),
            "remark": f"µ {point.index}",
        }


def made(sweep, left=None):
    procedure = Anything()
    procedure.sweep, procedure.left = sweep, left
    return procedure


@st.composite
def plans(draw):
    """A sweep of anything, with the magnet as one of its axes, mostly."""
    inner = draw(sweeps(depth=2))
    if not draw(st.integers(0, 3)):
        return inner
    start, stop = draw(st.floats(-2, 2)), draw(st.floats(-2, 2))
    number = draw(st.integers(1, 4))
    magnet = Linear("magnet.current", start, start if number == 1 else stop, number, unit="A")
    both = draw(st.sampled_from([Product, Snake]))(*draw(st.permutations([magnet, inner])))
    return Shuffled(both, draw(st.integers(0, 9))) if draw(st.booleans()) else both


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(plans(), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_a_run_in_parts_is_the_run_made_at_once(tmp_path_factory, sweep, parts):
    folder = tmp_path_factory.mktemp("parts")
    whole, path = folder / "whole.h5", folder / "parts.h5"
    run(made(sweep), bench(), whole, label="same")
    first, left = True, len(sweep)
    for length in some(parts):
        if left <= length:
            break
        part = made(sweep, length)
        with pytest.raises(ValueError, match="broken off"):
            _ = run(part, bench(), path, label="same") if first else resume(path, bench(), procedure=part)
        first, left = False, left - length
        assert len(read_run(path).points) == len(sweep) - left
    if first:
        return  # the plan is shorter than its first part
    assert resume(path, bench(), procedure=made(sweep)).status == "finished"
    one, many = read_run(whole), read_run(path)
    assert many.points.index.tolist() == one.points.index.tolist() == [point.index for point in sweep]
    for name in ("reading", "response", "trace"):
        np.testing.assert_allclose(many.data[name], one.data[name], rtol=1e-9, atol=0)
    for name in ("count", "remark"):
        np.testing.assert_array_equal(many.data[name], one.data[name])
    np.testing.assert_allclose(many.points.time, one.points.time, rtol=1e-6, atol=0)
