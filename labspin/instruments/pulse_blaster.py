"""SpinCore PulseBlaster ESR-PRO, through the maker's library ``spinapi``.

Facts are those of the *PulseBlasterESR-PRO* manual and the SpinAPI documentation (SpinCore Technologies).

Quirks:

- An instruction takes at least 5 cycles of the clock (some boards: 6 or 7), 10 ns at 500 MHz; so do any two
  edges, on whatever lines, unless they coincide. The short pulse feature, by which one instruction in
  which all lines are high for 1 to 5 cycles, is not used: bits 21 to 23 are high in every instruction.
- The clock cannot be asked for: it is printed on the board and given in the station file. A wrong one
stretches
  all times.
- ``pb_stop`` may leave outputs as they are. Here stopping means to play a program of low levels, which takes
  the memory: so `PulseBlasterLines.start` writes the sequence again after a stop.
- After a program has ended it has to be reset before it can be started.
- One library serves all boards, and remembers which is meant: every call here names the board first, under
  one lock for the process.
- ``pb_close`` does not stop the board.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.clock import Clock
from labspin.errors import (
    ArgumentError,
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    InstrumentError,
)
from labspin.instruments.limits import check_limits
from labspin.instruments.pulse_lines import Loaded, PulseLinesAdapter, check_lines, usual_lines
from labspin.instruments.pulse_program import (
    LONGEST_INSTRUCTION,
    Board,
    Instruction,
    all_low,
    compile_sequence,
)
from labspin.instruments.sequence import PulseSequence
from labspin.instruments.spinapi import SpinApi, Status, load_spinapi

__all__ = ["PulseBlaster", "PulseBlasterLines", "PulseBlasterOptions"]

_LIBRARY_LOCK = threading.RLock()
_PULSE_PROGRAM = 0
_CLOCKS = (10e6, 1e9)  # Hz


class PulseBlaster:
    """Driver of a PulseBlaster; see the module for its quirks.

    Parameters
    ----------
    connection
        Number of the board, as text (``"0"``), or what replaces the library.
    name
        What errors call the instrument.
    clock, timeout, retries
        Not needed: calls of the library return at once.

    Raises
    ------
    ConnectionFailedError
        The library is missing, or there is no such board.
    """

    def __init__(
        self,
        connection: str | SpinApi,
        name: str = "PulseBlaster",
        *,
        clock: Clock | None = None,
        timeout: float = 3.0,
        retries: int = 1,
    ) -> None:
        self.name, self.clock, self.timeout, self.retries = name, clock, timeout, retries
        self.address = connection if isinstance(connection, str) else ""
        self._board = _board_number(connection) if isinstance(connection, str) else 0
        try:
            self._api = load_spinapi() if isinstance(connection, str) else connection
        except ConnectionFailedError as error:
            raise ConnectionFailedError(f"{self._title}: {error}") from error
        self._open()
        self.core_clock = Board.clock

    def _open(self) -> None:
        with _LIBRARY_LOCK:
            count = self._api.pb_count_boards()
            if count <= self._board:
                raise ConnectionFailedError(
                    f"{self._title}: wanted board {self._board}, and the computer has {max(count, 0)}; check "
                    "the board's number (from 0), its seat, and that its kernel driver is installed"
                )
            if self._api.pb_select_board(self._board) < 0 or self._api.pb_init() < 0:
                raise ConnectionFailedError(
                    f"{self._title}: the board cannot be opened ({self._api.pb_get_error()}); close other "
                    "programs that use it"
                )

    @property
    def _title(self) -> str:
        return f"{self.name} (board {self.address})" if self.address else self.name

    def _call(self, name: str, *args: object) -> int:
        """Call the library for this board, and return what it returns."""
        with _LIBRARY_LOCK:
            for call, values in (("pb_select_board", (self._board,)), (name, args)):
                result = getattr(self._api, call)(*values)
                if result is not None and result < 0:
                    raise DeviceError(
                        f"{self._title}: {call}{values} failed with {result}: {self._api.pb_get_error()}; "
                        "check that the board is still there and not used by another program"
                    )
        return int(result or 0)

    def identify(self) -> str:
        """Return maker, model, number of the board, firmware and date of the library.

        Raises
        ------
        IdentityError
            The library tells no version.
        """
        with _LIBRARY_LOCK:
            firmware, version = self._call("pb_get_firmware_id"), self._api.pb_get_version()
        if not version[:8].isdigit():
            raise IdentityError(
                f"{self._title}: wanted SpinCore's library with a date as its version, but {version!r} "
                "answers; install SpinAPI"
            )
        revision = f"{firmware >> 8 & 0xFF}-{firmware & 0xFF}" if firmware else "unknown"
        return f"SpinCore,PulseBlaster,board {self._board},firmware {revision},SpinAPI {version}"

    @property
    def core_clock(self) -> float:
        """Control the clock that the library reckons with (Hz, float from 10E6 to 1E9)."""
        return self._core_clock

    @core_clock.setter
    def core_clock(self, value: float) -> None:
        hertz = check_limits(f"{self.name} core_clock", value, *_CLOCKS, "Hz")
        self._call("pb_core_clock", hertz / 1e6)
        self._core_clock = hertz

    @property
    def status(self) -> int:
        """Get the state (dimensionless, int: sum of 1 stopped, 2 reset, 4 running, 8 waiting)."""
        state = self._call("pb_read_status")
        if not state:
            raise DeviceError(
                f"{self._title}: the board reports no valid state ({self._api.pb_get_error()}); check "
                "that the board is still there"
            )
        return state

    def program(self, instructions: Sequence[Instruction]) -> None:
        """Stop, and write a program into the memory; it waits for `start`.

        Parameters
        ----------
        instructions
            The program, first instruction first.
        """
        with _LIBRARY_LOCK:
            self._call("pb_stop")
            self._begin_program()
            for word in instructions:
                nanoseconds = word.cycles * 1e9 / self._core_clock
                self._call("pb_inst_pbonly", word.flags, int(word.opcode), word.data, nanoseconds)
            self._call("pb_stop_programming")

    def _begin_program(self) -> None:
        try:
            self._call("pb_start_programming", _PULSE_PROGRAM)
        except DeviceError:
            # A program that was broken off in its middle is ended, or the board could not even be set low.
            self._api.pb_stop_programming()
            self._call("pb_start_programming", _PULSE_PROGRAM)

    def start(self) -> None:
        """Play the program from its beginning."""
        with _LIBRARY_LOCK:
            self._call("pb_reset")
            self._call("pb_start")

    def all_low(self, board: Board | None = None) -> None:
        """Stop, and set all outputs low; the program is lost.

        Parameters
        ----------
        board
            What the board can do; None: the usual board.
        """
        with _LIBRARY_LOCK:
            try:
                self.program(all_low(board or Board()))
                self.start()
            except InstrumentError:
                # Writing failed half way: a board that is at rest is better than one that plays.
                self._api.pb_stop()
                raise

    def safe(self) -> None:
        """Stop, and set all outputs low."""
        self.all_low()

    def close(self) -> None:
        """Close the board; it continues what it is doing."""
        with _LIBRARY_LOCK:
            self._api.pb_select_board(self._board)
            self._api.pb_close()


@dataclass(frozen=True, kw_only=True)
class PulseBlasterOptions:
    """What a station file may say about the board and its outputs."""

    lines: Mapping[str, int] = field(default_factory=usual_lines)
    """Name of each line in use, and its output."""
    clock: float = field(default=500e6, metadata={"unit": "Hz"})
    """Clock of the board, Hz, as it is printed on it."""
    minimum_instruction: int = 5
    """Cycles of the shortest instruction."""
    memory: int = 4096
    """Number of instructions that the memory holds."""
    outputs: int = 21
    """Number of outputs: 21 of an ESR-PRO; 24 of a board without short pulse feature."""

    def __post_init__(self) -> None:
        for name, least, greatest in (("minimum_instruction", 5, 20), ("memory", 8, 2**20)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
                raise ArgumentError(
                    f"{name}: wanted a whole number from {least} to {greatest}, got {value!r}"
                )
        if self.outputs not in (21, 24):
            raise ArgumentError(f"outputs: wanted 21 or 24, got {self.outputs!r}")
        if not _CLOCKS[0] <= self.clock <= _CLOCKS[1]:
            raise ArgumentError(f"clock: wanted 10 MHz to 1 GHz, got {self.clock!r} Hz")
        check_lines(self.lines, self.outputs)


class PulseBlasterLines(PulseLinesAdapter):
    """The PulseBlaster as a `PulseGenerator`; loading a sequence stops what is being played."""

    driver: ClassVar[type] = PulseBlaster
    options: ClassVar[type] = PulseBlasterOptions
    device: PulseBlaster
    chosen: PulseBlasterOptions

    def __init__(self, driver: PulseBlaster, options: PulseBlasterOptions | None = None) -> None:
        super().__init__(driver, options)
        chosen = self.chosen
        self._board = Board(
            clock=chosen.clock,
            minimum=chosen.minimum_instruction,
            memory=chosen.memory,
            outputs=chosen.outputs,
        )
        self._low = False  # whether the memory holds the program of low levels, or did last

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse what is not the number of a board.

        Parameters
        ----------
        address
            Address out of a station file.
        """
        _board_number(address)

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return ``PULSEBLASTER`` and the number of the board.

        Parameters
        ----------
        address
            Address out of a station file.
        """
        return f"PULSEBLASTER{_board_number(address)}"

    def configure(self) -> None:
        """Tell the library the clock; moves no output."""
        self.device.core_clock = self.chosen.clock

    @property
    def resolution(self) -> float:
        """Get the time step on which every edge must lie (s, float: one cycle of the clock)."""
        return 1 / self._board.clock

    @property
    def minimum_pulse(self) -> float:
        """Get the shortest pulse or gap (s, float: the shortest instruction)."""
        return self._board.minimum / self._board.clock

    @property
    def minimum_step(self) -> float:
        """Get the shortest time between two edges, on whatever lines (s, float: the same)."""
        return self.minimum_pulse

    @property
    def max_steps(self) -> int:
        """Get the number of steps that the memory holds (dimensionless, int: one an instruction)."""
        return self._board.memory

    @property
    def longest_step(self) -> float:
        """Get the longest step that is one instruction (s, float); longer ones are two or three."""
        return LONGEST_INSTRUCTION / self._board.clock

    def _translated(self, sequence: PulseSequence, repetitions: int) -> tuple[Instruction, ...]:
        return compile_sequence(sequence, outputs=self.lines, board=self._board, repetitions=repetitions)

    def _make_ready(self) -> None:
        if not self._low:
            self._all_low()

    def _send(self, loaded: Loaded) -> None:
        self.device.program(loaded.program)

    def _all_low(self) -> None:
        self._written = self._low = False
        self.device.all_low(self._board)
        self._low = True

    def start(self) -> None:
        """Play the loaded sequence from its beginning."""
        if not self._written:
            self._write()
        self._low = False
        self.device.start()

    def stop(self) -> None:
        """Stop playing; all lines go low. The sequence can be started again."""
        self._all_low()

    def is_running(self) -> bool:
        """Return whether a sequence is being played."""
        return bool(self.device.status & Status.RUNNING)

    def settings(self) -> dict[str, object]:
        """Return what all generators have, clock (Hz) and length of the program."""
        return {
            **super().settings(),
            "clock": self.device.core_clock,
            "instructions": len(self._loaded.program) if self._loaded else 0,
        }


def _board_number(address: str) -> int:
    if not address.strip().isdecimal():
        raise ArgumentError(f"wanted the number of a PulseBlaster board such as '0', got {address!r}")
    return int(address)
