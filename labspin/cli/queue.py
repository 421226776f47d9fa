"""`labspin queue`: a list of runs that are made one after the other and that survives restarts and crashes.

It stands in `queue.toml`. While `labspin queue run` makes the runs, the list can be changed from any other
terminal. A run whose process died is marked as interrupted; `labspin queue resume ID` puts it back in front,
and it goes on where it stood.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.measuring import add_display, measure, run_exists, say
from labspin.cli.output import add_json, console, print_json, print_table
from labspin.errors import CardError

if TYPE_CHECKING:
    from labspin.experiment import Control, Observer, Queue, QueuedRun, RunOutcome

__all__ = ["add", "execute"]

NOT_FINISHED = 3


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("queue", help="make runs one after the other", description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("queue.toml"), help="queue (default: queue.toml)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    action = actions.add_parser("add", help="append the runs of a card, once its whole plan is checked")
    action.add_argument("card", type=Path, help="run card (TOML)")
    action.add_argument("--on", type=Path, metavar="STATION", help="station file, instead of the card's")
    action.add_argument("--output", type=Path, default=Path("data"), metavar="DIR")
    action.add_argument("--only", action="append", default=[], metavar="LABEL", help="only this run")
    action.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides")
    action.add_argument("--seed", type=int, help="as in labspin run")
    action.add_argument("--repeat", type=int, default=1, metavar="N", help="append all of it N times")
    _finish(action, _add)

    _finish(actions.add_parser("list", help="show all runs"), _list)

    action = actions.add_parser("run", help="make the runs that wait; keys and Ctrl-C as in labspin run")
    action.add_argument("--wait", action="store_true", help="go on waiting for runs when none is left")
    action.add_argument(
        "--max-failures", type=int, default=3, metavar="N", help="pause after N failures in a row"
    )
    add_display(action)
    _finish(action, _run)

    _finish(actions.add_parser("pause", help="begin no further run"), _pause)

    action = actions.add_parser(
        "resume", help="begin runs again; with IDs: put interrupted, failed or aborted runs back in front"
    )
    action.add_argument("ids", type=int, nargs="*", metavar="ID")
    _finish(action, _resume)

    action = actions.add_parser("remove", help="take runs out")
    action.add_argument("ids", type=int, nargs="+", metavar="ID")
    _finish(action, _remove)

    action = actions.add_parser("move", help="change the order of the runs that wait")
    action.add_argument("id", type=int, metavar="ID")
    action.add_argument("position", type=int, help="1 is next")
    _finish(action, _move)

    action = actions.add_parser("clear", help="take out the runs that are over")
    action.add_argument("--all", action="store_true", help="and those that wait")
    _finish(action, _clear)


def _finish(parser: argparse.ArgumentParser, perform: Any) -> None:
    add_json(parser)
    parser.set_defaults(execute=execute, perform=perform)


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for and return the exit code."""
    from labspin.experiment import Queue

    return int(arguments.perform(Queue(arguments.file), arguments))


def _add(queue: Queue, arguments: argparse.Namespace) -> int:
    from labspin.cli.run import station_of
    from labspin.experiment import QueuedRun, check_plan, load_card
    from labspin.station import load_station

    if arguments.repeat < 1:
        raise CardError(f"--repeat: wanted a number of times, got {arguments.repeat}")
    card = load_card(arguments.card, overrides=arguments.overrides, only=arguments.only)
    station = load_station(station_of(arguments, card))
    for spec in card.runs:
        check_plan(spec.make(), station)  # better refused now than in the middle of the night
    added = queue.add(
        QueuedRun(
            card=_from(queue, arguments.card),
            label=spec.label,
            station=_from(queue, arguments.on) if arguments.on else "",
            overrides=tuple(arguments.overrides),
            seed=arguments.seed,
            output=_from(queue, arguments.output),
        )
        for _ in range(arguments.repeat)
        for spec in card.runs
    )
    _show(queue, arguments, f"added {', '.join(str(run.id) for run in added)}")
    return 0


def _from(queue: Queue, path: Path) -> str:
    """Return ``path`` as the queue keeps it: relative to its folder where it lies below."""
    whole, folder = path.resolve(), queue.folder.resolve()
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)


