"""The runs of a folder, looked at again and again: only files that have changed are read."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from labspin.data.journal.writer import journal_path
from labspin.data.reader import RunSummary, run_files, summary_of

__all__ = ["FolderChanges", "RunFolder"]

_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class _Known:
    """What is remembered of a file."""

    stamp: _Stamp | None = None
    is_run: bool = False
    growing: RunSummary | None = None
    """Of a run that has no stamp; of ten thousand others no summary is kept."""


@dataclass(frozen=True)
class FolderChanges:
    """What has changed in a folder of runs since it was last asked."""

    runs: tuple[RunSummary, ...]
    """Runs that are new, or not what they were."""
    gone: tuple[Path, ...]
    """Files that are there no more, or are no runs any more."""
    is_whole: bool
    """Whether the whole folder has been looked at; otherwise the next call continues."""


class RunFolder:
    """A folder of run files; to be used by one thread at a time.

    Parameters
    ----------
    folder
        Folders within it are not searched.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._known: dict[Path, _Known] = {}
        self._left: list[Path] = []

    def changes(self, seconds: float = math.inf) -> FolderChanges:
        """Return what has changed since the last call; at first every run is new, the last name first.

        Parameters
        ----------
        seconds
            Time after which the look is broken off, s; at least one file is looked at.

        Raises
        ------
        RunFileError
            The folder cannot be read.
        """
        end = time.monotonic() + seconds
        runs, gone = [], []
        if not self._left:
            self._left = run_files(self.folder)
            lost = {path: self._known.pop(path) for path in self._known.keys() - set(self._left)}
            gone += [path for path, known in lost.items() if known.is_run]
        while self._left:
            path = self._left.pop()
            before = self._known.get(path, _Known())
            summary = self._look_at(path, before)
            if summary is not None:
                runs.append(summary)
            elif before.is_run and not self._known[path].is_run:
                gone.append(path)
            if time.monotonic() > end:
                break
        return FolderChanges(tuple(runs), tuple(gone), not self._left)

    def _look_at(self, path: Path, before: _Known) -> RunSummary | None:
        """Note what a file is now; return the run if it is new or has changed."""
        stamp = _stamp_of(path)
        if stamp is not None and stamp == before.stamp:
            return None
        summary = summary_of(path)
        self._known[path] = _Known(stamp, summary is not None, summary if stamp is None else None)
        return None if summary == before.growing and stamp is None else summary


def _stamp_of(path: Path) -> _Stamp | None:
    """Return what changes whenever a file does; None where a run may grow without it."""
    if journal_path(path).exists():
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
