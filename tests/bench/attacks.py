"""Attacks on a run at a served bench, and what is left of the bench; one function an attack.

Every attack returns an `Outcome`, seen from within the simulated devices: whether magnet, microwave and laser
came to their safe state, how long that took, the greatest step of the set-point and the current at which the
supply was switched off, and what the run's process said.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import places
from tests.bench.hostile import Cable
from tests.bench.killed_runs import INTERVAL, RATE, ServedBench, wait_for_log

HASTE = 4.0  # s of silence after which runs count as hung whose watchdog is to act on that
GIVEN_UP = "could not make everything safe"  # says the watchdog, of a run that entrusts it with the rest


@dataclass
class Outcome:
    """What came of one attack."""

    is_safe: bool
    took: float  # s until the bench was safe, or until it was given up
    step: float  # A
    off_at: float  # A
    said: str = ""
    log: str = ""
    remarks: list = field(default_factory=list)
    jumps: list = field(default_factory=list)  # what was said to the supply around each of them

    @property
    def rate_passed(self):
        """Whether a set-point jumped, or the supply was switched off with a current in the coil."""
        return self.step > 1.05 * RATE * INTERVAL or self.off_at > 0.1


class CabledBench(ServedBench):
    """A served bench every instrument of which hangs on a `Cable`.

    Its runs count as hung after ``patience`` s of silence. It is long, unless the attack is about that: on a
    busy machine a run may get no time for seconds, and its watchdog ends it before it is attacked.
    """

    def __init__(self, folder, patience=places.PATIENCE):
        folder.mkdir(exist_ok=True)
        super().__init__(folder)
        self.cables = {name: Cable(port) for name, port in self.server.ports.items()}
        text = self.station.read_text(encoding="utf-8")
        for name, cable in self.cables.items():
            text = re.sub(rf"(?<=[:]){self.server.ports[name]}\b", str(cable.port), text)
        self.station.write_text(text, encoding="utf-8")
        code = self.script.read_text(encoding="utf-8")
        limit = "from labspin.experiment import closing, engine\n"
        limit += f"closing.PATIENCE = engine.PATIENCE = {patience}\n"
        self.script.write_text(code.replace("class Sweep", limit + "class Sweep"), encoding="utf-8")

    def begin(self, path, delay):
        """Start a run, and return its process ``delay`` s after it has prepared."""
        process = self.start(path)
        said = process.stdout.readline()
        assert said == "prepared\n", said + "".join(process.communicate())
        time.sleep(delay)  # at any moment of the run
        return process

    def watchdog_of(self, process):
        """Return the number of the process that watches a run."""
        return self.child_of(process.pid, b"labspin.station.guard")

    def child_of(self, number, words):
        """Return the number of a child of a process whose command holds ``words``; None if there is none."""
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if _parent(entry) == number and words in _command(entry):
                    return int(entry.name)
        return None

    def deputy_of(self, process):
        """Return the number of the deputy of the watchdog of a run."""
        return self.child_of(process.pid, b"deputy_process.py")

    def others_of(self, process, killed=()):
        """Return the numbers of watchdog and deputy of a run, other than those that were killed.

        A run begins before its deputy does, and finds others for those that were killed while it goes on.
        """

        def found():
            assert process.poll() is None, "the run has ended: " + "".join(process.communicate())
            now = {"watchdog": self.watchdog_of(process), "deputy": self.deputy_of(process)}
            return now if not {None, *killed} & set(now.values()) else None

        numbers = wait_for(found)
        assert numbers, f"watchdog and deputy did not come in place of {killed}"
        return numbers

    def wait_for_others(self, process, killed):
        """Wait until a run has found others for a watchdog and a deputy that were killed, and goes on."""
        self.others_of(process, killed)
        sent = len(self.commands)  # it sends nothing as long as they are not on duty
        assert wait_for(lambda: len(self.commands) > sent + 2), "the run does not go on"

    def has_calmed_down(self):
        """Wait until no process of this bench is left, and return whether there is none."""
        return wait_for(lambda: not self.processes())

    def outcome(self, since, process=None, timeout=places.PATIENCE, remarks=()):
        """Wait for the safe state and return what is to be told."""
        began = time.monotonic()
        took = self.wait_until_safe(timeout)
        said = ""
        if process is not None:
            try:
                said = "".join(process.communicate(timeout=places.PATIENCE))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                said = "hung" + "".join(process.communicate())
        off = self.current_when_switched_off(since)
        return Outcome(
            took is not None, took if took is not None else time.monotonic() - began,
            self.greatest_step(since), max(off, default=0.0), said, remarks=list(remarks),
            jumps=self.around_jumps(since),
        )  # fmt: skip

    def __exit__(self, *exception):
        for cable in self.cables.values():
            cable.__exit__()
        super().__exit__(*exception)


def wait_for(condition, timeout=places.PATIENCE):
    """Return what ``condition()`` returns once that is true; what it returned last if it never is."""
    deadline = time.monotonic() + timeout
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _parent(entry):
    return int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def _command(entry):
    return (entry / "cmdline").read_bytes()


def kill_the_run(folder, delay):
    """SIGKILL the run's process."""
    path = folder / "run.h5"
    with CabledBench(folder) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        bench.kill(process)
        outcome = bench.outcome(since)
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        return outcome


