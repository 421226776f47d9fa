"""Figures of [SW]: spin waves of a YIG film and the paramagnetic spins near it.

The film is `YIG_FIGURES`. Where the paper's own form differs from the one that follows from its equations
(the lower transition only, a layer counted from the film's surface), both are drawn.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

MT, DEGREE = 1e-3, np.pi / 180


def bands() -> Sheet:
    """Fig. 1(b), top: the lowest four bands at 20 mT, Damon–Eshbach and backward-volume."""
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

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, curve in list(columns.items())[1:]:
            axes.semilogx(reduced, curve, "-" if "DE" in name else "--", color=f"C{name.split()[3]}")
        axes.set(xlabel="kd", ylabel="frequency (GHz)", title="solid: Damon–Eshbach, dashed: backward volume")

    return Sheet(columns, draw)


def largest_linewidth() -> Sheet:
    """Fig. 3(a): the largest linewidth that a layer of 1e4 spins/µm³ adds, pumped and thermal."""
    field = np.linspace(2, 30, 15) * MT
    columns = {"field [mT]": field / MT}
    for label, near in (
        ("layer from the surface", 0.0),
        ("layer from the mid-plane", 0.5 * YIG_FIGURES.thickness),
    ):
        for state, pump in (("pumped", sw.OPTIMUM_PUMP_RATE), ("thermal", 0.0)):
            widths = []
            for one in field:
                layer = sw.spin_layer(
                    spin=NV_TABLE1, density=1e22, field=one, temperature=300.0, pump_rate=pump, near=near
                )
                widths.append(float(sw.maximum_linewidth(film=YIG_FIGURES, layer=layer, field=one)))
            columns[f"{state}, {label} [MHz]"] = np.array(widths) / (2e6 * np.pi)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, curve in list(columns.items())[1:]:
            axes.semilogy(field / MT, curve, "--" if "surface" in name else "-", label=name)
        axes.set(xlabel="field (mT)", ylabel="largest added linewidth Γ/2π (MHz)")
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def near_the_film() -> Sheet:
    """Fig. 4(b): T1' and the shift of the lower transition against distance, 35 mT, 300 K."""
    reduced = np.geomspace(0.05, 10, 41)
    columns = {"l/d [1]": reduced}
    for label, transitions in (("lower transition only", "lower"), ("both transitions", "both")):
        bath = sw.spin_wave_bath(
            film=YIG_FIGURES,
            spin=NV_TABLE1,
            distance=reduced * YIG_FIGURES.thickness,
            field=35 * MT,
            temperature=300.0,
            transitions=transitions,
        )
        times = sw.relaxation_times(spin=NV_TABLE1, field=35 * MT, temperature=300.0, bath=bath)
        columns[f"T1', {label} [s]"] = times.shortest
        columns[f"shift of the lower line, {label} [MHz]"] = bath.shift_minus / (2e6 * np.pi)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2)
        for name, curve in list(columns.items())[1:]:
            axes = panels[0] if name.startswith("T1'") else panels[1]
            axes.loglog(reduced, np.abs(curve), label=name.split(", ")[1].split(" [")[0])
        panels[0].set(xlabel="l/d", ylabel="T1' (s)")
        panels[1].set(xlabel="l/d", ylabel="|δ₋|/2π (MHz)")
        panels[0].legend()

    return Sheet(columns, draw, (8.0, 3.6))


def linewidth_of_a_mode() -> Sheet:
    """Fig. 7: energy decay rate of the lowest band at 20 mT against kd for three directions."""
    reduced = np.geomspace(1e-2, 10, 201)
    columns = {"kd [1]": reduced}
    for degrees in (0.0, 45.0, 90.0):
        rate = sw.decay_rate(
            film=YIG_FIGURES,
            field=20 * MT,
            wavenumber=reduced / YIG_FIGURES.thickness,
            angle=degrees * DEGREE,
        )
        columns[f"gamma/2pi at {degrees:g} deg [MHz]"] = rate / (2e6 * np.pi)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, curve in list(columns.items())[1:]:
            axes.semilogx(reduced, curve, label="φ = " + name.split()[2] + "°")
        axes.set(xlabel="kd", ylabel="decay rate γ/2π (MHz)")
        axes.legend()

    return Sheet(columns, draw)


def optical_pumping() -> Sheet:
    """Fig. 9(b, c): occupation of |0> and correlation time against the pump at 20 mT, 300 K."""
    pump = 2 * np.pi * np.geomspace(1e1, 1e7, 181)
    occupations = sw.pumped_occupations(spin=NV_TABLE1, field=20 * MT, temperature=300.0, pump_rate=pump)
    columns = {
        "pump/2pi [Hz]": pump / (2 * np.pi),
        "occupation of |0> [1]": occupations[..., 0],
        "correlation time [s]": sw.correlation_time(
            spin=NV_TABLE1, field=20 * MT, temperature=300.0, pump_rate=pump
        ),
    }

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 1, sharex=True)
        names = list(columns)
        panels[0].semilogx(columns[names[0]], columns[names[1]])
        panels[1].loglog(columns[names[0]], columns[names[2]])
        panels[0].set(ylabel="ρ00")
        panels[1].set(xlabel="pump Ω/2π (Hz)", ylabel="τ (s)")

    return Sheet(columns, draw, (6.0, 6.0))


SCRIPTS = (
    FigureScript("sw-1b", "[SW] Fig. 1(b), top: bands of the film at 20 mT", bands, 1.0),
    FigureScript("sw-3a", "[SW] Fig. 3(a): linewidth added by a layer of spins", largest_linewidth, 8.0),
    FigureScript("sw-4b", "[SW] Fig. 4(b): a spin near the film at 35 mT", near_the_film, 3.0),
    FigureScript("sw-7", "[SW] Fig. 7: decay rate of spin waves", linewidth_of_a_mode, 0.2),
    FigureScript("sw-9", "[SW] Fig. 9(b, c): optical pumping", optical_pumping, 0.5),
)
