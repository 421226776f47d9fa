"""From bytes on the wire to commands: what every SCPI-like instrument has to understand.

A *message* is the text before a terminator (LF, CR or CRLF; empty ones are nothing). It holds *units*
separated by ``;``, each a header and arguments. `MessageBuffer` cuts messages out of a stream of bytes,
`split_units` cuts units out of a message, `split_arguments` and `number` read arguments.

Nothing here raises anything but `CommandError`, whatever the bytes: an instrument does not crash.
Grammar: IEEE 488.2-1992 section 7 and SCPI-1999 volume 1 sections 6 and 7; where makers differ, a
`Dialect` says so.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

from labspin.errors import DeviceError

__all__ = ["CommandError", "Dialect", "MessageBuffer", "Unit", "number", "split_arguments", "split_units"]

_BLOCK = re.compile(rb"#(?:([1-9])(\d*))?")
_HEADER = re.compile(r"\s*(?P<header>\*[A-Za-z]+|:?[A-Za-z]\w*(?::[A-Za-z]\w*)*)(?P<query>\s?\?)?")
_LETTERS = re.compile(r"\s*(?P<header>\*[A-Za-z]+|[A-Za-z]+)(?P<query>\s?\?)?")
_NUMBER = re.compile(r"\s*([+-]?(?:\d++\.?\d*|\.\d+)(?:\s?[eE]\s?[+-]?\d{1,5})?)\s*+([A-Za-z%/]*+)\s*+$")
_SUFFIX_NUMBER = re.compile(r"(?<=[A-Z])\d+(?=:|$)")
_PREFIXES = {
    "": 1.0, "P": 1e-12, "N": 1e-9, "U": 1e-6, "M": 1e-3, "K": 1e3, "MA": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip
_MEGA_IS_M = frozenset({"HZ", "OHM"})  # SCPI-1999 volume 1, 7.1: MHZ and MOHM are mega
_WITHOUT_PREFIX = frozenset({"DBM", "DB", "DEG", "RAD", "PCT", "%"})


class CommandError(DeviceError):
    """A command that the instrument does not accept; ``code`` goes into its error queue."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code},{text!r}")
        self.code, self.text = code, text


@dataclass(frozen=True)
class Dialect:
    """How a maker's instruments differ from SCPI.

    Parameters
    ----------
    paths
        Headers are trees with ``:``, and a header after ``;`` starts where the last one ended.
    attached_arguments
        Arguments may follow the header without a space (``FREQ1.0E3``), so headers have no digits.
    blocks
        Some command takes binary data (``#42000...``), in which terminators are data.
    stops_at_error
        What follows a wrong command in the same message is not executed.
    """

    paths: bool = True
    attached_arguments: bool = False
    blocks: bool = False
    stops_at_error: bool = False


@dataclass(frozen=True)
class Unit:
    """One command: its header in upper case from the root, whether it asks, and its arguments."""

    header: str
    query: bool
    arguments: tuple[str, ...]
    suffixes: tuple[int, ...] = ()


class MessageBuffer:
    """Collects bytes and cuts messages at terminators.

    Parameters
    ----------
    blocks
        Whether definite-length blocks are data, terminators in them included.
    limit
        Bytes that fit; a longer message is lost, and `take` tells by an empty message and `overrun`.
    """

    def __init__(self, *, blocks: bool = False, limit: int = 65536) -> None:
        self._blocks, self._limit = blocks, limit
        self._pending = b""
        self.overrun = False

    def feed(self, data: bytes) -> list[str]:
        """Take bytes in; return the messages that are complete, without terminators.

        Parameters
        ----------
        data
            Bytes from the wire: parts of messages, or several.
        """
        if not self._pending and not self._blocks and data.find(b"\n") == len(data) - 1 and b"\r" not in data:
            return [data[:-1].decode("latin-1")]  # the usual case: one whole message
        self._pending += data
        messages, start = [], 0
        while (end := self._end_of_message(start)) is not None:
            messages.append(self._pending[start:end].decode("latin-1"))
            start = end + 1
        self._pending = self._pending[start:]
        if len(self._pending) > self._limit:
            self._pending, self.overrun = b"", True
        return messages

    def clear(self) -> None:
        """Forget what has come in."""
        self._pending, self.overrun = b"", False

    def _end_of_message(self, start: int) -> int | None:
        position = start
        while match := re.compile(rb"[\r\n]|#" if self._blocks else rb"[\r\n]").search(
            self._pending, position
        ):
            if match[0] != b"#":
                return match.start()
            end = self._end_of_block(match.start())
            if end is None:
                return None
            position = end
        return None

    def _end_of_block(self, start: int) -> int | None:
        """Return where the block that begins at ``start`` ends; ``None`` if more is to come."""
        match = _BLOCK.match(self._pending, start)
        if match is None or match[1] is None:
            return start + 1  # a "#" that begins no definite-length block is a character
        digits = int(match[1])
        if len(match[2]) < digits:
            complete = match.end() == len(self._pending)
            return None if complete else start + 1
        length = int(match[2][:digits])
        end = start + 2 + digits + length
        if length > self._limit:
            return start + 1
        return end if end <= len(self._pending) else None


