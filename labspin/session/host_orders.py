"""Orders of clients, executed one after another in the thread of the bench."""

from __future__ import annotations

import dataclasses
import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

from labspin.bench.actuators import Actuator
from labspin.errors import StationError
from labspin.units import format_quantity

__all__ = ["Aside", "Order", "Orders", "Result", "words_of"]

Result = TypeVar("Result")
"""What an order comes to."""
_PATIENCE = 1.0  # s between two checks that the bench's thread is alive
_PARTING = 1.0  # s that work aside may still take once the host is ending
_LONG = 2.0  # s after which it is said what is waited for
_LEFT = 30.0  # s in all for what is still to be written when the bench is safe and the host ends


@dataclasses.dataclass
class Order(Generic[Result]):
    """Something to be done in the bench's thread."""

    do: Callable[[], Result]
    future: Future[Result]

    def carry_out(self) -> None:
        """Execute it, unless it was taken back; an error goes to the client that ordered it."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.do())
        except BaseException as error:  # noqa: BLE001 - also an interrupted ramp
            self.future.set_exception(error)


class Orders:
    """What clients ask of the bench: left by any thread, carried out by the bench's."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Order[Any]] = queue.SimpleQueue()
        self._end: StationError | None = None

    def __len__(self) -> int:
        return self._waiting.qsize()

    def put(self, order: Order[Any]) -> None:
        """Leave an order, and do not wait for it.

        Parameters
        ----------
        order
            The order.
        """
        self._waiting.put(order)

    def wake(self) -> None:
        """End the wait of the bench's thread for an order."""
        self.put(Order(lambda: None, Future()))

    def ask(self, do: Callable[[], Result], *, patience: float = math.inf) -> Result:
        """Have something done in the bench's thread, and return what it comes to.

        Parameters
        ----------
        do
            What is to be done.
        patience
            Time after which it is done in the calling thread, if the bench's has not begun by then, s.

        Raises
        ------
        StationError
            The host has ended.
        """
        order, deadline = Order(do, Future()), time.monotonic() + patience
        self.put(order)
        while not wait([order.future], min(_PATIENCE, max(0.0, deadline - time.monotonic()))).done:
            if self._end is not None:
                raise self._end
            if time.monotonic() >= deadline and order.future.cancel():
                return do()
            deadline = deadline if time.monotonic() < deadline else math.inf  # it has begun
        return order.future.result()

    def carry_out(self, timeout: float) -> bool:
        """Carry out the next order, and return whether there was one.

        Parameters
        ----------
        timeout
            Longest wait for one, s.
        """
        try:
            order = self._waiting.get(timeout=timeout) if timeout else self._waiting.get_nowait()
        except queue.Empty:
            return False
        order.carry_out()
        return True

    def end(self, error: StationError) -> None:
        """Tell all who wait, now or later, that nothing is done any more.

        Parameters
        ----------
        error
            What they are told.
        """
        self._end = error
        while True:
            try:
                order = self._waiting.get_nowait()
            except queue.Empty:
                return
            if order.future.set_running_or_notify_cancel():
                order.future.set_exception(error)


class Aside:
    """Does what may have to wait for a file, a lock or a program, beside the bench's thread.

    Nothing that is not an instrument may keep the bench from its safe state. So such work is done in a thread
    of its own, and meanwhile the bench's thread attends to its clients.

    Parameters
    ----------
    attend
        Carries out what clients order, for a moment.
    wake
        Ends the wait in ``attend``.
    is_over
        Whether the host is ending.
    tell
        Called with kind and message, once about each work that takes long.

    Attributes
    ----------
    thread : int
        The bench's thread, once it is at work; all others do what they want themselves.
    """

    def __init__(
        self,
        attend: Callable[[], None],
        wake: Callable[[], None],
        is_over: Callable[[], bool],
        tell: Callable[[str, str], None],
    ) -> None:
        self._attend, self._wake, self._is_over, self._tell = attend, wake, is_over, tell
        self.thread = 0
        self._left: list[threading.Thread] = []

    def __call__(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` comes to; other threads than the bench's do it themselves.

        Parameters
        ----------
        work
            Touches no instrument.

        Raises
        ------
        KeyboardInterrupt
            The host is ending; the work continues until `finish`.
        """
        if threading.get_ident() != self.thread:
            return work()
        order, begun, is_told = Order(work, Future()), time.monotonic(), False
        self._begin(order)
        parting = math.inf
        while not order.future.done():
            self._attend()
            now = time.monotonic()
            if now - begun > _LONG and not is_told:
                is_told = True
                self._tell("warning", "another process or the disk keeps the queue; runs wait for it")
            if self._is_over():
                parting = min(parting, now + _PARTING)
                wait([order.future], 0.05)
            if now >= parting:
                raise KeyboardInterrupt
        return order.future.result()

    def _begin(self, order: Order[Any]) -> None:
        def work() -> None:
            order.carry_out()
            self._wake()

        self._left = [thread for thread in self._left if thread.is_alive()]
        self._left.append(threading.Thread(target=work, name="aside", daemon=True))
        self._left[-1].start()

    def finish(self) -> None:
        """Wait for what is still being written, half a minute at most."""
        deadline = time.monotonic() + _LEFT
        for thread in self._left:
            thread.join(max(0.0, deadline - time.monotonic()))


def words_of(value: object, actuator: Actuator | None) -> str:
    """Return what was set, with its unit.

    Parameters
    ----------
    value
        The new value, in the actuator's unit if it is a number.
    actuator
        What was set; None: not an actuator.
    """
    if actuator and isinstance(value, (int, float)) and not isinstance(value, bool):
        return format_quantity(float(value), actuator.unit)
    return str(value)
