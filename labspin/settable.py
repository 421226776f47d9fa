"""Objects with settings that people assign by name: one that means nothing is refused, with what is meant.

Python takes ``procedure.avrages = 3`` for a new attribute, and the run is made with the averages that it had.
Such an object's own methods alone make new public attributes. Names that begin with an underscore are free.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from types import FrameType

__all__ = ["Settable"]

_OWN = "__setattr__"


class Settable:
    """Base of what has settings."""

    def __setattr__(self, name: str, value: object) -> None:
        if name[:1] != "_" and name not in vars(self):
            meaning = inspect.getattr_static(type(self), name, None)
            is_new = meaning is None and not hasattr(type(self), name)
            if is_new and not self.takes_setting(name) and not _is_own_code(sys._getframe(1), self):
                raise AttributeError(self._unknown(name))
            if inspect.isfunction(meaning) and not callable(value):
                raise AttributeError(
                    f"{self.setting_owner()}: {name} is what it does; wanted it called, got {value!r}"
                )
        super().__setattr__(name, value)

    def takes_setting(self, name: str) -> bool:
        """Return whether a name means something although there is no attribute of it.

        Parameters
        ----------
        name
            The name that is assigned to.
        """
        return False

    def setting_owner(self) -> str:
        """Return what an error calls the object."""
        return type(self).__name__

    def _unknown(self, name: str) -> str:
        declared = {one for kind in type(self).__mro__ for one in vars(kind).get("__annotations__", ())}
        known = sorted(one for one in {*dir(self), *declared} if one[:1] != "_")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        return f"{self.setting_owner()}: has no setting {name!r}; {hint}"


def _is_own_code(frame: FrameType | None, owner: object) -> bool:
    """Return whether a method of ``owner`` runs in ``frame``, or a function inside of one."""
    while frame is not None and frame.f_code.co_name == _OWN:  # of a subclass, which hands the assignment on
        frame = frame.f_back
    if frame is None:
        return False
    code = frame.f_code
    kinds = {kind.__name__ for kind in type(owner).__mro__}
    if kinds.isdisjoint(
        code.co_qualname.split(".")
    ):  # a function that was handed the object, as in a notebook
        return False
    names = (*code.co_varnames[: min(code.co_argcount, 1)], *code.co_freevars)
    return any(frame.f_locals.get(name) is owner for name in names)
