"""Reading runs: running, finished and dead ones alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.data.events import Event, EventKind, RunStatus, recorded_event, unsafe_instruments
from labspin.data.journal.liveness import is_alive
from labspin.data.journal.reader import JournalReader
from labspin.data.journal.writer import journal_path
from labspin.data.plain import unpack_each
from labspin.data.run import Run
from labspin.data.summary import RunSummary, parameters_from, results_from
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError
from labspin.system import reason_of

if TYPE_CHECKING:
    import xarray

__all__ = ["RunSummary", "list_runs", "open", "read_run", "run_files", "run_path", "summary_of"]


def run_path(path: Path | str) -> Path:
    """Return the path of the run file, given that path or the path of its journal.

    Parameters
    ----------
    path
        Run file ``….h5``, or journal ``….h5.jnl``; neither need exist.

    Raises
    ------
    NotARunFileError
        It is a folder, by its very name.
    """
    path = Path(path)
    journal_path(path)
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
    # A run may end between the look and the reading; then the HDF5 file is there.
    for _ in range(2):
        if not journal.exists():
            break
        try:
            return run_from_journal(path, live=is_alive(journal))
        except FileNotFoundError:  # published meanwhile
            continue
        except OSError as error:
            raise RunFileError(f"{journal}: cannot be read: {reason_of(error)}") from error
        except RunFileError:
            if journal.exists():
                raise
    from labspin.data.nexus.read import read_run_file

    return read_run_file(path)


def open(path: Path | str) -> xarray.Dataset:  # noqa: A001 - labspin.open, as xarray.open_dataset
    """Read a run as an `xarray.Dataset`, whether it still runs, has finished or has died.

    The attribute ``status`` says which; coordinates and variables have ``units``; points that are missing are
    NaN. The errors are those of `read_run`.

    Parameters
    ----------
    path
        Run file, or its journal.
    """
    return read_run(path).to_xarray()


def list_runs(folder: Path | str, *, numbers: bool = False) -> list[RunSummary]:
    """Return all runs in ``folder``, oldest first; damaged ones are included, other files are ignored.

    Parameters
    ----------
    folder
        Folder of run files; folders within it are not searched.
    numbers
        Whether parameters and results are wanted, for which files of earlier versions have to be opened.

    Raises
    ------
    RunFileError
        The folder cannot be read.
    """
    found = [summary for path in run_files(folder) if (summary := summary_of(path, numbers=numbers))]
    return sorted(found, key=lambda summary: (summary.started, summary.path))


def run_files(folder: Path | str) -> list[Path]:
    """Return the paths of what looks like a run in ``folder``, sorted.

    Parameters
    ----------
    folder
        Folder of run files; folders within it are not searched.

    Raises
    ------
    RunFileError
        The folder cannot be read.
    """
    try:
        return sorted({run_path(entry) for entry in Path(folder).iterdir() if _looks_like_run(entry)})
    except OSError as error:
        raise RunFileError(f"{folder}: cannot be read: {reason_of(error)}") from error


def _looks_like_run(entry: Path) -> bool:
    hidden = entry.name.startswith(".")
    return not hidden and (entry.suffix == ".h5" or entry.name.endswith(".h5.jnl")) and entry.is_file()


def summary_of(path: Path, *, numbers: bool = False) -> RunSummary | None:
    """Return a run in one line, without reading its points; None: the file is no run.

    Parameters
    ----------
    path
        Run file; a damaged one has the status `RunStatus.DAMAGED`, and says why.
    numbers
        As for `list_runs`.
    """
    journal = journal_path(path)
    try:
        if journal.exists():
            try:
                return _summary_from_journal(path)
            except (RunFileError, OSError):
                if journal.exists():
                    raise  # otherwise the run was published meanwhile
        return _summary_from_file(path, numbers)
    except NotARunFileError:
        return None
    except (RunFileError, OSError) as error:
        return RunSummary(path=path, status=RunStatus.DAMAGED, problem=str(error))


def _summary_from_journal(path: Path) -> RunSummary:
    from labspin.data.journal.replay import END, POINT_RECORD, read_header
    from labspin.data.nexus.numbers import told_parameters

    journal = journal_path(path)
    live = is_alive(journal)
    points, status, events = 0, RunStatus.DEAD, list[Event]()
    with JournalReader(journal) as reader:
        header = read_header(reader)
        for batch in reader.batches():
            # Only the kind of a record is looked at: the second byte, behind that of the list itself.
            kinds = b"".join(payload[1:2] for payload in batch)
            points += kinds.count(POINT_RECORD)
            if END in kinds:
                status = RunStatus.ENDED
            events += _telling_events(batch)
        if not live:
            reader.require_sound()
    return RunSummary(
        path=path,
        status=RunStatus.RUNNING if live else status,
        run_id=header.run_id,
        procedure=header.procedure,
        label=header.label,
        started=header.started,
        points=points,
        size=header.layout.size,
        signal=header.signal,
        simulated=header.truth is not None,
        mixed=header.simulated if header.station.get("kind") == "mixed" else "",
        station=str(header.station.get("name", "")),
        unsafe=_in_words(unsafe_instruments(events)),
        parameters=parameters_from(told_parameters(header.parameters)),
        **{name: value for name, value in vars(header.metadata).items() if name not in _NOT_LISTED},
    )


_NOT_LISTED = ("description", "sample_description", "units")  # words about a run that no list shows
_TELLING = tuple(
    str(kind).encode()
    for kind in (EventKind.VERDICT, EventKind.SAFE_ACTION, EventKind.RESUMED, EventKind.ERROR)
)


def _telling_events(batch: list[bytes]) -> list[Event]:
    """Return the events of some records that say whether the bench is safe; the others are not decoded."""
    from labspin.data.journal.replay import EVENT

    mark = bytes([EVENT])
    # Behind list, kind of record and time (9 bytes) comes the length of the text that names the event.
    told = [one for one in batch if one[1:2] == mark and one[12:].startswith(_TELLING)]
    events = []
    for record in unpack_each(told):
        match record:
            case [_, float(time), str(kind), str(message), dict(data)]:
                events.append(recorded_event(time, kind, message, data))
    return events


def _in_words(unsafe: dict[str, str] | None) -> str | None:
    return None if unsafe is None else "; ".join(unsafe.values())


def _summary_from_file(path: Path, numbers: bool) -> RunSummary:
    facts = _facts(path, numbers)
    try:
        texts = {name: str(facts[name]) for name in ("run_id", "procedure", "label", "started", "signal")}
        status = RunStatus(str(facts["status"]))
        points, size, simulated = int(facts["points"]), int(facts["size"]), bool(facts["simulated"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{path}: what it says about itself is incomplete: {error}") from error
    status = RunStatus.DEAD if status == RunStatus.RUNNING else status
    fits = tuple(map(str, facts.get("fits", ())))
    words = {name: str(facts.get(name, "")) for name in ("sample", "operator", "project", "comment")}
    rating = str(facts.get("rating", ""))
    unsafe = facts.get("unsafe")
    told = facts.get("numbers")
    told = told if isinstance(told, dict) else {}
    return RunSummary(
        path=path,
        status=status,
        points=points,
        size=None if size < 0 else size,
        simulated=simulated,
        fits=fits,
        station=str(facts.get("station", "")),
        mixed=str(facts.get("mixed", "")),
        unsafe=unsafe if isinstance(unsafe, str) else None,
        tags=tuple(str(facts.get("tags", "")).split()),
        rating=int(rating) if rating.isdecimal() else None,
        parameters=parameters_from(told.get("parameters")),
        results=results_from(told.get("results")),
        **texts,
        **words,
    )


def _facts(path: Path, numbers: bool) -> dict[str, Any]:
    from labspin.data.nexus.seal import check_signature, read_seal

    wanted = "numbers" if numbers else "status"
    check_signature(path)
    seal = read_seal(path)
    if seal is not None and wanted in seal.facts:
        return seal.facts  # thousands of runs are listed without HDF5
    from labspin.data.nexus.read import read_summary

    return read_summary(path, wanted)
