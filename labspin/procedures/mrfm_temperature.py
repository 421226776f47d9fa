"""Frequency and dissipation of a cantilever above spins, against temperature.

At every temperature the procedure waits until the thermometer is stable, and a while longer for a sample that
lags behind it. It then looks for the resonance, first near where it was at the temperature before, with
sweeps that zoom in; and measures it, by a slow sweep, by a ring-down, or both.

::

    thermometer  ___/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾
                    |  window   | soak |search| sweep |

The sweep waits at every frequency for the ring-down time that the search has shown and for the filter of the
detection: one that moves on earlier gives a line that is skewed and too wide, and no fit corrects that. Its
frequencies lie close where the response turns fast. What is recorded is the raw response X + iY and the raw
ring-down; frequency and 1/Q beside them are quick estimates, good enough to see what happens and to steer
by.

The spins add a complex stiffness κ(T) to that of the cantilever: Δf + i Δ(1/Q) = f0 Re κ/2k0 + i Im κ/k0
(Wagenaar, thesis ch. 3, Eqs. (3.10), (3.12), (3.13)). The quantity ``shift`` is that number, counted from a
frequency of the user's choice and from 1/Q = 0.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from labspin.bench import Actuator, Bench
from labspin.data import Column
from labspin.errors import ArgumentError, FitError, OverloadError, PlanError, SettleError
from labspin.experiment import (
    CountParameter,
    Linear,
    ListParameter,
    Logarithmic,
    Point,
    Procedure,
    QuantityParameter,
    Sweep,
    Values,
)
from labspin.instruments import CantileverReadout, TemperatureController
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.mrfm_columns import Quantities, thinned
from labspin.procedures.resonance import (
    Resonance,
    resonance_from_ring_down,
    resonance_from_sweep,
    search_resonance,
    sweep_frequencies,
)
from labspin.procedures.stability import Stability, StabilityRule, wait_until_stable
from labspin.units import format_quantity

__all__ = ["MRFMTemperature"]

_log = logging.getLogger(__name__)
_LINEWIDTHS = 3.0  # of the last resonance, within which the next is looked for at least
_CAUTION = 0.5  # part of the last drive with which is searched: Q may have risen
_SOFTER, _ATTEMPTS = 3.0, 3  # after an overload the drive is divided by this, and so often
_SEARCHES, _SEARCH_WAIT, _SETTLED = 1.3, 1.5, 7.6  # of an estimate: sweeps, and ring-down times waited
_QUICK = 100  # points of a ring-down in a quick estimate: closer ones depend on each other by the filter
_NOTHING = Resonance(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)


class MRFMTemperature(Procedure):
    """Resonance of a cantilever, at each of several temperatures."""

    name = "mrfm_temperature"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"cryostat": TemperatureController, "cantilever": CantileverReadout}
    )
    coordinates = (
        Column(name="cryostat_setpoint", unit="K", role="coordinate", description="set-point of the loop"),
    )
    quantities = Quantities()
    signal = "resonance_frequency"
    below_signal = ("inverse_quality",)
    is_open_ended = True

    temperatures = QuantityListParameter(
        "Temperatures", units="K", default="", description="In their order; empty: from the first to the last"
    )
    temperature_start = QuantityParameter("First temperature", units="K", minimum=1e-6, default="30 mK")
    temperature_stop = QuantityParameter("Last temperature", units="K", minimum=1e-6, default="1 K")
    temperature_points = CountParameter("Number of temperatures", minimum=1, maximum=100_000, default=20)
    spacing = ListParameter(
        "Spacing of temperatures", choices=["logarithmic", "linear"], default="logarithmic"
    )

    stability_window = QuantityParameter("Window of stability", units="s", minimum=1e-3, default="60 s")
    stability_scatter = QuantityParameter(
        "Largest scatter", minimum=1e-9, default=0.005, description="Standard deviation, part of the reading"
    )
    stability_drift = QuantityParameter(
        "Largest drift",
        minimum=1e-9,
        default=0.003,
        description="Change over the window, part of the reading",
    )
    stability_error = QuantityParameter(
        "Largest distance from the set-point", minimum=1e-9, default=0.01, description="Part of the set-point"
    )
    stability_timeout = QuantityParameter("Longest wait for it", units="s", minimum=1e-3, default="3600 s")
    stability_poll = QuantityParameter("Time between readings", units="s", minimum=1e-3, default="5 s")
    if_unstable = ListParameter(
        "If the temperature does not become stable", choices=["abort", "record"], default="abort",
        description="record: measure all the same, with stable = 0",
    )  # fmt: skip
    soak_time = QuantityParameter(
        "Wait after stability", units="s", minimum=0.0, default="60 s",
        description="For a sample that lags behind the thermometer",
    )  # fmt: skip

    drive = QuantityParameter("Drive amplitude", units="V", minimum=0.0, default="20 mV")
    response_target = QuantityParameter(
        "Response on resonance", units="V", minimum=0.0, default="50 mV",
        description="After the search the drive is set to reach it, within its limits; 0: drive as it is",
    )  # fmt: skip
    time_constant = QuantityParameter(
        "Time constant of the filter", units="s", minimum=0.0, default="1 ms",
        description="0: leave it. For ring-downs it has to be a small part of the ring-down time",
    )  # fmt: skip
    bare_frequency = QuantityParameter(
        "Frequency from which shifts are counted", units="Hz", minimum=0.0, default="3 kHz"
    )
    search_start = QuantityParameter("Search from", units="Hz", minimum=0.0, default="2995 Hz")
    search_stop = QuantityParameter("Search to", units="Hz", minimum=0.0, default="3010 Hz")
    search_points = CountParameter("Points of a search sweep", minimum=8, maximum=100_000, default=41)
    follow_span = QuantityParameter(
        "Look first around the last resonance", units="Hz", minimum=0.0, default="4 Hz",
        description="Full width; 0: search the whole range at every temperature",
    )  # fmt: skip
    longest_ring_down = QuantityParameter(
        "Longest ring-down time", units="s", minimum=1e-6, default="20 s", description="That is waited for"
    )
    if_not_found = ListParameter(
        "If no resonance is found", choices=["abort", "record"], default="record",
        description="record: continue, with found = 0",
    )  # fmt: skip

    if_overloaded = ListParameter(
        "If the lock-in is overloaded however low the drive", choices=["abort", "record"], default="abort",
        description="record: continue, with found = 0; the drive is first lowered three times, threefold",
    )  # fmt: skip
    typical_approach = QuantityParameter(
        "Time to the next temperature", units="s", minimum=0.0, default="30 s",
        description="For the estimate of the duration only",
    )  # fmt: skip
    typical_ring_down = QuantityParameter(
        "Typical ring-down time", units="s", minimum=0.0, default="0.4 s",
        description="For the estimate of the duration only",
    )  # fmt: skip

    method = ListParameter("Measure by", choices=["sweep", "ring_down", "both"], default="sweep")
    sweep_points = CountParameter("Points of the sweep", minimum=8, maximum=100_000, default=41)
    sweep_span = QuantityParameter(
        "Span of the sweep", minimum=0.5, maximum=1e4, default=6.0, description="Linewidths"
    )
    ring_downs = QuantityParameter(
        "Wait at each frequency", minimum=0.0, maximum=50.0, default=5.0,
        description="Ring-down times; the filter's settling time is added. Less than 3 skews the line",
    )  # fmt: skip
    ring_down_points = CountParameter("Points of a ring-down", minimum=16, maximum=1_000_000, default=400)
    ring_down_length = QuantityParameter(
        "Length of a ring-down", minimum=0.5, maximum=50.0, default=5.0, description="Ring-down times"
    )

    # -- before the run --------------------------------------------------------------------------------

    def settings(self) -> Mapping[str, float]:
        """Return the drive amplitude."""
        return {"cantilever.amplitude": self.drive}

    def plan(self) -> Sweep:
        """Return the temperatures.

        Raises
        ------
        PlanError
            Parameters contradict each other.
        """
        self._check_search()
        self.stability()
        name = "cryostat.setpoint"
        if self.temperatures:
            if min(self.temperatures) <= 0:
                raise PlanError(
                    f"procedure {self.name!r}: wanted temperatures > 0 K, got {min(self.temperatures):g} K"
                )
            return Values(name, self.temperatures, unit="K")
        ends = (self.temperature_start, self.temperature_stop)
        if self.temperature_points > 1 and ends[0] == ends[1]:
            raise PlanError(
                f"procedure {self.name!r}: wanted {self.temperature_points} temperatures from "
                f"temperature_start to temperature_stop, got {ends[0]:g} K for both; give one point or two "
                "ends"
            )
        kind = Logarithmic if self.spacing == "logarithmic" else Linear
        return kind(name, *ends, self.temperature_points, unit="K")

    def _check_search(self) -> None:
        if not self.search_start < self.search_stop:
            raise PlanError(
                f"procedure {self.name!r}: wanted search_start < search_stop, got {self.search_start:g} and "
                f"{self.search_stop:g} Hz"
            )
        if self.follow_span > self.search_stop - self.search_start:
            raise PlanError(
                f"procedure {self.name!r}: wanted a follow_span no wider than the search, got "
                f"{self.follow_span:g} Hz and {self.search_stop - self.search_start:g} Hz; narrow it, or "
                "give 0"
            )

    def stability(self) -> StabilityRule:
        """Return when a temperature counts as stable.

        Raises
        ------
        PlanError
            The window and its limits contradict each other.
        """
        if self.stability_timeout < self.stability_window:
            raise PlanError(
                f"procedure {self.name!r}: wanted a stability_timeout of at least the stability_window of "
                f"{self.stability_window:g} s, got {self.stability_timeout:g} s"
            )
        try:
            return StabilityRule(
                window=self.stability_window,
                scatter=self.stability_scatter,
                drift=self.stability_drift,
                error=self.stability_error,
                timeout=self.stability_timeout,
                poll=self.stability_poll,
            )
        except ArgumentError as error:
            raise PlanError(f"procedure {self.name!r}: {error}") from error

    def check(self, bench: Bench) -> None:
        """Raise an error if the search leaves the limits of the drive's frequency.

        Parameters
        ----------
        bench
            The instruments.

        Raises
        ------
        LimitError
            It does.
        """
        bench.actuator("cantilever.frequency").check(np.array([self.search_start, self.search_stop]))

    def prepare(self, bench: Bench) -> None:
        """Switch the heater loop on where the temperature is now, and forget earlier resonances.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        self._last: Resonance | None = None
        self._last_drive = float(self.drive)
        if self.time_constant > 0:
            bench.cantilever.time_constant = self.time_constant
        cryostat, setpoint = bench.cryostat, bench.actuator("cryostat.setpoint")
        if not cryostat.output_enabled:
            cryostat.setpoint = min(max(cryostat.temperature, setpoint.minimum), setpoint.maximum)
            cryostat.output_enabled = True

    def duration(self, point: Point) -> float:
        """Return about how long a temperature takes, s, for typical times of approach and of ring-down.

        Approach, window of stability and soak; one sweep of the search that waits for the ring-down, and a
        third more for those that do not; the sweep, or the decay with the wait before it. The settling of the
        filter is not included. With ``stability_timeout`` at every temperature it would take longer.

        Parameters
        ----------
        point
            The point; all of them count as equally long.
        """
        ring_down = float(self.typical_ring_down)
        seconds = self.typical_approach + self.stability_window + self.soak_time
        seconds += _SEARCHES * self.search_points * _SEARCH_WAIT * ring_down
        if self.method in ("sweep", "both"):
            seconds += self.sweep_points * self.ring_downs * ring_down
        if self.method in ("ring_down", "both"):
            seconds += (_SETTLED + self.ring_down_length) * ring_down
        return float(seconds)

    # -- at one temperature ----------------------------------------------------------------------------

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Wait for the temperature, find the resonance, and measure it.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point; its set-point is the temperature of the cryostat, K.

        Returns
        -------
        Mapping
            The temperature and its stability, what went wrong as text, and the fitted resonance.
        """
        reached = self._reach(bench, point.setpoints["cryostat.setpoint"])
        readings = self._soak(bench)
        values, trouble = self._at_temperature(bench, reached.mean)
        if not reached.is_stable:
            trouble = ["temperature not stable", *trouble]
        after = bench.cryostat.temperature
        return {
            "temperature": float(np.mean([*readings, after])),
            "temperature_scatter": reached.scatter,
            "temperature_drift": reached.drift,
            "temperature_after": after,
            "waited": reached.elapsed,
            "stable": int(reached.is_stable),
            "outcome": "; ".join(trouble) or "measured",
            **values,
        }

    def _at_temperature(self, bench: Bench, kelvin: float) -> tuple[dict[str, object], list[str]]:
        """Find and measure the resonance, driven less after an overload; return what went wrong too."""
        drive, overloads = bench.actuator("cantilever.amplitude"), 0
        arrays, found, trouble = self._empty(), _NOTHING, ["lock-in overloaded"]
        while overloads <= _ATTEMPTS:
            try:
                arrays, found, trouble = self._attempt(bench, kelvin, drive, _SOFTER**-overloads)
                break
            except OverloadError as error:
                _log.warning("at %s: %s", format_quantity(kelvin, "K"), error)
                overloads += 1
                if overloads > _ATTEMPTS and self.if_overloaded == "abort":
                    raise
                drive.move(drive.minimum)
                bench.clock.sleep(self.longest_ring_down)  # the motion that was too large rings down first
        self._last = found if math.isfinite(found.frequency) else None
        self._last_drive = drive.read()
        values = {"drive_amplitude": self._last_drive, "overloads": overloads}
        return {**values, **self._estimates(found), **arrays}, trouble

    def _attempt(
        self, bench: Bench, kelvin: float, drive: Actuator, softer: float
    ) -> tuple[dict[str, object], Resonance, list[str]]:
        drive.move(max(softer * self._search_drive(drive), drive.minimum))
        try:
            rough = self._find(bench)
        except FitError as error:
            if self.if_not_found == "abort":
                raise
            _log.warning("at %s: %s", format_quantity(kelvin, "K"), error)
            return self._empty(), _NOTHING, ["resonance not found"]
        if self.response_target > 0:
            wanted = softer * drive.read() * self.response_target / rough.amplitude
            drive.move(min(max(wanted, drive.minimum), drive.maximum))
        arrays, found = self._measure_resonance(bench, rough)
        return arrays, found, [] if math.isfinite(found.frequency) else ["no estimate from the data"]

    def _reach(self, bench: Bench, setpoint: float) -> Stability:
        rule = self.stability()
        reached = wait_until_stable(lambda: bench.cryostat.temperature, bench.clock, rule, target=setpoint)
        if not reached.is_stable:
            text = (
                f"cryostat.temperature: wanted a stable {format_quantity(setpoint, 'K')} within "
                f"{rule.timeout:g} s, but it {reached.text('K')} of {rule.window:g} s; check heater range "
                "and loop, wait longer, or allow more"
            )
            if self.if_unstable == "abort":
                raise SettleError(text)
            _log.warning(text)
        return reached

    def _soak(self, bench: Bench) -> list[float]:
        """Wait for the sample, and return the readings of the later half, K: a loop creeps to the last."""
        end = bench.clock.now() + self.soak_time
        bench.clock.sleep(0.5 * self.soak_time)
        readings = [bench.cryostat.temperature]
        while (left := end - bench.clock.now()) > 0:
            bench.clock.sleep(min(left, float(self.stability_poll)))
            readings.append(bench.cryostat.temperature)
        return readings

    def _search_drive(self, drive: Actuator) -> float:
        if self._last is None or self.response_target == 0:
            return float(self.drive)
        return max(_CAUTION * self._last_drive, drive.minimum)

    def _find(self, bench: Bench) -> Resonance:
        readout, around = bench.cantilever, None
        if self._last is not None and self.follow_span > 0:
            middle = self._last.frequency
            half = max(0.5 * self.follow_span, _LINEWIDTHS * self._last.linewidth)
            around = (middle - half, middle + half)
        return search_resonance(
            lambda frequencies, dwell: readout.sweep(frequencies, settling_time=dwell),
            low=self.search_start,
            high=self.search_stop,
            points=self.search_points,
            settle=readout.settling_time(0.0),
            longest=self.longest_ring_down,
            around=around,
        )

    def _measure_resonance(self, bench: Bench, rough: Resonance) -> tuple[dict[str, object], Resonance]:
        arrays = self._empty()
        fine = rough
        if self.method in ("sweep", "both"):
            frequency, response = self._slow_sweep(bench, rough)
            arrays |= {"sweep_frequency": frequency, "response": response}
            fine = _estimate(resonance_from_sweep, frequency, response)
        if self.method in ("ring_down", "both"):
            decay, found = self._ring_down(bench, fine if math.isfinite(fine.frequency) else rough)
            arrays |= decay
            fine = found if self.method == "ring_down" else fine
        return arrays, fine

    def _slow_sweep(self, bench: Bench, rough: Resonance) -> tuple[object, object]:
        frequencies = sweep_frequencies(
            rough,
            span=self.sweep_span,
            points=self.sweep_points,
            low=self.search_start,
            high=self.search_stop,
        )
        wait = self.ring_downs * rough.ring_down_time + bench.cantilever.settling_time(0.0)
        made, response = bench.cantilever.sweep(frequencies, settling_time=wait)
        return made, response

    def _ring_down(self, bench: Bench, rough: Resonance) -> tuple[dict[str, object], Resonance]:
        readout = bench.cantilever
        bench.actuator("cantilever.frequency").move(rough.frequency)
        reference = readout.frequency
        settling_time = readout.settling_time(rough.ring_down_time)
        length = self.ring_down_length * rough.ring_down_time + readout.settling_time(0.0)
        drive = bench.actuator("cantilever.amplitude")
        amplitude = drive.read()
        time, decay = readout.ring_down(length, settling_time=settling_time)
        drive.move(amplitude)
        # The filter still remembers the drive at the beginning, and a fit would take that for motion.
        free = time >= readout.settling_time(0.0)
        time, decay = time[free], decay[free]
        found = _estimate(resonance_from_ring_down, *thinned(time, decay, _QUICK), reference)
        time, decay = thinned(time, decay, self.ring_down_points)
        arrays = {"decay_time": time, "decay": decay, "reference_frequency": reference}
        return arrays | {"ring_down_time": found.ring_down_time}, found

    def _estimates(self, found: Resonance) -> dict[str, object]:
        return {
            "found": int(math.isfinite(found.frequency)),
            "resonance_frequency": found.frequency,
            "resonance_frequency_errors": found.frequency_error,
            "inverse_quality": found.inverse_quality,
            "inverse_quality_errors": found.inverse_quality_error,
            "quality_factor": 1 / found.inverse_quality,
            "shift": complex(found.frequency - self.bare_frequency, found.inverse_quality),
            "shift_errors": complex(found.frequency_error, found.inverse_quality_error),
        }

    def _empty(self) -> dict[str, object]:
        """Return what is not measured everywhere: arrays, and what a ring-down yields."""
        arrays = {column.name: np.full(column.shape, np.nan) for column in self.quantities if column.shape}
        return arrays | {"ring_down_time": math.nan, "reference_frequency": math.nan}


def _estimate(estimate: Any, *data: Any) -> Resonance:
    """Return the quick estimate; raw data are kept even where there is none."""
    try:
        found: Resonance = estimate(*data)
    except FitError as error:
        _log.warning("no quick estimate: %s", error)
        return _NOTHING
    return found
