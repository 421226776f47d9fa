"""Descriptions of simulated samples, and where in a workspace a name may stand that labspin does not know."""

from __future__ import annotations

import os
import re
from pathlib import Path

from labspin.session.descriptions import Description, listing, value_text
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
    stated = re.compile(rf"^(?:class|def) {name}\b|^{name} *[:=]|^ +role\b[^\n#]*= *\"{name}\"", re.MULTILINE)
    for path in (path for folder in _FOLDERS for path in sorted((root / folder).glob("*.*"))):
        place = os.path.relpath(path)
        if path.suffix in (".toml", ".py") and path.stem == name:
            found.append(place)
        elif path.suffix == ".py" and (at := stated.search(path.read_text("utf-8", errors="replace"))):
            is_object = at[0].split(" ")[-1].startswith(name) and not at[0].startswith(" ")
            found.append(f"{place}:{name}" if is_object else place)
    return found
