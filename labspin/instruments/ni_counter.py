"""Counters of a National Instruments device as a gated photon counter.

Each gate takes two of the device's counters. One makes the gate, a pulse of its own after every trigger, in
ticks of the device's clock. The other measures that pulse's width with the photon pulses for a clock,
which counts them; it ends by itself after as many gates as were asked for. An X Series device (6321, 6341,
6361 …) has four counters and so two gates, each of which may watch any detector.

Terms and limits are those of the *X Series User Manual* (National Instruments, chapter 7, 'Counters') and of
the documentation of NI-DAQmx; the way of counting is the one of buffered pulse-width measurement.

Quirks:

- Delay and width come in ticks of the fastest clock (10 ns at 100 MHz), widths from two ticks on. Times are
  rounded to ticks; settings tell what was made.
- A pulse cannot begin before two ticks have passed after its trigger: gates open two ticks (20 ns) late. That
  is not corrected for, and the same for all gates.
- A trigger that comes while a gate is being made is missed.
- Gates start to count one after the other, so that they may begin at neighbouring triggers.
- Without 'duplicate count prevention' a gate without a photon would be no gate; with it a photon must last,
  and be apart from the next, by a tick of the clock.
- Every gate of a count is a number in the computer's memory, 4 bytes: hence a most of triggers.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError, IdentityError, InstrumentError, LimitError
from labspin.instruments.daqmx import GatedCount, Task
from labspin.instruments.limits import check_limits, check_whole
from labspin.instruments.ni_device import NIDevice, check_device
from labspin.instruments.photon_counter import PhotonCounterAdapter

__all__ = ["Gate", "NICounter", "NICounterOptions", "NICounters"]

_LEAST_TICKS = 2
_MOST_TICKS = 2**32 - 1
_TRIGGERS = (2, 100_000_000)  # a buffered measurement has two samples at least
_SLOPES = ("rise", "fall")


@dataclass(frozen=True)
class Gate:
    """One gate of a count."""

    source: str  # terminal of the detector, such as "PFI8"
    delay: int  # ticks from the trigger, beyond the least
    width: int  # ticks


class NICounters(NIDevice):
    """Driver of the counters of a device; see the module for its quirks."""

    def __init__(self, connection: Any, name: str = "NI counters", **kwargs: Any) -> None:
        super().__init__(connection, name, **kwargs)
        self._gates: list[Task] = []
        self._counts: list[GatedCount] = []

    def identify(self) -> str:
        """Return maker, model, serial number and version of NI-DAQmx.

        Raises
        ------
        IdentityError
            The device has too few counters for a gate.
        """
        identity = super().identify()
        if len(self.description["counters"]) < 2:
            raise IdentityError(
                f"{self._title}: wanted a device with two counters for each gate (X Series), but "
                f"{identity!r} has {len(self.description['counters'])}; correct the address"
            )
        return identity

    @property
    def timebase(self) -> float:
        """Get the clock in whose ticks gates are made (Hz, float)."""
        return self.description["timebase"]

    def set_up(
        self, gates: Sequence[Gate], *, triggers: int, trigger: str, rising: bool, falling: bool
    ) -> None:
        """Take two counters for each gate: one makes it, one counts in it; release earlier ones.

        Parameters
        ----------
        gates
            The gates; no more than there are pairs of counters.
        triggers
            Number of triggers over which is counted.
        trigger
            Terminal of the trigger, such as ``"PFI0"``.
        rising
            Whether the rising edge of the trigger counts; else the falling one.
        falling
            Whether the falling edge of the detectors' pulses is a photon; else the rising one.
        """
        self.release()
        clock = self._terminal(f"{self.timebase / 1e6:.0f}MHzTimebase")
        counters = self.description["counters"]
        with self._lock:
            try:
                for gate, maker, counter in zip(gates, counters[1::2], counters[::2], strict=False):
                    self._take(
                        gate, maker, counter, clock, triggers, self._terminal(trigger), rising, falling
                    )
            except InstrumentError:
                self.release()
                raise

    def _take(
        self,
        gate: Gate,
        maker: str,
        counter: str,
        clock: str,
        triggers: int,
        trigger: str,
        rising: bool,
        falling: bool,
    ) -> None:
        number = re.sub(r"^.*ctr", "", maker, flags=re.IGNORECASE)
        self._counts.append(
            self._do(
                lambda: self._daqmx.gated_count(
                    counter,
                    source=self._terminal(gate.source),
                    rising=not falling,
                    gate=self._terminal(f"Ctr{number}InternalOutput"),
                    samples=triggers,
                )
            )
        )
        self._gates.append(
            self._do(
                lambda: self._daqmx.gate(
                    maker,
                    timebase=clock,
                    trigger=trigger,
                    rising=rising,
                    delay=gate.delay + _LEAST_TICKS,
                    width=gate.width,
                )
            )
        )

    def start(self) -> None:
        """Begin to count, the gates last: the first gate that is made is counted."""
        with self._lock:
            self.stop()
            for task in (*self._counts, *self._gates):
                self._do(task.start)

    def stop(self) -> None:
        """Stop gates and counts."""
        with self._lock:
            for task in (*self._gates, *self._counts):
                self._do(task.stop)

    def is_done(self) -> bool:
        """Return whether all gates have come."""
        with self._lock:
            return bool(self._counts) and all(self._do(count.is_done) for count in self._counts)

    def totals(self) -> list[int]:
        """Return what was counted in each gate, summed over the triggers."""
        with self._lock:
            return [self._do(count.total) for count in self._counts]

    def release(self) -> None:
        """Stop, and give the counters back."""
        with self._lock:
            tasks = [*self._gates, *self._counts]
            self._gates, self._counts = [], []
            for task in tasks:
                self._do(task.close)

    def safe(self) -> None:
        """Stop counting, and give the counters back."""
        self.release()

    def close(self) -> None:
        """Give the counters back."""
        with contextlib.suppress(InstrumentError):
            self.release()


def _detectors() -> dict[str, str]:
    return {"pl": "PFI8"}


@dataclass(frozen=True, kw_only=True)
class NICounterOptions:
    """What a station file may say about the terminals."""

    detectors: Mapping[str, str] = field(default_factory=_detectors)
    """Name of each detector, and its terminal; the first is the usual one."""
    trigger: str = "PFI12"
    """Terminal of the trigger."""
    trigger_slope: str = "rise"
    """Edge that triggers."""
    detector_slope: str = "rise"
    """Edge of a photon's pulse that counts."""

    def __post_init__(self) -> None:
        if not isinstance(self.detectors, Mapping) or not self.detectors:
            raise ArgumentError(
                f'detectors: wanted names and terminals such as {{ pl = "PFI8" }}, got {self.detectors!r}'
            )
        for name, terminal in {f"detectors.{n}": t for n, t in self.detectors.items()}.items():
            _check_terminal(name, terminal)
        _check_terminal("trigger", self.trigger)
        for name in ("trigger_slope", "detector_slope"):
            if getattr(self, name) not in _SLOPES:
                raise ArgumentError(f"{name}: wanted 'rise' or 'fall', got {getattr(self, name)!r}")


