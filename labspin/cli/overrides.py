"""What a command line changes in a run card: parameters (``--set``) and further axes (``--scan``)."""

from __future__ import annotations

import argparse

__all__ = ["add_overrides", "overrides_of"]


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Declare ``--set`` and ``--scan``.

    Parameters
    ----------
    parser
        Parser of a command that reads a run card.
    """
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides",
        help="override a parameter of every run, for example --set averages=2",
    )  # fmt: skip
    parser.add_argument(
        "--scan", action="append", default=[], metavar="'NAME = VALUES'",
        help="repeat every run along an axis, a parameter or a set-point of the station, for example "
        "--scan 'microwave_power = -10 dBm … 10 dBm, 5'; several are nested, the first outermost",
    )  # fmt: skip


def overrides_of(arguments: argparse.Namespace) -> list[str]:
    """Return both as overrides of parameters, ``"NAME=VALUE"``.

    Parameters
    ----------
    arguments
        Arguments of the command.
    """
    scans: list[str] = arguments.scan
    return [*arguments.overrides, *(["scan=" + "\n".join(scans)] if scans else [])]
