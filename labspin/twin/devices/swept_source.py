"""What simulated microwave sources have in common: a carrier that is at rest, or runs through steps.

A source holds one frequency and one power, or goes through *steps* of both, each for its dwell time: again
and again, once a trigger, or one step a trigger. The world gets the whole course at once, so a counter sees
every step for as long as it lasts, whether or not anybody looks. Assumed, after no manual: steps follow each
other without a settling time, and a setting that shapes a sweep restarts it.
"""

from __future__ import annotations

import contextlib
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple, TypedDict

from labspin.twin.message import MessageDevice
from labspin.twin.signal import Staircase
from labspin.twin.wire import (
    Command,
    CommandError,
    Unit,
    choice,
    do,
    number,
    one_argument,
    parse_number,
    switch,
)
from labspin.twin.wire.commands import Then

__all__ = ["Step", "SweptSource", "SweptState", "numbers", "sweep_lines"]

_MOST_LISTED = 65_536
_MICROVOLTS = 10 * math.log10(50 * 1e-3 / 1e-12)  # dBuV of 0 dBm at 50 ohm


class Step(NamedTuple):
    """One step of a sweep or of a list."""

    frequency: float  # Hz
    power: float  # dBm
    dwell: float  # s


@dataclass
class SweptState:
    """Settings that every source has."""

    frequency: float = 1e9  # Hz
    power: float = -30.0  # dBm
    enabled: bool = False
    phase: float = 0.0  # degrees
    frequency_mode: str = "CW"  # CW, FIX, SWE or LIST
    power_mode: str = "FIX"  # CW, FIX, SWE or LIST
    start: float = 100e6  # Hz
    stop: float = 500e6  # Hz
    power_start: float = -30.0  # dBm
    power_stop: float = -10.0  # dBm
    dwell: float = 10e-3  # s
    spacing: str = "LIN"
    listed: dict[str, tuple[float, ...]] = field(default_factory=dict)
    frequency_offset: float = 0.0  # Hz, added to what is shown of the carrier
    multiplier: float = 1.0  # of what is shown of the carrier
    power_offset: float = 0.0  # dB, added to what is shown of the power
    power_unit: str = "DBM"  # of powers that are answered, or sent without a unit


