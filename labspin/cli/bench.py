"""`labspin bench`: be the host that holds a station for its clients, or serve a simulated one over TCP."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.numbers import positive, whole_from
from labspin.cli.output import add_json, print_json

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.station import ServedBench

__all__ = ["add", "execute"]

_LOOK = 0.5  # s between looks for a signal, where waiting cannot be interrupted
_PORT_BASE = 5025


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "bench", help="hold a bench for clients, or serve a simulated one", description=__doc__
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_serve(actions)
    _add_host(actions)
    stop = actions.add_parser("stop", help="end the host; the bench is made safe")
    stop.add_argument("station", type=Path, nargs="?", help="station file, where several hosts run")
    stop.add_argument("--force", action="store_true", help="abort a run that is being made")
    stop.set_defaults(execute=_stop)


def _add_serve(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = actions.add_parser(
        "serve",
        help="open a socket for every simulated instrument",
        description="Open a socket for every instrument of a simulated station, print their VISA resource "
        "names, and serve them until Ctrl-C or SIGTERM. Several programs may connect at once.",
    )
    serve.add_argument("station", type=Path, help="station file (TOML) with a [simulation]")
    serve.add_argument(
        "--port-base", type=int, default=_PORT_BASE, metavar="N",
        help=f"port of the first instrument, the others follow; 0 takes free ports (default {_PORT_BASE})",
    )  # fmt: skip
    serve.add_argument(
        "--speed", type=float, default=None, metavar="X",
        help="simulated seconds per second (default: the station's, 1 if its clock is \"fast\")",
    )  # fmt: skip
    serve.add_argument(
        "--host", metavar="HOST",
        help="address to listen at (default: this machine only, at the first of 127.0.0.1 to 127.0.0.9 "
             "where the ports are free)",
    )  # fmt: skip
    serve.add_argument(
        "--seed", type=whole_from(0), default=None, metavar="N", help="seed, instead of the station's"
    )
    add_json(serve)
    serve.set_defaults(execute=execute)


def _add_host(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    host = actions.add_parser(
        "host",
        help="hold the instruments of a station, for the window, the command line and notebooks",
        description="Connect a station and hold it until Ctrl-C, SIGTERM or labspin bench stop: make the "
        "runs of the queue, read the bench back, move what clients ask within limits and ramps.",
    )
    host.add_argument("station", type=Path, help="station file (TOML)")
    host.add_argument(
        "--interval",
        type=positive,
        default=0.5,
        metavar="S",
        help="time between two read-backs, s (default 0.5)",
    )
    host.set_defaults(execute=_host)


def _host(arguments: argparse.Namespace) -> int:
    """Hold a station until a signal or a client ends it."""
    from labspin.session.host import BenchHost
    from labspin.station import load_station

    BenchHost(load_station(arguments.station), interval=arguments.interval).serve()
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    """End a host and wait until its bench is safe."""
    from labspin.cli.output import console
    from labspin.session import connect_host
    from labspin.session.host_start import wait_until_gone

    with connect_host(arguments.station, any_version=True) as host:
        host.stop(force=arguments.force)
    is_gone = wait_until_gone(host.record)
    console().print("ended" if is_gone else f"process {host.record.process} still makes the bench safe")
    return 0


def execute(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, 0.
    """
    from labspin.station import is_local, load_station

    station = load_station(arguments.station)
    if arguments.host is not None and not is_local(arguments.host):
        sys.stderr.write(
            f"labspin: warning: at {arguments.host} everybody on the network can drive this bench, without "
            f"a password; leave --host out to let in this machine only\n"
        )
    with (
        _until_signal() as stopped,
        station.serve(
            host=arguments.host, port_base=arguments.port_base, speed=arguments.speed, seed=arguments.seed
        ) as bench,
    ):
        _tell(station.name, bench, as_json=arguments.json)
        while not stopped.wait(_LOOK):
            pass
    return 0


def _tell(name: str, bench: ServedBench, *, as_json: bool) -> None:
    speed = bench.world.clock.speed  # type: ignore[attr-defined]
    if as_json:
        print_json(
            {
                "station": name,
                "speed": speed,
                "instruments": [
                    {"name": row.name, "role": row.role, "driver": row.driver, "address": row.address,
                     "port": row.port, "read_termination": row.read_termination, "note": row.note}
                    for row in bench.instruments
                ],
            }
        )  # fmt: skip
    else:
        rows = [
            (row.name, row.driver, row.address, row.note or repr(row.read_termination))
            for row in bench.instruments
        ]
        heads = ("instrument", "driver", "VISA resource or host", "answers end with")
        sys.stdout.write(f"{name}, served at {speed:g} simulated seconds a second; Ctrl-C ends it\n\n")
        _write_aligned([heads, *rows])
    sys.stdout.flush()


def _write_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Print columns that are never folded, so that an address can be copied whole."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"  {'  '.join(cells)}".rstrip() + "\n")


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event, so that closing is never broken off half-way."""
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
