"""Driving between ground eigenstates: matrix elements, line shapes, rates, and pulses.

A linearly polarised field ``B1 cos(ωt) u`` drives i ↔ j at the Rabi frequency ``Ω_ij = γe B1 |<i|u·S|j>|``
and, in a line that dephases at Γ2, moves population at ``W = (Ω²/2) Γ2/(Γ2² + (ω − ω_ij)²)``. Averaged over
a Gaussian distribution of lines of standard deviation σ this is ``W = (Ω²/2) π V(ω − ω_ij)`` with the Voigt
profile V of unit area. That is the incoherent limit (it saturates at equal populations). A resonant pulse
shorter than the dephasing time inverts; `inversion_probability` gives how much of a line it inverts, which
`labspin.physics.nv.PulseSegment` applies as an exchange of two populations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive, vectors
from labspin.physics.nv.rate_model import RateModel
from labspin.physics.nv.spin_one import state_vectors, transition_spin

__all__ = ["Microwave", "driving_rates", "inversion_probability", "rabi_frequencies"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Microwave:
    """A microwave tone at the sample and the line that it drives.

    The defaults are typical of [NV]: a Rabi frequency of 2π·99 kHz for |0> ↔ |−1> with B1 ⟂ n, and the 9–12
    MHz (full width at half maximum) of its inhomogeneous line.

    Raises
    ------
    ArgumentError
        A value is negative or not finite, the direction has no length, or the line has no width at all.
    """

    amplitude: float = 5e-6  # T, peak of the linearly polarised field
    direction: tuple[float, float, float] = (0.0, 1.0, 0.0)  # lab frame, any length but zero
    dephasing_rate: float = 1e6  # 1/s, Γ2
    inhomogeneous_width: float = 2.5e7  # rad/s, σ of the Gaussian line: 2π·4 MHz

    def __post_init__(self) -> None:
        for name in ("amplitude", "dephasing_rate", "inhomogeneous_width"):
            non_negative(name, getattr(self, name))
        if vectors("direction", self.direction).shape != (3,):
            raise ArgumentError(f"direction: wanted one vector of 3 components, got {self.direction!r}")
        positive("direction: its length", np.linalg.norm(self.direction))
        if self.dephasing_rate == 0 and self.inhomogeneous_width == 0:
            raise ArgumentError(
                "dephasing_rate: wanted a line of some width, got 0 and no inhomogeneous_width"
            )

    @property
    def unit_direction(self) -> FloatArray:
        """Direction of length one, shape (3,)."""
        return np.asarray(np.asarray(self.direction) / np.linalg.norm(self.direction))


def rabi_frequencies(*, model: RateModel, direction: FloatArray, larmor_amplitude: float) -> FloatArray:
    """Return γe B1 |<i|u·S|j>| (3, 4, ...) for (0 ↔ lower, 0 ↔ upper, lower ↔ upper), rad/s.

    Parameters
    ----------
    model
        Rate model that was made with ``projectors=True``.
    direction
        Unit vector u of the microwave field in the class frames, shape (3, 4) or (3, 4, ...).
    larmor_amplitude
        γe B1, with B1 the peak of the linearly polarised field, rad/s.
    """
    spin = transition_spin(state_vectors(model.ground))
    unit = direction.reshape(direction.shape + (1,) * (spin.ndim - 1 - direction.ndim))
    return np.asarray(larmor_amplitude * np.abs((spin * unit).sum(axis=1)))


def driving_rates(
    *,
    model: RateModel,
    microwave: Microwave,
    gyromagnetic_ratio: float,
    direction: FloatArray,
    frequency: FloatArray,
) -> FloatArray:
    """Return the driving rates W (3, 4, ...), 1/s.

    Symbols and line shape: see the module.

    Parameters
    ----------
    model
        Rate model that was made with ``projectors=True``.
    microwave
        Amplitude of the tone and widths of the line; its direction is not read.
    gyromagnetic_ratio
        γe in rad/(s T).
    direction
        Unit vector u of the microwave field in the class frames, shape (3, 4) or (3, 4, ...).
    frequency
        Angular frequency of the tone, broadcasting with the lines (3, 4, ...), rad/s.
    """
    from scipy.special import voigt_profile

    rabi = rabi_frequencies(
        model=model, direction=direction, larmor_amplitude=gyromagnetic_ratio * microwave.amplitude
    )
    energies = model.ground.energies
    lines = np.abs(energies[[1, 2, 2]] - energies[[0, 0, 1]])
    detuning = frequency - lines
    profile = voigt_profile(detuning, microwave.inhomogeneous_width, microwave.dephasing_rate)
    return np.asarray((0.5 * np.pi) * rabi * rabi * profile)


def inversion_probability(
    *, rabi: ArrayLike, detuning: ArrayLike, duration: ArrayLike, inhomogeneous_width: float
) -> FloatArray:
    """Return the mean population exchanged by a square coherent pulse.

    ``⟨Ω²/(Ω² + δ²) sin²(√(Ω² + δ²) t/2)⟩`` over a Gaussian line of standard deviation σ about the detuning;
    no dephasing during the pulse (t ≪ 1/Γ2).

    Parameters
    ----------
    rabi, detuning
        Ω and δ in rad/s.
    duration
        t in s, ≥ 0; π/Ω makes a π pulse.
    inhomogeneous_width
        σ in rad/s; 0 for a single line.

    Raises
    ------
    ArgumentError
        A value is not finite or negative, or shapes do not broadcast.
    """
    omega, delta = non_negative("rabi", rabi, unit="rad/s"), finite("detuning", detuning, unit="rad/s")
    time, sigma = (
        non_negative("duration", duration, unit="s"),
        non_negative("inhomogeneous_width", inhomogeneous_width),
    )
    if sigma == 0:
        offset, weight = np.zeros(1), np.ones(1)
    else:
        # The integrand turns |offset|·t/2 radians per half period: enough points for 8 σ at any pulse length.
        points = int(np.clip(64 + 8.0 * float(sigma) * float(np.max(time)), 64, 20_000))
        z = np.linspace(-8.0, 8.0, points)
        offset, weight = sigma * z, np.exp(-0.5 * z * z)
        weight = weight / weight.sum()
    general = np.hypot(omega[..., None], delta[..., None] + offset)
    ratio = np.divide(omega[..., None], general, out=np.zeros_like(general), where=general > 0)
    exchanged = (ratio * np.sin(0.5 * general * time[..., None])) ** 2
    return np.asarray(exchanged @ weight)
