"""Runs of reduced cards that are broken off and resumed, compared with the uninterrupted one bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from labspin.data import read_run
from labspin.experiment import Control, resume, run
from labspin.session import recorded_procedure
from tests.faults.injections import Steps, stepped
from tests.faults.reduced_cards import reduced_runs
from tests.places import environment


def whole(reduced, folder):
    """Return the uninterrupted run."""
    path = folder / "whole.h5"
    with reduced.connect() as bench:
        run(reduced.procedure(), bench, path, label=reduced.label)
    return read_run(path)


def unlike(one, other):
    """Return what of two runs differs, to the bit: plan, points, times, columns."""
    found = [name for name in ("plan", "layout") if getattr(one.header, name) != getattr(other.header, name)]
    found += [
        name
        for name in ("index", "time")
        if not np.array_equal(getattr(one.points, name), getattr(other.points, name))
    ]
    return found + [
        name
        for name, values in one.columns.items()
        if not np.array_equal(values, other.columns[name], equal_nan=values.dtype.kind in "fc")
    ]


class StopAfter:
    """Aborts a run when so many points stand."""

    def __init__(self, control, points):
        self._control, self._points = control, points

    def on_start(self, header, total):
        pass

    def on_point(self, index, values, done, total):
        if done == self._points:
            self._control.abort("far enough")

    def on_event(self, kind, message):
        pass

    def on_finish(self, outcome):
        pass


def aborted_and_resumed(reduced, points, path, reference):
    """Abort a run after so many points, resume it on a bench connected again; return what is unlike."""
    control = Control()
    with reduced.connect() as bench:
        outcome = run(
            reduced.procedure(), bench, path, label=reduced.label,
            observers=[StopAfter(control, points)], control=control,
        )  # fmt: skip
    assert (outcome.status, outcome.points) == ("aborted", points)
    return _resumed(reduced, path, reference)


def killed_and_resumed(reduced, step, path, reference):
    """Kill a run's process with SIGKILL at a step, resume it here; return what is unlike."""
    command = [sys.executable, "-m", __name__, reduced.name, str(step), str(path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert read_run(path).status == "dead"
    return _resumed(reduced, path, reference)


def _resumed(reduced, path, reference):
    with reduced.connect() as bench:
        assert resume(path, bench, procedure=recorded_procedure(read_run(path).header)).status == "finished"
    recorded = read_run(path)
    repeated = [event.message for event in recorded.events_of("warning") if "repeat" in event.message]
    return unlike(reference, recorded) + repeated


def _work(name, step, path):
    reduced, procedure = reduced_runs()[name], reduced_runs()[name].procedure()
    steps = Steps(int(step), lambda step, device: os.kill(os.getpid(), signal.SIGKILL))
    with stepped(steps, procedure), reduced.connect() as bench:
        run(procedure, bench, Path(path), label=reduced.label)


if __name__ == "__main__":
    _work(*sys.argv[1:])
