"""The window: a client of a bench host, on PySide6 and pyqtgraph.

Nothing in here speaks to an instrument (that is done by `labspin.session.host`), and nothing that may take
time happens in the thread of the window.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
