"""What is moved by one or several actuators: whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Knob"]


class Knob:
    """What the actuators that move one and the same thing share.

    Attributes
    ----------
    lock
        Held while it is moved: two threads that ramp one output would tear it to and fro.
    preempted : int
        Counts how often it was taken over to be made safe; another caller's ramp then ends.
    elsewhere : callable
        Where it was left to another process to make it safe: raises as long as that one tries.
    """

    def __init__(self, elsewhere: Callable[[], None] | None = None) -> None:
        self.lock = threading.RLock()
        self.preempted = 0
        self.elsewhere = elsewhere

    def check(self) -> None:
        """Refuse to move it while another process does."""
        if self.elsewhere is not None:
            self.elsewhere()
