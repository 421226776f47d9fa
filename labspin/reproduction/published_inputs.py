"""The parameters that the papers state, beside those of the presets that compute everything else.

A preset is a copy of a table, and a copy can have a slip: so these stand in the table of numbers, too.
"""

from __future__ import annotations

import numpy as np

from labspin.physics.mrfm import THESIS_FIG_3_2, THESIS_FIG_3_3
from labspin.physics.nv import FIG4_BENCH, NV_CENTRE, NV_OPTICAL_RATES
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES, YIG_TABLE1
from labspin.reproduction.quoted import Quoted

__all__ = ["diamond_inputs", "film_inputs", "resonator_inputs"]

_MHZ = 2e6 * np.pi
_GHZ = 2e9 * np.pi


def _inputs(source: str, *rows: tuple[str, str, float, float]) -> tuple[Quoted, ...]:
    """Return rows of quantity, unit, quoted and what the preset holds."""
    return tuple(
        Quoted(source, quantity, unit, quoted, float(held), "agrees: parameter of the preset")
        for quantity, unit, quoted, held in rows
    )


def diamond_inputs() -> tuple[Quoted, ...]:
    """Return the parameters of [NV].

    Returns
    -------
    tuple of Quoted
        Splitting and bias.
    """
    return _inputs(
        "[NV] p. 2, 3",
        ("zero-field splitting D/2π", "GHz", 2.87, NV_CENTRE.zero_field_splitting / _GHZ),
        ("bias field", "G", 100.0, float(np.linalg.norm(FIG4_BENCH.bias)) * 1e4),
    )


def resonator_inputs() -> tuple[Quoted, ...]:
    """Return the parameters of [MR].

    Returns
    -------
    tuple of Quoted
        Those of Fig. 3.2, then those of Fig. 3.3.
    """
    one, many = THESIS_FIG_3_2, THESIS_FIG_3_3
    return (
        *_inputs(
            "[MR] Fig. 3.2",
            ("moment of the magnet", "pA m²", 19.0, one.magnet.moment[0] * 1e12),
            ("temperature", "mK", 300.0, one.temperature * 1e3),
            ("distance of the line", "µm", 2.5, one.distance * 1e6),
        ),
        *_inputs(
            "[MR] Fig. 3.3",
            ("moment of the magnet", "pA m²", 19.0, many.magnet.moment[0] * 1e12),
            ("stiffness", "µN/m", 70.0, many.resonator.stiffness * 1e6),
            ("natural frequency", "kHz", 3.0, many.resonator.angular_frequency / (2e3 * np.pi)),
            ("electron spins", "1/nm²", 0.14, many.density * 1e-18),
            ("distance of the magnet", "µm", 2.2, many.surface.distance * 1e6),
        ),
    )


def film_inputs() -> tuple[Quoted, ...]:
    """Return the parameters of [SW], Tables 1 and 2.

    Returns
    -------
    tuple of Quoted
        The film, the centre, its optical cycle.
    """
    film, spin = YIG_TABLE1, NV_TABLE1
    stiffness = (
        "the preset of the figures takes another: erratum. The table prints µm⁻², α_x is a length squared"
    )
    return (
        *_inputs(
            "[SW] Table 1",
            ("thickness d", "nm", 200.0, film.thickness * 1e9),
            ("|γ| of YIG", "1/(T s)", 1.76e11, film.gyromagnetic_ratio),
            ("magnetisation", "A/m", 1.39e5, film.magnetisation),
            ("exchange stiffness α_x", "µm²", 2.14e-4, film.exchange_stiffness * 1e12),
            ("Gilbert damping", "1", 1e-4, film.gilbert_damping),
            ("zero-field splitting D0/2π", "GHz", 2.877, spin.zero_field_splitting / _GHZ),
            ("|γ_s| of NV", "1/(T s)", 1.76e11, spin.gyromagnetic_ratio),
            ("T1", "ms", 3.0, spin.occupation_lifetime * 1e3),
            ("T2*", "µs", 1.0, spin.coherence_lifetime * 1e6),
        ),
        Quoted(
            "[SW] Table 1", "exchange stiffness α_x, film of the figures", "µm²", 2.14e-4,
            YIG_FIGURES.exchange_stiffness * 1e12, stiffness,
        ),
        *_optical(),
    )  # fmt: skip


def _optical() -> tuple[Quoted, ...]:
    """Return Table 2."""
    rates = NV_OPTICAL_RATES
    return (
        *_inputs(
            "[SW] Table 2",
            ("γ_c/2π", "MHz", 9.7, rates.spin_conserving / _MHZ),
            ("γ_nc over γ_c", "1", 1e-2, rates.spin_mixing / rates.spin_conserving),
            ("γ_45/2π", "MHz", 12.0, rates.crossing_one / _MHZ),
            ("γ_35/2π", "MHz", 1.74, rates.crossing_zero / _MHZ),
            ("γ_5±/2π", "MHz", 0.21, rates.singlet_one / _MHZ),
            ("γ_50/2π", "MHz", 0.49, rates.singlet_zero / _MHZ),
            ("α_d", "mHz m²/W", 0.45, rates.pump_per_intensity * 1e3),
        ),
        Quoted(
            "[SW] Table 2", "zero-field splitting D1/2π of the excited state", "GHz", 1.423,
            NV_CENTRE.excited_splitting / _GHZ, "no number of [SW] depends on it; that of `NVCentre` is 1.42",
        ),
    )  # fmt: skip
