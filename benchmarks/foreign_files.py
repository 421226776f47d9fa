"""Files of other programs: which are read unaided, with names and units, and how long a first fit takes.

    python -m benchmarks.foreign_files [FILE or FOLDER …]

Without files, the samples of the tests are read, whose right names, units and numbers are known. Of others it
is said what would be fitted. The time is that of `labspin fit FILE` in a process of its own, in processor
seconds, so that a busy machine does not count; the fastest of three. A file for which the command has no
answer has no first fit, and no time.
"""

import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from labspin.analysis import propose
from labspin.data import open_foreign, pick_axes, read_foreign
from labspin.errors import LabspinError
from tests.data.foreign.samples import SAMPLES, Sample

REPEATS = 3


def seconds(path: Path) -> float | None:
    """Return the processor time of the first fit of a file, s, or None where there is none."""
    found = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            picture = Path(folder) / "fit.png"
            command = [sys.executable, "-m", "labspin", "fit", str(path), "--plot", str(picture)]
            ended = subprocess.run(command, capture_output=True, check=False)
            if ended.returncode != 0:
                return None
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def verdict(sample: Sample) -> str:
    """Return ``names and units``, or what is wrong with a sample."""
    try:
        contents = open_foreign(sample.path)
        if sample.unaided:
            pick = pick_axes(contents)
            if (pick.x, pick.y) != (sample.x, sample.y):
                return f"picks {pick.x} and {pick.y}"
        columns = read_foreign(sample.path, x=sample.x, y=sample.y)
    except LabspinError as error:
        return str(error)
    if (columns["x"].unit, columns["y"].unit) != (sample.x_unit, sample.y_unit):
        return f"units {columns['x'].unit!r} and {columns['y'].unit!r}"
    for name, right in zip("xy", sample.numbers, strict=True):
        size = float(np.abs(right).max())
        if not np.allclose(columns[name].values / size, right / size, rtol=0, atol=sample.rtol):
            return f"wrong numbers in {name}"
    return "unaided" if sample.unaided else "by name"


def shown(time: float | None) -> str:
    """Return the time of a first fit as it is printed."""
    return " no fit" if time is None else f"{time:5.2f} s"


def fitted(path: Path) -> str:
    """Return what would be fitted."""
    try:
        proposal = propose(open_foreign(path))
    except LabspinError as error:
        return str(error)
    chosen = "none is clear" if proposal.clear is None else proposal.clear.name
    x, x_unit, y, y_unit = proposal.trace.axes
    return f"{x} ({x_unit}), {y} ({y_unit}): {chosen}; {proposal.why}"


def main() -> None:
    wanted = [Path(word) for word in sys.argv[1:]]
    files = [file for path in wanted for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    if not files:
        judged = [(sample, verdict(sample)) for sample in SAMPLES]
        times = []
        for sample, said in judged:
            time = seconds(sample.path)
            row = f"{sample.file:22} {sample.written_by:42} {said:10} {shown(time)}  {fitted(sample.path)}"
            print(row, flush=True)
            if time is not None:
                times.append(time)
        good = sum(said == "unaided" for _, said in judged)
        named = sum(said == "by name" for _, said in judged)
        print(f"{good} of {len(SAMPLES)} unaided with names, units and numbers, {named} more by name")
        slowest = max(times, default=math.nan)
        print(f"{len(times)} of {len(SAMPLES)} have a first fit, the slowest in {slowest:.2f} s")
    for file in files:
        print(f"{file.name:40} {shown(seconds(file))}  {fitted(file)}", flush=True)


if __name__ == "__main__":
    main()
