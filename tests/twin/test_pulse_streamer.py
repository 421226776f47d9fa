from __future__ import annotations

import base64
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pulsestreamer import OutputState, TriggerRearm, TriggerStart
from pulsestreamer.jrpc import pulse_streamer_jrpc

from labspin.errors import ConnectionFailedError, ReplyTimeoutError
from labspin.twin.devices import PulseStreamer
from tests.examples import examples
from tests.twin.lamp import make_world


@pytest.fixture
def streamer():
    return PulseStreamer(make_world())


@pytest.fixture
def client(streamer, monkeypatch):
    """The maker's client, its HTTP transport replaced by the instrument itself."""
    monkeypatch.setattr(pulse_streamer_jrpc, "HttpPostClientTransport", lambda url, timeout: streamer)
    monkeypatch.setattr(
        pulse_streamer_jrpc.PulseStreamerBase, "_PulseStreamerBase__connect_binary", lambda self: False
    )
    client = pulse_streamer_jrpc.PulseStreamer("127.0.0.1")
    client._has_binary = False
    return client


def sequence(client, *patterns):
    made = client.createSequence()
    for channel, pattern in enumerate(patterns):
        made.setDigital(channel, pattern)
    return made


def call(streamer, method, *parameters, **request):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters), **request}
    return json.loads(streamer.handle(json.dumps(message).encode()))


def test_the_makers_client_plays_a_sequence(client, streamer):
    world = streamer.world
    made = sequence(client, [(1000, 1), (3000, 0)], [(2000, 0), (500, 1), (1500, 0)], [(100, 1), (3900, 0)])
    assert not client.isStreaming()
    client.stream(made, 1000, OutputState([0]))
    assert client.isStreaming()
    assert not client.hasFinished()
    pattern = world.episodes()[0].pattern
    assert pattern.period == pytest.approx(4e-6, rel=1e-6, abs=0)
    assert pattern.edges("microwave") == pytest.approx([2e-6], rel=1e-6, abs=0)
    assert pattern.line("laser") @ pattern.durations == pytest.approx(1e-6, rel=1e-6, abs=0)
    world.clock.sleep(3.9e-3)
    assert client.isStreaming()
    world.clock.sleep(0.2e-3)
    assert client.hasFinished()
    assert client.hasSequence()
    assert world.episodes()[0].pattern.line("laser")[0] == 1.0


def test_a_sequence_waits_for_its_software_trigger(client, streamer):
    client.setTrigger(TriggerStart.SOFTWARE, TriggerRearm.MANUAL)
    assert client.getTriggerStart() is TriggerStart.SOFTWARE
    client.stream(sequence(client, [(1000, 1), (1000, 0)]), 10)
    assert not client.isStreaming()
    assert not streamer.world.playing
    assert client.startNow()
    assert client.isStreaming()
    streamer.world.clock.sleep(1.0)
    assert client.hasFinished()
    assert not client.startNow()
    assert client.rearm()
    assert client.startNow()


def test_constant_force_final_and_reset(client, streamer):
    def line(name):
        return streamer.world.episodes()[0].pattern.line(name)[0]

    client.constant(OutputState([0, 2], 0.5, 0.0))
    assert (line("laser"), line("trigger"), line("microwave")) == (1, 1, 0)
    client.stream(sequence(client, [(1000, 1), (1000, 0)]), -1, OutputState([1]))
    client.forceFinal()
    assert not client.isStreaming()
    assert (line("laser"), line("microwave")) == (0, 1)
    client.reset()
    assert line("microwave") == 0
    assert not client.hasSequence()


def test_what_the_client_asks_about_the_instrument(client):
    assert client.getSerial() == "00:26:32:f0:92:26"
    assert client.getFirmwareVersion().startswith("2.1")
    assert client.getStreamingState()["State"].name == "IDLING"
    assert client.getClock().name == "INTERNAL"
    assert client.getUnderflow() == 0
    assert 0 < client.getTemperature() < 100
    client.setHostname("bench")
    assert client.getHostname() == "bench"
    client.setAnalogCalibration(0.1, 0, 1, 1)
    assert client.getAnalogCalibration()["dc_offset_a0"] == 0.1


