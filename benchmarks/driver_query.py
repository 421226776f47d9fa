"""What a query costs on its way from a role to a simulated SG384 and back, in process.

Each line is one layer more; the last ones are the stock pymeasure driver on the same twin, and a query of the
Pulse Streamer through the maker's client. Run: ``OMP_NUM_THREADS=1 python benchmarks/driver_query.py``.
"""

import time
from pathlib import Path

from pymeasure.instruments.srs import SG380

from labspin.station import load_station

ROUNDS, QUERIES = 30, 500


def best(queries):
    """Return the least mean time of each query over rounds that take turns, s."""
    found = dict.fromkeys(queries, float("inf"))
    for _ in range(ROUNDS):
        for name, query in queries.items():
            start = time.perf_counter()
            for _ in range(QUERIES):
                query()
            found[name] = min(found[name], (time.perf_counter() - start) / QUERIES)
    return found


def main():
    station = load_station(Path(__file__).parents[1] / "instruments" / "levitated-diamond.toml")
    with station.connect() as bench:
        role = bench.raw("microwave", reason="a benchmark")
        driver = role.device
        adapter = driver.adapter
        twin = adapter.device
        stock = SG380(adapter)

        def on_the_wire():
            twin.receive(b"FREQ?\n")
            return twin.transmit()

        def through_the_adapter():
            adapter.write("FREQ?")
            return adapter.read()

        def set_and_check():
            driver.frequency = 2.87e9

        queries = {
            "twin alone, bytes in and out": on_the_wire,
            "adapter": through_the_adapter,
            "driver.ask, locked": lambda: driver.ask("FREQ?"),
            "driver.frequency": lambda: driver.frequency,
            "role.frequency": lambda: role.frequency,
            "driver.frequency = …, error queue read": set_and_check,
            "stock SG380.frequency (pymeasure)": lambda: stock.frequency,
            "pulses.is_running() (JSON-RPC)": bench.pulses.is_running,
        }
        times = best(queries)
        reference = times["stock SG380.frequency (pymeasure)"]
        print(f"{'query':42s} {'µs':>7s} {'/ stock':>8s}")
        for name, seconds in times.items():
            print(f"{name:42s} {1e6 * seconds:7.1f} {seconds / reference:8.2f}")


if __name__ == "__main__":
    main()
