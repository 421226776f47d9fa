"""Random plans on random stations, with random mishaps: at the wire no set-point leaves limits or ramp rates.

``python benchmarks/random_plans.py [--plans N] [--seed S]``. Stations (limits, ramps, safe values,
calibrations, coils), plans (every form of sweep, lists, adaptive ones, labspin's own procedures, nonsense
among them), what somebody left the bench at, and what goes wrong meanwhile (aborts and failures in the middle
of ramps, dropped connections, missing answers) are drawn by hypothesis from the seed. A monitor decodes the
bytes that reach the simulated devices and compares them with what the station allows, and the magnet's true
current with its rate.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.experiment.random_plans import run_trial, trials


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # mishaps are meant
    found, violations = Counter(), []
    begun = time.perf_counter()

    @seed(arguments.seed)
    @settings(
        max_examples=arguments.plans,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(trials())
    def go(trial):
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_trial(trial, Path(folder) / "run.h5")
        found["plans"] += 1
        found["refused"] += bool(outcome.refused)
        found["refused, yet measured"] += bool(outcome.refused and outcome.points)
        found["points"] += outcome.points
        if outcome.monitor is not None:
            found["set-points"] += outcome.monitor.seen
            found["ramped"] += outcome.monitor.ramped
            found["worst"] = max(found["worst"], outcome.monitor.worst)
            violations.extend(outcome.monitor.violations)

    go()
    report(arguments.seed, found, violations)
    print(f"seconds                            {time.perf_counter() - begun:>10.0f}")
    return bool(violations or found["refused, yet measured"])


def report(number, found, violations):
    print(f"seed                               {number:>10}")
    print(f"plans run                          {found['plans']:>10}")
    print(f"refused before anything moved      {found['refused']:>10}")
    print(f"refused, and yet measured          {found['refused, yet measured']:>10}")
    print(f"points measured                    {found['points']:>10}")
    print(f"set-points seen at the wire        {found['set-points']:>10}")
    print(f"  of them in ramps                 {found['ramped']:>10}")
    print(f"largest rate / allowed             {found['worst']:>10.6f}")
    print(f"violations                         {len(violations):>10}")
    for violation in violations[:10]:
        print(violation)


if __name__ == "__main__":
    sys.exit(main())
