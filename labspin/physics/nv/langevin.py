"""Libration in time: Brownian motion in a trap, exactly, with a spin torque that answers late.

The linear part (trap, gas, thermal torque of one-sided density ``S_τ = 4 k_B T I Γ``) is integrated
exactly: over any step the state (θ, θ') moves by ``exp(A Δt)`` plus Gaussian noise of covariance ``Σ −
e^{AΔt} Σ e^{AᵀΔt}``, where Σ = (k_B T/I) diag(1/ω_θ², 1) is the equilibrium. So variances and spectra are
right for steps of any length.

A spin torque τ(θ) with response time T obeys ``T ds/dt = τ(θ) − s``. It is split symmetrically from the
motion (s relaxes exactly over half a step, the crystal moves exactly under a constant s, s relaxes again):
second order in the step, exact for a constant torque.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, finite, non_negative, positive
from labspin.physics.constants import k
from labspin.physics.nv.libration import LibrationMode

__all__ = [
    "LibrationStep",
    "LibrationTrace",
    "libration_step",
    "simulate_libration",
    "thermal_angle_spectrum",
    "thermal_torque_density",
]

FloatArray = NDArray[np.float64]


def thermal_torque_density(*, mode: LibrationMode, temperature: ArrayLike) -> FloatArray:
    """Return the one-sided density ``4 k_B T I Γ`` of the thermal torque, N² m²/Hz.

    Parameters
    ----------
    mode
        The librator.
    temperature
        T ≥ 0 in K, any shape.
    """
    kelvin = non_negative("temperature", temperature, unit="K")
    return np.asarray(4.0 * k * kelvin * mode.moment_of_inertia * mode.damping_rate)


def thermal_angle_spectrum(
    *, mode: LibrationMode, temperature: float, frequency: ArrayLike, response: ArrayLike = 0.0
) -> FloatArray:
    """Return the one-sided spectral density of the angle, rad²/Hz.

    ``S_τ |θ/τ|²``; without the spins' response, its integral is k_B T/(I ω_θ²).

    Parameters
    ----------
    mode
        The librator.
    temperature
        T ≥ 0 in K.
    frequency
        Frequencies ≥ 0 in Hz, any shape.
    response
        The spins' χ(ω) in N m/rad, complex; broadcasts with ``frequency``.
    """
    from labspin.physics.nv.libration import libration_susceptibility

    omega = 2.0 * np.pi * non_negative("frequency", frequency, unit="Hz")
    susceptibility = libration_susceptibility(mode=mode, angular_frequency=omega, response=response)
    return np.asarray(
        thermal_torque_density(mode=mode, temperature=temperature) * np.abs(susceptibility) ** 2
    )


@dataclass(frozen=True)
class LibrationStep:
    """One exact step of x = (θ, θ'): ``x → P (x − x₀) + x₀ + L ξ``, x₀ = (τ/(I ω_θ²), 0), ξ normal."""

    duration: float  # s
    propagator: FloatArray  # (2, 2)
    noise: FloatArray  # (2, 2), L Lᵀ is the covariance

    def advance(self, *, state: FloatArray, rest_angle: ArrayLike, deviates: FloatArray) -> FloatArray:
        """Return the state (2, ...) after the step.

        Parameters
        ----------
        state
            x = (θ, θ') before the step, shape (2, ...), rad and rad/s.
        rest_angle
            τ/(I ω_θ²) of the torque during the step, shape (...), rad.
        deviates
            Independent standard normal numbers, shape (2, ...).
        """
        rest = np.zeros_like(state)
        rest[0] = rest_angle
        moved = np.einsum("ab,b...->a...", self.propagator, state - rest) + rest
        return np.asarray(moved + np.einsum("ab,b...->a...", self.noise, deviates))


def libration_step(*, mode: LibrationMode, temperature: float, duration: float) -> LibrationStep:
    """Return the exact step of the linear librator.

    Parameters
    ----------
    mode
        The librator.
    temperature
        T ≥ 0 in K.
    duration
        Length of the step, s, > 0.

    Raises
    ------
    ArgumentError
        The duration is not positive, or the temperature negative.
    """
    positive("duration", duration, unit="s")
    kelvin = float(non_negative("temperature", temperature, unit="K"))
    omega, gamma = mode.angular_frequency, mode.damping_rate
    propagator = _damped_rotation(omega, gamma, duration)
    # In units where equilibrium is the identity (θ ω_θ, θ') the scales of angle and velocity cost no digits.
    scale = np.array([1.0 / omega, 1.0])
    amplitude = np.sqrt(k * kelvin / mode.moment_of_inertia)
    root = _root(_added_covariance(omega, gamma, duration))
    return LibrationStep(duration, propagator, amplitude * scale[:, None] * root)


def _root(covariance: FloatArray) -> FloatArray:
    """Return the root L of L Lᵀ whose velocity has one deviate only: it is larger than the angle."""
    (angle, both), (_, velocity) = covariance
    if velocity == 0:
        return np.zeros((2, 2))
    own = np.sqrt(max(angle - both**2 / velocity, 0.0))
    return np.array([[own, both / np.sqrt(velocity)], [0.0, np.sqrt(velocity)]])


def _added_covariance(omega: float, gamma: float, time: float) -> FloatArray:
    """Return the covariance of (θ ω, θ') that the thermal torque adds over ``time``, in k_B T/I.

    It is ``2Γ ∫ g(s) gᵀ(s) ds`` over the answer g to a kick: an integral of squares, not the difference
    ``1 − P Pᵀ`` of which nothing is left for a short step or in a good vacuum.
    """
    if gamma == 0:
        return np.zeros((2, 2))
    half = 0.5 * gamma
    root = np.sqrt(complex(half**2 - omega**2))
    if abs(root) * time < 1.0 or abs(root) < 1e-3 * omega:
        return _covariance_by_quadrature(omega, gamma, time)
    fast = half + root
    decay = np.array([fast, omega**2 / fast])  # of the two free motions; the product is ω²
    joint = decay[:, None] + decay
    kept = -np.expm1(-joint * time) / joint
    kick = np.array([[-omega, omega], [fast, -decay[1]]]) / (2 * root)
    return np.asarray(2 * gamma * np.real(kick @ kept @ kick.T))


def _covariance_by_quadrature(omega: float, gamma: float, time: float) -> FloatArray:
    span = min(time, 100.0 / gamma)  # what is longer ago has decayed
    panels = int(np.ceil(max(omega, gamma) * span)) + 1
    node, weight = np.polynomial.legendre.leggauss(16)
    width = 0.5 * span / panels
    when = (width * (2 * np.arange(panels)[:, None] + 1 + node)).ravel()
    rotation = np.array([_damped_rotation(omega, gamma, s)[:, 1] for s in when])
    answer = rotation * [omega, 1.0]
    return np.asarray(2 * gamma * width * (answer.T * np.tile(weight, panels)) @ answer)


def _damped_rotation(omega: float, gamma: float, time: float) -> FloatArray:
    """Return exp(A t) of ``θ'' + Γ θ' + ω² θ = 0`` in closed form, below, at and above critical damping."""
    half = 0.5 * gamma
    split = omega**2 - half**2
    angle = np.sqrt(abs(split)) * time
    if split > 0:
        decay = np.exp(-half * time)
        cosine, sine = decay * np.cos(angle), decay * time * np.sinc(angle / np.pi)
    elif angle < 1.0:
        decay, rise = np.exp(-half * time), np.sinh(angle) / angle if angle > 0 else 1.0
        cosine, sine = decay * np.cosh(angle), decay * time * rise
    else:  # the exponentials are joined to the decay before they can overflow
        slow, fast = np.exp(angle - half * time), np.exp(-angle - half * time)
        cosine = 0.5 * (slow + fast)
        sine = 0.5 * (slow - fast) * time / angle
    return np.asarray([[cosine + half * sine, sine], [-(omega**2) * sine, cosine - half * sine]])


@dataclass(frozen=True)
class LibrationTrace:
    """Sampled libration; ``...`` are independent trajectories."""

    time: FloatArray  # s, (n,)
    angle: FloatArray  # rad, (n, ...)
    velocity: FloatArray  # rad/s, (n, ...)
    spin_torque: FloatArray  # N m, (n, ...)

    __repr__ = abridged


def simulate_libration(
    *,
    mode: LibrationMode,
    temperature: float,
    duration: float,
    steps: int,
    rng: np.random.Generator,
    torque: Callable[[FloatArray], FloatArray] | None = None,
    response_time: float = 0.0,
    prompt_torque: Callable[[FloatArray], FloatArray] | None = None,
    trajectories: int = 1,
    start: ArrayLike | None = None,
) -> LibrationTrace:
    """Return Brownian libration under spin torques.

    Parameters
    ----------
    mode, temperature
        The librator and its gas.
    duration, steps
        Total time in s and number of equal steps; with torques a step should be short beside 1/ω_θ.
    rng
        Source of the thermal torque.
    torque
        τ(θ) that the spins tend to, N m; follows with ``response_time``.
    response_time
        T in s; 0: at once.
    prompt_torque
        A torque that follows the angle without delay, N m.
    trajectories
        Number of independent ones.
    start
        (θ, θ') to begin with; default: drawn from thermal equilibrium of the bare trap.

    Raises
    ------
    ArgumentError
        A duration, number or time is not positive (or negative, for the response time).
    """
    positive("duration", duration, unit="s")
    non_negative("response_time", response_time, unit="s")
    if steps < 1 or trajectories < 1:
        raise ArgumentError(f"steps: wanted at least one step and trajectory, got {steps} and {trajectories}")
    step = libration_step(mode=mode, temperature=temperature, duration=duration / steps)
    state = _start(mode, temperature, start, trajectories, rng)
    if torque is None and prompt_torque is None:
        angles, velocities = _free_run(step, state, steps, rng)
        return LibrationTrace(_times(step, steps), angles, velocities, np.zeros_like(angles))
    return _torqued_run(mode, step, state, steps, rng, torque, response_time, prompt_torque)


def _start(
    mode: LibrationMode,
    temperature: float,
    start: ArrayLike | None,
    trajectories: int,
    rng: np.random.Generator,
) -> FloatArray:
    if start is not None:
        given = finite("start", start)
        if given.shape != (2,):
            raise ArgumentError(f"start: wanted (θ, θ'), got shape {given.shape}")
        return np.repeat(given[:, None], trajectories, axis=1)
    velocity = np.sqrt(k * temperature / mode.moment_of_inertia)
    spread = np.array([[velocity / mode.angular_frequency], [velocity]])
    return np.asarray(spread * rng.standard_normal((2, trajectories)))


def _free_run(
    step: LibrationStep, state: FloatArray, steps: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Run the linear recursion through its eigenvalues, as two first-order filters: no loop over steps."""
    from scipy.signal import lfilter

    values, vectors = np.linalg.eig(step.propagator)
    if abs(values[0] - values[1]) < 1e-6 * abs(values[0]):  # critically damped: no two eigenvectors
        return _stepwise(step, state, steps, rng)
    inverse = np.linalg.inv(vectors)
    noise = np.einsum("ab,bc,cnt->ant", inverse, step.noise, rng.standard_normal((2, steps, state.shape[1])))
    beginning = inverse @ state
    modes = [
        lfilter([1.0], [1.0, -values[a]], noise[a], axis=0, zi=(values[a] * beginning[a])[None])[0]
        for a in range(2)
    ]
    x = np.einsum("ab,bnt->ant", vectors, np.stack(modes)).real
    return x[0], x[1]


def _stepwise(
    step: LibrationStep, state: FloatArray, steps: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    out = np.empty((2, steps, state.shape[1]))
    for n in range(steps):
        state = step.advance(state=state, rest_angle=0.0, deviates=rng.standard_normal(state.shape))
        out[:, n] = state
    return out[0], out[1]


def _torqued_run(
    mode: LibrationMode,
    step: LibrationStep,
    state: FloatArray,
    steps: int,
    rng: np.random.Generator,
    torque: Callable[[FloatArray], FloatArray] | None,
    response_time: float,
    prompt_torque: Callable[[FloatArray], FloatArray] | None,
) -> LibrationTrace:
    def nothing(angle: FloatArray) -> FloatArray:
        return np.zeros_like(angle)

    slow, prompt = torque or nothing, prompt_torque or nothing
    kept = np.exp(-0.5 * step.duration / response_time) if response_time > 0 else 0.0
    half = LibrationStep(*_half(mode, step))
    spin = np.asarray(slow(state[0]), dtype=np.float64)
    out = np.empty((3, steps, state.shape[1]))
    deviates = rng.standard_normal((steps, *state.shape))
    silent = np.zeros_like(state)
    for n in range(steps):
        # The torque at the middle of the step makes the splitting second order.
        middle = half.advance(
            state=state, rest_angle=(spin + prompt(state[0])) / mode.stiffness, deviates=silent
        )
        target = np.asarray(slow(middle[0]), dtype=np.float64)
        spin = target + (spin - target) * kept
        rest = (spin + np.asarray(prompt(middle[0]))) / mode.stiffness
        state = step.advance(state=state, rest_angle=rest, deviates=deviates[n])
        spin = target + (spin - target) * kept
        out[0, n], out[1, n], out[2, n] = state[0], state[1], spin
    return LibrationTrace(_times(step, steps), out[0], out[1], out[2])


def _times(step: LibrationStep, steps: int) -> FloatArray:
    return np.asarray(step.duration * np.arange(1, steps + 1), dtype=np.float64)


def _half(mode: LibrationMode, step: LibrationStep) -> tuple[float, FloatArray, FloatArray]:
    half = libration_step(mode=mode, temperature=0.0, duration=0.5 * step.duration)
    return half.duration, half.propagator, half.noise
