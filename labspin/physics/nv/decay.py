"""How long polarised centres stay polarised in the dark: T1 of each class at a field, and the decay itself.

==========  =====================================================================
``T1_i``    ``1/(1/T1⁰ + cross-relaxation)`` of class i, from its lower transition
``β``       stretching exponent of the ensemble: 1 for phonons, 1/2 for pure dipolar disorder
==========  =====================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import broadcast, non_negative, positive
from labspin.physics.nv.records import NV_CENTRE, NVCentre
from labspin.physics.nv.relaxation import CR_SUPPLEMENT, Relaxation
from labspin.physics.nv.spin import transition_frequencies

__all__ = ["relaxation_times", "stretched_decay"]

FloatArray = NDArray[np.float64]


def relaxation_times(
    *,
    field: ArrayLike,
    orientation: Rotation | ArrayLike | None = None,
    centre: NVCentre = NV_CENTRE,
    relaxation: Relaxation = CR_SUPPLEMENT,
) -> FloatArray:
    """Return T1 of the four classes in the dark, shape (..., 4), s.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``.
    centre
        D, E and γe.
    relaxation
        T1 of a class alone and what resonance with others adds, e.g. `CR_MEASURED`.

    Returns
    -------
    FloatArray
        inf where nothing relaxes.
    """
    lower = transition_frequencies(field=field, orientation=orientation, centre=centre)[..., 0]
    rate = relaxation.isolated_rate + relaxation.cross_relaxation_rate(lower)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / rate)


def stretched_decay(*, time: ArrayLike, t1: ArrayLike, beta: ArrayLike = 0.8) -> FloatArray:
    """Return ``exp(−(t/T1)^β)``, what is left of the polarisation of an ensemble after a dark time.

    Parameters
    ----------
    time
        t ≥ 0, s.
    t1
        T1 > 0, s; broadcasts with the time.
    beta
        Stretching exponent, 0 < β ≤ 1.

    Returns
    -------
    FloatArray
        Factor, of the broadcast shape, 1 at t = 0.

    Raises
    ------
    ArgumentError
        A time is negative, T1 is not positive, β is out of range, or shapes do not broadcast.
    """
    dark, life = non_negative("time", time, unit="s"), positive("t1", t1, unit="s")
    exponent = positive("beta", beta)
    if (exponent > 1).any():
        raise ArgumentError(f"beta: wanted a stretching exponent in 0…1, got {exponent.max():g}")
    broadcast(time=dark, t1=life, beta=exponent)
    return np.asarray(np.exp(-((dark / life) ** exponent)))
