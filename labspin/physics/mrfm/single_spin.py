"""The stiffness κ that one semiclassical spin adds to the resonator.

A spin at rest pulls with μ·B'. When the magnet moves, three things change: the gradient at the spin (κ1), the
length of the moment, which follows the field with T1 (κ2), and its direction, which precesses about the field
and follows it with T2 (κ3). κ is complex, in the convention e^{+iωt}: a positive imaginary part is loss.

==========  ==========================================================================
``M(B)``    μ_s Br_S(βμ_sB), the mean moment; μ_s tanh(βμ_sB) for S = 1/2
``κ1``      −M (B̂·B'')
``κ2``      −(∂M/∂B) (B̂·B')² / (1 + iωT1)
``κ3``      −(M/B) |B'_⊥|² {1 − [iωT2 − (ωT2)²] / [(1 + iωT2)² + (ω_sT2)²]}
==========  ==========================================================================

Source: Wagenaar, thesis (Leiden 2017), ch. 3 (de Voogd et al., Sci. Rep. 7, 42239), below Eq. (3.9). Errata:
κ1 there has |B''_∥| where the sign is needed; κ3 there has an extra 2(T2/T1)(1 + iωT2) in the numerator,
which the Bloch equation (3.3) with (3.7) does not give and which spoils the static limit.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import broadcast, finite, non_negative, positive
from labspin.physics.mrfm.magnet import FieldProjections, Magnet, field_projections
from labspin.physics.mrfm.species import SpinSpecies, unchecked_moment, unchecked_moment_slope

__all__ = ["Kappa3Form", "SpinStiffness", "spin_stiffness", "sum_over_spins"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Kappa3Form = Literal["bloch", "printed"]

# T2 = 0 in seconds: far below 1/ω_s of any spin in any field, and its square does not underflow.
SHORTEST_T2 = 1e-40


class SpinStiffness(NamedTuple):
    """κ1, κ2 and κ3 in N/m, complex, of one broadcast shape."""

    kappa1: ComplexArray
    kappa2: ComplexArray
    kappa3: ComplexArray

    @property
    def total(self) -> ComplexArray:
        """κ = κ1 + κ2 + κ3."""
        total: ComplexArray = self.kappa1 + self.kappa2 + self.kappa3
        return total


def spin_stiffness(
    *,
    projections: FieldProjections,
    species: SpinSpecies,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    t1: ArrayLike,
    t2: ArrayLike,
    form: Kappa3Form = "bloch",
) -> SpinStiffness:
    """Return κ1, κ2, κ3 of spins, each spin alone (equations in the module's table).

    Parameters
    ----------
    projections
        The field at the spins, from `field_projections`.
    species
        Spin number and gyromagnetic ratio.
    temperature
        T > 0 in K.
    angular_frequency
        ω in rad/s, real (negative allowed: κ(−ω) = κ(ω)*).
    t1, t2
        Relaxation times in s, from 0 (instant) to inf (none), T2 ≤ 2 T1.
    form
        ``"bloch"``: κ3 as it follows from the Bloch equation. ``"printed"``: as the thesis prints it
        (its numerator has 2(T2/T1)(1 + iωT2) more).

    Raises
    ------
    ArgumentError
        T ≤ 0, a negative relaxation time, T2 > 2 T1, an unknown ``form``, or shapes that do not broadcast.
    """
    kelvin = positive("temperature", temperature, unit="K")
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    time1, time2 = relaxation_times(t1, t2)
    b, along, across, bend = projections
    broadcast(projections=b, temperature=kelvin, angular_frequency=omega, t1=time1, t2=time2)
    moment = unchecked_moment(species, b, kelvin)
    kappa2 = -unchecked_moment_slope(species, b, kelvin) * np.square(along) * debye(omega, time1)
    precession = _transverse_response(
        omega, abs(species.gyromagnetic_ratio) * b, time1, time2, checked_form(form)
    )
    kappa1, kappa2, kappa3 = np.broadcast_arrays(
        (-moment * bend).astype(complex), kappa2, -(moment / b) * across * precession
    )
    return SpinStiffness(kappa1, kappa2, kappa3)


def sum_over_spins(
    *,
    magnet: Magnet,
    position: ArrayLike,
    species: SpinSpecies,
    temperature: float,
    angular_frequency: float,
    t1: ArrayLike,
    t2: ArrayLike,
    weight: ArrayLike = 1.0,
    form: Kappa3Form = "bloch",
) -> SpinStiffness:
    """Return κ1, κ2, κ3 summed over given spins: Σ_s κ(r_s), thesis section 3.3.

    Parameters
    ----------
    magnet
        Source of the field.
    position
        Spins relative to the magnet's centre in m, shape (N, 3).
    species, temperature, angular_frequency, form
        As in `spin_stiffness`; temperature and frequency are single numbers here.
    t1, t2
        Relaxation times in s, a number or one for each spin (N,).
    weight
        Spins that each position stands for, a number or (N,): occupation, or density times voxel volume.

    Raises
    ------
    ArgumentError
        As `spin_stiffness` and `field_projections`.
    """
    points = np.reshape(position, (-1, 3))
    times = [np.broadcast_to(time, len(points)) for time in relaxation_times(t1, t2)]
    weights = np.broadcast_to(finite("weight", weight), len(points))
    total = np.zeros(3, dtype=complex)
    # In blocks, so that a million spins need no gigabyte and stay in cache.
    for start in range(0, len(points), 1 << 13):
        block = slice(start, start + (1 << 13))
        kappa = spin_stiffness(
            projections=field_projections(magnet=magnet, position=points[block]),
            species=species,
            temperature=temperature,
            angular_frequency=angular_frequency,
            t1=times[0][block],
            t2=times[1][block],
            form=form,
        )
        total += [term @ weights[block] for term in kappa]
    return SpinStiffness(*(np.asarray(term) for term in total))


def debye(omega: FloatArray, t1: FloatArray) -> ComplexArray:
    """Return 1/(1 + iωT1) for arguments that the caller has checked; 0 for T1 = inf, except at ω = 0."""
    return np.asarray(1 / (1 + 1j * _phase(omega, t1)), dtype=np.complex128)


def relaxation_times(t1: ArrayLike, t2: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return T1 and T2 as floats, checked: none negative, none NaN, T2 ≤ 2 T1."""
    time1, time2 = (_relaxation_time(name, value) for name, value in (("t1", t1), ("t2", t2)))
    broadcast(t1=time1, t2=time2)
    if np.any(time2 > 2 * time1):
        raise ArgumentError(
            f"t2: wanted T2 ≤ 2 T1, got T2 = {np.max(time2):g} s with T1 = {np.min(time1):g} s; "
            "no spin dephases more slowly than its populations relax"
        )
    return time1, time2


def checked_form(form: str) -> Kappa3Form:
    """Return ``form`` if it is one of κ3."""
    if form == "bloch":
        return "bloch"
    if form == "printed":
        return "printed"
    raise ArgumentError(f"form: wanted 'bloch' or 'printed', got {form!r}")


def _relaxation_time(name: str, value: ArrayLike) -> FloatArray:
    time = np.asarray(value, dtype=np.float64)
    endless = np.isposinf(time)
    non_negative(name, np.where(endless, 0.0, time), unit="s")
    return time


def _phase(omega: FloatArray, time: FloatArray) -> FloatArray:
    """Return ωT with 0·inf = 0, and an infinite T bounded so that complex arithmetic makes no NaN."""
    phase: FloatArray = omega * np.minimum(time, 1e100)
    return phase


def _transverse_response(
    omega: FloatArray, larmor: FloatArray, t1: FloatArray, t2: FloatArray, form: Kappa3Form
) -> ComplexArray:
    """Return the bracket {1 − N/[(1 + iωT2)² + (ω_sT2)²]} of κ3.

    It is [1 + iωT2 + (ω_sT2)²]/[(1 + iωT2)² + (ω_sT2)²], whose real and imaginary part are written out, so
    that nothing cancels where ω is far above ω_s.
    """
    # Divided through by T2², in rates, so that T2 = inf needs no care; T2 = 0 is an infinite rate.
    rate = 1 / np.maximum(t2, SHORTEST_T2)
    detuning = (larmor - omega) * (larmor + omega)
    width = 2 * omega * rate
    size = np.square(np.square(rate) + detuning) + np.square(width)
    held = np.square(rate) + np.square(larmor)
    real = np.square(held) + np.square(omega) * (rate - larmor) * (rate + larmor)
    response: ComplexArray = (real - 1j * omega * rate * (held + np.square(omega))) / size
    if form == "bloch":
        return response
    # T2 > 0 needs T1 > 0, which T2 ≤ 2 T1 has made sure of.
    ratio = np.where(t2 > 0, 2 / np.where(t1 > 0, t1, 1.0), 0.0)
    added: ComplexArray = ratio * (rate + 1j * omega) * (np.square(rate) + detuning - 1j * width) / size
    return response - added
