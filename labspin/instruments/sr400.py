"""Stanford Research Systems SR400, a gated photon counter with two counters.

Commands and ranges follow the manual, *Model SR400 Gated Photon Counter*, revision 2.7 (11/2018), 'Detailed
Command List', pages 39 to 47.

Quirks:

- It knows no ``*IDN?``. It is recognised by plausible answers to ``CM``, ``NP`` and ``NE``.
- A preset has one significant digit (``CP2,12`` sets 10): it counts over 1 … 9 times a power of ten triggers,
  and nothing else. Other numbers are refused here, for a count over fewer triggers than thought is a wrong
  count.
- Counter T begins a period with the first trigger and ends it with the (N+1)th: N + 1 triggers are needed for
  N gates (page 12), so the pulse generator has to go on playing until `is_done`.
- A trigger that comes before delay, width and 1 µs have passed is missed. A gate of delay zero opens 25 ns
  after the trigger; that is not corrected for.
- Gate times have four digits, coarser above 2048 (`nearest_gate_time`); the counter rounds silently. Settings
  are read back for the snapshot.
- ``SS`` clears the bits that it reads, so that a lost answer would lose the end of a count. Whether a
  count is finished is read from the scan buffer instead: ``QA1`` is -1 until the first period is complete,
  and can be asked again.
- The buffer is emptied when a count starts, and a reset discards it.
- Counters hold nine digits. That one ran over is told by a bit of the status byte (``SS3``), which stays set
  until it is read, or by its value; it is an error here, for it would pass for a contrast.
- Pulses of a TTL detector exceed its ±300 mV input range; an attenuator is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError, ReplyError
from labspin.instruments.base import GuardedChannel, LabspinInstrument
from labspin.instruments.invalid import whole
from labspin.instruments.limits import check_limits
from labspin.instruments.photon_counter import PhotonCounterAdapter
from labspin.instruments.properties import choice, quantity, whole_number

__all__ = ["SR400", "GatedCounter", "SR400Counter", "SR400Options", "nearest_gate_time"]

_DELAYS = (0.0, 999.2e-3)
_WIDTHS = (5e-9, 999.2e-3)
_PRESETS = (1, 9e11)
_LARGEST_COUNT = 999_999_999
_SLOPES = {"rise": 0, "fall": 1}
_GATE_MODES = {"open": 0, "fixed": 1, "scan": 2}
_MODES = {"A,B for T": 0, "A-B for T": 1, "A+B for T": 2, "A for B": 3}
_INPUTS = {"10 MHz": 0, "input 1": 1, "input 2": 2, "trigger": 3}


class GatedCounter(GuardedChannel):
    """Counter A (id 0) or B (id 1) with its gate and discriminator."""

    input: str = choice(
        "CI{ch}",
        "CI{ch},%d",
        """Control what is counted (dimensionless, str: "10 MHz", "input 1", "input 2" or "trigger").""",
        name="SR400 input",
        words=_INPUTS,
        checked=False,
    )
    gate_mode: str = choice(
        "GM{ch}",
        "GM{ch},%d",
        """Control the gate (dimensionless, str: "open", "fixed" or "scan").""",
        name="SR400 gate_mode",
        words=_GATE_MODES,
        checked=False,
    )
    gate_delay: float = quantity(
        "GD{ch}",
        "GD{ch},%.4G",
        """Control the delay of the gate after the trigger (s, float from 0 to 0.9992).""",
        name="SR400 gate_delay",
        unit="s",
        limits=_DELAYS,
        checked=False,
    )
    gate_width: float = quantity(
        "GW{ch}",
        "GW{ch},%.4G",
        """Control the width of the gate (s, float from 5 ns to 0.9992 s).""",
        name="SR400 gate_width",
        unit="s",
        limits=_WIDTHS,
        checked=False,
    )
    discriminator_level: float = quantity(
        "DL{ch}",
        "DL{ch},%.4f",
        """Control the discriminator's threshold (V, float from -0.3 to 0.3, in steps of 0.2 mV).""",
        name="SR400 discriminator_level",
        unit="V",
        limits=(-0.3, 0.3),
        checked=False,
    )
    discriminator_slope: str = choice(
        "DS{ch}",
        "DS{ch},%d",
        """Control the edge that is counted (dimensionless, str: "rise" or "fall").""",
        name="SR400 discriminator_slope",
        words=_SLOPES,
        checked=False,
    )


