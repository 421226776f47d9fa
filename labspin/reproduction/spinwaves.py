"""Figures of [SW]: spin waves of a YIG film and the paramagnetic spins near it.

The film is `YIG_FIGURES`. Where the paper's own form differs from the one that follows from its equations
(the lower transition only, a layer counted from the film's surface), both are drawn.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

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
            axes.semilogx(
                wavenumber, curve, "--" if "60" in name else "-", color=f"C{number // 2}", label=name
            )
        axes.set(xlabel="k (1/m)", ylabel="frequency (GHz)", ylim=(0, 12))
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def _above(field: float, temperature: float, distance: FloatArray, transitions: str) -> sw.SpinWaveBath:
    return sw.spin_wave_bath(
        film=YIG_FIGURES,
        spin=NV_TABLE1,
        distance=distance,
        field=field,
        temperature=temperature,
        transitions=transitions,
    )


TRANSITIONS = (("lower transition only", "lower"), ("both transitions", "both"))


def near_the_film() -> Sheet:
    """Fig. 4(b): |δ₋ T1'| and T1' against distance at 35 mT, 300 K and 100 mK."""
    reduced = np.geomspace(0.05, 10, 41)
    columns = {"l/d [1]": reduced}
    for kelvin in (300.0, 0.1):
        for label, transitions in TRANSITIONS:
            bath = _above(35 * MT, kelvin, reduced * YIG_FIGURES.thickness, transitions)
            times = sw.relaxation_times(spin=NV_TABLE1, field=35 * MT, temperature=kelvin, bath=bath)
            columns[f"T1' at {kelvin:g} K, {label} [s]"] = times.shortest
            columns[f"|shift T1'| at {kelvin:g} K, {label} [1]"] = np.abs(bath.shift_minus) * times.shortest

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2)
        for name, curve in list(columns.items())[1:]:
            axes = panels[1] if name.startswith("T1'") else panels[0]
            style = ("-" if "lower" in name else "--") + ("r" if "300" in name else "b")
            axes.loglog(reduced, curve, style, label=name.split(" at ")[1].rsplit(" [", 1)[0])
        panels[0].set(xlabel="l/d", ylabel="|δ₋ T1'|")
        panels[1].set(xlabel="l/d", ylabel="T1' (s)")
        panels[1].legend(fontsize=7)

    return Sheet(columns, draw, (8.0, 3.6))


def shifts() -> Sheet:
    """Fig. 13(a, c): shift of the lower line and T1' at room temperature for three fields."""
    reduced = np.geomspace(0.02, 5, 41)
    columns = {"l/d [1]": reduced}
    for field in (5, 25, 35):
        bath = _above(field * MT, 300.0, reduced * YIG_FIGURES.thickness, "lower")
        times = sw.relaxation_times(spin=NV_TABLE1, field=field * MT, temperature=300.0, bath=bath)
        columns[f"shift at {field} mT [MHz]"] = bath.shift_minus / (2e6 * np.pi)
        columns[f"T1' at {field} mT [s]"] = times.shortest

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2)
        for name, curve in list(columns.items())[1:]:
            axes = panels[0] if name.startswith("shift") else panels[1]
            axes.plot(reduced, curve, label=name.split(" at ")[1].split(" [")[0])
        panels[0].set(xscale="log", xlabel="l/d", ylabel="δ₋/2π (MHz)")
        panels[0].set_yscale("symlog", linthresh=1e-4)
        panels[1].set(xscale="log", yscale="log", xlabel="l/d", ylabel="T1' (s)")
        panels[1].legend()

    return Sheet(columns, draw, (8.0, 3.6))


def forces() -> Sheet:
    """Fig. 14(a): force on a centre at room temperature, the paper's limit (260) and the general form.

    (260) changes sign where its curve at 5 mT dips; the general force attracts at every distance.
    """
    reduced = np.geomspace(0.02, 2, 61)
    columns = {"l/d [1]": reduced}
    for field in (5, 25, 35):
        bath = _above(field * MT, 300.0, reduced * YIG_FIGURES.thickness, "lower")
        resting = sw.steady_occupations(spin=NV_TABLE1, field=field * MT, temperature=300.0, bath=bath)
        for label, limit in (("(260)", "high temperature"), ("general", "general")):
            columns[f"{label}, {field} mT [N]"] = sw.spin_wave_force(
                bath=bath, occupations=resting, limit=limit
            )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            style = "-" if "(260)" in name else "--"
            axes.loglog(reduced, np.abs(curve), style, color=f"C{number // 2}", label=name.rsplit(" [", 1)[0])
        axes.set(xlabel="l/d", ylabel="|force| (N)")
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
    FigureScript("sw-5", "[SW] Fig. 5: bands of films of three thicknesses", thicknesses, 0.2),
    FigureScript("sw-7", "[SW] Fig. 7(b): decay rate of spin waves", linewidth_of_a_mode, 0.2),
    FigureScript("sw-9", "[SW] Fig. 9(b, c): optical pumping", optical_pumping, 0.5),
    FigureScript("sw-13", "[SW] Fig. 13(a, c): shift and T1' near the film at 300 K", shifts, 3.0),
    FigureScript("sw-14", "[SW] Fig. 14(a): force on a centre at 300 K", forces, 3.0),
)
