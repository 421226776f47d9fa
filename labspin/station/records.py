"""What a station file says, checked and frozen.

Each function reads one kind of table (see ``docs/reference/station-file.md``) and refuses what cannot be
meant. Nothing here touches an instrument.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from labspin.bench import ActuatorSpec, Bench, Interlock, TrustRules
from labspin.bench.trust import Reaction
from labspin.documents import Section
from labspin.errors import LabspinError, StationError
from labspin.instruments import ROLES, DriverEntry, load_driver
from labspin.station.actuators import read_actuators
from labspin.station.composed import (
    is_composed,
    part_ranges,
    read_uses,
    refuse_own_connection,
    refuse_shared_knobs,
)

__all__ = [
    "InstrumentSpec",
    "SimulationSpec",
    "read_instruments",
    "read_interlocks",
    "read_record",
    "read_simulation",
    "read_trust",
]

_RESERVED = frozenset(name for name, _ in inspect.getmembers(Bench)) | {"name", "clock", "description"}


@dataclass(frozen=True)
class InstrumentSpec:
    """One instrument of a station."""

    name: str
    role: str
    entry: DriverEntry
    address: str  # "" on a simulated station
    options: Any  # the adapter's record of options
    timeout: float  # s
    retries: int
    actuators: tuple[ActuatorSpec, ...]
    wiring: Mapping[str, str]  # port of the simulated device -> signal, detector or line of the world
    twin: Mapping[str, Any]  # options of the simulated device
    uses: Mapping[str, str] = field(default_factory=dict)  # part -> instrument, if it is made of others

    @property
    def driver(self) -> str:
        """Name of the driver, as the file has it."""
        return self.entry.name


@dataclass(frozen=True)
class SimulationSpec:
    """The simulated world of a station."""

    DEFAULT_SEED: ClassVar[int] = 0

    sample: str
    parameters: Mapping[str, Any]
    speed: float  # simulated seconds per second; inf: as fast as possible
    seed: int
    detectors: Mapping[str, Mapping[str, float]]
    mixed: bool = False  # whether instruments that have an address are real ones
    folder: Path = Path()  # where the path of a sample of one's own starts

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise StationError(f"seed of the simulation: wanted a whole number from 0, got {self.seed}")


def read_simulation(root: Section, folder: Path) -> SimulationSpec | None:
    """Return the simulated world, or None if the station is real.

    Parameters
    ----------
    root
        The whole station file.
    folder
        Folder of the station file.
    """
    if "simulation" not in root:
        return None
    section = root.section("simulation")
    sample = section.take("sample", str, example='sample = "levitated_diamond"')
    detectors = section.section("detectors")
    is_mixed = section.take("mixed", bool, False)
    if (seed := section.take("seed", int, SimulationSpec.DEFAULT_SEED)) < 0:
        section.fail("seed", f"wanted a whole number from 0, got {seed}")
    spec = SimulationSpec(
        sample=sample,
        parameters=section.section("parameters").plain(),
        speed=_speed(section, is_mixed=is_mixed),
        mixed=is_mixed,
        seed=seed,
        detectors={name: _detector(detectors.section(name)) for name in detectors},
        folder=folder,
    )
    section.finish()
    return spec


def _speed(section: Section, *, is_mixed: bool) -> float:
    if is_mixed:
        section.choice("clock", ("wall",), "wall", what="the time of the real instruments,")
        return 1.0
    if isinstance(section.plain_value("clock"), str) or "clock" not in section:
        word = section.choice("clock", ("fast", "wall"), "fast")
        return {"fast": math.inf, "wall": 1.0}[word]
    speed = section.plain_value("clock")
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not speed > 0:
        section.fail("clock", f'wanted "fast", "wall" or simulated seconds per second > 0, got {speed!r}')
    return float(speed)


def _detector(section: Section) -> dict[str, float]:
    found = {
        "efficiency": section.quantity("efficiency", "1", 1.0),
        "dark_rate": section.quantity("dark_rate", "1/s", 0.0),
        "dead_time": section.quantity("dead_time", "s", 0.0),
    }
    section.finish()
    return found


def read_instruments(
    root: Section, simulation: SimulationSpec | None, *, folder: Path
) -> tuple[InstrumentSpec, ...]:
    """Return every instrument of the file.

    Parameters
    ----------
    root
        The whole station file.
    simulation
        The simulated world; None if the station is real.
    folder
        Folder to which paths of drivers are relative.
    """
    tables = root.section("instruments", required=True)
    sections = {name: tables.section(name) for name in tables}
    if not sections:
        root.fail("instruments", "wanted at least one table such as [instruments.microwave], got none")
    entries = {name: _entry(name, section, folder) for name, section in sections.items()}
    devices = {
        name: _device(name, sections[name], entry, simulation)
        for name, entry in entries.items()
        if not is_composed(entry)
    }
    specs = tuple(
        devices[name] if name in devices else _composed(name, sections[name], entry, devices)
        for name, entry in entries.items()
    )
    if simulation is not None and simulation.mixed:
        _refuse_unmixed(root.section("simulation"), devices.values())
    _refuse_shared_addresses(tables, specs)
    refuse_shared_knobs(tables, specs)
    return specs


def _entry(name: str, section: Section, folder: Path) -> DriverEntry:
    """Return the driver of an instrument."""
    _refuse_name(name, section)
    driver = section.take("driver", str, example='driver = "sg384"')
    entry = section.guard("driver", lambda: load_driver(driver, folder=folder))
    role = section.choice("role", dict.fromkeys((*ROLES, entry.role)), what="a role")
    if entry.role != role:
        section.fail("role", f"driver {driver!r} is a {entry.role}, got {role!r}; correct role or driver")
    return entry


def _device(
    name: str, section: Section, entry: DriverEntry, simulation: SimulationSpec | None
) -> InstrumentSpec:
    """Return an instrument with a connection of its own."""
    options = _options(section, entry)
    address, wiring, twin = _connection(section, entry, simulation)
    spec = InstrumentSpec(
        name=name,
        role=entry.role,
        entry=entry,
        address=address,
        options=options,
        timeout=section.positive_time("timeout", 3.0),
        retries=_retries(section),
        actuators=read_actuators(
            name, section, entry, entry.adapter.ranges(options), entry.adapter.rests(options)
        ),
        wiring=wiring,
        twin=twin,
    )
    section.finish()
    return spec


def _composed(
    name: str, section: Section, entry: DriverEntry, devices: Mapping[str, InstrumentSpec]
) -> InstrumentSpec:
    """Return an instrument that is made of others."""
    refuse_own_connection(section, entry)
    options = _options(section, entry)
    uses = read_uses(section, entry, devices)
    spec = InstrumentSpec(
        name=name,
        role=entry.role,
        entry=entry,
        address="",
        options=options,
        timeout=0.0,
        retries=0,
        actuators=read_actuators(name, section, entry, part_ranges(entry, uses), {}),
        wiring={},
        twin={},
        uses={part: device.name for part, device in uses.items()},
    )
    section.finish()
    return spec


def _refuse_name(name: str, section: Section) -> None:
    if not name.isidentifier() or name in _RESERVED:
        section.fail(
            "",
            f"the name {name!r} cannot be used for an instrument; wanted a word such as 'microwave' that "
            "the bench does not use itself",
        )


def _retries(section: Section) -> int:
    retries: int = section.take("retries", int, 1)
    if not 0 <= retries <= 10:
        section.fail("retries", f"wanted 0 to 10, got {retries}")
    return retries


def _connection(
    section: Section, entry: DriverEntry, simulation: SimulationSpec | None
) -> tuple[str, dict[str, str], dict[str, object]]:
    """Return address, wiring and options of the twin, refusing a mixture that the file does not ask for."""
    is_mixed = simulation is not None and simulation.mixed
    if simulation is None or (is_mixed and "address" in section):
        for key in ("wiring", "twin"):
            if key in section:
                section.fail(
                    key,
                    "belongs to a simulated instrument, but this one has an address, or the file has no "
                    "[simulation]; remove it, or add [simulation] and remove the address",
                )
        address = section.take("address", str, example='address = "TCPIP::192.168.1.10::5025::SOCKET"')
        section.guard("address", lambda: entry.adapter.check_address(address))
        return address, {}, {}
    if "address" in section:
        section.fail(
            "address",
            "belongs to a real instrument, but the file has a [simulation]; remove the one or the other "
            "(every instrument of a station is real, or every one is simulated, unless [simulation] says "
            "mixed = true)",
        )
    wiring = section.section("wiring").plain()
    for port, target in wiring.items():
        if not isinstance(target, str):
            section.fail("wiring", f"{port}: wanted the name of a signal, detector or line, got {target!r}")
    return "", wiring, section.section("twin").plain()


def _refuse_unmixed(section: Section, devices: Iterable[InstrumentSpec]) -> None:
    real = [bool(device.address) for device in devices]
    if all(real) or not any(real):
        section.fail(
            "mixed",
            "wanted real instruments, with an address, beside simulated ones, without, but "
            + ("all have an address; remove [simulation]" if all(real) else "none has an address; remove it"),
        )


def _refuse_shared_addresses(tables: Section, specs: tuple[InstrumentSpec, ...]) -> None:
    taken: dict[str, str] = {}
    for spec in specs:
        if not spec.address:
            continue
        key = spec.entry.adapter.place(spec.address, spec.options)
        if key in taken:
            tables.section(spec.name).fail(
                "address", f"{spec.address!r} is already the address of {taken[key]!r}; each needs its own"
            )
        taken[key] = spec.name


def _options(section: Section, entry: DriverEntry) -> Any:
    """Return the adapter's record of options, quantities in the units that its fields declare."""
    table = section.section("options")
    given: dict[str, object] = {}
    kind = entry.adapter.options
    for option in dataclasses.fields(kind):
        if option.name in table:
            unit = option.metadata.get("unit")
            value = table.quantity(option.name, unit) if unit else table.plain_value(option.name)
            given[option.name] = value
        else:
            table.know(option.name)
    table.finish()
    try:
        return kind(**given)
    except LabspinError as error:
        name = str(error).split(":")[0].split(".")[0]
        table.fail(name if name in given else "", str(error).removeprefix(f"{name}: "))


