"""Descriptions of simulated samples, and where in a workspace a name may stand that labspin does not know."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from labspin.session.descriptions import Description, listing, value_text
from labspin.system import bounded_text
from labspin.workspaces import quantity_text

__all__ = ["described_sample", "places_of"]

_FOLDERS = ("procedures", "analysis", "instruments")


def described_sample(name: str) -> Description:
    """Return what a simulated sample feels and shows.

    Parameters
    ----------
    name
        Its name, or ``"file.py:Class"``.

    Raises
    ------
    ArgumentError
        There is none of that name, or what is there is no sample.
    """
    from labspin.station.samples import sample_facts

    facts = sample_facts(name)
    signals = ((one, unit, quantity_text(value, unit)) for one, (unit, value) in facts.signals.items())
    numbers = ((one, value_text(value)) for one, value in facts.numbers.items())
    return Description(
        f"sample {name}, for [simulation] in a station file",
        facts.text,
        (
            listing(
                "signals that a simulated device drives or reads", ("signal", "unit", "undriven"), signals
            ),
            listing("what a detector looks at", ("detector", "sees"), facts.detectors.items()),
            listing("lines of a pulse generator", ("line", "a high level"), facts.lines.items()),
            listing("numbers under [simulation.parameters]", ("number", "default (SI)"), numbers),
        ),
    )


def places_of(name: str, root: Path) -> list[str]:
    """Return what could be shown for a name of a laboratory's own: its files, and objects in Python files.

    Parameters
    ----------
    name
        The name, such as that of a role, a class or a card.
    root
        The workspace; its folders for procedures, recipes and stations are searched, not those below.
    """
    if not name.isidentifier():
        return []
    found = []
    for path in (path for folder in _FOLDERS for path in sorted((root / folder).glob("*.*"))):
        place = os.path.relpath(path)
        if path.suffix in (".toml", ".py") and path.stem == name:
            found.append(place)
        elif path.suffix == ".py":
            found += [f"{place}:{one}" for one in _objects_called(name, path)]
    return found


def _objects_called(name: str, path: Path) -> list[str]:
    """Return the objects of a Python file with a name, or with it as a word of their own, such as a role."""
    try:
        module = ast.parse(bounded_text(path))
    except (OSError, SyntaxError, ValueError):
        return []
    found = []
    for one in module.body:
        if isinstance(one, ast.ClassDef):
            said = (part for part in one.body if isinstance(part, ast.Assign))
            words = [node.value for part in said for node in ast.walk(part) if isinstance(node, ast.Constant)]
            found += [one.name] if name == one.name or name in words else []
        elif isinstance(one, ast.FunctionDef):
            found += [name] if name == one.name else []
        elif isinstance(one, ast.Assign):
            found += [name for node in one.targets if isinstance(node, ast.Name) and node.id == name]
    return found
