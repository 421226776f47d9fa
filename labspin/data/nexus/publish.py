"""HDF5 files appear whole or not at all.

A file is built in memory, written to a temporary file in the same folder, synced, opened again and counted,
and only then takes the place of the old one. HDF5 never writes to the disk by itself where it can be helped:
on a full disk it corrupts what it holds and brings its process down, while a plain write just fails.
Only a file that is too large for that is written by HDF5, after the room for it has been made sure of.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import h5py

from labspin.data.fits import FitRecord
from labspin.data.journal.replay import header_from_plain
from labspin.data.journal.writer import journal_path
from labspin.data.lock import lock_file
from labspin.data.metadata import RunMetadata
from labspin.data.nexus.annotations import read_annotations, write_annotations
from labspin.data.nexus.fit_copy import write_fit_copy
from labspin.data.nexus.fit_groups import FIT_PREFIX, read_fit_group, write_fit_group
from labspin.data.nexus.read import count_points, facts_of, open_run_file, raw_digest, read_summary
from labspin.data.nexus.seal import checksum, seal_text
from labspin.data.nexus.stored import get_group, get_json
from labspin.data.nexus.write import room_on_grid, write_run
from labspin.data.run import Run
from labspin.data.storage import storage_error, sync_folder, write_new
from labspin.errors import ArgumentError, DamagedFileError, RunFileError, StorageError

__all__ = ["amend", "annotate", "open_run_metadata", "publish", "write_fit"]

T = TypeVar("T")
_IN_MEMORY = 1 << 24
"""Bytes of data from which the file is written by HDF5 itself, so that its size does not matter."""
_IN_MEMORY_TO_AMEND = 1 << 27
"""Bytes from which a file is copied on the disk to be amended, so that its size does not matter."""


def publish(run: Run, *, patience: float = 5.0) -> Path:
    """Write ``run`` to its HDF5 file, whole, and return its path.

    An older state of the same run is replaced, its fits carried over. A file of another run is never touched:
    the new one then gets a numbered name; so it does if a program holds the old one open (Windows) for longer
    than ``patience`` (s).

    Parameters
    ----------
    run
        The whole run; its ``path`` says where the file goes.
    patience
        Longest wait for a program that holds the old file open, s.

    Raises
    ------
    StorageError
        The file cannot be written; the former file is still there.
    DamagedFileError
        What was written does not read back as it should.
    """
    previous = run.path if run.path.exists() and _same_run(run.path, run.header.run_id) else None
    target = run.path if previous or not run.path.exists() else _free_name(run.path)

    def build(file: h5py.File) -> None:
        write_run(file, run)
        if previous:
            _carry_fits(previous, file["entry"])

    needed = sum(values.nbytes for values in run.columns.values()) + room_on_grid(run)
    with _temporary(target) as temporary:
        _build(temporary, build, needed)
        if count_points(temporary) != (run.header.run_id, len(run.points)):
            raise DamagedFileError(
                f"{temporary}: did not read back as it was written; the disk may be failing"
            )
        return _take_place(temporary, target, patience)


def amend(
    path: Path, change: Callable[[h5py.File], T], *, digest: str | None = None, patience: float = 5.0
) -> T:
    """Apply ``change`` to a copy of a finished run file, which then replaces it; return its result.

    Parameters
    ----------
    path
        Finished run file.
    change
        Function of the open copy; it may change everything but the data.
    digest
        `raw_digest` of the data, as hexadecimal text, where it is known; otherwise it is taken before.
    patience
        Longest wait for a program that holds the file open, s.

    Raises
    ------
    RunFileError
        The file is not a finished run, or the changed copy cannot be written or holds other data; the file is
        as it was then.
    """
    if journal_path(path).exists():
        raise RunFileError(f"{path}: its run has not ended; finish, resume or recover it before adding to it")
    with lock_file(path), _temporary(path) as temporary:
        result, before = _amended_copy(path, temporary, change, digest)
        with open_run_file(temporary) as file:
            if raw_digest(file, temporary) != before:
                why = "its data have changed meanwhile, or its copy" if digest else "its copy"
                raise DamagedFileError(f"{path}: {why} did not read back as it was written; it is as it was")
        # Should the power fail now, the file is whole, with the change or without: it can be made again.
        _take_place(temporary, path, patience, final=False)
    return result


def _amended_copy(
    path: Path, temporary: Path, change: Callable[[h5py.File], T], digest: str | None
) -> tuple[T, bytes]:
    """Write the changed copy; return what ``change`` returned and the digest of what it must not change."""
    known = None if digest is None else bytes.fromhex(digest)
    size = path.stat().st_size
    if size > _IN_MEMORY_TO_AMEND:
        _make_sure_of_room(temporary, size + (1 << 26))
        shutil.copyfile(path, temporary)
        with open_run_file(temporary, "r+") as file:
            before = known or raw_digest(file, temporary)
            result = change(file)
            facts = facts_of(file)
        _seal_file(temporary, facts)
        return result, before
    with open_run_file(path, "r+", driver="core", backing_store=False) as file:
        before = known or raw_digest(file, path)
        result = change(file)
        facts = facts_of(file)
        file.flush()
        image = file.id.get_file_image()
    _write_image(temporary, image, facts)
    return result, before


def _seal_file(path: Path, facts: dict[str, object]) -> None:
    length = path.stat().st_size
    crc32 = checksum(path, length)
    with path.open("ab") as file:
        file.write(seal_text(length, crc32, facts))
        file.flush()
        os.fsync(file.fileno())


def _identity(path: Path) -> tuple[str, int]:
    summary = read_summary(path)
    return str(summary.get("run_id")), int(summary.get("points", -1))


def _same_run(path: Path, run_id: str) -> bool:
    try:
        return _identity(path)[0] == run_id
    except RunFileError:
        return False


def _free_name(path: Path) -> Path:
    number = 2
    while (other := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
        number += 1
    return other


def _carry_fits(previous: Path, entry: h5py.Group) -> None:
    """Write the fits of the older file again: HDF5 copies groups, but not what ties axes to data in them."""
    with open_run_file(previous) as old:
        for name in old["entry"]:
            if name.startswith(FIT_PREFIX) and name not in entry:
                group = get_group(get_group(old, "entry"), name)
                write_fit_group(entry, read_fit_group(group, name.removeprefix(FIT_PREFIX)))


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """Give the name of a temporary file that goes in any case.

    The publishing process holds the lock of the run, so one name serves all, and a file left behind by a
    writer that was killed is replaced by the next one.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _build(temporary: Path, build: Callable[[h5py.File], None], needed: int) -> None:
    if needed > _IN_MEMORY:
        _make_sure_of_room(temporary, int(1.05 * needed) + (1 << 26))
        with h5py.File(temporary, "x") as file:
            build(file)
            facts = facts_of(file)
        _seal_file(temporary, facts)
        return
    with h5py.File(temporary.name, "w", driver="core", backing_store=False, block_size=1 << 20) as file:
        build(file)
        facts = facts_of(file)
        file.flush()
        image = file.id.get_file_image()
    _write_image(temporary, image, facts)


