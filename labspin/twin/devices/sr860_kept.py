"""Settings of the SR860 that are kept and answered and act on nothing that is simulated.

Strip chart, FFT, scans, streaming, blade, files and clock, after chapter 4 of the operation manual. A scan is
kept and does not run; a stream sends no packets; the chart's cursor reads the present value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labspin.twin.devices.stanford_lockin import arguments
from labspin.twin.scpi import power_on_line
from labspin.twin.wire import Command, CommandError, Unit, ask, do, one_argument, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.sr860 import SR860

__all__ = ["kept_lines"]

_WHOLE: dict[str, tuple[int, int, int]] = {
    "BLADESLOTS": (0, 1, 0), "BLAZEX": (0, 2, 0), "CURBUG": (0, 2, 0), "CURDISP": (0, 1, 0),
    "CURREL": (0, 1, 0), "FCRW": (0, 2, 0), "PCUR": (0, 639, 320), "GLIV": (0, 1, 1),
    "FFTR": (0, 3, 0), "FFTS": (0, 10, 6), "FFTA": (0, 9, 0), "FFTL": (0, 1, 1),
    "SCNPAR": (0, 4, 0), "SCNLOG": (0, 1, 0), "SCNEND": (0, 2, 0), "SCNAMPATTN": (0, 1, 0),
    "SCNDCATTN": (0, 1, 0), "SCNINRVL": (0, 16, 2), "SCNENBL": (0, 1, 0),
    "STREAMCH": (0, 3, 0), "STREAMRATE": (0, 20, 0), "STREAMFMT": (0, 1, 0), "STREAMPCKT": (0, 3, 0),
    "STREAMPORT": (1024, 65535, 1865), "STREAMOPTION": (0, 3, 2), "STREAM": (0, 1, 0),
    "PRMD": (0, 2, 0), "SDFM": (0, 1, 0), "FNUM": (0, 9999, 1), "KEYC": (0, 1, 1), "LOCL": (0, 2, 0),
}  # fmt: skip
"""Least and greatest value of whole numbers, and that of a new instrument."""
_REAL: dict[str, tuple[float, float, float]] = {
    "BLADEPHASE": (-360.0, 360.0, 0.0), "FFTO": (-200.0, 200.0, 0.0), "FFTSPAN": (0.01, 500e3, 78.125e3),
    "SCNSEC": (0.0, 1.728e6, 100.0),
}  # fmt: skip
_PAIRS: dict[str, tuple[float, float, float]] = {
    "SCNFREQ": (1e-3, 500e3, 1e5), "SCNAMP": (1e-9, 2.0, 1e-9), "SCNDC": (-5.0, 5.0, 0.0),
    "SCNAUX1": (-10.5, 10.5, 0.0), "SCNAUX2": (-10.5, 10.5, 0.0),
}  # fmt: skip
"""Ends of scans, Hz and V: the same limits for both."""


def _held(device: object) -> dict[tuple[str, int], float]:
    held: dict[tuple[str, int], float] = vars(device).setdefault("_kept", {})
    return held


def _number(text: str, least: float, greatest: float) -> float:
    value = parse_number(text)
    if not least <= value <= greatest:
        raise CommandError(-222, "Data out of range")
    return value


def _single(
    header: str, least: float, greatest: float, usual: float, form: Callable[[float], str]
) -> Command:
    def write(device: SR860, call: Unit) -> None:
        _held(device)[header, 0] = _number(one_argument(call), least, greatest)

    return Command(header, lambda device, call: form(_held(device).get((header, 0), usual)), write)


def _several(header: str, places: int, least: float, greatest: float, usual: Sequence[float]) -> Command:
    """Return the line of one number of several, the first argument saying which."""

    def place(word: str) -> int:
        return round(_number(word, 0, places - 1))

    def write(device: SR860, call: Unit) -> None:
        which, value = arguments(call, 2, 2)
        _held(device)[header, place(which)] = _number(value, least, greatest)

    def read(device: SR860, call: Unit) -> str:
        which = place(one_argument(call))
        return f"{_held(device).get((header, which), usual[which]):.9g}"

    return Command(header, read, write)


def _data_channel(device: SR860, call: Unit) -> str:
    """Answer ``OUTR? n``: the value of data channel 1 to 4 of the screen."""
    word = one_argument(call).upper()
    which = int(word[-1]) - 1 if word in ("DAT1", "DAT2", "DAT3", "DAT4") else round(_number(word, 0, 3))
    shown, _ = device.table.find(Unit("SNAPD", True, ()))
    return str(shown.ask(device, Unit("SNAPD", True, ())) if shown.ask else "").split(",")[which]


def _cursor(device: SR860, call: Unit) -> str:
    return _data_channel(device, call)


def _name(device: SR860, call: Unit) -> None:
    vars(device)["_file"] = one_argument(call).strip("\"'")[:8]


def _file(device: SR860) -> str:
    return str(vars(device).get("_file", "FILE"))


def _channel(header: str) -> Command:
    """Return a command of one of the four channels that changes nothing."""

    def write(device: SR860, call: Unit) -> None:
        _number(one_argument(call), 0, 3)

    return Command(header, do=write)


def kept_lines() -> list[Command]:
    """Return the lines."""
    return [
        *(_single(name, low, high, usual, "{:.0f}".format) for name, (low, high, usual) in _WHOLE.items()),
        *(_single(name, low, high, usual, "{:.9g}".format) for name, (low, high, usual) in _REAL.items()),
        *(_several(name, 2, low, high, (usual, usual)) for name, (low, high, usual) in _PAIRS.items()),
        _several("GSCL", 4, 1e-20, 1e20, (1.0,) * 4),
        _several("GOFF", 4, -1e20, 1e20, (0.0,) * 4),
        _several("DATE", 3, 0, 99, (1, 1, 24)),
        _several("TIME", 3, 0, 59, (0, 0, 12)),
        *(_channel(header) for header in ("GACT", "GAUF", "GAUT")),
        *(
            do(header, lambda device: None)
            for header in ("FAUT", "SCNRUN", "SCNPAUSE", "SCNRST", "SVDT", "DCAP")
        ),
        Command("OUTR", ask=_data_channel),
        Command("SCRY", ask=_cursor),
        ask("CURDATTIM", lambda device: '"24/01/01 12:00:00"'),
        ask("CURINTERVAL", lambda device: "0.5"),
        ask("FCRX", lambda device: f"{device.detection_frequency:.9g}"),
        ask("FCRY", lambda device: "-200"),
        ask("FFTMAXSPAN", lambda device: "312500"),
        ask("SCNSTATE", lambda device: "0"),
        ask("STREAMRATEMAX", lambda device: f"{device.greatest_rate:.9g}"),
        Command("FBAS", lambda device, call: _file(device), _name),
        ask("FNXT", lambda device: f"{_file(device)}{_held(device).get(('FNUM', 0), 1):.0f}"),
        power_on_line(),
    ]
