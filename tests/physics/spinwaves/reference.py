"""Slow, scalar, independent computations of what the package computes: nested adaptive quadrature and sums.

Written from the definitions (rates as sums over modes), with the angle of k over the full circle and the side
of the film explicit, so that it shares no step with the package.
"""

import itertools
import math
import warnings

import numpy as np
from scipy.constants import hbar, k, mu_0
from scipy.integrate import quad
from scipy.optimize import brentq


def dipolar_factor(n, x):
    """P_nn from its definition (77) as a double integral, done over one variable by hand."""
    norm = 1.0 if n == 0 else 2.0

    def over_depth(s):
        edges = np.exp(-x * s) + (-1) ** n * np.exp(-x * (1 - s))
        own = x**2 / (x**2 + (n * np.pi) ** 2)
        return np.cos(n * np.pi * s) * own * (np.cos(n * np.pi * s) - 0.5 * edges)

    return norm * quad(over_depth, 0, 1, epsabs=1e-14, epsrel=1e-13, limit=400)[0]


def p_closed(n, x):
    if n == 0:
        return x / 2 - x**2 / 6 + x**3 / 24 - x**4 / 120 if x < 1e-3 else 1 - (1 - math.exp(-x)) / x
    square = x**2 + (n * math.pi) ** 2
    return x**2 / square * (1 - 2 * x * (1 - (-1) ** n * math.exp(-x)) / square)


class Mode:
    """One diagonal mode at κ and φ, frequencies in units of ω_M."""

    def __init__(self, film, field, n, x, phi):
        exchange = film.exchange_stiffness / film.thickness**2
        big_n = field / (mu_0 * film.magnetisation) + exchange * (x**2 + (n * np.pi) ** 2)
        p = p_closed(n, x)
        self.nu_x = big_n + 1 - p
        self.cosine = math.cos(phi)
        self.nu_y = big_n + self.cosine**2 * p
        self.u = math.sqrt(self.nu_x * self.nu_y)
        self.loss = film.gilbert_damping * (self.nu_x + self.nu_y)
        self.x, self.n = x, n

    def field(self, eta):
        """h_{βη0} of (87)."""
        x, n = self.x, self.n
        form = x**2 / (x**2 + (n * math.pi) ** 2) * ((-1) ** n - math.exp(-x)) * eta**n / 2
        norm = 1.0 if n == 0 else math.sqrt(2.0)
        return norm * form * (math.sqrt(self.nu_y) + eta * self.cosine * math.sqrt(self.nu_x))


def _edges(u0, n, reduced, exchange, grid):
    """Return the κ at which the contour of the frequency ``u0`` begins or ends, along z or across it."""

    def edge(x, c):
        big_n = reduced + exchange * (x**2 + (n * np.pi) ** 2)
        p = p_closed(n, x)
        return np.sqrt((big_n + 1 - p) * (big_n + c * p)) - u0

    found = []
    for c in (0, 1):
        values = [edge(x, c) for x in grid]
        crossing = [i for i in range(len(grid) - 1) if values[i] * values[i + 1] < 0]
        found += [brentq(edge, grid[i], grid[i + 1], args=(c,)) for i in crossing]
    return found


def resonant_integral(film, field, u0, weight, n, decay, tolerance=1e-8):
    """∫κdκ∫dφ weight(mode)·(Re, Im) 1/(u − u0 − iγ/2)·e^{−decay κ}, by nested adaptive quadrature."""
    exchange = film.exchange_stiffness / film.thickness**2
    reduced = field / (mu_0 * film.magnetisation)

    def inner(x, part):
        def at(phi):
            mode = Mode(film, field, n, x, phi)
            detuning = mode.u - u0
            size = detuning**2 + mode.loss**2 / 4
            return weight(mode) * (detuning if part == 0 else mode.loss / 2) / size

        big_n = reduced + exchange * (x**2 + (n * np.pi) ** 2)
        p = p_closed(n, x)
        c0 = (u0**2 / (big_n + 1 - p) - big_n) / p
        points = None
        if 0 < c0 < 1:
            points = [np.arccos(np.sqrt(c0)), np.pi - np.arccos(np.sqrt(c0))]
        whole = quad(at, 0, np.pi, points=points, limit=2000, epsabs=0, epsrel=tolerance / 10)[0]
        return 2 * x * whole * np.exp(-decay * x)

    breaks = _edges(u0, n, reduced, exchange, np.geomspace(1e-3, 40 / decay, 3000))
    ends = np.unique([0.0, *breaks, 1 + max([0.0, *breaks]), 60 / decay + max([0.0, *breaks])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sums = [
            sum(
                quad(inner, a, b, args=(part,), limit=200, epsabs=0, epsrel=tolerance)[0]
                for a, b in itertools.pairwise(ends)
            )
            for part in (0, 1)
        ]
    return complex(*sums)


def occupation(film, mode, temperature):
    return 1 / math.expm1(hbar * film.omega_m * mode.u / (k * temperature))


def coupling_squared(film, spin, mode, eta, length):
    """|g_β|² L² of (185), with |γ_s| μ0, the zero-point magnetisation (93) and the field (85)."""
    zero_point = hbar * film.gyromagnetic_ratio * film.magnetisation / (2 * film.thickness * mode.u)
    along = mode.field(eta) * (1 + eta * mode.cosine) / math.sqrt(2)
    return (mu_0 * spin.gyromagnetic_ratio) ** 2 * zero_point * along**2 * math.exp(-2 * mode.x * length)
