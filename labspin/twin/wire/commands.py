"""A device's commands as a table: one line a command, over a record of the device's state.

A header is written as manuals write it: ``"[SOURce:]CURRent[:LEVel]"``, capitals for the short form, square
brackets for what may be left out, ``#`` for a number that may end a mnemonic. `Table` finds the line for what
came in. The makers `number`, `switch`, `choice`, `ask` and `do` write the usual lines.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from labspin.twin.wire import parser
from labspin.twin.wire.parser import CommandError, Unit

__all__ = [
    "Command",
    "Table",
    "Then",
    "ask",
    "choice",
    "do",
    "number",
    "one_argument",
    "spelled_words",
    "spellings",
    "switch",
]


class Stateful(Protocol):
    """A device that holds what its commands set in a record."""

    @property
    def state(self) -> object:
        """The record; its fields are the settings."""
        ...


Ask = Callable[[Any, Unit], str]
Do = Callable[[Any, Unit], str | None]
Then = Callable[[Any], None]
"""What is called with the device that a command has changed."""

_TRUE, _FALSE = frozenset({"1", "ON"}), frozenset({"0", "OFF"})


@dataclass(frozen=True)
class Command:
    """One line of the table: what a header does, and what it answers when it asks with ``?``.

    Instruments without ``?`` let ``do`` answer when nothing is to be set.
    """

    header: str
    ask: Ask | None = None
    do: Do | None = None


class Table:
    """Commands by every spelling of their headers.

    Parameters
    ----------
    commands
        Lines; a later one replaces an earlier one of the same spelling.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = tuple(commands)

    @functools.cached_property
    def _by_header(self) -> dict[str, Command]:
        """The lines by every spelling, made when the first device asks: there are thousands."""
        found: dict[str, Command] = {}
        for command in self._commands:
            found.update(dict.fromkeys(spellings(command.header.rstrip("?")), command))
        return found

    @functools.cached_property
    def _numbered(self) -> bool:
        return any("#" in header for header in self._by_header)

    def __contains__(self, header: str) -> bool:
        """Return whether there is a command of this header, in any spelling."""
        return header.upper().rstrip("?") in self._by_header

    def find(self, unit: Unit) -> tuple[Command, Unit]:
        """Return the command for ``unit``, and the unit with the numbers that ended its mnemonics.

        Parameters
        ----------
        unit
            One command of a message.

        Raises
        ------
        CommandError
            -113: there is none.
        """
        command = self._by_header.get(unit.header)
        if command is not None:
            return command, unit
        if self._numbered:
            header, suffixes = parser.without_suffix_numbers(unit.header)
            command = self._by_header.get(header)
            if command is not None:
                return command, Unit(unit.header, unit.query, unit.arguments, suffixes)
        raise CommandError(-113, "Undefined header")


def spellings(header: str) -> list[str]:
    """Return every way to write a header, in upper case.

    ``"OUTPut[:STATe]"`` gives ``OUTP``, ``OUTPUT``, ``OUTP:STAT``, ``OUTP:STATE`` ...

    Parameters
    ----------
    header
        The header in the maker's notation.
    """
    choices = []
    for part in re.findall(r"\[[^\]]*\]|[^\[\]]+", header):
        optional = part.startswith("[")
        forms = _part_forms(part.strip("[]"))
        choices.append(["", *forms] if optional else forms)
    return sorted({"".join(parts).strip(":") for parts in itertools.product(*choices)})


def _part_forms(part: str) -> list[str]:
    nodes = [_node_forms(node) if node else [""] for node in part.split(":")]
    return [":".join(combination) for combination in itertools.product(*nodes)]


def _node_forms(node: str) -> list[str]:
    numbered = node.endswith("#")
    long = node.rstrip("#")
    short = "".join(character for character in long if not character.islower())
    forms = {long.upper(), short}
    return sorted(forms | {f"{form}#" for form in forms} if numbered else forms)


def one_argument(unit: Unit) -> str:
    """Return the only argument of ``unit``; -109 and -108 where there is none, or more.

    Parameters
    ----------
    unit
        One command of a message.
    """
    if not unit.arguments:
        raise CommandError(-109, "Missing parameter")
    if len(unit.arguments) > 1:
        raise CommandError(-108, "Parameter not allowed")
    return unit.arguments[0]


