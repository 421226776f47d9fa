"""A bench as it is known from its station file alone: nothing is connected, and no instrument can be asked.

A plan is checked against it at a desk. Every instrument is its role's adapter without a driver behind it:
what follows from the options of the file (lines of a pulse generator, gates of a counter) it answers, and
what only the device knows it refuses to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from labspin.clock import Clock
from labspin.errors import ConnectionFailedError
from labspin.station.composed import in_order

if TYPE_CHECKING:
    from labspin.station.records import InstrumentSpec

__all__ = ["unconnected_instruments"]


class _NotConnected:
    """Stands where the driver would."""

    name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise ConnectionFailedError(
            f"{self.name}: wanted to set its {attribute!r} to {value!r}, and it is not connected; connect "
            "the station first"
        )

    def __getattr__(self, attribute: str) -> NoReturn:
        raise ConnectionFailedError(
            f"{self.name}: wanted its {attribute!r}, which only the device knows, and it is not connected; "
            "this is checked when a run connects"
        )


def unconnected_instruments(specs: Iterable[InstrumentSpec], clock: Clock) -> dict[str, Any]:
    """Return the adapter of every instrument, without a device behind it.

    Parameters
    ----------
    specs
        The instruments.
    clock
        Clock on which composed instruments wait.

    Returns
    -------
        Name of the instrument to adapter.
    """
    made: dict[str, object] = {}
    for spec in in_order(specs):
        made[spec.name] = _adapter(spec, made, clock)
    return made


def _adapter(spec: InstrumentSpec, made: Mapping[str, object], clock: Clock) -> Any:
    kind: Any = spec.entry.adapter
    nothing = _NotConnected(spec.name)
    try:
        if spec.uses:
            parts = {part: made[name] for part, name in spec.uses.items()}
            return kind(parts, name=spec.name, clock=clock, options=spec.options)
        return kind(nothing, spec.options)
    except ConnectionFailedError:  # it asks the device when it is made
        adapter = kind.__new__(kind)
        adapter.device, adapter.chosen = nothing, spec.options
        return adapter
