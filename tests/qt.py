"""Whether the window can be tested here, and why not."""

import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

PATIENCE = 300_000
"""Milliseconds after which a test of the window gives up waiting: a deadline, not a measure."""

try:
    import PySide6
    import pytestqt  # noqa: F401
    from PySide6 import QtWidgets  # noqa: F401
except ImportError as error:
    WHY_NOT = f"Qt cannot be loaded: {error}"
else:
    WHY_NOT = ""
    if PySide6.__version__ == "6.12.0" and sys.version_info < (3, 12):
        WHY_NOT = "PySide6 6.12.0 frees None twice at every repaint, which ends Python 3.11"
