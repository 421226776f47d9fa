"""The numbers that the text of [SW] states: the film, a centre near it, and a layer of centres on it.

Where the text fits a layer counted from the mid-plane of the film, both distances stand in the table.
"""

from __future__ import annotations

import numpy as np

from labspin.physics import spinwaves as sw
from labspin.physics.nv import NV_OPTICAL_RATES
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES, YIG_TABLE1
from labspin.physics.spinwaves.keywords import CentreInBath, CentreState, Wave
from labspin.reproduction.quoted import Quoted
from labspin.reproduction.spinwaves_layer import COUNTED, layer, resonant_kd

__all__ = ["film_values"]

_MT = 1e-3
_MHZ = 2e6 * np.pi
_D = YIG_FIGURES.thickness


def film_values() -> tuple[Quoted, ...]:
    """Return the numbers of [SW].

    Returns
    -------
    tuple of Quoted
        Film and centre, layer, noise.
    """
    return (*_film(), *_centre(), *_pumping(), *_layer(), *_propagation(), *_noise())


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


def _bath(distance: float, millitesla: float) -> sw.SpinWaveBath:
    """Return the bath of the lower transition at a distance in d, 300 K."""
    return sw.spin_wave_bath(
        film=YIG_FIGURES,
        spin=NV_TABLE1,
        distance=distance * _D,
        field=millitesla * _MT,
        temperature=300.0,
        transitions="lower",
        rtol=1e-4,
    )


def _centre() -> list[Quoted]:
    """Return what the text says of one centre near the film."""
    near, close = _bath(0.01, 35), _bath(0.01, 20)
    lifetimes = sw.coherence_times(spin=NV_TABLE1, field=20 * _MT, temperature=300.0, bath=close)
    middle = _bath(1.0, 25)
    arguments: CentreInBath = {
        "spin": NV_TABLE1,
        "field": 25 * _MT,
        "temperature": 300.0,
        "bath": middle,
    }
    plateau = float(sw.occupations_in_time(time=1e-4, **arguments)[..., 0])
    plateau -= float(sw.steady_occupations(**arguments)[..., 0])
    decay = float(
        sw.coherence_decay_rate(
            spin=NV_TABLE1, field=10 * _MT, temperature=300.0, pump_rate=sw.OPTIMUM_PUMP_RATE
        )
    )
    return [
        Quoted(
            "[SW] below (23)", "largest |δ₋|/2π, 35 mT, 300 K, at 0.01 d", "MHz", 8.0,
            abs(float(near.shift_minus)) / _MHZ, "the distance is not given; 6 MHz in the limit l → 0",
        ),
        Quoted(
            "[SW] Fig. 12", "first-order lifetimes of 0+ over 0- at 0.01 d", "1", 2.0,
            float(lifetimes.plus / lifetimes.minus), "agrees: the text says up to 2",
        ),
        Quoted(
            "[SW] Fig. 11(c)", "plateau of ρ00 above its rest, d, 25 mT", "1", 0.2, plateau,
            "agrees to the digit given",
        ),
        Quoted(
            "[SW] Fig. 11(b)", "field above which no wave is resonant", "mT", 30.0, _free_field() / _MT,
            "the dip of the parallel waves reaches further than the text says",
        ),
        Quoted(
            "[SW] text", "κ_T T2*/2, pumped", "1", 1.0, decay * NV_TABLE1.coherence_lifetime / 2, "agrees"
        ),
    ]  # fmt: skip


def _free_field() -> float:
    """Return the lowest field from 30 mT on at which no wave is as slow as ω₋, T."""
    field = np.linspace(30, 40, 1001) * _MT
    lowest = sw.mode_frequency(
        film=YIG_FIGURES, field=field, wavenumber=np.linspace(0, 6, 301)[:, None] / _D, angle=np.pi / 2
    ).min(axis=0)
    return float(field[np.argmax(lowest > sw.transition_frequencies(spin=NV_TABLE1, field=field)[0])])


