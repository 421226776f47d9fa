"""A TOML file that a person wrote, read so that every mistake can be pointed at.

A `Section` is one table of the file with its place in it. Keys are *taken* with what they should be; what
is wrong raises an error of the kind that the reader asked for, with file, line, key path, what was wanted
and what came, and what was never taken is an unknown key, answered with the nearest known one.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from labspin.errors import LabspinError, StationError
from labspin.mistakes import meant_file, remedy_of, why_no_text
from labspin.system import bounded_text, reason_of
from labspin.units import parse_quantity

__all__ = ["Section", "parse_document", "parse_toml", "read_document"]

_Value = TypeVar("_Value")
_MISSING: Any = object()
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_ENDLESS = re.compile(r"""(?:(?:[\w-]{1,99}|"[^"\n]{0,99}"|'[^'\n]{0,99}')\s{0,9}\.\s{0,9}){100}""")
_WIDEST = 500  # characters of a line that are looked at for its key
_KINDS = {str: "text", bool: "true or false", int: "a whole number", dict: "a table", list: "a list"}

Path_ = tuple[str, ...]


def read_document(
    path: Path,
    *,
    what: str = "station file",
    error: type[LabspinError] = StationError,
    text: str | None = None,
) -> tuple[Section, str]:
    """Return the file's root section and its text.

    Parameters
    ----------
    path
        The file.
    what
        What it should be, for errors.
    error
        The class of errors about it.
    text
        What it holds, if it is not to be read.

    Raises
    ------
    LabspinError
        The file cannot be read, or is not TOML; of the class ``error``.
    """
    try:
        text = bounded_text(path) if text is None else text
    except FileNotFoundError:
        raise error(f"{what} {str(path)!r} does not exist; {meant_file(path)}") from None
    except OSError as problem:
        reason = "it is a folder; name a .toml file in it" if path.is_dir() else reason_of(problem)
        raise error(f"{what} {str(path)!r} cannot be read: {reason}") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{what} {str(path)!r} cannot be read as text: {why_no_text(problem)}") from problem
    return parse_document(text, path, error=error), text


def parse_document(text: str | bytes, path: Path, *, error: type[LabspinError] = StationError) -> Section:
    """Return the root section of a file whose text is at hand.

    Parameters
    ----------
    text
        Text of the file; bytes are UTF-8, with or without a byte order mark.
    path
        The file, for errors.
    error
        The class of errors about it.

    Raises
    ------
    LabspinError
        It is not TOML; of the class ``error``.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        data = parse_toml(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise error(f"{path}: is not TOML: {problem}; {remedy_of(str(problem), text)}") from problem
    return Section(data, (), path, _lines_of(text), error)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML text; a key of a hundred parts, which takes minutes to read, is none.

    Parameters
    ----------
    text
        Text of a file.

    Raises
    ------
    TOMLDecodeError
        It is not TOML, or nested beyond all use.
    """
    if _ENDLESS.search(text):
        raise tomllib.TOMLDecodeError("a key has more than a hundred parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("its values are nested too deeply") from None


def _lines_of(text: str) -> dict[Path_, int]:
    """Return the line on which each table or key begins; a line-wise look that is right for plain files."""
    lines: dict[Path_, int] = {}
    table: Path_ = ()
    counts: dict[Path_, int] = {}
    for number, whole in enumerate(text.splitlines(), start=1):
        line = whole[:_WIDEST]
        if header := _HEADER.match(line):
            table = _split(header[2])
            if header[1] == "[[":
                lines.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
            table = _numbered(table, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split(key[1])), number)
    return lines


def _numbered(table: Path_, counts: Mapping[Path_, int]) -> Path_:
    """Return the place of a table with the numbers of the lists of tables that it is in."""
    return tuple(
        f"{name}[{counts[table[: at + 1]]}]" if table[: at + 1] in counts else name
        for at, name in enumerate(table)
    )


def _split(dotted: str) -> Path_:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


