"""With what a run was made: versions of the packages, the state of the code, the machine.

All of it is read once a process: what runs is what was loaded then, whatever the files say later.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import labspin

__all__ = ["environment"]

_PACKAGES = (
    "numpy",
    "scipy",
    "pymeasure",
    "pyvisa",
    "pyvisa-py",
    "pulsestreamer",
    "h5py",
    "msgpack",
    "lmfit",
)


@functools.cache
def _read() -> dict[str, Any]:
    return {
        "labspin": labspin.__version__,
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "code": _git(Path(labspin.__file__).parent),
        "workspace": _git(Path.cwd()),
    }


def environment() -> dict[str, Any]:
    """Return what is known of the program and the machine that run this."""
    return dict(_read())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git(folder: Path) -> dict[str, object]:
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changes)}


def _ask_git(folder: Path, *arguments: str) -> str:
    # Without optional locks: a killed ``git status`` would leave the lock of the user's index behind.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
