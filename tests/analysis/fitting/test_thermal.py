"""Thermal spectra: the likelihood is exact, the window is seen, the errors are right; and a measured one."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import lfilter

from labspin.analysis import fit_foreign, fit_spectrum, load_model
from labspin.analysis.models.thermal import oscillator_spectrum, smeared_spectrum
from labspin.errors import FitError, RecipeError

MEASURED = Path(__file__).parents[2] / "data" / "brownian_thermal_spectrum.h5"
TRUTH = {"f0": 7972.5, "Q": 10000.0, "variance": 0.94, "white": 4.5e-5}
BINS = np.arange(7400, 8400, 0.5)


def pull(fit, name, truth=None):
    fitted = fit.outcome[name]
    return (fitted.value - (truth or TRUTH)[name]) / fitted.stderr


def test_area_of_the_peak_is_the_variance():
    area, _ = quad(
        lambda f: oscillator_spectrum(f, 100.0, 20.0, 3.0, 0.0), 0, 2000, points=[100.0], limit=400
    )
    assert area == pytest.approx(3.0, rel=2e-4, abs=0)


@pytest.mark.parametrize("window", ["hann", "rectangular"])
def test_smeared_spectrum_is_the_window_seen_by_a_convolution(window):
    """Reference: S convolved with the window's own power transform, by brute force."""
    length, f0, Q = 2.0, 100.0, 80.0
    time = (np.arange(1000) + 0.5) / 1000 * length
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * time / length) if window == "hann" else np.ones_like(time)
    offsets = np.arange(-60, 60, 0.02)
    kernel = np.abs(np.exp(-2j * np.pi * np.outer(offsets, time)) @ shape) ** 2
    kernel /= kernel.sum()
    for frequency in (99.0, 100.0, 100.5, 103.0):
        around = oscillator_spectrum(frequency - offsets, f0, Q, 2.0, 0.1)
        found = smeared_spectrum(frequency, f0, Q, 2.0, 0.1, length=length, window=window)
        assert float(found) == pytest.approx(np.sum(kernel * around), rel=3e-3, abs=0)


def test_long_segments_give_back_the_plain_spectrum():
    x = np.linspace(7960, 7985, 100)
    plain = oscillator_spectrum(x, *TRUTH.values())
    smeared = smeared_spectrum(x, *TRUTH.values(), length=2000.0, window="hann")
    np.testing.assert_allclose(smeared, plain, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("averages", "Q"), [(1, 300.0), (4, 3000.0), (32, 10000.0)])
def test_pulls_and_coverage_on_gamma_bins(averages, Q):
    """The errors are those of a large sample: some ten independent bins in the peak are needed."""
    rng = np.random.default_rng(21)
    truth = TRUTH | {"Q": Q}
    mean = oscillator_spectrum(BINS, *truth.values())
    pulls, probabilities = [], []
    for _ in range(60):
        fit = fit_spectrum(BINS, mean * rng.gamma(averages, 1 / averages, BINS.size), averages=averages)
        pulls.append([pull(fit, name, truth) for name in TRUTH])
        probabilities.append([fit.outcome.statistics.p_value, fit.kolmogorov_smirnov])
    pulls = np.asarray(pulls)
    # 60 fits: the mean of the pulls spreads by 0.13, their width by 0.09.
    assert np.all(np.abs(pulls.mean(0)) < 4.5 * 0.13)
    assert np.all(np.abs(pulls.std(0) - 1) < 4.5 * 0.09)
    inside = np.mean(np.abs(pulls) < 1)
    assert abs(inside - 0.683) < 0.1
    assert np.mean(np.asarray(probabilities) < 0.05) < 0.13


def test_least_squares_on_the_logarithm_is_biased_and_the_likelihood_is_not():
    """A fit of ln P is low by exp(ψ(n) − ln n): 22 % for n = 2."""
    from scipy.optimize import least_squares
    from scipy.special import digamma

    rng = np.random.default_rng(22)
    n, mean = 2, oscillator_spectrum(BINS, *TRUTH.values())
    expected = np.exp(digamma(n) - np.log(n))
    logarithmic, likelihood = [], []
    for _ in range(10):
        power = mean * rng.gamma(n, 1 / n, BINS.size)
        fit = least_squares(
            lambda p, power=power: np.log(power) - np.log(oscillator_spectrum(BINS, p[0], *np.exp(p[1:]))),
            [TRUTH["f0"], *np.log(list(TRUTH.values())[1:])],
            x_scale=[0.4, 0.1, 0.1, 0.1],
        )
        logarithmic.append(np.exp(fit.x[3]) / TRUTH["white"])
        likelihood.append(fit_spectrum(BINS, power, averages=n).outcome["white"].value / TRUTH["white"])
    assert np.mean(logarithmic) == pytest.approx(expected, rel=0.02, abs=0)
    assert np.mean(likelihood) == pytest.approx(1, rel=0.02, abs=0)