def _list(queue: Queue, arguments: argparse.Namespace) -> int:
    state = queue.read()
    if arguments.json:
        import dataclasses

        print_json({"paused": state.paused, "runs": [dataclasses.asdict(run) for run in state.runs]})
        return 0
    rows = [(str(run.id), run.state, run.label, run.card, run.file, run.message) for run in state.runs]
    title = f"{queue.path}{' (paused)' if state.paused else ''}"
    print_table(title, ("id", "state", "run", "card", "file", "message"), rows)
    broken = state.of("interrupted")
    if broken:
        ids = " ".join(str(run.id) for run in broken)
        console().print(f"interrupted; to go on where it stood:  labspin queue resume {ids}")
    return 0


def _run(queue: Queue, arguments: argparse.Namespace) -> int:
    from labspin.experiment import run_path, run_queue

    def report(run: QueuedRun, state: str, message: str) -> None:
        if not arguments.json and state in ("running", "failed"):
            console().print(f"{run.id} {run.label}: {state}{f': {message}' if message else ''}")

    before = {run.id for run in queue.read().of("waiting")}
    failures = run_queue(
        queue,
        lambda run, control, observers: _make(queue, run, arguments, control, observers),
        file=lambda run: Path(_from(queue, run_path(queue.folder / run.output, run.label))),
        wait=arguments.wait,
        max_failures=arguments.max_failures,
        report=report,
    )
    if arguments.json:
        made = [run for run in queue.read().runs if run.id in before]
        print_json([{"id": run.id, "path": run.file, "status": run.state} for run in made])
    return NOT_FINISHED if failures else 0


def _make(
    queue: Queue,
    run: QueuedRun,
    arguments: argparse.Namespace,
    control: Control,
    observers: Sequence[Observer],
) -> RunOutcome:
    """Make one run, or go on with it."""
    starts = _continued if run_exists(queue.folder / run.file) else _begun

    def start(shown: Sequence[Observer], control: Control) -> RunOutcome:
        return starts(queue, run, not arguments.no_watchdog, shown, control)

    outcome = measure(start, run.label, arguments=arguments, control=control, observers=observers)
    say(outcome, as_json=arguments.json)
    return outcome


def _begun(
    queue: Queue, run: QueuedRun, watchdog: bool, observers: Sequence[Observer], control: Control
) -> RunOutcome:
    from labspin import experiment
    from labspin.station import load_station

    card = experiment.load_card(queue.folder / run.card, overrides=run.overrides, only=[run.label])
    file = queue.folder / run.station if run.station else card.station
    if file is None:
        raise CardError(f"{card.path}: names no station; add a key 'station'")
    (spec,) = card.runs
    with load_station(file).connect(seed=run.seed, watchdog=watchdog) as bench:
        return experiment.run(
            spec.make(),
            bench,
            queue.folder / run.file,
            label=run.label,
            seed=run.seed,
            observers=observers,
            control=control,
        )


def _continued(
    queue: Queue, run: QueuedRun, watchdog: bool, observers: Sequence[Observer], control: Control
) -> RunOutcome:
    from labspin.cli.resume import resume_run
    from labspin.data import read_run
    from labspin.experiment import RunOutcome, load_card

    path, card = queue.folder / run.file, queue.folder / run.card
    recorded = read_run(path)
    if recorded.status == "finished":  # it died between the end of the run and the word of it
        return RunOutcome(path, "finished", len(recorded.points), ())
    return resume_run(
        path,
        on=queue.folder / run.station if run.station else load_card(card).station,
        card=card,
        overrides=run.overrides,
        watchdog=watchdog,
        observers=observers,
        control=control,
    )


def _pause(queue: Queue, arguments: argparse.Namespace) -> int:
    queue.pause()
    _show(queue, arguments, "paused; the run that is being made goes on")
    return 0


def _resume(queue: Queue, arguments: argparse.Namespace) -> int:
    if arguments.ids:
        queue.again(*arguments.ids)
    else:
        queue.resume()
    _show(queue, arguments, "put back in front" if arguments.ids else "goes on")
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
    _show(queue, arguments, f"{count} runs taken out")
    return 0


def _show(queue: Queue, arguments: argparse.Namespace, sentence: str) -> None:
    if arguments.json:
        _list(queue, arguments)
    else:
        console().print(f"{sentence}; {len(queue.read().of('waiting'))} runs wait")
