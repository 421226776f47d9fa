"""Ring-downs as records hold them: driven before, cross-talk, short and long, any spacing of the times."""

import numpy as np
import pytest

from labspin.analysis import fit_batch, fit_curve, load_model, ring_down_window
from labspin.errors import FitError
from tests.some import some

TAU = 5.0


def bound(time, sigma, amplitude=1.0):
    """Return the least standard deviation of τ that any unbiased estimate can have (Cramér–Rao)."""
    decay = np.exp(-time / TAU)
    slopes = np.stack([decay, amplitude * decay * time / TAU**2, np.ones_like(time)]) / sigma
    return np.sqrt(np.linalg.inv(slopes @ slopes.T)[1, 1])


@pytest.mark.parametrize("span", [1, 5, 20])
def test_a_clean_record_is_used_whole(span):
    time, rng, found = np.linspace(0, span * TAU, 400), np.random.default_rng(span), []
    for _ in range(30):
        y = np.exp(-time / TAU) + rng.normal(0, 0.01, time.size)
        fit = fit_curve(load_model("ring_down"), time, y)
        found.append((fit["ring_down_time"].value, fit["ring_down_time"].stderr, fit.x.size))
    value, error, points = np.transpose(found)
    least = bound(time, 0.01)
    assert np.median(points) == time.size
    assert np.median(error) == pytest.approx(least, rel=0.05, abs=0)
    assert value.std() == pytest.approx(least, rel=3.5 / np.sqrt(60), abs=0)
    assert abs(value.mean() - TAU) < 4 * least / np.sqrt(30)


@pytest.mark.parametrize("talk", [0.0, 0.1, 0.3, 1.0, -0.3])
@pytest.mark.parametrize("span", [0.5, 2, 20])
def test_crosstalk_that_stops_with_the_drive_does_not_bias(span, talk):
    off, rng = 5.0, np.random.default_rng(3)
    time = np.linspace(0, off + span * TAU, 1500)
    least = bound(time[time >= off] - off, 0.01)
    pulls = []
    for _ in range(4):
        y = np.where(time < off, 1 + talk, np.exp(-(time - off) / TAU)) + rng.normal(0, 0.01, time.size)
        fit = fit_curve(load_model("ring_down"), time, y)
        # Without a jump the moment itself is uncertain.
        assert off - (0.01 if talk else 0.05 * TAU) <= fit.x[0] < off + 0.15 * TAU
        pulls.append((fit["ring_down_time"].value - TAU) / least)
    assert abs(np.mean(pulls)) < 2.5


@pytest.mark.parametrize("detuning", [0.0, 0.3, 4.0])
@pytest.mark.parametrize("talk", [0.3j, 1.0])
def test_both_quadratures_with_crosstalk(detuning, talk):
    off, rng = 5.0, np.random.default_rng(4)
    time = np.linspace(0, off + 5 * TAU, 800)
    moving = np.exp((2j * np.pi * detuning - 1 / TAU) * (time - off))
    y = np.where(time < off, 1 + talk, moving) + rng.normal(0, 0.01, (time.size, 2)) @ np.array([1, 1j])
    fit = fit_curve(load_model("complex_ring_down"), time, y)
    assert abs(fit["ring_down_time"].value - TAU) < 4.5 * fit["ring_down_time"].stderr
    assert fit["ring_down_time"].stderr < 0.03
    assert off <= fit.x[0] < off + 0.05 * TAU


def test_one_fit_is_a_batch_of_one():
    time, rng = np.linspace(0, 40, 600), np.random.default_rng(5)
    y = np.where(time < 8, 1.2, np.exp(-(time - 8) / TAU)) + rng.normal(0, 0.01, (3, time.size))
    batch = fit_batch(load_model("ring_down"), time, y, check=0)
    for row in range(3):
        single = fit_curve(load_model("ring_down"), time, y[row])
        assert single.noise is None
        for name in some(batch.names):
            assert batch[name][row] == pytest.approx(single[name].value, rel=1e-6, abs=0)
            assert batch.error(name)[row] == pytest.approx(single[name].stderr, rel=1e-5, abs=0)


@pytest.mark.parametrize("kind", ["repeated", "logarithmic", "unix"])
def test_any_times_will_do(kind):
    rng = np.random.default_rng(6)
    times = {
        "repeated": np.repeat(np.linspace(0, 10, 200), 2),
        "logarithmic": np.geomspace(1e-3, 10, 200),
        "unix": 1.7e9 + np.linspace(0, 10, 400),
    }
    time = times[kind]
    y = np.exp(-(time - time[0]) / 2) + rng.normal(0, 0.01, time.size)
    fit = fit_curve(load_model("ring_down"), time, y)
    assert abs(fit["ring_down_time"].value - 2) < 4.5 * fit["ring_down_time"].stderr
    assert fit["ring_down_time"].stderr < 0.04
    assert fit["amplitude"].value == pytest.approx(1.0, rel=0.02, abs=0)
    assert fit["start"].fixed
    assert fit["start"].value == time[0]


def test_an_oscillation_is_no_ring_down():
    time = np.linspace(0, 10, 400)
    y = np.cos(40 * time) * np.exp(-time / 3) + np.random.default_rng(7).normal(0, 0.02, time.size)
    with pytest.raises(FitError, match=r"wanted the amplitude .* got an oscillation"):
        fit_curve(load_model("ring_down"), time, y)
    assert ring_down_window(time, np.random.default_rng(8).normal(size=400)).any()
