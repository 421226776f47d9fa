"""The shipped station of the laboratory, over real sockets."""

import http.server
import socketserver
import threading
from pathlib import Path

import pytest

from labspin.clock import SimulatedClock
from labspin.instruments import PulseSequence
from labspin.station import load_station
from labspin.twin import World, samples
from labspin.twin.devices import DEVICES
from tests.places import own_loopback
from tests.some import some

ROOT = Path(__file__).parents[2]
SIMULATED = ROOT / "instruments" / "levitated-diamond.toml"
LAB = ROOT / "instruments" / "levitated-diamond-lab.toml"


class LineHandler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.server.device.receive(data)
            if answer := self.server.device.transmit():
                self.request.sendall(answer)


class RequestHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.server.device.handle(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words): ...


@pytest.fixture
def host():
    """An address at which nobody else serves a Pulse Streamer: its client insists on the upload port."""
    return own_loopback(21328)


@pytest.fixture
def wires(host):
    """Every twin of the diamond bench behind a socket of its own, in one world with real time."""
    world = World(samples.load("levitated_diamond")(), SimulatedClock(1.0), seed=1)
    servers = {}
    for name in {spec.driver for spec in load_station(LAB).instruments}:  # others might darken the laser
        kind = DEVICES[name]
        handler = RequestHandler if name == "pulse_streamer" else LineHandler
        server = socketserver.ThreadingTCPServer((host, 0), handler)
        server.daemon_threads, server.device = True, kind(world)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers[name] = server
    yield {name: server.server_address[1] for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def test_the_lab_station_runs_over_real_sockets(write, wires, host):
    """The shipped lab file, its addresses replaced: VISA sockets and HTTP, as in the lab."""
    text = LAB.read_text(encoding="utf-8").replace("[station]", '[station]\nvisa_library = "@py"')
    for spec in load_station(LAB).instruments:
        port = wires[spec.driver]
        there = f"{host}:{port}" if spec.driver == "pulse_streamer" else f"TCPIP::{host}::{port}::SOCKET"
        text = text.replace(spec.address, there)
    station = load_station(write(text))
    assert [row.error for row in station.doctor()] == [None] * 4
    with station.connect() as bench:
        assert bench.description["simulated"] is False
        bench.microwave.frequency = 2.87e9
        assert bench.microwave.frequency == 2.87e9
        bench.pulses.load(PulseSequence().then("laser", "trigger", duration=5e-6).wait(5e-6))
        bench.counter.arm([(0.0, 1e-6)], triggers=100)
        bench.pulses.start()
        for _ in range(100):
            if bench.counter.is_done():
                break
            bench.clock.sleep(0.01)
        assert bench.counter.counts()[0] > 0
        assert all(action.ok for action in some(bench.safe()))
