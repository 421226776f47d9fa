"""A run is followed while it grows, and it is noticed when it ends, and when nobody writes it any more."""

import subprocess
import sys

import numpy as np

from labspin.data import RunFollower, RunWriter, follow, read_run, reader, summary_of
from labspin.data.journal.liveness import is_alive
from labspin.data.lock import is_locked
from tests.data.samples import grid_header, grid_values
from tests.places import environment

WRITER = """
import sys
from labspin.data import RunWriter
from tests.data.samples import grid_header, grid_values
writer = RunWriter.create(sys.argv[1], grid_header())
for index in range(3):
    writer.append(index, float(index), grid_values(index))
print("three points", flush=True)
sys.stdin.read()
"""


def test_a_run_that_grows_and_ends_is_told_once_each(tmp_path):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, grid_header()) as writer:
        follower = RunFollower(path)
        writer.append(0, 0.0, grid_values(0))
        assert follower.poll().status == "running"
        assert follower.poll() is None, "nothing has come"
        for index in range(1, writer.header.layout.size):
            writer.append(index, float(index), grid_values(index))
        writer.finish("finished")
    ended = follower.poll()
    assert ended.status == "finished"
    assert np.array_equal(ended.points.index, read_run(path).points.index)
    assert follower.has_ended
    assert follower.poll() is None


def test_a_run_is_followed_beyond_the_room_that_it_had_at_first(tmp_path, monkeypatch):
    monkeypatch.setattr("labspin.data.follow._ROOM", 2)
    path = tmp_path / "run.h5"
    with RunWriter.create(path, grid_header()) as writer:
        follower = RunFollower(path)
        for index in range(7):
            writer.append(index, float(index), grid_values(index))
            assert follower.poll().points.index.tolist() == list(range(index + 1))
        follower.close()


def test_a_run_whose_writer_was_killed_is_dead_though_nothing_came(tmp_path):
    path = tmp_path / "run.h5"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment(),
    ) as writer:  # fmt: skip
        writer.stdout.readline()
        follower = RunFollower(path)
        assert follower.poll().status == "running"
        assert follower.poll() is None
        writer.kill()
        writer.wait()
        dead = follower.poll()
        assert dead.status == "dead"
        assert len(dead.points) == 3
        assert follower.poll() is None, "that is told once"
    follower.close()


def test_a_run_that_is_published_while_it_is_looked_at_is_no_error(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, grid_header()) as writer:
        writer.append(0, 0.0, grid_values(0))
        follower = RunFollower(path)
        assert follower.poll().status == "running"

        def published_meanwhile(journal):
            writer.finish("aborted")
            return is_locked(journal)

        monkeypatch.setattr(follow, "is_locked", published_meanwhile)
        follower.poll()
    assert follower.poll().status == "aborted"
    assert follower.has_ended


def test_a_run_that_is_published_while_it_is_listed_is_not_damaged(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, grid_header()) as writer:
        writer.append(0, 0.0, grid_values(0))

        def published_meanwhile(journal):
            writer.finish("aborted")
            return is_alive(journal)

        monkeypatch.setattr(reader, "is_alive", published_meanwhile)
        summary = summary_of(path)
    assert (summary.status, summary.points, summary.problem) == ("aborted", 1, "")
