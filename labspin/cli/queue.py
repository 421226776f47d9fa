"""`labspin queue`: a list of runs that are made one after the other and that survives restarts and crashes.

It is kept in `queue.toml`. While `labspin queue run` makes the runs, the list can be changed from any other
terminal. The runs of each bench are made by one process: its host, or `labspin queue run`. A run whose
process died is marked as interrupted; `labspin queue resume ID` puts it back in front, and it continues where
it stopped.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.measuring import add_display, measure, say
from labspin.cli.numbers import whole_from
from labspin.cli.output import NOT_FINISHED, NOT_SAFE, add_json, console, print_json, print_table
from labspin.cli.overrides import add_overrides, overrides_of
from labspin.counts import number_of

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.experiment import Control, Observer, RunOutcome
    from labspin.session import Queue, QueuedRun, QueueState

__all__ = ["add", "execute"]


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser("queue", help="make runs one after the other", description=__doc__)
    parser.add_argument("--file", type=Path, help="queue (default: the workspace's queue.toml)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    _add_making(actions)
    _finish(
        actions.add_parser(
            "list",
            aliases=["ls"],
            help="show all runs, and when they are expected to end; on a simulated bench they end sooner",
        ),
        _list,
    )
    action = actions.add_parser("pause", help="begin no further run")
    _add_bench(action)
    _finish(action, _pause)
    _add_changing(actions)


def _add_making(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    action = actions.add_parser("add", help="append the runs of a card, once its whole plan is checked")
    action.add_argument("card", type=Path, help="run card (TOML)")
    action.add_argument("--on", type=Path, metavar="STATION", help="station file, instead of the card's")
    action.add_argument("--output", type=Path, metavar="DIR", help="as in labspin run")
    action.add_argument("--only", action="append", default=[], metavar="LABEL", help="only this run")
    add_overrides(action)
    action.add_argument("--seed", type=whole_from(0), help="as in labspin run")
    action.add_argument(
        "--repeat", type=whole_from(1), default=1, metavar="N", help="append all of it N times"
    )
    _finish(action, _add)

    action = actions.add_parser("run", help="make the runs that wait; keys and Ctrl-C as in labspin run")
    action.add_argument("--wait", action="store_true", help="keep waiting for new runs when none is left")
    action.add_argument(
        "--max-failures", type=whole_from(1), default=3, metavar="N", help="pause after N failures in a row"
    )
    _add_bench(action)
    add_display(action)
    _finish(action, _run)


def _add_changing(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    action = actions.add_parser(
        "resume", help="begin runs again; with IDs: put interrupted, failed or aborted runs back in front"
    )
    action.add_argument("ids", type=int, nargs="*", metavar="ID")
    _add_bench(action)
    _finish(action, _resume)

    action = actions.add_parser("remove", help="take runs out")
    action.add_argument("ids", type=int, nargs="+", metavar="ID")
    _finish(action, _remove)

    action = actions.add_parser("move", help="change the order of the runs that wait for a bench")
    action.add_argument("id", type=int, metavar="ID")
    action.add_argument("position", type=whole_from(1), help="1 is next at its bench")
    _finish(action, _move)

    action = actions.add_parser("clear", help="take out the runs that are over")
    action.add_argument("--all", action="store_true", help="and those that wait")
    _finish(action, _clear)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on", type=Path, metavar="STATION", help="only the runs of this bench (default: of all)"
    )


def _finish(parser: argparse.ArgumentParser, perform: object) -> None:
    add_json(parser)
    parser.set_defaults(execute=execute, perform=perform)


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for and return the exit code.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import Queue
    from labspin.workspaces import find_workspace

    file = arguments.file or find_workspace().root / "queue.toml"
    queue = Queue(file, at=None if arguments.perform is _add else vars(arguments).get("on"))
    _refuse_unknown_bench(queue, arguments)
    return int(arguments.perform(queue, arguments))


def _refuse_unknown_bench(queue: Queue, arguments: argparse.Namespace) -> None:
    """Refuse a bench that is mistyped: nothing would be paused, and no run made, without a word."""
    from labspin.errors import StationError
    from labspin.mistakes import meant_file

    if not queue.bench or arguments.on.is_file():
        return
    state = queue.read()
    if queue.bench not in {*map(queue.bench_of, state.runs), *state.paused_at}:
        raise StationError(
            f"--on {arguments.on}: wanted the station file of a bench, found none; {meant_file(arguments.on)}"
        )


def _add(queue: Queue, arguments: argparse.Namespace) -> int:
    from labspin.session import add_card

    added = add_card(
        queue,
        arguments.card,
        on=arguments.on,
        output=arguments.output,
        overrides=overrides_of(arguments),
        only=arguments.only,
        seed=arguments.seed,
        repeat=arguments.repeat,
    )
    elsewhere = "" if queue.folder.resolve() == Path().resolve() else f" to {queue.path}"
    _show(queue, arguments, f"added {', '.join(str(run.id) for run in added)}{elsewhere}")
    return 0


def _list(queue: Queue, arguments: argparse.Namespace) -> int:
    from labspin.session import expected_ends, station_name

    state = queue.read()
    ends = expected_ends(queue)
    if arguments.json:
        runs = [
            {**vars(run), "expected_end": end.isoformat() if (end := ends.get(run.id)) else None,
             "bench": station_name(queue, run)}
            for run in state.runs
        ]  # fmt: skip
        print_json({"paused": state.paused, "paused_at": state.paused_at, "runs": runs})
        return 0
    rows = [
        (str(run.id), run.state, run.label, run.card, station_name(queue, run), ", ".join(run.overrides),
         _when(run, ends.get(run.id)), run.file, run.message)
        for run in state.runs
    ]  # fmt: skip
    title = f"{queue.path}{_paused(state)}"
    heads = ("id", "state", "run", "card", "bench", "overrides", "ends", "file", "message")
    print_table(title, heads, rows, whole=("ends",))
    broken = state.of("interrupted")
    if broken:
        ids = " ".join(str(run.id) for run in broken)
        console().print(f"interrupted; to continue where it stopped:  labspin queue resume {ids}")
    return 0


def _paused(state: QueueState) -> str:
    if state.paused_at:
        return f" (paused at {', '.join(Path(bench).stem for bench in state.paused_at)})"
    return " (paused)" if state.paused else ""


def _when(run: QueuedRun, expected: datetime.datetime | None) -> str:
    """Return when a run has ended, or is expected to."""
    if run.state in ("running", "waiting"):
        return "unknown" if expected is None else f"about {expected:%Y-%m-%d %H:%M}"
    try:
        return f"{datetime.datetime.fromisoformat(run.ended).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return run.ended


def _run(queue: Queue, arguments: argparse.Namespace) -> int:
    from labspin.session import new_queued_path, run_queue

    unsafe: list[str] = []

    def report(run: QueuedRun, state: str, message: str) -> None:
        if message.startswith("NOT SAFE"):
            unsafe.append(message)
        if not arguments.json and state in ("running", "failed"):
            console().print(f"{run.id} {run.label}: {state}{f': {message}' if message else ''}")

    before = {run.id for run in queue.waiting(queue.read())}
    if not before and not arguments.wait and not arguments.json:
        stopped = [str(run.id) for run in queue.read().of("interrupted")]
        hint = f"; to continue what was interrupted: labspin queue resume {stopped[0]}" if stopped else ""
        console().print(f"no run waits{hint}", markup=False)
    failures = run_queue(
        queue,
        lambda run, control, observers: _make(queue, run, arguments, control, observers),
        file=lambda run: new_queued_path(queue, run),
        wait=arguments.wait,
        max_failures=arguments.max_failures,
        report=report,
    )
    if arguments.json:
        made = [run for run in queue.read().runs if run.id in before]
        print_json([{"id": run.id, "path": run.file, "status": run.state} for run in made])
    elif left := _left(queue):
        console().print(left, markup=False)
    if unsafe:
        return NOT_SAFE
    return NOT_FINISHED if failures else 0


def _left(queue: Queue) -> str:
    """Return which runs were left to other processes; empty if none or if the queue is paused."""
    from labspin.session import station_name

    state = queue.read()
    waiting = [run for run in queue.waiting(state) if queue.bench_of(run) not in state.paused_at]
    if state.paused or not waiting:
        return ""
    runs = ", ".join(f"run {run.id} for {station_name(queue, run)}" for run in waiting)
    return f"left to the process that makes the runs of their bench: {runs}; a host does at: labspin start"


def _make(
    queue: Queue,
    run: QueuedRun,
    arguments: argparse.Namespace,
    control: Control,
    observers: Sequence[Observer],
) -> RunOutcome:
    """Make one run, or resume it."""
    from labspin.session import make_queued_run

    def start(shown: Sequence[Observer], control: Control) -> RunOutcome:
        return make_queued_run(
            queue, run, watchdog=not arguments.no_watchdog, observers=shown, control=control
        )

    outcome = measure(start, run.label, arguments=arguments, control=control, observers=observers)
    say(outcome, as_json=arguments.json)
    return outcome


def _pause(queue: Queue, arguments: argparse.Namespace) -> int:
    queue.pause()
    _show(queue, arguments, "paused; the current run continues")
    return 0


def _resume(queue: Queue, arguments: argparse.Namespace) -> int:
    if arguments.ids:
        queue.again(*arguments.ids)
    else:
        queue.resume()
    _show(queue, arguments, "put back in front" if arguments.ids else "the queue continues")
    return 0


def _remove(queue: Queue, arguments: argparse.Namespace) -> int:
    queue.remove(*arguments.ids)
    _show(queue, arguments, "removed")
    return 0


def _move(queue: Queue, arguments: argparse.Namespace) -> int:
    queue.move(arguments.id, arguments.position)
    _show(queue, arguments, f"run {arguments.id} moved")
    return 0


def _clear(queue: Queue, arguments: argparse.Namespace) -> int:
    count = queue.clear(waiting=arguments.all)
    _show(queue, arguments, f"{number_of(count, 'run')} taken out")
    return 0


def _show(queue: Queue, arguments: argparse.Namespace, sentence: str) -> None:
    if arguments.json:
        _list(queue, arguments)
    else:
        console().print(f"{sentence}; {number_of(len(queue.read().of('waiting')), 'run', 'waits', 'wait')}")
