"""What can be moved and read on a bench, and how it is made safe whatever happens.

A `Bench` holds connected instruments by name. Set-points go through its `Actuator`s, which know limits,
ramps and safe values; the `Watchdog` makes the bench safe when the process that moves it dies. Stations
build a bench, the engine of `labspin.experiment` runs procedures on it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
