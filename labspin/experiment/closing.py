"""The end of a run: safe, recorded and published, whatever happened before.

Nothing in here keeps the rest from being done: what fails is logged, and the next step follows.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labspin.bench.bench import Bench
from labspin.bench.safety import SafeAction, unsafe_instruments
from labspin.bench.verdict import unsafe_remarks
from labspin.data import EventKind, RunStatus, RunWriter, not_safe
from labspin.data.spooling import deliver
from labspin.errors import RunAborted, StorageError
from labspin.experiment.control import Observer, RunOutcome
from labspin.experiment.runlog import RecordedLog

__all__ = ["PATIENCE", "Closing"]

_log = logging.getLogger(__name__)
PATIENCE = 300.0
"""How long a run may be silent beyond what it expects before its watchdog ends it, s."""
_ATTEMPTS = 2  # at publishing the file
_PUBLISHING = 24 * 3600.0  # s that the file may take to be published, with the bench safe


class Closing:
    """What a run is told to, and how it ends; `labspin.experiment.engine.Execution` is the rest of it."""

    bench: Bench
    path: Path
    writer: RunWriter | None
    observers: list[Observer]
    log: RecordedLog
    done: int
    patience: float

    def _close(self, error: BaseException | None) -> tuple[RunOutcome, BaseException | None]:
        """Make safe, record how it ended, publish; return that, and the error to raise."""
        snapshot = self._attempt(self._last_snapshot) if error is None else None
        remark = self._attempt(self.bench.beat, self.bench.longest_way_to_safety + PATIENCE)
        actions = self._make_safe()  # before anything is recorded: a disk may hold who writes to it
        if error is not None:
            self._attempt(self._record_error, error, times=2)
        if remark:
            self._attempt(self._event, EventKind.WATCHDOG, remark)
        if error is not None:
            snapshot = self._attempt(self._last_snapshot)
        unsafe = self._conclude(actions)
        self._attempt(self._entrust, unsafe)
        status = RunStatus.FINISHED if error is None else RunStatus.FAILED
        if isinstance(error, (RunAborted, KeyboardInterrupt)):
            status = RunStatus.ABORTED
        message = str(error or "")
        if self.writer is not None and (problem := self._publish(self.writer, status, snapshot)):
            error, status = error or problem, RunStatus.FAILED
            message = f"{message}; {problem}" if message else str(problem)
        if unsafe and error is not None:
            error.add_note(not_safe(unsafe))
        outcome = RunOutcome(self.path, status, self.done, tuple(actions), message, unsafe)
        self._tell("on_finish", outcome)
        return outcome, error

    def _make_safe(self) -> list[SafeAction]:
        actions: list[SafeAction] | None = self._attempt(self.bench.safe)
        if actions is not None:
            return actions
        text = "the safe actions broke off; the log has the reason"
        return [SafeAction(name, False, text, self.bench.clock.now()) for name in self.bench.instruments]

    def _entrust(self, unsafe: dict[str, str]) -> None:
        """Leave what is not safe to a process that keeps trying."""
        if not unsafe:
            self._beat(_PUBLISHING)
        elif remark := self.bench.entrust(unsafe, self.path):
            self._event(EventKind.WATCHDOG, remark)

    def _conclude(self, actions: list[SafeAction]) -> dict[str, str]:
        """Record what was done to make the bench safe, and return which instruments are not, and why."""
        for action in actions:
            self._attempt(self._record_action, action, times=2)
        unsafe: dict[str, str] | None = self._attempt(unsafe_remarks, self.bench, actions)
        if unsafe is None:
            unsafe = {name: f"{name} (make it safe by hand)" for name in unsafe_instruments(actions)}
        text = not_safe(unsafe) or "the bench is in its safe state"
        self._attempt(lambda: self._event(EventKind.VERDICT, text, unsafe=unsafe), times=2)
        return unsafe

    def _publish(self, writer: RunWriter, status: RunStatus, snapshot: Any) -> Exception | None:
        problem: Exception | None = None
        for _ in range(_ATTEMPTS):
            self.log.hand_on()
            try:
                self.path = _delivered(writer.finish(status, snapshot=snapshot))
            except Exception as caught:  # noqa: BLE001 - the first error of the run is the one to raise
                _log.error("run file %s could not be published: %s", self.path, caught, exc_info=_in_full())
                problem = caught
            else:
                return None
        self._attempt(writer.close)  # it must be free to be recovered or resumed
        return problem

    def _last_snapshot(self) -> dict[str, object]:
        return self.bench.snapshot(tolerant=True)

    def _record_error(self, error: BaseException) -> None:
        if isinstance(error, RunAborted):
            self._event(EventKind.ABORT, str(error))
            return
        text = "".join(traceback.format_exception(error))
        self._event(EventKind.ERROR, f"{type(error).__name__}: {error}", traceback=text)

    def _record_action(self, action: SafeAction) -> None:
        self._event(
            EventKind.SAFE_ACTION,
            f"{action.instrument}: {action.message}",
            instrument=action.instrument,
            ok=action.ok,
            attempt=action.attempt,
            time=action.time,
        )

    def _attempt(self, action: Callable[..., object], *arguments: object, times: int = 1) -> Any:
        for _ in range(times):
            try:
                return action(*arguments)
            except Exception as error:  # noqa: BLE001 - what is left to be done must be done
                _log.error("while the run %s was being closed: %s", self.path, error, exc_info=_in_full())
        return None

    # -- telling ---------------------------------------------------------------------------------------

    def _event(self, kind: EventKind, message: str, **data: object) -> None:
        self.log.hand_on()
        self._record(kind, message, data)
        self._tell("on_event", kind, message)

    def _record(self, kind: EventKind, message: str, data: dict[str, object]) -> None:
        if self.writer is not None:
            self.writer.event(kind, message, **data)

    def _tell(self, what: str, *arguments: object) -> None:
        for observer in tuple(self.observers):
            try:
                getattr(observer, what)(*arguments)
            except Exception:  # noqa: BLE001 - a run does not end because a plot cannot be drawn
                self.observers.remove(observer)
                _log.exception("an observer of the run failed and is not notified any more: %r", observer)

    def _beat(self, patience: float | None = None) -> None:
        """Tell the watchdog that the run makes progress, and record what was said meanwhile."""
        self.log.hand_on()
        if remark := self.bench.beat(self.patience if patience is None else patience):
            self._event(EventKind.WATCHDOG, remark)


def _in_full() -> bool:
    """Return whether errors are logged with their tracebacks; their sentences say it to a person."""
    return _log.isEnabledFor(logging.DEBUG)


def _delivered(path: Path) -> Path:
    """Return the path of a finished run: moved from the spool, or in it if it cannot be moved yet."""
    try:
        return deliver(path)
    except StorageError as error:
        _log.error("%s", error)
        return path
