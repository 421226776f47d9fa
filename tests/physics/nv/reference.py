"""The rate model written out with loops and numpy.linalg: slow, obvious, shares no code with labspin."""

from __future__ import annotations

import numpy as np
from scipy.constants import hbar, k

SX = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=complex) / np.sqrt(2)
SY = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) / np.sqrt(2)
SZ = np.diag([1, 0, -1]).astype(complex)
AXES = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
MHZ = 2e6 * np.pi
GROUND, EXCITED, GAMMA = 2870 * MHZ, 1420 * MHZ, 28030 * MHZ


def frame(axis: np.ndarray) -> np.ndarray:
    """Any right-handed frame (rows) whose third vector is ``axis``; strain needs the true one."""
    helper = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(helper, axis)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(axis, x), axis])


def triplet(splitting: float, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies and eigenvectors (columns) for the field (3,) in the NV frame."""
    h = splitting * SZ @ SZ + GAMMA * (field[0] * SX + field[1] * SY + field[2] * SZ)
    energies, vectors = np.linalg.eigh(h)
    zero = int(np.argmax(np.abs(vectors[1]) ** 2))
    order = [zero, *[i for i in range(3) if i != zero]]
    return energies[order], vectors[:, order]


def rates(
    field: np.ndarray,
    pump: float,
    thermal_rate: float,
    equal_rate: float,
    temperature: float,
    driving: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates from → to (7, 7) by the sums over zero-field rates; also the eigenvectors of both triplets."""
    energies, ground = triplet(GROUND, field)
    _, excited = triplet(EXCITED, field)
    g, e = np.abs(ground) ** 2, np.abs(excited) ** 2  # [level, state]
    decay = np.array([[9.7, 0.097, 0], [0.0485, 9.7, 0.0485], [0, 0.097, 9.7]]) * MHZ
    crossing = np.array([12, 1.74, 12]) * MHZ
    landing = np.array([0.21, 0.49, 0.21]) * MHZ
    flow = np.zeros((7, 7))
    boltzmann = np.exp(-hbar * (energies - energies.min()) / (k * temperature))
    boltzmann /= boltzmann.sum()
    for i in range(3):
        for j in range(3):
            for p in range(3):
                flow[i, 3 + j] += pump * g[p, i] * e[p, j]
                for q in range(3):
                    flow[3 + j, i] += e[p, j] * g[q, i] * decay[p, q]
            if i != j:
                flow[i, j] += thermal_rate * boltzmann[j] + equal_rate / 3
                if driving is not None:
                    flow[i, j] += driving[i, j]
        flow[3 + i, 6] = (e[:, i] * crossing).sum()
        flow[6, i] = (g[:, i] * landing).sum()
    return flow, ground, excited


def generator(flow: np.ndarray) -> np.ndarray:
    return flow.T - np.diag(flow.sum(axis=1))


def steady(flow: np.ndarray) -> np.ndarray:
    """Steady state by state reduction (Grassmann, Taksar, Heyman): no subtraction, so no digit is lost."""
    r = flow.copy()
    n = len(r)
    for last in range(n - 1, 0, -1):
        r[:last, last] /= r[last, :last].sum()
        r[:last, :last] += np.outer(r[:last, last], r[last, :last])
    p = np.ones(n)
    for state in range(1, n):
        p[state] = p[:state] @ r[:state, state]
    return p / p.sum()
