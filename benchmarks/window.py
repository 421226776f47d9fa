"""How long the window's thread is busy with one refresh of a growing run, beside pymeasure's curve and image.

    python benchmarks/window.py [seconds per size] [size…] [map] [idle] [start]

While it is shown, a run grows at 10 kHz, written by another process as a bench host does: lines of 10³, 10⁵
and 10⁶ points and a map of 1000 × 1000, unless sizes are named. A refresh is everything that the window's
thread does for it, painting included. The longest gap of a 1 ms timer says how long that thread did not
answer; *idle* is that gap of a window that shows nothing, which is what the machine itself does. pymeasure's
``ResultsCurve`` and ``ResultsImage`` are given the same points in their own way: a CSV file, read again by
``Results`` in the window's thread. Also: the time to a window that answers. Without a display set
``QT_QPA_PLATFORM=offscreen``.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter

RATE = 10_000  # points per second
BATCH = 100
COLLECTORS = []


class Gaps:
    """The longest time for which a timer of 1 ms was not heard."""

    def __init__(self):
        self.longest, self._last = 0.0, time.perf_counter()
        self.timer = QTimer()
        self.timer.setInterval(1)
        self.timer.timeout.connect(self.tick)

    def start(self):
        self.longest, self._last = 0.0, time.perf_counter()
        self.timer.start()

    def tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


def grow(path, dimensions, start, total):
    """Write ``start`` points, say so, and append points at the rate until killed (a process of its own)."""
    writer = RunWriter.create(path, header(dimensions))
    for index in range(start):
        writer.append(index, index / RATE, (float(np.sin(index / 1e4)),))
    index, began = at_rate(path, start)
    while index < total:
        due = start + int(RATE * (time.perf_counter() - began))
        while index < min(due, total):
            writer.append(index, index / RATE, (float(np.sin(index / 1e4)),))
            index += 1
        time.sleep(BATCH / RATE)
    time.sleep(3600)


def grow_csv(path, side, start, total):
    """The same as lines of a CSV file: t, v, or with a side x, y, v."""

    def line(i):
        place = f"{i % side / side},{i // side / side}" if side else f"{i / RATE}"
        return f"{place},{np.sin(i / 1e4)}\n"

    with Path(path).open("a", encoding="utf-8") as file:
        file.writelines(map(line, range(start)))
        file.flush()
        index, began = at_rate(path, start)
        while index < total:
            due = min(start + int(RATE * (time.perf_counter() - began)), total)
            file.writelines(map(line, range(index, due)))
            file.flush()
            index = due
            time.sleep(BATCH / RATE)
    time.sleep(3600)


def at_rate(path, start):
    """Wait until the window is ready; return from where and when points are counted."""
    Path(f"{path}.filled").touch()
    while not Path(f"{path}.go").exists():
        time.sleep(0.01)
    return start, time.perf_counter()


def in_process(do, path, *arguments):
    """Start a writer as a process; return it once its first points are there."""
    process = multiprocessing.get_context("spawn").Process(target=do, args=(path, *arguments), daemon=True)
    process.start()
    while not Path(f"{path}.filled").exists():
        time.sleep(0.01)
    return process


def header(dimensions):
    return RunHeader(
        procedure="bench", signal="value",
        layout=Layout(dimensions=dimensions, columns=(Column(name="value", unit="V"),)),
    )  # fmt: skip


def live(application, dimensions, start, total, seconds):
    """Show a run that grows; return the refreshes in ms and the longest gap in ms."""
    from labspin.gui.see_view import SeeView

    path = Path(tempfile.mkdtemp()) / "run.h5"
    process = in_process(grow, path, dimensions, start, total)
    view, refreshes = SeeView(), []
    draw = view._draw

    def timed(frames):
        began = time.perf_counter()
        draw(frames)
        view.repaint()
        refreshes.append(1e3 * (time.perf_counter() - began))

    view.source.drawn.disconnect()
    view.source.drawn.connect(timed)
    view.resize(1200, 650)
    view.show()
    view.show_runs([path])
    until(application, lambda: len(refreshes) > 0, 120)
    until(application, lambda: False, 0.3)
    gap = watched(application, path, refreshes, seconds)
    view.close_source()
    view.close()
    process.kill()
    process.join()
    return refreshes, gap


def watched(application, path, refreshes, seconds):
    """Let the run grow for a while; return the longest gap in ms."""
    for _ in range(2):
        COLLECTORS[0].look()  # packages that were just loaded are set aside
    refreshes.clear()
    Path(f"{path}.go").touch()
    gaps = Gaps()
    gaps.start()
    QTimer.singleShot(int(1e3 * seconds), application.quit)
    application.exec()
    gaps.timer.stop()
    return 1e3 * gaps.longest


def idle(application, seconds):
    """Return the longest gap in ms of a window that shows nothing."""
    from labspin.gui.see_view import SeeView

    view = SeeView()
    view.resize(1200, 650)
    view.show()
    until(application, lambda: False, 0.5)
    gap = watched(application, Path(tempfile.mkdtemp()) / "none", [], seconds)
    view.close_source()
    view.close()
    return gap


def peer(application, side, start, total, seconds):
    """Show the same by pymeasure's ResultsCurve or ResultsImage; return refreshes and longest gap in ms."""
    import pyqtgraph as pg
    from pymeasure.display.curves import ResultsCurve, ResultsImage
    from pymeasure.experiment import FloatParameter, Procedure, Results

    class Bench(Procedure):
        x_start, x_end, x_step = (FloatParameter(f"x{k}", default=v) for k, v in enumerate((0, 1, 1e-3)))
        y_start, y_end, y_step = (FloatParameter(f"y{k}", default=v) for k, v in enumerate((0, 1, 1e-3)))
        DATA_COLUMNS = ("x", "y", "v") if side else ("t", "v")

    globals()["Bench"] = Bench
    path = Path(tempfile.mkdtemp()) / "run.csv"
    results = Results(Bench(), str(path))
    process = in_process(grow_csv, path, side, start, total)
    results.reload()
    item = (
        ResultsImage(results, "x", "y", "v") if side else ResultsCurve(results, "t", "v", pen=pg.mkPen("b"))
    )
    plot = pg.PlotWidget()
    plot.addItem(item)
    plot.resize(1200, 650)
    plot.show()
    refreshes = []

    def refresh():
        began = time.perf_counter()
        item.update_data()
        plot.repaint()
        refreshes.append(1e3 * (time.perf_counter() - began))

    refresh()
    timer = QTimer()
    timer.setInterval(100)
    timer.timeout.connect(refresh)
    timer.start()
    gap = watched(application, path, refreshes, seconds)
    timer.stop()
    plot.close()
    process.kill()
    process.join()
    return refreshes, gap


