"""A driven resonator seen through a lock-in, in time: frequency sweeps that do not wait, ring-downs, noise.

Resonator, baths and the lock-in's stages together are one linear system, which is followed in the frame that
rotates with the reference: u = x e^{−iφ(t)}, du/dt = (ω0A − iω)u + drive. The frame's phase is continuous
where the frequency steps, so u is too. Over a time step the mean is a matrix exponential, and thermal force,
spin noise and read-out noise are Gaussian with the covariance of that time step: the motion is exact for any
step. Two things only are left out, both as the filter leaves them out: the mixer's product at 2ω, and the
correlation between the two quadratures of a noise at 2ω.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.lockin import LockInFilter
from labspin.physics.mrfm.bath import RelaxingSpring
from labspin.physics.mrfm.dynamics import LinearMotion
from labspin.physics.mrfm.resonator import Resonator

__all__ = ["DemodulatedMotion", "stepped_sweep"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class _Step(NamedTuple):
    """One time step: u → steady + propagator (u − steady) + spread · noise."""

    steady: ComplexArray
    propagator: ComplexArray
    spread: ComplexArray


class DemodulatedMotion:
    """Resonator, baths and lock-in at one temperature, in the frame of the reference.

    The state u is a complex vector: resonator and baths as in `LinearMotion`, then the filter's stages; its
    last element is the lock-in's output, the displacement's peak amplitude in m.

    Parameters
    ----------
    resonator, springs
        Resonator and baths; single numbers.
    lock_in
        The filter; None for a lock-in that is infinitely fast (then without noise).
    temperature
        Temperature of resonator and baths in K; 0 for no thermal noise.
    readout_noise
        One-sided density of the read-out in m/√Hz.

    Raises
    ------
    ArgumentError
        Negative temperature or noise, or noise without a filter (its power would be infinite).
    """

    def __init__(
        self,
        *,
        resonator: Resonator,
        springs: Sequence[RelaxingSpring] = (),
        lock_in: LockInFilter | None = None,
        temperature: float = 0.0,
        readout_noise: float = 0.0,
    ) -> None:
        density = float(non_negative("readout_noise", readout_noise, unit="m/√Hz"))
        self.motion = LinearMotion(resonator, springs)
        inner, stages = len(self.motion.matrix), 0 if lock_in is None else lock_in.stages
        if lock_in is None and (temperature > 0 or density > 0):
            raise ArgumentError("lock_in: noise needs a filter, got None; give a LockInFilter or no noise")
        self._size = inner + stages
        self._generator = np.zeros((self._size, self._size), dtype=complex)
        self._generator[:inner, :inner] = self.motion.matrix * resonator.angular_frequency
        # Mixing 2q e^{−iφ} gives a complex noise of four times the two-sided density of the real one.
        diffusion = np.zeros(self._size)
        noise = self.motion.noise_matrix(temperature=temperature)
        diffusion[:inner] = 4 * np.diagonal(noise) * resonator.angular_frequency
        if lock_in is not None:
            for stage in range(inner, self._size):
                self._generator[stage, stage] = -1 / lock_in.time_constant
                self._generator[stage, stage - 1 if stage > inner else 0] = 1 / lock_in.time_constant
            diffusion[inner] = 2 * density**2 / lock_in.time_constant**2
        self._diffusion = diffusion
        self._rotating = np.arange(self._size) < inner

    @property
    def output(self) -> int:
        """Index of the output in the state."""
        return self._size - 1 if self._size > len(self.motion.matrix) else 0

    def settled(
        self,
        *,
        angular_frequency: float,
        force: complex,
        rng: np.random.Generator | None = None,
    ) -> ComplexArray:
        """Return a state after the drive has been on for ever, with noise if ``rng`` is given.

        Parameters
        ----------
        angular_frequency
            Angular frequency of drive and reference in rad/s.
        force
            Amplitude of F cos(ωt) in N, complex for another phase.
        rng
            Source of the thermal and read-out noise; None for the mean state.
        """
        generator = self._generators(np.atleast_1d(angular_frequency))
        state: ComplexArray = self._steady(generator, np.atleast_1d(force))[0]
        if rng is None or not self._diffusion.any():
            return state
        covariance = self._covariance(generator[0])
        noise: ComplexArray = _square_root(covariance, covariance) @ _circular(rng, self._size)
        return state + noise

    def advance(
        self,
        state: ComplexArray,
        *,
        duration: ArrayLike,
        angular_frequency: ArrayLike,
        force: ArrayLike,
        rng: np.random.Generator | None = None,
    ) -> ComplexArray:
        """Return the states after each of N time steps, shape (N, n).

        Parameters
        ----------
        state
            Before the first step, shape (n,).
        duration
            Duration of the steps in s, N or one number.
        angular_frequency
            Angular frequency of drive and reference during each step in rad/s, N or one number.
        force
            Amplitude during each step in N, N or one number; 0 for a ring-down.
        rng
            Source of the noise; None for the mean motion.

        Raises
        ------
        ArgumentError
            A duration is negative, or lengths differ.
        """
        seconds = non_negative("duration", duration, unit="s")
        omega = finite("angular_frequency", angular_frequency, unit="rad/s")
        shape = np.broadcast_shapes(seconds.shape, omega.shape, np.shape(force), (1,))
        steps = self._steps(
            np.broadcast_to(seconds, shape),
            np.broadcast_to(omega, shape),
            np.broadcast_to(np.asarray(force, dtype=complex), shape),
            noisy=rng is not None and bool(self._diffusion.any()),
        )
        states = np.empty((shape[0], self._size), dtype=complex)
        current = np.asarray(state, dtype=complex)
        for k in range(shape[0]):
            current = steps.steady[k] + steps.propagator[k] @ (current - steps.steady[k])
            if rng is not None and len(steps.spread):
                current = current + steps.spread[k] @ _circular(rng, self._size)
            states[k] = current
        return states

    def _generators(self, omega: FloatArray) -> ComplexArray:
        shift = 1j * omega[:, None] * self._rotating
        return np.asarray(self._generator - shift[:, :, None] * np.eye(self._size), dtype=np.complex128)

    def _steady(self, generators: ComplexArray, force: ComplexArray) -> ComplexArray:
        drive = np.zeros((*generators.shape[:2], 1), dtype=complex)
        resonator = self.motion.resonator
        drive[:, 1, 0] = -force * resonator.angular_frequency / resonator.stiffness
        return np.asarray(np.linalg.solve(generators, drive)[..., 0], dtype=np.complex128)

    def _steps(self, seconds: FloatArray, omega: FloatArray, force: ComplexArray, *, noisy: bool) -> _Step:
        from scipy.linalg import expm

        generators = self._generators(omega)
        steady = self._steady(generators, force)
        # Steps of one frequency and one length are one: a ring-down has hundreds of them.
        kinds, which = np.unique(np.stack([omega, seconds]), axis=1, return_inverse=True)
        which = which.reshape(-1)
        generators = self._generators(kinds[0])
        propagator = expm(generators * kinds[1][:, None, None])
        if not noisy:
            return _Step(steady, propagator[which], np.empty((0,), dtype=complex))
        _, first, place = np.unique(kinds[0], return_index=True, return_inverse=True)
        settled = np.stack([self._covariance(generators[k]) for k in first])[place.reshape(-1)]
        # What the step adds to the covariance is what it has forgotten of the settled one.
        kept = propagator @ settled @ np.conj(np.swapaxes(propagator, -1, -2))
        return _Step(steady, propagator[which], _square_root(settled - kept, settled)[which])

    def _covariance(self, generator: ComplexArray) -> ComplexArray:
        """Return the covariance of the noisy part once settled."""
        from scipy.linalg import solve_continuous_lyapunov

        noise = -np.diag(self._diffusion).astype(complex)
        return np.asarray(solve_continuous_lyapunov(generator, noise), dtype=np.complex128)


def stepped_sweep(
    *,
    resonator: Resonator,
    springs: Sequence[RelaxingSpring] = (),
    angular_frequency: ArrayLike,
    dwell: ArrayLike,
    force: float,
    lock_in: LockInFilter | None = None,
    temperature: float = 0.0,
    readout_noise: float = 0.0,
    rng: np.random.Generator | None = None,
) -> ComplexArray:
    """Return what a lock-in shows at the end of each step of a frequency sweep.

    A sweep that does not wait for the ring-down and for the filter gives a skewed, ringing line. Before the
    first step the drive has been on for ever at the first frequency.

    Parameters
    ----------
    resonator, springs, lock_in, temperature, readout_noise
        As in `DemodulatedMotion`.
    angular_frequency
        Frequencies in their order in rad/s, shape (N,).
    dwell
        Time at each in s, N or one number.
    force
        Amplitude of the drive in N.
    rng
        Source of the noise; None for the mean.

    Returns
    -------
    complex peak amplitudes in m, shape (N,).

    Raises
    ------
    ArgumentError
        As `DemodulatedMotion`; no frequency, or a dwell that is not positive.
    """
    omega = np.atleast_1d(finite("angular_frequency", angular_frequency, unit="rad/s"))
    if omega.ndim != 1 or not len(omega):
        raise ArgumentError(f"angular_frequency: wanted one row of frequencies, got shape {omega.shape}")
    system = DemodulatedMotion(
        resonator=resonator,
        springs=springs,
        lock_in=lock_in,
        temperature=temperature,
        readout_noise=readout_noise,
    )
    start = system.settled(angular_frequency=omega[0], force=force, rng=rng)
    states = system.advance(
        start, duration=positive("dwell", dwell, unit="s"), angular_frequency=omega, force=force, rng=rng
    )
    output: ComplexArray = states[:, system.output]
    return output


def _circular(rng: np.random.Generator, size: int) -> ComplexArray:
    """Return complex normal numbers of unit variance, E|n|² = 1, with independent quadratures."""
    pair = rng.standard_normal((2, size)) * np.sqrt(0.5)
    return np.asarray(pair[0] + 1j * pair[1])


def _square_root(covariance: ComplexArray, settled: ComplexArray) -> ComplexArray:
    """Return S with S S† = covariance; rounding may leave eigenvalues below zero, which count as zero.

    Elements are first divided by their settled spread, so that a faint one does not drown in rounding.
    """
    spread = np.sqrt(np.abs(np.diagonal(settled, axis1=-2, axis2=-1)))
    spread = np.where(spread > 0, spread, 1.0)
    scaled = covariance / (spread[..., :, None] * spread[..., None, :])
    hermitian = 0.5 * (scaled + np.conj(np.swapaxes(scaled, -1, -2)))
    values, vectors = np.linalg.eigh(hermitian)
    root = spread[..., :, None] * vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
    return np.asarray(root, dtype=np.complex128)
