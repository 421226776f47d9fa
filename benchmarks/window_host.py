"""A window and its host over a long time and beside a bench without them.

    python benchmarks/window_host.py [latency] [watched] [session N] [browse N] [actions N] [soak MINUTES]

*latency*: a set-point of a bench that is served over TCP, set and read back directly, and through a host.
*watched*: how long runs take with no window and with three that show them, one after the other, again and
again. *session*: N runs (500) watched by one window: memory of the window and of the host, simulated hours.
*soak*: short runs for so many minutes (only if it is named), watched by a window that changes its view:
memory, descriptors and threads every minute, and how much they grow in 1000 runs, without the first third.
*browse*: the list of N runs (10 000) in the window: until it is shown, a search, a scroll; and the longest
time for which a timer of 1 ms was not heard. *actions*: the same gaps in every view, beside a folder of N
runs (10 000) and a run that goes on as fast as it can: the views, a card, a form, a fit, runs compared,
the queue, the colours. Without a display set ``QT_QPA_PLATFORM=offscreen``.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from tests.places import environment
from tests.session.hosts import HostProcess, make_workspace, wait_for, wait_until_idle

OFFSCREEN = environment(QT_QPA_PLATFORM="offscreen")


def memory(process):
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError(process)


@contextlib.contextmanager
def opened(lab, host=None, tab="bench"):
    """Show the window of a workspace, with its collector of garbage, until the block is left.

    A window looks for hosts when it begins: one that was just started is waited for.
    """
    from labspin.gui.collector import Collector
    from labspin.gui.theme import use_theme
    from labspin.gui.window import MainWindow

    if host is not None:
        host.client()
    application = QApplication([])
    use_theme("light")
    collector = Collector(application)
    window = MainWindow(lab)
    collector.look()
    if tab == "browse":
        window.tabs.setCurrentWidget(window.browse)
    window.show()
    try:
        yield window
    finally:
        window.close()
        collector.stop()


def latency(number=300):
    """Compare set-points that are set and read back, directly and through a host, in turns."""
    from labspin.station import load_station
    from tests.bench.killed_runs import ServedBench

    folder = Path(tempfile.mkdtemp())
    direct, hosted = [], []
    with ServedBench(folder) as served:
        values = [f"{2.60 + 0.001 * (k % 50):.3f} GHz" for k in range(number)]
        with load_station(served.station).connect() as bench:
            handle = bench.microwave
            for value in values:
                began = time.perf_counter()
                handle.frequency = value
                assert handle.frequency > 0
                direct.append(time.perf_counter() - began)
        with HostProcess(served.station, "--interval", "3600") as host:
            client = host.client()
            for value in values:
                began = time.perf_counter()
                client.set("microwave.frequency", value)
                assert client.get("microwave.frequency") > 0
                hosted.append(time.perf_counter() - began)
    one, other = (1e3 * np.median(times[20:]) for times in (direct, hosted))
    print(f"set and read back: {one:.2f} ms directly, {other:.2f} ms by a host; ratio {other / one:.2f}")


def timed(client, card, seed):
    """Return how long one run takes, s, from its beginning to the last point."""
    client.add(card, overrides=["averages=200", f"seed={seed}"])
    client.start()
    run = wait_for(lambda: (s := client.status())["run"] and s["run"]["done"] > 0 and s["run"])
    first, began = run["done"], time.perf_counter()
    while (run := client.status()["run"]) is not None and run["done"] < run["total"]:
        time.sleep(0.02)
        if run["done"] - first > 1500:
            break
    rate = (run["done"] - first) / (time.perf_counter() - began) if run else float("nan")
    if run:
        client.abort()
    wait_until_idle(client)
    client.queue.clear()
    return rate


def watched(rounds=4):
    """Compare points per second without a window and with three, in turns."""
    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab")
    card = lab / "procedures" / "quick.toml"
    rates = {0: [], 3: []}
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host:
        client = host.client()
        for number in range(rounds):
            for windows in rates:
                alone = client.status()["clients"]
                shown = [
                    subprocess.Popen([sys.executable, "-m", "labspin", "gui", str(lab)], env=OFFSCREEN)
                    for _ in range(windows)
                ]
                wait_for(lambda a=alone, w=windows: client.status()["clients"] >= a + w)
                time.sleep(3.0)  # they have started
                rates[windows].append(timed(client, card, number))
                for process in shown:
                    process.kill()
                    process.wait()
                client.queue.resume()
    alone, seen = (np.median(rates[n]) for n in (0, 3))
    print(f"points per second: {alone:.0f} alone, {seen:.0f} with three windows; {100 * seen / alone:.0f} %")


def session(number):
    """Watch many runs with one window, and look at its memory."""
    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab", points=12, averages=1)
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host, opened(lab, host) as window:
        client, shown, began = host.client(), set(), time.perf_counter()
        for done in range(number):
            client.add(lab / "procedures" / "quick.toml", overrides=[f"seed={done}"])
            client.start()
            wait_for(lambda n=done: _step(window, shown) and len(shown) > n, timeout=60)
            client.queue.clear()
            if done + 1 in (10, 50, 100, 200, 300, 400, 500, number):
                print(
                    f"{done + 1} runs after {time.perf_counter() - began:.0f} s: window "
                    f"{memory(os.getpid()):.0f} MB, host {memory(host.process.pid):.0f} MB", flush=True,
                )  # fmt: skip


def _step(window, shown):
    QApplication.processEvents()
    if window.see.frames and window.see.frames[0].run.status == "finished":
        shown.add(window.see.paths[0])
    return True


def browse(number):
    """Look at a folder of many runs."""
    from labspin.gui.run_rows import HEADS

    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab")
    began = time.perf_counter()
    _write_runs(lab / "data", number)
    print(f"{number} files written in {time.perf_counter() - began:.0f} s", flush=True)
    with opened(lab, tab="browse") as window:
        browsed = window.browse
        by_file, header = HEADS.index("file"), browsed.view.horizontalHeader()

        def is_shown():
            return browsed.table.rowCount() == number and not browsed.is_looking

        watch("first look", lambda: None, is_shown)
        watch("second look", browsed.look, lambda: not browsed.is_looking)
        watch("search", lambda: browsed.search.setText("005000"))
        watch("all again", lambda: browsed.search.setText(""))
        watch("scroll to the end", browsed.view.scrollToBottom)
        watch("sort by file", lambda: browsed.view.sortByColumn(by_file, header.sortIndicatorOrder()))
        watch("choose all", browsed.view.selectAll)


def actions(number):
    """Do one thing after the other in every view, while a run goes on, beside a folder of many runs."""
    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab")
    card = lab / "procedures" / "quick.toml"
    _write_runs(lab / "data", number)
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host, opened(lab, host) as window:
        client, see, measure, browsed = host.client(), window.see, window.measure, window.browse
        watch("the list of runs", browsed.look, lambda: browsed.table.rowCount() == number)
        client.add(card, overrides=["averages=100000"])
        watch("a run begins", client.start, lambda: bool(see.frames and len(see.frames[0].run.points) > 50))
        path = see.paths[0]
        watch("it is fitted", see.fits.fit, lambda: see.fits.outcome is not None)
        for place in range(window.tabs.count()):
            watch(window.tabs.tabText(place), lambda p=place: window.tabs.setCurrentIndex(p))
        watch("a card", lambda: measure.show_card(card), measure.start_button.isEnabled)
        watch("a form", lambda: measure.form.set("averages", "7"), measure.start_button.isEnabled)
        watch("ten in the queue", lambda: [measure.add() for _ in range(10)],
              lambda: measure.queue.table.rowCount() > 10)  # fmt: skip
        runs = [path, *sorted((lab / "data").glob("20260101*.h5"))[:2]]
        watch("three compared", lambda: window.show_runs(runs), lambda: len(see.frames) == 3)
        watch("cursors", lambda: see.cursors.setChecked(True))
        watch("one again", lambda: window.show_runs([path]), lambda: len(see.frames) == 1)
        watch("other colours", window.appearance.change_theme)
        watch("a search", lambda: browsed.search.setText("005000"))
        watch("five seconds more", lambda: None, _later(5.0))
        client.abort(pause_queue=True)
        wait_until_idle(client)


def _later(seconds):
    """Return a condition that is true after a while."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _write_runs(folder, number):
    """Write the same short run under so many names."""
    from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter

    axis = Dimension(name="time", unit="s", values=np.arange(5.0))
    layout = Layout(dimensions=(axis,), columns=(Column(name="value", unit="V"),))
    folder.mkdir(exist_ok=True)
    first = folder / "20260101-000000-run.h5"
    with RunWriter.create(first, RunHeader(procedure="t1", signal="value", layout=layout)) as writer:
        for index in range(5):
            writer.append(index, float(index), (1.0,))
        writer.finish("finished")
    content = first.read_bytes()
    for k in range(1, number):
        first.with_name(f"20260101-{k:06}-run.h5").write_bytes(content)


