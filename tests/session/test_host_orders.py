"""What a host does with the orders of its clients, in this process: one after the other."""

import dataclasses
import math
import shutil
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from labspin.errors import RunAborted, SafetyError, StationError
from labspin.experiment import Control
from labspin.session.host import BenchHost
from labspin.session.host_heart import Heart
from labspin.session.host_look import Lookout
from labspin.session.host_news import News
from labspin.session.host_orders import Order, Orders
from labspin.session.host_run import HostControl, RunWatch
from labspin.session.queue_file import QueuedRun
from labspin.session.workbench import describe_bench
from labspin.station import load_station
from tests.places import PATIENCE, ROOT


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Wait for the queue's file as long as a busy machine needs."""
    monkeypatch.setattr("labspin.session.host_queue._PATIENCE", PATIENCE)


@pytest.fixture
def station(tmp_path):
    (tmp_path / "instruments").mkdir()
    shutil.copy(ROOT / "instruments" / "levitated-diamond.toml", tmp_path / "instruments")
    return load_station(tmp_path / "instruments" / "levitated-diamond.toml")


@pytest.fixture
def host(station):
    """A host whose bench is connected, and whose orders are carried out at once."""
    found = BenchHost(station)
    found._bench = station.connect(watchdog=False)
    found.description = describe_bench(station, found._bench)
    found._order = lambda do, *_: do()
    yield found
    found._bench.close()


def a_run(host, *, paused=False):
    """Let the host believe that it makes a run."""
    watch = RunWatch(QueuedRun(card="c.toml", label="a run"), lambda: None, host.news.event)
    watch.control = HostControl(Control(), lambda: None)
    if paused:
        watch.control.pause()
    host._run = watch
    return watch


def said(news):
    return [(kind, text) for _, _, kind, text in news.since(0, 0.0)[1]]


# -- by hand ----------------------------------------------------------------------------------------------


def test_a_move_that_waited_is_not_made_once_the_run_goes_on(host):
    """It was asked for while the run was held."""
    watch = a_run(host, paused=True)
    late = []
    host._order = late.append
    host._on_set("microwave.power", "-20 dBm")
    watch.control.resume()
    with pytest.raises(SafetyError, match="not touched while the run"):
        late[0]()


def test_nothing_is_touched_in_a_run_unless_it_is_held(host):
    watch = a_run(host)
    for touch in (
        lambda: host._on_set("microwave.power", "-20 dBm"),
        lambda: host._on_call("magnet.safe", [], {}),
    ):
        with pytest.raises(SafetyError, match="pause the run"):
            touch()
    watch.control.pause()
    assert host._on_set("microwave.power", "-20 dBm") == pytest.approx(-20.0, rel=1e-9, abs=0)


def test_a_move_that_waited_is_not_made_after_the_safe_state(host):
    late = []
    host._order = late.append
    host._on_set("microwave.power", "-20 dBm")
    host._order = lambda do, *_: do()
    host._on_safe()
    with pytest.raises(RunAborted, match="called off meanwhile"):
        late[0]()


def during_a_ramp(host, do):
    """Do something at the first step of a ramp; return how far the ramp came."""
    host._bench.magnet.output_enabled = True
    done = []

    def look(*_, **__):
        if not done:
            done.append(1)
            do()

    host._lookout.look = look
    with pytest.raises(RunAborted):
        host._on_set("magnet.current", "10 A")
    assert done
    return abs(host._bench.actuator("magnet.current").read())


def test_the_safe_state_breaks_off_a_ramp_by_hand(host):
    host._order = lambda do, *_: do() if do.__name__ == "<lambda>" else []
    assert during_a_ramp(host, host._on_safe) < 9.0


def test_a_halt_breaks_off_the_ramp_that_it_names(host):
    assert during_a_ramp(host, lambda: host._on_halt("magnet.current")) < 9.0
    host._lookout.look = lambda *_, **__: host._on_halt("microwave.power")
    assert host._on_set("magnet.current", "0.5 A") == pytest.approx(0.5, rel=0.01, abs=0)


def test_an_abort_breaks_off_a_ramp_by_hand_in_a_run_that_is_held(host):
    watch = a_run(host, paused=True)
    assert during_a_ramp(host, lambda: watch.control.abort("asked to")) < 9.0


def test_what_a_watchdog_still_makes_safe_is_not_moved(host, monkeypatch):
    def refuse(name):
        raise SafetyError(f"{name}: an earlier run could not make it safe")

    monkeypatch.setattr(host._bench, "refuse_while_entrusted", refuse)
    with pytest.raises(SafetyError, match="an earlier run"):
        host._on_set("microwave.power", "-20 dBm")


def test_the_watchdog_is_told_how_long_something_by_hand_may_take(host):
    """Of a method nobody knows how long it takes; a ramp says at its steps that it goes on."""
    told = []
    host._heart = SimpleNamespace(beat=lambda bench, patience=300.0: told.append(patience))
    host._on_call("microwave.safe", [], {})
    assert told == [math.inf]
    told.clear()
    host._bench.magnet.output_enabled = True
    host._on_set("magnet.current", "0.5 A")
    assert told
    assert set(told) == {300.0}


