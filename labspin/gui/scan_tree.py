"""A scan as a tree: axes, groups of them, and what is done around one; as the editor shows it.

Every form of a run card is a node (`labspin.experiment.algebra`). What is typed stays text, with its unit,
and is written into the card as it was typed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labspin.errors import LabspinError
from labspin.experiment import read_scan, scan_table
from labspin.gui.axes import shown

__all__ = [
    "AROUND",
    "AXES",
    "GROUPS",
    "KEPT",
    "Node",
    "as_lines",
    "described",
    "is_costly",
    "problem_of",
    "tree_of",
    "written",
]

AXES = {"linear": "even steps", "logarithmic": "equal ratios", "values": "list"}
GROUPS = {"product": "nested", "snake": "there and back", "zip": "together"}
AROUND = {"repeat": "repeated", "shuffled": "shuffled", "filter": "filtered", "alongside": "alongside"}
KEPT = "kept"  # a form that only the card can say
_NEEDED = {"values": ("values",)}  # what an axis needs beside its name
_COSTLY = 20_000  # points that a filter looks at within a millisecond or two
_LISTED = 2000  # positions of a filter that can be edited


@dataclass(frozen=True)
class Node:
    """One form of a scan."""

    kind: str
    texts: Mapping[str, str] = field(default_factory=dict)
    """What is typed, by the key of the form."""
    parts: tuple[Node, ...] = ()
    content: object = None
    """Description of a form that cannot be edited."""


def tree_of(sweep: Any) -> Node | None:
    """Return a scan as a tree; None for none.

    Parameters
    ----------
    sweep
        Description of a sweep (`Sweep.to_dict`), a table of axes, or an empty value.
    """
    if not sweep:
        return None
    if not isinstance(sweep, Mapping) or "sweep" not in sweep:
        try:
            sweep = read_scan(sweep).to_dict()
        except LabspinError:
            return Node(KEPT, content=sweep)
    try:
        return _node(sweep)
    except (KeyError, TypeError, ValueError):  # a card that says something else than the form has
        return Node(KEPT, content=sweep)


def _node(sweep: Mapping[str, Any]) -> Node:
    kind = sweep["sweep"]
    unit = str(sweep.get("unit", "1"))
    if kind in GROUPS:
        return Node(kind, {}, tuple(_node(part) for part in sweep["of"]))
    if kind in ("linear", "logarithmic"):
        ends = {end: _text(sweep[end], unit) for end in ("start", "stop")}
        return Node(kind, {"name": sweep["name"], **ends, "number": str(int(sweep["number"]))})
    if kind == "values":
        return Node(kind, {"name": sweep["name"], "values": _list(sweep["values"], unit)})
    if kind not in AROUND or len(sweep.get("keep") or ()) > _LISTED:
        return Node(KEPT, content=sweep)
    texts = {
        key: _list(value, unit) if isinstance(value, list) else str(value)
        for key, value in sweep.items()
        if key not in ("sweep", "of", "unit") and value is not None
    }
    return Node(kind, texts, (_node(sweep["of"]),))


def _list(values: Sequence[Any], unit: str) -> str:
    return ", ".join(_text(value, unit) for value in values)


def _text(value: Any, unit: str) -> str:
    return value if isinstance(value, str) else shown(float(value), unit, 12)


def described(node: Node | None) -> Any:
    """Return the description of a tree as a run card has it; ``""`` for none.

    Parameters
    ----------
    node
        The tree.
    """
    if node is None:
        return ""
    if node.kind == KEPT:
        return node.content
    texts = {key: text.strip().replace("\N{MINUS SIGN}", "-") for key, text in node.texts.items()}
    if node.kind in GROUPS:
        return {"sweep": node.kind, "of": [described(part) for part in node.parts]}
    if node.kind in ("linear", "logarithmic"):
        start, stop = _in_one_unit([texts["start"], texts["stop"]])
        number = _whole(texts["number"])
        return {"sweep": node.kind, "name": texts["name"], "start": start, "stop": stop, "number": number}
    if node.kind == "values":
        return {"sweep": node.kind, "name": texts["name"], "values": _in_one_unit(_parted(texts["values"]))}
    said: dict[str, object] = {"sweep": node.kind}
    for key, text in texts.items():
        if text and not (key == "inner" and text != "True"):
            said[key] = _SAID.get(key, str)(text)
    return {**said, "of": described(node.parts[0]) if node.parts else ""}


def _whole(text: str) -> object:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _parted(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _in_one_unit(texts: Sequence[str]) -> list[object]:
    """Return values as a card has them; where only the last one has a unit, it is that of all."""
    values = [_plain(text) for text in texts]
    if not values or not isinstance(values[-1], str) or any(isinstance(value, str) for value in values[:-1]):
        return values
    unit = values[-1].lstrip("+-.eE0123456789").strip()
    return [*(f"{text} {unit}" for text in texts[:-1]), values[-1]]


def _plain(text: str) -> object:
    try:
        return int(text) if text.removeprefix("-").isdecimal() else float(text)
    except ValueError:
        return text


_SAID: Mapping[str, Any] = {
    "number": _whole,
    "seed": _whole,
    "inner": lambda text: text == "True",
    "where": _parted,
    "keep": lambda text: [_whole(part) for part in _parted(text)],
    "values": lambda text: _in_one_unit(_parted(text)),
}
"""Keys of what is around a scan -> what a card says for a text."""


def written(node: Node | None) -> Any:
    """Return a tree as a table of axes where one says it, else its description; ``""`` for none.

    Parameters
    ----------
    node
        The tree.
    """
    content = described(node)
    if not content or node is None or node.kind == KEPT:
        return content
    table = scan_table(content)
    if table is None:
        return content
    listed = {name: value for name, value in table.items() if name != "together"}
    texts = {name: ", ".join(map(str, v)) if isinstance(v, list) else v for name, v in listed.items()}
    return {**texts, **({"together": table["together"]} if "together" in table else {})}


def as_lines(scan: Any) -> str:
    """Return a scan as a command line takes it: lines of axes, or a form as a table within a line.

    Parameters
    ----------
    scan
        What `written` returned.
    """
    if not isinstance(scan, Mapping):
        return ""
    if "sweep" in scan:
        return _inline(scan)
    return "\n".join(
        f"{name} = {', '.join(values) if isinstance(values, list) else values}"
        for name, values in scan.items()
    )


def _inline(value: Any) -> str:
    """Return a value as TOML within a line."""
    import json

    if isinstance(value, Mapping):
        said = ", ".join(f"{key} = {_inline(part)}" for key, part in value.items() if part is not None)
        return f"{{ {said} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)


def problem_of(node: Node | None) -> str:
    """Return what is missing or contradictory in a tree, or ``""``.

    Parameters
    ----------
    node
        The tree.
    """
    if node is None:
        return ""
    names = [one.texts["name"] for one in _axes(node)]
    for one in _all(node):
        if text := _missing(one):
            return f"scan: {text}"
    if len(set(names)) < len(names):
        return f"scan: {max(names, key=names.count)} is there twice; remove one of the axes"
    return ""


def is_costly(node: Node | None) -> bool:
    """Return whether a filter has to look at so many points that a window would wait for it.

    Parameters
    ----------
    node
        The tree.
    """
    if node is None or all(one.kind != "filter" for one in _all(node)):
        return False
    counts = (_count(one) for one in _all(node))
    return math.prod(counts) > _COSTLY


def _count(node: Node) -> int:
    if node.kind == "values":
        return len(_parted(node.texts["values"]))
    number = node.texts.get("number", "1")
    return int(number) if number.isdecimal() else 1


def _missing(node: Node) -> str:
    texts = {key: text.strip() for key, text in node.texts.items()}
    if node.kind in AXES:
        if not texts["name"]:
            return "an axis has no name; choose a parameter or a set-point"
        if not all(texts.get(key) for key in _NEEDED.get(node.kind, ("start", "stop", "number"))):
            return f"{texts['name']}: wanted a first and a last value, or a list, got nothing"
    if node.kind in GROUPS and not node.parts:
        return f"{GROUPS[node.kind]}: has no axis; add one, or remove it"
    if node.kind == "zip" and any(part.kind not in (*AXES, "zip", KEPT) for part in node.parts):
        return "together: wanted axes only; put what is around them around the whole"
    for key in ("number", "seed"):
        if node.kind in AROUND and key in texts and not texts[key].isdecimal():
            return f"{AROUND[node.kind]}: {key}: wanted a whole number, got {texts[key]!r}"
    if node.kind == "filter" and not (texts.get("where") or texts.get("keep")):
        return "filtered: wanted a condition, such as dark_time < 5 ms, got nothing"
    if node.kind == "alongside" and not all(texts.get(key) for key in ("axis", "name", "values")):
        return "alongside: wanted the axis, what moves with it, and a value for each of its values"
    return ""


def _all(node: Node) -> Iterator[Node]:
    yield node
    yield from itertools.chain.from_iterable(map(_all, node.parts))


def _axes(node: Node) -> Iterator[Node]:
    return (one for one in _all(node) if one.kind in AXES)
