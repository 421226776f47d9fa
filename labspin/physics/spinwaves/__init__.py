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

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