def test_count_rates_are_for_an_idle_bench(host):
    host._on_align(True)
    assert host._lookout.aligns
    a_run(host)
    with pytest.raises(SafetyError, match="not while a run is being made"):
        host._on_align(True)
    host._on_safe()
    assert not host._lookout.aligns


def test_the_light_of_the_alignment_goes_out_when_the_last_client_has_left(host, monkeypatch):
    monkeypatch.setattr("labspin.session.host_look.count_rates", lambda bench, description: {"pl": 1.0})
    for clients, is_counted in ((1, True), (0, False)):
        host._server = SimpleNamespace(clients=clients)
        host._lookout.aligns = True
        host._lookout.look(host._bench, host.description, is_idle=True)
        assert host._lookout.aligns == is_counted
    assert any("ended, since no client is connected" in text for _, text in said(host.news))


# -- runs -------------------------------------------------------------------------------------------------


def test_who_orders_something_of_a_host_that_is_ending_is_told_what_happens_to_the_bench(host):
    host._is_stopping = True
    with pytest.raises(
        StationError, match="is ending and makes the bench safe itself; wait until labspin status"
    ):
        BenchHost._order(host, lambda: None)


def test_a_run_begins_without_the_light_of_the_alignment_and_ends_with_the_host(host, monkeypatch):
    seen = []

    def made(queue, run, *, observers, control, connect):
        seen.append((host._lookout.aligns, control._abort_reason))

    monkeypatch.setattr("labspin.session.host.make_queued_run", made)
    run = QueuedRun(card="c.toml", label="a run", file="data/a.h5")
    host._lookout.aligns = True
    host._execute(run, Control(), [])
    host._is_stopping = True
    host._execute(run, Control(), [])
    assert seen == [(False, None), (False, "the host is ending")]


def test_a_run_is_made_on_the_station_that_the_host_holds_and_as_it_was_connected(host, station, tmp_path):
    with (
        pytest.raises(StationError, match="this host holds"),
        host._for_run(dataclasses.replace(station, path=tmp_path / "instruments" / "other.toml"), None),
    ):
        pytest.fail("it was lent")
    with (
        pytest.raises(StationError, match="was changed after the host"),
        host._for_run(dataclasses.replace(station, text=station.text + "\n# changed"), None),
    ):
        pytest.fail("it was lent")
    with host._for_run(station, 5) as bench:
        assert bench is host._bench


def test_a_host_ends_no_run_unless_it_is_forced(host):
    watch = a_run(host)
    with pytest.raises(SafetyError, match="abort it first, or use force"):
        host._on_stop()
    assert not host._is_stopping
    host._on_stop(force=True)
    assert host._is_stopping
    assert watch.control._abort_reason == "the host is ending"


@pytest.mark.parametrize("pause_queue", [False, True])
def test_an_abort_pauses_the_queue_if_that_is_asked(host, pause_queue):
    watch = a_run(host)
    host._on_abort(pause_queue=pause_queue)
    assert host.queue.read().paused == pause_queue
    assert watch.control._abort_reason == "asked to"


def test_the_safe_state_pauses_the_queue_where_runs_are_made(host):
    host._on_safe()
    assert not host.queue.read().paused
    watch = a_run(host)
    host._on_safe()
    assert host.queue.read().paused
    assert watch.control._abort_reason == "the safe state was asked for"


def test_no_run_begins_from_the_moment_at_which_the_safe_state_is_asked_for(host):
    """The queue's file may be locked by another process, so that it cannot be paused at once."""
    begun, host._turns.are_wanted = [], True

    def make_safe(do, *_):
        begun.append(host._turns.come)
        return do()

    host._order = make_safe
    host._on_safe()
    assert begun == [False]


def test_a_queue_that_is_none_ends_with_an_error_not_in_a_circle(host):
    host.queue.path.write_text("runs = 3")
    host._turns.are_wanted = True
    host._make_runs()
    assert not host._turns.come
    assert said(host.news)[-1][0] == "error"


class Served:
    """Stands for the server of a host."""

    def __init__(self, secret, answer):
        self.port = 1

    def close(self):
        """Let all clients go."""


def test_a_host_finishes_dead_runs_before_it_holds_a_bench(host, monkeypatch):
    done = []
    monkeypatch.setattr("labspin.session.host.recover_dead_runs", lambda folder: done.append("recovered"))
    monkeypatch.setattr(host, "_hold", lambda claim: done.append("held"))
    host.serve()
    assert done == ["recovered", "held"]


def test_a_host_leaves_a_safe_bench_and_no_client_waiting(host, monkeypatch):
    done = []
    monkeypatch.setattr("labspin.session.host.Server", Served)
    monkeypatch.setattr(host, "_work", lambda: done.append("worked"))
    monkeypatch.setattr(host._bench, "safe", lambda: done.append("safe") or [])
    late = Future()
    host._orders.put(Order(lambda: None, late))
    host._serve(SimpleNamespace(secret="s", publish=lambda record: None))
    assert done == ["worked", "safe"]
    with pytest.raises(StationError, match="its host has ended"):
        late.result(0)


