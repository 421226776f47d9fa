"""Starting values of a function that says nothing about its parameters: from the data's own scales.

Parameters in which the function is linear (heights, offsets, slopes) follow from least squares for any values
of the others. Those others are places on the axis, lengths along it, rates, or plain numbers: a few dozen
candidates of each kind are tried, and the set is taken of which the best curve leaves least.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FloatArray

__all__ = ["search_start"]

_MOST_SETS = 5000
"""Sets of values that are tried."""
_MOST_POINTS = 200
"""Points by which a set is judged."""
_CLOSE = 1e-9  # of the largest value: rounding errors of a second difference


def search_start(
    function: Callable[..., ArrayLike],
    known: Mapping[str, float],
    sought: Sequence[str],
    points: tuple[FloatArray, FloatArray, FloatArray | None],
) -> dict[str, float]:
    """Return starting values of ``sought``; 1 for all of them where nothing that was tried is finite.

    A height or offset that is said to start at 0 says nothing of its size: it is sought, too.

    Parameters
    ----------
    function
        ``function(x, a, b, …)``, by the names of its parameters.
    known
        Parameters that stay at their values.
    sought
        The others.
    points
        x, y and weights or None, shape (n,) each.
    """
    x, y, weights = (None if one is None else one[:: max(1, one.size // _MOST_POINTS)] for one in points)
    nothing = dict.fromkeys(sought, 1.0)
    if x is None or y is None:
        return nothing

    def curve(values: Mapping[str, float]) -> FloatArray:
        with np.errstate(all="ignore"):
            found = np.asarray(function(x, **{**known, **values}))
        real = found.real if np.iscomplexobj(found) else found
        return np.broadcast_to(np.asarray(real, np.float64), x.shape)

    scale = 1.0 if weights is None else weights
    zeros = [name for name, value in known.items() if value == 0]
    try:
        linear = _linear(curve, [*sought, *zeros], x)
        wanted = [*sought, *(name for name in zeros if name in linear)]
        return _best(curve, wanted, linear, x, (y, scale)) if wanted else {}
    except (ArithmeticError, ValueError, TypeError, IndexError, np.linalg.LinAlgError):
        return nothing  # a function of the user's own: what ails it, the fit says


def _best(
    curve: Callable[[Mapping[str, float]], FloatArray],
    sought: Sequence[str],
    linear: Sequence[str],
    x: FloatArray,
    seen: tuple[FloatArray, FloatArray | float],
) -> dict[str, float]:
    others = [name for name in sought if name not in linear]
    candidates = _candidates(x, len(others))
    (y, scale), best = seen, (np.inf, dict.fromkeys(sought, 1.0))
    zero = dict.fromkeys(linear, 0.0)
    for chosen in itertools.product(candidates, repeat=len(others)):
        values = dict(zip(others, chosen, strict=True))
        level = curve({**values, **zero})
        basis = np.stack([curve({**values, **zero, name: 1.0}) - level for name in linear] or [0.0 * x])
        with np.errstate(all="ignore"):
            sizes = np.sqrt(np.square(basis * scale).sum(axis=1))
            if not (np.isfinite(sizes).all() and np.isfinite(level).all()):
                continue
            sizes[sizes == 0] = 1.0
            shapes = basis * scale / sizes[:, None]
            heights, *_ = np.linalg.lstsq(shapes.T, (y - level) * scale, rcond=1e-9)
            left = float(np.square((y - level) * scale - heights @ shapes).sum())
            found = heights / sizes
        if left < best[0] and np.isfinite(found).all():
            best = left, {**values, **dict(zip(linear, found.tolist(), strict=False))}
    return {name: best[1][name] for name in sought}


def _linear(
    curve: Callable[[Mapping[str, float]], FloatArray], sought: Sequence[str], x: FloatArray
) -> list[str]:
    """Return parameters in which the function is linear, all together, wherever the others are."""
    middle = float(np.median(np.abs(x[x != 0]))) if np.any(x) else 1.0
    elsewhere = {name: middle * (1.0 + 0.137 * number) for number, name in enumerate(sought)}

    def is_straight(along: Sequence[str]) -> bool:
        # At three scales: far from its own, what decays is straight, too.
        return all(bends_not(along, size) for size in (1.0, middle, 1 / middle))

    def bends_not(along: Sequence[str], size: float) -> bool:
        at = [curve({**elsewhere, **{name: step * size * (1.0 + k) for k, name in enumerate(along)}})
              for step in (0.0, 1.0, 2.0)]  # fmt: skip
        if not all(np.isfinite(one).all() for one in at):
            return False
        with np.errstate(all="ignore"):
            bent = np.abs(at[2] - 2 * at[1] + at[0]).max()
            return bool(bent <= _CLOSE * max(float(np.abs(one).max()) for one in at))

    found: list[str] = []
    for name in sought:
        if is_straight([name]) and (not found or is_straight([*found, name])):
            found.append(name)
    return found


def _candidates(x: FloatArray, count: int) -> list[float]:
    """Return values that a parameter may have that is not linear, fewer where there are several of them."""
    span = float(np.ptp(x)) or float(np.abs(x).max()) or 1.0
    each = 1 if count == 0 else int(_MOST_SETS ** (1 / count))
    share = max(1, each // 6)
    lengths = np.geomspace(0.01 * span, 10 * span, max(2, 2 * share))
    places = np.linspace(x.min(), x.max(), share + 2)[1:-1]
    found = [*lengths, *places, *(1 / lengths), 0.5, 1.0, 2.0, 3.0]
    if each >= 2 * len(found):
        found += [-value for value in (*lengths, *(1 / lengths), 0.5, 1.0, 2.0)]
    return list(dict.fromkeys(float(value) for value in found))
