"""Writes a picture of every view of the window, light and dark, from real simulated runs.

::

    python docs/window_pictures.py FOLDER [--size 1280x720] [--scale 1] [--only first]

Opens a workspace of its own, connects the simulated diamond by a host of its own, measures a T1, a map and a
set of traces, and grabs the window. Without a display set ``QT_QPA_PLATFORM=offscreen``.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAP_CARD = """procedure = "mdmr"
station = "../instruments/levitated-diamond.toml"
description = "Photoluminescence against microwave frequency, from field to field"

[parameters]
fields = [{fields}]
frequency_start = "2.56 GHz"
frequency_stop = "2.86 GHz"
frequencies = 51
microwave_power = "-20 dBm"
averages = 1
repetitions = 500
seed = 1
"""


CARDS = {"map again": "procedures/map.toml", "long": "procedures/long.toml"}
LONG_CARD = """procedure = "t1"
station = "../instruments/levitated-diamond.toml"

[parameters]
dark_time_start = "20 us"
dark_time_stop = "16 ms"
dark_times = 12
averages = 2
repetitions = 900
laser_duration = "300 us"
guard_time = "1 us"
pi_duration = "100 ns"
microwave_power = "10 dBm"
microwave_frequency = "2.6014 GHz"
signal_width = "25 us"
reference_width = "150 us"

[[runs]]
label = "relaxation of the class along the bias field, second diamond of the batch of November, annealed"
"""


def wait(application, condition, seconds=900.0):
    """Let the window live until something is so; the time is for a machine that does much besides."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            line = getattr(condition, "__code__", None)
            raise TimeoutError(f"waited {seconds:g} s in vain for what stands in {line or condition}")
        application.processEvents()
        time.sleep(0.01)


def rest(application, seconds):
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    wait(application, lambda: time.monotonic() > end)


def take(application, window, folder, name, after=0.4):
    """Save one picture, after so many seconds in which the window comes to rest."""
    rest(application, after)
    window.grab().save(str(folder / f"{name}.png"))


def main():
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--scale", default="1")
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument(
        "--only", choices=["first"], help="nothing but the first start, and how long it takes"
    )
    arguments = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = arguments.scale
    arguments.folder.mkdir(parents=True, exist_ok=True)
    folder = arguments.folder.resolve()
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    first_start(application, folder, arguments.themes.split(",")[0])
    if arguments.only:
        return
    lab = Path(tempfile.mkdtemp()) / "lab"
    lab.mkdir()
    width, height = map(int, arguments.size.split("x"))
    runs = {}
    for theme in arguments.themes.split(","):
        pictures(application, lab, folder, theme, (width, height), runs)
    subprocess.run([sys.executable, "-m", "labspin", "bench", "stop"], cwd=lab, check=False)


