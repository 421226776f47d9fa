"""`labspin bench serve`: as a process of its own, with signals, and through `Station.serve`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labspin.cli import main
from labspin.errors import ArgumentError, ConnectionFailedError, StationError
from labspin.station import is_local, load_station
from tests.places import PATIENCE
from tests.some import some

ROOT = Path(__file__).resolve().parents[2]

STATION = """
[station]
name = "bench to serve"

[simulation]
sample = "levitated_diamond"
seed = 1

[instruments.microwave]
role = "MicrowaveSource"
driver = "smb100a"

[instruments.magnet]
role = "MagnetSupply"
driver = "e36312a"
options = { channel = 1, compliance = "5 V" }

[instruments.gaussmeter]
role = "Gaussmeter"
driver = "lakeshore425"
twin = { noise = 0.0 }
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "bench.toml"
    file.write_text(STATION)
    return file


def ask(line, command):
    line.sendall(command.encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += line.recv(4096)
    return answer.decode().strip()


def connected(served):
    return socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)


def test_what_one_instrument_sets_another_measures_over_sockets(path):
    with load_station(path).serve(port_base=0, speed=1000.0) as bench:
        with connected(bench["magnet"]) as magnet, connected(bench["gaussmeter"]) as gaussmeter:
            before = float(ask(gaussmeter, "UNIT 2;RDGFIELD?"))
            ask(magnet, "VOLT 5, (@1);:CURR 2, (@1);:OUTP 1, (@1);*OPC?")
            deadline = time.monotonic() + PATIENCE
            while float(ask(magnet, "MEAS:CURR? (@1)")) < 1.99 and time.monotonic() < deadline:
                time.sleep(0.01)
            after = float(ask(gaussmeter, "RDGFIELD?"))
        truth = bench.world.reading("field")
    assert after == pytest.approx(truth, rel=1e-3, abs=0)
    assert after > before + 3e-4


def test_several_clients_at_once_on_one_instrument(path):
    wrong = []

    def client(number, served):
        with connected(served) as line:
            for turn in range(100):
                wanted = 1_000_000_000 + 1000 * number + turn
                answer = ask(line, "*IDN?" if turn % 2 else f"SOUR:PHAS {number};*OPC?")
                wrong.append(not (answer.startswith("Rohde") if turn % 2 else answer == "1") or wanted < 0)

    with load_station(path).serve(port_base=0) as bench:
        threads = [threading.Thread(target=client, args=(n, bench["microwave"])) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(wrong) == 600
    assert not any(wrong)


def free_run_of_ports(count):
    """Return the first of ``count`` free ports in a row."""
    for base in range(20_000, 60_000, 500):
        with_all = []
        try:
            for port in range(base, base + count):
                probe = socket.socket()
                with_all.append(probe)
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for probe in with_all:
                probe.close()
        return base
    raise AssertionError("no free ports")


def test_ports_follow_the_base_in_the_order_of_the_file(path):
    base = free_run_of_ports(3)
    with load_station(path).serve(port_base=base) as bench:
        assert [row.port for row in bench.instruments] == [base, base + 1, base + 2]
        assert bench["magnet"].address == f"TCPIP0::127.0.0.1::{base + 1}::SOCKET"
        assert bench["gaussmeter"].read_termination == "\r\n"
        with pytest.raises(ConnectionFailedError, match=f"'microwave': port {base} .* choose another"):
            load_station(path).serve(host="127.0.0.1", port_base=base)
    with load_station(path).serve(port_base=base):
        pass  # free again


def test_the_clock_of_a_served_bench_runs_by_itself(path):
    with load_station(path).serve(port_base=0) as bench:
        assert bench.world.clock.speed == 1.0
    with load_station(path).serve(port_base=0, speed=200.0) as bench:
        before = bench.world.clock.now()
        begun = time.monotonic()
        while bench.world.clock.now() - before < 10.0:
            time.sleep(0.01)
        passed, simulated = time.monotonic() - begun, bench.world.clock.now() - before
        assert simulated > 100.0 * passed


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"speed": 0.0}, "speed: wanted simulated seconds per second > 0 and finite, got 0.0"),
        ({"speed": float("inf")}, "speed: wanted .*on a served bench time must pass by itself"),
        ({"port_base": -1}, "port_base: wanted 0 .*got -1"),
        ({"port_base": 65534}, "port_base: wanted room for 3 instruments below 65535, got 65534"),
    ],
)
def test_what_cannot_be_served_is_refused(path, how, match):
    with pytest.raises(ArgumentError, match=match):
        load_station(path).serve(**how)


def test_a_real_station_is_not_served():
    with pytest.raises(StationError, match="wanted a simulated station to serve"):
        load_station(ROOT / "instruments" / "levitated-diamond-lab.toml").serve(port_base=0)


def test_an_instrument_that_is_not_there_is_named(path):
    with load_station(path).serve(port_base=0) as bench, pytest.raises(ArgumentError, match="got 'lamp'"):
        _ = bench["lamp"]


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("192.168.1.3", False), ("bench.example", False)],
)  # fmt: skip
def test_what_is_local(host, local):
    assert is_local(host) is local


def started(path, *more):
    return subprocess.Popen(
        [sys.executable, "-m", "labspin", "bench", "serve", str(path), "--port-base", "0", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_clients_connected(path, number):
    process = started(path, "--json", "--speed", "5")
    try:
        text = ""
        while not text.endswith("}\n") or text.count("{") != text.count("}"):
            piece = process.stdout.readline()
            assert piece, process.stderr.read()
            text += piece
        told = json.loads(text)
        assert told["speed"] == 5.0
        assert [row["name"] for row in told["instruments"]] == ["microwave", "magnet", "gaussmeter"]
        place = ("127.0.0.1", told["instruments"][1]["port"])
        with socket.create_connection(place, timeout=PATIENCE) as line:
            assert ask(line, "*IDN?").startswith("Keysight")
            process.send_signal(number)
            out, errors = process.communicate(timeout=PATIENCE)
            assert line.recv(10) == b""
        assert process.returncode == 0
        assert (out, errors) == ("", "")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", told["instruments"][1]["port"]), timeout=1.0)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_table_names_every_address_whole_and_another_host_is_warned_of(path):
    process = started(path, "--host", "0.0.0.0")
    try:
        lines = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert lines[0].startswith("bench to serve, served at 1 simulated seconds a second")
    for line, name in zip(lines[3:], ("microwave", "magnet", "gaussmeter"), strict=True):
        words = line.split()
        assert words[0] == name
        assert words[2].startswith("TCPIP0::")
        assert words[2].endswith("::SOCKET")
    assert "warning: at 0.0.0.0 everybody on the network can drive this bench" in errors


def test_errors_are_one_sentence(path, capsys):
    assert main(["bench", "serve", str(path), "--speed", "0"]) == 1
    assert capsys.readouterr().err.startswith("labspin: speed: wanted simulated seconds per second > 0")
    assert main(["bench", "serve", str(ROOT / "instruments" / "levitated-diamond-lab.toml")]) == 1
    assert "wanted a simulated station to serve" in capsys.readouterr().err


def test_two_benches_are_served_at_once(path):
    """The second goes to another address of this machine, where the pulse streamer's ports are free."""
    with load_station(path).serve() as first, load_station(path).serve() as second:
        assert first.host != second.host
        assert is_local(second.host)
        for one, other in some(zip(first.instruments, second.instruments, strict=True)):
            assert one.port == other.port
            assert other.address != one.address
