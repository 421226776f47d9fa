"""The samples of the simulated bench, by name; a sample's physics is loaded when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping

from labspin.errors import ArgumentError
from labspin.twin.sample import Sample

__all__ = ["SAMPLES", "load"]

_KNOWN = {
    "levitated_diamond": "LevitatedDiamond",
    "mrfm_cantilever": "MRFMCantilever",
    "nv_over_film": "NVOverFilm",
}


def load(name: str) -> type[Sample]:
    """Return the class of the sample called ``name``.

    Raises
    ------
    ArgumentError
        There is none of that name.
    """
    if name not in SAMPLES:
        raise ArgumentError(f"sample {name!r} is not known; there are: {', '.join(SAMPLES)}")
    sample: type[Sample] = getattr(importlib.import_module(f"{__name__}.{name}"), _KNOWN[name])
    return sample


class _Samples(Mapping[str, type[Sample]]):
    def __getitem__(self, name: str) -> type[Sample]:
        if name not in self:
            raise KeyError(name)
        return load(name)

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)

    def __iter__(self) -> Iterator[str]:
        return (name for name in _KNOWN if importlib.util.find_spec(f"{__name__}.{name}") is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


SAMPLES: Mapping[str, type[Sample]] = _Samples()
"""Name -> class of the sample."""
