"""A client of a bench host: the same handles as a bench, from another process.

::

    host = labspin.connect_host()               # of the workspace in the working directory
    host.bench.magnet.field = "10 G"            # through limits and ramp, by the host
    host.bench.magnet.measured_current
    host.add("procedures/t1.toml")              # runs into the queue
    host.start()

The window, the command line and a notebook all speak to a host through `HostClient`.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labspin import __version__
from labspin.errors import ConnectionFailedError, LabspinError, StationError
from labspin.session.host_record import HostRecord, find_hosts, host_of
from labspin.session.host_records import BenchDescription, Course, HostStatus, NewsRecord
from labspin.session.host_wire import PROTOCOL, Line, dial
from labspin.session.queue import Queue
from labspin.session.queue_file import QueuedRun
from labspin.session.remote_bench import RemoteBench
from labspin.settable import Settable
from labspin.workspaces import workspace_folder

__all__ = ["HostClient", "connect_host"]

_QUICK = 10.0  # s in which a running host answers a request that needs no instrument
_SLACK = 2.0  # s by which news may be late before the host counts as gone


def connect_host(
    station: Path | str | None = None, *, workspace: Path | str = ".", any_version: bool = False
) -> HostClient:
    """Return a client of a running host.

    Parameters
    ----------
    station
        Station file; None: the one host of the workspace.
    workspace
        Folder with ``instruments/`` and ``procedures/``.
    any_version
        As for `HostClient`.

    Returns
    -------
    HostClient
        To be closed, or used as a context manager.

    Raises
    ------
    StationError
        There is no host, or there are several; the text says what to do.
    ConnectionFailedError
        It does not answer.
    """
    if station is not None:
        record = host_of(Path(station))
        if record is None:
            raise StationError(
                f"{station}: no host holds this station; start one with: labspin bench host {station}"
            )
        return HostClient(record, any_version=any_version)
    found = find_hosts(Path(workspace))
    if not found:
        raise StationError(
            f"{Path(workspace).resolve()}: no host runs in this workspace; start one with: "
            "labspin bench host STATION"
        )
    if len(found) > 1:
        names = ", ".join(record.station for record in found)
        raise StationError(f"{len(found)} hosts run in this workspace; say which station: {names}")
    return HostClient(found[0], any_version=any_version)


class HostClient(Settable):
    """One client; its methods may be called from any thread, one at a time.

    Parameters
    ----------
    record
        Where the host listens, and its secret.
    any_version
        Whether a host of another version of labspin will do: for `safe`, `abort` and `stop`, which every
        version understands.

    Raises
    ------
    ConnectionFailedError
        It does not answer, or belongs to another version of labspin.
    """

    def __init__(self, record: HostRecord, *, any_version: bool = False) -> None:
        self.record = record
        gone = (
            f"the host of station {record.name!r} (process {record.process}) is gone; its watchdog makes a "
            f"real bench safe; start it again with: labspin bench host {record.station}"
        )
        silent = (
            f"the host of station {record.name!r} (process {record.process}) does not answer; it hangs or "
            "was stopped, and its instruments stay as they are; end that process if it does not come back: "
            "its watchdog then makes a real bench safe"
        )
        self._dial = functools.partial(dial, record.port, record.secret, gone, silent)
        self._line: Line = self._dial()
        self._lock, self._is_closed = threading.Lock(), False
        said = self.ask("hello", patience=_QUICK)
        if said["protocol"] != PROTOCOL and not any_version:
            self.close()
            raise ConnectionFailedError(
                f"the host of station {record.name!r} is of labspin {said['version']}, this {__version__}; "
                "end it with labspin bench stop once it is idle, and start it again"
            )
        self._description: BenchDescription | None = None

    # -- asking ----------------------------------------------------------------------------------------

    def ask(self, verb: str, *, patience: float | None = None, **arguments: object) -> Any:
        """Return what the host answers to ``verb``.

        Parameters
        ----------
        verb
            One of the host's verbs.
        patience
            Time to wait, s; None: as long as the host lives.
        **arguments
            Arguments of the verb, plain values.

        Raises
        ------
        LabspinError
            What the host refuses; `ConnectionFailedError` if it is gone.
        """
        with self._lock:
            if not self._line.is_open and not self._is_closed:
                self._line = self._dial()
            return self._line.ask(verb, arguments, patience=patience)

    def by_hand(self, verb: str, name: str, **arguments: object) -> Any:
        """Have something done at the bench; Ctrl-C breaks it off there, too, as at a bench of one's own.

        Parameters
        ----------
        verb
            ``"set"`` or ``"call"``.
        name
            ``instrument.attribute``.
        **arguments
            Arguments of the verb, plain values.
        """
        try:
            return self.ask(verb, patience=None, name=name, **arguments)
        except KeyboardInterrupt:
            with contextlib.suppress(LabspinError):
                self.halt(name)
            raise

    def halt(self, name: str) -> None:
        """Stop what is done by hand at one actuator, by whichever client: a ramp stays where it is.

        Parameters
        ----------
        name
            ``instrument.attribute``, as it was set.
        """
        self.ask("halt", patience=_QUICK, name=name)

    def status(self) -> HostStatus:
        """Return the state of host, run, queue and read-backs."""
        status: HostStatus = self.ask("status", patience=_QUICK)
        return status

    def follow(self, sequence: int = 0, *, timeout: float = 1.0) -> NewsRecord:
        """Wait for news; return ``sequence`` for the next call, ``events`` since, and ``status``.

        Parameters
        ----------
        sequence
            Number of the last answer; 0 at first.
        timeout
            Time to wait for news, s.
        """
        news: NewsRecord = self.ask("follow", patience=timeout + _SLACK, sequence=sequence, timeout=timeout)
        return news

    def course(self, names: Sequence[str], since: float = 0.0) -> Course:
        """Return the values of read-backs after a Unix time.

        Parameters
        ----------
        names
            Names of read-backs.
        since
            Unix time, s; only later values are returned.

        Returns
        -------
            Name -> Unix times (s) and values, each of shape (n,); empty for a name that the host does not
            read back.
        """
        course: Course = self.ask("course", patience=_QUICK, names=list(names), since=float(since))
        return course

    def describe(self, *, again: bool = False) -> BenchDescription:
        """Return the description of the host's bench.

        Parameters
        ----------
        again
            Whether to ask the host again although its answer is cached.

        Returns
        -------
            The host's description of its bench, with the tables ``instruments`` and ``actuators``.
        """
        if self._description is None or again:
            self._description = self.ask("describe", patience=_QUICK)
        return self._description

    # -- the bench -------------------------------------------------------------------------------------

    @property
    def bench(self) -> RemoteBench:
        """The bench, with the same handles as where it is connected."""
        return RemoteBench(self)

    def get(self, name: str) -> Any:
        """Return the value of ``instrument.attribute``.

        Parameters
        ----------
        name
            ``instrument.attribute``, such as ``magnet.field``.
        """
        return self.ask("get", name=name)

    def set(self, name: str, value: object) -> object:
        """Set ``instrument.attribute`` through limits and ramp; return the value read afterwards.

        Parameters
        ----------
        name
            ``instrument.attribute``, such as ``magnet.field``.
        value
            A number in the attribute's unit, or text with any unit of the same dimension.
        """
        return self.by_hand("set", name, value=value)

    def safe(self) -> list[dict[str, object]]:
        """Bring the bench to its safe state; a run is aborted and the queue paused.

        Returns
        -------
        list of dict
            One record per action: instrument, ok, message.
        """
        return list(self.ask("safe"))

    # -- runs ------------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Path:
        """The workspace of the host's station."""
        return workspace_folder(Path(self.record.station))

    @property
    def queue(self) -> Queue:
        """The queue of the workspace; the host makes those of its runs that are for its station."""
        return Queue(self.workspace / "queue.toml", at=Path(self.record.station))

    def add(self, card: Path | str, **options: Any) -> list[QueuedRun]:
        """Append the runs of a card to the queue, for the host's station.

        Parameters
        ----------
        card
            Run card.
        **options
            As for `labspin.session.add_card`.

        Returns
        -------
        list of QueuedRun
            As they stand in the queue.
        """
        from labspin.session.queue_runs import add_card
        from labspin.session.workspace import data_folder

        chosen = {"on": Path(self.record.station), "output": data_folder(self.workspace), **options}
        return add_card(self.queue, Path(card), **chosen)

    def go_on(self, path: Path | str) -> QueuedRun:
        """Let the host resume an interrupted run, no matter which client began it, and return it as queued.

        Parameters
        ----------
        path
            The run file.

        Returns
        -------
        QueuedRun
            Its entry in the queue.
        """
        from labspin.session.queue_runs import add_resume

        queued = add_resume(self.queue, Path(path), on=Path(self.record.station))
        self.start()
        return queued

    def start(self) -> int:
        """Let the host execute the waiting runs; return their number."""
        return int(self.ask("start", patience=_QUICK))

    def pause(self) -> None:
        """Hold the run before its next point."""
        self.ask("pause", patience=_QUICK)

    def unpause(self) -> None:
        """Let a held run continue."""
        self.ask("unpause", patience=_QUICK)

    def skip(self, *, run: int | None = None) -> None:
        """Skip the point being measured.

        Parameters
        ----------
        run
            Number of the run that is meant; refused if another is being made. None: whichever is.
        """
        self.ask("skip", patience=_QUICK, **({} if run is None else {"run": run}))

    def abort(self, *, pause_queue: bool = False, run: int | None = None) -> None:
        """Abort the run; its points are kept and the bench is made safe.

        Parameters
        ----------
        pause_queue
            Whether to pause the queue as well, so that no further run begins.
        run
            Number of the run that is meant; refused if another is being made. None: whichever is.
        """
        meant = {} if run is None else {"run": run}
        self.ask("abort", patience=_QUICK, pause_queue=pause_queue, **meant)

    def stop(self, *, force: bool = False) -> None:
        """End the host; the bench is made safe.

        Parameters
        ----------
        force
            Whether to abort a run that is in progress; otherwise the host refuses to end during a run.
        """
        self.ask("stop", patience=_QUICK, force=force)

    def close(self) -> None:
        """Close the connection; the host keeps running."""
        self._is_closed = True
        self._line.close()

    def __enter__(self) -> HostClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
