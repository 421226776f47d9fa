"""Which engine fits a batch: NumPy, always there, or numba, where it is installed and worth loading."""

from __future__ import annotations

import functools
import importlib.util
import logging
import sys
from collections.abc import Callable
from typing import Literal

import numpy as np

from labspin.analysis.minimiser import levenberg
from labspin.analysis.minimiser.problem import Minimum
from labspin.analysis.model import FitModel
from labspin.errors import FitError

__all__ = ["Engine", "chosen_engine", "minimiser"]

Engine = Literal["auto", "numpy", "numba"]
_log = logging.getLogger(__name__)

_WORTH_LOADING = 20_000_000
"""Traces × parameters × points from which numba saves more than the second or two it takes to load."""
_BLOCK = 256 * 1024
"""Numbers in the Jacobian of one stack, 2 MB: enough to share the cost of a call, and still in the cache."""


def chosen_engine(engine: Engine, model: FitModel, size: int) -> Literal["numpy", "numba"]:
    """Return the engine for a batch of ``size`` = traces × parameters × points.

    Raises
    ------
    FitError
        An unknown engine; or numba is demanded, and is not there or the model has no kernel.
    """
    if engine not in ("auto", "numpy", "numba"):
        raise FitError(f"batch: engine: wanted 'auto', 'numpy' or 'numba', got {engine!r}")
    if engine == "numba":
        _demand_numba(model)
        return "numba"
    if engine == "numpy" or model.kernel is None:
        return "numpy"
    loaded = f"{__package__}.compiled" in sys.modules
    return "numba" if (loaded or size >= _WORTH_LOADING) and not _reason_against_numba() else "numpy"


def _demand_numba(model: FitModel) -> None:
    if model.kernel is None:
        raise FitError(
            f"model {model.name}: engine 'numba' wants a model with a kernel, and this one has none; "
            "use engine='auto'"
        )
    reason = _reason_against_numba()
    if reason:
        raise FitError(f"batch: engine 'numba': {reason}")


@functools.lru_cache(maxsize=1)
def _reason_against_numba() -> str:
    """Return why numba cannot be used, empty if it can."""
    if importlib.util.find_spec("numba") is None:
        return "wants numba, which is not installed; pip install 'labspin[fast]', or use engine='numpy'"
    try:
        importlib.import_module(f"{__package__}.compiled")
    except (ImportError, RuntimeError) as error:  # numba for another NumPy; no folder to keep machine code in
        reason = f"numba cannot be used here ({error}); mend it or use engine='numpy'"
        _log.warning("batch fits go on in NumPy: %s", reason)
        return reason
    return ""


def minimiser(
    engine: Literal["numpy", "numba"], model: FitModel, parameters: int, points: int
) -> Callable[..., Minimum]:
    """Return ``minimise(problem, start, tolerance=…, damping=…)`` of an engine."""
    if engine == "numba" and model.kernel is not None:
        from labspin.analysis.minimiser import compiled

        return functools.partial(compiled.minimise, model.kernel)
    capacity = int(np.clip(_BLOCK // (parameters * points), 8, 512))
    return functools.partial(levenberg.minimise, capacity=capacity)
