"""Use cases: what a window, the command line and a notebook do with a workspace.

Run cards and queues, a run begun from a card, a run resumed from its file. Nothing here knows of terminals or
windows.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
