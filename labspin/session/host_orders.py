"""What clients have done in the thread of the bench, one order after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Order", "Result"]

Result = TypeVar("Result")
"""What an order comes to."""


@dataclasses.dataclass
class Order(Generic[Result]):
    """Something to be done in the bench's thread."""

    do: Callable[[], Result]
    future: Future[Result]

    def carry_out(self) -> None:
        """Do it; an error goes to the client that asked."""
        try:
            self.future.set_result(self.do())
        except BaseException as error:  # noqa: BLE001 - also a ramp that was broken off
            self.future.set_exception(error)