def kill_the_watchdog(folder, delay):
    """SIGKILL the watchdog, and, once another is there, the run."""
    path = folder / "run.h5"
    with CabledBench(folder) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        first = bench.watchdog_of(process)
        os.kill(first, signal.SIGKILL)
        bench.wait_for_others(process, [first])
        bench.kill(process)
        outcome = bench.outcome(since)
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        return outcome


def kill_together(folder, delay, whom=("run", "watchdog")):
    """SIGKILL two of run, watchdog and deputy in one instant."""
    path = folder / "run.h5"
    with CabledBench(folder) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        numbers = {"run": process.pid, **bench.others_of(process)}
        for name in whom:
            os.kill(numbers[name], signal.SIGKILL)
        if "run" not in whom:  # it goes on, finds others for them, and is ended then
            bench.wait_for_others(process, [numbers[name] for name in whom])
            os.kill(process.pid, signal.SIGKILL)
        outcome = bench.outcome(since, process)
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        if not bench.has_calmed_down():
            outcome.remarks.append("a process is left over")
        return outcome


def kill_the_heir(folder, delay):
    """SIGKILL run and watchdog in one instant, then the watchdog that the deputy starts."""
    path = folder / "run.h5"
    with CabledBench(folder) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        first, deputy = bench.others_of(process).values()
        os.kill(first, signal.SIGKILL)
        os.kill(process.pid, signal.SIGKILL)
        second = wait_for(lambda: bench.child_of(deputy, b"labspin.station.guard"))
        os.kill(second, signal.SIGKILL)
        outcome = bench.outcome(since, process)
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        if not bench.has_calmed_down():
            outcome.remarks.append("a process is left over")
        return outcome


def kill_as_it_drips(folder, delay):
    """Let the magnet's answers drip, and SIGKILL the run: its watchdog cannot ask where the magnet is."""
    path = folder / "run.h5"
    with CabledBench(folder) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        bench.cables["magnet"].drip = 0.3
        bench.kill(process)
        outcome = bench.outcome(since, process)
        bench.cables["magnet"].drip = 0.0
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        return outcome


def hang_the_run(folder, delay):
    """Stop the run's process, which then lives and does nothing."""
    path = folder / "run.h5"
    with CabledBench(folder, patience=HASTE) as bench:
        process = bench.begin(path, delay)
        since = time.monotonic() - 0.5
        os.kill(process.pid, signal.SIGSTOP)
        outcome = bench.outcome(since, process)
        outcome.log = wait_for_log(path, "the bench is in its safe state")
        return outcome


def drip_answers(folder, delay, names=("magnet",)):
    """Let answers come one byte each 0.3 s, and end the run."""
    with CabledBench(folder, patience=HASTE) as bench:
        bench.answer_within(1)  # four bytes: no answer is whole in that time
        process = bench.begin(folder / "run.h5", delay)
        since = time.monotonic() - 0.5
        for name in names:
            bench.cables[name].drip = 0.3
        os.kill(process.pid, signal.SIGTERM)
        return bench.outcome(since, process)


