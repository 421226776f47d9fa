"""Steps and lists of the E36312A, and the triggers that start them.

After the *E36300 Series programming guide* (Keysight E36311-90008), subsystems INITiate, LIST and TRIGger. A
channel whose mode is STEP goes to its triggered levels at a trigger, one whose mode is LIST goes through its
lists; FIXed ignores it. ``INITiate`` arms a channel; ``TRIGger:SOURce`` says whether it then waits for
``*TRG`` (BUS) or a pin, or starts at once (IMMediate); ``TRIGger`` starts it whatever the source. ``ABORt``
disarms it, and a list that runs goes back to the levels before. Digital pins are not connected.
Assumed, not found in the guide: each step of a list is reached at once, without the lag of the coil; a
trigger of a list whose parts differ in length is refused (-226).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labspin.twin.devices.e36312a_channels import (
    RATINGS,
    ask_channels,
    channel_number,
    channel_word,
    channels_of,
    do_channels,
    kept_number,
)
from labspin.twin.wire import Command, CommandError, Unit, do, one_argument, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.e36312a import E36312A

__all__ = ["Course", "finish", "trigger_lines"]

_OVER_RANGE, _MOST_STEPS, _LONGEST = 1.03, 512, 3600.0
_ENDLESS = 9999  # passes of a list until ABORt
_KINDS = {"VOLTage": ("voltage", 0), "CURRent": ("current", 1)}


@dataclass
class Course:
    """Lists of one output, and where it is in them."""

    lists: dict[str, tuple[float, ...]] = field(default_factory=dict)
    count: int = 1
    armed: bool = False
    ends: float = math.inf  # s: simulated time at which the list has run
    running: bool = False
    before: tuple[float, float] = (0.0, 0.0)  # V, A
    after: tuple[float, float] = (0.0, 0.0)  # V, A


def finish(device: E36312A, channel: int) -> None:
    """Bring a list that has run to its end: back to the levels before, or to its last step.

    Parameters
    ----------
    device
        The supply.
    channel
        Number of the output.
    """
    output = device.state.outputs[channel]
    course = output.course
    if not course.running or device.world.clock.now() < course.ends:
        return
    course.running = False
    output.voltage, output.current = course.after
    device.apply(channel)


def _modes(device: E36312A, channel: int) -> tuple[str, str]:
    kept = device.state.outputs[channel].kept
    return kept.get("voltage mode", "FIX"), kept.get("current mode", "FIX")


def _part(values: tuple[float, ...], count: int) -> list[float]:
    if len(values) not in (1, count):
        raise CommandError(-226, "Lists not same length")
    return list(values) * (count if len(values) == 1 else 1)


def _run_list(device: E36312A, channel: int) -> None:
    output, modes = device.state.outputs[channel], _modes(device, channel)
    course = output.course
    voltages = course.lists.get("voltage", (output.voltage,)) if modes[0] == "LIST" else (output.voltage,)
    currents = course.lists.get("current", (output.current,)) if modes[1] == "LIST" else (output.current,)
    dwells = course.lists.get("dwell", (0.01,))
    count = max(len(voltages), len(currents), len(dwells))
    parts = [_part(values, count) for values in (voltages, currents, dwells)]
    stays = output.kept.get("last", "0") == "1"
    course.before = (output.voltage, output.current)
    course.after = (parts[0][-1], parts[1][-1]) if stays else course.before
    course.ends = device.world.clock.now() + course.count * math.fsum(parts[2])
    course.running = True
    endless = course.count == _ENDLESS
    course.ends = math.inf if endless else course.ends
    passes = 1 if endless else course.count
    device.step_through(channel, [part * passes for part in parts], then=None if endless else course.after)


def fire(device: E36312A, channel: int) -> None:
    """Start what the modes of a channel say.

    Parameters
    ----------
    device
        The supply.
    channel
        Number of the output.
    """
    output = device.state.outputs[channel]
    output.course.armed = output.kept.get("continuous", "0") == "1"
    modes = _modes(device, channel)
    if "LIST" in modes:
        _run_list(device, channel)
        return
    for mode, name in zip(modes, ("voltage", "current"), strict=True):
        if mode == "STEP":
            setattr(output, name, getattr(output, f"triggered_{name}"))
    device.apply(channel)


def _arm(device: E36312A, channel: int) -> None:
    output = device.state.outputs[channel]
    output.course.armed = True
    if output.kept.get("source", "IMM") == "IMM":
        fire(device, channel)


def _fire_if_armed(device: E36312A, channel: int) -> None:
    if device.state.outputs[channel].course.armed:
        fire(device, channel)


def _bus(device: E36312A) -> None:
    """Execute ``*TRG``: channels that are armed and wait for the bus start."""
    for channel, output in device.state.outputs.items():
        if output.kept.get("source", "IMM") == "BUS":
            _fire_if_armed(device, channel)


def _abort(device: E36312A, channel: int) -> None:
    output = device.state.outputs[channel]
    output.course.armed = False
    if output.course.running:
        output.course.running = False
        output.voltage, output.current = output.course.before
        device.apply(channel)


def _list_of(header: str, name: str, unit: str, limits: Callable[[int], tuple[float, float]]) -> Command:
    """Return the line of one list of channels."""

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = channels_of(device, call)
        values = tuple(parse_number(text, unit) for text in arguments)
        if not values:
            raise CommandError(-109, "Missing parameter")
        if len(values) > _MOST_STEPS:
            raise CommandError(-223, "Too much data")
        for channel in channels:
            low, high = limits(channel)
            if not all(low <= value <= high for value in values):
                raise CommandError(-222, "Data out of range")
            device.state.outputs[channel].course.lists[name] = values

    def answer(device: E36312A, channel: int) -> str:
        usual = (0.01,) if name == "dwell" else (0.0,)
        values = device.state.outputs[channel].course.lists.get(name, usual)
        return ",".join(f"{value:+.8E}" for value in values)

    return Command(header, ask_channels(header, answer).ask, write)


def _points(header: str, name: str) -> Command:
    def answer(device: E36312A, channel: int) -> str:
        return f"{len(device.state.outputs[channel].course.lists.get(name, (0.0,))):+d}"

    return ask_channels(header, answer)


def _set_count(device: E36312A, call: Unit) -> None:
    arguments, channels = channels_of(device, call)
    word = one_argument(Unit(call.header, False, arguments)).upper()
    named = {"MIN": 1, "MINIMUM": 1, "MAX": 256, "MAXIMUM": 256, "INF": _ENDLESS, "INFINITY": _ENDLESS}
    count = named[word] if word in named else round(parse_number(word))
    if not 1 <= count <= 256 and count != _ENDLESS:
        raise CommandError(-222, "Data out of range")
    for channel in channels:
        device.state.outputs[channel].course.count = count


def _count(device: E36312A, channel: int) -> str:
    return f"{device.state.outputs[channel].course.count:+d}"


def _triggered(kind: str) -> Command:
    name, place = _KINDS[kind]
    return channel_number(
        f"[SOURce:]{kind}[:LEVel]:TRIGgered[:AMPLitude]",
        f"triggered_{name}",
        "VA"[place],
        lambda channel: (0.0, _OVER_RANGE * RATINGS[channel][place]),
        0.0,
    )


def _level_list(kind: str) -> Command:
    name, place = _KINDS[kind]
    return _list_of(
        f"[SOURce:]LIST:{kind}[:LEVel]",
        name,
        "VA"[place],
        lambda channel: (0.0, _OVER_RANGE * RATINGS[channel][place]),
    )


def trigger_lines() -> list[Command]:
    """Return the lines."""
    node, flag = "[SOURce:]LIST", ["0", "1"]
    return [
        *(_triggered(kind) for kind in _KINDS),
        *(
            channel_word(f"[SOURce:]{kind}:MODE", f"{name} mode", ["FIXed", "STEP", "LIST"])
            for kind, (name, _) in _KINDS.items()
        ),
        *(_level_list(kind) for kind in _KINDS),
        _list_of(f"{node}:DWELl", "dwell", "s", lambda channel: (0.01, _LONGEST)),
        *(_points(f"{node}:{kind}:POINts", name) for kind, (name, _) in _KINDS.items()),
        _points(f"{node}:DWELl:POINts", "dwell"),
        *(
            line
            for word in ("BOSTep", "EOSTep")
            for line in (
                _list_of(f"{node}:TOUTput:{word}[:DATA]", word, "", lambda channel: (0.0, 1.0)),
                _points(f"{node}:TOUTput:{word}:POINts", word),
            )
        ),
        channel_word("[SOURce:]STEP:TOUTput", "step output", flag, flag=True),
        Command(f"{node}:COUNt", ask_channels(f"{node}:COUNt", _count).ask, _set_count),
        channel_word(f"{node}:STEP", "step", ["AUTO", "ONCE"]),
        channel_word(f"{node}:TERMinate:LAST", "last", flag, flag=True),
        channel_word("TRIGger[:TRANsient]:SOURce", "source",
                     ["IMMediate", "BUS", "EXTernal", "PIN1", "PIN2", "PIN3"]),
        kept_number("TRIGger[:TRANsient]:DELay", "delay", "s", 0.0, _LONGEST, 0.0),
        do_channels("TRIGger[:TRANsient][:IMMediate]", _fire_if_armed),
        do_channels("INITiate[:IMMediate][:TRANsient]", _arm),
        channel_word("INITiate:CONTinuous[:TRANsient]", "continuous", flag, flag=True),
        do_channels("ABORt", _abort),
        do("*TRG", _bus),
    ]  # fmt: skip
