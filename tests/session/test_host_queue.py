"""What the queue's file may be, and a host ends its runs and makes the bench safe all the same."""

import contextlib
import signal
import threading

import pytest

from labspin.data.lock import lock_file
from labspin.errors import ConfigurationError, ConnectionFailedError
from labspin.session.host_news import News
from labspin.session.host_queue import QueueTurns
from labspin.session.queue import Queue
from tests.bench.killed_runs import ServedBench
from tests.places import PATIENCE
from tests.session.hosts import QUICK_CARD, HostProcess, make_workspace, wait_for, wait_for_run
from tests.some import some


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Wait for the queue's file as long as a busy machine needs."""
    monkeypatch.setattr("labspin.session.host_queue._PATIENCE", PATIENCE)


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
    assert all(action["ok"] for action in some(client.safe()))
    wait_for(lambda: is_safe(client))
    said = [message for _, _, kind, message in client.follow(0)["events"] if kind == "error"]
    assert any("no run begins until the queue is started again" in message for message in said)
    (lab / "queue.toml").unlink()
    assert client.status()["queue"] == {"paused": False, "waiting": 0, "makes_runs": False, "problem": ""}


def test_the_state_of_the_bench_does_not_wait_for_a_disk_that_hangs(tmp_path, monkeypatch):
    queue = Queue(tmp_path / "queue.toml")
    turns = QueueTurns(queue, News())
    queue.pause()
    wait_for(lambda: turns.record()["paused"])
    monkeypatch.setattr("labspin.session.host_queue._GLANCE", 0.01)
    read, answers = queue.read, threading.Event()
    monkeypatch.setattr(queue, "read", lambda: answers.wait(PATIENCE) and read())
    try:
        for _ in range(20):
            record = turns.record()
            assert "its disk does not answer" in record["problem"]
            assert record["paused"], "as it was read last"
        assert [thread.name for thread in threading.enumerate()].count("queue reader") == 1
    finally:
        answers.set()
    wait_for(lambda: turns.record() == {**record, "problem": ""})


def test_a_run_is_aborted_though_its_queue_is_nonsense(lab, client):
    (lab / "queue.toml").write_text("nonsense = [", encoding="utf-8")
    client.abort(pause_queue=True)
    wait_for(lambda: client.status()["run"] is None)


def test_who_holds_the_queue_does_not_hold_the_bench(lab, client):
    """The file gets what it missed once it is free."""
    with lock_file(lab / "queue.toml"):
        assert all(action["ok"] for action in some(client.safe()))
        wait_for(lambda: client.get("magnet.output_enabled") is False)
        client.set("microwave.power", "-20 dBm")  # the run is over, but for the queue
        assert [run.state for run in client.queue.read().runs] == ["running", "waiting"]
    wait_for(lambda: client.status()["run"] is None)
    wait_for(lambda: client.queue.read().paused)
    assert [run.state for run in client.queue.read().runs] == ["aborted", "waiting"]
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


@pytest.fixture
def served(tmp_path):
    """Return a bench behind sockets, with a card of long runs beside its station."""
    with ServedBench(tmp_path) as bench:
        card = QUICK_CARD.format(points=20, averages=200)
        (tmp_path / "quick.toml").write_text(card.replace("repetitions = 9000", "repetitions = 10"))
        yield bench


def test_the_safe_state_does_not_wait_for_who_holds_the_queue(served):
    """Seen at the supply: before a run begins, and while one is being made."""
    queue = served.station.with_name("queue.toml")
    with HostProcess(served.station) as host:
        client = host.client()
        client.add(served.station.with_name("quick.toml"))
        client.set("magnet.output_enabled", True)
        client.set("magnet.current", "0.6 A")
        with lock_file(queue):
            client.start()
            wait_for(lambda: any("wait for it" in text for *_, text in client.follow(0)["events"]))
            assert client.get("magnet.current") == pytest.approx(0.6, rel=0.01, abs=0)
            client.safe()
            assert served.is_safe
            assert Queue(queue).read().runs[0].state == "waiting"
        wait_for(lambda: Queue(queue).read().paused)
        client.queue.resume()
        client.start()
        wait_for_run(client)
        with lock_file(queue):
            client.safe()
            wait_for(lambda: served.is_safe)
            assert Queue(queue).read().runs[0].state == "running"
        wait_for(lambda: Queue(queue).read().runs[0].state == "aborted")


def test_a_host_ends_while_somebody_holds_its_queue(lab, host, client):
    with lock_file(lab / "queue.toml"):
        client.stop(force=True)
        wait_for(lambda: not is_answered(client), what="the end")
    assert host.process.wait(PATIENCE) == 0
    assert Queue(lab / "queue.toml").read().runs[0].state == "aborted", "written when the lock was free"


def is_answered(client):
    try:
        client.status()
    except ConnectionFailedError:
        return False
    return True


def fill(folder):
    """Leave no room on the disk of a folder."""
    with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))


def test_a_full_disk_keeps_no_host_from_the_safe_state_nor_from_its_end(small_disk):
    """On a file system of its own; how the run ended is recorded once there is room."""
    lab = make_workspace(small_disk / "lab", points=400, averages=3)
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host:
        client = host.client()
        for _ in range(2):
            client.add(lab / "procedures" / "quick.toml")
        client.start()
        wait_for_run(client)
        fill(small_disk)
        assert all(action["ok"] for action in some(client.safe()))
        wait_for(lambda: client.status()["run"] is None)
        assert client.get("magnet.output_enabled") is False
        (small_disk / "ballast").unlink()
        client.start()
        wait_for_run(client)
        ended, made = client.queue.read().runs
        assert (ended.state, made.state) == ("failed", "running")
        assert "full" in ended.message
        fill(small_disk)
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(PATIENCE) == 0
