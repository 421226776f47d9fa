"""PulseBlaster: programs against hand-made ones, calls of the library, and what the simulated board plays."""

import shutil
import subprocess

import pytest
from hypothesis import given, strategies as st

from labspin.errors import (
    ArgumentError,
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    LimitError,
    SequenceError,
)
from labspin.instruments import PulseSequence, pulse_program, spinapi
from labspin.instruments.pulse_blaster import PulseBlaster, PulseBlasterLines, PulseBlasterOptions
from labspin.instruments.pulse_program import Board, compile_sequence
from labspin.instruments.spinapi import load_spinapi
from tests.some import some

LINES = {"laser": 0, "microwave": 1, "trigger": 2}
CONTINUE, STOP, LOOP, END_LOOP, BRANCH, LONG_DELAY = 0, 1, 2, 3, 6, 7
ON = 0xE00000  # bits 21 to 23: no short pulse
N = 2**20 - 1


def t1(dark=1e-3):
    return PulseSequence().then("laser", duration=10e-6).wait(dark).then("laser", "trigger", duration=3e-6)


def words(sequence, repetitions=-1, **board):
    program = compile_sequence(sequence, outputs=LINES, board=Board(**board), repetitions=repetitions)
    return [(word.flags, int(word.opcode), word.data, word.cycles) for word in program]


def test_for_ever_is_a_branch():
    assert words(t1()) == [
        (ON | 0b001, CONTINUE, 0, 5_000),
        (ON, CONTINUE, 0, 500_000),
        (ON | 0b101, BRANCH, 0, 1_500),
    ]


def test_repetitions_are_a_loop_that_ends_low():
    assert words(t1(), 300) == [
        (ON | 0b001, LOOP, 300, 5_000),
        (ON, CONTINUE, 0, 500_000),
        (ON | 0b101, END_LOOP, 0, 1_500),
        (ON, CONTINUE, 0, 10),
        (ON, STOP, 0, 10),
    ]


def test_more_repetitions_than_a_loop_counts_are_two_loops_or_a_loop_in_a_loop():
    first, wait, last = (5_000, 500_000, 1_500)

    def loop(count, address):
        return [
            (ON | 1, LOOP, count, first),
            (ON, CONTINUE, 0, wait),
            (ON | 5, END_LOOP, address, last),
        ]

    end = [(ON, CONTINUE, 0, 10), (ON, STOP, 0, 10)]
    assert words(t1(), N) == [*loop(N, 0), *end]
    assert words(t1(), N + 9) == [*loop(N, 0), *loop(9, 3), *end]
    assert words(t1(), 9_000_000) == [
        (ON | 1, LOOP, 8, first),  # 8 (N + 2) + 611384 = 9000000
        (ON, CONTINUE, 0, wait),
        (ON | 5, CONTINUE, 0, last),
        *loop(N, 3),
        (ON | 1, CONTINUE, 0, first),
        (ON, CONTINUE, 0, wait),
        (ON | 5, END_LOOP, 0, last),
        *loop(611_384, 9),
        *end,
    ]


def test_long_waits_are_long_delays():
    laser, trigger = (ON | 0b001, CONTINUE, 0, 5_000), (ON | 0b101, BRANCH, 0, 1_500)
    assert words(t1(dark=16.0)) == [laser, (ON, LONG_DELAY, 2, 4_000_000_000), trigger]
    # 20 s are 10 000 000 000 cycles: three times 3 333 333 331, and 7 are left over
    assert words(t1(dark=20.0)) == [
        laser,
        (ON, LONG_DELAY, 3, 3_333_333_331),
        (ON, CONTINUE, 0, 7),
        trigger,
    ]


def test_a_long_wait_at_either_end_leaves_room_for_the_loop():
    wait = PulseSequence().wait(16.0)
    pulse = PulseSequence().then("laser", duration=1e-6)
    assert words(wait + pulse, 2)[:3] == [
        (ON, LOOP, 2, 5),
        (ON, LONG_DELAY, 2, 3_999_999_995),
        (ON, CONTINUE, 0, 5),
    ]
    assert words(pulse + wait, 2)[1:3] == [
        (ON, LONG_DELAY, 2, 3_999_999_997),
        (ON, END_LOOP, 0, 6),
    ]
    assert words(PulseSequence().then("laser", duration=20.0)) == [
        (ON | 1, CONTINUE, 0, 5),
        (ON | 1, LONG_DELAY, 3, 3_333_333_330),
        (ON | 1, BRANCH, 0, 5),
    ]


