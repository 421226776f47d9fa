import itertools
import logging
import math
import os
import signal
import threading

import pytest

from labspin.bench import Bench, Interlock
from labspin.bench.safety import signals_put_off, unsafe_instruments
from labspin.bench.waiting import InterruptibleClock
from labspin.clock import SimulatedClock, WallClock
from labspin.errors import ArgumentError, PlanError, RunAborted, StationError, UnknownStateError
from labspin.instruments import Gaussmeter, MagnetSupply, MicrowaveSource
from tests.experiment.fakes import MAGNET, Magnet, Source, fake_bench
from tests.some import some


def test_instruments_are_attributes_and_unknown_ones_say_what_there_is():
    bench = fake_bench()
    assert isinstance(bench.magnet, Magnet)
    with pytest.raises(
        AttributeError, match=r"bench 'fake' has no instrument 'magnat'; it has \['magnet', 'microwave'\]"
    ):
        _ = bench.magnat


def test_actuators_are_found_by_raw_and_calibrated_name():
    bench = fake_bench()
    assert sorted(bench.actuators) == ["magnet.current", "magnet.field", "microwave.frequency"]
    with pytest.raises(PlanError, match=r"did you mean 'magnet\.current'"):
        bench.actuator("magnet.curent")


def test_a_bench_that_lacks_a_role_is_refused():
    bench = fake_bench()
    bench.require({"microwave": MicrowaveSource, "magnet": MagnetSupply})
    with pytest.raises(PlanError, match=r"has no 'probe' \(Gaussmeter\)"):
        bench.require({"probe": Gaussmeter})
    with pytest.raises(PlanError, match="'microwave' is no MagnetSupply: it lacks current, measured_current"):
        bench.require({"microwave": MagnetSupply})


def test_wrong_declarations_are_refused():
    with pytest.raises(StationError, match="safe order"):
        fake_bench(safe_order=("pump",))
    with pytest.raises(StationError, match="declared twice"):
        fake_bench(actuators=(MAGNET, MAGNET))
    with pytest.raises(StationError, match="actuators: wanted one of"):
        Bench(name="b", clock=SimulatedClock(), instruments={}, actuators=(MAGNET,))


def test_the_snapshot_is_read_back():
    bench = fake_bench()
    bench.magnet.current = 0.3
    snapshot = bench.snapshot()
    assert snapshot["actuators"]["magnet.current"] == {"value": 0.3, "unit": "A"}
    assert snapshot["actuators"]["magnet.field"]["value"] == pytest.approx(0.004, rel=1e-6, abs=0)
    assert snapshot["instruments"]["magnet"] == {"identity": "fake magnet", "settings": {"current": 0.3}}


def test_a_tolerant_snapshot_notes_what_cannot_be_read():
    bench = fake_bench()
    bench.magnet.reading = OSError("gone")
    assert "gone" in bench.snapshot(tolerant=True)["actuators"]["magnet.current"]["error"]
    with pytest.raises(UnknownStateError, match="gone"):
        bench.snapshot()


def test_safe_runs_every_device_in_order_even_if_one_fails():
    bench = fake_bench()
    bench.magnet.current = 1.0
    bench.magnet.fail_safe = True
    actions = bench.safe()
    assert [(action.instrument, action.ok) for action in actions] == [
        ("magnet", True), ("magnet", False), ("microwave", True), ("magnet", True), ("magnet", False),
    ]  # fmt: skip
    assert [action.attempt for action in actions] == [1, 1, 1, 2, 2], "once more, when all others are safe"
    assert "does not answer" in actions[1].message
    assert bench.magnet.current == 0.0
    assert bench.microwave.safe_calls == 1


def test_a_magnet_that_cannot_be_read_comes_home_from_its_last_set_point_when_all_others_are_safe():
    bench = fake_bench()
    bench.magnet.current = 1.0
    bench.magnet.reading = float("nan")
    actions = bench.safe()
    assert [(action.instrument, action.ok, action.attempt) for action in actions] == [
        ("magnet", False, 1), ("magnet", False, 1), ("microwave", True, 1),
        ("magnet", False, 2), ("magnet", True, 2),
    ]  # fmt: skip
    assert "not called" in actions[1].message
    assert "see whether it arrived" in actions[3].message
    values = [value for _, value in bench.magnet.sent]
    top = values.index(1.0)
    assert values[-1] == 0.0
    assert all(0 <= a - b <= 0.05 + 1e-9 for a, b in some(itertools.pairwise(values[top:]))), "by its ramp"
    assert bench.magnet.safe_calls == 1
    assert bench.magnet.clock.now() >= 4.0


def test_a_magnet_that_cannot_be_read_and_was_never_moved_is_left_as_it_is():
    bench = fake_bench()
    bench._instruments["magnet"]._current = 1.0  # somebody else's doing
    bench.magnet.reading = OSError("no answer")
    actions = bench.safe()
    assert bench.magnet.sent == []
    assert bench.magnet.safe_calls == 0, "a jump from an unknown state is worse than staying"
    assert unsafe_instruments(actions) == ["magnet"]
    assert any("make it safe by hand" in action.message for action in actions)


