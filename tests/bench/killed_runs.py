"""A served bench, runs on it in processes of their own, and what is left when these are killed."""

import contextlib
import itertools
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from pathlib import Path

from labspin.clock import SimulatedClock
from labspin.data import read_run
from labspin.twin import World, samples
from labspin.twin.devices import DEVICES
from labspin.twin.server import BenchServer
from tests.places import PATIENCE, environment

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "instruments" / "levitated-diamond-lab.toml"
RATE, INTERVAL = 2.0, 0.1  # A/s and s of the magnet's ramp in that file
NAMES = {"microwave": "sg384", "magnet": "kepco_bop", "pulses": "pulse_streamer", "counter": "sr400"}

CODE = """
    import sys
    import time
    from pathlib import Path
    from labspin.data import Column
    from labspin.experiment import Linear, Procedure, Product, Snake, Values, run
    from labspin.instruments import PulseSequence
    from labspin.station import load_station

    class Sweep(Procedure):
        quantities = (Column(name="current", unit="A"),)

        def settings(self):
            return {"microwave.frequency": 2.87e9, "microwave.power": 0.0}

        def plan(self):
            there_and_back = Linear("magnet.current", 4.0, -4.0, 9, unit="A")
            return Snake(Product(Values("round", range(100)), there_and_back))

        def prepare(self, bench):
            bench.microwave.output_enabled = True
            bench.pulses.load(PulseSequence().then("laser", "microwave", duration=1e-3), repetitions=-1)
            bench.pulses.start()
            print("prepared", flush=True)

        def measure(self, bench, point):
            time.sleep(0.02)
            return {"current": bench.magnet.measured_current}

    if __name__ == "__main__":
        with load_station(sys.argv[1]).connect() as bench:
            outcome = run(Sweep(), bench, Path(sys.argv[2]))
        print(outcome.status, flush=True)
"""


class ServedBench:
    """The lab's bench, every device behind a socket of its own, in real time; a context manager.

    ``commands`` holds (time, set-point in A, whether the output is on, true current in A) after every message
    to the supply, ``senders`` beside it the thread that served the connection, and the message.
    """

    def __init__(self, folder):
        self.world = World(samples.load("levitated_diamond")(), SimulatedClock(1.0), seed=1)
        self.devices = {name: DEVICES[driver](self.world) for name, driver in NAMES.items()}
        self.commands, self.senders = [], []
        self._watch_supply()
        any_port = {"pulses": 0}
        self.server = BenchServer(self.devices, ports=any_port, binary_ports=any_port)
        text = LAB.read_text(encoding="utf-8").replace("[station]", '[station]\nvisa_library = "@py"')
        for name, table in tomllib.loads(text)["instruments"].items():
            text = text.replace(table["address"], self.server.addresses[name])
        self.station = folder / "served.toml"
        self.station.write_text(text, encoding="utf-8")
        self.script = folder / "sweep.py"
        self.script.write_text(textwrap.dedent(CODE), encoding="utf-8")

    def answer_within(self, seconds):
        """Give every instrument this time-out (s): where no answer will come, its usual one is time lost."""
        text = self.station.read_text(encoding="utf-8").replace('timeout = "2 s"\n', "")
        text = re.sub(r"(?m)^(address = .*)$", rf'\1\ntimeout = "{seconds} s"', text)
        self.station.write_text(text, encoding="utf-8")

    def _watch_supply(self):
        supply = self.devices["magnet"]
        receive = supply.receive

        def watched(data):
            receive(data)
            state = supply.state
            self.commands.append((time.monotonic(), state.current, state.enabled, supply.output_current()))
            self.senders.append((threading.current_thread().name, bytes(data)))

        supply.receive = watched

    def start(self, path):
        """Start a run that is recorded in ``path``."""
        return subprocess.Popen(
            [sys.executable, str(self.script), str(self.station), str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )

    def kill(self, process):
        """Kill a run with its whole process group, as nothing else does, and return what it had said."""
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=PATIENCE)
        return said

    @property
    def is_safe(self):
        """Whether magnet, microwave and laser are as they should be left, seen from within the devices."""
        supply = self.devices["magnet"]
        return (
            abs(supply.output_current()) < 0.01
            and not supply.state.enabled
            and self.world.level("microwave.power") == -math.inf
            and not self.world.playing
        )

    def wait_until_safe(self, timeout=PATIENCE):
        """Return the seconds until the bench is safe, or None."""
        began = time.monotonic()
        while time.monotonic() - began < timeout:
            if self.is_safe:
                return time.monotonic() - began
            time.sleep(0.01)
        return None

    def greatest_step(self, since):
        """Return the greatest step (A) between two set-points while the supply was on, after ``since``."""
        sent = [(current, enabled) for moment, current, enabled, _ in self.commands if moment >= since]
        steps = [abs(b - a) for (a, was_on), (b, is_on) in itertools.pairwise(sent) if was_on and is_on]
        return max(steps, default=0.0)

    def current_when_switched_off(self, since):
        """Return the true current (A) in the coil at each time that the output went off after ``since``.

        It does not end at once: just after the command it is still what it was before.
        """
        known = [command for command in self.commands if command[0] >= since]
        return [abs(after[3]) for before, after in itertools.pairwise(known) if before[2] and not after[2]]

    def around_jumps(self, since, step=1.05 * RATE * INTERVAL, off_at=0.1):
        """Return what was said to the supply around each jump after ``since``, by whom, a line each."""
        told = list(zip(self.commands, self.senders, strict=True))
        seen = [
            number
            for number, ((before, _), (after, _)) in enumerate(itertools.pairwise(told))
            if after[0] >= since and before[2]
            and (abs(after[1] - before[1]) > step if after[2] else abs(after[3]) > off_at)
        ]  # fmt: skip
        shown = sorted({near for number in seen for near in range(number - 12, number + 8)})
        lines = []
        for (now, current, is_on, true), (sender, data) in (told[i] for i in shown if 0 <= i < len(told)):
            output = "on" if is_on else "off"
            lines.append(
                f"{now - since:8.3f} s {current:7.3f} A, {output}, {true:7.3f} A; {sender}: {data!r}"
            )
        return lines

    def __enter__(self):
        return self

    def processes(self):
        """Return the numbers of the watchdogs and deputies of this bench."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                is_one = b"labspin.station.guard" in command or b"deputy_process.py" in command
                if is_one and str(self.station).encode() in command:
                    found.append(int(entry.name))
        return found

    def __exit__(self, *exception):
        self.server.close()
        while left := self.processes():  # they go on trying, and this bench will not be back
            for number in left:
                with contextlib.suppress(OSError):
                    os.kill(number, signal.SIGKILL)


def wait_for_log(path, words, timeout=PATIENCE):
    """Return the watchdog's log of a run once it holds ``words``."""
    log = path.with_name(path.name + ".watchdog.log")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if log.exists() and words in (text := log.read_text(encoding="utf-8")):
            return text
        time.sleep(0.02)
    return log.read_text(encoding="utf-8") if log.exists() else ""


def read_dead(path, timeout=PATIENCE):
    """Return a run as the watchdog leaves it: while it writes, the journal counts as being written."""
    deadline = time.monotonic() + timeout
    while (run := read_run(path)).status == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    return run
