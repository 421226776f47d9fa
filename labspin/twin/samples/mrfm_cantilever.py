"""A cantilever with a magnet above a sample full of spins, in a cryostat, watched with a lock-in.

What the lock-in sees comes from the equation of motion, not from the formula that will be fitted: cantilever
and spin baths move together under the drive (a sweep that does not wait for the ring-down is skewed, a
ring-down rings down), kicked by the thermal force of both. The deterministic motion is propagated exactly, in
the frame of the drive, whose phase is continuous where its frequency changes; the thermal motion is drawn
exactly, and may be asked for afterwards at times in between. Only while the cryostat drifts is the
temperature taken in small steps.

The envelope's phase is counted from the drive: at the drive's frequency it is gain · χ(ω) · force · e^{iφ}
plus cross-talk. Thermal motion enters as the analytic signal q − i q̇/ω0.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.mrfm import (
    LinearMotion,
    ReducedSpectrum,
    RelaxingSpring,
    SpinBath,
    Surface,
    ThermalMotion,
    exact_shift,
    half_space,
    reduce_geometry,
    total_stiffness,
)
from labspin.physics.rc_filter import Stretch
from labspin.twin.inputs import Signals
from labspin.twin.sample import ComplexArray, Sample
from labspin.twin.samples.cantilever_settings import CANTILEVER_TRUTH_UNITS, CantileverSettings
from labspin.twin.samples.cantilever_voltage import Drive, Instant, Readout, stretches_of
from labspin.twin.samples.cryostat import Cryostat

__all__ = ["MRFMCantilever"]

_MEMORY = 20.0  # ring-down times after which the past is forgotten
_KEPT = 4096  # instants that can still be asked about
_SMALL = 1e-4  # relative change of temperature that is still one temperature
_CURVE = (0.015, 3.0, 107)  # K, K and points of the truth against temperature
_CACHED = 32  # temperatures at which the motion is remembered


class MRFMCantilever(Sample):
    """Cantilever over spins; detector ``cantilever`` is the voltage of its read-out.

    Signals: ``drive.amplitude`` is the peak voltage of the drive; ``cryostat.heater`` is the power while the
    loop is off; a ``cryostat.setpoint`` above 0 switches the loop on, which then holds the thermometer there
    with at most ``cryostat.heater_limit``; ``positioner.distance`` is that of the magnet's centre from the
    surface. Probes: ``temperature`` (thermometer on the stage), ``sample_temperature``, ``heater_power``.

    Parameters
    ----------
    settings
        Its numbers.
    """

    inputs: ClassVar = {
        "drive.amplitude": "V", "drive.frequency": "Hz", "cryostat.heater": "W", "cryostat.setpoint": "K",
        "cryostat.heater_limit": "W", "positioner.distance": "m",
    }  # fmt: skip
    defaults: ClassVar = {
        "drive.amplitude": 0.0, "drive.frequency": 3000.0, "cryostat.heater": 0.0, "cryostat.setpoint": 0.0,
        "cryostat.heater_limit": 1e-3, "positioner.distance": 2.2e-6,
    }  # fmt: skip
    detectors: ClassVar = {"cantilever": "analog"}
    truth_units: ClassVar = CANTILEVER_TRUTH_UNITS

    def __init__(self, settings: CantileverSettings | None = None) -> None:
        self.settings = settings or CantileverSettings()
        # The class's default is the thesis'; this cantilever may hang elsewhere.
        self.defaults = {**type(self).defaults, "positioner.distance": self.settings.distance}  # type: ignore[misc]
        per = dict.fromkeys("1/m**3" if bath.bulk else "1/m**2" for bath in self.settings.baths)
        self.truth_units = {**type(self).truth_units, "density": " or ".join(per)}  # type: ignore[misc]
        self._cryostat = Cryostat(self.settings.cryostat)
        self._instants: list[Instant] = []
        self._motions: OrderedDict[tuple[float, float], ThermalMotion] = OrderedDict()
        self._steadies: OrderedDict[tuple[float, Drive], ComplexArray] = OrderedDict()
        self._baths_at: tuple[float, list[SpinBath]] = (math.nan, [])

    def noise_density(self, detector: str, frequency: float, signals: Signals) -> float:
        """Return the white noise of the read-out, V/√Hz.

        Parameters
        ----------
        detector, frequency, signals
            As in `Sample.noise_density`; the noise does not depend on them.
        """
        return self.settings.noise

    def reading(self, quantity: str, signals: Signals, time: float) -> float:
        """Return the temperature (K) of the stage or of the sample, or the power of the heater (W).

        Parameters
        ----------
        quantity
            ``"temperature"``, ``"sample_temperature"`` or ``"heater_power"``.
        signals, time
            As in `Sample.reading`; the reading is that of the last `advance`.
        """
        if quantity == "temperature":
            return self._cryostat.stage_temperature
        if quantity == "sample_temperature":
            return self._cryostat.sample_temperature
        if quantity == "heater_power":
            return self._cryostat.power
        return super().reading(quantity, signals, time)

    def truth(self, signals: Signals) -> dict[str, float | list[float]]:
        """Return the effect of the spins on the cantilever now: exact resonance (Hz), Q, κ (N/m), T1 (s).

        The lists ``curve_…`` give it at all temperatures, at the present distance.

        Parameters
        ----------
        signals
            Signals, of which ``positioner.distance`` (m) counts.
        """
        resonator, kelvin = self.settings.resonator, self._cryostat.sample_temperature
        baths = self._baths(signals["positioner.distance"])
        shift = exact_shift(resonator=resonator, springs=[bath.spring(temperature=kelvin) for bath in baths])
        omega = resonator.angular_frequency + float(shift.angular_frequency)
        kappa = complex(total_stiffness(baths=baths, temperature=kelvin, angular_frequency=omega))
        return {
            "temperature": kelvin,
            "resonance_frequency": omega / (2 * math.pi),
            "frequency_shift": float(shift.angular_frequency) / (2 * math.pi),
            "quality_factor": 1 / (1 / resonator.quality_factor + float(shift.inverse_quality)),
            "added_dissipation": float(shift.inverse_quality),
            "stiffness_real": kappa.real,
            "stiffness_imag": kappa.imag,
            "T1": [float(bath.t1(kelvin)) for bath in baths],
            "density": [bath.density for bath in baths],
            "bare_frequency": resonator.angular_frequency / (2 * math.pi),
            "bare_quality_factor": resonator.quality_factor,
            "magnet_moment": self.settings.magnet.strength,
            "distance": signals["positioner.distance"],
            **self._truth_curve(baths),
        }

    def _truth_curve(self, baths: Sequence[SpinBath]) -> dict[str, float | list[float]]:
        resonator, kelvin = self.settings.resonator, np.geomspace(*_CURVE)
        shift = exact_shift(resonator=resonator, springs=[bath.spring(temperature=kelvin) for bath in baths])
        frequency = (resonator.angular_frequency + shift.angular_frequency) / (2 * math.pi)
        quality = 1 / (1 / resonator.quality_factor + shift.inverse_quality)
        curves = {"temperature": kelvin, "resonance_frequency": frequency, "quality_factor": quality}
        if baths:
            curves["T1"] = baths[0].t1(kelvin)
        return {
            f"curve_{name}": np.broadcast_to(values, kelvin.shape).tolist() for name, values in curves.items()
        }

    def advance(self, until: float, signals: Signals, rng: np.random.Generator) -> None:
        """Move cryostat, cantilever and spins on to ``until`` under constant signals.

        Parameters
        ----------
        until
            Simulated time to evolve to, s.
        signals
            Signals, constant since the last call.
        rng
            Source of the thermal motion.
        """
        last = self._under(self._drive(signals), until, rng)
        if until <= last.time:
            return
        remembered = max(last.time, until - self._memory(last))
        if remembered > last.time:
            self._let_cool(remembered - last.time, signals)
            self._instants.append(self._settled(remembered, last, rng))
        self._follow(until, signals, rng)
        del self._instants[:-_KEPT]

    def _reach(self, until: float, signals: Signals, rng: np.random.Generator) -> None:
        """Move on to ``until``, as `advance` does, but without forgetting anything on the way."""
        self._under(self._drive(signals), until, rng)
        self._follow(until, signals, rng)

    def _under(self, drive: Drive, time: float, rng: np.random.Generator) -> Instant:
        """Return the latest instant, with the motion under ``drive`` from there on; it begins at rest."""
        if not self._instants:
            self._instants.append(self._at_rest(time, drive, rng))
        elif drive != self._instants[-1].drive:
            self._instants[-1] = self._changed(self._instants[-1], drive)
        return self._instants[-1]

    def quadratures(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> ComplexArray:
        """Return the envelope of the read-out's voltage at ``times``, also at remembered ones of the past.

        Parameters
        ----------
        detector
            Name of the analog detector.
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
        if detector not in self.detectors:
            return super().quadratures(detector, frequency, times, signals, rng)
        when = np.atleast_1d(times)
        instants = self._instants_at(when, signals, rng)
        turn = np.array([instant.drive.angular_frequency for instant in instants])
        beat = (2 * math.pi * frequency - turn) * when
        return np.asarray(self._readout.envelope(instants) * np.exp(-1j * beat))

    def stretches(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> list[Stretch]:
        """Return the read-out's voltage between ``times``, also remembered ones of the past.

        Parameters
        ----------
        detector
            Name of the analog detector.
        frequency
            Reference frequency, Hz.
        times
            Edges of the intervals, s, equally spaced; shape (m + 1,).
        signals
            Constant signals.
        rng
            Source of the thermal motion.
        """
        if detector not in self.detectors:
            return super().stretches(detector, frequency, times, signals, rng)
        return stretches_of(
            self._path(times, signals, rng),
            frequency,
            readout=self._readout,
            motion=self._motion,
            steady=self._steady,
        )

    @functools.cached_property
    def _readout(self) -> Readout:
        settings = self.settings
        return Readout(settings.gain, settings.phase, settings.cross_talk)

    # -- the motion ----------------------------------------------------------------------------------------

    def _instants_at(
        self, times: FloatArray, signals: Signals, rng: np.random.Generator
    ) -> Sequence[Instant]:
        """Return the instants at increasing times, of which the motion reaches the newer ones only now."""
        newer = self._newer(times)
        known = [self._instant_at(float(time), rng) for time in times[:newer]]
        asked = set(times[newer:].tolist())
        return known + [one for one in self._walk(times[newer:], signals, rng) if one.time in asked]

    def _path(self, times: FloatArray, signals: Signals, rng: np.random.Generator) -> list[Instant]:
        """Return every instant from the first of ``times`` to the last, those between them included."""
        newer = self._newer(times)
        for time in times[:newer]:
            self._instant_at(float(time), rng)
        begin = bisect.bisect_left(self._instants, float(times[0]), key=lambda instant: instant.time)
        if newer == len(times):
            end = bisect.bisect_right(self._instants, float(times[-1]), key=lambda instant: instant.time)
            return self._instants[begin:end]
        return self._instants[begin:] + self._walk(times[newer:], signals, rng)

    def _newer(self, times: FloatArray) -> int:
        """Return the index of the first of ``times`` that the motion has not reached."""
        reached = self._instants[-1].time if self._instants else -math.inf
        return int(np.searchsorted(times, reached, side="right"))

    def _walk(self, times: FloatArray, signals: Signals, rng: np.random.Generator) -> list[Instant]:
        """Move on through ``times``; return all instants on the way, stretches of one temperature at once."""
        found: list[Instant] = []
        passed = 0
        while passed < len(times):
            if stretch := self._stretch(times[passed:], signals, rng):
                passed += len(stretch)
            else:
                known = len(self._instants)
                self._reach(float(times[passed]), signals, rng)
                stretch, passed = self._instants[known:], passed + 1
            found += stretch
            del self._instants[:-_KEPT]
        return found

    def _stretch(self, times: FloatArray, signals: Signals, rng: np.random.Generator) -> list[Instant]:
        """Move through those of ``times`` that one drive and temperature cover; none, if less than two."""
        last = self._instants[-1] if self._instants else None
        if last is None or len(times) < 2 or self._drive(signals) != last.drive:
            return []
        start, before = self._cryostat.copy(), self._cryostat.sample_temperature
        count = len(times)
        while count > 1:
            self._let_cool(float(times[count - 1]) - last.time, signals)
            if abs(self._cryostat.sample_temperature / before - 1) <= _SMALL:
                break
            self._cryostat, count = start.copy(), count // 2
        if count < 2:
            return []
        thermal = self._thermal_course(last, times[:count], rng)
        stretch = self._driven_course(last, times[:count], thermal)
        stretch[-1] = self._warmed(stretch[-1])
        self._instants += stretch
        return stretch

    def _thermal_course(self, start: Instant, times: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the thermal motion at times after ``start``; steps that differ by rounding are one."""
        steps = np.diff(times, prepend=start.time)
        rounding = 8 * np.spacing(times[-1])
        edges = np.flatnonzero(np.abs(np.diff(steps)) > rounding) + 1
        state, parts = start.thermal, []
        for run in np.split(steps, edges):
            parts.append(self._motion(start).course(state, float(run.mean()), len(run), rng))
            state = parts[-1][-1]
        return np.concatenate(parts)

    def _instant_at(self, time: float, rng: np.random.Generator) -> Instant:
        """Return the instant at a time between the oldest and the newest; a new one is remembered."""
        instants = self._instants
        index = bisect.bisect_right(instants, time, key=lambda instant: instant.time) - 1
        if index < 0:
            raise ArgumentError(
                f"times: wanted simulated times from {instants[0].time:g} s on, got {time:g} s; "
                "the cantilever does not remember that far back"
            )
        before = instants[index]
        if before.time == time:
            return before
        after = instants[index + 1]
        thermal = self._motion(before).between(
            before.thermal, after.thermal, time - before.time, after.time - time, rng
        )
        (between,) = self._driven_course(before, np.array([time]), thermal[None])
        instants.insert(index + 1, between)
        return between

    def _follow(self, until: float, signals: Signals, rng: np.random.Generator) -> None:
        """Add instants up to ``until``, at each of which the temperature is taken again."""
        while (last := self._instants[-1]).time < until:
            step = self._cool_a_step(until - last.time, signals)
            thermal = self._motion(last).later(last.thermal, step, rng)
            reached = until if step == until - last.time else last.time + step
            (there,) = self._driven_course(last, np.array([reached]), thermal[None])
            self._instants.append(self._warmed(there))

    def _cool_a_step(self, left: float, signals: Signals) -> float:
        """Move the cryostat on by at most ``left`` s, over which the temperature hardly changes; return it.

        While it changes fast, steps are a twentieth of what is left to go, so that the present is followed
        finely and what will be forgotten is not; but no finer than a tenth of the ring-down time.
        """
        start, before = self._cryostat.copy(), self._cryostat.sample_temperature
        finest = max(0.1 * self.settings.resonator.ring_down_time, 0.05 * left)
        # At its present rate the temperature stays the same for this long; it may do otherwise.
        step = min(left, max(finest, _SMALL / max(self._cryostat.sample_rate, 1e-300)))
        while True:
            self._let_cool(step, signals)
            if step <= finest or abs(self._cryostat.sample_temperature / before - 1) <= _SMALL:
                return step
            step = max(0.5 * step, finest)
            self._cryostat = start.copy()

    def _driven_course(self, start: Instant, times: FloatArray, thermal: FloatArray) -> list[Instant]:
        """Return the instants at ``times`` after ``start``, with the driven motion propagated exactly."""
        motion, drive, steady = self._motion(start).motion, start.drive, self._steady(start)
        elapsed = times - start.time
        turned = drive.angular_frequency * elapsed
        free = motion.free_motion(state=start.driven - steady, time=elapsed)
        driven = steady + free * np.exp(-1j * turned)[:, None]
        phase = np.remainder(start.phase + turned, 2 * math.pi)
        return [
            Instant(*one, drive, start.temperature)
            for one in zip(times.tolist(), driven, thermal, phase.tolist(), strict=True)
        ]

    def _at_rest(self, time: float, drive: Drive, rng: np.random.Generator) -> Instant:
        nothing = np.zeros(2 + len(self.settings.baths))
        kelvin = self._cryostat.sample_temperature
        return self._settled(time, Instant(time, nothing.astype(complex), nothing, 0.0, drive, kelvin), rng)

    def _settled(self, time: float, before: Instant, rng: np.random.Generator) -> Instant:
        """Return the motion long after ``before`` under the same drive: steady, and in equilibrium."""
        warmed = self._warmed(before)
        motion, drive, steady = self._motion(warmed), before.drive, self._steady(warmed)
        phase = before.phase + drive.angular_frequency * (time - before.time)
        thermal = motion.equilibrium(rng)
        return Instant(time, steady, thermal, math.remainder(phase, 2 * math.pi), drive, warmed.temperature)

    def _warmed(self, instant: Instant) -> Instant:
        """Return the instant with the sample's present temperature, if that is another one."""
        kelvin = self._cryostat.sample_temperature
        if abs(kelvin / instant.temperature - 1) < 0.1 * _SMALL:
            return instant
        return instant._replace(temperature=kelvin)

    def _changed(self, instant: Instant, drive: Drive) -> Instant:
        """Return the instant with another drive from there on: the motion and the phase are continuous."""
        return instant._replace(drive=drive)

    def _let_cool(self, duration: float, signals: Signals) -> None:
        self._cryostat.advance(
            duration,
            heater=signals["cryostat.heater"],
            setpoint=signals["cryostat.setpoint"],
            limit=signals["cryostat.heater_limit"],
        )

    def _drive(self, signals: Signals) -> Drive:
        voltage = signals["drive.amplitude"]
        return Drive(
            angular_frequency=2 * math.pi * signals["drive.frequency"],
            force=self.settings.force_per_volt * voltage,
            voltage=voltage,
            distance=signals["positioner.distance"],
        )

    def _memory(self, instant: Instant) -> float:
        """Return the time after which the motion has forgotten how it began, s."""
        return _MEMORY / float(np.abs(self._motion(instant).motion.rates.real).min())

    # -- the physics behind it -----------------------------------------------------------------------------

    def _motion(self, instant: Instant) -> ThermalMotion:
        key = (instant.temperature, instant.drive.distance)
        known = self._motions.get(key)
        if known is None:
            springs = self._springs(*key)
            known = ThermalMotion(LinearMotion(self.settings.resonator, springs), instant.temperature)
            self._motions[key] = known
            if len(self._motions) > _CACHED:
                self._motions.popitem(last=False)
        return known

    def _steady(self, instant: Instant) -> ComplexArray:
        """Return the steady motion under the instant's drive, at its temperature."""
        key = (instant.temperature, instant.drive)
        known = self._steadies.get(key)
        if known is None:
            drive = instant.drive
            known = self._motion(instant).motion.steady_state(
                angular_frequency=drive.angular_frequency, force=drive.force
            )
            self._steadies[key] = known
            if len(self._steadies) > _CACHED:
                self._steadies.popitem(last=False)
        return known

    def _springs(self, kelvin: float, distance: float) -> list[RelaxingSpring]:
        return [bath.spring(temperature=kelvin) for bath in self._baths(distance)]

    def _baths(self, distance: float) -> list[SpinBath]:
        if not distance > self.settings.magnet.radius:
            raise ArgumentError(
                "positioner.distance: wanted more than the magnet's radius "
                f"{self.settings.magnet.radius:g} m, got {distance!r} m; retract the magnet"
            )
        if distance != self._baths_at[0]:
            baths = [
                SpinBath(one.species, one.density, spectrum.rescaled(distance=distance + one.depth), one.t1)
                for one, spectrum in zip(self.settings.baths, self._spectra, strict=True)
            ]
            self._baths_at = (distance, baths)
        return self._baths_at[1]

    @functools.cached_property
    def _spectra(self) -> list[ReducedSpectrum]:
        distance, magnet = self.settings.distance, self.settings.magnet
        return [
            reduce_geometry(magnet=magnet, sample=half_space(distance) if one.bulk else Surface(distance))
            for one in self.settings.baths
        ]
