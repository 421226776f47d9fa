"""Bursts of signals against runs on a served bench whose disk is slow, and what is left afterwards."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent import futures

from tests.bench.killed_runs import ServedBench
from tests.places import environment

CODE = """
    import os
    import signal
    import sys
    import time
    from pathlib import Path
    from labspin.data import Column
    from labspin.experiment import Linear, Procedure, Product, Snake, Values, run
    from labspin.station import load_station

    written = os.fdatasync

    def slow(descriptor):
        time.sleep(0.05)
        written(descriptor)

    os.fdatasync = slow

    class Sweep(Procedure):
        quantities = (Column(name="current", unit="A"),)

        def settings(self):
            return {"microwave.frequency": 2.87e9}

        def plan(self):
            there_and_back = Linear("magnet.current", 1.2, 0.6, 4, unit="A")
            return Snake(Product(Values("round", range(1000)), there_and_back))

        def prepare(self, bench):
            bench.microwave.output_enabled = True
            print("prepared", flush=True)

        def measure(self, bench, point):
            time.sleep(0.02)
            return {"current": bench.magnet.measured_current}

    if __name__ == "__main__":
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # between two runs they mean nothing
            signal.signal(getattr(signal, name), lambda number, frame: None)
        station, folder = sys.argv[1:]
        for number in range(1000):
            if sys.stdin.readline() != "run\\n":
                break
            with load_station(station).connect() as bench:
                try:
                    print(run(Sweep(), bench, Path(folder) / f"{number}.h5").status, flush=True)
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalledRuns(ServedBench):
    """A served bench, and one process that makes run after run on it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.folder = folder
        self.script.write_text(textwrap.dedent(CODE), encoding="utf-8")
        self.process = None
        self.made = 0

    def _start(self):
        with (self.folder / "errors.txt").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(self.script), str(self.station), str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(),
                start_new_session=True,
            )
        self.made = 0

    def burst(self, generator, patience=60.0):
        """Begin a run, send it a burst of signals; return what the process said, or None if it hangs."""
        if self.process is None:
            self._start()
        process, path = self.process, self.folder / f"{self.made}.h5"
        self.made += 1
        process.stdin.write("run\n")
        process.stdin.flush()
        begun = process.stdout.readline()
        told = (self.folder / "errors.txt").read_text(encoding="utf-8")[-3000:]
        assert begun == "prepared\n", (begun, told)
        time.sleep(generator.uniform(0.0, 1.0))  # at any moment of the run
        for _ in range(generator.randint(2, 12)):
            os.kill(process.pid, generator.choice(SIGNALS))
            time.sleep(generator.choice((0.0, 0.0, 0.001, 0.01, 0.1)))  # at once, or one after the other
        said = _within(patience, process.stdout.readline)
        result = {
            "said": said,
            "current": abs(self.devices["magnet"].output_current()),
            "safe": self.is_safe,
            "published": path.exists() and not path.with_name(path.name + ".jnl").exists(),
        }
        for left in self.folder.glob(f"{path.name}*"):
            left.unlink()
        if said is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.process = None
            self.wait_until_safe()
        return result

    def __exit__(self, *exception):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(60)
            self.process.stdout.close()
        super().__exit__(*exception)


def _within(patience, read):
    pool = futures.ThreadPoolExecutor(1)
    try:
        return pool.submit(read).result(patience)
    except futures.TimeoutError:
        return None
    finally:
        pool.shutdown(wait=False)


def bursts(folder, number, seed):
    """Return what came of so many bursts, one after the other on one bench."""
    folder.mkdir(exist_ok=True)
    generator = random.Random(seed)
    with SignalledRuns(folder) as runs:
        return [runs.burst(generator) for _ in range(number)]
