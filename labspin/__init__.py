"""labspin runs a spin-mechanics experiment from the wire to the fit.

The names below are loaded on first use, so that ``import labspin`` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_LAZY = {
    "LabspinError": "labspin.errors",
    "load_station": "labspin.station",
    "open": "labspin.data",
}

if TYPE_CHECKING:
    from labspin.data import open  # noqa: A004
    from labspin.errors import LabspinError
    from labspin.station import load_station

__all__ = ["LabspinError", "__version__", "load_station", "open"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'labspin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