def test_one_step_is_two_instructions():
    assert words(PulseSequence().then("laser", duration=22e-9)) == [
        (ON | 1, CONTINUE, 0, 5),
        (ON | 1, BRANCH, 0, 6),
    ]
    with pytest.raises(SequenceError, match=r"one step of 9 clock cycles, .* no less than 10"):
        words(PulseSequence().then("laser", duration=18e-9))


def test_a_board_without_short_pulses_has_outputs_in_their_place():
    sequence = PulseSequence().then("laser", duration=1e-6).wait(1e-6)
    program = compile_sequence(sequence, outputs={"laser": 23}, board=Board(outputs=24), repetitions=-1)
    assert [word.flags for word in program] == [1 << 23, 0]


def executed(program):
    """What a program does, instruction by instruction, as the manual says; a branch ends it."""
    played, loops, address = [], {}, 0
    while True:
        flags, opcode, data, cycles = program[address]
        if opcode == STOP:
            return played
        played.append((flags & 0x1FFFFF, cycles * (data if opcode == LONG_DELAY else 1)))
        if opcode == BRANCH:
            return played
        if opcode == LOOP:
            loops.setdefault(address, data)
        if opcode == END_LOOP:
            loops[data] -= 1
            if loops[data]:
                address = data
                continue
            del loops[data]
        address += 1


def joined(steps):
    found = []
    for flags, cycles in steps:
        if found and found[-1][0] == flags:
            found[-1] = (flags, found[-1][1] + cycles)
        else:
            found.append((flags, cycles))
    return found


steps = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from([5, 6, 11, 500, 999, 1000])), min_size=2, max_size=6
)


@given(steps, st.integers(1, 70))
def test_a_program_plays_the_sequence_so_many_times(steps, repetitions):
    names = list(LINES)
    sequence = PulseSequence()
    for flags, cycles in steps:
        high = [names[bit] for bit in range(3) if flags >> bit & 1]
        sequence = sequence.then(*high, duration=cycles * 2e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulse_program, "_MOST", 4)  # a counter of loops that is soon full, ...
        patch.setattr(pulse_program, "LONGEST_INSTRUCTION", 1500)  # ... and of time
        try:
            program = words(sequence, repetitions)
        except SequenceError as error:
            assert "more than a loop counts" in str(error)  # noqa: PT017
            assert repetitions >= 5 * (4 + 2)
            return
    *played, low = joined(executed(program))
    wanted = joined(steps * repetitions)
    if wanted[-1][0] == 0:
        assert [*played, (low[0], low[1] - 10)] == wanted
    else:
        assert (played, low) == (wanted, (0, 10))
    assert all(5 <= cycles <= 1500 for _, _, _, cycles in some(program))