class SweptSource(MessageDevice):
    """A source whose ports ``frequency`` and ``power`` drive the world's signals.

    The power is ``-inf`` while the output is off.
    """

    ports: ClassVar = {"frequency": "signal", "power": "signal"}
    default_wiring: ClassVar = {"frequency": "microwave.frequency", "power": "microwave.power"}
    state: SweptState
    lost_lock = not_levelled = False  # faults
    _run: Staircase | None = None  # of the numbers of the steps
    _steps: Sequence[Step] = ()
    _at = 0

    @property
    @abstractmethod
    def frequency_limits(self) -> tuple[float, float]:
        """Least and greatest frequency, Hz."""

    @property
    @abstractmethod
    def power_limits(self) -> tuple[float, float]:
        """Least and greatest power, dBm."""

    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """Return the steps of the sweep or list that is selected; none while the carrier is at rest."""

    @property
    @abstractmethod
    def free_running(self) -> bool:
        """Whether the steps follow each other without triggers, again and again."""

    @property
    @abstractmethod
    def single_steps(self) -> bool:
        """Whether a trigger makes one step, not a whole pass."""

    @property
    def retraces(self) -> bool:
        """Whether the output goes back to the first step after a single pass."""
        return False

    def apply(self) -> None:
        """Put the settings on the output; a sweep restarts.

        Raises
        ------
        CommandError
            A list cannot be run; the carrier is at rest.
        """
        self._steps, self._at, self._run = (), 0, None
        try:
            self._steps = self.steps()
        finally:
            if self._steps and self.free_running:
                self._begin(repeat=True)
            self._emit()

    def switched(self) -> None:
        """Follow the switch of the output; a sweep of frequency continues."""
        power = self._now().power if self.state.enabled else -math.inf
        if self._run is None or len({step.power for step in self._steps}) == 1:
            self.drive("power", power)
        else:
            self.apply()

    def trigger(self) -> None:
        """Take a trigger: begin a pass, or make a step, if the source waits for one."""
        if not self._steps or self.free_running:
            return
        if self.single_steps:
            self._at = (self._at + 1) % len(self._steps)
        else:
            self._begin(repeat=False)
        self._emit()

    def restart(self) -> None:
        """Go back to the first step."""
        self.apply()

    def unlock(self) -> None:
        """Let the synthesiser lose lock, until ``lost_lock`` is taken back."""
        self.lost_lock = True

    def unlevel(self) -> None:
        """Let the output be unlevelled, until ``not_levelled`` is taken back."""
        self.not_levelled = True

    def questionable(self) -> str:
        """Return what is questionable now: bit 3 the power, bit 5 the frequency (SCPI-1999, 20.1)."""
        return str(8 * self.not_levelled | 32 * self.lost_lock)

    def shown(self, name: str, value: float) -> float:
        """Return the displayed value of a frequency or power at the output: multiplied, with its offset.

        Parameters
        ----------
        name
            ``"power"``; any other name is a frequency.
        value
            Value at the output, Hz or dBm.
        """
        state = self.state
        if name == "power":
            return value + state.power_offset
        return value * state.multiplier + state.frequency_offset

    def take_carrier(self, name: str) -> None:
        """Apply a carrier that was set as it is displayed.

        Parameters
        ----------
        name
            ``"power"``; any other name is the frequency.
        """
        state, value = self.state, getattr(self.state, name)
        if name == "power":
            state.power = value - state.power_offset
        else:
            state.frequency = (value - state.frequency_offset) / state.multiplier
        self.apply()

    @property
    def sweeping(self) -> bool:
        """Whether a pass is under way."""
        return self._run is not None and self.world.clock.now() < self._run.settled

    def present_frequency(self) -> float:
        """Return the frequency at the output now, Hz."""
        return self._now().frequency

    def present_power(self) -> float:
        """Return the power at the output now, were it on, dBm."""
        return self._now().power

    def _now(self) -> Step:
        if not self._steps:
            return Step(self.state.frequency, self.state.power, 0.0)
        if self._run is not None:
            return self._steps[int(self._run.value(self.world.clock.now()))]
        return self._steps[self._at]

    def _begin(self, *, repeat: bool) -> None:
        ends, elapsed = [], 0.0
        for step in self._steps:
            elapsed += step.dwell
            ends.append(elapsed)
        self._at = 0 if self.retraces else len(ends) - 1
        numbers = tuple(float(n) for n in range(len(ends)))
        self._run = Staircase(self.world.clock.now(), numbers, tuple(ends), repeat, float(self._at))

    def _emit(self) -> None:
        run, on = self._run, self.state.enabled
        if run is None:
            step = self._now()
            self.drive("frequency", step.frequency)
            self.drive("power", step.power if on else -math.inf)
            return
        dwells = [step.dwell for step in self._steps]
        powers = [step.power if on else -math.inf for step in self._steps]
        self._sweep("frequency", [step.frequency for step in self._steps], dwells, run.repeat)
        if len(set(powers)) == 1:
            self.drive("power", powers[0])
        else:
            self._sweep("power", powers, dwells, run.repeat)

    def _sweep(self, port: str, values: Sequence[float], dwells: Sequence[float], repeat: bool) -> None:
        signal = self.wiring.get(port)
        if signal is not None:
            self.world.sweep(signal, values, dwells, final=None if repeat else values[self._at])

    def listed_steps(self, dwells: Sequence[float]) -> list[Step]:
        """Return the steps of the list; a power or a dwell given once holds for all.

        Parameters
        ----------
        dwells
            Length of each step, s, or one for all.

        Raises
        ------
        CommandError
            -226: the lists are of different length, or there is none.
        """
        frequencies = self.state.listed.get("frequency", ())
        powers = self.state.listed.get("power", ()) or (self.state.power,)
        count = len(frequencies)
        if not count or len(powers) not in (1, count) or len(dwells) not in (1, count):
            raise CommandError(-226, "Lists not same length")
        each = ((part * count if len(part) == 1 else part) for part in (powers, tuple(dwells)))
        return [Step(*parts) for parts in zip(frequencies, *each, strict=True)]


def numbers(
    header: str,
    name: str,
    *,
    unit: str,
    limits: Callable[[SweptSource], tuple[float, float]],
    form: str = "{:.12g}",
    then: Then | None = None,
) -> Command:
    """Return the line of a list of numbers, held in ``device.state.listed[name]``.

    Parameters
    ----------
    header
        Header of the command; its query is the same with ``?``.
    name
        Key of ``device.state.listed``.
    unit
        Unit of numbers that are sent without one, and to which a sent one must belong.
    limits
        Called with the device; returns least and greatest value allowed.
    form
        Format of one number of the answer.
    then
        Called with the device after a change; None calls nothing.
    """

    def write(device: SweptSource, call: Unit) -> None:
        if not call.arguments:
            raise CommandError(-109, "Missing parameter")
        values = tuple(parse_number(text, unit) for text in call.arguments[:_MOST_LISTED])
        low, high = limits(device)
        if not all(low <= value <= high for value in values):
            raise CommandError(-222, "Data out of range")
        device.state.listed[name] = values
        if then is not None:
            then(device)

    def read(device: SweptSource, call: Unit) -> str:
        return ",".join(form.format(value) for value in device.state.listed.get(name, ())) or "0"

    return Command(header, read, write)


