"""What a simulated bench measures: the interface of a sample, and what the bench tells it.

The instruments of a simulated bench do not know each other. Each drives named *signals* (a coil current, a
microwave frequency) or plays a *pattern* on named lines (laser, microwave switch), and detectors ask the
one physical sample what reaches them. A sample therefore answers in physics: mean photons in a window, the
complex envelope of a voltage, a temperature. Shot noise of counting, dark counts, dead time, resolution and
everything else that belongs to an instrument is added by the world and the devices, never by a sample.

A new sample is one file with one class. A sample that is watched with photon counters implements
`Sample.steady_photons` (and `Sample.drift`, if it drifts); one that is watched with a lock-in implements
`Sample.quadratures` and, where its voltage moves faster than an eye follows, `Sample.stretches`, and
`Sample.advance` if it has a state of its own.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.rc_filter import Stretch
from labspin.twin.inputs import Pattern, Signals

__all__ = ["ComplexArray", "Sample"]

ComplexArray = NDArray[np.complex128]

_CACHED_STATES = 4096
_ROUNDING = 1e-9  # photons below 0 that are an error of rounding
_LOOK, _LOOKS = 10e-3, 400  # s, and the most in an interval


@functools.cache
def _gauss() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(16)
    return nodes, weights


class Sample(ABC):
    """A physical system under the instruments of a simulated bench.

    Class attributes
    ----------------
    inputs
        Signals that the sample feels, name -> unit.
    defaults
        Value of each input as long as no instrument drives it, name -> SI value; same keys as ``inputs``.
    detectors
        Where an instrument can look, name -> ``"photons"`` (count rates) or ``"analog"`` (voltages),
        e.g. ``{"pl": "photons", "reflected": "photons"}``.
    lines
        Lines of the pulse pattern that the sample feels, name -> what a high level does.
    truth_units : Mapping[str, str]
        Units of what `truth` returns, name -> unit; what is not named is a pure number.
    """

    inputs: ClassVar[Mapping[str, str]] = {}
    defaults: ClassVar[Mapping[str, float]] = {}
    detectors: ClassVar[Mapping[str, str]] = {}
    lines: ClassVar[Mapping[str, str]] = {}
    truth_units: ClassVar[Mapping[str, str]] = {}

    def prepare(self, seed: int) -> None:  # noqa: B027 - most samples need none
        """Draw whatever is random about this sample (drift, disorder) from ``seed``.

        The world calls this once, before anything else. What is drawn here must make later answers
        functions of time, so that a resumed run sees the same drift.

        Parameters
        ----------
        seed
            Seed of the world.
        """

    def expected_photons(
        self,
        detector: str,
        pattern: Pattern,
        windows: FloatArray,
        signals: Signals,
        time: float,
        until: float | None = None,
    ) -> FloatArray:
        """Return the mean number of photons that arrive in each window in one repetition of ``pattern``.

        Deterministic. The steady state is cached per (pattern, windows, the signals in ``inputs``), and
        multiplied by the drift at ``time``, or its mean up to ``until``.

        Parameters
        ----------
        detector
            A name out of ``detectors`` of kind ``"photons"``.
        pattern
            What the pulse generator plays, repeated for ever: the sample is in the periodic steady state
            (the fixed point of the period map).
        windows
            Start and stop of each window, s, 0 ≤ start ≤ stop ≤ period; shape (m, 2).
        signals
            What the instruments drive.
        time
            Simulated time of the bench, s.
        until
            End of a longer time over which is averaged, s; None: now.

        Returns
        -------
        FloatArray
            Photons per window and repetition at the detector (before efficiency, dark counts and dead
            time), shape (m,).
        """
        if self.detectors.get(detector) != "photons":
            raise ArgumentError(
                f"detector {detector!r} of {type(self).__name__} counts no photons; "
                f"its detectors are {dict(self.detectors)}"
            )
        windows = np.ascontiguousarray(windows, dtype=np.float64).reshape(-1, 2)
        felt = tuple(signals[name] for name in self.inputs)
        key = (detector, pattern.key, windows.tobytes(), felt)
        cache = self._steady_states
        steady = cache.get(key)
        if steady is None:
            steady = self._not_negative(self.steady_photons(detector, pattern, windows, signals), detector)
            cache[key] = steady
            if len(cache) > _CACHED_STATES:
                cache.popitem(last=False)
        if until is not None and until > time:
            return steady * self.mean_drift(detector, time, until)
        return steady * self.drift(detector, time)

    def _not_negative(self, photons: FloatArray, detector: str) -> FloatArray:
        """Return mean photons without the rounding errors below 0 that darkness may leave."""
        if not np.all(photons >= -_ROUNDING):
            raise ArgumentError(
                f"{type(self).__name__}: steady_photons of {detector!r}: wanted photons of 0 or more, got "
                f"{float(np.min(photons)):.3g}; correct the sample"
            )
        return np.maximum(photons, 0.0)

    @functools.cached_property
    def _steady_states(self) -> OrderedDict[tuple[object, ...], FloatArray]:
        return OrderedDict()

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: FloatArray, signals: Signals
    ) -> FloatArray:
        """Return what `expected_photons` describes, without drift; a sample with photons implements this.

        The result must depend on its arguments only: it is cached.

        Parameters
        ----------
        detector
            A name out of ``detectors`` of kind ``"photons"``.
        pattern
            What the pulse generator plays, repeated for ever.
        windows
            Start and stop of each window, s, within the period; shape (m, 2).
        signals
            Constant signals.

        Returns
        -------
        FloatArray
            Mean photons in each window in one repetition; shape (m,).
        """
        raise ArgumentError(f"{type(self).__name__} has no photon detector, so {detector!r} counts nothing")

    def drift(self, detector: str, time: float) -> float:
        """Return the slow relative drift of a detector's signal at simulated ``time``; 1 is none.

        Parameters
        ----------
        detector
            A name out of ``detectors``.
        time
            Simulated time, s.
        """
        return 1.0

    def mean_drift(self, detector: str, start: float, stop: float) -> float:
        """Return the mean of `drift` from ``start`` to ``stop`` (s), which a count over that time sees.

        This default takes sixteen times; a sample that knows the mean exactly says so.

        Parameters
        ----------
        detector
            A name out of ``detectors``.
        start, stop
            Simulated times between which to average, s.

        Returns
        -------
        float
            The mean relative drift; 1 is none.
        """
        if type(self).drift is Sample.drift:
            return 1.0
        nodes, weights = _gauss()
        times = 0.5 * (start + stop) + 0.5 * (stop - start) * nodes
        return 0.5 * float(weights @ [self.drift(detector, float(time)) for time in times])

    def advance(self, until: float, signals: Signals, rng: np.random.Generator) -> None:  # noqa: B027
        """Evolve the sample's own state to simulated time ``until`` (s) under constant ``signals``.

        Called before any signal changes and before any analog reading, with times that never decrease.
        A sample without a state of its own needs none.

        Parameters
        ----------
        until
            Simulated time to evolve to, s.
        signals
            Signals, constant since the last call.
        rng
            Source of the sample's own noise.
        """

    def quadratures(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> ComplexArray:
        """Return the complex envelope of an analog detector's voltage, as a lock-in sees it.

        The voltage is ``Re[envelope(t) exp(i 2π frequency t)]``, so an envelope of modulus 1 V is a sine
        of 1 V amplitude (0.707 V rms).

        Parameters
        ----------
        detector
            A name out of ``detectors`` of kind ``"analog"``.
        frequency
            Reference frequency, Hz.
        times
            Simulated times, s, increasing, not earlier than the last `advance`; shape (n,).
        signals
            What the instruments drive and play, constant over ``times``.
        rng
            Source of the sample's own noise (thermal motion). White detector noise is not included: it is
            `noise_density`, and enters through the lock-in's own bandwidth.

        Returns
        -------
        ComplexArray
            V, shape (n,).
        """
        raise ArgumentError(f"{type(self).__name__} has no analog detector {detector!r}")

    def stretches(
        self,
        detector: str,
        frequency: float,
        times: FloatArray,
        signals: Signals,
        rng: np.random.Generator,
    ) -> list[Stretch]:
        """Return what the voltage consists of between ``times``, for a filter that answers to it exactly.

        A sample whose voltage holds more than one slow oscillation about ``frequency`` (a free motion, tones
        beside the reference, Brownian motion) says so here. This default takes the envelope of `quadratures`
        as a straight line between looks of 10 ms or less, at most 400 an interval: what moves
        faster against the reference is seen at a wrong frequency.

        Parameters
        ----------
        detector, frequency, signals, rng
            As for `quadratures`.
        times
            Edges of intervals of equal length, s, increasing; shape (m + 1,), m ≥ 1.

        Returns
        -------
        list of Stretch
            One after another from the first edge to the last. All of ``times`` are edges of theirs.
        """
        length = float(times[1] - times[0])
        looks = min(max(1, math.ceil(length / _LOOK)), _LOOKS)
        finer = np.linspace(times[:-1], times[1:], looks + 1, axis=-1)
        edges = np.append(finer[:, :-1].ravel(), times[-1])
        edges[::looks] = times
        envelope = self.quadratures(detector, frequency, edges, signals, rng)
        phase = 2 * math.pi * np.fmod(frequency * edges[:-1], 1.0)
        turn = np.exp(1j * phase)[:, None]
        return [
            Stretch(
                times=edges,
                reference=phase,
                rates=np.array([2j * math.pi * frequency]),
                amplitudes=envelope[:-1, None] * turn,
                slopes=np.diff(envelope)[:, None] * turn / (length / looks),
                sizes=np.abs(envelope),
            )
        ]

    def noise_density(self, detector: str, frequency: float, signals: Signals) -> float:
        """Return the noise of an analog detector about ``frequency`` (Hz), V/√Hz (one-sided).

        Parameters
        ----------
        detector
            A name out of ``detectors`` of kind ``"analog"``.
        frequency
            Frequency about which the noise is wanted, Hz.
        signals
            Present signals (SI units, or dBm).
        """
        return 0.0

    def reading(self, quantity: str, signals: Signals, time: float) -> float:
        """Return a slow quantity at a probe: ``"field"`` (T), ``"temperature"`` (K).

        Parameters
        ----------
        quantity
            Name of the quantity, such as ``"field"`` or ``"temperature"``.
        signals
            Present signals (SI units, or dBm).
        time
            Simulated time, s.

        Returns
        -------
        float
            The quantity, in SI units.

        Raises
        ------
        ArgumentError
            There is no such probe on this sample.
        """
        raise ArgumentError(f"{type(self).__name__} has no probe for {quantity!r}")

    @abstractmethod
    def truth(self, signals: Signals) -> dict[str, float | list[float]]:
        """Return what a perfect measurement would find at ``signals`` (SI), recorded with every run.

        For instance T1 of each class, transition frequencies, stretching exponent.

        Parameters
        ----------
        signals
            Present signals (SI units, or dBm).

        Returns
        -------
        dict[str, float | list[float]]
            Values in SI units by their names.
        """
