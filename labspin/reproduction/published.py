"""Every number that the texts state and these models cover: quoted, computed, and what to think of it.

Numbers of [NV] and of [SW]'s pumping are those of `labspin.physics.nv.published_values`. Nothing is tuned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labspin.physics import spinwaves as sw
from labspin.physics.mrfm import THESIS_FIG_3_3, bath_shifts, integrate_stiffness
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    published_values,
    relaxation_times,
)
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES, YIG_TABLE1

__all__ = ["Quoted", "quoted_values"]

_MT = 1e-3
_MHZ = 2e6 * np.pi


@dataclass(frozen=True)
class Quoted:
    """One number of a paper and the same number here."""

    source: str  # [NV] p. 3
    quantity: str
    unit: str
    quoted: float
    computed: float
    comment: str  # agrees | erratum | … , and why

    @property
    def ratio(self) -> float:
        """Computed over quoted."""
        return self.computed / self.quoted


def quoted_values() -> tuple[Quoted, ...]:
    """Return the numbers of the three papers (a few seconds)."""
    diamond = [
        Quoted(one.source, one.quantity, one.unit, one.quoted, one.computed, one.remark)
        for one in published_values()
    ]
    return (*_relaxation(), *diamond, *_cantilever(), *_film(), *_layer())


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
    """Return the shift by T2 = T1 at 20 mK, by Bloch's and by the printed κ3."""
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
        change = complex(kappa[0].kappa3 - kappa[1].kappa3).real  # type: ignore[union-attr]
        hertz = change / (2 * preset.resonator.stiffness) * omega / (2 * np.pi)
        found.append(
            Quoted("[MR] text", f"shift by T2 = T1 at 20 mK, κ3 {form}", "nHz", 1.0, hertz * 1e9, comment)
        )
    return found


def _film() -> list[Quoted]:
    def reduced(film: sw.Film) -> float:
        return film.thickness**2 / film.exchange_stiffness

    bath = sw.spin_wave_bath(
        film=YIG_FIGURES,
        spin=NV_TABLE1,
        distance=5 * YIG_FIGURES.thickness,
        field=25 * _MT,
        temperature=300.0,
        transitions="lower",
    )
    near = sw.relaxation_times(spin=NV_TABLE1, field=25 * _MT, temperature=300.0, bath=bath).shortest
    table = "Table 1's α_x contradicts the text and the figures: erratum"
    return [
        Quoted("[SW] text", "d²/α_x, film of the figures", "1", 130.0, reduced(YIG_FIGURES), "agrees"),
        Quoted("[SW] text", "d²/α_x, Table 1", "1", 130.0, reduced(YIG_TABLE1), table),
        *_near_the_film(),
        Quoted(
            "[SW] Fig. 11(d)", "T1' at 5 d, 25 mT (3 ms far away: the text says it differs)", "s", 3e-3,
            float(near), "agrees: shorter; 0.55 ms with the corrected rates",
        ),
    ]  # fmt: skip


def _near_the_film() -> list[Quoted]:
    reduced = np.geomspace(0.1, 8, 161)
    found = {}
    for field in (5.0, 35.0):
        found[field] = sw.spin_wave_bath(
            film=YIG_FIGURES,
            spin=NV_TABLE1,
            distance=reduced * YIG_FIGURES.thickness,
            field=field * _MT,
            temperature=300.0,
            transitions="lower",
        )
    times = sw.relaxation_times(spin=NV_TABLE1, field=35 * _MT, temperature=300.0, bath=found[35.0])
    product = np.abs(found[35.0].shift_minus) * times.shortest
    reach = float(reduced[np.flatnonzero(product > 1)[-1]])
    resting = sw.steady_occupations(spin=NV_TABLE1, field=5 * _MT, temperature=300.0, bath=found[5.0])
    force = sw.spin_wave_force(bath=found[5.0], occupations=resting, limit="high temperature")
    turn = float(reduced[np.flatnonzero(np.diff(np.sign(force)))[0]])
    return [
        Quoted(
            "[SW] Fig. 4(b)",
            "|δ₋T1'| > 1 up to, 35 mT, 300 K",
            "d",
            4.0,
            reach,
            "agrees, lower transition as there",
        ),
        Quoted(
            "[SW] Fig. 14(a)",
            "force by (260) changes sign at, 5 mT",
            "d",
            0.3,
            turn,
            "agrees, lower transition as there",
        ),
    ]


def _layer() -> list[Quoted]:
    field, found = 10 * _MT, []
    for name, near, comment in (
        ("layer from the surface", 0.0, "what (19) gives; the text's number needs the mid-plane"),
        ("layer from the mid-plane", 0.5 * YIG_FIGURES.thickness, "agrees: a reading of the text, not proof"),
    ):
        layer = sw.spin_layer(
            spin=NV_TABLE1,
            density=1e22,
            field=field,
            temperature=300.0,
            pump_rate=sw.OPTIMUM_PUMP_RATE,
            near=near,
        )
        width = float(sw.maximum_linewidth(film=YIG_FIGURES, layer=layer, field=field).rate) / _MHZ
        found.append(
            Quoted("[SW] Fig. 3(a)", f"largest Γ/2π at 1e4 µm⁻³, 10 mT, {name}", "MHz", 20.0, width, comment)
        )
    occupations = sw.pumped_occupations(
        spin=NV_TABLE1, field=field, temperature=300.0, pump_rate=sw.OPTIMUM_PUMP_RATE
    )
    polarisation = float(occupations[..., 0] - occupations[..., 2])
    found.append(Quoted("[SW] text", "polarisation <σ00 − σ−−>, pumped", "1", 0.7, polarisation, "agrees"))
    thermal = sw.steady_occupations(spin=NV_TABLE1, field=field, temperature=300.0)
    cold = float(thermal[..., 0] - thermal[..., 2])
    found.append(
        Quoted("[SW] text", "polarisation <σ00 − σ−−>, thermal", "1", 1e-4, cold, "agrees to the digit given")
    )
    return found
