"""Torque of the spins on the crystal: maps over the sphere, sweeps of the electromagnet, and limits.

``τ = Σ_i N_i <μ_i> × B`` with ``μ_i = −ħ γe <S>_i`` (Hellmann–Feynman for the populations at hand). [NV]
Eq. (3), ``τ = ħ (γe B)² sin 2θ / D``, is its second order in γeB/D for one class wholly in its |0>-like
state.

**Erratum.** [NV] quotes 2·10⁻²⁷ N m for Eq. (3) at θ = π/4 and 100 G. Eq. (3) gives 1.81·10⁻²⁶ N m; 2·10⁻²⁷
is what the four classes together reach *with* cross-relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, broadcast, finite, non_negative, positive
from labspin.physics.constants import hbar
from labspin.physics.nv.geometry import FieldBench
from labspin.physics.nv.records import NV_CENTRE, NVCentre
from labspin.physics.nv.stationary import Ensemble, Method, SteadyState, steady_state

__all__ = [
    "TorqueMap",
    "deflection",
    "electromagnet_sweep",
    "ground_state_torque",
    "sphere_directions",
    "torque_map",
]

FloatArray = NDArray[np.float64]


def ground_state_torque(*, field: ArrayLike, angle: ArrayLike, centre: NVCentre = NV_CENTRE) -> FloatArray:
    """Return [NV] Eq. (3), ``ħ (γe B)² sin(2θ)/D``, in N m (erratum: see the module).

    Parameters
    ----------
    field
        |B| in T, ≥ 0.
    angle
        θ between B and the NV axis, rad; broadcasts with ``field``.
    centre
        The constants γe and D.
    """
    strength, theta = non_negative("field", field, unit="T"), finite("angle", angle, unit="rad")
    broadcast(field=strength, angle=theta)
    larmor = centre.gyromagnetic_ratio * strength
    return np.asarray(hbar * larmor**2 * np.sin(2.0 * theta) / centre.zero_field_splitting)


def deflection(
    *, torque: ArrayLike, moment_of_inertia: ArrayLike, angular_frequency: ArrayLike
) -> FloatArray:
    """Return the angle ``τ/(I ω_θ²)`` in rad by which a static torque turns the crystal ([NV] p. 3).

    Parameters
    ----------
    torque
        τ in N m.
    moment_of_inertia
        I in kg m², > 0.
    angular_frequency
        ω_θ of the libration in rad/s, > 0. All three broadcast.
    """
    inertia = positive("moment_of_inertia", moment_of_inertia, unit="kg m²")
    omega = positive("angular_frequency", angular_frequency, unit="rad/s")
    return np.asarray(finite("torque", torque, unit="N m") / (inertia * omega**2))


def sphere_directions(*, polar: ArrayLike, azimuth: ArrayLike) -> FloatArray:
    """Return unit vectors (..., 3) with the polar angle counted from x = [100] ([NV] Fig. 3).

    ``(cos θ, sin θ cos φ, sin θ sin φ)``.

    Parameters
    ----------
    polar
        θ in rad.
    azimuth
        φ in rad; broadcasts with θ.
    """
    theta, phi = finite("polar", polar, unit="rad"), finite("azimuth", azimuth, unit="rad")
    broadcast(polar=theta, azimuth=phi)
    theta, phi = np.broadcast_arrays(theta, phi)
    return np.stack([np.cos(theta), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)], axis=-1)


@dataclass(frozen=True)
class TorqueMap:
    """A map over the sphere of field directions in the crystal frame ([NV] Fig. 3)."""

    polar: FloatArray  # rad, (m,) from [100]
    azimuth: FloatArray  # rad, (n,)
    state: SteadyState  # of shape (m, n)

    __repr__ = abridged

    @property
    def magnitude(self) -> FloatArray:
        """|τ| (m, n) of one centre of each class together, N m."""
        return np.asarray(np.linalg.norm(self.state.torque, axis=-1))


def torque_map(
    *,
    strength: float,
    pump: float,
    points: tuple[int, int] = (181, 361),
    ensemble: Ensemble | None = None,
    method: Method = "rates",
) -> TorqueMap:
    """Return the torque on one centre of each class for every direction of a field.

    Parameters
    ----------
    strength
        |B| in T.
    pump
        Ω in 1/s.
    points
        Numbers of polar angles in 0…π and azimuths in 0…2π.
    ensemble
        With `UncoupledRelaxation` it is [NV] Fig. 3(a), with cross-relaxation Fig. 3(b).
    method
        As in `steady_state`.

    Returns
    -------
    TorqueMap
        Angles, and the steady state at each pair of them.
    """
    positive("strength", strength, unit="T")
    if min(points) < 1:
        raise ArgumentError(f"points: wanted at least one angle each way, got {points!r}")
    polar, azimuth = np.linspace(0.0, np.pi, points[0]), np.linspace(0.0, 2 * np.pi, points[1])
    directions = sphere_directions(polar=polar[:, None], azimuth=azimuth)
    state = steady_state(field=strength * directions, pump=pump, ensemble=ensemble, method=method)
    return TorqueMap(polar, azimuth, state)


def electromagnet_sweep(
    *,
    bench: FieldBench,
    electromagnet: ArrayLike,
    pump: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
    method: Method = "rates",
) -> SteadyState:
    """Return torque and light against B_em (T, any shape) on a bench ([NV] Fig. 4(b), (c)).

    Parameters
    ----------
    bench
        Bias field and direction of the electromagnet.
    electromagnet
        B_em, T, any shape.
    pump, orientation, ensemble, method
        As in `steady_state`.

    Returns
    -------
    SteadyState
        The steady state, of the shape of ``electromagnet``.
    """
    field = bench.field(electromagnet)
    return steady_state(field=field, pump=pump, orientation=orientation, ensemble=ensemble, method=method)
