"""A queue of runs that survives restarts, crashes and ``kill -9``.

The queue is one TOML file in the workspace, which can be read and corrected with an editor. Each change reads
the file, makes the change and replaces the file whole, under a lock, so that any number of processes may
add, move and remove while one of them executes the runs. That process holds a second lock, which ends with
it however it dies: a run that is marked as running while no process holds the lock was *interrupted*.

::

    waiting ──→ running ──→ finished | aborted | failed
       ↑           └──────→ interrupted (its process died)
       └── resume ──────────────┘  resumes its run file
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labspin.data.lock import is_locked, lock_file, try_lock
from labspin.data.storage import storage_error
from labspin.errors import ConfigurationError, PlanError
from labspin.session.queue_file import QueuedRun, QueueState, State, read_queue, write_queue

__all__ = ["Queue"]

_OVER = ("finished", "aborted", "failed", "interrupted")


class Queue:
    """The queue in one file, which need not exist yet.

    Parameters
    ----------
    path
        A TOML file, mostly ``queue.toml`` of a workspace.
    patience
        Longest wait for another process that is changing the queue, s.
    """

    def __init__(self, path: Path | str, *, patience: float = 30.0) -> None:
        self.path, self._patience = Path(path), patience
        if not self.path.name:
            raise ConfigurationError(f"{path}: wanted the file of a queue, got a folder; name a file in it")
        self._runner = self.path.with_name(f".{self.path.name}.runner")

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the queue start from."""
        return self.path.parent

    def read(self) -> QueueState:
        """Return the present queue.

        Raises
        ------
        ConfigurationError
            The file is not a queue.
        """
        state = read_queue(self.path)
        if state.of("running") and not self.is_being_run:
            return _interrupted(state)
        return state

    @property
    def is_being_run(self) -> bool:
        """Whether a process is running this queue."""
        try:
            return is_locked(self._runner)
        except OSError:
            return False

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
                self._refuse_running(run)
            return replace(state, runs=tuple(run for run in state.runs if run.id not in ids))

        self._change(change)

    def move(self, id: int, position: int) -> None:  # noqa: A002 - the usual name
        """Move a waiting run to another place among the waiting runs.

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
            others = [other for other in state.of("waiting") if other.id != id]
            others.insert(max(position, 1) - 1, run)
            order = iter(others)
            return replace(
                state, runs=tuple(next(order) if old.state == "waiting" else old for old in state.runs)
            )

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

    def pause(self, *, if_still: Callable[[], bool] = lambda: True) -> None:
        """Begin no further run; the one in progress continues.

        Parameters
        ----------
        if_still
            Asked once no other process changes the queue: whether that is still wanted.
        """
        self._change(lambda state: replace(state, paused=True) if if_still() else state)

    def resume(self) -> None:
        """Begin further runs again."""
        self._change(lambda state: replace(state, paused=False))

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
        """Be the only process that runs the queue; the run of a dead process becomes interrupted.

        Raises
        ------
        ConfigurationError
            Another process runs the queue.
        StorageError
            The folder cannot be written.
        """
        try:
            descriptor = os.open(self._runner, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_error(self._runner, error, "the queue was not run") from error
        try:
            if not try_lock(descriptor, patience=0.5):
                raise ConfigurationError(
                    f"{self.path}: another process is running this queue; wait for it or stop it"
                )
            if read_queue(self.path).of("running"):
                self._change(_interrupted)
            yield
        finally:
            os.close(descriptor)

    def begin(
        self, file: Callable[[QueuedRun], str], *, if_still: Callable[[], bool] = lambda: True
    ) -> QueuedRun | None:
        """Mark the next run as running and return it; None if none is waiting or the queue is paused.

        A run for which no file can be named is marked as failed instead, and returned so.

        Parameters
        ----------
        file
            Names the run file of a run that has none yet.
        if_still
            Asked once no other process changes the queue: whether a run is to begin after all.
        """
        begun: list[QueuedRun] = []

        def change(state: QueueState) -> QueueState:
            if state.paused or not state.of("waiting") or not if_still():
                return state
            run = replace(state.of("waiting")[0], started=_now())
            try:
                run = replace(run, state="running", file=run.file or file(run))
            except Exception as error:  # noqa: BLE001 - the next runs may begin
                said = str(error) or type(error).__name__
                run = replace(run, state="failed", ended=_now(), message=said)
            begun.append(run)
            return _with(state, run)

        self._change(change)
        return begun[0] if begun else None

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

        self._change(change)

    # -- the file --------------------------------------------------------------------------------------

    def _change(self, change: Callable[[QueueState], QueueState]) -> QueueState:
        with lock_file(self.path, patience=self._patience):
            before = self.read()
            after = change(before)
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

    def _refuse_running(self, run: QueuedRun) -> None:
        if run.state == "running" and self.is_being_run:
            raise PlanError(f"{self.path}: run {run.id} is being made; abort it there (Ctrl-C, or key a)")


def _interrupted(state: QueueState) -> QueueState:
    message = "the process that made it died"
    runs = tuple(
        replace(run, state="interrupted", message=message) if run.state == "running" else run
        for run in state.runs
    )
    return replace(state, runs=runs)


def _with(state: QueueState, changed: QueuedRun) -> QueueState:
    return replace(state, runs=tuple(changed if run.id == changed.id else run for run in state.runs))


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
