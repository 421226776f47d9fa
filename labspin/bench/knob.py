"""What is moved by one or several actuators: whose turn it is."""

from __future__ import annotations

import threading

__all__ = ["Knob"]


class Knob:
    """What the actuators that move one and the same thing share.

    Attributes
    ----------
    lock
        Held while it is moved: two threads that ramp one output would tear it to and fro.
    preempted : int
        Counts how often something took it over to make it safe; a ramp of somebody else then ends.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.preempted = 0
