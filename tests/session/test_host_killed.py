"""A host of real addresses that is killed: the bench is made safe, seen at the wire, and nothing is lost."""

import subprocess
import sys
import threading
import time

import pytest

from labspin.errors import ConnectionFailedError
from labspin.session.host_record import host_file
from tests.bench.killed_runs import ServedBench, read_dead, wait_for_log
from tests.places import PATIENCE
from tests.session.hosts import ENVIRONMENT, QUICK_CARD, HostProcess, wait_for, wait_for_run


@pytest.fixture
def served(tmp_path):
    with ServedBench(tmp_path) as bench:
        card = QUICK_CARD.format(points=20, averages=200).replace(
            "../instruments/levitated-diamond.toml", "x"
        )
        (tmp_path / "quick.toml").write_text(card.replace("repetitions = 9000", "repetitions = 10"))
        yield bench


def news_of_death(client):
    """Follow the host in a thread; return a list that gets the error."""
    heard = []

    def follow():
        number = 0
        while True:
            try:
                number = client.follow(number, timeout=1.0)["sequence"]
            except ConnectionFailedError as error:
                heard.append(str(error))
                return

    threading.Thread(target=follow, daemon=True).start()
    return heard


def test_an_idle_host_that_is_killed_leaves_a_safe_bench(served, monkeypatch):
    monkeypatch.setattr("labspin.session.client._SLACK", 3600.0)  # no request ends because it took too long
    with HostProcess(served.station) as host:
        client, heard = host.client(), news_of_death(host.client())
        client.set("magnet.output_enabled", True)
        client.set("magnet.current", "0.6 A")
        assert not served.is_safe
        killed = time.monotonic()
        host.kill()
        assert served.wait_until_safe() is not None
        assert "its watchdog makes a real bench safe" in wait_for(lambda: heard)[0]
        assert max(served.current_when_switched_off(killed)) < 0.1, "ramped down, not switched off"
        wait_for_log(host_file(served.station), "the bench is in its safe state")
        with HostProcess(served.station) as second:
            assert second.client().get("magnet.output_enabled") is False


def test_a_host_that_is_killed_while_it_makes_the_bench_safe_is_followed_by_its_watchdog(served):
    with HostProcess(served.station) as host:
        client = host.client()
        client.set("magnet.output_enabled", True)
        client.set("magnet.current", "2 A")
        errors = []

        def ask():
            try:
                client.safe()
            except ConnectionFailedError as error:
                errors.append(str(error))

        asked = threading.Thread(target=ask)
        asked.start()
        wait_for(lambda: 0.2 < served.devices["magnet"].output_current() < 1.9)
        killed = time.monotonic()
        host.kill()
        assert served.wait_until_safe() is not None
        asked.join()
        assert "its watchdog makes a real bench safe" in errors[0]
        assert max(served.current_when_switched_off(killed)) < 0.1, "ramped down, not switched off"


def test_a_host_that_is_killed_in_a_run_loses_no_point(served, tmp_path):
    with HostProcess(served.station) as host:
        client = host.client()
        client.add(tmp_path / "quick.toml")
        client.start()
        run = wait_for_run(client)["run"]
        wait_for(lambda: client.status()["run"]["done"] > 5)
        done = client.status()["run"]["done"]
        host.kill()
        assert served.wait_until_safe() is not None
        left = read_dead(type(tmp_path)(run["path"]))
        assert left.status == "dead"
        assert len(left.points) >= done
        assert client.queue.read().runs[0].state == "interrupted"


def test_between_its_runs_the_host_is_watched_still(served, tmp_path):
    card = tmp_path / "quick.toml"
    card.write_text(card.read_text().replace("dark_times = 20", "dark_times = 2"))
    with HostProcess(served.station) as host:
        client = host.client()
        client.add(card, overrides=["averages=1"])
        client.start()
        wait_for(lambda: [r.state for r in client.queue.read().runs] == ["finished"])
        wait_for(lambda: client.status()["state"] == "idle")
        client.set("magnet.output_enabled", True)
        client.set("magnet.current", "0.3 A")
        host.kill()
        assert served.wait_until_safe() is not None


def test_an_instrument_that_is_lost_comes_back(served):
    served.answer_within(1)
    with HostProcess(served.station) as host:
        client = host.client()
        served.devices["magnet"].faults.add("drop", times=-1)
        wait_for(lambda: client.status()["lost"] == ["magnet"], what="the loss")
        assert client.get("microwave.power") is not None, "the others are there"
        served.devices["magnet"].faults.clear()
        wait_for(lambda: client.status()["lost"] == [], what="the return")
        said = [message for *_, message in client.follow(0)["events"]]
        assert "magnet: answers again" in said


def test_the_instruments_of_a_host_are_not_connected_beside_it(served, tmp_path):
    with HostProcess(served.station) as host:
        host.client()
        refused = subprocess.run(
            [sys.executable, "-m", "labspin", "run", "quick.toml", "--on", str(served.station)],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert refused.returncode == 1
        assert f"its instruments are held by the host (process {host.process.pid})" in refused.stderr
        assert "labspin queue add CARD, then labspin start" in refused.stderr
