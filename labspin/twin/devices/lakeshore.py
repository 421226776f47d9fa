"""What Lake Shore's instruments share: lines without a tree, settings by output or input, and their numbers.

A command is a word, a space, and arguments separated by commas: first what it is about (an input, an
output), then the values. The query with the same first argument answers the values in the same order. There
is no error queue: a wrong command sets a bit of the event status register (``*ESR?``) and is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from labspin.twin.wire import Command, CommandError, Dialect, Unit, parse_number
from labspin.twin.wire.commands import Stateful, Then

__all__ = ["DIALECT", "Column", "keyed", "plain", "real", "scientific", "six_digits", "text", "whole"]

DIALECT = Dialect(paths=False)

_LARGEST, _LEAST = 999_999.0, 1e-97


def scientific(value: float) -> str:
    """Return ``value`` as these instruments send it, six digits in the form ``±nnn.nnnE±nn``.

    Parameters
    ----------
    value
        Number to send.
    """
    if not _LEAST <= abs(value) < math.inf:
        return "+000.000E+00"
    mantissa, _, exponent = f"{value:+.5e}".partition("e")
    digits = mantissa.replace(".", "")
    return f"{digits[:4]}.{digits[4:]}E{int(exponent) - 2:+03d}"


def six_digits(value: float) -> str:
    """Return ``value`` as these instruments send it: a sign and six digits, such as ``+4.20000``.

    Parameters
    ----------
    value
        Number to send; its size is limited to what six digits can show.
    """
    size = min(abs(value), _LARGEST)
    before = len(str(int(size + 0.5 * 10.0 ** -(6 - len(str(int(size)))))))
    written = f"{size:.{6 - before}f}"
    return ("-" if value < 0 and float(written) else "+") + written


Value: TypeAlias = int | float | str
"""One value of a setting, as it is held."""
Values: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True)
class Column:
    """One value of a setting: how it is read, and how it is answered."""

    read: Callable[[str], Value]
    answer: Callable[[Any], str]


def whole(low: int, high: int) -> Column:
    """Return a column of whole numbers from ``low`` to ``high``.

    Parameters
    ----------
    low, high
        Least and greatest value allowed.
    """

    def read(word: str) -> int:
        value = round(parse_number(word))
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        return value

    return Column(read, str)


def real(low: float, high: float, answer: Callable[[float], str] = six_digits) -> Column:
    """Return a column of numbers from ``low`` to ``high``.

    Parameters
    ----------
    low, high
        Least and greatest value allowed.
    answer
        Turns the value into the text that is sent.
    """

    def read(word: str) -> float:
        value = parse_number(word)
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        return value

    return Column(read, answer)


def text(length: int) -> Column:
    """Return a column of text of at most ``length`` characters; the rest is cut.

    Parameters
    ----------
    length
        Largest number of characters; answers are filled up with spaces to it.
    """
    return Column(lambda word: word.strip("\"'")[:length], lambda held: f"{held:<{length}s}")


def keyed(
    header: str,
    field: str,
    columns: Sequence[Column],
    *,
    keys: Callable[[Any], Sequence[str]],
    default: str | None = None,
    then: Callable[[Any, str], None] | None = None,
) -> Command:
    """Return the line of a setting by input or output, held in ``device.state.<field>[key]`` as a tuple.

    Parameters
    ----------
    header, field
        The command, and the mapping of the state record that holds the values.
    columns
        The values, in order.
    keys
        What the first argument may be, for a device.
    default
        What it is where it is left out; None: it must be given.
    then
        Called with device and key after a change.
    """

    def split(device: object, call: Unit, values: int) -> tuple[str, tuple[str, ...]]:
        arguments = call.arguments
        if default is not None and len(arguments) == values:
            return default, arguments
        if len(arguments) != values + 1:
            missing = len(arguments) < values + 1
            raise CommandError(
                -109 if missing else -108, "Missing parameter" if missing else "Parameter not allowed"
            )
        return _key(arguments[0], keys(device)), arguments[1:]

    def write(device: Stateful, call: Unit) -> None:
        key, words = split(device, call, len(columns))
        values = tuple(column.read(word) for column, word in zip(columns, words, strict=True))
        getattr(device.state, field)[key] = values
        if then is not None:
            then(device, key)

    def read(device: Stateful, call: Unit) -> str:
        key, _ = split(device, call, 0)
        values = getattr(device.state, field)[key]
        return ",".join(column.answer(value) for column, value in zip(columns, values, strict=True))

    return Command(header, read, write)


def plain(header: str, field: str, columns: Sequence[Column], *, then: Then | None = None) -> Command:
    """Return the line of a setting of the whole instrument, held in ``device.state.<field>`` as a tuple.

    Parameters
    ----------
    header
        Header of the command; its query is the same with ``?``.
    field
        Name of an attribute of the device's ``state``.
    columns
        The values of the setting, in the order on the wire.
    then
        Called with the device after a change; None calls nothing.
    """

    def write(device: Stateful, call: Unit) -> None:
        if len(call.arguments) != len(columns):
            missing = len(call.arguments) < len(columns)
            raise CommandError(
                -109 if missing else -108, "Missing parameter" if missing else "Parameter not allowed"
            )
        values = tuple(column.read(word) for column, word in zip(columns, call.arguments, strict=True))
        setattr(device.state, field, values)
        if then is not None:
            then(device)

    def read(device: Stateful, call: Unit) -> str:
        if call.arguments:
            raise CommandError(-108, "Parameter not allowed")
        values = getattr(device.state, field)
        return ",".join(column.answer(value) for column, value in zip(columns, values, strict=True))

    return Command(header, read, write)


def _key(word: str, known: Sequence[str]) -> str:
    """Return the input or output that ``word`` names; numbers may have leading zeros."""
    key = word.upper()
    if key not in known and key.isdigit():
        key = str(int(key[-6:]))
    if key not in known:
        raise CommandError(-222, "Data out of range")
    return key