def _write_image(temporary: Path, image: bytes, facts: dict[str, object]) -> None:
    seal = seal_text(len(image), zlib.crc32(image), facts)
    try:
        write_new(temporary, image, seal)
    except OSError as error:
        raise storage_error(temporary, error, "the run file was not published, nothing is lost") from error


def _make_sure_of_room(temporary: Path, needed: int) -> None:
    """Claim the room once, so that HDF5 is not let near a full disk."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with temporary.open("xb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, needed)
    except OSError as error:
        raise storage_error(temporary, error, "the run file was not published, nothing is lost") from error
    finally:
        temporary.unlink(missing_ok=True)


def _take_place(temporary: Path, target: Path, patience: float, *, final: bool = True) -> Path:
    """Let ``temporary`` stand as ``target``; a ``final`` one under another name if need be, and for good."""
    deadline = time.monotonic() + patience
    while True:
        try:
            temporary.replace(target)
            break
        except PermissionError as error:
            # Windows does not replace a file that a viewer holds open.
            if time.monotonic() < deadline:
                time.sleep(0.1)
            elif final and target.exists():
                target = _free_name(target)
            else:
                raise StorageError(
                    f"{target}: another program holds it open; close that and try again"
                ) from error
        except OSError as error:
            raise storage_error(target, error, "the run file was not published, nothing is lost") from error
    if final:
        sync_folder(target.parent)
    return target


def write_fit(
    path: Path | str, record: FitRecord, *, replace_same: bool = False, digest: str | None = None
) -> str:
    """Add a fit to the file of its run and return the name under which it is stored.

    Parameters
    ----------
    path
        A finished run file; a running or dead run has none yet (`labspin.data.recover` makes one).
    record
        The fit.
    replace_same
        Take the place of a fit of the same name; otherwise that one stays and the new one is numbered.
    digest
        `RunFile.digest` of the data that were fitted; None: no matter what is in the file.

    Raises
    ------
    RunFileError
        The file is not a finished run, is damaged, holds other data, or cannot be written; it is as it was.
    """

    def add(file: Any) -> str:
        entry = file["entry"]
        name, number = record.name, 1
        if replace_same and f"fit_{name}" in entry:
            del entry[f"fit_{name}"]
        while f"fit_{name}" in entry:
            number += 1
            name = f"{record.name}_{number}"
        write_fit_copy(entry, replace(record, name=name))
        return name

    return amend(Path(path), add, digest=digest)


def open_run_metadata(path: Path | str) -> RunMetadata:
    """Return who measured what in a finished run file, and why, with what was added afterwards.

    Parameters
    ----------
    path
        A finished run file; its data are not read.

    Raises
    ------
    RunFileError
        It is not a finished run, or is damaged.
    """
    with open_run_file(Path(path)) as file:
        entry = get_group(file, "entry")
        header = header_from_plain(Path(path), get_json(get_group(entry, "labspin"), "header"))
        return header.metadata.with_changes(**read_annotations(entry))


def annotate(path: Path | str, **changes: Any) -> RunMetadata:
    """Add to what people said about a finished run, and return all of it; what was measured stays as it is.

    Parameters
    ----------
    path
        A finished run file.
    **changes
        Fields of `labspin.data.RunMetadata` with their new values, such as ``comment`` or ``tags``.

    Raises
    ------
    ArgumentError
        There is no such field, or a value is not what its name says.
    RunFileError
        The file is not a finished run, is damaged or cannot be written; it is as it was.
    """
    known = {item.name for item in fields(RunMetadata)}
    if unknown := sorted(changes.keys() - known):
        raise ArgumentError(f"annotation: wanted one of {sorted(known)}, got {unknown[0]!r}")
    RunMetadata(**changes)  # refused before the file is touched

    def change(file: Any) -> RunMetadata:
        entry = file["entry"]
        header = header_from_plain(Path(path), get_json(entry["labspin"], "header"))
        content = {**read_annotations(entry), **changes}
        write_annotations(entry, header, content)
        return header.metadata.with_changes(**content)

    return amend(Path(path), change)
