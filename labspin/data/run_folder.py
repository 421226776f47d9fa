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
class FolderChanges:
    """What has changed in a folder of runs since it was last asked."""

    runs: tuple[RunSummary, ...]
    """Runs that are new, or not what they were."""
    gone: tuple[Path, ...]
    """Files that are there no more, or are no runs any more."""
    is_whole: bool
    """Whether the whole folder has been looked at; otherwise the next call goes on."""


class RunFolder:
    """A folder of run files; to be used by one thread at a time.

    Parameters
    ----------
    folder
        Folders within it are not searched.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._known: dict[Path, tuple[_Stamp | None, RunSummary | None]] = {}
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
            gone += [path for path, (_, summary) in lost.items() if summary is not None]
        while self._left:
            path = self._left.pop()
            _, before = self._known.get(path, (None, None))
            self._known[path] = self._looked_at(path)
            now = self._known[path][1]
            if now is None and before is not None:
                gone.append(path)
            elif now is not None and now != before:
                runs.append(now)
            if time.monotonic() > end:
                break
        return FolderChanges(tuple(runs), tuple(gone), not self._left)

    def _looked_at(self, path: Path) -> tuple[_Stamp | None, RunSummary | None]:
        """Return what is known of a run, and the stamp of its file; none where it may change by itself."""
        if journal_path(path).exists():
            return None, summary_of(path)
        try:
            status = path.stat()
        except OSError:
            return None, summary_of(path)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._known.get(path)
        return known if known is not None and known[0] == stamp else (stamp, summary_of(path))
