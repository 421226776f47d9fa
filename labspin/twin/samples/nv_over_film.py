"""NV centres over a YIG film, on a cantilever: relaxometry by light, and the force of spin waves.

The centres sit in a diamond at the tip of a cantilever, at one depth or in a layer, axis along the field in
the plane of the film unless ``field_elevation`` and ``axis_tilt`` say otherwise. Thermal spin waves relax
them (faster where the film resonates with |0> <-> |−>), shift their lines, and pull at the cantilever. Light
pumps them through the six-level cycle and is given back as photoluminescence; a microwave exchanges |0> with
|±>. A positioner sets the distance from the film, so that T1'(l, H0), the shift of the lines and the
frequency of the cantilever can all be measured. A tip that touches the film loses light and is stiffer.
Light and microwave warm film and diamond if ``light_heating`` and ``microwave_heating`` say so; the truth is
that of cold ones.

The layer is a few depths with Gauss–Legendre weights; every depth has its own rates. Integrals over spin
waves are done only where light or cantilever is looked at: what passes in between (a ramp of the magnet) is
noted, and the cantilever follows when it is asked.
"""

from __future__ import annotations

import cmath
import math
from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.mrfm import LinearMotion, Resonator, ThermalMotion
from labspin.physics.nv import (
    counting_propagator,
    inversion_probability,
)
from labspin.physics.rc_filter import Stretch
from labspin.physics.spinwaves import (
    coherence_times,
    pumped_occupations,
    pumping_rate_matrix,
    relaxation_times,
    spin_wave_force,
    thermal_rates,
    transition_frequencies,
)
from labspin.physics.spinwaves.keywords import CentreState
from labspin.twin.drift import Drift
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.sample import ComplexArray, Sample
from labspin.twin.samples.cantilever_voltage import Drive, Instant, Readout, stretches_of
from labspin.twin.samples.film_places import Place, place_at
from labspin.twin.samples.film_settings import FILM_TRUTH_UNITS, FilmSettings, Motion, warmed
from labspin.twin.samples.film_springs import stiffness_at
from labspin.twin.samples.light_of_levels import cuts_of, photons_of, steps_of

__all__ = ["FilmSettings", "NVOverFilm"]

_TOUCHING_LIGHT, _TOUCHING_SPRING = 0.4, 2e-3  # what is left of the light, and what is added to the spring
_FORGOTTEN = 40.0  # ring-down times after which nothing of a cantilever's past is left


# A record asks for the same cantilever hundreds of times.
@lru_cache(maxsize=64)
def _thermal_motion(resonator: Resonator, temperature: float) -> ThermalMotion:
    return ThermalMotion(LinearMotion(resonator), temperature)


@lru_cache(maxsize=64)
def _steady_state(resonator: Resonator, temperature: float, omega: float, force: float) -> ComplexArray:
    motion = _thermal_motion(resonator, temperature).motion
    steady = np.asarray(motion.steady_state(angular_frequency=omega, force=force), np.complex128)
    steady.setflags(write=False)
    return steady


