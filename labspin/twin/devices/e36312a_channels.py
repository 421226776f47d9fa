"""Lines of the E36312A that name their channels: ``VOLT 5,(@1,3)``, ``VOLT? (@1:3)``.

Where the list is left out they are about the channel that ``INSTrument:NSELect`` has selected; a query of
several channels answers with commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labspin.twin.wire import Command, CommandError, Unit, one_argument, parse_number, spelled_words

if TYPE_CHECKING:
    from labspin.twin.devices.e36312a import E36312A

__all__ = [
    "BITS",
    "RATINGS",
    "ask_channels",
    "channel_number",
    "channel_switch",
    "channel_word",
    "channels_of",
    "do_channels",
    "kept_number",
]

RATINGS = {1: (6.0, 5.0), 2: (25.0, 1.0), 3: (25.0, 1.0)}
"""Rated voltage (V) and current (A) of the channels."""
BITS = 2.0**16
"""Steps of a converter over its range."""
_LIST = re.compile(r"\(\s*@\s*(\d+(?:\s*:\s*\d+)?(?:\s*,\s*\d+(?:\s*:\s*\d+)?)*)\s*\)")


def channels_of(device: E36312A, call: Unit) -> tuple[tuple[str, ...], list[int]]:
    """Return the arguments before the channel list, and the channels: those selected where none is given.

    Parameters
    ----------
    device
        The supply.
    call
        One command.
    """
    if not call.arguments or not call.arguments[-1].startswith(("(", "@")):
        return call.arguments, [device.state.selected]
    match = _LIST.fullmatch(call.arguments[-1])
    if match is None:
        raise CommandError(-102, "Syntax error")
    channels: list[int] = []
    for part in match[1].split(","):
        first, _, last = part.partition(":")
        if int(last or first) > max(RATINGS) or int(first) < 1:
            raise CommandError(-222, "Data out of range")
        channels.extend(range(int(first), int(last or first) + 1))
    return call.arguments[:-1], channels


def ask_channels(header: str, answer: Callable[[E36312A, int], str]) -> Command:
    """Return the line of a query of channels.

    Parameters
    ----------
    header
        Header of the query.
    answer
        Called with device and channel; returns the text to send.
    """

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = channels_of(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        return ",".join(answer(device, channel) for channel in channels)

    return Command(header, ask=read)


def do_channels(header: str, action: Callable[[E36312A, int], None]) -> Command:
    """Return the line of a command to channels.

    Parameters
    ----------
    header
        Header of the command.
    action
        Called with device and channel.
    """

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        for channel in channels:
            action(device, channel)

    return Command(header, do=write)


def channel_number(
    header: str, name: str, unit: str, limits: Callable[[int], tuple[float, float]], default: float
) -> Command:
    """Return the line of a number of channels.

    Parameters
    ----------
    header, name
        The command, and the attribute of an output that holds the value.
    unit
        Unit of the number.
    limits
        Called with a channel; returns least and greatest value.
    default
        Part of the greatest value that the word ``DEFault`` stands for.
    """

    def named(channel: int, word: str) -> float | None:
        low, high = limits(channel)
        return {
            "MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high,
            "DEF": default * high, "DEFAULT": default * high,
        }.get(word.upper())  # fmt: skip

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        text = one_argument(Unit(call.header, False, arguments))
        for channel in channels:
            (low, high), word = limits(channel), named(channel, text)
            value = parse_number(text, unit) if word is None else word
            if not low <= value <= high:
                raise CommandError(-222, "Data out of range")
            step = high / BITS
            setattr(device.state.outputs[channel], name, round(value / step) * step)
            device.apply(channel)

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = channels_of(device, call)
        if not arguments:
            return ",".join(f"{getattr(device.state.outputs[channel], name):+.8E}" for channel in channels)
        values = [named(channel, one_argument(Unit(call.header, True, arguments))) for channel in channels]
        if None in values:
            raise CommandError(-224, "Illegal parameter value")
        return ",".join(f"{value:+.8E}" for value in values)

    return Command(header, read, write)


def channel_switch(header: str, name: str) -> Command:
    """Return the line of a switch of channels.

    Parameters
    ----------
    header, name
        The command, and the attribute of an output that holds the value.
    """

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        word = one_argument(Unit(call.header, False, arguments)).upper()
        on = word == "ON" if word in ("ON", "OFF") else bool(round(parse_number(word)))
        if name == "enabled" and set(channels) & set(device.state.coupled):
            channels = sorted({*channels, *device.state.coupled})
        for channel in channels:
            if on and name == "enabled" and device.state.outputs[channel].tripped:
                raise CommandError(-221, "Settings conflict")
            setattr(device.state.outputs[channel], name, on)
            device.apply(channel)

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = channels_of(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        return ",".join(str(int(getattr(device.state.outputs[channel], name))) for channel in channels)

    return Command(header, read, write)


def channel_word(header: str, name: str, words: Sequence[str], *, flag: bool = False) -> Command:
    """Return the line of a setting of channels that is one of ``words``.

    Parameters
    ----------
    header, name
        The command, and the key under which an output keeps the value.
    words
        The words as manuals write them; the first is that after ``*RST``.
    flag
        Whether ON and OFF stand for 1 and 0.
    """
    known = {**spelled_words(words), **({"ON": "1", "OFF": "0"} if flag else {})}

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        held = known.get(one_argument(Unit(call.header, False, arguments)).upper())
        if held is None:
            raise CommandError(-224, "Illegal parameter value")
        for channel in channels:
            device.state.outputs[channel].kept[name] = held

    usual = known[words[0].upper()]

    def answer(device: E36312A, channel: int) -> str:
        return str(device.state.outputs[channel].kept.get(name, usual))

    return Command(header, ask_channels(header, answer).ask, write)


def kept_number(header: str, name: str, unit: str, low: float, high: float, usual: float) -> Command:
    """Return the line of a number of channels that is only kept.

    Parameters
    ----------
    header, name
        The command, and the key under which an output keeps the value.
    unit
        Unit of the number.
    low, high
        Least and greatest value; the words MIN and MAX stand for them.
    usual
        The value after ``*RST``; the word DEF means it.
    """
    words = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high, "DEF": usual, "DEFAULT": usual}

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        text = one_argument(Unit(call.header, False, arguments))
        value = words[text.upper()] if text.upper() in words else parse_number(text, unit)
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        for channel in channels:
            device.state.outputs[channel].kept[name] = value

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = channels_of(device, call)
        if arguments and arguments[0].upper() not in words:
            raise CommandError(-224, "Illegal parameter value")
        asked = (
            [words[arguments[0].upper()]] * len(channels)
            if arguments
            else [device.state.outputs[channel].kept.get(name, usual) for channel in channels]
        )
        return ",".join(f"{value:+.8E}" for value in asked)

    return Command(header, read, write)
