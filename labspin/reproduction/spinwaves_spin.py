"""Figures of [SW] of a spin near the film: 4(b, c), 11(c, d), 12, 13, 14 and 15.

[SW] keeps |0> <-> |−> only; near the film |0> <-> |+> is faster. Where it matters both are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import CentreInBath
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]

FloatArray = NDArray[np.float64]

MT, MHZ, D = 1e-3, 2e6 * np.pi, YIG_FIGURES.thickness
LATTICE = 1.24e-9  # lattice constant of YIG, m
TRANSITIONS = (("lower transition only", "lower"), ("both transitions", "both"))


def _bath(field: float, temperature: float, reduced: FloatArray, transitions: str) -> sw.SpinWaveBath:
    return sw.spin_wave_bath(
        film=YIG_FIGURES, spin=NV_TABLE1, distance=reduced * D, field=field, temperature=temperature,
        transitions=transitions, rtol=1e-4,
    )  # fmt: skip


def near_the_film() -> Sheet:
    """Fig. 4(b): |δ₋ T1'| and T1' against distance at 35 mT, 300 K and 100 mK."""
    reduced = np.geomspace(0.05, 10, 41)
    columns = {"l/d [1]": reduced}
    for kelvin in (300.0, 0.1):
        for label, transitions in TRANSITIONS:
            bath = _bath(35 * MT, kelvin, reduced, transitions)
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


def _force(field: float, kelvin: float, reduced: FloatArray, transitions: str, pumped: bool) -> FloatArray:
    """Return the force on a resting or pumped centre: (260) where it is thermal and only |−> counts."""
    bath = _bath(field, kelvin, reduced, transitions)
    centre: CentreInBath = {"spin": NV_TABLE1, "field": field, "temperature": kelvin, "bath": bath}
    if pumped:
        levels = sw.pumped_occupations(**centre, pump_rate=sw.OPTIMUM_PUMP_RATE)
        return sw.spin_wave_force(bath=bath, occupations=levels)
    limit = "general"
    if transitions == "lower":
        limit = "high temperature" if kelvin > 1 else "low temperature"
    return sw.spin_wave_force(bath=bath, occupations=sw.steady_occupations(**centre), limit=limit)


def _signed(axes: Axes, x: FloatArray, y: FloatArray, color: str, label: str) -> None:
    """Draw |y|, solid where it is positive and dashed where it is negative."""
    axes.loglog(x, np.where(y > 0, y, np.nan), color=color, label=label)
    axes.loglog(x, np.where(y < 0, -y, np.nan), "--", color=color)


FORM = {"lower": "as [SW]: lower transition, (260)", "both": "both transitions, general force"}


def force_at_one_field() -> Sheet:
    """Fig. 4(c): force at 35 mT: thermal at 300 K and at 100 mK, and pumped at 300 K."""
    reduced = np.geomspace(0.02, 5, 81)
    columns = {"l/d [1]": reduced}
    for form in FORM:
        for label, kelvin, pumped in (
            ("300 K", 300.0, False),
            ("100 mK", 0.1, False),
            ("pumped", 300.0, True),
        ):
            columns[f"{label}, {form} [N]"] = _force(35 * MT, kelvin, reduced, form, pumped)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            color = ("C4", "C1", "C2")[number % 3]
            _signed(panels[number // 3], reduced, curve, color, name.split(",")[0])
        for axes, title in zip(panels, FORM.values(), strict=True):
            axes.set(xlabel="l/d", title=title, ylim=(1e-26, 1e-17))
        panels[0].set(ylabel="|force| (N), dashed: attractive")
        panels[0].legend(fontsize=7)

    return Sheet(columns, draw, (8.5, 3.8))


def decay_near_the_film() -> Sheet:
    """Fig. 11(c): occupation of |0> after a start in |0> at 25 mT, 300 K; both forms of the transitions."""
    time = np.geomspace(1e-8, 2e-2, 161)
    columns = {"time [s]": time, "alone [1]": sw.occupations_in_time(
        spin=NV_TABLE1, field=0.0, temperature=300.0, time=time)[..., 0]}  # fmt: skip
    for label, transitions in TRANSITIONS:
        for place in (0.2, 1.0, 5.0):
            bath = _bath(25 * MT, 300.0, np.array(place), transitions)
            found = sw.occupations_in_time(
                spin=NV_TABLE1, field=25 * MT, temperature=300.0, time=time, bath=bath
            )
            columns[f"{place:g} d, {label} [1]"] = found[..., 0]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.semilogx(time, columns["alone [1]"], "k--", label="alone")
        for number, (name, curve) in enumerate(list(columns.items())[2:]):
            axes.semilogx(
                time, curve, "-" if "lower" in name else ":", color=f"C{number % 3}", label=name[:-4]
            )
        axes.set(xlabel="time (s)", ylabel="ρ00")
        axes.legend(fontsize=7)

    return Sheet(columns, draw)


def two_times() -> Sheet:
    """Fig. 11(d): the two time constants of the occupations at 5, 25 and 35 mT; both forms."""
    reduced = np.geomspace(0.05, 20, 121)
    columns = {"l/d [1]": reduced}
    for label, transitions in TRANSITIONS:
        for field in (5, 25, 35):
            bath = _bath(field * MT, 300.0, reduced, transitions)
            found = sw.relaxation_times(spin=NV_TABLE1, field=field * MT, temperature=300.0, bath=bath)
            columns[f"shorter, {field} mT, {label} [s]"] = np.minimum(found.t1a, found.t1b)
            columns[f"longer, {field} mT, {label} [s]"] = np.maximum(found.t1a, found.t1b)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            style, color = "-" if name.startswith("shorter") else "--", ("r", "b", "C1")[number // 2 % 3]
            panels[number // 6].loglog(
                reduced, curve, style, color=color, label=", ".join(name.split(", ")[:2])
            )
        for axes, (title, _) in zip(panels, TRANSITIONS, strict=True):
            axes.axhline(NV_TABLE1.occupation_lifetime, color="k", linestyle=":")
            axes.set(xlabel="l/d", title=title)
        panels[0].set(ylabel="time (s)")
        panels[1].legend(fontsize=7)

    return Sheet(columns, draw, (8.5, 3.8))


def coherences() -> Sheet:
    """Fig. 12: lifetimes of the coherences at 20 mT, 300 K, first order and with κ2', corrected and printed.

    The printed (250) does not square its sum over ξ. Near the film it grows about as 1/l² and dominates, as
    the paper sees κ2' do. The corrected form grows like a logarithm and is 1 % of 1/τ at 0.003 d.
    The lattice constant of YIG, 1.24 nm, is at 0.006 d: nearer, in grey, the curves say what the equations
    give, not what a film would do.
    """
    reduced = np.array([0.003, 0.006, 0.01, 0.017, 0.03, *np.geomspace(0.1, 3, 7)])
    bath = _bath(20 * MT, 300.0, reduced, "lower")
    columns = {"l/d [1]": reduced}
    for label in ("first order", "corrected", "printed"):
        extra: FloatArray = np.zeros_like(reduced)
        if label != "first order":
            extra = sw.second_order_dephasing(
                film=YIG_FIGURES, spin=NV_TABLE1, distance=reduced * D, field=20 * MT, temperature=300.0,
                rtol=0.2, form=label,
            ).rate  # fmt: skip
        times = sw.coherence_times(
            spin=NV_TABLE1, field=20 * MT, temperature=300.0, bath=bath, dephasing=extra
        )
        columns[f"0+, {label} [s]"] = times.plus
        columns[f"0-, {label} [s]"] = times.minus

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        styles = {"first order": "k--", "corrected": "C1-", "printed": "C2:"}
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            label = name.split(", ")[1][:-4]
            above = 3 if label == "first order" else 2
            panels[number % 2].loglog(reduced, curve, styles[label], marker=".", label=label, zorder=above)
        for axes, title in zip(panels, ("<σ_0+>", "<σ_0−>"), strict=True):
            axes.axvspan(reduced[0], LATTICE / D, color="0.9")
            axes.set(xlabel="l/d", title=title)
        panels[0].set(ylabel="lifetime (s)")
        panels[0].legend(fontsize=7)

    return Sheet(columns, draw, (8.5, 3.8))


def shifts() -> Sheet:
    """Fig. 13(a–d): shift of the lower line, T1' and their product, 300 K and 100 mK, for three fields."""
    reduced = np.geomspace(0.02, 5, 41)
    columns = {"l/d [1]": reduced}
    for kelvin, warmth in ((300.0, "300 K"), (0.1, "100 mK")):
        for field in (5, 25, 35):
            bath = _bath(field * MT, kelvin, reduced, "lower")
            times = sw.relaxation_times(spin=NV_TABLE1, field=field * MT, temperature=kelvin, bath=bath)
            columns[f"shift at {field} mT, {warmth} [MHz]"] = bath.shift_minus / MHZ
            columns[f"T1' at {field} mT, {warmth} [s]"] = times.shortest

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 2, sharex=True)
        for warmth, style, axes in (("300 K", "-", panels[0, 0]), ("100 mK", "--", panels[0, 1])):
            for field, color in ((5, "r"), (25, "b"), (35, "C1")):
                shift = columns[f"shift at {field} mT, {warmth} [MHz]"]
                time = columns[f"T1' at {field} mT, {warmth} [s]"]
                _signed(axes, reduced, shift, color, f"{field} mT")
                panels[1, 0].loglog(reduced, time, style, color=color)
                panels[1, 1].loglog(reduced, np.abs(shift) * MHZ * time, style, color=color)
            axes.set(ylabel="|δ₋|/2π (MHz), dashed: < 0", title=warmth)
        panels[0, 0].legend(fontsize=7)
        panels[1, 0].axhline(NV_TABLE1.occupation_lifetime, color="k", linestyle=":")
        panels[1, 1].axhline(1.0, color="k", linewidth=0.6)
        panels[1, 0].set(xlabel="l/d", ylabel="T1' (s); dashed 100 mK")
        panels[1, 1].set(xlabel="l/d", ylabel="|δ₋ T1'|; dashed 100 mK")

    return Sheet(columns, draw, (8.5, 6.4))


