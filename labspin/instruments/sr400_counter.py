"""The SR400 as a counter of photons in gates: what a station says of it, and the role.

Quirks of counting, from the manual; those of its commands stand in `labspin.instruments.sr400`:

- Counter T begins a period with the first trigger and ends it with the (N+1)th: N + 1 triggers are needed for
  N gates (page 12), so the pulse generator has to keep playing until `is_done`.
- A trigger that comes before delay, width and 1 µs have passed is missed; the status byte tells, and it is an
  error here. A gate of delay zero opens 25 ns after the trigger; that is not corrected for.
- The buffer is emptied when a count starts, and a reset discards it.
- Counters hold nine digits. That one ran over is told by a bit of the status byte (``SS``), which stays set
  until it is read, or by its value; it is an error here, for it would pass for a contrast.
- Pulses of a TTL detector exceed its ±300 mV input range; an attenuator is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError, DeviceError, LimitError
from labspin.instruments.limits import check_limits
from labspin.instruments.photon_counter import PhotonCounterAdapter
from labspin.instruments.sr400 import (
    DELAYS,
    LARGEST_COUNT,
    OVERFLOW,
    RATE_ERROR,
    SLOPES,
    SR400,
    WIDTHS,
    GatedCounter,
    check_preset,
    nearest_gate_time,
)

__all__ = ["SR400Counter", "SR400Options"]


@dataclass(frozen=True, kw_only=True)
class SR400Options:
    """What a station file may say about the counter and what is plugged into it."""

    input: int = 1
    """Input that the gates watch by default: 1 (both gates may), or 2 (gate B alone)."""
    detectors: Mapping[str, int] = field(default_factory=dict)
    """Name of each detector that a procedure may ask for, and its input; empty: ``pl`` at ``input``."""
    trigger_level: float = field(default=0.5, metadata={"unit": "V"})
    """Threshold of the trigger input, V."""
    trigger_slope: str = "rise"
    """Edge that triggers."""
    discriminator_level: float = field(default=-0.01, metadata={"unit": "V"})
    """Threshold of the discriminators, V."""
    discriminator_slope: str = "fall"
    """Edge of a photon's pulse that counts."""

    def __post_init__(self) -> None:
        if self.input not in (1, 2):
            raise ArgumentError(f"input: wanted 1 or 2, got {self.input!r}")
        if not isinstance(self.detectors, Mapping) or not set(self.detectors.values()) <= {1, 2}:
            raise ArgumentError(
                f"detectors: wanted names and inputs such as {{pl = 1, reflected = 2}}, got "
                f"{self.detectors!r}"
            )
        for name in ("trigger_slope", "discriminator_slope"):
            if getattr(self, name) not in SLOPES:
                raise ArgumentError(f"{name}: wanted 'rise' or 'fall', got {getattr(self, name)!r}")
        for name, bound in (("trigger_level", 2.0), ("discriminator_level", 0.3)):
            if not abs(getattr(self, name)) <= bound:
                raise ArgumentError(
                    f"{name}: wanted -{bound:g} V to {bound:g} V, got {getattr(self, name)!r}"
                )


