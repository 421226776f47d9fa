"""What moves the main channel of the Kepco BOP besides its set-points: triggers, lists and transients.

After the *BIT 4886 Operator Manual* (Kepco 243-1303), A.16 and B.20 to B.51. ``INITiate`` arms the trigger
(bit 5 of the operation register, WTG); ``*TRG`` then puts ``CURR:TRIG`` and ``VOLT:TRIG`` on the output. An
unarmed trigger, and one while the output is off, does nothing and is no error. The card knows ``*TRG`` only:
``TRIGger:SOURce`` is of the later BOP-MG supplies. A list of up to 1002 levels runs when ``CURR:MODE LIST``
comes, each level for its dwell, ``LIST:COUNt`` times (0: until ``CURR:MODE FIX``, which goes back to the
setting before); while it runs the commands of the list are refused. ``CURR:MODE TRAN,t`` makes the next
set-point a pulse of t seconds.
Assumed, not found in the manual: set-points are refused while a list runs (-221); each level of a list is
reached at once, without the lag of the coil; a list of one channel runs only in its mode.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labspin.twin.wire import Command, CommandError, Unit, ask, do, one_argument, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.kepco_bop import KepcoBOP

__all__ = ["WAITING_FOR_TRIGGER", "Programs", "finish", "program_lines"]

WAITING_FOR_TRIGGER = 32
_MOST_LEVELS, _ASKED = 1002, 16
_DWELLS, _PULSES = (0.0005, 10.0), (0.0005, 2.0)  # s
_NAMES = {"FIX": "FIXED", "LIST": "LIST", "TRAN": "TRANSIENT"}
_CHANNELS = {"CURRent": ("CURR", "current", "A"), "VOLTage": ("VOLT", "voltage", "V")}
_CONFLICT, _RUNNING = (-221, "Settings conflict"), (-100, "Command error")


@dataclass
class Programs:
    """Lists, triggered levels and what is running."""

    triggered_current: float = 0.0  # A
    triggered_voltage: float = 0.0  # V
    armed: bool = False
    continuous: bool = False
    levels: list[float] = field(default_factory=list)
    channel: str = ""  # CURR or VOLT: whose levels the list holds
    dwells: list[float] = field(default_factory=list)  # s
    count: int = 1
    skipped: int = 0
    direction: str = "UP"
    sequence: tuple[int, ...] = ()
    asked_from: int = 0
    pulse: float = 0.0  # s; 0: none
    ends: float = math.inf  # s: simulated time at which the list has run
    before: float = 0.0  # set-point before the list


def _main(device: KepcoBOP) -> str:
    return "current" if device.state.mode == "CURR" else "voltage"


def finish(device: KepcoBOP) -> None:
    """Bring a list that has run to its end: the last level stays, the mode is fixed again.

    Parameters
    ----------
    device
        The supply.
    """
    if device.state.program == "LIST" and device.world.clock.now() >= device.programs.ends:
        device.state.program, device.programs.ends = "FIX", math.inf


def _steps(device: KepcoBOP) -> tuple[list[float], list[float]]:
    """Return levels and dwells of one pass, in order, and check that the list can run."""
    held = device.programs
    dwells = held.dwells * len(held.levels) if len(held.dwells) == 1 else held.dwells
    if not held.levels or len(dwells) != len(held.levels):
        raise CommandError(-226, "Lists not same length")
    if held.channel != device.state.mode:
        raise CommandError(*_CONFLICT)
    order = list(held.sequence) or list(range(len(held.levels)))
    if held.direction == "DOWN":
        order.reverse()
    return [held.levels[n] for n in order], [dwells[n] for n in order]


def _run_list(device: KepcoBOP) -> None:
    held, state = device.programs, device.state
    levels, dwells = _steps(device)
    skipped = held.skipped if held.direction == "UP" else 0
    passes = 1 if not held.count else held.count
    again = range(passes - 1)
    course = levels + list(itertools.chain.from_iterable(levels[skipped:] for _ in again))
    lengths = dwells + list(itertools.chain.from_iterable(dwells[skipped:] for _ in again))
    held.before = getattr(state, _main(device))
    held.ends = device.world.clock.now() + math.fsum(lengths) if held.count else math.inf
    state.program = "LIST"
    if held.count:
        setattr(state, _main(device), course[-1])
    device.step_through(course, lengths, repeat=not held.count)


def _change_program(device: KepcoBOP, call: Unit) -> None:
    """Execute ``CURR:MODE FIX | LIST | TRAN,t``; both channels' words act on the main channel."""
    finish(device)
    words = [word.upper() for word in call.arguments]
    kind = {"FIX": "FIX", "FIXED": "FIX", "LIST": "LIST", "TRAN": "TRAN", "TRANSIENT": "TRAN"}.get(
        words[0] if words else "", ""
    )
    if not kind:
        raise CommandError(*((-224, "Illegal parameter value") if words else (-109, "Missing parameter")))
    if len(words) != 1 + (kind == "TRAN"):
        few = len(words) < 2
        raise CommandError(*((-109, "Missing parameter") if few else (-108, "Parameter not allowed")))
    if kind == "TRAN":
        device.programs.pulse = _limited(words[1], *_PULSES)
        device.state.program = "TRAN"
    elif kind == "LIST":
        _run_list(device)
    else:
        if device.state.program == "LIST":
            setattr(device.state, _main(device), device.programs.before)
        device.state.program, device.programs.pulse, device.programs.ends = "FIX", 0.0, math.inf
        device.apply()


