"""A simulated instrument: bytes in, bytes out, and what it does to the world.

`SimulatedDevice` holds what all share: wiring, options, faults, and an output queue in simulated time. What
kind of bytes an instrument speaks is said by its subclasses: `labspin.twin.message.MessageDevice` (lines of
commands) and the Pulse Streamer (JSON-RPC).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from labspin.errors import ArgumentError, ConnectionFailedError
from labspin.twin.faults import Fault, Faults
from labspin.twin.world import World

__all__ = ["SimulatedDevice"]


class SimulatedDevice(ABC):
    """An instrument of the simulated bench.

    Parameters
    ----------
    world
        What it acts on.
    wiring
        What each of its ports is connected to: port -> name of a signal, detector or line of the world.
        Ports left out are wired as in ``default_wiring``, where the sample has such a thing; a port wired
        to ``""`` is left open.
    options
        What differs between instruments of the kind, by the class's ``options``.

    Attributes
    ----------
    faults : Faults
        What goes wrong, on demand.
    dropped : bool
        Whether the connection is down, until `connect`.
    false_identity : str or None
        What the instrument says it is instead of the truth (a fault).
    """

    ports: ClassVar[Mapping[str, str]] = {}  # port -> "signal" | "detector" | "line"
    default_wiring: ClassVar[Mapping[str, str]] = {}
    options: ClassVar[Mapping[str, Any]] = {}  # option -> default

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        self.world = world
        self.faults = Faults(world.fault_rng)
        self.wiring = self._wired(wiring or {})
        for name in options:
            if name not in self.options:
                raise ArgumentError(
                    f"{type(self).__name__}: option {name!r} is not known; "
                    f"there are: {', '.join(self.options) or 'none'}"
                )
        self._options = {**self.options, **options}
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self.false_identity: str | None = None
        self.dropped = False

    def _wired(self, wiring: Mapping[str, str]) -> dict[str, str]:
        sample = self.world.sample
        known = {"signal": sample.inputs, "detector": sample.detectors}
        result = {}
        for port, target in {**self.default_wiring, **wiring}.items():
            if port not in self.ports:
                raise ArgumentError(
                    f"{type(self).__name__}: port {port!r} does not exist; there are: {', '.join(self.ports)}"
                )
            kind = self.ports[port]
            there = not target or kind not in known or target in known[kind]
            if there:
                result[port] = target
            elif port in wiring:
                raise ArgumentError(
                    f"{type(self).__name__}: port {port!r} is wired to {kind} {target!r}, which "
                    f"{type(sample).__name__} does not have; it has: {', '.join(known[kind]) or 'none'}"
                )
        return {port: target for port, target in result.items() if target}

    def drive(self, port: str, value: float, **course: float) -> None:
        """Put ``value`` on the signal that ``port`` is wired to, if any; see `World.drive`.

        Parameters
        ----------
        port
            Name of a port of kind ``"signal"``.
        value
            Value to go to, in SI units, or in dBm.
        **course
            ``slew`` (unit/s) and ``time_constant`` (s) of `World.drive`.
        """
        signal = self.wiring.get(port)
        if signal is not None:
            self.world.drive(signal, value, **course)

    def read_port(self, port: str) -> float:
        """Return the present value at a port: of a signal, or of a quantity of the sample.

        Parameters
        ----------
        port
            Name of a wired port of kind ``"signal"`` or ``"quantity"``.

        Returns
        -------
        float
            The value, in SI units, or in dBm.

        Raises
        ------
        ArgumentError
            There is no such port, it is open, or it is one of photons or of lines, which have no value.
        """
        kind, target = self.ports.get(port), self.wiring.get(port)
        if kind not in ("signal", "quantity") or target is None:
            there = ", ".join(name for name in self.wiring if self.ports[name] in ("signal", "quantity"))
            raise ArgumentError(
                f"{type(self).__name__}: wanted a port with a value ({there or 'none is wired'}), got "
                f"{port!r}{self._why_open(port)}"
            )
        return self.world.level(target) if kind == "signal" else self.world.reading(target)

    def _why_open(self, port: str) -> str:
        """Return why nothing is at a port of signals: the sample does not have the signal of its wiring."""
        usual, sample = self.default_wiring.get(port), self.world.sample
        if usual is None or self.ports.get(port) != "signal":
            return ""
        return (
            f": it is wired to the signal {usual!r}, and {type(sample).__name__} has "
            f"{', '.join(sample.inputs) or 'none'}; wire it to one of these, or keep the value in the device"
        )

    # -- bytes -------------------------------------------------------------------------------------------

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Take bytes from the wire.

        Parameters
        ----------
        data
            Bytes that the driver sent.

        Raises
        ------
        ConnectionFailedError
            The connection has dropped (a fault), and was not opened again.
        """

    def transmit(self) -> bytes:
        """Return the bytes that the instrument has sent since last asked; ``b""`` if none.

        Raises
        ------
        ConnectionFailedError
            The connection has dropped.
        """
        if self.dropped:
            raise self._dropped_error()
        if not self._outgoing:
            return b""
        with self.world.lock:
            now, parts = self.world.clock.now(), []
            while self._outgoing and self._outgoing[0][0] <= now:
                parts.append(self._outgoing.popleft()[1])
        return b"".join(parts)

    @property
    def next_transmission(self) -> float | None:
        """Simulated time at which the next bytes are sent, s; ``None`` if none are waiting."""
        return self._outgoing[0][0] if self._outgoing else None

    def connect(self) -> None:
        """Open the connection (again): what was in the air is lost, the instrument's state is not."""
        with self.world.lock:
            self.dropped = False
            self._outgoing.clear()

    def trip(self) -> None:
        """Let the output trip; instruments with an output that can do so say how."""
        raise ArgumentError(f"{type(self).__name__} has nothing that trips")

    def overload(self) -> None:
        """Let the input saturate; instruments with such an input say how."""
        raise ArgumentError(f"{type(self).__name__} has nothing that saturates")

    def unlock(self) -> None:
        """Let the reference lose lock; instruments with one say how."""
        raise ArgumentError(f"{type(self).__name__} has nothing that loses lock")

    def unlevel(self) -> None:
        """Let the output be unlevelled; sources say how."""
        raise ArgumentError(f"{type(self).__name__} has no output that is levelled")

    def _dropped_error(self) -> ConnectionFailedError:
        return ConnectionFailedError(f"{type(self).__name__}: the connection dropped; open it to continue")

    def _exchange(self, message: str, execute: Callable[[str], bytes]) -> None:
        """Execute one message under the faults that wait, and queue the answer."""
        now = self.world.clock.now()
        if not self.faults:
            answer = execute(message)
            if answer:
                self._outgoing.append((now, answer))
            return
        self._strike(self.faults.on_message(message))
        answer = execute(message)
        if answer:
            self._send_faultily(message, answer, now)

    def _strike(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault.kind == "drop":
                self.dropped = True
                self._outgoing.clear()
                raise self._dropped_error()
            happens = {
                "trip": self.trip, "overload": self.overload, "unlock": self.unlock, "unlevel": self.unlevel,
            }.get(fault.kind)  # fmt: skip
            if happens is not None:
                happens()
            else:
                self.false_identity = str(fault.value)

    def _send_faultily(self, message: str, answer: bytes, now: float) -> None:
        delay = 0.0
        for fault in self.faults.on_answer(message):
            if fault.kind == "silent":
                return
            if fault.kind == "late":
                delay += float(fault.value)
            elif fault.kind == "garble":
                answer = self.faults.garbled(answer)
            else:
                answer = answer.rstrip()[: max(len(answer.rstrip()) // 2, 1)]
        before = self._outgoing[-1][0] if self._outgoing else now
        self._outgoing.append((max(now + delay, before), answer))
