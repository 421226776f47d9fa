"""A disk that is full: an error in plain words, nothing acknowledged lost, the run can be ended later."""

import subprocess
import sys

import pytest

from labspin.data import read_run
from tests.places import environment

resource = pytest.importorskip("resource")

SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
from labspin.data import Column, Layout, RunHeader, RunWriter, read_run
from labspin.data.journal.writer import journal_path
from labspin.errors import StorageError

path, limit = Path(sys.argv[1]), int(sys.argv[2])
layout = Layout(columns=(Column(name="a", unit="V"), Column(name="trace", unit="V", shape=(512,))))
writer = RunWriter.create(path, RunHeader(procedure="full", layout=layout))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
taken = 0
try:
    for index in range(100_000):
        writer.append(index, 0.0, [float(index), np.full(512, float(index))])
        taken += 1
except StorageError as error:
    print(error)
assert 0 < taken < 100_000
assert writer.done == set(range(taken))
before = len(read_run(path).points)
assert before == taken, (before, taken)
for _ in range(3):  # trying again leaves no trace either
    try:
        writer.append(taken, 0.0, [0.0, np.zeros(512)])
    except StorageError:
        pass
    else:
        raise AssertionError("a point was taken on a full disk")
if sys.argv[3] == "finish":
    try:
        writer.finish("finished")
    except StorageError:
        pass
    else:
        raise AssertionError("finished on a full disk")
    assert journal_path(path).exists() and not path.exists()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
writer.append(taken, 0.0, [float(taken), np.full(512, float(taken))])
print(taken + 1, writer.finish("finished"))
"""


@pytest.mark.parametrize("early_finish", ["finish", "wait"])
@pytest.mark.parametrize("limit", [1_000_000, 1_001_234])
def test_nothing_acknowledged_is_lost_and_the_run_can_be_finished(tmp_path, early_finish, limit):
    path = tmp_path / "run.h5"
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, str(limit), early_finish],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    message, result = outcome.stdout.splitlines()
    assert "full" in message
    assert str(path) in message
    run = read_run(path)
    count = int(result.split()[0])
    assert run.status == "finished"
    assert run.columns["a"].tolist() == list(range(count))
    assert (run.columns["trace"] == run.columns["a"][:, None]).all()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]


SMALL_DISK = """
import os, sys
from pathlib import Path
from labspin.data import Column, FitRecord, Layout, RunHeader, RunWriter, read_run, write_fit
from labspin.data.journal.writer import journal_path
from labspin.errors import StorageError

folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(2_500_000))
layout = Layout(columns=(Column(name="a"), Column(name="trace", shape=(512,))))
path = folder / "run.h5"
writer = RunWriter.create(path, RunHeader(procedure="full", layout=layout))
taken = 0
try:
    while True:
        writer.append(taken, 0.0, [float(taken), [float(taken)] * 512])
        taken += 1
except StorageError as error:
    print(error)
for action in (lambda: writer.finish("finished"), writer.checkpoint):
    try:
        action()
    except StorageError as error:
        print(error)
    else:
        raise AssertionError("wrote to a full disk")
assert sorted(entry.name for entry in folder.iterdir()) == ["ballast", "run.h5.jnl"]
ballast.unlink()
writer.finish("finished")
whole = path.read_bytes()
ballast.write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
try:
    write_fit(path, FitRecord(name="f", quantity="a", model="m"))
except StorageError as error:
    print(error)
else:
    raise AssertionError("wrote a fit to a full disk")
assert path.read_bytes() == whole
assert read_run(path).columns["a"].tolist() == list(range(taken))
try:
    RunWriter.create(folder / "next.h5", RunHeader(procedure="p", layout=layout))
except StorageError as error:
    print(error)
else:
    raise AssertionError("started a run on a full disk")
assert sorted(entry.name for entry in folder.iterdir()) == ["ballast", "run.h5"]
"""


def test_a_really_full_file_system(small_disk):
    """On a file system of 4 MB of its own, where root may mount one."""
    outcome = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, small_disk],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    lines = outcome.stdout.splitlines()
    assert len(lines) == 5
    assert all("full" in line or "free" in line for line in lines)
