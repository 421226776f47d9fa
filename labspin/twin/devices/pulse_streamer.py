"""Swabian Instruments Pulse Streamer 8/2: eight digital and two analog outputs, 1 ns steps.

It speaks JSON-RPC over HTTP (port 8050, POST to ``/json-rpc``) and a binary upload (port 21328), as the
maker's own client ``pulsestreamer`` 2.1.2 does; that client and the *Pulse Streamer 8/2 documentation*
(Swabian Instruments, "Programming interface") are the source of methods, data formats and limits. Sequences
come run-length encoded, 9 bytes a step: duration (ns, unsigned 32 bit), digital levels (8 bit), two analog
levels (signed 16 bit for ±1 V). At most two million steps; the length of a sequence is rounded up to
multiples of 8 ns by holding its last levels.

Nothing is connected to the trigger input: a sequence that waits for a hardware trigger waits for ever.
Data slots can be uploaded and started one at a time (``NextAction`` STOP or REPEAT_SLOT).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ReplyTimeoutError
from labspin.twin.device import SimulatedDevice
from labspin.twin.inputs import Pattern
from labspin.twin.wire import CommandError
from labspin.twin.world import World

__all__ = ["BINARY_PORT", "HTTP_PORT", "PulseStreamer"]

HTTP_PORT, BINARY_PORT = 8050, 21328
MAXIMUM_STEPS = 2_000_000
_STEP = np.dtype([("ticks", "<u4"), ("digital", "u1"), ("a0", "<i2"), ("a1", "<i2")])
_TICK, _GRANULARITY, _FULL_SCALE = 1e-9, 8, 0x7FFF
_MAGIC, _STREAM, _UPLOAD = 0x53504953, 0x000, 0x100
_HEADER = struct.Struct("<4I2Q")
_IMMEDIATE, _SOFTWARE, _HARDWARE = 0, 1, (2, 3, 4)
_LARGEST_PAYLOAD = 9 * MAXIMUM_STEPS + 64
_PORTS = {**{str(channel): "line" for channel in range(8)}, "a0": "line", "a1": "line"}

# JSON-RPC 2.0 error codes
_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602


@dataclass
class State:
    """What the instrument holds."""

    sequence: Pattern | None = None
    runs: int = -1
    final: tuple[int, int, int] = (0, 0, 0)
    constant: tuple[int, int, int] = (0, 0, 0)
    start: int = _IMMEDIATE
    rearm: int = 0
    armed: bool = False
    started: bool = False
    clock: int = 0
    square_wave: int = 0
    hostname: str = "pulsestreamer"
    calibration: dict[str, float] = field(
        default_factory=lambda: {"dc_offset_a0": 0.0, "dc_offset_a1": 0.0, "slope_a0": 1.0, "slope_a1": 1.0}
    )
    network: dict[str, object] = field(
        default_factory=lambda: {"dhcp": True, "ip": "169.254.8.2", "netmask": "255.255.0.0", "gateway": ""}
    )
    slots: dict[int, tuple[Pattern, int, tuple[int, int, int]]] = field(default_factory=dict)


class PulseStreamer(SimulatedDevice):
    """Pulse Streamer 8/2; ports ``0`` ... ``7``, ``a0`` and ``a1`` are lines of the world's pattern."""

    ports: ClassVar = _PORTS
    default_wiring: ClassVar = {"0": "laser", "1": "microwave", "2": "trigger"}
    options: ClassVar = {
        "serial": "00:26:32:f0:92:26",
        "fpga_id": "0e1c8b4a5d2f",
        "firmware": "2.1.0",
        "hardware": "1.3",
        "temperature": 45.2,
    }

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        super().__init__(world, wiring=wiring, **options)
        self.state = State()

    # -- transport ---------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Receive one JSON-RPC request.

        Parameters
        ----------
        data
            The request, UTF-8.
        """
        with self.world.lock:
            if self.dropped:
                raise self._dropped_error()
            self._exchange(data.decode("utf-8", "replace"), lambda message: self._answer(data))

    def handle(self, body: bytes) -> bytes:
        """Answer one JSON-RPC request.

        Parameters
        ----------
        body
            The request, UTF-8.

        Returns
        -------
        bytes
            The answer, UTF-8.

        Raises
        ------
        ConnectionFailedError
            The connection has dropped.
        ReplyTimeoutError
            No answer comes (a fault).
        """
        with self.world.lock:
            self.receive(body)
            due = self.next_transmission
            if due is None:
                raise ReplyTimeoutError("PulseStreamer: wanted the answer to a request, got none")
            self.world.clock.sleep(due - self.world.clock.now())
            return self.transmit()

    def send_message(self, message: bytes, expect_reply: bool = True) -> bytes | None:
        """Answer one request; with this the instrument is itself a client transport for ``tinyrpc``.

        Parameters
        ----------
        message
            The request, UTF-8.
        expect_reply
            Whether the answer is returned; if not, None is.
        """
        answer = self.handle(message)
        return answer if expect_reply else None

    def handle_binary(self, header: bytes, payload: bytes) -> bytes:
        """Answer one binary upload: a header of 32 bytes and what it announces.

        Parameters
        ----------
        header
            The first 32 bytes of the upload.
        payload
            The bytes that the header announces.

        Returns
        -------
        bytes
            A header of 32 bytes, and the result if there is one.
        """
        with self.world.lock:
            if self.dropped:
                raise self._dropped_error()
            magic, identifier, command, *_ = _HEADER.unpack(header)
            error, extra = 0, b""
            try:
                if magic != _MAGIC or command not in (_STREAM, _UPLOAD):
                    raise CommandError(_INVALID_REQUEST, "no command of the binary protocol")
                result = self._upload(payload) if command == _UPLOAD else self._stream_binary(payload)
                extra = b"" if result is None else struct.pack("<8i", result, *[0] * 7)
            except CommandError:
                error = 1
            return _HEADER.pack(_MAGIC, identifier, error, 0, len(extra), 0) + extra

    @staticmethod
    def payload_length(header: bytes) -> int:
        """Return how many bytes follow a binary header; 0 if it is invalid or announces too many.

        Parameters
        ----------
        header
            The first 32 bytes of an upload.
        """
        magic, _, _, _, length, _ = _HEADER.unpack(header)
        return int(length) if magic == _MAGIC and length <= _LARGEST_PAYLOAD else 0

    def _answer(self, body: bytes) -> bytes:
        """Return the JSON-RPC answer to a request, a batch of them, or anything."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return _encoded(_failure(None, _PARSE_ERROR, "Parse error"))
        if isinstance(request, list) and request:
            answers = [answer for one in request if (answer := self._answer_one(one)) is not None]
            return _encoded(answers) if answers else b""
        answer = self._answer_one(request)
        return b"" if answer is None else _encoded(answer)

    def _answer_one(self, request: object) -> dict[str, object] | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, _INVALID_REQUEST, "Invalid Request")
        identifier, parameters = request.get("id"), request.get("params", [])
        try:
            result = self._call(request["method"], parameters)
        except CommandError as error:
            return _failure(identifier, error.code, error.text) if "id" in request else None
        if "id" not in request:
            return None
        return {"jsonrpc": "2.0", "id": identifier, "result": result}

    def _call(self, method: str, parameters: object) -> object:
        entry = _METHODS.get(method)
        if entry is None:
            raise CommandError(_NO_METHOD, "Method not found")
        kinds, fewest, function = entry
        if isinstance(parameters, dict):
            parameters = list(parameters.values())
        if not isinstance(parameters, list) or not fewest <= len(parameters) <= len(kinds):
            raise CommandError(_INVALID_PARAMS, "Invalid params")
        for value, kind in zip(parameters, kinds, strict=False):
            if not _KINDS[kind](value):
                raise CommandError(_INVALID_PARAMS, f"Invalid params: {value!r}")
        return function(self, *parameters)

    # -- what it does ------------------------------------------------------------------------------------

    def stream(self, encoded: str, runs: int, final: object) -> None:
        """Load a sequence from base64 text, and play it as the trigger says.

        Parameters
        ----------
        encoded
            The sequence, 9 bytes a step, in base64.
        runs
            Number of repetitions; negative is without end.
        final
            Output state after the last repetition: (0, digital, a0, a1) as sent.
        """
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise CommandError(_INVALID_PARAMS, "Invalid params: no base64") from None
        self._load(self._pattern(data), runs, _levels(final))

    def _stream_binary(self, payload: bytes) -> int | None:
        if len(payload) < 32:
            raise CommandError(_INVALID_PARAMS, "Invalid params")
        runs, steps, a0, a1, digital = struct.unpack_from("<qQ2hB", payload)
        self._load(self._pattern(payload[32 : 32 + 9 * steps]), runs, (digital, a0, a1))
        return None

    def _upload(self, payload: bytes) -> int:
        if len(payload) < 32:
            raise CommandError(_INVALID_PARAMS, "Invalid params")
        values = struct.unpack_from("<qQ2h8B", payload)
        runs, steps, a0, a1, digital = values[:5]
        slot, next_action = values[8], values[9]
        if slot not in (0, 1) or next_action not in (0, 3):
            raise CommandError(_INVALID_PARAMS, "slots are started one at a time here")
        pattern = self._pattern(payload[32 : 32 + 9 * steps])
        self.state.slots[slot] = (pattern, -1 if next_action == 3 else runs, (digital, a0, a1))
        return 0

    def start_slot(self, slot: int, slots_to_run: int) -> int:
        """Play an uploaded slot.

        Parameters
        ----------
        slot
            Number of an uploaded slot.
        slots_to_run
            Number of slots to play; without effect here.

        Returns
        -------
        int
            0.
        """
        if slot not in self.state.slots:
            raise CommandError(_INVALID_PARAMS, f"nothing was uploaded to slot {slot!r}")
        self._load(*self.state.slots[slot])
        return 0

    def _load(self, pattern: Pattern, runs: int, final: tuple[int, int, int]) -> None:
        state = self.state
        state.sequence, state.runs, state.final = pattern, runs, final
        state.armed, state.started = True, False
        if state.start == _IMMEDIATE:
            self._begin()
        else:
            self.world.stop(self._outputs(state.constant))

    def _begin(self) -> None:
        state = self.state
        if state.sequence is not None:
            state.armed, state.started, state.constant = False, True, state.final
            self.world.play(state.sequence, max(state.runs, -1), self._outputs(state.final))

    def start_now(self) -> bool:
        """Trigger by software."""
        state = self.state
        if self.is_streaming():
            return False
        ready = state.armed or (state.sequence is not None and state.rearm == 0)
        if not ready or state.start not in (_SOFTWARE, *_HARDWARE):
            return False
        self._begin()
        return True

    def rearm(self) -> bool:
        """Make a finished sequence ready for the next trigger."""
        if self.state.sequence is None or self.is_streaming():
            return False
        self.state.armed = True
        return True

    def set_constant(self, output: object) -> None:
        """Stop, and set all outputs to constant levels.

        Parameters
        ----------
        output
            Output state as sent: (0, digital, a0, a1).
        """
        self.state.sequence, self.state.armed, self.state.started = None, False, False
        self.state.constant = _levels(output)
        self.world.stop(self._outputs(self.state.constant))

    def force_final(self) -> None:
        """Stop, and go to the final levels."""
        if self.state.sequence is not None:
            self.state.constant, self.state.armed = self.state.final, False
            self.world.stop(self._outputs(self.state.final))

    def reset(self) -> None:
        """Go to the state of power-on: all outputs 0 V, no sequence, start at once."""
        hostname, calibration, network = self.state.hostname, self.state.calibration, self.state.network
        self.state = State(hostname=hostname, calibration=calibration, network=network)
        self.world.stop({})

    def is_streaming(self) -> bool:
        """Tell whether a sequence is being played."""
        return self.state.started and self.world.playing

    def has_finished(self) -> bool:
        """Tell whether a sequence has been played to its end."""
        return self.state.started and not self.world.playing

    def streaming_state(self) -> dict[str, int]:
        """Return the codes of the state (idle 0, streaming 2, finished 3) and of what it waits for."""
        if self.is_streaming():
            return {"State": 2, "StateCondition": 0}
        waits = 1 if self.state.armed else 0
        return {"State": 3 if self.has_finished() else 0, "StateCondition": waits}

    def set_trigger(self, start: int, rearm: int) -> None:
        """Set what starts a sequence, and whether it can be started again.

        Parameters
        ----------
        start
            0 at once, 1 by software, 2 to 4 by edges of the trigger input.
        rearm
            0 lets it start again at each trigger; 1 only after a call of `rearm`.
        """
        if start not in (_IMMEDIATE, _SOFTWARE, *_HARDWARE) or rearm not in (0, 1):
            raise CommandError(_INVALID_PARAMS, "Invalid params")
        self.state.start, self.state.rearm = start, rearm

    def serial(self, which: int = 1) -> str:
        """Return a serial number.

        Parameters
        ----------
        which
            0 is that of the FPGA; other values that of the device (the network address).
        """
        if self.false_identity is not None:
            return self.false_identity
        return str(self._options["serial" if which else "fpga_id"])

    def assign(self, name: str, value: object) -> None:
        """Store a setting that has no effect here.

        Parameters
        ----------
        name
            Name of an attribute of ``state``.
        value
            Value of the setting.
        """
        setattr(self.state, name, value)

    # -- levels ------------------------------------------------------------------------------------------

    def _outputs(self, levels: tuple[int, int, int]) -> dict[str, float]:
        digital, a0, a1 = levels
        by_port = {str(channel): float((digital >> channel) & 1) for channel in range(8)}
        by_port |= {"a0": a0 / _FULL_SCALE, "a1": a1 / _FULL_SCALE}
        return {line: by_port[port] for port, line in self.wiring.items()}

    def _pattern(self, data: bytes) -> Pattern:
        if len(data) % _STEP.itemsize or not data:
            raise CommandError(_INVALID_PARAMS, "Invalid params: no whole steps")
        steps = np.frombuffer(data, dtype=_STEP)
        if len(steps) > MAXIMUM_STEPS:
            raise CommandError(_INVALID_PARAMS, "sequence memory exceeded")
        steps = steps[steps["ticks"] > 0]
        if len(steps) == 0:
            raise CommandError(_INVALID_PARAMS, "Invalid params: a sequence of no duration")
        ticks = steps["ticks"].astype(np.int64)
        ticks[-1] += -int(ticks.sum()) % _GRANULARITY
        lines = {line: _port_levels(steps, port) for port, line in self.wiring.items()}
        return Pattern(ticks.astype(np.float64) * _TICK, lines)


