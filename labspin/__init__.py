"""labspin runs a spin-mechanics experiment from the wire to the fit.

The names below are loaded on first use, so that ``import labspin`` stays fast.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
