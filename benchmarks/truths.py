"""Random truths of every model that is fitted by least squares, over the ranges for which each is used."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from labspin.analysis import load_model

Draw = tuple[str, dict, np.ndarray, dict, complex]
"""Model, options, x, truth, noise (imaginary: of the imaginary part)."""


class Chance:
    """Random numbers, as truths want them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def log(self, low: float, high: float) -> float:
        """Evenly in the logarithm."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def flat(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def sign(self) -> float:
        return float(self.rng.choice([-1.0, 1.0]))

    def of(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def delays(self, low: float, high: float, least: int = 20, most: int = 100) -> np.ndarray:
        count = int(self.rng.integers(least, most))
        return np.geomspace(low, high, count) if self.of(0, 1) else np.linspace(low, high, count)

    def apart(self, count: int, low: float, high: float, distance: float) -> np.ndarray:
        """So many places, each two at least the distance apart."""
        for _ in range(10_000):
            found = np.sort(self.rng.uniform(low, high, count))
            if count == 1 or np.diff(found).min() > distance:
                return found
        return np.linspace(low, high, count + 2)[1:-1]


def _numbered(name: str, values) -> dict[str, float]:
    return {f"{name}_{k + 1}": float(value) for k, value in enumerate(values)}


def stretched(c: Chance) -> Draw:
    T1, high = c.log(1e-5, 1e-2), c.sign() * c.log(0.01, 100)
    x = c.delays(T1 * c.log(1e-3, 0.05), T1 * c.log(3, 30))
    truth = {"amplitude": high, "T1": T1, "beta": c.flat(0.45, 1.2), "baseline": high * c.flat(-3, 3)}
    return "stretched_exponential", {}, x, truth, abs(high) / c.log(8, 300)


def recharging(c: Chance) -> Draw:
    T1, slow = c.log(1e-4, 1e-2), c.log(10, 100)
    x = np.geomspace(T1 * 0.01, T1 * slow * 3, int(c.flat(50, 120)))
    truth = {"amplitude": c.log(0.1, 0.4), "T1": T1, "beta": c.flat(0.6, 1.0), "baseline": 1.0}
    truth |= {"recharging": c.sign() * c.log(0.05, 0.3), "recharging_time": T1 * slow}
    return "recharging_decay", {}, x, truth, truth["amplitude"] / c.log(50, 500)


def double(c: Chance) -> Draw:
    fast, ratio = c.log(1e-5, 1e-3), c.log(6, 50)
    x = np.geomspace(fast * 0.03, fast * ratio * 5, int(c.flat(40, 120)))
    high = c.sign() * c.log(0.1, 10)
    truth = {"amplitude_fast": high, "time_fast": fast, "amplitude_slow": high * c.log(0.3, 3)}
    truth |= {"time_slow": fast * ratio, "baseline": high * c.flat(-2, 2)}
    return "double_exponential", {}, x, truth, abs(high) / c.log(30, 500)


def _lines(c: Chance, model: str, height: str, count: int, extra: dict) -> Draw:
    span, middle = c.log(2e7, 3e8), c.flat(2.4e9, 3.3e9)
    points = int(c.flat(40, 100)) * (count + 1)
    x = np.linspace(middle - span / 2, middle + span / 2, points)
    width = span / c.log(10, 40) / (count + 1) * 2
    widths = np.maximum(width * c.rng.uniform(0.7, 1.4, count), 4 * span / points)
    centers = c.apart(count, middle - 0.4 * span, middle + 0.4 * span, 1.3 * widths.max())
    sign = c.sign() if height == "depth" else 1.0
    high = sign * c.log(1e-3, 1e3) * c.rng.uniform(0.5, 1, count)
    truth = _numbered("center", centers) | _numbered("width", widths) | _numbered(height, high) | extra
    truth["offset"] = float(abs(high).max()) * c.flat(-1, 50)
    return model, {"count": count}, x, truth, float(abs(high).min()) / c.log(8, 100)


def lorentzian(c: Chance) -> Draw:
    return _lines(c, "lorentzian_dips", "depth", int(c.rng.integers(1, 7)), {})


def gaussian(c: Chance) -> Draw:
    return _lines(c, "gaussian_dips", "depth", int(c.rng.integers(1, 7)), {})


def lorentzian_slope(c: Chance) -> Draw:
    return _lines(c, "lorentzian_derivative", "height", int(c.rng.integers(1, 5)), {})


def gaussian_slope(c: Chance) -> Draw:
    return _lines(c, "gaussian_derivative", "height", int(c.rng.integers(1, 5)), {})


def _field(c: Chance) -> dict[str, float]:
    """A field of any direction."""
    direction = c.rng.normal(size=3)
    field = direction / np.linalg.norm(direction) * c.log(1.5e-3, 1.2e-2)
    found = dict(zip(("B_x", "B_y", "B_z"), field.tolist(), strict=True))
    return found | {"D": c.flat(2.866e9, 2.874e9), "E": 0.0, "width": c.log(2e6, 9e6)}


def odmr(c: Chance) -> Draw:
    x, high = np.linspace(2.5e9, 3.25e9, int(c.flat(400, 900))), c.log(100, 1e6)
    truth = _field(c) | _numbered("contrast", c.rng.uniform(0.01, 0.03, 4)) | {"offset": high}
    return "odmr_spectrum", {}, x, truth, 0.02 * high / c.log(8, 60)


def mdmr(c: Chance) -> Draw:
    x, truth = np.linspace(2.5e9, 3.25e9, int(c.flat(400, 900))), _field(c)
    for number in range(1, 5):
        for branch in ("lower", "upper"):
            truth[f"amplitude_{number}_{branch}"] = c.sign() * c.flat(0.4, 1)
    return "mdmr_spectrum", {}, x, truth | {"offset": 0.1}, 0.5 / c.log(8, 60)


def cross_dip(c: Chance) -> Draw:
    half = c.log(1e-3, 1e-2)
    x = np.linspace(-half, half, int(c.flat(60, 300)))
    truth = {"center": half * c.flat(-0.5, 0.5), "sigma": half * c.log(0.05, 0.2), "depth": c.log(0.01, 0.2)}
    truth |= {"saturation": c.log(0.5, 10), "offset": 1.0, "slope": c.flat(-1, 1) * 0.02 / half}
    return "cross_relaxation_dip", {}, x, truth, truth["depth"] / c.log(20, 200)


def cross_rate(c: Chance) -> Draw:
    x = np.linspace(-5e-3, 5e-3, int(c.flat(60, 200)))
    truth = {"isolated_time": c.log(3e-4, 3e-3), "linewidth": c.log(2e6, 1.5e7), "field_offset": 0.0}
    truth["dipolar_time"] = truth["isolated_time"] * c.log(0.1, 1)
    options = {"bias": [0.001, 0.0005, c.flat(0.004, 0.01)], "direction": [1.0, c.flat(0, 0.5), 0.0]}
    return "cross_relaxation_rate", options, x, truth, 1 / truth["dipolar_time"] / c.log(20, 100)


def _resonance(c: Chance) -> tuple[np.ndarray, dict[str, float]]:
    f0, Q = c.log(1e3, 1e5), c.log(100, 1e5)
    half = f0 / Q * c.log(2, 20)
    middle = f0 + half * c.flat(-0.5, 0.5)
    points = max(int(c.flat(80, 400)), int(8 * half * Q / f0))
    return np.linspace(middle - half, middle + half, points), {"f0": f0, "Q": Q}


def amplitude(c: Chance) -> Draw:
    x, truth = _resonance(c)
    high = c.log(1e-6, 10)
    truth |= {"amplitude": high, "offset": high * c.flat(0, 0.3)}
    return "resonator_amplitude", {}, x, truth, high / c.log(15, 300)


def response(c: Chance) -> Draw:
    x, truth = _resonance(c)
    high = c.log(1e-6, 10)
    truth |= {"amplitude": high, "phase": c.flat(-3, 3), "delay": 0.0}
    truth |= {"crosstalk_x": high * c.flat(-1, 1), "crosstalk_y": high * c.flat(-1, 1)}
    return "resonator_response", {}, x, truth, complex(1, 1) * high / c.log(10, 300)


def phase(c: Chance) -> Draw:
    x, truth = _resonance(c)
    return "resonator_phase", {}, x, truth | {"phase": c.flat(-3, 3), "delay": 0.0}, c.log(0.003, 0.15)


def notch(c: Chance) -> Draw:
    f0, internal = c.log(1e9, 1e10), c.log(3e3, 1e6)
    coupling = internal * c.log(0.2, 5)
    width = f0 * (1 / internal + 1 / coupling)
    half = width * c.log(4, 20)
    middle, points = f0 + half * c.flat(-0.4, 0.4), int(c.flat(150, 500))
    truth = {"f0": f0, "Q_internal": internal, "Q_coupling": coupling, "mismatch": c.flat(-0.6, 0.6)}
    truth |= {"amplitude": c.log(1e-3, 1), "phase": c.flat(-3, 3), "delay": c.flat(0, 8e-8)}
    x = np.linspace(middle - half, middle + half, points)
    return "notch_resonator", {}, x, truth, complex(1, 1) * truth["amplitude"] / c.log(20, 300)


def ring_down(c: Chance) -> Draw:
    time_, high = c.log(1e-2, 10), c.sign() * c.log(1e-6, 10)
    x = np.linspace(0, time_ * c.log(2, 12), int(c.flat(100, 800)))
    truth = {"amplitude": high, "ring_down_time": time_, "offset": high * c.flat(-0.5, 0.5), "start": 0.0}
    return "ring_down", {}, x, truth, abs(high) / c.log(10, 300)


def complex_ring_down(c: Chance) -> Draw:
    time_, high = c.log(1e-2, 10), c.log(1e-6, 10)
    x = np.linspace(0, time_ * c.log(2, 12), int(c.flat(200, 900)))
    fastest = 0.2 / (x[1] - x[0])
    truth = {"amplitude": high, "ring_down_time": time_, "detuning": fastest * c.flat(-1, 1), "start": 0.0}
    truth |= {"phase": c.flat(-3, 3), "offset_x": high * c.flat(-1, 1), "offset_y": high * c.flat(-1, 1)}
    return "complex_ring_down", {}, x, truth, complex(1, 1) * high / c.log(10, 300)


def decibel(c: Chance) -> Draw:
    time_, depth = c.log(1e-2, 10), c.flat(15, 60)
    fall = time_ * depth * math.log(10) / 20
    x = np.linspace(0, fall * c.flat(1.3, 3), int(c.flat(100, 800)))
    level = c.flat(-80, 20)
    truth = {"level": level, "ring_down_time": time_, "floor": level - depth, "start": 0.0}
    return "ring_down_decibel", {}, x, truth, c.log(0.1, 2)


def friction(c: Chance) -> Draw:
    near, exponent = c.log(5, 100), c.flat(1, 4)
    x = np.geomspace(near, near * c.log(5, 30), int(c.flat(20, 80)))
    high = c.log(0.1, 100)
    truth = {"amplitude": high * (near / 50) ** exponent, "exponent": exponent}
    truth["background"] = high * c.log(0.003, 0.3)
    return "noncontact_friction", {"reference": 50.0}, x, truth, high / c.log(50, 500)


def hyperfine(c: Chance) -> Draw:
    lines, splitting = c.of((3, 2.16e6), (2, 3.03e6), (2, 1.3e7))
    half, middle = splitting * (lines / 2 + c.flat(0.5, 2)), c.flat(2.5e9, 3.2e9)
    x = np.linspace(middle - half, middle + half, int(c.flat(50, 200)))
    truth = {"center": middle + half * c.flat(-0.15, 0.15), "splitting": splitting * c.flat(0.97, 1.03)}
    truth |= {"width": splitting * c.log(0.15, 0.6), "depth": c.log(0.003, 0.05), "offset": 1.0}
    return "hyperfine_dips", {"lines": lines}, x, truth, truth["depth"] / c.log(5, 100)


def ramsey(c: Chance) -> Draw:
    decay, count = c.log(3e-7, 1e-5), c.of(1, 2, 3)
    splitting = {1: None, 2: 3.03e6, 3: 2.16e6}[count]
    detuning = c.log(1.5, 6) / decay
    longest = decay * c.log(1.5, 4)
    fastest = detuning + (splitting or 0.0)
    x = np.linspace(longest * 0.01, longest, max(40, int(longest * fastest * c.log(4, 12))))
    truth = {"amplitude": c.log(0.01, 1), "detuning": detuning, "T2_star": decay, "phase": c.flat(-0.5, 0.5)}
    truth |= {"offset": 0.01, "exponent": 2.0} | ({"splitting": splitting} if splitting else {})
    return "ramsey", {"count": count}, x, truth, truth["amplitude"] / c.log(8, 100)


def echo(c: Chance) -> Draw:
    T2 = c.log(1e-6, 1e-3)
    x = c.delays(T2 * c.flat(0.01, 0.2), T2 * c.flat(1.5, 4))
    truth = {"amplitude": c.sign() * c.log(0.01, 10), "T2": T2, "exponent": c.flat(0.8, 3.2), "offset": 0.0}
    return "echo_decay", {}, x, truth, abs(truth["amplitude"]) / c.log(8, 300)


def decoupling(c: Chance) -> Draw:
    x = 2.0 ** np.arange(int(c.flat(4, 10)))
    truth = {"T2": c.log(1e-6, 1e-3), "exponent": c.flat(0.2, 1.0)}
    return "decoupling_scaling", {}, x, truth, truth["T2"] / c.log(10, 100)


def rabi(c: Chance) -> Draw:
    frequency = c.log(1e5, 3e7)
    x = np.linspace(0, c.flat(1.5, 8) / frequency, int(c.flat(60, 150)))
    truth = {
        "amplitude": c.log(0.01, 10),
        "frequency": frequency,
        "phase": c.flat(-0.6, 0.6),
        "exponent": 1.0,
    }
    truth |= {"decay_time": x[-1] * c.log(0.3, 2), "offset": c.flat(-1, 100) * truth["amplitude"]}
    return "rabi_oscillation", {}, x, truth, truth["amplitude"] / c.log(8, 100)


def ensemble(c: Chance) -> Draw:
    frequency = c.log(1e6, 2e7)
    x = np.linspace(0, c.flat(2, 6) / frequency, int(c.flat(40, 120)))
    truth = {
        "amplitude": c.log(0.01, 1),
        "rabi_frequency": frequency,
        "linewidth": frequency * c.log(0.2, 1.2),
    }
    truth |= {"offset": 1.0, "detuning": 0.0}
    return "rabi_ensemble", {}, x, truth, truth["amplitude"] / c.log(15, 200)


def bath(c: Chance) -> Draw:
    x = np.geomspace(0.02, 0.9, int(c.flat(15, 50)))
    truth = {"density": c.log(2e16, 1e18), "T1": c.log(1e-5, 1e-3), "distance": 2.2e-6}
    model, held = load_model("spin_bath_shift"), dict.fromkeys(
        ("temperature_offset", "T1_exponent", "frequency_offset", "loss_offset"), 0.0)  # fmt: skip
    y = model.evaluate(x, truth | held)
    sizes = np.ptp(y.real), np.ptp(y.imag)
    return "spin_bath_shift", {}, x, truth | held, complex(*sizes) / c.log(15, 200)


def three_level(c: Chance) -> Draw:
    lower = c.log(100, 3e4)
    upper = lower / c.log(1, 50)
    x = np.geomspace(0.01 / lower, 3 / upper, int(c.flat(20, 50)))
    truth = {"lower_rate": lower, "upper_rate": upper, "lower_amplitude": 0.2, "upper_amplitude": 0.25}
    none = ("lower_baseline", "upper_baseline", "double_quantum_rate", "pumping_time", "guard", "spread")
    return (
        "three_level_relaxation",
        {},
        x,
        truth | dict.fromkeys(none, 0.0),
        complex(1, 1) * 0.2 / c.log(10, 100),
    )


def layer(c: Chance) -> Draw:
    field, distance = c.of(12e-3, 20e-3, 28e-3), c.log(120e-9, 500e-9)
    options = {"near": 60e-9, "far": 900e-9, "field": field}
    truth = {"distance": distance, "spread": min(c.flat(10e-9, 60e-9), 0.4 * (distance - 60e-9)), "T1": 3e-3}
    truth |= {"lower_amplitude": 0.2, "upper_amplitude": 0.25, "field": field}
    none = ("lower_baseline", "upper_baseline", "double_quantum_rate", "pumping_time", "guard")
    x = np.geomspace(1e-6, 5e-3, int(c.flat(20, 40)))
    return (
        "film_layer_relaxation",
        options,
        x,
        truth | dict.fromkeys(none, 0.0),
        complex(1, 1) * 0.2 / c.log(15, 150),
    )


def edge(c: Chance) -> Draw:
    distance = c.log(5e-8, 5e-7)
    half = distance * c.log(3, 12)
    x = np.linspace(-half, half, int(c.flat(25, 80)))
    truth = {"distance": distance, "edge": half * c.flat(-0.4, 0.4), "magnetisation": c.sign() * 1.39e5}
    truth["offset"] = c.flat(-1e-3, 1e-3)
    model = load_model("film_edge")
    return "film_edge", {}, x, truth, np.ptp(model.evaluate(x, truth)) / c.log(15, 200)


NONE = dict.fromkeys(
    ("thickness_change", "magnetisation_change", "exchange_change", "damping_change", "temperature_change"),
    0.0,
)


def film(c: Chance) -> Draw:
    low = c.flat(5e-3, 25e-3)
    x = np.linspace(low, low + c.flat(6e-3, 20e-3), int(c.flat(4, 12)))
    truth = {
        "distance": c.log(170e-9, 600e-9),
        "T1": c.log(1e-3, 5e-3),
        "scale": 1.0,
        "tilt_change": 0.0,
    } | NONE
    options = {"near": 150e-9, "far": 700e-9}
    y = load_model("film_relaxation", **options).evaluate(x, truth)
    share = c.log(0.01, 0.1)
    return "film_relaxation", options, x, truth, complex(y.real.max(), y.imag.max()) * share


def shift(c: Chance) -> Draw:
    low = c.flat(5e-3, 25e-3)
    x = np.linspace(low, low + c.flat(6e-3, 20e-3), int(c.flat(4, 12)))
    truth = {"distance": c.log(65e-9, 350e-9), "offset": 0.0, "slope": 0.0} | NONE
    options = {"near": 60e-9, "far": 400e-9}
    y = load_model("spin_wave_shift", **options).evaluate(x, truth)
    return "spin_wave_shift", options, x, truth, np.abs(y).max() / c.log(8, 100)


def force(c: Chance) -> Draw:
    x = np.geomspace(80e-9, 600e-9, int(c.flat(6, 20)))
    options = {"near": 50e-9, "far": 1e-6, "field": 35e-3, "pump_rate": 3e6}
    truth = {
        "surface": 0.0,
        "coefficient": c.log(3e11, 3e13),
        "baseline": c.flat(-5e-3, 5e-3),
        "scale": 1.0,
    } | NONE
    y = load_model("spin_wave_force", **options).evaluate(x, truth)
    return "spin_wave_force", options, x, truth, np.ptp(y) / c.log(8, 100)


def saturation(c: Chance) -> Draw:
    half, high = c.log(1e-4, 1e-1), c.log(1e3, 1e6)
    x = np.linspace(0, half * c.flat(1.5, 10), int(c.flat(12, 60)))
    truth = {"amplitude": high, "saturation": half, "offset": high * c.flat(0, 0.1), "slope": 0.0}
    return "saturation", {}, x, truth, high / c.log(20, 300)


DRAWS: tuple[Callable[[Chance], Draw], ...] = (
    stretched, recharging, double, lorentzian, gaussian, lorentzian_slope, gaussian_slope, odmr, mdmr,
    cross_dip, cross_rate, amplitude, response, phase, notch, ring_down, complex_ring_down, decibel, friction,
    hyperfine, ramsey, echo, decoupling, rabi, ensemble, bath, three_level, layer, edge, film, shift, force,
    saturation,
)  # fmt: skip
"""One for each model that is fitted by least squares."""
