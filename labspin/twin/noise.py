"""Where the noise of a simulated bench comes from: one seed, and a stream of its own for every purpose."""

from __future__ import annotations

import numpy as np

__all__ = ["NoiseStreams"]

_JOB, _READING, _FAULT = 0, 1, 2


class NoiseStreams:
    """Generators that are functions of (seed, point, purpose), whatever was drawn from others before.

    Parameters
    ----------
    seed
        Where everything random comes from.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self._point, self._jobs = int(seed), -1, 0

    def begin_point(self, index: int) -> None:
        """Continue with the streams of another point.

        Parameters
        ----------
        index
            Number of the point, from 0; a negative one for what happens before the points.
        """
        self._point, self._jobs = int(index), 0

    def readings(self) -> np.random.Generator:
        """Return the generator of the noise of readings of this point."""
        return self._generator(_READING)

    def faults(self) -> np.random.Generator:
        """Return the generator of faults that happen by probability."""
        return self._generator(_FAULT)

    def next_job(self) -> np.random.Generator:
        """Return the generator of the next counting job of this point."""
        self._jobs += 1
        return self._generator(_JOB, self._jobs - 1)

    def _generator(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self._point + 1, *stream)))
