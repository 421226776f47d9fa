"""What labspin's procedures and parameters are made of: pymeasure's, imported without pandas and IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labspin.imports import import_lightly

if TYPE_CHECKING:
    from pymeasure.experiment import (
        BooleanParameter,
        FloatParameter,
        IntegerParameter,
        ListParameter,
        Parameter,
        Procedure,
    )
else:
    _pymeasure = import_lightly("pymeasure.experiment")
    BooleanParameter, FloatParameter = _pymeasure.BooleanParameter, _pymeasure.FloatParameter
    IntegerParameter, ListParameter = _pymeasure.IntegerParameter, _pymeasure.ListParameter
    Parameter, Procedure = _pymeasure.Parameter, _pymeasure.Procedure

__all__ = [
    "BooleanParameter",
    "FloatParameter",
    "IntegerParameter",
    "ListParameter",
    "Parameter",
    "Procedure",
]