def test_analog_outputs_follow_their_levels():
    streamer = PulseStreamer(make_world(), wiring={"a1": "magnet.pulse"})
    steps = struct.pack("<IBhhIBhh", 1000, 1, 0, 0x7FFF, 3000, 0, 0, -0x7FFF)
    call(streamer, "stream", base64.b64encode(steps).decode(), -1, [0, 0, 0, 0])
    pattern = streamer.world.episodes()[0].pattern
    assert pattern.line("magnet.pulse") == pytest.approx([1.0, -1.0], rel=1e-6, abs=0)


def test_sequences_are_as_long_as_multiples_of_8_ns(streamer):
    steps = struct.pack("<IBhhIBhhIBhh", 3, 1, 0, 0, 0, 7, 0, 0, 10, 0, 0, 0)
    call(streamer, "stream", base64.b64encode(steps).decode(), -1, [0, 0, 0, 0])
    pattern = streamer.world.episodes()[0].pattern
    assert pattern.durations == pytest.approx([3e-9, 13e-9], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("strem", [], -32601),
        ("stream", ["AAAA"], -32602),
        ("stream", ["not base64!", -1, [0, 0, 0, 0]], -32602),
        ("stream", ["AAAA", -1, [0, 0, 0, 0]], -32602),
        ("stream", ["", -1, [0, 0, 0, 0]], -32602),
        ("stream", [base64.b64encode(bytes(9)).decode(), -1, [0, 0, 0, 0]], -32602),
        ("constant", [[0, 256, 0, 0]], -32602),
        ("constant", [[0, 0, 0x8000, 0]], -32602),
        ("setTrigger", [9, 0], -32602),
        ("start", [0, -1], -32602),
    ],
)
def test_wrong_calls_are_answered_with_their_error(streamer, method, parameters, code):
    answer = call(streamer, method, *parameters)
    assert answer["error"]["code"] == code
    assert answer["id"] == 1


def test_more_steps_than_fit_are_refused(streamer):
    steps = np.zeros(2_000_001, dtype=[("t", "<u4"), ("d", "u1"), ("a", "<i2"), ("b", "<i2")])
    steps["t"] = 8
    answer = call(streamer, "stream", base64.b64encode(steps.tobytes()).decode(), -1, [0, 0, 0, 0])
    assert "memory" in answer["error"]["message"]
    assert not streamer.world.playing


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
METHODS = sorted(pulse_streamer_jrpc.PulseStreamer.__dict__)


@settings(max_examples=examples(400), deadline=None)
@given(st.sampled_from(METHODS), json_values)
def test_any_parameters_get_an_answer(method, parameters):
    streamer = PulseStreamer(make_world())
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}
    answer = json.loads(streamer.handle(json.dumps(request).encode()))
    assert answer["id"] == 7
    assert ("result" in answer) != ("error" in answer)


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200))
def test_any_body_gets_an_answer(body):
    answer = json.loads(PulseStreamer(make_world()).handle(body))
    assert "error" in (answer[0] if isinstance(answer, list) else answer)


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_any_binary_message_gets_a_header_back(header, payload):
    streamer = PulseStreamer(make_world())
    assert 0 <= streamer.payload_length(header) <= 20_000_000
    assert len(streamer.handle_binary(header, payload)) in (32, 64)


def test_faults_reach_the_client(streamer):
    streamer.faults.add("drop", matching="getTemperature")
    with pytest.raises(ConnectionFailedError, match="the connection dropped"):
        call(streamer, "getTemperature")
    with pytest.raises(ConnectionFailedError):
        call(streamer, "getSerial")
    streamer.connect()
    assert call(streamer, "getTemperature")["result"] == 45.2
    streamer.faults.add("silent")
    with pytest.raises(ReplyTimeoutError):
        call(streamer, "getSerial")
    streamer.faults.add("identity", value="00:00:00:00:00:01")
    assert call(streamer, "getSerial")["result"] == "00:00:00:00:00:01"
