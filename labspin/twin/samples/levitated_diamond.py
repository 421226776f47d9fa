"""A levitated diamond full of NV centres, seen by its photoluminescence and by the light that it reflects.

The physics is the rate model of `labspin.physics.nv`: in each of the four classes seven levels between the
eigenstates of the actual field, relaxation that quickens where classes are resonant (cross-relaxation), with
the spread of rates of a stretched exponential. A microwave exchanges populations where it meets a
transition: coherently in short pulses, with their phases and a bath of spins between them
(`labspin.physics.nv.train_map`), as a rate in a long one. An eighth level is added here: centres lose
their charge under light, which leaves them dark, and recover it, unpolarised, in the dark. That changes a
single trace of light against dark time, and cancels in the difference of two.

Every interval of the pulse pattern is one exact propagator that also counts what it emits; the sample is at
the fixed point of the period. The spins' mean torque turns the crystal in its trap (librations follow a
pattern only on average), and the speckle turns that angle into more or less reflected light. Light and
collection drift. What photodiodes show a lock-in: `labspin.twin.samples.levitated_diamond_detection`.
"""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.physics.nv import bath_dephasing, pulse_fractions, reflected_light
from labspin.physics.rc_filter import GaussianProcess, Stretch
from labspin.twin.drift import Drift
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.sample import ComplexArray, Sample
from labspin.twin.samples.levitated_diamond_cycle import Conditions, DiamondCycle, cuts_of, lit
from labspin.twin.samples.levitated_diamond_detection import (
    harmonics_of,
    noise_of,
    orders_near,
    thermal_libration,
    volts_per_angle,
)
from labspin.twin.samples.levitated_diamond_settings import DiamondSettings
from labspin.twin.samples.trains import PHASE_LINES

__all__ = ["DiamondSettings", "LevitatedDiamond"]

_CACHED = 4096  # harmonics and noises that are remembered
_IDLE = 1e-3  # s, period of the constant pattern where no sequence is known
_Detected = Callable[[DiamondCycle, str, Pattern, Any, Conditions], Any]


