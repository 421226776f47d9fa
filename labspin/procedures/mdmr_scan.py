"""Which fields and frequencies a magnetic resonance is looked for at, whatever it is detected with.

Frequencies are visited in a random order of its own in every average, field by field, so that a slow drift
does not look like a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import (
    CountParameter,
    Linear,
    Procedure,
    Product,
    QuantityParameter,
    Repeat,
    Shuffled,
    Sweep,
    Values,
)
from labspin.instruments import MagnetSupply, MicrowaveSource
from labspin.procedures.lists import QuantityListParameter

__all__ = ["FrequencyScan"]


class FrequencyScan(Procedure):
    """Base of procedures that scan the microwave's frequency, at several fields."""

    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"microwave": MicrowaveSource, "magnet": MagnetSupply}
    )
    coordinates = (
        Column(name="magnet_field", unit="T", role="coordinate", description="of the electromagnet"),
        Column(name="average", role="coordinate", description="pass through all frequencies"),
        Column(name="microwave_frequency", unit="Hz", role="coordinate", description="of the microwave"),
    )

    fields = QuantityListParameter("Magnet fields", units="T", default="0 T", description="One scan at each")
    frequency_start = QuantityParameter("First frequency", units="Hz", minimum=0.0, default="2.55 GHz")
    frequency_stop = QuantityParameter("Last frequency", units="Hz", minimum=0.0, default="2.95 GHz")
    frequencies = CountParameter("Number of frequencies", minimum=2, maximum=1_000_000, default=201)
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=1)
    microwave_power = QuantityParameter("Microwave power", units="dBm", default="-20 dBm")
    seed = CountParameter("Seed of the order", default=0)

    def settings(self) -> Mapping[str, float]:
        """Return the microwave power."""
        return {"microwave.power": self.microwave_power}

    def plan(self) -> Sweep:
        """Return field by field the frequencies, shuffled again in every average.

        Raises
        ------
        PlanError
            The frequencies run backwards.
        """
        if not self.frequency_start < self.frequency_stop:
            raise PlanError(
                f"procedure {self.name!r}: wanted frequency_start < frequency_stop, got "
                f"{self.frequency_start!r}, {self.frequency_stop!r}"
            )
        scan = Linear(
            "microwave.frequency", self.frequency_start, self.frequency_stop, self.frequencies, unit="Hz"
        )
        passes = Shuffled(Repeat(scan, self.averages, name="average"), self.seed, within="average")
        return Product(Values("magnet.field", self.fields, unit="T"), passes)