def test_a_real_station_is_not_connected_beside_the_bench_that_holds_it(host, monkeypatch):
    monkeypatch.setattr(type(host.station), "simulated", False)
    with pytest.raises(StationError, match="connected again by a new host"):
        host._reconnect()


def test_an_abort_is_heard_by_whoever_makes_the_queue():
    inner = Control()
    HostControl(inner, lambda: None).abort("SIGTERM")
    with pytest.raises(RunAborted, match="SIGTERM"):
        inner.check()


def test_while_a_run_is_held_its_clients_may_use_the_bench():
    held = []
    control = HostControl(Control(), lambda: held.append(1))
    control.pause()
    assert not control.hold(0.0)
    assert held == [1]


def test_the_truth_of_a_simulation_is_not_told():
    told = []
    watch = RunWatch(QueuedRun(card="", label="a run"), lambda: None, lambda *one: told.append(one))
    watch.on_event("truth", "T1 = 1.3 ms")
    watch.on_event("truth_changed", "T1 = 1.4 ms")
    watch.on_event("pause", "by the client")
    assert told == [("pause", "by the client")]


def test_the_path_of_a_run_is_told_once_its_file_can_be_opened():
    """Clients that opened it at once failed."""
    watch = RunWatch(QueuedRun(card="", label="a run", file="data/a.h5"), lambda: None, lambda *one: None)
    assert watch.record()["path"] == ""
    watch.on_start(SimpleNamespace(procedure="t1"), 3)
    assert watch.record()["path"] == str(Path("data/a.h5"))


# -- what is told -----------------------------------------------------------------------------------------


def test_what_could_not_be_made_safe_is_an_error(host, monkeypatch):
    failed = SimpleNamespace(instrument="magnet", ok=False, message="no answer", time=0.0, attempt=2)
    monkeypatch.setattr(host._bench, "safe", lambda: [failed])
    monkeypatch.setattr("labspin.session.host.dataclasses.asdict", vars)
    monkeypatch.setattr("labspin.session.host.unsafe_instruments", lambda actions: ["magnet"])
    host._make_safe()
    assert ("error", "not safe: magnet; make it safe by hand") in said(host.news)
    assert not any(kind == "safe" for kind, _ in said(host.news))


def test_a_watchdog_that_cannot_be_started_is_tried_again_after_a_while():
    tried = []

    class Bench:
        def beat(self, patience):
            tried.append(patience)
            raise SafetyError("no watchdog")

    news = News()
    heart = Heart(news)
    for _ in range(5):
        heart.beat(Bench())
    assert tried == [300.0]
    assert said(news) == [("error", "no watchdog")]


class Lost:
    """A bench of which some readings fail."""

    def __init__(self):
        self.reopened = []

    def reopen(self, names):
        self.reopened.append(names)


def look(monkeypatch, readings, *, is_idle, aligns=False):
    """Return the bench, and the news, after one look that found ``readings``."""
    bench, news = Lost(), News()
    monkeypatch.setattr("labspin.session.host_look.read_all", lambda *_: dict(readings))
    monkeypatch.setattr("labspin.session.host_look.count_rates", lambda *_: {"pl": 1e5})
    lookout = Lookout(news, 0.5)
    lookout.aligns = aligns
    lookout.look(bench, {"instruments": {"magnet": {}}}, is_idle=is_idle)
    return bench, news, lookout


GOOD, BAD = {"value": 1.0, "time": 1.0}, {"error": "no answer", "time": 1.0}


def test_an_instrument_that_answers_nothing_is_connected_again_between_runs(monkeypatch):
    nothing = {"magnet.current": BAD, "magnet.field": BAD}
    bench, news, lookout = look(monkeypatch, nothing, is_idle=True)
    assert bench.reopened == [["magnet"]]
    assert lookout.lost.keys() == {"magnet"}
    assert "magnet: no answer" in said(news)[0][1]
    assert look(monkeypatch, nothing, is_idle=False)[0].reopened == [], "in a run it is the run's business"


def test_one_reading_that_fails_is_no_lost_instrument(monkeypatch):
    bench, _, lookout = look(monkeypatch, {"magnet.current": GOOD, "magnet.field": BAD}, is_idle=True)
    assert bench.reopened == []
    assert lookout.lost == {}


def test_the_light_is_not_switched_on_in_a_run(monkeypatch):
    for is_idle in (True, False):
        _, news, _ = look(monkeypatch, {"magnet.current": GOOD}, is_idle=is_idle, aligns=True)
        assert ("rate.pl" in news.readings) == is_idle


def test_what_cannot_wait_is_done_by_who_asks_and_not_once_more():
    """The bench's thread hangs, in a disk say: nobody carries out orders."""
    orders, done = Orders(), []
    assert orders.ask(lambda: done.append("safe") or "by hand", patience=0.01) == "by hand"
    assert orders.carry_out(0.0), "it is still there"
    assert done == ["safe"]
