"""Runs for folders where none can be made: made on a local disk, moved there when they are finished.

Network shares often know no locks, or no flush of a folder: a journal there could not tell whether its writer
lives. A *spool* is a local folder in which such a run is made. Beside it lies a note (``….h5.target``) of
where it belongs. The finished file is copied there under a hidden name, read back and compared, and renamed;
then the one in the spool goes. Whatever is killed in between, either the spool or the target has the whole
file, and `deliver_all` finds what is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
from pathlib import Path

from labspin.data.journal.writer import journal_path
from labspin.data.storage import replace_file, whole_file
from labspin.errors import RunFileError, StorageError
from labspin.system import read_bounded, reason_of

__all__ = ["deliver", "deliver_all", "note_target", "place_in_spool"]

_log = logging.getLogger(__name__)
_NOTE = ".target"
_KEPT = "the run is finished and stays in the spool; 'labspin recover' moves it when the folder is back"


def place_in_spool(target: Path, spool: Path) -> Path:
    """Return where a run is made that belongs elsewhere: a name in the spool that is not taken.

    Parameters
    ----------
    target
        The run file as it shall be.
    spool
        A local folder; it is made where missing.

    Raises
    ------
    StorageError
        The spool cannot be made.
    """
    try:
        spool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{spool}: {reason_of(error, writing=True)}; no run was started") from error
    return _free(spool / target.name)


def note_target(local: Path, target: Path) -> None:
    """Note beside a run in the spool where it belongs.

    Parameters
    ----------
    local
        The run file in the spool, which need not exist yet.
    target
        Where it belongs.

    Raises
    ------
    StorageError
        The note cannot be written.
    """
    note = json.dumps({"target": str(target.resolve())}).encode()
    replace_file(_note_of(local), note, "no run was started")


def deliver(local: Path) -> Path:
    """Move a finished run from the spool to where it belongs, and return its path.

    Parameters
    ----------
    local
        The finished file; one without a note is left where it is.

    Raises
    ------
    StorageError
        It cannot be moved; it stays in the spool, whole.
    """
    target = _target_of(local)
    if target is None:
        return local
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = _digest(local)
        placed = _placed(local, target, digest)
    except OSError as error:
        raise StorageError(f"{target}: {reason_of(error, writing=True)}; {_KEPT}") from error
    for left in (local, _note_of(local)):
        with contextlib.suppress(OSError):
            left.unlink(missing_ok=True)
    return placed


def deliver_all(spool: Path) -> list[Path]:
    """Move what is finished in a spool to where it belongs, and return its path.

    What cannot be moved stays and is logged.

    Parameters
    ----------
    spool
        The folder; it need not exist.
    """
    delivered = []
    for note in sorted(spool.glob(f"*.h5{_NOTE}")):
        local = note.with_name(note.name.removesuffix(_NOTE))
        if journal_path(local).exists() or not local.exists():
            continue
        try:
            delivered.append(deliver(local))
        except RunFileError as error:
            _log.error("%s", error)
    return delivered


def _placed(local: Path, target: Path, digest: bytes) -> Path:
    """Return the path of the file at its target: put there now, or by a process killed afterwards."""
    while target.exists():
        if _digest(target) == digest:
            return target
        target = _free(target)
    with whole_file(target, _KEPT) as temporary:
        shutil.copyfile(local, temporary)
        if _digest(temporary) != digest:
            raise StorageError(f"{target}: did not read back as it was written; {_KEPT}")
    return target


def _free(path: Path) -> Path:
    number, free = 1, path
    while any(one.exists() for one in (free, journal_path(free), _note_of(free))):
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _note_of(local: Path) -> Path:
    return local.with_name(local.name + _NOTE)


def _target_of(local: Path) -> Path | None:
    try:
        content = json.loads(read_bounded(_note_of(local)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{_note_of(local)}: cannot be read ({error}); move {local} by hand") from error
    target = content.get("target") if isinstance(content, dict) else None
    if not isinstance(target, str) or Path(target).suffix != ".h5":
        raise StorageError(f"{_note_of(local)}: names no run file; move {local} by hand")
    return Path(target)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
