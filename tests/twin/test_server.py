from __future__ import annotations

import math
import socket
import threading
import time

import pulsestreamer
import pytest
import pyvisa
from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.srs import SG380

from labspin.clock import SimulatedClock
from labspin.errors import ConnectionFailedError
from labspin.twin import World
from labspin.twin.devices import SG384, SR400, KepcoBOP, PulseStreamer
from labspin.twin.server import BenchServer
from tests.places import PATIENCE, own_loopback
from tests.twin.lamp import Lamp, make_world

pytestmark = pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")


@pytest.fixture
def world():
    return World(Lamp(), SimulatedClock(), seed=1)


@pytest.fixture
def bench(world):
    devices = {"microwave": SG384(world), "magnet": KepcoBOP(world, noise=0.0), "counter": SR400(world)}
    with BenchServer(devices) as server:
        yield server


def terminal(bench, name):
    connection = socket.create_connection((bench.host, bench.ports[name]), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection, command):
    connection.sendall(command)
    answer = b""
    while not answer.endswith(b"\n"):
        piece = connection.recv(4096)
        if not piece:
            return answer
        answer += piece
    return answer


def test_the_drivers_of_pymeasure_work_over_tcp(bench, world):
    options = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n"}
    generator = SG380(bench.addresses["microwave"], **options)
    supply = KepcoBOP3612(bench.addresses["magnet"], visa_library="@py")
    try:
        generator.frequency = 2.87e9
        assert generator.frequency == 2.87e9
        assert world.level("microwave.frequency") == 2.87e9
        supply.operating_mode = "CURR"
        supply.current_setpoint = 1.5
        supply.output_enabled = True
        assert supply.check_errors() == []
        world.clock.sleep(1.0)
        assert supply.current == pytest.approx(1.5, abs=4e-4)
    finally:
        generator.adapter.close()
        supply.adapter.close()


def test_plain_visa_works_over_tcp(bench):
    manager = pyvisa.ResourceManager("@py")
    counter = manager.open_resource(
        bench.addresses["counter"], read_termination="\r\n", write_termination="\r"
    )
    try:
        counter.write("CP2,3E5")
        assert counter.query("CP2") == "3E+05"
    finally:
        counter.close()
        manager.close()


@pytest.mark.parametrize("binary", [True, False])
def test_the_makers_client_drives_the_pulse_streamer_over_tcp(world, binary, capsys):
    host = own_loopback(8050, 21328)
    with BenchServer({"pulses": PulseStreamer(world)}, host=host):
        client = pulsestreamer.PulseStreamer(host)
        try:
            assert client._has_binary
            client._has_binary = binary
            made = client.createSequence()
            made.setDigital(0, [(1000, 1), (3000, 0)])
            client.stream(made, 1000)
            assert client.isStreaming()
            assert world.episodes()[0].pattern.period == pytest.approx(4e-6, rel=1e-6, abs=0)
            world.clock.sleep(1.0)
            assert client.hasFinished()
            assert client.getSerial() == "00:26:32:f0:92:26"
            if binary:
                assert client.upload(0, made, 10, next_action=pulsestreamer.NextAction.STOP) == 0
                client.start(0)
                assert client.isStreaming()
        finally:
            client._socket.close()


def test_each_client_gets_its_own_answers(bench):
    failures = []

    def client(number):
        with terminal(bench, "magnet" if number % 2 else "microwave") as line:
            for index in range(150):
                wanted = b"KEPCO" if number % 2 else b"Stanford"
                pieces = [b"*ID", b"N?\n"] if index % 3 else [b"*IDN?\n"]
                for piece in pieces[:-1]:
                    line.sendall(piece)
                if not ask(line, pieces[-1]).startswith(wanted):
                    failures.append(number)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_dropped_connection_closes_and_a_new_one_works(bench):
    bench.devices["magnet"].faults.add("drop", matching="CURR")
    with terminal(bench, "magnet") as line:
        assert ask(line, b"CURR?\n") == b""
    with terminal(bench, "magnet") as line:
        assert ask(line, b"*IDN?\n").startswith(b"KEPCO")


def test_a_late_answer_comes_over_tcp_too(bench):
    bench.devices["magnet"].faults.add("late", value=3.0)
    with terminal(bench, "magnet") as line:
        assert ask(line, b"*IDN?\n").startswith(b"KEPCO")
    assert bench.devices["magnet"].world.clock.now() == pytest.approx(3.0, rel=1e-6, abs=0)


def test_a_bench_runs_with_the_wall_clock():
    world = World(Lamp(), SimulatedClock(speed=50.0), seed=1)
    with BenchServer({"magnet": KepcoBOP(world, noise=0.0)}) as bench, terminal(bench, "magnet") as line:
        line.sendall(b"FUNC:MODE CURR;:CURR 2;:OUTP ON\n")
        deadline = time.monotonic() + PATIENCE
        while abs(float(ask(line, b"MEAS:CURR?\n")) - 2.0) > 1e-3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert float(ask(line, b"MEAS:CURR?\n")) == pytest.approx(2.0, abs=1e-3)


def test_closing_leaves_no_thread_no_port_and_no_client(world):
    before = threading.active_count()
    server = BenchServer({"magnet": KepcoBOP(world)})
    port = server.ports["magnet"]
    line = terminal(server, "magnet")
    ask(line, b"*IDN?\n")
    server.close()
    assert line.recv(10) == b""
    line.close()
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1.0)
    server.close()


def test_a_port_in_use_is_said_so(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionFailedError, match=f"'magnet': port {port} .* choose another"):
            BenchServer({"microwave": SG384(world), "magnet": KepcoBOP(world)}, ports={"magnet": port})


def test_bytes_are_the_same_in_process_and_over_tcp():
    script = [b"*CLS\n", b"CURR 3;CURR?\n", b"FOO;*ESR?\n", b"SYST:ERR?\n", b"outp on;:outp?;*IDN?\r\n"]
    device = KepcoBOP(make_world())
    in_process = []
    for data in script:
        device.receive(data)
        in_process.append(device.transmit())
    with BenchServer({"magnet": KepcoBOP(make_world())}) as bench, terminal(bench, "magnet") as line:
        for data, answer in zip(script, in_process, strict=True):
            if answer:  # may be none: a setting answers nothing
                assert ask(line, data) == answer
            else:
                line.sendall(data)
    assert math.isfinite(float(in_process[1]))
