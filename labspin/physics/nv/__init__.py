"""Nitrogen-vacancy centres in a diamond: levels, light, relaxation, torque and libration.

The way through the package follows the physics: `geometry` (four classes in any field and orientation),
`spin` (levels and transitions), `relaxation`, `decay` and `stretched` (T1 with cross-relaxation),
`stationary` and `evolution` (one rate model of the optical cycle, at rest and in pulse sequences),
`lindblad` (the same cycle with coherences), `light` (charge, reflection), `torque`, `spectra`, `libration`
and `langevin` (the crystal's motion), `inverse` and `orientation` (field and orientation from line
positions), `presets` and `published` (numbers of the papers). SI throughout, frequencies in rad/s.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
