"""Pulse Streamer: requests that the maker's client sends through our driver, and its failures."""

import base64
import http.server
import json
import logging
import socket
import threading

import numpy as np
import pytest

from labspin.errors import (
    ArgumentError,
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    ReplyError,
    ReplyTimeoutError,
    SequenceError,
)
from labspin.instruments import PulseSequence
from labspin.instruments.pulse_streamer import PulseStreamer, PulseStreamerLines, PulseStreamerOptions
from tests.places import PATIENCE

STEP = np.dtype([("ticks", "<u4"), ("digital", "u1"), ("a0", "<i2"), ("a1", "<i2")])


class Device:
    """Answers JSON-RPC requests and keeps them."""

    def __init__(self, **answers):
        self.requests = []
        self.answers = {"getFirmwareVersion": "1.7.2", "getSerial": "00:26:32:f0:3b:1b", **answers}
        self.error = None

    def handle(self, body):
        request = json.loads(body)
        self.requests.append((request["method"], request.get("params", [])))
        if self.error is not None:
            raise self.error
        result = self.answers.get(request["method"], 0)
        if callable(result):
            return result(request)
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()

    def methods(self):
        return [method for method, _ in self.requests]


def opened(device, **options):
    generator = PulseStreamerLines.open(
        device, name="pulses", options=PulseStreamerOptions(**options) if options else None
    )
    device.requests.clear()
    return generator


def steps_of(device):
    encoded = next(params[0] for method, params in reversed(device.requests) if method == "stream")
    return [
        (int(step["ticks"]), int(step["digital"])) for step in np.frombuffer(base64.b64decode(encoded), STEP)
    ]


def t1(dark=1e-3):
    return PulseSequence().then("laser", duration=10e-6).wait(dark).then("laser", "trigger", duration=3e-6)


def test_a_sequence_is_uploaded_to_wait_for_a_software_trigger():
    device = Device()
    generator = opened(device)
    generator.load(t1(), repetitions=100)
    assert device.requests[0] == ("setTrigger", [1, 0])
    method, (_, runs, final) = device.requests[1]
    assert (method, runs, final) == ("stream", 100, [0, 0, 0, 0])
    assert steps_of(device) == [(10_000, 0b001), (1_000_000, 0), (3000, 0b101)]
    generator.start()
    assert device.methods()[2:] == ["startNow"]


def test_lines_are_outputs_by_name():
    device = Device()
    generator = opened(device, lines={"laser": 7, "trigger": 3})
    generator.load(t1())
    assert [digital for _, digital in steps_of(device)] == [0b10000000, 0, 0b10001000]
    with pytest.raises(SequenceError, match="no line 'microwave'; it has laser, trigger"):
        generator.load(PulseSequence().then("microwave", duration=1e-6))


def test_the_period_is_filled_up_to_8_ns_with_a_low_state():
    device = Device()
    generator = opened(device)
    generator.load(PulseSequence().then("laser", duration=13e-9))
    assert steps_of(device) == [(13, 1), (3, 0)]
    assert generator.settings()["period"] == pytest.approx(16e-9, rel=1e-6, abs=0)


def test_steps_longer_than_32_bits_are_split():
    device = Device()
    opened(device).load(PulseSequence().then("laser", duration=10.0).wait(8e-9))
    steps = steps_of(device)
    assert sum(ticks for ticks, digital in steps if digital) == 10_000_000_000
    assert all(0 < ticks <= 0xFFFFFFFF for ticks, _ in steps)


