"""A queue of runs that survives restarts, crashes and ``kill -9``.

The queue is one TOML file in the workspace, which can be read and corrected with an editor. Each change reads
the file, makes the change and replaces the file whole, under a lock, so that any number of processes may
add, move and remove while others execute the runs: of each bench one process, which holds the lock of that
bench. It ends with the process however that dies: a run that is marked as running while no process holds
the lock of its bench was *interrupted*. A run waits for its own bench, and for no other.

::

    waiting ──→ running ──→ finished | aborted | failed
       ↑           └──────→ interrupted (its process died)
       └── resume ──────────────┘  resumes its run file
"""

from __future__ import annotations

import contextlib
import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labspin.data.lock import lock_file
from labspin.errors import ConfigurationError, PlanError
from labspin.session.queue_benches import BenchLocks, bench_of, is_held, kept_path
from labspin.session.queue_file import QueuedRun, QueueState, State, read_queue, write_queue
from labspin.settable import Settable

__all__ = ["Queue"]

_OVER = ("finished", "aborted", "failed", "interrupted")


class Queue(Settable):
    """The queue in one file, which need not exist yet.

    Parameters
    ----------
    path
        A TOML file, mostly ``queue.toml`` of a workspace.
    patience
        Longest wait for another process that is changing the queue, s.
    at
        Station file of the one bench that is meant by `pause`, `resume`, `waiting`, `begin` and `being_run`;
        None: all benches.
    """

    def __init__(self, path: Path | str, *, patience: float = 30.0, at: Path | None = None) -> None:
        self.path, self._patience = Path(path), patience
        if not self.path.name:
            raise ConfigurationError(f"{path}: wanted the file of a queue, got a folder; name a file in it")
        self.bench = "" if at is None else kept_path(self.folder, at)
        self._locks, self._is_runner = BenchLocks(self.path), False

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the queue start from."""
        return self.path.parent

    def read(self) -> QueueState:
        """Return the present queue, ``paused`` if no run of those that are meant may begin.

        Raises
        ------
        ConfigurationError
            The file is not a queue.
        """
        state = self._without_dead(read_queue(self.path))
        return replace(state, paused=self._is_paused(state))

    def bench_of(self, run: QueuedRun) -> str:
        """Return the station file of a run, from the folder of the queue where it lies below.

        Parameters
        ----------
        run
            A run of the queue; empty is returned where nothing names its station.
        """
        return bench_of(self.folder, run)

    def waiting(self, state: QueueState) -> tuple[QueuedRun, ...]:
        """Return the runs that wait for the bench that is meant, in their order.

        Parameters
        ----------
        state
            The present queue.
        """
        return tuple(run for run in state.of("waiting") if not self.bench or self.bench_of(run) == self.bench)

    @property
    def is_being_run(self) -> bool:
        """Whether a process is making the runs of the bench that is meant."""
        return self._locks.is_taken(self.bench)

    def _is_paused(self, state: QueueState) -> bool:
        if state.paused or not state.paused_at:
            return state.paused
        if self.bench:
            return self.bench in state.paused_at
        return all(self.bench_of(run) in state.paused_at for run in state.of("waiting"))

    def _without_dead(self, state: QueueState, mine: bool = False) -> QueueState:
        """Return the queue with the runs of processes that died as interrupted; ``mine``: of my bench all."""
        dead = {
            run.id
            for run in state.of("running")
            if (mine and self.bench_of(run) == self.bench) or not self._locks.is_taken(self.bench_of(run))
        }
        return _interrupted(state, dead) if dead else state

    def add(self, runs: Iterable[QueuedRun]) -> tuple[QueuedRun, ...]:
        """Append runs and return them as queued.

        Parameters
        ----------
        runs
            New runs; they get their number, their state and the time here.
        """
        added: list[QueuedRun] = []

        def change(state: QueueState) -> QueueState:
            for number, run in enumerate(runs):
                added.append(replace(run, id=state.next_id + number, state="waiting", added=_now()))
            return replace(state, runs=(*state.runs, *added), next_id=state.next_id + len(added))

        self._change(change)
        return tuple(added)

    def remove(self, *ids: int) -> None:
        """Remove runs; the run in progress stays.

        Raises
        ------
        PlanError
            There is no such run, or it is in progress.
        """

        def change(state: QueueState) -> QueueState:
            for run in self._found(state, ids):
                if run.state == "running":
                    raise PlanError(
                        f"{self.path}: run {run.id} is being made; abort it there (Ctrl-C, or key a)"
                    )
            return replace(state, runs=tuple(run for run in state.runs if run.id not in ids))

        self._change(change)

    def move(self, id: int, position: int) -> None:  # noqa: A002 - the usual name
        """Move a waiting run to another place among those that wait for the same bench.

        Parameters
        ----------
        id
            Number of the run.
        position
            New place; 1 is next. Smaller numbers count as 1, too large ones as the last place.

        Raises
        ------
        PlanError
            There is no such run, or it is not waiting.
        """

        def change(state: QueueState) -> QueueState:
            (run,) = self._found(state, (id,))
            if run.state != "waiting":
                raise PlanError(f"{self.path}: run {id} is {run.state}; only runs that wait can be moved")
            bench = self.bench_of(run)
            places = {one.id for one in state.of("waiting") if self.bench_of(one) == bench}
            others = [one for one in state.runs if one.id in places - {id}]
            others.insert(max(position, 1) - 1, run)
            order = iter(others)
            return replace(state, runs=tuple(next(order) if old.id in places else old for old in state.runs))

        self._change(change)

    def clear(self, *, waiting: bool = False) -> int:
        """Remove the runs that have ended; return how many were removed.

        Parameters
        ----------
        waiting
            Whether to remove the waiting runs as well.
        """
        gone = _OVER + (("waiting",) if waiting else ())
        before = len(self.read().runs)
        after = self._change(
            lambda state: replace(state, runs=tuple(run for run in state.runs if run.state not in gone))
        )
        return before - len(after.runs)

    def pause(self, *, bench: str = "", if_still: Callable[[], bool] = lambda: True) -> None:
        """Begin no further run; those in progress continue.

        Parameters
        ----------
        bench
            Station file of another bench than the one that is meant, as the queue keeps it.
        if_still
            Asked once no other process changes the queue: whether that is still wanted.
        """
        bench = bench or self.bench

        def change(state: QueueState) -> QueueState:
            if not if_still() or bench in state.paused_at:
                return state
            if not bench:
                return replace(state, paused=True)
            return replace(state, paused_at=(*state.paused_at, bench))

        self._change(change)

    def resume(self) -> None:
        """Begin further runs again: those of the bench that is meant; a pause of all holds for the others."""

        def change(state: QueueState) -> QueueState:
            if not self.bench:
                return replace(state, paused=False, paused_at=())
            others = (self.bench_of(run) for run in state.of("waiting")) if state.paused else ()
            held = dict.fromkeys((*state.paused_at, *others))
            left = tuple(bench for bench in held if bench not in ("", self.bench))
            return replace(state, paused=False, paused_at=left)

        self._change(change)

    def again(self, *ids: int) -> tuple[QueuedRun, ...]:
        """Let runs that were interrupted, aborted or failed wait again, first in the queue, and return them.

        Those that have a run file will be resumed, not started again.

        Raises
        ------
        PlanError
            There is no such run, or it has finished, or it is waiting or running already.
        """

        def change(state: QueueState) -> QueueState:
            for run in self._found(state, ids):
                if run.state not in ("interrupted", "aborted", "failed"):
                    raise PlanError(
                        f"{self.path}: run {run.id} is {run.state}; wanted one that was interrupted, aborted "
                        "or failed"
                    )
            back = [replace(run, state="waiting", ended="", message="") for run in self._found(state, ids)]
            rest = [run for run in state.runs if run.id not in ids]
            first = next((at for at, run in enumerate(rest) if run.state == "waiting"), len(rest))
            return replace(state, runs=(*rest[:first], *back, *rest[first:]))

        return self._found(self._change(change), ids)

    # -- running the queue ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def being_run(self) -> Iterator[None]:
        """Be the only process that runs the queue at the bench that is meant.

        A run that a dead process ran there becomes interrupted.

        Raises
        ------
        ConfigurationError
            Another process runs it there.
        StorageError
            The folder cannot be written.
        """
        with self._locks.taken(self.bench):
            self._is_runner = True
            try:
                if read_queue(self.path).of("running"):
                    self._change(lambda state: self._without_dead(state, mine=True))
                yield
            finally:
                self._is_runner = False

    def begin(
        self, file: Callable[[QueuedRun], str], *, if_still: Callable[[], bool] = lambda: True
    ) -> QueuedRun | None:
        """Mark the next run as running and return it; None if none is waiting or the queue is paused.

        The station of its card is noted: the run stays one of its bench whatever becomes of the card. If all
        benches are meant, runs are left to the process that makes those of their bench, and to a host that
        holds its instruments. A run for which no file can be named is marked as failed, and returned so.

        Parameters
        ----------
        file
            Names the run file of a run that has none yet.
        if_still
            Asked once no other process changes the queue: whether a run is to begin after all.
        """
        begun: list[QueuedRun] = []

        def change(state: QueueState) -> QueueState:
            if state.paused or not self.waiting(state) or not if_still():
                return state
            run = next((one for one in self.waiting(state) if self._takes(state, one)), None)
            if run is None:
                return state
            run = replace(run, started=_now(), station=(run.card and self.bench_of(run)) or run.station)
            try:
                run = replace(run if run.file else _named(run, file), state="running")
            except Exception as error:  # noqa: BLE001 - the next runs may begin
                said = str(error) or type(error).__name__
                run = replace(run, state="failed", ended=_now(), message=said)
                self._locks.give_back(run.id)
            begun.append(run)
            return _with(state, run)

        try:
            self._change(change)
        except BaseException:  # it has not begun, then
            for run in begun:
                self._locks.give_back(run.id)
            raise
        return begun[0] if begun else None

    def name_again(self, id: int, file: Callable[[QueuedRun], str]) -> QueuedRun:  # noqa: A002
        """Give a run another file, since its own name was taken by another run, and return it.

        Parameters
        ----------
        id
            Number of the run.
        file
            Names the run file.

        Raises
        ------
        PlanError
            There is no such run.
        """

        def change(state: QueueState) -> QueueState:
            (run,) = self._found(state, (id,))
            return _with(state, _named(run, file))

        return self._found(self._change(change), (id,))[0]

    def _takes(self, state: QueueState, run: QueuedRun) -> bool:
        """Return whether this process may begin a run; its bench is then taken by it."""
        bench = self.bench_of(run)
        if bench and bench in state.paused_at:
            return False
        if self.bench or not bench or not self._is_runner:  # it has the lock, or needs none
            return True
        return not is_held(self.folder, bench) and self._locks.take(bench, run.id)

    def end(self, id: int, state: State, message: str = "", *, file: str | None = None) -> None:  # noqa: A002
        """Record how a run ended.

        Parameters
        ----------
        id
            Number of the run.
        state
            How it ended.
        message
            Why.
        file
            Path of its file, if not the one it was begun with.
        """

        def change(whole: QueueState) -> QueueState:
            (run,) = self._found(whole, (id,))
            ended = replace(run, state=state, ended=_now(), message=message)
            return _with(whole, ended if file is None else replace(ended, file=file))

        try:
            self._change(change)
        finally:
            self._locks.give_back(id)

    # -- the file --------------------------------------------------------------------------------------

    def _change(self, change: Callable[[QueueState], QueueState]) -> QueueState:
        with lock_file(self.path, patience=self._patience):
            before = read_queue(self.path)
            after = change(self._without_dead(before))
            if after != before:
                write_queue(self.path, after)
        return after

    def _found(self, state: QueueState, ids: Iterable[int]) -> tuple[QueuedRun, ...]:
        runs = {run.id: run for run in state.runs}
        for wanted in ids:
            if wanted not in runs:
                there = ", ".join(map(str, runs)) if len(runs) <= 20 else f"{min(runs)} to {max(runs)}"
                raise PlanError(f"{self.path}: there is no run {wanted}, only {there or 'an empty queue'}")
        return tuple(runs[wanted] for wanted in ids)


def _interrupted(state: QueueState, ids: set[int]) -> QueueState:
    message = "the process that made it died"
    runs = tuple(
        replace(run, state="interrupted", message=message) if run.id in ids else run for run in state.runs
    )
    return replace(state, runs=runs)


def _named(run: QueuedRun, file: Callable[[QueuedRun], str]) -> QueuedRun:
    """Return the run with a file, and with an identity by which that file is known to be its own."""
    return replace(run, file=file(run), run_id=uuid.uuid4().hex)


def _with(state: QueueState, changed: QueuedRun) -> QueueState:
    return replace(state, runs=tuple(changed if run.id == changed.id else run for run in state.runs))


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
