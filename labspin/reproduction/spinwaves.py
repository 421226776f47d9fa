"""Figures of [SW] of the film alone and of the centre alone: 1(b), 5, 7(b) and 9(b, c).

The film is `YIG_FIGURES`, here and in `spinwaves_layer`, `spinwaves_field` and `spinwaves_spin`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import CentreState
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

MT, DEGREE = 1e-3, np.pi / 180


def bands() -> Sheet:
    """Fig. 1(b): the lowest four bands at 20 mT, Damon–Eshbach and parallel, and their profiles S_n(x)."""
    reduced = np.geomspace(1e-2, 10, 241)
    columns = {"kd [1]": reduced}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", sw.ValidityWarning
        )  # the figure has diagonal bands, also where they cross
        for label, angle in (("DE", 0.0), ("BV", 90 * DEGREE)):
            for band in range(4):
                omega = sw.dispersion(
                    film=YIG_FIGURES,
                    field=20 * MT,
                    wavenumber=reduced / YIG_FIGURES.thickness,
                    angle=angle,
                    band=band,
                )
                columns[f"{label} n = {band} [GHz]"] = omega / (2e9 * np.pi)
    height = np.linspace(0, 1, reduced.size)
    columns["x/d [1]"] = height
    for band in range(4):
        profile = sw.thickness_profile(film=YIG_FIGURES, height=height * YIG_FIGURES.thickness, band=band)
        columns[f"S_{band} [1]"] = profile

    def draw(figure: Figure) -> None:
        axes, lower = figure.subplots(2, 1, height_ratios=(3, 1))
        for name, curve in list(columns.items())[1:9]:
            axes.semilogx(reduced, curve, "-" if "DE" in name else "--", color=f"C{name.split()[3]}")
        axes.set(xlabel="kd", ylabel="frequency (GHz)", title="solid: Damon–Eshbach, dashed: parallel")
        unit = YIG_FIGURES.omega_m / (2e9 * np.pi)
        axes.secondary_yaxis("right", functions=(lambda ghz: ghz / unit, lambda one: one * unit)).set_ylabel(
            "ω/ω_M"
        )
        for band in range(4):
            lower.plot(band + height, columns[f"S_{band} [1]"], color=f"C{band}")
            lower.text(band + 0.5, 1.5, f"n = {band}", ha="center")
        lower.set(xlabel="x/d, one film after the other", ylabel="S_n", ylim=(-1.6, 2.2))

    return Sheet(columns, draw, (6.0, 5.6))


def thicknesses() -> Sheet:
    """Fig. 5: the lowest band at 20 mT and 60 mT of films of 100, 200 and 500 nm."""
    wavenumber = np.geomspace(1e4, 5e7, 201)
    columns = {"k [1/m]": wavenumber}
    for nanometres in (100, 200, 500):
        film = replace(YIG_FIGURES, thickness=nanometres * 1e-9)
        for field in (20, 60):
            omega = sw.mode_frequency(film=film, field=field * MT, wavenumber=wavenumber)
            columns[f"{nanometres} nm, {field} mT [GHz]"] = omega / (2e9 * np.pi)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            style, label = "--" if "60" in name else "-", name.removesuffix(" [GHz]")
            axes.semilogx(wavenumber, curve, style, color=f"C{number // 2}", label=label)
        axes.set(xlabel="k (1/m)", ylabel="frequency (GHz)", ylim=(0, 12))
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def linewidth_of_a_mode() -> Sheet:
    """Fig. 7(b): energy decay rate of the first four bands at 20 mT, Damon–Eshbach and parallel."""
    reduced = np.geomspace(1e-2, 10, 201)
    columns = {"kd [1]": reduced}
    for label, angle in (("DE", 0.0), ("parallel", 90 * DEGREE)):
        for band in range(4):
            rate = sw.decay_rate(
                film=YIG_FIGURES,
                field=20 * MT,
                wavenumber=reduced / YIG_FIGURES.thickness,
                angle=angle,
                band=band,
            )
            columns[f"{label} n = {band} [MHz]"] = rate / (2e6 * np.pi)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, curve in list(columns.items())[1:]:
            axes.semilogx(
                reduced, curve, "-" if "DE" in name else "--", color=f"C{name.split()[3]}", label=name[:-6]
            )
        axes.set(xlabel="kd", ylabel="decay rate γ/2π (MHz)")
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def optical_pumping() -> Sheet:
    """Fig. 9(b, c): occupations and correlation time against the pump at 20 mT, 300 K.

    Red |0>, blue all that is outside of the ground state; dashed the estimate 1/(κ1 + γ₊ + Ω) of (177).
    """
    pump = 2 * np.pi * np.geomspace(1e1, 1e7, 181)
    centre: CentreState = {"spin": NV_TABLE1, "field": 20 * MT, "temperature": 300.0}
    occupations = sw.pumped_occupations(pump_rate=pump, **centre)
    rates = sw.thermal_rates(**centre)
    columns = {
        "pump/2pi [Hz]": pump / (2 * np.pi),
        "occupation of |0> [1]": occupations[..., 0],
        "occupation outside of the ground state [1]": occupations[..., 3:].sum(axis=-1),
        "correlation time [s]": sw.correlation_time(pump_rate=pump, **centre),
        "estimate [s]": 1 / (rates.kappa_1 + rates.gamma_plus + pump),
    }

    def draw(figure: Figure) -> None:
        hertz, zero, outside, time, estimate = columns.values()
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.semilogx(hertz, zero, "r", label="ρ00")
        upper.semilogx(hertz, outside, "b", label="outside of the ground state")
        lower.loglog(hertz, time, "g", label="correlation time")
        lower.loglog(hertz, estimate, "k--", label="1/(κ1 + γ₊ + Ω)")
        best = hertz[zero > 0.99 * zero.max()]
        for axes in (upper, lower):
            axes.axvspan(best[0], best[-1], color="0.9")  # ρ00 within 1 % of its largest
            axes.legend(fontsize=7)
        upper.set(ylabel="occupation")
        lower.set(xlabel="pump Ω/2π (Hz)", ylabel="τ (s)")

    return Sheet(columns, draw, (6.0, 6.0))


SCRIPTS = (
    FigureScript("sw-1b", "[SW] Fig. 1(b): bands of the film at 20 mT, and profiles", bands, 1.0),
    FigureScript("sw-5", "[SW] Fig. 5: bands of films of three thicknesses", thicknesses, 0.2),
    FigureScript("sw-7", "[SW] Fig. 7(b): decay rate of spin waves", linewidth_of_a_mode, 0.2),
    FigureScript("sw-9", "[SW] Fig. 9(b, c): optical pumping", optical_pumping, 0.5),
)