class NVOverFilm(Sample):
    """NV centres on a cantilever over a YIG film; detectors ``pl`` and ``cantilever``.

    ``pl`` counts the photoluminescence; ``cantilever`` is the voltage of the cantilever's read-out. A lock-in
    knows no pulse pattern, so for the cantilever the laser shines continuously at ``laser.power``.

    Parameters
    ----------
    settings
        Its numbers.
    """

    inputs: ClassVar = {
        "magnet.current": "A", "microwave.frequency": "Hz", "microwave.power": "dBm", "laser.power": "W",
        "positioner.distance": "m", "drive.amplitude": "V", "drive.frequency": "Hz",
    }  # fmt: skip
    defaults: ClassVar = {
        "magnet.current": 0.0, "microwave.frequency": 1e9, "microwave.power": -math.inf,
        "laser.power": 0.1e-3, "positioner.distance": 200e-9, "drive.amplitude": 0.0,
        "drive.frequency": 5e3,
    }  # fmt: skip
    detectors: ClassVar = {"pl": "photons", "cantilever": "analog"}
    truth_units: ClassVar = FILM_TRUTH_UNITS
    lines: ClassVar = {"laser": "lets the laser through", "microwave": "lets the microwave through"}

    def __init__(self, settings: FilmSettings | None = None) -> None:
        given = settings or FilmSettings()
        across = given.spin.double_quantum_rate + given.double_quantum_rate
        self.settings = replace(given, spin=replace(given.spin, double_quantum_rate=across))
        self.defaults = {**type(self).defaults, "positioner.distance": self.settings.distance}  # type: ignore[misc]
        cycle = self.settings.cycle
        radiative = cycle.spin_conserving + cycle.spin_mixing
        bright = self.settings.pump_rate * radiative / (radiative + cycle.crossing_zero)
        self._collected = self.settings.photon_rate / bright  # photons counted of those one centre emits
        self._motion: Motion | None = None
        self._noted: deque[tuple[float, Signals]] = deque()  # until when, under which signals
        self.prepare(0)

    def prepare(self, seed: int) -> None:
        """Draw the drift of light and collection.

        Parameters
        ----------
        seed
            Seed of the world.
        """
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 78)))
        self._drift = Drift(amplitude=self.settings.drift, correlation_time=self.settings.drift_time, rng=rng)

    def drift(self, detector: str, time: float) -> float:
        """Return the relative drift of laser and collection; 1 is none.

        Parameters
        ----------
        detector
            Name of a detector; all have the same drift.
        time
            Simulated time, s.
        """
        return max(1.0 + self._drift.at(time), 0.0)

    def noise_density(self, detector: str, frequency: float, signals: Signals) -> float:
        """Return the white noise of the cantilever's read-out, V/√Hz.

        Parameters
        ----------
        detector, frequency, signals
            As in `Sample.noise_density`; the noise does not depend on them.
        """
        return self.settings.noise

    def reading(self, quantity: str, signals: Signals, time: float) -> float:
        """Return ``"field"`` (T) at the film or ``"temperature"`` (K).

        Parameters
        ----------
        quantity
            ``"field"`` or ``"temperature"``.
        signals
            Signals, of which ``magnet.current`` (A) counts.
        time
            Simulated time, s; the readings do not depend on it.
        """
        if quantity == "field":
            return self.field(signals)
        if quantity == "temperature":
            return self.settings.temperature
        return super().reading(quantity, signals, time)

    def field(self, signals: Signals) -> float:
        """Return μ0H0 in the plane of the film, T.

        Parameters
        ----------
        signals
            Signals, of which ``magnet.current`` (A) counts.
        """
        return self.settings.field_offset + self.settings.field_per_current * signals["magnet.current"]

    def truth(self, signals: Signals) -> dict[str, float | list[float]]:
        """Return what a perfect measurement finds.

        Field (T), its angle to the axis (rad), distance (m) and, for every depth, T1' and the slower T1a (s),
        the rates of both transitions (1/s, the mean of up and down), both lines (Hz) and the shift of the
        lower (Hz); for all centres together the force (N) and the stiffness they add (N/m); the resonance
        (Hz) and Q.

        Parameters
        ----------
        signals
            Present signals (SI units, or dBm).
        """
        settings, place = self.settings, self._place(signals)
        arguments: CentreState = {
            "spin": place.spin,
            "field": place.field,
            "temperature": settings.temperature,
        }
        times, bath = relaxation_times(**arguments, bath=place.bath), place.bath
        alone = thermal_rates(**arguments)
        own = [alone.kappa_1 * (n + 0.5) for n in (alone.occupation_minus, alone.occupation_plus)]
        levels = pumped_occupations(
            **arguments, bath=place.bath, pump_rate=self._pump(signals), cycle=settings.cycle
        )
        force = spin_wave_force(bath=place.bath, occupations=levels)
        resonator, kappa = self._resonator(signals), self._stiffness(signals)
        lines = self._lines(place) / (2 * math.pi)
        return {
            "field": place.field,
            "angle": abs(settings.axis_tilt),
            "distance": signals["positioner.distance"],
            "depth": place.depths.tolist(),
            "T1": times.shortest.tolist(),
            "T1_slow": times.t1a.tolist(),
            "lower_rate": (own[0] + (bath.decay_minus + bath.absorption_minus) / 2).tolist(),
            "upper_rate": (own[1] + (bath.decay_plus + bath.absorption_plus) / 2).tolist(),
            "lower_transition": lines[:, 1].tolist(),
            "upper_transition": lines[:, 0].tolist(),
            "lower_shift": (place.bath.shift_minus / (2 * math.pi)).tolist(),
            "force": float(settings.centres * (place.weights * force).sum()),
            "stiffness_real": kappa.real,
            "stiffness_imag": kappa.imag,
            "resonance_frequency": resonator.angular_frequency / (2 * math.pi),
            "quality_factor": resonator.quality_factor,
            "field_per_current": settings.field_per_current,
        }

    # -- the light -------------------------------------------------------------------------------------------

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: FloatArray, signals: Signals
    ) -> FloatArray:
        """Return mean photons in each window, in the periodic steady state of the pattern.

        Parameters
        ----------
        detector
            ``"pl"``.
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
        if detector != "pl":
            return super().steady_photons(detector, pattern, windows, signals)
        laser, microwave = pattern.line("laser") > 0.5, pattern.line("microwave") > 0.5
        parts = [float(pattern.durations[on].sum() / pattern.durations.sum()) for on in (laser, microwave)]
        place, cuts = self._place(signals, *parts), cuts_of(pattern, windows)
        step = steps_of(pattern, cuts)
        coherent = microwave & (pattern.durations < self.settings.spin.coherence_lifetime)
        maps = np.stack(
            [
                self._propagator(place, signals, bool(laser[s]), bool(microwave[s] & ~coherent[s]), duration)
                for s, duration in zip(step, np.diff(cuts), strict=True)
            ]
        )
        for number in np.flatnonzero(coherent):
            end = int(np.flatnonzero(step == number)[-1])
            maps[end] = self._pulse(place, signals, float(pattern.durations[number])) @ maps[end]
        counted = photons_of(maps) @ place.weights * self._collected
        if self._touches(signals):
            counted = counted * _TOUCHING_LIGHT
        total = np.concatenate(([0.0], np.cumsum(counted)))
        return np.interp(windows[:, 1], cuts, total) - np.interp(windows[:, 0], cuts, total)

    def _place(self, signals: Signals, lit: float = 0.0, driven: float = 0.0) -> Place:
        """Return the centres at the present distance and field, warmed for parts of the time; else cold."""
        there, watts = self.field(signals), 1e-3 * 10 ** (signals["microwave.power"] / 10)
        settings = warmed(self.settings, lit * signals["laser.power"], driven * watts)
        nearest = signals["positioner.distance"]
        if nearest <= 0:
            raise ArgumentError(f"positioner.distance: wanted more than 0 m, got {nearest!r} m; retract it")
        return place_at(settings, there, nearest)

    def _touches(self, signals: Signals) -> bool:
        return signals["positioner.distance"] <= self.settings.contact

    def _pump(self, signals: Signals) -> float:
        return self.settings.pump_rate * max(signals["laser.power"], 0.0) / self.settings.reference_laser

    def _lines(self, place: Place) -> FloatArray:
        """Return the angular frequencies of |0> <-> |+> and |0> <-> |−> with their shifts, (depths, 2)."""
        minus, plus = transition_frequencies(spin=place.spin, field=place.field)
        return np.stack([plus + place.bath.shift_plus, minus + place.bath.shift_minus], axis=1)

    def _rabi(self, signals: Signals) -> float:
        settings = self.settings
        return settings.rabi_frequency * 10 ** (
            (signals["microwave.power"] - settings.reference_microwave) / 20
        )

    def _detuning(self, place: Place, signals: Signals) -> FloatArray:
        return 2 * math.pi * signals["microwave.frequency"] - self._lines(place)

    def _propagator(
        self, place: Place, signals: Signals, laser: bool, driven: bool, duration: float
    ) -> FloatArray:
        """Return the map of the levels and what they emit over a constant step, (depths, 7, 7)."""
        settings = self.settings
        pump = self._pump(signals) if laser else 0.0
        arguments: CentreState = {
            "spin": place.spin,
            "field": place.field,
            "temperature": place.temperature,
        }
        generator = pumping_rate_matrix(**arguments, pump_rate=pump, cycle=settings.cycle, bath=place.bath)
        if driven:
            times = coherence_times(**arguments, bath=place.bath, pump_rate=pump)
            width = 1 / np.stack(np.broadcast_arrays(times.plus, times.minus), axis=1)
            detuning = self._detuning(place, signals)
            driving = self._rabi(signals) ** 2 / 2 * width / (width**2 + detuning**2)
            for level, rate in ((1, driving[:, 0]), (2, driving[:, 1])):
                generator[:, level, 0] += rate
                generator[:, 0, level] += rate
                generator[:, 0, 0] -= rate
                generator[:, level, level] -= rate
        counters = np.zeros((1, 1, 6))
        counters[..., 3:5] = settings.cycle.spin_conserving + settings.cycle.spin_mixing
        return counting_propagator(generator=generator, counters=counters, duration=duration)

    def _pulse(self, place: Place, signals: Signals, duration: float) -> FloatArray:
        """Return the exchange of occupations by a pulse shorter than T2*, (depths, 7, 7)."""
        exchanged = inversion_probability(
            rabi=self._rabi(signals),
            detuning=self._detuning(place, signals),
            duration=duration,
            inhomogeneous_width=self.settings.inhomogeneous_width,
        )
        pulse = np.broadcast_to(np.eye(7), (place.depths.size, 7, 7))
        for level, part in ((1, exchanged[:, 0]), (2, exchanged[:, 1])):
            swap = np.broadcast_to(np.eye(7), pulse.shape).copy()
            swap[:, 0, 0] = swap[:, level, level] = 1 - part
            swap[:, 0, level] = swap[:, level, 0] = part
            pulse = swap @ pulse
        return pulse

    # -- the cantilever --------------------------------------------------------------------------------------

    def _stiffness(self, signals: Signals) -> complex:
        """Return the stiffness that all centres add to the cantilever, N/m; none where the tip touches."""
        if self._touches(signals):
            return 0j
        distance, field = signals["positioner.distance"], self.field(signals)
        return stiffness_at(self.settings, distance, field, self._pump(signals))

    def _resonator(self, signals: Signals) -> Resonator:
        """Return the cantilever with the spring of the spin waves; κ is so small that κ(ω0) serves."""
        bare, kappa = self.settings.cantilever, self._stiffness(signals)
        stiffness = bare.stiffness + kappa.real
        if self._touches(signals):
            stiffness += _TOUCHING_SPRING * bare.stiffness
        omega = bare.angular_frequency * math.sqrt(stiffness / bare.stiffness)
        return Resonator(stiffness, omega, 1 / (1 / bare.quality_factor + kappa.imag / bare.stiffness))

    def advance(self, until: float, signals: Signals, rng: np.random.Generator) -> None:
        """Record that signals were constant up to ``until``; the cantilever is computed when it is observed.

        Parameters
        ----------
        until
            Simulated time up to which the signals were constant, s.
        signals
            Signals, constant since the last call.
        rng
            Not used here.
        """
        noted = self._noted
        if noted and dict(noted[-1][1]) == dict(signals):
            noted[-1] = (until, signals)
        else:
            noted.append((until, signals))
        bare = self.settings.cantilever
        memory = _FORGOTTEN * 2 * bare.quality_factor / bare.angular_frequency
        while len(noted) > 1 and noted[1][0] < until - memory:
            noted.popleft()
            self._motion = None

    def _follow(self, rng: np.random.Generator) -> None:
        """Move the cantilever through all that was noted."""
        while self._noted:
            self._move(*self._noted.popleft(), rng)

    def _move(self, until: float, signals: Signals, rng: np.random.Generator) -> None:
        """Move the cantilever on to ``until`` under constant signals; at first it is in equilibrium."""
        resonator = self._resonator(signals)
        thermal = _thermal_motion(resonator, self.settings.temperature)
        omega = 2 * math.pi * signals["drive.frequency"]
        force = self.settings.force_per_volt * signals["drive.amplitude"]
        steady = _steady_state(resonator, self.settings.temperature, omega, force)
        if self._motion is None:
            self._motion = Motion(until, steady, thermal.equilibrium(rng), 0.0)
        elapsed = until - self._motion.time
        if elapsed <= 0:
            return
        before, turned = self._motion, omega * elapsed
        free = thermal.motion.free_motion(state=before.driven - steady, time=elapsed)
        self._motion = Motion(
            until,
            np.asarray(steady + free * cmath.exp(-1j * turned), dtype=np.complex128),
            thermal.later(before.thermal, elapsed, rng),
            math.remainder(before.phase + turned, 2 * math.pi),
        )

    def quadratures(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> ComplexArray:
        """Return the envelope of the read-out's voltage at ``times``, its phase counted from the drive.

        Parameters
        ----------
        detector
            ``"cantilever"``.
        frequency
            Reference frequency, Hz.
        times
            Simulated times, s, increasing; shape (n,).
        signals
            Constant signals.
        rng
            Source of the thermal motion.

        Returns
        -------
        ComplexArray
            Envelope, V; shape (n,).
        """
        if detector != "cantilever":
            return super().quadratures(detector, frequency, times, signals, rng)
        return np.array([self._envelope(float(t), frequency, signals, rng) for t in np.atleast_1d(times)])

    def stretches(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> list[Stretch]:
        """Return the read-out's voltage between ``times``: drive, decaying motion and Brownian motion.

        Parameters
        ----------
        detector
            ``"cantilever"`` or another detector.
        frequency
            Frequency of the reference, Hz.
        times
            Increasing, s, from the last time that was looked at on, shape (n,).
        signals
            Constant from the first to the last time.
        rng
            Draws the thermal motion.
        """
        if detector != "cantilever":
            return super().stretches(detector, frequency, times, signals, rng)
        settings, omega = self.settings, 2 * math.pi * signals["drive.frequency"]
        volts = signals["drive.amplitude"]
        drive = Drive(omega, settings.force_per_volt * volts, volts, signals["positioner.distance"])
        self._follow(rng)
        instants = [self._instant(float(time), drive, signals, rng) for time in np.atleast_1d(times)]
        resonator = self._resonator(signals)
        thermal = _thermal_motion(resonator, settings.temperature)
        steady = _steady_state(resonator, settings.temperature, omega, drive.force)
        return stretches_of(
            instants,
            frequency,
            readout=Readout(settings.gain, 0.0, settings.cross_talk),
            motion=lambda instant: thermal,
            steady=lambda instant: steady,
        )

    def _instant(self, time: float, drive: Drive, signals: Signals, rng: np.random.Generator) -> Instant:
        motion = self._reached(time, signals, rng)
        return Instant(time, motion.driven, motion.thermal, motion.phase, drive, self.settings.temperature)

    def _envelope(self, time: float, frequency: float, signals: Signals, rng: np.random.Generator) -> complex:
        self._follow(rng)
        motion = self._reached(time, signals, rng)
        own = complex(motion.thermal[0], -motion.thermal[1]) * cmath.exp(-1j * motion.phase)
        voltage = self.settings.gain * (complex(motion.driven[0]) + own)
        voltage += self.settings.cross_talk * signals["drive.amplitude"]
        return voltage * cmath.exp(-2j * math.pi * (frequency - signals["drive.frequency"]) * time)

    def _reached(self, time: float, signals: Signals, rng: np.random.Generator) -> Motion:
        """Return the motion at ``time``, to which it moves now if it is not there yet."""
        self._move(time, signals, rng)
        motion = self._motion
        if motion is None or time < motion.time:
            raise ArgumentError(
                f"times: wanted simulated times from {0.0 if motion is None else motion.time:g} s on, "
                f"got {time:g} s; the cantilever does not remember its past"
            )
        return motion
