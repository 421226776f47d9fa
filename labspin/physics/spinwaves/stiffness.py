"""The spring that spin waves put between a film and a spin on a cantilever.

A cantilever that carries the spin away from the film by x changes the force on it twice: at once, because the
levels shift differently at the new place, and with a delay, because the rates there are different and the
occupations follow them. To first order in x e^{iωt}, with dρ/dt = R(l) ρ and F = f(l)·ρ,

    κ(ω) = −[f'·ρ + f·(iω − R)⁻¹ R' ρ],

to be added to the stiffness of the cantilever: Δω/ω0 = Re κ/2k0, Δ(1/Q) = Im κ/k0 (e^{+iωt}).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.physics.arguments import FloatArray, broadcast, non_negative, positive
from labspin.physics.nv.records import NV_OPTICAL_RATES, OpticalRates
from labspin.physics.spinwaves.bath import SpinWaveBath, spin_wave_bath
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.force import level_forces
from labspin.physics.spinwaves.keywords import CentreInBath, CentreState
from labspin.physics.spinwaves.nv import ParamagneticSpin, exchange_gradients
from labspin.physics.spinwaves.pumping import (
    close_columns,
    fill_ground,
    pumped_occupations,
    pumping_rate_matrix,
)

__all__ = ["spin_wave_stiffness"]

_STEP = 1e-3


def spin_wave_stiffness(
    *,
    film: Film,
    spin: ParamagneticSpin,
    distance: ArrayLike,
    field: ArrayLike,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    pump_rate: ArrayLike = 0.0,
    cycle: OpticalRates = NV_OPTICAL_RATES,
    rates: str = "consistent",
    transitions: str = "both",
    occupation: str | None = None,
    counter_rotating: bool | None = None,
) -> NDArray[np.complex128]:
    """Return the complex stiffness κ(ω) that one spin adds to a cantilever moving along the film's normal.

    Parameters
    ----------
    film, spin, distance, field, temperature
        As `spin_wave_bath`.
    angular_frequency
        ω ≥ 0 of the cantilever in rad/s; 0 is the static limit −dF/dl. Broadcasts with the rest.
    pump_rate, cycle
        Optical pumping, as `pumped_occupations`; 0 is none.
    rates, transitions, occupation, counter_rotating
        Which terms count, as `spin_wave_bath`.

    Returns
    -------
    NDArray
        κ in N/m.

    Raises
    ------
    ArgumentError
        As `spin_wave_bath`, or a frequency or pump rate is negative.

    Notes
    -----
    Without light κ obeys fluctuation and dissipation: Im κ = ωS_F/2k_BT with the noise S_F of the force, and
    κ(0) is the curvature of the free energy. With ``occupation="mode"``, the form of [SW], it does not: at
    35 mT, 300 K and l = d a spin in equilibrium would then drive the cantilever (Im κ < 0).
    """
    omega = non_negative("angular_frequency", angular_frequency, unit="rad/s")
    pump = non_negative("pump_rate", pump_rate, unit="rad/s")
    metres = positive("distance", distance, unit="m")
    shape = broadcast(
        distance=metres,
        field=np.asarray(field),
        temperature=np.asarray(temperature),
        angular_frequency=omega,
        pump_rate=pump,
    )
    places = metres[..., None] * (1 + _STEP * np.array([-1.0, 0.0, 1.0]))
    state: CentreState = {
        "spin": spin,
        "field": np.asarray(field)[..., None],
        "temperature": np.asarray(temperature)[..., None],
    }
    bath = spin_wave_bath(
        film=film,
        distance=places,
        rtol=1e-9,
        rates=rates,
        transitions=transitions,
        occupation=occupation,
        counter_rotating=counter_rotating,
        **state,
    )
    near: CentreInBath = {**state, "bath": bath}
    generator = pumping_rate_matrix(pump_rate=pump[..., None], cycle=cycle, **near)
    levels = pumped_occupations(pump_rate=pump[..., None], cycle=cycle, **near)[..., 1, :]
    force = _force_on_levels(bath)
    force_slope = (force[..., 2, :] - force[..., 0, :]) / (2 * _STEP * metres[..., None])
    slope = np.zeros((*bath.decay_minus.shape, 6, 6))
    fill_ground(slope, exchange_gradients(spin, state["field"], state["temperature"], bath))
    close_columns(slope)
    moved = _response(generator[..., 1, :, :], (slope[..., 1, :, :] @ levels[..., None])[..., 0], omega)
    static = (force_slope * levels).sum(axis=-1)
    return np.broadcast_to(-(static + (force[..., 1, :] * moved).sum(axis=-1)), shape)


def _force_on_levels(bath: SpinWaveBath) -> FloatArray:
    """Return the force away from the film on each level (0, +, −, 3, 4, 5), shape (..., 6)."""
    ground = level_forces(bath)
    return np.concatenate([ground, np.zeros_like(ground)], axis=-1)


def _response(rates: FloatArray, source: FloatArray, omega: FloatArray) -> NDArray[np.complex128]:
    """Return (iω − R)⁻¹ s for a source that sums to zero, also at ω = 0, where R alone is singular."""
    scale = np.abs(rates).max(axis=(-2, -1))[..., None, None]
    # Sources and answers sum to zero, so that a constant added to every entry changes nothing but the norm.
    system = 1j * omega[..., None, None] * np.eye(6) - rates + scale
    return np.asarray(np.linalg.solve(system, source[..., None] + 0j)[..., 0])
