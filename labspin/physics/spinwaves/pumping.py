"""Optical pumping of an NV centre: the six-level cycle, with the spin waves of a film acting on it.

Levels in the order 0, +, − (ground triplet), 3 (excited, m_S = 0), 4 (excited, m_S = ±1), 5 (singlet). All
processes are incoherent, so the occupations obey a linear rate equation; [SW] eliminates ρ_±± from it to
write the 5×5 system (164)–(166). The rates of the cycle are those of `labspin.physics.nv`; α_d = 0.45 mHz
m²/W of Table 2 is taken in rad/s, which gives the quoted 0.13 GW/m².
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labspin.physics.arguments import FloatArray, broadcast, non_negative
from labspin.physics.nv.records import NV_OPTICAL_RATES, OpticalRates
from labspin.physics.spinwaves.nv import Exchange, ParamagneticSpin, exchange_rates

if TYPE_CHECKING:
    from labspin.physics.spinwaves.bath import SpinWaveBath

__all__ = [
    "OPTIMUM_PUMP_RATE",
    "correlation_time",
    "pump_rate_from_intensity",
    "pumped_occupations",
    "pumping_rate_matrix",
]

OPTIMUM_PUMP_RATE = 2e4 * np.pi
"""Ω = 2π·10 kHz, the optimum [SW] names for a centre far from the film, in rad/s."""


def pump_rate_from_intensity(*, intensity: ArrayLike, cycle: OpticalRates = NV_OPTICAL_RATES) -> FloatArray:
    """Return Ω = α_d I_d in rad/s.

    Parameters
    ----------
    intensity
        Light intensity I_d ≥ 0 in W/m², any shape.
    cycle
        Rates of the optical cycle; its α_d is used.
    """
    return cycle.pump_per_intensity * non_negative("intensity", intensity, unit="W/m^2")


def pumping_rate_matrix(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike,
    cycle: OpticalRates = NV_OPTICAL_RATES,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return the generator R of dρ/dt = R ρ over the levels (0, +, −, 3, 4, 5), Eqs. (158)–(162).

    Parameters
    ----------
    spin, field, temperature, bath
        As `relaxation_times`; the spin waves add κ_a to 0 → ± and κ_d to ± → 0.
    pump_rate
        Ω ≥ 0 in rad/s, 0 → 3 and ± → 4. Broadcasts with the rest.
    cycle
        Rates of the optical cycle.

    Returns
    -------
    FloatArray
        Shape (..., 6, 6) in 1/s; columns sum to zero.
    """
    ground = exchange_rates(spin, field, temperature, bath)
    pump = non_negative("pump_rate", pump_rate, unit="rad/s")
    shape = broadcast(ground=ground.up_plus, pump_rate=pump)
    rates = np.zeros((*shape, 6, 6))
    fill_ground(rates, ground)
    rates[..., 3, 0] = rates[..., 4, 1] = rates[..., 4, 2] = pump
    _add_cycle(rates, cycle)
    close_columns(rates)
    return rates


def fill_ground(rates: FloatArray, ground: Exchange) -> None:
    """Fill in the rates between the levels 0, + and −."""
    rates[..., 1, 0], rates[..., 0, 1] = ground.up_plus, ground.down_plus
    rates[..., 2, 0], rates[..., 0, 2] = ground.up_minus, ground.down_minus
    rates[..., 1, 2], rates[..., 2, 1] = ground.across_up, ground.across_down


def close_columns(rates: FloatArray) -> None:
    """Set the diagonal so that columns sum to zero."""
    diagonal = np.arange(rates.shape[-1])
    rates[..., diagonal, diagonal] = 0.0
    rates[..., diagonal, diagonal] = -rates.sum(axis=-2)


def _add_cycle(rates: FloatArray, cycle: OpticalRates) -> None:
    """Fill in the decays of the excited triplet and the singlet."""
    rates[..., 0, 3] = cycle.spin_conserving
    rates[..., 1:3, 3] = cycle.spin_mixing / 2
    rates[..., 0, 4] = cycle.spin_mixing
    rates[..., 1:3, 4] = cycle.spin_conserving / 2
    rates[..., 5, 4] = cycle.crossing_one
    rates[..., 5, 3] = cycle.crossing_zero
    rates[..., 0, 5] = cycle.singlet_zero
    rates[..., 1:3, 5] = cycle.singlet_one


def pumped_occupations(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike = OPTIMUM_PUMP_RATE,
    cycle: OpticalRates = NV_OPTICAL_RATES,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return the occupations of (0, +, −, 3, 4, 5) at rest under pumping, shape (..., 6).

    At Ω = 0 this is `steady_occupations` with empty excited levels.

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K.
    pump_rate
        Ω ≥ 0 in rad/s, 0 → 3 and ± → 4.
    cycle
        Rates of the optical cycle.
    bath
        Spin waves at the place of the centre, from `spin_wave_bath`; None is far from the film. Shapes of
        field, temperature, pump rate and bath broadcast.
    """
    matrix = pumping_rate_matrix(
        spin=spin, field=field, temperature=temperature, pump_rate=pump_rate, cycle=cycle, bath=bath
    )
    return _steady(np.moveaxis(matrix, (-2, -1), (1, 0)))


def _steady(flow: FloatArray) -> FloatArray:
    """Return the occupations at rest (..., n) for rates from → to of shape (n, n, ...).

    States are eliminated one after the other (Grassmann, Taksar, Heyman): only positive terms are added, so
    that each occupation is exact to rounding, however rare, and zero where nothing leads. The diagonal is not
    read.
    """
    size = flow.shape[0]
    flow = flow.copy()
    for last in range(size - 1, 0, -1):
        flow[:last, last] /= flow[last, :last].sum(axis=0)
        flow[:last, :last] += flow[:last, None, last] * flow[None, last, :last]
    found = np.ones((size, *flow.shape[2:]))
    for state in range(1, size):
        found[state] = (found[:state] * flow[:state, state]).sum(axis=0)
    return np.moveaxis(found / found.sum(axis=0), 0, -1)


def correlation_time(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike = OPTIMUM_PUMP_RATE,
    cycle: OpticalRates = NV_OPTICAL_RATES,
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return τ_nv, the longest relaxation time of the occupations under pumping, in s, Eq. (177).

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K.
    pump_rate
        Ω ≥ 0 in rad/s, 0 → 3 and ± → 4.
    cycle
        Rates of the optical cycle.
    bath
        Spin waves at the place of the centre, from `spin_wave_bath`; None is far from the film. Shapes of
        field, temperature, pump rate and bath broadcast.
    """
    matrix = pumping_rate_matrix(
        spin=spin, field=field, temperature=temperature, pump_rate=pump_rate, cycle=cycle, bath=bath
    )
    decay = np.sort(-np.linalg.eigvals(matrix).real, axis=-1)
    return np.asarray(1 / decay[..., 1])
