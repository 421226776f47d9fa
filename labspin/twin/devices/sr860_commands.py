"""The commands of the SR860, one line each (manual, chapter 4, pages 104 to 144)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from labspin.twin.devices.lockin import Raw
from labspin.twin.devices.sr860 import (
    GREATEST_FREQUENCY,
    LEAST_AMPLITUDE,
    SENSITIVITIES,
    SR860,
    TIME_CONSTANTS,
)
from labspin.twin.devices.sr860_kept import kept_lines
from labspin.twin.devices.stanford_lockin import arguments, status_commands, whole
from labspin.twin.wire import Command, CommandError, Table, Unit, ask, do, number, one_argument, parse_number

__all__ = ["SR860", "TABLE", "six_digits"]

_PARAMETERS = (
    "X", "Y", "R", "THeta", "IN1", "IN2", "IN3", "IN4", "XNOise", "YNOise", "OUT1", "OUT2", "PHAse", "SAMp",
    "LEVel", "FInt", "FExt",
)  # fmt: skip
_MOST_BLOCK, _MOST_LENGTH = 64, 4096  # kB
_DIVIDERS = 20


def _word(text: str, words: Sequence[str]) -> int:
    """Return the index of a choice, given as number or word (short or long form)."""
    asked = text.strip().upper()
    for index, word in enumerate(words):
        short = "".join(letter for letter in word if not letter.islower())
        if asked in (str(index), short, word.upper()):
            return index
    try:
        index = round(parse_number(text))
    except CommandError:
        raise CommandError(-224, "Illegal parameter value") from None
    if not 0 <= index < len(words):
        raise CommandError(-222, "Data out of range")
    return index


def _choice(
    header: str, name: str, words: Sequence[str], *, then: Callable[[SR860], None] | None = None
) -> Command:
    """Return the line of a setting that is one of a list, by number or word."""

    def write(device: SR860, unit: Unit) -> None:
        setattr(device.state, name, _word(one_argument(unit), words))
        if then is not None:
            then(device)

    return Command(header, lambda device, unit: str(getattr(device.state, name)), write)


def _indexed(
    header: str,
    name: str,
    places: Sequence[str],
    read: Callable[[str], float],
    *,
    form: str = "{}",
    then: Callable[[SR860, int], None] | None = None,
) -> Command:
    """Return the line of one setting of several (``COFP 0, 12.5``, ``COFP? X``)."""

    def write(device: SR860, unit: Unit) -> None:
        which, value = arguments(unit, 2, 2)
        place = _word(which, places)
        getattr(device.state, name)[place] = read(value)
        if then is not None:
            then(device, place)

    def answer(device: SR860, unit: Unit) -> str:
        return form.format(getattr(device.state, name)[_word(one_argument(unit), places)])

    return Command(header, answer, write)


def _within(low: float, high: float, unit: str = "", digits: int = 9) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = parse_number(text, unit)
        if not low <= value <= high:
            raise CommandError(-222, "Data out of range")
        return round(value, digits)

    return read


def _one_of(words: Sequence[str]) -> Callable[[str], float]:
    return lambda text: _word(text, words)


# -- reference ---------------------------------------------------------------------------------------------


def _set_frequency(device: SR860, unit: Unit) -> None:
    value = parse_number(one_argument(unit), "Hz")
    if not 1e-3 <= value <= GREATEST_FREQUENCY:
        raise CommandError(-222, "Data out of range")
    device.state.frequency = six_digits(value)
    device.apply()


def six_digits(value: float) -> float:
    """Return a frequency as the oscillator makes it, Hz: six digits, and no finer than 0.1 mHz.

    Parameters
    ----------
    value
        Frequency that was set, Hz, > 0.
    """
    digits = 5 - math.floor(math.log10(value) + 1e-12)
    return round(value, min(digits, 4))


def _set_phase(device: SR860, unit: Unit) -> None:
    value = parse_number(one_argument(unit), "DEG")
    if not -360e3 <= value <= 360e3:
        raise CommandError(-222, "Data out of range")
    device.turn_phase(round(value, 7))


def _set_amplitude(device: SR860, unit: Unit) -> None:
    value = parse_number(one_argument(unit), "V")
    if not 0 <= value <= 2:
        raise CommandError(-222, "Data out of range")
    device.state.amplitude = max(round(value, 9), LEAST_AMPLITUDE)
    device.apply()


def _frequency(device: SR860, unit: Unit) -> str:
    return f"{device.reference:.7g}"


# -- readings ----------------------------------------------------------------------------------------------


def _reading(device: SR860, which: int) -> float:
    state = device.state
    if which <= 3:
        return device.shown()[("x", "y", "r", "theta")[which]]
    if which <= 7:
        return 0.0  # the auxiliary inputs are open
    if which <= 9:
        return device.noise_reading
    if which <= 11:
        return state.auxiliary[which - 10]
    external = device.reference if device.external else 0.0
    return (state.phase, state.amplitude, state.level, state.frequency, external)[which - 12]


def _text(value: float) -> str:
    return f"{value:.9e}"


def _automatic_offset(device: SR860, unit: Unit) -> None:
    """Take the present X, Y or R off itself."""
    which = _word(one_argument(unit), ("X", "Y", "R"))
    percent = 100 * _reading(device, which) / device.full_scale
    device.state.offsets[which] = min(max(percent, -999.99), 999.99)
    device.state.offsets_on[which] = 1


def _output(device: SR860, unit: Unit) -> str:
    return _text(_reading(device, _word(one_argument(unit), _PARAMETERS)))


def _snap(device: SR860, unit: Unit) -> str:
    return ",".join(_text(_reading(device, _word(word, _PARAMETERS))) for word in arguments(unit, 2, 3))


def _snap_channels(device: SR860) -> str:
    return ",".join(_text(_reading(device, which)) for which in device.state.data_channels)


def _open_input(device: SR860, unit: Unit) -> str:
    _word(one_argument(unit), ("IN1", "IN2", "IN3", "IN4"))
    return _text(0.0)


# -- capture -----------------------------------------------------------------------------------------------


def _set_length(device: SR860, unit: Unit) -> None:
    length = math.ceil(_within(1, _MOST_LENGTH)(one_argument(unit)))
    device.state.capture_length = length + length % 2
    device.configure_capture()


def _start(device: SR860, unit: Unit) -> None:
    mode, trigger = arguments(unit, 2, 2)
    device.start_capture(
        _word(mode, ("ONEshot", "CONTinuous")), _word(trigger, ("IMMediate", "TRIGstart", "SAMPpertrig"))
    )


def _stopped(device: SR860) -> None:
    if device.capturing:
        raise CommandError(-221, "Settings conflict")


def _progress(device: SR860) -> str:
    _stopped(device)
    return str(device.captured_kilobytes)


def _value(device: SR860, unit: Unit) -> str:
    index = round(_within(0, 1 << 20)(one_argument(unit)))
    return ",".join(f"{value:.6e}" for value in device.captured_value(index))


def _block(device: SR860, unit: Unit) -> str:
    offset, length = arguments(unit, 2, 2)
    _stopped(device)
    start = round(_within(0, _MOST_LENGTH)(offset))
    size = round(_within(1, min(_MOST_BLOCK, device.state.capture_length))(length))
    data = device.captured(size, start)
    return Raw(f"#{len(str(len(data)))}{len(data)}" + data.decode("latin-1"))


def _reference_commands() -> list[Command]:
    apply = SR860.apply
    return [
        Command("PHAS", lambda device, unit: f"{device.state.phase:.7f}", _set_phase),
        do("APHS", SR860.automatic_phase),
        Command("FREQ", _frequency, _set_frequency),
        Command("FREQINT", lambda device, unit: f"{device.state.frequency:.7g}", _set_frequency),
        ask("FREQEXT", lambda device: f"{device.reference if device.external else 0.0:.7g}"),
        ask("FREQDET", lambda device: f"{device.detection_frequency:.7g}"),
        whole("HARM", "harmonic", 1, 99),
        whole("HARMDUAL", "dual_harmonic", 1, 99),
        Command("SLVL", lambda device, unit: _text(device.state.amplitude), _set_amplitude),
        number("SOFF", "level", unit="V", limits=(-5, 5), resolution=1e-4, form="{:.4f}"),
        _choice("REFM", "level_mode", ("COMmon", "DIFference")),
        _choice("RSRC", "source", ("INT", "EXT", "DUAL", "CHOP"), then=apply),
        _choice("RTRG", "trigger_shape", ("SIN", "POSttl", "NEGttl")),
        _choice("REFZ", "trigger_impedance", ("50ohms", "1Meg")),
        _choice("TBMODE", "timebase", ("AUTO", "IN")),
        ask("TBSTAT", lambda device: "1"),
        _indexed("PSTF", "preset_frequencies", ("F1", "F2", "F3", "F4"), _within(1e-3, 500e3, "Hz")),
        _indexed("PSTA", "preset_amplitudes", ("A1", "A2", "A3", "A4"), _within(0, 2, "V")),
        _indexed("PSTL", "preset_levels", ("L1", "L2", "L3", "L4"), _within(-5, 5, "V")),
    ]


def _input_commands() -> list[Command]:
    refilter = SR860.refilter
    return [
        _choice("IVMD", "signal", ("VOLTage", "CURRent")),
        _choice("ISRC", "input", ("A", "A-B")),
        _choice("ICPL", "coupling", ("AC", "DC")),
        _choice("IGND", "grounding", ("FLOat", "GROund")),
        _choice("IRNG", "range", ("1Volt", "300Mvolt", "100Mvolt", "30Mvolt", "10Mvolt")),
        _choice("ICUR", "current_range", ("1MEG", "100MEG")),
        ask("ILVL", lambda device: str(device.signal_strength())),
        whole("SCAL", "sensitivity", 0, len(SENSITIVITIES) - 1),
        whole("OFLT", "time_constant", 0, len(TIME_CONSTANTS) - 1, then=refilter),
        whole("OFSL", "slope", 0, 3, then=refilter),
        _choice("SYNC", "synchronous", ("OFF", "ON")),
        _choice("ADVFILT", "advanced", ("OFF", "ON")),
        ask("ENBW", lambda device: f"{device.noise_bandwidth:.6g}"),
        do("ARNG", SR860.automatic_range),
        do("ASCL", SR860.automatic_scale),
    ]


def _output_commands() -> list[Command]:
    signals, aux = ("X", "Y", "R"), ("OUT1", "OUT2", "OUT3", "OUT4")
    switch, percent = _one_of(("OFF", "ON")), _within(-999.99, 999.99, digits=2)
    dats = ("DAT1", "DAT2", "DAT3", "DAT4")
    return [
        _indexed("COUT", "channels", ("OCH1", "OCH2"), _one_of(("XY", "RTHeta"))),
        _indexed("CEXP", "expands", signals, _one_of(("OFF", "X10", "X100"))),
        _indexed("COFA", "offsets_on", signals, switch),
        _indexed("COFP", "offsets", signals, percent),
        _indexed("CRAT", "ratios", signals, switch),
        _indexed(
            "AUXV", "auxiliary", aux, _within(-10.5, 10.5, "V", 3), form="{:.3f}",
            then=lambda device, place: device.drive_auxiliary(place + 1),
        ),
        Command("OAUX", ask=_open_input),
        Command("OUTP", ask=_output),
        Command("SNAP", ask=_snap),
        ask("SNAPD", _snap_channels),
        _indexed("CDSP", "data_channels", dats, _one_of(_PARAMETERS)),
        _indexed("CGRF", "graphs", dats, switch),
        _choice("DBLK", "blank", ("OFF", "ON")),
        whole("DLAY", "layout", 0, 5),
        whole("GSPD", "time_division", 0, 16),
        do("DCAP", lambda device: None),
    ]  # fmt: skip


def _capture_commands() -> list[Command]:
    return [
        Command("CAPTURELEN", lambda device, unit: str(device.state.capture_length), _set_length),
        _choice("CAPTURECFG", "capture", ("X", "XY", "RT", "XYRT"), then=SR860.configure_capture),
        ask("CAPTURERATEMAX", lambda device: f"{device.greatest_rate:.10g}"),
        Command(
            "CAPTURERATE",
            lambda device, unit: f"{device.rate:.10g}",
            whole("CAPTURERATE", "capture_divider", 0, _DIVIDERS).do,
        ),
        Command("CAPTURESTART", do=_start),
        do("CAPTURESTOP", SR860.stop_capture),
        ask("CAPTURESTAT", lambda device: str(device.capture_status())),
        ask("CAPTUREBYTES", lambda device: str(device.captured_bytes)),
        ask("CAPTUREPROG", _progress),
        Command("CAPTUREVAL", ask=_value),
        Command("CAPTUREGET", ask=_block),
    ]


def _interface_commands() -> list[Command]:
    return [
        ask("*TST?", lambda device: "0"),
        Command("*OPC", lambda device, unit: "1", lambda device, unit: None),
        do("*TRG", SR860.trigger),
        do("TRIG", SR860.trigger),
        _choice("OVRM", "override", ("OFF", "ON")),
        *status_commands(lia_bits=16),
        ask("CUROVLDSTAT", lambda device: str(device.present_overloads())),
    ]


TABLE = Table(
    [
        *_reference_commands(),
        *_input_commands(),
        *_output_commands(),
        *_capture_commands(),
        *_interface_commands(),
        Command("OAUT", do=_automatic_offset),
        *kept_lines(),
    ]
)
"""Every command of the SR860."""

SR860.table = TABLE
