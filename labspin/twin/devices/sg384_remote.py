"""Lists, memories, status and interfaces of the SG384, after the remote programming chapter of its manual.

A point of a list has 15 places, each a value or ``N`` (as it is): frequency, phase, amplitude and offset of
the BNC output, amplitude of the type-N output, displayed parameter, switches (bits 0 to 4: modulation, BNC,
type N, clock, doubler), kind of modulation, its function, rate and deviation, amplitude and offset of the
clock, amplitude of the doubler, offset at the rear. A trigger loads the point that the index names and moves
the index on, from the last to the first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labspin.twin.scpi import power_on_line
from labspin.twin.wire import Command, CommandError, Unit, ask, do, one_argument, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.sg384 import SG384

__all__ = ["StoredList", "remote_lines"]

_PLACES, _MOST_POINTS = 15, 5000
_ILLEGAL_VALUE, _ILLEGAL_MODE, _RECALL_FAILED = (
    (10, "Illegal value"),
    (11, "Illegal mode"),
    (13, "Recall failed"),
)
_NO_CLOCK, _NO_DOUBLER, _NO_IQ = (14, "No clock option"), (15, "No RF doubler option"), (16, "No IQ option")
_SIMPLE = {0: "FREQ", 1: "PHAS", 2: "AMPL", 3: "OFSL", 4: "AMPR", 5: "DISP", 7: "TYPE"}
_SWITCHES = ("MODL", "ENBL", "ENBR", "ENBC", "ENBH")
_OPTIONAL = {11: _NO_CLOCK, 12: _NO_CLOCK, 13: _NO_DOUBLER, 14: _NO_DOUBLER}
_OF_KIND = {  # function, rate and deviation by the kind of modulation (TYPE)
    0: ("MFNC", "RATE", "ADEP"), 1: ("MFNC", "RATE", "FDEV"), 2: ("MFNC", "RATE", "PDEV"),
    3: ("SFNC", "SRAT", "SDEV"), 4: ("PFNC", "PPER", "PWID"), 5: ("PFNC", "PPER", "PWID"),
}  # fmt: skip
_ADDRESS = ("CONNECTED", "192.168.0.5", "255.255.255.0", "192.168.0.1")
_TERMINATORS = (13, 10)


@dataclass
class StoredList:
    """The list, and where it is."""

    points: list[tuple[str, ...]] = field(default_factory=list)
    enabled: bool = False
    index: int = 0
    interfaces: dict[int, int] = field(default_factory=lambda: {0: 1, 1: 1, 2: 9600, 3: 1, 4: 27, 5: 1})
    physical: dict[int, int] = field(default_factory=lambda: {0: 1, 1: 1})
    status_enable: int = 0


def _within(word: str, low: int, high: int) -> int:
    value = round(parse_number(word))
    if not low <= value <= high:
        raise CommandError(*_ILLEGAL_VALUE)
    return value


def _create(device: SG384, call: Unit) -> str:
    """Answer ``LSTC? n``: 1 when a list of n points was made, 0 when there is no room."""
    count = round(parse_number(one_argument(call)))
    if not 0 < count <= _MOST_POINTS:
        return "0"
    held = device.stored_list
    held.points, held.enabled, held.index = [("N",) * _PLACES] * count, False, 0
    return "1"


def _delete(device: SG384) -> None:
    held = device.stored_list
    held.points, held.enabled, held.index = [], False, 0


def _enable(device: SG384, call: Unit) -> None:
    on = bool(_within(one_argument(call), 0, 1))
    if on and not device.stored_list.points:
        raise CommandError(*_ILLEGAL_MODE)
    device.stored_list.enabled, device.stored_list.index = on, 0


def _place(device: SG384, word: str) -> int:
    return _within(word, 0, len(device.stored_list.points) - 1)


def _move(device: SG384, call: Unit) -> None:
    device.stored_list.index = _place(device, one_argument(call))


def _set_point(device: SG384, call: Unit) -> None:
    if len(call.arguments) != 1 + _PLACES:
        missing = len(call.arguments) < 1 + _PLACES
        raise CommandError(*((-109, "Missing parameter") if missing else (-108, "Parameter not allowed")))
    where = _place(device, call.arguments[0])
    words = tuple(word.upper() for word in call.arguments[1:])
    for place, word in enumerate(words):
        if word != "N":
            parse_number(word)
            if place in _OPTIONAL:
                raise CommandError(*_OPTIONAL[place])
    device.stored_list.points[where] = words


def _point(device: SG384, call: Unit) -> str:
    return ",".join(device.stored_list.points[_place(device, one_argument(call))])


def _order(device: SG384, header: str, word: str) -> None:
    command, _ = device.table.find(Unit(header, False, (word,)))
    if command.do is not None:
        command.do(device, Unit(header, False, (word,)))


def _trigger(device: SG384) -> None:
    """Load the next point of the list; without a list that runs, nothing."""
    held = device.stored_list
    if not held.enabled:
        return
    words = held.points[held.index]
    held.index = (held.index + 1) % len(held.points)
    for place, word in enumerate(words):
        if word == "N":
            continue
        if place in _SIMPLE:
            _order(device, _SIMPLE[place], word)
        elif place == 6:
            bits = round(parse_number(word))
            for bit, header in enumerate(_SWITCHES[:3]):
                _order(device, header, str(bits >> bit & 1))
        elif device.state.modulation in _OF_KIND:
            _order(device, _OF_KIND[device.state.modulation][place - 8], word)


def _save(device: SG384, call: Unit) -> None:
    vars(device).setdefault("_saved", {})[_within(one_argument(call), 1, 9)] = copy.deepcopy(device.state)


def _recall(device: SG384, call: Unit) -> None:
    """Execute ``*RCL``: memory 0 holds the settings of ``*RST``, one never written is refused."""
    number = _within(one_argument(call), 0, 9)
    saved = vars(device).get("_saved", {})
    if number == 0:
        device.reset()
    elif number in saved:
        device.recall(copy.deepcopy(saved[number]))
    else:
        raise CommandError(*_RECALL_FAILED)


def _kind(device: SG384, call: Unit) -> None:
    """Execute ``TYPE``: the kind of modulation, of which 6 (I/Q) is an option."""
    kind = _within(one_argument(call), 0, 6)
    if kind == 6:
        raise CommandError(*_NO_IQ)
    device.state.modulation = kind


def _absent(header: str, error: tuple[int, str]) -> Command:
    """Return the line of an option that is not installed."""

    def refuse(device: SG384, call: Unit) -> str:
        raise CommandError(*error)

    return Command(header, refuse, refuse)


def _bit(read: Callable[[SG384], int], most: int) -> Callable[[SG384, Unit], str]:
    """Return what answers a register, or the bit of it that is named."""

    def answer(device: SG384, call: Unit) -> str:
        value = read(device)
        if not call.arguments:
            return str(value)
        return str(value >> _within(one_argument(call), 0, most) & 1)

    return answer


def _enable_status(device: SG384, call: Unit) -> None:
    device.stored_list.status_enable = _within(one_argument(call), 0, 65535)


def _numbered(header: str, name: str, most: int, greatest: int) -> Command:
    """Return the line of one setting of an interface: its number, and its value."""

    def write(device: SG384, call: Unit) -> None:
        if len(call.arguments) != 2:
            raise CommandError(-109, "Missing parameter")
        which = _within(call.arguments[0], 0, most)
        getattr(device.stored_list, name)[which] = _within(call.arguments[1], 0, greatest)

    def read(device: SG384, call: Unit) -> str:
        return str(getattr(device.stored_list, name)[_within(one_argument(call), 0, most)])

    return Command(header, read, write)


def _terminator(device: SG384, call: Unit) -> None:
    """Execute ``XTRM i{,j,k}``: the bytes that end answers."""
    if not 1 <= len(call.arguments) <= 3:
        raise CommandError(-109, "Missing parameter")
    codes = [_within(word, 0, 255) for word in call.arguments]
    device.terminator = bytes(code for code in codes if code) or bytes(_TERMINATORS)  # type: ignore[misc]


def _interface(device: SG384, call: Unit) -> None:
    _within(one_argument(call), 0, 2)


def _over_range(device: SG384, call: Unit) -> str:
    return str(int(device.over_range(_within(one_argument(call), 0, 3))))


def _configuration(device: SG384, call: Unit) -> str:
    return _ADDRESS[_within(one_argument(call), 0, 3)]


def remote_lines() -> list[Command]:
    """Return the lines."""
    return [
        ask("*CAL", lambda device: "0"),
        power_on_line(),
        Command("*SAV", do=_save),
        Command("*RCL", do=_recall),
        do("*TRG", _trigger),
        Command("LSTC", ask=_create),
        do("LSTD", _delete),
        Command("LSTE", lambda device, call: str(int(device.stored_list.enabled)), _enable),
        Command("LSTI", lambda device, call: str(device.stored_list.index), _move),
        Command("LSTP", _point, _set_point),
        do("LSTR", lambda device: setattr(device.stored_list, "index", 0)),
        ask("LSTS", lambda device: str(len(device.stored_list.points))),
        *(_absent(header, _NO_CLOCK) for header in ("AMPC", "OFSC", "ENBC")),
        *(_absent(header, _NO_DOUBLER) for header in ("AMPH", "OFSD", "ENBH")),
        _absent("QFNC", _NO_IQ),
        Command("TYPE", lambda device, call: str(device.state.modulation), _kind),
        Command("INSR", ask=_bit(lambda device: device.instrument_status, 15)),
        Command("INSE", _bit(lambda device: device.stored_list.status_enable, 15), _enable_status),
        Command("ORNG", ask=_over_range),
        ask("EMAC", lambda device: "00:19:B3:02:00:01"),
        _numbered("EPHY", "physical", 1, 1),
        _numbered("IFCF", "interfaces", 5, 115_200),
        Command("IFRS", do=_interface),
        Command("IPCF", ask=_configuration),
        *(do(header, lambda device: None) for header in ("LCAL", "REMT")),
        *(ask(header, lambda device: "1") for header in ("LOCK", "UNLK")),
        Command("XTRM", do=_terminator),
    ]
