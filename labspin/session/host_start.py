"""Starting a host as a separate process, which outlives the process that started it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from labspin.errors import StationError
from labspin.session.client import HostClient
from labspin.session.host_record import HostRecord, host_file, host_of, state_folder
from labspin.station import load_station
from labspin.workspaces import workspace_folder

__all__ = ["host_log", "start_host", "wait_until_gone"]

_LOOK = 0.02  # s between two checks whether the host listens
_started: list[subprocess.Popen[bytes]] = []
"""Hosts that this process has started: they outlive it, or are reaped here when they end before."""


def host_log(station: Path) -> Path:
    """Return the file to which a host in the background writes its log.

    Parameters
    ----------
    station
        Station file.
    """
    return host_file(station).with_suffix(".log")


def start_host(station: Path | str, *, patience: float = 60.0) -> HostClient:
    """Return a client of the station's host; start the host in the background if there is none.

    Parameters
    ----------
    station
        Station file.
    patience
        Time that connecting may take, s.

    Returns
    -------
    HostClient
        A client of the host.

    Raises
    ------
    StationError
        The file is not valid, or the host did not start; the text says why.
    """
    path = Path(station).resolve()
    living = host_of(path)
    if living is not None:
        return HostClient(living)
    load_station(path)  # an error in the file is reported here
    state_folder(workspace_folder(path))
    log = host_log(path)
    _started[:] = [process for process in _started if process.poll() is None]
    process = _spawn(path, log)
    _started.append(process)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        record = host_of(path)
        if record is not None and record.port:
            return HostClient(record)
        if process.poll() is not None:
            raise StationError(f"{path}: its host did not start: {_last_words(log)}")
        time.sleep(_LOOK)
    with contextlib.suppress(OSError):
        process.terminate()
    raise StationError(f"{path}: its host did not connect within {patience:g} s; see {log}")


def _spawn(station: Path, log: Path) -> subprocess.Popen[bytes]:
    import labspin

    package = str(Path(labspin.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, inherited)))}
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "labspin", "bench", "host", str(station)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=workspace_folder(station),
            env=environment,
            **apart,
        )


def _last_words(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return lines[-1].removeprefix("labspin: ")
    return f"it ended without a word; see {log}"


def wait_until_gone(record: HostRecord, *, patience: float = 60.0) -> bool:
    """Return whether the host ended in time.

    Parameters
    ----------
    record
        The host.
    patience
        Longest wait, s.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if host_of(Path(record.station)) is None:
            return True
        time.sleep(_LOOK)
    return False
