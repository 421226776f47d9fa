import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from labspin.data import list_runs, read_run
from labspin.errors import (
    ArgumentError,
    ConfigurationError,
    ConnectionFailedError,
    LimitError,
    RunAborted,
    SafetyError,
    StationError,
    UnitError,
)
from labspin.experiment import run
from labspin.session import connect_host, load_card, refuse_hosted
from labspin.session.host_record import claimed, find_hosts, host_file
from labspin.session.host_wire import dial
from labspin.station import load_station
from tests.places import PATIENCE
from tests.session.hosts import (
    ENVIRONMENT,
    HostProcess,
    make_workspace,
    wait_for,
    wait_for_run,
    wait_until_idle,
)
from tests.some import some


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def host(lab):
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as process:
        process.client()
        yield process


@pytest.fixture
def client(host):
    with host.client() as client:
        if client.status()["run"]:
            client.abort(pause_queue=True)
            wait_until_idle(client)
        client.queue.clear(waiting=True)
        client.queue.resume()
        yield client


# -- the bench ----------------------------------------------------------------------------------------------


def test_a_client_has_the_handles_of_a_bench(client):
    bench = client.bench
    bench.magnet.output_enabled = True
    bench.magnet.field = "1 G"
    assert bench.magnet.current == pytest.approx(1 / 15, rel=1e-3, abs=0)
    assert bench.magnet.measured_current == pytest.approx(1 / 15, rel=0.1, abs=0)
    bench.actuator("magnet.field").move("0 G")
    assert bench.actuator("magnet.current").maximum == 11
    assert {"field", "current", "measured_current", "safe"} <= set(dir(bench.magnet))
    assert bench.pulses.is_running() is False
    assert "kepco_bop" in repr(bench.magnet)


@pytest.mark.parametrize(
    ("name", "value", "error", "match"),
    [
        ("magnet.field", "1 T", LimitError, "magnet.field: wanted -16.5 mT to 16.5 mT, got 1 T"),
        ("magnet.field", "1 s", UnitError, "magnet.field"),
        ("magnet.curent", 1.0, ArgumentError, "did you mean 'current'"),
        ("magent.current", 1.0, ArgumentError, "did you mean 'magnet'"),
        ("magnet.measured_current", 1.0, ArgumentError, "can be read only"),
        ("magnet._device", 1.0, ArgumentError, "has no attribute"),
    ],
)
def test_what_a_bench_refuses_a_client_is_refused(client, name, value, error, match):
    with pytest.raises(error, match=match):
        client.set(name, value)


def test_nothing_but_plain_values_and_methods_of_the_role_are_reached(client):
    with pytest.raises(ArgumentError, match="wanted an attribute with a plain value"):
        client.get("magnet.safe")
    with pytest.raises(ArgumentError, match="wanted one of the methods"):
        client.ask("call", name="magnet.close", arguments=[], keywords={})
    with pytest.raises(ArgumentError, match="verb 'eval': wanted one of"):
        client.ask("eval", text="1")
    with pytest.raises(ArgumentError, match="verb 'get'"):
        client.ask("get", wrong=1)


def test_the_safe_state_breaks_off_a_ramp_and_what_waits_behind_it(client):
    client.set("magnet.output_enabled", True)
    errors = []

    def move(value):
        with connect_host(client.record.station) as other:
            try:
                other.set("magnet.current", value)
            except RunAborted as error:
                errors.append(error)

    threads = [threading.Thread(target=move, args=(value,)) for value in ("10 A", "-10 A")]
    for thread in threads:
        thread.start()
    wait_for(lambda: abs(client.status()["sent"].get("magnet.current", 0)) > 0.2, what="a step of the ramp")
    wait_for(lambda: client.status()["orders"] == 1, what="the second order")
    assert client.status()["state"] == "moving"
    actions = client.safe()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(errors) == 2
    assert all(action["ok"] for action in some(actions))
    assert client.get("magnet.output_enabled") is False


def test_the_bench_is_read_back_and_its_course_kept(client):
    began = time.time()
    news = client.follow(0, timeout=1.0)
    while len(client.course(["magnet.field"], began)["magnet.field"][0]) < 3:
        news = client.follow(news["sequence"], timeout=1.0)
        assert time.time() - began < PATIENCE
    assert news["status"]["readings"]["microwave.frequency"]["value"] > 0
    assert news["status"]["simulated"] is True


