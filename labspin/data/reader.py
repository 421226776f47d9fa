"""Reading runs: running, finished and dead ones alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.data.journal.reader import JournalReader
from labspin.data.journal.writer import journal_path
from labspin.data.lock import is_locked
from labspin.data.nexus.seal import read_seal
from labspin.data.run import Run
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError

if TYPE_CHECKING:
    import xarray

__all__ = ["RunSummary", "list_runs", "open", "read_run", "run_path"]


def run_path(path: Path | str) -> Path:
    """Return the path of the HDF5 file, given that or the journal's."""
    path = Path(path)
    return path.with_name(path.name.removesuffix(".jnl")) if path.name.endswith(".h5.jnl") else path


def read_run(path: Path | str) -> Run:
    """Read a run, whether its writer still runs, has finished or has died; `Run.status` says which.

    Parameters
    ----------
    path
        The HDF5 file (which need not exist yet), or its journal. Nothing on the disk is changed.

    Raises
    ------
    NotARunFileError
        It is something else.
    DamagedFileError
        It is cut short or corrupted.
    RunFileError
        It is not there, or may not be read.
    """
    from labspin.data.journal.replay import run_from_journal

    path = run_path(path)
    journal = journal_path(path)
    # A run may end between the look and the reading; then the HDF5 file stands.
    for _ in range(2):
        if not journal.exists():
            break
        try:
            return run_from_journal(path, live=is_locked(journal))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunFileError(f"{journal}: cannot be read: {error.strerror or error}") from error
        except RunFileError:
            if journal.exists():
                raise
    from labspin.data.nexus.read import read_run_file

    return read_run_file(path)


def open(path: Path | str) -> xarray.Dataset:  # noqa: A001 - labspin.open, as xarray.open_dataset
    """Read a run as an `xarray.Dataset`, whether it still runs, has finished or has died.

    The attribute ``status`` says which; coordinates and variables have ``units``; points that are missing are
    NaN. The errors are those of `read_run`.
    """
    return read_run(path).to_xarray()


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run in one line."""

    path: Path
    status: str
    """Of the run; ``"damaged"`` if it cannot be read, and then ``problem`` says why."""
    run_id: str = ""
    procedure: str = ""
    label: str = ""
    started: str = ""
    points: int = 0
    size: int | None = None
    """Points of the plan; ``None`` if open."""
    signal: str = ""
    simulated: bool = False
    fits: tuple[str, ...] = ()
    problem: str = ""


def list_runs(folder: Path | str) -> list[RunSummary]:
    """Return all runs in ``folder``, oldest first; damaged ones are named, other files passed over.

    Raises
    ------
    RunFileError
        The folder cannot be read.
    """
    folder = Path(folder)
    try:
        names = {run_path(entry) for entry in folder.iterdir() if _looks_like_run(entry)}
    except OSError as error:
        raise RunFileError(f"{folder}: cannot be read: {error.strerror or error}") from error
    found = [summary for path in sorted(names) if (summary := _summary(path)) is not None]
    return sorted(found, key=lambda summary: (summary.started, summary.path))


def _looks_like_run(entry: Path) -> bool:
    hidden = entry.name.startswith(".")
    return not hidden and (entry.suffix == ".h5" or entry.name.endswith(".h5.jnl")) and entry.is_file()


def _summary(path: Path) -> RunSummary | None:
    try:
        if journal_path(path).exists():
            return _summary_from_journal(path)
        return _summary_from_file(path)
    except NotARunFileError:
        return None
    except (RunFileError, OSError) as error:
        return RunSummary(path=path, status="damaged", problem=str(error))


def _summary_from_journal(path: Path) -> RunSummary:
    from labspin.data.journal.replay import END, POINT_RECORD, read_header

    journal = journal_path(path)
    live = is_locked(journal)
    points, status = 0, "dead"
    with JournalReader(journal) as reader:
        header = read_header(reader)
        for batch in reader.batches():
            # Only the kind of a record is looked at: the second byte, behind that of the list itself.
            kinds = b"".join(payload[1:2] for payload in batch)
            points += kinds.count(POINT_RECORD)
            if END in kinds:
                status = "ended, to be recovered"
        if not live:
            reader.require_sound()
    return RunSummary(
        path=path,
        status="running" if live else status,
        run_id=header.run_id,
        procedure=header.procedure,
        label=header.label,
        started=header.started,
        points=points,
        size=header.layout.size,
        signal=header.signal,
        simulated=header.truth is not None,
    )


def _summary_from_file(path: Path) -> RunSummary:
    facts = _facts(path)
    try:
        texts = {
            name: str(facts[name]) for name in ("status", "run_id", "procedure", "label", "started", "signal")
        }
        points, size, simulated = int(facts["points"]), int(facts["size"]), bool(facts["simulated"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{path}: what it says about itself is incomplete: {error}") from error
    texts["status"] = "dead" if texts["status"] == "running" else texts["status"]
    fits = tuple(map(str, facts.get("fits", ())))
    return RunSummary(
        path=path, points=points, size=None if size < 0 else size, simulated=simulated, fits=fits, **texts
    )


def _facts(path: Path) -> dict[str, Any]:
    seal = read_seal(path)
    if seal is not None:
        return seal.facts
    from labspin.data.nexus.read import read_summary

    return read_summary(path)