def forces() -> Sheet:
    """Fig. 14(a–c): force at 300 K, at 100 mK and pumped; the paper's form above, the general one below.

    (260) changes sign where its curve at 5 mT does; the general thermal force attracts at every distance.
    """
    reduced = np.geomspace(0.02, 2, 61)
    states = (("300 K", 300.0, False), ("100 mK", 0.1, False), ("300 K, pumped", 300.0, True))
    columns = {"l/d [1]": reduced}
    for form in FORM:
        for label, kelvin, pumped in states:
            for field in (5, 25, 35):
                columns[f"{label}; {field} mT; {form} [N]"] = _force(
                    field * MT, kelvin, reduced, form, pumped
                )

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 3, sharex=True, sharey="col")
        for number, (name, curve) in enumerate(list(columns.items())[1:]):
            axes = panels[number // 9, number // 3 % 3]
            _signed(axes, reduced, curve, ("r", "b", "C1")[number % 3], name.split("; ")[1])
            axes.set_title(name.split(";")[0], fontsize=9)
        for axes, title in zip(panels[:, 0], FORM.values(), strict=True):
            axes.set_ylabel(f"|force| (N)\n{title}", fontsize=7)
        for axes in panels[1]:
            axes.set(xlabel="l/d")
        panels[0, 0].legend(fontsize=7)

    return Sheet(columns, draw, (10.0, 6.0))


def couplings() -> Sheet:
    """Fig. 15(a–c): |Γ_d| of two centres over their separation, L = d, 20 mT: above, across and below.

    The stripes beside the beams are interference: |Γ_d| vanishes on them, on a finer map, too.
    """
    axis = np.linspace(-3e-6, 3e-6, 61)
    y, z = (part.ravel() for part in np.meshgrid(axis, axis, indexing="ij"))
    columns = {"y [µm]": y * 1e6, "z [µm]": z * 1e6}
    cases = (("both above", (1, 1)), ("above and below", (1, -1)), ("both below", (-1, -1)))
    for label, sides in cases:
        found = sw.coupling_map(
            film=YIG_FIGURES, spin=NV_TABLE1, y=axis, z=axis, total_distance=D, field=20 * MT, sides=sides,
            rtol=1e-3,
        )  # fmt: skip
        columns[f"|coupling|, {label} [Hz]"] = np.abs(found.rate).ravel() / (2 * np.pi)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 3, sharey=True)
        for axes, (label, _) in zip(panels, cases, strict=True):
            values = np.log10(columns[f"|coupling|, {label} [Hz]"].reshape(61, 61).T.clip(1e-3))
            mesh = axes.pcolormesh(axis * 1e6, axis * 1e6, values, vmin=-1.5, vmax=1.4)
            axes.set(xlabel="y (µm)", title=label, aspect="equal")
        panels[0].set(ylabel="z (µm)")
        figure.colorbar(mesh, ax=panels, label="log10 of |Γ_d|/2π (Hz)")

    return Sheet(columns, draw, (10.0, 3.6))


SCRIPTS = (
    FigureScript("sw-4b", "[SW] Fig. 4(b): a spin near the film at 35 mT", near_the_film, 3.0),
    FigureScript("sw-4c", "[SW] Fig. 4(c): force on a spin at 35 mT", force_at_one_field, 4.0),
    FigureScript("sw-11c", "[SW] Fig. 11(c): decay of |0> near the film", decay_near_the_film, 1.0),
    FigureScript("sw-11d", "[SW] Fig. 11(d): two time constants near the film", two_times, 5.0),
    FigureScript("sw-12", "[SW] Fig. 12: coherences near the film at 20 mT", coherences, 18.0),
    FigureScript("sw-13", "[SW] Fig. 13: shift and T1' near the film", shifts, 5.0),
    FigureScript("sw-14", "[SW] Fig. 14: force on a centre", forces, 8.0),
    FigureScript("sw-15", "[SW] Fig. 15: coupling of two centres through the film", couplings, 20.0),
)