def test_count_rates_for_alignment(client):
    client.ask("align", on=True)
    rate = wait_for(lambda: client.status()["readings"].get("rate.pl", {}).get("value"), what="a rate")
    client.ask("align", on=False)
    assert 1e5 < rate < 1e7


# -- runs ---------------------------------------------------------------------------------------------------


def test_a_run_of_the_host_is_the_run_of_the_command_line(lab, client, tmp_path):
    client.add(lab / "procedures" / "quick.toml", seed=5)
    client.start()
    wait_until_idle(client)
    (queued,) = client.queue.read().runs
    assert queued.state == "finished", queued.message
    hosted = read_run(lab / queued.file)
    (spec,) = load_card(lab / "procedures" / "quick.toml").runs
    with load_station(lab / "instruments" / "levitated-diamond.toml").connect(seed=5) as bench:
        run(spec.make(), bench, tmp_path / "alone.h5", label=spec.label, seed=5)
    alone = read_run(tmp_path / "alone.h5")
    assert len(hosted.points) == 24
    for name, values in some(alone.columns.items()):
        np.testing.assert_array_equal(hosted.columns[name], values, err_msg=name)


def long_run(lab, client, **options):
    client.add(lab / "procedures" / "quick.toml", overrides=["averages=1000"], **options)
    client.start()
    return wait_for_run(client)


def test_a_run_may_be_paused_and_the_bench_touched_then(lab, client):
    path = long_run(lab, client)["run"]["path"]
    with pytest.raises(SafetyError, match="not touched while the run 'quick' is being made; pause the run"):
        client.set("microwave.power", "0 dBm")
    client.pause()
    wait_for(lambda: client.status()["state"] == "paused")
    wait_for(lambda: read_run(path).events_of("pause"))
    held = client.status()["run"]["done"]
    assert client.set("microwave.power", "-20 dBm") == pytest.approx(-20, rel=1e-9, abs=0)
    assert client.status()["run"]["done"] == held
    client.unpause()
    wait_for(lambda: client.status()["run"]["done"] > held)
    assert client.get("microwave.power") == pytest.approx(10, rel=1e-9, abs=0), "reached again by the run"
    number = client.status()["run"]["id"]
    for order in (client.skip, client.abort):
        with pytest.raises(
            ConfigurationError, match=rf"run {number - 1} is over; run {number} is being made"
        ):
            order(run=number - 1)
    client.skip(run=number)
    wait_for(lambda: read_run(path).events_of("skip"))
    client.abort(pause_queue=True)
    wait_until_idle(client)
    assert read_run(path).status == "aborted"
    with pytest.raises(ConfigurationError, match="no run is being made"):
        client.pause()


def test_after_an_abort_the_queue_goes_on_unless_it_is_paused(lab, client):
    long_run(lab, client, repeat=2)
    client.abort()
    wait_for(lambda: [r.state for r in client.queue.read().runs] == ["aborted", "running"])
    wait_for_run(client)
    client.safe()
    wait_until_idle(client)
    assert [r.state for r in client.queue.read().runs] == ["aborted", "aborted"]
    assert client.queue.read().paused


