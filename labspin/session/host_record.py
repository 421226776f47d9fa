"""How clients find the host of a station, and how a second host is refused.

One process, the *host*, holds the instruments of a station. It keeps a file in the folder ``.labspin`` of the
workspace locked while it lives; the same file says which process it is, at which port it listens, and the
secret that a client must know. Only the user can read it. A file whose lock is free belongs to a dead host.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from labspin import __version__
from labspin.data.lock import is_locked, try_lock
from labspin.data.storage import storage_error
from labspin.errors import StationError, StorageError
from labspin.system import read_bounded
from labspin.workspaces import workspace_folder

__all__ = [
    "HostRecord",
    "claimed",
    "find_hosts",
    "host_file",
    "host_of",
    "new_record",
    "refuse_hosted",
    "state_folder",
]

_FOLDER = ".labspin"


@dataclass(frozen=True, kw_only=True)
class HostRecord:
    """What a client needs to reach a host."""

    station: str
    """Station file, absolute."""
    name: str
    """Name of the station."""
    simulated: bool
    process: int
    port: int
    secret: str
    version: str
    started: str


def state_folder(workspace: Path) -> Path:
    """Return the folder in which labspin keeps its own files of a workspace; it is made if missing.

    Parameters
    ----------
    workspace
        Folder of the workspace.

    Raises
    ------
    StorageError
        The workspace cannot be written.
    """
    folder = workspace / _FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise storage_error(folder, error, "choose a workspace that you may write to") from error
    return folder


def host_file(station: Path) -> Path:
    """Return the file that the host of a station keeps locked.

    Parameters
    ----------
    station
        Station file.
    """
    whole = station.resolve()
    digest = hashlib.sha256(str(whole).encode(errors="surrogatepass")).hexdigest()[:8]
    return workspace_folder(whole) / _FOLDER / f"{whole.stem}-{digest}.host"


def new_record(station: Path, name: str, *, simulated: bool, port: int, secret: str) -> HostRecord:
    """Return a record that names this process as the host of a station.

    Parameters
    ----------
    station
        Station file.
    name
        Name of the station.
    simulated
        Whether the station is simulated.
    port
        TCP port at which the host listens.
    secret
        Text by which the host recognises its clients.
    """
    return HostRecord(
        station=str(station.resolve()),
        name=name,
        simulated=simulated,
        process=os.getpid(),
        port=port,
        secret=secret,
        version=__version__,
        started=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )


class Claim:
    """The locked file of a running host."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.secret = path, secrets.token_hex(32)
        self._descriptor = descriptor

    def publish(self, record: HostRecord) -> None:
        """Tell clients where the host listens."""
        self._write(json.dumps(asdict(record), indent=1))

    def _write(self, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text.encode())


@contextlib.contextmanager
def claimed(station: Path, name: str) -> Iterator[Claim]:
    """Be the only host of a station inside the block.

    Parameters
    ----------
    station
        The station file.
    name
        Name of the station, for the error.

    Raises
    ------
    StationError
        Another process is its host; the text names the process.
    StorageError
        The workspace cannot be written.
    """
    path = host_file(station)
    state_folder(path.parent.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise storage_error(path, error, "no host was started") from error
    try:
        if not try_lock(descriptor, patience=0.5):
            raise _taken(path, name)
        path.chmod(0o600)
        claim = Claim(path, descriptor)
        claim._write("")
        yield claim
        claim._write("")
    finally:
        os.close(descriptor)


def _taken(path: Path, name: str) -> StationError:
    other = _read(path)
    who = "another process" if other is None else f"process {other.process}, since {other.started}"
    return StationError(
        f"station {name!r}: its instruments are held by another host ({who}); use that one, or end it with "
        "labspin bench stop"
    )


def _read(path: Path) -> HostRecord | None:
    try:
        return HostRecord(**json.loads(read_bounded(path)))
    except (OSError, ValueError, TypeError):
        return None


def _living(path: Path) -> HostRecord | None:
    with contextlib.suppress(OSError):
        if is_locked(path):
            return _read(path)
    return None


def host_of(station: Path) -> HostRecord | None:
    """Return the running host of a station file; None if no host listens.

    Parameters
    ----------
    station
        Station file.
    """
    return _living(host_file(station))


def find_hosts(workspace: Path) -> list[HostRecord]:
    """Return the running hosts of all stations of a workspace, oldest first.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    """
    found = (_living(path) for path in sorted((workspace / _FOLDER).glob("*.host")))
    return sorted((record for record in found if record is not None), key=lambda record: record.started)


def refuse_hosted(station: Path) -> None:
    """Refuse to connect to real instruments that a host holds.

    Parameters
    ----------
    station
        The station file.

    Raises
    ------
    StationError
        A host runs; the text says what to do instead.
    """
    with contextlib.suppress(StorageError):
        record = host_of(station)
        if record is not None and not record.simulated:
            raise StationError(
                f"station {record.name!r}: its instruments are held by the host (process {record.process}); "
                "let it make the run with: labspin queue add CARD, then labspin start"
            )
