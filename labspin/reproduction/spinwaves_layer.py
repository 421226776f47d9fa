"""Figures of [SW] of a film under a layer of NV centres: 2(b–d), 3(a–e) and 16(b–d).

The text's numbers for these figures fit a layer that is counted from the film's mid-plane (near = d/2), not
from its surface as (19) with l1 = 0 says. It is a reading of the text, not proof: both are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import Mode, Wave
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

MT, MHZ, D = 1e-3, 2e6 * np.pi, YIG_FIGURES.thickness
COUNTED = (("from the surface", 0.0), ("from the mid-plane", D / 2))
FIELDS = (5, 10, 15, 20)  # mT, of Fig. 2(c, d)
STATES = (("pumped", sw.OPTIMUM_PUMP_RATE), ("thermal", 0.0))


def layer(
    field: ArrayLike, *, near: float, density: float = 1e22, pump: float = sw.OPTIMUM_PUMP_RATE
) -> sw.SpinLayer:
    """Return the paper's layer at 300 K; density in 1/m³."""
    return sw.spin_layer(
        spin=NV_TABLE1, density=density, field=field, temperature=300.0, pump_rate=pump, near=near
    )


def resonant_kd(field: float) -> float:
    """Return kd of the wave along +y, n = 0, that has the frequency ω₋; field in T."""
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=field)[0])
    curves = sw.iso_frequency_contour(film=YIG_FIGURES, field=field, frequency=minus)
    points = np.concatenate(curves)
    return float(np.abs(points[np.argmin(np.abs(points[:, 1])), 0]) * D)


def map_of_linewidths() -> Sheet:
    """Fig. 2(b): linewidth that the layer adds at 20 mT on the plane of wavevectors, and its iso-lines."""
    axis = np.linspace(-0.8, 0.8, 161)
    ky, kz = (part.ravel() for part in np.meshgrid(axis, axis, indexing="ij"))
    wave: Mode = {
        "film": YIG_FIGURES,
        "field": 20 * MT,
        "wavenumber": np.hypot(ky, kz).clip(1e-3) / D,
        "angle": np.arctan2(kz, ky),
        "band": 0,
    }
    columns = {"k_y d [1]": ky, "k_z d [1]": kz}
    for label, near in COUNTED:
        found = sw.modified_modes(layer=layer(20 * MT, near=near), **wave)
        columns[f"added linewidth, {label} [MHz]"] = found.linewidth_increase / MHZ
    columns["field above the film [1]"] = sw.field_amplitude(**wave)
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=20 * MT)[0])
    resonant = sw.iso_frequency_contour(film=YIG_FIGURES, field=20 * MT, frequency=minus)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 3, sharey=True)
        image, amplitude = (axis, axis), columns["field above the film [1]"].reshape(161, 161).T
        for axes, (label, _) in zip(panels, COUNTED, strict=False):
            width = columns[f"added linewidth, {label} [MHz]"].reshape(161, 161).T
            mesh = axes.pcolormesh(*image, np.log10(width.clip(1e-6)), cmap="inferno", vmin=-6, vmax=1.5)
            axes.set_title(label, fontsize=9)
        figure.colorbar(mesh, ax=panels[:2], label="log10 of Γ/2π (MHz)")
        for curve in resonant:
            panels[2].plot(*(curve.T * D), "r", label="ω = ω₋")
        panels[2].contour(*image, amplitude, levels=[0.0], colors="b")
        panels[2].plot([-0.8, 0], [0, 0], "g", label="orthogonal to e₋")
        panels[2].plot([], [], "b", label="no field above")
        panels[2].set(aspect="equal")
        panels[2].legend(fontsize=7)
        for axes in panels:
            axes.set(xlabel="k_y d", xlim=(-0.8, 0.8), ylim=(-0.8, 0.8))
        panels[0].set(ylabel="k_z d")

    return Sheet(columns, draw, (11.0, 3.6))


def shift_and_linewidth() -> Sheet:
    """Fig. 2(c, d): shift and linewidth of waves along +y against k for several fields."""
    near_peaks = [resonant_kd(b * MT) * (1 + np.sinh(np.linspace(-8, 8, 241)) * 1e-5) for b in FIELDS]
    reduced = np.sort(np.concatenate([np.geomspace(0.02, 3, 401), *near_peaks]))
    columns = {"kd [1]": reduced}
    for field in FIELDS:
        for label, near in COUNTED:
            found = sw.modified_modes(
                film=YIG_FIGURES, layer=layer(field * MT, near=near), field=field * MT, wavenumber=reduced / D
            )
            columns[f"shift at {field} mT, {label} [MHz]"] = found.shift / MHZ
            columns[f"linewidth at {field} mT, {label} [MHz]"] = found.linewidth_increase / MHZ

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 2, sharex=True, sharey="row")
        for name, curve in list(columns.items())[1:]:
            axes = panels[int(name.startswith("linewidth")), int("mid-plane" in name)]
            color = f"C{int(name.split()[2]) // 5}"
            label = " ".join(name.split()[2:4]).rstrip(",")
            axes.loglog(reduced, np.where(curve > 0, curve, np.nan), color=color, label=label)
            axes.loglog(reduced, np.where(curve < 0, -curve, np.nan), "--", color=color)
        for axes, (label, _) in zip(panels[0], COUNTED, strict=True):
            axes.set(title=f"layer {label}", ylim=(1e-4, 50))
        panels[0, 0].set(ylabel="|δ|/2π (MHz), dashed: δ < 0")
        panels[1, 0].set(xlabel="kd, along +y", ylabel="Γ/2π (MHz)", ylim=(1e-5, 100))
        panels[1, 1].set(xlabel="kd, along +y")
        panels[1, 0].legend(fontsize=7)

    return Sheet(columns, draw, (8.0, 6.0))


