"""The figures of [NV]: spin torque of a levitated diamond, enhanced by cross-relaxation.

The paper's simulations pump three levels (`DIRECT_PUMPING`) at Ω = 2π·3 kHz; the seven-level cycle is drawn
beside them where it differs. At 100 G rates and the full master equation agree for three levels to 1e-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.physics.nv import (
    CR_MEASURED,
    CR_SUPPLEMENT,
    DIRECT_PUMPING,
    FIG4_BENCH,
    FIG4_ORIENTATION,
    LABORATORY_BENCH,
    NV_OPTICAL_RATES,
    DirectPumping,
    Ensemble,
    LibrationMode,
    OpticalRates,
    Relaxation,
    SteadyState,
    UncoupledRelaxation,
    electromagnet_sweep,
    relaxation_times,
    resonance_spectrum,
    stretched_decay,
    torque_map,
)
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

GAUSS, MHZ, PUMP = 1e-4, 2e6 * np.pi, 2e3 * np.pi * 3.0
BARE, COUPLED = UncoupledRelaxation(), CR_SUPPLEMENT
PUMPING: tuple[tuple[str, OpticalRates | DirectPumping], ...] = (
    ("3 levels", DIRECT_PUMPING),
    ("7 levels", NV_OPTICAL_RATES),
)
RELAXATION: tuple[tuple[str, Relaxation], ...] = (("with CR", COUPLED), ("without CR", BARE))


def decay_of_a_class() -> Sheet:
    """Fig. 2(c): polarisation against dark time with no, one and three resonant classes."""
    bench = LABORATORY_BENCH
    cases = {
        "i: alone": (bench.isolated_at, bench.isolated_class),
        "ii: with one other": (bench.pair_at, bench.pair[0]),
        "iii: with three others": (bench.all_at, 0),
    }
    time = np.linspace(0.0, 4e-3, 401)
    columns = {"dark time [ms]": time * 1e3}
    for label, (strength, which) in cases.items():
        field = bench.bench.field(strength)
        t1 = relaxation_times(field=field, orientation=bench.orientation, relaxation=CR_MEASURED)[which]
        columns[f"{label}, T1 = {t1 * 1e6:.0f} µs"] = stretched_decay(time=time, t1=t1)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (label, curve) in enumerate(list(columns.items())[1:]):
            axes.plot(columns["dark time [ms]"], curve + 1.0 * (2 - number), label=label)
        axes.set(xlabel="dark time (ms)", ylabel="difference of light (norm., offset by 1)")
        axes.legend()

    return Sheet(columns, draw)


def _map(relaxation: Relaxation, title: str) -> Sheet:
    ensemble = Ensemble(rates=DIRECT_PUMPING, relaxation=relaxation)
    found = torque_map(strength=100 * GAUSS, pump=PUMP, points=(241, 481), ensemble=ensemble)
    polar, azimuth = np.meshgrid(np.degrees(found.polar), np.degrees(found.azimuth), indexing="ij")
    columns = {
        "theta [deg]": polar.ravel(),
        "phi [deg]": azimuth.ravel(),
        "torque [N m]": found.magnitude.ravel(),
    }

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        power = int(np.floor(np.log10(found.magnitude.max())))
        image = axes.pcolormesh(azimuth, polar, found.magnitude / 10.0**power, shading="nearest")
        figure.colorbar(image, label=f"torque (1e{power} N m)")
        axes.set(xlabel="φ (deg)", ylabel="θ from [100] (deg)", title=title)

    return Sheet(columns, draw, (6.4, 3.6))


def torque_without_cross_relaxation() -> Sheet:
    """Fig. 3(a): the torque on one centre of each class at 100 G against the direction of the field."""
    return _map(BARE, "three-level pumping, no cross-relaxation")


def torque_with_cross_relaxation() -> Sheet:
    """Fig. 3(b): the same with cross-relaxation, whose ridges are planes of equal angle to two classes."""
    return _map(COUPLED, "three-level pumping, with cross-relaxation")


def spectra() -> Sheet:
    """Fig. 4(a): light and angle against microwave frequency at three fields of the electromagnet."""
    frequency = np.linspace(2.55e9, 2.91e9, 721)
    columns = {"frequency [GHz]": frequency / 1e9}
    axis = LibrationMode().axis
    for strength in (10.0, 17.0, 25.0):
        found = resonance_spectrum(
            field=FIG4_BENCH.field(strength * GAUSS),
            frequency=2 * np.pi * frequency,
            pump=PUMP,
            orientation=FIG4_ORIENTATION,
        )
        columns[f"contrast at {strength:g} G [1]"] = found.contrast
        columns[f"torque change at {strength:g} G [N m]"] = found.angle_signal(axis)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 1, sharex=True)
        for number, strength in enumerate((10.0, 17.0, 25.0)):
            light = columns[f"contrast at {strength:g} G [1]"]
            angle = columns[f"torque change at {strength:g} G [N m]"]
            panels[0].plot(frequency / 1e9, -light / light.max() - 1.2 * number, label=f"{strength:g} G")
            panels[1].plot(frequency / 1e9, angle / np.abs(angle).max() - 2.2 * number)
        panels[0].set(ylabel="light (norm., offset)")
        panels[1].set(xlabel="microwave frequency (GHz)", ylabel="torque (norm., offset)")
        figure.legend(loc="outside lower center", ncols=3)

    return Sheet(columns, draw, (6.0, 6.0))


def _sweep(rates: OpticalRates | DirectPumping, relaxation: Relaxation, strength: FloatArray) -> SteadyState:
    ensemble = Ensemble(rates=rates, relaxation=relaxation)
    return electromagnet_sweep(
        bench=FIG4_BENCH,
        electromagnet=strength * GAUSS,
        pump=PUMP,
        orientation=FIG4_ORIENTATION,
        ensemble=ensemble,
        method="lindblad",
    )


def light_across_a_resonance() -> Sheet:
    """Fig. 4(b): population of |0> against the electromagnet, with and without cross-relaxation."""
    strength = np.linspace(10, 25, 301)
    columns = {"B_em [G]": strength}
    for levels, rates in PUMPING:
        for label, relaxation in RELAXATION:
            state = _sweep(rates, relaxation, strength)
            columns[f"{levels}, {label} [1]"] = state.ground_populations[..., 0].mean(axis=-1)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2)
        for axes, levels in zip(panels, ("3 levels", "7 levels"), strict=True):
            axes.plot(strength, columns[f"{levels}, with CR [1]"], label="with CR")
            axes.plot(strength, columns[f"{levels}, without CR [1]"], "--", label="without CR")
            axes.set(xlabel="B_em (G)", ylabel="population of |0>", title=levels)
        panels[0].legend()

    return Sheet(columns, draw, (8.0, 3.6))


def angle_across_a_resonance() -> Sheet:
    """Fig. 4(c): spin torque against the electromagnet; three levels as in the paper, seven beside them."""
    strength = np.linspace(10, 25, 301)
    columns = {"B_em [G]": strength}
    for levels, rates in PUMPING:
        for label, relaxation in RELAXATION:
            state = _sweep(rates, relaxation, strength)
            columns[f"{levels}, {label} [N m]"] = np.linalg.norm(state.torque, axis=-1)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for (name, curve), style in zip(list(columns.items())[1:], ("-", "--") * 2, strict=True):
            label = name.removesuffix(" [N m]")
            axes.plot(strength, curve * 1e27, style, color="C0" if "3" in label[:1] else "C1", label=label)
        axes.set(xlabel="B_em (G)", ylabel="|torque| (1e-27 N m)")
        axes.legend()

    return Sheet(columns, draw)


SCRIPTS = (
    FigureScript(
        "nv-2c", "[NV] Fig. 2(c): T1 of a class by its number of resonant partners", decay_of_a_class, 0.1
    ),
    FigureScript(
        "nv-3a", "[NV] Fig. 3(a): torque at 100 G, no cross-relaxation", torque_without_cross_relaxation, 0.5
    ),
    FigureScript(
        "nv-3b", "[NV] Fig. 3(b): torque at 100 G with cross-relaxation", torque_with_cross_relaxation, 0.5
    ),
    FigureScript("nv-4a", "[NV] Fig. 4(a): light and torque against microwave frequency", spectra, 0.5),
    FigureScript(
        "nv-4b", "[NV] Fig. 4(b): light across a resonance of two classes", light_across_a_resonance, 0.5
    ),
    FigureScript(
        "nv-4c", "[NV] Fig. 4(c): torque across a resonance of two classes", angle_across_a_resonance, 0.5
    ),
)
