"""A resonator magnetically coupled to spins: stiffness κ, shifts of frequency and Q, motion, detection.

The order of use: a `Magnet` and a `Surface` or `Layer` give a geometry; `reduce_geometry` turns it into a
spectrum; a `SpinBath` adds species, density and T1(T) and gives κ(T, ω); a `Resonator` turns κ into shifts,
noise and motion. Single spins, sums over given spins and direct integrals need no spectrum.

Source: J. J. T. Wagenaar, thesis (Leiden 2017), chapter 3; J. M. de Voogd et al., Sci. Rep. 7, 42239 (2017).
"""

from labspin.physics.lockin import LockInFilter, demodulate, lock_in_reading
from labspin.physics.mrfm.bath import RelaxingSpring, SpinBath, total_stiffness
from labspin.physics.mrfm.brillouin import brillouin, brillouin_slope
from labspin.physics.mrfm.caution import (
    LinearResponseWarning,
    MRFMWarning,
    QuadratureWarning,
    SaturationWarning,
)
from labspin.physics.mrfm.dynamics import ChirpResponse, LinearMotion, chirp_response, ring_down
from labspin.physics.mrfm.figures import SpinLine, bath_shifts, spin_line
from labspin.physics.mrfm.integrals import IntegratedStiffness, bath_stiffness, integrate_stiffness
from labspin.physics.mrfm.magnet import (
    FieldDerivatives,
    FieldProjections,
    Magnet,
    field_derivatives,
    field_projections,
)
from labspin.physics.mrfm.presets import (
    ELECTRON_G2,
    THESIS_FIG_3_2,
    THESIS_FIG_3_3,
    SingleSpinPreset,
    SurfaceBathPreset,
)
from labspin.physics.mrfm.readout import DemodulatedMotion, stepped_sweep
from labspin.physics.mrfm.relaxation import ActivatedT1, ConstantT1, ExponentialT1, PowerLawT1, T1Model
from labspin.physics.mrfm.resonator import (
    Resonator,
    ResonatorShift,
    displacement_noise_density,
    exact_shift,
    first_order_shift,
    force_noise_density,
    susceptibility,
    thermal_displacement,
)
from labspin.physics.mrfm.ring_down_noise import RingDownNoise, estimate_ring_down_noise
from labspin.physics.mrfm.sample import Layer, QuadraturePoints, Sample, Surface, half_space
from labspin.physics.mrfm.saturation import absorption_line, saturation
from labspin.physics.mrfm.single_spin import Kappa3Form, SpinStiffness, spin_stiffness, sum_over_spins
from labspin.physics.mrfm.species import (
    SPECIES,
    SpinSpecies,
    mean_moment,
    mean_moment_slope,
    species_named,
)
from labspin.physics.mrfm.spectrum import (
    ReducedSpectrum,
    layer_spectrum,
    reduce_geometry,
    spectrum_error,
    spectrum_stiffness,
)
from labspin.physics.mrfm.thermal import ThermalMotion

__all__ = [
    "ELECTRON_G2",
    "SPECIES",
    "THESIS_FIG_3_2",
    "THESIS_FIG_3_3",
    "ActivatedT1",
    "ChirpResponse",
    "ConstantT1",
    "DemodulatedMotion",
    "ExponentialT1",
    "FieldDerivatives",
    "FieldProjections",
    "IntegratedStiffness",
    "Kappa3Form",
    "Layer",
    "LinearMotion",
    "LinearResponseWarning",
    "LockInFilter",
    "MRFMWarning",
    "Magnet",
    "PowerLawT1",
    "QuadraturePoints",
    "QuadratureWarning",
    "ReducedSpectrum",
    "RelaxingSpring",
    "Resonator",
    "ResonatorShift",
    "RingDownNoise",
    "Sample",
    "SaturationWarning",
    "SingleSpinPreset",
    "SpinBath",
    "SpinLine",
    "SpinSpecies",
    "SpinStiffness",
    "Surface",
    "SurfaceBathPreset",
    "T1Model",
    "ThermalMotion",
    "absorption_line",
    "bath_shifts",
    "bath_stiffness",
    "brillouin",
    "brillouin_slope",
    "chirp_response",
    "demodulate",
    "displacement_noise_density",
    "estimate_ring_down_noise",
    "exact_shift",
    "field_derivatives",
    "field_projections",
    "first_order_shift",
    "force_noise_density",
    "half_space",
    "integrate_stiffness",
    "layer_spectrum",
    "lock_in_reading",
    "mean_moment",
    "mean_moment_slope",
    "reduce_geometry",
    "ring_down",
    "saturation",
    "species_named",
    "spectrum_error",
    "spectrum_stiffness",
    "spin_line",
    "spin_stiffness",
    "stepped_sweep",
    "sum_over_spins",
    "susceptibility",
    "thermal_displacement",
    "total_stiffness",
]
