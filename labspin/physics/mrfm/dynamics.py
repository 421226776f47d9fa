"""The resonator and its spin baths in time: exact motion, free and driven, without stepping.

The problem is linear: x = (q, q̇/ω0, s_1, …) with s_j the displacement that bath j remembers, x' = A x +
drive in units of 1/ω0. Free motion is then a sum over the eigenvectors of A, a steadily driven one is a
linear solve, and under a drive whose frequency rises linearly each eigenvector's amplitude is a Faddeeva
function.

The complex solution z under the complex drive F e^{iφ(t)} is used throughout: Re z is the displacement under
the drive F cos φ(t), exactly, and z e^{−iφ(t)} is its amplitude in the rotating frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import finite, non_negative
from labspin.physics.mrfm.bath import RelaxingSpring
from labspin.physics.mrfm.resonator import Resonator, state_matrix

__all__ = ["ChirpResponse", "LinearMotion", "chirp_response", "ring_down"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class LinearMotion:
    """Equation of motion of a resonator with its baths at one temperature.

    Parameters
    ----------
    resonator
        The bare resonator.
    springs
        The baths; single numbers in each.

    Attributes
    ----------
    matrix
        A in dx/d(ω0 t) = A x, shape (n, n), with x = (q, q̇/ω0, s_1, …) in m.

    Raises
    ------
    ArgumentError
        A spring holds an array, or the resonator is unstable.
    """

    def __init__(self, resonator: Resonator, springs: Sequence[RelaxingSpring] = ()) -> None:
        for spring in springs:
            if any(np.ndim(value) for value in (spring.strength, spring.t1, spring.static)):
                raise ArgumentError("springs: wanted single numbers, got arrays; ask for one temperature")
        self.resonator = resonator
        self.springs = tuple(springs)
        self.matrix = state_matrix(resonator, self.springs)
        rates, modes = np.linalg.eig(self.matrix)
        self._rates, self._modes = rates.astype(np.complex128), modes.astype(np.complex128)
        self._into_modes: ComplexArray = np.linalg.inv(self._modes).astype(np.complex128)

    def steady_state(self, *, angular_frequency: ArrayLike, force: ArrayLike) -> ComplexArray:
        """Return z(0) of the steady motion z e^{iωt} under F e^{iωt}, shape (..., n) in m.

        Parameters
        ----------
        angular_frequency
            ω in rad/s.
        force
            F in N, complex, broadcasting with ω.
        """
        turns = np.asarray(angular_frequency) / self.resonator.angular_frequency
        amplitude = np.asarray(force, dtype=complex) / self.resonator.stiffness
        turns, amplitude = np.broadcast_arrays(turns, amplitude)
        system = 1j * turns[..., None, None] * np.eye(len(self.matrix)) - self.matrix
        drive = np.zeros((*turns.shape, len(self.matrix), 1), dtype=complex)
        drive[..., 1, 0] = amplitude
        return np.asarray(np.linalg.solve(system, drive)[..., 0], dtype=np.complex128)

    def free_motion(self, *, state: ArrayLike, time: ArrayLike) -> ComplexArray:
        """Return the states of the motion without drive.

        Parameters
        ----------
        state
            x at time 0, shape (n,), in m.
        time
            Time since then, s, any shape (...).

        Returns
        -------
        ComplexArray
            x at these times, shape (..., n), in m; its real part is the motion of a real ``state``.
        """
        amplitudes = self._into_modes @ np.asarray(state, dtype=complex)
        phase = np.asarray(time)[..., None] * (self._rates * self.resonator.angular_frequency)
        return np.asarray((np.exp(phase) * amplitudes) @ self._modes.T, dtype=np.complex128)

    def mode_amplitudes(self, state: ArrayLike) -> ComplexArray:
        """Return the amplitude of each eigenvector in a state; the amplitudes evolve by `rates`.

        Parameters
        ----------
        state
            x, shape (..., n), in m.

        Returns
        -------
        ComplexArray
            Shape (..., n).
        """
        return np.asarray(np.asarray(state, dtype=complex) @ self._into_modes.T, dtype=np.complex128)

    def propagator(self, duration: float) -> FloatArray:
        """Return e^{Aω0t}, which carries x over a time of free motion, shape (n, n).

        Parameters
        ----------
        duration
            t in s.
        """
        growth = np.exp(self._rates * (self.resonator.angular_frequency * duration))
        return np.asarray(np.real((self._modes * growth) @ self._into_modes))

    def walk(self, *, state: FloatArray, pushes: FloatArray, interval: float) -> FloatArray:
        """Return x after each of equal intervals of free motion, at whose end it was pushed.

        x_k = e^{Aω0t} x_(k−1) + push_k, which each eigenvector takes by itself.

        Parameters
        ----------
        state
            x before the first interval, shape (n,) in m.
        pushes
            One an interval, shape (m, n) in m.
        interval
            t in s.

        Returns
        -------
        real array of shape (m, n), in m.
        """
        from scipy.signal import lfilter

        keep = np.exp(self._rates * (self.resonator.angular_frequency * interval))
        pushed, start = pushes @ self._into_modes.T, self._into_modes @ state
        amplitudes = np.empty_like(pushed)
        for mode, kept in enumerate(keep):
            begin = np.array([kept * start[mode]])
            amplitudes[:, mode], _ = lfilter([1.0], [1.0, -kept], pushed[:, mode], zi=begin)
        return np.asarray(np.real(amplitudes @ self._modes.T))

    def equilibrium_covariance(self, *, temperature: float) -> FloatArray:
        """Return the covariance of x in thermal equilibrium, by equipartition, shape (n, n), in m².

        The energy is ½mq̇² + ½(k0 + static)q² + Σ½K_j(q − s_j)².

        Parameters
        ----------
        temperature
            Temperature of resonator and baths in K, ≥ 0.
        """
        energy = constants.k * float(non_negative("temperature", temperature, unit="K"))
        k0 = self.resonator.stiffness
        coupled = [0, *(j for j in range(2, len(self.matrix)) if self.matrix[1, j] > 0)]
        hessian = np.diag([-self.matrix[1, 0], *(self.matrix[1, j] for j in coupled[1:])])
        hessian[0, 1:] = hessian[1:, 0] = [-self.matrix[1, j] for j in coupled[1:]]
        covariance = np.zeros_like(self.matrix)
        covariance[np.ix_(coupled, coupled)] = np.linalg.inv(hessian) * (energy / k0)
        covariance[1, 1] = energy / k0
        return covariance

    def noise_matrix(self, *, temperature: float) -> FloatArray:
        """Return D of the white noise in dx/d(ω0 t) = A x + noise, from AΣ + ΣAᵀ = −D; shape (n, n), in m².

        Parameters
        ----------
        temperature
            Temperature of resonator and baths in K, ≥ 0.
        """
        covariance = self.equilibrium_covariance(temperature=temperature)
        product = self.matrix @ covariance
        # Only friction makes noise: the reactive parts cancel in the sum, up to rounding.
        diffusion: FloatArray = np.diag(np.maximum(-2 * np.diagonal(product), 0))
        return diffusion

    def driven_amplitudes(self, force: complex) -> ComplexArray:
        """Return the rate in m/s at which a drive feeds each eigenvector, shape (n,).

        Parameters
        ----------
        force
            Complex amplitude of the force in N.
        """
        kick = np.zeros(len(self.matrix), dtype=complex)
        kick[1] = force * self.resonator.angular_frequency / self.resonator.stiffness
        return np.asarray(self._into_modes @ kick, dtype=np.complex128)

    @property
    def rates(self) -> ComplexArray:
        """Eigenvalues λ of the free motions e^{λt} in 1/s."""
        rates: ComplexArray = self._rates * self.resonator.angular_frequency
        return rates

    @property
    def displacements(self) -> ComplexArray:
        """Displacement in each eigenvector (the first row of their matrix)."""
        row: ComplexArray = self._modes[0]
        return row


def ring_down(
    *,
    resonator: Resonator,
    springs: Sequence[RelaxingSpring] = (),
    time: ArrayLike,
    amplitude: float,
    angular_frequency: float | None = None,
    phase: float = 0.0,
) -> ComplexArray:
    """Return the free decay of a steady oscillation after its drive stopped at t = 0.

    The baths have followed the oscillation and keep answering with their own delay, so that the decay is not
    one exponential if a bath is as slow as the resonator's ring-down.

    Parameters
    ----------
    resonator, springs
        Resonator and baths; single numbers.
    time
        Times ≥ 0 after the drive stopped, in s.
    amplitude
        Amplitude before, in m.
    angular_frequency
        Angular frequency of the drive before, in rad/s; None for ω0.
    phase
        Phase of the oscillation at t = 0 in rad.

    Returns
    -------
    complex displacement z(t) in m; the displacement is its real part. Other than after a drive at resonance,
    |z| beats at twice the frequency by about (ω − ω_p)/ω.

    Raises
    ------
    ArgumentError
        A negative time or amplitude, or an unstable resonator.
    """
    seconds = non_negative("time", time, unit="s")
    size = float(non_negative("amplitude", amplitude, unit="m"))
    omega = resonator.angular_frequency if angular_frequency is None else float(angular_frequency)
    motion = LinearMotion(resonator, springs)
    steady = motion.steady_state(angular_frequency=finite("angular_frequency", omega), force=1.0)
    start = steady * (size * np.exp(1j * phase) / steady[0])
    displacement: ComplexArray = motion.free_motion(state=start, time=seconds)[..., 0]
    return displacement


class ChirpResponse(NamedTuple):
    """Driven motion under a sweep of finite rate.

    Attributes
    ----------
    displacement
        z(t) in m, complex; the displacement is its real part.
    amplitude
        z e^{−iφ(t)} in m: amplitude in the frame of the drive.
    angular_frequency
        Momentary frequency of the drive in rad/s.
    """

    displacement: ComplexArray
    amplitude: ComplexArray
    angular_frequency: FloatArray


def chirp_response(
    *,
    resonator: Resonator,
    springs: Sequence[RelaxingSpring] = (),
    time: ArrayLike,
    start: float,
    rate: float,
    force: float,
) -> ChirpResponse:
    """Return the motion under F cos(ω_a t + r t²/2), which begins in the steady state at ω_a.

    Each eigenvector's amplitude is ∫ exp(p s + i r s²/2) ds with p = iω_a − λ, written with Faddeeva
    functions of the half-plane where they stay bounded, so any rate, duration and Q is safe.

    Parameters
    ----------
    resonator, springs
        Resonator and baths; single numbers.
    time
        Times ≥ 0 since the sweep began, in s.
    start
        ω_a in rad/s.
    rate
        r in rad/s², positive or negative, not 0.
    force
        F in N.

    Raises
    ------
    ArgumentError
        A negative time, a rate of 0, or an unstable resonator.
    """
    seconds = non_negative("time", time, unit="s")
    begin = float(finite("start", start, unit="rad/s"))
    r = float(finite("rate", rate, unit="rad/s²"))
    if r == 0:
        raise ArgumentError("rate: wanted a sweep, got 0 rad/s²; use susceptibility for a fixed frequency")
    motion = LinearMotion(resonator, springs)
    steady = motion.steady_state(angular_frequency=begin, force=force)
    feed = motion.driven_amplitudes(force)
    initial = feed / (1j * begin - motion.rates)
    drive = np.exp(1j * (begin * seconds + 0.5 * r * seconds**2))
    grown = _chirp_integral(seconds[..., None], motion.rates, begin, r, drive[..., None])
    amplitudes = initial * np.exp(motion.rates * seconds[..., None]) + feed * grown
    displacement = np.where(seconds == 0, steady[0], amplitudes @ motion.displacements)
    return ChirpResponse(displacement, displacement / drive, begin + r * seconds)


def _chirp_integral(
    time: FloatArray, decay: ComplexArray, begin: float, r: float, drive: ComplexArray
) -> ComplexArray:
    """Return e^{λt} ∫_0^t exp(p s + i r s²/2) ds, with p = iω_a − λ and ``drive`` = exp(iω_a t + i r t²/2).

    With y(s) = α(s + p/ir), α² = −ir/2, the integral is erf(y) times a constant; erf(y) = σ[1 − e^{−y²}
    w(iσy)] with σ the sign of Re y.
    """
    from scipy.special import wofz

    p = 1j * begin - decay
    alpha = np.sqrt(-0.5j * r)
    y_end, y_start = alpha * (time + p / (1j * r)), alpha * (p / (1j * r))
    sign_end, sign_start = np.where(y_end.real < 0, -1, 1), np.where(y_start.real < 0, -1, 1)
    passed = sign_end != sign_start
    # The free oscillation left behind once the drive has passed the resonance.
    left = np.where(passed, decay * time + 0.5j * p**2 / r, 0)
    bracket = np.where(passed, (sign_end - sign_start) * np.exp(left), 0)
    bracket = bracket - sign_end * drive * wofz(1j * sign_end * y_end)
    bracket = bracket + sign_start * np.exp(decay * time) * wofz(1j * sign_start * y_start)
    integral: ComplexArray = np.sqrt(np.pi) / (2 * alpha) * bracket
    return integral