def number(
    header: str,
    field: str,
    *,
    unit: str = "",
    limits: tuple[float, float] | Callable[[Any], tuple[float, float]],
    resolution: float = 0.0,
    form: str = "{:.6g}",
    then: Then | None = None,
) -> Command:
    """Return the line of a numeric setting ``device.state.<field>``.

    Parameters
    ----------
    header, field
        The command, and the field of the state record that holds the value.
    unit
        Unit of the value; other multiples of it are understood.
    limits
        Smallest and largest value, which the words MIN and MAX stand for; -222 outside. A function of the
        device where they depend on other settings.
    resolution
        The value is rounded to a multiple of this, as the instrument does.
    form
        How the query answers.
    then
        Called with the device after the field has changed.
    """

    def limits_of(device: object) -> tuple[float, float]:
        return limits(device) if callable(limits) else limits

    def write(device: Stateful, call: Unit) -> None:
        text, (low, high) = one_argument(call), limits_of(device)
        named = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high}.get(text.upper())
        value = parser.number(text, unit) if named is None else named
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        setattr(device.state, field, round(value / resolution) * resolution if resolution else value)
        if then is not None:
            then(device)

    def read(device: Stateful, call: Unit) -> str:
        if call.arguments:
            low, high = limits_of(device)
            named = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high}.get(one_argument(call).upper())
            if named is None:
                raise CommandError(-108, "Parameter not allowed")
            return form.format(named)
        return form.format(getattr(device.state, field))

    return Command(header, read, write)


def switch(header: str, field: str, *, then: Then | None = None) -> Command:
    """Return the line of a setting that is on or off (``1``, ``0``, ``ON``, ``OFF``), answered 1 or 0.

    Parameters
    ----------
    header
        Header of the command, in the maker's notation.
    field
        Name of a boolean attribute of the device's ``state``.
    then
        Called with the device after a change; None calls nothing.
    """

    def write(device: Stateful, call: Unit) -> None:
        word = one_argument(call).upper()
        if word not in _TRUE and word not in _FALSE:
            word = "1" if round(parser.number(word)) else "0"
        setattr(device.state, field, word in _TRUE)
        if then is not None:
            then(device)

    return Command(header, lambda device, call: "1" if getattr(device.state, field) else "0", write)


def choice(
    header: str,
    field: str,
    words: Sequence[str] | Mapping[str, str],
    *,
    answers: Mapping[str, str] | None = None,
    then: Then | None = None,
) -> Command:
    """Return the line of a setting that is one of ``words``.

    Parameters
    ----------
    header, field
        The command, and the field of the state record that holds the short form of the word.
    words
        As manuals write them (``"VOLTage"``); or a mapping from what is sent to what is held.
    answers
        What the query answers for each; the word itself where left out.
    then
        Called with the device after the field has changed.
    """
    accepted = dict(words) if isinstance(words, Mapping) else spelled_words(words)

    def write(device: Stateful, call: Unit) -> None:
        held = accepted.get(one_argument(call).strip("\"'").upper())
        if held is None:
            raise CommandError(-224, "Illegal parameter value")
        setattr(device.state, field, held)
        if then is not None:
            then(device)

    def read(device: Stateful, call: Unit) -> str:
        held = str(getattr(device.state, field))
        return held if answers is None else answers.get(held, held)

    return Command(header, read, write)


def spelled_words(words: Sequence[str]) -> dict[str, str]:
    """Return the short form of every spelling of words written as in manuals (``"VOLTage"``).

    Parameters
    ----------
    words
        The words.
    """
    return {form: _node_forms(word)[0] if len(word) else word for word in words for form in _node_forms(word)}


def ask(header: str, answer: Callable[[Any], str] | Ask, *, arguments: bool = False) -> Command:
    """Return the line of a query; ``answer`` gets the device (and the unit, if it takes ``arguments``).

    Parameters
    ----------
    header
        Header of the query, in the maker's notation.
    answer
        Called with the device, and also with the unit if ``arguments``; returns the text to send.
    arguments
        Whether the query takes arguments.
    """
    if arguments:
        return Command(header, ask=answer)  # type: ignore[arg-type]

    def read(device: Stateful, call: Unit) -> str:
        if call.arguments:
            raise CommandError(-108, "Parameter not allowed")
        return answer(device)  # type: ignore[call-arg]

    return Command(header, ask=read)


def do(header: str, action: Then) -> Command:
    """Return the line of a command without arguments.

    Parameters
    ----------
    header
        Header of the command, in the maker's notation.
    action
        Called with the device.
    """

    def write(device: Stateful, call: Unit) -> None:
        if call.arguments:
            raise CommandError(-108, "Parameter not allowed")
        action(device)

    return Command(header, do=write)
