"""Complex data as the least-squares engines see them: twice as many real numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["real_view"]


def real_view(values: object) -> NDArray[np.float64]:
    """Return complex numbers (..., n) as (..., 2n): re, im, re, im …; real ones as they are.

    Parameters
    ----------
    values
        Real or complex numbers, shape (..., n).
    """
    array = np.asarray(values)
    if np.iscomplexobj(array):
        return np.ascontiguousarray(array, np.complex128).view(np.float64)
    return np.asarray(array, np.float64)
