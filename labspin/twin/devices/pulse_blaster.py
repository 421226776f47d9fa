"""SpinCore PulseBlaster ESR-PRO: the calls of ``spinapi``, and the board behind them.

The board executes its program as the *PulseBlasterESR-PRO* manual and the SpinAPI documentation say:
CONTINUE, STOP, LOOP/END_LOOP (nested to any depth), BRANCH and LONG_DELAY. What it refuses, it
refuses as the library does: a negative number, and a text from ``pb_get_error``. Worth knowing when driving
it:

* ``pb_core_clock`` does not set the clock; lengths are computed with the stated clock, and played with the
real one.
* Bits 21 to 23 of an instruction's flags are the short pulse feature (21 outputs): 7 leaves outputs high for
  the whole instruction, 1 to 6 for so many cycles, and 0 not at all.
* ``pb_stop`` leaves outputs as they are at that moment; a STOP leaves them as its flags say.
* After STOP the board has to be reset before it starts again.

Not simulated: hardware trigger, WAIT, subroutines, and programs that are neither one pattern repeated nor
short enough (10⁵ steps) to be played as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from labspin.twin.devices.called import CalledDevice
from labspin.twin.inputs import Pattern
from labspin.twin.world import World

__all__ = ["PulseBlaster"]

_CONTINUE, _STOP, _LOOP, _END_LOOP, _BRANCH, _LONG_DELAY = 0, 1, 2, 3, 6, 7
_OPCODES = frozenset({_CONTINUE, _STOP, _LOOP, _END_LOOP, _BRANCH, _LONG_DELAY})
_STOPPED, _RESET, _RUNNING = 1, 2, 4
_DATA_BITS, _DELAY_BITS, _FLAG_BITS = 20, 32, 24
_SHORT_PULSE_OUTPUTS, _NO_SHORT_PULSE = 21, 0b111
_MOST_STEPS = 100_000
_CALL = 1e-6  # time that a call of the library takes, s
_FAILED, _BAD_INSTRUCTION = -1, -91

Steps = tuple[tuple[int, int], ...]  # (flags, cycles), ...
Runs = list[tuple[Steps, int]]  # what is played, and how often


class _CannotPlay(Exception):  # noqa: N818 - never leaves this module
    pass


class PulseBlaster(CalledDevice):
    """PulseBlaster ESR-PRO; ports ``0`` to ``23`` are lines of the world's pattern.

    Options
    -------
    clock
        Clock of the board, Hz.
    minimum_instruction
        Cycles of the shortest instruction.
    memory
        Instructions that the memory holds.
    outputs
        21, with the short pulse feature; or 24.
    """

    ports: ClassVar = {str(output): "line" for output in range(_FLAG_BITS)}
    default_wiring: ClassVar = {"0": "laser", "1": "microwave", "2": "trigger"}
    options: ClassVar = {
        "clock": 500e6,
        "minimum_instruction": 5,
        "memory": 4096,
        "outputs": _SHORT_PULSE_OUTPUTS,
        "firmware": 0x110D,
        "version": "20171214",
    }

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        super().__init__(world, wiring=wiring, **options)
        self.program: list[tuple[int, int, int, int]] = []  # flags, opcode, data, cycles
        self._error = "No Error"
        self._open = self._writing = False
        self._reset = True
        self._told_clock = 0.0  # Hz
        self._flags = 0  # of the outputs while nothing is played
        self._played: tuple[Pattern, float] | None = None
        self._played_flags: list[int] = []

    # -- the library ---------------------------------------------------------------------------------------

    def pb_get_version(self) -> str:
        """Return the date of the library."""
        return str(self.false_identity if self.false_identity is not None else self._options["version"])

    def pb_get_error(self) -> str:
        """Return what the last failure was."""
        return self._error

    def pb_get_firmware_id(self) -> int:
        """Return device and revision of the firmware."""
        return int(self._options["firmware"])

    def pb_count_boards(self) -> int:
        """Return how many boards there are."""
        return 0 if self.dropped else 1

    def pb_select_board(self, board: int) -> int:
        """Select the board that later calls address; there is only board 0.

        Parameters
        ----------
        board
            Number of the board.

        Returns
        -------
        int
            0, or a negative number after an error.
        """
        return 0 if board == 0 else self._fail("Board not found")

    def pb_init(self) -> int:
        """Open the board."""
        if trouble := self.trouble("pb_init"):
            return self._fail(trouble)
        self._open = True
        return 0

    def pb_close(self) -> int:
        """Close the board."""
        self._open = False
        return 0

    def pb_core_clock(self, megahertz: float) -> None:
        """Store the clock frequency that converts lengths into cycles.

        Parameters
        ----------
        megahertz
            Frequency of the clock, MHz.
        """
        self._told_clock = 1e6 * megahertz

    def pb_start_programming(self, device: int) -> int:
        """Begin to write the program.

        Parameters
        ----------
        device
            What is programmed; 0 is the pulse program.

        Returns
        -------
        int
            0, or a negative number after an error.
        """
        if failed := self._refuse("pb_start_programming"):
            return failed
        if device != 0 or self._writing:
            return self._fail("pb_start_programming: wrong device, or programming already")
        self._writing, self.program = True, []
        return 0

    def pb_inst_pbonly(self, flags: int, opcode: int, data: int, nanoseconds: float) -> int:
        """Write an instruction; return its address.

        Parameters
        ----------
        flags
            Levels of the outputs, one bit each.
        opcode
            Number of the instruction.
        data
            Argument of the instruction, such as an address or a number of loops.
        nanoseconds
            Length of the instruction, ns.

        Returns
        -------
        int
            Address of the instruction, or a negative number after an error.
        """
        if failed := self._refuse("pb_inst_pbonly"):
            return failed
        cycles = round(nanoseconds * 1e-9 * self._told_clock)
        problem = self._problem(flags, opcode, data, cycles)
        if problem:
            return self._fail(problem, _BAD_INSTRUCTION)
        self.program.append((flags, opcode, data, cycles))
        return len(self.program) - 1

    def _problem(self, flags: int, opcode: int, data: int, cycles: int) -> str:
        least = int(self._options["minimum_instruction"])
        checks = {
            "pb_start_programming must be called first": self._writing,
            "More instructions than memory": len(self.program) < int(self._options["memory"]),
            "Flags out of range": 0 <= flags < 1 << _FLAG_BITS,
            "Invalid opcode": opcode in _OPCODES,
            "Instruction delay too short or too long": least <= cycles < 1 << _DELAY_BITS,
            "Instruction data out of range": 0 <= data < 1 << _DATA_BITS,
            "Loop must be greater than or equal to 1": opcode != _LOOP or data >= 1,
            "Long delay must be greater than or equal to 2": opcode != _LONG_DELAY or data >= 2,
            "Address is not in the program": opcode not in (_BRANCH, _END_LOOP) or data <= len(self.program),
        }
        return next((text for text, passed in checks.items() if not passed), "")

    def pb_stop_programming(self) -> int:
        """End to write; the board is then ready to be started."""
        if failed := self._refuse("pb_stop_programming"):
            return failed
        if not self._writing:
            return self._fail("pb_stop_programming: nothing was programmed")
        self._writing = False
        return 0

    def pb_start(self) -> int:
        """Trigger the board."""
        if failed := self._refuse("pb_start"):
            return failed
        if not self._reset:
            return 0  # a board that has stopped takes no trigger before it is reset
        try:
            with self.world.lock:
                self._play()
        except _CannotPlay as problem:
            return self._fail(str(problem))
        self._reset = False
        self.world.clock.sleep(_CALL)
        return 0

    def pb_stop(self) -> int:
        """Stop, outputs as they are, and reset."""
        return self._halt("pb_stop")

    def pb_reset(self) -> int:
        """Stop, outputs as they are, and reset."""
        return self._halt("pb_reset")

    def pb_read_status(self) -> int:
        """Return the state of the board."""
        if self._refuse("pb_read_status"):
            return 0
        if self._played is not None and self.world.playing:
            return _RUNNING
        return _STOPPED | (_RESET if self._reset else 0)

    # -- the board -----------------------------------------------------------------------------------------

    def _fail(self, text: str, number: int = _FAILED) -> int:
        self._error = text
        return number

    def _refuse(self, call: str) -> int:
        """Return a failure if the board is not open, or a fault strikes."""
        if trouble := self.trouble(call):
            return self._fail(trouble)
        return 0 if self._open else self._fail("Board not initialized")

    def _halt(self, call: str) -> int:
        if failed := self._refuse(call):
            return failed
        with self.world.lock:
            self._flags, self._played = self._present_flags(), None
            self._reset = True
            self.world.stop(self._levels(self._flags))
        return 0

    def _present_flags(self) -> int:
        if self._played is None or not self.world.playing:
            return self._flags
        pattern, start = self._played
        phase = (self.world.clock.now() - start) % pattern.period
        step = int(np.searchsorted(np.cumsum(pattern.durations), phase, side="right"))
        return self._played_flags[min(step, len(self._played_flags) - 1)]

    def _levels(self, flags: int) -> dict[str, float]:
        outputs = int(self._options["outputs"])
        return {
            line: float(flags >> int(port) & 1) for port, line in self.wiring.items() if int(port) < outputs
        }

    def _play(self) -> None:
        """Translate the program, and play it on the world."""
        if not self.program:
            raise _CannotPlay("No program in the memory")
        runs, final = self._executed()
        if final is not None and len(runs) == 2 and all(flags == final for flags, _ in runs[1][0]):
            runs = runs[:1]  # what comes after the pattern does not differ from the end
        steps, count = runs[0] if len(runs) == 1 else (_unrolled(runs), 1)
        steps = _joined(steps)
        pattern = self._pattern(steps)
        self._flags = 0 if final is None else final
        self._played = (pattern, self.world.clock.now())
        self._played_flags = [flags for flags, _ in steps]
        self.world.play(pattern, -1 if final is None else count, self._levels(self._flags))

    def _pattern(self, steps: Steps) -> Pattern:
        clock = float(self._options["clock"])
        each = [self._levels(flags) for flags, _ in steps]
        lines = {line: np.array([levels[line] for levels in each]) for line in each[0]}
        return Pattern(np.array([cycles / clock for _, cycles in steps]), lines)

    def _executed(self) -> tuple[Runs, int | None]:
        """Return what is played, and the flags at the end (None: it never ends)."""
        runs, end = self._parse(0, inside=False)
        flags, opcode, data, _ = self.program[end]
        if opcode == _STOP:
            return _merged(runs), self._outputs_of(flags)
        if data != 0:
            raise _CannotPlay("a branch to the middle of a program is not simulated")
        return [(_unrolled(_merged(runs)), 1)], None

    def _parse(self, begin: int, *, inside: bool) -> tuple[Runs, int]:
        """Return what is played from ``begin`` on, and the address at which that ends."""
        runs: Runs = []
        straight: list[tuple[int, int]] = []
        address = begin
        while address < len(self.program):
            flags, opcode, data, cycles = self.program[address]
            if opcode == _LOOP and not (inside and address == begin):
                runs.append((tuple(straight), 1))
                body, address = self._parse(address, inside=True)
                runs += _times(body, data)
                straight = []
            elif opcode == _STOP:
                break
            else:
                straight += self._steps(flags, cycles * (data if opcode == _LONG_DELAY else 1))
                if opcode == _BRANCH or (opcode == _END_LOOP and inside):
                    break
            address += 1
        if address >= len(self.program) or self._misplaced(address, begin, inside):
            raise _CannotPlay("the program has no end, or loops are not closed where they began")
        return [*runs, (tuple(straight), 1)], address

    def _misplaced(self, address: int, begin: int, inside: bool) -> bool:
        _, opcode, data, _ = self.program[address]
        return opcode != _END_LOOP or data != begin if inside else opcode == _END_LOOP

    def _steps(self, flags: int, cycles: int) -> list[tuple[int, int]]:
        """Return what an instruction does, short pulses included."""
        if int(self._options["outputs"]) != _SHORT_PULSE_OUTPUTS:
            return [(flags, cycles)]
        short, outputs = flags >> _SHORT_PULSE_OUTPUTS, self._outputs_of(flags)
        if short in (0, _NO_SHORT_PULSE) or cycles <= short:
            return [(outputs, cycles)]
        return [(outputs, short), (0, cycles - short)]

    def _outputs_of(self, flags: int) -> int:
        """Return the levels of the outputs: with short pulse bits of 0 all are low."""
        if int(self._options["outputs"]) != _SHORT_PULSE_OUTPUTS:
            return flags
        return flags & ((1 << _SHORT_PULSE_OUTPUTS) - 1) if flags >> _SHORT_PULSE_OUTPUTS else 0


def _times(body: Runs, count: int) -> Runs:
    """Return ``body`` played ``count`` times."""
    merged = _merged(body)
    if len(merged) == 1:
        steps, times = merged[0]
        return [(steps, times * count)]
    return [(_unrolled(merged), count)]


def _merged(runs: Runs) -> Runs:
    """Return ``runs`` with neighbours that play the same put together, and empty ones left out."""
    merged: Runs = []
    for steps, count in runs:
        if not steps:
            continue
        if merged and merged[-1][0] == steps:
            merged[-1] = (steps, merged[-1][1] + count)
        else:
            merged.append((steps, count))
    return merged


def _joined(steps: Steps) -> Steps:
    """Return ``steps`` with neighbours of the same levels put together."""
    joined: list[tuple[int, int]] = []
    for flags, cycles in steps:
        if joined and joined[-1][0] == flags:
            joined[-1] = (flags, joined[-1][1] + cycles)
        else:
            joined.append((flags, cycles))
    return tuple(joined)


def _unrolled(runs: Runs) -> Steps:
    if sum(len(steps) * count for steps, count in runs) > _MOST_STEPS:
        raise _CannotPlay("more than one pattern, and too many repetitions, are not simulated")
    return tuple(step for steps, count in runs for step in steps * count)
