"""Attack runs on a served bench and count what is left unsafe, what jumped and what hung.

    python benchmarks/attack.py [--times N] [--bursts N] [--at-once N] [--only TEXT]

Loopback only. The lab's bench is simulated and served over TCP in real time, every instrument behind a cable
that can be cut, drip and lie; each run is a process of its own that sweeps the magnet between 4 A and -4 A
with the microwave on and the laser pulsed. Everything is seen from within the simulated devices. Runs that
hang, or whose instruments cannot be reached, count as hung after 4 s of silence instead of five minutes.

Columns: attacks; benches left unsafe; set-points that jumped or an output switched off with a current in the
coil; attacks after which the run's process had to be killed, or the bench was not safe within 10 s (beside
the time for which its instruments could not be reached, or answered byte by byte); median and longest time
until safe, s.
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bench.attacks import ATTACKS
from tests.bench.signalled_runs import bursts


def _row(name, number, unsafe, passed, slow, times):
    times = sorted(times)
    told = f"{statistics.median(times):8.1f}{times[-1]:8.1f}" if times else ""
    print(f"{name:44}{number:8}{unsafe:8}{passed:8}{slow:8}{told}", flush=True)


def _attack(attack, delay):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return attack(Path(folder) / "bench", delay)


def _bursts(number, seed):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return bursts(Path(folder) / "bench", number, seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="of every attack")
    parser.add_argument("--bursts", type=int, default=500, help="of signals, against a slowed fdatasync")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    arguments = parser.parse_args()
    # A shell lets its background jobs ignore SIGINT, and so would the runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    generator = random.Random(arguments.seed)
    print(f"{'attack':44}{'times':>8}{'unsafe':>8}{'jumped':>8}{'> 10 s':>8}{'median':>8}{'longest':>8}")
    failed = 0
    with ThreadPoolExecutor(arguments.at_once) as pool:
        for name, attack in ATTACKS.items():
            if arguments.only not in name:
                continue
            delays = [generator.uniform(0.0, 8.0) for _ in range(arguments.times)]
            found = list(pool.map(_attack, [attack] * len(delays), delays))
            unsafe = sum(not one.is_safe for one in found)
            passed = sum(one.rate_passed for one in found)
            slow = sum("hung" in one.said or one.took > 10.0 for one in found)
            _row(name, len(found), unsafe, passed, slow, [one.took for one in found if one.is_safe])
            for line in (line for one in found for line in (*one.jumps, *one.remarks)):
                print(f"    {line}", flush=True)
            failed += unsafe + passed + sum(bool(one.remarks) for one in found)
        share = arguments.bursts // arguments.at_once
        if share and arguments.only in "bursts of signals":
            seeds = [arguments.seed + number for number in range(arguments.at_once)]
            found = [one for part in pool.map(_bursts, [share] * len(seeds), seeds) for one in part]
            unsafe = sum(not (one["safe"] and one["published"]) for one in found)
            hung = sum(one["said"] is None for one in found)
            _row("bursts of SIGINT, SIGTERM, SIGHUP", len(found), unsafe, 0, hung, [])
            failed += unsafe + hung
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
