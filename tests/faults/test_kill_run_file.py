"""SIGKILL at any moment loses no acknowledged point."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from labspin.data import Column, FitParameter, FitRecord, Layout, RunHeader, RunWriter, read_run, write_fit
from tests.faults.run_file_crash import crash
from tests.places import environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and select on pipes are POSIX")


@pytest.mark.parametrize("with_arrays", [False, True])
@pytest.mark.parametrize("checkpoint_interval", [None, 0.02])
def test_a_killed_writer_loses_no_acknowledged_point(tmp_path, with_arrays, checkpoint_interval):
    generator = random.Random(11)
    for trial in range(2):
        path = tmp_path / f"run{trial}.h5"
        outcome = crash(
            path, generator, with_arrays=with_arrays, checkpoint_interval=checkpoint_interval, longest=0.15
        )
        assert outcome.acknowledged > 0
        assert outcome.lost == 0
        assert outcome.wrong == 0
        # The point that was on its way when the end came may stand too.
        assert outcome.found - outcome.acknowledged <= 1


def test_killed_while_adding_fits_the_file_is_always_whole(tmp_path):
    path = tmp_path / "run.h5"
    writer = RunWriter.create(
        path, RunHeader(procedure="p", layout=Layout(columns=(Column(name="a"),), size=3))
    )
    for index in range(3):
        writer.append(index, 0.0, [index])
    writer.finish("finished")
    write_fit(path, FitRecord(name="first", quantity="a", model="m"))
    code = (
        "import sys, itertools\n"
        "from labspin.data import FitParameter, FitRecord, write_fit\n"
        "for k in itertools.count():\n"
        "    p = (FitParameter(name='a', value=float(k), stderr=1.0),)\n"
        "    fit = FitRecord(name='f', quantity='a', model='m', parameters=p)\n"
        f"    write_fit({str(path)!r}, fit, replace_same=True)\n"
        "    print(k, flush=True)\n"
    )
    generator = random.Random(5)
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment())
        child.stdout.readline()
        time.sleep(generator.uniform(0, 0.1))  # at any moment of the writing
        os.kill(child.pid, signal.SIGKILL)
        written = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        run = read_run(path)
        assert run.data["a"].tolist() == [0, 1, 2]
        fits = {fit.name: fit for fit in run.fits}
        assert set(fits) == {"first", "f"}
        last = int(written[-1]) if written else 0
        assert fits["f"].parameter("a").value in (last, last + 1)
    # A dead writer's lock file does not keep the next one out.
    fit = FitRecord(
        name="g", quantity="a", model="m", parameters=(FitParameter(name="a", value=0.0, stderr=1.0),)
    )
    assert write_fit(path, fit) == "g"


def test_two_processes_cannot_write_one_run(tmp_path):
    path = tmp_path / "run.h5"
    code = (
        "from labspin.data import RunWriter\n"
        "from labspin.errors import StorageError\n"
        "try:\n"
        f"    RunWriter.resume({str(path)!r})\n"
        "except StorageError as error:\n"
        "    print('refused:', error)\n"
    )
    header = RunHeader(procedure="p", layout=Layout(columns=(Column(name="a"),), size=3))
    with RunWriter.create(path, header) as writer:
        writer.append(0, 0.0, [1.0])
        outcome = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
        )
        assert outcome.stdout.startswith("refused:")
        assert "still being written" in outcome.stdout
        writer.append(1, 0.0, [2.0])
    assert read_run(path).columns["a"].tolist() == [1.0, 2.0]


def test_many_processes_that_create_the_same_run_leave_one_winner(tmp_path):
    path = tmp_path / "run.h5"
    code = (
        "import sys\n"
        "from labspin.data import Column, Layout, RunHeader, RunWriter\n"
        "from labspin.errors import StorageError\n"
        "header = RunHeader(procedure='p', layout=Layout(columns=(Column(name='a'),), size=1))\n"
        "sys.stdin.readline()\n"
        "try:\n"
        f"    writer = RunWriter.create({str(path)!r}, header)\n"
        "except StorageError:\n"
        "    print('refused', flush=True)\n"
        "else:\n"
        "    print('won', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for _ in range(4)
    ]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.stdout.readline().strip() for child in children]
    for child in children:
        child.communicate("end\n")
    assert sorted(answers) == ["refused"] * 3 + ["won"]


def test_a_forked_child_does_not_keep_the_run_of_a_dead_parent_alive(tmp_path):
    path = tmp_path / "run.h5"
    code = (
        "import os, signal, time\n"
        "from labspin.data import Column, Layout, RunHeader, RunWriter\n"
        "from labspin.errors import StorageError\n"
        "header = RunHeader(procedure='p', layout=Layout(columns=(Column(name='a'),), size=9))\n"
        f"writer = RunWriter.create({str(path)!r}, header)\n"
        "writer.append(0, 0.0, [1.0])\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        writer.append(1, 0.0, [1.0])\n"
        "    except StorageError as error:\n"
        "        os.write(1, b'refused\\n')\n"
        "    time.sleep(60)\n"
        "    os._exit(0)\n"
        "os.write(1, b'%d\\n' % child)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment()
    )
    lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
    assert "refused" in lines
    child = int(max(lines - {"refused"}))
    try:
        assert read_run(path).status == "running"
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert read_run(path).status == "dead"
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()
