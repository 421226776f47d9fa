"""The photon detectors of a simulated bench, by the sample's names for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from labspin.errors import ArgumentError
from labspin.twin.counting import PhotonDetector
from labspin.twin.sample import Sample

__all__ = ["PhotonDetectors"]


class PhotonDetectors(dict[str, PhotonDetector]):
    """Properties of each photon detector of a sample by name, and the stray light that falls onto it.

    Parameters
    ----------
    sample
        Its ``detectors`` say which of them count photons.
    given
        Efficiency, dark rate and dead time; a detector that is left out is ideal.

    Raises
    ------
    ArgumentError
        The sample has no photon detector of a name in ``given``.
    """

    def __init__(self, sample: Sample, given: Mapping[str, PhotonDetector]) -> None:
        super().__init__(
            {name: PhotonDetector() for name, kind in sample.detectors.items() if kind == "photons"}
        )
        self._unblinded: dict[str, PhotonDetector] = {}
        for name, detector in given.items():
            if name not in self:
                raise ArgumentError(
                    f"detector {name!r}: the sample has no such photon detector; "
                    f"there are: {', '.join(self) or 'none'}"
                )
            self[name] = detector

    def connected(self, name: str) -> PhotonDetector:
        """Return the detector of an input; ``""`` is an open one, which counts nothing.

        Parameters
        ----------
        name
            Name of a photon detector of the sample, or ``""``.
        """
        return self[name] if name else PhotonDetector()

    def blind(self, name: str, rate: float = 1e10) -> None:
        """Let stray light onto a detector: ``rate`` counts per second more, until `unblind`.

        Parameters
        ----------
        name
            Name of a photon detector.
        rate
            Counts that the stray light adds, 1/s, as a higher dark rate.
        """
        clear = self._unblinded.setdefault(name, self[name])
        self[name] = dataclasses.replace(clear, dark_rate=clear.dark_rate + rate)

    def unblind(self, name: str) -> None:
        """Remove the stray light that `blind` added.

        Parameters
        ----------
        name
            Name of a photon detector.
        """
        self[name] = self._unblinded.pop(name, self[name])
