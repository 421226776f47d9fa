"""Importing a package without what it imports beside it and hardly ever uses.

pymeasure's procedures bring pandas and IPython with them, and pint brings dask: three quarters of the time
that a short command takes, for nothing. While such a package is imported, each name of theirs stands for
itself; what it is, is looked up when somebody uses it. Nothing is left in ``sys.modules``: whoever imports
pandas gets pandas.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

__all__ = ["import_lightly", "import_without"]

_LEFT_TO_LATER = {
    "pint": ("dask", "dask.base", "xarray"),
    "pymeasure.experiment": ("pandas", "IPython"),
}


def import_lightly(name: str) -> Any:
    """Import ``"pint"`` or ``"pymeasure.experiment"`` without what costs most of their time.

    Parameters
    ----------
    name
        The one or the other.

    Returns
    -------
        The module.
    """
    for one in dict.fromkeys(("pint", name)):
        found = import_without(one, _LEFT_TO_LATER[one])
    return found


class _Later(types.ModuleType):
    """What a name will stand for once it is used: a module, or something in one."""

    def __init__(self, module: str, attribute: str = "") -> None:
        super().__init__(module)
        self.__dict__.update(_module=module, _attribute=attribute, __path__=[])

    def _found(self) -> Any:
        found = importlib.import_module(self._module)
        if not self._attribute:
            return found
        if not hasattr(found, self._attribute):
            return importlib.import_module(f"{self._module}.{self._attribute}")
        return getattr(found, self._attribute)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self._module) is self:
            return _Later(self._module, name)  # somebody imports it from here
        return getattr(self._found(), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._found()(*arguments, **options)


def import_without(name: str, without: Sequence[str]) -> Any:
    """Import a module, and let others wait until it uses them.

    Parameters
    ----------
    name
        The module to import.
    without
        Modules that it imports, to be imported when something of them is used. Those that are there already,
        or not installed, stay as they are; a module in a package stands behind the package.

    Returns
    -------
        The module ``name``.

    Raises
    ------
    ImportError
        There is no such module.
    """
    if name in sys.modules:
        return sys.modules[name]
    waiting = {}
    for one in without:
        top = one.partition(".")[0]
        if one not in sys.modules and (top in waiting or importlib.util.find_spec(top) is not None):
            waiting[one] = _Later(one)
            waiting[one].__spec__ = importlib.util.spec_from_loader(one, loader=None)
    sys.modules.update(waiting)
    try:
        return importlib.import_module(name)
    finally:
        for one, stub in waiting.items():
            if sys.modules.get(one) is stub:
                del sys.modules[one]
