"""Settings of a SCPI instrument that are kept and answered, and act on nothing that is simulated.

They are written as a list, one a line, with the words of the manual::

    [SOURce:]AM:DEPTh        0..100 PCT = 30      a number, its unit, its value after *RST
    [SOURce:]AM:SOURce       INTernal|EXTernal = INT
    [SOURce:]AM:STATe        on|off = 0
    DISPlay:TEXT             text = ""
    OUTPut:IMPedance?        = 50                 a question, and what it is answered
    SYSTem:BEEP!                                  a command that does nothing

``#`` stands for a number that may end a word; settings of different numbers are different settings. They are
held in ``device.state.kept``, so ``*RST``, ``*SAV`` and ``*RCL`` take them along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from labspin.twin.wire import Command, CommandError, Unit, one_argument, parse_number, spelled_words

__all__ = ["kept_lines"]

_LINE = re.compile(r"(?P<header>\S+?)(?P<mark>[?!]?)(?:\s+(?P<domain>[^=]*?)\s*=\s*(?P<usual>.*))?")
_RANGE = re.compile(r"(?P<low>\S+)\.\.(?P<high>[^\s.]\S*)(?:\s+(?P<unit>\S+))?")
_EXTREMES = {"MIN": 0, "MINIMUM": 0, "MAX": 1, "MAXIMUM": 1}
_DEFAULTS = frozenset({"DEF", "DEFAULT"})

Reader = Callable[[str], str]


class _KeptSettings(Protocol):
    kept: dict[tuple[str, tuple[int, ...]], str]


class _Keeps(Protocol):
    @property
    def state(self) -> _KeptSettings: ...


def kept_lines(listed: str) -> list[Command]:
    """Return the commands of a list of settings.

    Parameters
    ----------
    listed
        One setting a line, as the module says.
    """
    return [_command(line) for line in listed.splitlines() if line.strip()]


def _command(line: str) -> Command:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"no setting can be read from {line!r}")
    header, usual = match["header"], match["usual"] or ""
    if match["mark"] == "?":
        return Command(header, ask=_constant(usual))
    if match["mark"] == "!":
        return Command(header, do=_accept)
    return _setting(header, match["domain"], usual)


def _constant(text: str) -> Callable[[object, Unit], str]:
    return lambda device, call: text


def _accept(device: object, call: Unit) -> None:
    """Do nothing, whatever is said."""


def _setting(header: str, domain: str, usual: str) -> Command:
    found = _RANGE.fullmatch(domain)
    ends = (float(found["low"]), float(found["high"])) if found else None
    if found and ends:
        read = _number(*ends, found["unit"] or "", usual)
    elif domain in ("on|off", "text"):
        read = _flag if domain == "on|off" else _text
    else:
        read = _word(domain.split("|"))

    def write(device: _Keeps, call: Unit) -> None:
        device.state.kept[header, call.suffixes] = read(one_argument(call))

    def ask(device: _Keeps, call: Unit) -> str:
        if not call.arguments:
            return str(device.state.kept.get((header, call.suffixes), usual))
        word = one_argument(call).upper()
        if ends is None or word not in _EXTREMES | dict.fromkeys(_DEFAULTS):
            raise CommandError(-108, "Parameter not allowed")
        return usual if word in _DEFAULTS else f"{ends[_EXTREMES[word]]:.12g}"

    return Command(header, ask, write)


def _number(low: float, high: float, unit: str, usual: str) -> Reader:
    def read(word: str) -> str:
        if word.upper() in _DEFAULTS:
            return usual
        place = _EXTREMES.get(word.upper())
        value = parse_number(word, unit) if place is None else (low, high)[place]
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        return f"{value:.12g}"

    return read


def _flag(word: str) -> str:
    if word.upper() not in ("0", "1", "ON", "OFF"):
        raise CommandError(-104, "Data type error")
    return str(int(word.upper() in ("1", "ON")))


def _text(word: str) -> str:
    if len(word) < 2 or word[0] not in "\"'" or word[-1] != word[0]:
        raise CommandError(-104, "Data type error")
    return f'"{word[1:-1]}"'


def _word(words: list[str]) -> Reader:
    known = spelled_words(words)

    def read(word: str) -> str:
        held = known.get(word.strip("\"'").upper())
        if held is None:
            raise CommandError(-224, "Illegal parameter value")
        return held

    return read