def largest_linewidth() -> Sheet:
    """Fig. 3(a): the largest linewidth that a layer adds, pumped and thermal; Γ is linear in the density."""
    field = np.linspace(1, 34, 67) * MT
    columns = {"field [mT]": field / MT}
    for label, near in COUNTED:
        for state, pump in STATES:
            spins = layer(field, near=near, pump=pump)
            width = sw.maximum_linewidth(film=YIG_FIGURES, layer=spins, field=field).rate / MHZ
            for density in (1e3, 1e4, 1e5):
                columns[f"{state}, {density:.0e} per µm³, {label} [MHz]"] = width * density / 1e4

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        for name, curve in list(columns.items())[1:]:
            style, color = "-" if "pumped" in name else "--", f"C{name.split()[1][-1]}"
            label = name.split(",")[1] if "pumped" in name else None
            panels[int("mid-plane" in name)].semilogy(field / MT, curve, style, color=color, label=label)
        for axes, (label, _) in zip(panels, COUNTED, strict=True):
            axes.axhspan(10, 30, color="grey", alpha=0.2)
            axes.set(xlabel="field (mT)", title=f"layer {label}")
        panels[0].set(ylabel="largest Γ/2π (MHz)")
        panels[0].legend(fontsize=7)

    return Sheet(columns, draw, (8.0, 4.0))


def propagation() -> Sheet:
    """Fig. 3(b): frequency and propagation length of the bare film, 10 mT; shaded: Γ > γ, mid-plane."""
    reduced = np.geomspace(0.01, 10, 4001)
    wave: Wave = {"film": YIG_FIGURES, "field": 10 * MT, "wavenumber": reduced / D}
    bare = sw.modified_modes(layer=layer(10 * MT, near=0.0, density=0.0), **wave)
    spins = sw.modified_modes(layer=layer(10 * MT, near=D / 2), **wave)
    columns = {
        "kd [1]": reduced,
        "frequency [GHz]": bare.frequency / (2e9 * np.pi),
        "propagation length [mm]": bare.propagation_length * 1e3,
        "added over own linewidth, 1e4 per µm³ [1]": spins.linewidth_increase / bare.decay_rate,
    }

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        touched = columns["added over own linewidth, 1e4 per µm³ [1]"] > 1
        axes.axvspan(reduced[touched].min(), reduced[touched].max(), color="r", alpha=0.2)
        axes.semilogx(reduced, columns["propagation length [mm]"], "g")
        axes.set(xlabel="kd, along +y")
        axes.set_ylabel("propagation length (mm)", color="g")
        other = axes.twinx()
        other.semilogx(reduced, columns["frequency [GHz]"], "k--")
        other.set(ylabel="frequency (GHz), dashed")

    return Sheet(columns, draw)


