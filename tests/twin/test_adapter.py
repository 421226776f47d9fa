from __future__ import annotations

import threading

import pytest
from pymeasure.adapters import Adapter

from labspin.errors import ArgumentError, ReplyTimeoutError
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SG384, SR400, KepcoBOP
from tests.twin.lamp import PULSES, make_world


def test_it_is_an_adapter_that_says_what_it_stands_for():
    adapter = SimulatedAdapter(SG384(make_world()))
    assert isinstance(adapter, Adapter)
    assert repr(adapter) == "SimulatedAdapter(SG384)"
    adapter.close()
    with pytest.raises(ArgumentError, match="timeout of a simulated adapter"):
        SimulatedAdapter(SG384(make_world()), timeout=-1.0)


def test_reading_when_nothing_was_asked_takes_the_timeout_and_says_so():
    world = make_world()
    adapter = SimulatedAdapter(SG384(world), timeout=3.0)
    with pytest.raises(ReplyTimeoutError, match="SG384: wanted an answer within 3 s, got nothing"):
        adapter.read()
    assert world.clock.now() == 3.0


def test_bytes_are_read_by_count_by_line_and_all():
    adapter = SimulatedAdapter(KepcoBOP(make_world()), timeout=0.0)
    adapter.write("CURR?;*OPC?")
    adapter.write("*OPC?")
    assert adapter.read_bytes(3) == b"1.2"
    assert adapter.read_bytes(100, break_on_termchar=True).endswith(b";1\n")
    assert adapter.read_bytes(-1) == b"1\n"
    adapter.write("*OPC?")
    adapter.flush_read_buffer()
    with pytest.raises(ReplyTimeoutError):
        adapter.read_bytes(1)


def test_eight_threads_never_mix_their_answers_while_the_bench_is_at_work():
    world = make_world()
    devices = [SG384(world), KepcoBOP(world), SR400(world)]
    adapters = [SimulatedAdapter(device) for device in devices]
    queries = [("FREQ?", "10000000.000000"), ("CURR?", "1.20000E+01"), ("NP", "1")]
    failures = []

    def ask(number):
        adapter, (command, wanted) = adapters[number % 3], queries[number % 3]
        for _ in range(1000):
            with adapter.lock:
                adapter.write(command)
                answer = adapter.read()
            if answer != wanted:
                failures.append(answer)

    def disturb():
        for _ in range(200):
            world.play(PULSES)
            world.count("pl", gates=[(0.0, 1e-6)], triggers=10)
            world.drive("laser.power", 1.0, slew=5.0)
            world.clock.sleep(1e-3)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    threads.append(threading.Thread(target=disturb))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
