"""What labspin's drivers are made of: pymeasure's, imported without a VISA library and without asyncio."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

from labspin.imports import import_lightly
from labspin.settable import Settable

if TYPE_CHECKING:
    from pymeasure.adapters import Adapter
    from pymeasure.instruments import Channel, Instrument, validators
else:
    _pymeasure = import_lightly("pymeasure.instruments")
    Channel, Instrument = _pymeasure.Channel, _pymeasure.Instrument
    from pymeasure.adapters import Adapter
    from pymeasure.instruments import validators

__all__ = ["Adapter", "Channel", "DynamicSettings", "Instrument", "validators"]


@functools.cache
def _parts_of_properties() -> tuple[str, ...]:
    """Return what may be replaced of a dynamic property, as ``values`` by ``voltage_values = (0, 5)``."""
    return tuple(f"_{one}" for one in inspect.signature(Instrument.control).parameters)


class DynamicSettings(Settable):
    """A driver class of pymeasure's, whose properties may be dynamic."""

    def takes_setting(self, name: str) -> bool:
        """Return whether ``name`` is a part of one of the properties, as pymeasure calls it.

        Parameters
        ----------
        name
            The name that is assigned to.
        """
        return any(
            name.endswith(part) and isinstance(getattr(type(self), name.removesuffix(part), None), property)
            for part in _parts_of_properties()
        )
