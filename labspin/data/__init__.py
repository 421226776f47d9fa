"""The run file: everything about one run in one self-describing HDF5 file, and nothing ever lost.

While a run lasts, each point is a record in an append-only journal beside the file (`journal`); the HDF5
file itself is only ever published whole (`publish`). `read_run` and `open` read a running, a finished and
a dead run alike. The names below are loaded on first use: this package costs nothing to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
