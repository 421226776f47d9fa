"""Benches and crystal orientations: the paper's Fig. 4, and one that shows Fig. 2(c), 4(a) and 4(b) in turn.

`FIG4_ORIENTATION` reproduces [NV] Fig. 4(a): four lower-branch lines at B_em = 10 G and 25 G, two of which
merge near 2.75 GHz at 17 G. But on that bench all four classes never coincide. `bench_orientation` turns
the crystal such that a <100> axis lies exactly on the field at one B_em (all four classes) and a single
pair of classes coincides at another.

The line of fields is a plane through the origin, so the two conditions fix the orientation. With u and v
the directions of the field at the pair's and at the axis's B_em, v is put on [100] and u on (c, c, √(1 −
2c²)), ``c = u·v``: u lies in the (1-10) plane, where one pair has |B·n| = |B| √((1 − 2c²)/3), and away from
all other degeneracies. The angle between u and v therefore sets the pair's frequency as well: [100] at B_em
= −150 G puts the pair at 2.7705 GHz. (2.75 GHz exactly would need [100] at −212 G. An estimate that leaves
out the second-order shift of the transverse field, 33 MHz here, finds it near −126 G; the full Hamiltonian
gives 2.786 GHz there.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite
from labspin.physics.nv.geometry import FieldBench

__all__ = ["FIG4_BENCH", "FIG4_ORIENTATION", "LABORATORY_BENCH", "LaboratoryBench", "bench_orientation"]

_GAUSS = 1e-4
_TILT = math.radians(90.9)

FIG4_BENCH = FieldBench(bias=(0.0, 0.0, 100 * _GAUSS), direction=(math.sin(_TILT), 0.0, math.cos(_TILT)))
"""[NV] p. 2: 100 G of bias, an electromagnet at about 90° to it."""

FIG4_ORIENTATION: Rotation = Rotation.from_quat([-0.1530, -0.5521, 0.8113, -0.1170])
"""Crystal orientation (x, y, z, w) that shows [NV] Fig. 4(a) on `FIG4_BENCH`."""


def bench_orientation(
    *, pair_at: float, all_at: float, bench: FieldBench = FIG4_BENCH, mirror: bool = False
) -> Rotation:
    """Return an orientation with one pair degenerate at one B_em and all four classes at another.

    Parameters
    ----------
    pair_at
        B_em in T at which exactly one pair of classes coincides.
    all_at
        B_em in T at which the field lies along [100].
    bench
        The bench.
    mirror
        The other of the two solutions, reflected in the plane of the fields: same lines, other torques.

    Raises
    ------
    ArgumentError
        The two fields enclose less than 45° (or more than 135°): no direction at that angle from [100] lies
        in a {110} plane that does not hold [100] itself.
    """
    first, second = (
        bench.field(float(finite("pair_at", pair_at))),
        bench.field(float(finite("all_at", all_at))),
    )
    u, v = first / np.linalg.norm(first), second / np.linalg.norm(second)
    c = float(u @ v)
    if 2 * c * c >= 1:
        angle = math.degrees(math.acos(min(1.0, abs(c))))
        raise ArgumentError(
            f"all_at: wanted a field at 45°…135° from that at pair_at, got {angle:.1f}°; move all_at away"
        )
    side = -1.0 if mirror else 1.0
    in_crystal = _frame(np.array([1.0, 0.0, 0.0]), np.array([c, side * c, math.sqrt(1 - 2 * c * c)]))
    in_lab = _frame(v, u)
    return Rotation.from_matrix(in_crystal @ in_lab.T)


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the right-handed frame (columns) of ``first``, the rest of ``second``, and their normal."""
    normal = np.cross(first, second)
    normal /= np.linalg.norm(normal)
    return np.stack([first, np.cross(normal, first), normal], axis=1)


@dataclass(frozen=True, kw_only=True)
class LaboratoryBench:
    """A bench, a crystal orientation, and the B_em at which the classes stand as wanted (all in T)."""

    bench: FieldBench
    orientation: Rotation
    isolated_at: float  # T, one class far from all others
    isolated_class: int
    pair_at: float  # T, exactly one pair coincides
    pair: tuple[int, int]
    all_at: float  # T, all four coincide


LABORATORY_BENCH = LaboratoryBench(
    bench=FIG4_BENCH,
    orientation=bench_orientation(pair_at=17 * _GAUSS, all_at=-150 * _GAUSS),
    isolated_at=0.0,
    isolated_class=0,
    pair_at=17 * _GAUSS,
    pair=(1, 2),
    all_at=-150 * _GAUSS,
)
"""One bench for [NV] Fig. 2(c), 4(a) and 4(b).

Lower-branch lines in GHz (D = 2.87 GHz, γe = 28.03 GHz/T), classes 0…3:

========== ======================================= ==========================================
B_em       lines                                   what it is for
========== ======================================= ==========================================
−150 G     2.6670 (all four)                       T1 of all four, [NV] Fig. 2(c)(iii)
0 G        2.6014, 2.8173, 2.7509, 2.8739          T1 of class 0 alone (149 MHz away), (i)
10 G       2.6036, 2.7898, 2.7622, 2.8896          four resolved lines, Fig. 4(a)
17 G       2.6057, 2.7705, 2.7705, 2.8971          classes 1 and 2 coincide, Fig. 2(c)(ii), 4
25 G       2.6086, 2.7485, 2.7804, 2.8957          four resolved lines, Fig. 4(a)
========== ======================================= ==========================================
"""
