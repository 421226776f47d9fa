"""Kill writers at random moments, 200 times, and count acknowledged points that are gone.

``python benchmarks/kill.py [--trials N]``. A child writes at full speed and reports each index after
``append`` has returned; SIGKILL comes 0 to 0.3 s later; the run is recovered and compared, value by value.
"""

import argparse
import random
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.run_file_crash import crash

VARIANTS = {
    "scalars": {},
    "scalars, checkpoints every 50 ms": {"checkpoint_interval": 0.05},
    "scalars and an array of 50": {"with_arrays": True},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    print(f"{'':36}{'trials':>7}{'opened':>7}{'acknowledged':>14}{'median':>8}{'lost':>6}{'wrong':>6}")
    failed = False
    for name, options in VARIANTS.items():
        outcomes = []
        for _ in range(arguments.trials):
            with tempfile.TemporaryDirectory() as folder:
                outcomes.append(crash(Path(folder) / "run.h5", generator, **options))
        sent = [outcome.acknowledged for outcome in outcomes]
        lost, wrong = (sum(getattr(outcome, what) for outcome in outcomes) for what in ("lost", "wrong"))
        failed |= bool(lost or wrong)
        print(
            f"{name:36}{arguments.trials:7}{len(outcomes):7}{sum(sent):14}"
            f"{statistics.median(sent):8.0f}{lost:6}{wrong:6}"
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
