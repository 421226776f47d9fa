"""What the commands print: tables and sentences for a person, JSON for a script."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from labspin.characters import UNSEEN, visible

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    """The commands of ``labspin``, as `argparse` holds them."""
    from rich.console import Console

    from labspin.analysis.outcome import FitOutcome

__all__ = ["NOT_FINISHED", "NOT_SAFE", "add_json", "console", "outcome_row", "print_json", "print_table"]

NOT_FINISHED = 3
"""Exit code of a run that did not finish, or a fit that failed."""
NOT_SAFE = 4
"""Exit code where a bench could not be made safe, whatever else happened."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json`` to a command.

    Parameters
    ----------
    parser
        Parser of the command.
    """
    parser.add_argument("--json", action="store_true", help="print one JSON document for a script to read")


def console(*, width: int | None = None) -> Console:
    """Return a console on standard output that prints text as it is, neither as markup nor as commands.

    Parameters
    ----------
    width
        In characters; None: that of the terminal.
    """
    from rich.console import Console

    class Plain(Console):
        """Shows control characters as their codes."""

        def print(self, *objects: Any, **options: Any) -> None:
            """Print as rich does."""
            shown = (visible(item) if isinstance(item, str) else item for item in objects)
            super().print(*shown, **options)

    return Plain(highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


_LAID_OUT = 500
"""Rows that are fitted into a terminal; more are printed as they are, which takes a tenth of the time."""
_NARROWEST = 8
"""Characters to which a column may be folded."""


def print_json(document: object) -> None:
    """Print one JSON document; numbers that JSON does not know become null.

    Parameters
    ----------
    document
        Tables, lists, texts, numbers; arrays become lists, and anything else becomes text.
    """
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False)
    sys.stdout.write(UNSEEN.sub(_escaped, text) + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Collection[str] = ()
) -> None:
    """Print rows of text under column heads.

    Where the output is a file or a pipe, no line of the table is broken.

    Parameters
    ----------
    title
        Text above the table; empty for none.
    columns
        Heads of the columns.
    rows
        Cells of each row, one for each column.
    whole
        Heads of the columns whose cells are never broken into lines.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    screen = console()
    if not screen.is_terminal or len(cells) > _LAID_OUT:
        screen.out("\n".join(_whole_lines(visible(title), columns, cells)))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(visible(title)) if title else None, title_justify="left", box=box.SIMPLE_HEAD,
        show_edge=False, padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip
    least = 0
    for place, name in enumerate(columns):
        longest = max((len(line) for row in cells for line in row[place].splitlines()), default=0)
        table.add_column(name, overflow="fold", no_wrap=name in whole)
        least += 2 + max(len(name), longest if name in whole else min(longest, _NARROWEST))
    for row in cells:
        table.add_row(*map(Text, row))
    console(width=max(screen.width, least)).print(table)


def _whole_lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table of which none is broken."""
    from rich.cells import cell_len

    cells = [[cell.splitlines() or [""] for cell in row] for row in (columns, *rows)]
    widths = [max(cell_len(line) for row in cells for line in row[place]) for place in range(len(columns))]
    if title:
        yield title
    for number, row in enumerate(cells):
        for line in range(max(map(len, row), default=0)):
            texts = [cell[line] if line < len(cell) else "" for cell in row]
            padded = (
                text + " " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)
            )
            yield "  ".join(padded).rstrip()
        if not number:
            yield "─" * (sum(widths) + 2 * len(widths) - 1)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def outcome_row(outcome: FitOutcome) -> tuple[str, str, str, str]:
    """Return a fit as a row of the table that is printed: label, values, χ²/ν and p.

    Parameters
    ----------
    outcome
        The fit.
    """
    from labspin.analysis.outcome import chosen_text

    statistics = outcome.statistics
    shown = outcome.present
    chosen = [chosen_text(outcome.chosen)] if outcome.chosen else []
    text = "\n".join(chosen + [parameter.line() for parameter in shown])
    reduced = statistics.chi2red
    chi2 = "–" if statistics.errors_from_scatter or math.isnan(reduced) else f"{reduced:.3f}"
    p_value = "–" if statistics.p_value is None else f"{statistics.p_value:.3f}"
    return outcome.label or outcome.name, text, chi2, p_value