def _program(device: KepcoBOP, call: Unit) -> str:
    finish(device)
    return _NAMES[device.state.program]


def _limited(word: str, low: float, high: float) -> float:
    value = parse_number(word)
    if not low <= value <= high:
        raise CommandError(-222, "Data out of range")
    return value


def _at_rest(device: KepcoBOP) -> Programs:
    """Return the lists, which cannot be changed while one runs."""
    finish(device)
    if device.state.program == "LIST":
        raise CommandError(*_RUNNING)
    return device.programs


def _levels(node: str) -> Command:
    """Return the line of a list of levels: those that come are added; 16 are answered at a time."""
    channel, name, _ = _CHANNELS[node]

    def write(device: KepcoBOP, call: Unit) -> None:
        held = _at_rest(device)
        if held.levels and held.channel != channel:
            raise CommandError(*_CONFLICT)
        most = device.greatest(name)
        values = [_limited(word, -most, most) for word in call.arguments]
        if not values:
            raise CommandError(-109, "Missing parameter")
        if len(held.levels) + len(values) > _MOST_LEVELS:
            raise CommandError(-223, "Too much data")
        held.levels, held.channel = held.levels + values, channel

    def read(device: KepcoBOP, call: Unit) -> str:
        held = device.programs
        if held.levels and held.channel != channel:
            raise CommandError(*_CONFLICT)
        return _some(held.levels, held.asked_from)

    return Command(f"[SOURce:]LIST:{node}[:LEVel]", read, write)


def _some(values: list[float], start: int) -> str:
    return ",".join(f"{value:.5E}" for value in values[start : start + _ASKED]) or "0"


def _points(node: str) -> Command:
    channel = _CHANNELS[node][0]

    def read(device: KepcoBOP) -> str:
        held = device.programs
        return str(len(held.levels) if held.channel == channel else 0)

    return ask(f"[SOURce:]LIST:{node}:POINts", read)


def _add_dwells(device: KepcoBOP, call: Unit) -> None:
    held = _at_rest(device)
    values = [_limited(word, *_DWELLS) for word in call.arguments]
    if not values:
        raise CommandError(-109, "Missing parameter")
    if len(held.dwells) + len(values) > _MOST_LEVELS:
        raise CommandError(-223, "Too much data")
    held.dwells = held.dwells + values


def _clear(device: KepcoBOP) -> None:
    held = _at_rest(device)
    held.levels, held.dwells, held.channel, held.sequence = [], [], "", ()
    held.count, held.skipped, held.asked_from, held.direction = 1, 0, 0, "UP"


