"""Hosts as processes of their own, on simulated stations and on a served bench."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from labspin.session.client import HostClient
from labspin.session.host_record import host_of
from tests.places import PATIENCE, ROOT, environment

ENVIRONMENT = environment()

QUICK_CARD = """# A quick T1, for tests.
procedure = "t1"
station = "../instruments/levitated-diamond.toml"

[parameters]
dark_time_start = "20 us"
dark_time_stop = "16 ms"
dark_times = {points}
averages = {averages}      # passes
repetitions = 9000
laser_duration = "300 us"
guard_time = "1 us"
pi_duration = "100 ns"
microwave_power = "10 dBm"
microwave_frequency = "2.6014 GHz"
signal_width = "25 us"
reference_width = "150 us"
seed = 1
"""


def make_workspace(folder, *, points=12, averages=2):
    """Make a workspace with the simulated diamond and one quick card; return it."""
    for door in ("instruments", "procedures", "analysis"):
        (folder / door).mkdir(parents=True)
    shutil.copy(ROOT / "instruments" / "levitated-diamond.toml", folder / "instruments")
    card = QUICK_CARD.format(points=points, averages=averages)
    (folder / "procedures" / "quick.toml").write_text(card, encoding="utf-8")
    return folder


class HostProcess:
    """A host of a station as a process of its own; a context manager."""

    def __init__(self, station, *options):
        self.station = Path(station)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labspin", "bench", "host", str(station), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        self._clients = []

    def client(self, timeout=PATIENCE):
        """Return a new client, once the host listens."""
        deadline = time.monotonic() + timeout
        while (record := host_of(self.station)) is None:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "the host does not listen"
            time.sleep(0.02)
        client = HostClient(record)
        self._clients.append(client)
        return client

    def kill(self):
        """Kill the host as nothing else does."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.communicate()


def wait_for(condition, timeout=PATIENCE, what="it"):
    """Return the first true value of ``condition``."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {timeout} s"
        time.sleep(0.01)
    return value


def wait_for_run(client, timeout=PATIENCE):
    """Return the status once a run has points."""
    return wait_for(
        lambda: (s := client.status())["run"] and s["run"]["done"] > 0 and s, timeout, "a run with points"
    )


def wait_until_idle(client, timeout=PATIENCE):
    """Wait until no run is being made and none waits that may be."""

    def is_idle():
        status = client.status()
        return status["run"] is None and (not status["queue"]["makes_runs"] or status["queue"]["paused"])

    wait_for(is_idle, timeout, "the end of the runs")
