"""The runs of a folder, looked at again and again: only files that have changed are read."""

from __future__ import annotations

from pathlib import Path

from labspin.data.journal.writer import journal_path
from labspin.data.reader import RunSummary, run_files, summary_of

__all__ = ["RunFolder"]

_Stamp = tuple[int, int, int]


class RunFolder:
    """A folder of run files; to be used by one thread at a time.

    Parameters
    ----------
    folder
        Folders within it are not searched.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._known: dict[Path, tuple[_Stamp, RunSummary | None]] = {}

    def list(self) -> list[RunSummary]:
        """Return all runs, oldest first, as `list_runs` does.

        Raises
        ------
        RunFileError
            The folder cannot be read.
        """
        found = {path: self._looked_at(path) for path in run_files(self.folder)}
        self._known = {path: known for path, known in found.items() if known[0] is not None}  # type: ignore[misc]
        runs = [summary for _, summary in found.values() if summary is not None]
        return sorted(runs, key=lambda summary: (summary.started, summary.path))

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
