"""`labspin sequence`: draw the pulses of a run card with the counter's gates; nothing is connected."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json
from labspin.cli.overrides import add_overrides, overrides_of

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.session import Card

__all__ = ["add", "draw", "execute"]


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "sequence", help="draw the pulses of a run card and the counter's gates", description=__doc__
    )
    parser.add_argument("card", type=Path, help="run card (TOML)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="PNG, SVG or PDF (default: CARD-sequence.png, here)"
    )
    add_overrides(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Draw, and say where the picture is.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import load_card

    path = draw(load_card(arguments.card, overrides=overrides_of(arguments)), arguments.output)
    if arguments.json:
        print_json({"path": str(path)})
    else:
        console().print(str(path), markup=False)
    return 0


def draw(card: Card, output: Path | None) -> Path:
    """Draw the pulses of a card into a file and return its path.

    Parameters
    ----------
    card
        The card.
    output
        PNG, SVG or PDF; None: a PNG here, named after the card.

    Raises
    ------
    CardError
        No run of the card plays pulses.
    FitError
        The picture cannot be drawn in the format of its name, or would take the place of something else.
    """
    from labspin.analysis import plot_sequences
    from labspin.session import card_sequences

    name = f"{card.path.stem}-sequence.png"
    path = Path(name) if output is None else output / name if output.is_dir() else output
    return plot_sequences(card_sequences(card), path)
