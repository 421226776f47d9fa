"""A pulse sequence as a program of the PulseBlaster.

The board's memory holds instructions: levels of all outputs, how long they stay (in cycles of its clock), and
what comes then. A step of the sequence is one instruction; a wait beyond 32 bits of cycles is a LONG_DELAY,
which holds its time so many times over. Repetitions are a loop, in the instructions of the pattern
themselves, so that none takes time of its own. A counter of loops has 20 bits: more repetitions are two
loops, or a loop in a loop:

::

    n ≤ N        LOOP n {pattern}
    n ≤ 2N       LOOP N {pattern}  LOOP n-N {pattern}
    else         LOOP q { pattern  LOOP N {pattern}  pattern }  r as above      n = q (N + 2) + r
    for ever     pattern  BRANCH to its beginning

with N = 2²⁰ - 1. First and last instruction of a pattern carry LOOP, END_LOOP or BRANCH; so they must be
two, and no LONG_DELAY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labspin.errors import SequenceError
from labspin.instruments.sequence import PulseSequence
from labspin.instruments.spinapi import Opcode
from labspin.units import format_quantity

__all__ = ["LONGEST_INSTRUCTION", "Board", "Instruction", "all_low", "compile_sequence"]

LONGEST_INSTRUCTION = 4_000_000_000
"""Cycles of the longest instruction that is no LONG_DELAY; a little below 2³²."""
_MOST = 2**20 - 1  # of the data field: repetitions of a loop, or of the time of a LONG_DELAY
_GUARD = 0b111 << 21  # "no short pulse": outputs stay high for the whole instruction
_SHORT_PULSE_OUTPUTS = 21


@dataclass(frozen=True)
class Instruction:
    """One word of the memory."""

    flags: int  # bit n: output n is high
    opcode: Opcode
    data: int
    cycles: int  # of the clock


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a board can do."""

    clock: float = 500e6  # Hz
    minimum: int = 5  # cycles of the shortest instruction
    memory: int = 4096  # instructions
    outputs: int = _SHORT_PULSE_OUTPUTS

    @property
    def guard(self) -> int:
        """Bits that keep the short pulse feature of the ESR-PRO off; other boards have outputs there."""
        return _GUARD if self.outputs == _SHORT_PULSE_OUTPUTS else 0


def all_low(board: Board) -> tuple[Instruction, ...]:
    """Return the program that sets all outputs low and stops.

    Parameters
    ----------
    board
        What the board can do.
    """
    low = Instruction(board.guard, Opcode.CONTINUE, 0, 2 * board.minimum)
    return low, replace(low, opcode=Opcode.STOP)


def compile_sequence(
    sequence: PulseSequence, *, outputs: Mapping[str, int], board: Board, repetitions: int
) -> tuple[Instruction, ...]:
    """Return the program that plays ``sequence``.

    After the last repetition all outputs are low.

    Parameters
    ----------
    sequence
        The sequence.
    outputs
        Name of the line to number of its output.
    board
        What the board can do.
    repetitions
        How often it is played; -1 means for ever.

    Raises
    ------
    SequenceError
        Two edges, on any lines, are closer than the shortest instruction, or the memory is too small.
    """
    pattern = _pattern(_steps(sequence, outputs, board), board.minimum)
    if repetitions < 0:
        program = [*pattern[:-1], replace(pattern[-1], opcode=Opcode.BRANCH, data=0)]
    else:
        program = [*_repeated(pattern, repetitions, 0), *all_low(board)]
    if len(program) > board.memory:
        raise SequenceError(
            f"pulse sequence: its program has {len(program)} instructions, and the PulseBlaster's memory "
            f"holds {board.memory}; play a shorter sequence"
        )
    return tuple(program)


