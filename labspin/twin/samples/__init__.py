"""The samples of the simulated bench, by name; a sample's physics is loaded when it is asked for.

An installed package offers samples as entry points of the group ``labspin.samples``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from labspin.errors import ArgumentError
from labspin.plugins import Registry
from labspin.twin.sample import Sample

__all__ = ["SAMPLES", "load"]

_KNOWN = {
    "levitated_diamond": "labspin.twin.samples.levitated_diamond:LevitatedDiamond",
    "mrfm_cantilever": "labspin.twin.samples.mrfm_cantilever:MRFMCantilever",
    "nv_over_film": "labspin.twin.samples.nv_over_film:NVOverFilm",
}
_REGISTRY = Registry("sample", "labspin.samples", _KNOWN, ArgumentError)


def load(name: str, folder: Path = Path()) -> type[Sample]:
    """Return the class of the sample called ``name``.

    Parameters
    ----------
    name
        One of `SAMPLES`, or ``"file.py:Class"``.
    folder
        Where a relative path starts.

    Raises
    ------
    ArgumentError
        There is none of that name, or what is there is no sample.
    """
    found = _REGISTRY.load(name, folder)
    if not isinstance(found, type) or not issubclass(found, Sample):
        raise ArgumentError(
            f"sample {name!r}: wanted a subclass of labspin.twin.sample.Sample, got {found!r}"
        )
    return found


class _Samples(Mapping[str, type[Sample]]):
    def __getitem__(self, name: str) -> type[Sample]:
        if name not in self:
            raise KeyError(name)
        return load(name)

    def __contains__(self, name: object) -> bool:
        return name in _REGISTRY.names()

    def __iter__(self) -> Iterator[str]:
        return iter(_REGISTRY.names())

    def __len__(self) -> int:
        return len(_REGISTRY.names())


SAMPLES: Mapping[str, type[Sample]] = _Samples()
"""Name -> class of the sample."""
