"""Figures of [NV] measured on the simulated bench: 2(c), 3(b), 4(a), 4(b) and 4(c).

The curves are those of `labspin.reproduction.nv` for the bench that is measured: its field, its diamond with
a stretched decay, its light, the dead time of its counter. Scans of the field know the charge, too: under
light a centre loses it 750 times a second and comes back unpolarised, about as often as a lone class relaxes.
Where the torques of four classes nearly cancel, that is seen: without it χ² of Fig. 3(b) is five times as
large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis import fit_run
from labspin.data import Run
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    NV_CENTRE,
    Ensemble,
    Microwave,
    Relaxation,
    UncoupledRelaxation,
    level_torques,
    rate_model_at,
    reflected_light,
    relaxation_times,
    resonance_spectrum,
    stretched_decay,
    stretched_exponential_mixture,
)
from labspin.reproduction.measurement import Measurement, Panel
from labspin.twin.samples.levitated_diamond import DiamondSettings

__all__ = ["MEASUREMENTS"]

FloatArray = NDArray[np.float64]

GAUSS = 1e-4
BENCH = DiamondSettings()
DEAD_TIME = 22e-9  # s, of the station's detectors
BETA = 0.8


def ensemble(relaxation: Relaxation = CR_MEASURED) -> Ensemble:
    """Return the bench's diamond, with the spread of rates of its stretched decay.

    Parameters
    ----------
    relaxation
        With cross-relaxation or without.
    """
    return Ensemble(relaxation=relaxation, decay=stretched_exponential_mixture(beta=BETA))


def counted(ratio: ArrayLike, rate: ArrayLike) -> FloatArray:
    """Return the ratio of counts of a detector that is dead after each, r/(1 + rτ).

    Parameters
    ----------
    ratio
        Ratio of the light.
    rate
        Photons at the reference, 1/s.
    """
    share, per_second = np.asarray(ratio), np.asarray(rate)
    return np.asarray(share * (1 + per_second * DEAD_TIME) / (1 + share * per_second * DEAD_TIME))


def angle(torque: ArrayLike) -> FloatArray:
    """Return by how much the centres turn the crystal, rad.

    Parameters
    ----------
    torque
        Torque of one centre of each class about the libration's axis, N m.
    """
    mode = BENCH.libration
    return np.asarray(torque) * mode.spins[0] / mode.stiffness


def axis(run: Run, name: str) -> FloatArray:
    """Return the values of an axis of a run.

    Parameters
    ----------
    run
        A finished run.
    name
        Name of the axis.
    """
    return next(one.values for one in run.header.layout.dimensions if one.name == name)


def decays(runs: Sequence[Run]) -> list[Panel]:
    """Differences of light over their amplitude, on exp(−(t/T1)^0.8) with T1 of the class at that field.

    The amplitude (how well the light polarises and π inverts) is the one number taken from the points.
    """
    bench, panels = LABORATORY_BENCH, []
    cases = (
        ("alone", bench.isolated_at, bench.isolated_class),
        ("with one other", bench.pair_at, bench.pair[0]),
        ("with three others", bench.all_at, 0),
    )
    for (label, strength, which), run in zip(cases, runs, strict=True):
        field = bench.bench.field(strength)
        t1 = relaxation_times(field=field, orientation=bench.orientation, relaxation=CR_MEASURED)[which]
        time, passes = axis(run, "dark_time"), axis(run, "average").size
        value = run.data["difference"].mean(axis=0)
        error = np.sqrt(np.square(run.data["difference_errors"]).sum(axis=0)) / passes
        expected = stretched_decay(time=time, t1=t1, beta=BETA)
        amplitude = np.sum(value * expected / error**2) / np.sum(expected**2 / error**2)
        fitted, dense = fit_run(run)[0]["T1"], np.linspace(0, time.max(), 301)
        panels.append(
            Panel(
                title=f"{label}, T1 = {t1 * 1e6:.0f} µs",
                xlabel="dark time (ms)",
                ylabel="difference of light (norm.)",
                x=time * 1e3,
                y=value / amplitude,
                error=error / amplitude,
                expected=expected,
                curve=(dense * 1e3, stretched_decay(time=dense, t1=t1, beta=BETA)),
                scales=1,
                remark=f"fitted T1 = {fitted.value * 1e6:.0f} ± {fitted.stderr * 1e6:.0f} µs",
            )
        )
    return panels


def spectra(runs: Sequence[Run]) -> list[Panel]:
    """Light and reflected light with microwave over those without, at three fields of the electromagnet.

    The microwave is that of the card, −20 dBm; nothing is taken from the points.
    """
    (run,), panels = runs, []
    hertz, strengths = axis(run, "microwave_frequency"), axis(run, "magnet_field")
    dense = np.linspace(hertz.min(), hertz.max(), 601)
    for number, strength in enumerate(strengths.tolist()):
        for kind, light in (("pl", "light"), ("reflected", "reflected light")):
            value, error = (run.data[f"{kind}_ratio{end}"][number] for end in ("", "_errors"))
            passes = len(value)
            panels.append(
                Panel(
                    title=f"{light}, {strength / GAUSS:.0f} G",
                    xlabel="microwave frequency (GHz)",
                    ylabel="with over without microwave",
                    x=hertz * 1e-9,
                    y=value.mean(axis=0),
                    error=np.sqrt(np.square(error).sum(axis=0)) / passes,
                    expected=_driven(kind, strength, hertz),
                    curve=(dense * 1e-9, _driven(kind, strength, dense)),
                )
            )
    return panels


def _driven(kind: str, strength: float, hertz: FloatArray) -> FloatArray:
    """Return counts with microwave over those without."""
    rabi = BENCH.rabi_frequency * 10 ** ((-20.0 - BENCH.reference_microwave) / 20)
    found = resonance_spectrum(
        field=LABORATORY_BENCH.bench.field(strength),
        frequency=2 * np.pi * hertz,
        pump=BENCH.pump_rate,
        microwave=Microwave(
            amplitude=math.sqrt(2.0) * rabi / NV_CENTRE.gyromagnetic_ratio,
            direction=BENCH.microwave_direction,
            dephasing_rate=BENCH.dephasing_rate,
            inhomogeneous_width=BENCH.line_width,
        ),
        orientation=LABORATORY_BENCH.orientation,
        ensemble=ensemble(),
    )
    if kind == "pl":
        return counted(1 - found.contrast, BENCH.photon_rate * BENCH.charge_left)
    along = BENCH.libration.unit_axis
    charged = BENCH.charge_left  # the others have no torque
    return _reflected(charged * (found.torque @ along), charged * (found.dark_torque @ along))


def _reflected(torque: FloatArray, reference: FloatArray) -> FloatArray:
    light, base = (
        reflected_light(angle=angle(one), slope=BENCH.speckle_slope) for one in (torque, reference)
    )
    return counted(light / base, BENCH.reflected_rate * base)


def light_across(runs: Sequence[Run]) -> list[Panel]:
    """Light over that at 9 G against the electromagnet, with cross-relaxation; errors from the scatter."""
    return [_across(runs[0], "pl", "light")]


def angle_across(runs: Sequence[Run]) -> list[Panel]:
    """Reflected light over that at 9 G against the electromagnet; errors from the scatter.

    The speckle turns the angle into light, by a slope that is the bench's; nothing is taken from the points.
    """
    return [_across(runs[0], "reflected", "reflected light")]


def angle_on_a_cut(runs: Sequence[Run]) -> list[Panel]:
    """Reflected light on the arc through the map that the electromagnet can reach, with and without ridges.

    The bias of 100 G and −165 G to 165 G across it lead over the crystal's directions on a line through Fig.
    3(b). The bench has cross-relaxation: the points lie on that curve, and leave the one without.
    """
    panels = [_across(runs[0], "reflected", "with cross-relaxation", reference=0.0)]
    return [
        *panels,
        _across(runs[0], "reflected", "without", reference=0.0, relaxation=UncoupledRelaxation()),
    ]


def _across(
    run: Run, kind: str, title: str, *, reference: float = 9 * GAUSS, relaxation: Relaxation = CR_MEASURED
) -> Panel:
    """Return the panel of a scan of the field: ratios to the reference, averaged over all passes."""
    field = axis(run, "magnet_field")
    ratios = run.data[f"{kind}_ratio"].reshape(-1, field.size)
    dense = np.linspace(field.min(), field.max(), 601)
    computed = [_steady(kind, place, reference, relaxation) for place in (field, dense)]
    return Panel(
        title=title,
        xlabel="B_em (G)",
        ylabel=f"ratio to that at {reference / GAUSS:.0f} G",
        x=field / GAUSS,
        y=ratios.mean(axis=0),
        error=_scatter(ratios),
        expected=computed[0],
        curve=(dense / GAUSS, computed[1]),
    )


def _scatter(values: FloatArray) -> FloatArray:
    """Return standard errors of the means (n,) of passes (m, n), by the scatter of pairs: one up, one down.

    The way to the reference, and with it the drift meanwhile, grows with the field. Neighbours have nearly
    the same scatter, and nine of them tell it better than one.
    """
    pairs = values.reshape(-1, 2, values.shape[-1]).mean(axis=1)
    kernel, variance = np.ones(9), pairs.var(axis=0, ddof=1)
    shared = np.convolve(variance, kernel, "same") / np.convolve(np.ones_like(variance), kernel, "same")
    return np.sqrt(shared / len(pairs))


def _steady(kind: str, field: FloatArray, reference: float, relaxation: Relaxation) -> FloatArray:
    """Return counts at ``field`` over those at ``reference``."""
    light, torque = _steady_state(np.append(field, reference), relaxation)
    if kind == "pl":
        rate = BENCH.photon_rate * BENCH.charge_left
        return counted(light[:-1] / light[-1], rate)
    return _reflected(torque[:-1], torque[-1])


def _steady_state(strength: FloatArray, relaxation: Relaxation) -> tuple[FloatArray, FloatArray]:
    """Return light (any unit) and torque of one centre of each class (N m), of centres that lose charge."""
    field, orientation = LABORATORY_BENCH.bench.field(strength), LABORATORY_BENCH.orientation
    centres = ensemble(relaxation)
    model = rate_model_at(field=field, orientation=orientation, ensemble=centres)
    mixture = stretched_exponential_mixture(beta=BETA)
    pump = np.full((4, 1), BENCH.pump_rate)
    rows = [
        np.broadcast_to(model.cycle.emission_row(pump=pump), (4, strength.size, 7)),
        level_torques(
            axis=BENCH.libration.unit_axis,
            model=model,
            field=field,
            orientation=orientation,
            ensemble=centres,
        ),
    ]
    found = [np.zeros(strength.size) for _ in rows]
    for rate, weight in zip(mixture.rates, mixture.weights, strict=True):
        charged = model.generator(pump=pump, scale=float(rate))
        levels = _resting(BENCH.charge.generator(charged, 1.0))[..., :7]
        for total, row in zip(found, rows, strict=True):
            total += weight * (levels * row).sum(axis=(0, -1))
    return found[0], found[1]


def _resting(generator: FloatArray) -> FloatArray:
    """Return p (..., n) with A p = 0 and the sum 1."""
    whole = generator.copy()
    whole[..., -1, :] = 1.0
    wanted = np.zeros((*generator.shape[:-1], 1))
    wanted[..., -1, 0] = 1.0
    return np.asarray(np.linalg.solve(whole, wanted)[..., 0])


_STEADY = ("steady light and angle",)
MEASUREMENTS = (
    Measurement("nv-2c", "[NV] Fig. 2(c), measured: T1 of a class", "procedures/t1.toml", decays, 8.0),
    Measurement(
        "nv-3b",
        "[NV] Fig. 3(b), measured on a line through the map",
        "procedures/pl_scan.toml",
        angle_on_a_cut,
        20.0,
        changes=(("field_start=-165 G", "field_stop=165 G", "fields=111", "reference_field=0 G"),),
        only=_STEADY,
    ),
    Measurement(
        "nv-4a", "[NV] Fig. 4(a), measured: spectra", "procedures/mdmr.toml", spectra, 20.0, columns=2
    ),
    Measurement(
        "nv-4b", "[NV] Fig. 4(b), measured: light", "procedures/pl_scan.toml", light_across, 6.0, only=_STEADY
    ),
    Measurement(
        "nv-4c", "[NV] Fig. 4(c), measured: angle", "procedures/pl_scan.toml", angle_across, 1.0, only=_STEADY
    ),
)