def _check_terminal(name: str, terminal: object) -> None:
    if not isinstance(terminal, str) or not re.fullmatch(r"PFI\d+", terminal):
        raise ArgumentError(f"{name}: wanted a terminal such as 'PFI8', got {terminal!r}")


class NICounter(PhotonCounterAdapter):
    """Counters of a device as a `PhotonCounter`."""

    example = '{{ pl = "PFI8", {} = "PFI9" }}'
    driver: ClassVar[type] = NICounters
    options: ClassVar[type] = NICounterOptions
    device: NICounters
    chosen: NICounterOptions

    def __init__(self, driver: NICounters, options: NICounterOptions | None = None) -> None:
        super().__init__(driver, options)
        self._armed: tuple[tuple[Gate, ...], int] | None = None

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse what is not the name of a device.

        Parameters
        ----------
        address
            Address out of a station file, such as ``"Dev1"``.
        """
        check_device(address)

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return the device's name; its counters are one instrument, its analog inputs others.

        Parameters
        ----------
        address
            Address out of a station file, such as ``"Dev1"``.
        """
        return f"{check_device(address).upper()}/COUNTERS"

    @property
    def max_gates(self) -> int:
        """Get the number of gates after one trigger (dimensionless, int: one for two counters)."""
        return len(self.device.description["counters"]) // 2

    @property
    def detectors(self) -> Mapping[str, str]:
        """Get the terminal of every detector by its name (dimensionless, mapping to words as "PFI8")."""
        return self.chosen.detectors

    @property
    def usual_input(self) -> str:
        """Get the terminal that a gate watches by default (dimensionless, str as "PFI8")."""
        return next(iter(self.chosen.detectors.values()))

    def _wanted(
        self, gates: Sequence[tuple[float, float]], triggers: int, detectors: Sequence[str] | None
    ) -> tuple[tuple[Gate, ...], int]:
        """Return gates and triggers as they will be armed, if they can be."""
        number = check_whole(f"{self.device.name} triggers", triggers, *_TRIGGERS)
        if not 1 <= len(gates) <= self.max_gates:
            raise LimitError(
                f"{self.device.name}: wanted 1 to {self.max_gates} gates, got {len(gates)}; measure the "
                "others in a second count or with a device that has more counters"
            )
        watched = self._watched(gates, detectors)
        made = tuple(self._gate(gate, terminal) for gate, terminal in zip(gates, watched, strict=True))
        return made, number

    def arm(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Begin to count photons in gates after each trigger.

        Parameters
        ----------
        gates
            (delay, width) of each gate after the trigger, s.
        triggers
            Number of triggers over which is counted.
        detectors
            Name of the detector for each gate; None: all gates count the first one of the options.

        Raises
        ------
        LimitError
            Too many gates, a gate out of range, an unknown detector, or a number of triggers out of range.
        """
        wanted, number = self._wanted(gates, triggers, detectors)
        before, self._armed = self._armed, None  # if anything below fails, all is set up again next time
        if before != (wanted, triggers):
            self.device.set_up(
                wanted,
                triggers=number,
                trigger=self.chosen.trigger,
                rising=self.chosen.trigger_slope == "rise",
                falling=self.chosen.detector_slope == "fall",
            )
        self.device.start()
        self._armed = wanted, triggers

    def _gate(self, gate: tuple[float, float], terminal: str) -> Gate:
        tick, name = 1 / self.device.timebase, self.device.name
        longest = (_MOST_TICKS - _LEAST_TICKS) * tick
        delay = check_limits(f"{name} gate delay", gate[0], 0.0, longest, "s")
        width = check_limits(f"{name} gate width", gate[1], _LEAST_TICKS * tick, longest, "s")
        return Gate(terminal, round(delay / tick), round(width / tick))

    def is_done(self) -> bool:
        """Return whether all triggers of the armed count have come."""
        return self._armed is not None and self.device.is_done()

    def counts(self) -> NDArray[np.int64]:
        """Return the counts of the finished count, shape (gates,).

        Raises
        ------
        DeviceError
            The count is not finished.
        """
        if not self.is_done():
            raise self._unfinished()
        return np.array(self.device.totals(), dtype=np.int64)

    def stop(self) -> None:
        """Give up the armed count."""
        self._armed = None
        self.device.release()

    def safe(self) -> None:
        """Stop counting."""
        self.stop()

    def settings(self) -> dict[str, Any]:
        """Return device, clock (Hz), terminals, and every gate of the armed count (s) as it was made."""
        gates, triggers = self._armed or ((), None)
        tick = 1 / self.device.timebase
        found: dict[str, Any] = {
            "identity": self.device.identify(),
            "timebase": self.device.timebase,
            "detectors": dict(self.chosen.detectors),
            "trigger": self.chosen.trigger,
            "trigger_slope": self.chosen.trigger_slope,
            "triggers": triggers,
            "insertion_delay": _LEAST_TICKS * tick,
        }
        for n, gate in enumerate(gates):
            found[f"gate_{n}"] = {
                "terminal": gate.source,
                "delay": gate.delay * tick,
                "width": gate.width * tick,
            }
        return found
