"""SpinCore's library ``spinapi``, as far as a pulse generator needs it.

`SpinApi` names the calls of the C library that are used; the driver knows nothing else of it, so that a
simulated board can stand in its place. `load_spinapi` finds the library and declares its types. Values,
flags and lengths are those of the header ``spinapi.h`` (SpinAPI reference, SpinCore Technologies): a negative
return value is a failure, whose text `SpinApi.pb_get_error` tells.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from enum import IntEnum
from functools import cache
from typing import Any, Protocol

from labspin.errors import ConnectionFailedError

__all__ = ["Opcode", "SpinApi", "Status", "load_spinapi"]

_NAMES = ("spinapi64", "spinapi", "libspinapi64.so", "libspinapi.so")
_C_TYPES: dict[str, tuple[object, tuple[object, ...]]] = {  # what a call returns, and takes
    "pb_get_version": (ctypes.c_char_p, ()),
    "pb_get_error": (ctypes.c_char_p, ()),
    "pb_get_firmware_id": (ctypes.c_uint, ()),
    "pb_count_boards": (ctypes.c_int, ()),
    "pb_select_board": (ctypes.c_int, (ctypes.c_int,)),
    "pb_init": (ctypes.c_int, ()),
    "pb_close": (ctypes.c_int, ()),
    "pb_core_clock": (None, (ctypes.c_double,)),
    "pb_start_programming": (ctypes.c_int, (ctypes.c_int,)),
    "pb_inst_pbonly": (ctypes.c_int, (ctypes.c_uint, ctypes.c_int, ctypes.c_int, ctypes.c_double)),
    "pb_stop_programming": (ctypes.c_int, ()),
    "pb_start": (ctypes.c_int, ()),
    "pb_stop": (ctypes.c_int, ()),
    "pb_reset": (ctypes.c_int, ()),
    "pb_read_status": (ctypes.c_uint32, ()),
}


class Opcode(IntEnum):
    """What an instruction does after its time."""

    CONTINUE = 0
    STOP = 1
    LOOP = 2
    END_LOOP = 3
    BRANCH = 6
    LONG_DELAY = 7


class Status(IntEnum):
    """Bits of the answer of `SpinApi.pb_read_status`."""

    STOPPED = 1
    RESET = 2
    RUNNING = 4
    WAITING = 8


class SpinApi(Protocol):
    """The calls of the library that are used."""

    def pb_get_version(self) -> str:
        """Return the date of the library, YYYYMMDD."""
        ...

    def pb_get_error(self) -> str:
        """Return what the last failure was."""
        ...

    def pb_get_firmware_id(self) -> int:
        """Return device (bits 8 to 15) and revision (bits 0 to 7) of the firmware; 0: it cannot tell."""
        ...

    def pb_count_boards(self) -> int:
        """Return the number of boards in the computer."""
        ...

    def pb_select_board(self, board: int) -> int:
        """Select the board for the calls that follow.

        Parameters
        ----------
        board
            Number of the board, from 0.
        """
        ...

    def pb_init(self) -> int:
        """Open the board."""
        ...

    def pb_close(self) -> int:
        """Close the board, which continues what it is doing."""
        ...

    def pb_core_clock(self, megahertz: float) -> None:
        """Tell the library the clock of the board, which is not changed by it.

        Parameters
        ----------
        megahertz
            Clock of the board, MHz.
        """
        ...

    def pb_start_programming(self, device: int) -> int:
        """Begin to write into a memory of the board.

        Parameters
        ----------
        device
            The memory; 0 is the pulse program.
        """
        ...

    def pb_inst_pbonly(self, flags: int, opcode: int, data: int, nanoseconds: float) -> int:
        """Write an instruction, and return its address.

        Parameters
        ----------
        flags
            The outputs that are high, one bit each.
        opcode
            Number of the operation; see `Opcode`.
        data
            Argument of the operation, such as an address or a number of repetitions.
        nanoseconds
            How long the instruction takes, ns.
        """
        ...

    def pb_stop_programming(self) -> int:
        """End to write."""
        ...

    def pb_start(self) -> int:
        """Trigger the board by software."""
        ...

    def pb_stop(self) -> int:
        """Stop the program; the outputs may stay as they are."""
        ...

    def pb_reset(self) -> int:
        """Stop, and go to the beginning of the program."""
        ...

    def pb_read_status(self) -> int:
        """Return the state, bits of `Status`."""
        ...


class _Library:
    """The C library with Python's types; its functions are found when they are called."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name, (returned, taken) in _C_TYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = returned, list(taken)
            setattr(self, name, _with_text(function) if returned is ctypes.c_char_p else function)


def _with_text(function: Any) -> object:
    return lambda: (function() or b"").decode("utf-8", "replace")


@cache
def load_spinapi() -> SpinApi:
    """Return the installed library.

    Raises
    ------
    ConnectionFailedError
        There is none, or it lacks a call.
    """
    problems = []
    for name in dict.fromkeys([*(ctypes.util.find_library(name) or "" for name in _NAMES[:2]), *_NAMES]):
        if not name:
            continue
        try:
            library: Any = _Library(ctypes.CDLL(name))
        except (OSError, AttributeError) as error:
            problems.append(f"{name}: {error}")
            continue
        return library  # type: ignore[no-any-return]
    raise ConnectionFailedError(
        "SpinCore's library 'spinapi' (spinapi64.dll, libspinapi64.so) cannot be loaded "
        f"({'; '.join(problems)}); install the SpinAPI package with the board's kernel driver from "
        "spincore.com/support/spinapi, as 64-bit as this Python is, and put the library on the search path"
    )
