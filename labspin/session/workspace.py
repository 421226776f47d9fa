"""A lab workspace: the folders in which a laboratory keeps its stations, cards, recipes and runs."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from labspin.errors import ConfigurationError
from labspin.system import bounded_text
from labspin.workspaces import FILE_NAME, find_workspace

__all__ = [
    "DOORS",
    "data_folder",
    "init_workspace",
    "is_workspace",
    "list_cards",
    "list_stations",
    "station_kind",
    "workspace_examples",
]

DOORS = {
    "instruments": "station files: which devices, addresses, limits, calibrations",
    "procedures": "run cards: a procedure, its parameters, its sweep",
    "analysis": "fit recipes and notebooks",
}
"""The folders of a workspace, and what is kept in them."""
_EXAMPLES = Path(__file__).with_name("examples")
"""Runs that a new workspace has, made by ``benchmarks/example_runs.py``."""
_WORKSPACE = """\
# What holds for all runs of this workspace; every key may be left out.
# operator = "M. Curie"
# project = "torque"
data = "data"                      # folder of the run files, relative to this file
# names = "{date}-{time}-{label}"  # of the run files; {project} and {operator} may stand there, too

# The register of samples: with one, `labspin run --sample` accepts no other names.
# [samples.D7]
# description = "15 µm diamond, 4 ppm NV"

# Units in which quantities are shown; any unit may be typed.
# [units]
# field = "G"
# frequency = "MHz"

# Notifies a person who is away when runs end or fail, by any program.
# [notify]
# command = ["notify-send", "{title}", "{text}"]
"""
_README = """# Lab workspace

| folder | what is in it |
| --- | --- |
{doors}
| `data/` | run files, one HDF5 file a run |
| `data/examples/` | three runs of the simulated diamond, to try commands on; delete them when you like |
| `workspace.toml` | who works here, the register of samples, the folder of the data |

A lab's own drivers, procedures and models (`.py`) may stand in these folders too; station files, run cards
and recipes name them by path, for example `driver = "my_supply.py:MySupply"`.

Look at runs that are there already:

    labspin ls data/examples
    labspin fit data/examples/*.h5
    labspin report data/examples/t1.h5

Measure without hardware:

    labspin run procedures/first.toml --fit

or in the window:

    labspin gui
"""


def init_workspace(folder: Path, *, examples: bool = True) -> list[Path]:
    """Make a workspace with examples to start from, and return its files.

    Parameters
    ----------
    folder
        Folder to make; existing files are never overwritten.
    examples
        Whether it has runs from the beginning, in ``data/examples``.

    Returns
    -------
    list of Path
        The TOML files that were made.

    Raises
    ------
    ConfigurationError
        The folder has such folders already, or cannot be written.
    """
    templates = workspace_examples()
    clashes = [folder / door for door in DOORS if (folder / door).exists()]
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder}: wanted a folder to make, found a file; choose another name")
    if clashes:
        raise ConfigurationError(
            f"{folder}: wanted a folder without {clashes[0].name}/, found one; choose another folder"
        )
    try:
        for door in DOORS:
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(templates / door, folder / door, ignore=ignore)
        (folder / "data").mkdir(exist_ok=True)
        if examples and not (folder / "data" / _EXAMPLES.name).exists():
            shutil.copytree(_EXAMPLES, folder / "data" / _EXAMPLES.name)
        doors = "\n".join(f"| `{door}/` | {text} |" for door, text in DOORS.items())
        if not (folder / FILE_NAME).exists():
            (folder / FILE_NAME).write_text(_WORKSPACE, encoding="utf-8")
        if not (folder / "README.md").exists():
            (folder / "README.md").write_text(_README.format(doors=doors), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: wanted to write a workspace, got {error.strerror}; choose a folder you may write to"
        ) from error
    return sorted(path for door in DOORS for path in (folder / door).rglob("*.toml"))


def workspace_examples() -> Path:
    """Return the folder of the stations, cards and recipes that labspin ships.

    Raises
    ------
    ConfigurationError
        They were not installed.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "workspace"
    if installed.is_dir():
        return installed
    source_tree = package.parent
    if all((source_tree / door).is_dir() for door in DOORS):
        return source_tree
    raise ConfigurationError(f"{installed}: wanted the workspace examples, found none; install labspin again")


def data_folder(folder: Path) -> Path:
    """Return the folder of the run files of a workspace.

    Parameters
    ----------
    folder
        Folder of the workspace.

    Raises
    ------
    ConfigurationError
        Its ``workspace.toml`` cannot be read.
    """
    found = find_workspace(folder)
    base = Path() if (found.root / FILE_NAME).is_file() else folder
    return (base / found.data).resolve()


def is_workspace(folder: Path) -> bool:
    """Return whether a folder has station files or run cards in their places.

    Parameters
    ----------
    folder
        Any folder.
    """
    return bool(list_stations(folder) or list_cards(folder))


def list_stations(folder: Path) -> list[Path]:
    """Return the station files of a workspace, those of simulated stations first.

    Parameters
    ----------
    folder
        Folder of the workspace.
    """
    files = (folder / "instruments").glob("*.toml")
    return sorted(files, key=lambda path: (station_kind(path) != "simulated", path.stem))


def station_kind(path: Path) -> str:
    """Return what kind of bench a station file describes, without checking the rest of it.

    Parameters
    ----------
    path
        The station file.

    Returns
    -------
    str
        ``"real"``, ``"simulated"`` or ``"mixed"``; empty where the file cannot be read as TOML.
    """
    try:
        simulation = tomllib.loads(bounded_text(path)).get("simulation")
    except (OSError, ValueError):
        return ""
    if simulation is None:
        return "real"
    return "mixed" if isinstance(simulation, dict) and simulation.get("mixed") is True else "simulated"


def list_cards(folder: Path) -> list[Path]:
    """Return the run cards of a workspace, sorted by name.

    Parameters
    ----------
    folder
        Folder of the workspace.
    """
    return sorted((folder / "procedures").glob("*.toml"))
