"""How drivers, procedures, models and samples are found by name: one way for all kinds.

A name is looked for in the table of what labspin brings, then among the entry points of installed packages,
and ``"file.py:object"`` takes an object out of a file of a workspace. A file that was edited since is
loaded again, and two files of one name in two folders are two modules.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from labspin.errors import LabspinError
from labspin.mistakes import one_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Registry", "installed", "load_module"]


@dataclass(frozen=True)
class Registry:
    """What can be loaded of one kind, such as drivers.

    Attributes
    ----------
    what
        The kind in one word, for errors.
    group
        Entry point group in which installed packages offer theirs.
    built_in
        Name -> ``"module:object"`` of what labspin brings.
    error
        What is raised when something cannot be loaded.
    file_hint
        How one of one's own is named, for errors.
    """

    what: str
    group: str
    built_in: Mapping[str, str]
    error: type[LabspinError]
    file_hint: str = "'file.py:Class'"

    def names(self) -> tuple[str, ...]:
        """Return the names that labspin and installed packages offer, sorted."""
        return tuple(sorted({*self.built_in, *installed(self.group)}))

    def load(self, name: str, folder: Path = Path()) -> Any:
        """Return the object called ``name``.

        Parameters
        ----------
        name
            One of `names`, or ``"file.py:object"``.
        folder
            Where a relative path starts.

        Raises
        ------
        LabspinError
            There is none, or its module cannot be loaded; of the registry's own kind.
        """
        return self.locate(name, folder)[0]

    def locate(self, name: str, folder: Path = Path()) -> tuple[object, ModuleType]:
        """Return the object called ``name`` and its module; raises as `load`.

        Parameters
        ----------
        name
            One of `names`, or ``"file.py:object"``.
        folder
            Where a relative path starts.
        """
        file, colon, attribute = name.rpartition(":")
        if colon and file.endswith(".py"):
            return self._from(name, self._file(name, folder / file), attribute)
        if name in self.built_in:
            where, _, attribute = self.built_in[name].partition(":")
            return self._from(name, importlib.import_module(where), attribute)
        if name in (found := installed(self.group)):
            return self._from(name, self._package(found[name]), found[name].attr)
        near = difflib.get_close_matches(name, self.names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise self.error(
            f"{self.what} {name!r}: wanted one of {one_of(self.names())}, or {self.file_hint} for one of "
            f"your own{hint}"
        )

    def _from(self, name: str, module: ModuleType, attribute: str) -> tuple[object, ModuleType]:
        try:
            return functools.reduce(getattr, attribute.split("."), module), module
        except AttributeError:
            near = difflib.get_close_matches(attribute, vars(module), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise self.error(f"{self.what} {name!r}: {module.__file__} has no {attribute!r}{hint}") from None

    def _file(self, name: str, path: Path) -> ModuleType:
        if not path.is_file():
            raise self.error(
                f"{self.what} {name!r}: there is no file {str(path)!r}; a relative path starts from the file "
                "that names it"
            )
        try:
            return load_module(path)
        except LabspinError:
            raise
        except Exception as error:  # a user's own file may fail in any way
            raise self.error(
                f"{self.what} {name!r}: {str(path)!r} cannot be loaded: {type(error).__name__}: {error}"
            ) from error

    def _package(self, entry: EntryPoint) -> ModuleType:
        try:
            return importlib.import_module(entry.module)
        except Exception as error:  # another package's code may fail in any way
            raise self.error(
                f"{self.what} {entry.name!r}: {entry.value!r} of an installed package cannot be loaded: "
                f"{type(error).__name__}: {error}; repair or uninstall the package"
            ) from error


def load_module(path: Path) -> ModuleType:
    """Return the Python file ``path`` as a module, run again only if the file has changed.

    Parameters
    ----------
    path
        An existing file.

    Raises
    ------
    Exception
        Whatever the file raises.
    """
    whole = path.resolve()
    stat = whole.stat()
    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    place = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]
    name = f"labspin_workspace_{place}_{whole.stem}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "_labspin_stamp", None) == stamp:
        return known
    spec = importlib.util.spec_from_file_location(name, whole)
    if spec is None or spec.loader is None:
        raise ImportError(f"{whole} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pymeasure look a class's module up while it is being run
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name)
        if known is not None:
            sys.modules[name] = known
        raise
    vars(module)["_labspin_stamp"] = stamp
    return module


@functools.cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``group`` by name, looked up once in a process.

    Parameters
    ----------
    group
        Entry point group.
    """
    from importlib.metadata import entry_points  # 50 ms, which only a name from outside is worth

    return {entry.name: entry for entry in entry_points(group=group)}
