"""Coherences of the optical cycle: the steady state of the full Lindblad equation of one class.

The rate model (`labspin.physics.nv.rate_model`) keeps the populations of the eigenstates only. That is its
secular limit: right where the levels of each triplet lie farther apart than optical transitions broaden
them. Near the plane across an NV axis and in weak fields they do not, above all in the excited state, whose
|±1> are then split by less than they decay; the light pumps superpositions of eigenstates.

Here every zero-field rate k_pq of the cycle is a jump operator ``√k_pq |q><p|`` (p, q: m_s = +1, 0, −1), the
relaxation replaces the state of the ground triplet by the thermal one (rate 1/T1⁰) or by equal populations
(cross-relaxation), and a microwave drives jumps between eigenstates. The rates between eigenstates that
follow are those of the rate model. `DirectPumping` is the master equation of the supplement of [NV]: jumps
``√Ω |0><±1|``.

Light leaves no coherence between the triplets, so the equation has 9 + 9 + 1 components. The excited state
and the singlet are eliminated exactly; what is left is one complex 9×9 system a class, in the eigenbasis,
where the large frequencies stand on the diagonal. Axes: component(s), class (4), batch; the pair (i, j) of
ρ_ij is one axis of nine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import abridged
from labspin.physics.nv.cycle import Cycle
from labspin.physics.nv.rate_model import Populations, RateModel
from labspin.physics.nv.records import OpticalRates
from labspin.physics.nv.spin_one import SpinOneStates, state_vectors, transition_spin
from labspin.physics.nv.stretched import RateMixture

__all__ = ["CoherentState", "coherent_steady_state"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_DIAGONAL = (0, 4, 8)  # of the nine pairs (i, j)
_UPPER = (1, 2, 5)  # the pairs (0, lower), (0, upper), (lower, upper)


@dataclass(frozen=True)
class CoherentState:
    """Density matrices of one ground and excited triplet; ``spin`` is <S> of both."""

    populations: Populations  # of the eigenstates
    spin: FloatArray  # (3, 4, ...) in the class frames

    __repr__ = abridged


def coherent_steady_state(
    *,
    model: RateModel,
    pump: FloatArray,
    driving: FloatArray | None = None,
    decay: RateMixture | None = None,
) -> CoherentState:
    """Return the steady state of the Lindblad equation.

    Parameters
    ----------
    model
        The classes, made with ``projectors=True``.
    pump
        Ω, broadcast with (4, ...), 1/s.
    driving
        Rates (3, 4, ...) that a microwave drives between eigenstates, as in `RateModel.ground_rates`, 1/s.
    decay
        Spread of the relaxation rates, over which is averaged; None: one rate.
    """
    equation = _Equation.of(model, pump, driving)
    rates = ((1.0, 1.0),) if decay is None else zip(decay.rates, decay.weights, strict=True)
    parts = [(float(weight), equation.solve(float(rate))) for rate, weight in rates]

    def mean(pick: int) -> FloatArray:
        return np.asarray(sum(weight * part[pick] for weight, part in parts), dtype=np.float64)

    return CoherentState(Populations(mean(0), mean(1), mean(2)), mean(3))


@dataclass(frozen=True)
class _Equation:
    """What does not depend on the relaxation rate; every array begins with the batch (4, ...)."""

    model: RateModel
    pump: FloatArray  # (4, ...)
    fixed: ComplexArray  # (4, ..., 9, 9): precession, pumping and driving of the ground triplet
    feed: ComplexArray  # (4, ..., 9, 9): excited state per ground state, at the pump
    crossing: ComplexArray  # (4, ..., 9): singlet per excited state

    @classmethod
    def of(cls, model: RateModel, pump: FloatArray, driving: FloatArray | None) -> _Equation:
        ground = _level_weights(model.ground)
        omega = np.broadcast_to(pump, np.broadcast_shapes(pump.shape, ground.shape[:-2]))
        kept, chance, feed, crossing = _optics(model, ground)
        gain = np.einsum("...qx,...pq,...py->...xy", ground, chance, ground.conj())
        fixed = omega[..., None, None] * (gain - kept) + _precession(model.ground)
        if driving is not None:
            fixed = fixed + _driven(driving)
        return cls(model, omega, fixed, omega[..., None, None] * feed, crossing)

    def solve(self, scale: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return populations of ground, excited (3, 4, ...), singlet (4, ...), and <S> (3, 4, ...)."""
        model, isolated = self.model, scale * self.model.isolated_rate
        cross = scale * model.cross_rate[..., None]
        towards = isolated * np.moveaxis(model.equilibrium, 0, -1) + cross / 3.0
        system = self.fixed.copy()
        for state, row in enumerate(_DIAGONAL):
            system[..., row, _DIAGONAL] += towards[..., state, None]
        system -= (isolated + cross)[..., None] * np.eye(9)
        # The trace is kept, so one equation follows from the others: in its place, Σ p = 1.
        size = np.abs(system[..., _DIAGONAL, :]).max(axis=(-1, -2))
        system[..., 0, :] = 0.0
        system[..., 0, _DIAGONAL] = size[..., None]
        wanted = np.zeros((*system.shape[:-1], 1), dtype=np.complex128)
        wanted[..., 0, 0] = size
        inside: ComplexArray = np.linalg.solve(system, wanted).astype(np.complex128)[..., 0]
        excited: ComplexArray = np.einsum("...xy,...y->...x", self.feed, inside)
        singlet = (self.crossing * excited).sum(axis=-1).real
        norm = 1.0 / (1.0 + excited[..., _DIAGONAL].real.sum(axis=-1) + singlet)
        spin = _spin(model.ground, inside)
        if isinstance(model.cycle, Cycle):
            spin = spin + _spin(model.excited, excited)
        return (
            np.moveaxis(inside[..., _DIAGONAL].real, -1, 0) * norm,
            np.moveaxis(excited[..., _DIAGONAL].real, -1, 0) * norm,
            singlet * norm,
            spin * norm,
        )


