"""The bench host: one process that holds the instruments of a station, and executes its clients' orders.

::

    window ─┐                      ┌─ thread of each client: looks, and leaves orders
    CLI ────┼── loopback, secret ──┤
    Python ─┘                      └─ main thread: the only one that speaks to instruments
                                      idle: reads back, obeys orders; or makes the runs of the queue

The host keeps running when its clients leave. A watchdog makes a real bench safe if the host dies.
Points are not sent to clients: they are in the run's journal, which any process can read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from labspin import __version__
from labspin.bench import Bench
from labspin.bench.safety import unsafe_instruments
from labspin.errors import (
    ArgumentError,
    ConfigurationError,
    LabspinError,
    RunAborted,
    SafetyError,
    StationError,
)
from labspin.experiment import Control, Observer, RunOutcome
from labspin.session.host_heart import Heart
from labspin.session.host_look import Lookout
from labspin.session.host_news import News, NewsHandler
from labspin.session.host_orders import Aside, Orders, Result, words_of
from labspin.session.host_queue import HostQueue, QueueTurns
from labspin.session.host_record import Claim, claimed, host_file, new_record
from labspin.session.host_records import BenchDescription, Course, HandRecord, HostStatus
from labspin.session.host_run import HostControl, RunWatch, control_of
from labspin.session.host_wire import PROTOCOL, Server
from labspin.session.notification import notify
from labspin.session.queue_file import QueuedRun
from labspin.session.queue_runner import run_queue
from labspin.session.queue_runs import make_queued_run, new_queued_path, with_own_file
from labspin.session.runs import recover_dead_runs
from labspin.session.workbench import (
    call_method,
    describe_bench,
    read_value,
    set_value,
)
from labspin.session.workspace import data_folder
from labspin.station import Station, load_station
from labspin.workspaces import workspace_folder

__all__ = ["BenchHost"]

_log = logging.getLogger(__name__)
_TURN = 1.0  # s after which the safe state does not wait any longer for what the bench's thread is doing
_LONGEST_WAIT = 5.0  # s that a client may wait for news in one request


class BenchHost:
    """The host of one station.

    Parameters
    ----------
    station
        A checked station file.
    interval
        Time between two read-backs of the whole bench, s.
    """

    def __init__(self, station: Station, *, interval: float = 0.5) -> None:
        self.station, self.workspace = station, workspace_folder(station.path)
        self.news, self._orders = News(), Orders()
        self._aside = Aside(self._attend, self._orders.wake, lambda: self._is_stopping, self.news.event)
        self.queue = HostQueue(self.workspace / "queue.toml", station.path, self._aside)
        self._turns = QueueTurns(self.queue, self.news)
        self._lookout = Lookout(self.news, interval, lambda: self._server.clients > 0)
        self._run: RunWatch | None = None
        self._last: RunWatch | None = None
        self._hand: HandRecord | None = None
        self._calls_for_safety, self._halts = 0, Counter[str]()
        self._is_stopping = self._break_off = False
        self._pace, self._next_touch = 0.0, 0.0
        self._heart = Heart(self.news)
        self._verbs: Mapping[str, Callable[..., object]] = {
            name: getattr(self, f"_on_{name}")
            for name in (
                "hello", "status", "follow", "course", "describe", "get", "set", "call", "align", "safe",
                "halt", "pause", "unpause", "skip", "abort", "start", "reconnect", "stop",
            )
        }  # fmt: skip

    # -- life ------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Hold the station until a signal or a client ends it; the bench is then safe.

        Raises
        ------
        StationError
            Another host holds the station.
        InstrumentError
            An instrument cannot be reached.
        """
        with claimed(self.station.path, self.station.name) as claim, self._signals():
            handler = NewsHandler(self.news.event)
            logging.getLogger("labspin").addHandler(handler)
            try:
                recover_dead_runs(data_folder(self.workspace))  # no bench is held while that lasts
                self._hold(claim)
            finally:
                logging.getLogger("labspin").removeHandler(handler)

    def _hold(self, claim: Claim) -> None:
        self._bench = self._connect()
        try:
            self.description = describe_bench(self.station, self._bench)
            with self._bench.watched(host_file(self.station.path)):
                self._serve(claim)
        finally:
            self._bench.close()

    def _serve(self, claim: Claim) -> None:
        server = self._server = Server(claim.secret, self._answer)
        try:
            record = new_record(
                self.station.path, self.station.name, simulated=self.station.simulated,
                port=server.port, secret=claim.secret,
            )  # fmt: skip
            self.news.event("host", f"{self.station.name}: connected, process {os.getpid()}")
            claim.publish(record)
            self._aside.thread = threading.get_ident()
            self._work()
        finally:
            self._make_safe()
            self._orders.end(StationError(f"station {self.station.name!r}: its host has ended"))
            server.close()
            self._aside.finish()

    def _connect(self, seed: int | None = None) -> Bench:
        return self.station.connect(seed=seed)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals end the host without interrupting its current action."""
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {name: signal.signal(getattr(signal, name), self._note_signal) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)

    def _note_signal(self, *_: object) -> None:
        self._is_stopping = True
        if self._run is not None:  # its own handlers may not be installed yet
            self._run.abort("the host is ending")

    # -- the bench's thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._is_stopping:
            self._attend()
            if self._turns.come:
                self._heart.beat(self._bench, math.inf)  # a run reports its own progress
                self._make_runs()

    def _attend(self) -> None:
        """Carry out the next order, or read the bench back where it is due."""
        if not self._orders.carry_out(self._lookout.wait):
            self._look()

    def _look(self) -> None:
        """Read the bench back, idle."""
        if math.isinf(self._bench.clock.speed):
            self._bench.clock.sleep(self._lookout.interval)  # when idle, simulated time runs with wall time
        self._heart.beat(self._bench)
        self._lookout.look(self._bench, self.description, is_idle=True)

    def _between_points(self) -> None:
        """Execute orders of clients, and read back when it is due, while no measurement is in progress."""
        while self._orders.carry_out(0.0):
            pass
        if self._lookout.wait == 0.0:
            self._lookout.look(self._bench, self.description, is_idle=False)

    # -- runs ------------------------------------------------------------------------------------------

    def _make_runs(self) -> None:
        try:
            run_queue(
                self.queue,
                self._execute,
                file=lambda run: new_queued_path(self.queue, run),
                report=self._report,
                stay=False,
                go_on=lambda: self._turns.may_begin,
                tell=lambda *words: self._aside(lambda: notify(*words)),
            )
            waiting = self.queue.waiting(self.queue.read())
        except KeyboardInterrupt:
            self._is_stopping, self._turns.are_wanted = True, False
            return
        except LabspinError as error:
            self.news.event("error", str(error))
            self._turns.are_wanted = False
            return
        finally:
            self._last, self._run = self._run or self._last, None
        # where it is paused, it continues when it is resumed
        self._turns.are_wanted = bool(waiting) and not self._is_stopping
        if not waiting:
            self.news.event("queue", "no run waits any more")

    def _report(self, run: QueuedRun, state: str, message: str) -> None:
        if state != "running":
            self._last, self._run = self._run or self._last, None  # now that the queue knows how it ended
        if state == "failed":
            self.news.event("error", f"{run.label}: {message}")
        self.news.touch()

    def _execute(self, run: QueuedRun, control: Control, observers: Sequence[Observer]) -> RunOutcome:
        self._lookout.aligns = False
        watch = RunWatch(with_own_file(self.queue, run), self._between_points, self.news.event)
        watch.file = self.queue.folder / watch.queued.file
        watch.control = control = HostControl(control, self._between_points)
        self._run = watch
        if self._is_stopping or not self._turns.may_begin:
            watch.abort("the host is ending" if self._is_stopping else "no run was to be begun")
        return make_queued_run(
            self.queue, watch.queued, observers=[watch, *observers], control=control, connect=self._for_run
        )

    @contextlib.contextmanager
    def _for_run(self, station: Station, seed: int | None) -> Iterator[Bench]:
        """Lend the bench to a run; a simulated one is connected again, so that it starts afresh."""
        if station.path.resolve() != self.station.path.resolve():
            raise StationError(
                f"the run is for the station {station.path.resolve()}, but this host holds "
                f"{self.station.path}; add its card with --on {self.station.path}"
            )
        if station.text != self.station.text:
            raise StationError(
                f"{station.path}: was changed after the host had connected it; connect again, then run"
            )
        if self.station.simulated:
            former, self._bench = self._bench, self._connect(seed)  # in this order: Safe finds an open one
            former.close()
        yield self._bench

    # -- what clients ask ------------------------------------------------------------------------------

    def _answer(self, verb: str, arguments: dict[str, object]) -> object:
        if verb not in self._verbs:
            raise ArgumentError(f"verb {verb!r}: wanted one of {', '.join(self._verbs)}")
        do = self._verbs[verb]
        try:
            inspect.signature(do).bind(**arguments)
        except TypeError as error:
            raise ArgumentError(f"verb {verb!r}: {error}") from error
        return do(**arguments)

    def _order(self, do: Callable[[], Result], patience: float = math.inf) -> Result:
        """Execute a call in the bench's thread, and wait for it."""
        if self._is_stopping:
            raise StationError(
                f"station {self.station.name!r}: its host is ending and makes the bench safe itself; wait "
                "until labspin status finds no host; make safe by hand what its log in .labspin names"
            )
        is_simulated = math.isinf(self._bench.clock.speed)  # time passes in the bench's thread only
        return self._orders.ask(do, patience=math.inf if is_simulated else patience)

    def _on_hello(self) -> dict[str, object]:
        return {"protocol": PROTOCOL, "version": __version__, "process": os.getpid()}

    def _on_status(self) -> HostStatus:
        run = self._run
        return {
            "station": self.station.name,
            "path": str(self.station.path.resolve()),
            "workspace": str(self.workspace),
            "simulated": self.station.simulated,
            "kind": self.station.kind,
            "process": os.getpid(),
            "state": self._state(),
            "run": None if run is None else run.record(),
            "last": None if self._last is None else self._last.record(),
            "hand": self._hand,
            "orders": len(self._orders),
            "aligns": self._lookout.aligns,
            "readings": self.news.readings,
            "sent": dict(self._bench.sent),
            "lost": sorted(self._lookout.lost),
            "queue": self._turns.record(),
            "clients": self._server.clients,
        }

    def _state(self) -> str:
        if self._run is not None:
            return "paused" if self._run.control and self._run.control.is_paused else "running"
        return "moving" if self._hand else "idle"

    def _on_follow(self, sequence: int = 0, timeout: float = 1.0) -> dict[str, object]:
        number, events = self.news.since(sequence, min(timeout, _LONGEST_WAIT))
        return {"sequence": number, "events": events, "status": self._on_status()}

    def _on_course(self, names: list[str], since: float = 0.0) -> Course:
        return self.news.course(names, since)

    def _on_describe(self) -> BenchDescription:
        return self.description

    def _on_get(self, name: str) -> object:
        return self._order(lambda: read_value(self._bench, name))

    def _on_call(self, name: str, arguments: list[object], keywords: dict[str, object]) -> object:
        self._refuse_in_run(name)
        calls = self._calls(name)
        return self._order(lambda: self._moved(calls, name, call_method, name, arguments, keywords))

    def _on_set(self, name: str, value: object) -> object:
        self._refuse_in_run(name)
        calls = self._calls(name)
        return self._order(lambda: self._moved(calls, name, set_value, name, value))

    def _refuse_in_run(self, name: str) -> None:
        run = self._run
        if run is not None and not run.is_over and not (run.control and run.control.is_paused):
            raise SafetyError(
                f"{name}: not touched while the run {run.queued.label!r} is being made; pause the run, or "
                "wait for its end"
            )

    def _calls(self, name: str) -> tuple[int, int]:
        """Return how often the safe state, and an end of what is done at ``name``, was asked for so far."""
        return self._calls_for_safety, self._halts[name]

    def _on_halt(self, name: str) -> None:
        self._halts[name] += 1
        if self._hand is not None and self._hand["name"] == name:
            self._break_off = True

    def _moved(
        self, calls: tuple[int, int], name: str, do: Callable[..., object], *arguments: object
    ) -> object:
        """Execute a manual action at the bench; it can be interrupted at any step of a ramp."""
        self._hand = {"name": name, "target": arguments[-1] if do is set_value else None}
        self._break_off = False  # before it is looked who called: a call that comes later is heard on the way
        try:
            self._refuse_in_run(name)  # it may have gone on meanwhile
            if calls != self._calls(name):
                raise RunAborted(f"{name}: not touched, since that was called off meanwhile")
            self._bench.refuse_while_entrusted(name)
            if do is not set_value:
                self._heart.beat(self._bench, math.inf)  # a method may take any time
            actuator = self._bench.actuators.get(name)
            ramps = actuator is not None and actuator.spec.ramp_rate and math.isinf(self._bench.clock.speed)
            self._pace = actuator.spec.ramp_interval if actuator and ramps else 0.0
            with self._bench.clock.interrupted_by(self._check_hand):
                result = do(self._bench, *arguments)
        finally:
            self._hand = None
            self._lookout.hurry()
        said = f"{name} = {words_of(arguments[-1], actuator)}" if do is set_value else f"{name}()"
        self.news.event("order", said)
        return result

    def _check_hand(self) -> None:
        if self._break_off or self._is_stopping:
            name = self._hand["name"] if self._hand else "the bench"
            raise RunAborted(f"{name}: the move was stopped, by Safe or by a person")
        if self._run is not None:
            self._run.check()
        if self._hand and self._hand["target"] is not None:
            self._heart.beat(self._bench)
        if self._pace:
            time.sleep(self._pace)
        if self._lookout.wait == 0.0:
            self._lookout.look(self._bench, self.description, is_idle=False)
        if time.monotonic() >= self._next_touch:
            self._next_touch = time.monotonic() + 0.1
            self.news.touch()

    def _on_align(self, on: bool) -> bool:
        if on and self._run is not None:
            raise SafetyError("count rates: not while a run is being made; wait for its end")
        self._lookout.aligns = on
        self._lookout.hurry()
        return on

    def _on_safe(self) -> list[dict[str, object]]:
        self._break_off = True
        self._calls_for_safety += 1
        self._lookout.aligns = False
        makes_runs = self._run is not None or self._turns.are_wanted
        self._end_runs("the safe state was asked for")
        try:
            return self._order(self._make_safe, _TURN)
        finally:
            self._turns.pause(makes_runs)

    def _end_runs(self, why: str) -> None:
        """Abort the run that is being made, and begin no further one."""
        self._turns.may_begin = False
        if self._run is not None:
            self._run.abort(why)

    def _make_safe(self) -> list[dict[str, object]]:
        actions = self._bench.safe()
        for action in actions:
            if not action.ok:
                self.news.event("error", f"not made safe: {action.instrument}: {action.message}")
        left = unsafe_instruments(actions)
        self.news.event(
            "error" if left else "safe",
            f"not safe: {', '.join(left)}; make it safe by hand"
            if left
            else "the bench is in its safe state",
        )
        self._lookout.hurry()
        return [dataclasses.asdict(action) for action in actions]

    def _control(self, number: int | None = None) -> HostControl:
        return control_of(self._run, number, self.station.name)

    def _on_pause(self) -> None:
        self._control().pause()
        self.news.event("order", "pause before the next point")

    def _on_unpause(self) -> None:
        self._control().resume()
        self.news.event("order", "continue")

    def _on_skip(self, run: int | None = None) -> None:
        self._control(run).skip()
        self.news.event("order", "skip this point")

    def _on_abort(self, pause_queue: bool = False, run: int | None = None) -> None:
        control = self._control(run)
        if pause_queue:
            self._end_runs("asked to")
            self._turns.pause()
        else:
            control.abort("asked to")
        self.news.event("order", "abort the run")

    def _on_start(self) -> int:
        state = self.queue.read()
        if not self._turns.come:
            if self._run is None and self.queue.is_being_run:
                raise ConfigurationError(
                    f"{self.queue.path}: another process is running this queue; wait for it"
                )
            self._turns.start()
            self._orders.wake()
        return len(self.queue.waiting(state))

    def _on_reconnect(self) -> BenchDescription:
        if self._run is not None:
            raise SafetyError("reconnect: not while a run is being made; wait for its end")
        return self._order(self._reconnect)

    def _reconnect(self) -> BenchDescription:
        """Read the station file again, and connect its instruments."""
        station = load_station(self.station.path)
        if not self.station.simulated or not station.simulated:
            raise StationError(
                f"{self.station.path}: a real station is connected again by a new host; labspin bench stop, "
                "then start it again"
            )
        bench = station.connect()
        former, self._bench, self.station = self._bench, bench, station
        former.safe()
        former.close()
        self.description = describe_bench(station, bench)
        self.news.readings.clear()
        self.news.event("host", f"{station.name}: connected again")
        return self.description

    def _on_stop(self, force: bool = False) -> None:
        if self._run is not None and not force:
            raise SafetyError(
                f"the run {self._run.queued.label!r} is being made; abort it first, or use force"
            )
        is_running = self._run is not None
        self._break_off = self._is_stopping = True
        self._end_runs("the host is ending")
        self._turns.pause(is_running)
