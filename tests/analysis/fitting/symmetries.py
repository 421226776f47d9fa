"""What may be done to x and y of a fit without changing what it says, and how the parameters then follow.

A symmetry scales and shifts x and y, and with them the values and errors of parameters. Every engine must
follow it, with its guesses, differences and tolerances.
"""

import functools
from dataclasses import dataclass

import numpy as np

from labspin.analysis import fit_batch, fit_curve
from tests.analysis.models.test_models import LEAST_SQUARES, made, noisy

X_SCALE = set(LEAST_SQUARES) - {
    # x is in SI, a number of pulses, or relative to a length of the model's own
    "cross_relaxation_rate", "decoupling_scaling", "film_edge",
    "film_layer_relaxation", "film_relaxation", "mdmr_spectrum", "noncontact_friction",
    "odmr_spectrum", "spin_bath_shift", "spin_wave_force", "spin_wave_shift",
}  # fmt: skip
Y_SCALE = set(LEAST_SQUARES) - {
    # y is in SI, or a logarithm
    "film_edge", "film_layer_relaxation", "film_relaxation",
    "resonator_phase", "ring_down_decibel", "spin_wave_shift",
}  # fmt: skip
BY_Y = {
    "spin_bath_shift": {"density": 1, "frequency_offset": 1, "loss_offset": 1},
    "spin_wave_force": {"coefficient": 1, "baseline": 1},
    "cross_relaxation_rate": {"isolated_time": -1, "dipolar_time": -1},
}
"""Powers of the scale of y of parameters that have units of their own."""
X_SHIFT = {
    "complex_ring_down": ("start",),
    "cross_relaxation_dip": ("center",),
    "gaussian_derivative": ("center_1", "center_2", "center_3"),
    "gaussian_dips": ("center_1", "center_2"),
    "hyperfine_dips": ("center",),
    "lorentzian_derivative": ("center_1", "center_2"),
    "lorentzian_dips": tuple(f"center_{k + 1}" for k in range(8)),
    "ring_down": ("start",),
    "ring_down_decibel": ("start",),
}
"""Models with a place on the axis of x, and the parameters that are it."""
Y_SHIFT = {
    "complex_ring_down": ("offset_x",),
    "cross_relaxation_dip": ("offset",),
    "double_exponential": ("baseline",),
    "gaussian_derivative": ("offset",),
    "gaussian_dips": ("offset",),
    "hyperfine_dips": ("offset",),
    "lorentzian_derivative": ("offset",),
    "lorentzian_dips": ("offset",),
    "mdmr_spectrum": ("offset",),
    "noncontact_friction": ("background",),
    "rabi_ensemble": ("offset",),
    "rabi_oscillation": ("offset",),
    "ramsey": ("offset",),
    "resonator_amplitude": ("offset",),
    "resonator_response": ("crosstalk_x",),
    "ring_down": ("offset",),
    "ring_down_decibel": ("level", "floor"),
    "saturation": ("offset",),
    "spin_wave_force": ("baseline",),
    "stretched_exponential": ("baseline",),
}
"""Models with a zero of y of their own, and the parameters that are it."""
SYMMETRIES = {"x scale": X_SCALE, "y scale": Y_SCALE, "x shift": set(X_SHIFT), "y shift": set(Y_SHIFT)}


@dataclass(frozen=True)
class Change:
    """Scales of x and y, and shifts in parts of their ranges, made before the scales."""

    x_scale: float = 1.0
    y_scale: float = 1.0
    x_shift: float = 0.0
    y_shift: float = 0.0


def scales(model, change):
    """Return by what each parameter is multiplied."""
    x, y = change.x_scale, change.y_scale
    known = {"x": x, "y": y, "1/x": 1 / x, "cycles/x": 1 / x, "y/x": y / x, "x*y": x * y}
    powers = BY_Y.get(model.name, {})
    return np.array([known.get(p.unit, y ** powers.get(p.name, 0)) for p in model.parameters])


def deviations(name, change, seed=5):
    """Return the largest change of values, in standard errors, and of errors, relative: by engine.

    Statuses that differ are infinitely far apart.
    """
    case, model, _ = made(name)
    y = noisy(case, model, np.random.default_rng(seed))
    x = np.asarray(case.x, float)
    right, up = change.x_shift * np.ptp(x), change.y_shift * np.ptp(np.real(y))
    moved = (change.x_scale * (x + right), change.y_scale * (y + up))
    size, shift = scales(model, change), np.zeros(len(model.names))
    for names, by in ((X_SHIFT.get(name, ()), right), (Y_SHIFT.get(name, ()), up)):
        shift[[model.names.index(one) for one in names]] += by
    found = {}
    for engine, fit in ENGINES.items():
        (values, errors, one), (again, other_errors, other) = unmoved(name, engine, seed), fit(model, *moved)
        free = errors > 0
        off = np.abs(again / size - shift - values)[free]
        rounding = 1e-14 * np.abs(shift)[free]  # of the shifted values themselves
        change_of_values = np.max(np.maximum(off - rounding, 0) / errors[free], initial=0.0)
        ratios = other_errors[free] / size[free] / errors[free]
        change_of_errors = np.max(np.abs(ratios - 1), initial=0.0)
        found[engine] = (change_of_values, change_of_errors) if one == other else (np.inf, np.inf)
    return found


@functools.cache
def unmoved(name, engine, seed):
    """Return values, errors and status of the fit to which others are compared; it is made once."""
    case, model, _ = made(name)
    return ENGINES[engine](model, np.asarray(case.x, float), noisy(case, model, np.random.default_rng(seed)))


def single(model, x, y):
    outcome = fit_curve(model, x, y)
    parameters = [outcome[name] for name in model.names]
    errors = np.array([0.0 if p.fixed else p.stderr for p in parameters])
    return np.array([p.value for p in parameters]), errors, outcome.statistics.converged


def batch(model, x, y):
    result = fit_batch(model, x, y[None], check=0)
    return result.values[0], np.nan_to_num(result.stderr[0]), int(result.status[0])


ENGINES = {"single": single, "batch": batch}
