"""What is done by hand through a host is called off: by Ctrl-C at the client, or by name."""

import signal
import subprocess
import sys
import threading

import pytest

from labspin.errors import RunAborted
from labspin.session import connect_host
from tests.places import PATIENCE, environment
from tests.session.hosts import HostProcess, make_workspace, wait_for

RATE, SLOW = 'ramp_rate = "2 A/s"', 'ramp_rate = "0.05 A/s"'
NOTEBOOK = """
import sys
from labspin import connect_host

with connect_host(sys.argv[1]) as host:
    try:
        host.set("magnet.current", "10 A")
    except KeyboardInterrupt:
        print(host.get("microwave.power"), host.get("magnet.output_enabled"), host.status()["hand"])
"""


@pytest.fixture
def client(tmp_path):
    """Return a client of a host whose magnet takes minutes: nothing is over before it is called off."""
    lab = make_workspace(tmp_path / "lab")
    station = lab / "instruments" / "levitated-diamond.toml"
    text = station.read_text(encoding="utf-8")
    assert text.count(RATE) == 1
    station.write_text(text.replace(RATE, SLOW), encoding="utf-8")
    with HostProcess(station) as host:
        client = host.client()
        client.set("magnet.output_enabled", True)
        yield client


def test_ctrl_c_at_a_client_breaks_off_its_move_and_shifts_no_answers(client):
    power = client.get("microwave.power")
    with subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK, client.record.station], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    ) as notebook:  # fmt: skip
        wait_for(
            lambda: abs(client.status()["sent"].get("magnet.current", 0)) > 0.001, what="a step of the ramp"
        )
        notebook.send_signal(signal.SIGINT)
        said, errors = notebook.communicate(timeout=PATIENCE)
    assert said == f"{power} True None\n", errors
    wait_for(lambda: client.status()["state"] == "idle")
    assert 0.001 < client.status()["sent"]["magnet.current"] < 9.0


def test_what_waits_behind_another_move_can_be_called_off(client):
    errors = []

    def move(value):
        with connect_host(client.record.station) as other:
            try:
                other.set("magnet.current", value)
            except RunAborted as error:
                errors.append(str(error))

    threads = [threading.Thread(target=move, args=(value,)) for value in ("10 A", "-10 A")]
    for thread in threads:
        thread.start()
    wait_for(lambda: (s := client.status())["hand"] and s["orders"] == 1, what="the second order")
    client.ask("halt", name="magnet.current")
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(errors) == [
        "magnet.current: not touched, since that was called off meanwhile",
        "magnet.current: the move was stopped, by Safe or by a person",
    ]