def _level_weights(states: SpinOneStates) -> ComplexArray:
    """Return <i|q><q|j> for q = +1, 0, −1 and the nine pairs (i, j): shape (4, ..., 3, 9)."""
    x, y, zero = np.moveaxis(state_vectors(states), 1, 0)  # (3 states, 4, ...) each
    amplitudes = np.stack([(x - 1j * y) / np.sqrt(2.0), zero, (x + 1j * y) / np.sqrt(2.0)])  # <q|i>
    pairs = amplitudes.conj()[:, :, None] * amplitudes[:, None]
    return np.moveaxis(pairs.reshape(3, 9, *pairs.shape[3:]), (0, 1), (-2, -1))


def _precession(states: SpinOneStates) -> ComplexArray:
    energies = np.moveaxis(states.energies, 0, -1)
    turn = (energies[..., :, None] - energies[..., None, :]).reshape(*energies.shape[:-1], 9)
    return np.asarray(-1j * turn[..., None] * np.eye(9))


def _loss(operator: ComplexArray) -> ComplexArray:
    """Return ``½(Nρ + ρN)`` as (..., 9, 9) for N of shape (..., 9)."""
    square = operator.reshape(*operator.shape[:-1], 3, 3)
    unit = np.eye(3)
    left = np.einsum("...ik,jl->...ijkl", square, unit)
    right = np.einsum("ik,...lj->...ijkl", unit, square)
    return np.asarray(0.5 * (left + right).reshape(*operator.shape[:-1], 9, 9))


def _optics(
    model: RateModel, ground: ComplexArray
) -> tuple[ComplexArray, FloatArray, ComplexArray, ComplexArray]:
    """Return loss, chance p → q, excited state per ground state, and singlet per excited state, at Ω = 1."""
    batch = ground.shape[:-2]
    if not isinstance(model.cycle, Cycle):
        chance = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        nothing = np.zeros((*batch, 9, 9), dtype=np.complex128)
        return _loss(ground[..., 0, :] + ground[..., 2, :]), chance, nothing, nothing[..., 0]
    rates = model.cycle.rates
    excited = _level_weights(model.excited)
    leaves = rates.spin_conserving + rates.spin_mixing + _crossing_rates(rates)
    equation = _loss(np.einsum("p,...px->...x", leaves, excited)) - _precession(model.excited)
    # What a ground level p of weight one, pumped at Ω = 1, keeps in the excited state.
    kept: ComplexArray = np.linalg.solve(equation, np.moveaxis(excited, -2, -1)).astype(np.complex128)
    inside = np.einsum("...px,...xq->...pq", excited.conj(), kept).real  # population of level p, from q
    lands: FloatArray = np.einsum("...pa,pq->...aq", inside, _fate(rates)).astype(np.float64)
    crossing: ComplexArray = np.einsum("p,...px->...x", _crossing_rates(rates), excited.conj())
    everything = np.broadcast_to(np.eye(9, dtype=np.complex128), (*batch, 9, 9))
    return everything, lands, kept @ ground.conj(), crossing / rates.singlet_decay


def _crossing_rates(rates: OpticalRates) -> FloatArray:
    return np.array([rates.crossing_one, rates.crossing_zero, rates.crossing_one])


def _fate(rates: OpticalRates) -> FloatArray:
    """Return the rate from the excited level p to the ground level q, directly or through the singlet."""
    conserving, half = rates.spin_conserving, 0.5 * rates.spin_mixing
    direct = np.array([[conserving, 2 * half, 0], [half, conserving, half], [0, 2 * half, conserving]])
    landing = np.array([rates.singlet_one, rates.singlet_zero, rates.singlet_one]) / rates.singlet_decay
    return direct + _crossing_rates(rates)[:, None] * landing


def _driven(driving: FloatArray) -> ComplexArray:
    """Return the jumps (4, ..., 9, 9) at the rates (0 ↔ lower, 0 ↔ upper, lower ↔ upper)."""
    flow = np.zeros((*driving.shape[1:], 9, 9), dtype=np.complex128)
    leaving = np.zeros((*driving.shape[1:], 3))
    for rate, (i, j) in zip(driving, ((0, 1), (0, 2), (1, 2)), strict=True):
        flow[..., _DIAGONAL[i], _DIAGONAL[j]] += rate
        flow[..., _DIAGONAL[j], _DIAGONAL[i]] += rate
        leaving[..., i] += rate
        leaving[..., j] += rate
    both = 0.5 * (leaving[..., :, None] + leaving[..., None, :]).reshape(*leaving.shape[:-1], 9)
    flow[..., range(9), range(9)] -= both
    return flow


def _spin(states: SpinOneStates, density: ComplexArray) -> FloatArray:
    """Return Tr ρS of shape (3, 4, ...) for ρ of shape (4, ..., 9)."""
    populations = np.moveaxis(density[..., _DIAGONAL].real, -1, 0)
    coherences = np.moveaxis(density[..., _UPPER], -1, 0)  # ρ_ij, which goes with <j|S|i>
    between = transition_spin(state_vectors(states))  # (pair, component, 4, ...) <i|S|j>
    diagonal = np.einsum("i...,ik...->k...", populations, states.spin)
    return np.asarray(diagonal + 2.0 * np.einsum("i...,ik...->k...", coherences.conj(), between).real)
