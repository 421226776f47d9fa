"""Figures of [SW] of the film's own field: 6(b, c), 8(a–f), 10(a–c) and 11(b), which waves a spin meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import Wave
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

MT, GHZ, D = 1e-3, 2e9 * np.pi, YIG_FIGURES.thickness


def polarisation() -> Sheet:
    """Fig. 6(b, c): intensity of the stray field by direction, and its share along e_+, e_− and e_z.

    The largest |h|² over all waves does not exist, it grows as α_x k²: each k is normalised by its own.
    """
    angle = np.linspace(-np.pi, np.pi, 361)
    columns = {"phi [deg]": np.degrees(angle)}
    for reduced in (2.0, 0.01):
        for side, place in ((1, "above"), (-1, "below")):
            h = sw.stray_field(
                film=YIG_FIGURES, field=20 * MT, wavenumber=reduced / D, distance=0.0, angle=angle, side=side
            )
            intensity = (np.abs(h) ** 2).sum(axis=-1)
            columns[f"intensity {place}, kd = {reduced:g} [1]"] = intensity / intensity.max()
            if side > 0:
                size = np.sqrt(intensity)
                circular = (h[..., 0] - 1j * h[..., 1], h[..., 0] + 1j * h[..., 1])
                for name, part in (("e+", circular[0]), ("e-", circular[1])):
                    columns[f"share {name}, kd = {reduced:g} [1]"] = np.abs(part) / np.sqrt(2) / size
                columns[f"share ez, kd = {reduced:g} [1]"] = np.abs(h[..., 2]) / size

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2)
        for name, curve in list(columns.items())[1:]:
            style = "-" if "kd = 2" in name else "--"
            if name.startswith("share"):
                color = {"e+": "C2", "e-": "C1", "ez": "C4"}[name.split()[1].rstrip(",")]
                panels[1].plot(np.degrees(angle), curve, style, color=color, label=name[6:-4])
            else:
                color = "r" if "above" in name else "b"
                panels[0].plot(np.degrees(angle), curve, style, color=color, label=name[10:-4])
        for axes, text in zip(panels, ("|h|² / max over φ", "share of |h| above"), strict=True):
            axes.set(xlabel="φ (deg)", ylabel=text, xticks=range(-180, 181, 90))
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)

    return Sheet(columns, draw, (8.5, 4.4))


NAMES = ("z", "+", "-")


def _noise(frequency: FloatArray, distance: float, kelvin: float, band: int | None) -> tuple[FloatArray, ...]:
    """Return μ0 √(2πS) along e_z, e_+ and e_− in nT/√Hz."""
    found = sw.field_spectral_density(
        film=YIG_FIGURES, frequency=frequency * GHZ, distance=distance, field=20 * MT, temperature=kelvin,
        rtol=1e-3, band=band,
    )  # fmt: skip
    plus, minus, z = (part * 1e9 for part in found.field_noise())
    return z, plus, minus


def _draw_noise(figure: Figure, columns: dict[str, FloatArray], floor: float) -> None:
    panels = figure.subplots(1, 3, sharey=True)
    frequency = columns["frequency [GHz]"]
    for number, (name, curve) in enumerate(list(columns.items())[1:]):
        style = "k--" if "total" in name else "-"
        panels[number % 3].semilogy(frequency, curve, style, label=name.split(": ")[1].split(" [")[0])
    for axes, name in zip(panels, NAMES, strict=True):
        axes.set(xlabel="frequency (GHz)", title=f"e_{name}", ylim=(floor, None))
    panels[0].set(ylabel="nT/√Hz (two-sided)")
    panels[2].legend(fontsize=7)


def noise_by_band() -> Sheet:
    """Fig. 8(a–c): noise of the field at l = d, 20 mT, 300 K, all bands and each of the lowest four."""
    frequency = np.concatenate([-np.linspace(8, 0.5, 61), np.linspace(0.5, 8, 61)])
    columns = {"frequency [GHz]": frequency}
    for band, label in ((None, "total"), *((n, f"n = {n}") for n in range(4))):
        for name, curve in zip(NAMES, _noise(frequency, D, 300.0, band), strict=True):
            columns[f"e_{name}: {label} [nT/sqrt(Hz)]"] = curve

    return Sheet(columns, lambda figure: _draw_noise(figure, columns, 1e-3), (10.0, 3.8))


def noise_by_distance() -> Sheet:
    """Fig. 8(d–f): noise of the field at three distances, 300 K and 100 mK."""
    frequency = np.concatenate([-np.linspace(8, 0.5, 61), np.linspace(0.5, 8, 61)])
    columns = {"frequency [GHz]": frequency}
    for kelvin in (300.0, 0.1):
        for place in (0.2, 1.0, 5.0):
            for name, curve in zip(NAMES, _noise(frequency, place * D, kelvin, None), strict=True):
                columns[f"e_{name}: {place:g} d, {kelvin:g} K [nT/sqrt(Hz)]"] = curve

    return Sheet(columns, lambda figure: _draw_noise(figure, columns, 1e-7), (10.0, 3.8))


def stripes() -> Sheet:
    """Fig. 10(a): the transitions of the centre and the long waves (kd ≤ 1) of the lowest three bands."""
    field = np.linspace(1, 60, 119) * MT
    wavenumber = np.linspace(0, 1, 41)[:, None, None] / D
    angle = np.linspace(0, np.pi / 2, 19)[:, None]
    minus, plus = sw.transition_frequencies(spin=NV_TABLE1, field=field)
    columns = {"field [mT]": field / MT, "omega_minus [GHz]": minus / GHZ, "omega_plus [GHz]": plus / GHZ}
    for band in range(3):
        omega = (
            sw.mode_frequency(film=YIG_FIGURES, field=field, wavenumber=wavenumber, angle=angle, band=band)
            / GHZ
        )
        columns[f"n = {band} lowest [GHz]"] = omega.min(axis=(0, 1))
        columns[f"n = {band} highest [GHz]"] = omega.max(axis=(0, 1))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for band in range(3):
            low, high = (columns[f"n = {band} {end} [GHz]"] for end in ("lowest", "highest"))
            axes.fill_between(field / MT, low, high, alpha=0.4, label=f"n = {band}, kd ≤ 1")
        axes.plot(field / MT, columns["omega_minus [GHz]"], "k--", label="ω₋")
        axes.plot(field / MT, columns["omega_plus [GHz]"], "k-.", label="ω₊")
        axes.set(xlabel="field (mT)", ylabel="frequency (GHz)")
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def pairs() -> Sheet:
    """Fig. 10(b, c): n = 0 at 20 mT, and the pairs of waves whose difference or sum is ω₋ or ω₊.

    No two waves add up to ω₋: twice the lowest frequency is above it. The paper speaks of such pairs.
    """
    reduced = np.linspace(0.01, 12, 1200)
    wave: Wave = {"film": YIG_FIGURES, "field": 20 * MT, "wavenumber": reduced / D}
    de, bv = (sw.mode_frequency(angle=angle, **wave) / GHZ for angle in (0.0, np.pi / 2))
    minus, plus = (float(one) / GHZ for one in sw.transition_frequencies(spin=NV_TABLE1, field=20 * MT))
    columns = {"kd [1]": reduced, "DE [GHz]": de, "parallel [GHz]": bv}

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, kind in zip(panels, ("difference", "sum"), strict=True):
            axes.plot(reduced, de, "C0", reduced, bv, "C0--")
            for target, marker in ((minus, "o"), (plus, "s")):
                axes.axhline(target, color="grey", linewidth=0.6)
                for number, first in enumerate((10, 40, 80)):
                    wanted = target + bv[first] if kind == "difference" else target - bv[first]
                    found = np.nonzero(np.diff(np.sign(de - wanted)))[0]
                    if found.size:
                        axes.plot(reduced[[first, found[-1]]], [bv[first], de[found[-1]]], marker,
                                  color=f"C{number + 1}")  # fmt: skip
            axes.set(xlabel="kd", title=f"{kind} = ω₋ (circles), ω₊ (squares)")
        panels[0].set(ylabel="frequency (GHz); solid DE, dashed parallel")

    return Sheet(columns, draw, (8.5, 3.8))


def resonant_waves() -> Sheet:
    """Fig. 11(b): the waves with the frequency ω₋ at 5, 25 and 30 mT."""
    rows: list[FloatArray] = []
    for field in (5, 25, 30):
        minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=field * MT)[0])
        for band in (0, 1):
            curves = sw.iso_frequency_contour(film=YIG_FIGURES, field=field * MT, frequency=minus, band=band)
            for number, curve in enumerate(curves):
                label = np.broadcast_to([field, band, number], (curve.shape[0], 3))
                rows.append(np.concatenate([label, curve * D], axis=1))
    names = ("field [mT]", "band [1]", "curve [1]", "k_y d [1]", "k_z d [1]")
    columns = dict(zip(names, np.concatenate(rows).T, strict=True))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row in rows:
            field, band = int(row[0, 0]), int(row[0, 1])
            color, style = {5: "r", 25: "b", 30: "C1"}[field], "-" if band == 0 else "--"
            axes.plot(row[:, 3], row[:, 4], style, color=color, label=f"{field} mT, n = {band}")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        axes.legend(unique.values(), unique.keys(), loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set(xlabel="k_y d", ylabel="k_z d", aspect="equal")

    return Sheet(columns, draw, (6.0, 5.0))


SCRIPTS = (
    FigureScript("sw-6bc", "[SW] Fig. 6(b, c): direction and polarisation of the field", polarisation, 0.1),
    FigureScript("sw-8ac", "[SW] Fig. 8(a–c): noise by band at l = d, 20 mT, 300 K", noise_by_band, 2.5),
    FigureScript("sw-8df", "[SW] Fig. 8(d–f): noise by distance and temperature", noise_by_distance, 7.0),
    FigureScript("sw-10a", "[SW] Fig. 10(a): transitions and long waves", stripes, 0.3),
    FigureScript("sw-10bc", "[SW] Fig. 10(b, c): pairs of waves at 20 mT", pairs, 0.1),
    FigureScript("sw-11b", "[SW] Fig. 11(b): waves resonant with ω₋", resonant_waves, 0.2),
)
