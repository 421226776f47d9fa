"""What a station file says of one instrument's actuators: limits, ramps, safe values, calibrations.

Besides the station file, the instrument itself decides: limits lie within its range, what its safe action
brings to zero is ramped there, and a ramp begins where the output is measured to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labspin.bench import ActuatorSpec, Calibration, Settle
from labspin.documents import Section
from labspin.instruments import AT_REST, MEASURED, DriverEntry
from labspin.units import canonical, format_quantity

__all__ = ["read_actuators"]


def read_actuators(
    name: str,
    section: Section,
    entry: DriverEntry,
    ranges: Mapping[str, tuple[float, float]],
    rests: Mapping[str, float],
) -> tuple[ActuatorSpec, ...]:
    """Return the actuators of the instrument ``name``.

    Parameters
    ----------
    name
        The instrument's name in the station file.
    section
        Its table.
    entry
        Its driver's entry: which attributes can be moved, and in which units.
    ranges
        What the hardware allows: attribute to (least, greatest), in the role's units.
    rests
        Where the instrument's safe action leaves what the role does not fix: attribute to value.

    Raises
    ------
    StationError
        Limits, ramp, safe value, read-back or calibration are inconsistent.
    """
    table = section.section("actuators")
    units = entry.settable
    specs = []
    for attribute in table:
        if attribute not in units:
            known = ", ".join(units) or f"none: a {entry.role} has nothing to move"
            table.know(*units)
            table.fail(
                attribute, f"is nothing that {entry.name!r} can move{table.near(attribute)}; known: {known}"
            )
        one = table.section(attribute)
        specs.append(_actuator(name, attribute, one, entry, units[attribute], ranges, rests))
    return tuple(specs)


def _actuator(
    name: str,
    attribute: str,
    section: Section,
    entry: DriverEntry,
    unit: str,
    ranges: Mapping[str, tuple[float, float]],
    rests: Mapping[str, float],
) -> ActuatorSpec:
    least, greatest = section.quantities("limits", unit, 2, example=f'["0 {unit}", "1 {unit}"]')
    _refuse_limits(section, attribute, least, greatest, unit, ranges)
    ramp_rate = section.quantity("ramp_rate", f"{unit}/s", None)
    safe = section.quantity("safe", unit, None)
    rest = _rest(entry.role, attribute, ranges, rests) if ramp_rate is not None else None
    if rest is not None:
        safe = rest if safe is None else safe
        _refuse_fall(section, safe, rest, (least, greatest), unit)
    values: dict[str, Any] = {
        "instrument": name,
        "attribute": attribute,
        "unit": unit,
        "minimum": least,
        "maximum": greatest,
        "ramp_rate": ramp_rate,
        "ramp_interval": section.positive_time("ramp_interval", 0.1),
        "settle": _settle(section.section("settle"), unit),
        "safe": safe,
        "readback": _readback(section, entry, attribute, is_ramped=ramp_rate is not None),
        "calibration": _calibration(section, unit),
    }
    section.finish()
    return section.guard("", lambda: ActuatorSpec(**values))


def _refuse_limits(
    section: Section,
    attribute: str,
    least: float,
    greatest: float,
    unit: str,
    ranges: Mapping[str, tuple[float, float]],
) -> None:
    if not least < greatest:
        section.fail("limits", f"wanted the lower one first, got {least:g} {unit} and {greatest:g} {unit}")
    lowest, highest = ranges.get(attribute, (-math.inf, math.inf))
    slack = 1e-9 * max(abs(lowest), abs(highest)) if math.isfinite(highest - lowest) else 0.0
    if least < lowest - slack or greatest > highest + slack:
        section.fail(
            "limits",
            f"wanted limits within the instrument's own range, {format_quantity(lowest, unit)} to "
            f"{format_quantity(highest, unit)}, got {format_quantity(least, unit)} to "
            f"{format_quantity(greatest, unit)}",
        )


def _rest(
    role: str, attribute: str, ranges: Mapping[str, tuple[float, float]], rests: Mapping[str, float]
) -> float | None:
    """Return where the role's safe action leaves an actuator; None: where it is."""
    wanted = rests.get(attribute, AT_REST.get(role, {}).get(attribute))
    least, greatest = ranges.get(attribute, (-math.inf, math.inf))
    return None if wanted is None else min(max(wanted, least), greatest)


def _refuse_fall(section: Section, safe: float, rest: float, limits: tuple[float, float], unit: str) -> None:
    """Refuse what would leave the way to the safe state to one step, beyond the ramp rate."""
    at_rest = format_quantity(rest, unit)
    if not limits[0] <= rest <= limits[1]:
        section.fail(
            "limits",
            f"wanted limits that hold {at_rest}, which the instrument's safe action goes to, so that it can "
            f"be ramped there, got {limits[0]:g} to {limits[1]:g} {unit}",
        )
    if safe != rest:
        section.fail(
            "safe",
            f"wanted {at_rest}, which the instrument's safe action goes to, got "
            f"{format_quantity(safe, unit)}, from where it would go there in one step; write {at_rest} or "
            "leave it out",
        )


def _readback(section: Section, entry: DriverEntry, attribute: str, *, is_ramped: bool) -> str | None:
    """Return what says where an actuator is; None: the attribute itself."""
    measured = MEASURED.get(entry.role, {}).get(attribute)
    if "readback" not in section:
        section.know("readback")
        return measured if is_ramped else None
    readable = entry.readable
    chosen = section.choice("readback", readable, what="an attribute")
    if is_ramped and measured is not None and chosen == attribute:
        section.fail(
            "readback",
            f"wanted {measured!r}, got {chosen!r}, which says nothing of where the output is while it is "
            "off: a ramp from there would begin with a jump",
        )
    return chosen


def _settle(section: Section, unit: str) -> Settle:
    values = {
        "wait": section.quantity("wait", "s", 0.0),
        "tolerance": section.quantity("tolerance", unit, None),
        "stable_for": section.quantity("stable_for", "s", 0.0),
        "timeout": section.quantity("timeout", "s", 60.0),
        "poll": section.quantity("poll", "s", 0.1),
    }
    section.finish()
    return section.guard("", lambda: Settle(**values))


def _calibration(section: Section, unit: str) -> Calibration | None:
    if "calibration" not in section:
        section.know("calibration")
        return None
    table = section.section("calibration")
    name = table.take("name", str, example='name = "field"')
    if not name.isidentifier():
        table.fail("name", f"wanted a word such as 'field', got {name!r}")
    wanted = table.take("unit", str, example='unit = "T"')
    calibrated = table.guard("unit", lambda: canonical(wanted))
    slope = table.quantity("slope", f"({calibrated})/({unit})", example=f'"50 {calibrated}/{unit}"')
    offset = table.quantity("offset", calibrated, 0.0)
    table.finish()
    return table.guard("", lambda: Calibration(name=name, unit=calibrated, slope=slope, offset=offset))
