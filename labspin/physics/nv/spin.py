"""Levels and transitions of the NV ground or excited triplet, for users.

``H/ħ = D Sz'² + E (Sx'² − Sy'²) + γe B·S`` ([NV] Eq. (1) with strain). States carry labels, not ranks: the
first is the one that overlaps most with |0>, the other two are called lower and upper by their energies.
Below the level crossing at D/γe (1024 G on the axis) |0> is the lowest state, above it is not; the labels
do not care.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, vectors
from labspin.physics.nv.geometry import class_fields
from labspin.physics.nv.records import NV_CENTRE, NVCentre
from labspin.physics.nv.spin_one import SpinOneStates, spin_one_states, state_vectors, transition_spin

__all__ = ["Levels", "hamiltonian", "levels", "transition_frequencies"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Triplet = Literal["ground", "excited"]

_SX = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.complex128) / np.sqrt(2.0)
_SY = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]], dtype=np.complex128) / np.sqrt(2.0)
_SZ = np.diag(np.array([1, 0, -1], dtype=np.complex128))
_SPIN = np.stack([_SX, _SY, _SZ])


@dataclass(frozen=True)
class Levels:
    """Eigenstates of each class; the states are (|0>-like, lower, upper)."""

    energies: FloatArray  # (..., 4, 3) rad/s
    weights: FloatArray  # (..., 4, 3 states, 3) |<m|i>|² for m = +1, 0, −1 along the axis
    spin: FloatArray  # (..., 4, 3 states, 3) <i|S|i> in the class frame
    transition_spin: (
        ComplexArray  # (..., 4, 3, 3) <i|S|j> for (0, lower), (0, upper), (lower, upper), class frame
    )

    __repr__ = abridged

    @property
    def transition_frequencies(self) -> FloatArray:
        """Frequencies (..., 4, 2) of |0> ↔ lower and |0> ↔ upper, rad/s, ≥ 0."""
        return np.abs(self.energies[..., 1:] - self.energies[..., :1])

    @property
    def mixing(self) -> FloatArray:
        """Part (..., 4) of the |0>-like state that is not |0>."""
        return 1.0 - self.weights[..., 0, 1]


def hamiltonian(
    *,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    centre: NVCentre = NV_CENTRE,
    triplet: Triplet = "ground",
) -> ComplexArray:
    """Return H/ħ (..., 4, 3, 3) in rad/s, in the basis |+1>, |0>, |−1> of each class.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``.
    centre, triplet
        The constants, and which triplet.
    """
    splitting, strain = _constants(centre, triplet)
    static = splitting * _SZ @ _SZ + strain * (_SX @ _SX - _SY @ _SY)
    larmor = centre.gyromagnetic_ratio * class_fields(field=field, orientation=orientation)
    return np.asarray(static + np.einsum("...k,kij->...ij", larmor, _SPIN))


def levels(
    *,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    centre: NVCentre = NV_CENTRE,
    triplet: Triplet = "ground",
) -> Levels:
    """Return the eigenstates of the four classes at any number of fields.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    centre, triplet
        The constants, and which triplet.
    """
    states = _states(field, orientation, centre, triplet, projectors=True)
    return Levels(
        energies=np.moveaxis(states.energies, 0, -1),
        weights=np.moveaxis(states.weights(), (0, 1), (-2, -1)),
        spin=np.moveaxis(states.spin, (0, 1), (-2, -1)),
        transition_spin=np.moveaxis(transition_spin(state_vectors(states)), (0, 1), (-2, -1)),
    )


def transition_frequencies(
    *,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    centre: NVCentre = NV_CENTRE,
    triplet: Triplet = "ground",
) -> FloatArray:
    """Return the frequencies (..., 4, 2) of |0> ↔ lower, upper in rad/s.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    centre, triplet
        The constants, and which triplet.
    """
    energies = _states(field, orientation, centre, triplet, projectors=False).energies
    return np.moveaxis(np.abs(energies[1:] - energies[0]), 0, -1)


def _constants(centre: NVCentre, triplet: str) -> tuple[float, float]:
    if triplet == "ground":
        return centre.zero_field_splitting, centre.strain
    if triplet == "excited":
        return centre.excited_splitting, centre.excited_strain
    raise ArgumentError(f"triplet: wanted 'ground' or 'excited', got {triplet!r}")


def _states(
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None,
    centre: NVCentre,
    triplet: str,
    *,
    projectors: bool,
) -> SpinOneStates:
    splitting, strain = _constants(centre, triplet)
    inside = class_fields(field=vectors("field", field, unit="T"), orientation=orientation)
    larmor = centre.gyromagnetic_ratio * np.ascontiguousarray(np.moveaxis(inside, -1, 0))
    return spin_one_states(splitting=splitting, strain=strain, field=larmor, projectors=projectors)
