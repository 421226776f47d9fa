"""What makes a kept result stale: a digest of the sources that it came from."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from labspin.system import read_bounded

__all__ = ["KeptResults", "digest_of"]

_FILE = "kept.json"


def digest_of(*texts: str) -> str:
    """Return twelve hexadecimal digits that differ where a text does.

    Parameters
    ----------
    *texts
        Sources and settings.
    """
    whole = hashlib.sha256()
    for text in (*texts, version("numpy"), version("scipy")):
        whole.update(f"{len(text)}:".encode())
        whole.update(text.encode())
    return whole.hexdigest()[:12]


class KeptResults:
    """Which result in a folder came from which source.

    Parameters
    ----------
    folder
        Where results and their record stand.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        try:
            known = json.loads(read_bounded(self._file))
        except (OSError, ValueError):
            known = {}  # none yet, or one that a crash cut off: everything is computed again
        self._known: dict[str, str] = known if isinstance(known, dict) else {}

    def has(self, path: Path, source: str) -> bool:
        """Return whether a file is there and came from ``source``.

        Parameters
        ----------
        path
            The file.
        source
            Digest of what it would be made from now.
        """
        return path.exists() and self._known.get(path.name) == source

    def add(self, path: Path, source: str) -> None:
        """Note that a file was made from ``source``.

        Parameters
        ----------
        path
            The file.
        source
            Digest of what it was made from.
        """
        self._known[path.name] = source
        self._file.write_text(json.dumps(self._known, indent=1, sort_keys=True), encoding="utf-8")