@pytest.mark.parametrize(
    ("sequence", "match"),
    [
        (PulseSequence().then("laser", duration=2e-9), "PulseSequence|changes at 0 s and again 2 ns later"),
        (PulseSequence().then("laser", duration=10.5e-9), "resolution of 1 ns"),
        (PulseSequence(), "got none"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_sent(sequence, match):
    device = Device()
    generator = opened(device)
    with pytest.raises(SequenceError, match=match):
        generator.load(sequence)
    assert device.requests == []


@pytest.mark.parametrize("repetitions", [0, -2, 1.0, True])
def test_repetitions_are_checked(repetitions):
    with pytest.raises(ArgumentError, match="repetitions: wanted -1 or a whole number > 0"):
        opened(Device()).load(t1(), repetitions=repetitions)


def test_a_stopped_sequence_can_be_started_again():
    device = Device()
    generator = opened(device)
    generator.load(t1())
    generator.start()
    generator.stop()
    assert device.requests[-1] == ("constant", [[0, 0, 0, 0]])
    generator.start()
    assert device.methods()[-3:] == ["setTrigger", "stream", "startNow"]


def test_starting_what_plays_begins_again():
    answers = iter([False, True])
    device = Device()
    device.answers["startNow"] = lambda request: json.dumps(
        {"jsonrpc": "2.0", "id": request["id"], "result": next(answers)}
    ).encode()
    generator = opened(device)
    generator.load(t1())
    generator.start()
    assert device.methods() == ["setTrigger", "stream", "startNow", "setTrigger", "stream", "startNow"]


def test_what_never_starts_is_an_error():
    generator = opened(Device(startNow=False))
    generator.load(t1())
    with pytest.raises(DeviceError, match="pulses: wanted the loaded sequence to start"):
        generator.start()


def test_starting_nothing_is_an_error():
    with pytest.raises(DeviceError, match="call load first"):
        opened(Device()).start()


def test_safe_puts_all_lines_low():
    device = Device()
    opened(device).safe()
    assert device.requests == [("constant", [[0, 0, 0, 0]])]


def test_states_are_read():
    device = Device(isStreaming=1, hasSequence=1, getTemperature=45.2)
    generator = opened(device)
    assert generator.is_running()
    assert generator.device.has_sequence
    assert generator.device.temperature == 45.2
    assert generator.settings()["running"] is True
    assert generator.identity() == "Swabian Instruments,Pulse Streamer 8/2,00:26:32:f0:3b:1b,1.7.2"


def test_something_else_is_refused():
    for answers in ({"getFirmwareVersion": "beta"}, {"getSerial": ""}):
        with pytest.raises(IdentityError, match="pulses: wanted a Pulse Streamer 8/2"):
            PulseStreamerLines.open(Device(**answers), name="pulses")


def test_failures_are_said_in_our_words():
    device = Device()
    generator = opened(device)
    device.error = ReplyTimeoutError("silence")
    with pytest.raises(
        ReplyTimeoutError, match="pulses: no answer to 'isStreaming' within 3 s, asked 2 times"
    ):
        generator.is_running()
    device.error = ConnectionFailedError("dropped")
    with pytest.raises(ConnectionFailedError, match="pulses: the connection failed at 'isStreaming'"):
        generator.is_running()


def test_what_must_not_be_done_twice_is_not():
    device = Device()
    generator = opened(device)
    generator.load(t1())
    device.requests.clear()
    device.error = ReplyTimeoutError("silence")
    with pytest.raises(ReplyTimeoutError):
        generator.start()
    assert device.methods() == ["startNow"]


def test_an_answer_that_is_none_is_an_error():
    generator = opened(device := Device())
    device.answers["isStreaming"] = lambda request: b"<html>"
    with pytest.raises(ReplyError, match="cannot be read"):
        generator.is_running()
    device.answers["isStreaming"] = lambda request: json.dumps(
        {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "Method not found"}}
    ).encode()
    with pytest.raises(DeviceError, match="refused 'isStreaming': Method not found"):
        generator.is_running()


def test_the_clients_prints_become_log_records(capsys, caplog):
    with caplog.at_level(logging.INFO, logger="labspin"):
        opened(Device())
    assert capsys.readouterr().out == ""
    assert "Client software" in caplog.text


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ({}, "lines: wanted names and outputs"),
        ({"laser": 8}, "lines.laser: wanted an output from 0 to 7, got 8"),
        ({"laser": True}, "lines.laser"),
        ({"laser": 1, "trigger": 1}, "lines.trigger: output 1 already belongs to 'laser'"),
    ],
)
def test_options_are_checked(lines, match):
    with pytest.raises(ArgumentError, match=match):
        PulseStreamerOptions(lines=lines)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.server.device.handle(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def served():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.device = Device()
    server.handle_error = lambda *words: None  # a client that gave up waiting is meant
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_over_http(served):
    address = f"127.0.0.1:{served.server_address[1]}"
    generator = PulseStreamerLines.open(address, name="pulses", timeout=PATIENCE)
    generator.load(t1())
    generator.start()
    assert "stream" in served.device.methods()
    generator.close()


def test_over_http_silence_ends_at_our_time_out(served):
    released = threading.Event()

    def never(request):
        released.wait(PATIENCE)
        return b"{}"

    address = f"127.0.0.1:{served.server_address[1]}"
    generator = PulseStreamerLines.open(address, name="pulses", timeout=1.0, retries=0)
    served.device.answers["isStreaming"] = never
    with pytest.raises(
        ReplyTimeoutError, match=f"pulses at {address}: no answer to 'isStreaming' within 1 s"
    ):
        generator.is_running()
    released.set()


def test_nothing_at_the_address():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(ConnectionFailedError, match=f"pulses at 127.0.0.1:{port}: nothing answers"):
            PulseStreamer(f"127.0.0.1:{port}", "pulses", timeout=0.5)
    with pytest.raises(ArgumentError, match="wanted the host name"):
        PulseStreamer("host:name", "pulses")