def _whole(header: str, name: str, most: int) -> Command:
    def write(device: KepcoBOP, call: Unit) -> None:
        setattr(_at_rest(device), name, round(_limited(one_argument(call), 0, most)))

    return Command(header, lambda device, call: str(getattr(device.programs, name)), write)


def _set_direction(device: KepcoBOP, call: Unit) -> None:
    word = one_argument(call).upper()
    if word not in ("UP", "DOWN"):
        raise CommandError(-224, "Illegal parameter value")
    _at_rest(device).direction = word


def _generate(device: KepcoBOP, call: Unit) -> None:
    """Execute ``LIST:GENerate``: the levels run in the order in which they stand."""
    if one_argument(call).upper() not in ("DSEQ", "DSEQUENCE", "SEQ", "SEQUENCE"):
        raise CommandError(-224, "Illegal parameter value")
    if one_argument(call).upper().startswith("DSEQ"):
        _at_rest(device).sequence = ()


def _set_sequence(device: KepcoBOP, call: Unit) -> None:
    """Execute ``LIST:SEQuence``: numbers of the levels, in the order in which they run."""
    held = _at_rest(device)
    order = tuple(round(_limited(word, 0, len(held.levels) - 1)) for word in call.arguments)
    if not order:
        raise CommandError(-109, "Missing parameter")
    held.sequence = order


def _sequence(device: KepcoBOP, call: Unit) -> str:
    held = device.programs
    return ",".join(map(str, (held.sequence or tuple(range(len(held.levels))))[:_ASKED])) or "0"


def _triggered(node: str) -> Command:
    _, name, _ = _CHANNELS[node]

    def write(device: KepcoBOP, call: Unit) -> None:
        most = device.greatest(name)
        setattr(device.programs, f"triggered_{name}", _limited(one_argument(call), -most, most))

    def read(device: KepcoBOP, call: Unit) -> str:
        return f"{getattr(device.programs, f'triggered_{name}'):.5E}"

    return Command(f"[SOURce:]{node}[:LEVel]:TRIGgered[:AMPLitude]", read, write)


def _arm(device: KepcoBOP) -> None:
    device.programs.armed = True


def _arm_always(device: KepcoBOP, call: Unit) -> None:
    word = one_argument(call).upper()
    if word not in ("0", "1", "ON", "OFF"):
        raise CommandError(-104, "Data type error")
    device.programs.continuous = device.programs.armed = word in ("1", "ON")


def _trigger(device: KepcoBOP) -> None:
    """Execute ``*TRG``: the triggered levels go to the output if the trigger is armed and the output on."""
    held = device.programs
    if not held.armed or not device.state.enabled:
        return
    held.armed = held.continuous
    device.state.current, device.state.voltage = held.triggered_current, held.triggered_voltage
    device.apply()


def program_lines() -> list[Command]:
    """Return the lines."""
    node = "[SOURce:]LIST"
    return [
        *(Command(f"[SOURce:]{channel}:MODE", _program, _change_program) for channel in _CHANNELS),
        *(_triggered(channel) for channel in _CHANNELS),
        do("INITiate[:IMMediate]", _arm),
        Command("INITiate:CONTinuous", lambda d, call: str(int(d.programs.continuous)), _arm_always),
        do("*TRG", _trigger),
        *(_levels(channel) for channel in _CHANNELS),
        *(_points(channel) for channel in _CHANNELS),
        Command(
            f"{node}:DWELl", lambda d, call: _some(d.programs.dwells, d.programs.asked_from), _add_dwells
        ),
        ask(f"{node}:DWELl:POINts", lambda device: str(len(device.programs.dwells))),
        do(f"{node}:CLEar", _clear),
        _whole(f"{node}:COUNt", "count", 255),
        _whole(f"{node}:COUNt:SKIP", "skipped", 255),
        _whole(f"{node}:QUERy", "asked_from", _MOST_LEVELS - 1),
        Command(f"{node}:DIRection", lambda d, call: d.programs.direction, _set_direction),
        Command(f"{node}:GENerate", lambda d, call: "SEQ" if d.programs.sequence else "DSEQ", _generate),
        Command(f"{node}:SEQuence", _sequence, _set_sequence),
    ]
