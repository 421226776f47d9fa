"""The same T1 measurement with PulseBlaster and NI counter finds what Pulse Streamer and SR400 find."""

import math
from pathlib import Path

import lmfit
import numpy as np
import pytest
from scipy.stats import chi2

from labspin.data import read_run
from labspin.errors import LimitError, SequenceError
from labspin.experiment import preflight, run
from labspin.procedures import T1
from labspin.station import load_station

ROOT = Path(__file__).parents[2]
SAME = {
    "dark_time_start": "20 us", "dark_time_stop": "2.5 ms", "dark_times": 12, "averages": 2,
    "magnet_field": "-150 G", "microwave_frequency": "2.667 GHz", "microwave_power": "10 dBm",
    "laser_duration": "300 us", "signal_width": "2 us", "reference_width": "150 us", "time_step": "2 ns",
    "repetitions": 3_000_000,
}  # fmt: skip


def bright(name, tmp_path, *, seed):
    """A shipped station with so much light that even the fastest relaxing spins are polarised."""
    text = (ROOT / "instruments" / f"{name}.toml").read_text(encoding="utf-8")
    sample = "[simulation.parameters]\npump_rate = 3e6\n\n[simulation.detectors.pl]"
    text = text.replace("[simulation.detectors.pl]", sample).replace("seed = 20240229", f"seed = {seed}")
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return load_station(path)


def measured(name, tmp_path, *, seed):
    with bright(name, tmp_path, seed=seed).connect() as bench:
        outcome = run(T1(**SAME), bench, tmp_path / f"{name}.h5", label="same")
    assert (outcome.status, outcome.points, outcome.is_safe) == ("finished", 24, True)
    recorded = read_run(outcome.path)
    times = recorded.header.layout.dimensions[1].values
    difference = recorded.data["difference"].mean(axis=0)
    error = np.sqrt((recorded.data["difference_errors"] ** 2).mean(axis=0) / 2)
    return times, difference, error, recorded.header.truth


def test_other_devices_find_the_same_relaxation(tmp_path):
    times, one, one_error, truth = measured("levitated-diamond", tmp_path, seed=1)
    again, other, other_error, other_truth = measured("levitated-diamond-ens", tmp_path, seed=2)
    assert (times == again).all()
    assert truth["T1"] == pytest.approx(other_truth["T1"], rel=1e-6, abs=0)
    deviations = (one - other) / np.hypot(one_error, other_error)
    assert (deviations**2).sum() < chi2.ppf(0.999, times.size)
    assert abs(other[0]) > 30 * other_error[0], "there is something to compare"
    model = lmfit.Model(lambda t, a, T1, beta: a * np.exp(-((t / T1) ** beta)), independent_vars=["t"])
    start = model.make_params(a=other[0], T1={"value": 5e-4, "min": 1e-6}, beta={"value": 1, "min": 0.1})
    fit = model.fit(other, start, t=times, weights=1 / other_error, scale_covar=False)
    assert fit.params["T1"].stderr < 0.06 * truth["T1"][0]
    assert fit.params["T1"].value == pytest.approx(truth["T1"][0], abs=4 * fit.params["T1"].stderr)
    assert fit.params["beta"].value == pytest.approx(truth["beta"], abs=4 * fit.params["beta"].stderr)


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"pi_duration": "8 ns"}, SequenceError, "needs at least 10 ns"),
        ({"pi_duration": "51 ns"}, SequenceError, "resolution of 2 ns"),
        ({"repetitions": 1}, LimitError, "counter triggers: wanted 2"),
        ({"signal_width": "10 ns"}, LimitError, "counter gate width: wanted 20 ns"),
    ],
)
def test_what_these_devices_cannot_do_is_refused_before_anything_moves(parameters, error, text):
    with load_station(ROOT / "instruments" / "levitated-diamond-ens.toml").connect() as bench:
        with pytest.raises(error, match=text):
            preflight(T1(**parameters), bench)
        assert bench.magnet.measured_current == pytest.approx(0.0, abs=0.02)
        assert not math.isfinite(bench.simulation.world.level("microwave.power"))
