"""The drivers on simulated instruments: the whole way from a role to the physics and back."""

import logging
import threading

import numpy as np
import pytest

from labspin.errors import (
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    InstrumentError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments import PulseSequence
from labspin.station import load_station

STATION = "instruments/levitated-diamond.toml"
READ_OUT = [(0.0, 300e-9), (2e-6, 300e-9)]


@pytest.fixture
def bench(request):
    station = load_station(request.config.rootpath / STATION)
    with station.connect() as bench:
        yield bench


def pl_sequence():
    return PulseSequence().then("laser", duration=10e-6).wait(1e-6).then("laser", "trigger", duration=3e-6)


def counted(bench, sequence, *, triggers=10_000):
    bench.pulses.load(sequence)
    bench.counter.arm(READ_OUT, triggers=triggers)
    bench.pulses.start()
    for _ in range(1000):
        if bench.counter.is_done():
            counts = bench.counter.counts()
            bench.pulses.stop()
            return counts
        bench.clock.sleep(0.01)
    raise AssertionError("never done")


def test_identities(bench):
    assert "SG384" in bench.microwave.identity()
    assert "36-12" in bench.magnet.identity()
    assert "Pulse Streamer" in bench.pulses.identity()
    assert "SR400" in bench.counter.identity()


def test_a_microwave_source_is_set_and_read_back(bench):
    source = bench.microwave
    source.frequency, source.power = 2.87e9, -3.25
    assert (source.frequency, source.power) == (2.87e9, -3.25)
    assert not source.output_enabled
    source.output_enabled = True
    assert bench.simulation.world.level("microwave.power") == -3.25
    source.safe()
    assert bench.simulation.world.level("microwave.power") == -np.inf


def test_a_magnet_follows_its_setpoint_and_is_made_safe(bench):
    magnet = bench.magnet
    magnet.output_enabled = True
    magnet.current = 2.0
    bench.clock.sleep(1.0)
    assert magnet.current == pytest.approx(2.0, abs=1e-3)
    assert magnet.measured_current == pytest.approx(2.0, abs=2e-3)
    magnet.safe()
    assert not magnet.output_enabled
    bench.clock.sleep(1.0)
    assert magnet.measured_current == pytest.approx(0.0, abs=2e-3)
    assert bench.simulation.world.level("magnet.current") == pytest.approx(0.0, abs=1e-6)


def test_photons_are_counted_in_gates(bench):
    counts = counted(bench, pl_sequence())
    expected = 1e6 * 300e-9 * 10_000  # photons/s at full brightness, width, triggers
    assert counts.shape == (2,)
    assert counts.dtype == np.int64
    assert (counts > 0.5 * expected).all()
    assert (counts < 1.1 * expected).all()


def test_no_light_gives_dark_counts_only(bench):
    sequence = PulseSequence().then("trigger", duration=3e-6).wait(10e-6)
    counts = counted(bench, sequence, triggers=90_000)
    assert counts.sum() < 60  # 250 dark counts/s in 54 ms: 13.5 expected


def test_a_finite_sequence_ends(bench):
    bench.pulses.load(pl_sequence(), repetitions=1000)
    assert not bench.pulses.is_running()
    bench.pulses.start()
    assert bench.pulses.is_running()
    bench.clock.sleep(1.001 * 1000 * 14e-6)
    assert not bench.pulses.is_running()
    bench.pulses.start()
    assert bench.pulses.is_running()


def test_too_few_triggers_never_finish(bench):
    bench.pulses.load(pl_sequence(), repetitions=100)
    bench.counter.arm(READ_OUT, triggers=1000)
    bench.pulses.start()
    bench.clock.sleep(10.0)
    assert not bench.counter.is_done()
    with pytest.raises(DeviceError, match="not finished"):
        bench.counter.counts()
    bench.counter.stop()


def test_what_the_instrument_refuses_is_an_error(bench):
    bench.raw("microwave", reason="for the test").device.write("FREQ9E9")
    with pytest.raises(DeviceError, match="microwave: it refused a setting"):
        bench.raw("microwave", reason="for the test").device.check_set_errors()


def test_more_counts_than_the_counter_holds_are_an_error(bench):
    sequence = PulseSequence().then("laser", "trigger", duration=10e-6).wait(10e-6)
    bench.simulation.world.detectors.blind("pl", 1e11)
    bench.pulses.load(sequence)
    bench.pulses.start()
    bench.counter.arm([(0.0, 8e-6), (8e-6, 1e-6)], triggers=9_000_000)  # 3e9 counts at 22 ns dead time
    bench.clock.sleep(200.0)
    assert bench.counter.is_done()
    with pytest.raises(DeviceError, match=r"counter: .*overflow \(counters show \[999999999, 40\d{7}\]"):
        bench.counter.counts()
    bench.counter.arm([(0.0, 1e-6), (8e-6, 1e-6)], triggers=1000)
    bench.clock.sleep(1.0)
    assert bench.counter.counts().max() < 50_000


def test_settings_are_those_of_the_device(bench):
    bench.counter.arm([(9.989e-6, 300e-9)], triggers=1000)
    found = bench.counter.settings()
    assert found["gate_A"]["delay"] == pytest.approx(9.992e-6, rel=1e-6, abs=0)  # what the SR400 can make
    assert found["preset"] == 1000
    assert found["trigger_level"] == 0.5


def fault(bench, name, kind, **how):
    bench.simulation.devices[name].faults.add(kind, **how)


SLOW = [("microwave", "frequency", "FREQ"), ("magnet", "measured_current", "MEAS")]


@pytest.mark.parametrize(("name", "attribute", "command"), SLOW)
@pytest.mark.parametrize("late", [3.5, 7.0])
def test_a_late_answer_of_a_twin_is_never_taken_for_the_next(bench, name, attribute, command, late):
    before = bench.clock.now()
    fault(bench, name, "late", matching=command, value=late)
    device = getattr(bench, name)
    bench.raw(name, reason="for the test").device.retries = 2
    wanted = getattr(device, attribute)  # asked again after the time-out
    assert wanted == pytest.approx(getattr(device, attribute), abs=5e-3)
    assert bench.clock.now() - before >= 3.0
    assert device.output_enabled is False
    assert device.settings()["output_enabled"] is False


def test_a_late_answer_of_the_counter_is_never_taken_for_the_next(bench):
    bench.counter.arm(READ_OUT, triggers=1000)
    bench.raw("counter", reason="for the test").device.retries = 0
    fault(bench, "counter", "late", matching="QA", value=4.0)
    with pytest.raises(ReplyTimeoutError, match="counter: no answer to 'QA1'"):
        bench.counter.is_done()
    assert bench.raw("counter", reason="for the test").device.trigger_level == 0.5
    assert bench.raw("counter", reason="for the test").device.preset == 1000
    assert not bench.counter.is_done()


@pytest.mark.parametrize("name", ["microwave", "magnet", "counter", "pulses"])
def test_a_silent_instrument_is_one_clear_error(bench, name):
    fault(bench, name, "silent", times=-1)
    with pytest.raises(
        ReplyTimeoutError, match=rf"{name}: no answer to '.*' within 3 s, asked 2 times|{name}.*once"
    ):
        bench.instruments[name].settings()


@pytest.mark.parametrize("name", ["microwave", "magnet", "counter", "pulses"])
def test_a_dropped_connection_is_one_clear_error(bench, name):
    fault(bench, name, "drop")
    with pytest.raises(ConnectionFailedError, match=f"{name}: the connection failed at"):
        bench.instruments[name].settings()


@pytest.mark.parametrize("name", ["microwave", "magnet", "counter", "pulses"])
def test_garbled_answers_never_pass_for_numbers(bench, name):
    """Half of the bytes are noise: whatever comes out is an error, or a number that differs visibly."""
    fault(bench, name, "garble", times=-1)
    for _ in range(20):
        with pytest.raises(InstrumentError, match=name):
            bench.instruments[name].settings()


def test_a_cut_answer_is_an_error_or_asked_again(bench):
    fault(bench, "microwave", "cut", matching="FREQ")
    bench.microwave.frequency = 2.87e9
    assert bench.microwave.frequency == 2.87e9


def test_eight_threads_on_one_simulated_bench_never_take_each_others_answers(bench):
    source, magnet = bench.microwave, bench.magnet
    source.frequency, source.power = 2.5e9, -7.5
    wrong = []

    def work(thread):
        for _ in range(200):
            if thread % 2:
                wrong.append(source.power != -7.5)
                wrong.append(magnet.current != 0.0)
            else:
                wrong.append(source.frequency != 2.5e9)
                wrong.append(magnet.output_enabled is not False)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 8 * 400
    assert not any(wrong)


def test_another_instrument_at_the_address(bench):
    fault(bench, "microwave", "identity", value="Acme,Toaster,1,1")
    with pytest.raises(
        IdentityError, match="microwave: wanted Stanford Research Systems SG384, but 'Acme,Toaster"
    ):
        bench.microwave.identity()


def test_a_tripped_magnet_shows_in_its_reading_and_safe_still_works(bench):
    bench.magnet.output_enabled = True
    bench.magnet.current = 3.0
    bench.clock.sleep(1.0)
    bench.simulation.devices["magnet"].trip()
    bench.clock.sleep(1.0)
    assert abs(bench.magnet.measured_current) < 0.1
    with pytest.raises(DeviceError, match="Device specific error"):
        bench.magnet.safe()
    assert not bench.magnet.output_enabled
    bench.magnet.safe()


def test_nothing_is_printed(bench, capsys, caplog):
    with caplog.at_level(logging.DEBUG):
        counted(bench, pl_sequence(), triggers=1000)
    assert capsys.readouterr().out == ""


def test_an_unreadable_error_queue_does_not_pass(bench):
    fault(bench, "microwave", "cut", matching="LERR", times=-1)
    for _ in range(20):
        with pytest.raises((ReplyError, DeviceError, ReplyTimeoutError)):
            bench.microwave.frequency = 2.87e9
