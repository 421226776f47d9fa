"""A librating crystal that carries spins: stiffness, damping and cooling by their torque.

``I θ'' + I Γ θ' + I ω_θ² θ = τ(θ, t) + thermal torque``. Turning the crystal by δθ changes the spin torque
twice: at once, since the eigenstates follow the field (libration is slow beside the splittings), and with
the delay of optical repolarisation, since pumping, relaxation and cross-relaxation in the turned crystal
lead to other populations. For the rate model ``dp/dt = A(θ) p`` the linear response is exact,

``χ(ω) = ∂τ/∂θ|_p + t · (iω − A)⁻¹ (∂A/∂θ) p̄``     (τ = t·p, e^{+iωt}),

and the librator becomes ``I(ω_θ² − ω² + iωΓ) − χ(ω)``: the real part of χ shifts the spring, the imaginary
part damps (Im χ < 0) or drives (Im χ > 0: lasing once it exceeds the damping of the gas). For a single
response time T, ``χ = k₀ + k₁/(1 + iωT)``, the added damping is ``k₁ T/(I (1 + ω²T²))``, largest at ωT = 1:
the outlook of [NV].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import (
    abridged,
    broadcast,
    finite,
    non_negative,
    positive,
    unit_vectors,
    vectors,
)
from labspin.physics.constants import hbar
from labspin.physics.nv.geometry import CLASS_FRAMES, orientation_matrix
from labspin.physics.nv.rate_model import RateModel
from labspin.physics.nv.stationary import Ensemble, rate_model_at
from labspin.physics.nv.stretched import RateMixture

__all__ = [
    "EffectiveLibration",
    "LibrationMode",
    "SpinResponse",
    "effective_libration",
    "level_torques",
    "libration_susceptibility",
    "single_pole_response",
    "spin_response",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_STEP = 2e-4  # rad of the five-point derivative: CR features are 0.01 rad wide and wider
_STENCIL = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0
_OFFSETS = np.array([-2.0, -1.0, 1.0, 2.0])


@dataclass(frozen=True, kw_only=True)
class LibrationMode:
    """One angle of a crystal in a trap; defaults from [NV] p. 3.

    Raises
    ------
    ArgumentError
        A value is not positive (the damping may be 0), or the axis has no length.
    """

    moment_of_inertia: float = 1e-22  # kg m²
    angular_frequency: float = 2e3 * np.pi  # rad/s, ω_θ
    damping_rate: float = 100.0  # 1/s, Γ of the gas; energy decays at Γ
    axis: tuple[float, float, float] = (0.0, 1.0, 0.0)  # lab frame, any length but zero
    spins: tuple[float, float, float, float] = (
        2.5e8,
        2.5e8,
        2.5e8,
        2.5e8,
    )  # centres of each class; [NV]: 10⁹ in all

    def __post_init__(self) -> None:
        positive("moment_of_inertia", self.moment_of_inertia, unit="kg m²")
        positive("angular_frequency", self.angular_frequency, unit="rad/s")
        non_negative("damping_rate", self.damping_rate, unit="1/s")
        if vectors("axis", self.axis).shape != (3,):
            raise ArgumentError(f"axis: wanted one vector of 3 components, got {self.axis!r}")
        positive("axis: its length", np.linalg.norm(self.axis))
        if non_negative("spins", self.spins).shape != (4,):
            raise ArgumentError(f"spins: wanted four numbers, one a class, got {self.spins!r}")

    @property
    def stiffness(self) -> float:
        """``I ω_θ²`` in N m/rad."""
        return self.moment_of_inertia * self.angular_frequency**2

    @property
    def unit_axis(self) -> FloatArray:
        """Axis of length one, shape (3,)."""
        return np.asarray(np.asarray(self.axis) / np.linalg.norm(self.axis))


@dataclass(frozen=True)
class SpinResponse:
    """Torque of all spins about the libration axis and how it answers a small turn; ``...`` is the batch."""

    torque: FloatArray  # (...) N m, at rest
    prompt: FloatArray  # (...) N m/rad, ∂τ/∂θ at fixed populations
    static: FloatArray  # (...) N m/rad, χ(0): prompt and repolarised
    response: ComplexArray  # (..., n) N m/rad, χ(ω)

    __repr__ = abridged


def spin_response(
    *,
    mode: LibrationMode,
    field: ArrayLike,
    pump: ArrayLike,
    angular_frequency: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
) -> SpinResponse:
    """Return the linear response of the spin torque to libration.

    Parameters
    ----------
    mode
        Axis and numbers of spins.
    field
        B in the lab, (..., 3), T.
    pump
        Ω in 1/s, (...).
    angular_frequency
        ω in rad/s, (n,) or scalar (n = 1).
    orientation
        A single orientation of the crystal at rest, ``v_crystal = R · v_lab``.
    ensemble
        What the diamond is made of.

    Raises
    ------
    ArgumentError
        A value is not finite, negative where it may not be, or shapes do not broadcast.
    """
    sample = ensemble or Ensemble()
    vector, rate = vectors("field", field, unit="T"), non_negative("pump", pump, unit="1/s")
    omega = np.atleast_1d(non_negative("angular_frequency", angular_frequency, unit="rad/s"))
    shape = broadcast(field=vector[..., 0], pump=rate)
    vector, rate = np.broadcast_to(vector, (*shape, 3)), np.broadcast_to(rate, shape)
    matrix = orientation_matrix(orientation)
    if matrix.ndim != 2 or omega.ndim != 1:
        raise ArgumentError("orientation: wanted a single rotation, and angular_frequency one axis")
    pumps = rate * np.asarray(sample.relative_pump).reshape((4,) + (1,) * rate.ndim)
    mixture = sample.decay or RateMixture(np.ones(1), np.ones(1))
    parts = [
        _Linearised.of(mode, vector, pumps, matrix, sample, float(scale)).response(np.append(0.0, omega))
        for scale in mixture.rates
    ]
    torque, prompt = (np.tensordot(mixture.weights, np.stack([p[i] for p in parts]), 1) for i in (0, 1))
    response = np.tensordot(mixture.weights, np.stack([p[2] for p in parts]), 1)
    return SpinResponse(torque, prompt, np.asarray(response[..., 0].real), np.asarray(response[..., 1:]))


@dataclass(frozen=True)
class _Linearised:
    """A, ∂A/∂θ, the torques of the levels and their derivatives; all (4, ..., n[, n])."""

    spins: FloatArray  # (4, 1…)
    generator: FloatArray
    slope: FloatArray
    level_torque: FloatArray
    torque_slope: FloatArray

    @classmethod
    def of(
        cls,
        mode: LibrationMode,
        field: FloatArray,
        pump: FloatArray,
        matrix: FloatArray,
        ensemble: Ensemble,
        scale: float,
    ) -> _Linearised:
        slope: FloatArray | float = 0.0
        torque_slope: FloatArray | float = 0.0
        for offset, coefficient in zip(_OFFSETS, _STENCIL, strict=True):
            model, turned = _turned_model(mode, field, matrix, ensemble, offset * _STEP)
            slope = slope + coefficient / _STEP * model.generator(pump=pump, scale=scale)
            torque_slope = torque_slope + coefficient / _STEP * level_torques(
                axis=mode.unit_axis, model=model, field=field, orientation=turned, ensemble=ensemble
            )
        model, turned = _turned_model(mode, field, matrix, ensemble, 0.0)
        return cls(
            spins=np.asarray(mode.spins).reshape((4,) + (1,) * (pump.ndim - 1)),
            generator=model.generator(pump=pump, scale=scale),
            slope=np.asarray(slope),
            level_torque=level_torques(
                axis=mode.unit_axis, model=model, field=field, orientation=turned, ensemble=ensemble
            ),
            torque_slope=np.asarray(torque_slope),
        )

    def response(self, omega: FloatArray) -> tuple[FloatArray, FloatArray, ComplexArray]:
        """Return torque (...), ∂τ/∂θ at fixed populations (...), and χ (..., n)."""
        n = self.generator.shape[-1]
        # 1ᵀA = 0: adding the same row to every row fixes Σp without touching the rest.
        size = np.abs(self.generator).max(axis=(-1, -2), keepdims=True)
        regular = self.generator - size / n
        rest = np.linalg.solve(regular, np.broadcast_to(-size / n, (*regular.shape[:-1], 1)))[..., 0]
        torque = np.einsum("c...,c...i,c...i->...", self._per_class(rest), self.level_torque, rest)
        prompt = np.einsum("c...,c...i,c...i->...", self._per_class(rest), self.torque_slope, rest)
        push = (self.slope @ rest[..., None])[..., None, :, :]
        resolvent = 1j * omega[:, None, None] * np.eye(n) - regular[..., None, :, :]
        moved = np.linalg.solve(resolvent, push + 0j)[..., 0]
        slow = np.einsum("c...,c...i,c...wi->...w", self._per_class(rest), self.level_torque, moved)
        return torque, prompt, np.asarray(prompt[..., None] + slow)

    def _per_class(self, populations: FloatArray) -> FloatArray:
        return np.broadcast_to(self.spins, populations.shape[:-1])


def _turned_model(
    mode: LibrationMode, field: FloatArray, matrix: FloatArray, ensemble: Ensemble, angle: float
) -> tuple[RateModel, FloatArray]:
    """Return the model, and the orientation, of the crystal turned by ``angle`` about the axis."""
    turned = matrix @ Rotation.from_rotvec(-angle * mode.unit_axis).as_matrix()
    return rate_model_at(field=field, orientation=turned, ensemble=ensemble), turned


def level_torques(
    *,
    axis: ArrayLike,
    model: RateModel,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
) -> FloatArray:
    """Return the torque about an axis of one centre in each of its levels, ``−ħγe (<S> × B)·a``, N m.

    Parameters
    ----------
    axis
        Unit vector a in the lab, (3,).
    model
        The rate model at ``field`` and ``orientation``.
    field
        B in the lab, (..., 3), T.
    orientation, ensemble
        As for the model.

    Returns
    -------
    FloatArray
        (4, ..., n) for the n = 7 levels (3 for direct pumping).
    """
    centre = (ensemble or Ensemble()).centre
    arm = np.cross(vectors("field", field), unit_vectors("axis", axis)) @ orientation_matrix(orientation).T
    arm = np.einsum("ckl,...l->kc...", CLASS_FRAMES, arm)  # (S × B)·a = S·(B × a)
    moment = -hbar * centre.gyromagnetic_ratio
    levels = [moment * np.einsum("ik...,k...->i...", model.ground.spin, arm)]
    if model.cycle.emission_row(pump=np.ones(1)).shape[-1] == 7:
        excited = moment * np.einsum("ik...,k...->i...", model.excited.spin, arm)
        levels += [excited, np.zeros_like(excited[:1])]
    return np.moveaxis(np.concatenate(levels), 0, -1)


def single_pole_response(
    *, prompt: ArrayLike, slow: ArrayLike, response_time: ArrayLike, angular_frequency: ArrayLike
) -> ComplexArray:
    """Return ``k₀ + k₁/(1 + iωT)``, N m/rad: the response of spins with a single repolarisation time.

    Parameters
    ----------
    prompt, slow
        k₀ and k₁ in N m/rad.
    response_time
        T in s.
    angular_frequency
        ω in rad/s.
    """
    time = non_negative("response_time", response_time, unit="s")
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    return np.asarray(finite("prompt", prompt) + finite("slow", slow) / (1.0 + 1j * omega * time))


@dataclass(frozen=True)
class EffectiveLibration:
    """A librator dressed by its spins, to first order in χ(ω_θ)/(I ω_θ²)."""

    angular_frequency: FloatArray  # rad/s
    damping_rate: FloatArray  # 1/s; negative: the libration grows (lasing)
    frequency_shift: FloatArray  # rad/s
    spin_damping: FloatArray  # 1/s, what the spins add to Γ

    __repr__ = abridged

    @property
    def lasing(self) -> NDArray[np.bool_]:
        """Where the spins drive more than the gas damps."""
        return np.asarray(self.damping_rate < 0)

    def temperature(self, *, bath_temperature: float) -> FloatArray:
        """Return ``T Γ/(Γ + Γ_spin)`` in K (cold damping, no noise of the spins), inf where it lases.

        Parameters
        ----------
        bath_temperature
            T of the gas that damps the librator, K, > 0.
        """
        positive("bath_temperature", bath_temperature, unit="K")
        gas = self.damping_rate - self.spin_damping
        with np.errstate(divide="ignore"):
            return np.where(self.lasing, np.inf, bath_temperature * gas / np.abs(self.damping_rate))


def effective_libration(*, mode: LibrationMode, response: ArrayLike) -> EffectiveLibration:
    """Return spring shift and damping of a librator with spins.

    ``ω_eff² = ω_θ² − Re χ/I``, ``Γ_eff = Γ − Im χ/(I ω_θ)``.

    Parameters
    ----------
    mode
        The librator without spins.
    response
        The spins' χ(ω_θ) in N m/rad, complex, any shape.

    Raises
    ------
    ArgumentError
        The response is not finite, or softer than the trap can hold (Re χ ≥ I ω_θ²: the crystal turns over).
    """
    chi = np.asarray(response, dtype=np.complex128)
    if not np.isfinite(chi).all():
        raise ArgumentError("response: wanted finite numbers in N m/rad")
    if (chi.real >= mode.stiffness).any():
        raise ArgumentError(
            f"response: wanted Re χ < I ω_θ² = {mode.stiffness:.3g} N m/rad, got {chi.real.max():.3g}; "
            "the spins overcome the trap"
        )
    omega = np.sqrt(mode.angular_frequency**2 - chi.real / mode.moment_of_inertia)
    added = -chi.imag / (mode.moment_of_inertia * mode.angular_frequency)
    return EffectiveLibration(omega, mode.damping_rate + added, omega - mode.angular_frequency, added)


def libration_susceptibility(
    *, mode: LibrationMode, angular_frequency: ArrayLike, response: ArrayLike = 0.0
) -> ComplexArray:
    """Return θ/τ_external in rad/(N m), ``1/(I(ω_θ² − ω² + iωΓ) − χ(ω))``, complex.

    Parameters
    ----------
    mode
        The librator without spins.
    angular_frequency
        ω in rad/s, any shape.
    response
        The spins' χ(ω) in N m/rad, complex; broadcasts with ω.
    """
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    bare = mode.angular_frequency**2 - omega**2 + 1j * omega * mode.damping_rate
    return np.asarray(1.0 / (mode.moment_of_inertia * bare - np.asarray(response)))
