"""Numbers of things in words: "1 run", "3 runs"."""

from __future__ import annotations

__all__ = ["number_of"]


def number_of(count: int, thing: str, one: str = "", several: str = "") -> str:
    """Return how many things there are, in the singular or the plural.

    Parameters
    ----------
    count
        How many.
    thing
        One of them; its plural has an s.
    one, several
        What one does, and what several do: "waits", "wait".
    """
    return f"{count} {thing} {one}".rstrip() if count == 1 else f"{count} {thing}s {several}".rstrip()
