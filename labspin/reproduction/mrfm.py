"""The figures of [MR], chapter 3: a resonator coupled to a semiclassical spin, and to a surface of spins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labspin.physics.mrfm import THESIS_FIG_3_3, bath_shifts, spin_line
from labspin.reproduction.sheet import FigureScript, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SCRIPTS"]


def terms_of_one_spin() -> Sheet:
    """Fig. 3.2: κ1, κ2 (T1 = 0), κ3 (T2 = 0) and their sum along a line 2.5 µm below the magnet."""
    position = np.linspace(-6e-6, 6e-6, 601)
    line = spin_line(position=position)
    columns = {
        "x [µm]": position * 1e6,
        "kappa1 [N/m]": line.kappa1,
        "kappa2 [N/m]": line.kappa2,
        "kappa3 [N/m]": line.kappa3,
        "sum [N/m]": line.total,
    }

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, color in zip(list(columns)[1:], ("C0", "C1", "C2", "k"), strict=True):
            axes.plot(columns["x [µm]"], columns[name] * 1e15, color=color, label=name.split()[0])
        axes.set(xlabel="position along the motion (µm)", ylabel="stiffness (fN/m)")
        axes.legend()

    return Sheet(columns, draw)


def shifts_of_a_surface() -> Sheet:
    """Fig. 3.3(b, c): shift of frequency and added dissipation against temperature for several T1."""
    kelvin = np.geomspace(0.01, 1.0, 241)
    columns = {"temperature [K]": kelvin}
    for phase in (0.1, 1.0, 10.0, np.inf):
        shift = bath_shifts(temperature=kelvin, phase=phase)
        columns[f"frequency shift, omega0 T1 = {phase:g} [Hz]"] = shift.angular_frequency / (2 * np.pi)
        columns[f"added 1/Q, omega0 T1 = {phase:g} [1]"] = shift.inverse_quality

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 1, sharex=True)
        for phase, style in ((0.1, "b-"), (1.0, "r-"), (10.0, "k--"), (np.inf, "g:")):
            label = f"ω0T1 = {phase:g}"
            for axes, kind in zip(panels, ("frequency shift", "added 1/Q"), strict=True):
                name = next(n for n in columns if n.startswith(f"{kind}, omega0 T1 = {phase:g} "))
                axes.semilogx(kelvin, columns[name], style, label=label)
        panels[0].set(ylabel="frequency shift (Hz)")
        panels[1].set(xlabel="temperature (K)", ylabel="added dissipation Δ(1/Q)")
        panels[0].legend()

    return Sheet(columns, draw, (6.0, 6.0))


SCRIPTS = (
    FigureScript("mr-3.2", "[MR] Fig. 3.2: stiffness by one spin, 300 mK", terms_of_one_spin, 0.1),
    FigureScript(
        "mr-3.3",
        f"[MR] Fig. 3.3(b, c): {THESIS_FIG_3_3.density * 1e-18:g} spins/nm² under a cantilever",
        shifts_of_a_surface,
        0.5,
    ),
)
