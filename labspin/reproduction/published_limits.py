"""What the text of [SW] says of limits, validity and sensitivity: in numbers, or in words beside ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.arguments import FloatArray
from labspin.physics.nv import NV_OPTICAL_RATES
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import CentreInBath, CentreState, Wave
from labspin.reproduction.quoted import Quoted
from labspin.reproduction.spinwaves_layer import COUNTED, layer, resonant_kd

__all__ = ["limit_values"]

_MT = 1e-3
_D = YIG_FIGURES.thickness


def limit_values() -> tuple[Quoted, ...]:
    """Return limits and comparisons of [SW].

    Returns
    -------
    tuple of Quoted
        Layer, waves, pumping, one centre, two centres, noise.
    """
    return (
        *_fields(),
        *_dips(),
        *_bands(),
        *_markov(),
        *_pump(),
        *_relaxation(),
        *_forces(),
        *_pair(),
        *_field(),
    )


def _fields() -> list[Quoted]:
    """Return at which fields a layer widens waves, how far up it matters, and how it changes their speed."""
    field, found = np.linspace(2, 30, 113) * _MT, []
    for label, near in COUNTED:
        reading = "what (19) gives" if near == 0 else "reading of the text, not proof"
        rate = sw.maximum_linewidth(film=YIG_FIGURES, layer=layer(field, near=near), field=field).rate
        best, low, high = (
            float(one) for one in (field[rate.argmax()], *np.interp([5e-3, 30e-3], field, rate))
        )
        found += [
            Quoted(
                "[SW] Fig. 3(a)",
                f"field of the largest Γ, layer {label}",
                "mT",
                "10–15",
                best / _MT,
                f"{'agrees' if 10 <= best / _MT <= 15 else 'below'}: {reading}",
            ),
            Quoted(
                "[SW] below (19)",
                f"largest Γ at 5 mT over that at the best field, layer {label}",
                "1",
                "suppressed",
                low / float(rate.max()),
                f"{'not suppressed' if near == 0 else 'agrees'}: {reading}",
            ),
            Quoted(
                "[SW] below (19)",
                f"largest Γ at 30 mT over that at the best field, layer {label}",
                "1",
                "suppressed",
                high / float(rate.max()),
                "agrees; waves near the dip are still resonant",
            ),
        ]
    return [*found, *_thick_and_slow()]


def _thick_and_slow() -> list[Quoted]:
    """Return what is lost beyond 5 µm, and by how much the group velocity grows near resonance."""
    wave: Wave = {"film": YIG_FIGURES, "field": 15 * _MT, "wavenumber": resonant_kd(15 * _MT) / _D}
    centres = layer(15 * _MT, near=0.0)
    thick, whole = (
        float(sw.modified_modes(layer=replace(centres, far=far), **wave).linewidth_increase)
        for far in (5e-6, np.inf)
    )
    around = (resonant_kd(10 * _MT) + np.linspace(-0.05, 0.05, 4001)) / _D
    many, bare = (
        sw.modified_modes(
            film=YIG_FIGURES,
            field=10 * _MT,
            wavenumber=around,
            layer=layer(10 * _MT, near=0.0, density=density),
        ).group_velocity
        for density in (1e23, 0.0)
    )
    return [
        Quoted(
            "[SW] below (19)",
            "Γ of a layer of 5 µm over that of a thick one, 15 mT",
            "1",
            1.0,
            thick / whole,
            "agrees",
        ),
        Quoted(
            "[SW] Fig. 3(d)",
            "largest |v_g| over that without a layer, 1e5 µm⁻³, surface",
            "1",
            "several orders of magnitude",
            float(np.max(np.abs(many / bare))),
            "agrees: three",
        ),
    ]


def _dips() -> list[Quoted]:
    """Return how wide the dips of Fig. 16 are, full width at half depth, over κ_T."""
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * _MT)[0])
    found = []
    for state, said, pump, farthest in (
        ("pumped", 50.0, sw.OPTIMUM_PUMP_RATE, 40.0),
        ("thermal", 1.0, 0.0, 2.0),
    ):
        width = float(
            sw.coherence_decay_rate(spin=NV_TABLE1, field=10 * _MT, temperature=300.0, pump_rate=pump)
        )
        offset = np.concatenate([[0.0], np.geomspace(0.05, 1, 8) * farthest])
        for label, near in COUNTED:
            spins = layer(10 * _MT, near=near, density=1e23, pump=pump)
            half = _half_depth(spins, offset, minus, width)
            found.append(
                Quoted(
                    "[SW] Fig. 16",
                    f"width of the dip of S_++ below at l = d over κ_T, {state}, layer {label}",
                    "1",
                    said,
                    2 * half,
                    "full width at half depth, upper side; the text says about, and defines no width",
                )
            )
    return found


def _half_depth(spins: sw.SpinLayer, offset: FloatArray, minus: float, width: float) -> float:
    """Return the offset in units of ``width`` at which a dip has half its depth, by bisection of the grid.

    The depth crosses its half once, so that no more points are needed than those that bisection asks for.
    """

    def depth(which: int) -> float:
        frequency = np.array([minus + offset[which] * width])
        bare = sum(
            sw.field_spectral_density(
                film=YIG_FIGURES, frequency=frequency, distance=_D, field=10 * _MT, temperature=300.0,
                rtol=1e-3, band=band,
            ).plus[0]
            for band in range(2)
        )  # fmt: skip
        seen = sw.layer_spectral_density(
            film=YIG_FIGURES, layer=spins, frequency=frequency, distance=_D, field=10 * _MT,
            temperature=300.0, bands=2, rtol=1e-3,
        ).plus[0]  # fmt: skip
        return float(1 - seen / bare)

    deepest = depth(0)
    inner, outer = (0, deepest), (offset.size - 1, depth(offset.size - 1))
    if outer[1] >= deepest / 2:
        raise ArgumentError(f"offset: wanted to pass the dip, got a last one of {offset[-1]:g} widths")
    while outer[0] - inner[0] > 1:
        middle = (inner[0] + outer[0]) // 2
        found = middle, depth(middle)
        inner, outer = (inner, found) if found[1] < deepest / 2 else (found, outer)
    return float(np.interp(-deepest / 2, [-inner[1], -outer[1]], [offset[inner[0]], offset[outer[0]]]))


def _bands() -> list[Quoted]:
    """Return how many bands have waves that are resonant, and how far the long ones stay from ω₊."""
    found = []
    for field, said, comment in (
        (5, 2.0, "agrees"),
        (25, 1.0, "agrees"),
        (30, 0.0, "the dip remains, to 34.8 mT"),
    ):
        minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=field * _MT)[0])
        resonant = sum(
            bool(sw.iso_frequency_contour(film=YIG_FIGURES, field=field * _MT, frequency=minus, band=band))
            for band in range(4)
        )
        found.append(
            Quoted(
                "[SW] Fig. 11(b)",
                f"bands with waves resonant with ω₋, {field} mT",
                "1",
                said,
                resonant,
                comment,
            )
        )
    for nanometres in (50, 100):
        film = replace(YIG_FIGURES, thickness=nanometres * 1e-9)
        fastest = float(sw.mode_frequency(film=film, wavenumber=1 / film.thickness, field=10 * _MT))
        above = float(sw.transition_frequencies(spin=NV_TABLE1, field=10 * _MT)[1]) - fastest
        found.append(
            Quoted(
                "[SW] App. C",
                f"ω₊ above the waves with kd < 1, 10 mT, film of {nanometres} nm",
                "ω_M",
                0.1,
                above / film.omega_m,
                "the text says so from 50 nm on; exchange lifts waves of thin films up to ω₊: erratum",
            )
        )
    return [*found, *_pairs()]


def _pairs() -> list[Quoted]:
    """Return how far apart waves are that differ by ω₋, and whether two can add up to it, 20 mT."""
    film, field = YIG_FIGURES, 20 * _MT
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=field)[0])
    apart = np.inf
    for angle in np.radians([0, 30, 45, 60, 75, 90]):
        for kd in np.linspace(0.5, 6, 12):
            here = kd * np.array([np.cos(angle), np.sin(angle)]) / _D
            slow = float(sw.mode_frequency(film=film, field=field, wavenumber=kd / _D, angle=angle))
            for fast in sw.iso_frequency_contour(film=film, field=field, frequency=slow + minus):
                apart = min(apart, float(np.hypot(*(fast - here).T).min()) * _D)
    lowest = float(
        sw.mode_frequency(
            film=film, field=field, wavenumber=np.linspace(0.01, 6, 600) / _D, angle=np.pi / 2
        ).min()
    )
    return [
        Quoted(
            "[SW] App. C",
            "least |k − k′|d of two waves whose difference is ω₋, n = 0, 20 mT",
            "1",
            "≫ 1",
            apart,
            "agrees: exp(−2l|k − k′|) is 5e-4 at l = d",
        ),
        Quoted(
            "[SW] Fig. 10(c)",
            "twice the lowest frequency over ω₋, n = 0, 20 mT",
            "1",
            "pairs add up to ω₋ (≤ 1)",
            2 * lowest / minus,
            "no two waves add up to ω₋: the circles of the figure cannot be",
        ),
    ]


def _markov() -> list[Quoted]:
    """Return γT2* of the lowest bands, which one appendix wants to be large, and the other small."""
    both = "the text needs ≫ 1 for a centre (E.1) and ≪ 1 for the waves (F.1); 0.6 is 600 kHz without the 2π"
    found = []
    for source, band, field, said in (
        ("[SW] App. E.1", 0, 20, 1.0),
        ("[SW] App. F.1", 0, 15, "≲ 1"),
        ("[SW] App. E.1", 1, 20, "≫ 1"),
    ):
        rate = sw.decay_rate(film=YIG_FIGURES, field=field * _MT, wavenumber=1 / _D, band=band)
        found.append(
            Quoted(
                source,
                f"γT2*, n = {band}, kd = 1 along y, {field} mT",
                "1",
                said,
                float(rate) * NV_TABLE1.coherence_lifetime,
                both if band == 0 else "not much more than for n = 0",
            )
        )
    return found


def _pump() -> list[Quoted]:
    """Return where pumping is best, what light it takes, and the estimate of (177)."""
    arguments: CentreState = {"spin": NV_TABLE1, "field": 20 * _MT, "temperature": 300.0}
    pump = 2e3 * np.pi * np.geomspace(1, 100, 401)
    zero = sw.pumped_occupations(pump_rate=pump, **arguments)[..., 0]
    rates = sw.thermal_rates(**arguments)
    estimate = 1 / (float(rates.kappa_1) + float(rates.gamma_plus) + sw.OPTIMUM_PUMP_RATE)
    intensity = sw.OPTIMUM_PUMP_RATE / NV_OPTICAL_RATES.pump_per_intensity
    spot = np.pi * (532e-9 / 1.4) ** 2 / 16
    return [
        Quoted(
            "[SW] Fig. 9(b)",
            "pump Ω/2π of the largest ρ00",
            "kHz",
            10.0,
            float(pump[zero.argmax()]) / (2e3 * np.pi),
            f"a flat maximum: ρ00 is {zero.max():.4f}, {np.interp(2e4 * np.pi, pump, zero):.4f} at 10 kHz",
        ),
        Quoted(
            "[SW] Fig. 9(c)",
            "1/(κ1 + γ₊ + Ω) over the correlation time, Ω = 2π·10 kHz",
            "1",
            "an estimate",
            estimate / float(sw.correlation_time(**arguments)),
            "agrees in order of magnitude",
        ),
        Quoted(
            "[SW] below (166)",
            "light for it at 532 nm through a numerical aperture of 1.4",
            "µW",
            3.0,
            intensity * spot * 1e6,
            "through a disc of the diameter λ/2NA; the text does not say which spot",
        ),
    ]


def _centre(distance: float, field: float, kelvin: float) -> tuple[sw.SpinWaveBath, CentreInBath]:
    """Return the bath of the lower transition at a distance in d, and what else describes the centre."""
    state: CentreState = {"spin": NV_TABLE1, "field": field * _MT, "temperature": kelvin}
    bath = sw.spin_wave_bath(
        film=YIG_FIGURES, distance=distance * _D, transitions="lower", rtol=1e-4, **state
    )
    return bath, {**state, "bath": bath}


def _relaxation() -> list[Quoted]:
    """Return shortened lifetimes, and how high and low temperatures differ."""
    found = []
    for field in (5, 25, 35):
        _, state = _centre(1.0, field, 300.0)
        share = float(sw.relaxation_times(**state).shortest) / NV_TABLE1.occupation_lifetime
        said = "orders of magnitude less" if field < 35 else "closer to 1"
        found.append(Quoted("[SW] Fig. 11(d)", f"T1' over T1 at d, {field} mT", "1", said, share, "agrees"))
    warm, _ = _centre(1.0, 35.0, 10.0)
    cold, _ = _centre(0.2, 35.0, 0.1)
    return [
        *found,
        Quoted(
            "[SW] below (245)",
            "Γ₊ over Γ₋ at 10 K, 35 mT",
            "1",
            "≫ 1",
            float(warm.sum_rate / warm.difference_rate),
            "agrees",
        ),
        Quoted(
            "[SW] (257)",
            "δ₊ over δ₋ at 100 mK, d/5, 35 mT",
            "1",
            0.0,
            float(cold.shift_plus / cold.shift_minus),
            "100 mK is not far below ħω_M/k_B = 0.23 K: the limit does not hold in the figures: erratum",
        ),
    ]


def _force(distance: float, kelvin: float, *, pump: float = 0.0) -> float:
    """Return the force on a centre at 35 mT by (260), N."""
    bath, state = _centre(distance, 35.0, kelvin)
    held = sw.pumped_occupations(pump_rate=pump, **state) if pump else sw.steady_occupations(**state)
    limit = "high temperature" if kelvin > 1 else "low temperature"
    return abs(float(sw.spin_wave_force(bath=bath, occupations=held, limit=limit)))


def _forces() -> list[Quoted]:
    """Return forces that the text compares, and those of a thousand centres."""
    dark, cold, lit = _force(0.2, 300.0), _force(0.2, 0.1), _force(0.2, 300.0, pump=sw.OPTIMUM_PUMP_RATE)
    far = _force(1.0, 300.0, pump=sw.OPTIMUM_PUMP_RATE)
    return [
        Quoted(
            "[SW] Fig. 4(c)",
            "force at 100 mK over that at 300 K, d/5, both by (260)",
            "1",
            "the same order",
            cold / dark,
            "agrees",
        ),
        Quoted(
            "[SW] Fig. 4(c)",
            "force pumped over force in the dark, 300 K, d/5",
            "1",
            "several orders of magnitude",
            lit / dark,
            "agrees",
        ),
        Quoted(
            "[SW] below (24)",
            "force on 1e3 centres in the dark, 300 K, d/5",
            "N",
            "≥ 1e-21",
            1e3 * dark,
            "0.6 of the quoted limit of sensors",
        ),
        Quoted("[SW] below (24)", "force on 1e3 pumped centres, l = d", "N", "≥ 1e-21", 1e3 * far, "agrees"),
        Quoted(
            "[SW] below (260)",
            "thermal force by (260) at 0.01 d, 35 mT, 300 K",
            "N",
            1e-21,
            _force(0.01, 300.0),
            "the upper end of the quoted range is not met from 0.01 d on; the text gives no distance",
        ),
    ]


def _pair() -> list[Quoted]:
    """Return the coupling of two centres through the film at 20 mT, 300 K."""
    found = []
    for total, apart, said in (
        (1.0, 1e-6, "several Hz"),
        (1.0, 0.0, "several Hz"),
        (0.04, 0.0, "several kHz"),
    ):
        coupled = sw.coupling_map(
            film=YIG_FIGURES,
            spin=NV_TABLE1,
            y=[apart],
            z=[0.0],
            total_distance=total * _D,
            field=20 * _MT,
            rtol=1e-3,
        )
        place = f"l_j + l_k = {total:g} d, {apart * 1e6:g} µm apart along y"
        found.append(
            Quoted(
                "[SW] Fig. 15",
                f"|Γ_d|/2π, {place}",
                "Hz",
                said,
                float(np.abs(coupled.rate[0, 0])) / (2 * np.pi),
                "agrees" if apart or total < 1 else "the largest of the map: an order more than several Hz",
            )
        )
    return found


def _field() -> list[Quoted]:
    """Return the weakest noise of Fig. 8 beside the sensitivity that the text quotes."""
    found = []
    for distance, kelvin, comment in (
        (1.0, 300.0, "agrees"),
        (5.0, 0.1, "within that range, not above it"),
    ):
        noise = sw.field_spectral_density(
            film=YIG_FIGURES,
            frequency=6e9 * np.pi,
            distance=distance * _D,
            field=20 * _MT,
            temperature=kelvin,
            rtol=1e-3,
        ).field_noise()
        weakest = 1e9 * min(float(one) for one in noise)
        found.append(
            Quoted(
                "[SW] Fig. 8",
                f"weakest component at 3 GHz, {distance:g} d, {kelvin:g} K",
                "nT/√Hz",
                "well above 1e-4 to 1e-6",
                weakest,
                comment,
            )
        )
    return found