def _pumping() -> list[Quoted]:
    """Return what the text says of optical pumping."""
    arguments: CentreState = {"spin": NV_TABLE1, "field": 20 * _MT, "temperature": 300.0}
    slow, fast = (
        float(sw.correlation_time(pump_rate=pump, **arguments)) for pump in (0.0, sw.OPTIMUM_PUMP_RATE)
    )
    zero = [
        float(sw.pumped_occupations(spin=NV_TABLE1, field=b, temperature=300.0)[..., 0]) for b in (0.0, 0.1)
    ]
    intensity = sw.OPTIMUM_PUMP_RATE / NV_OPTICAL_RATES.pump_per_intensity
    return [
        Quoted(
            "[SW] below (177)", "thermal over pumped correlation time", "1", 1e3, slow / fast,
            "two orders, not three: a slip in the text",
        ),
        Quoted(
            "[SW] text", "ρ00 at 100 mT over that at 0, pumped", "1", 1.0, zero[1] / zero[0],
            "the text says unchanged; 11 % less",
        ),
        Quoted("[SW] text", "light for Ω = 2π·10 kHz", "GW/m²", 0.13, intensity * 1e-9, "agrees"),
    ]  # fmt: skip


def _propagation() -> list[Quoted]:
    """Return what the text says of waves along +y under a layer at 10 mT."""
    kd = resonant_kd(10 * _MT)
    wave: Wave = {"film": YIG_FIGURES, "field": 10 * _MT, "wavenumber": kd / _D}
    loss = float(sw.decay_rate(**wave))
    found = [
        Quoted("[SW] text", "kd of the resonant wave along +y, 10 mT", "1", 0.8, kd, "agrees"),
        Quoted(
            "[SW] text", "kd of the resonant wave along +y, 15 mT", "1", 0.4, resonant_kd(15 * _MT), "agrees"
        ),
        Quoted("[SW] text", "γ/2π of that wave at 10 mT", "MHz", 0.6, loss / _MHZ, "agrees"),
    ]
    around = (kd + np.linspace(-0.05, 0.05, 4001)) / _D
    for label, near in COUNTED:
        reading = "what (19) gives" if near == 0 else "reading of the text, not proof"
        cold = layer(10 * _MT, near=near, density=1e23, pump=0.0)
        width = float(sw.maximum_linewidth(film=YIG_FIGURES, layer=cold, field=10 * _MT).rate)
        few, many = (
            sw.modified_modes(
                film=YIG_FIGURES, field=10 * _MT, wavenumber=around,
                layer=layer(10 * _MT, near=near, density=density),
            )
            for density in (1e21, 1e23)
        )  # fmt: skip
        bare = sw.modified_modes(layer=layer(10 * _MT, near=near, density=0.0), **wave)
        change = float(np.ptp(many.shift) / 2 / bare.frequency)
        longer = float(few.propagation_length.max() / bare.propagation_length) - 1
        for quantity, quoted, value in (
            ("largest thermal Γ over γ, 1e5 µm⁻³", 0.1, width / loss),
            ("change of frequency, one side (peak to peak twice), 1e5 µm⁻³", 0.04, change),
            ("longer propagation, 1e3 µm⁻³", 0.5, longer),
        ):
            comment = f"{'agrees; ' if 0.75 < value / quoted < 1.3 else ''}{reading}"
            found.append(
                Quoted("[SW] Fig. 3, text", f"{quantity}, layer {label}", "1", quoted, value, comment)
            )
    return found


def _noise() -> list[Quoted]:
    """Return the asymmetry of Fig. 8 and the dips of Fig. 16, of the components that the table names."""
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * _MT)[0])
    plus, down, _ = sw.field_spectral_density(
        film=YIG_FIGURES, frequency=6e9 * np.pi, distance=_D, field=20 * _MT, temperature=300.0, rtol=1e-3
    ).field_noise()
    found = [
        Quoted(
            "[SW] Fig. 8", "noise along e_- over e_+, 3 GHz, l = d", "1", 10.0, float(down / plus),
            "agrees: the text says an order of magnitude",
        )
    ]  # fmt: skip
    for state, quoted, pump in (("pumped", 0.8, sw.OPTIMUM_PUMP_RATE), ("thermal", 0.02, 0.0)):
        for label, near in COUNTED:
            depth = []
            for density in (1e23, 0.0):
                seen = sw.layer_spectral_density(
                    film=YIG_FIGURES, layer=layer(10 * _MT, near=near, density=density, pump=pump),
                    frequency=[minus], distance=_D, field=10 * _MT, temperature=300.0, bands=3, rtol=1e-3,
                )  # fmt: skip
                depth.append(float(seen.plus[0]))
            found.append(
                Quoted(
                    "[SW] Fig. 16", f"dip of S_++ below at ω₋, l = d, {state}, layer {label}", "1", quoted,
                    1 - depth[0] / depth[1], "S_-- in the text: (120) exchanges the two",
                )
            )  # fmt: skip
    return found
