"""Settings of Lake Shore's controllers that are kept and answered, and act on nothing that is simulated.

Display, interfaces, relays, analog outputs, zone tables, curves. A command names what it is about (an input,
an output and a zone, a curve and a point) and then the values; the query answers the values. What the front
panel or a network would do with them is left out, except that alarms look at the temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labspin.twin.devices.lakeshore import Column, Values, real, text, whole
from labspin.twin.wire import Command, CommandError, Unit, ask, do, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.lakeshore_controller import TemperatureController

__all__ = ["alarm_lines", "curve_lines", "interface_lines", "kept", "one_of", "status_lines"]

_POINTS, _FIRST_USER_CURVE, _CURVES = 200, 21, 59
_ALARM, _OVERLOAD, _LOOP_2_DONE, _LOOP_1_DONE = 1, 2, 4, 8  # bits of OPST?


def kept(
    header: str,
    columns: Sequence[Column],
    factory: Values | Callable[[TemperatureController, Values], Values],
    *,
    keys: Sequence[Column] = (),
    optional: int = 0,
    check: Callable[[TemperatureController, Values], None] | None = None,
) -> Command:
    """Return the line of a setting that is only kept, under its header and keys in ``device.kept``.

    Parameters
    ----------
    header
        The command.
    columns
        The values, in order.
    factory
        The values of a new instrument; or what gives them for a device and keys.
    keys
        What the command names before the values.
    optional
        How many of the last values may be left out or empty: they stay as they are.
    check
        Called with device and keys before anything is set or asked.
    """

    def found(device: TemperatureController, names: Values) -> Values:
        usual = factory(device, names) if callable(factory) else factory
        values: Values = device.kept.get((header, *names), usual)
        return values

    def split(device: TemperatureController, call: Unit, *, values: bool) -> tuple[Values, tuple[str, ...]]:
        words = call.arguments
        most = len(keys) + (len(columns) if values else 0)
        least = most - (optional if values else 0)
        if not least <= len(words) <= most:
            missing = len(words) < least
            raise CommandError(*((-109, "Missing parameter") if missing else (-108, "Parameter not allowed")))
        names = tuple(key.read(word) for key, word in zip(keys, words, strict=False))
        if check is not None:
            check(device, names)
        return names, words[len(keys) :]

    def write(device: TemperatureController, call: Unit) -> None:
        names, words = split(device, call, values=True)
        values = list(found(device, names))
        for place, (column, word) in enumerate(zip(columns, words, strict=False)):
            if word or place < len(columns) - optional:
                values[place] = column.read(word)
        device.kept[(header, *names)] = tuple(values)

    def read(device: TemperatureController, call: Unit) -> str:
        names, _ = split(device, call, values=False)
        return ",".join(c.answer(v) for c, v in zip(columns, found(device, names), strict=True))

    return Command(header, read, write)


def one_of(words: Sequence[str]) -> Column:
    """Return a column of words out of a list.

    Parameters
    ----------
    words
        The words allowed, in upper case, without leading zeros.
    """

    def read(word: str) -> str:
        key = word.upper().lstrip("0") or "0"
        if key not in words:
            raise CommandError(-222, "Data out of range")
        return key

    return Column(read, str)


def curve_lines(number: Callable[[float], str]) -> tuple[Command, ...]:
    """Return the lines of sensor curves: 1 to 20 are the maker's, 21 to 59 the user's, of 200 points.

    Parameters
    ----------
    number
        Turns a number into the text that is sent.
    """
    curve = [whole(1, _CURVES)]
    unused: Values = ("User Curve", "", 3, 40.0, 1)
    return (
        kept("CRVHDR", [text(15), text(10), whole(1, 7), real(0, 2000, number), whole(1, 2)],
             lambda device, names: _standard(int(names[0])) or unused, keys=curve),
        kept("CRVPT", [real(-1e6, 1e6, number), real(0, 2000, number), real(-1e9, 1e9, number)],
             (0.0, 0.0, 0.0), keys=[*curve, whole(1, _POINTS)], optional=1),
        Command("CRVDEL", do=_delete_curve),
        Command("SCAL", do=_soft_calibration),
    )  # fmt: skip


def _standard(number: int) -> Values | None:
    if number == _FIRST_USER_CURVE:
        return ("LABSPIN-RUO2", "LS0001", 3, 40.0, 1)
    return (f"Standard {number}", "STANDARD C", 2, 475.0, 1) if number < _FIRST_USER_CURVE else None


def _user_curve(word: str) -> int:
    return int(whole(_FIRST_USER_CURVE, _CURVES).read(word))


def _delete_curve(device: TemperatureController, call: Unit) -> None:
    if len(call.arguments) != 1:
        raise CommandError(-109, "Missing parameter")
    number = _user_curve(call.arguments[0])
    device.kept = {
        key: values
        for key, values in device.kept.items()
        if key[0] not in ("CRVHDR", "CRVPT") or key[1] != number
    }


def _soft_calibration(device: TemperatureController, call: Unit) -> None:
    """Execute ``SCAL standard, curve, serial number, T1, S1, …``: a user's curve of up to three points."""
    if not 5 <= len(call.arguments) <= 9:
        raise CommandError(-109, "Missing parameter")
    standard = int(whole(1, 20).read(call.arguments[0]))
    number, serial = _user_curve(call.arguments[1]), call.arguments[2].strip("\"'")
    device.kept["CRVHDR", number] = (f"SoftCal {standard}", serial[:10], 2, 475.0, 1 if standard == 1 else 2)
    words = [parse_number(word) for word in call.arguments[3:]]
    for index, (kelvin, sensor) in enumerate(zip(words[::2], words[1::2], strict=False), start=1):
        device.kept["CRVPT", number, index] = (sensor, kelvin, 0.0)


