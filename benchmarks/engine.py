"""What one point costs beside its instruments: labspin's engine and durable recording, and its peers.

    python benchmarks/engine.py [points] [rounds]

Every variant records three scalars and a set-point at each point, with instruments that answer at once. The
variants run in turn, in a new order in every round; times are of whole runs, set-up and files included,
divided by the number of points: on the wall, which neighbours on the machine stretch, and of the processor
in all threads, which they hardly do. Of labspin's run the points alone are timed as well: the engine with
durable recording, without beginning and publishing the file.
"""

import importlib.util
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from labspin.bench import ActuatorSpec, Bench, TrustRules
from labspin.clock import SimulatedClock
from labspin.data import Column
from labspin.experiment import Linear, Procedure, run, trust
from labspin.station import load_station


def now():
    """Return the time on the wall, and that of the processor in all threads, s."""
    return np.array([time.perf_counter(), time.process_time()])


class Source:
    frequency = 1.0
    x = y = z = 0.5

    def safe(self):
        pass

    def identity(self):
        return "benchmark source"

    def settings(self):
        return {"frequency": self.frequency}


def _bench():
    spec = ActuatorSpec(instrument="source", attribute="frequency", unit="Hz", minimum=0.0, maximum=1e10)
    return Bench(name="benchmark", clock=SimulatedClock(), instruments={"source": Source()}, actuators=[spec])


class Scan(Procedure):
    quantities = (Column(name="x"), Column(name="y"), Column(name="z"))
    points = 2000

    def plan(self):
        return Linear("source.frequency", 1.0, 2.0, self.points, unit="Hz")

    def measure(self, bench, point):
        source = bench.source
        return {"x": source.x, "y": source.y, "z": source.z}

    def prepare(self, bench):
        self.began = now()

    def finish(self, bench):
        self.took = now() - self.began


STATION = """
[station]
name = "benchmark"

[simulation]
sample = "levitated_diamond"

[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"

[instruments.microwave.actuators.frequency]
limits = ["2 GHz", "4 GHz"]

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
"""


class Sweep(Scan):
    roles = {}  # noqa: RUF012

    def plan(self):
        return Linear("microwave.frequency", 2.8e9, 2.9e9, self.points, unit="Hz")

    def measure(self, bench, point):
        return {"x": 0.5, "y": 0.5, "z": 0.5}


def pure_loop(points, folder):
    source, rows = Source(), []
    for index in range(points):
        source.frequency = 1.0 + index / points
        rows.append((source.frequency, source.x, source.y, source.z))
    return {}


def labspin_run(points, folder):
    procedure = Scan()
    procedure.points = points
    run(procedure, _bench(), folder / "run.h5")
    return {"labspin: engine and journal, point by point": procedure.took}


def pymeasure_worker(points, folder):
    from pymeasure.experiment import Procedure as Plain, Results, Worker

    class Loop(Plain):
        DATA_COLUMNS = ["f", "x", "y", "z"]  # noqa: RUF012

        def execute(self):
            source = Source()
            for index in range(points):
                source.frequency = 1.0 + index / points
                self.emit("results", {"f": source.frequency, "x": source.x, "y": source.y, "z": source.z})

    worker = Worker(Results(Loop(), str(folder / "run.csv")))
    worker.start()
    threading.Thread.join(worker)
    return {}