def simulated_spectrum(rng, segments=32, length=2.0, rate=4000.0):
    """Hann spectrum of an oscillator simulated in time, as a complex envelope about 7900 Hz.

    Sampled four times as fast as the band that is kept is wide, so that the folded tails of the peak are
    one thousandth of the white noise.
    """
    count, centre = int(length * rate), 7900.0
    pole = np.exp((-np.pi * TRUTH["f0"] / TRUTH["Q"] + 2j * np.pi * (TRUTH["f0"] - centre)) / rate)

    def noise(*shape):
        return rng.normal(size=(*shape, 2)) @ np.array([1, 1j])

    amplitude = np.sqrt(TRUTH["variance"])
    kicks = noise(segments, count) * amplitude * np.sqrt(1 - abs(pole) ** 2)
    motion = lfilter([1.0], [1.0, -pole], kicks, zi=noise(segments, 1) * amplitude * pole)[0]
    detected = motion + noise(segments, count) * np.sqrt(TRUTH["white"] * rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
    spectrum = np.abs(np.fft.fft(detected * window)) ** 2
    frequency = centre + np.fft.fftfreq(count, 1 / rate)
    kept = np.argsort(frequency)[np.abs(np.sort(frequency) - centre) <= 500]
    # |envelope|² carries twice the mean square of the motion.
    return frequency[kept], spectrum.mean(0)[kept] / (2 * rate * np.sum(window**2))


def test_motion_simulated_in_time_and_analysed_with_a_hann_window():
    rng = np.random.default_rng(23)
    plain, smeared = [], []
    for _ in range(12):
        frequency, power = simulated_spectrum(rng)
        plain.append([pull(fit_spectrum(frequency, power, averages=32), name) for name in TRUTH])
        fit = fit_spectrum(frequency, power, averages=32, window="hann")
        smeared.append([pull(fit, name) for name in TRUTH])
    # 12 fits: the mean of the pulls spreads by 0.29, their width by 0.21.
    assert np.all(np.abs(np.mean(smeared, 0)) < 4 * 0.29)
    assert np.all(np.abs(np.std(smeared, 0) - 1) < 4 * 0.21)
    # Independent bins would promise errors of the white noise that are too small by 1.39.
    assert np.std(plain, 0)[3] > 1.1 * np.std(smeared, 0)[3]


def test_measured_cantilever_agrees_with_what_others_found():
    """Others (independent bins, no window): 7972.49 Hz, 399 ± 32 ms, Q 9990, 4.3 to 4.4 mN/m, χ²red 1.05."""
    settings = {
        "x": "x",
        "y": "y",
        "model": "thermal_spectrum",
        "units": ("Hz", "nm^2/Hz"),
        "temperature": 294.5,
    }
    plain = fit_foreign(MEASURED, **settings)
    assert plain["f0"].value == pytest.approx(7972.49, abs=0.01)
    assert plain["ring_down_time"].value == pytest.approx(0.399, abs=0.001)
    assert plain["ring_down_time"].stderr == pytest.approx(0.032, abs=0.002)
    assert plain["Q"].value == pytest.approx(9990, abs=10)
    assert 4.3e-3 < plain["spring_constant"].value < 4.4e-3
    assert plain.statistics.chi2red == pytest.approx(1.05, abs=0.01)
    hann = fit_foreign(MEASURED, window="hann", **settings)
    assert hann.statistics.aic < plain.statistics.aic
    assert 1.2 < hann["ring_down_time"].stderr / plain["ring_down_time"].stderr < 1.4
    assert abs(hann["Q"].value - plain["Q"].value) < plain["Q"].stderr


def test_least_squares_is_refused_for_the_gamma_model():
    from labspin.analysis import fit_curve

    with pytest.raises(FitError, match="fit_spectrum"):
        fit_curve(load_model("thermal_spectrum"), BINS, np.ones_like(BINS))


@pytest.mark.parametrize(
    ("power", "averages", "match"),
    [
        (np.zeros_like(BINS), 32, "power > 0"),
        (np.ones_like(BINS), 0, "averages"),
        (np.ones(5), 3, "one shape"),
    ],
)
def test_what_is_no_spectrum_is_refused(power, averages, match):
    with pytest.raises(FitError, match=match):
        fit_spectrum(BINS, power, averages=averages)


def test_unknown_window_is_refused():
    with pytest.raises(RecipeError, match="wanted the window"):
        fit_spectrum(BINS, np.ones_like(BINS), averages=2, window="flat top")
