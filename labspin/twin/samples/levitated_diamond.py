"""A levitated diamond full of NV centres, seen by its photoluminescence and by the light that it reflects.

The physics is the rate model of `labspin.physics.nv`: in each of the four classes seven levels between the
eigenstates of the actual field, relaxation that quickens where classes are resonant (cross-relaxation), with
the spread of rates of a stretched exponential. A microwave exchanges populations where it meets a
transition, coherently in a short pulse, as a rate in a long one. An eighth level is added here: centres lose
their charge under light, which leaves them dark, and recover it, unpolarised, in the dark. That changes a
single trace of light against dark time, and cancels in the difference of two.

Every interval of the pulse pattern is one exact propagator that also counts what it emits; the sample is at
the fixed point of the period. The spins' mean torque turns the crystal in its trap (librations follow a
pattern only on average), and the speckle turns that angle into more or less reflected light. Light and
collection drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, non_negative, positive
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    NV_OPTICAL_RATES,
    Ensemble,
    LaboratoryBench,
    LibrationMode,
    Microwave,
    RateModel,
    Relaxation,
    class_fields,
    counting_propagator,
    driving_rates,
    inversion_probability,
    level_torques,
    rabi_frequencies,
    rate_model_at,
    stretched_exponential_mixture,
)
from labspin.twin.drift import Drift
from labspin.twin.sample import Pattern, Sample, Signals

__all__ = ["DiamondSettings", "LevitatedDiamond"]

_TERMS = 10  # of the stretched exponential: within 6e-5 of it at β = 0.8
_LEVELS = 8  # seven of the cycle, and the centre without its charge
_CLOSE = 1e-15  # s; times closer than this are one
_PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, kw_only=True)
class DiamondSettings:
    """Numbers of the simulated diamond and of what stands around it."""

    bench: LaboratoryBench = LABORATORY_BENCH
    relaxation: Relaxation = CR_MEASURED
    stretching: float = 0.8  # β of the decay
    field_per_current: float = 15e-4  # T/A
    field_offset: float = 0.0  # T, of the electromagnet at zero current
    reference_laser: float = 0.5e-3  # W
    pump_rate: float = 1.3e5  # 1/s, Ω at the reference laser power: the light polarises in about 20 µs
    photon_rate: float = (
        1e6  # 1/s at the reference laser power, all centres in |0> with the field on their axis
    )
    reference_microwave: float = 10.0  # dBm
    rabi_frequency: float = 2e6 * math.pi * 5.0  # rad/s at that power, of a class whose axis is normal to B1
    microwave_direction: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of B1, lab: reaches all four classes
    line_width: float = 2e6 * math.pi * 4.0  # rad/s, σ of the inhomogeneous line
    dephasing_rate: float = 1e6  # 1/s, Γ2
    charge_recovery: float = 5e-3  # s, in the dark
    charge_loss: float = 200e-6  # s, under the reference laser power
    charge_left: float = 0.85  # fraction of centres that keep their charge under light
    libration: LibrationMode = field(default_factory=LibrationMode)
    reflected_rate: float = 2e6  # 1/s at the reference laser power, of the crystal at rest
    speckle_slope: float = -150.0  # 1/rad, relative change of the reflected light with the angle; either sign
    drift: float = 0.005  # relative, standard deviation
    drift_time: float = 300.0  # s

    def __post_init__(self) -> None:
        for name in ("reference_laser", "pump_rate", "photon_rate", "reflected_rate", "line_width",
                     "dephasing_rate", "charge_recovery", "charge_loss", "drift_time"):  # fmt: skip
            positive(name, getattr(self, name))
        non_negative("drift", self.drift)
        finite("speckle_slope", self.speckle_slope)
        if not 0 <= self.charge_left <= 1:
            raise ArgumentError(f"charge_left: wanted 0 to 1, got {self.charge_left!r}")


@dataclass(frozen=True)
class _Conditions:
    """The diamond at one setting of the signals."""

    field: FloatArray  # T, lab
    model: RateModel
    light: float  # laser power over the reference while the laser is on
    rabi: FloatArray  # (3, 4) rad/s while the microwave is on
    driving: FloatArray  # (3, 4) 1/s in a long pulse
    detuning: FloatArray  # (3, 4) rad/s


class LevitatedDiamond(Sample):
    """NV diamond in a bias field and the field of an electromagnet.

    Detector ``pl`` counts its photoluminescence, ``reflected`` the green light that it throws back, which
    tells its angle.

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
    detectors: ClassVar = {"pl": "photons", "reflected": "photons"}
    lines: ClassVar = {"laser": "lets the laser through", "microwave": "lets the microwave through"}

    def __init__(self, settings: DiamondSettings | None = None) -> None:
        self.settings = settings or DiamondSettings()
        self._mixture = stretched_exponential_mixture(beta=self.settings.stretching, terms=_TERMS)
        rates = NV_OPTICAL_RATES
        self._ensemble = Ensemble(rates=rates, relaxation=self.settings.relaxation)
        radiative = rates.spin_conserving + rates.spin_mixing
        bright = self.settings.pump_rate * radiative / (radiative + rates.crossing_zero)
        self._collected = self.settings.photon_rate / bright  # photons counted of those one centre emits
        self.prepare(0)

    def prepare(self, seed: int) -> None:
        """Draw the drift of each detector's light."""
        settings = self.settings
        self._drifts = {
            name: Drift(
                amplitude=settings.drift,
                correlation_time=settings.drift_time,
                rng=np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 77))),
            )
            for number, name in enumerate(self.detectors)
        }

    def drift(self, detector: str, time: float) -> float:
        """Return the relative drift of laser and collection."""
        return max(1.0 + self._drifts[detector].at(time), 0.0)

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
        """Return what a perfect measurement finds.

        T1 (s), lower and upper transition (Hz) and Rabi frequency of the lower one (Hz) of each class, β, the
        field (T), the calibration of the magnet (T/A), and the angle under continuous laser light (rad).
        """
        now = self._conditions(signals)
        transition = now.model.transition / (2 * math.pi)
        return {
            "T1": (1 / (now.model.isolated_rate + now.model.cross_rate)).tolist(),
            "lower_transition": transition[0].tolist(),
            "upper_transition": transition[1].tolist(),
            "rabi_frequency": (now.rabi[0] / (2 * math.pi)).tolist(),
            "beta": self.settings.stretching,
            "field": float(np.linalg.norm(now.field)),
            "field_per_current": self.settings.field_per_current,
            "angle": self._angle(Pattern.constant(1e-3, laser=1), now),
        }

    def _conditions(self, signals: Signals) -> _Conditions:
        settings = self.settings
        there, orientation = self.field(signals), settings.bench.orientation
        model = rate_model_at(field=there, orientation=orientation, ensemble=self._ensemble, projectors=True)
        microwave = self._microwave(signals["microwave.power"])
        unit = class_fields(field=microwave.unit_direction, orientation=orientation).T
        gamma = self._ensemble.centre.gyromagnetic_ratio
        frequency = np.asarray(2 * math.pi * signals["microwave.frequency"])
        energies = model.ground.energies
        return _Conditions(
            field=there,
            model=model,
            light=max(signals["laser.power"], 0.0) / settings.reference_laser,
            rabi=rabi_frequencies(model=model, direction=unit, larmor_amplitude=gamma * microwave.amplitude),
            driving=driving_rates(
                model=model,
                microwave=microwave,
                gyromagnetic_ratio=gamma,
                direction=unit,
                frequency=frequency,
            ),
            detuning=frequency - np.abs(energies[[1, 2, 2]] - energies[[0, 0, 1]]),
        )

    def _microwave(self, power: float) -> Microwave:
        """Return the tone at the sample; |<0|S|−1>| = 1/√2 turns the Rabi frequency into B1."""
        settings = self.settings
        rabi = settings.rabi_frequency * 10 ** ((power - settings.reference_microwave) / 20)
        return Microwave(
            amplitude=math.sqrt(2.0) * rabi / self._ensemble.centre.gyromagnetic_ratio,
            direction=settings.microwave_direction,
            dephasing_rate=settings.dephasing_rate,
            inhomogeneous_width=settings.line_width,
        )

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: FloatArray, signals: Signals
    ) -> FloatArray:
        """Return mean photons in each window, in the periodic steady state of the pattern."""
        now = self._conditions(signals)
        cuts = _cuts(pattern, windows)
        laser = pattern.line("laser")[_steps(pattern, cuts)] > 0.5
        if detector == "reflected":
            turned = 1.0 + self.settings.speckle_slope * self._angle(pattern, now)
            rate = self.settings.reflected_rate * now.light * max(turned, 0.0)
            counted = rate * laser * np.diff(cuts)
        else:
            counted = self._counted(pattern, cuts, now)[:, 0] * self._collected * laser
        total = np.concatenate(([0.0], np.cumsum(counted)))
        return np.interp(windows[:, 1], cuts, total) - np.interp(windows[:, 0], cuts, total)

    def _angle(self, pattern: Pattern, now: _Conditions) -> float:
        """Return the crystal's mean angle, rad: the mean spin torque over the stiffness of the trap."""
        impulse = self._counted(pattern, pattern.boundaries, now)[:, 1].sum()
        return float(impulse / pattern.period / self.settings.libration.stiffness)

    def _counted(self, pattern: Pattern, cuts: FloatArray, now: _Conditions) -> FloatArray:
        """Return, for each interval between cuts, photons of one mean centre and N m s of all, (n, 2)."""
        step = _steps(pattern, cuts)
        laser, microwave = pattern.line("laser") > 0.5, pattern.line("microwave") > 0.5
        coherent = microwave & (pattern.durations * self.settings.dephasing_rate < 1)
        maps = self._maps(now, laser[step], (microwave & ~coherent)[step], np.diff(cuts))
        for number in np.flatnonzero(coherent):
            end = int(np.flatnonzero(step == number)[-1])
            maps[end] = self._pulse(now, float(pattern.durations[number])) @ maps[end]
        state = _fixed_point(maps)
        counted = np.empty((len(maps), 2))
        for index, one in enumerate(maps):
            rows = (one[..., _LEVELS:, :_LEVELS] @ state)[..., 0]
            by_class = np.einsum("t,ctr->cr", self._mixture.weights, rows)
            counted[index] = by_class[:, 0].mean(), by_class[:, 1].sum()
            state = one[..., :_LEVELS, :_LEVELS] @ state
        return counted

    def _maps(
        self, now: _Conditions, laser: NDArray[np.bool_], driven: NDArray[np.bool_], durations: FloatArray
    ) -> FloatArray:
        """Return the propagator of each interval, (n, classes, terms, levels + 2, levels + 2).

        Intervals in which the same happens for the same time are computed once.
        """
        kinds = np.column_stack([laser, driven, durations])
        unique, inverse = np.unique(kinds, axis=0, return_inverse=True)
        steps = [self._step(now, bool(light), bool(tone)) for light, tone, _ in unique]
        generator, counters = (np.stack(parts) for parts in zip(*steps, strict=True))
        durations = unique[:, 2, None, None]
        return counting_propagator(generator=generator, counters=counters, duration=durations)[
            inverse.ravel()
        ]

    def _step(self, now: _Conditions, laser: bool, driven: bool) -> tuple[FloatArray, FloatArray]:
        """Return generator (classes, terms, 8, 8) and counters (classes, 1, 2, 8) of a constant step.

        The first counter is the photon rate of one centre, the second the torque of all of its class.
        """
        settings = self.settings
        light = now.light if laser else 0.0
        pump = np.full(4, settings.pump_rate * light)
        driving = now.driving if driven else None
        still = now.model.generator(pump=pump, driving=driving, scale=0.0)
        relaxing = now.model.generator(pump=pump, driving=driving, scale=1.0) - still
        generator = np.zeros((4, self._mixture.rates.size, _LEVELS, _LEVELS))
        generator[..., :7, :7] = still[:, None] + self._mixture.rates[:, None, None] * relaxing[:, None]
        lost = light / settings.charge_loss * (1 - settings.charge_left)
        regained = (
            light / settings.charge_loss * settings.charge_left if light else 1 / settings.charge_recovery
        )
        generator[..., range(7), range(7)] -= lost
        generator[..., 7, :7] += lost
        generator[..., :3, 7] += regained / 3
        generator[..., 7, 7] -= regained
        counters = np.zeros((4, 1, 2, _LEVELS))
        counters[:, 0, 0, :7] = now.model.cycle.emission_row(pump=pump)
        mode = settings.libration
        torque = level_torques(
            axis=mode.unit_axis,
            model=now.model,
            field=now.field,
            orientation=settings.bench.orientation,
            ensemble=self._ensemble,
        )
        counters[:, 0, 1, :7] = np.asarray(mode.spins)[:, None] * torque
        return generator, counters

    def _pulse(self, now: _Conditions, duration: float) -> FloatArray:
        """Return the exchange (classes, 1, levels + 2, levels + 2) of populations by a short pulse."""
        exchanged = inversion_probability(
            rabi=now.rabi,
            detuning=now.detuning,
            duration=duration,
            inhomogeneous_width=self.settings.line_width,
        )
        unity = np.broadcast_to(np.eye(_LEVELS + 2), (4, 1, _LEVELS + 2, _LEVELS + 2))
        pulse = unity
        for part, (i, j) in zip(exchanged, _PAIRS, strict=True):
            swap = unity.copy()
            swap[..., i, i] = swap[..., j, j] = 1 - part[:, None]
            swap[..., i, j] = swap[..., j, i] = part[:, None]
            pulse = swap @ pulse
        return pulse


