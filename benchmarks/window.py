"""How long the window's thread is busy with one refresh of a growing run, beside pymeasure's ResultsCurve.

    python benchmarks/window.py [seconds per size] [size…] [map] [start]

While it is shown, a run grows at 10 kHz: lines of 10³, 10⁵ and 10⁶ points and a map of 1000 × 1000,
unless sizes are named. A refresh is everything that the window's thread does for it, painting
included. The longest gap of a 1 ms timer says how long that thread did not answer. pymeasure's
curve is given the same points in its own way: a CSV file, read again by its ``Results`` in the
window's thread. Also: the time to a window that answers. Without a display set
``QT_QPA_PLATFORM=offscreen``.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter

RATE = 10_000  # points per second
BATCH = 100


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


def grow(writer, start, total, stop):
    """Append points at the rate until told to stop (in a thread)."""
    index, began = start, time.perf_counter()
    while not stop.is_set() and index < total:
        due = start + int(RATE * (time.perf_counter() - began))
        while index < min(due, total):
            writer.append(index, index / RATE, (float(np.sin(index / 1e4)),))
            index += 1
        stop.wait(BATCH / RATE)


def header(dimensions):
    return RunHeader(
        procedure="bench", signal="value",
        layout=Layout(dimensions=dimensions, columns=(Column(name="value", unit="V"),)),
    )  # fmt: skip


def live(application, dimensions, start, total, seconds):
    """Show a run that grows; return the refreshes in ms and the longest gap in ms."""
    from labspin.gui.see_view import SeeView

    folder = Path(tempfile.mkdtemp())
    writer = RunWriter.create(folder / "run.h5", header(dimensions))
    for index in range(start):
        writer.append(index, index / RATE, (float(np.sin(index / 1e4)),))
    view, refreshes, gaps = SeeView(), [], Gaps()
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
    view.show_runs([folder / "run.h5"])
    until(application, lambda: len(refreshes) > 0, 120)
    refreshes.clear()
    stop = threading.Event()
    thread = threading.Thread(target=grow, args=(writer, start, total, stop))
    thread.start()
    gaps.start()
    end = time.perf_counter() + seconds
    until(application, lambda: time.perf_counter() > end, seconds + 60)
    gaps.timer.stop()
    stop.set()
    thread.join()
    view.close_source()
    view.close()
    writer.close()
    return refreshes, 1e3 * gaps.longest


def peer(application, start, total, seconds):
    """Show the same by pymeasure's ResultsCurve; return refreshes and the longest gap in ms."""
    import pyqtgraph as pg
    from pymeasure.display.curves import ResultsCurve
    from pymeasure.experiment import FloatParameter, Procedure, Results

    class Bench(Procedure):
        gain = FloatParameter("gain", default=1)
        DATA_COLUMNS = ("t", "v")

    globals()["Bench"] = Bench
    path = Path(tempfile.mkdtemp()) / "run.csv"
    results = Results(Bench(), str(path))
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{i / RATE},{np.sin(i / 1e4)}\n" for i in range(start))
    results.reload()
    curve = ResultsCurve(results, "t", "v", pen=pg.mkPen("b"))
    plot = pg.PlotWidget()
    plot.addItem(curve)
    plot.resize(1200, 650)
    plot.show()
    refreshes, gaps, stop = [], Gaps(), threading.Event()

    def append():
        index, began = start, time.perf_counter()
        with path.open("a", encoding="utf-8") as file:
            while not stop.is_set() and index < total:
                due = start + int(RATE * (time.perf_counter() - began))
                file.writelines(f"{i / RATE},{np.sin(i / 1e4)}\n" for i in range(index, min(due, total)))
                file.flush()
                index = min(due, total)
                stop.wait(BATCH / RATE)

    def refresh():
        began = time.perf_counter()
        curve.update_data()
        plot.repaint()
        refreshes.append(1e3 * (time.perf_counter() - began))

    timer = QTimer()
    timer.setInterval(100)
    timer.timeout.connect(refresh)
    thread = threading.Thread(target=append)
    thread.start()
    timer.start()
    gaps.start()
    end = time.perf_counter() + seconds
    until(application, lambda: time.perf_counter() > end, seconds + 120)
    timer.stop()
    gaps.timer.stop()
    stop.set()
    thread.join()
    plot.close()
    return refreshes, 1e3 * gaps.longest


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
    from labspin.gui.theme import use_theme

    use_theme("light")
    print(f"{'':44} {'median':>8} {'longest':>8} {'gap':>8} {'count':>6}   (ms)")
    wanted = sys.argv[2:] or ["1000", "100000", "1000000", "map", "start"]
    for start in map(int, filter(str.isdigit, wanted)):
        total = start + int(2 * RATE * seconds)
        time_axis = Dimension(name="time", unit="s", values=np.arange(total) / RATE)
        say(f"labspin, line of {start:.0e} points", *live(application, (time_axis,), start, total, seconds))
        say(f"pymeasure ResultsCurve, {start:.0e} points", *peer(application, start, total, seconds))
    if "map" in wanted:
        sides = tuple(Dimension(name=name, unit="V", values=np.linspace(0, 1, 1000)) for name in ("y", "x"))
        say("labspin, map of 1000 x 1000", *live(application, sides, 500_000, 1_000_000, seconds))
    if "start" in wanted:
        from labspin.session import init_workspace

        lab = Path(tempfile.mkdtemp()) / "lab"
        init_workspace(lab)
        took = ", ".join(f"{start_up(lab):.2f} s" for _ in range(3))
        print("labspin gui, to a window that answers:", took)


if __name__ == "__main__":
    main()
