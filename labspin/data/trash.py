"""Runs that are no longer wanted: moved to a folder next to where they were, never deleted.

A run file goes into the folder ``.trash`` beside it, by a rename, which either happens or does not. Listings
and fits of folders pass such folders over. Emptying it is left to a person and to the file manager.
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

from labspin.data.journal.writer import journal_path
from labspin.data.nexus.publish import open_run_metadata
from labspin.data.storage import put_in_place, storage_error, sync_folder
from labspin.errors import NotARunFileError, RunFileError

__all__ = ["TRASH", "restore_run", "trash_run", "trashed_run", "trashed_runs"]

TRASH = ".trash"
"""Name of the folders."""


def trash_run(path: Path) -> Path:
    """Put a run aside and return where it is.

    Parameters
    ----------
    path
        Published run file; one that is damaged may be put aside, too.

    Raises
    ------
    RunFileError
        It is no run, is still measured, waits to be recovered, or is in the trash already.
    StorageError
        It cannot be moved.
    """
    if path.parent.name == TRASH:
        raise RunFileError(f"{path}: is in the trash already; bring it back by labspin trash --restore")
    if journal_path(path).exists():
        raise RunFileError(f"{path}: is measured, or waits for labspin recover; end that first")
    if not path.is_file():
        raise RunFileError(f"{path}: wanted a finished run, found none; labspin ls lists them")
    try:
        open_run_metadata(path)
    except NotARunFileError:
        raise
    except RunFileError:
        pass  # a run, but damaged
    return _moved(path, path.parent / TRASH)


def restore_run(path: Path) -> Path:
    """Bring a run back from the trash to the folder where it was, and return its path.

    Parameters
    ----------
    path
        The run file in its folder ``.trash``.

    Raises
    ------
    RunFileError
        There is none.
    StorageError
        It cannot be moved.
    """
    if path.parent.name != TRASH or not path.is_file():
        raise RunFileError(f"{path}: wanted a run in a folder {TRASH}; labspin trash --list lists them")
    return _moved(path, path.parent.parent)


def trashed_runs(folder: Path) -> list[Path]:
    """Return the runs of a folder and of those in it that were put aside, sorted.

    Parameters
    ----------
    folder
        Folder of the runs.
    """
    return sorted(folder.rglob(f"{TRASH}/*.h5"))


def trashed_run(name: Path, folder: Path) -> Path:
    """Return the run that was put aside under a name, or from a place.

    Parameters
    ----------
    name
        Where it is in its folder ``.trash``, where it was before, or only its name.
    folder
        Where runs are looked for that are known by their name only.

    Raises
    ------
    RunFileError
        There is none, or several.
    """
    if name.parent.name == TRASH:
        return name
    beside = name.parent / TRASH / name.name
    if beside.is_file():
        return beside
    found = [one for one in trashed_runs(folder) if one.name == name.name] if name.parent == Path() else []
    if len(found) > 1:
        raise RunFileError(f"{name}: put aside are {', '.join(map(str, found))}; name one of them")
    return found[0] if found else beside


def _take(path: Path, target: Path) -> None:
    try:
        put_in_place(path, target)
    except OSError:
        target.unlink(missing_ok=True)  # only its name is there
        raise


def _moved(path: Path, folder: Path) -> Path:
    """Move a file into a folder under a name that is free there; never over another file."""
    try:
        folder.mkdir(exist_ok=True)
        for number in itertools.count(1):
            target = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
            with contextlib.suppress(FileExistsError):
                target.touch(exist_ok=False)  # the name is ours now
                _take(path, target)
                break
        sync_folder(folder)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error, "it stays where it is") from error
    return target
