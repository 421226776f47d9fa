"""Fig. 3.3(b, c) of [MR] measured on the simulated bench: a cantilever above spins, 30 mK to 1 K.

The spins of the bench relax in 50 µs at 100 mK and in proportion to 1/T, so ω0T1 runs from 3 to 0.1 where the
thesis draws one curve for each ω0T1. The curve is that of the exact pole: 1/Q reaches 1.5e-3, and to first
order, as the thesis has it, it is wrong by more than this measurement's errors (χ² of 1/Q 43 of 20).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labspin.analysis import fit_run
from labspin.data import Run
from labspin.physics.mrfm import THESIS_FIG_3_3, PowerLawT1, SpinBath, exact_shift, reduce_geometry
from labspin.reproduction.measurement import Measurement, Panel

__all__ = ["MEASUREMENTS"]

FloatArray = NDArray[np.float64]

T1 = PowerLawT1(t1=5e-5, reference=0.1, exponent=-1.0)  # of the bench


def _shifts(kelvin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return shift of the frequency, Hz, and added 1/Q."""
    preset = THESIS_FIG_3_3
    spectrum = reduce_geometry(magnet=preset.magnet, sample=preset.surface)
    spring = SpinBath(preset.species, preset.density, spectrum, T1).spring(temperature=kelvin)
    found = exact_shift(resonator=preset.resonator, springs=[spring])
    return np.asarray(found.angular_frequency / (2 * np.pi)), np.asarray(found.inverse_quality)


def shifts_of_a_surface(runs: Sequence[Run]) -> list[Panel]:
    """Frequency and 1/Q less those of the bare cantilever, on the curves for density and T1 of the bench."""
    (run,), bare = runs, THESIS_FIG_3_3.resonator
    fit = fit_run(run)[0]
    said = ", ".join(
        f"{name} = {fit[name].value * factor:.5g} ± {fit[name].stderr * factor:.1g} {unit}"
        for name, factor, unit in (("density", 1e-18, "/nm²"), ("T1", 1e6, "µs"), ("T1_exponent", 1, ""))
    )
    kelvin, dense = run.data["temperature"], np.geomspace(0.028, 1.05, 201)
    hertz = run.data["resonance_frequency"] - bare.angular_frequency / (2 * np.pi)
    loss = run.data["inverse_quality"] - 1 / bare.quality_factor
    panels = []
    for number, (title, label, value, error) in enumerate(
        (
            ("frequency", "shift (Hz)", hertz, run.data["resonance_frequency_errors"]),
            ("dissipation", "added 1/Q", loss, run.data["inverse_quality_errors"]),
        )
    ):
        panels.append(
            Panel(
                title=title,
                xlabel="temperature (K)",
                ylabel=label,
                x=kelvin,
                y=value,
                error=error,
                expected=_shifts(kelvin)[number],
                curve=(dense, _shifts(dense)[number]),
                logarithmic="x",
                remark=f"fitted {said}",
            )
        )
    return panels


MEASUREMENTS = (
    Measurement(
        "mr-3.3",
        "[MR] Fig. 3.3(b, c), measured: a cantilever above spins",
        "procedures/mrfm_temperature.toml",
        shifts_of_a_surface,
        15.0,
    ),
)