def alarm_lines(
    inputs: Sequence[str], number: Callable[[float], str], *, source: bool
) -> tuple[Command, ...]:
    """Return the lines of alarms, relays, and of the greatest and least reading of each input.

    Parameters
    ----------
    inputs
        Their names.
    number
        How temperatures are answered.
    source
        Whether an alarm names what it looks at, as that of the 372 does.
    """
    levels = [real(-1e6, 1e6, number)] * 3
    sources = [whole(0, 4)] if source else []
    factory: Values = (0, *((1,) if source else ()), 0.0, 0.0, 0.0, 0, 0, 0)
    columns = [whole(0, 1), *sources, *levels, whole(0, 1), whole(0, 1), whole(0, 1)]
    return (
        kept("ALARM", columns, factory, keys=[one_of(inputs)], optional=len(columns) - 1),
        Command("ALARMST", ask=lambda device, call: _alarm_state(device, call, inputs, source=source)),
        do("ALMRST", lambda device: None),
        kept("RELAY", [whole(0, 4), one_of([*inputs, "0"]), whole(0, 2)], (0, inputs[0], 0),
             keys=[whole(1, 2)], optional=2),
        Command("RELAYST", ask=_relay_state),
        Command("MDAT", ask=lambda device, call: _extremes(device, call, inputs, number)),
        do("MNMXRST", lambda device: device.extremes.clear()),
    )  # fmt: skip


def _alarm_state(device: TemperatureController, call: Unit, inputs: Sequence[str], *, source: bool) -> str:
    if len(call.arguments) != 1:
        raise CommandError(-109, "Missing parameter")
    key = str(one_of(inputs).read(call.arguments[0]))
    enabled, *rest = device.kept.get(("ALARM", key), (0, *((1,) if source else ()), 0.0, 0.0))
    high, low = (float(limit) for limit in (rest[1:3] if source else rest[:2]))
    kelvin = device.temperature(key)
    if not enabled or kelvin is None:
        return "0,0"
    return f"{int(kelvin > high)},{int(kelvin < low)}"


def _relay_state(device: TemperatureController, call: Unit) -> str:
    if len(call.arguments) != 1:
        raise CommandError(-109, "Missing parameter")
    number = whole(1, 2).read(call.arguments[0])
    return str(int(device.kept.get(("RELAY", number), (0,))[0] == 1))


def _extremes(
    device: TemperatureController, call: Unit, inputs: Sequence[str], number: Callable[[float], str]
) -> str:
    if len(call.arguments) != 1:
        raise CommandError(-109, "Missing parameter")
    key = str(one_of(inputs).read(call.arguments[0]))
    now = device.temperature(key) or 0.0
    least, greatest = device.extremes.get(key, (now, now))
    device.extremes[key] = (min(least, now), max(greatest, now))
    return ",".join(number(value) for value in device.extremes[key])


def status_lines() -> tuple[Command, ...]:
    """Return the lines of the operation register and of autotuning, which is not simulated."""
    return (
        ask("OPST", lambda device: str(_operation(device))),
        ask("OPSTR", lambda device: str(_operation(device))),
        kept("OPSTE", [whole(0, 255)], (0,)),
        ask("TUNEST", lambda device: "0,1,0,00"),
        Command("ATUNE", do=_autotune),
        ask("TEMP", lambda device: "+296.150"),
    )


def _operation(device: TemperatureController) -> int:
    alarms = any(values[0] for key, values in device.kept.items() if key[0] == "ALARM")
    done = [not device.is_ramping(output) for output in device.outputs[:2]]
    overloaded = any(device.sensor_status.values())
    return _ALARM * alarms | _OVERLOAD * overloaded | _LOOP_1_DONE * done[0] | _LOOP_2_DONE * done[-1]


def _autotune(device: TemperatureController, call: Unit) -> None:
    if len(call.arguments) != 2:
        raise CommandError(-109, "Missing parameter")
    one_of(device.outputs).read(call.arguments[0])
    whole(0, 2).read(call.arguments[1])


def interface_lines() -> tuple[Command, ...]:
    """Return the lines of interfaces, display and front panel."""
    address = text(15)
    plain_text = Column(lambda word: word.strip("\"'"), str)
    network = (1, 1, "0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0", "LSCI", "", "")
    return (
        kept("INTSEL", [whole(0, 2)], (1,)),
        kept("NET", [whole(0, 1), whole(0, 1), *[plain_text] * 8], network),
        ask("NETID", lambda device: "2,127.0.0.1,255.0.0.0,0.0.0.0,0.0.0.0,0.0.0.0,00:1E:4F:00:00:01,LSCI,"),
        kept("WEBLOG", [address, address], ("admin", "admin")),
        kept("BRIGT", [whole(0, 32)], (2,)),
        kept("DISPFLD", [whole(0, 17), whole(1, 8)], (1, 1), keys=[whole(1, 8)]),
        kept("LEDS", [whole(0, 1)], (1,)),
        kept("BEEP", [whole(0, 1)], (1,)),
    )
