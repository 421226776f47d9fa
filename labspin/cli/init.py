"""`labspin init`: make a lab workspace: the three doors with examples to start from."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from labspin.cli.output import add_json, console, print_json
from labspin.errors import ConfigurationError
from labspin.workspaces import FILE_NAME

__all__ = ["add", "execute"]

DOORS = {
    "instruments": "station files: which devices, addresses, limits, calibrations",
    "procedures": "run cards: a procedure, its parameters, its sweep",
    "analysis": "fit recipes and notebooks",
}
_WORKSPACE = """\
# What holds for all runs of this workspace; every key may be left out.
# operator = "M. Curie"
# project = "torque"
data = "data"                      # folder of the run files, relative to this file

# The register of samples: with one, `labspin run --sample` accepts no other names.
# [samples.D7]
# description = "15 µm diamond, 4 ppm NV"
"""
_README = """# Lab workspace

| folder | what stands in it |
| --- | --- |
{doors}
| `data/` | run files, one HDF5 file a run |
| `workspace.toml` | who works here, the register of samples, the folder of the data |

A lab's own drivers, procedures and models (`.py`) may stand in these folders too; station files, run cards
and recipes name them by path, for example `driver = "my_supply.py:MySupply"`.

Try it without hardware:

    labspin run procedures/t1.toml --fit
"""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("init", help="make a lab workspace with examples", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to make; existing files are never overwritten")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Copy the examples and say what to do next."""
    templates = _templates()
    folder: Path = arguments.folder
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
        doors = "\n".join(f"| `{door}/` | {text} |" for door, text in DOORS.items())
        if not (folder / FILE_NAME).exists():
            (folder / FILE_NAME).write_text(_WORKSPACE, encoding="utf-8")
        if not (folder / "README.md").exists():
            (folder / "README.md").write_text(_README.format(doors=doors), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: wanted to write a workspace, got {error.strerror}; choose a folder you may write to"
        ) from error
    files = sorted(str(path) for door in DOORS for path in (folder / door).rglob("*.toml"))
    if arguments.json:
        print_json({"folder": str(folder), "files": files})
    else:
        console().print(f"workspace in {folder}; try:  cd {folder} && labspin run procedures/t1.toml --fit")
    return 0


def _templates() -> Path:
    package = Path(__file__).resolve().parent.parent
    installed = package / "workspace"
    if installed.is_dir():
        return installed
    source_tree = package.parent
    if all((source_tree / door).is_dir() for door in DOORS):
        return source_tree
    raise ConfigurationError(f"{installed}: wanted the workspace examples, found none; install labspin again")
