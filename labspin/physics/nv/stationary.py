"""Steady state of the NV ensemble at any field, orientation, pump and drive: the door to the batched kernel.

One call computes, for any number of fields and orientations, populations, photoluminescence, magnetisation
and torque of the four classes. Work goes through the kernel in blocks that fit the processor's cache; no
loop runs over single points.

Two methods: ``"rates"`` keeps the populations of the eigenstates only, ``"lindblad"`` their coherences too
(`labspin.physics.nv.lindblad`), at some fifteen times the cost. They agree on the light to 0.03 %, and on the
torque of a class to 2 % at 100 G and above. Within 4° of the plane across a class's axis at 5 G to 50 G the
rate model is off by up to 30 % in that class; and because the four classes nearly cancel below 50 G, by any
factor in their sum.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, broadcast, non_negative, vectors
from labspin.physics.constants import hbar
from labspin.physics.nv.geometry import CLASS_FRAMES, class_fields, crystal_field, orientation_matrix
from labspin.physics.nv.lindblad import coherent_steady_state
from labspin.physics.nv.microwave import Microwave, driving_rates
from labspin.physics.nv.rate_model import Populations, RateModel, rate_model
from labspin.physics.nv.records import NV_CENTRE, NV_OPTICAL_RATES, DirectPumping, NVCentre, OpticalRates
from labspin.physics.nv.relaxation import CR_SUPPLEMENT, Relaxation
from labspin.physics.nv.stretched import RateMixture

__all__ = ["CoherenceWarning", "Ensemble", "Method", "SteadyState", "rate_model_at", "steady_state"]

FloatArray = NDArray[np.float64]
Method = Literal["rates", "lindblad"]

_TOLERATED = 0.1  # of the largest torque: estimated error above which is warned
_WEIGHT = (
    0.2  # error of a class's torque per unit of `RateModel.coherence`, as compared with the full equation
)
_BLOCK = 1024  # fields in one pass through the kernel: four classes of 8 kB arrays stay in cache


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """What the diamond is made of; every function of this package takes one.

    Raises
    ------
    ArgumentError
        The temperature is not positive, or ``collection`` or ``relative_pump`` are not four values ≥ 0.
    """

    centre: NVCentre = NV_CENTRE
    rates: OpticalRates | DirectPumping = NV_OPTICAL_RATES
    relaxation: Relaxation = CR_SUPPLEMENT
    temperature: float = 300.0  # K, inf for equal thermal populations
    decay: RateMixture | None = None  # spread of relaxation rates (stretched exponential); None: one rate
    collection: tuple[float, float, float, float] = (
        1.0,
        1.0,
        1.0,
        1.0,
    )  # weight of each class in the total light
    relative_pump: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)  # pump of each class over Ω

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ArgumentError(f"temperature: wanted a value > 0 K, got {self.temperature!r}")
        for name in ("collection", "relative_pump"):
            if non_negative(name, getattr(self, name)).shape != (4,):
                raise ArgumentError(f"{name}: wanted four values, one a class, got {getattr(self, name)!r}")


class CoherenceWarning(UserWarning):
    """The torque was computed by rates where coherences matter; ``method="lindblad"`` has them."""


@dataclass(frozen=True)
class SteadyState:
    """Steady state of four classes; ``...`` is the common shape of field, orientation, pump and tone."""

    transition_frequencies: FloatArray  # (..., 4, 2) rad/s, |0> ↔ lower and |0> ↔ upper
    relaxation_rate: FloatArray  # (..., 4) 1/s, 1/T1_i with cross-relaxation
    ground_populations: FloatArray  # (..., 4, 3) |0>-like, lower, upper
    excited_populations: FloatArray  # (..., 4, 3)
    singlet_population: FloatArray  # (..., 4)
    photoluminescence: (
        FloatArray  # (..., 4) photons/s from one centre of each class, weighted by the collection
    )
    spin: FloatArray  # (..., 4, 3) <S> in the lab
    class_torque: FloatArray  # (..., 4, 3) N m on the crystal by one centre of each class, in the lab
    coherence: FloatArray  # (..., 4) 0…1, what a rate model leaves out (`RateModel.coherence`); 0 with it

    __repr__ = abridged

    @property
    def torque(self) -> FloatArray:
        """Torque (..., 3) in N m of one centre of each class together.

        Warns
        -----
        CoherenceWarning
            What rates leave out is estimated at more than a tenth of the largest torque in the array.
        """
        total = np.asarray(self.class_torque.sum(axis=-2))
        largest = np.linalg.norm(total, axis=-1).max(initial=0.0)
        if (doubt := self.torque_error.max(initial=0.0)) > _TOLERATED * largest:
            warnings.warn(
                f"torque by rates: off by about {doubt:.1g} N m of {largest:.1g} N m, for eigenstates lie "
                'closer together than light broadens them; ask for method="lindblad"',
                CoherenceWarning,
                stacklevel=2,
            )
        return total

    @property
    def torque_error(self) -> FloatArray:
        """Estimated error (...) of `torque` from coherences that were left out, N m; 0 with them."""
        size = np.linalg.norm(self.class_torque, axis=-1)
        return np.asarray(_WEIGHT * (self.coherence * size).sum(axis=-1))

    @property
    def total_photoluminescence(self) -> FloatArray:
        """Photons/s (...) of one centre of each class together."""
        return np.asarray(self.photoluminescence.sum(axis=-1))

    def magnetic_moment(self, gyromagnetic_ratio: float = NV_CENTRE.gyromagnetic_ratio) -> FloatArray:
        """Return ``−ħ γe <S>`` (..., 4, 3) in A m² of one centre of each class.

        Parameters
        ----------
        gyromagnetic_ratio
            γe in rad/(s T).
        """
        return -hbar * gyromagnetic_ratio * self.spin


def steady_state(
    *,
    field: ArrayLike,
    pump: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
    microwave: Microwave | None = None,
    microwave_frequency: ArrayLike | None = None,
    method: Method = "rates",
) -> SteadyState:
    """Return the steady state of the optical cycle with relaxation, cross-relaxation and driving.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    pump
        Optical pumping rate Ω, shape (...), 1/s.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    ensemble
        What the diamond is made of; default: [NV] with the relaxation of its supplement.
    microwave, microwave_frequency
        A tone, and its angular frequency of shape (...), rad/s; both or neither.
    method
        ``"rates"``: populations of the eigenstates only. ``"lindblad"``: the full equation with coherences,
        for torques near the plane across an axis and below 100 G (see the module).

    Returns
    -------
    SteadyState
        Populations and rates, of the common shape of the arguments.

    Raises
    ------
    ArgumentError
        A value is not finite, negative where it may not be, shapes do not broadcast, or ``method`` is
        unknown.

    Notes
    -----
    The rate equation is right for steady states and for changes slower than the splittings, as long as the
    levels of each triplet lie farther apart than light and decay broaden them: else see the module. Exactly
    at a degeneracy (zero field without strain) the eigenstates are those of an infinitely small field along
    each axis. The torques of the four classes cancel up to fourth order in the field, to 1e-6 of a class's
    at 0.2 G: by rates one digit of their sum is left there and none below 0.1 G; with coherences two digits
    are left at 0.01 G.
    """
    if method not in ("rates", "lindblad"):
        raise ArgumentError(f"method: wanted 'rates' or 'lindblad', got {method!r}")
    sample = ensemble or Ensemble()
    if (microwave is None) != (microwave_frequency is None):
        raise ArgumentError("microwave_frequency: wanted together with microwave, got only one of the two")
    problem = _Problem.of(field, pump, orientation, sample, microwave, microwave_frequency, method)
    out = _Output(problem.count)
    for block in problem.blocks():
        out.store(block, problem.solve(block))
    return out.finish(problem)


@dataclass(frozen=True)
class _Problem:
    """The arguments, broadcast and flattened to one batch axis."""

    shape: tuple[int, ...]
    field: FloatArray  # (3, n) in the crystal
    rotation: FloatArray  # (3, 3) or (3, 3, n)
    pump: FloatArray  # (n,)
    frequency: FloatArray | None  # (n,)
    direction: FloatArray | None  # (3, 4) or (3, 4, n)
    ensemble: Ensemble
    microwave: Microwave | None
    method: Method

    @classmethod
    def of(
        cls,
        field: ArrayLike,
        pump: ArrayLike,
        orientation: Rotation | ArrayLike | None,
        ensemble: Ensemble,
        microwave: Microwave | None,
        frequency: ArrayLike | None,
        method: Method,
    ) -> _Problem:
        vector = vectors("field", field, unit="T")
        rate = non_negative("pump", pump, unit="1/s")
        tone = None if frequency is None else non_negative("microwave_frequency", frequency, unit="rad/s")
        matrix = orientation_matrix(orientation)
        shape = broadcast(
            field=vector[..., 0],
            pump=rate,
            orientation=matrix[..., 0, 0],
            microwave_frequency=np.zeros(()) if tone is None else tone,
        )
        inside = np.broadcast_to(crystal_field(field=vector, orientation=matrix), (*shape, 3))
        direction = None
        if microwave is not None:
            unit = class_fields(field=microwave.unit_direction, orientation=matrix)
            if matrix.ndim > 2:
                unit = np.broadcast_to(unit, (*shape, 4, 3)).reshape(-1, 4, 3)
            direction = np.moveaxis(unit, (-1, -2), (0, 1))
        if matrix.ndim > 2:
            matrix = np.moveaxis(np.broadcast_to(matrix, (*shape, 3, 3)).reshape(-1, 3, 3), 0, -1)
        return cls(
            shape=shape,
            field=np.ascontiguousarray(inside.reshape(-1, 3).T),
            rotation=matrix,
            pump=np.broadcast_to(rate, shape).reshape(-1),
            frequency=None if tone is None else np.broadcast_to(tone, shape).reshape(-1),
            direction=direction,
            ensemble=ensemble,
            microwave=microwave,
            method=method,
        )

    @property
    def count(self) -> int:
        return self.pump.size

    def blocks(self) -> Iterator[slice]:
        return (slice(start, min(start + _BLOCK, self.count)) for start in range(0, self.count, _BLOCK))

    def solve(self, block: slice) -> _Solved:
        """Return what the kernel finds for a block of the fields."""
        ensemble, coherent = self.ensemble, self.method == "lindblad"
        gamma = ensemble.centre.gyromagnetic_ratio
        larmor = gamma * np.einsum("ckl,ln->kcn", CLASS_FRAMES, self.field[:, block])
        model = _model(larmor, ensemble, projectors=coherent or self.microwave is not None)
        driving = self._driving(model, block)
        pump = np.asarray(ensemble.relative_pump)[:, None] * self.pump[block]
        if coherent:
            state = coherent_steady_state(model=model, pump=pump, driving=driving, decay=ensemble.decay)
            populations, inside, doubt = state.populations, state.spin, np.zeros_like(pump)
        else:
            populations = model.populations(pump=pump, driving=driving, decay=ensemble.decay)
            inside, doubt = model.spin(populations), model.coherence(pump=pump)
        spin = np.einsum("ckl,kcn->lcn", CLASS_FRAMES, inside)
        torque = _cross(spin, self.field[:, None, block])
        torque *= -hbar * gamma
        light = model.emission(populations, pump=pump)
        return _Solved(model, populations, light, spin, torque, doubt)

    def _driving(self, model: RateModel, block: slice) -> FloatArray | None:
        if self.microwave is None or self.frequency is None or self.direction is None:
            return None
        return driving_rates(
            model=model,
            microwave=self.microwave,
            gyromagnetic_ratio=self.ensemble.centre.gyromagnetic_ratio,
            direction=self.direction if self.direction.ndim == 2 else self.direction[..., block],
            frequency=self.frequency[block],
        )


@dataclass(frozen=True)
class _Solved:
    """What the kernel finds for n fields, component-first, in the crystal frame."""

    model: RateModel
    populations: Populations
    light: FloatArray  # (4, n)
    spin: FloatArray  # (3, 4, n)
    torque: FloatArray  # (3, 4, n)
    coherence: FloatArray  # (4, n)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.stack(
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    )


class _Output:
    """Arrays over the whole batch, filled block by block, component-first."""

    def __init__(self, count: int) -> None:
        self.transition, self.rate = np.empty((2, 4, count)), np.empty((4, count))
        self.ground, self.excited = np.empty((3, 4, count)), np.empty((3, 4, count))
        self.singlet, self.light = np.empty((4, count)), np.empty((4, count))
        self.spin, self.torque = np.empty((3, 4, count)), np.empty((3, 4, count))
        self.coherence = np.empty((4, count))

    def store(self, block: slice, found: _Solved) -> None:
        """Put what was found for ``block`` into its place."""
        self.transition[..., block] = found.model.transition
        np.add(found.model.cross_rate, found.model.isolated_rate, out=self.rate[:, block])
        self.ground[..., block] = found.populations.ground
        self.excited[..., block] = found.populations.excited
        self.singlet[:, block] = found.populations.singlet
        self.light[:, block] = found.light
        self.spin[..., block] = found.spin
        self.torque[..., block] = found.torque
        self.coherence[:, block] = found.coherence

    def finish(self, problem: _Problem) -> SteadyState:
        shape = problem.shape
        collection = np.asarray(problem.ensemble.collection)[:, None]

        def last(array: FloatArray) -> FloatArray:
            """Put (component, class) behind the batch."""
            moved = np.moveaxis(array, (0, 1), (-1, -2)) if array.ndim == 3 else np.moveaxis(array, 0, -1)
            return moved.reshape(*shape, *moved.shape[1:])

        to_lab = "ml,mcn->lcn" if problem.rotation.ndim == 2 else "mln,mcn->lcn"
        return SteadyState(
            transition_frequencies=last(self.transition),
            relaxation_rate=last(self.rate),
            ground_populations=last(self.ground),
            excited_populations=last(self.excited),
            singlet_population=last(self.singlet),
            photoluminescence=last(collection * self.light),
            spin=last(np.einsum(to_lab, problem.rotation, self.spin)),
            class_torque=last(np.einsum(to_lab, problem.rotation, self.torque)),
            coherence=last(self.coherence),
        )


def _model(larmor: FloatArray, ensemble: Ensemble, *, projectors: bool) -> RateModel:
    return rate_model(
        larmor=larmor,
        centre=ensemble.centre,
        rates=ensemble.rates,
        relaxation=ensemble.relaxation,
        temperature=ensemble.temperature,
        projectors=projectors,
    )


def rate_model_at(
    *,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
    projectors: bool = False,
) -> RateModel:
    """Return the `RateModel` at given fields; its batch axes are (4, ...).

    Use it where one field meets many pumps or drives (spectra, pulse sequences); `steady_state` is for many
    fields.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    ensemble
        What the diamond is made of; default: [NV] with the relaxation of its supplement.
    projectors
        Whether to keep what the matrix elements of the microwave need.
    """
    sample = ensemble or Ensemble()
    inside = class_fields(field=field, orientation=orientation)
    larmor = sample.centre.gyromagnetic_ratio * np.ascontiguousarray(np.moveaxis(inside, (-1, -2), (0, 1)))
    return _model(larmor, sample, projectors=projectors)
