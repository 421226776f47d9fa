"""The maker's own client of the Pulse Streamer, unmodified, on a served bench over HTTP."""

from __future__ import annotations

import math

import pytest

pulsestreamer = pytest.importorskip("pulsestreamer")


def test_a_sequence_makes_the_light_that_a_counter_sees(served):
    bench = served(
        pulses=("pulse_streamer", "options = { lines = { laser = 0, microwave = 1, trigger = 2 } }")
    )
    client = pulsestreamer.PulseStreamer(bench["pulses"].address)
    try:
        sequence = client.createSequence()
        sequence.setDigital(0, [(10_000, 1), (990_000, 0)])  # ns: laser for 10 µs out of 1 ms
        sequence.setDigital(2, [(1_000, 1), (999_000, 0)])
        client.stream(sequence, pulsestreamer.PulseStreamer.REPEAT_INFINITELY)
        assert client.isStreaming()
        pattern = bench.world.episodes()[0].pattern
        assert pattern.period == pytest.approx(1e-3, rel=1e-6, abs=0)
        assert pattern.line("laser") @ pattern.durations == pytest.approx(10e-6, rel=1e-6, abs=0)
        job = bench.world.count("pl", gates=[(0.0, 10e-6), (500e-6, 10e-6)], triggers=200)
        bench.world.clock.advance(0.5)
        assert job.done
        lit, dark = (int(count) for count in job.counts())
        expected = 200 * bench.world.mean_rate("pl") * pattern.period
        assert lit == pytest.approx(expected, abs=6 * math.sqrt(expected))
        assert dark == 0
        client.constant()
        assert not client.isStreaming()
    finally:
        client._socket.close()
