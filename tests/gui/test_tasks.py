"""Work in the background of the window."""

import subprocess
import sys
import threading

import pytest

from tests.places import PATIENCE, environment
from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtWidgets import QApplication

from labspin.gui.tasks import HandedOver

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


def test_a_thread_that_is_quicker_than_the_window_waits_for_it(qtbot):
    begun, overtaken, seen = [], threading.Event(), []

    def take(value):
        overtaken.wait(0.05)  # a thread that did not wait would be at the next value by then
        seen.append((value, len(begun)))

    handed = HandedOver(take)

    def work():
        for value in range(3):
            begun.append(value)
            if value:
                overtaken.set()
            handed.give(value, lambda: False)

    thread = threading.Thread(target=work)
    thread.start()
    qtbot.waitUntil(lambda: len(seen) == 3, timeout=1000 * PATIENCE)
    thread.join()
    assert seen == [(0, 1), (1, 2), (2, 3)]


def test_what_nobody_waits_for_is_neither_taken_nor_waited_for(qtbot):
    taken, over = [], threading.Event()
    handed = HandedOver(taken.append)
    over.set()
    thread = threading.Thread(target=handed.give, args=(1, over.is_set))
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    QApplication.processEvents()
    assert taken == []
