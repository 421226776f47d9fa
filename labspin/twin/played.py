"""What has been played on the lines, what is being played, and what is known to follow.

A history is a row of *episodes*, stretches of time with one pattern and one course of every signal. What is
over is kept for counting jobs that were armed in the past, and given to those that are armed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from weakref import WeakSet

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.twin.counting import CountJob, Episode

__all__ = ["Played"]

_REMEMBERED = 4096  # episodes that a job armed in the past can still count


class Played:
    """The episodes of a world, oldest first.

    Parameters
    ----------
    first
        What is played from the beginning.

    Attributes
    ----------
    episodes : list of Episode
        The present one, and those that are known to follow; the last has no end.
    """

    def __init__(self, first: Episode) -> None:
        self.episodes = [first]
        self._past: deque[Episode] = deque(maxlen=_REMEMBERED)
        self._jobs: WeakSet[CountJob] = WeakSet()

    def at(self, time: float) -> Episode:
        """Return the episode of a time that is not before the last change.

        Parameters
        ----------
        time
            Simulated time, s.
        """
        return next((one for one in self.episodes if time < one.stop), self.episodes[-1])

    def parted(self, times: FloatArray) -> Iterator[tuple[Episode, FloatArray]]:
        """Cut times where one pattern ends and the next begins; yield each episode with its times.

        Parameters
        ----------
        times
            Simulated times, s, increasing; shape (n,).
        """
        stops = np.array([episode.stop for episode in self.episodes[:-1]])
        cuts = [0, *np.searchsorted(times, stops).tolist(), times.size]
        for episode, begin, end in zip(self.episodes, cuts[:-1], cuts[1:], strict=True):
            if end > begin:
                yield episode, times[begin:end]

    def ends_between(self, start: float, stop: float) -> list[float]:
        """Return the times, s, at which episodes end within an interval.

        Parameters
        ----------
        start, stop
            The interval without its ends, s.
        """
        return [episode.stop for episode in self.episodes if start < episode.stop < stop]

    def pass_to(self, now: float) -> None:
        """Put what is over into the past.

        Parameters
        ----------
        now
            Simulated time, s.
        """
        while self.episodes[0].stop <= now:
            self._remember(self.episodes.pop(0))

    def replace(self, episodes: list[Episode]) -> None:
        """Let ``episodes`` follow from now on; jobs take with them what passed of the present one.

        Parameters
        ----------
        episodes
            At least one; the first begins now.
        """
        self._remember(dataclasses.replace(self.episodes[0], stop=episodes[0].start))
        self.episodes = episodes

    def arm(self, job: CountJob) -> None:
        """Let a job count what will pass, and what has passed since it was armed.

        Parameters
        ----------
        job
            It may be armed in the past.
        """
        # In order of time, so that a long history costs nothing: only what ended after the job was armed.
        missed = itertools.takewhile(lambda past: past.stop > job.armed, reversed(self._past))
        self._give(job, reversed(list(missed)))
        self._jobs.add(job)

    def _remember(self, episode: Episode) -> None:
        if episode.stop > episode.start:
            for job in self._jobs:
                self._give(job, [episode])
            self._past.append(episode)

    @staticmethod
    def _give(job: CountJob, episodes: Iterable[Episode]) -> None:
        for episode in episodes:
            job.absorb(episode, episode.stop)