def read_record(root: Section, specs: tuple[InstrumentSpec, ...]) -> tuple[dict[str, str], float]:
    """Return the quantities that are recorded, ``"instrument.attribute"`` to unit, and how often, s.

    Parameters
    ----------
    root
        The whole station file.
    specs
        All instruments of the station.
    """
    section = root.section("record")
    readable = {
        f"{spec.name}.{attribute}": unit for spec in specs for attribute, unit in spec.entry.readable.items()
    }
    wanted = section.take("quantities", list, [])
    for name in wanted:
        if name not in readable or wanted.count(name) > 1:
            near = difflib.get_close_matches(str(name), readable, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            section.fail(
                "quantities", f"wanted each of {', '.join(readable)} at most once, got {name!r}{hint}"
            )
    interval = section.positive_time("interval", 1.0) if "interval" in section else math.inf
    if "interval" in section and not wanted:
        section.fail("interval", "wanted quantities to read so often, got none; name them in 'quantities'")
    section.finish()
    return {name: readable[name] for name in wanted}, interval


def read_trust(root: Section) -> TrustRules:
    """Return what a run does when a status or a changed setting makes readings meaningless.

    Parameters
    ----------
    root
        The whole station file.
    """
    section, usual = root.section("trust"), TrustRules()
    reactions = ("hold", "abort", "record")
    rules = TrustRules(
        status=cast(Reaction, section.choice("status", reactions, usual.status)),
        settings=cast(Reaction, section.choice("settings", reactions, usual.settings)),
        interval=section.quantity("interval", "s", usual.interval),
        timeout=section.quantity("timeout", "s", usual.timeout),
    )
    section.finish()
    return rules


def read_interlocks(root: Section, specs: tuple[InstrumentSpec, ...]) -> tuple[Interlock, ...]:
    """Return the conditions under which a run may continue.

    Parameters
    ----------
    root
        The whole station file.
    specs
        All instruments of the station.
    """
    tables = root.section("interlocks")
    return tuple(_interlock(tables.section(name), specs) for name in tables)


def _interlock(section: Section, specs: tuple[InstrumentSpec, ...]) -> Interlock:
    readable = {
        f"{spec.name}.{attribute}": unit for spec in specs for attribute, unit in spec.entry.readable.items()
    }
    quantity = section.choice("quantity", readable, what="a quantity")
    unit = readable[quantity]
    values = {
        "minimum": section.quantity("minimum", unit, -math.inf),
        "maximum": section.quantity("maximum", unit, math.inf),
        "interval": section.quantity("interval", "s", 0.0),
        "timeout": section.quantity("timeout", "s", 3600.0),
    }
    action = cast(Literal["abort", "hold"], section.choice("action", ("abort", "hold"), "abort"))
    section.finish()
    return section.guard("", lambda: Interlock(quantity=quantity, unit=unit, action=action, **values))
