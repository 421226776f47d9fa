"""Every number that the texts state and these models cover: quoted, computed, and what to think of it.

Numbers of [NV] and of [SW]'s pumping are those of `labspin.physics.nv.published_values`. Nothing is tuned.
"""

from __future__ import annotations

import numpy as np

from labspin.physics.mrfm import THESIS_FIG_3_3, bath_shifts, integrate_stiffness
from labspin.physics.nv import (
    CR_MEASURED,
    FIG4_BENCH,
    FIG4_ORIENTATION,
    LABORATORY_BENCH,
    PublishedValue,
    ground_state_torque,
    published_values,
    relaxation_times,
    transition_frequencies,
)
from labspin.reproduction.published_film import film_values
from labspin.reproduction.published_inputs import diamond_inputs, film_inputs, resonator_inputs
from labspin.reproduction.published_limits import limit_values
from labspin.reproduction.published_waves import wave_values
from labspin.reproduction.quoted import Quoted

__all__ = ["Quoted", "quoted_values"]


def quoted_values() -> tuple[Quoted, ...]:
    """Return the numbers of the three papers (some twenty seconds).

    Returns
    -------
    tuple of Quoted
        In the order of the papers [NV], [MR], [SW].
    """
    found = published_values()
    diamond = [
        Quoted(one.source, one.quantity, one.unit, one.quoted, one.computed, one.remark) for one in found
    ]
    return (
        *_relaxation(), *diamond, *_torques(found), *_lines(), *diamond_inputs(),
        *_cantilever(), *resonator_inputs(),
        *film_values(), *wave_values(), *limit_values(), *film_inputs(),
    )  # fmt: skip


def _torques(found: tuple[PublishedValue, ...]) -> list[Quoted]:
    """Return what the text compares with the torque of one spin."""
    single = float(ground_state_torque(field=1e-2, angle=np.pi / 4))
    bare = next(one.computed for one in found if "without CR" in one.quantity)
    return [
        Quoted(
            "[NV] p. 3", "torque of 1e9 spins, 45°, 100 G", "N m", 1e-18, 1e9 * single,
            "follows from the text's 2e-27 N m, not from Eq. (3): erratum",
        ),
        Quoted(
            "[NV] p. 3", "torque of one class over that of four, without CR", "1", 20.0, single / bare,
            "20 = 2e-27/1e-28 of the text; with Eq. (3) and three levels three times as much",
        ),
    ]  # fmt: skip


def _lines() -> list[Quoted]:
    """Return how many lower lines lie apart by more than the 12 MHz of their width."""
    found = []
    for strength, quoted in ((10, 4.0), (17, 3.0), (25, 4.0)):
        lines = transition_frequencies(field=FIG4_BENCH.field(strength * 1e-4), orientation=FIG4_ORIENTATION)[
            :, 0
        ]
        apart = 1 + int((np.diff(np.sort(lines)) > 2e6 * np.pi * 12).sum())
        found.append(Quoted("[NV] Fig. 4(a)", f"lines at {strength} G", "1", quoted, float(apart), "agrees"))
    return found


def _relaxation() -> list[Quoted]:
    bench = LABORATORY_BENCH
    cases = (
        ("T1 of a class alone", 1.61e-3, bench.isolated_at, bench.isolated_class),
        ("T1 of a class resonant with one other", 490e-6, bench.pair_at, bench.pair[0]),
        ("T1 of a class resonant with three others", 220e-6, bench.all_at, 0),
    )
    found = []
    for name, quoted, strength, which in cases:
        times = relaxation_times(
            field=bench.bench.field(strength), orientation=bench.orientation, relaxation=CR_MEASURED
        )
        found.append(
            Quoted(
                "[NV] Fig. 2(c)", name, "s", quoted, float(times[which]), "agrees: they calibrate the preset"
            )
        )
    return found


def _cantilever() -> list[Quoted]:
    kelvin = np.geomspace(0.01, 1, 2001)
    phases = np.array([0.3, 1.0, 3.0])
    loss = bath_shifts(temperature=kelvin, phase=phases[:, None]).inverse_quality
    best = phases[int(np.argmax(loss.max(axis=-1)))]
    low, high = (bath_shifts(temperature=kelvin, phase=p).inverse_quality for p in (0.1, 10.0))
    return [
        *_nanohertz(),
        Quoted(
            "[MR] Fig. 3.3", "ω0T1 of the largest dissipation", "1", 1.0, float(best),
            "agrees, of 0.3, 1 and 3",
        ),
        Quoted(
            "[MR] Fig. 3.3", "dissipation at ω0T1 = 0.1 over that at 10", "1", 1.0,
            float(np.max(low / high)), "agrees: the blue and the dashed line coincide",
        ),
    ]  # fmt: skip


def _nanohertz() -> list[Quoted]:
    """Return the shifts of f and 1/Q by T2 = T1 at 20 mK, by Bloch's and by the printed κ3."""
    preset, found = THESIS_FIG_3_3, []
    omega = preset.resonator.angular_frequency
    for form, comment in (("bloch", "agrees in size; the other sign"), ("printed", "agrees")):
        kappa = [
            integrate_stiffness(
                magnet=preset.magnet,
                sample=preset.surface,
                density=preset.density,
                species=preset.species,
                temperature=0.02,
                angular_frequency=omega,
                t1=1 / omega,
                t2=t2,
                form=form,  # type: ignore[arg-type]
            ).parts
            for t2 in (1 / omega, 0.0)
        ]
        difference = complex(kappa[0].kappa3 - kappa[1].kappa3)  # type: ignore[union-attr]
        hertz = difference.real / (2 * preset.resonator.stiffness) * omega / (2 * np.pi)
        found.append(
            Quoted("[MR] text", f"shift by T2 = T1 at 20 mK, κ3 {form}", "nHz", 1.0, hertz * 1e9, comment)
        )
        whole = float(bath_shifts(temperature=0.02, phase=1.0).inverse_quality)
        share = abs(difference.imag) / preset.resonator.stiffness / whole
        found.append(
            Quoted(
                "[MR] text", f"change of 1/Q by T2 = T1 over Fig. 3.3(c), 20 mK, κ3 {form}", "1", 1e-5, share,
                "disagrees: nine orders or more below the figure, the text says five",
            )
        )  # fmt: skip
    return found
