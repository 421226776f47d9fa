"""Numbers of the SR830: ranges, reserves, shortest time constants.

After the *Model SR830 DSP Lock-In Amplifier* manual (Stanford Research Systems, revision 2.5): lists of
``SENS``, ``OFLT`` and ``SRAT`` on pages 5-6 and 5-13, reserves on page 4-8, shortest time constants on page
4-9.
"""

from __future__ import annotations

__all__ = ["RATES", "RESERVES", "SENSITIVITIES", "TIME_CONSTANTS", "shortest_time_constant"]

SENSITIVITIES: tuple[float, ...] = (
    *(
        float(f"{digit}e{exponent}")
        for exponent in range(-9, 0)
        for digit in (1, 2, 5)
        if (digit, exponent) != (1, -9)
    ),
    1.0,
)
"""V rms, by the index of ``SENS``: 2 nV to 1 V."""

TIME_CONSTANTS: tuple[float, ...] = tuple(
    float(f"{digit}e{exponent}") for exponent in range(-5, 5) for digit in (1, 3)
)
"""s, by the index of ``OFLT``: 10 µs to 30 ks."""

RATES: tuple[float, ...] = tuple(2.0**k for k in range(-4, 10))
"""Samples a second, by the index of ``SRAT``: 62.5 mHz to 512 Hz."""

_LEAST_RESERVE = (0, 6, 4, 0, 6, 4, 0, 6, 4)  # dB from 1 V down to 2 mV, "low noise"
_NORMAL_RESERVE = (0, 6, 14, 20, 26, 24, 20, 26, 34)
_HIGH_RESERVE = (0, 6, 14, 20, 26, 34, 40, 46, 54)
_FROM_1_MV = (10, 16, 24)  # dB, then 20 dB more for every decade


def _reserves(above: tuple[int, ...], more: int) -> tuple[int, ...]:
    below = [20 * (n // 3) + _FROM_1_MV[n % 3] + more for n in range(len(SENSITIVITIES) - len(above))]
    return tuple(reversed((*above, *below)))


RESERVES: tuple[tuple[int, ...], ...] = (
    _reserves(_HIGH_RESERVE, 50),
    _reserves(_NORMAL_RESERVE, 30),
    _reserves(_LEAST_RESERVE, 0),
)
"""Dynamic reserve in dB, by the indices of ``RMOD`` and ``SENS``."""

_GAINS = {  # greatest DC gain in dB at which each time constant, from 10 µs on, may be used
    0: (45, 55, 65, 75, 85, 95, 105, 115, 125, 135, 145, 155, 165, 175),
    1: (55, 75, 95, 115, 135, 155, 175),
    2: (62, 92, 122, 152, 182),
    3: (72, 112, 152, 182),
}


def shortest_time_constant(slope: int, gain: float) -> int:
    """Return the index of the shortest time constant at a DC gain (reserve plus expand), dB.

    Parameters
    ----------
    slope
        Index of ``OFSL``.
    gain
        dB.
    """
    return next((n for n, most in enumerate(_GAINS[slope]) if gain < most), len(_GAINS[slope]) - 1)
