"""Instruments of a station that are made of others: what their tables say, and in which order they come.

``uses`` names the instrument for each part of the driver; it must be one of the same file, play the part's
role, and be a device itself. What both could move is one knob, so it may be declared at one of them only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from labspin.clock import Clock
from labspin.documents import Section
from labspin.instruments import DriverEntry

if TYPE_CHECKING:
    from labspin.instruments.adapter import RoleAdapter
    from labspin.station.records import InstrumentSpec

__all__ = [
    "compose",
    "give_clock",
    "in_order",
    "is_composed",
    "part_ranges",
    "read_uses",
    "refuse_own_connection",
    "refuse_shared_knobs",
    "with_parts",
]

_OWN = ("address", "timeout", "retries", "wiring", "twin")


def is_composed(entry: DriverEntry) -> bool:
    """Return whether instruments of this driver are composed of others.

    Parameters
    ----------
    entry
        The driver's entry.
    """
    return bool(_parts(entry))


def refuse_own_connection(section: Section, entry: DriverEntry) -> None:
    """Refuse keys that only an instrument with a connection of its own has.

    Parameters
    ----------
    section
        The table of a composed instrument.
    entry
        Its driver's entry.
    """
    for key in _OWN:
        if key in section:
            section.fail(
                key,
                f"belongs to an instrument with a connection of its own, but {entry.name!r} is made of "
                "others; give it there",
            )


def read_uses(
    section: Section, entry: DriverEntry, devices: Mapping[str, InstrumentSpec]
) -> dict[str, InstrumentSpec]:
    """Return the instrument for each part of a composed instrument.

    Parameters
    ----------
    section
        Its table; the parts are in its table ``uses``.
    entry
        Its driver's entry: which parts of which roles it needs.
    devices
        The instruments that have a connection of their own, by name.

    Returns
    -------
        Name of the part to instrument.
    """
    table = section.section("uses", required=True)
    uses = {part: _part(table, part, role, devices) for part, role in _parts(entry).items()}
    table.finish()
    return uses


def _parts(entry: DriverEntry) -> Mapping[str, str]:
    return getattr(entry.adapter, "parts", {})


def _part(table: Section, part: str, role: str, devices: Mapping[str, InstrumentSpec]) -> InstrumentSpec:
    fitting = [name for name, spec in devices.items() if spec.role == role]
    name = table.take(part, str, example=f'{part} = "{fitting[0] if fitting else part}"')
    there = f"there are: {', '.join(fitting)}" if fitting else f"add one with role = {role!r}"
    if name not in devices:
        near = difflib.get_close_matches(name, fitting, n=1)
        hint = f"did you mean {near[0]!r}?" if near else there
        table.fail(part, f"wanted the name of a {role} of this station, got {name!r}; {hint}")
    if devices[name].role != role:
        table.fail(part, f"wanted a {role}, but {name!r} is a {devices[name].role}; {there}")
    return devices[name]


def part_ranges(entry: DriverEntry, uses: Mapping[str, InstrumentSpec]) -> dict[str, tuple[float, float]]:
    """Return what the hardware of the parts allows.

    Parameters
    ----------
    entry
        Entry of the composed instrument's driver.
    uses
        Name of the part to instrument.

    Returns
    -------
        Attribute of the composed instrument to (least, greatest), in the units of the parts' roles.
    """
    found = {}
    for attribute, (part, moved) in _moves(entry).items():
        ranges = uses[part].entry.adapter.ranges(uses[part].options)
        if moved in ranges:
            found[attribute] = ranges[moved]
    return found


def _moves(entry: DriverEntry) -> Mapping[str, tuple[str, str]]:
    return getattr(entry.adapter, "moves", {})


def refuse_shared_knobs(tables: Section, specs: Iterable[InstrumentSpec]) -> None:
    """Refuse an actuator that an instrument and one composed of it both declare.

    Parameters
    ----------
    tables
        The table ``instruments`` of the station file.
    specs
        All instruments of the station.
    """
    declared = {actuator.name for spec in specs for actuator in spec.actuators}
    for spec in specs:
        for attribute, (part, moved) in _moves(spec.entry).items():
            other = f"{spec.uses[part]}.{moved}"
            if f"{spec.name}.{attribute}" in declared and other in declared:
                tables.section(spec.name).section("actuators").fail(
                    attribute,
                    f"is the same knob as {other!r}, which is declared too; declare it at one of them, so "
                    "that one set of limits holds",
                )


def with_parts(names: Iterable[str], specs: Iterable[InstrumentSpec]) -> set[str]:
    """Return ``names`` and the names of all instruments of which these are composed.

    Parameters
    ----------
    names
        Names of instruments.
    specs
        All instruments of the station.
    """
    uses = {spec.name: spec.uses.values() for spec in specs}
    wanted = set(names)
    return wanted.union(*(uses.get(name, ()) for name in wanted))


def in_order(specs: Iterable[InstrumentSpec]) -> tuple[InstrumentSpec, ...]:
    """Return instruments in the order in which they are connected: parts before what is composed of them.

    Parameters
    ----------
    specs
        The instruments.
    """
    return tuple(sorted(specs, key=lambda spec: bool(spec.uses)))


def compose(spec: InstrumentSpec, opened: Mapping[str, RoleAdapter], clock: Clock) -> RoleAdapter:
    """Return a composed instrument made from connected ones.

    Parameters
    ----------
    spec
        The composed instrument.
    opened
        The connected instruments by name; its parts must be among them.
    clock
        Clock on which it waits.
    """
    parts = {part: opened[name] for part, name in spec.uses.items()}
    adapter: RoleAdapter = spec.entry.adapter(parts, name=spec.name, clock=clock, options=spec.options)  # type: ignore[call-arg]
    return adapter


def give_clock(adapters: Iterable[RoleAdapter], clock: Clock) -> None:
    """Let composed instruments wait on the bench's clock, where a run can be interrupted.

    Parameters
    ----------
    adapters
        Instruments; those that are not composed stay as they are.
    clock
        The bench's clock.
    """
    from labspin.instruments.composite import CompositeAdapter  # rests on pymeasure, which a check needs not

    for adapter in adapters:
        if isinstance(adapter, CompositeAdapter):
            adapter.clock = clock
