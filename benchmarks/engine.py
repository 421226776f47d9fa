"""What one point costs beside its instruments: labspin's engine and durable recording, and its peers.

    python benchmarks/engine.py [points] [rounds]

Every variant records three scalars and a set-point at each point, with instruments that answer at once. The
variants run in turn, in a new order in every round; times are of whole runs, set-up and files included,
divided by the number of points. Of labspin's run the points alone are timed as well: the engine with durable
recording, without beginning and publishing the file.
"""

import importlib.util
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from labspin.bench import ActuatorSpec, Bench
from labspin.clock import SimulatedClock
from labspin.data import Column
from labspin.experiment import Linear, Procedure, run


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
        self.began = time.perf_counter()

    def finish(self, bench):
        self.took = time.perf_counter() - self.began


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
}
if importlib.util.find_spec("qcodes"):
    VARIANTS["qcodes: Measurement and SQLite"] = qcodes_datasaver


def main(points=2000, rounds=9):
    times = {}
    for number in range(rounds + 1):
        for name in random.sample(list(VARIANTS), len(VARIANTS)):
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                parts = VARIANTS[name](points, Path(folder))
                parts[name] = time.perf_counter() - began
            if number:  # the first round warms up
                for part, seconds in parts.items():
                    times.setdefault(part, []).append(1e6 * seconds / points)
    base = statistics.median(times["pymeasure: Worker and CSV file"])
    print(f"{points} points, {rounds} rounds, µs a point")
    print(f"{'':46}{'median':>8}{'min':>8}  × pymeasure")
    for name in sorted(times, key=lambda name: statistics.median(times[name])):
        median = statistics.median(times[name])
        print(f"{name:46}{median:8.2f}{min(times[name]):8.2f}  {median / base:8.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
