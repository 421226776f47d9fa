"""Understanding and answering bytes as SCPI-like instruments do."""

from __future__ import annotations

from labspin.twin.wire.commands import (
    Command,
    Table,
    ask,
    choice,
    do,
    number,
    one_argument,
    spelled_words,
    spellings,
    switch,
)
from labspin.twin.wire.parser import (
    CommandError,
    Dialect,
    MessageBuffer,
    Unit,
    number as parse_number,
    split_arguments,
    split_units,
)
from labspin.twin.wire.status import Status

__all__ = [
    "Command",
    "CommandError",
    "Dialect",
    "MessageBuffer",
    "Status",
    "Table",
    "Unit",
    "ask",
    "choice",
    "do",
    "number",
    "one_argument",
    "parse_number",
    "spelled_words",
    "spellings",
    "split_arguments",
    "split_units",
    "switch",
]
