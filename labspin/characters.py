"""Characters that act instead of being seen, in texts that others wrote.

A label, a path, a comment or a message may hold any character. Control characters are orders to a terminal,
marks of direction turn the order in which the text around them is read, and some have no width at all. What
is shown to a person passes through `visible`, which shows such characters as their codes.
"""

from __future__ import annotations

import re

__all__ = ["UNSEEN", "visible"]

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and line feed
_DIRECTIONS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_WITHOUT_WIDTH = r"\u200b\u2028\u2029\u2060-\u2064\ufeff"
_NOT_CHARACTERS = r"\ud800-\udfff\ufffe\uffff"

UNSEEN = re.compile(f"[{_CONTROLS}{_DIRECTIONS}{_WITHOUT_WIDTH}{_NOT_CHARACTERS}]")
"""One character that is not shown as it is."""


def visible(text: str, longest: int | None = None) -> str:
    r"""Return a text with codes such as ``\x1b`` or ``\u202e`` in place of characters that are not seen.

    Parameters
    ----------
    text
        Any text.
    longest
        Characters that are kept; what is longer loses its middle. None keeps all.
    """
    if longest is not None and len(text) > longest:
        text = f"{text[: longest // 2]} … {text[len(text) - longest // 2 :]}"
    return UNSEEN.sub(lambda match: ascii(match[0])[1:-1], text)
