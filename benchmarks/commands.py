"""How long a command takes from the shell: processor time of its process, beside the goal of it.

``python benchmarks/commands.py``; with ``--quick`` once each and with few runs, as CI tries it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CARD = str(ROOT / "procedures" / "t1.toml")


def seconds(command: list[str], folder: Path) -> float:
    """Return the processor time that a command takes, with all that it starts, s."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "labspin", *command], cwd=folder, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def make_runs(folder: Path, count: int) -> Path:
    """Measure one run on the simulated diamond, and copy it so often into a folder of its own."""
    command = ["run", CARD, "--only", "one class alone", "--output", str(folder / "data"), "--quiet"]
    seconds(command, folder)
    (run,) = (folder / "data").glob("*.h5")
    many = folder / "many"
    many.mkdir()
    for number in range(count):
        shutil.copyfile(run, many / f"run-{number:05}.h5")
    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    repeats, count = (1, 20) if quick else (5, 10_000)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run = str(make_runs(folder, count))
        commands = {
            "labspin --help": (["--help"], 0.4),
            "labspin check (a shipped card)": (["check", CARD], 0.6),
            "labspin plot (its run)": (["plot", run, "--output", str(folder / "x.png")], 1.0),
            "labspin fit (its run)": (["fit", run], 1.5),
            f"labspin ls ({count} runs)": (["ls", str(folder / "many")], None),
        }
        print(f"{'command':32} {'processor time / s':>19}   goal / s")
        for name, (command, goal) in commands.items():
            taken = statistics.median(seconds(command, folder) for _ in range(repeats))
            print(f"{name:32} {taken:19.2f}   {'' if goal is None else f'<= {goal}'}")


if __name__ == "__main__":
    main()
