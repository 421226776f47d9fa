from .coherence import (
    HYPERFINE_SPLITTING as HYPERFINE_SPLITTING,
    bath_dephasing as bath_dephasing,
    filter_function as filter_function,
    free_decay as free_decay,
    hyperfine_offsets as hyperfine_offsets,
    precession_dephasing as precession_dephasing,
    pulse_fractions as pulse_fractions,
)
from .decay import (
    relaxation_times as relaxation_times,
    stretched_decay as stretched_decay,
)
from .evolution import (
    Evolution as Evolution,
    PulseSegment as PulseSegment,
    RateSegment as RateSegment,
    counting_propagator as counting_propagator,
    evolve as evolve,
    propagate as propagate,
    thermal_state as thermal_state,
)
from .geometry import (
    CLASS_FRAMES as CLASS_FRAMES,
    NV_AXES as NV_AXES,
    PAIRS as PAIRS,
    DegeneracyPlane as DegeneracyPlane,
    FieldBench as FieldBench,
    axial_fields as axial_fields,
    class_fields as class_fields,
    crystal_field as crystal_field,
    degeneracies_on_bench as degeneracies_on_bench,
    degeneracy_planes as degeneracy_planes,
    degenerate_directions as degenerate_directions,
    degenerate_groups as degenerate_groups,
    orientation_matrix as orientation_matrix,
)
from .inverse import (
    FieldSolution as FieldSolution,
    equivalent_fields as equivalent_fields,
    field_from_lines as field_from_lines,
)
from .langevin import (
    LibrationStep as LibrationStep,
    LibrationTrace as LibrationTrace,
    libration_step as libration_step,
    simulate_libration as simulate_libration,
    thermal_angle_spectrum as thermal_angle_spectrum,
    thermal_torque_density as thermal_torque_density,
)
from .libration import (
    EffectiveLibration as EffectiveLibration,
    LibrationMode as LibrationMode,
    SpinResponse as SpinResponse,
    effective_libration as effective_libration,
    level_torques as level_torques,
    libration_susceptibility as libration_susceptibility,
    single_pole_response as single_pole_response,
    spin_response as spin_response,
)
from .light import (
    ChargeDynamics as ChargeDynamics,
    reflected_light as reflected_light,
)
from .line_pair import (
    FieldOfPair as FieldOfPair,
    field_of_pair as field_of_pair,
)
from .line_starts import starting_fields as starting_fields
from .microwave import (
    Microwave as Microwave,
    driving_rates as driving_rates,
    inversion_probability as inversion_probability,
    rabi_frequencies as rabi_frequencies,
)
from .orientation import (
    OrientationSolution as OrientationSolution,
    equivalent_orientations as equivalent_orientations,
    orientation_from_lines as orientation_from_lines,
)
from .presets import (
    FIG4_BENCH as FIG4_BENCH,
    FIG4_ORIENTATION as FIG4_ORIENTATION,
    LABORATORY_BENCH as LABORATORY_BENCH,
    LaboratoryBench as LaboratoryBench,
    bench_orientation as bench_orientation,
)
from .published import (
    PublishedValue as PublishedValue,
    published_values as published_values,
)
from .pulse_train import (
    PulseTrain as PulseTrain,
    SpinBath as SpinBath,
    StaticLine as StaticLine,
    relaxing_train_map as relaxing_train_map,
    train_map as train_map,
)
from .pulses import (
    class_rabi_frequencies as class_rabi_frequencies,
    pulse_segment as pulse_segment,
)
from .rate_model import (
    Populations as Populations,
    RateModel as RateModel,
)
from .records import (
    DIRECT_PUMPING as DIRECT_PUMPING,
    NV_CENTRE as NV_CENTRE,
    NV_OPTICAL_RATES as NV_OPTICAL_RATES,
    DirectPumping as DirectPumping,
    NVCentre as NVCentre,
    OpticalRates as OpticalRates,
)
from .relaxation import (
    CR_MEASURED as CR_MEASURED,
    CR_SUPPLEMENT as CR_SUPPLEMENT,
    DipolarRelaxation as DipolarRelaxation,
    InterpolatedRelaxation as InterpolatedRelaxation,
    LineShape as LineShape,
    Relaxation as Relaxation,
    UncoupledRelaxation as UncoupledRelaxation,
    effective_resonant_classes as effective_resonant_classes,
)
from .spectra import (
    ResonanceSpectrum as ResonanceSpectrum,
    resonance_spectrum as resonance_spectrum,
    transition_driving as transition_driving,
)
from .spin import (
    Levels as Levels,
    hamiltonian as hamiltonian,
    levels as levels,
    transition_frequencies as transition_frequencies,
)
from .stationary import (
    CoherenceWarning as CoherenceWarning,
    Ensemble as Ensemble,
    Method as Method,
    SteadyState as SteadyState,
    rate_model_at as rate_model_at,
    steady_state as steady_state,
)
from .stretched import (
    RateMixture as RateMixture,
    stable_density as stable_density,
    stretched_exponential_mixture as stretched_exponential_mixture,
)
from .torque import (
    TorqueMap as TorqueMap,
    deflection as deflection,
    electromagnet_sweep as electromagnet_sweep,
    ground_state_torque as ground_state_torque,
    sphere_directions as sphere_directions,
    torque_map as torque_map,
)
