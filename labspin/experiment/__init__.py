"""Experiments: what is moved, what is measured, and the bench made safe whatever happens.

An experiment is a `Procedure` (what to measure) on a `Bench` (with what); `run` brings the two together and
records the run. The names below are loaded on first use: a station that only needs `Bench` does not pay for
pymeasure's procedures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
