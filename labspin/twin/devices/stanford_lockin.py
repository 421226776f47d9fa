"""What the simulated SR830 and SR860 share: an oscillator, three status registers, and the commands for them.

Neither has an error queue. A command that is wrong sets a bit of ``*ESR?``, an overload or a lost reference
one of ``LIAS?``; each bit stays until it is read, and an enable register lets it into the status byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from labspin.twin.devices.lockin import LockInAmplifier
from labspin.twin.wire import Command, CommandError, Unit, ask, do, one_argument, parse_number
from labspin.twin.wire.commands import Then

__all__ = ["Register", "StanfordLockIn", "arguments", "integer", "status_commands", "whole"]

EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 16, 32, 128  # bits of *ESR
_ERROR, _LIA, _WAITING, _EVENT, _REQUEST = 4, 8, 16, 32, 64  # bits of *STB


@dataclass
class Register:
    """One status register: bits stay set until they are read."""

    value: int = 0
    enable: int = 0

    def read(self, bit: int | None = None) -> int:
        """Return and clear the register, or one bit of it.

        Parameters
        ----------
        bit
            Number of the bit, from 0; None reads the whole register.
        """
        if bit is None:
            value, self.value = self.value, 0
            return value
        value = (self.value >> bit) & 1
        self.value &= ~(1 << bit)
        return value

    @property
    def raised(self) -> bool:
        """Whether a bit is set that is enabled."""
        return bool(self.value & self.enable)


class StanfordLockIn(LockInAmplifier):
    """A lock-in amplifier of Stanford Research Systems; what the models share.

    Options
    -------
    serial, firmware
        As in its identity.
    input_noise
        White noise of the input, V/√Hz.
    """

    terminator: ClassVar = b"\n"
    sensitivities: ClassVar[tuple[float, ...]]

    def power_on(self) -> None:
        """Wake up with the settings that it was left with."""
        self.registers = {"event": Register(POWER_ON), "lia": Register(), "error": Register()}
        self.request_enable = 0

    def report(self, error: CommandError) -> None:
        """Set the bit of the error: this instrument has no error queue.

        Parameters
        ----------
        error
            Number and text of the error.
        """
        self.registers["event"].value |= EXECUTION_ERROR if error.code <= -200 else COMMAND_ERROR

    @property
    def own_frequency(self) -> float:
        """Frequency of the oscillator, Hz."""
        return float(self.state.frequency)

    @property
    def amplitude(self) -> float:
        """Amplitude of the oscillator, V rms."""
        return float(self.state.amplitude)

    @property
    def full_scale(self) -> float:
        """Sensitivity, V rms."""
        return float(self.sensitivities[self.state.sensitivity])

    @property
    def at_rest(self) -> int:
        """Bits of the status byte that say that nothing is under way, for models that have them."""
        return 0

    def status_byte(self) -> int:
        """Return the serial poll status byte."""
        self.update_status()
        value = self.at_rest | (_WAITING if self.next_transmission is not None else 0)
        for name, bit in (("error", _ERROR), ("lia", _LIA), ("event", _EVENT)):
            value |= bit if self.registers[name].raised else 0
        return value | (_REQUEST if value & self.request_enable else 0)

    def clear_status(self) -> None:
        """Clear all registers (``*CLS``), and forget what was noticed before."""
        self.update_status()
        for register in self.registers.values():
            register.value = 0


def arguments(unit: Unit, fewest: int, most: int) -> tuple[str, ...]:
    """Return the arguments of ``unit``; -109 if their number is not allowed.

    Parameters
    ----------
    unit
        One command of a message.
    fewest, most
        Least and greatest number of arguments allowed.
    """
    if not fewest <= len(unit.arguments) <= most:
        raise CommandError(-109, "Missing parameter")
    return unit.arguments


def integer(text: str, low: int, high: int) -> int:
    """Return an argument that is a whole number, such as ``13`` or ``13.000000``; -222 for others.

    Parameters
    ----------
    text
        The argument.
    low, high
        Least and greatest value allowed.
    """
    value = parse_number(text)
    if value != round(value) or not low <= value <= high:
        raise CommandError(-222, "Data out of range")
    return round(value)


def whole(header: str, field: str, low: int, high: int, *, then: Then | None = None) -> Command:
    """Return the line of a setting that is a whole number.

    Parameters
    ----------
    header
        Header of the command; its query is the same with ``?``.
    field
        Name of an attribute of the device's ``state``.
    low, high
        Least and greatest value allowed.
    then
        Called with the device after a change; None calls nothing.
    """

    def write(device: StanfordLockIn, unit: Unit) -> None:
        setattr(device.state, field, integer(one_argument(unit), low, high))
        if then is not None:
            then(device)

    return Command(header, lambda device, unit: str(getattr(device.state, field)), write)


def _bit(text: str, bits: int) -> int:
    bit = round(parse_number(text))
    if not 0 <= bit < bits:
        raise CommandError(-222, "Data out of range")
    return bit


def _register_commands(query: str, enable: str, name: str, bits: int) -> tuple[Command, Command]:
    """Return the lines that read and clear a register (``LIAS? 2``), and of its enable register."""

    def read(device: StanfordLockIn, unit: Unit) -> str:
        device.update_status()
        bit = _bit(one_argument(unit), bits) if unit.arguments else None
        return str(device.registers[name].read(bit))

    def read_enable(device: StanfordLockIn, unit: Unit) -> str:
        value = device.registers[name].enable
        return str((value >> _bit(one_argument(unit), bits)) & 1 if unit.arguments else value)

    def write_enable(device: StanfordLockIn, unit: Unit) -> None:
        register = device.registers[name]
        if len(unit.arguments) == 2:
            bit, flag = _bit(unit.arguments[0], bits), _bit(unit.arguments[1], 2)
            register.enable = register.enable & ~(1 << bit) | flag << bit
            return
        value = round(parse_number(one_argument(unit)))
        if not 0 <= value < 1 << bits:
            raise CommandError(-222, "Data out of range")
        register.enable = value

    return Command(query, ask=read), Command(enable, read_enable, write_enable)


def status_commands(*, lia_bits: int) -> Sequence[Command]:
    """Return the lines of identity, reset and status.

    Parameters
    ----------
    lia_bits
        Number of bits of the register ``LIAS``.
    """

    def status_byte(device: StanfordLockIn, unit: Unit) -> str:
        value = device.status_byte()
        return str((value >> integer(one_argument(unit), 0, 7)) & 1 if unit.arguments else value)

    def request(device: StanfordLockIn, unit: Unit) -> None:
        device.request_enable = integer(one_argument(unit), 0, 255)

    return (
        ask("*IDN?", lambda device: device.identity),
        do("*RST", lambda device: device.reset()),
        do("*CLS", StanfordLockIn.clear_status),
        Command("*STB", ask=status_byte),
        Command("*SRE", lambda device, unit: str(device.request_enable), request),
        *_register_commands("*ESR", "*ESE", "event", 8),
        *_register_commands("LIAS", "LIAE", "lia", lia_bits),
        *_register_commands("ERRS", "ERRE", "error", 8),
    )