class SR400Counter(PhotonCounterAdapter):
    """The SR400 as a `PhotonCounter` of one detector, in one or two gates."""

    example = "{{ pl = 1, {} = 2 }}"
    driver: ClassVar[type] = SR400
    options: ClassVar[type] = SR400Options
    device: SR400
    chosen: SR400Options
    relied_on = (
        "device.mode",
        "device.preset_input",
        "device.periods",
        "device.trigger_level",
        "device.trigger_slope",
        "thresholds",
    )

    def __init__(self, driver: SR400, options: SR400Options | None = None) -> None:
        super().__init__(driver, options)
        self._armed: tuple[object, ...] | None = None
        self._unread = True  # there may have been a count whose overflow was not asked about
        self._inputs = {"A": 1, "B": self.chosen.input}  # that the counters watch now
        self._counting: tuple[tuple[str, GatedCounter], ...] = ()  # one for each gate

    @property
    def max_gates(self) -> int:
        """Get the number of gates after one trigger (dimensionless, int: 2, or 1 at input 2)."""
        return 2 if self.chosen.input == 1 else 1

    @property
    def _counters(self) -> tuple[tuple[str, GatedCounter], ...]:
        """The counters in use: A watches input 1 alone, B either."""
        both = (("A", self.device.a), ("B", self.device.b))
        return both if 1 in (self.chosen.input, *self.chosen.detectors.values()) else both[1:]

    def _assigned(self, inputs: Sequence[int]) -> str:
        """Return the letter of the counter for each gate, by the input that it watches."""
        assigned = {(1,): "A", (2,): "B", (1, 1): "AB", (1, 2): "AB", (2, 1): "BA"}.get(tuple(inputs))
        if assigned is None:
            raise LimitError(
                f"{self.device.name}: wanted 1 to {self.max_gates} gates, got {len(inputs)} at the inputs "
                f"{list(inputs)}, where input 2 has one; measure the others in a second count or with a "
                "counter that has more"
            )
        return assigned

    @property
    def detectors(self) -> Mapping[str, int]:
        """Get the input of every detector by its name (dimensionless, mapping to 1 or 2)."""
        return self.chosen.detectors or {"pl": self.chosen.input}

    @property
    def usual_input(self) -> int:
        """Get the input that a gate watches by default (dimensionless, int: 1 or 2)."""
        return self.chosen.input

    @property
    def thresholds(self) -> tuple[Any, ...]:
        """Get threshold (V) and edge of the discriminator of every counter in use (dimensionless, tuple)."""
        return tuple(
            value
            for _, counter in self._counters
            for value in (counter.discriminator_level, counter.discriminator_slope)
        )

    def configure(self) -> None:
        """Stop counting; set inputs, discriminators, trigger and one period of counted triggers."""
        device, chosen = self.device, self.chosen
        device.reset()
        device.mode = "A,B for T"
        device.preset_input = "trigger"
        device.periods = 1
        device.end_mode = "stop"
        device.trigger_level = chosen.trigger_level
        device.trigger_slope = chosen.trigger_slope
        self._inputs = {"A": 1, "B": chosen.input}
        for name, counter in self._counters:
            counter.input = f"input {self._inputs[name]}"
            counter.gate_mode = "fixed"
            counter.discriminator_level = chosen.discriminator_level
            counter.discriminator_slope = chosen.discriminator_slope
        self._armed = None

    def _wanted(
        self, gates: Sequence[tuple[float, float]], triggers: int, detectors: Sequence[str] | None
    ) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
        """Return gates and inputs as they will be armed, if they can be."""
        wanted = tuple((float(delay), float(width)) for delay, width in gates)
        inputs = tuple(self._watched(wanted, detectors))
        self._assigned(inputs)
        for delay, width in wanted:
            check_limits(f"{self.device.name} gate delay", delay, *DELAYS, "s")
            check_limits(f"{self.device.name} gate width", width, *WIDTHS, "s")
        check_preset(triggers)
        return wanted, inputs

    def arm(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Begin to count photons in one or two gates after each trigger.

        Parameters
        ----------
        gates
            (delay, width) of each gate after the trigger, s.
        triggers
            Number of triggers over which is counted.
        detectors
            Name of the detector for each gate; None: all gates count the input of the options.

        Raises
        ------
        LimitError
            Too many gates, a gate out of range, an unknown detector, or a number of triggers that the counter
            does not have.
        """
        wanted, inputs = self._wanted(gates, triggers, detectors)
        counters = {"A": self.device.a, "B": self.device.b}
        counting = tuple((name, counters[name]) for name in self._assigned(inputs))
        before, self._armed = self._armed, None  # if anything below fails, all is sent again next time
        self.device.reset()
        if self._unread:
            self.device.spoilt()
        if before != (wanted, triggers, inputs):
            for (name, counter), watched, (delay, width) in zip(counting, inputs, wanted, strict=True):
                if self._inputs.pop(name, 0) != watched:
                    counter.input = f"input {watched}"
                self._inputs[name] = watched
                counter.gate_delay = nearest_gate_time(delay)
                counter.gate_width = nearest_gate_time(width)
            self.device.preset = triggers
        self._unread = True
        self.device.start()
        self._counting, self._armed = counting, (wanted, triggers, inputs)

    def is_done(self) -> bool:
        """Return whether all triggers of the armed count have come."""
        name, _ = (self._counting or self._counters)[0]
        return self.device.count(name) >= 0

    def counts(self) -> NDArray[np.int64]:
        """Return the counts of the finished count, shape (gates,).

        Raises
        ------
        DeviceError
            The count is not finished, a counter ran over, or triggers were missed.
        """
        found = [self.device.count(name) for name, _ in self._counting]
        if not found or min(found) < 0:
            raise self._unfinished()
        spoilt = self.device.spoilt()
        self._unread = False
        if spoilt & RATE_ERROR:
            raise DeviceError(
                f"{self.device.name}: wanted every trigger in the count, but one came before delay, width "
                "and 1 µs had passed, and was missed (rate error); take gates that end earlier, or a "
                "sequence that lasts longer"
            )
        if spoilt & OVERFLOW or max(found) >= LARGEST_COUNT:
            raise DeviceError(
                f"{self.device.name}: wanted counts below {LARGEST_COUNT + 1}, got an overflow (counters "
                f"show {found}); count over fewer triggers, in shorter gates or with less light"
            )
        return np.array(found, dtype=np.int64)

    def stop(self) -> None:
        """Give up the armed count."""
        self.device.reset()

    def settings(self) -> dict[str, Any]:
        """Return mode, trigger, preset, and every gate and discriminator (s, V), read back."""
        device = self.device
        found: dict[str, Any] = {
            "mode": device.mode,
            "preset_input": device.preset_input,
            "preset": device.preset,
            "trigger_level": device.trigger_level,
            "trigger_slope": device.trigger_slope,
        }
        for name, counter in self._counters:
            found[f"gate_{name}"] = {
                "input": counter.input,
                "delay": counter.gate_delay,
                "width": counter.gate_width,
                "discriminator_level": counter.discriminator_level,
                "discriminator_slope": counter.discriminator_slope,
            }
        return found
