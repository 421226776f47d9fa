"""Work in the background of the window."""

import subprocess
import sys

import pytest

from tests.places import PATIENCE, environment
from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

SCRIPT = """
import pathlib, sys
from PySide6.QtCore import QCoreApplication
from labspin.gui.tasks import in_background

application = QCoreApplication([])
in_background(lambda: pathlib.Path(sys.argv[1]).write_text(str(sum(range(3_000_000)))))
"""


def test_the_program_ends_after_what_it_does_in_the_background(tmp_path):
    """A thread that comes back from Qt while the interpreter ends aborts it: PyThreadState_Get."""
    told = tmp_path / "told"
    command = [sys.executable, "-c", SCRIPT, str(told)]
    done = subprocess.run(
        command,
        env=environment(QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert told.read_text() == str(3_000_000 * 2_999_999 // 2)
