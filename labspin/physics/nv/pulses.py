"""Microwave pulses on real classes: what part of two populations a coherent pulse exchanges.

A pulse shorter than 1/Γ2 turns the Bloch vector of a transition coherently; afterwards the coherence is gone
within the inhomogeneous line and only the exchange of populations is left. `pulse_segment` computes that
part for every class and transition from the eigenvectors of the field, the direction of B1, the detuning and
the line, and returns the segment for `labspin.physics.nv.evolve`. Varying the duration gives Rabi
oscillations as an inhomogeneous ensemble shows them; the incoherent limit is a
`labspin.physics.nv.RateSegment` with `labspin.physics.nv.transition_driving`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import non_negative, vectors
from labspin.physics.nv.evolution import PulseSegment
from labspin.physics.nv.geometry import class_fields
from labspin.physics.nv.microwave import Microwave, inversion_probability, rabi_frequencies
from labspin.physics.nv.stationary import Ensemble, rate_model_at

__all__ = ["class_rabi_frequencies", "pulse_segment"]

FloatArray = NDArray[np.float64]


def class_rabi_frequencies(
    *,
    field: ArrayLike,
    microwave: Microwave,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return Rabi and transition frequencies (3, 4) of each transition and class, rad/s.

    The transitions are (0 ↔ lower, 0 ↔ upper, lower ↔ upper).

    Parameters
    ----------
    field
        B in the lab, (3,), T.
    microwave
        Amplitude and direction of B1.
    orientation, ensemble
        As for `labspin.physics.nv.stationary`; a single orientation.
    """
    vector = vectors("field", field, unit="T")
    if vector.shape != (3,):
        raise ArgumentError(f"field: wanted one vector of 3 components, got shape {vector.shape}")
    sample = ensemble or Ensemble()
    model = rate_model_at(field=vector, orientation=orientation, ensemble=sample, projectors=True)
    rabi = rabi_frequencies(
        model=model,
        direction=class_fields(field=microwave.unit_direction, orientation=orientation).T,
        larmor_amplitude=sample.centre.gyromagnetic_ratio * microwave.amplitude,
    )
    energies = model.ground.energies
    return rabi, np.asarray(np.abs(energies[[1, 2, 2]] - energies[[0, 0, 1]]))


def pulse_segment(
    *,
    field: ArrayLike,
    frequency: float,
    duration: float,
    microwave: Microwave,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
) -> PulseSegment:
    """Return the exchange of populations by a square pulse.

    Parameters
    ----------
    field
        B in the lab, (3,), T.
    frequency
        Angular frequency of the tone, rad/s.
    duration
        Length of the pulse, s; should be short beside 1/Γ2 of ``microwave``.
    microwave
        Amplitude, direction and inhomogeneous width.
    orientation, ensemble
        As for `labspin.physics.nv.stationary`; a single orientation.

    Raises
    ------
    ArgumentError
        A value is negative or not finite, or the field is no single vector.
    """
    tone = float(non_negative("frequency", frequency, unit="rad/s"))
    rabi, lines = class_rabi_frequencies(
        field=field, microwave=microwave, orientation=orientation, ensemble=ensemble
    )
    exchanged = inversion_probability(
        rabi=rabi,
        detuning=tone - lines,
        duration=duration,
        inhomogeneous_width=microwave.inhomogeneous_width,
    )
    return PulseSegment(exchanged=np.clip(exchanged, 0.0, 1.0))
