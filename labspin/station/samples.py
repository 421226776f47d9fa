"""What a simulated sample feels and shows: what a simulated device can be wired to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labspin.errors import StationError
from labspin.station.simulation import sample_numbers

__all__ = ["SampleFacts", "is_sample", "sample_facts", "sample_names"]


@dataclass(frozen=True)
class SampleFacts:
    """What there is to know of a sample.

    Attributes
    ----------
    text
        What it is.
    signals
        What instruments drive, name to unit and value as long as no instrument drives it.
    detectors
        Where an instrument looks, name to what it sees (``"photons"``, ``"analog"``).
    lines
        Lines of a pulse generator, name to what a high level does.
    numbers
        What a station file can say under ``[simulation.parameters]``, name to default in SI units.
    """

    text: str
    signals: Mapping[str, tuple[str, float]]
    detectors: Mapping[str, str]
    lines: Mapping[str, str]
    numbers: Mapping[str, object]


def sample_names() -> tuple[str, ...]:
    """Return the names of the samples that labspin and installed packages have."""
    from labspin.twin.samples import SAMPLES

    return tuple(SAMPLES)


def is_sample(one: object) -> bool:
    """Return whether an object is the class of a sample.

    Parameters
    ----------
    one
        Any object.
    """
    from labspin.twin.sample import Sample

    return inspect.isclass(one) and issubclass(one, Sample)


def sample_facts(name: str) -> SampleFacts:
    """Return what there is to know of a sample.

    Parameters
    ----------
    name
        Its name, or ``"file.py:Class"``.

    Raises
    ------
    ArgumentError
        There is none of that name, or what is there is no sample.
    """
    from labspin.twin import samples

    kind = samples.load(name, Path())
    try:
        numbers = sample_numbers(kind)
    except StationError:  # it has no settings
        numbers = {}
    words = inspect.cleandoc(vars(kind).get("__doc__") or inspect.getdoc(inspect.getmodule(kind)) or "")
    signals = {one: (unit, kind.defaults[one]) for one, unit in kind.inputs.items()}
    text = words.split("\n\nParameters\n")[0].strip()
    return SampleFacts(text, signals, kind.detectors, kind.lines, numbers)
