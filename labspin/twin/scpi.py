"""Status registers and other words of SCPI-1999 that instruments share beyond the commands that all have.

The operation and the questionable register (volume 2, 20) have a condition, transition filters, an event that
is cleared when it is read, and an enable mask. An instrument says what is the case now by ``conditions``; a
condition that was seen to come or go through its filter is an event.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from labspin.twin.wire import Command, CommandError, Unit, ask, do, one_argument, parse_number

if TYPE_CHECKING:
    from labspin.twin.message import MessageDevice

__all__ = ["error_lines", "power_on_line", "state_lines", "status_register_lines"]

_MOST = 32767
_OPERATION, _QUESTIONABLE = "OPERation", "QUEStionable"
_USUAL = {"ENABle": 0, "PTRansition": _MOST, "NTRansition": 0}


def _registers(device: object, name: str) -> dict[str, int]:
    """Return masks, event and last condition of a register, brought up to date."""
    held: dict[str, int] = vars(device).setdefault(f"_scpi_{name}", {**_USUAL, "event": 0, "before": 0})
    now = _condition(device, name)
    came, went = now & ~held["before"], held["before"] & ~now
    held["event"] |= came & held["PTRansition"] | went & held["NTRansition"]
    held["before"] = now
    return held


def _condition(device: object, name: str) -> int:
    asked = getattr(device, "questionable" if name == _QUESTIONABLE else "operation", None)
    return int(asked()) if asked is not None else 0


def _event(device: object, name: str) -> str:
    held = _registers(device, name)
    event, held["event"] = held["event"], 0
    return str(event)


def _mask(name: str, mask: str) -> Command:
    def write(device: object, call: Unit) -> None:
        value = round(parse_number(one_argument(call)))
        if not 0 <= value <= 65535:
            raise CommandError(-222, "Data out of range")
        _registers(device, name)[mask] = value & _MOST

    return Command(f"STATus:{name}:{mask}", lambda device, call: str(_registers(device, name)[mask]), write)


def _preset(device: object) -> None:
    for name in (_OPERATION, _QUESTIONABLE):
        _registers(device, name).update(_USUAL)


def status_register_lines(*, transitions: bool = True) -> tuple[Command, ...]:
    """Return the lines of both registers and of ``STATus:PRESet``.

    Parameters
    ----------
    transitions
        Whether the instrument lets its transition filters be set.
    """
    masks = _USUAL if transitions else ("ENABle",)
    lines: list[Command] = [do("STATus:PRESet", _preset)]
    for name in (_OPERATION, _QUESTIONABLE):
        lines += [
            ask(f"STATus:{name}[:EVENt]", lambda device, name=name: _event(device, name)),
            ask(f"STATus:{name}:CONDition", lambda device, name=name: str(_condition(device, name))),
            *(_mask(name, mask) for mask in masks),
        ]
    return tuple(lines)


def _all_errors(device: MessageDevice, *, codes: bool) -> str:
    found = []
    while (error := device.status.next_error()) is not None:
        found.append(str(error[0]) if codes else f'{error[0]},"{error[1]}"')
    return ",".join(found) or ("0" if codes else '0,"No error"')


def error_lines() -> tuple[Command, ...]:
    """Return the lines that ask for several errors at once, or for their numbers only (21.8)."""
    return (
        ask("SYSTem:ERRor:ALL", lambda device: _all_errors(device, codes=False)),
        ask("SYSTem:ERRor:CODE:ALL", lambda device: _all_errors(device, codes=True)),
        ask("SYSTem:ERRor:CODE[:NEXT]", lambda device: str((device.status.next_error() or (0, ""))[0])),
        ask("SYSTem:ERRor:COUNt", lambda device: str(device.status.errors_waiting)),
    )


def power_on_line() -> Command:
    """Return the line of ``*PSC``: whether the masks are cleared at power-on."""

    def write(device: object, call: Unit) -> None:
        vars(device)["clears_at_power_on"] = bool(round(parse_number(one_argument(call))))

    def read(device: object, call: Unit) -> str:
        return str(int(getattr(device, "clears_at_power_on", True)))

    return Command("*PSC", read, write)


def state_lines(most: int) -> tuple[Command, ...]:
    """Return ``*SAV`` and ``*RCL``, which keep settings in ``most`` memories until power-off.

    Parameters
    ----------
    most
        Number of memories; they are numbered from 0.
    """

    def memory(call: Unit) -> int:
        number = round(parse_number(one_argument(call)))
        if not 0 <= number < most:
            raise CommandError(-222, "Data out of range")
        return number

    def save(device: MessageDevice, call: Unit) -> None:
        vars(device).setdefault("_saved", {})[memory(call)] = copy.deepcopy(device.state)

    def recall(device: MessageDevice, call: Unit) -> None:
        number = memory(call)
        saved = vars(device).get("_saved", {})
        if number not in saved:
            raise CommandError(-221, "Settings conflict")
        device.recall(copy.deepcopy(saved[number]))

    return Command("*SAV", do=save), Command("*RCL", do=recall)
