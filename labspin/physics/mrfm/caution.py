"""Warnings of the MRFM physics: a result was computed, but outside the range its formula was made for."""

from __future__ import annotations

import warnings

__all__ = ["LinearResponseWarning", "MRFMWarning", "QuadratureWarning", "SaturationWarning", "warn"]


class MRFMWarning(UserWarning):
    """Base of the warnings of `labspin.physics.mrfm`."""


class SaturationWarning(MRFMWarning):
    """The resonator moves so far that it saturates spins: condition (3.6) of the thesis is not met."""


class LinearResponseWarning(MRFMWarning):
    """κ is not small beside k0, so the first-order shifts (3.12), (3.13) are off; use the exact pole."""


class QuadratureWarning(MRFMWarning):
    """An integral did not reach the accuracy asked for; its error estimate says what it reached."""


def warn(category: type[MRFMWarning], text: str) -> None:
    """Issue a warning that points at the caller of the public function.

    Parameters
    ----------
    category
        Kind of the warning.
    text
        Text of the caution.
    """
    warnings.warn(text, category, stacklevel=4)
