"""Windows and hosts killed with SIGKILL: does the run go on, is the bench made safe, is anything lost?

    python benchmarks/kill_host.py [windows] [hosts]

So many of each, 20 unless named. First a window (``labspin gui``, offscreen) is killed again and again
while its host makes one run:
the run has to go on, with every point. Then hosts of a bench that is served over TCP are killed in
mid-run: the bench has to be safe, seen within the devices, and every point that was counted has to
stand in the run's journal; and every client has to hear of it at once.
"""

import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labspin.data import read_run
from labspin.errors import ConnectionFailedError
from tests.bench.killed_runs import ServedBench, read_dead
from tests.places import environment
from tests.session.hosts import (
    QUICK_CARD,
    HostProcess,
    make_workspace,
    wait_for,
    wait_for_run,
    wait_until_idle,
)


def windows(kills):
    lab = make_workspace(Path(tempfile.mkdtemp()) / "lab")
    done = 0
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host:
        client = host.client()
        client.add(lab / "procedures" / "quick.toml", overrides=[f"averages={min(6000 * kills, 100_000)}"])
        client.start()
        path = wait_for_run(client)["run"]["path"]
        alone = client.status()["clients"]
        for _ in range(kills):
            window = subprocess.Popen(
                [sys.executable, "-m", "labspin", "gui", str(lab)],
                env=environment(QT_QPA_PLATFORM="offscreen"), stderr=subprocess.DEVNULL,
            )  # fmt: skip
            wait_for(partial(opened, window, client, alone), what="the window")
            window.kill()
            window.wait()
            wait_for(lambda: client.status()["clients"] == alone, what="the end of its connections")
            done += client.status()["run"] is not None
        counted = client.status()["run"]["done"]
        client.abort()
        wait_until_idle(client)
    kept = len(read_run(path).points)
    print(
        f"windows killed: {kills}; run still going after each: {done}; points counted {counted}, kept {kept}"
    )


def opened(window, client, alone):
    """Is the window a client of its host? One that ended instead is not waited for."""
    if window.poll() is not None:
        sys.exit(f"the window ended by itself ({window.returncode}): does `labspin gui` run here?")
    return client.status()["clients"] > alone


def hosts(kills):
    safe, lost, took, heard = 0, 0, [], []
    for number in range(kills):
        folder = Path(tempfile.mkdtemp())
        with ServedBench(folder) as served, HostProcess(served.station) as host:
            card = QUICK_CARD.format(points=20, averages=200).replace("station =", "# station =")
            (folder / "quick.toml").write_text(card.replace("repetitions = 9000", "repetitions = 10"))
            client = host.client()
            client.add(folder / "quick.toml")
            client.start()
            path = Path(wait_for_run(client)["run"]["path"])
            follower = threading.Thread(target=hear, args=(host.client(), heard))
            follower.start()
            time.sleep(0.1 * (number % 7))
            counted = client.status()["run"]["done"]
            killed = time.monotonic()
            host.kill()
            follower.join(60)
            heard[-1] -= killed
            seconds = served.wait_until_safe(60)
            safe += seconds is not None
            took.append(seconds or 60.0)
            lost += max(0, counted - len(read_dead(path).points))
    print(f"hosts killed: {kills}; bench safe after: {safe}; points lost: {lost}; slowest {max(took):.1f} s")
    print(f"a client that follows its host heard of its death after {max(heard):.2f} s at most")


def hear(client, heard):
    """Follow a host until it is gone, and note when that was."""
    sequence = 0
    try:
        while True:
            sequence = client.follow(sequence)["sequence"]
    except ConnectionFailedError:
        heard.append(time.monotonic())


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]] or [20]
    windows(numbers[0])
    hosts(numbers[-1])
