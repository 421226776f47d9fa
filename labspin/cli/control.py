"""Orders to a bench host: status, start, pause, unpause, skip, abort, safe, set, get."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import NOT_SAFE, add_json, console, print_json, print_table
from labspin.counts import number_of

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.session import HostClient, Queue, QueuedRun

__all__ = ["add", "execute"]

_ANY_VERSION = ("safe", "abort")
"""Orders that a host of an older release takes, too: a bench must be made safe after an upgrade."""
_SIMPLE = {
    "start": "let the host make the runs of the queue that wait",
    "pause": "hold the run of the host before its next point",
    "unpause": "let a held run continue",
    "skip": "leave out the point that the host is measuring",
    "abort": "end the run of the host: its points are kept, the bench is made safe",
    "safe": "bring the bench to its safe state; a run is aborted, the queue paused",
}


def add(commands: Commands) -> None:
    """Declare the commands.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    _finish(
        commands.add_parser("status", help="what the bench host does, and the values of the bench"), _status
    )
    for name, text in _SIMPLE.items():
        parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        if name == "abort":
            parser.add_argument("--queue", action="store_true", help="pause the queue, too")
        _finish(parser, {"safe": _safe, "start": _start}.get(name, _order))
    parser = commands.add_parser("set", help='set a value at the bench of the host: magnet.field "10 G"')
    parser.add_argument("name", help="instrument.attribute")
    parser.add_argument("value", help="with any unit of the dimension")
    _finish(parser, _set)
    parser = commands.add_parser("get", help="read values at the bench of the host")
    parser.add_argument("names", nargs="+", metavar="NAME", help="instrument.attribute")
    _finish(parser, _get)


def _finish(
    parser: argparse.ArgumentParser, perform: Callable[[HostClient, argparse.Namespace], int]
) -> None:
    parser.add_argument("--on", type=Path, metavar="STATION", help="station file, where several hosts run")
    add_json(parser)
    parser.set_defaults(execute=execute, perform=perform)


def execute(arguments: argparse.Namespace) -> int:
    """Find the host, send it the command, and return the exit code.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import connect_host

    with connect_host(arguments.on, any_version=arguments.command in _ANY_VERSION) as host:
        return int(arguments.perform(host, arguments))


def _order(host: HostClient, arguments: argparse.Namespace) -> int:
    if arguments.command == "abort":
        host.abort(pause_queue=arguments.queue)
    else:
        host.ask(arguments.command)
    return _said(host, arguments, "done")


def _start(host: HostClient, arguments: argparse.Namespace) -> int:
    count, queue = host.start(), host.queue
    state = queue.read()
    said = number_of(count, "run", "waits", "wait")
    if state.paused:
        said += f"; the queue is paused: labspin queue resume --on {host.record.station}"
    mine = {run.id for run in queue.waiting(state)}
    for bench, numbers in _others([run for run in state.of("waiting") if run.id not in mine], queue).items():
        said += f"; {number_of(len(numbers), 'run', 'waits', 'wait')} for {bench}: {', '.join(numbers)}"
    return _said(host, arguments, said)


def _others(runs: Sequence[QueuedRun], queue: Queue) -> dict[str, list[str]]:
    """Return the numbers of runs by the benches that they wait for."""
    from labspin.session import station_name

    found: dict[str, list[str]] = {}
    for run in runs:
        bench = station_name(queue, run) or "a bench that nothing names"
        found.setdefault(bench, []).append(str(run.id))
    return found


def _said(host: HostClient, arguments: argparse.Namespace, sentence: str) -> int:
    if arguments.json:
        print_json(host.status())
    else:
        console().print(sentence)
    return 0


def _safe(host: HostClient, arguments: argparse.Namespace) -> int:
    from labspin.bench.safety import SafeAction, unsafe_instruments

    actions = host.safe()
    left = unsafe_instruments(SafeAction(**done) for done in actions)  # type: ignore[arg-type]
    if arguments.json:
        print_json(actions)
    else:
        for action in actions:
            console().print(
                f"{'ok' if action['ok'] else 'FAILED'}  {action['instrument']}: {action['message']}"
            )
    return NOT_SAFE if left else 0


def _set(host: HostClient, arguments: argparse.Namespace) -> int:
    value = host.set(arguments.name, arguments.value)
    return _show(host, arguments, {arguments.name: value})


def _get(host: HostClient, arguments: argparse.Namespace) -> int:
    return _show(host, arguments, {name: host.get(name) for name in arguments.names})


def _show(host: HostClient, arguments: argparse.Namespace, values: dict[str, object]) -> int:
    if arguments.json:
        print_json(values)
        return 0
    for name, value in values.items():
        console().print(f"{name} = {_text(value, _unit(host, name))}")
    return 0


def _unit(host: HostClient, name: str) -> str:
    description = host.describe()
    if name in description["actuators"]:
        return str(description["actuators"][name]["unit"])
    instrument, _, attribute = name.partition(".")
    record = description["instruments"][instrument]
    return str({**record["settable"], **record["readings"]}.get(attribute, ""))


def _text(value: object, unit: str) -> str:
    from labspin.workspaces import quantity_text

    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return quantity_text(float(value), unit, digits=6)


def _status(host: HostClient, arguments: argparse.Namespace) -> int:
    status = host.status()
    if arguments.json:
        print_json(status)
        return 0
    run, kind = status["run"], status["kind"]
    console().print(f"{status['station']}, {kind}, process {status['process']}: {status['state']}")
    if run:
        total = "?" if run["total"] is None else run["total"]
        console().print(f"run {run['id']} {run['label']}: {run['done']} of {total} points in {run['path']}")
    queue = status["queue"]
    state = queue["problem"] or f"{queue['waiting']} wait{', paused' if queue['paused'] else ''}"
    console().print(f"queue: {state}")
    rows = [
        (name, record["error"] if "error" in record else _text(record["value"], _reading_unit(host, name)))
        for name, record in status["readings"].items()
    ]
    print_table("", ("reading", "value"), rows)
    return 0


def _reading_unit(host: HostClient, name: str) -> str:
    return "1/s" if name.startswith("rate.") else _unit(host, name)