def until(application, condition, seconds):
    end = time.perf_counter() + seconds
    while not condition() and time.perf_counter() < end:
        application.processEvents()
        time.sleep(0.0005)


def start_up(folder):
    """Return the seconds from starting Python to a window that has drawn itself and answers."""
    code = (
        "import sys, time; from pathlib import Path; from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from labspin.gui.theme import use_theme; from labspin.gui.window import MainWindow\n"
        "a = QApplication([]); use_theme('light'); w = MainWindow(Path(sys.argv[1])); w.show()\n"
        "a.processEvents(); QTimer.singleShot(0, a.quit); a.exec(); print('ready', flush=True); w.close()\n"
    )
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        return time.perf_counter() - began


def say(what, refreshes, gap):
    if not refreshes:
        print(f"{what:44} no refresh")
        return
    low, high = np.median(refreshes), np.max(refreshes)
    print(f"{what:44} {low:8.1f} {high:8.1f} {gap:8.1f} {len(refreshes):6}", flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    application = QApplication(sys.argv[:1])
    from labspin.gui.collector import Collector
    from labspin.gui.theme import use_theme

    use_theme("light")
    COLLECTORS.append(Collector())  # as the window has it
    print(f"{'':44} {'median':>8} {'longest':>8} {'gap':>8} {'count':>6}   (ms)")
    wanted = sys.argv[2:] or ["idle", "1000", "100000", "1000000", "map", "start"]
    if "idle" in wanted:
        print(f"{'labspin, nothing shown':44} {'':17} {idle(application, seconds):8.1f}", flush=True)
    for start in map(int, filter(str.isdigit, wanted)):
        total = start + int(2 * RATE * seconds)
        time_axis = Dimension(name="time", unit="s", values=np.arange(total) / RATE)
        say(f"labspin, line of {start:.0e} points", *live(application, (time_axis,), start, total, seconds))
        say(f"pymeasure ResultsCurve, {start:.0e} points", *peer(application, 0, start, total, seconds))
    if "map" in wanted:
        sides = tuple(Dimension(name=name, unit="V", values=np.linspace(0, 1, 1000)) for name in ("y", "x"))
        say("labspin, map of 1000 x 1000", *live(application, sides, 500_000, 1_000_000, seconds))
        # ResultsImage goes through all points one by one: with half a million it draws nothing for minutes.
        say(
            "pymeasure ResultsImage, 20 000 points of it",
            *peer(application, 1000, 20_000, 1_000_000, seconds),
        )
    if "start" in wanted:
        from labspin.session import init_workspace

        lab = Path(tempfile.mkdtemp()) / "lab"
        init_workspace(lab)
        took = ", ".join(f"{start_up(lab):.2f} s" for _ in range(3))
        print("labspin gui, to a window that answers:", took)
    COLLECTORS[0].stop()


if __name__ == "__main__":
    main()