def durable_lines(points, folder):
    """The least that keeps what labspin promises: a line is out of the process before the next point.

    And on the disk half a second later, by a thread that asks for it, as in labspin; no limits, no file at
    the end, nothing looked at.
    """
    source, over = Source(), threading.Event()
    descriptor = os.open(folder / "run.csv", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def sync():
        while not over.wait(0.4):
            os.fdatasync(descriptor)

    syncer = threading.Thread(target=sync)
    syncer.start()
    for index in range(points):
        source.frequency = 1.0 + index / points
        os.write(descriptor, f"{source.frequency!r},{source.x!r},{source.y!r},{source.z!r}\n".encode())
    over.set()
    syncer.join()
    os.fdatasync(descriptor)
    os.close(descriptor)
    return {}


def pymeasure_acknowledged(points, folder):
    """pymeasure's Worker, each point waited for until its line has left the process, and synced likewise."""
    from pymeasure.experiment import Procedure as Plain, Results, Worker

    path = folder / "run.csv"

    class Loop(Plain):
        DATA_COLUMNS = ["f", "x", "y", "z"]  # noqa: RUF012

        def execute(self):
            source, last = Source(), time.monotonic()
            descriptor = os.open(path, os.O_RDWR)
            for index in range(points):
                source.frequency = 1.0 + index / points
                before = os.fstat(descriptor).st_size
                self.emit("results", {"f": source.frequency, "x": source.x, "y": source.y, "z": source.z})
                while os.fstat(descriptor).st_size == before:
                    time.sleep(0)
                if time.monotonic() - last > 0.5:
                    os.fdatasync(descriptor)
                    last = time.monotonic()
            os.fdatasync(descriptor)
            os.close(descriptor)

    worker = Worker(Results(Loop(), str(path)))
    worker.start()
    threading.Thread.join(worker)
    return {}


def plain_h5py(points, folder):
    """What a careful script does: one file, chunked columns, a point at a time, flushed at the end."""
    import h5py

    source = Source()
    with h5py.File(folder / "run.h5", "w") as file:
        columns = [file.create_dataset(name, (0,), "f8", maxshape=(None,), chunks=(1024,)) for name in "fxyz"]
        for index in range(points):
            source.frequency = 1.0 + index / points
            for column, value in zip(columns, (source.frequency, source.x, source.y, source.z), strict=True):
                column.resize((index + 1,))
                column[index] = value
    return {}


def bluesky_engine(points, folder):
    """The same scan by bluesky's RunEngine, its documents written as lines of JSON."""
    import json

    from bluesky import RunEngine, plan_stubs
    from bluesky.preprocessors import run_wrapper

    class Signal:
        parent = None

        def __init__(self, name):
            self.name, self.value = name, 0.5

        def read(self):
            return {self.name: {"value": self.value, "timestamp": time.time()}}

        def describe(self):
            return {self.name: {"source": "benchmark", "dtype": "number", "shape": []}}

        def read_configuration(self):
            return {}

        describe_configuration = read_configuration

    signals = [Signal(name) for name in "fxyz"]

    def scan():
        for index in range(points):
            signals[0].value = 1.0 + index / points
            yield from plan_stubs.trigger_and_read(signals)

    with (folder / "run.jsonl").open("w", encoding="utf-8") as file:
        engine = RunEngine({}, context_managers=[])
        engine(run_wrapper(scan()), lambda name, document: file.write(json.dumps([name, document]) + "\n"))
    return {}


def labspin_with_instruments(points, folder):
    """The engine on simulated instruments of the wire, whose status is asked at every point."""
    station = folder / "station.toml"
    station.write_text(STATION, encoding="utf-8")
    procedure = Sweep()
    procedure.points = points
    with load_station(station).connect() as bench:
        run(procedure, bench, folder / "run.h5")
        asked = procedure.took
        procedure = Sweep()
        procedure.points = points
        bench.trust = TrustRules()
        watch = trust.TrustWatch.after_point
        trust.TrustWatch.after_point = lambda self, index: None
        try:
            run(procedure, bench, folder / "again.h5")
        finally:
            trust.TrustWatch.after_point = watch
    return {
        "labspin: source and supply at the wire, doubts asked": asked,
        "labspin: the same, not asked": procedure.took,
    }


def qcodes_datasaver(points, folder):
    import qcodes

    qcodes.initialise_or_create_database_at(str(folder / "run.db"))
    qcodes.load_or_create_experiment("benchmark", "none")
    measurement = qcodes.Measurement()
    measurement.register_custom_parameter("f")
    for name in "xyz":
        measurement.register_custom_parameter(name, setpoints=("f",))
    source = Source()
    with measurement.run() as saver:
        for index in range(points):
            source.frequency = 1.0 + index / points
            saver.add_result(("f", source.frequency), ("x", source.x), ("y", source.y), ("z", source.z))
    return {}


VARIANTS = {
    "pure loop, nothing written": pure_loop,
    "labspin: whole run, HDF5 file published": labspin_run,
    "pymeasure: Worker and CSV file": pymeasure_worker,
    "pymeasure: the same, acknowledged and synced as in labspin": pymeasure_acknowledged,
    "lines of text, acknowledged and synced as in labspin": durable_lines,
    "h5py: a plain loop": plain_h5py,
    "labspin: two runs with instruments at the wire": labspin_with_instruments,
}
if importlib.util.find_spec("bluesky"):
    VARIANTS["bluesky: RunEngine and lines of JSON"] = bluesky_engine
if importlib.util.find_spec("qcodes"):
    VARIANTS["qcodes: Measurement and SQLite"] = qcodes_datasaver


def main(points=2000, rounds=9):
    times = {}
    for number in range(rounds + 1):
        for name in random.sample(list(VARIANTS), len(VARIANTS)):
            with tempfile.TemporaryDirectory() as folder:
                began = now()
                parts = VARIANTS[name](points, Path(folder))
                parts[name] = now() - began
            if number:  # the first round warms up
                for part, seconds in parts.items():
                    times.setdefault(part, []).append(1e6 * seconds / points)
    medians = {name: np.median(found, axis=0) for name, found in times.items()}
    base = medians["pymeasure: Worker and CSV file"]
    print(f"{points} points, {rounds} rounds, medians, µs a point; × pymeasure")
    print(f"{'':60}{'wall':>9}{'':>9}{'processor':>11}")
    for name, (wall, processor) in sorted(medians.items(), key=lambda item: item[1][1]):
        print(f"{name:60}{wall:9.2f} {wall / base[0]:7.2f} ×{processor:10.2f} {processor / base[1]:7.2f} ×")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
