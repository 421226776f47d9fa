"""`labspin reproduce`: compute the figures of the three papers, and the table of their numbers."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import add_json, console, print_json, print_table

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.reproduction import Compared

__all__ = ["add", "execute"]


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "reproduce", help="compute the figures and numbers of the papers", description=__doc__
    )
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help="names as --list shows them, or nv, mr, sw; default: all"
    )
    parser.add_argument("--list", action="store_true", dest="only_list", help="list the figures")
    parser.add_argument("--numbers", action="store_true", help="print every number quoted and computed")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("reproduction"), help="folder (default: reproduction)"
    )
    parser.add_argument(
        "--measured", action="store_true",
        help="run the figure's card on the simulated bench and compare its points with the curve",
    )  # fmt: skip
    parser.add_argument(
        "--again", action="store_true", help="compute also figures that are kept from the same code"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """List, print numbers, or write PNG and CSV of each figure.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    if arguments.only_list:
        return _list(arguments)
    if arguments.numbers:
        return _numbers(arguments)
    return _measure(arguments) if arguments.measured else _write(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import FIGURES, measurements

    cards = {name: one.card for name, one in measurements().items()}
    if arguments.json:
        print_json(
            [{"name": one.name, "title": one.title, "card": cards.get(one.name)} for one in FIGURES.values()]
        )
    else:
        rows = [(one.name, one.title, cards.get(one.name, "")) for one in FIGURES.values()]
        print_table("Figures", ("name", "figure", "--measured by"), rows, whole=("name",))
    return 0


def _numbers(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import quoted_values

    found = quoted_values()
    if arguments.json:
        names = ("source", "quantity", "unit", "quoted", "computed", "ratio", "comment")
        print_json([{name: getattr(one, name) for name in names} for one in found])
        return 0
    rows = [
        (
            one.source,
            one.quantity,
            one.unit,
            one.quoted if isinstance(one.quoted, str) else f"{one.quoted:.4g}",
            f"{one.computed:.4g}",
            "" if one.ratio is None else f"{one.ratio:.3g}",
            one.comment,
        )
        for one in found
    ]
    print_table("Numbers", ("source", "quantity", "unit", "quoted", "computed", "ratio", "comment"), rows)
    return 0


def _write(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import FIGURES, reproduce

    written = []
    asked = set(arguments.figures)
    total = sum(one.seconds for one in FIGURES.values() if not asked or {one.name, one.paper} & asked)
    with _progress(total, shown=not arguments.json) as start:
        began = time.monotonic()
        for script, picture in reproduce(
            arguments.output, arguments.figures, again=arguments.again, on_start=start
        ):
            took, began = time.monotonic() - began, time.monotonic()
            written.append(
                {"name": script.name, "picture": str(picture), "data": str(picture.with_suffix(".csv"))}
            )
            if not arguments.json:
                console().print(f"{picture}  {script.title} ({took:.1f} s)", markup=False)
    if arguments.json:
        print_json(written)
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import measure, measurements

    asked = set(arguments.figures)
    known = measurements().values()
    total = sum(one.seconds for one in known if not asked or {one.name, one.name[:2]} & asked)
    with _progress(total, shown=not arguments.json) as start:
        found = list(measure(arguments.output, arguments.figures, on_start=start))
    rows = [row for one in found for row in _compared(one)]
    if arguments.json:
        print_json(rows)
        return 0
    table = [
        (row["name"], row["panel"], f"{row['chi2']:.1f}", f"{row['degrees_of_freedom']}", f"{row['p']:.2g}",
         row["remark"])
        for row in rows
    ]  # fmt: skip
    heads = ("figure", "panel", "χ²", "of", "probability", "")
    print_table("Points against the curve, without a fit", heads, table, whole=("figure",))
    for one in found:
        console().print(f"{one.picture}  {one.measurement.title}", markup=False)
    return 0


def _compared(found: Compared) -> list[dict[str, Any]]:
    return [
        {
            "name": found.measurement.name,
            "panel": panel.title,
            "chi2": panel.chi2,
            "degrees_of_freedom": panel.degrees_of_freedom,
            "p": panel.p_value,
            "remark": panel.remark,
            "card": found.measurement.card,
            "picture": str(found.picture),
        }
        for panel in found.panels
    ]


@contextlib.contextmanager
def _progress(total: float, *, shown: bool) -> Iterator[Callable[[Any], None]]:
    """Show which figure is being made, how much is left by the usual times, on the terminal only."""
    if not shown:
        yield lambda figure: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    there = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(
        *columns, TimeElapsedColumn(), console=there, transient=True, disable=not there.is_terminal
    ) as progress:
        task, before = progress.add_task("", total=total), [0.0]

        def start(figure: Any) -> None:
            progress.update(task, advance=before[0], description=figure.name)
            before[0] = figure.seconds

        yield start
        progress.update(task, advance=before[0])
