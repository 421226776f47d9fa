"""Kill run, host, watchdog and deputy, one or two at once, at random moments, and look what is left.

    python benchmarks/kills.py [--kills N] [--at-once N] [--minutes M] [--seed N] [--only WHOM]

The lab's bench is simulated and served over TCP in real time. A run is a process of its own that sweeps the
magnet between 4 A and -4 A with the microwave on and the laser pulsed; a host ramps the magnet by hand, or
makes a run of T1 with a current in the magnet. They are killed while they ramp and measure, on the way to the
safe state (after SIGTERM), and while the file is published (once the bench is safe). Everything is seen from
within the simulated devices.

Columns: kills; benches left unsafe; set-points that jumped, or a supply switched off with a current in the
coil; points that were acknowledged before the kill and are not in the file; files that cannot be read;
benches that took longer than 10 s beside the start of a watchdog and the way down; processes left over;
longest time until safe.
"""

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pymeasure.units import ureg

from labspin.data import read_run
from labspin.errors import LabspinError
from tests.bench.attacks import wait_for
from tests.bench.killed_runs import INTERVAL, RATE, ServedBench, read_dead
from tests.session.hosts import QUICK_CARD, HostProcess, wait_for_run

LONGEST = 10.0 + 4.0 + 8.0  # s: what is wanted, the way down from 4 A, watchdogs that load on two cores
WHOM = [
    ("run",), ("watchdog",), ("deputy",), ("run", "watchdog"), ("run", "deputy"), ("watchdog", "deputy"),
    ("host",), ("host", "watchdog"), ("host", "deputy"),
]  # fmt: skip
PHASES = ("ramp and measurement", "safe state", "publication")


def child_of(number, words):
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == number and words in (entry / "cmdline").read_bytes():
                return int(entry.name)
    return None


def kill(process, whom):
    """Kill in one instant; a run that is spared is killed a moment after it has noticed."""
    numbers = {
        "run": process.pid,
        "host": process.pid,
        "watchdog": child_of(process.pid, b"labspin.station.guard"),
        "deputy": child_of(process.pid, b"deputy_process.py"),
    }
    for name in whom:
        if numbers[name]:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(numbers[name], signal.SIGKILL)
    if not {"run", "host"} & set(whom) and process.poll() is None:
        before = {numbers[name] for name in whom}

        def others():
            now = child_of(process.pid, b"labspin.station.guard"), child_of(process.pid, b"deputy_process.py")
            return process.poll() is not None or (None not in now and not set(now) & before)

        wait_for(others)
        time.sleep(2.0)
        process.kill()


def go_to(phase, served, process, delay):
    time.sleep(delay)
    if phase == "ramp and measurement":
        return
    process.send_signal(signal.SIGTERM)
    if phase == "safe state":
        time.sleep(delay / 2)
        return
    wait_for(lambda: served.is_safe or process.poll() is not None)
    time.sleep(delay / 20)


def acknowledged(path):
    with contextlib.suppress(LabspinError, OSError):
        return len(read_run(path).points)
    return 0


def looked_at(served, process, path, whom, since):
    counted = acknowledged(path)
    kill(process, whom)
    took = served.wait_until_safe(60.0)
    off = max(served.current_when_switched_off(since), default=0.0)
    calm = wait_for(lambda: not served.processes(), 30.0)
    is_readable, kept = True, counted
    if path.exists() or path.with_name(path.name + ".jnl").exists():
        try:
            kept = len(read_dead(path).points)
        except LabspinError:
            is_readable = False
    return {
        "unsafe": took is None, "jumped": served.greatest_step(since) > 1.05 * RATE * INTERVAL or off > 0.1,
        "lost": max(0, counted - kept), "unreadable": not is_readable,
        "slow": took is not None and took > LONGEST, "left": not calm, "took": took or 0.0,
        "said": served.around_jumps(since),
    }  # fmt: skip


def of_a_run(folder, whom, phase, delay):
    with ServedBench(folder) as served:
        path = folder / "run.h5"
        process = served.start(path)
        try:
            process.stdout.readline()
            since = time.monotonic() - 0.5
            go_to(phase, served, process, delay)
            return looked_at(served, process, path, whom, since)
        finally:
            with contextlib.suppress(OSError):
                process.kill()
            process.communicate()


def of_a_host(folder, whom, phase, delay):
    with ServedBench(folder) as served, HostProcess(served.station) as host:
        client, path = host.client(), folder / "none.h5"
        client.set("magnet.output_enabled", True)
        if delay < 1.5:
            current = threading.Thread(target=give_current, args=(host, "4 A"), daemon=True)
            current.start()
        else:
            client.set("magnet.current", "1 A")
            card = QUICK_CARD.format(points=20, averages=200).replace("station =", "# station =")
            (folder / "quick.toml").write_text(card.replace("repetitions = 9000", "repetitions = 10"))
            client.add(folder / "quick.toml")
            client.start()
            path = Path(wait_for_run(client)["run"]["path"])
        since = time.monotonic() - 0.5
        go_to(phase, served, host.process, delay)
        return looked_at(served, host.process, path, whom, since)


def give_current(host, value):
    with contextlib.suppress(LabspinError, OSError):
        host.client().set("magnet.current", value)


def one(number, seed, only=None):
    generator = random.Random(1000 * seed + number)
    whom = only or WHOM[number % len(WHOM)]
    phase = PHASES[number // len(WHOM) % 3] if whom != ("watchdog",) else PHASES[0]
    delay = generator.uniform(0.0, 4.0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        attack = of_a_host if "host" in whom else of_a_run
        return whom, phase, attack(Path(folder), whom, phase, delay)


def table(outcomes):
    names = ("unsafe", "jumped", "lost", "unreadable", "slow", "left")
    print(f"{'killed':22}{'while':22}{'kills':>7}" + "".join(f"{name:>11}" for name in names) + f"{'s':>8}")
    kinds = sorted({(whom, phase) for whom, phase, _ in outcomes})
    for whom, phase in [*kinds, (None, None)]:
        found = [one for who, when, one in outcomes if whom is None or (who, when) == (whom, phase)]
        title = f"{' + '.join(whom):22}{phase:22}" if whom else f"{'all':44}"
        sums = "".join(f"{sum(one[name] for one in found):11}" for name in names)
        print(
            f"{title}{len(found):7}{sums}{max((one['took'] for one in found), default=0.0):8.1f}", flush=True
        )
    return sum(one[name] for _, _, one in outcomes for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=54)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no other after this time")
    parser.add_argument("--seed", type=int, default=1)
    whom = {"type": lambda text: tuple(text.split("+")), "choices": WHOM}
    parser.add_argument("--only", **whom, help="kill these, such as watchdog+deputy")
    arguments = parser.parse_args()
    end = time.monotonic() + 60.0 * arguments.minutes
    ureg.Quantity("1 s")  # the registry is made at its first use, which two threads must not do at once
    outcomes = []

    def attempt(number):
        if time.monotonic() < end:
            outcomes.append(found := one(number, arguments.seed, arguments.only))
            said = found[-1].pop("said")
            print(number, *found, *said, sep="\n    " if said else " ", flush=True)

    with ThreadPoolExecutor(arguments.at_once) as pool:
        list(pool.map(attempt, range(arguments.kills)))
    return table(outcomes) > 0


if __name__ == "__main__":
    sys.exit(main())
