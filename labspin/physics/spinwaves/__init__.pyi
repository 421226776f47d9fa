from .backaction import (
    MAXIMUM_INDEPENDENT_DENSITY as MAXIMUM_INDEPENDENT_DENSITY,
    MaximumLinewidth as MaximumLinewidth,
    ModifiedModes as ModifiedModes,
    SpinLayer as SpinLayer,
    coherence_decay_rate as coherence_decay_rate,
    maximum_linewidth as maximum_linewidth,
    modified_modes as modified_modes,
    spin_layer as spin_layer,
)
from .bath import (
    SpinWaveBath as SpinWaveBath,
    spin_wave_bath as spin_wave_bath,
)
from .contours import (
    iso_frequency_contour as iso_frequency_contour,
)
from .coupling import (
    CouplingMap as CouplingMap,
    coupling_map as coupling_map,
)
from .dephasing import (
    Dephasing as Dephasing,
    second_order_dephasing as second_order_dephasing,
)
from .edge import (
    edge_stray_field as edge_stray_field,
)
from .film import (
    YIG_FIGURES as YIG_FIGURES,
    YIG_TABLE1 as YIG_TABLE1,
    Film as Film,
    ValidityWarning as ValidityWarning,
)
from .force import (
    spin_wave_force as spin_wave_force,
)
from .hybrid import (
    HybridModes as HybridModes,
    dispersion as dispersion,
    hybridised_modes as hybridised_modes,
)
from .layer_density import (
    LayerSpectralDensity as LayerSpectralDensity,
    layer_spectral_density as layer_spectral_density,
)
from .misaligned import (
    MisalignedRates as MisalignedRates,
    misaligned_rates as misaligned_rates,
)
from .modes import (
    decay_rate as decay_rate,
    ellipticity as ellipticity,
    field_amplitude as field_amplitude,
    group_velocity as group_velocity,
    magnon_occupation as magnon_occupation,
    mode_frequency as mode_frequency,
    stray_field as stray_field,
)
from .nv import (
    NV_TABLE1 as NV_TABLE1,
    CoherenceTimes as CoherenceTimes,
    ParamagneticSpin as ParamagneticSpin,
    RelaxationTimes as RelaxationTimes,
    ThermalRates as ThermalRates,
    coherence_times as coherence_times,
    occupations_in_time as occupations_in_time,
    relaxation_times as relaxation_times,
    steady_occupations as steady_occupations,
    thermal_rates as thermal_rates,
    transition_frequencies as transition_frequencies,
)
from .oblique import (
    FieldNoise as FieldNoise,
    MagnetisedFilm as MagnetisedFilm,
    field_noise_tensor as field_noise_tensor,
    magnetised_film as magnetised_film,
    oblique_frequency as oblique_frequency,
)
from .profiles import (
    field_inside as field_inside,
    hybridised_magnetisation as hybridised_magnetisation,
    magnetisation_mode as magnetisation_mode,
    mode_coupling as mode_coupling,
    thickness_profile as thickness_profile,
    zero_point_magnetisation as zero_point_magnetisation,
)
from .pumping import (
    OPTIMUM_PUMP_RATE as OPTIMUM_PUMP_RATE,
    correlation_time as correlation_time,
    pump_rate_from_intensity as pump_rate_from_intensity,
    pumped_occupations as pumped_occupations,
    pumping_rate_matrix as pumping_rate_matrix,
)
from .spectral_density import (
    SpectralDensities as SpectralDensities,
    field_spectral_density as field_spectral_density,
)
from .stiffness import (
    spin_wave_stiffness as spin_wave_stiffness,
)