class _Range(TypedDict):
    """Unit, limits and form of a number, as `number` takes them."""

    unit: str
    limits: Callable[[SweptSource], tuple[float, float]]
    resolution: float
    form: str


def sweep_lines(form: str, resolution: float) -> tuple[Command, ...]:
    """Return the lines that sources share: output, power, and where sweeps begin and end.

    Parameters
    ----------
    form
        How numbers are answered.
    resolution
        Resolution of frequencies, Hz.
    """
    hertz: _Range = {"unit": "Hz", "limits": _frequencies, "resolution": resolution, "form": form}
    level: _Range = {"unit": "dBm", "limits": _powers, "resolution": 0.01, "form": form}
    amplitude = "[:LEVel][:IMMediate][:AMPLitude]"
    return (
        number("[SOURce#:]FREQuency:STARt", "start", **hertz, then=SweptSource.apply),
        number("[SOURce#:]FREQuency:STOP", "stop", **hertz, then=SweptSource.apply),
        _middle("[SOURce#:]FREQuency:CENTer", form, span=False),
        _middle("[SOURce#:]FREQuency:SPAN", form, span=True),
        _carrier("[SOURce#:]FREQuency[:CW]", "frequency", SweptSource.present_frequency, hertz),
        _carrier("[SOURce#:]FREQuency:FIXed", "frequency", SweptSource.present_frequency, hertz),
        _carrier(f"[SOURce#:]POWer{amplitude}", "power", SweptSource.present_power, level),
        number("[SOURce#:]POWer:STARt", "power_start", **level, then=SweptSource.apply),
        number("[SOURce#:]POWer:STOP", "power_stop", **level, then=SweptSource.apply),
        number("[SOURce#:]FREQuency:OFFSet", "frequency_offset", unit="Hz", limits=(-67e9, 67e9), form=form),
        number("[SOURce#:]FREQuency:MULTiplier", "multiplier", limits=(0.001, 10_000), form=form),
        number(
            "[SOURce#:]POWer[:LEVel][:IMMediate]:OFFSet",
            "power_offset",
            unit="dB",
            limits=(-200, 200),
            form=form,
        ),
        choice("UNIT:POWer", "power_unit", ("V", "DBUV", "DBM")),
        switch("OUTPut#[:STATe]", "enabled", then=SweptSource.switched),
        do("*TRG", SweptSource.trigger),
    )


def _frequencies(device: SweptSource) -> tuple[float, float]:
    return device.frequency_limits


def _powers(device: SweptSource) -> tuple[float, float]:
    return device.power_limits


def _carrier(header: str, name: str, present: Callable[[SweptSource], float], how: _Range) -> Command:
    """Return the line of the carrier; while it is swept, the query answers where it is."""
    line = number(header, name, **how, then=lambda device: device.take_carrier(name))

    def read(device: SweptSource, call: Unit) -> str:
        if call.arguments and line.ask is not None:
            return line.ask(device, call)
        value = device.shown(name, present(device))
        return str(how["form"].format(_in_unit(value, device.state.power_unit) if name == "power" else value))

    def write(device: SweptSource, call: Unit) -> None:
        if name == "power" and device.state.power_unit != "DBM":
            with contextlib.suppress(ValueError):  # with a unit of its own, or a word
                value = _from_unit(float(one_argument(call)), device.state.power_unit)
                call = replace(call, arguments=(f"{value:.6f}",))
        if line.do is not None:
            line.do(device, call)

    return Command(header, read, write)


def _in_unit(power: float, unit: str) -> float:
    """Return a power in dBm in another unit, at 50 ohm."""
    if unit == "DBUV":
        return power + _MICROVOLTS
    return 10 ** ((power + _MICROVOLTS) / 20 - 6) if unit == "V" else power


def _from_unit(value: float, unit: str) -> float:
    """Return a power in another unit in dBm, at 50 ohm."""
    if unit == "DBUV":
        return value - _MICROVOLTS
    return 20 * (math.log10(value) + 6) - _MICROVOLTS if unit == "V" else value


def _middle(header: str, form: str, *, span: bool) -> Command:
    """Return the line of centre or span, which are start and stop in other words."""

    def write(device: SweptSource, call: Unit) -> None:
        value = parse_number(one_argument(call), "Hz")
        state, (low, high) = device.state, device.frequency_limits
        centre = 0.5 * (state.start + state.stop) if span else value
        half = 0.5 * (value if span else state.stop - state.start)
        if not (low <= centre - half <= high and low <= centre + half <= high):
            raise CommandError(-222, "Data out of range")
        state.start, state.stop = centre - half, centre + half
        device.apply()

    def read(device: SweptSource, call: Unit) -> str:
        state = device.state
        return form.format(state.stop - state.start if span else 0.5 * (state.start + state.stop))

    return Command(header, read, write)
