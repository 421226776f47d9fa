"""The models as loops over one trace, for the compiled engine: y and its derivatives at every point.

A kernel is a plain function ``kernel(x, values, y, jacobian)`` that fills y (n,) and jacobian (p, n), rows in
the order of the parameters. It uses `math` and numbers only, so that numba compiles it as it stands; it
runs without numba as well, slowly, and so is tested against the model's own function and derivatives
everywhere. Complex models fill real and imaginary parts in turn: y (2n,), jacobian (p, 2n).
"""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "complex_ring_down_kernel",
    "double_kernel",
    "gaussian_kernel",
    "lorentzian_kernel",
    "rabi_kernel",
    "recharging_kernel",
    "ring_down_kernel",
    "stretched_kernel",
]

_FOUR_LN2 = 4 * math.log(2)
_TURN = 2 * math.pi


def stretched_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill amplitude·exp(−(x/T1)^beta) + baseline."""
    amplitude, T1, beta, baseline = values
    log_T1 = math.log(T1)
    for i in range(x.size):
        # The limits keep every factor finite; what they cut is below 1e-60 of the amplitude.
        logarithm = math.log(max(x[i], 1e-300)) - log_T1
        power = math.exp(min(beta * logarithm, 600.0))
        decay = math.exp(-power)
        falling = amplitude * decay * power
        y[i] = amplitude * decay + baseline
        jacobian[0, i] = decay
        jacobian[1, i] = falling * beta / T1
        jacobian[2, i] = -falling * logarithm
        jacobian[3, i] = 1.0


def recharging_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill (baseline + amplitude·exp(−(x/T1)^beta))·(1 + recharging·(1 − exp(−x/recharging_time)))."""
    amplitude, T1, beta, baseline, recharging, time = values
    log_T1 = math.log(T1)
    for i in range(x.size):
        logarithm = math.log(max(x[i], 1e-300)) - log_T1
        power = math.exp(min(beta * logarithm, 600.0))
        decay = math.exp(-power)
        passed = max(x[i], 0.0)
        filled = -math.expm1(-passed / time)
        drift = 1.0 + recharging * filled
        falling = amplitude * decay * power * drift
        inner = amplitude * decay + baseline
        y[i] = inner * drift
        jacobian[0, i] = decay * drift
        jacobian[1, i] = falling * beta / T1
        jacobian[2, i] = -falling * logarithm
        jacobian[3, i] = drift
        jacobian[4, i] = inner * filled
        jacobian[5, i] = -inner * recharging * (1.0 - filled) * passed / (time * time)


def double_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill amplitude_fast·exp(−x/time_fast) + amplitude_slow·exp(−x/time_slow) + baseline."""
    fast, time_fast, slow, time_slow, baseline = values
    for i in range(x.size):
        decay_fast = math.exp(-x[i] / time_fast)
        decay_slow = math.exp(-x[i] / time_slow)
        y[i] = fast * decay_fast + slow * decay_slow + baseline
        jacobian[0, i] = decay_fast
        jacobian[1, i] = fast * decay_fast * x[i] / (time_fast * time_fast)
        jacobian[2, i] = decay_slow
        jacobian[3, i] = slow * decay_slow * x[i] / (time_slow * time_slow)
        jacobian[4, i] = 1.0


def lorentzian_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill offset [+ slope (x − center_1)] − Σ depth_k/(1 + (2 (x − center_k)/width_k)²)."""
    count, sloping = values.size // 3, values.size % 3 == 2
    slope = values[3 * count + 1] if sloping else 0.0
    for i in range(x.size):
        y[i] = values[3 * count] + slope * (x[i] - values[0])
        jacobian[3 * count, i] = 1.0
        if sloping:
            jacobian[3 * count + 1, i] = x[i] - values[0]
    for k in range(count):
        center, depth, inverse = values[k], values[2 * count + k], 2.0 / values[count + k]
        by_center, by_width, by_depth = jacobian[k], jacobian[count + k], jacobian[2 * count + k]
        tilt = slope if k == 0 else 0.0
        for i in range(x.size):
            z = (x[i] - center) * inverse
            dip = 1.0 / (1.0 + z * z)
            bent = -2.0 * depth * inverse * z * dip * dip
            y[i] -= depth * dip
            by_center[i] = bent - tilt
            by_width[i] = 0.5 * bent * z
            by_depth[i] = -dip


