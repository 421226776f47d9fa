"""Write the page of the keys of the window, from the window itself.

Run ``python docs/reference/keys.py`` after a key has come, gone or changed. Without a display set
``QT_QPA_PLATFORM=offscreen``.
"""

import os
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_name("keys.md")
HEAD = """# Keys of the window

Made from the window by `docs/reference/keys.py`; `F1` shows the same list there. `Tab` and `Shift+Tab` go from one part to
the next, `Space` presses a button, and arrows choose in lists.
"""


def page() -> str:
    """Return the text of the page."""
    from PySide6.QtWidgets import QApplication

    from labspin.gui.keys import keys_of
    from labspin.gui.window import MainWindow

    application = QApplication.instance() or QApplication(sys.argv[:1])
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(Path(folder))
        keys = keys_of(window)
        window.close()
        application.processEvents()
        os.chdir(before)
    lines, last = [HEAD.rstrip()], ""
    for key in keys:
        if key.where != last:
            lines += ["", f"## {key.where[0].upper()}{key.where[1:]}", "", "| keys | what happens |", "| --- | --- |"]
        last = key.where
        lines.append(f"| `{key.keys}` | {key.does} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
