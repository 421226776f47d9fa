"""The optical cycle of one class as rates between the eigenstates of the actual field.

Seven levels: three ground states, three excited ones, the singlet. A rate between eigenstates is the
zero-field rate averaged over what the states are made of, ``k_ij = Σ_pq |α_ip|² |α_jq|² k_pq``, which is
what makes the photoluminescence fall for fields off the axis.

The excited states exchange nothing with each other and the singlet is fed by them only, so all four are
eliminated exactly (Schur complement). With ground weights G_ip, excited weights E_jp and pump Ω the ground
states then obey ``T_ik = Ω Σ_pq G_ip C_pq G_kq``, where ``C = Eᵀ A`` and A_jq is the chance that excited
state j ends in the ground level q, directly or through the singlet. The 3×3 steady state is a quotient of
sums of products of positive rates (Kirchhoff's matrix-tree theorem): no cancellation, hence accurate to
rounding for any pump.

Arrays are component-first; p, q run over m_s = +1, 0, −1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import abridged
from labspin.physics.nv.records import DirectPumping, OpticalRates

__all__ = ["Cycle", "DirectCycle", "full_generator", "ground_populations", "optical_cycle"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cycle:
    """The cycle of a batch of classes at pump Ω = 1/s; every array ends in the batch axes."""

    rates: OpticalRates
    ground: FloatArray  # (3, 3, ...) G_ip
    excited: FloatArray  # (3, 3, ...) E_jp
    crossing: FloatArray  # (3, ...) excited j → singlet, 1/s
    decay: FloatArray  # (3, ...) all that leaves excited j, 1/s
    transfer: FloatArray  # (3, 3, ...) effective ground i → k per unit of Ω

    __repr__ = abridged

    def excited_populations(self, *, ground_populations: FloatArray, pump: FloatArray) -> FloatArray:
        """Return the populations (3, ...) of the excited states that belong to those of the ground states.

        Parameters
        ----------
        ground_populations
            Populations of the ground states, shape (3, ...).
        pump
            Optical pumping rate Ω, shape (...), 1/s.
        """
        made_of = np.einsum("i...,ip...->p...", ground_populations, self.ground)
        excited = np.einsum("p...,jp...->j...", made_of, self.excited)
        excited *= pump
        excited /= self.decay
        return np.asarray(excited)

    def singlet_population(self, excited_populations: FloatArray) -> FloatArray:
        """Return the population (...) of the singlet that belongs to those of the excited states.

        Parameters
        ----------
        excited_populations
            Populations of the excited states, shape (3, ...).
        """
        fed = np.einsum("j...,j...->...", excited_populations, self.crossing)
        return np.asarray(fed / self.rates.singlet_decay)

    def emission(
        self, *, ground_populations: FloatArray, excited_populations: FloatArray, pump: FloatArray
    ) -> FloatArray:
        """Return the radiative photon rate (...), 1/s.

        Parameters
        ----------
        ground_populations
            Populations of the ground states; not used.
        excited_populations
            Populations of the excited states, shape (3, ...).
        pump
            Optical pumping rate Ω; not used.
        """
        del ground_populations, pump
        return np.asarray(
            (self.rates.spin_conserving + self.rates.spin_mixing) * excited_populations.sum(axis=0)
        )

    def emission_row(self, *, pump: FloatArray) -> FloatArray:
        """Return the photon rate per unit of population of each of the seven levels, shape (..., 7).

        Parameters
        ----------
        pump
            Optical pumping rate Ω, 1/s; only its shape counts.
        """
        radiative = self.rates.spin_conserving + self.rates.spin_mixing
        row = np.array([0.0] * 3 + [radiative] * 3 + [0.0])
        return np.broadcast_to(row, (*np.broadcast_shapes(pump.shape, self.decay.shape[1:]), 7))


@dataclass(frozen=True)
class DirectCycle:
    """The pumping of `DirectPumping`: the same questions, three levels."""

    ground: FloatArray  # (3, 3, ...) G_ip
    transfer: FloatArray  # (3, 3, ...) ground i → k per unit of Ω

    __repr__ = abridged

    def excited_populations(self, *, ground_populations: FloatArray, pump: FloatArray) -> FloatArray:
        """Return zeros: there is no excited state.

        Parameters
        ----------
        ground_populations
            Populations of the ground states, shape (3, ...); only its shape counts.
        pump
            Optical pumping rate Ω; not used.
        """
        del pump
        return np.zeros_like(ground_populations)

    def singlet_population(self, excited_populations: FloatArray) -> FloatArray:
        """Return zeros: there is no singlet.

        Parameters
        ----------
        excited_populations
            Populations of the excited states, shape (3, ...); only its shape counts.
        """
        return np.zeros_like(excited_populations[0])

    def emission(
        self, *, ground_populations: FloatArray, excited_populations: FloatArray, pump: FloatArray
    ) -> FloatArray:
        """Return Ω times the population (...) of |0>, 1/s.

        Parameters
        ----------
        ground_populations
            Populations of the ground states, shape (3, ...).
        excited_populations
            Populations of the excited states; not used.
        pump
            Optical pumping rate Ω, shape (...), 1/s.
        """
        del excited_populations
        return np.asarray(pump * (ground_populations * self.ground[:, 1]).sum(axis=0))

    def emission_row(self, *, pump: FloatArray) -> FloatArray:
        """Return the photon rate per unit of population of each of the three levels, shape (..., 3).

        Parameters
        ----------
        pump
            Optical pumping rate Ω, shape (...), 1/s.
        """
        return np.asarray(np.moveaxis(pump * self.ground[:, 1], 0, -1))


def optical_cycle(
    *, ground: FloatArray, excited: FloatArray, rates: OpticalRates | DirectPumping
) -> Cycle | DirectCycle:
    """Return the cycle of a batch of classes from the weights of their eigenstates.

    Parameters
    ----------
    ground, excited
        Weights of the eigenstates of the two triplets, shape (3 states, 3 levels, ...); negative ones, from
        rounding, count as zero.
    rates
        Rates of the optical cycle, or direct pumping of the ground triplet.

    Returns
    -------
    Cycle | DirectCycle
        The seven-level cycle, or for `DirectPumping` the three-level one.
    """
    ground, excited = np.maximum(ground, 0.0), np.maximum(excited, 0.0)
    if isinstance(rates, DirectPumping):
        zero = ground[:, 1]
        return DirectCycle(ground, (1.0 - zero)[:, None] * zero[None])
    zero = excited[:, 1]
    crossing = rates.crossing_one + (rates.crossing_zero - rates.crossing_one) * zero
    decay = crossing + (rates.spin_conserving + rates.spin_mixing)
    fate = _radiative_fate(excited, rates)
    through = crossing / rates.singlet_decay
    fate[:, 0] += rates.singlet_one * through
    fate[:, 1] += rates.singlet_zero * through
    fate[:, 2] += rates.singlet_one * through
    fate /= decay[:, None]
    chance = np.einsum("jp...,jq...->pq...", excited, fate)
    half = np.einsum("ip...,pq...->iq...", ground, chance)
    transfer = np.einsum("iq...,kq...->ik...", half, ground)
    return Cycle(rates, ground, excited, crossing, decay, transfer)


def _radiative_fate(excited: FloatArray, rates: OpticalRates) -> FloatArray:
    """Return the radiative rate (3, 3, ...) from excited state j to the ground level q."""
    fate = rates.spin_conserving * excited
    mixing = 0.5 * rates.spin_mixing * excited[:, 1]
    fate[:, 0] += mixing
    fate[:, 2] += mixing
    fate[:, 1] += rates.spin_mixing * (1.0 - excited[:, 1])
    return np.asarray(fate)


def ground_populations(generator: FloatArray) -> FloatArray:
    """Return the steady state (3, ...), not normalised, of rates i → k of shape (3, 3, ...).

    Each is the sum over the spanning trees that lead to its state; the diagonal is not read.

    Parameters
    ----------
    generator
        Rates i → k, shape (3, 3, ...), 1/s.
    """
    r = generator
    populations = np.empty(np.broadcast_shapes(r.shape[1:]))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        tree = r[b, a] * (r[c, a] + r[c, b])
        tree += r[c, a] * r[b, c]
        populations[a] = tree
    return populations


def full_generator(*, cycle: Cycle | DirectCycle, pump: FloatArray, ground_rates: FloatArray) -> FloatArray:
    """Return the generator A of ``dp/dt = A p`` for all levels, shape (..., 7, 7), or (..., 3, 3) for three.

    Levels: ground (|0>-like, lower, upper), the three excited states in the same order, singlet.

    Parameters
    ----------
    cycle
        The cycle of a batch.
    pump
        Ω in 1/s, shape (...).
    ground_rates
        Rates i → k inside the ground triplet (relaxation, driving), shape (3, 3, ...), 1/s.
    """
    if isinstance(cycle, DirectCycle):
        return _generator(np.array(ground_rates + pump * cycle.transfer))
    radiative = np.einsum("jq...,kq...->jk...", _radiative_fate(cycle.excited, cycle.rates), cycle.ground)
    pumping = pump * np.einsum("ip...,jp...->ij...", cycle.ground, cycle.excited)
    levels = cycle.rates
    landing = levels.singlet_one + (levels.singlet_zero - levels.singlet_one) * cycle.ground[:, 1]
    batch = np.broadcast_shapes(pumping.shape[2:], ground_rates.shape[2:])
    flow = np.zeros((7, 7, *batch))  # from, to
    flow[:3, :3] = ground_rates
    flow[:3, 3:6] = pumping
    flow[3:6, :3] = radiative
    flow[3:6, 6] = cycle.crossing
    flow[6, :3] = landing
    return _generator(flow)


def _generator(flow: FloatArray) -> FloatArray:
    """Turn rates from → to (n, n, ...) into the matrix A (..., n, n) of ``dp/dt = A p``."""
    diagonal = range(flow.shape[0])
    flow[diagonal, diagonal] = 0.0
    flow[diagonal, diagonal] = -flow.sum(axis=1)
    return np.moveaxis(flow, (0, 1), (-1, -2))
