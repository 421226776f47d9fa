"""The resonator: its response, its shifts by the spins, and its thermal motion.

Convention e^{+iωt}: χ(ω) = 1/(k0 − mω² + iγω + κ(ω)), and positive Im κ is loss.

=========  ====================================================
``k0``     stiffness, N/m
``ω0``     √(k0/m), rad/s
``Q0``     mω0/γ
``κ``      what the spins add to the stiffness, N/m, complex
=========  ====================================================

Source: Wagenaar, thesis ch. 3, Eqs. (3.9), (3.12), (3.13); κ′ there is a misprint of κ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.mrfm.bath import RelaxingSpring
from labspin.physics.mrfm.caution import LinearResponseWarning, warn

__all__ = [
    "Resonator",
    "ResonatorShift",
    "displacement_noise_density",
    "exact_shift",
    "first_order_shift",
    "force_noise_density",
    "susceptibility",
    "thermal_displacement",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

# |κ|/k0 beyond which first order is warned about: its error is then about 1 % of the shift.
_SMALL = 0.02


@dataclass(frozen=True)
class Resonator:
    """A bare resonator.

    Parameters
    ----------
    stiffness
        k0 in N/m.
    angular_frequency
        ω0 = √(k0/m) in rad/s.
    quality_factor
        Q0.

    Raises
    ------
    ArgumentError
        One of them is not positive.
    """

    stiffness: float
    angular_frequency: float
    quality_factor: float

    def __post_init__(self) -> None:
        positive("stiffness of the resonator", self.stiffness, unit="N/m")
        positive("angular_frequency of the resonator", self.angular_frequency, unit="rad/s")
        positive("quality_factor of the resonator", self.quality_factor)

    @property
    def mass(self) -> float:
        """Effective mass m = k0/ω0² in kg."""
        return self.stiffness / self.angular_frequency**2

    @property
    def damping(self) -> float:
        """Damping constant γ = k0/(ω0 Q0) in kg/s."""
        return self.stiffness / (self.angular_frequency * self.quality_factor)

    @property
    def ring_down_time(self) -> float:
        """Time 2 Q0/ω0 in s in which a free amplitude falls by e."""
        return 2 * self.quality_factor / self.angular_frequency


class ResonatorShift(NamedTuple):
    """What the spins do to a resonator.

    Attributes
    ----------
    angular_frequency
        Change of the resonance frequency in rad/s.
    inverse_quality
        Change of 1/Q.
    """

    angular_frequency: FloatArray
    inverse_quality: FloatArray


def susceptibility(
    *, resonator: Resonator, angular_frequency: ArrayLike, stiffness: ArrayLike = 0.0
) -> ComplexArray:
    """Return χ(ω) = q/F in m/N, Eq. (3.9).

    Parameters
    ----------
    resonator
        The bare resonator.
    angular_frequency
        ω in rad/s.
    stiffness
        κ(ω) in N/m, complex, broadcasting with ω; for example ``bath.stiffness(...)`` at the same ω.

    Raises
    ------
    ArgumentError
        A frequency or a stiffness is not finite.
    """
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    kappa = _finite_complex("stiffness", stiffness)
    # Written as a product, so that k0 − mω² loses no digits near resonance.
    detuned = resonator.mass * (resonator.angular_frequency - omega) * (resonator.angular_frequency + omega)
    response: ComplexArray = 1 / (detuned + 1j * resonator.damping * omega + kappa)
    return response


def first_order_shift(*, resonator: Resonator, stiffness: ArrayLike) -> ResonatorShift:
    """Return the shifts Δω = ω0 Re κ/2k0 and Δ(1/Q) = Im κ/k0, Eqs. (3.12), (3.13).

    Parameters
    ----------
    resonator
        The bare resonator.
    stiffness
        κ(ω0) in N/m, complex, any shape.

    Raises
    ------
    ArgumentError
        A stiffness is not finite.

    Warns
    -----
    LinearResponseWarning
        |κ| exceeds 2 % of k0: use `exact_shift`.
    """
    ratio = _finite_complex("stiffness", stiffness) / resonator.stiffness
    largest = float(np.abs(ratio).max(initial=0.0))
    if largest > _SMALL:
        warn(
            LinearResponseWarning,
            f"|κ|/k0 reaches {largest:.2g}, wanted below {_SMALL} for first-order shifts; use exact_shift",
        )
    return ResonatorShift(0.5 * resonator.angular_frequency * ratio.real, ratio.imag)


def exact_shift(*, resonator: Resonator, springs: Sequence[RelaxingSpring]) -> ResonatorShift:
    """Return the shifts from the pole of χ: of its modulus |ω_p|, and of 1/Q = 2 Im ω_p/|ω_p|.

    Both definitions are exact for a bare resonator of any damping (|ω_p| = ω0, Q = Q0). With spins, κ is
    taken at the complex frequency of the pole, so the baths' delay counts.

    Parameters
    ----------
    resonator
        The bare resonator.
    springs
        The baths, from ``bath.spring(temperature=...)``; their arrays broadcast.

    Raises
    ------
    ArgumentError
        The spins make the resonator unstable, or it is so damped that it does not oscillate.
    """
    rate = _oscillating_eigenvalue(resonator, springs)
    modulus = np.abs(rate)
    shift = resonator.angular_frequency * (modulus - 1)
    return ResonatorShift(shift, -2 * rate.real / modulus - 1 / resonator.quality_factor)


def force_noise_density(
    *,
    resonator: Resonator,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    stiffness: ArrayLike = 0.0,
) -> FloatArray:
    """Return the one-sided density S_F = 4k_BT (γ + Im κ/ω) in N²/Hz.

    The spins' loss brings its own noise (fluctuation–dissipation theorem). At ω = 0, only S_F = 4k_BTγ
    with κ = 0 is defined.

    Parameters
    ----------
    resonator, angular_frequency, stiffness
        As in `susceptibility`.
    temperature
        Temperature of the resonator and of the spins in K, ≥ 0.

    Raises
    ------
    ArgumentError
        A temperature is negative, or κ has an imaginary part at ω = 0.
    """
    kelvin = non_negative("temperature", temperature, unit="K")
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    loss = _finite_complex("stiffness", stiffness).imag
    if np.any((omega == 0) & (loss != 0)):
        raise ArgumentError("stiffness: wanted a real κ at angular_frequency 0, got an imaginary part")
    extra = loss / np.where(omega == 0, 1.0, omega)
    density: FloatArray = 4 * constants.k * kelvin * (resonator.damping + extra)
    return density


def displacement_noise_density(
    *,
    resonator: Resonator,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    stiffness: ArrayLike = 0.0,
) -> FloatArray:
    """Return the one-sided density S_q = S_F |χ|² in m²/Hz.

    Errors are those of `force_noise_density`.

    Parameters
    ----------
    resonator
        The bare resonator.
    temperature
        Temperature of the resonator and of the spins in K, ≥ 0.
    angular_frequency
        ω in rad/s.
    stiffness
        κ(ω) of the spins in N/m, complex. All three broadcast.
    """
    chi = susceptibility(resonator=resonator, angular_frequency=angular_frequency, stiffness=stiffness)
    force = force_noise_density(
        resonator=resonator,
        temperature=temperature,
        angular_frequency=angular_frequency,
        stiffness=stiffness,
    )
    density: FloatArray = force * np.square(np.abs(chi))
    return density


def thermal_displacement(
    *, resonator: Resonator, temperature: ArrayLike, static_stiffness: ArrayLike = 0.0
) -> FloatArray:
    """Return the rms displacement √(k_BT/(k0 + κ(0))) in m.

    Parameters
    ----------
    resonator
        The bare resonator.
    temperature
        In K, ≥ 0.
    static_stiffness
        κ at ω = 0 in N/m, real.

    Raises
    ------
    ArgumentError
        A temperature is negative, or k0 + κ(0) is not positive.
    """
    kelvin = non_negative("temperature", temperature, unit="K")
    total = positive("k0 + static_stiffness", resonator.stiffness + np.asarray(static_stiffness), unit="N/m")
    rms: FloatArray = np.sqrt(constants.k * kelvin / total)
    return rms


def _oscillating_eigenvalue(resonator: Resonator, springs: Sequence[RelaxingSpring]) -> ComplexArray:
    """Return λ/ω0 of the free motion e^{λt} with the largest frequency, from the state matrix."""
    rates = np.linalg.eigvals(state_matrix(resonator, springs))
    rate = np.take_along_axis(rates, np.argmax(rates.imag, axis=-1)[..., None], axis=-1)[..., 0]
    if np.any(rate.imag == 0):
        raise ArgumentError(
            "resonator: wanted one that oscillates (Q > 1/2), got an overdamped one; "
            "it has no resonance to shift"
        )
    oscillating: ComplexArray = rate.astype(complex)
    return oscillating


def state_matrix(resonator: Resonator, springs: Sequence[RelaxingSpring]) -> FloatArray:
    """Return A of dx/d(ω0 t) = A x with x = (q, q̇/ω0, s_1, …), s_j the displacement that bath j remembers.

    Bath j pulls the resonator with −K_j (q − s_j), and T1_j ds_j/dt = q − s_j. A bath far faster than the
    resonator (ω0 T1 < 1e-5) is a viscous damper K T1, one far slower (ω0 T1 > 1e12) a plain spring; their s_j
    is left uncoupled, so that the matrix is never stiff.
    """
    shapes = [np.broadcast_shapes(*map(np.shape, (s.strength, s.t1, s.static))) for s in springs]
    size = 2 + len(springs)
    a = np.zeros((*np.broadcast_shapes(*shapes), size, size))
    a[..., 0, 1] = 1
    a[..., 1, 0] = -1
    a[..., 1, 1] = -1 / resonator.quality_factor
    for j, spring in enumerate(springs, start=2):
        ratio = np.asarray(spring.strength) / resonator.stiffness
        phase = resonator.angular_frequency * np.asarray(spring.t1)
        fast, slow = phase < 1e-5, phase > 1e12
        coupled = ~fast & ~slow
        a[..., 1, 0] -= np.where(fast, 0, ratio) + np.asarray(spring.static) / resonator.stiffness
        a[..., 1, 1] -= np.where(fast, ratio * np.where(fast, phase, 0), 0)
        a[..., 1, j] = np.where(coupled, ratio, 0)
        rate = np.where(coupled, 1 / np.where(coupled, phase, 1), 1)
        a[..., j, 0], a[..., j, j] = np.where(coupled, rate, 0), -rate
    static = sum((np.asarray(s.static) for s in springs), start=np.zeros(()))
    if np.any(resonator.stiffness + static <= 0):
        raise ArgumentError(
            f"springs: the spins' static stiffness {np.min(static):g} N/m outweighs k0 = "
            f"{resonator.stiffness:g} N/m, so the resonator is unstable; use fewer spins or a larger distance"
        )
    return a


def _finite_complex(name: str, value: ArrayLike) -> ComplexArray:
    array = np.asarray(value, dtype=complex)
    finite(f"real part of {name}", array.real, unit="N/m")
    finite(f"imaginary part of {name}", array.imag, unit="N/m")
    return array