def test_what_fails_is_made_safe_over_a_new_connection():
    fresh = Magnet(SimulatedClock(), current=1.0)
    asked = []

    def reopen(names):
        asked.extend(names)
        return {"magnet": fresh}

    bench = fake_bench(on_reopen=reopen)
    bench.magnet.current = 1.0
    bench.magnet.reading = OSError("cable pulled")
    fresh.clock = bench.clock
    actions = bench.safe()
    assert asked == ["magnet"]
    assert fresh.current == 0.0
    assert fresh.safe_calls == 1
    assert unsafe_instruments(actions) == []
    assert not all(action.ok for action in actions)
    bench.magnet.current = 0.5
    assert fresh.current == 0.5, "the bench goes on with the new one"


def test_leaving_the_block_by_an_error_makes_safe_and_closes():
    closed = []
    bench = fake_bench(on_close=lambda: closed.append(1))

    def use():
        with bench:
            bench.magnet.current = 0.2
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        use()
    assert bench.magnet.current == 0.0
    assert bench.magnet.safe_calls == 1
    with fake_bench(on_close=lambda: closed.append(2)) as other:
        other.magnet.current = 0.2
    assert other.magnet.safe_calls == 0
    assert closed == [1, 2]


def test_ctrl_c_during_the_safe_sequence_waits_until_it_is_done():
    bench = fake_bench()
    magnet = bench.raw("magnet", reason="a test")
    magnet_safe = magnet.safe

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        magnet_safe()

    magnet.safe = interrupted
    with pytest.raises(KeyboardInterrupt):
        bench.safe()
    assert bench.magnet.safe_calls == 1
    assert bench.microwave.safe_calls == 1


def test_handlers_are_restored_and_left_alone_in_other_threads():
    before = signal.getsignal(signal.SIGTERM)
    with signals_put_off():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    seen = []

    def work():
        with signals_put_off():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_two_threads_make_a_bench_safe_one_after_the_other(monkeypatch):
    bench, inside, over = fake_bench(), threading.Event(), threading.Event()
    seen = []

    def safe_state(*_):
        seen.append("begins")
        inside.set()
        over.wait()
        seen.append("ends")
        return []

    monkeypatch.setattr("labspin.bench.bench.safe_state", safe_state)
    threads = [threading.Thread(target=bench.safe) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    assert seen == ["begins"]
    over.set()
    for thread in threads:
        thread.join()
    assert seen == ["begins", "ends"] * 2


def test_a_bench_is_not_closed_while_another_thread_makes_it_safe(monkeypatch):
    """The instruments would be disconnected in the middle of a ramp."""
    bench, inside, over = fake_bench(), threading.Event(), threading.Event()
    seen = []

    def safe_state(*_):
        inside.set()
        over.wait()
        seen.append("safe")
        return []

    monkeypatch.setattr("labspin.bench.bench.safe_state", safe_state)
    monkeypatch.setattr(bench, "_on_close", lambda: seen.append("closed"))
    safe = threading.Thread(target=bench.safe)
    safe.start()
    inside.wait()
    close = threading.Thread(target=bench.close)
    close.start()
    close.join(0.2)
    assert close.is_alive()
    over.set()
    for thread in (safe, close):
        thread.join()
    assert seen == ["safe", "closed"]


def test_an_instrument_that_is_gone_is_told_in_a_line(caplog):
    """A page of chained tracebacks for each instrument hid the sentence, in a notebook."""
    bench = fake_bench()
    bench.magnet.fail_safe = True
    bench.safe()
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "supply: does not answer" in said[0].getMessage()
    assert [record.exc_info for record in said if record.exc_info] == []
    with caplog.at_level(logging.DEBUG, "labspin"):
        bench.safe()
    (kind, *_), *_ = [record.exc_info for record in caplog.records if record.exc_info]
    assert kind is OSError, "where one looks for the cause"


def test_a_wait_on_the_wall_clock_is_interrupted():
    clock = InterruptibleClock(WallClock())
    begin = clock.now()

    def enough():
        if clock.now() - begin > 0.15:
            raise RunAborted("enough")

    with clock.interrupted_by(enough), pytest.raises(RunAborted):
        clock.sleep(60.0)
    assert clock.now() - begin < 5.0
    clock.sleep(0.01)


def test_a_simulated_wait_advances_by_exactly_what_was_asked():
    clock = SimulatedClock()
    InterruptibleClock(clock).sleep(3600.1)
    assert clock.now() == 3600.1


@pytest.mark.parametrize("word", ["interval", "timeout"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_an_interlock_that_is_never_looked_at_is_none(word, value):
    with pytest.raises(ArgumentError, match=rf"interlock magnet.current: {word}: wanted a finite number ≥ 0"):
        Interlock(quantity="magnet.current", unit="A", maximum=1.0, **{word: value})


def test_an_interlock_may_be_looked_at_all_the_time_and_end_a_run_at_once():
    interlock = Interlock(quantity="a.b", unit="A", maximum=1.0, action="hold", interval=0.0, timeout=0.0)
    assert (interlock.interval, interlock.timeout) == (0.0, 0.0)


def test_interlocks_are_checked():
    bench = fake_bench()
    interlock = Interlock(quantity="magnet.measured_current", unit="A", maximum=1.0)
    assert interlock.allows(interlock.read(bench))
    assert not interlock.allows(Interlock(quantity="probe.field", unit="T", maximum=1.0).read(bench))
    for wrong in ({"quantity": "field"}, {"minimum": 2.0}, {"action": "explode"}):
        with pytest.raises(ArgumentError, match="interlock"):
            Interlock(**{"quantity": "a.b", "unit": "A", "maximum": 1.0} | wrong)
    assert isinstance(bench.microwave, Source)
