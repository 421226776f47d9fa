"""Kill runs at random moments, 50 times, and look whether the bench is safe afterwards.

    python benchmarks/watchdog.py [--kills N] [--at-once N]

The lab's bench is simulated and served over TCP in real time; each run is a process of its own that sweeps
the magnet between 4 A and -4 A with the microwave on and the laser pulsed, and is killed with its whole
process group 0 to 8 s after it has begun. Times are from the kill until magnet, microwave and laser are safe,
seen from within the simulated devices; a ramp from 4 A to zero alone takes 2 s.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from labspin.data import read_run
from tests.bench.killed_runs import INTERVAL, RATE, ServedBench, wait_for_log


def killed(delay):
    with tempfile.TemporaryDirectory() as folder, ServedBench(Path(folder)) as served:
        path = Path(folder) / "run.h5"
        process = served.start(path)
        process.stdout.readline()
        time.sleep(delay)
        moment = time.monotonic()
        current = abs(served.devices["magnet"].output_current())
        served.kill(process)
        took = served.wait_until_safe()
        wait_for_log(path, "the bench is in its safe state")
        recorded = any(event.kind == "watchdog" for event in read_run(path).events)
        off = served.current_when_switched_off(moment - 0.5)
        return took, current, served.greatest_step(moment - 0.5), max(off, default=0.0), recorded


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    delays = [generator.uniform(0.0, 8.0) for _ in range(arguments.kills)]
    with ThreadPoolExecutor(arguments.at_once) as pool:
        outcomes = list(pool.map(killed, delays))
    safe = [outcome for outcome in outcomes if outcome[0] is not None]
    took = sorted(outcome[0] for outcome in safe)
    print(f"kills                                      {len(outcomes):8}")
    print(f"benches safe afterwards                    {len(safe):8}")
    print(f"recorded in the run's file                 {sum(outcome[4] for outcome in outcomes):8}")
    print(f"current at the kill, greatest              {max(outcome[1] for outcome in outcomes):8.2f} A")
    print(
        f"step between set-points, greatest          {max(outcome[2] for outcome in outcomes):8.3f} A", end=""
    )
    print(f"   (ramp: {RATE * INTERVAL:g} A every {INTERVAL:g} s)")
    print(f"current when switched off, greatest        {max(outcome[3] for outcome in outcomes):8.3f} A")
    if took:
        print(
            f"time until safe, median and longest        {statistics.median(took):8.2f} s  {took[-1]:.2f} s"
        )
    return len(safe) < len(outcomes)


if __name__ == "__main__":
    sys.exit(main())
