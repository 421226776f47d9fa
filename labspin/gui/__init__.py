"""The window: a client of a bench host, on PySide6 and pyqtgraph.

Nothing here addresses an instrument (`labspin.session.host` does), and nothing slow happens in the thread of
the window.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