def gaussian_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill offset [+ slope (x − center_1)] − Σ depth_k exp(−4 ln 2 (x − center_k)²/width_k²)."""
    count, sloping = values.size // 3, values.size % 3 == 2
    slope = values[3 * count + 1] if sloping else 0.0
    for i in range(x.size):
        y[i] = values[3 * count] + slope * (x[i] - values[0])
        jacobian[3 * count, i] = 1.0
        if sloping:
            jacobian[3 * count + 1, i] = x[i] - values[0]
    for k in range(count):
        center, depth, inverse = values[k], values[2 * count + k], 1.0 / values[count + k]
        by_center, by_width, by_depth = jacobian[k], jacobian[count + k], jacobian[2 * count + k]
        tilt = slope if k == 0 else 0.0
        for i in range(x.size):
            z = (x[i] - center) * inverse
            dip = math.exp(-_FOUR_LN2 * z * z)
            bent = -2.0 * _FOUR_LN2 * depth * inverse * z * dip
            y[i] -= depth * dip
            by_center[i] = bent - tilt
            by_width[i] = bent * z
            by_depth[i] = -dip


def ring_down_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill amplitude·exp(−x/ring_down_time) + offset."""
    amplitude, time, offset = values
    for i in range(x.size):
        decay = math.exp(-x[i] / time)
        y[i] = amplitude * decay + offset
        jacobian[0, i] = decay
        jacobian[1, i] = amplitude * decay * x[i] / (time * time)
        jacobian[2, i] = 1.0


def complex_ring_down_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill amplitude·exp(i phase + (2πi detuning − 1/ring_down_time) x) + offset_x + i offset_y."""
    amplitude, time, detuning, phase, offset_x, offset_y = values
    for i in range(x.size):
        decay = math.exp(-x[i] / time)
        angle = phase + _TURN * detuning * x[i]
        real, imaginary = decay * math.cos(angle), decay * math.sin(angle)
        y[2 * i], y[2 * i + 1] = amplitude * real + offset_x, amplitude * imaginary + offset_y
        by_time, turned = amplitude * x[i] / (time * time), amplitude * _TURN * x[i]
        jacobian[0, 2 * i], jacobian[0, 2 * i + 1] = real, imaginary
        jacobian[1, 2 * i], jacobian[1, 2 * i + 1] = by_time * real, by_time * imaginary
        jacobian[2, 2 * i], jacobian[2, 2 * i + 1] = -turned * imaginary, turned * real
        jacobian[3, 2 * i], jacobian[3, 2 * i + 1] = -amplitude * imaginary, amplitude * real
        jacobian[4, 2 * i], jacobian[4, 2 * i + 1] = 1.0, 0.0
        jacobian[5, 2 * i], jacobian[5, 2 * i + 1] = 0.0, 1.0


def rabi_kernel(x: Any, values: Any, y: Any, jacobian: Any) -> None:
    """Fill offset + amplitude·cos(2π frequency x + phase)·exp(−(x/decay_time)^exponent)."""
    amplitude, frequency, decay_time, phase, offset, exponent = values
    log_time = math.log(decay_time)
    for i in range(x.size):
        logarithm = math.log(max(x[i], 1e-300)) - log_time
        power = math.exp(min(exponent * logarithm, 600.0))
        envelope = math.exp(-power)
        angle = _TURN * frequency * x[i] + phase
        swing, across = math.cos(angle) * envelope, -amplitude * math.sin(angle) * envelope
        y[i] = offset + amplitude * swing
        jacobian[0, i] = swing
        jacobian[1, i] = _TURN * x[i] * across
        jacobian[2, i] = amplitude * swing * power * exponent / decay_time
        jacobian[3, i] = across
        jacobian[4, i] = 1.0
        jacobian[5, i] = -amplitude * swing * power * logarithm
