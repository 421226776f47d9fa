"""Executing the runs of a queue, one after the other.

A run that fails does not prevent the next one. The runner stops by itself where continuing would be
harmful or useless: a bench that could not be made safe, several failures in a row, a signal.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from labspin.counts import number_of
from labspin.errors import LabspinError
from labspin.experiment.control import Control, Observer, RunOutcome
from labspin.session.notification import notify
from labspin.session.queue import Queue
from labspin.session.queue_file import QueuedRun, State
from labspin.workspaces import Occasion

__all__ = ["Ending", "run_queue"]

Execute = Callable[[QueuedRun, Control, Sequence[Observer]], RunOutcome]
_log = logging.getLogger(__name__)
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_LOOK = 0.5  # s between two checks of a queue that is paused or empty


class _QueueControl(Control):
    """Remembers whether a signal ended the run: then the queue ends too."""

    def __init__(self) -> None:
        super().__init__()
        self.was_signalled = False

    def abort(self, reason: str = "asked to") -> None:
        self.was_signalled |= reason in _SIGNALS
        super().abort(reason)


class Ending:
    """An observer that keeps how the run ended, whatever is raised afterwards."""

    def __init__(self) -> None:
        self.outcome: RunOutcome | None = None

    def on_start(self, *_: object) -> None:
        """Do nothing."""

    on_point = on_event = on_start

    def on_finish(self, outcome: RunOutcome) -> None:
        """Keep the outcome of the run.

        Parameters
        ----------
        outcome
            How the run ended.
        """
        self.outcome = outcome


def run_queue(
    queue: Queue,
    execute: Execute,
    *,
    file: Callable[[QueuedRun], Path],
    wait: bool = False,
    max_failures: int = 3,
    stay: bool = True,
    go_on: Callable[[], bool] = lambda: True,
    report: Callable[[QueuedRun, State, str], None] = lambda run, state, message: None,
    tell: Callable[[Path, Occasion, str, str], None] = notify,
) -> int:
    """Execute queued runs until none is waiting; return how many did not finish.

    Parameters
    ----------
    queue
        May be changed by others meanwhile; while it is paused, nothing is begun.
    execute
        Executes one run, or resumes it if its ``file`` exists, under a control and observers.
    file
        Names the run file of a run that begins.
    wait
        Whether to wait for further runs instead of returning when none is waiting.
    max_failures
        Number of failures in a row that pause the queue and end this call.
    stay
        Whether to wait while the queue is paused and has waiting runs.
    go_on
        Asked before every run; False ends this.
    report
        Called with every run when it begins and when it has ended.
    tell
        Sends a notification.

    Raises
    ------
    ConfigurationError
        Another process runs the queue, or the file is not a queue.
    KeyboardInterrupt
        A signal stopped the run in progress; its bench is safe.
    """
    failures = in_a_row = made = 0
    ended: State
    with queue.being_run():
        while go_on():
            run = queue.begin(lambda run: str(file(run)), if_still=go_on)
            if run is None:
                state = queue.read()
                waiting = queue.waiting(state)
                is_over = not wait and not (stay and state.paused and waiting)
                if made and (is_over or not waiting):
                    said = f"{number_of(made, 'run')}, {failures} not finished"
                    tell(queue.folder, "end", "labspin: the queue is over", said)
                    made = 0
                if is_over:
                    return failures
                time.sleep(_LOOK)
                continue
            made += 1
            if run.state == "failed":
                ended, message, is_safe = "failed", run.message, True
            else:
                report(run, "running", "")
                ended, message, is_safe = _make(queue, run, execute)
            report(run, ended, message)
            if told := _told(run, ended):
                tell(queue.folder, *told, message)
            failures += ended != "finished"
            in_a_row = in_a_row + 1 if ended == "failed" else 0
            if not is_safe or in_a_row >= max_failures:
                why = (
                    f"{number_of(in_a_row, 'run')} failed in a row"
                    if is_safe
                    else "the bench could not be made safe"
                )
                _log.error("%s: the queue is paused", why)
                queue.pause(bench=run.station)
                tell(queue.folder, "failure", "labspin: the queue is paused", why)
                return failures
    return failures


def _told(run: QueuedRun, ended: State) -> tuple[Occasion, str] | None:
    """Return how a notification of a run's end begins; None if a person aborted it, who knows."""
    if ended == "aborted":
        return None
    return "run" if ended == "finished" else "failure", f"labspin: {run.label or run.card} has {ended}"


def _make(queue: Queue, run: QueuedRun, execute: Execute) -> tuple[State, str, bool]:
    """Execute one run; return how it ended, why, and whether the bench is known to be safe."""
    control, ending = _QueueControl(), Ending()
    state: State = "aborted"
    message = "the queue was stopped"
    try:
        outcome = execute(run, control, [ending])
        state, message = cast("State", str(outcome.status)), outcome.message
    except Exception as error:  # noqa: BLE001 - the next run may succeed
        state, message = "failed", _sentence(error)
        _log.debug("run %d failed", run.id, exc_info=True)
    finally:
        if ending.outcome is not None and ending.outcome.not_safe not in message:
            message = f"{ending.outcome.not_safe}; {message}".rstrip("; ")
        try:
            queue.end(run.id, state, message, file=_published(queue, run, ending.outcome))
        except LabspinError as error:
            if not control.was_signalled:
                raise
            _log.error("%s", error)  # it ends all the same
    if control.was_signalled:
        raise KeyboardInterrupt
    return state, message, ending.outcome is None or ending.outcome.is_safe


def _published(queue: Queue, run: QueuedRun, outcome: RunOutcome | None) -> str | None:
    """Return the run's file as the queue keeps it if its name was taken meanwhile, else None."""
    if outcome is None or outcome.path.name == Path(run.file).name:
        return None
    return str(Path(run.file).with_name(outcome.path.name))


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, LabspinError) else f"{type(error).__name__}: {error}"
