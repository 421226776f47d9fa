"""What the queue's file may be, and a host ends its runs and makes the bench safe all the same."""

import threading

import pytest

from labspin.data.lock import lock_file
from labspin.errors import ConfigurationError
from labspin.session.host_news import News
from labspin.session.host_queue import QueueTurns
from labspin.session.queue import Queue
from tests.places import PATIENCE
from tests.session.hosts import HostProcess, make_workspace, wait_for, wait_for_run


@pytest.fixture
def lab(tmp_path):
    return make_workspace(tmp_path / "lab", points=400, averages=3)


@pytest.fixture
def host(lab):
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as process:
        yield process


@pytest.fixture
def client(lab, host):
    """Return a client of a host that makes the first of two runs, with the magnet on."""
    with host.client() as client:
        client.add(lab / "procedures" / "quick.toml")
        client.add(lab / "procedures" / "quick.toml")
        client.start()
        wait_for_run(client)
        yield client


def is_safe(client):
    status = client.status()
    return status["run"] is None and client.get("magnet.output_enabled") is False


def test_a_queue_that_is_nonsense_keeps_no_bench_from_its_safe_state(lab, client):
    (lab / "queue.toml").write_text("nonsense = [", encoding="utf-8")
    status = client.status()
    assert status["run"]["label"] == "quick"
    assert "queue.toml: is not TOML" in status["queue"]["problem"]
    assert all(action["ok"] for action in client.safe())
    wait_for(lambda: is_safe(client))
    said = [message for _, _, kind, message in client.follow(0)["events"] if kind == "error"]
    assert any("no run begins until the queue is started again" in message for message in said)
    (lab / "queue.toml").unlink()
    assert client.status()["queue"] == {"paused": False, "waiting": 0, "makes_runs": False, "problem": ""}


def test_a_run_is_aborted_though_its_queue_is_nonsense(lab, client):
    (lab / "queue.toml").write_text("nonsense = [", encoding="utf-8")
    client.abort(pause_queue=True)
    wait_for(lambda: client.status()["run"] is None)


def test_who_holds_the_queue_does_not_hold_the_bench(lab, host, client):
    thread = threading.Thread(target=host.client().safe)
    with lock_file(lab / "queue.toml"):
        thread.start()
        wait_for(lambda: client.get("magnet.output_enabled") is False)
        wait_for(lambda: any(kind == "safe" for _, _, kind, _ in client.follow(0)["events"]))
        assert client.queue.read().runs[1].state == "waiting"
    thread.join(PATIENCE)
    wait_for(lambda: client.status()["run"] is None)
    assert client.queue.read().runs[1].state == "waiting", "the next one did not begin"
    client.queue.resume()
    client.start()
    wait_for(lambda: client.status()["run"], what="the next run, once it is asked for")


def test_a_host_ends_though_its_queue_is_nonsense(lab, host, client):
    (lab / "queue.toml").write_text("nonsense = [", encoding="utf-8")
    client.stop(force=True)
    assert host.process.wait(PATIENCE) == 0


def test_runs_may_begin_again_when_the_file_says_that_it_is_paused_or_when_they_are_started(tmp_path):
    queue, news = Queue(tmp_path / "queue.toml"), News()
    turns = QueueTurns(queue, news)
    turns.are_wanted, turns.may_begin = True, False
    turns.pause()
    assert turns.come, "the file stands for it now"
    assert queue.read().paused
    turns.may_begin = False
    queue.path.write_text("nonsense = [", encoding="utf-8")
    turns.pause()
    assert not turns.come
    assert (turns.are_wanted, turns.may_begin) == (False, False)
    assert "not paused" in news.since(0, 0.0)[1][-1][3]
    with pytest.raises(ConfigurationError):
        queue.read()