def _fixed_point(maps: FloatArray) -> FloatArray:
    """Return the populations (classes, terms, levels, 1) that a period of the maps (n, ...) restores."""
    period = np.broadcast_to(np.eye(_LEVELS), (*maps.shape[1:3], _LEVELS, _LEVELS))
    for one in maps:
        period = one[..., :_LEVELS, :_LEVELS] @ period
    # Columns of the period sum to one: adding a constant row makes 1 − P regular and fixes the sum.
    regular = np.eye(_LEVELS) - period + 1.0 / _LEVELS
    return np.asarray(np.linalg.solve(regular, np.full((*maps.shape[1:3], _LEVELS, 1), 1.0 / _LEVELS)))


def _steps(pattern: Pattern, cuts: FloatArray) -> NDArray[np.intp]:
    """Return which step of the pattern each interval between cuts lies in."""
    # By their middles: a cut may differ from a boundary by a rounding error.
    steps = np.searchsorted(pattern.boundaries, 0.5 * (cuts[:-1] + cuts[1:]), side="right") - 1
    return np.minimum(steps, pattern.durations.size - 1)


def _cuts(pattern: Pattern, windows: FloatArray) -> FloatArray:
    """Return the times at which the pattern or a window changes, s."""
    cuts = np.unique(np.concatenate([pattern.boundaries, np.clip(windows.ravel(), 0.0, pattern.period)]))
    return cuts[np.concatenate(([True], np.diff(cuts) > _CLOSE))]
