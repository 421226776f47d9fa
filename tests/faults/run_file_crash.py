"""Kill a process that writes a run at full speed, and count what is left; for test and benchmark.

The child writes points and tells each index over a pipe only after ``append`` has returned. It is killed by
SIGKILL at a random moment. Every index that came through the pipe was acknowledged and has to stand in the
journal, with the values that belong to it.
"""

import os
import random
import select
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labspin.data import Column, Layout, RunHeader, RunWriter, read_run, recover
from tests.places import environment

WORD = struct.Struct("<Q")
LENGTH = 50


def header(with_arrays):
    trace = (Column(name="trace", unit="V", shape=(LENGTH,)),) if with_arrays else ()
    columns = tuple(Column(name=name, unit="V") for name in ("x", "y", "z"))
    layout = Layout(columns=(Column(name="field", unit="T", role="coordinate"), *columns, *trace))
    return RunHeader(procedure="crash", layout=layout)


def values(index, with_arrays):
    scalars = [float(index), 0.5 * index, -index * 1.0, index**0.5]
    return [*scalars, np.full(LENGTH, float(index))] if with_arrays else scalars


def write_forever(path, with_arrays, checkpoint_interval):
    """Write until killed; runs in the child."""
    writer = RunWriter.create(Path(path), header(with_arrays), checkpoint_interval=checkpoint_interval)
    index = 0
    while True:
        writer.append(index, 1e-3 * index, values(index, with_arrays))
        os.write(1, WORD.pack(index))
        index += 1


@dataclass(frozen=True)
class Outcome:
    acknowledged: int
    found: int
    lost: int
    wrong: int


def crash(
    path, generator: random.Random, *, with_arrays=False, checkpoint_interval=None, longest=0.3
) -> Outcome:
    """Start a writer at ``path``, kill it, recover the run and compare."""
    code = f"from {__name__} import write_forever; "
    code += f"write_forever({str(path)!r}, {with_arrays!r}, {checkpoint_interval!r})"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment())
    received = _drain_until_killed(child, generator.uniform(0.0, longest))
    acknowledged = len(received) // WORD.size
    sent = [WORD.unpack_from(received, WORD.size * k)[0] for k in range(acknowledged)]
    assert sent == list(range(acknowledged)), "the pipe itself is out of order"
    assert read_run(path).status == "dead"
    recover(path)
    run = read_run(path)
    assert [entry for entry in path.parent.iterdir() if entry.name.startswith(f".{path.name}")] == []
    there = set(run.points.index.tolist())
    wrong = sum(
        not np.array_equal(
            np.hstack([run.columns[c.name][k] for c in run.header.layout.columns]),
            np.hstack(values(index, with_arrays)),
        )
        for k, index in enumerate(run.points.index.tolist())
    )
    return Outcome(acknowledged, len(there), len(set(sent) - there), wrong)


def _drain_until_killed(child, delay):
    """Read the pipe all the while, so that it never holds the child up; return all that came through."""
    received, deadline = bytearray(), None
    descriptor = child.stdout.fileno()
    while True:
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child.pid, signal.SIGKILL)
            break
        if select.select([descriptor], [], [], 0.001)[0]:
            block = os.read(descriptor, 1 << 16)
            if not block:
                raise RuntimeError("the child ended by itself")
            received += block
            if deadline is None:
                deadline = time.monotonic() + delay
    while block := os.read(descriptor, 1 << 16):
        received += block
    child.wait()
    child.stdout.close()
    return bytes(received)
