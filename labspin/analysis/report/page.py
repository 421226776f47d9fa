"""Pieces of an HTML page: text is escaped unless it is `Html` already, so that no caller can forget."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from labspin.characters import UNSEEN

__all__ = ["Html", "document", "folded", "join", "pairs", "section", "table", "tag"]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_VOID = frozenset({"img", "meta", "br"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def _escaped(child: str) -> str:
    return child if isinstance(child, Html) else html.escape(UNSEEN.sub("\N{REPLACEMENT CHARACTER}", child))


def tag(name: str, /, *children: str, **attributes: str) -> Html:
    """Return an element; ``class_`` stands for the attribute ``class``.

    Parameters
    ----------
    name
        Name of the element, such as ``"p"``.
    children
        What the element holds: text, or `Html` that is taken as it is. A void element holds nothing.
    attributes
        Attributes of the element; a hyphen in a name is written ``_``, a trailing ``_`` is dropped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"' for key, value in attributes.items()
    )
    inner = "".join(map(_escaped, children))
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{inner}</{name}>")


def join(pieces: Iterable[str]) -> Html:
    """Return the pieces one after the other.

    Parameters
    ----------
    pieces
        Text, which is escaped, or `Html`.
    """
    return Html("".join(map(_escaped, pieces)))


def section(title: str, *children: str) -> Html:
    """Return a part of the page under a heading; nothing if it would be empty.

    Parameters
    ----------
    title
        The heading.
    children
        Text, which is escaped, or `Html`.
    """
    inner = join(children)
    return tag("section", tag("h2", title), inner) if inner else inner


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, limit: int | None = None) -> Html:
    """Return a table that scrolls sideways on a narrow screen; rows beyond ``limit`` are only counted.

    Parameters
    ----------
    heads
        Heading of each column; empty: no headings.
    rows
        Text of each cell, row by row; without rows there is no table.
    limit
        How many rows to show; None: all.
    """
    if not rows:
        return Html("")
    shown = rows if limit is None else rows[:limit]
    head = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in heads))) if heads else Html("")
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in shown))
    more = len(rows) - len(shown)
    note = tag("p", f"… and {more} more in the run file.", class_="note") if more else Html("")
    return join([tag("div", tag("table", head, body), class_="wide"), note])


def pairs(content: Iterable[tuple[str, str]]) -> Html:
    """Return a list of names and what they stand for.

    Parameters
    ----------
    content
        Names and their texts; without any the list is left out.
    """
    items = [join([tag("dt", name), tag("dd", value)]) for name, value in content]
    return tag("dl", *items) if items else Html("")


def folded(title: str, *children: str) -> Html:
    """Return a part that the reader can unfold; it is printed in any case, and nothing if it would be empty.

    Parameters
    ----------
    title
        What is shown while it is folded.
    children
        Text, which is escaped, or `Html`.
    """
    inner = join(children)
    return tag("details", tag("summary", title), inner) if inner else inner


def document(title: str, *children: str) -> str:
    """Return a whole HTML page, with its style inside.

    Parameters
    ----------
    title
        Title of the page.
    children
        Text, which is escaped, or `Html`.
    """
    head = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", title),
            tag("style", Html(_STYLE)),
        ]
    )
    page = tag("html", tag("head", head), tag("body", tag("main", *children)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


_STYLE = """
:root { --ink: #1b1f24; --paper: #fff; --faint: #5b6570; --line: #d5dae0; --panel: #f4f6f8;
  --good: #1a7f4b; --bad: #b3261e; --note: #8a5a00; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #14181c; --faint: #9aa5b0;
  --line: #343c45; --panel: #1d2329; --good: #5fd39a; --bad: #ff8a80; --note: #f0b95a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p, li, dd { overflow-wrap: anywhere; } td { overflow-wrap: break-word; }
.note, .meta { color: var(--faint); }
.badge { display: inline-block; padding: .05rem .55rem; margin-right: .4rem; border-radius: 1rem;
  border: 1px solid currentColor; font-size: .85rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--note); }
.box { background: var(--panel); border-left: .3rem solid var(--note); padding: .5rem 1rem; margin: 1rem 0; }
.box ul { margin: .3rem 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0;
  border-bottom: 1px solid var(--line); }
td { min-width: 4rem; }
th { color: var(--faint); font-weight: 600; white-space: nowrap; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .15rem 1rem; margin: .4rem 0; }
dt { color: var(--faint); overflow-wrap: anywhere; } dd { margin: 0; }
figure { margin: 1rem 0; overflow-x: auto; }
figure img { display: block; max-width: 100%; min-width: 36rem; height: auto; background: #fff;
  border-radius: .4rem; margin: 0 auto; }
figcaption { color: var(--faint); font-size: .9rem; }
pre { background: var(--panel); padding: .6rem .8rem; overflow-x: auto; font-size: .85rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .5rem 0; } summary { cursor: pointer; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
@media print { :root { --ink: #000; --paper: #fff; --faint: #444; --line: #bbb; --panel: #fff;
    color-scheme: light; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; } .wide, figure { overflow: visible; } figure img { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; } }
"""
