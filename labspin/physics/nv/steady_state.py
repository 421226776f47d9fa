"""Steady state of the NV ensemble at any field, orientation, pump and drive: the door to the batched kernel.

One call computes, for any number of fields and orientations, populations, photoluminescence, magnetisation
and torque of the four classes. Work goes through the kernel in blocks that fit the processor's cache; no
loop runs over single points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import hbar
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import broadcast, non_negative, vectors
from labspin.physics.nv.geometry import CLASS_FRAMES, class_fields, crystal_field, orientation_matrix
from labspin.physics.nv.microwave import Microwave, driving_rates
from labspin.physics.nv.rate_model import Populations, RateModel, rate_model
from labspin.physics.nv.records import NV_CENTRE, NV_OPTICAL_RATES, DirectPumping, NVCentre, OpticalRates
from labspin.physics.nv.relaxation import CR_SUPPLEMENT, Relaxation
from labspin.physics.nv.stretched import RateMixture

__all__ = ["Ensemble", "SteadyState", "rate_model_at", "steady_state"]

FloatArray = NDArray[np.float64]

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

    @property
    def torque(self) -> FloatArray:
        """Torque (..., 3) in N m of one centre of each class together."""
        return np.asarray(self.class_torque.sum(axis=-2))

    @property
    def total_photoluminescence(self) -> FloatArray:
        """Photons/s (...) of one centre of each class together."""
        return np.asarray(self.photoluminescence.sum(axis=-1))

    def magnetic_moment(self, gyromagnetic_ratio: float = NV_CENTRE.gyromagnetic_ratio) -> FloatArray:
        """Return ``−ħ γe <S>`` (..., 4, 3) in A m² of one centre of each class."""
        return -hbar * gyromagnetic_ratio * self.spin


def steady_state(
    *,
    field: ArrayLike,
    pump: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    ensemble: Ensemble | None = None,
    microwave: Microwave | None = None,
    microwave_frequency: ArrayLike | None = None,
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

    Raises
    ------
    ArgumentError
        A value is not finite, negative where it may not be, or shapes do not broadcast.

    Notes
    -----
    ----- The model is a rate equation between eigenstates of the actual field (populations, no coherences):
    right for steady states and for changes slower than the splittings. Exactly at a degeneracy (zero field
    without strain) the eigenstates are those of an infinitely small field along each axis.
    """
    sample = ensemble or Ensemble()
    if (microwave is None) != (microwave_frequency is None):
        raise ArgumentError("microwave_frequency: wanted together with microwave, got only one of the two")
    problem = _Problem.of(field, pump, orientation, sample, microwave, microwave_frequency)
    out = _Output(problem.count)
    for block in problem.blocks():
        out.store(block, *problem.solve(block))
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

    @classmethod
    def of(
        cls,
        field: ArrayLike,
        pump: ArrayLike,
        orientation: Rotation | ArrayLike | None,
        ensemble: Ensemble,
        microwave: Microwave | None,
        frequency: ArrayLike | None,
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
        )

    @property
    def count(self) -> int:
        return self.pump.size

    def blocks(self) -> Iterator[slice]:
        return (slice(start, min(start + _BLOCK, self.count)) for start in range(0, self.count, _BLOCK))

    def solve(self, block: slice) -> tuple[RateModel, Populations, FloatArray, FloatArray, FloatArray]:
        """Return model, populations, light (4, n), and <S>, torque (3, 4, n) in the crystal frame."""
        ensemble = self.ensemble
        larmor = ensemble.centre.gyromagnetic_ratio * np.einsum(
            "ckl,ln->kcn", CLASS_FRAMES, self.field[:, block]
        )
        model = _model(larmor, ensemble, projectors=self.microwave is not None)
        driving = None
        if self.microwave is not None and self.frequency is not None and self.direction is not None:
            direction = self.direction if self.direction.ndim == 2 else self.direction[..., block]
            driving = driving_rates(
                model=model,
                microwave=self.microwave,
                gyromagnetic_ratio=ensemble.centre.gyromagnetic_ratio,
                direction=direction,
                frequency=self.frequency[block],
            )
        pump = np.asarray(ensemble.relative_pump)[:, None] * self.pump[block]
        populations = model.populations(pump=pump, driving=driving, decay=ensemble.decay)
        spin = np.einsum("ckl,kcn->lcn", CLASS_FRAMES, model.spin(populations))
        torque = _cross(spin, self.field[:, None, block])
        torque *= -hbar * ensemble.centre.gyromagnetic_ratio
        return model, populations, model.emission(populations, pump=pump), spin, torque


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

    def store(
        self,
        block: slice,
        model: RateModel,
        populations: Populations,
        light: FloatArray,
        spin: FloatArray,
        torque: FloatArray,
    ) -> None:
        self.transition[..., block] = model.transition
        np.add(model.cross_rate, model.isolated_rate, out=self.rate[:, block])
        self.ground[..., block] = populations.ground
        self.excited[..., block] = populations.excited
        self.singlet[:, block] = populations.singlet
        self.light[:, block] = light
        self.spin[..., block] = spin
        self.torque[..., block] = torque

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
    """Return the `RateModel` at fields of shape (..., 3): its batch axes are (4, ...).

    Use it where one field meets many pumps or drives (spectra, pulse sequences); `steady_state` is for many
    fields.
    """
    sample = ensemble or Ensemble()
    inside = class_fields(field=field, orientation=orientation)
    larmor = sample.centre.gyromagnetic_ratio * np.ascontiguousarray(np.moveaxis(inside, (-1, -2), (0, 1)))
    return _model(larmor, sample, projectors=projectors)
