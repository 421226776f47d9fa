"""Instruments that are spoken to in lines of commands.

A concrete instrument is a state record, a `Table` with one line a command, and a few functions for what it
does to the world. The order of replies is never lost: each command that asks and is understood answers once;
commands that are wrong answer nothing, and are reported as the instrument would report them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from labspin.twin.device import SimulatedDevice
from labspin.twin.wire import (
    Command,
    CommandError,
    Dialect,
    MessageBuffer,
    Status,
    Table,
    Unit,
    ask,
    do,
    one_argument,
    parse_number,
    split_units,
)
from labspin.twin.world import World

__all__ = ["COMMON_COMMANDS", "SCPI_COMMANDS", "MessageDevice"]


class MessageDevice(SimulatedDevice):
    """An instrument that reads lines of commands and answers in lines.

    Class attributes
    ----------------
    dialect
        How its commands are written.
    table
        Its commands.
    terminator
        What ends a line it sends.
    separator
        Separator between the answers to several queries in one line.
    no_query, no_setting
        Number and text of the error when what can only be set is asked, and the other way round.
    """

    dialect: ClassVar[Dialect] = Dialect()
    table: ClassVar[Table]
    terminator: ClassVar[bytes] = b"\n"
    separator: ClassVar[str] = ";"
    no_query: ClassVar[tuple[int, str]] = (-113, "Undefined header")
    no_setting: ClassVar[tuple[int, str]] = (-113, "Undefined header")
    greeting: bytes = b""
    """What a client that connects over a network is greeted with."""
    state: Any

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        super().__init__(world, wiring=wiring, **options)
        self.status = Status()
        self._incoming = MessageBuffer(blocks=self.dialect.blocks)
        self.power_on()

    @abstractmethod
    def power_on(self) -> None:
        """Go to the state in which the instrument wakes up, outputs included."""

    def reset(self) -> None:
        """Go to the state of ``*RST``; the power-on state, unless the instrument says otherwise."""
        self.power_on()

    def recall(self, state: Any) -> None:
        """Set the settings to saved ones, as ``*RCL`` does; the outputs follow.

        Parameters
        ----------
        state
            Settings of this device, of the class of its ``state``.
        """
        self.state = state
        apply = getattr(self, "apply", None)
        if apply is not None:
            apply()

    @property
    @abstractmethod
    def true_identity(self) -> str:
        """What the instrument answers to ``*IDN?``."""

    @property
    def identity(self) -> str:
        """What the instrument says it is."""
        return self.true_identity if self.false_identity is None else self.false_identity

    def receive(self, data: bytes) -> None:
        """Take bytes from the wire; execute the messages that are complete.

        Parameters
        ----------
        data
            Bytes that the driver sent: parts of messages, or several.
        """
        with self.world.lock:
            if self.dropped:
                raise self._dropped_error()
            for message in self._incoming.feed(data):
                self._exchange(message, self._execute)
            if self._incoming.overrun:
                self._incoming.clear()
                self.report(CommandError(-363, "Input buffer overrun"))

    def connect(self) -> None:
        """Open the connection (again); half a message that had come in is forgotten."""
        with self.world.lock:
            super().connect()
            self._incoming.clear()

    def report(self, error: CommandError) -> None:
        """Record an error as the instrument does.

        Parameters
        ----------
        error
            Number and text of the error.
        """
        self.status.report(error)

    def _execute(self, message: str) -> bytes:
        answers = []
        for unit in split_units(message, self.dialect):
            try:
                answer = self._obey(unit)
            except CommandError as error:
                self.report(error)
                if self.dialect.stops_at_error:
                    break
            else:
                if answer is not None:
                    answers.append(answer)
        if not answers:
            return b""
        return self.separator.join(answers).encode("latin-1", "replace") + self.terminator

    def _obey(self, unit: Unit | CommandError) -> str | None:
        if isinstance(unit, CommandError):
            raise CommandError(unit.code, unit.text)
        command, unit = self.table.find(unit)
        if unit.query:
            if command.ask is None:
                raise CommandError(*self.no_query)
            return command.ask(self, unit)
        if command.do is None:
            raise CommandError(*self.no_setting)
        return command.do(self, unit)


def _mask(header: str, register: str) -> Command:
    def write(device: MessageDevice, unit: Unit) -> None:
        value = round(parse_number(one_argument(unit)))
        if not 0 <= value <= 255:
            raise CommandError(-222, "Data out of range")
        setattr(device.status, register, value)

    return Command(header, lambda device, unit: str(getattr(device.status, register)), write)


def _operation_complete(device: MessageDevice, unit: Unit) -> None:
    if unit.arguments:
        raise CommandError(-108, "Parameter not allowed")
    device.status.events |= 1


def _next_error(device: MessageDevice) -> str:
    code, text = device.status.next_error() or (0, "No error")
    return f'{code},"{text}"'


def _status_byte(device: MessageDevice) -> str:
    return str(device.status.byte(device.next_transmission is not None))


COMMON_COMMANDS: tuple[Command, ...] = (
    ask("*IDN?", lambda device: device.identity),
    ask("*ESR?", lambda device: str(device.status.read_events())),
    ask("*STB?", _status_byte),
    ask("*TST?", lambda device: "0"),
    Command("*OPC", lambda device, unit: "1", _operation_complete),
    _mask("*ESE", "event_enable"),
    _mask("*SRE", "request_enable"),
    do("*CLS", lambda device: device.status.clear()),
    do("*RST", lambda device: device.reset()),
    do("*WAI", lambda device: None),
)
"""The commands of IEEE 488.2 that every instrument has."""

SCPI_COMMANDS: tuple[Command, ...] = (
    *COMMON_COMMANDS,
    ask("SYSTem:ERRor[:NEXT]?", _next_error),
    ask("SYSTem:VERSion?", lambda device: "1999.0"),
)
"""The commands that every SCPI instrument has."""
