"""Relaxation of a centre whose axis points anywhere, in a field that may point out of the plane of the film.

Nearly every diamond is cut so that none of its NV axes lies in its surface: 35.3° out of it if cut along
(100), 19.5° or 90° if along (111). With the field along such an axis the film is magnetised out of its plane
(`oblique`); with a field in the plane the axis is tilted, and the levels are mixtures. Here the levels are
those of H = D (S·n)² + γ_s B·S, and every pair of them exchanges at the rates of the golden rule,

    κ_{e→g} = 2π (μ0γ_s)² Σ_jk A_j S_jk(ω) A_k*,   A_j = <e|S_j|g>,   κ_{g→e} = κ_{e→g} n̄/(n̄ + 1).

Static shifts by the film are left out; they are small against D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, positive, vectors
from labspin.physics.constants import hbar, k, mu_0
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.nv import ParamagneticSpin
from labspin.physics.spinwaves.oblique import field_noise_tensor, magnetised_film

__all__ = ["MisalignedRates", "misaligned_rates"]

_R = 1 / np.sqrt(2)
_SPIN: NDArray[np.complex128] = np.array(
    [
        [[0, _R, 0], [_R, 0, _R], [0, _R, 0]],
        [[0, -1j * _R, 0], [1j * _R, 0, -1j * _R], [0, 1j * _R, 0]],
        [[1, 0, 0], [0, 0, 0], [0, 0, -1]],
    ]
)


@dataclass(frozen=True)
class MisalignedRates:
    """Levels of a centre near a film and the rates between them.

    Parameters
    ----------
    lower, upper
        Angular frequencies of the lower and the upper line from the level that is most |0>, rad/s.
    lower_rate, upper_rate, across_rate
        Mean of both directions of each exchange, 1/s: over the lower line, over the upper one, and between
        their upper levels. Shape of the distances.
    purity
        Part of |0> along the axis in the level that is most |0>: contrast and pumping fall with it. 1 is
        aligned.
    magnetisation_elevation
        Elevation of the magnetisation out of the plane of the film, rad.
    error
        Bound of the relative integration error of the rates.
    """

    lower: float
    upper: float
    lower_rate: FloatArray
    upper_rate: FloatArray
    across_rate: FloatArray
    purity: float
    magnetisation_elevation: float
    error: float


def misaligned_rates(
    *,
    film: Film,
    spin: ParamagneticSpin,
    distance: ArrayLike,
    field: float,
    temperature: float,
    elevation: float = 0.0,
    axis: ArrayLike | None = None,
    rtol: float = 1e-3,
) -> MisalignedRates:
    """Return the rates that thermal spin waves cause in a centre of any axis, in a field of any direction.

    Parameters
    ----------
    film, spin
        The film and the centre.
    distance
        l > 0 from the nearer surface in m, any shape.
    field, elevation
        μ0H0 in T, and its angle ϑ out of the plane of the film, rad.
    temperature
        T > 0 in K.
    axis
        Axis of the centre, (x, y, z) of any length, with x the normal of the film and z the in-plane part of
        the field; None: along the field.
    rtol
        Relative tolerance of the integrals.

    Raises
    ------
    ArgumentError
        A number is out of range, the film is not saturated, the axis has no direction, or |0> is not the
        lowest level: the field is beyond the crossing of the levels.

    Notes
    -----
    With field and axis in the plane along each other the rates are those of `spin_wave_bath`, but for what
    concerns the tails of waves (`field_noise_tensor`). With both along an axis 35.3° out of the plane the
    internal field is lower than the applied one, so that waves meet the lower line up to higher fields.
    """
    kelvin = float(positive("temperature", temperature, unit="K"))
    state = magnetised_film(film=film, field=field, elevation=elevation)
    along = np.array([np.sin(elevation), 0.0, np.cos(elevation)])
    normal = along if axis is None else _direction(axis)
    energies, states, zero = _levels(spin, field * along, normal)
    if zero != 0:
        raise ArgumentError(
            f"field: wanted one at which |0> is the lowest level, got {field!r} T; stay below the crossing "
            f"of the levels, {spin.zero_field_splitting / spin.gyromagnetic_ratio:.3g} T"
        )
    rates, errors = [], [0.0]
    for low, high in ((0, 1), (0, 2), (1, 2)):
        omega = float(energies[high] - energies[low])
        noise = field_noise_tensor(
            film=film, frequency=omega, distance=distance, field=field, elevation=elevation,
            temperature=kelvin, rtol=rtol,
        )  # fmt: skip
        element = np.einsum("a,jab,b->j", states[:, high].conj(), _SPIN, states[:, low])
        seen = np.einsum("j,...jk,k->...", element, noise.density, element.conj()).real
        seen = seen * (1 + np.exp(-hbar * omega / (k * kelvin))) / 2  # of both directions
        rates.append(np.asarray(2 * np.pi * (mu_0 * spin.gyromagnetic_ratio) ** 2 * seen))
        trace = np.trace(noise.density, axis1=-2, axis2=-1).real
        errors.append(float((noise.error / trace).max(initial=0.0)))
    purity = float(abs(_along_zero(normal) @ states[:, 0]) ** 2)
    lower, upper, across = rates
    return MisalignedRates(
        float(energies[1] - energies[0]), float(energies[2] - energies[0]), lower, upper, across, purity,
        state.elevation, max(errors),
    )  # fmt: skip


def _direction(axis: ArrayLike) -> FloatArray:
    given = vectors("axis", axis)
    length = float(np.linalg.norm(given))
    if given.shape != (3,) or length == 0:
        raise ArgumentError(f"axis: wanted a direction (x, y, z), got {axis!r}")
    return np.asarray(given / length)


def _levels(
    spin: ParamagneticSpin, field: FloatArray, axis: FloatArray
) -> tuple[FloatArray, NDArray[np.complex128], int]:
    """Return energies (rad/s) and states, ascending, and which of them is most |0> along the axis."""
    own = np.einsum("j,jab->ab", axis, _SPIN)
    matrix = spin.zero_field_splitting * own @ own
    matrix = matrix + spin.gyromagnetic_ratio * np.einsum("j,jab->ab", field, _SPIN)
    energies, states = np.linalg.eigh(matrix)
    return energies, states, int(np.argmax(np.abs(_along_zero(axis) @ states)))


def _along_zero(axis: FloatArray) -> NDArray[np.complex128]:
    """Return the bra of |0> along an axis, in the basis of S_z."""
    x, y, z = axis
    return np.asarray(np.conj([-(x - 1j * y) * _R, z, (x + 1j * y) * _R]), np.complex128)
