"""Benches that were left unsafe, written down where every command of the workspace finds it.

As long as an instrument is not known to be in its safe state, there is a notice in the folder ``.labspin`` of
the workspace: a file for each station. It goes when the instrument has been made safe, or when a person has
looked and says so (``labspin unsafe --confirm``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from labspin.data.storage import put_in_place
from labspin.system import read_bounded
from labspin.workspaces import workspace_folder

__all__ = ["Notice", "confirm", "leave_notice", "notices", "withdraw_notice"]

_FOLDER = ".labspin"
_PREFIX, _SUFFIX = "not-safe-", ".json"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A bench that is not known to be safe."""

    station: str
    """Station file, absolute."""
    name: str
    """Name of the station."""
    unsafe: dict[str, str]
    """Instrument -> where it was last known to be, in words."""
    run: str
    """File of the run after which it was left so."""
    since: float
    """Unix time, s."""
    watchdog: int = 0
    """Process that keeps trying to make it safe; 0: none does."""

    @property
    def sentence(self) -> str:
        """What a person has to know."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        trying = "its watchdog keeps trying" if _lives(self.watchdog) else "no process is trying any more"
        return (
            f"NOT SAFE since {when}: {'; '.join(self.unsafe.values())} (station {self.name!r}, {trying}); "
            f"make it safe, then confirm it with 'labspin unsafe --confirm {self.station}'"
        )


def _file(station: Path) -> Path:
    digest = hashlib.sha256(str(station.resolve()).encode(errors="surrogatepass")).hexdigest()[:16]
    return workspace_folder(station) / _FOLDER / f"{_PREFIX}{digest}{_SUFFIX}"


def leave_notice(
    station: Path, name: str, unsafe: Mapping[str, str], run: Path, *, watchdog: int = 0
) -> None:
    """Write down that a bench is not safe; a folder that cannot be written is passed over.

    Parameters
    ----------
    station, name
        File and name of the station.
    unsafe
        Instrument -> where it was last known to be, in words.
    run
        The run's file.
    watchdog
        Number of the process that keeps trying to make it safe; 0: none does.
    """
    path = _file(station)
    before = _read(path)
    notice = Notice(
        station=str(station.resolve()), name=name, unsafe=dict(unsafe), run=str(run),
        since=before.since if before is not None else time.time(), watchdog=watchdog,
    )  # fmt: skip
    written = path.with_suffix(f".{os.getpid()}.new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps(asdict(notice)), encoding="utf-8")
        put_in_place(written, path)


def withdraw_notice(station: Path, made_safe: Iterable[str]) -> None:
    """Remove instruments that are safe now from the notice of a station; delete a notice that becomes empty.

    Parameters
    ----------
    station
        Path of the station file.
    made_safe
        Names of the instruments that are safe now.
    """
    path = _file(station)
    notice = _read(path)
    if notice is None:
        return
    left = {name: words for name, words in notice.unsafe.items() if name not in set(made_safe)}
    if left:
        leave_notice(station, notice.name, left, Path(notice.run), watchdog=notice.watchdog)
    else:
        path.unlink(missing_ok=True)


def notices(folder: Path | None = None) -> list[Notice]:
    """Return the notices of unsafe instruments in the workspace of ``folder``.

    Parameters
    ----------
    folder
        A folder of the workspace: notices are looked for in it and in all folders above it. None: the working
        directory.

    Returns
    -------
        One notice a station, the nearest folder first.
    """
    here = (folder or Path.cwd()).resolve()
    found: list[Notice] = []
    for place in (here, *here.parents):
        with contextlib.suppress(OSError):
            for path in sorted((place / _FOLDER).glob(f"{_PREFIX}*{_SUFFIX}")):
                notice = _read(path)
                if notice is not None:
                    found.append(notice)
    return found


def confirm(station: Path) -> bool:
    """Withdraw the notice of a station because a person has looked; return whether there was one.

    Parameters
    ----------
    station
        Path of the station file.
    """
    path = _file(station)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there


def _read(path: Path) -> Notice | None:
    try:
        content = json.loads(read_bounded(path))
        unsafe = {str(name): str(words) for name, words in content["unsafe"].items()}
        return Notice(
            station=str(content["station"]), name=str(content["name"]), unsafe=unsafe,
            run=str(content["run"]), since=float(content["since"]), watchdog=int(content["watchdog"]),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        words = {"?": f"{path.name} cannot be read"}
        return Notice(station=str(path), name="?", unsafe=words, run="", since=0.0)


def _lives(process: int) -> bool:
    if process <= 0 or sys.platform == "win32":  # there a signal of number 0 would end it
        return process > 0
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
