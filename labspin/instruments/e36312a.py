"""Keysight E36312A, a supply of three outputs, as current sources for small magnets.

pymeasure's `KeysightE36312A` has set-points, readings and switches of the outputs. Added here: the error
queue, a lock around each exchange, limits with the 3 % beyond the rating that the instrument has,
over-voltage and over-current protection, what each output regulates, and a way to a safe state that an
inductive load survives.

Quirks, from the *E36300 Series programming guide* (Keysight manual E36311-90008):

- An output holds its voltage unless the load draws the current that is set; a magnet is fed in constant
  current, so the voltage is set to the compliance, and the current is the set-point.
- It only pushes: no negative currents, and the current in a coil dies out by itself.
- A protection that tripped switches its output off, and refuses to switch it on until it is cleared.
- ``CURRent:MODE STEP`` and ``LIST`` (and those of the voltage) put stored levels on the output at a trigger,
  of a pin as well; both are taken back when the supply is connected. Outputs that are coupled are switched
  together (``OUTPut:COUPle:CHANnel``), which is refused.
- Without a channel list a command goes to the output selected at the front panel: every command of this
  driver has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.keysight import KeysightE36312A
from pymeasure.instruments.keysight.keysightE36312A import VoltageChannel

from labspin.errors import ArgumentError, DeviceError
from labspin.instruments.adapter import options_or_defaults
from labspin.instruments.base import GuardedChannel, Opening
from labspin.instruments.invalid import whole
from labspin.instruments.limits import check_limits, on_off
from labspin.instruments.magnet import MagnetAdapter, wait_for_discharge
from labspin.instruments.properties import choice, quantity, switch
from labspin.instruments.refusals import ErrorQueue

__all__ = ["E36312A", "RATINGS", "E36312AMagnet", "E36312AOptions", "SupplyOutput"]

RATINGS: dict[int, tuple[float, float]] = {1: (6.0, 5.0), 2: (25.0, 1.0), 3: (25.0, 1.0)}
"""Rated voltage (V) and current (A) of each output."""

_OVER_RANGE, _PROTECTION = 1.03, 1.1
_RESIDUAL = 0.01  # part of the rated current that counts as none
_PROGRAMS = {"fixed": "FIX", "step": "STEP", "list": "LIST"}
_REGULATES = {0: "nothing", 1: "current", 2: "voltage"}


class SupplyOutput(GuardedChannel, VoltageChannel):  # type: ignore[misc]
    """One output of the supply."""

    parent: E36312A

    voltage_setpoint: float = quantity(
        "VOLT? (@{ch})",
        "VOLT %.6g, (@{ch})",
        """Control the voltage (in constant current: the compliance; V, float from 0 to 6.18 or 25.75).""",
        name="E36312A voltage_setpoint",
        unit="V",
        limits=(0.0, 25.75),
        dynamic=True,
    )

    current_limit: float = quantity(
        "CURR? (@{ch})",
        "CURR %.6g, (@{ch})",
        """Control the current that is not exceeded (A, float from 0 to 5.15 or 1.03).""",
        name="E36312A current_limit",
        unit="A",
        limits=(0.0, 1.03),
        dynamic=True,
    )

    protection_voltage: float = quantity(
        "VOLT:PROT? (@{ch})",
        "VOLT:PROT %.6g, (@{ch})",
        """Control the voltage at which the output switches itself off (V, float to 110 % of the rating).""",
        name="E36312A protection_voltage",
        unit="V",
        limits=(0.0, 27.5),
        dynamic=True,
    )

    current_protection_enabled: bool = switch(
        "CURR:PROT:STAT? (@{ch})",
        "CURR:PROT:STAT %d, (@{ch})",
        """Control whether reaching the current switches the output off (dimensionless, bool).""",
        name="E36312A current_protection_enabled",
    )

    output_enabled: bool = switch(
        "OUTP? (@{ch})",
        "OUTP %d, (@{ch})",
        """Control whether the output is on (dimensionless, bool: True or False).""",
        name="E36312A output_enabled",
    )

    current_program: str = choice(
        "CURR:MODE? (@{ch})",
        "CURR:MODE %s, (@{ch})",
        """Control what moves the current (dimensionless, str: "fixed", "step" or "list").""",
        name="E36312A current_program",
        words=_PROGRAMS,
    )

    voltage_program: str = choice(
        "VOLT:MODE? (@{ch})",
        "VOLT:MODE %s, (@{ch})",
        """Control what moves the voltage (dimensionless, str: "fixed", "step" or "list").""",
        name="E36312A voltage_program",
        words=_PROGRAMS,
    )

    voltage: float = Channel.measurement("MEAS:VOLT? (@{ch})", """Measure the voltage (V, float).""")
    current: float = Channel.measurement("MEAS:CURR? (@{ch})", """Measure the current (A, float).""")

    @property
    def regulates(self) -> str:
        """Get what the output holds (dimensionless, str: "current", "voltage" or "nothing")."""
        condition = self.values("STAT:QUES:INST:ISUM{ch}:COND?", cast=whole)[0]
        return _REGULATES.get(condition & 3, "nothing")

    state_questions: ClassVar[Mapping[str, tuple[str, Callable[[str], object]]]] = {
        "enabled": ("OUTP? (@{ch})", on_off),
        "wanted": ("CURR? (@{ch})", float),
        "flowing": ("MEAS:CURR? (@{ch})", float),
        "overvoltage": ("VOLT:PROT:TRIP? (@{ch})", on_off),
        "overcurrent": ("CURR:PROT:TRIP? (@{ch})", on_off),
    }
    """What tells whether the output follows its set-point."""

    @property
    def is_tripped(self) -> bool:
        """Get whether a protection has switched the output off (dimensionless, bool)."""
        return any(
            self.values(query, cast=on_off)[0]
            for query in ("VOLT:PROT:TRIP? (@{ch})", "CURR:PROT:TRIP? (@{ch})")
        )

    def clear_protection(self) -> None:
        """Let a tripped output be switched on again."""
        self.write("OUTP:PROT:CLE (@{ch})")
        self.check_set_errors()

    def safe(self) -> None:
        """Bring the current to zero, then switch the output off."""
        try:
            self.current_limit = 0.0
            residual = _RESIDUAL * RATINGS[int(self.id)][1]
            title = f"{self.parent.name} output {self.id}"
            wait_for_discharge(title, lambda: self.current, residual=residual, clock=self.parent.clock)
        finally:
            self.output_enabled = False


class E36312A(ErrorQueue, KeysightE36312A):  # type: ignore[misc]
    """Driver of the E36312A; see the module for its quirks."""

    maker = "Keysight"
    models = ("E36312A",)
    takes_several = True

    ch_1 = Instrument.ChannelCreator(SupplyOutput, 1)
    ch_2 = Instrument.ChannelCreator(SupplyOutput, 2)
    ch_3 = Instrument.ChannelCreator(SupplyOutput, 3)

    def __init__(self, adapter: Adapter | str, name: str = "E36312A", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)
        for number, (volts, amperes) in RATINGS.items():
            output = self.channels[number]
            output.voltage_setpoint_values = (0.0, _OVER_RANGE * volts)
            output.current_limit_values = (0.0, _OVER_RANGE * amperes)
            output.protection_voltage_values = (0.0, _PROTECTION * volts)

    coupling: str = choice(
        "OUTP:PAIR?",
        "OUTP:PAIR %s",
        """Control how outputs 2 and 3 are joined (dimensionless, str: "none", "series" or "parallel").""",
        name="E36312A coupling",
        words={"none": "OFF", "series": "SER", "parallel": "PAR"},
    )

    @property
    def switched_together(self) -> tuple[int, ...]:
        """Get which outputs are switched together (dimensionless, tuple of int)."""
        named = {f"CH{number}": (number,) for number in RATINGS}
        words = self.ask("OUTP:COUP:CHAN?").strip().upper().split(",")
        return tuple(number for word in words for number in named.get(word.strip(), ()))

    def safe(self) -> None:
        """Bring every output to zero and switch it off, even if one fails."""
        failures: list[Exception] = []
        for number in RATINGS:
            try:
                self.channels[number].safe()
            except Exception as error:  # noqa: BLE001 - the others come first, then it is raised
                failures.append(error)
        if failures:
            raise failures[0]


@dataclass(frozen=True, kw_only=True)
class E36312AOptions:
    """What a station file may say about the supply."""

    channel: int = 1
    """Output that feeds the magnet: 1 (6 V, 5 A), 2 or 3 (25 V, 1 A)."""
    compliance: float | None = field(default=None, metadata={"unit": "V"})
    """Greatest voltage that the supply may use to drive the current, V; None: leave it as it is."""

    def __post_init__(self) -> None:
        if self.channel not in RATINGS or isinstance(self.channel, bool):
            raise ArgumentError(f"channel: wanted 1, 2 or 3, got {self.channel!r}")
        volts = _OVER_RANGE * RATINGS[self.channel][0]
        if self.compliance is not None and not 0 < self.compliance <= volts:
            raise ArgumentError(
                f"compliance: wanted more than 0 V and at most {volts:g} V, got {self.compliance!r}"
            )


class E36312AMagnet(MagnetAdapter):
    """One output of the E36312A as a `MagnetSupply`; currents are never negative."""

    driver: ClassVar[type] = E36312A
    options: ClassVar[type] = E36312AOptions
    device: E36312A
    chosen: E36312AOptions
    relied_on = (*MagnetAdapter.relied_on, "device.coupling", "output.current_program")

    @classmethod
    def ranges(cls, options: object = None) -> dict[str, tuple[float, float]]:
        """Return the limits of the output, A.

        Parameters
        ----------
        options
            `E36312AOptions`; None: their defaults.
        """
        amperes = RATINGS[options_or_defaults(E36312AOptions, options).channel][1]
        return {"current": (0.0, _OVER_RANGE * amperes)}

    @classmethod
    def place(cls, address: str, options: object = None) -> str:
        """Return what only one instrument may use: here one output, not the whole supply.

        Parameters
        ----------
        address
            Address out of a station file.
        options
            `E36312AOptions`; None: their defaults.
        """
        return (
            f"{cls.canonical_address(address)} output {options_or_defaults(E36312AOptions, options).channel}"
        )

    @property
    def output(self) -> SupplyOutput:
        """Get the output that feeds the magnet (dimensionless, a channel of the driver)."""
        found: SupplyOutput = self.device.channels[self.chosen.channel]
        return found

    def configure(self) -> None:
        """Forget old errors and set the compliance; refuse an output that has tripped."""
        self.device.check_errors()
        if self.device.coupling != "none":
            raise DeviceError(
                f"{self.device.name}: wanted each output by itself, but outputs 2 and 3 are joined in "
                f"{self.device.coupling}; undo that at the front panel, then connect again"
            )
        if len(coupled := self.device.switched_together) > 1 and self.chosen.channel in coupled:
            raise DeviceError(
                f"{self.device.name}: wanted each output by itself, but outputs "
                f"{', '.join(map(str, coupled))} are switched together; undo that at the front panel, then "
                "connect again"
            )
        for program in ("current_program", "voltage_program"):
            if getattr(self.output, program) != "fixed":
                setattr(self.output, program, "fixed")
        if self.output.is_tripped:
            raise DeviceError(
                f"{self.device.name}: output {self.chosen.channel} was switched off by its protection; find "
                "out why, clear it (front panel, or clear_protection() of the driver), then connect again"
            )
        if self.chosen.compliance is not None:
            self.output.voltage_setpoint = self.chosen.compliance

    @property
    def current(self) -> float:
        """Control the current set-point (A, float from 0 to 5.15 or 1.03)."""
        return self.output.current_limit

    @current.setter
    def current(self, value: float) -> None:
        least, greatest = self.ranges(self.chosen)["current"]
        name = f"{self.device.name} current"
        self.output.current_limit = check_limits(name, value, least, greatest, "A")

    def settings(self) -> dict[str, object]:
        """Return set-point (A), current (A), compliance and protection (V), switch and mode, read back."""
        return {
            **super().settings(),
            "protection_voltage": self.output.protection_voltage,
            "regulates": self.output.regulates,
        }
