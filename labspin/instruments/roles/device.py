"""What every instrument of a bench can do, and how a class is compared with a role."""

from __future__ import annotations

import inspect
from typing import Protocol, runtime_checkable

__all__ = ["Device", "implements", "missing_members"]


@runtime_checkable
class Device(Protocol):
    """What every instrument of a bench can do, whatever its role."""

    def safe(self) -> None:
        """Leave the device as it can be left alone: outputs off, lines low; may be repeated."""
        ...

    def identity(self) -> str:
        """Return the device's own identification: maker, model, serial number, firmware."""
        ...

    def settings(self) -> dict[str, object]:
        """Return the device's settings as read back from it, for the snapshot of a run."""
        ...


def missing_members(kind: type, role: type) -> tuple[str, ...]:
    """Return the names that ``role`` asks for and the class ``kind`` does not have.

    Classes are compared, not instances: `isinstance` with a protocol evaluates properties on some versions
    of Python, and a property of an instrument is a question on the wire.

    Parameters
    ----------
    kind
        Class of an instrument.
    role
        The protocol of a role.
    """
    wanted: dict[str, None] = {}
    for base in reversed(role.__mro__):
        if base in (object, Protocol) or not getattr(base, "_is_protocol", False):
            continue
        wanted.update(dict.fromkeys(name for name in vars(base) if not name.startswith("_")))
    return tuple(name for name in wanted if inspect.getattr_static(kind, name, None) is None)


def implements(device: object, role: type) -> bool:
    """Return whether ``device`` has everything that ``role`` asks for; nothing is sent to it.

    Parameters
    ----------
    device
        The instrument.
    role
        The protocol of a role.
    """
    return not missing_members(type(device), role)