def test_a_run_goes_on_when_its_clients_are_killed(lab, client):
    code = (
        "import sys, time, labspin; h = labspin.connect_host(sys.argv[1]); n = 0\n"
        "print('here', flush=True)\n"
        "while True: n = h.follow(n)['sequence']\n"
    )
    watchers = [
        subprocess.Popen(
            [sys.executable, "-c", code, client.record.station],
            env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for watcher in some(watchers):
        assert watcher.stdout.readline() == "here\n"
    client.add(lab / "procedures" / "quick.toml", overrides=["averages=8"])
    client.start()
    path = wait_for_run(client)["run"]["path"]
    for watcher in watchers:
        watcher.kill()
        watcher.communicate()
    wait_until_idle(client)
    made = read_run(path)
    assert (made.status, len(made.points)) == ("finished", 96)


def test_a_station_file_that_was_changed_is_not_run_on_the_old_bench(lab, client):
    station = lab / "instruments" / "levitated-diamond.toml"
    text = station.read_text()
    try:
        station.write_text(text + "\n# a remark\n")
        client.add(lab / "procedures" / "quick.toml")
        client.start()
        wait_until_idle(client)
        (queued,) = client.queue.read().runs
        assert queued.state == "failed"
        assert "was changed after the host had connected it; connect again" in queued.message
        client.ask("reconnect")
        station.write_text("[station\n")
        with pytest.raises(StationError):
            client.ask("reconnect")
        assert client.status()["state"] == "idle", "the bench that was connected is kept"
    finally:
        station.write_text(text)
        client.ask("reconnect")


# -- who may, and who may not -------------------------------------------------------------------------------


def test_two_hosts_of_one_station_refuse_each_other_by_name_and_process(host, client):
    with HostProcess(host.station) as second:
        said, _ = second.process.communicate(timeout=PATIENCE)
    assert second.process.returncode == 1
    assert "'levitated diamond (simulated)': its instruments are held by another host" in said
    assert f"process {host.process.pid}" in said


def test_only_who_knows_the_secret_is_heard(lab, client):
    file = host_file(lab / "instruments" / "levitated-diamond.toml")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConnectionFailedError):
        dial(client.record.port, "0" * 64, "gone", "silent")
    assert client.status()["state"] == "idle"


def test_a_silent_stranger_keeps_nobody_waiting(client):
    import socket

    with socket.create_connection(("127.0.0.1", client.record.port)) as stranger:
        with connect_host(client.record.station) as other:
            other.status()
        assert stranger.recv(65536), "he is asked who he is"
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):  # and is still waited for
            stranger.recv(1)


def test_the_file_of_a_dead_host_is_nobody(tmp_path):
    lab = make_workspace(tmp_path / "lab")
    station = lab / "instruments" / "levitated-diamond.toml"
    with HostProcess(station) as process:
        client = process.client()
        assert [record.process for record in find_hosts(lab)] == [process.process.pid]
        process.kill()
        with pytest.raises(
            ConnectionFailedError, match=r"the host of station .* is gone; its watchdog makes"
        ):
            client.follow(10**9, timeout=1.0)
    assert host_file(station).read_text(), "the file is there"
    assert find_hosts(lab) == []
    with pytest.raises(StationError, match="no host runs in this workspace; start one with"):
        connect_host(workspace=lab)
    with HostProcess(station) as process:
        process.client().stop()
        assert process.process.wait(PATIENCE) == 0


def test_a_host_may_not_be_taken_twice_by_one_process(tmp_path):
    station = make_workspace(tmp_path / "lab") / "instruments" / "levitated-diamond.toml"
    with (
        claimed(station, "lab"),
        pytest.raises(StationError, match="held by another host"),
        claimed(station, "lab"),
    ):
        pass
    refuse_hosted(station)


# -- the command line ---------------------------------------------------------------------------------------


def labspin(lab, *words):
    return subprocess.run(
        [sys.executable, "-m", "labspin", *words], cwd=lab, env=ENVIRONMENT, capture_output=True, text=True
    )


def test_the_command_line_says_the_same(lab, client):
    assert "levitated diamond (simulated), simulated, process" in labspin(lab, "status").stdout
    assert labspin(lab, "set", "magnet.output_enabled", "on").stdout == "magnet.output_enabled = True\n"
    assert labspin(lab, "set", "microwave.frequency", "2.61 GHz").stdout == "microwave.frequency = 2.61 GHz\n"
    assert "2.61 GHz" in labspin(lab, "get", "microwave.frequency", "magnet.field").stdout
    refused = labspin(lab, "set", "magnet.field", "1 T")
    assert (refused.returncode, "wanted -16.5 mT to 16.5 mT" in refused.stderr) == (1, True)
    assert labspin(lab, "pause").stderr.endswith("no run is being made\n")
    assert "ok  magnet: safe()" in labspin(lab, "safe").stdout
    labspin(lab, "queue", "add", "procedures/quick.toml", "--set", "averages=500")
    assert labspin(lab, "start").stdout == "1 run waits\n"
    wait_for_run(client)
    assert labspin(lab, "abort", "--queue").stdout == "done\n"
    wait_until_idle(client)
    assert [summary.status for summary in list_runs(lab / "data")][-1] == "aborted"
