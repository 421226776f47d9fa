"""Joint fits beside one big least-squares problem in lmfit: processor time for more and more traces.

python benchmarks/joint_fits.py [TRACES ...]
"""

import sys
import time

from labspin.analysis import fit_joint
from tests.analysis.fitting.test_joint import DECAY, big_problem, decays


def main() -> None:
    """Print the best of three joint fits, and one fit of the big problem, for each number of traces."""
    for count in [int(word) for word in sys.argv[1:]] or [50, 100]:
        groups = tuple("abcde" * -(-count // 5))[:count]
        traces, shared = decays(count, groups=groups), {"beta": None, "T1": groups}
        spent = []
        for _ in range(3):
            begin = time.process_time()
            fit_joint(DECAY, traces, shared=shared)
            spent.append(time.process_time() - begin)
        begin = time.process_time()
        big_problem(traces, shared=shared, sigma=0.01)
        big = time.process_time() - begin
        print(
            f"{count} traces: {min(spent):.3f} s, one big problem {big:.2f} s, {big / min(spent):.0f} times"
        )


if __name__ == "__main__":
    main()
