"""Spin waves of a magnetic film and the paramagnetic spins near it, acting on each other.

* The film: `Film` (presets `YIG_FIGURES`, the default of [SW]'s figures, and `YIG_TABLE1`), `dispersion` with
  diagonal or hybridised bands, `decay_rate`, `group_velocity`, `ellipticity`, `stray_field`,
  `iso_frequency_contour`, `field_spectral_density`; one mode alone: `thickness_profile`,
  `magnetisation_mode`, `hybridised_magnetisation`, `field_inside`, `zero_point_magnetisation`,
  `mode_coupling`.
* A spin near it: `spin_wave_bath` (rates, shifts, gradients of both transitions, with bounds), and from it
  `relaxation_times`, `occupations_in_time`, `coherence_times`, `spin_wave_force`, `spin_wave_stiffness`;
  optical pumping (`pumped_occupations`), `second_order_dephasing`, `coupling_map` between two spins.
* Field and axis out of the plane: `magnetised_film`, `oblique_frequency`, `field_noise_tensor`,
  `misaligned_rates`; the stray field at an edge of the film: `edge_stray_field`.
* The film under a layer of spins: `spin_layer`, `modified_modes`, `maximum_linewidth`,
  `layer_spectral_density`.

Source: Gonzalez-Ballestero, van der Sar, Romero-Isart, *Towards a quantum interface between spin waves and
paramagnetic spin baths* ([SW]). Where the paper is wrong the docstrings say so: (81) in `mode_frequency`,
Table 1 in `YIG_TABLE1`, (120) in `field_spectral_density`, (132) and (250) in `second_order_dephasing`,
(189), (223) and (244) in `spin_wave_bath`, (247) and (248) in `relaxation_times`, (260) in `spin_wave_force`.
"""

from labspin.physics.spinwaves.backaction import (
    MAXIMUM_INDEPENDENT_DENSITY,
    MaximumLinewidth,
    ModifiedModes,
    SpinLayer,
    coherence_decay_rate,
    maximum_linewidth,
    modified_modes,
    spin_layer,
)
from labspin.physics.spinwaves.bath import SpinWaveBath, spin_wave_bath
from labspin.physics.spinwaves.contours import iso_frequency_contour
from labspin.physics.spinwaves.coupling import CouplingMap, coupling_map
from labspin.physics.spinwaves.dephasing import Dephasing, second_order_dephasing
from labspin.physics.spinwaves.edge import edge_stray_field
from labspin.physics.spinwaves.film import YIG_FIGURES, YIG_TABLE1, Film, ValidityWarning
from labspin.physics.spinwaves.force import spin_wave_force
from labspin.physics.spinwaves.hybrid import HybridModes, dispersion, hybridised_modes
from labspin.physics.spinwaves.layer_density import LayerSpectralDensity, layer_spectral_density
from labspin.physics.spinwaves.misaligned import MisalignedRates, misaligned_rates
from labspin.physics.spinwaves.modes import (
    decay_rate,
    ellipticity,
    field_amplitude,
    group_velocity,
    magnon_occupation,
    mode_frequency,
    stray_field,
)
from labspin.physics.spinwaves.nv import (
    NV_TABLE1,
    CoherenceTimes,
    ParamagneticSpin,
    RelaxationTimes,
    ThermalRates,
    coherence_times,
    occupations_in_time,
    relaxation_times,
    steady_occupations,
    thermal_rates,
    transition_frequencies,
)
from labspin.physics.spinwaves.oblique import (
    FieldNoise,
    MagnetisedFilm,
    field_noise_tensor,
    magnetised_film,
    oblique_frequency,
)
from labspin.physics.spinwaves.profiles import (
    field_inside,
    hybridised_magnetisation,
    magnetisation_mode,
    mode_coupling,
    thickness_profile,
    zero_point_magnetisation,
)
from labspin.physics.spinwaves.pumping import (
    OPTIMUM_PUMP_RATE,
    correlation_time,
    pump_rate_from_intensity,
    pumped_occupations,
    pumping_rate_matrix,
)
from labspin.physics.spinwaves.spectral_density import SpectralDensities, field_spectral_density
from labspin.physics.spinwaves.stiffness import spin_wave_stiffness

__all__ = [
    "MAXIMUM_INDEPENDENT_DENSITY",
    "NV_TABLE1",
    "OPTIMUM_PUMP_RATE",
    "YIG_FIGURES",
    "YIG_TABLE1",
    "CoherenceTimes",
    "CouplingMap",
    "Dephasing",
    "FieldNoise",
    "Film",
    "HybridModes",
    "LayerSpectralDensity",
    "MagnetisedFilm",
    "MaximumLinewidth",
    "MisalignedRates",
    "ModifiedModes",
    "ParamagneticSpin",
    "RelaxationTimes",
    "SpectralDensities",
    "SpinLayer",
    "SpinWaveBath",
    "ThermalRates",
    "ValidityWarning",
    "coherence_decay_rate",
    "coherence_times",
    "correlation_time",
    "coupling_map",
    "decay_rate",
    "dispersion",
    "edge_stray_field",
    "ellipticity",
    "field_amplitude",
    "field_inside",
    "field_noise_tensor",
    "field_spectral_density",
    "group_velocity",
    "hybridised_magnetisation",
    "hybridised_modes",
    "iso_frequency_contour",
    "layer_spectral_density",
    "magnetisation_mode",
    "magnetised_film",
    "magnon_occupation",
    "maximum_linewidth",
    "misaligned_rates",
    "mode_coupling",
    "mode_frequency",
    "modified_modes",
    "oblique_frequency",
    "occupations_in_time",
    "pump_rate_from_intensity",
    "pumped_occupations",
    "pumping_rate_matrix",
    "relaxation_times",
    "second_order_dephasing",
    "spin_layer",
    "spin_wave_bath",
    "spin_wave_force",
    "spin_wave_stiffness",
    "steady_occupations",
    "stray_field",
    "thermal_rates",
    "thickness_profile",
    "transition_frequencies",
    "zero_point_magnetisation",
]
