"""How objects show themselves in a notebook: a title, a few facts and a table, as plain HTML.

Every text is escaped: labels, comments and names come from files and from people.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["html_page"]


def html_page(
    title: str,
    facts: Iterable[tuple[str, str]] = (),
    heads: Sequence[str] = (),
    rows: Iterable[Sequence[str]] = (),
    notes: Iterable[str] = (),
) -> str:
    """Return HTML for a notebook.

    Parameters
    ----------
    title
        What it is.
    facts
        Name and text of what holds for all of it; empty texts are left out.
    heads, rows
        Heads and rows of a table; none without rows.
    notes
        Sentences below it.
    """
    said = " · ".join(f"{_text(name)}: {_text(text)}" for name, text in facts if text)
    parts = [f"<div><strong>{_text(title)}</strong>", f"<br><small>{said}</small>" if said else ""]
    lines = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if lines:
        head = "".join(f"<th>{_text(name)}</th>" for name in heads)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>")
    parts += [f"<p><small>{_text(note)}</small></p>" for note in notes]
    return "".join([*parts, "</div>"])


def _text(value: object) -> str:
    return html.escape(str(value))
