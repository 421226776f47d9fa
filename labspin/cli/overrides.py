"""What a command line changes in a run card: parameters (``--set``) and further axes (``--scan``)."""

from __future__ import annotations

import argparse

from labspin.errors import ArgumentError

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

    Raises
    ------
    ArgumentError
        A parameter is scanned twice, or scanned and set, of which one would be ignored.
    """
    scans: list[str] = arguments.scan
    scanned = [text.partition("=")[0].strip() for text in scans]
    given = {text.partition("=")[0].strip() for text in arguments.overrides}
    for place, name in enumerate(scanned):
        if not name:
            raise ArgumentError(f"--scan {scans[place]!r}: wanted 'NAME = VALUES'; leave it out for no scan")
        if name in scanned[:place]:
            raise ArgumentError(f"--scan {name!r} is given twice; give all its values in one of them")
        if name in given:
            raise ArgumentError(f"{name!r} is given by --set and by --scan; leave one of them out")
    return [*arguments.overrides, *(["scan=" + "\n".join(scans)] if scans else [])]
