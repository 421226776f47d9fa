"""What the container of a count costs on its way from the counter to the journal.

Two gates of two sequences, as T1 has them: as plain integers, which `PulsedProcedure.count` returns, or left
in the array of the counter until they are packed. Prints the time of a point for each step.

    python -m benchmarks.count_container
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from labspin.procedures.t1 import T1

ROUNDS, POINTS = 7, 20_000
NAMES = ("signal_0", "reference_0", "signal_pi", "reference_pi")


def best(do):
    """Return the least processor time of a point, µs."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        do()
        found.append((time.process_time() - begun) / POINTS * 1e6)
    return min(found)


def to_integers(arrays):
    for array in arrays:
        array.tolist()


def contrasts(procedure, pairs):
    for pair in pairs:
        signal, reference = pair
        procedure.contrast(signal, reference)


def appended(rows):
    """Append rows of counts to the journal of a run, without waiting for the disk."""
    columns = tuple(Column(name=name, dtype="int64") for name in NAMES)
    points = (Dimension(name="place", unit="1", values=np.arange(float(len(rows)))),)
    header = RunHeader(procedure="t1", label="counts", layout=Layout(dimensions=points, columns=columns))
    with (
        tempfile.TemporaryDirectory() as folder,
        RunWriter.create(Path(folder) / "run.h5", header, sync_interval=1e9) as writer,
    ):
        begun = time.process_time()
        for index, row in enumerate(rows):
            writer.append(index, 0.0, row)
        spent = time.process_time() - begun
        writer.finish("finished")
    return spent / len(rows) * 1e6


def main():
    rng = np.random.default_rng(1)
    arrays = list(rng.poisson(1e5, (POINTS, 2)))
    lists = [array.tolist() for array in arrays]
    procedure = T1()
    rows = rng.poisson(1e5, (POINTS, 4))
    plain = [tuple(row) for row in rows.tolist()]
    kept = [tuple(row) for row in rows]
    print(f"tolist of one count                 {best(lambda: to_integers(arrays)):8.3f} us")
    print(f"contrast of plain integers          {best(lambda: contrasts(procedure, lists)):8.3f} us")
    print(f"contrast of elements of the array   {best(lambda: contrasts(procedure, arrays)):8.3f} us")
    print(
        f"journal, four plain integers        {min(appended(plain) for _ in range(ROUNDS)):8.3f} us a point"
    )
    print(f"journal, four elements of an array  {min(appended(kept) for _ in range(ROUNDS)):8.3f} us a point")


if __name__ == "__main__":
    main()
