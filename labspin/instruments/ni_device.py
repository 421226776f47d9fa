"""What drivers of National Instruments' data acquisition devices have in common."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TypeVar

from labspin.clock import Clock
from labspin.errors import ArgumentError, ConnectionFailedError, DeviceError, InstrumentError
from labspin.instruments.daqmx import Daqmx, Description, load_daqmx

__all__ = ["NIDevice", "check_device"]

_Value = TypeVar("_Value")


class NIDevice:
    """A data acquisition device.

    Parameters
    ----------
    connection
        Name that NI MAX has for the device, such as ``"Dev1"``, or what replaces NI-DAQmx.
    name
        What errors call the instrument.
    clock, timeout, retries
        Not needed: NI-DAQmx has time-outs of its own.

    Raises
    ------
    ConnectionFailedError
        NI-DAQmx is missing, or knows no such device.
    """

    def __init__(
        self,
        connection: str | Daqmx,
        name: str = "NI device",
        *,
        clock: Clock | None = None,
        timeout: float = 3.0,
        retries: int = 1,
    ) -> None:
        self.name, self.clock, self.timeout, self.retries = name, clock, timeout, retries
        self.address = connection if isinstance(connection, str) else ""
        self._device = check_device(connection) if isinstance(connection, str) else "Dev1"
        self._lock = threading.RLock()
        self._daqmx: Daqmx = self._do(load_daqmx) if isinstance(connection, str) else connection
        self.description = self._describe()

    @property
    def _title(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name

    def _do(self, call: Callable[[], _Value]) -> _Value:
        """Return what ``call`` returns; its errors get the instrument's name."""
        try:
            return call()
        except InstrumentError as error:
            raise type(error)(f"{self._title}: {error}") from error

    def _describe(self) -> Description:
        try:
            return self._do(lambda: self._daqmx.describe(self._device))
        except DeviceError as error:
            raise ConnectionFailedError(
                f"{error}; check power, cable and the device's name in NI MAX"
            ) from error

    def identify(self) -> str:
        """Return maker, model, serial number and version of NI-DAQmx, asked again."""
        found = self.description = self._describe()
        return f"National Instruments,{found['product']},{found['serial']},NI-DAQmx {found['version']}"

    def _terminal(self, name: str) -> str:
        return f"/{self._device}/{name}"

    def safe(self) -> None:
        """Stop all tasks."""
        raise NotImplementedError(f"{type(self).__name__} has no safe state")

    def close(self) -> None:
        """Give the device back."""


def check_device(address: str) -> str:
    """Return ``address`` without outer spaces if it is the name of a device.

    Parameters
    ----------
    address
        Address out of a station file, such as ``"Dev1"``.

    Raises
    ------
    ArgumentError
        It is not the name of a device.
    """
    if not re.fullmatch(r"[A-Za-z][\w -]*", address.strip()):
        raise ArgumentError(f"wanted the name of an NI device such as 'Dev1', got {address!r}")
    return address.strip()
