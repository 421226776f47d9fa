"""Nitrogen-vacancy centres in a diamond: levels, light, relaxation, torque and libration.

The way through the package follows the physics: `geometry` (four classes in any field and orientation),
`spin` (levels and transitions), `relaxation`, `decay` and `stretched` (T1 with cross-relaxation),
`steady_state` and `evolution` (one rate model of the optical cycle, at rest and in pulse sequences),
`lindblad` (the same cycle with coherences), `light` (charge, reflection), `torque`, `spectra`, `libration`
and `langevin` (the crystal's motion), `inverse` and `orientation` (field and orientation from line
positions), `presets` and `published` (numbers of the papers). SI throughout, frequencies in rad/s.
"""

from __future__ import annotations

from labspin.physics.nv.coherence import (
    HYPERFINE_SPLITTING,
    bath_dephasing,
    filter_function,
    free_decay,
    hyperfine_offsets,
    precession_dephasing,
    pulse_fractions,
)
from labspin.physics.nv.decay import relaxation_times, stretched_decay
from labspin.physics.nv.evolution import (
    Evolution,
    PulseSegment,
    RateSegment,
    counting_propagator,
    evolve,
    propagate,
    thermal_state,
)
from labspin.physics.nv.geometry import (
    CLASS_FRAMES,
    NV_AXES,
    PAIRS,
    DegeneracyPlane,
    FieldBench,
    axial_fields,
    class_fields,
    crystal_field,
    degeneracies_on_bench,
    degeneracy_planes,
    degenerate_directions,
    degenerate_groups,
    orientation_matrix,
)
from labspin.physics.nv.inverse import (
    FieldSolution,
    equivalent_fields,
    field_from_lines,
)
from labspin.physics.nv.langevin import (
    LibrationStep,
    LibrationTrace,
    libration_step,
    simulate_libration,
    thermal_angle_spectrum,
    thermal_torque_density,
)
from labspin.physics.nv.libration import (
    EffectiveLibration,
    LibrationMode,
    SpinResponse,
    effective_libration,
    level_torques,
    libration_susceptibility,
    single_pole_response,
    spin_response,
)
from labspin.physics.nv.light import ChargeDynamics, reflected_light
from labspin.physics.nv.line_pair import FieldOfPair, field_of_pair
from labspin.physics.nv.microwave import (
    Microwave,
    driving_rates,
    inversion_probability,
    rabi_frequencies,
)
from labspin.physics.nv.orientation import (
    OrientationSolution,
    equivalent_orientations,
    orientation_from_lines,
)
from labspin.physics.nv.presets import (
    FIG4_BENCH,
    FIG4_ORIENTATION,
    LABORATORY_BENCH,
    LaboratoryBench,
    bench_orientation,
)
from labspin.physics.nv.published import (
    PublishedValue,
    published_values,
)
from labspin.physics.nv.pulse_train import (
    PulseTrain,
    SpinBath,
    StaticLine,
    relaxing_train_map,
    train_map,
)
from labspin.physics.nv.pulses import (
    class_rabi_frequencies,
    pulse_segment,
)
from labspin.physics.nv.rate_model import (
    Populations,
    RateModel,
)
from labspin.physics.nv.records import (
    DIRECT_PUMPING,
    NV_CENTRE,
    NV_OPTICAL_RATES,
    DirectPumping,
    NVCentre,
    OpticalRates,
)
from labspin.physics.nv.relaxation import (
    CR_MEASURED,
    CR_SUPPLEMENT,
    DipolarRelaxation,
    InterpolatedRelaxation,
    LineShape,
    Relaxation,
    UncoupledRelaxation,
    effective_resonant_classes,
)
from labspin.physics.nv.spectra import (
    ResonanceSpectrum,
    resonance_spectrum,
    transition_driving,
)
from labspin.physics.nv.spin import (
    Levels,
    hamiltonian,
    levels,
    transition_frequencies,
)
from labspin.physics.nv.steady_state import (
    CoherenceWarning,
    Ensemble,
    Method,
    SteadyState,
    rate_model_at,
    steady_state,
)
from labspin.physics.nv.stretched import (
    RateMixture,
    stable_density,
    stretched_exponential_mixture,
)
from labspin.physics.nv.torque import (
    TorqueMap,
    deflection,
    electromagnet_sweep,
    ground_state_torque,
    sphere_directions,
    torque_map,
)

__all__ = [
    "CLASS_FRAMES",
    "CR_MEASURED",
    "CR_SUPPLEMENT",
    "DIRECT_PUMPING",
    "FIG4_BENCH",
    "FIG4_ORIENTATION",
    "HYPERFINE_SPLITTING",
    "LABORATORY_BENCH",
    "NV_AXES",
    "NV_CENTRE",
    "NV_OPTICAL_RATES",
    "PAIRS",
    "ChargeDynamics",
    "CoherenceWarning",
    "DegeneracyPlane",
    "DipolarRelaxation",
    "DirectPumping",
    "EffectiveLibration",
    "Ensemble",
    "Evolution",
    "FieldBench",
    "FieldOfPair",
    "FieldSolution",
    "InterpolatedRelaxation",
    "LaboratoryBench",
    "Levels",
    "LibrationMode",
    "LibrationStep",
    "LibrationTrace",
    "LineShape",
    "Method",
    "Microwave",
    "NVCentre",
    "OpticalRates",
    "OrientationSolution",
    "Populations",
    "PublishedValue",
    "PulseSegment",
    "PulseTrain",
    "RateMixture",
    "RateModel",
    "RateSegment",
    "Relaxation",
    "ResonanceSpectrum",
    "SpinBath",
    "SpinResponse",
    "StaticLine",
    "SteadyState",
    "TorqueMap",
    "UncoupledRelaxation",
    "axial_fields",
    "bath_dephasing",
    "bench_orientation",
    "class_fields",
    "class_rabi_frequencies",
    "counting_propagator",
    "crystal_field",
    "deflection",
    "degeneracies_on_bench",
    "degeneracy_planes",
    "degenerate_directions",
    "degenerate_groups",
    "driving_rates",
    "effective_libration",
    "effective_resonant_classes",
    "electromagnet_sweep",
    "equivalent_fields",
    "equivalent_orientations",
    "evolve",
    "field_from_lines",
    "field_of_pair",
    "filter_function",
    "free_decay",
    "ground_state_torque",
    "hamiltonian",
    "hyperfine_offsets",
    "inversion_probability",
    "level_torques",
    "levels",
    "libration_step",
    "libration_susceptibility",
    "orientation_from_lines",
    "orientation_matrix",
    "precession_dephasing",
    "propagate",
    "published_values",
    "pulse_fractions",
    "pulse_segment",
    "rabi_frequencies",
    "rate_model_at",
    "reflected_light",
    "relaxation_times",
    "relaxing_train_map",
    "resonance_spectrum",
    "simulate_libration",
    "single_pole_response",
    "sphere_directions",
    "spin_response",
    "stable_density",
    "steady_state",
    "stretched_decay",
    "stretched_exponential_mixture",
    "thermal_angle_spectrum",
    "thermal_state",
    "thermal_torque_density",
    "torque_map",
    "train_map",
    "transition_driving",
    "transition_frequencies",
]
