"""The commands of the SR830, one line each (manual, "Detailed command list", pages 5-4 to 5-20)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.twin.devices.lockin import Raw
from labspin.twin.devices.sr830 import GREATEST_FREQUENCY, SR830, packed
from labspin.twin.devices.stanford_lockin import arguments, integer, status_commands, whole
from labspin.twin.wire import Command, CommandError, Table, Unit, ask, do, number, one_argument, parse_number

__all__ = ["SR830", "TABLE", "five_digits"]

_SNAPPED = ("x", "y", "r", "theta")


def _text(value: float) -> str:
    return f"{value:.6g}"


# -- reference ---------------------------------------------------------------------------------------------


def _set_phase(device: SR830, unit: Unit) -> None:
    value = parse_number(one_argument(unit))
    if not -360 <= value <= 729.99:
        raise CommandError(-222, "Data out of range")
    device.turn_phase(round(value, 2))


def _set_frequency(device: SR830, unit: Unit) -> None:
    value = parse_number(one_argument(unit))
    if device.external:
        raise CommandError(-221, "Settings conflict")
    if not 1e-3 <= value <= GREATEST_FREQUENCY or value * device.state.harmonic > GREATEST_FREQUENCY:
        raise CommandError(-222, "Data out of range")
    device.state.frequency = five_digits(value)
    device.retune()


def five_digits(value: float) -> float:
    """Return a frequency as the oscillator makes it, Hz: five digits, and no finer than 0.1 mHz.

    Parameters
    ----------
    value
        Frequency that was set, Hz, > 0.
    """
    digits = max(4 - math.floor(math.log10(value) + 1e-12), -10)
    return round(value, min(digits, 4))


def _set_harmonic(device: SR830, unit: Unit) -> None:
    wanted = integer(one_argument(unit), 1, 19999)
    greatest = math.floor(GREATEST_FREQUENCY / device.reference) if device.reference else 19999
    device.state.harmonic = min(wanted, greatest)
    device.rerange()


def _set_source(device: SR830, unit: Unit) -> None:
    device.state.source = integer(one_argument(unit), 0, 1)
    device.retune()


# -- gain, filter, displays --------------------------------------------------------------------------------


def _set_time_constant(device: SR830, unit: Unit) -> None:
    wanted = integer(one_argument(unit), 0, 19)
    if not device.shortest() <= wanted <= device.longest():
        raise CommandError(-221, "Settings conflict")
    device.state.time_constant = wanted
    device.refilter()


def _set_synchronous(device: SR830, unit: Unit) -> None:
    wanted = integer(one_argument(unit), 0, 1)
    device.state.synchronous = wanted if device.detection_frequency < 200 else 0


def _display(device: SR830, unit: Unit) -> str:
    channel = integer(one_argument(unit), 1, 2)
    return "{},{}".format(*device.state.displays[channel - 1])


def _set_display(device: SR830, unit: Unit) -> None:
    channel, which, ratio = arguments(unit, 3, 3)
    device.state.displays[integer(channel, 1, 2) - 1] = (
        integer(which, 0, 4),
        integer(ratio, 0, 2),
    )


def _front(device: SR830, unit: Unit) -> str:
    return str(device.state.fronts[integer(one_argument(unit), 1, 2) - 1])


def _set_front(device: SR830, unit: Unit) -> None:
    channel, which = arguments(unit, 2, 2)
    device.state.fronts[integer(channel, 1, 2) - 1] = integer(which, 0, 1)


def _offset(device: SR830, unit: Unit) -> str:
    which = integer(one_argument(unit), 1, 3) - 1
    return f"{_text(device.state.offsets[which])},{device.state.expands[which]}"


def _set_offset(device: SR830, unit: Unit) -> None:
    which, percent, expand = arguments(unit, 3, 3)
    index, value = integer(which, 1, 3) - 1, parse_number(percent)
    if not -105 <= value <= 105:
        raise CommandError(-222, "Data out of range")
    device.state.expands[index] = integer(expand, 0, 2)
    device.state.offsets[index] = round(value, 2)
    device.rerange()


# -- auxiliary connectors, setups --------------------------------------------------------------------------


def _auxiliary(device: SR830, unit: Unit) -> str:
    return f"{device.state.auxiliary[integer(one_argument(unit), 1, 4) - 1]:.3f}"


def _set_auxiliary(device: SR830, unit: Unit) -> None:
    which, volts = arguments(unit, 2, 2)
    output, value = integer(which, 1, 4), parse_number(volts)
    if not -10.5 <= value <= 10.5:
        raise CommandError(-222, "Data out of range")
    device.state.auxiliary[output - 1] = round(value, 3)
    device.drive_auxiliary(output)


def _open_input(device: SR830, unit: Unit) -> str:
    integer(one_argument(unit), 1, 4)
    return "0"


def _at(low: int, high: int, method: Callable[[SR830, int], None]) -> Callable[[SR830, Unit], None]:
    return lambda device, unit: method(device, integer(one_argument(unit), low, high))


# -- data --------------------------------------------------------------------------------------------------


def _output(device: SR830, unit: Unit) -> str:
    return _text(device.now()[_SNAPPED[integer(one_argument(unit), 1, 4) - 1]])


def _shown(device: SR830, channel: int) -> str:
    return _text(float(device.displayed(channel, np.asarray(device.filter.output))))


def _snap(device: SR830, unit: Unit) -> str:
    found, answers = device.now(), []
    for argument in arguments(unit, 2, 6):
        which = integer(argument, 1, 11)
        if which <= 4:
            answers.append(_text(found[_SNAPPED[which - 1]]))
        elif which <= 8:
            answers.append("0")
        else:
            answers.append(_text(device.reference) if which == 9 else _shown(device, which - 9))
    return ",".join(answers)


def _trace(device: SR830, unit: Unit) -> FloatArray:
    channel, first, count = arguments(unit, 3, 3)
    return device.stored(integer(channel, 1, 2), integer(first, 0, 16383), integer(count, 1, 16383))


def _trace_text(device: SR830, unit: Unit) -> str:
    return "".join(f"{value:.6e}," for value in _trace(device, unit))


def _trace_floats(device: SR830, unit: Unit) -> str:
    return Raw(_trace(device, unit).astype("<f4").tobytes().decode("latin-1"))


def _trace_words(device: SR830, unit: Unit) -> str:
    return Raw(packed(_trace(device, unit)).decode("latin-1"))


def _reference_commands() -> list[Command]:
    apply: Callable[[SR830], None] = lambda device: device.apply()  # noqa: E731
    return [
        Command("PHAS", lambda device, unit: f"{device.state.phase:.2f}", _set_phase),
        Command("FMOD", lambda device, unit: str(device.state.source), _set_source),
        Command("FREQ", lambda device, unit: _text(device.reference), _set_frequency),
        whole("RSLP", "trigger_shape", 0, 2),
        Command("HARM", lambda device, unit: str(device.state.harmonic), _set_harmonic),
        number(
            "SLVL", "amplitude", unit="V", limits=(0.004, 5.0), resolution=0.002, form="{:.3f}", then=apply
        ),
    ]


def _input_commands() -> list[Command]:
    rerange = SR830.rerange
    return [
        whole("ISRC", "input", 0, 3),
        whole("IGND", "grounding", 0, 1),
        whole("ICPL", "coupling", 0, 1),
        whole("ILIN", "notch", 0, 3),
        whole("SENS", "sensitivity", 0, 26, then=rerange),
        whole("RMOD", "reserve", 0, 2, then=rerange),
        Command("OFLT", lambda device, unit: str(device.state.time_constant), _set_time_constant),
        whole("OFSL", "slope", 0, 3, then=rerange),
        Command("SYNC", lambda device, unit: str(device.state.synchronous), _set_synchronous),
        Command("DDEF", _display, _set_display),
        Command("FPOP", _front, _set_front),
        Command("OEXP", _offset, _set_offset),
        Command("AOFF", do=_at(1, 3, SR830.automatic_offset)),
        Command("OAUX", ask=_open_input),
        Command("AUXV", _auxiliary, _set_auxiliary),
        do("AGAN", SR830.automatic_gain),
        do("ARSV", SR830.automatic_reserve),
        do("APHS", SR830.automatic_phase),
    ]


def _storage_commands() -> list[Command]:
    return [
        whole("SRAT", "rate", 0, 14),
        whole("SEND", "scan_end", 0, 1),
        do("TRIG", SR830.trigger),
        whole("TSTR", "trigger_start", 0, 1),
        do("STRT", lambda device: device.start()),
        do("STRD", lambda device: device.start(0.5)),
        do("PAUS", SR830.pause),
        do("REST", SR830.clear_buffer),
        whole("FAST", "fast", 0, 2),
        Command("OUTP", ask=_output),
        Command("OUTR", ask=lambda device, unit: _shown(device, integer(one_argument(unit), 1, 2))),
        Command("SNAP", ask=_snap),
        ask("SPTS", lambda device: str(device.points)),
        Command("TRCA", ask=_trace_text),
        Command("TRCB", ask=_trace_floats),
        Command("TRCL", ask=_trace_words),
    ]


def _interface_commands() -> list[Command]:
    return [
        whole("OUTX", "interface", 0, 1),
        whole("OVRM", "override", 0, 1),
        whole("KCLK", "clicks", 0, 1),
        whole("ALRM", "alarms", 0, 1),
        whole("LOCL", "local", 0, 2),
        Command("SSET", do=_at(1, 9, SR830.keep)),
        Command("RSET", do=_at(1, 9, SR830.recall)),
        whole("*PSC", "power_on_clear", 0, 1),
        *status_commands(lia_bits=8),
    ]


TABLE = Table([*_reference_commands(), *_input_commands(), *_storage_commands(), *_interface_commands()])
"""Every command of the SR830."""

SR830.table = TABLE
