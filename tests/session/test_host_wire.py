"""The host's listening side by itself."""

import contextlib
import subprocess
import sys
import textwrap
import threading

import pytest

from labspin.errors import ConnectionFailedError
from labspin.session.host_wire import Server, dial
from tests.places import PATIENCE, environment
from tests.session.hosts import wait_for

SECRET = "5" * 64
HOST = f"""
    import os, resource, sys
    from labspin.session.host_wire import Server

    server = Server("{SECRET}", lambda verb, arguments: verb)
    few = len(os.listdir("/proc/self/fd")) + 5
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        print(server.port, flush=True)
    sys.stdin.readline()
    for number in held:
        os.close(number)
    print("room again", flush=True)
    sys.stdin.readline()
"""


def dialled(port):
    """Return a connection; None where the host does not answer within the seconds that a client waits."""
    with contextlib.suppress(ConnectionFailedError):
        return dial(port, SECRET, "gone", "silent")
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of descriptors")
def test_a_moment_without_descriptors_does_not_make_the_host_deaf():
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOST)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    ) as host:  # fmt: skip
        port = int(host.stdout.readline())
        with pytest.raises(ConnectionFailedError, match=r"gone|silent"):  # refused, or waited for in vain
            dial(port, SECRET, "gone", "silent")
        host.stdin.write("\n")
        host.stdin.flush()
        assert host.stdout.readline() == "room again\n"
        line = wait_for(lambda: dialled(port))
        assert line.ask("hello", {}, patience=PATIENCE) == "hello"
        line.close()
        _, said = host.communicate("\n", timeout=PATIENCE)
    assert "Traceback" not in said


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next():
    released = threading.Event()

    def answer(verb, arguments):
        if verb == "slow":
            released.wait(PATIENCE)
        return verb

    server = Server(SECRET, answer)
    try:
        line = wait_for(lambda: dialled(server.port))
        with pytest.raises(ConnectionFailedError, match="no answer to 'slow' within"):
            line.ask("slow", {}, patience=0.0)
        released.set()
        assert not line.is_open
        with pytest.raises(ConnectionFailedError):
            line.ask("fast", {}, patience=PATIENCE)
    finally:
        released.set()
        server.close()