def first_start(application, folder, theme):
    """Click through a first start in an empty folder, as somebody does who reads nothing, and time it."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from labspin.gui.theme import use_theme
    from labspin.gui.window import MainWindow

    use_theme(theme)
    lab = Path(tempfile.mkdtemp()) / "my-lab"
    lab.mkdir()
    began = time.monotonic()
    window = MainWindow(lab)
    window.show()
    see, steps = window.see, []

    def step(what, until, press=None):
        if press is not None:
            QTest.mouseClick(press, Qt.MouseButton.LeftButton)
        wait(application, until)
        steps.append(f"{what} {time.monotonic() - began:.1f} s")
        take(application, window, folder, f"first-{len(steps)}-{what}")

    step("empty", window.start.init_button.isVisible)
    step("workspace", window.start.first_button.isVisible, window.start.init_button)
    step("measuring", lambda: see.frames and len(see.frames[0].run.points) > 3, window.start.first_button)
    step("finished", lambda: see.frames[0].run.status == "finished" and see.fits.recipe.count())
    step("fitted", lambda: see.fits.outcome is not None, see.fits.fit_button)
    sys.stdout.write(f"first start: {', '.join(steps)}\n")
    window.close()
    subprocess.run([sys.executable, "-m", "labspin", "bench", "stop"], cwd=lab, check=False)


def pictures(application, lab, folder, theme, size, runs):
    """Make the pictures of one theme."""
    from labspin.gui.theme import use_theme
    from labspin.gui.window import MainWindow

    use_theme(theme)
    window = MainWindow(lab)
    window.resize(*size)
    window.show()

    def save(name, after=0.4):
        take(application, window, folder, f"{name}-{theme}", after)

    if not window.start.stations.count():
        save("empty")
        window.start.init_button.click()
        wait(application, lambda: window.start.stations.count())
        fields = ", ".join(f'"{field} G"' for field in range(6, 31, 3))
        (lab / "procedures" / "map.toml").write_text(MAP_CARD.format(fields=fields), encoding="utf-8")
        (lab / "procedures" / "long.toml").write_text(LONG_CARD, encoding="utf-8")
        window.use_workspace()
    window.tabs.setCurrentWidget(window.start)
    save("start")
    if not window.link.is_connected:
        window.connect_chosen()
    wait(application, lambda: window.link.status.get("readings"))
    if not runs:
        measure(application, window, lab, save, runs)
    bench(application, window, save)
    see(application, window, save, runs)
    window.tabs.setCurrentWidget(window.log)
    save("log")
    hard_cases(application, window, lab, save, runs)
    cantilever(application, window, lab, save)
    window.close()


def hard_cases(application, window, lab, save, runs):
    """Show maps side by side, long names, a form with errors, a full disk, and a host that was killed."""
    window.see.follow.setChecked(True)
    if "map again" not in runs:
        make(application, window, lab, runs, "map again", "seed=2")
        make(application, window, lab, runs, "long", "averages=3")
    window.show_runs([runs["map"], runs["map again"]])
    wait(application, lambda: len(window.see.frames) == 2)
    save("see-maps")
    window.show_runs([runs["long"], runs["t1"], runs["t1 again"]])
    wait(application, lambda: len(window.see.frames) == 3)
    save("see-long-names")
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / CARDS["long"])
    window.measure.form.set("dark_time_start", "20 parsec")
    window.measure.form.set("averages", "-3")
    wait(application, lambda: window.measure.preview.problem)
    save("measure-errors")
    host = window.link.record.process
    resource.prlimit(host, resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    window.link.order(lambda host: (host.add(lab / CARDS["long"], overrides=["averages=300"]), host.start()))
    wait(application, lambda: "is full" in window.notice.text.text())
    wait(application, lambda: window.link.status["run"] is None)
    window.tabs.setCurrentWidget(window.see)
    save("disk-full")
    window.notice.hide()
    os.kill(host, signal.SIGKILL)
    wait(application, lambda: not window.link.is_connected)
    window.tabs.setCurrentWidget(window.bench)
    save("host-killed")
    window.notice.hide()


def make(application, window, lab, runs, name, override):
    """Make one run of a card."""
    window.link.order(lambda host: (host.add(lab / CARDS[name], overrides=[override]), host.start()))
    wait(application, lambda: window.see.frames and window.see.paths[0] not in runs.values())
    wait(application, lambda: window.see.frames and window.see.frames[0].run.status == "finished")
    runs[name] = window.see.paths[0]


def cantilever(application, window, lab, save):
    """Show another bench: lock-in and cantilever, aligned."""
    from PySide6.QtWidgets import QScrollArea

    station = lab / "instruments" / "mrfm-cantilever.toml"
    window.connect_station(station)
    wait(
        application, lambda: window.link.status.get("path") == str(station) and window.link.status["readings"]
    )
    window.tabs.setCurrentWidget(window.bench)
    save("bench-cantilever")
    window.tabs.setCurrentWidget(window.align)
    rest(application, 20)
    save("align-cantilever")
    area = window.align.findChild(QScrollArea).verticalScrollBar()
    area.setValue(area.maximum())
    save("align-ring")
    window.link.order(lambda host: host.stop())
    wait(application, lambda: not window.link.is_connected)
    window.notice.hide()


def measure(application, window, lab, save, runs):
    """Make the runs that are shown."""
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "t1.toml")
    wait(application, lambda: window.measure.start_button.isEnabled())
    window.measure.start()
    wait(application, lambda: window.see.frames and len(window.see.frames[0].run.points) > 30)
    save("live", after=0.05)  # or an idle machine has measured all points
    runs["t1"] = window.see.paths[0]
    wait(application, lambda: window.link.status["run"] is None)
    window.measure.show_card(lab / "procedures" / "t1.toml", "two classes resonant")
    wait(application, lambda: window.measure.start_button.isEnabled())
    window.measure.start()
    wait(application, lambda: window.see.frames and window.see.paths[0] != runs["t1"])
    runs["t1 again"] = window.see.paths[0]
    wait(application, lambda: window.link.status["run"] is None)
    window.measure.show_card(lab / "procedures" / "map.toml")
    wait(application, lambda: window.measure.start_button.isEnabled())
    window.measure.start()
    wait(application, lambda: window.see.frames and window.see.paths[0] not in runs.values())
    runs["map"] = window.see.paths[0]
    wait(application, lambda: window.link.status["run"] is None)


def bench(application, window, save):
    """Show the bench, a refused value, a ramp, and the alignment."""
    window.tabs.setCurrentWidget(window.bench)
    magnet = window.bench.panels["magnet"]
    window.link.order(lambda host: host.set("magnet.output_enabled", True))
    for name in ("magnet.current", "magnet.field"):
        magnet.traced[name].setChecked(True)
    rest(application, 1.5)
    magnet.fields["magnet.field"].setText("40 G")
    magnet.fields["magnet.field"].returnPressed.emit()
    rest(application, 1.0)
    window.bench.panels["microwave"].fields["microwave.frequency"].setText("9 GHz")
    save("bench")
    wait(application, lambda: not window.link.status["hand"])
    window.bench.panels["microwave"].fields["microwave.frequency"].clear()
    window.tabs.setCurrentWidget(window.align)
    window.align.count.click()
    rest(application, 6)
    save("align")
    window.align.count.click()
    window.make_safe()
    rest(application, 1)
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(Path("procedures/t1.toml").resolve())
    wait(application, lambda: "points" in window.measure.preview.text)
    save("measure")
    window.measure.form.set("magnet_field", "1 T")
    wait(application, lambda: window.measure.preview.problem)
    save("measure-refused")
    scan(application, window, save)


def scan(application, window, save):
    """Show the editor of a scan of two axes."""
    window.measure.show_card(Path("procedures/rabi.toml").resolve())
    editor = window.measure.form.widgets["scan"]
    for name, first, last, number in (
        ("microwave_frequency", "2.595 GHz", "2.61 GHz", 11), ("microwave_power", "0 dBm", "10 dBm", 3),
    ):  # fmt: skip
        editor.add()
        row = editor.rows[-1]
        row.name.setCurrentText(name)
        row.first.setText(first)
        row.last.setText(last)
        row.number.setValue(number)
    editor.add_button.setFocus()
    wait(application, lambda: "microwave.power  0 dBm" in window.measure.preview.text)
    rest(application, 0.3)
    area = window.measure.form_area
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    save("measure-scan")


def see(application, window, save, runs):
    """Show runs, a fit, a map, and the list of runs."""
    from labspin.data import annotate

    window.show_runs([runs["t1"]])
    wait(application, lambda: window.see.frames and window.see.fits.recipe.count())
    rest(application, 0.5)
    window.see.fits.fit()
    wait(application, lambda: window.see.fits.outcome is not None)
    window.see.fits.truth.setChecked(True)
    save("see-fit")
    window.see.fits.truth.setChecked(False)
    window.see.fits.by_hand.click()
    wait(application, lambda: window.see.fits.start is not None)
    window.see.fits.start_panel.change("T1", 3e-3)
    save("see-start")
    window.show_runs([runs["t1"], runs["t1 again"]])
    wait(application, lambda: len(window.see.frames) == 2)
    window.see.apart.setValue(40)
    window.see.cursors.setChecked(True)
    save("see-compare")
    window.see.cursors.setChecked(False)
    window.show_runs([runs["map"]])
    wait(application, lambda: window.see.frames)
    save("see-map")
    window.tabs.setCurrentWidget(window.browse)
    window.browse.look()
    wait(application, lambda: window.browse.table.rowCount() > 1)
    annotate(runs["t1"], comment="after realigning the laser", tags=("reference",), rating=4, sample="D7")
    window.browse.look()
    rest(application, 1)
    window.browse.view.selectRow(2)
    rest(application, 2)
    save("browse")


if __name__ == "__main__":
    main()
