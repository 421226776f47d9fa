"""How long a query to a simulated instrument takes: in process and over TCP, beside a bare function call.

Run: ``python benchmarks/wire.py``. Each line is the best of several repetitions; ratios are to the bare call.
"""

from __future__ import annotations

import socket
import timeit
import warnings

from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.srs import SG380

from labspin.clock import SimulatedClock
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SG384, SR400, KepcoBOP
from labspin.twin.samples import load
from labspin.twin.server import BenchServer


def best(function, number):
    """Return the best time of one call, s."""
    return min(timeit.repeat(function, number=number, repeat=7)) / number


def query(adapter, command):
    def ask():
        adapter.write(command)
        return adapter.read()

    return ask


def socket_query(connection, command):
    def ask():
        connection.sendall(command)
        return connection.recv(4096)

    return ask


def main() -> None:
    warnings.simplefilter("ignore")
    world = World(load("levitated_diamond")(), SimulatedClock(), seed=1)
    microwave, magnet, counter = SG384(world), KepcoBOP(world), SR400(world)
    adapters = [SimulatedAdapter(device) for device in (microwave, magnet, counter)]
    generator, supply = SG380(adapters[0]), KepcoBOP3612(adapters[1])
    rows = [
        ("bare function call: device.true_identity", best(lambda: magnet.true_identity, 20_000)),
        ("in process: FREQ? (SG384)", best(query(adapters[0], "FREQ?"), 5_000)),
        ("in process: CURR? (Kepco)", best(query(adapters[1], "CURR?"), 5_000)),
        ("in process: MEAS:CURR? (Kepco)", best(query(adapters[1], "MEAS:CURR?"), 5_000)),
        ("in process: SS (SR400)", best(query(adapters[2], "SS"), 5_000)),
        ("in process, pymeasure driver: SG380.frequency", best(lambda: generator.frequency, 5_000)),
        ("in process, pymeasure driver: KepcoBOP3612.current", best(lambda: supply.current, 5_000)),
    ]
    devices = {"microwave": microwave, "magnet": magnet}
    with BenchServer(devices) as bench:
        with socket.create_connection((bench.host, bench.ports["magnet"])) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rows.append(("TCP, bare socket: CURR?", best(socket_query(connection, b"CURR?\n"), 1_000)))
        remote = KepcoBOP3612(bench.addresses["magnet"], visa_library="@py")
        rows.append(("TCP, pyvisa-py, pymeasure driver: current", best(lambda: remote.current, 500)))
        remote.adapter.close()
    bare = rows[0][1]
    print(f"{'query':54s} {'µs':>8s} {'x bare':>8s}")
    for name, time in rows:
        print(f"{name:54s} {time * 1e6:8.2f} {time / bare:8.0f}")


if __name__ == "__main__":
    main()