def _port_levels(steps: NDArray[np.void], port: str) -> NDArray[np.float64]:
    if port.startswith("a"):
        levels: NDArray[np.float64] = steps[port] / _FULL_SCALE
        return levels
    return ((steps["digital"] >> int(port)) & 1).astype(np.float64)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _levels(output: Any) -> tuple[int, int, int]:
    """Return (digital, a0, a1) of an output state as it is sent: (0, digital, a0, a1)."""
    if len(output) != 4 or not all(_is_whole(value) for value in output):
        raise CommandError(_INVALID_PARAMS, "Invalid params: wanted (0, digital, a0, a1)")
    _, digital, a0, a1 = output
    if not 0 <= digital <= 255 or max(abs(a0), abs(a1)) > _FULL_SCALE:
        raise CommandError(_INVALID_PARAMS, "Invalid params: level out of range")
    return digital, a0, a1


def _failure(identifier: object, code: int, text: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}


def _encoded(answer: object) -> bytes:
    return json.dumps(answer).encode()


Method = Callable[..., Any]

_KINDS: dict[str, Callable[[object], bool]] = {  # of parameters, by a letter
    "i": _is_whole,
    "n": lambda value: _is_whole(value) or (isinstance(value, float) and math.isfinite(value)),
    "s": lambda value: isinstance(value, str),
    "b": lambda value: isinstance(value, bool),
    "l": lambda value: isinstance(value, list),
}
_METHODS: dict[str, tuple[str, int, Method]] = {  # method -> kinds of parameters, how many it needs, function
    "stream": ("sil", 3, PulseStreamer.stream),
    "start": ("ii", 2, PulseStreamer.start_slot),
    "startNow": ("", 0, PulseStreamer.start_now),
    "rearm": ("", 0, PulseStreamer.rearm),
    "constant": ("l", 1, PulseStreamer.set_constant),
    "forceFinal": ("", 0, PulseStreamer.force_final),
    "reset": ("", 0, PulseStreamer.reset),
    "reboot": ("", 0, PulseStreamer.reset),
    "isStreaming": ("", 0, PulseStreamer.is_streaming),
    "isRunning": ("", 0, PulseStreamer.is_streaming),
    "hasFinished": ("", 0, PulseStreamer.has_finished),
    "hasSequence": ("", 0, lambda device: device.state.sequence is not None),
    "isReadyForData": ("i", 1, lambda device, slot: slot in (0, 1) and not device.is_streaming()),
    "getStreamingState": ("", 0, PulseStreamer.streaming_state),
    "getStatusRegister": ("", 0, lambda device: device.streaming_state()["State"]),
    "getUnderflow": ("", 0, lambda device: 0),
    "getTemperature": ("", 0, lambda device: float(device._options["temperature"])),
    "getSupplyState": ("", 0, lambda device: True),
    "getSerial": ("i", 0, PulseStreamer.serial),
    "getFPGAID": ("", 0, lambda device: device.serial(0)),
    "getFirmwareVersion": ("", 0, lambda device: str(device._options["firmware"])),
    "getHardwareVersion": ("", 0, lambda device: str(device._options["hardware"])),
    "setTrigger": ("ii", 2, PulseStreamer.set_trigger),
    "getTriggerStart": ("", 0, lambda device: device.state.start),
    "getTriggerRearm": ("", 0, lambda device: device.state.rearm),
    "selectClock": ("i", 1, lambda device, source: device.assign("clock", source)),
    "getClock": ("", 0, lambda device: device.state.clock),
    "setSquareWave125MHz": ("i", 1, lambda device, mask: device.assign("square_wave", mask)),
    "setHostname": ("s", 1, lambda device, name: device.assign("hostname", str(name))),
    "getHostname": ("", 0, lambda device: device.state.hostname),
    "getNetworkConfiguration": ("b", 1, lambda device, permanent: device.state.network),
    "getAnalogCalibration": ("", 0, lambda device: device.state.calibration),
    "setAnalogCalibration": ("nnnn", 4, lambda device, *values: device.assign(
        "calibration", dict(zip(device.state.calibration, values, strict=True)))),
}  # fmt: skip
