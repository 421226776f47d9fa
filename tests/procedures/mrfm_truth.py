"""The truth that a simulated run carries, at the temperatures that were measured."""

import numpy as np
from scipy.interpolate import CubicSpline


def true_resonances(recorded):
    """Return true f0 (Hz) and 1/Q at the measured temperatures of a run."""
    truth = recorded.header.truth
    kelvin = np.log(truth["curve_temperature"])
    measured = np.log(recorded.data["temperature"])
    frequency = CubicSpline(kelvin, truth["curve_resonance_frequency"])(measured)
    return frequency, 1 / CubicSpline(kelvin, truth["curve_quality_factor"])(measured)


def pulls(recorded):
    """Return the deviations of f0 and 1/Q from the truth in standard errors, shape (2, points)."""
    frequency, inverse_quality = true_resonances(recorded)
    data = recorded.data
    return np.array(
        [
            (data["resonance_frequency"] - frequency) / data["resonance_frequency_errors"],
            (data["inverse_quality"] - inverse_quality) / data["inverse_quality_errors"],
        ]
    )


def true_exponent(truth):
    """Return the power of temperature with which T1 goes."""
    return float(np.polyfit(np.log(truth["curve_temperature"]), np.log(truth["curve_T1"]), 1)[0])


def true_T1(truth, kelvin):
    """Return T1 (s) at ``kelvin``."""
    logarithm = np.interp(np.log(kelvin), np.log(truth["curve_temperature"]), np.log(truth["curve_T1"]))
    return float(np.exp(logarithm))
