"""How many queries a second a simulated instrument answers: in process, and over TCP beside a bare socket.

Run: ``python benchmarks/wire.py``. Each line is the best of several repetitions. In process, ratios are to a
bare function call; over TCP, to a socket server that answers every line with the same bytes, which is what
the operating system takes.
"""

from __future__ import annotations

import functools
import socket
import socketserver
import threading
import timeit
import warnings

from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.srs import SG380

from labspin.clock import SimulatedClock
from labspin.instruments import load_driver
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load
from labspin.twin.server import BenchServer

QUERIES = {
    "sg384": "FREQ?",
    "kepco_bop": "MEAS:CURR?",
    "sr400": "SS",
    "smb100a": "SOUR:FREQ?",
    "scpi_source": ":FREQ?;",
    "e36312a": "MEAS:CURR? (@1)",
    "lakeshore425": "RDGFIELD?",
    "lakeshore336": "KRDG? A",
    "lakeshore372": "KRDG? 1",
    "sr830": "FREQ?",
    "pi_gcs": "VEL? 1",
}
CONFIRMED = {"kepco_bop": "current_setpoint", "sr830": "frequency", "pi_gcs": "velocity"}
"""Numbers whose answer and its marker's come in one line, in a line each, and by a second message."""
SAMPLES = {"lakeshore336": "mrfm_cantilever", "lakeshore372": "mrfm_cantilever"}


class Parrot(socketserver.BaseRequestHandler):
    """Answers every line with the same number: a server with nothing behind it."""

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := self.request.recv(65536):
            self.request.sendall(b"1.234567E+00\n" * data.count(b"\n"))


def best(function, number):
    """Return the best time of one call, s."""
    return min(timeit.repeat(function, number=number, repeat=7)) / number


def query(adapter, command):
    def ask():
        adapter.write(command)
        return adapter.read()

    return ask


def socket_query(port, command):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask():
        connection.sendall(command)
        return connection.recv(4096)

    return connection, ask


def table(title, rows):
    bare = rows[0][1]
    print(f"{title:54s} {'µs':>8s} {'queries/s':>10s} {'x bare':>7s}")
    for name, time in rows:
        print(f"{name:54s} {time * 1e6:8.2f} {1 / time:10.0f} {time / bare:7.1f}")
    print()


def in_process(devices):
    magnet = devices["kepco_bop"]
    adapters = {name: SimulatedAdapter(device) for name, device in devices.items()}
    rows = [("bare function call: device.true_identity", best(lambda: magnet.true_identity, 20_000))]
    rows += [
        (f"{name}: {command}", best(query(adapters[name], command), 3_000))
        for name, command in QUERIES.items()
    ]
    generator, supply = SG380(adapters["sg384"]), KepcoBOP3612(adapters["kepco_bop"])
    rows += [
        ("pymeasure driver: SG380.frequency", best(lambda: generator.frequency, 3_000)),
        ("pymeasure driver: KepcoBOP3612.current", best(lambda: supply.current, 3_000)),
    ]
    table("in process", rows)


def over_tcp(devices):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Parrot) as parrot, BenchServer(devices) as bench:
        threading.Thread(target=parrot.serve_forever, daemon=True).start()
        connection, ask = socket_query(parrot.server_address[1], b"X?\n")
        rows = [("bare socket server with nothing behind it", best(ask, 1_000))]
        connection.close()
        for name in ("kepco_bop", "smb100a", "lakeshore336"):
            connection, ask = socket_query(bench.ports[name], QUERIES[name].encode() + b"\n")
            rows.append((f"socket, {name}: {QUERIES[name]}", best(ask, 1_000)))
            connection.close()
        address = f"TCPIP0::127.0.0.1::{parrot.server_address[1]}::SOCKET"
        plain = KepcoBOP3612(address, visa_library="@py")
        rows.append(("pyvisa-py, pymeasure KepcoBOP3612, bare server", best(lambda: plain.current, 500)))
        plain.adapter.close()
        remote = KepcoBOP3612(bench.addresses["kepco_bop"], visa_library="@py")
        rows.append(("pyvisa-py, pymeasure KepcoBOP3612, served bench", best(lambda: remote.current, 500)))
        remote.adapter.close()
        for name, attribute in CONFIRMED.items():
            driver = (
                load_driver(name).adapter.open(bench.addresses[name], name=name, visa_library="@py").device
            )
            function = functools.partial(getattr, driver, attribute)
            rows.append((f"labspin's driver, {name}.{attribute}, confirmed", best(function, 500)))
            driver.close()
        parrot.shutdown()
    table("over TCP", rows)


def main() -> None:
    warnings.simplefilter("ignore")
    clock = SimulatedClock()
    worlds = {
        sample: World(load(sample)(), clock, seed=1) for sample in ("levitated_diamond", "mrfm_cantilever")
    }
    devices = {name: DEVICES[name](worlds[SAMPLES.get(name, "levitated_diamond")]) for name in QUERIES}
    in_process(devices)
    over_tcp(devices)


if __name__ == "__main__":
    main()