def pull_the_cables(folder, delay, seconds=None, names=None):
    """Cut off instruments (all of them unless named) for a while; None: until the run has given them up."""
    with CabledBench(folder, patience=HASTE) as bench:
        process = bench.begin(folder / "run.h5", delay)
        since = time.monotonic() - 0.5
        for name in names or bench.cables:
            bench.cables[name].pulled = True
        if seconds is None:
            assert wait_for_log(folder / "run.h5", GIVEN_UP, places.PATIENCE)
        else:
            time.sleep(seconds)  # what the guards do meanwhile is asked afterwards
        for cable in bench.cables.values():
            cable.pulled = False
        outcome = bench.outcome(since, process, timeout=120.0)
        outcome.log = wait_for_log(folder / "run.h5", "the bench is in its safe state")
        return outcome


def _refusal(command):
    """Return what a command said as it failed, in one line; nothing if it did not fail."""
    done = subprocess.run(
        command, env=places.environment(), capture_output=True, text=True, timeout=places.PATIENCE
    )
    return " ".join((done.stdout + done.stderr).split()) if done.returncode else ""


def begin_a_second_run(folder, delay):
    """Begin another run by a copy of the station file, with and without a watchdog, and ask the doctor."""
    with CabledBench(folder) as bench:
        process = bench.begin(folder / "run.h5", delay)
        since = time.monotonic() - 0.5
        copy = folder / "copy.toml"
        text = bench.station.read_text(encoding="utf-8").replace("127.0.0.1::", "localhost::")
        copy.write_text(text, encoding="utf-8")
        remarks = []
        connections = {name: cable.made for name, cable in bench.cables.items()}
        commands = (
            [sys.executable, str(bench.script), str(copy), str(folder / "second.h5")],
            [sys.executable, "-c", "import sys\nfrom labspin.station import load_station\n"
             f"load_station({str(copy)!r}).connect(watchdog=False)"],
            [sys.executable, "-m", "labspin.cli", "doctor", str(copy)],
        )  # fmt: skip
        with ThreadPoolExecutor(len(commands)) as pool:
            for command, said in zip(commands, pool.map(_refusal, commands), strict=True):
                if "is in use by" not in said:
                    remarks.append(f"not refused: {command[-1]}: {said}")
        if {name: cable.made for name, cable in bench.cables.items()} != connections:
            remarks.append("another connection was made")
        if process.poll() is not None:
            said = " ".join("".join(process.communicate()).split())
            remarks.append(f"the first run ended before, with {process.returncode}: {said}")
            return bench.outcome(since, remarks=remarks)
        os.kill(process.pid, signal.SIGINT)
        return bench.outcome(since, process, remarks=remarks)


ATTACKS = {
    "SIGKILL of the run": kill_the_run,
    "SIGKILL of the watchdog, then of the run": kill_the_watchdog,
    "SIGKILL of run and watchdog at once": kill_together,
    "SIGKILL of run and deputy at once": lambda folder, delay: kill_together(
        folder, delay, ("run", "deputy")
    ),
    "SIGKILL of watchdog and deputy, then of the run": lambda folder, delay: kill_together(
        folder, delay, ("watchdog", "deputy")
    ),
    "SIGKILL of run and watchdog, then of the next": kill_the_heir,
    "SIGKILL of the run, magnet's answers drip": kill_as_it_drips,
    "run stopped (hangs with the magnet on)": hang_the_run,
    "magnet's answers drip, SIGTERM": drip_answers,
    "pulse generator's answers drip, SIGTERM": lambda folder, delay: drip_answers(folder, delay, ("pulses",)),
    "all cables pulled for 8 s": lambda folder, delay: pull_the_cables(folder, delay, 8.0),
    "the magnet's cable pulled for 8 s": lambda folder, delay: pull_the_cables(
        folder, delay, 8.0, ("magnet",)
    ),
    "a second run by a copy of the file": begin_a_second_run,
}
