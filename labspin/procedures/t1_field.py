"""Relaxation time against the electromagnet's field: `labspin.procedures.t1` at one field after the other.

T1 falls where the class that is watched comes into resonance with others (C. Pellet-Mary *et al.*, PRB 104,
L100411 (2021), Fig. 2). The π pulse has to stay on that class's transition, which moves with the field: the
card gives the transition's frequency at some fields (from ``mdmr``), and it is interpolated in between with
piecewise cubics that do not overshoot (PCHIP). Everything else is `T1`'s.

The recipe ``t1_field`` fits every field's trace; the recipe ``t1_cross_relaxation`` continues from there and
fits 1/T1 against the field with the resonances that the Hamiltonian has.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import Product, Sweep, Values, Zip
from labspin.instruments import MagnetSupply
from labspin.physics.monotone import interpolated
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.t1 import T1

__all__ = ["T1Field"]

FloatArray = NDArray[np.float64]


class T1Field(T1):
    """Relaxation in the dark against dark time, with and without a π pulse, field by field."""

    name = "t1_field"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType({**T1.roles, "magnet": MagnetSupply})
    coordinates = (
        Column(name="magnet_field", unit="T", role="coordinate", description="of the electromagnet"),
        *T1.coordinates,
        Column(
            name="microwave_frequency",
            unit="Hz",
            role="coordinate",
            description="of the π pulse at the field",
        ),
    )

    fields = QuantityListParameter("Magnet fields", units="T", default="0 T", description="T1 at each")
    known_fields = QuantityListParameter(
        "Fields of the known frequencies", units="T", default="",
        description="Empty: the known frequencies belong to the fields, one each",
    )  # fmt: skip
    known_frequencies = QuantityListParameter(
        "Known frequencies", units="Hz", default="",
        description="Of the transition that is watched, as mdmr finds it; empty: microwave_frequency always",
    )  # fmt: skip

    def settings(self) -> Mapping[str, float]:
        """Return the microwave power.

        Raises
        ------
        PlanError
            The card sets the magnet, which the scan moves.
        """
        if self.magnet != "field" or self.magnet_field != 0 or self.magnet_current != 0:
            raise PlanError(
                "procedure 't1_field': it moves the magnet's field itself; give 'fields', and leave magnet, "
                "magnet_field and magnet_current out"
            )
        return {"microwave.power": self.microwave_power}

    def plan(self) -> Sweep:
        """Return the plan of `T1` at every field, with the microwave frequency that belongs to it."""
        fields = Values("magnet.field", self.fields, unit="T")
        frequencies = Values("microwave.frequency", self.frequencies(), unit="Hz")
        return Product(Zip(fields, frequencies), super().plan())

    def frequencies(self) -> FloatArray:
        """Return the microwave frequency at each of the fields, Hz.

        Raises
        ------
        PlanError
            Known fields and frequencies differ in number, a field is given twice, or one of the fields
            lies outside of the known ones.
        """
        fields = np.array(self.fields, dtype=np.float64)
        if not self.known_frequencies:
            return np.full(fields.size, self.microwave_frequency)
        known, at = self._known(fields)
        if fields.min() < known[0] or fields.max() > known[-1]:
            raise PlanError(
                f"procedure 't1_field': wanted fields from {known[0]:g} T to {known[-1]:g} T, where the "
                f"frequency is known, got {fields.min():g} T to {fields.max():g} T; give more of them"
            )
        if known.size == 1:
            return np.full(fields.size, at[0])
        return interpolated(at=fields, known=known, values=at)

    def _known(self, fields: FloatArray) -> tuple[FloatArray, FloatArray]:
        known = np.array(self.known_fields, dtype=np.float64) if self.known_fields else fields
        at = np.array(self.known_frequencies, dtype=np.float64)
        if known.size != at.size or np.unique(known).size != known.size:
            raise PlanError(
                f"procedure 't1_field': wanted a known frequency for each of {known.size} different fields, "
                f"got {at.size} frequencies for {np.unique(known).size} different fields"
            )
        order = np.argsort(known)
        return known[order], at[order]
