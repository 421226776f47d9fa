"""Working skeletons of a new driver, role, procedure, model or sample, each with its test.

The skeletons are files of the folder ``templates``: real modules, in which the words ``Skeleton`` and
``skeleton`` stand for the name. They work unchanged; their first lines say what to change.
"""

from __future__ import annotations

import ast
import keyword
import re
from pathlib import Path

from labspin.data.storage import storage_error, write_new
from labspin.errors import ConfigurationError
from labspin.instruments.roles import ROLES

__all__ = ["KINDS", "make_skeleton"]

_FOLDER = Path(__file__).with_name("templates")
_DRIVER = {"driver.py": "instruments/skeleton.py", "driver.toml": "instruments/skeleton.toml"}
_FILES = {
    "driver": {**_DRIVER, "test_driver.py": "tests/test_skeleton.py"},
    "role": {
        **_DRIVER,
        "test_driver.py": "tests/test_skeleton_driver.py",
        "role.py": "procedures/skeleton.py",
        "role.toml": "procedures/skeleton.toml",
        "test_role.py": "tests/test_skeleton.py",
    },
    "procedure": {
        "procedure.py": "procedures/skeleton.py",
        "procedure.toml": "procedures/skeleton.toml",
        "test_procedure.py": "tests/test_skeleton.py",
    },
    "model": {
        "model.py": "analysis/skeleton.py",
        "model.toml": "analysis/skeleton.toml",
        "test_model.py": "tests/test_skeleton.py",
    },
    "sample": {
        "sample.py": "instruments/skeleton.py",
        "sample.toml": "instruments/skeleton.toml",
        "test_sample.py": "tests/test_skeleton.py",
    },
}
KINDS = tuple(_FILES)
"""What can be begun."""


def make_skeleton(kind: str, name: str, workspace: Path) -> list[Path]:
    """Write the skeleton of a driver, role, procedure, model or sample with its test; return the files.

    Parameters
    ----------
    kind
        One of `KINDS`.
    name
        In small letters with underscores, for example ``"acme_laser"``; classes are called ``AcmeLaser``.
    workspace
        Folder of the workspace; nothing in it is overwritten.

    Returns
    -------
    list of Path
        The files, in the order in which they are to be read.

    Raises
    ------
    ConfigurationError
        The name cannot be used, or one of the files is there already.
    StorageError
        A file cannot be written.
    """
    camel = _class_name(kind, name)
    files = {
        workspace / target.replace("skeleton", name): (_FOLDER / source).read_text(encoding="utf-8")
        for source, target in _FILES[kind].items()
    }
    for file in files:
        if file.exists():
            raise ConfigurationError(f"{kind} {name!r}: {file} is there already; choose another name")
    for file, text in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_new(file, text.replace("Skeleton", camel).replace("skeleton", name).encode())
        except OSError as error:
            raise storage_error(file, error, f"the {kind} was not begun") from error
    return list(files)


def _class_name(kind: str, name: str) -> str:
    """Return the name of the classes; raise if ``name`` cannot be that of files and objects."""
    if keyword.iskeyword(name):
        raise ConfigurationError(
            f"{kind} {name!r}: is a word of Python itself; choose another name, such as 'acme_{name.lower()}'"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise ConfigurationError(
            f"{kind} {name!r}: wanted a name of small letters, digits and underscores that begins with a "
            f"letter, at most 61 of them, such as 'acme_laser'"
        )
    camel = "".join(part.capitalize() for part in name.split("_"))
    if kind in ("driver", "role") and camel in ROLES:
        raise ConfigurationError(
            f"{kind} {name!r}: {camel} is a role that labspin has; name the device, for example "
            f"'acme_{name}', and write role = \"{camel}\" in its adapter"
        )
    if used := {name, camel} & _imported(kind):
        raise ConfigurationError(
            f"{kind} {name!r}: its files would import {used.pop()!r} already; choose another name, such as "
            f"'acme_{name}'"
        )
    return camel


def _imported(kind: str) -> set[str]:
    """Return the names that the files of a kind import, which theirs would hide."""
    trees = [
        ast.parse((_FOLDER / source).read_text("utf-8")) for source in _FILES[kind] if source[-3:] == ".py"
    ]
    return {
        alias.asname or alias.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
