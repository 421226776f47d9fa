"""Orders of clients, executed one after another in the thread of the bench."""

from __future__ import annotations

import dataclasses
import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from labspin.bench.actuators import Actuator
from labspin.units import format_quantity

__all__ = ["Order", "Result", "refuse_all", "words_of"]

Result = TypeVar("Result")
"""What an order comes to."""


@dataclasses.dataclass
class Order(Generic[Result]):
    """Something to be done in the bench's thread."""

    do: Callable[[], Result]
    future: Future[Result]

    def carry_out(self) -> None:
        """Execute it; an error goes to the client that ordered it."""
        try:
            self.future.set_result(self.do())
        except BaseException as error:  # noqa: BLE001 - also an interrupted ramp
            self.future.set_exception(error)


def refuse_all(orders: queue.SimpleQueue[Order[Any]], error: Exception) -> None:
    """Tell all who wait that nothing is done any more.

    Parameters
    ----------
    orders
        What waits; it is empty afterwards.
    error
        The news that clients receive.
    """
    while True:
        try:
            orders.get_nowait().future.set_exception(error)
        except queue.Empty:
            return


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
