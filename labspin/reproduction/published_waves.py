"""Further numbers of [SW]: what a layer does at best, forces and shifts, times that are compared.

Each is a statement in the running text; of a range or an order of magnitude the nearer end is quoted.
"""

from __future__ import annotations

import numpy as np

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import CentreState
from labspin.reproduction.quoted import Quoted
from labspin.reproduction.spinwaves_layer import COUNTED, layer

__all__ = ["wave_values"]

_MT = 1e-3
_KHZ = 2e3 * np.pi
_D = YIG_FIGURES.thickness


def wave_values() -> tuple[Quoted, ...]:
    """Return the numbers of [SW] that the text states in passing.

    Returns
    -------
    tuple of Quoted
        Layer, waves, forces and shifts.
    """
    return (*_layers(), *_waves(), *_forces())


def _layers() -> list[Quoted]:
    """Return the largest linewidths, thermal and pumped, at 10 mT, for both readings of the layer."""
    found, film, field = [], YIG_FIGURES, 10 * _MT
    for label, near in COUNTED:
        cases = (
            ("thermal, 1e4 µm⁻³", 1e22, 0.0, 10.0),
            ("thermal, 1e5 µm⁻³", 1e23, 0.0, 100.0),
            ("pumped, 1e4 µm⁻³", 1e22, sw.OPTIMUM_PUMP_RATE, 2e4),
        )
        for name, density, pump, quoted in cases:
            made = layer(10 * _MT, near=near, density=density, pump=pump)
            largest = sw.maximum_linewidth(layer=made, film=film, field=field)
            width = float(largest.rate)
            if pump == 0:
                found.append(
                    Quoted(
                        "[SW] below (19)", f"largest Γ/2π, {name}, layer {label}", "kHz", quoted,
                        width / _KHZ,
                        "agrees" if near == 0 else "half: here the surface fits, in all else the mid-plane",
                    )
                )  # fmt: skip
                continue
            bare = float(
                sw.decay_rate(wavenumber=largest.wavenumber, angle=largest.angle, film=film, field=field)
            )
            around = float(largest.wavenumber) * (1 + np.linspace(-0.05, 0.05, 2001))
            moved = sw.modified_modes(
                layer=made, wavenumber=around, angle=largest.angle, film=film, field=field
            )
            found += [
                Quoted(
                    "[SW] below (19)", f"largest Γ over γ, {name}, layer {label}", "1", 30.0, width / bare,
                    "the text's 20 MHz is met from the mid-plane; of γ it takes 0.67 MHz",
                ),
                Quoted(
                    "[SW] below (19)", f"largest |δ| over largest Γ, {name}, layer {label}", "1", 0.25,
                    float(np.abs(moved.shift).max()) / width, "agrees",
                ),
            ]  # fmt: skip
    return found


def _waves() -> list[Quoted]:
    """Return lifetime, and detuning of the upper line."""
    loss = float(sw.decay_rate(film=YIG_FIGURES, field=20 * _MT, wavenumber=1 / _D))
    plus = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * _MT)[1])
    highest = float(sw.mode_frequency(film=YIG_FIGURES, field=10 * _MT, wavenumber=1 / _D))
    unit = YIG_FIGURES.omega_m
    return [
        Quoted("[SW] App. A.5", "lifetime 1/γ, kd = 1 along y, 20 mT", "ns", 300.0, 1e9 / loss, "agrees"),
        Quoted(
            "[SW] App. A.5", "lifetime 2/γ, of amplitudes, kd = 1 along y, 20 mT", "ns", 300.0, 2e9 / loss,
            "the main text takes 2/γ for a lifetime, the appendix a number near 1/γ",
        ),
        Quoted(
            "[SW] App. C", "ω₊ above the waves with kd < 1, 10 mT", "ω_M", 0.1, (plus - highest) / unit,
            "agrees; waves with kd ≈ 6 are resonant all the same and count near the film: erratum",
        ),
        Quoted("[SW] App. C", "0.1 ω_M/2π", "GHz", 0.5, 0.1 * unit / (2e9 * np.pi), "agrees"),
    ]  # fmt: skip


def _forces() -> list[Quoted]:
    """Return occupations, forces and shifts of one centre."""
    centre: CentreState = {"spin": NV_TABLE1, "field": 35 * _MT, "temperature": 300.0}
    resting = sw.steady_occupations(**centre)
    near, both, closer = (
        sw.spin_wave_bath(film=YIG_FIGURES, distance=place * _D, transitions=transitions, rtol=1e-4, **centre)
        for place, transitions in ((0.2, "lower"), (0.2, "both"), (0.04, "lower"))
    )
    lit = sw.pumped_occupations(**centre, bath=near, pump_rate=sw.OPTIMUM_PUMP_RATE)
    pumped = float(sw.spin_wave_force(bath=near, occupations=lit))
    thermal = sw.spin_wave_force(
        bath=closer, occupations=sw.steady_occupations(**centre, bath=closer), limit="high temperature"
    )
    lit = sw.pumped_occupations(**centre, bath=both, pump_rate=sw.OPTIMUM_PUMP_RATE)
    faster = float(sw.spin_wave_force(bath=both, occupations=lit))
    return [
        Quoted("[SW] below (24)", "ρ00 at rest, 300 K", "1", 1 / 3, float(resting[..., 0]), "agrees"),
        Quoted(
            "[SW] Fig. 4(c)", "force at d/5, 35 mT, pumped, lower transition", "N", 1e-21, abs(pumped),
            "within the quoted range of 1e-21 to 1e-18",
        ),
        Quoted(
            "[SW] Fig. 4(c)", "force at d/5, 35 mT, pumped, both transitions", "N", 1e-21, abs(faster),
            "below the quoted range: the upper transition depolarises",
        ),
        Quoted(
            "[SW] below (260)", "thermal force by (260) at 0.04 d, 35 mT, 300 K", "N", 1e-23,
            abs(float(thermal)), "the lower end of the quoted range; farther away it is weaker",
        ),
        Quoted(
            "[SW] footnote at (23)", "δ₋ over 2δ₊, 300 K, d/5, 35 mT", "1", 1.0,
            float(near.shift_minus / (2 * near.shift_plus)), "agrees",
        ),
    ]  # fmt: skip
