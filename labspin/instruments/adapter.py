"""What makes a driver one of the roles that procedures ask for.

An adapter holds a driver and speaks in the role's words and SI units. It also tells a station, before
anything is connected, which options and which addresses the driver takes and what the hardware's limits are.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyvisa
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.instruments.base import Guarded

__all__ = ["NoOptions", "RoleAdapter"]

FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Options of an adapter that has none."""


class RoleAdapter(ABC):
    """What makes a driver one of the roles of `labspin.instruments.roles`.

    A lab's own driver comes into a station file by a subclass of this: it names the role, the driver class
    and, where there are any, a frozen dataclass of options whose fields carry their unit in
    ``metadata={"unit": ...}``.
    """

    role: ClassVar[str]
    """Name of the role."""
    driver: ClassVar[type]
    """Class of the driver; its instances have ``identify``, ``safe`` and ``close``."""
    options: ClassVar[type] = NoOptions
    """Record of the options that a station file may give."""

    units: ClassVar[Mapping[str, str]] = {}
    """Units of settable attributes beyond those of the role, which a station may then move."""
    twin: ClassVar[type | None] = None
    """Class of the simulated device, for drivers that labspin does not bring."""

    def __init__(self, driver: Any, options: Any = None) -> None:
        self.device = driver
        self.chosen = self.options() if options is None else options

    @classmethod
    def open(cls, connection: Any, *, name: str, options: Any = None, **kwargs: Any) -> RoleAdapter:
        """Connect, check the identity, and return the adapter.

        Parameters
        ----------
        connection
            VISA resource name, host name or adapter: what the driver takes.
        name
            What errors call the instrument.
        options
            An instance of `options`.
        **kwargs
            ``clock``, ``timeout``, ``retries`` for the driver.

        Raises
        ------
        InstrumentError
            It cannot be reached, or is another instrument; whatever was opened is closed again.
        """
        device = cls.driver(connection, name, **kwargs)
        try:
            device.identify()
            adapter = cls(device, options)
            adapter.configure()
        except BaseException:
            device.close()
            raise
        return adapter

    @classmethod
    def ranges(cls, options: Any = None) -> Mapping[str, tuple[float, float]]:
        """Return what the hardware allows: attribute to (least, greatest), in the role's units."""
        return {}

    def check_setpoints(self, setpoints: Mapping[str, FloatArray]) -> None:  # noqa: B027 - most can make all
        """Refuse set-points that the hardware cannot make together, though each is within its range.

        Parameters
        ----------
        setpoints
            Attribute to values that it has at the same time as the others, shape (n,) or ().

        Raises
        ------
        LimitError
            There are such.
        """

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse an address that cannot be one of this driver.

        Raises
        ------
        ArgumentError
            It is no VISA resource name.
        """
        try:
            pyvisa.rname.parse_resource_name(address)
        except pyvisa.rname.InvalidResourceName as error:
            raise ArgumentError(
                f"wanted a VISA resource name such as 'TCPIP::192.168.1.10::5025::SOCKET' or "
                f"'GPIB0::23::INSTR', got {address!r}"
            ) from error

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return ``address`` in the form in which two names of one place are equal."""
        try:
            return str(pyvisa.rname.to_canonical_name(address)).upper()
        except pyvisa.rname.InvalidResourceName:
            return address.strip().upper()

    @classmethod
    def place(cls, address: str, options: Any = None) -> str:
        """Return what must be an instrument's own; of a device with several outputs, one output."""
        return cls.canonical_address(address)

    @classmethod
    def uses_visa(cls) -> bool:
        """Return whether the driver takes a VISA library."""
        return issubclass(cls.driver, Guarded)

    def configure(self) -> None:  # noqa: B027 - most instruments need nothing
        """Bring the instrument into the mode that the role needs; moves no output."""

    def identity(self) -> str:
        """Return the instrument's own identification."""
        return str(self.device.identify())

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the instrument's settings as read back from it."""

    def safe(self) -> None:
        """Leave the instrument as it can be left alone."""
        self.device.safe()

    def close(self) -> None:
        """Close the connection; the instrument stays as it is."""
        self.device.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self.device, 'name', '')!r}>"
