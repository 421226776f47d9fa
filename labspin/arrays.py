"""The arrays of numbers that labspin's functions take and return, by name."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["AnyArray", "ComplexArray", "Element", "FloatArray", "Numbers", "Value"]

FloatArray = NDArray[np.float64]
"""Real numbers, of any shape."""
ComplexArray = NDArray[np.complex128]
"""Complex numbers, of any shape."""
Numbers = NDArray[np.float64 | np.complex128]
"""Real or complex numbers, of any shape: data, and what a model gives for them."""
AnyArray = NDArray[Any]
"""Values of a kind that is known only when they are there: what a file holds, a column of a run."""
Value = float | FloatArray
"""Value of one parameter: a number, or an array of them that broadcasts against the others."""
Element = TypeVar("Element", bound=np.generic)
"""What an array holds, where a function gives back the kind that it takes."""
