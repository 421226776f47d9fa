"""What goes wrong on a real bench, on demand: for tests of everything above, and for practice.

Faults belong to a device. A fault strikes at a *message* (one line sent to the instrument, one request to a
pulse streamer): the one so many messages from now, one that matches a pattern, or any with a probability
(drawn from the seed of the world).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labspin.errors import ArgumentError

__all__ = ["FAULT_KINDS", "Fault", "Faults"]

FAULT_KINDS = {
    "drop": "the connection drops before the message is understood, and stays down until it is opened again",
    "silent": "the instrument obeys, but its answer never comes",
    "late": "the answer comes `value` seconds later",
    "garble": "bytes of the answer are replaced by random ones",
    "cut": "the answer breaks off in its middle, terminator and all",
    "identity": "another instrument is found at the address: from then on it says that it is `value`",
    "overload": "the input saturates (a detector in bright light, a lock-in out of range)",
    "trip": "the output trips (a supply switches off, a magnet quenches)",
    "unlock": "a reference or a synthesiser loses lock, until the device is told otherwise",
    "unlevel": "the output is not levelled, until the device is told otherwise",
}
_ON_ANSWERS = frozenset({"silent", "late", "garble", "cut"})


@dataclass
class Fault:
    """One thing that goes wrong.

    Parameters
    ----------
    kind
        A key of `FAULT_KINDS`.
    after
        Messages (that match) that pass unharmed first; faults of answers count only messages with answers.
    matching
        Regular expression searched in the message, in any case; empty matches all.
    probability
        Chance to strike at each message from then on.
    times
        How often it strikes; -1 without end.
    value
        Delay in s for ``late``, text for ``identity``.
    """

    kind: str
    after: int = 0
    matching: str = ""
    probability: float = 1.0
    times: int = 1
    value: float | str = 0.0

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ArgumentError(f"fault {self.kind!r} is not known; there are: {', '.join(FAULT_KINDS)}")
        if not 0 < self.probability <= 1:
            raise ArgumentError(f"probability of a fault: wanted 0 < p ≤ 1, got {self.probability!r}")
        if self.kind == "late" and not (isinstance(self.value, int | float) and 0 <= self.value < math.inf):
            raise ArgumentError(f"value of a late answer: wanted a delay ≥ 0 s, got {self.value!r}")
        if self.kind == "identity" and not isinstance(self.value, str):
            raise ArgumentError(f"value of a wrong identity: wanted text, got {self.value!r}")
        try:
            self._pattern = re.compile(self.matching, re.IGNORECASE)
        except re.error as error:
            raise ArgumentError(f"matching of a fault: {self.matching!r} is no pattern: {error}") from error

    def strikes(self, message: str, rng: np.random.Generator) -> bool:
        """Return whether this fault strikes at ``message``, and count the message.

        Parameters
        ----------
        message
            A message that came in.
        rng
            Source of the chance, where ``probability`` is below 1.
        """
        if not self._pattern.search(message):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.probability < 1 and rng.random() >= self.probability:
            return False
        self.times -= 1 if self.times > 0 else 0
        return True


class Faults:
    """Faults waiting to strike one device; empty unless some are added."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._waiting: list[Fault] = []

    def add(
        self,
        kind: str,
        *,
        after: int = 0,
        matching: str = "",
        probability: float = 1.0,
        times: int = 1,
        value: float | str = 0.0,
    ) -> Fault:
        """Let something go wrong; see `Fault`.

        Parameters
        ----------
        kind
            A key of `FAULT_KINDS`.
        after
            Number of matching messages that pass unharmed first.
        matching
            Regular expression searched in the message, ignoring case; empty matches all.
        probability
            Chance to strike at each message from then on, 0 < p ≤ 1.
        times
            How often it strikes; -1 is without end.
        value
            Delay in s for ``late``, text for ``identity``.

        Returns
        -------
        Fault
            The fault that was added.
        """
        fault = Fault(kind, after, matching, probability, times, value)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._waiting.clear()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._waiting))

    def on_message(self, message: str) -> list[Fault]:
        """Return the faults that strike as ``message`` comes in.

        Parameters
        ----------
        message
            A message that came in.
        """
        return self._struck(message, answers=False)

    def on_answer(self, message: str) -> list[Fault]:
        """Return the faults that strike the answer to ``message``.

        Parameters
        ----------
        message
            A message that has an answer.
        """
        return self._struck(message, answers=True)

    def garbled(self, answer: bytes) -> bytes:
        """Return ``answer`` with about half of its bytes replaced by random ones; the length stays.

        Parameters
        ----------
        answer
            Bytes that the device would have sent.
        """
        noise = self._rng.integers(0, 256, len(answer))
        keep = self._rng.random(len(answer)) < 0.5
        return bytes(
            int(byte if kept else noisy) for byte, noisy, kept in zip(answer, noise, keep, strict=True)
        )

    def _struck(self, message: str, *, answers: bool) -> list[Fault]:
        struck = [
            fault
            for fault in self._waiting
            if (fault.kind in _ON_ANSWERS) is answers and fault.strikes(message, self._rng)
        ]
        self._waiting = [fault for fault in self._waiting if fault.times != 0]
        return struck
