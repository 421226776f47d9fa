"""A simulated instrument that is driven by calls of a library instead of bytes on a wire.

It replaces the library: the driver calls the same methods on it. Faults strike at calls by
their name; what on a wire would be an answer that never comes, or a spoilt one, is a call that fails.
"""

from __future__ import annotations

from labspin.errors import ArgumentError, ConnectionFailedError
from labspin.twin.device import SimulatedDevice

__all__ = ["CalledDevice"]


class CalledDevice(SimulatedDevice):
    """An instrument that the driver holds in its hand; see the module."""

    in_process = True

    def receive(self, data: bytes) -> None:
        """Refuse bytes.

        Parameters
        ----------
        data
            Bytes; this device takes none.

        Raises
        ------
        ArgumentError
            Always.
        """
        raise ArgumentError(f"{type(self).__name__} is called and takes no bytes, got {data!r}")

    def trouble(self, call: str) -> str:
        """Return what goes wrong with ``call`` (``""`` if nothing does); a late answer lets time pass.

        Parameters
        ----------
        call
            Name of the called function; faults are matched against it.
        """
        if self.dropped:
            return "the device is gone"
        if not self.faults:
            return ""
        try:
            self._strike(self.faults.on_message(call))
        except ConnectionFailedError:
            return "the device is gone"
        for fault in self.faults.on_answer(call):
            if fault.kind != "late":
                return "the device does not answer"
            self.world.clock.sleep(float(fault.value))
        return ""
