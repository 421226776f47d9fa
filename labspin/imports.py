"""Importing a package without what it imports beside it and hardly ever uses.

pymeasure's procedures bring pandas, IPython, pint and zmq with them, its adapters pyvisa and, by a mock,
asyncio and ssl, and pint brings dask: most of the time that a short command takes, for nothing. While such a
package is imported, each name is a placeholder; what it is, is looked up on first use.
Nothing is left in ``sys.modules``: code that imports pandas gets pandas.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import types
from collections.abc import Sequence
from typing import Any

__all__ = ["import_lightly", "import_without"]

_LEFT_TO_LATER = {
    "pint": ("dask", "dask.base", "xarray"),
    "pymeasure.instruments": ("pyvisa", "pyvisa.util", "pyvisa.constants", "pyvisa.errors", "unittest.mock"),
    "pymeasure.experiment": ("pandas", "IPython", "pint", "pymeasure.units", "zmq", "cloudpickle"),
}


def import_lightly(name: str) -> Any:
    """Import pint, pymeasure's instruments or its procedures without what costs most of their time.

    Parameters
    ----------
    name
        ``"pint"``, ``"pymeasure.instruments"`` or ``"pymeasure.experiment"``.

    Returns
    -------
        The module.
    """
    return import_without(name, _LEFT_TO_LATER[name])


class _Later(types.ModuleType):
    """What a name will stand for once it is used: a module, or something in one."""

    def __init__(self, module: str, attribute: str = "") -> None:
        super().__init__(module)
        self.__dict__.update(_module=module, _attribute=attribute, __path__=[])

    def _found(self) -> Any:
        if self._module in _LEFT_TO_LATER:
            import_lightly(self._module)
        return pkgutil.resolve_name(f"{self._module}.{self._attribute}" if self._attribute else self._module)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if isinstance(sys.modules.get(self._module), _Later):  # code imports it from here, or names it
            return _Later(self._module, f"{self._attribute}.{name}".strip("."))
        return getattr(self._found(), name)

    def __call__(self, *arguments: object, **options: object) -> Any:
        return self._found()(*arguments, **options)


def import_without(name: str, without: Sequence[str]) -> Any:
    """Import a module, and let others wait until it uses them.

    Parameters
    ----------
    name
        The module to import.
    without
        Modules that it imports, to be imported when something of them is used. Those that are there already,
        or not installed, stay as they are; a module in a package follows the package.

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
