"""Magnetic resonance spectra: light (ODMR) and torque (MDMR) against the microwave frequency.

One field fixes eigenstates, optical cycle and relaxation of the four classes; only the driving rates change
along a spectrum, so a thousand frequencies cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, non_negative, vectors
from labspin.physics.constants import hbar
from labspin.physics.nv.geometry import CLASS_FRAMES, class_fields, crystal_field, orientation_matrix
from labspin.physics.nv.lindblad import coherent_steady_state
from labspin.physics.nv.microwave import Microwave, driving_rates
from labspin.physics.nv.stationary import Ensemble, Method, rate_model_at

__all__ = ["ResonanceSpectrum", "resonance_spectrum", "transition_driving"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ResonanceSpectrum:
    """Light and torque of one centre of each class against the microwave frequency."""

    frequency: FloatArray  # rad/s, (n,)
    lines: FloatArray  # rad/s, (4, 2) |0> ↔ lower, upper of each class
    photoluminescence: FloatArray  # 1/s, (n, 4), weighted by the collection
    torque: FloatArray  # N m, (n, 3) in the lab
    dark_photoluminescence: FloatArray  # 1/s, (4,) without the microwave
    dark_torque: FloatArray  # N m, (3,) without the microwave

    __repr__ = abridged

    @property
    def contrast(self) -> FloatArray:
        """Relative loss of light (n,), 0 far from any line."""
        dark = self.dark_photoluminescence.sum()
        return np.asarray(1.0 - self.photoluminescence.sum(axis=-1) / dark)

    def angle_signal(self, axis: ArrayLike) -> FloatArray:
        """Return the change of the torque about an axis (n,), in N m: the MDMR signal up to a constant.

        Parameters
        ----------
        axis
            Direction in the lab, shape (3,), any length but zero.
        """
        direction = vectors("axis", axis)
        length = np.linalg.norm(direction)
        if direction.shape != (3,) or length == 0:
            raise ArgumentError(f"axis: wanted one vector of some length, got {axis!r}")
        return np.asarray((self.torque - self.dark_torque) @ (direction / length))


def transition_driving(
    *,
    field: ArrayLike,
    frequency: ArrayLike,
    microwave: Microwave,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
) -> FloatArray:
    """Return the driving rates W (3, 4, ...) at one field, 1/s.

    The transitions are (0 ↔ lower, 0 ↔ upper, lower ↔ upper).

    Parameters
    ----------
    field
        B in the lab, shape (3,), T.
    frequency
        Angular frequencies of the tones, any shape (...), rad/s, ≥ 0.
    microwave
        Amplitude, direction and line.
    orientation
        Crystal orientation, ``v_crystal = R · v_lab``; None for the identity.
    ensemble
        What the diamond is made of; default: [NV] with the relaxation of its supplement.
    """
    sample = ensemble or Ensemble()
    tone = non_negative("frequency", frequency, unit="rad/s")
    vector = _single_field(field)
    model = rate_model_at(
        field=vector.reshape((1,) * tone.ndim + (3,)),
        orientation=orientation,
        ensemble=sample,
        projectors=True,
    )
    unit = class_fields(field=microwave.unit_direction, orientation=orientation)
    return driving_rates(
        model=model,
        microwave=microwave,
        gyromagnetic_ratio=sample.centre.gyromagnetic_ratio,
        direction=unit.T,
        frequency=tone,
    )


def _single_field(field: ArrayLike) -> FloatArray:
    vector = vectors("field", field, unit="T")
    if vector.shape != (3,):
        raise ArgumentError(f"field: wanted one vector of 3 components, got shape {vector.shape}")
    return vector


def resonance_spectrum(
    *,
    field: ArrayLike,
    frequency: ArrayLike,
    pump: float,
    microwave: Microwave | None = None,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
    method: Method = "rates",
) -> ResonanceSpectrum:
    """Return the ODMR and MDMR spectrum at one field ([NV] Fig. 4(a)).

    Parameters
    ----------
    field
        B in the lab, (3,), T.
    frequency
        Angular frequencies of the microwave, (n,), rad/s.
    pump
        Ω in 1/s.
    microwave
        Amplitude, direction and line; default `Microwave()`.
    orientation, ensemble, method
        As for `labspin.physics.nv.stationary`, where the limits of ``"rates"`` are stated.

    Returns
    -------
    ResonanceSpectrum
        Light and torque at each frequency, and without the microwave.

    Raises
    ------
    ArgumentError
        A value is not finite, negative where it may not be, or of another shape.
    """
    sample, tone = ensemble or Ensemble(), microwave or Microwave()
    omega = np.atleast_1d(non_negative("frequency", frequency, unit="rad/s"))
    if omega.ndim != 1:
        raise ArgumentError(f"frequency: wanted one axis of frequencies, got shape {omega.shape}")
    vector = _single_field(field)
    matrix = orientation_matrix(orientation)
    if matrix.ndim != 2:
        raise ArgumentError(f"orientation: wanted a single rotation, got shape {matrix.shape[:-2]}")
    model = rate_model_at(field=vector[None], orientation=matrix, ensemble=sample, projectors=True)
    driving = driving_rates(
        model=model,
        microwave=tone,
        gyromagnetic_ratio=sample.centre.gyromagnetic_ratio,
        direction=class_fields(field=tone.unit_direction, orientation=matrix).T,
        frequency=np.append(omega, 0.0),
    )
    driving[..., -1] = 0.0  # the last point is the dark one
    pumps = np.asarray(sample.relative_pump)[:, None] * non_negative("pump", pump, unit="1/s")
    if method == "lindblad":
        state = coherent_steady_state(model=model, pump=pumps, driving=driving, decay=sample.decay)
        populations, inner_spin = state.populations, state.spin
    else:
        populations = model.populations(pump=pumps, driving=driving, decay=sample.decay)
        inner_spin = model.spin(populations)
    light = np.asarray(sample.collection) * model.emission(populations, pump=pumps).T
    spin = np.einsum("ckl,kcn->nl", CLASS_FRAMES, inner_spin)
    inside = crystal_field(field=vector, orientation=matrix)
    torque = (-hbar * sample.centre.gyromagnetic_ratio) * np.cross(spin, inside) @ matrix
    return ResonanceSpectrum(
        frequency=omega,
        lines=model.transition[..., 0].T,
        photoluminescence=light[:-1],
        torque=torque[:-1],
        dark_photoluminescence=light[-1],
        dark_torque=torque[-1],
    )
