"""Where things stand, for tests in rooms of any depth and for the processes that they start."""

import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "tests" / "data"
# Seconds after which what does not come is missed: many, for a machine on which thirty others work; fewer
# than the time limit of a test, so that a test says itself what did not come.
PATIENCE = 240.0


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that finds labspin and the tests as this one does.

    The options of this run of pytest are its own: a pytest that a test starts may not know them.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def own_loopback(*ports: int) -> str:
    """Return an address of this machine at which nobody uses ``ports``: other benches may be served here."""
    candidates = ["127.0.0.1"]
    if sys.platform == "linux":  # the whole network 127 is this machine
        candidates += [f"127.{a}.{b}.{max(c, 1)}" for a, b, c in (os.urandom(3) for _ in range(5))]
    for address in reversed(candidates):
        with socket.socket() as probe:
            if all(probe.connect_ex((address, port)) != 0 for port in ports):
                return address
    raise RuntimeError(f"ports {ports} are in use at all of {candidates}")