@functools.lru_cache(maxsize=4096)
def split_units(message: str, dialect: Dialect) -> tuple[Unit | CommandError, ...]:
    """Return the commands of a message, in order; what is no command is returned as its error.

    After an error in a header path, later relative headers are read from the root.

    Parameters
    ----------
    message
        One message, without its terminator.
    dialect
        How this instrument reads its commands.
    """
    units: list[Unit | CommandError] = []
    path = ""
    for text in _split(message, ";"):
        if not text.strip():
            continue
        unit = _unit(text, path, dialect)
        units.append(unit)
        if isinstance(unit, CommandError):
            path = ""
        elif dialect.paths and not unit.header.startswith("*"):
            path = unit.header.rpartition(":")[0]
    return tuple(units)


def _unit(text: str, path: str, dialect: Dialect) -> Unit | CommandError:
    if not text.isascii():
        return CommandError(-101, "Invalid character")
    match = (_LETTERS if dialect.attached_arguments else _HEADER).match(text)
    if match is None:
        return CommandError(-102, "Syntax error")
    rest = text[match.end() :]
    if rest and not rest[0].isspace() and not dialect.attached_arguments and match["query"] is None:
        return CommandError(-111, "Header separator error")
    header = match["header"].upper()
    if header.startswith(":"):
        header = header[1:]
    elif path and not header.startswith("*"):
        header = f"{path}:{header}"
    return Unit(header, match["query"] is not None, split_arguments(rest))


def split_arguments(text: str) -> tuple[str, ...]:
    """Return the arguments in ``text``: split at commas outside quotes, blocks and channel lists.

    Parameters
    ----------
    text
        What follows the header of a command.
    """
    text = text.strip()
    return tuple(part.strip() for part in _split(text, ",")) if text else ()


def _split(text: str, separator: str) -> list[str]:
    if '"' not in text and "'" not in text and "(" not in text and "#" not in text:
        return text.split(separator)
    parts, start, position, depth, quote = [], 0, 0, 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            position = _skip_block(text, position)
            continue
        elif character in "()":
            depth = max(depth + (1 if character == "(" else -1), 0)
        elif character == separator and not depth:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def _skip_block(text: str, start: int) -> int:
    match = _BLOCK.match(text.encode("latin-1", "replace"), start)
    if match is None or match[1] is None or len(match[2]) < int(match[1]):
        return start + 1
    digits = int(match[1])
    return start + 2 + digits + int(match[2][:digits])


def without_suffix_numbers(header: str) -> tuple[str, tuple[int, ...]]:
    """Return the header with ``#`` for every number that ends a mnemonic, and the numbers."""
    numbers = tuple(int(text[-9:]) for text in _SUFFIX_NUMBER.findall(header))
    return _SUFFIX_NUMBER.sub("#", header), numbers


@functools.lru_cache(maxsize=4096)
def number(text: str, unit: str = "") -> float:
    """Return the number an argument stands for, in ``unit``.

    Parameters
    ----------
    text
        ``"2.87E9"``, ``"2.87 GHz"``, ``"-10dBm"`` ...; any case.
    unit
        Unit that the number is in when none is written, and that a written one must belong to.

    Raises
    ------
    CommandError
        -104 no number, -131 a unit that does not fit.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise CommandError(-104, "Data type error")
    value = float("".join(match[1].split()))
    if not math.isfinite(value):
        raise CommandError(-123, "Exponent too large")
    return value * _multiplier(match[2].upper(), unit.upper())


def _multiplier(suffix: str, unit: str) -> float:
    if suffix in ("", unit):
        return 1.0
    if unit and suffix.endswith(unit) and unit not in _WITHOUT_PREFIX:
        prefix = suffix[: -len(unit)]
        if prefix == "M" and unit in _MEGA_IS_M:
            return 1e6
        if prefix in _PREFIXES:
            return _PREFIXES[prefix]
    raise CommandError(-131, "Invalid suffix")