class SR400(LabspinInstrument):
    """Driver of the SR400; see the module for its quirks."""

    asked_once = frozenset({"SS", "SS3", "SI"})
    # Records end with a carriage return on the serial port; on GPIB they end with the bus's own END.
    terminations: ClassVar[Mapping[str, Any]] = {
        "asrl": {"read_termination": "\r", "write_termination": "\r"},
        "tcpip": {"read_termination": "\r", "write_termination": "\r"},
        "gpib": {"write_termination": "\n"},
    }

    a = Instrument.ChannelCreator(GatedCounter, 0)
    b = Instrument.ChannelCreator(GatedCounter, 1)

    def __init__(self, adapter: Adapter | str, name: str = "SR400", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)
        self._marks = 0

    def _marker(self) -> tuple[str, Callable[[str], bool]]:
        # There is no *IDN?. The scan step of gate B acts on nothing in a fixed gate, and takes a number that
        # no other answer is.
        self._marks = self._marks % 999 + 1
        step = 1e-3 + self._marks * 1e-6
        self.adapter.write(f"GY1,{step:.3E}")

        def is_answer(reply: str) -> bool:
            try:
                return abs(float(reply) - step) < 0.5e-6
            except ValueError:
                return False

        return "GY1", is_answer

    mode: str = choice(
        "CM",
        "CM%d",
        """Control the counting mode (dimensionless, str such as "A,B for T" or "A for B").""",
        name="SR400 mode",
        words=_MODES,
        checked=False,
    )
    preset_input: str = choice(
        "CI2",
        "CI2,%d",
        """Control what counter T counts (dimensionless, str: "10 MHz", "input 2" or "trigger").""",
        name="SR400 preset_input",
        words={name: _INPUTS[name] for name in ("10 MHz", "input 2", "trigger")},
        checked=False,
    )
    preset: float = Instrument.control(
        "CP2",
        "CP2,%.0E",
        """Control the count of T at which a period ends (dimensionless, 1 to 9E11, one digit).""",
        validator=lambda value, values: check_preset(value),
        values=_PRESETS,
    )
    periods: int = whole_number(
        "NP",
        "NP%d",
        """Control the number of periods in a scan (dimensionless, int from 1 to 2000).""",
        name="SR400 periods",
        limits=(1, 2000),
        checked=False,
    )
    end_mode: str = choice(
        "NE",
        "NE%d",
        """Control what follows a scan (dimensionless, str: "stop" or "start").""",
        name="SR400 end_mode",
        words={"stop": 0, "start": 1},
        checked=False,
    )
    trigger_level: float = quantity(
        "TL",
        "TL%.3f",
        """Control the threshold of the trigger input (V, float from -2 to 2, in steps of 1 mV).""",
        name="SR400 trigger_level",
        unit="V",
        limits=(-2.0, 2.0),
        checked=False,
    )
    trigger_slope: str = choice(
        "TS",
        "TS%d",
        """Control the edge that triggers (dimensionless, str: "rise" or "fall").""",
        name="SR400 trigger_slope",
        words=_SLOPES,
        checked=False,
    )

    def start(self) -> None:
        """Start counting; the scan buffer is emptied."""
        self.write("CS")

    def reset(self) -> None:
        """Stop counting and clear counters and scan buffer."""
        self.write("CR")

    def count(self, counter: str, period: int = 1) -> int:
        """Return what a counter counted in a period, or -1 if the period is not complete.

        Parameters
        ----------
        counter
            ``"A"`` or ``"B"``.
        period
            Number of the period, from 1.
        """
        return int(self.values(f"Q{counter}{period}", cast=whole)[0])

    def overflowed(self) -> bool:
        """Return whether a counter has run over since the last question, and forget it."""
        return bool(self.values("SS3", cast=bool)[0])

    def identify(self) -> str:
        """Return maker and model if the answers are those of an SR400.

        Raises
        ------
        IdentityError
            Another instrument answers.
        """
        retries, self.retries = self.retries, 0  # what another instrument answers is not worth asking again
        try:
            if 1 <= self.periods <= 2000 and self.mode in _MODES and self.end_mode in ("stop", "start"):
                return "Stanford Research Systems,SR400 (knows no *IDN?)"
        except ReplyError as error:
            raise IdentityError(
                f"{self._title}: wanted an SR400, but the replies are not those of one: {error}"
            ) from error
        finally:
            self.retries = retries
        raise IdentityError(f"{self._title}: wanted an SR400, but NP answers a number out of its range")

    def safe(self) -> None:
        """Stop counting."""
        self.reset()


def nearest_gate_time(value: float) -> float:
    """Return the gate time nearest to ``value`` that the SR400 can make, s.

    Four digits down to 1 ns; the fourth goes in steps of 1, 2, 4 or 8 from 1000, 2048, 4096 and 8192 on
    (manual, page 42).

    Parameters
    ----------
    value
        The time that is wanted, s.
    """
    if value <= 0:
        return 0.0
    decade = max(-9, math.floor(math.log10(value) + 1e-12) - 3)
    digits = value / 10.0**decade
    step = 1 if digits < 2048 else 2 if digits < 4096 else 4 if digits < 8192 else 8
    if decade == -9 and digits < 1000:
        step = 1
    return float(f"{round(digits / step) * step}e{decade}")


def check_preset(value: float) -> float:
    """Return ``value`` if it is a whole number with one significant digit, from 1 to 9E11.

    Raises
    ------
    LimitError
        It is not; the text names the neighbours.
    """
    number = check_limits("SR400 preset", value, *_PRESETS)
    decade = 10 ** math.floor(math.log10(number) + 1e-12)
    digit = number / decade
    if digit != round(digit):
        below = math.floor(digit) * decade
        raise LimitError(
            f"SR400 preset: wanted a whole number with one significant digit, got {value!r}; "
            f"take {below:.15g} or {below + decade:.15g}"
        )
    return number


@dataclass(frozen=True, kw_only=True)
class SR400Options:
    """What a station file may say about the counter and what is plugged into it."""

    input: int = 1
    """Input that the gates watch unless told otherwise: 1 (both gates may), or 2 (gate B alone)."""
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
            if getattr(self, name) not in _SLOPES:
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
        self._armed: tuple[Any, ...] | None = None
        self._unread = True  # there may have been a count whose overflow nobody asked about
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
        """Get the input that a gate watches unless told otherwise (dimensionless, int: 1 or 2)."""
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
            check_limits(f"{self.device.name} gate delay", delay, *_DELAYS, "s")
            check_limits(f"{self.device.name} gate width", width, *_WIDTHS, "s")
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
            self.device.overflowed()
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
            The count is not finished, or a counter ran over.
        """
        found = [self.device.count(name) for name, _ in self._counting]
        if not found or min(found) < 0:
            raise self._unfinished()
        overflowed = self.device.overflowed() or max(found) >= _LARGEST_COUNT
        self._unread = False
        if overflowed:
            raise DeviceError(
                f"{self.device.name}: wanted counts below {_LARGEST_COUNT + 1}, got an overflow (counters "
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