class LevitatedDiamond(Sample):
    """NV diamond in a bias field and the field of an electromagnet.

    Detector ``pl`` counts its photoluminescence, ``reflected`` the green light that it throws back, which
    tells its angle. ``pl_photodiode`` and ``angle_photodiode`` show the same to a lock-in, as voltages.

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
    detectors: ClassVar = {
        "pl": "photons", "reflected": "photons", "pl_photodiode": "analog", "angle_photodiode": "analog",
    }  # fmt: skip
    truth_units: ClassVar = {
        "T1": "s", "lower_transition": "Hz", "upper_transition": "Hz", "rabi_frequency": "Hz", "T2_star": "s",
        "T2_echo": "s", "hyperfine_splitting": "Hz", "bath_width": "Hz", "bath_time": "s", "field": "T",
        "field_per_current": "T/A", "angle": "rad",
    }  # fmt: skip
    lines: ClassVar = {
        "laser": "lets the laser through", "microwave": "lets the microwave through", **PHASE_LINES,
    }  # fmt: skip

    def __init__(self, settings: DiamondSettings | None = None) -> None:
        self.settings = settings or DiamondSettings()
        self._cycle = DiamondCycle(self.settings)
        self.prepare(0)

    def prepare(self, seed: int) -> None:
        """Draw the drift of each detector's light.

        Parameters
        ----------
        seed
            Seed of the world.
        """
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
        """Return the relative drift of laser and collection; 1 is none.

        Parameters
        ----------
        detector
            Name of a detector.
        time
            Simulated time, s.
        """
        return max(1.0 + self._drifts[detector].at(time), 0.0)

    def mean_drift(self, detector: str, start: float, stop: float) -> float:
        """Return the mean of `drift` from ``start`` to ``stop``; 1 is none.

        Parameters
        ----------
        detector
            Name of a detector.
        start, stop
            Simulated times between which to average, s.
        """
        return max(1.0 + self._drifts[detector].mean(start, stop), 0.0)

    def field(self, signals: Signals) -> FloatArray:
        """Return the field in the lab, T, shape (3,).

        Parameters
        ----------
        signals
            Present signals, of which ``magnet.current`` (A) counts.
        """
        settings = self.settings
        electromagnet = settings.field_offset + settings.field_per_current * signals["magnet.current"]
        return np.asarray(settings.bench.bench.field(electromagnet))

    def reading(self, quantity: str, signals: Signals, time: float) -> float:
        """Return ``"field"``, the size of the field at the diamond, T.

        Parameters
        ----------
        quantity
            ``"field"``.
        signals
            Present signals (SI units, or dBm).
        time
            Simulated time, s; the field does not depend on it.
        """
        if quantity != "field":
            return super().reading(quantity, signals, time)
        return float(np.linalg.norm(self.field(signals)))

    def truth(self, signals: Signals) -> dict[str, float | list[float]]:
        """Return what a perfect measurement finds.

        T1 (s), lower and upper transition (Hz) and Rabi frequency of the lower one (Hz) of each class, β; T2*
        (s), the distance of hyperfine lines and the width of the bath (Hz), its correlation time (s), T2 (s)
        of an echo of each class; the field (T), the calibration of the magnet (T/A), and the angle under
        continuous laser light (rad).

        Parameters
        ----------
        signals
            Signals, of which ``magnet.current``, ``microwave.power`` and ``laser.power`` count.
        """
        felt = signals["magnet.current"], signals["microwave.power"], signals["laser.power"]
        if felt not in self._truths:
            if len(self._truths) >= _CACHED:
                self._truths.clear()
            self._truths[felt] = self._found(signals)
        return dict(self._truths[felt])

    @functools.cached_property
    def _truths(self) -> dict[tuple[float, ...], dict[str, float | list[float]]]:
        return {}

    def _found(self, signals: Signals) -> dict[str, float | list[float]]:
        now = self._conditions(signals)
        transition = now.model.transition / (2 * math.pi)
        return {
            "T1": (1 / (now.model.isolated_rate + now.model.cross_rate)).tolist(),
            "lower_transition": transition[0].tolist(),
            "upper_transition": transition[1].tolist(),
            "rabi_frequency": (now.rabi[0] / (2 * math.pi)).tolist(),
            "beta": self.settings.stretching,
            **self._coherence(now),
            "field": float(np.linalg.norm(now.field)),
            "field_per_current": self.settings.field_per_current,
            "angle": self._angle(Pattern.constant(1e-3, laser=1), now),
        }

    def _coherence(self, now: Conditions) -> dict[str, float | list[float]]:
        settings = self.settings
        times = np.geomspace(1e-9, 1.0, 4000)
        lost = bath_dephasing(
            time=times,
            fractions=pulse_fractions(1),
            amplitude=settings.bath_width,
            correlation_time=settings.bath_time,
        )
        # Either level is left at twice the rate at which it goes to each of the others: T1 = 1/(3 rate).
        relaxation = (now.model.isolated_rate + now.model.cross_rate) * 2 / 3
        return {
            "T2_star": math.sqrt(2) / settings.line_width,
            "T2_echo": [float(np.interp(1.0, lost + rate * times, times)) for rate in relaxation],
            "hyperfine_splitting": settings.hyperfine_splitting / (2 * math.pi),
            "bath_width": settings.bath_width / (2 * math.pi),
            "bath_time": settings.bath_time,
        }

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: FloatArray, signals: Signals
    ) -> FloatArray:
        """Return mean photons in each window, in the periodic steady state of the pattern.

        Parameters
        ----------
        detector
            Name of a photon detector.
        pattern
            What the pulse generator plays, repeated for ever.
        windows
            Start and stop of each window, s, within the period; shape (m, 2).
        signals
            Constant signals.

        Returns
        -------
        FloatArray
            Mean photons; shape (m,).
        """
        now = self._conditions(signals)
        cuts = cuts_of(pattern, windows)
        laser = lit(pattern, cuts)
        if detector == "reflected":
            settings = self.settings
            thrown_back = reflected_light(
                angle=self._angle(pattern, now), slope=settings.speckle_slope, light=now.light
            )
            counted = settings.reflected_rate * thrown_back * laser * np.diff(cuts)
        else:
            counted = self._cycle.counted(pattern, cuts, now)[:, 0] * self._cycle.collected * laser
        total = np.concatenate(([0.0], np.cumsum(counted)))
        return np.interp(windows[:, 1], cuts, total) - np.interp(windows[:, 0], cuts, total)

    def quadratures(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> ComplexArray:
        """Return the envelope of a photodiode's voltage: the harmonic that lies nearest to ``frequency``.

        Parameters
        ----------
        detector
            Name of a photodiode.
        frequency
            Reference frequency, Hz.
        times
            Simulated times, s, increasing; shape (n,).
        signals
            Constant signals, and the pattern that is played.
        rng
            Not used for photodiodes; the libration's noise enters with `stretches`.

        Returns
        -------
        ComplexArray
            Envelope, V; shape (n,).
        """
        if self.detectors.get(detector) != "analog":
            return super().quadratures(detector, frequency, times, signals, rng)
        when = np.atleast_1d(times)
        turned = np.exp(-2j * math.pi * np.fmod(frequency * when, 1.0))
        rates, amplitudes = self._voltage(detector, frequency, when, signals)
        nearest = int(np.argmin(np.abs(rates - 2j * math.pi * frequency)))
        return np.asarray(amplitudes[:, nearest] * turned)

    def stretches(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> list[Stretch]:
        """Return what a photodiode shows: harmonics of the pattern, drift, thermal libration.

        Parameters
        ----------
        detector
            Name of a photodiode.
        frequency
            Reference frequency, Hz.
        times
            Edges of the intervals, s, equally spaced; shape (n + 1,).
        signals
            Constant signals, and the pattern that is played.
        rng
            Not used for photodiodes.
        """
        if self.detectors.get(detector) != "analog":
            return super().stretches(detector, frequency, times, signals, rng)
        rates, amplitudes = self._voltage(detector, frequency, times, signals)
        begin, end = amplitudes[:-1], amplitudes[1:]
        length = float(times[1] - times[0])
        pattern = signals.pattern or Pattern.constant(_IDLE)
        moves = detector == "angle_photodiode" and self.settings.temperature > 0
        per_angle = float(self._remembered(_volts_per_angle, detector, pattern, 0, signals)) if moves else 0.0
        return [
            Stretch(
                times=times,
                reference=2 * math.pi * np.fmod(frequency * times[:-1], 1.0),
                rates=rates,
                amplitudes=begin,
                slopes=(end * np.exp(-rates * length) - begin) / length,
                sizes=np.abs(amplitudes).sum(axis=1),
                process=self._libration if moves else None,
                output=np.array([per_angle, 0.0]),
            )
        ]

    def _voltage(
        self, detector: str, frequency: float, times: FloatArray, signals: Signals
    ) -> tuple[ComplexArray, ComplexArray]:
        """Return rates (k,) in 1/s and amplitudes (n, k) in V of the tones of a photodiode at ``times``."""
        pattern = signals.pattern or Pattern.constant(_IDLE)
        orders = orders_near(pattern, frequency)
        levels = self._remembered(harmonics_of, detector, pattern, tuple(orders.tolist()), signals)
        cycles = np.fmod((times[:, None] - signals.origin) / pattern.period, 1.0) * orders
        drift = np.array([self.drift(detector, float(time)) for time in times])
        tones = 2.0 * levels * np.exp(2j * math.pi * cycles)
        rates = np.asarray(2j * math.pi * orders / pattern.period, dtype=np.complex128)
        return rates, drift[:, None] * tones

    @functools.cached_property
    def _libration(self) -> GaussianProcess:
        return thermal_libration(self.settings.libration, self.settings.temperature)

    def noise_density(self, detector: str, frequency: float, signals: Signals) -> float:
        """Return the noise of a photodiode about ``frequency`` without that of the libration, V/√Hz.

        Parameters
        ----------
        detector
            Name of a photodiode.
        frequency
            Frequency about which the noise is wanted, Hz.
        signals
            Present signals, and the pattern that is played.
        """
        pattern = signals.pattern or Pattern.constant(_IDLE)
        return float(self._remembered(noise_of, detector, pattern, frequency, signals))

    def _remembered(
        self, what: _Detected, detector: str, pattern: Pattern, at: object, signals: Signals
    ) -> Any:
        felt = tuple(signals[name] for name in self.inputs)
        key = (what, detector, pattern.key, at, felt)
        if key not in self._detected:
            asked = np.array(at) if isinstance(at, tuple) else at
            self._detected[key] = what(self._cycle, detector, pattern, asked, self._conditions(signals))
            if len(self._detected) > _CACHED:
                self._detected.popitem(last=False)
        return self._detected[key]

    @functools.cached_property
    def _detected(self) -> OrderedDict[tuple[object, ...], object]:
        return OrderedDict()

    def _conditions(self, signals: Signals) -> Conditions:
        felt = tuple(signals[name] for name in self.inputs)
        if felt != self._latest[0]:
            self._latest = felt, self._cycle.conditions(signals, self.field(signals))
        return self._latest[1]

    @functools.cached_property
    def _latest(self) -> tuple[tuple[float, ...], Conditions]:
        signals = Signals(self.defaults)
        return tuple(signals.values()), self._cycle.conditions(signals, self.field(signals))

    def _angle(self, pattern: Pattern, now: Conditions) -> float:
        """Return the crystal's mean angle, rad: the mean spin torque over the stiffness of the trap."""
        impulse = self._cycle.counted(pattern, pattern.boundaries, now)[:, 1].sum()
        return float(impulse / pattern.period / self.settings.libration.stiffness)


def _volts_per_angle(
    cycle: DiamondCycle, detector: str, pattern: Pattern, at: object, now: Conditions
) -> float:
    del detector, at
    return volts_per_angle(cycle, pattern, now)