class Section:
    """One table of a file; see the module.

    Parameters
    ----------
    data
        The table.
    place
        Its key path.
    file
        The file, for errors.
    lines
        Key path to line number.
    error
        The class of errors about the file.
    """

    def __init__(
        self,
        data: Mapping[str, object],
        place: Path_,
        file: Path,
        lines: Mapping[Path_, int],
        error: type[LabspinError] = StationError,
    ) -> None:
        self._data, self.place, self._file, self._lines = dict(data), place, file, lines
        self._error = error
        self._known: dict[str, None] = {}

    def where(self, key: str = "") -> str:
        """Return file, line and key path of ``key``, for an error.

        Parameters
        ----------
        key
            A key of this section; empty for the section itself.
        """
        place = (*self.place, key) if key else self.place
        line = next(
            (self._lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self._lines), None
        )
        at = f", line {line}" if line else ""
        return f"{self._file}{at}: {'.'.join(place)}" if place else f"{self._file}"

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise an error at ``key``.

        Parameters
        ----------
        key
            A key of this section; empty for the section itself.
        problem
            What is wrong and what to do about it.

        Raises
        ------
        LabspinError
            Always.
        """
        raise self._error(f"{self.where(key)}: {problem}")

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def take(self, key: str, kind: type, default: object = _MISSING, *, example: str = "") -> Any:
        """Return the value of ``key``, which must be of ``kind``.

        Parameters
        ----------
        key
            A key of this section.
        kind
            Type of the value: str, bool, int, dict or list.
        default
            Returned if the key is missing; without it the key is required.
        example
            A line such as ``name = "value"``, for the error.

        Raises
        ------
        LabspinError
            It is missing and has no default, or is something else.
        """
        self._known[key] = None
        if key not in self._data:
            if default is _MISSING:
                hint = f"; write for example {example}" if example else ""
                self.fail(key, f"is missing; wanted {_KINDS[kind]}{hint}{self._instead(key)}")
            return default
        value = self._data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            hint = f'; write {key} = ["{value}"]' if kind is list and isinstance(value, str) else ""
            self.fail(key, f"wanted {_KINDS[kind]}, got {value!r}{hint}")
        return value

    def _instead(self, key: str) -> str:
        """Return the hint at an unknown key that resembles a missing one, else an empty text."""
        near = _nearest(key, [name for name in self._data if name not in self._known])
        return f"; did you mean it by {near!r}, which is here?" if near else ""

    def texts(self, key: str, *, example: str = "") -> tuple[str, ...]:
        """Return the value of ``key``, a list of texts; an empty one if it is missing.

        Parameters
        ----------
        key
            A key of this section.
        example
            A line such as ``names = ["a", "b"]``, for the error.
        """
        values: Sequence[Any] = self.take(key, list, [], example=example)
        if not all(isinstance(value, str) for value in values):
            self.fail(
                key, f"wanted a list of texts{f' such as {example}' if example else ''}, got {values!r}"
            )
        return tuple(values)

    def choice(self, key: str, choices: Iterable[str], default: Any = _MISSING, *, what: str = "") -> str:
        """Return the value of ``key``, one of ``choices``.

        Parameters
        ----------
        key
            A key of this section.
        choices
            Allowed texts.
        default
            Value if the key is missing, one of ``choices``; without it the key is required.
        what
            What the choices are, for the error.
        """
        choices = tuple(choices)
        value: str = self.take(key, str, default, example=f'{key} = "{choices[0]}"' if choices else "")
        if value not in choices:
            self.fail(
                key, f"wanted {what or 'one'} of {', '.join(choices)}, got {value!r}{_near(value, choices)}"
            )
        return value

    def quantity(self, key: str, unit: str, default: object = _MISSING, *, example: str = "") -> Any:
        """Return the value of ``key``, text with a unit, as a number in ``unit``.

        Parameters
        ----------
        key
            A key of this section.
        unit
            Unit of the result.
        default
            Returned if the key is missing; without it the key is required.
        example
            A value such as ``"10 mT"`` in quotes, for the error.
        """
        self._known[key] = None
        if key not in self._data:
            if default is _MISSING:
                example = example or _quoted(unit)
                self.fail(key, f"is missing; write for example {key} = {example}{self._instead(key)}")
            return default
        return self.guard(key, lambda: parse_quantity(self._data[key], unit, name=key), named=True)

    def positive_time(self, key: str, default: float) -> float:
        """Return the value of ``key``, a finite time above zero, in s.

        Parameters
        ----------
        key
            A key of this section.
        default
            Value if the key is missing, s.
        """
        value: float = self.quantity(key, "s", default)
        if not 0 < value < math.inf:
            self.fail(key, f"wanted a time > 0, got {value:g} s")
        return value

    def quantities(self, key: str, unit: str, count: int, *, example: str) -> list[float]:
        """Return the value of ``key``, a list of ``count`` quantities in ``unit``.

        Parameters
        ----------
        key
            A key of this section.
        unit
            Unit of the results.
        count
            Number of values.
        example
            A list such as ``["1 mT", "2 mT"]``, for the error.
        """
        values: Sequence[Any] = self.take(key, list, example=f"{key} = {example}")
        if len(values) != count:
            self.fail(key, f"wanted {count} values such as {example}, got {values!r}")
        return [
            self.guard(key, lambda value=value: parse_quantity(value, unit, name=key), named=True)  # type: ignore[misc]
            for value in values
        ]

    def section(self, key: str, *, required: bool = False) -> Section:
        """Return the table ``key``; an empty one if it is missing and not required.

        Parameters
        ----------
        key
            A key of this section.
        required
            Whether a missing table is an error.
        """
        default = _MISSING if required else {}
        table = self.take(key, dict, default, example=f"[{'.'.join((*self.place, key))}]")
        return Section(table, (*self.place, key), self._file, self._lines, self._error)

    def sections(self, key: str) -> list[Section]:
        """Return the tables ``[[key]]``, at least one.

        Parameters
        ----------
        key
            Key of a list of tables.

        Raises
        ------
        LabspinError
            It is something else.
        """
        if isinstance(self._data.get(key), dict):
            self.fail(key, f"wanted tables with two brackets, [[{key}]], got one with one; write them double")
        tables = self.take(key, list, example=f"[[{key}]]")
        if not tables or not all(isinstance(table, dict) for table in tables):
            self.fail(key, f"wanted at least one table [[{key}]], got {tables!r}")
        return [
            Section(table, (*self.place, f"{key}[{number}]"), self._file, self._lines, self._error)
            for number, table in enumerate(tables)
        ]

    def plain(self) -> dict[str, Any]:
        """Return the whole table as it is, all of it taken."""
        self._known.update(dict.fromkeys(self._data))
        return dict(self._data)

    def plain_value(self, key: str, default: object = None) -> Any:
        """Return the value of ``key`` unchanged and unchecked.

        Parameters
        ----------
        key
            A key of this section.
        default
            Returned if the key is missing.
        """
        self._known[key] = None
        return self._data.get(key, default)

    def know(self, *keys: str) -> None:
        """Count ``keys`` as known without reading them."""
        self._known.update(dict.fromkeys(keys))

    def near(self, word: str) -> str:
        """Return the hint "did you mean" for a word that resembles a known key, else an empty text.

        Parameters
        ----------
        word
            An unknown key.
        """
        return _near(word, self._known)

    def guard(self, key: str, make: Callable[[], _Value], *, named: bool = False) -> _Value:
        """Return what ``make`` returns; an error that it raises becomes an error at ``key``.

        Parameters
        ----------
        key
            A key of this section.
        make
            Function without arguments.
        named
            Whether the message of an error begins with the key, which is then not repeated.
        """
        try:
            return make()
        except LabspinError as error:
            text = str(error)
            if isinstance(error, self._error) and text.startswith(str(self._file)):
                raise  # it says its place already
            problem = text.removeprefix(f"{key}: ") if named else text
            raise self._error(f"{self.where(key)}: {problem}") from error

    def finish(self, elsewhere: Mapping[str, str] | None = None) -> None:
        """Refuse keys that were never taken.

        Parameters
        ----------
        elsewhere
            Keys that belong somewhere else -> what to do with them.

        Raises
        ------
        LabspinError
            There are some.
        """
        for key in self._data:
            if key not in self._known:
                if elsewhere and key in elsewhere:
                    self.fail(key, elsewhere[key])
                known = ", ".join(self._known) or "none"
                self.fail(key, f"is not known here{_near(key, self._known)}; known: {known}")


def _quoted(unit: str) -> str:
    return "1.0" if unit in ("", "1") else f'"1 {unit}"'


def _near(word: str, known: Iterable[str]) -> str:
    near = _nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def _nearest(word: str, known: Iterable[str]) -> str:
    """Return the name that resembles a word most, capitals or not; empty if none does."""
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(names), n=1)
    return names[near[0]] if near else ""
