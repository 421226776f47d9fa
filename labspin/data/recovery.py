"""Orphan journals become run files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from labspin.data.events import EventKind
from labspin.data.journal.liveness import is_alive
from labspin.data.journal.reader import sound_end
from labspin.data.journal.writer import JournalWriter, journal_path
from labspin.data.reader import run_path
from labspin.errors import DamagedFileError, RunFileError, StorageError
from labspin.system import reason_of

__all__ = ["recover"]

_QUARANTINED = ".quarantined"


def recover(
    path_or_folder: Path | str,
    *,
    salvage: bool = False,
    on_error: Callable[[Path, RunFileError], None] | None = None,
) -> list[Path]:
    """Fold the journals whose writers are dead into HDF5 files, and return these.

    Parameters
    ----------
    path_or_folder
        One run, or a folder of runs; journals of living writers in a folder are left alone.
    salvage
        Keep what is sound of a damaged journal; the damage is recorded as an event, and the damaged
        journal is kept under the name ``….jnl.damaged``.
    on_error
        Called for each journal of a folder that cannot be folded in; without it, one error names them all
        after the others have been folded in.

    Raises
    ------
    RunFileError
        A journal is damaged, alive, not ours, or cannot be published; it is kept. One of a folder that makes
        labspin itself fail is kept under the name ``….jnl.quarantined``, where it is not met again.
    """
    path = Path(path_or_folder)
    if not path.is_dir():
        return [_recover_one(_released(path), salvage=salvage)]
    recovered, failed = [], []
    for journal in sorted(path.glob("*.h5.jnl")):
        try:
            if not is_alive(journal):
                recovered.append(_recover_one(run_path(journal), salvage=salvage))
        except FileNotFoundError:
            continue  # its writer has just finished
        except OSError as error:
            failed.append((journal, RunFileError(f"{journal}: {reason_of(error)}")))
        except RunFileError as error:
            failed.append((journal, error))
        except Exception as error:  # noqa: BLE001 - one file never keeps the others from being recovered
            failed.append((journal, _quarantined(journal, error)))
    for journal, problem in failed:
        if on_error is not None:
            on_error(journal, problem)
    if failed and on_error is None:
        raise DamagedFileError("; ".join(str(problem) for _, problem in failed))
    return recovered


def _quarantined(journal: Path, error: Exception) -> RunFileError:
    """Move a journal out of the way that made labspin itself fail, and return what is to be said of it."""
    said = str(error) or type(error).__name__
    aside = journal.with_name(journal.name + _QUARANTINED)
    try:
        if aside.exists():
            raise FileExistsError
        journal.rename(aside)
    except OSError:
        return RunFileError(f"{journal}: cannot be recovered: {said}; move it away, and keep it")
    return RunFileError(
        f"{journal}: cannot be recovered: {said}; it is kept as {aside.name}, and 'labspin recover {aside}' "
        "tries again"
    )


def _released(path: Path) -> Path:
    """Return the run file of ``path``; a journal in quarantine gets its name back."""
    if path.name.endswith(_QUARANTINED):
        journal = path.with_name(path.name.removesuffix(_QUARANTINED))
        if journal.exists():
            raise StorageError(f"{journal}: exists already; move it away and recover again")
        path = path.rename(journal)
    return run_path(path)


def _recover_one(path: Path, *, salvage: bool) -> Path:
    from labspin.data.journal.replay import run_from_journal
    from labspin.data.nexus.publish import publish

    journal = journal_path(path)
    if not os.path.lexists(journal):
        raise RunFileError(f"{journal}: no such journal; there is nothing to recover for {path}")
    size = journal.stat().st_size
    run = run_from_journal(path, live=False, salvage=salvage, spooled=True)
    if run.events_of(EventKind.DAMAGE):
        kept = journal.with_name(journal.name + ".damaged")
        if kept.exists():
            raise StorageError(f"{kept}: exists already; move it away and recover again")
        if is_alive(journal):
            raise StorageError(f"{journal}: its run is still being written; let it end first")
        target = publish(run)
        journal.rename(kept)
        return target
    # The lock is taken while publishing, so that no other process resumes or recovers the journal meanwhile.
    writer = JournalWriter.reopen(journal, sound_end, sync_interval=60.0)
    try:
        if journal.stat().st_size != size:  # it was written meanwhile, or a torn record went
            run = run_from_journal(path, live=False, spooled=True)
        target = publish(run)
    except BaseException:
        writer.close()
        raise
    writer.close(remove=True)
    return target
