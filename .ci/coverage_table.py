"""Print the branch coverage of each package and the files that are covered least.

    python .ci/coverage_table.py [coverage.json]

The file is that of ``coverage json``. What runs in processes of its own (the command line killed and resumed,
the watchdog, probes) is not counted.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

LEAST, LOWEST = 80.0, 12  # per cent below which a file is named, and how many are named at most


def _percent(lines: int, total: int) -> float:
    return 100.0 * lines / total if total else 100.0


def main(path: str) -> None:
    """Print the table."""
    files = json.loads(Path(path).read_text(encoding="utf-8"))["files"]
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    found = []
    for name, content in files.items():
        summary = content["summary"]
        covered = summary["covered_lines"] + summary.get("covered_branches", 0)
        total = summary["num_statements"] + summary.get("num_branches", 0)
        parts = Path(name).parts
        package = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
        for key in (package, "all"):
            sums[key][0] += covered
            sums[key][1] += total
        found.append((_percent(covered, total), name))
    print("branch coverage of each package, in per cent")
    for package, (covered, total) in sorted(sums.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"  {package:<24}{_percent(covered, total):6.1f}")
    low = sorted(found)[:LOWEST]
    print(f"the {len(low)} files that are covered least")
    for percent, name in low:
        print(f"  {name:<56}{percent:6.1f}{'  below 80' if percent < LEAST else ''}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "coverage.json")
