"""One rate model of the four classes, from which populations, light, magnetisation and dynamics all follow.

A `RateModel` holds, for a batch of fields, the eigenstates of both triplets, the optical cycle, the thermal
populations and the (cross-)relaxation rates. Its `populations` are the steady state, its `generator` the same
model as ``dp/dt = A p``. Classes influence each other only through the cross-relaxation rate, which the field
fixes; so each class is a linear system of its own.

Axes inside: component(s), class (4), batch. `labspin.physics.nv.stationary` is the door for users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged
from labspin.physics.constants import hbar, k
from labspin.physics.nv.cycle import Cycle, DirectCycle, full_generator, ground_populations, optical_cycle
from labspin.physics.nv.records import DirectPumping, NVCentre, OpticalRates
from labspin.physics.nv.relaxation import Relaxation
from labspin.physics.nv.spin_one import SpinOneStates, spin_one_states
from labspin.physics.nv.stretched import RateMixture

__all__ = ["Populations", "RateModel", "rate_model"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Populations:
    """Populations of the seven levels, summing to one: (3, 4, ...), (3, 4, ...), (4, ...)."""

    ground: FloatArray
    excited: FloatArray
    singlet: FloatArray

    __repr__ = abridged


@dataclass(frozen=True)
class RateModel:
    """The rates of four classes in a batch of fields (see the module)."""

    ground: SpinOneStates
    excited: SpinOneStates
    cycle: Cycle | DirectCycle
    equilibrium: FloatArray  # (3, 4, ...) thermal populations of the ground states
    isolated_rate: float  # 1/s
    cross_rate: FloatArray  # (4, ...) 1/s

    __repr__ = abridged

    @property
    def transition(self) -> FloatArray:
        """Frequencies (2, 4, ...) of |0> ↔ lower and |0> ↔ upper, rad/s."""
        return np.asarray(np.abs(self.ground.energies[1:] - self.ground.energies[0]))

    def ground_rates(self, *, driving: FloatArray | None = None, scale: float = 1.0) -> FloatArray:
        """Return the rates i → k (3, 3, 4, ...) inside the ground triplet, 1/s; the diagonal has no meaning.

        Parameters
        ----------
        driving
            Driving rates W of (0 ↔ lower, 0 ↔ upper, lower ↔ upper), shape (3, 4, ...), 1/s; None for no
            microwave.
        scale
            Factor on the relaxation rates.
        """
        towards = self.equilibrium * (scale * self.isolated_rate)
        towards = towards + self.cross_rate * (scale / 3.0)
        if driving is None:
            return np.broadcast_to(towards, (3, *towards.shape))
        batch = np.broadcast_shapes(towards.shape[1:], driving.shape[1:])
        rates = np.empty((3, 3, *batch))
        rates[:] = towards
        for number, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
            rates[i, j] += driving[number]
            rates[j, i] += driving[number]
        return rates

    def populations(
        self, *, pump: FloatArray, driving: FloatArray | None = None, decay: RateMixture | None = None
    ) -> Populations:
        """Return the populations in the steady state.

        Parameters
        ----------
        pump
            Optical pumping rate Ω, broadcasting with (4, ...), 1/s.
        driving
            Driving rates W, shape (3, 4, ...), 1/s; None for no microwave.
        decay
            Mixture of relaxation rates over which to average; None for the single rate of the model.
        """
        if decay is None:
            return self._steady(pump, driving, 1.0)
        parts = [
            (w, self._steady(pump, driving, float(r)))
            for r, w in zip(decay.rates, decay.weights, strict=True)
        ]
        return Populations(
            ground=np.asarray(sum(w * part.ground for w, part in parts)),
            excited=np.asarray(sum(w * part.excited for w, part in parts)),
            singlet=np.asarray(sum(w * part.singlet for w, part in parts)),
        )

    def _steady(self, pump: FloatArray, driving: FloatArray | None, scale: float) -> Populations:
        flow = pump * self.cycle.transfer
        flow = flow + self.ground_rates(driving=driving, scale=scale)
        ground = ground_populations(flow)
        inside = ground[0] + ground[1]
        inside += ground[2]
        if not (inside > 0).all():
            raise ArgumentError(
                "pump: wanted some pumping, relaxation or driving in every class, got none; "
                "give pump > 0 or a finite isolated_time"
            )
        ground *= 1.0 / inside
        excited = self.cycle.excited_populations(ground_populations=ground, pump=pump)
        singlet = self.cycle.singlet_population(excited)
        norm = 1.0 / (1.0 + excited[0] + excited[1] + excited[2] + singlet)
        ground *= norm
        excited *= norm
        singlet *= norm
        return Populations(ground, excited, singlet)

    def generator(
        self, *, pump: FloatArray, driving: FloatArray | None = None, scale: float = 1.0
    ) -> FloatArray:
        """Return A of ``dp/dt = A p`` over (3 ground, 3 excited, singlet), shape (4, ..., 7, 7).

        The three-level model of `DirectPumping` gives (4, ..., 3, 3).

        Parameters
        ----------
        pump
            Optical pumping rate Ω, broadcasting with (4, ...), 1/s.
        driving
            Driving rates W, shape (3, 4, ...), 1/s; None for no microwave.
        scale
            Factor on the relaxation rates.
        """
        rates = self.ground_rates(driving=driving, scale=scale)
        return full_generator(cycle=self.cycle, pump=pump, ground_rates=rates)

    def emission(self, populations: Populations, *, pump: FloatArray) -> FloatArray:
        """Return the radiative photon rate (4, ...) of one centre of each class, 1/s.

        Parameters
        ----------
        populations
            Populations of the levels.
        pump
            Optical pumping rate Ω, broadcasting with (4, ...), 1/s.
        """
        return self.cycle.emission(
            ground_populations=populations.ground, excited_populations=populations.excited, pump=pump
        )

    def coherence(self, *, pump: FloatArray) -> FloatArray:
        """Return how much of a class's coherence these rates leave out, (4, ...) from 0 to 1.

        ``2√(M(1−M)) w²/(w² + δ²)`` of the two upper states of a triplet, the larger of both triplets: δ is
        their distance, w what light and decay broaden them by, M = 4 |α_+|²|α_-|² says how they mix |±1>.

        Parameters
        ----------
        pump
            Optical pumping rate Ω, broadcasting with (4, ...), 1/s.
        """
        found = _left_out(self.ground, pump + self.isolated_rate + self.cross_rate)
        if isinstance(self.cycle, Cycle):
            rates = self.cycle.rates
            width = rates.spin_conserving + rates.spin_mixing + rates.crossing_one
            found = np.maximum(found, _left_out(self.excited, width))
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, pump.shape))

    def spin(self, populations: Populations) -> FloatArray:
        """Return <S> (3, 4, ...) in the class frames, ground and excited triplet together.

        Parameters
        ----------
        populations
            Populations of the levels.
        """
        spin = np.einsum("i...,ik...->k...", populations.ground, self.ground.spin)
        spin += np.einsum("i...,ik...->k...", populations.excited, self.excited.spin)
        return np.asarray(spin)


def _left_out(states: SpinOneStates, width: FloatArray | float) -> FloatArray:
    side, half = 0.5 * (1.0 - states.zero_weight[1]), 0.5 * states.spin[1, 2]
    mixed = 1.0 - np.square(np.minimum(np.abs(half) / np.maximum(side, 1e-300), 1.0))
    apart = states.energies[2] - states.energies[1]
    narrow = np.square(width) / (np.square(width) + np.square(apart))
    return np.asarray(2.0 * np.sqrt(mixed * (1.0 - mixed)) * narrow)


def rate_model(
    *,
    larmor: FloatArray,
    centre: NVCentre,
    rates: OpticalRates | DirectPumping,
    relaxation: Relaxation,
    temperature: float,
    projectors: bool = False,
) -> RateModel:
    """Return the rate model of a batch of fields.

    Parameters
    ----------
    larmor
        γe B in the class frames, shape (3, 4, ...), rad/s.
    centre
        Constants of the ground and the excited triplet.
    rates
        Rates of the optical cycle, or direct pumping of the ground triplet.
    relaxation
        How the ground triplet relaxes.
    temperature
        T in K, inf for equal populations; sets the equilibrium of the ground triplet.
    projectors
        Whether to keep what the matrix elements of the microwave need.
    """
    ground = spin_one_states(
        splitting=centre.zero_field_splitting, strain=centre.strain, field=larmor, projectors=projectors
    )
    excited = spin_one_states(
        splitting=centre.excited_splitting,
        strain=centre.excited_strain,
        field=larmor,
        projectors=projectors,
    )
    cycle = optical_cycle(ground=ground.weights(), excited=excited.weights(), rates=rates)
    lower = np.abs(ground.energies[1] - ground.energies[0])
    return RateModel(
        ground=ground,
        excited=excited,
        cycle=cycle,
        equilibrium=_thermal_populations(ground.energies, temperature),
        isolated_rate=relaxation.isolated_rate,
        cross_rate=relaxation.cross_relaxation_rate(lower, axis=0),
    )


def _thermal_populations(energies: FloatArray, temperature: float) -> FloatArray:
    if np.isinf(temperature):
        return np.full_like(energies, 1.0 / 3.0)
    weights = energies - energies.min(axis=0)
    weights *= -hbar / (k * temperature)
    np.exp(weights, out=weights)
    weights /= weights[0] + weights[1] + weights[2]
    return np.asarray(weights)
