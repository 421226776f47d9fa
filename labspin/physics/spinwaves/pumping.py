"""Optical pumping of an NV centre: the six-level cycle, with the spin waves of a film acting on it.

Levels in the order 0, +, − (ground triplet), 3 (excited, m_S = 0), 4 (excited, m_S = ±1), 5 (singlet). All
processes are incoherent, so the occupations obey a linear rate equation; [SW] eliminates ρ_±± from it to
write the 5×5 system (164)–(166).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labspin.physics.arguments import FloatArray, broadcast, non_negative, positive
from labspin.physics.spinwaves.nv import ParamagneticSpin, thermal_rates

if TYPE_CHECKING:
    from labspin.physics.spinwaves.bath import SpinWaveBath

__all__ = [
    "NV_TABLE2",
    "OPTIMUM_PUMP_RATE",
    "OpticalCycle",
    "correlation_time",
    "pump_rate_from_intensity",
    "pumped_occupations",
    "pumping_rate_matrix",
]

_MHZ = 2e6 * np.pi


@dataclass(frozen=True)
class OpticalCycle:
    """Rates of the optical cycle, in rad/s.

    Parameters
    ----------
    conserving
        γ_c, radiative decay 3 → 0 and 4 → ± (half to each).
    non_conserving
        γ_nc, decay 4 → 0 and 3 → ± (half to each).
    shelving_spin
        γ_45, 4 → 5.
    shelving_zero
        γ_35, 3 → 5.
    return_spin
        γ_5±, 5 → + and 5 → −, each.
    return_zero
        γ_50, 5 → 0.
    pumping_parameter
        α_d = Ω/I_d, in rad/s per W/m².

    Raises
    ------
    ArgumentError
        A rate is not finite and positive.
    """

    conserving: float
    non_conserving: float
    shelving_spin: float
    shelving_zero: float
    return_spin: float
    return_zero: float
    pumping_parameter: float

    def __post_init__(self) -> None:
        for item in fields(self):
            positive(f"optical cycle {item.name}", getattr(self, item.name))


NV_TABLE2 = OpticalCycle(
    conserving=9.7 * _MHZ,
    non_conserving=0.097 * _MHZ,
    shelving_spin=12 * _MHZ,
    shelving_zero=1.74 * _MHZ,
    return_spin=0.21 * _MHZ,
    return_zero=0.49 * _MHZ,
    pumping_parameter=0.45e-3,
)
"""[SW] Table 2 (room temperature); α_d = 0.45 mHz m²/W is taken in rad/s, which gives the quoted 0.13
GW/m²."""

OPTIMUM_PUMP_RATE = 2e4 * np.pi
"""Ω = 2π·10 kHz, the optimum [SW] names for a centre far from the film, in rad/s."""


def pump_rate_from_intensity(*, intensity: ArrayLike, cycle: OpticalCycle = NV_TABLE2) -> FloatArray:
    """Return Ω = α_d I_d in rad/s for a light intensity in W/m²."""
    return cycle.pumping_parameter * non_negative("intensity", intensity, unit="W/m^2")


def pumping_rate_matrix(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike,
    cycle: OpticalCycle = NV_TABLE2,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return the generator R of dρ/dt = R ρ over the levels (0, +, −, 3, 4, 5), Eqs. (158)–(162).

    Parameters
    ----------
    spin, field, temperature, bath
        As `relaxation_times`; the spin waves add κ_a to 0 → − and κ_d to − → 0.
    pump_rate
        Ω ≥ 0 in rad/s, 0 → 3 and ± → 4. Broadcasts with the rest.
    cycle
        Rates of the optical cycle.

    Returns
    -------
    FloatArray
        Shape (..., 6, 6) in 1/s; columns sum to zero.
    """
    thermal = thermal_rates(spin=spin, field=field, temperature=temperature)
    pump = non_negative("pump_rate", pump_rate, unit="rad/s")
    gain = np.zeros(1) if bath is None else bath.sum_rate - bath.difference_rate
    loss = np.zeros(1) if bath is None else bath.sum_rate + bath.difference_rate
    shape = broadcast(thermal=thermal.gamma_plus, pump_rate=pump)
    if bath is not None:
        shape = broadcast(thermal=np.empty(shape), bath=bath.sum_rate)
    rates = np.zeros((*shape, 6, 6))
    rates[..., 1, 0] = thermal.kappa_1 * thermal.occupation_plus
    rates[..., 0, 1] = thermal.kappa_1 * (1 + thermal.occupation_plus)
    rates[..., 2, 0] = thermal.kappa_1 * thermal.occupation_minus + (gain if bath is not None else 0)
    rates[..., 0, 2] = thermal.kappa_1 * (1 + thermal.occupation_minus) + (loss if bath is not None else 0)
    rates[..., 3, 0] = rates[..., 4, 1] = rates[..., 4, 2] = pump
    _add_cycle(rates, cycle)
    diagonal = np.arange(6)
    rates[..., diagonal, diagonal] -= rates.sum(axis=-2)
    return rates


def _add_cycle(rates: FloatArray, cycle: OpticalCycle) -> None:
    """Fill in the decays of the excited triplet and the singlet."""
    rates[..., 0, 3] = cycle.conserving
    rates[..., 1:3, 3] = cycle.non_conserving / 2
    rates[..., 0, 4] = cycle.non_conserving
    rates[..., 1:3, 4] = cycle.conserving / 2
    rates[..., 5, 4] = cycle.shelving_spin
    rates[..., 5, 3] = cycle.shelving_zero
    rates[..., 0, 5] = cycle.return_zero
    rates[..., 1:3, 5] = cycle.return_spin


def pumped_occupations(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike = OPTIMUM_PUMP_RATE,
    cycle: OpticalCycle = NV_TABLE2,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return the occupations of (0, +, −, 3, 4, 5) at rest under pumping, shape (..., 6).

    Arguments as `pumping_rate_matrix`. At Ω = 0 this is `steady_occupations` with empty excited levels.
    """
    matrix = pumping_rate_matrix(
        spin=spin, field=field, temperature=temperature, pump_rate=pump_rate, cycle=cycle, bath=bath
    )
    # One balance follows from the other five; the norm takes its place, scaled to the fastest rate.
    scale = np.abs(matrix).max(axis=(-2, -1))
    matrix[..., 5, :] = scale[..., None]
    right = np.zeros((*matrix.shape[:-1], 1))
    right[..., 5, 0] = scale
    return np.asarray(np.linalg.solve(matrix, right)[..., 0])


def correlation_time(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike = OPTIMUM_PUMP_RATE,
    cycle: OpticalCycle = NV_TABLE2,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return τ_nv, the longest relaxation time of the occupations under pumping, in s, Eq. (177).

    Arguments as `pumping_rate_matrix`.
    """
    matrix = pumping_rate_matrix(
        spin=spin, field=field, temperature=temperature, pump_rate=pump_rate, cycle=cycle, bath=bath
    )
    decay = np.sort(-np.linalg.eigvals(matrix).real, axis=-1)
    return np.asarray(1 / decay[..., 1])
