"""Numbers that the papers quote, beside what this package computes for the same setting.

Nothing here is tuned: where the two differ, the remark says why, as far as it is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labspin.physics.nv.geometry import NV_AXES
from labspin.physics.nv.presets import FIG4_BENCH, FIG4_ORIENTATION
from labspin.physics.nv.records import DIRECT_PUMPING, DirectPumping, OpticalRates
from labspin.physics.nv.relaxation import CR_SUPPLEMENT, Relaxation, UncoupledRelaxation
from labspin.physics.nv.spin import transition_frequencies
from labspin.physics.nv.stationary import Ensemble, rate_model_at, steady_state
from labspin.physics.nv.torque import deflection, ground_state_torque, torque_map

__all__ = ["PublishedValue", "published_values"]

_GAUSS = 1e-4
_PUMP = 2e3 * math.pi * 3.0  # 1/s: depolarising rate of the order of 10 kHz ([NV] p. 4)


@dataclass(frozen=True)
class PublishedValue:
    """One number of a paper and the same number here."""

    quantity: str
    unit: str
    quoted: float
    computed: float
    source: str
    remark: str


def published_values() -> tuple[PublishedValue, ...]:
    """Return the numbers of [NV] and of [SW] appendix B.2, quoted and computed (about half a second)."""
    return (*_torques(), *_fig4(), *_pumping())


def _map_maximum(rates: OpticalRates | DirectPumping, relaxation: Relaxation) -> float:
    ensemble = Ensemble(rates=rates, relaxation=relaxation)
    found = torque_map(strength=100 * _GAUSS, pump=_PUMP, points=(91, 181), ensemble=ensemble)
    return float(found.magnitude.max())


def _torques() -> tuple[PublishedValue, ...]:
    single = float(ground_state_torque(field=100 * _GAUSS, angle=math.pi / 4))
    bare, coupled = UncoupledRelaxation(), CR_SUPPLEMENT
    seven = OpticalRates()
    angle = float(deflection(torque=1e-18, moment_of_inertia=1e-22, angular_frequency=2e3 * math.pi))
    three_levels = "three-level pumping, Ω = 2π·3 kHz"
    cycle = "seven levels: excited-state mixing polarises the classes unequally, they cancel less"
    return (
        PublishedValue(
            "torque of one spin, Eq. (3), 45°, 100 G", "N m", 2e-27, single, "[NV] p. 3",
            "does not follow from Eq. (3); it is what four classes with cross-relaxation reach",
        ),
        PublishedValue(
            "largest torque of four classes without CR", "N m", 1e-28, _map_maximum(DIRECT_PUMPING, bare),
            "[NV] p. 3, Fig. 3(a)", f"supplement: 3e-28; {three_levels}",
        ),
        PublishedValue(
            "largest torque of four classes without CR", "N m", 1e-28, _map_maximum(seven, bare),
            "[NV] p. 3, Fig. 3(a)", cycle,
        ),
        PublishedValue(
            "largest torque of four classes with CR", "N m", 2e-27, _map_maximum(DIRECT_PUMPING, coupled),
            "[NV] p. 3, Fig. 3(b)", f"supplement: 3e-27; {three_levels}; falls with Ω and T_dd",
        ),
        PublishedValue(
            "largest torque of four classes with CR", "N m", 2e-27, _map_maximum(seven, coupled),
            "[NV] p. 3, Fig. 3(b)", cycle,
        ),
        PublishedValue(
            "deflection by 1e-18 N m", "rad", 1e-3, angle, "[NV] p. 3",
            "τ/(I ω²) with I = 1e-22 kg m² and ω = 2π·1 kHz is four times smaller than quoted",
        ),
    )  # fmt: skip


def _fig4() -> tuple[PublishedValue, ...]:
    strength = np.array([15.0, 19.0]) * _GAUSS
    lines = transition_frequencies(field=FIG4_BENCH.field(strength), orientation=FIG4_ORIENTATION)[..., 0]
    split = (lines[:, 2] - lines[:, 0]) / (2e6 * math.pi)
    slope = float(split[1] - split[0]) / 4.0
    merge = 15.0 - float(split[0]) / slope
    at_merge = transition_frequencies(field=FIG4_BENCH.field(merge * _GAUSS), orientation=FIG4_ORIENTATION)[
        [0, 2], 0
    ].mean()
    width = f"the lines of the pair part at {slope:.2f} MHz/G; 4.29 is used in the paper"
    return (
        PublishedValue(
            "B_em at which two lines merge", "G", 17.0, merge, "[NV] Fig. 4(a)", "preset orientation",
        ),
        PublishedValue(
            "frequency at which they merge", "GHz", 2.75, float(at_merge) / (2e9 * math.pi), "[NV] Fig. 4(a)",
            "preset orientation",
        ),
        PublishedValue("width of the torque feature, 2.1 G", "MHz", 9.0, 2.1 * slope, "[NV] p. 3", width),
        PublishedValue("width of the light feature, 2.8 G", "MHz", 12.0, 2.8 * slope, "[NV] p. 3", width),
    )  # fmt: skip


def _pumping() -> tuple[PublishedValue, ...]:
    ensemble = Ensemble(relaxation=UncoupledRelaxation(isolated_time=3e-3))
    field, pump = 0.02 * NV_AXES[0], 2e4 * math.pi
    state = steady_state(field=field, pump=pump, ensemble=ensemble)
    generator = rate_model_at(field=field, ensemble=ensemble).generator(pump=np.full(4, pump))[0]
    slowest = float(np.sort(-np.linalg.eigvals(generator).real)[1])
    return (
        PublishedValue(
            "population of |0> at Ω = 2π·10 kHz, 20 mT on the axis", "1", 0.8,
            float(state.ground_populations[0, 0]), "[SW] p. of Eq. (166), Fig. 9(b)", "quoted as about 0.8",
        ),
        PublishedValue(
            "correlation time at Ω = 2π·10 kHz", "s", 50e-6, 1.0 / slowest, "[SW] below Eq. (177), Fig. 9(c)",
            "quoted as about 50 µs",
        ),
    )  # fmt: skip