def modified_propagation() -> Sheet:
    """Fig. 3(c–e): frequency, |group velocity| and propagation length near resonance at 10 mT."""
    reduced = resonant_kd(10 * MT) + np.linspace(-0.05, 0.05, 1001)
    columns = {"kd [1]": reduced}
    for label, near in COUNTED:
        for density in (0.0, 1e3, 1e4, 1e5):
            spins = layer(10 * MT, near=near, density=density * 1e18)
            found = sw.modified_modes(film=YIG_FIGURES, layer=spins, field=10 * MT, wavenumber=reduced / D)
            case = f"{density:.0e} per µm³, {label}"
            columns[f"frequency, {case} [GHz]"] = found.frequency / (2e9 * np.pi)
            columns[f"velocity, {case} [m/s]"] = found.group_velocity
            columns[f"length, {case} [µm]"] = found.propagation_length * 1e6

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 3, sharex=True, sharey="col")
        for number, (name, values) in enumerate(list(columns.items())[1:]):
            axes, color = panels[number // 12, number % 3], f"C{number // 3 % 4}"
            axes.plot(reduced, np.where(values > 0, values, np.nan), color=color, label=name.split(",")[1])
            axes.plot(reduced, np.where(values < 0, -values, np.nan), "--", color=color)
            axes.set(title=name.split(", ")[2].split(" [")[0], yscale="linear" if number % 3 == 0 else "log")
        for axes, text in zip(panels[1], ("frequency (GHz)", "|v_g| (m/s)", "|length| (µm)"), strict=True):
            axes.set(xlabel="kd, along +y")
            axes.set_ylabel(text)
        panels[0, 0].legend(fontsize=7)

    return Sheet(columns, draw, (10.0, 5.6))


PLACES = ((0.01, "Greens"), (0.1, "Blues"), (1.0, "Oranges"))


def noise_below() -> Sheet:
    """Fig. 16(b): spectral density below the bare film at 10 mT at three distances; (120) exchanges ±."""
    frequency = np.linspace(0.8, 6.0, 53)
    columns = {"frequency [GHz]": frequency}
    for place, _ in PLACES:
        found = sw.field_spectral_density(
            film=YIG_FIGURES, frequency=2e9 * np.pi * frequency, distance=place * D, field=10 * MT,
            temperature=300.0, rtol=1e-3,
        )  # fmt: skip
        columns[f"S++ at {place:g} d [A²s/m²]"] = found.plus
        columns[f"S-- at {place:g} d [A²s/m²]"] = found.minus
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * MT)[0])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, curve in list(columns.items())[1:]:
            color = {"0.01": "g", "0.1": "b", "1": "C1"}[name.split()[2]]
            axes.semilogy(
                frequency, curve, "-" if "++" in name else ":", color=color, label=name.split(" [")[0]
            )
        axes.axvline(minus / (2e9 * np.pi), color="k", linestyle="--")
        axes.set(xlabel="frequency (GHz)", ylabel="spectral density (A² s/m²)")
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def _bands_of_film(frequency: FloatArray, distance: float, bands: int) -> tuple[FloatArray, FloatArray]:
    """Return S_++ of the bare film: all bands, and the lowest ones that a layer can touch."""

    def density(band: int | None) -> FloatArray:
        return sw.field_spectral_density(
            film=YIG_FIGURES,
            frequency=frequency,
            distance=distance,
            field=10 * MT,
            temperature=300.0,
            rtol=1e-4,
            band=band,
        ).plus

    return density(None), np.asarray(sum(density(band) for band in range(bands)))


def dips() -> Sheet:
    """Fig. 16(c, d): S_++ near ω₋ with a thermal and a pumped layer, relative to the bare film.

    The layer acts on bands that are resonant with it, here the lowest three; the others are added bare.
    """
    offset = np.sort(np.concatenate([np.linspace(-40, 40, 9), [-5.0, -2.0, -1.0, 1.0, 2.0, 5.0]]))
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * MT)[0])
    frequency = minus + offset * MHZ
    columns = {"offset from omega_minus [MHz]": offset}
    for place, _ in PLACES:
        every, lowest = _bands_of_film(frequency, place * D, 3)
        for state, pump in STATES:
            for label, near in COUNTED:
                for density in (1e4, 1e5):
                    spins = layer(10 * MT, near=near, density=density * 1e18, pump=pump)
                    seen = sw.layer_spectral_density(
                        film=YIG_FIGURES, layer=spins, frequency=frequency, distance=place * D,
                        field=10 * MT, temperature=300.0, bands=3, rtol=1e-3,
                    ).plus  # fmt: skip
                    name = f"{state}, {place:g} d, {density:.0e} per µm³, {label} [1]"
                    columns[name] = (every - lowest + seen) / every

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 3, sharex=True, sharey="row")
        for name, curve in list(columns.items())[1:]:
            state, place, density, counted = name[:-4].split(", ")
            axes = panels[int(state == "pumped"), [f"{one:g} d" for one, _ in PLACES].index(place)]
            style = "-" if "mid" in counted else "--"
            axes.plot(offset, curve, style, color="C0" if "1e+04" in density else "C3",
                      label=f"{density}, {counted}")  # fmt: skip
            axes.set_title(f"{state}, l = {place}", fontsize=9)
        for axes in panels[1]:
            axes.set(xlabel="offset from ω₋/2π (MHz)")
        for axes in panels[:, 0]:
            axes.set(ylabel="S₊₊ / S₊₊ bare")
        panels[0, 0].legend(fontsize=6)

    return Sheet(columns, draw, (10.0, 5.6))


SCRIPTS = (
    FigureScript("sw-2b", "[SW] Fig. 2(b): linewidth added by a layer at 20 mT", map_of_linewidths, 0.3),
    FigureScript("sw-2cd", "[SW] Fig. 2(c, d): shift and linewidth by a layer", shift_and_linewidth, 0.3),
    FigureScript("sw-3a", "[SW] Fig. 3(a): largest linewidth that a layer adds", largest_linewidth, 2.0),
    FigureScript("sw-3b", "[SW] Fig. 3(b): propagation in the bare film at 10 mT", propagation, 0.3),
    FigureScript("sw-3ce", "[SW] Fig. 3(c–e): propagation under a layer", modified_propagation, 0.3),
    FigureScript("sw-16b", "[SW] Fig. 16(b): noise below the film at 10 mT", noise_below, 5.0),
    FigureScript("sw-16cd", "[SW] Fig. 16(c, d): dips in the noise below the film", dips, 60.0),
)
