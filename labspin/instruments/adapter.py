"""What makes a driver one of the roles that procedures ask for.

An adapter holds a driver and speaks in the role's words and SI units. It also tells a station, before
anything is connected, which options and which addresses the driver takes and what the hardware's limits are.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.instruments.base import Guarded
from labspin.instruments.roles import ROLES
from labspin.instruments.wire import visa
from labspin.settable import Settable

__all__ = ["NoOptions", "RoleAdapter", "options_or_defaults"]

FloatArray = NDArray[np.float64]
_SAME = 1e-9  # relative difference of two read-backs that is none
_ROUNDED = 1e-3  # … of a value that was set and its read-back


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Options of an adapter that has none."""


Record = TypeVar("Record")


def options_or_defaults(kind: type[Record], options: object) -> Record:
    """Return options of a driver; their defaults where none are given.

    Parameters
    ----------
    kind
        Record of the options.
    options
        A record of that kind, or None.

    Raises
    ------
    ArgumentError
        They are the options of another driver.
    """
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise ArgumentError(
            f"options: wanted a {kind.__name__} or None, got a {type(options).__name__}; give the options of "
            "this driver"
        )
    return options


class RoleAdapter(Settable, ABC):
    """What makes a driver one of the roles of `labspin.instruments.roles`.

    A lab's own driver comes into a station file by a subclass of this: it names the role, the driver class
    and, where there are any, a frozen dataclass of options whose fields carry their unit in
    ``metadata={"unit": ...}``. Names in ``units`` and ``readings`` that are not defined are the driver's
    attribute of that name; a role of one's own needs no `settings` either.
    """

    role: ClassVar[str]
    """Name of the role."""
    driver: ClassVar[type]
    """Class of the driver; its instances have ``identify``, ``safe`` and ``close``."""
    options: ClassVar[type] = NoOptions
    """Record of the options that a station file may give."""

    units: ClassVar[Mapping[str, str]] = {}
    """Units of settable attributes beyond those of the role, which a station may then move."""
    readings: ClassVar[Mapping[str, str]] = {}
    """Units of attributes beyond those of the role that can only be read: recorded, watched, plotted."""
    twin: ClassVar[type | None] = None
    """Class of the simulated device, for drivers that labspin does not bring."""
    relied_on: ClassVar[tuple[str, ...]] = ()
    """Settings that readings depend on: attributes of the role, or of the driver (``"device.unit"``). A run
    reads them back and compares."""
    resolutions: ClassVar[Mapping[str, float]] = {}
    """By how much a setting may be rounded, in its unit, where that is more than a part in a thousand."""
    entails: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Settings that the instrument changes by itself when the named one is set."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for name in (*cls.units, *cls.readings):
            driver = getattr(cls, "driver", None)
            if driver is not None and not hasattr(cls, name) and hasattr(driver, name):
                setattr(cls, name, _forwarded(driver, name, is_settable=name in cls.units))
        is_own = (cls.units or cls.readings) and getattr(cls, "role", "") not in ROLES
        if is_own and cls.settings is RoleAdapter.settings:
            cls.settings = _declared_settings  # type: ignore[method-assign]

    def __init__(self, driver: Any, options: object = None) -> None:
        self._sent: dict[str, Any] = {}
        self._noted: dict[str, Any] = {}
        self.device = driver
        self.chosen = self.options() if options is None else options

    @classmethod
    def open(
        cls, connection: Any, *, name: str, options: object = None, is_deaf: bool = False, **kwargs: object
    ) -> RoleAdapter:
        """Connect, check the identity, and return the adapter.

        Parameters
        ----------
        connection
            VISA resource name, host name or adapter: what the driver takes.
        name
            What errors call the instrument.
        options
            An instance of `options`.
        is_deaf
            Ask the instrument nothing, neither now nor later: the last resort for one that obeys and does not
            answer. Drivers of `labspin.instruments.base.Guarded` know how to.
        **kwargs
            ``clock``, ``timeout``, ``retries`` for the driver.

        Raises
        ------
        InstrumentError
            It cannot be reached, or is another instrument; whatever was opened is closed again.
        """
        device = cls.driver(connection, name, **kwargs)
        if is_deaf and hasattr(device, "is_deaf"):
            device.is_deaf = True
            return cls(device, options)
        try:
            device.identify()
            adapter = cls(device, options)
            adapter.configure()
        except BaseException:
            device.close()
            raise
        return adapter

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return what the hardware allows: attribute to (least, greatest), in the role's units.

        Parameters
        ----------
        options
            An instance of `options`; None: its defaults.
        """
        return {}

    @classmethod
    def rests(cls, options: object = None) -> Mapping[str, float]:
        """Return where the safe action leaves what the role does not fix: attribute to value, in its unit.

        What a station ramps is ramped there first.

        Parameters
        ----------
        options
            An instance of `options`; None: its defaults.
        """
        return {}

    def check_setpoints(self, setpoints: Mapping[str, FloatArray]) -> None:
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

        Parameters
        ----------
        address
            Address out of a station file.

        Raises
        ------
        ArgumentError
            It is not a VISA resource name.
        """
        try:
            visa().rname.parse_resource_name(address)
        except visa().rname.InvalidResourceName as error:
            raise ArgumentError(
                f"wanted a VISA resource name such as 'TCPIP::192.168.1.10::5025::SOCKET' or "
                f"'GPIB0::23::INSTR', got {address!r}; an alias of a VISA library is not taken: write what "
                "it stands for"
            ) from error

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return ``address`` in a form in which two spellings of one address are equal.

        Parameters
        ----------
        address
            Address out of a station file.
        """
        try:
            return str(visa().rname.to_canonical_name(address)).upper()
        except visa().rname.InvalidResourceName:
            return address.strip().upper()

    @classmethod
    def place(cls, address: str, options: object = None) -> str:
        """Return what only one instrument may use: the device, or one output of a device with several.

        Parameters
        ----------
        address
            Address out of a station file.
        options
            An instance of `options`; None: its defaults.
        """
        return cls.canonical_address(address)

    @classmethod
    def uses_visa(cls) -> bool:
        """Return whether the driver takes a VISA library."""
        return issubclass(cls.driver, Guarded)

    # -- what readings depend on -------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        is_action = callable(getattr(type(self), name, None))
        if is_action and not callable(value):  # safe() must be there when it is needed
            raise ArgumentError(
                f"{self!r}: {name} is something that it does; wanted it called, got it replaced"
            )
        super().__setattr__(name, value)
        if name in type(self).relied_on:
            self._sent[name] = value
            for other in type(self).entails.get(name, ()):
                self._noted.pop(other, None)

    def relies_on(self) -> tuple[str, ...]:
        """Return the settings that readings depend on now; those of `relied_on` unless one does not apply."""
        return type(self).relied_on

    def relied_settings(self) -> dict[str, object]:
        """Return the settings that readings depend on, read back: name to value."""
        return {name: operator.attrgetter(name)(self) for name in self.relies_on()}

    def note_settings(self) -> None:
        """Take the settings as they are for what they are to be."""
        self._sent.clear()
        self._noted.clear()
        self._noted.update(self.relied_settings())

    def changes(self) -> tuple[str, ...]:
        """Return the settings that are neither what labspin set nor what they were, one sentence each."""
        found = []
        for name, value in self.relied_settings().items():
            if name in self._sent:
                wanted = self._sent[name]
                is_same = _agree(value, wanted, _ROUNDED, self.resolutions.get(name, 0.0))
            else:
                wanted = self._noted.setdefault(name, value)
                is_same = _agree(value, wanted, _SAME, 0.0)
            if is_same:
                self._noted[name] = value
                self._sent.pop(name, None)
            else:
                found.append(f"{name} is {_shown(value)}, not {_shown(wanted)}")
        return tuple(found)

    @classmethod
    def tells_doubts(cls) -> bool:
        """Return whether the instrument has a status that can make readings meaningless."""
        return cls.doubts is not RoleAdapter.doubts

    def doubts(self) -> tuple[str, ...]:
        """Return what made readings since the last question meaningless, such as ``"reference unlocked"``."""
        return ()

    def configure(self) -> None:
        """Bring the instrument into the mode that the role needs; moves no output."""

    def identity(self) -> str:
        """Return the instrument's own identification."""
        return str(self.device.identify())

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Return the instrument's settings as read back from it."""

    def safe(self) -> None:
        """Leave the instrument as it can be left alone."""
        self.device.safe()

    def close(self) -> None:
        """Close the connection; the instrument stays as it is."""
        self.device.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self.device, 'name', '')!r}>"


def _forwarded(driver: type, name: str, *, is_settable: bool) -> property:
    """Return a property of an adapter that is the driver's of the same name."""

    def get(self: RoleAdapter) -> Any:
        return getattr(self.device, name)

    def change(self: RoleAdapter, value: Any) -> None:
        setattr(self.device, name, value)

    return property(get, change if is_settable else None, None, getattr(driver, name).__doc__)


def _declared_settings(self: RoleAdapter) -> dict[str, object]:
    """Return what can be set, as read back from the instrument."""
    return {name: getattr(self, name) for name in self.units}


def _agree(value: Any, wanted: Any, relative: float, resolution: float) -> bool:
    """Return whether two values of a setting are the same but for rounding."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
        return bool(value == wanted)
    if not isinstance(wanted, (int, float)):
        return False
    return math.isclose(value, wanted, rel_tol=relative, abs_tol=resolution) or value == wanted


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
