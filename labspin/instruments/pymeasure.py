"""What labspin's drivers are made of: pymeasure's, imported without a VISA library and without asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labspin.imports import import_lightly

if TYPE_CHECKING:
    from pymeasure.adapters import Adapter
    from pymeasure.instruments import Channel, Instrument, validators
else:
    _pymeasure = import_lightly("pymeasure.instruments")
    Channel, Instrument = _pymeasure.Channel, _pymeasure.Instrument
    from pymeasure.adapters import Adapter
    from pymeasure.instruments import validators

__all__ = ["Adapter", "Channel", "Instrument", "validators"]
