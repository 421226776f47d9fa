"""A levitated diamond full of NV centres, seen by its photoluminescence.

Each of the four classes is three ground populations, |0>, lower and upper. Light pumps them into |0> and is
given back brighter from |0>; relaxation mixes them, faster where classes are resonant (cross-relaxation),
with the spread of rates of a stretched exponential; a microwave exchanges |0> with a level whose transition
it meets, coherently in a short pulse, as a rate in a long one. Centres also lose their charge under light,
which leaves them dark, and recover it, unpolarised, in the dark: that changes a single trace of light against
dark time, and cancels in the difference of two. Light and collection drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import voigt_profile

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, non_negative, positive
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    InterpolatedRelaxation,
    LaboratoryBench,
    inversion_probability,
    stretched_exponential_mixture,
    transition_frequencies,
)
from labspin.twin.drift import Drift
from labspin.twin.sample import Pattern, Sample, Signals

__all__ = ["DiamondSettings", "LevitatedDiamond"]

_CLASSES, _TERMS = 4, 12
_ORDERS = 14  # of the Taylor series; the scaled norm is below 1/2
_CLOSE = 1e-15  # s; times closer than this are one


@dataclass(frozen=True, kw_only=True)
class DiamondSettings:
    """Numbers of the simulated diamond and of what stands around it."""

    bench: LaboratoryBench = LABORATORY_BENCH
    relaxation: InterpolatedRelaxation = CR_MEASURED
    stretching: float = 0.8  # β of the decay
    field_per_current: float = 15e-4  # T/A
    field_offset: float = 0.0  # T, of the electromagnet at zero current
    reference_laser: float = 0.5e-3  # W
    polarisation_rate: float = 5e4  # 1/s at the reference laser power
    photon_rate: float = 1e6  # 1/s at the reference laser power, all centres in |0>
    dark_level_contrast: float = 0.25  # by which |±1> is darker than |0>
    reference_microwave: float = 10.0  # dBm
    rabi_frequency: float = 2e6 * math.pi * 5.0  # rad/s at the reference microwave power
    line_width: float = 2e6 * math.pi * 4.0  # rad/s, σ of the inhomogeneous line
    dephasing_rate: float = 1e6  # 1/s, Γ2
    charge_recovery: float = 5e-3  # s, in the dark
    charge_loss: float = 200e-6  # s, under the reference laser power
    charge_left: float = 0.85  # fraction of centres that keep their charge under light
    drift: float = 0.005  # relative, standard deviation
    drift_time: float = 300.0  # s

    def __post_init__(self) -> None:
        for name in ("reference_laser", "polarisation_rate", "photon_rate", "line_width", "dephasing_rate",
                     "charge_recovery", "charge_loss", "drift_time"):  # fmt: skip
            positive(name, getattr(self, name))
        non_negative("drift", self.drift)
        for name in ("dark_level_contrast", "charge_left"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name}: wanted 0 to 1, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class _Conditions:
    """The diamond at one setting of the signals."""

    lines: FloatArray  # (4, 2) rad/s, |0> to lower and upper
    rates: FloatArray  # (4,) 1/s, 1/T1
    pump: float  # 1/s while the laser is on
    brightness: float  # photons/s while the laser is on
    rabi: float  # rad/s while the microwave is on
    frequency: float  # rad/s
    charge_loss: float = field(default=0.0)  # 1/s while the laser is on


class LevitatedDiamond(Sample):
    """NV diamond in a bias field and the field of an electromagnet; detector ``pl`` counts its light.

    Parameters
    ----------
    settings
        Its numbers.
    """

    inputs: ClassVar = {
        "magnet.current": "A", "microwave.frequency": "Hz", "microwave.power": "dBm", "laser.power": "W",
    }  # fmt: skip
    defaults: ClassVar = {
        "magnet.current": 0.0, "microwave.frequency": 1e9, "microwave.power": -math.inf,
        "laser.power": 0.5e-3,
    }  # fmt: skip
    detectors: ClassVar = {"pl": "photons"}
    lines: ClassVar = {"laser": "lets the laser through", "microwave": "lets the microwave through"}

    def __init__(self, settings: DiamondSettings | None = None) -> None:
        self.settings = settings or DiamondSettings()
        self._mixture = stretched_exponential_mixture(beta=self.settings.stretching, terms=_TERMS)
        self.prepare(0)

    def prepare(self, seed: int) -> None:
        """Draw the drift."""
        settings = self.settings
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 77)))
        self._drift = Drift(amplitude=settings.drift, correlation_time=settings.drift_time, rng=rng)

    def drift(self, detector: str, time: float) -> float:
        """Return the relative drift of laser and collection."""
        return max(1.0 + self._drift.at(time), 0.0)

    def field(self, signals: Signals) -> FloatArray:
        """Return the field in the lab, T, shape (3,)."""
        settings = self.settings
        electromagnet = settings.field_offset + settings.field_per_current * signals["magnet.current"]
        return np.asarray(settings.bench.bench.field(electromagnet))

    def reading(self, quantity: str, signals: Signals, time: float) -> float:
        """Return ``"field"``, the size of the field at the diamond, T."""
        if quantity != "field":
            return super().reading(quantity, signals, time)
        return float(np.linalg.norm(self.field(signals)))

    def truth(self, signals: Signals) -> dict[str, float | list[float]]:
        """Return T1 (s) and lower and upper transition (Hz) of each class, β, and the field (T)."""
        conditions = self._conditions(signals)
        return {
            "T1": (1 / conditions.rates).tolist(),
            "lower_transition": (conditions.lines[:, 0] / (2 * math.pi)).tolist(),
            "upper_transition": (conditions.lines[:, 1] / (2 * math.pi)).tolist(),
            "beta": self.settings.stretching,
            "field": float(np.linalg.norm(self.field(signals))),
            "field_per_current": self.settings.field_per_current,
        }

    def _conditions(self, signals: Signals) -> _Conditions:
        settings = self.settings
        lines = transition_frequencies(field=self.field(signals), orientation=settings.bench.orientation)
        added = settings.relaxation.cross_relaxation_rate(lines[:, 0])
        light = max(signals["laser.power"], 0.0) / settings.reference_laser
        power = signals["microwave.power"] - settings.reference_microwave
        return _Conditions(
            lines=lines,
            rates=settings.relaxation.isolated_rate + added,
            pump=settings.polarisation_rate * light,
            brightness=settings.photon_rate * light,
            rabi=settings.rabi_frequency * 10 ** (power / 20),
            frequency=2 * math.pi * signals["microwave.frequency"],
            charge_loss=light / settings.charge_loss,
        )

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: FloatArray, signals: Signals
    ) -> FloatArray:
        """Return mean photons in each window, in the periodic steady state of the pattern."""
        conditions = self._conditions(signals)
        cuts = _cuts(pattern, windows)
        step = np.searchsorted(pattern.boundaries, cuts[:-1], side="right") - 1
        laser, microwave = pattern.line("laser") > 0.5, pattern.line("microwave") > 0.5
        coherent = microwave & (pattern.durations * self.settings.dephasing_rate < 1)
        generators = self._generators(conditions, laser, microwave & ~coherent)
        maps = _exponential(generators[step] * np.diff(cuts)[:, None, None, None, None])
        for index in np.flatnonzero(coherent):
            end = np.flatnonzero(step == index)[-1]
            maps[end] = self._pulse(conditions, float(pattern.durations[index])) @ maps[end]
        light = self._light(maps) * conditions.brightness * laser[step]
        total = np.concatenate(([0.0], np.cumsum(light)))
        return np.interp(windows[:, 1], cuts, total) - np.interp(windows[:, 0], cuts, total)

    def _generators(
        self, now: _Conditions, laser: NDArray[np.bool_], microwave: NDArray[np.bool_]
    ) -> FloatArray:
        """Return what each step of the pattern does, (steps, classes, terms, 5, 5).

        Rows are the charged centres in |0>, lower and upper, a constant one, and the time integral of the
        light relative to all centres in |0>. Centres that regain their charge are not polarised.
        """
        settings = self.settings
        rates = now.rates[:, None] * self._mixture.rates
        on, driven = laser[:, None, None], microwave[:, None, None]
        lost = np.where(on, now.charge_loss * (1 - settings.charge_left), 0.0)[..., None, None]
        regained = np.where(on, now.charge_loss * settings.charge_left, 1 / settings.charge_recovery)
        regained = regained[..., None, None]
        generator = np.zeros((len(laser), *rates.shape, 5, 5))
        generator[..., :3, :3] = rates[..., None, None] * (np.full((3, 3), 1 / 3) - np.eye(3))
        generator[..., :3, :3] -= lost * np.eye(3) + regained * np.full((3, 3), 1 / 3)
        generator[..., :3, 3:4] = regained / 3
        dark = 1 - settings.dark_level_contrast
        generator[..., 4, :3] = [1.0, dark, dark]
        pumped = np.array([[0, 1, 1], [0, -1, 0], [0, 0, -1]])
        generator[..., :3, :3] += (now.pump * on)[..., None, None] * pumped
        for level, exchange in enumerate(self._driving(now).T, start=1):
            swapped = np.zeros((3, 3))
            swapped[[0, level], [0, level]], swapped[[0, level], [level, 0]] = -1, 1
            generator[..., :3, :3] += (exchange[:, None] * driven)[..., None, None] * swapped
        return generator

    def _driving(self, now: _Conditions) -> FloatArray:
        """Return the exchange rates (classes, 2) of a long microwave pulse, 1/s."""
        settings = self.settings
        profile = voigt_profile(now.frequency - now.lines, settings.line_width, settings.dephasing_rate)
        return np.asarray(0.5 * math.pi * now.rabi**2 * profile)

    def _pulse(self, now: _Conditions, duration: float) -> FloatArray:
        """Return the exchange (classes, 1, 5, 5) of populations by a short pulse."""
        exchanged = inversion_probability(
            rabi=now.rabi,
            detuning=now.frequency - now.lines,
            duration=duration,
            inhomogeneous_width=self.settings.line_width,
        )
        pulse = np.broadcast_to(np.eye(5), (_CLASSES, 1, 5, 5))
        for level in (1, 2):
            swap = np.broadcast_to(np.eye(5), (_CLASSES, 1, 5, 5)).copy()
            p = exchanged[:, level - 1, None]
            swap[..., 0, 0] = swap[..., level, level] = 1 - p
            swap[..., 0, level] = swap[..., level, 0] = p
            pulse = swap @ pulse
        return pulse

    def _light(self, maps: FloatArray) -> FloatArray:
        """Return the light of each interval (n,): the mean over classes and rates, at the fixed point."""
        period = np.broadcast_to(np.eye(4), (*maps.shape[1:3], 4, 4))
        for one in maps:
            period = one[..., :4, :4] @ period
        populations = np.linalg.solve(np.eye(3) - period[..., :3, :3], period[..., :3, 3:])
        state = np.concatenate([populations, np.ones((*maps.shape[1:3], 1, 1))], axis=-2)
        light = np.empty(len(maps))
        for index, one in enumerate(maps):
            collected = (one[..., 4:, :4] @ state)[..., 0, 0]
            light[index] = float((collected @ self._mixture.weights).mean())
            state = one[..., :4, :4] @ state
        return light


def _cuts(pattern: Pattern, windows: FloatArray) -> FloatArray:
    """Return the times at which the pattern or a window changes, s."""
    cuts = np.unique(np.concatenate([pattern.boundaries, np.clip(windows.ravel(), 0.0, pattern.period)]))
    return cuts[np.concatenate(([True], np.diff(cuts) > _CLOSE))]


def _exponential(matrices: FloatArray) -> FloatArray:
    """Return the exponentials of many small matrices (..., n, n): Taylor series, scaled and squared.

    `scipy.linalg.expm` calls LAPACK once a matrix, which takes seconds where its threads meet other work.
    """
    norm = float(np.abs(matrices).sum(axis=-1).max())
    squarings = max(0, math.ceil(math.log2(max(norm, 1e-300)) + 1))
    scaled = matrices / 2.0**squarings
    term = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    total = term.copy()
    for order in range(1, _ORDERS + 1):
        term = term @ scaled / order
        total += term
    for _ in range(squarings):
        total = total @ total
    return np.asarray(total)
