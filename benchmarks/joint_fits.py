"""Joint fits beside one big least-squares problem in lmfit: processor time for more and more traces.

python benchmarks/joint_fits.py [TRACES ...]

lmfit is asked twice: with differences of its own, as mostly used, and with the derivatives of the model.
With the latter it is exact enough to compare with: values in standard errors, errors relative to each other.
"""

import sys
import time

from labspin.analysis import fit_joint
from tests.analysis.fitting.test_joint import DECAY, big_problem, decays, furthest


def main() -> None:
    """Print the best of three joint fits, and one fit of the big problem, for each number of traces."""
    for count in [int(word) for word in sys.argv[1:]] or [50, 100]:
        groups = tuple("abcde" * -(-count // 5))[:count]
        traces, shared = decays(count, groups=groups), {"beta": None, "T1": groups}
        spent = []
        for _ in range(3):
            begin = time.process_time()
            found = fit_joint(DECAY, traces, shared=shared)
            spent.append(time.process_time() - begin)
        told = [f"{count} traces: {min(spent):.3f} s"]
        for exact, name in ((False, "differences"), (True, "derivatives")):
            begin = time.process_time()
            lm, names = big_problem(traces, shared=shared, sigma=0.01, exact=exact)
            big = time.process_time() - begin
            told.append(f"lmfit by {name} {big:.2f} s, {big / min(spent):.0f} times")
        off, widths = furthest(found, lm, names)
        print("; ".join(told) + f"; values within {off:.0e} σ, errors within {widths:.0e}")


if __name__ == "__main__":
    main()