def watch(what, do, is_over=lambda: True):
    """Do something, wait until it is over and half a second more, and print the longest gap."""
    from window import Gaps

    gaps = Gaps()
    gaps.start()
    began, took, loop = time.perf_counter(), [], QEventLoop()

    def look():
        if is_over() and not took:
            took.append(time.perf_counter() - began)
            QTimer.singleShot(500, loop.quit)

    timer = every(10, look)
    do()
    loop.exec()
    timer.stop()
    gaps.timer.stop()
    print(f"{what:20} {took[0]:6.2f} s, longest gap {1e3 * gaps.longest:4.0f} ms", flush=True)


def every(milliseconds, do):
    """Return a running timer that calls ``do``."""
    timer = QTimer()
    timer.setInterval(milliseconds)
    timer.timeout.connect(do)
    timer.start()
    return timer


def soak(minutes):
    """Make short runs, one after the other, and look at memory, descriptors and threads every minute."""
    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab", points=3, averages=1)
    card = lab / "procedures" / "quick.toml"
    rows, made, began, hours = [], [0], time.perf_counter(), _hours(card)
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host, opened(lab, host) as window:
        client = host.client()

        def step():
            status = client.status()
            if status["run"] is None and not status["queue"]["makes_runs"]:
                _queue_five(client, card, made)
                window.tabs.setCurrentIndex(made[0] // 5 % window.tabs.count())
            if time.perf_counter() - began >= 60 * len(rows):
                runs = max(0, made[0] - 5)
                rows.append((runs, runs * hours, *_held(host.process.pid), *_held(os.getpid())))
                print(
                    "{} runs, {:.1f} h: host {:.1f} MB, {} {}; window {:.1f} MB, {} {}".format(*rows[-1]),
                    flush=True,
                )

        timer = every(200, step)
        QTimer.singleShot(60_000 * minutes + 1000, QApplication.exit)
        QApplication.exec()
        timer.stop()
    _tell_growth(np.array(rows[len(rows) // 3 :], float))


def _hours(card):
    """Return how long the run of a card takes on the clock of its bench, h."""
    from labspin.experiment import estimate
    from labspin.session import load_card
    from labspin.station import load_station

    loaded = load_card(card)
    procedure = loaded.procedure(**loaded.runs[0].parameters)
    return estimate(procedure, load_station(loaded.station)).total / 3600


def _queue_five(client, card, made):
    """Queue five runs, with other seeds than those before, and start them."""
    client.queue.clear()
    for seed in range(made[0], made[0] + 5):
        client.add(card, overrides=[f"seed={seed}"])
    client.start()
    made[0] += 5


def _tell_growth(rows):
    """Tell by how much memory and descriptors grow with the runs."""
    places = {"host, MB": 2, "host, descriptors": 3, "window, MB": 5, "window, descriptors": 6}
    for what, column in places.items():
        slope, covariance = np.polyfit(rows[:, 0], rows[:, column], 1, cov=True)
        print(f"{what}: {1e3 * slope[0]:.2f} ± {1e3 * covariance[0, 0] ** 0.5:.2f} in 1000 runs")


def _held(process):
    """Return memory (MB), descriptors and threads of a process."""
    folder = Path(f"/proc/{process}")
    return memory(process), len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))


if __name__ == "__main__":
    given = sys.argv[1:] or ["latency", "watched", "session", "500", "browse", "10000"]
    for place, word in enumerate(given):
        after = given[place + 1] if place + 1 < len(given) else ""
        if word in ("latency", "watched"):
            globals()[word]()
        elif word in ("session", "browse", "actions", "soak"):
            usual = {"session": 500, "browse": 10_000, "actions": 10_000, "soak": 60}
            globals()[word](int(after) if after.isdigit() else usual[word])