@pytest.mark.parametrize(
    ("sequence", "match"),
    [
        (
            PulseSequence()
            .pulse("laser", start=0, duration=1e-6)
            .pulse("trigger", start=994e-9, duration=1e-6),
            "change at 994 ns and again 6 ns later, .* needs at least 10 ns",
        ),
        (PulseSequence().then("laser", duration=8e-9).wait(1e-6), "laser.*needs at least 10 ns"),
        (PulseSequence().then("laser", duration=15e-9).wait(1e-6), "resolution of 2 ns"),
        (PulseSequence().then("gate", duration=1e-6), "no line 'gate'; it has laser, microwave, trigger"),
        ((t1() * 1400), "memory holds 4096"),
        (PulseSequence(), "got none"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_called(sequence, match):
    calls = Calls()
    generator = opened(calls)
    with pytest.raises(SequenceError, match=match):
        generator.load(sequence)
    assert calls.made == []


def test_the_memory_counts_every_instruction():
    assert len(words(t1() * 1365)) == 4095
    with pytest.raises(SequenceError, match=r"its program has 4097 instructions, .* holds 4096"):
        words(t1() * 1365, 10)


# -- calls of the library -----------------------------------------------------------------------------------


class Calls:
    """A library that takes note of calls, and fails where it is told to."""

    def __init__(self, **answers):
        self.made, self.answers = [], {"pb_count_boards": 1, "pb_read_status": 1, **answers}

    def __getattr__(self, name):
        texts = {"pb_get_error": "No Error", "pb_get_version": "20171214"}

        def call(*args):
            if name not in ("pb_select_board", *texts):
                self.made.append((name, *args))
            return self.answers.get(name, texts.get(name, 0))

        return call


def opened(calls, **options):
    generator = PulseBlasterLines.open(calls, name="pulses", options=PulseBlasterOptions(**options))
    calls.made.clear()
    return generator


LOW = [
    ("pb_stop",),
    ("pb_start_programming", 0),
    ("pb_inst_pbonly", ON, CONTINUE, 0, 20.0),
    ("pb_inst_pbonly", ON, STOP, 0, 20.0),
    ("pb_stop_programming",),
    ("pb_reset",),
    ("pb_start",),
]
WRITTEN = [
    ("pb_stop",),
    ("pb_start_programming", 0),
    ("pb_inst_pbonly", ON | 1, CONTINUE, 0, 10_000.0),
    ("pb_inst_pbonly", ON, CONTINUE, 0, 1e6),
    ("pb_inst_pbonly", ON | 5, BRANCH, 0, 3_000.0),
    ("pb_stop_programming",),
]
STARTED = [("pb_reset",), ("pb_start",)]


def test_loading_starting_and_stopping():
    generator = opened(calls := Calls())
    generator.load(t1())
    assert calls.made == [*LOW, *WRITTEN]
    generator.start()
    assert calls.made == [*LOW, *WRITTEN, *STARTED]
    calls.made.clear()
    generator.stop()
    assert calls.made == LOW
    generator.start()  # the low levels took the memory
    assert calls.made == [*LOW, *WRITTEN, *STARTED]


def test_safe_sets_all_lines_low_whatever_the_board_was_doing():
    generator = opened(calls := Calls())
    generator.safe()
    assert calls.made == LOW


def test_the_clock_is_told_and_times_follow_it():
    calls = Calls()
    generator = PulseBlasterLines.open(calls, options=PulseBlasterOptions(clock=400e6), name="pulses")
    assert [call for call in calls.made if call[0] == "pb_core_clock"] == [
        ("pb_core_clock", 500.0),
        ("pb_core_clock", 400.0),
    ]
    assert (generator.resolution, generator.minimum_pulse) == (2.5e-9, 12.5e-9)
    calls.made.clear()
    generator.load(t1())
    assert [call[-1] for call in calls.made if call[0] == "pb_inst_pbonly"][-3:] == [1e4, 1e6, 3e3]
    assert generator.longest_step == 10.0
    with pytest.raises(LimitError, match="pulses core_clock: wanted 10 MHz to 1 GHz"):
        generator.device.core_clock = 5.0


def test_what_the_library_refuses_is_an_error_with_its_text():
    generator = opened(calls := Calls())
    calls.answers |= {"pb_inst_pbonly": -91, "pb_get_error": "too short"}
    with pytest.raises(DeviceError, match=r"pulses: pb_inst_pbonly\(.*\) failed with -91: too short; check"):
        generator.load(t1())
    assert calls.made[-1] == ("pb_stop",)
    calls.answers["pb_read_status"] = 0
    with pytest.raises(DeviceError, match="the board reports no valid state"):
        generator.is_running()


def test_boards_are_looked_for():
    with pytest.raises(ConnectionFailedError, match="pulses: wanted board 0, and the computer has 0"):
        PulseBlaster(Calls(pb_count_boards=-1), "pulses")
    with pytest.raises(ConnectionFailedError, match=r"cannot be opened .*close other programs"):
        PulseBlaster(Calls(pb_init=-1), "pulses")
    with pytest.raises(IdentityError, match="but 'Acme' answers; install SpinAPI"):
        PulseBlasterLines.open(Calls(pb_get_version="Acme"), name="pulses")
    assert opened(Calls(pb_get_firmware_id=0x110D)).identity() == (
        "SpinCore,PulseBlaster,board 0,firmware 17-13,SpinAPI 20171214"
    )


@pytest.mark.parametrize("repetitions", [0, -2, 1.0, True])
def test_repetitions_are_checked(repetitions):
    with pytest.raises(ArgumentError, match="repetitions: wanted -1 or a whole number > 0"):
        opened(Calls()).load(t1(), repetitions=repetitions)


def test_starting_nothing_is_an_error():
    with pytest.raises(DeviceError, match="call load first"):
        opened(Calls()).start()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"lines": {}}, "lines: wanted names and outputs"),
        ({"lines": {"laser": 21}}, "lines.laser: wanted an output from 0 to 20, got 21"),
        ({"lines": {"laser": 1, "trigger": 1}}, "lines.trigger: output 1 already belongs to 'laser'"),
        ({"clock": 1.0}, "clock: wanted 10 MHz to 1 GHz"),
        ({"minimum_instruction": 4}, "minimum_instruction: wanted a whole number from 5"),
        ({"memory": 2.5}, "memory: wanted a whole number"),
        ({"outputs": 8}, "outputs: wanted 21 or 24"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        PulseBlasterOptions(**options)


def test_addresses_are_numbers_of_boards():
    PulseBlasterLines.check_address("0")
    assert PulseBlasterLines.canonical_address("01") == PulseBlasterLines.canonical_address("1")
    with pytest.raises(
        ArgumentError, match="wanted the number of a PulseBlaster board such as '0', got 'USB'"
    ):
        PulseBlasterLines.check_address("USB")


# -- the C library ------------------------------------------------------------------------------------------

STUB = """
#include <stdio.h>
static char text[200] = "No Error";
static double clock_mhz;
char *pb_get_version(void) { return "20240101"; }
char *pb_get_error(void) { return text; }
unsigned int pb_get_firmware_id(void) { return 0x110D; }
int pb_count_boards(void) { return 2; }
int pb_select_board(int board) { return board < 2 ? 0 : -1; }
int pb_init(void) { return 0; }
int pb_close(void) { return 0; }
void pb_core_clock(double mhz) { clock_mhz = mhz; }
int pb_start_programming(int device) { return device; }
int pb_inst_pbonly(unsigned int flags, int inst, int data, double length) {
    sprintf(text, "%x %d %d %.1f %.0f", flags, inst, data, length, clock_mhz); return -1; }
int pb_stop_programming(void) { return 0; }
int pb_start(void) { return 0; }
int pb_stop(void) { return 0; }
int pb_reset(void) { return 0; }
unsigned int pb_read_status(void) { return 0xFFFFFFFCu; }
"""


@pytest.fixture
def no_library():
    load_spinapi.cache_clear()
    yield
    load_spinapi.cache_clear()


def test_a_missing_library_is_one_clear_error(no_library, monkeypatch):
    monkeypatch.setattr(spinapi, "_NAMES", ("no_such_spinapi", "nor_this"))
    with pytest.raises(
        ConnectionFailedError,
        match=r"pulses \(board 0\): SpinCore's library 'spinapi' .* install the SpinAPI package",
    ):
        PulseBlaster("0", "pulses")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_library_is_called_with_the_types_of_its_header(no_library, monkeypatch, tmp_path):
    source, library = tmp_path / "stub.c", tmp_path / "libspinapi64.so"
    source.write_text(STUB)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    monkeypatch.setattr(spinapi, "_NAMES", ("no_such_spinapi", "nor_this", str(library)))
    generator = PulseBlasterLines.open("1", name="pulses")
    assert generator.identity() == "SpinCore,PulseBlaster,board 1,firmware 17-13,SpinAPI 20240101"
    assert generator.device.status == 0xFFFFFFFC
    assert generator.is_running()
    with pytest.raises(DeviceError, match=r"e00000 0 0 20.0 500"):
        generator.load(t1())
    with pytest.raises(ConnectionFailedError, match="wanted board 2, and the computer has 2"):
        PulseBlaster("2", "pulses")
    generator.close()


def test_the_shortest_instruction_is_compiled_and_a_shorter_one_is_not():
    """Five cycles of 2 ns, whoever asks: the board's own limit, whatever was looked at before."""
    assert words(PulseSequence().then("laser", duration=10e-9).wait(1e-6))[0][-1] == 5
    with pytest.raises(SequenceError, match=r"8 ns later, .* takes at least 10 ns"):
        words(PulseSequence().then("laser", duration=8e-9).wait(1e-6))
