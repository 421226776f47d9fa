"""Kill a run with SIGKILL at its k-th step, on a bench that outlives it, and see what its watchdog does.

The simulated devices of a card's station are served over TCP by this process, and the run is a process of
its own that drives them as a real bench, with a watchdog. World and run have clocks four times faster than
the wall's; the watchdog's is the wall's, so that it ramps four times more slowly than it might. The child
tells which points were acknowledged, kills itself at the step it was told, and this process judges by the
world.
"""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from labspin.bench.waiting import InterruptibleClock
from labspin.clock import SimulatedClock
from labspin.data import RunWriter, read_run
from labspin.data.plain import from_json, to_json
from labspin.experiment import run
from labspin.instruments.base import Guarded
from labspin.instruments.pulse_streamer import PulseStreamer
from labspin.station import load_station
from labspin.station.simulation import SimulatedWorld
from labspin.twin.server import BenchServer
from tests.faults.injections import METHODS, Found, Steps, Supply, before, compare_with_file, say, unsafe
from tests.faults.reduced_cards import reduced_runs
from tests.places import environment

SPEED = 4.0  # a loaded machine must keep up with it
_SLACK = 1.05  # of a ramp's step: arrival at the device is timed by the wall
_SAFE = "the bench is in its safe state"


def can_be_served(reduced):
    """Return whether all devices of a run's bench speak over a wire."""
    return all(spec.entry.adapter.uses_visa() or spec.uses or spec.driver == "pulse_streamer"
               for spec in reduced.station.instruments)  # fmt: skip


def served_text(text, addresses):
    """Return a simulated station's text as that of a real one, whose instruments are at ``addresses``."""
    tables = re.split(r"(?m)^(?=\[)", text)
    kept = []
    for table in tables:
        if table.startswith("[simulation"):
            continue
        table = re.sub(r"(?m)^(twin|wiring) = .*\n", "", table)
        table = table.replace("[station]\n", '[station]\nvisa_library = "@py"\n')
        name = re.match(r"\[instruments\.(\w+)\]\n", table)
        if name and name[1] in addresses:
            table = table.replace("\n", f'\naddress = "{addresses[name[1]]}"\ntimeout = "2 s"\n', 1)
        kept.append(table)
    return "".join(kept)


class Served:
    """A card's bench behind sockets, seen from within; a context manager."""

    def __init__(self, reduced, folder):
        spec = dataclasses.replace(reduced.station.simulation, speed=SPEED)
        simulated = SimulatedWorld(spec, "served")
        single = [one for one in reduced.station.instruments if not one.uses]
        devices = {one.name: simulated.device(one) for one in single}
        ports = dict.fromkeys(devices, 0)
        self._server = BenchServer(devices, ports=ports, binary_ports=ports)
        self.station = folder / "served.toml"
        self.station.write_text(served_text(reduced.station.text, self._server.addresses), encoding="utf-8")
        self.bench = SimpleNamespace(
            simulation=SimpleNamespace(world=simulated.world, devices=devices),
            actuators={one.name: SimpleNamespace(spec=one) for one in reduced.station.actuators},
        )
        self.supply = Supply(self.bench, slack=_SLACK)

    def unsafe(self):
        """Return what is not as it should be left."""
        return unsafe(self.bench)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._server.close()


def _child(reduced, at, station, path):
    return subprocess.Popen(
        [sys.executable, "-m", __name__, reduced.name, str(at), str(station), str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(), start_new_session=True,
    )  # fmt: skip


def count_served(reduced, folder):
    """Return the steps of an undisturbed run on the served bench."""
    with Served(reduced, folder) as served:
        child = _child(reduced, -1, served.station, folder / "run.h5")
        said, errors = child.communicate(timeout=600)
        assert child.returncode == 0, errors
        assert not served.unsafe()
        return json.loads(said.splitlines()[-1])["steps"]


def kill_at(reduced, at, folder, *, patience=60.0):
    """Kill a run at step ``at``; return what is left once its watchdog has gone."""
    path, found = folder / "run.h5", Found(reduced.name, "SIGKILL", at, "")
    with Served(reduced, folder) as served:
        child = _child(reduced, at, served.station, path)
        said, errors = child.communicate(timeout=600)
        lines = [json.loads(line) for line in said.splitlines()]
        found.at = next((line["at"] for line in lines if "at" in line), "")
        if child.returncode != -signal.SIGKILL:
            found.problems.append(f"ended with {child.returncode} before its step: {errors[-300:]}")
        _wait(lambda: not served.unsafe(), patience)
        began = journal_begun(path)
        if began:
            _wait(lambda: _SAFE in _log(path), patience)
            _wait(lambda: read_run(path).status != "running", patience)
        found.unsafe = [*served.unsafe(), *served.supply.jumps]
    points = {line["index"]: from_json(line["values"]) for line in lines if "index" in line}
    recorded = compare_with_file(found, path, points)
    if recorded is not None and recorded.status != "finished" and not recorded.events_of("watchdog"):
        found.problems.append("the watchdog's report is missing")
    return found


def journal_begun(path):
    """Return whether a run has left a journal that is not published yet."""
    return path.with_name(path.name + ".jnl").exists()


def _log(path):
    log = path.with_name(path.name + ".watchdog.log")
    return log.read_text(encoding="utf-8") if log.exists() else ""


def _wait(until, patience):
    deadline = time.monotonic() + patience
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)


class _Tells:
    def on_start(self, header, total):
        pass

    def on_point(self, index, values, done, total):
        say(index=index, values=to_json(list(values)))

    def on_event(self, kind, message):
        pass

    def on_finish(self, outcome):
        pass


def _die(step, device):
    say(at=f"{step.what} {step.name}".strip())
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _stepped(steps, procedure):
    with contextlib.ExitStack() as stack:
        for kind, method in ((Guarded, "write"), (Guarded, "_exchange"), (PulseStreamer, "_call")):
            stack.enter_context(before(steps, kind, "wire", method, name="name"))
        for method in ("append", "event", "finish"):
            stack.enter_context(before(steps, RunWriter, "journal", method))
        stack.enter_context(before(steps, InterruptibleClock, "wait", "sleep"))
        for method in METHODS:
            stack.enter_context(before(steps, type(procedure), method, method))
        yield


def _work(name, at, station, path):
    reduced, steps = reduced_runs()[name], Steps(int(at), _die)
    procedure = reduced.procedure()
    with (
        mock.patch("labspin.station.station.WallClock", return_value=SimulatedClock(SPEED)),
        _stepped(steps, procedure),
        load_station(station).connect() as bench,
    ):
        run(procedure, bench, Path(path), label=reduced.label, observers=[_Tells()])
    say(steps=len(steps.log))


if __name__ == "__main__":
    _work(*sys.argv[1:])
