"""The kinds of properties that drivers declare: a quantity, a whole number, a switch, a choice, an entry.

A driver is a list of properties, one statement each, that says what is the instrument's own: question,
command, docstring, name and limits. What follows from the kind of value is written here once: the validator
that refuses (`labspin.instruments.limits`), how the value is written and read, and that the instrument is
asked afterwards whether it took it. The statements are pymeasure's ``Instrument.control``, and what one of
these takes beyond its own arguments is handed on to it.

::

    frequency: float = quantity(
        "FREQ?", "FREQ %.3f", "Control the frequency (Hz, float from 1 kHz to 1 GHz).",
        name="A source's frequency", unit="Hz", limits=(1e3, 1e9),
    )

The values of a choice are the words of the field, which also stand in station files and snapshots; the words
on the wire stand beside them. An instrument that keeps quiet about what it refuses has properties with
``checked=False``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labspin.instruments.invalid import whole
from labspin.instruments.limits import each_limited, limited, listed, on_off, one_of, whole_limited
from labspin.instruments.pymeasure import Instrument

__all__ = ["choice", "entry", "numbered", "quantities", "quantity", "switch", "whole_number"]


def quantity(
    query: str,
    command: str,
    doc: str,
    *,
    name: str,
    limits: tuple[float, float],
    unit: str = "",
    checked: bool = True,
    **how: object,
) -> Any:
    """Return a property that is a number from ``limits[0]`` to ``limits[1]`` in ``unit``.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the value as a ``%`` format.
    doc
        The property's docstring.
    name
        What errors call it.
    limits
        Least and greatest value.
    unit
        Its unit; none if it has no dimension.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    **how
        Handed to pymeasure.
    """
    return Instrument.control(
        query, command, doc, validator=limited(name, unit), values=limits, check_set_errors=checked, **how
    )


def whole_number(
    query: str, command: str, doc: str, *, name: str, limits: tuple[int, int], checked: bool = True
) -> Any:
    """Return a property that is a whole number from ``limits[0]`` to ``limits[1]``.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the value as a ``%`` format.
    doc
        The property's docstring.
    name
        What errors call it.
    limits
        Least and greatest value.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    """
    return Instrument.control(
        query,
        command,
        doc,
        validator=whole_limited(name),
        values=limits,
        cast=whole,
        check_set_errors=checked,
    )


def switch(query: str, command: str, doc: str, *, name: str, checked: bool = True) -> Any:
    """Return a property that is True or False, 1 or 0 on the wire.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the value as a ``%`` format.
    doc
        The property's docstring.
    name
        What errors call it.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    """
    return Instrument.control(
        query,
        command,
        doc,
        validator=one_of(name),
        values=(True, False),
        set_process=int,
        cast=on_off,
        check_set_errors=checked,
    )


def choice(
    query: str,
    command: str,
    doc: str,
    *,
    name: str,
    words: Mapping[Any, str | int],
    aliases: Mapping[str, Any] | None = None,
    checked: bool = True,
) -> Any:
    """Return a property that is one of several values, each with a word on the wire.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the value as a ``%`` format.
    doc
        The property's docstring.
    name
        What errors call it.
    words
        Value to its word on the wire.
    aliases
        Further answers of the instrument, and the values that they mean.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    """
    return Instrument.control(
        query,
        command,
        doc,
        validator=one_of(name),
        values=tuple(words),
        set_process=dict(words).__getitem__,
        cast=_reader({**{str(word): value for value, word in words.items()}, **(aliases or {})}),
        check_set_errors=checked,
    )


def entry(
    query: str,
    command: str,
    doc: str,
    *,
    name: str,
    values: Sequence[float],
    unit: str = "",
    checked: bool = True,
) -> Any:
    """Return a property that is a number out of a list; on the wire it is the index in the list.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the index as a ``%`` format.
    doc
        The property's docstring.
    name
        What errors call it.
    values
        The list, in the order of the indices from 0.
    unit
        Unit of the values, for errors; empty if there is none.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    """
    return Instrument.control(
        query,
        command,
        doc,
        validator=listed(name, unit),
        values=values,
        set_process=values.index,
        cast=_reader({str(index): value for index, value in enumerate(values)}),
        check_set_errors=checked,
    )


def quantities(
    query: str,
    command: str,
    doc: str,
    *,
    name: str,
    limits: Sequence[tuple[float, float]],
    checked: bool = True,
) -> Any:
    """Return a property of several numbers at once, each with limits of its own.

    Parameters
    ----------
    query, command
        What is sent to ask and to set, the values as ``%`` formats.
    doc
        The property's docstring.
    name
        What errors call it.
    limits
        Least and greatest value of each number.
    checked
        Whether the instrument is asked after every setting what it refused (`check_set_errors`).
    """
    return Instrument.control(
        query,
        command,
        doc,
        validator=each_limited(name),
        values=limits,
        get_process_list=tuple,
        check_set_errors=checked,
    )


def numbered(values: Sequence[object]) -> dict[Any, int]:
    """Return the words of a choice whose values are numbered from 0 on the wire.

    Parameters
    ----------
    values
        The values, in the order of their numbers.
    """
    return {value: index for index, value in enumerate(values)}


def _reader(table: Mapping[str, object]) -> Callable[[str], object]:
    """Return a cast from the text on the wire; numbers may come in any form, such as ``+2.0``."""

    def read(text: str) -> Any:
        word = text.strip()
        return table[word if word in table else str(whole(word))]

    return read
