"""The PulseBlaster's driver on its simulated board."""

import pytest

from labspin.clock import SimulatedClock
from labspin.errors import (
    ArgumentError,
    DeviceError,
    SequenceError,
)
from labspin.instruments import PulseSequence
from labspin.instruments.pulse_blaster import PulseBlasterLines, PulseBlasterOptions
from labspin.station import load_station
from labspin.twin import World, samples
from labspin.twin.devices.pulse_blaster import PulseBlaster as Twin
from tests.instruments.test_pulse_blaster import BRANCH, CONTINUE, LINES, LONG_DELAY, LOOP, ON, STOP, N, t1

# -- the simulated board -----------------------------------------------------------------------------------


@pytest.fixture
def world():
    return World(samples.load("levitated_diamond")(), SimulatedClock(), seed=1)


def on(world, *, options=None, **twin):
    board = Twin(world, **twin)
    return board, PulseBlasterLines.open(board, name="pulses", options=options)


def levels(world):
    pattern = world.episodes()[0].pattern
    return {line: pattern.line(line).tolist() for line in LINES}


@pytest.mark.parametrize("repetitions", [1, 7, N + 1, 9_000_000])
def test_the_board_plays_what_is_asked_for(world, repetitions):
    _, generator = on(world)
    generator.load(t1(), repetitions=repetitions)
    assert not generator.is_running()
    generator.start()
    episode = world.episodes()[0]
    assert episode.pattern.durations == pytest.approx([10e-6, 1e-3, 3e-6], rel=1e-12, abs=0)
    assert levels(world) == {"laser": [1, 0, 1], "microwave": [0, 0, 0], "trigger": [0, 0, 1]}
    assert episode.stop - episode.start == pytest.approx(repetitions * 1.013e-3, rel=1e-6, abs=0)
    assert generator.is_running()
    world.clock.sleep(repetitions * 1.013e-3 + 1e-9)
    assert not generator.is_running()
    generator.start()
    assert generator.is_running()


def test_for_ever(world):
    _, generator = on(world)
    generator.load(t1())
    generator.start()
    world.clock.sleep(1e4)
    assert generator.is_running()
    assert generator.settings()["running"] is True
    generator.stop()
    assert not generator.is_running()


def test_stopping_leaves_a_board_as_it_is_and_safe_lowers_its_lines(world):
    board, generator = on(world)
    generator.load(PulseSequence().then("laser", "microwave", duration=1.0).wait(1.0))
    generator.start()
    world.clock.sleep(0.5)
    assert board.pb_stop() == 0
    assert levels(world) == {"laser": [1], "microwave": [1], "trigger": [0]}
    generator.safe()
    world.clock.sleep(1e-6)
    assert not any(world.episodes()[0].pattern.line(line).any() for line in LINES)


def test_a_wrong_clock_stretches_time(world):
    _, generator = on(world, options=PulseBlasterOptions(clock=500e6), clock=400e6)
    generator.load(t1())
    generator.start()
    assert world.episodes()[0].pattern.period == pytest.approx(1.25 * 1.013e-3, rel=1e-6, abs=0)


def test_without_the_guard_bits_nothing_comes_out(world):
    board, _ = on(world)
    for flags, played in ((ON | 1, [1.0]), (1, [0.0]), (2 << 21 | 1, [1.0, 0.0])):
        board.pb_reset()
        board.pb_start_programming(0)
        assert board.pb_inst_pbonly(flags, CONTINUE, 0, 100.0) == 0
        board.pb_inst_pbonly(flags, BRANCH, 0, 100.0)
        board.pb_stop_programming()
        assert board.pb_start() == 0
        assert levels(world)["laser"][: len(played)] == played


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ((ON, CONTINUE, 0, 8.0), "delay too short"),
        ((ON, CONTINUE, 0, 9e9), "delay too short or too long"),
        ((1 << 24, CONTINUE, 0, 100.0), "Flags"),
        ((ON, 5, 0, 100.0), "opcode"),
        ((ON, LOOP, 0, 100.0), "Loop"),
        ((ON, LOOP, 1 << 20, 100.0), "data out of range"),
        ((ON, LONG_DELAY, 1, 100.0), "Long delay"),
        ((ON, BRANCH, 1, 100.0), "Address"),
    ],
)
def test_the_board_refuses_what_the_library_refuses(world, call, text):
    board, _ = on(world)
    board.pb_start_programming(0)
    assert board.pb_inst_pbonly(*call) == -91
    assert text in board.pb_get_error()


def test_the_memory_of_the_board_is_full_when_the_driver_says_so(world):
    board, generator = on(world, options=PulseBlasterOptions(memory=8), memory=8)
    generator.load(t1(), repetitions=N + 1)
    assert len(board.program) == 8
    with pytest.raises(SequenceError, match="holds 8"):
        generator.load(t1(), repetitions=2 * N + 1)


def test_loops_that_are_not_closed_are_refused(world):
    board, _ = on(world)
    board.pb_start_programming(0)
    board.pb_inst_pbonly(ON, LOOP, 3, 100.0)
    board.pb_inst_pbonly(ON, STOP, 0, 100.0)
    board.pb_stop_programming()
    assert board.pb_start() < 0
    assert "loops" in board.pb_get_error()


@pytest.mark.parametrize("kind", ["drop", "silent"])
def test_a_board_that_is_gone_is_one_clear_error(world, kind):
    board, generator = on(world)
    board.faults.add(kind, matching="pb_inst")
    with pytest.raises(DeviceError, match=r"pulses: pb_inst_pbonly\(.*(is gone|does not answer)"):
        generator.load(t1())


@pytest.mark.parametrize("over_a_new_connection", [False, True])
def test_a_board_that_was_left_in_the_middle_of_a_program_can_be_set_low(world, over_a_new_connection):
    board, generator = on(world)
    generator.load(t1(), repetitions=-1)
    generator.start()
    assert any(any(steps) for steps in levels(world).values())
    board.faults.add("drop", matching="pb_inst")
    with pytest.raises(DeviceError):
        generator.load(t1() * 2)
    board.connect()
    if over_a_new_connection:
        generator = PulseBlasterLines.open(board, name="pulses")
    generator.safe()
    assert not any(any(steps) for steps in levels(world).values())


def test_bytes_are_refused(world):
    with pytest.raises(ArgumentError, match="is called and takes no bytes"):
        Twin(world).receive(b"*IDN?")


def test_a_board_has_no_wire_and_is_not_served(request):
    station = load_station(request.config.rootpath / "instruments" / "levitated-diamond-ens.toml")
    with pytest.raises(ArgumentError, match=r"pulses: wanted an instrument with a wire .* its library"):
        station.serve(port_base=0)
