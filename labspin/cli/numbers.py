"""Numbers on a command line, refused by `argparse` where they are out of range."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["positive", "whole_from"]


def whole_from(least: int) -> Callable[[str], int]:
    """Return what reads a whole number.

    Parameters
    ----------
    least
        The smallest that is taken.

    Returns
    -------
        Function of a word, for the argument ``type`` of `argparse`.
    """

    def read(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if found < least:
            raise argparse.ArgumentTypeError(f"wanted a whole number from {least}, got {text!r}")
        return found

    return read


def positive(text: str) -> float:
    """Return a number above zero, not infinite.

    Parameters
    ----------
    text
        A word of the command line.

    Raises
    ------
    ArgumentTypeError
        It is something else.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"wanted a number above 0, got {text!r}")
    return found