def _steps(sequence: PulseSequence, outputs: Mapping[str, int], board: Board) -> list[tuple[int, int]]:
    """Return flags and cycles of every step."""
    durations, levels = sequence.levels()
    edges = np.round(np.cumsum(durations) * board.clock).astype(np.int64)
    cycles = np.diff(edges, prepend=0)
    short = np.flatnonzero(cycles < board.minimum)
    if short.size:
        begin = edges[short[0]] - cycles[short[0]]
        raise SequenceError(
            f"pulse sequence: lines change at {_seconds(begin / board.clock)} and again "
            f"{_seconds(cycles[short[0]] / board.clock)} later, and an instruction of the PulseBlaster takes "
            f"at least {_seconds(board.minimum / board.clock)}; let the edges coincide or move them apart"
        )
    flags = np.full(cycles.size, board.guard, dtype=np.int64)
    for line, level in levels.items():
        flags |= (level > 0).astype(np.int64) << outputs[line]
    return list(zip(flags.tolist(), cycles.tolist(), strict=True))


def _pattern(steps: Sequence[tuple[int, int]], minimum: int) -> list[Instruction]:
    """Return at least two instructions of which the first and the last are CONTINUE."""
    found: list[Instruction] = []
    last = len(steps) - 1
    for n, (flags, cycles) in enumerate(steps):
        if cycles > LONGEST_INSTRUCTION:
            found += _long(flags, cycles, minimum, first=n == 0, last=n == last)
        elif last == 0:
            found += _halves(flags, cycles, minimum)
        else:
            found.append(Instruction(flags, Opcode.CONTINUE, 0, cycles))
    return found


def _halves(flags: int, cycles: int, minimum: int) -> list[Instruction]:
    if cycles < 2 * minimum:
        raise SequenceError(
            f"pulse sequence: it is one step of {cycles} clock cycles, and the PulseBlaster repeats no less "
            f"than {2 * minimum}; make it longer"
        )
    half = cycles // 2
    return [Instruction(flags, Opcode.CONTINUE, 0, part) for part in (half, cycles - half)]


def _long(flags: int, cycles: int, minimum: int, *, first: bool, last: bool) -> list[Instruction]:
    """Return a long step: a LONG_DELAY, and what is left over in instructions beside it."""
    before = minimum if first else 0
    left = cycles - before
    times = max(-(-left // LONGEST_INSTRUCTION), 2)
    if times > _MOST:
        raise SequenceError(
            f"pulse sequence: a step of {cycles} clock cycles is longer than a delay of the PulseBlaster; "
            "make it shorter"
        )
    each, after = divmod(left, times)
    if after or last:
        each = (left - minimum) // times
        after = left - each * times
    delay = Instruction(flags, Opcode.LONG_DELAY, times, each)
    around = (Instruction(flags, Opcode.CONTINUE, 0, count) for count in (before, after))
    first_part, last_part = ([part] if part.cycles else [] for part in around)
    return [*first_part, delay, *last_part]


def _repeated(pattern: list[Instruction], count: int, address: int) -> list[Instruction]:
    """Return ``pattern`` played ``count`` times, beginning at ``address``."""
    if count <= _MOST:
        return _loop(pattern, count, address)
    after = address + len(pattern)
    if count <= 2 * _MOST:
        return [*_loop(pattern, _MOST, address), *_loop(pattern, count - _MOST, after)]
    outer, rest = divmod(count, _MOST + 2)
    body = [*pattern, *_loop(pattern, _MOST, after), *pattern]
    return [*_loop(body, outer, address), *(_repeated(pattern, rest, address + len(body)) if rest else [])]


def _loop(body: list[Instruction], count: int, address: int) -> list[Instruction]:
    """Return ``body``, which begins at ``address``, as a loop."""
    if count > _MOST:
        raise SequenceError(f"pulse sequence: {count} is more than a loop counts; play fewer repetitions")
    first = replace(body[0], opcode=Opcode.LOOP, data=count)
    return [first, *body[1:-1], replace(body[-1], opcode=Opcode.END_LOOP, data=address)]


def _seconds(value: float) -> str:
    return format_quantity(float(value), "s", digits=6)
