"""Break every procedure at every step, and look whether bench and file are as they should be left.

    python benchmarks/fault_injection.py [--runs NAME …] [--kinds KIND …] [--most N] [--kills N]

The reduced cards of `tests/faults/reduced_cards.py` are run on their simulated benches; a step is a message
to an instrument, a call of a vendor's library, a record of the journal, a call of the procedure, or a wait.
Faults of devices strike at messages and calls. Where a run has more than N steps of a kind, its beginning
(N/4), all of its shut-down and N/2 at equal distances in between are taken. SIGINT and SIGTERM are sent in
a process of their own. SIGKILL hits a process that drives the bench over TCP with a watchdog; K kills are
spread over all its steps, the connection included.

"safe" is judged by the world: no current in the magnet and its output off, microwave off, all pulse lines
low, drive at its least, heater off, and no set-point on the way that jumped further than the ramp allows.
"sound" are runs without any other fault: wrong status, missing safe report, an error that does not name the
instrument. "resumed" counts runs that were killed at a random step and equal the uninterrupted one bit for
bit when resumed.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.injections import IN_PROCESS, SIGNALS, chosen_steps, count, inject, inject_signals
from tests.faults.killed_steps import can_be_served, count_served, kill_at
from tests.faults.reduced_cards import reduced_runs
from tests.faults.resumed import killed_and_resumed, whole

KINDS = (*IN_PROCESS, *SIGNALS, "SIGKILL", "resumed")


def injected(reduced, kind, log, connected, arguments):
    numbers = chosen_steps(log, connected, kind, most=arguments.most)
    if kind in SIGNALS:
        return inject_signals(reduced, kind, numbers)
    return [inject(reduced, kind, number) for number in numbers]


def killed(reduced, arguments):
    if not can_be_served(reduced):
        return []
    with tempfile.TemporaryDirectory() as folder:
        steps = count_served(reduced, Path(folder))
    found = []
    for number in range(arguments.kills):
        with tempfile.TemporaryDirectory() as folder:
            found.append(kill_at(reduced, round((number + 0.5) / arguments.kills * steps), Path(folder)))
    return found


def print_row(name, kind, found, seconds):
    if not found:
        print(f"{name:40} {kind:16}{'—':>7}   cannot be served over TCP", flush=True)
        return
    safe, opened = sum(not one.unsafe for one in found), sum(one.opened for one in found)
    acknowledged, lost = sum(one.acknowledged for one in found), sum(one.lost for one in found)
    sound = sum(not one.problems for one in found)
    print(
        f"{name:40} {kind:16}{len(found):7}{safe:7}{opened:8}{acknowledged:14}{lost:6}{sound:7}"
        f"{seconds:7.0f}",
        flush=True,
    )
    said = Counter()
    for one in found:
        for problem in (*one.unsafe, *one.problems):
            said[problem] += 1
            if said[problem] == 1:
                print(f"    step {one.step} ({one.at}): {problem}", flush=True)


def print_resumed(name, reduced, log, generator, kills):
    measured = [n for n, step in enumerate(log) if step.what == "measure"]
    with tempfile.TemporaryDirectory() as folder:
        reference, equal = whole(reduced, Path(folder)), 0
        for number in range(kills):
            step = generator.randrange(measured[0] + 1, measured[-1] + 2)
            equal += not killed_and_resumed(reduced, step, Path(folder) / f"{number}.h5", reference)
    print(f"{name:40} {'resumed':16}{kills:7}   equal to the uninterrupted run: {equal}", flush=True)
    return equal == kills


def main():
    runs = reduced_runs()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", nargs="*", default=list(runs), choices=list(runs))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--most", type=int, default=120)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    generator, all_fine = random.Random(arguments.seed), True
    print(
        f"{'run':40} {'kind':16}{'inject':>7}{'safe':>7}{'opened':>8}{'acknowledged':>14}{'lost':>6}"
        f"{'sound':>7}{'s':>7}"
    )
    for name in arguments.runs:
        log, connected = count(runs[name])
        for kind in arguments.kinds:
            if kind == "resumed":
                all_fine &= print_resumed(name, runs[name], log, generator, arguments.kills)
                continue
            began = time.perf_counter()
            if kind == "SIGKILL":
                found = killed(runs[name], arguments)
            else:
                found = injected(runs[name], kind, log, connected, arguments)
            print_row(name, kind, found, time.perf_counter() - began)
            all_fine &= all(one.fine for one in found)
    return not all_fine


if __name__ == "__main__":
    sys.exit(main())
