"""A station: which devices, where, within which limits; and from there to a connected bench.

Loading a station file checks all of it and touches nothing, so that a plan can be checked at a desk. The
same procedure runs from a file of real addresses and from a simulated one.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from labspin.bench import ActuatorSpec, Bench, Interlock, TrustRules, Watchdog
from labspin.bench.claims import Claims
from labspin.bench.waiting import InterruptibleClock
from labspin.clock import Clock, WallClock
from labspin.documents import read_document
from labspin.errors import InstrumentError, LabspinError, StationError
from labspin.instruments.adapter import RoleAdapter
from labspin.station.code import code_of
from labspin.station.composed import compose, give_clock, in_order, with_parts
from labspin.station.doctor import DoctorRow, connection_of, examine
from labspin.station.places import place_of
from labspin.station.records import (
    InstrumentSpec,
    SimulationSpec,
    read_instruments,
    read_interlocks,
    read_record,
    read_simulation,
    read_trust,
)
from labspin.station.serving import DEFAULT_PORT_BASE, ServedBench
from labspin.station.simulation import SimulatedWorld
from labspin.station.unconnected import unconnected_instruments

__all__ = ["Station", "load_station", "text_digest"]

log = logging.getLogger(__name__)


BenchKind = Literal["real", "simulated", "mixed"]


@dataclass(frozen=True)
class Station:
    """A station file, checked.

    Made by `load_station`.
    """

    path: Path
    text: str
    name: str
    description: str
    visa_library: str
    safe_order: tuple[str, ...]
    instruments: tuple[InstrumentSpec, ...]
    simulation: SimulationSpec | None
    interlocks: tuple[Interlock, ...]
    trust: TrustRules
    record: Mapping[str, str]
    record_interval: float  # s between two regular readings of it; inf: at points only

    @property
    def simulated(self) -> bool:
        """Whether no hardware is involved."""
        return self.kind == "simulated"

    def __repr__(self) -> str:
        return f"<station {self.name}: {self.kind}, {', '.join(one.name for one in self.instruments)}>"

    @property
    def kind(self) -> BenchKind:
        """Whether its instruments are real, simulated, or some of them the one, some the other."""
        if self.simulation is None:
            return "real"
        return "mixed" if self.simulation.mixed else "simulated"

    def simulated_among(self, names: Iterable[str]) -> list[str]:
        """Return which instruments are simulated, themselves or a part of them.

        Parameters
        ----------
        names
            Names of instruments.
        """
        if self.simulation is None:
            return []
        twins = {spec.name for spec in self.instruments if not spec.uses and not spec.address}
        return [name for name in names if twins & with_parts([name], self.instruments)]

    @property
    def actuators(self) -> tuple[ActuatorSpec, ...]:
        """Everything that may be moved, of all instruments; for checking a plan without hardware."""
        return tuple(actuator for spec in self.instruments for actuator in spec.actuators)

    def places(self, names: Iterable[str]) -> dict[str, str]:
        """Return where instruments of a real station truly are, by name; the simulated are nowhere.

        Parameters
        ----------
        names
            Names of instruments.
        """
        needed = with_parts(names, self.instruments)
        return {
            spec.name: place_of(spec) for spec in self.instruments if spec.name in needed and spec.address
        }

    def preload(self) -> None:
        """Load what connecting needs, so that it needs no disk later."""
        import pyvisa

        if any(spec.entry.adapter.uses_visa() for spec in self.instruments):
            with contextlib.suppress(Exception):  # connecting says what is wrong with it
                pyvisa.ResourceManager(self.visa_library)
        if client := sys.modules.get("labspin.instruments.pulse_streamer_client"):
            client.client_class()

    def connect(
        self,
        *,
        roles: Iterable[str] | None = None,
        seed: int | None = None,
        watchdog: bool = True,
        is_claimed: bool = False,
        is_deaf: bool = False,
    ) -> Bench:
        """Connect the instruments and return the bench. Moves nothing.

        Before anything is sent, the instruments of a real station are claimed for this process
        (`labspin.bench.claims`).

        Parameters
        ----------
        roles
            Names of the instruments to connect, such as a procedure's ``roles``; None: all.
        seed
            Seed of a simulated bench instead of the file's; a real one has none, and ignores it.
        watchdog
            Have a second process make a real bench safe if this one is killed during a run.
        is_claimed
            Whether this process holds the claims already, as a watchdog does that inherited them.
        is_deaf
            Ask the instruments nothing, not even who they are: for a watchdog that has to bring down what no
            longer answers.

        Returns
        -------
            The bench.

        Raises
        ------
        StationError
            There is no instrument of such a name.
        SafetyError
            Another process uses an instrument.
        InstrumentError
            An instrument cannot be reached, or is another; all others are disconnected again.
        """
        specs = self._chosen(roles)
        world = self._world(seed)
        clock: Clock = world.clock if world else WallClock()
        opened: dict[str, RoleAdapter] = {}
        claims = Claims.take({} if is_claimed else self.places(spec.name for spec in specs))
        try:
            for spec in in_order(specs):
                opened[spec.name] = self._open(spec, world, clock, opened, is_deaf=is_deaf)
            bench = self._bench(specs, opened, world, clock, claims, watchdog=watchdog and not self.simulated)
            give_clock(opened.values(), bench.clock)
            return bench
        except BaseException:
            _close(opened)
            claims.close()
            raise

    def unconnected(self) -> Bench:
        """Return the bench as far as the file tells; nothing is connected, and no instrument can be asked."""
        clock = WallClock()
        return Bench(
            name=self.name,
            clock=clock,
            instruments=unconnected_instruments(self.instruments, clock),
            actuators=self.actuators,
            description=self.describe(),
            trust=self.trust,
            record=self.record,
            record_interval=self.record_interval,
        )

    def serve(
        self,
        *,
        host: str | None = None,
        port_base: int = DEFAULT_PORT_BASE,
        speed: float | None = None,
        seed: int | None = None,
    ) -> ServedBench:
        """Serve the simulated instruments over TCP, until the returned bench is closed.

        Parameters
        ----------
        host
            Address to listen at. None lets in this machine only, at the first address from 127.0.0.1 to
            127.0.0.9 where the ports are free.
        port_base
            Port of the first instrument; the others follow. 0 takes free ones. A pulse streamer always
            takes the ports that its maker's client expects.
        speed
            Simulated seconds per second; None: the file's, or 1 where its clock is "fast".
        seed
            Seed of the bench instead of the file's.

        Raises
        ------
        StationError
            The station is a real one.
        ConnectionFailedError
            A port is taken.
        """
        if self.simulation is None or not self.simulated:
            raise StationError(
                f"{self.path}: wanted a simulated station to serve, but it has real addresses; add "
                "[simulation] and remove them"
            )
        spec = self.simulation if seed is None else replace(self.simulation, seed=seed)
        return ServedBench(
            spec,
            self.instruments,
            f"{self.path}: simulation",
            host=host,
            port_base=port_base,
            speed=speed,
        )

    def doctor(self) -> list[DoctorRow]:
        """Connect to each instrument by itself, ask who it is, and report. Moves and sets nothing."""
        world = self._world()
        clock: Clock = world.clock if world else WallClock()
        return [examine(spec, world, clock, self.visa_library) for spec in self.instruments]

    def _chosen(self, roles: Iterable[str] | None) -> tuple[InstrumentSpec, ...]:
        if roles is None:
            return self.instruments
        wanted = tuple(roles)
        there = [spec.name for spec in self.instruments]
        for name in wanted:
            if name not in there:
                raise StationError(
                    f"{self.path}: there is no instrument {name!r}, only {', '.join(there)}; add a table "
                    f"[instruments.{name}]"
                )
        needed = with_parts(wanted, self.instruments)
        return tuple(spec for spec in self.instruments if spec.name in needed)

    def _world(self, seed: int | None = None) -> SimulatedWorld | None:
        if self.simulation is None:
            return None
        spec = self.simulation if seed is None else replace(self.simulation, seed=seed)
        return SimulatedWorld(spec, f"{self.path}: simulation")

    def _open(
        self,
        spec: InstrumentSpec,
        world: SimulatedWorld | None,
        clock: Clock,
        opened: Mapping[str, RoleAdapter],
        *,
        is_deaf: bool = False,
    ) -> RoleAdapter:
        if spec.uses:
            return compose(spec, opened, clock)
        connection, settings = connection_of(spec, world, self.visa_library)
        settings |= {"is_deaf": True} if is_deaf else {}
        try:
            return spec.entry.adapter.open(
                connection,
                name=spec.name,
                options=spec.options,
                clock=clock,
                timeout=spec.timeout,
                retries=spec.retries,
                **settings,
            )
        except InstrumentError as error:
            raise type(error)(
                f"station {self.name!r}: {spec.name!r} ({spec.driver}) cannot be connected: {error}"
            ) from error

    def _bench(
        self,
        specs: tuple[InstrumentSpec, ...],
        opened: dict[str, RoleAdapter],
        world: SimulatedWorld | None,
        clock: Clock,
        claims: Claims,
        *,
        watchdog: bool,
    ) -> Bench:
        bench = Bench(
            name=self.name,
            clock=clock,
            instruments=opened,
            actuators=[actuator for spec in specs for actuator in spec.actuators],
            safe_order=[name for name in self.safe_order if name in opened],
            description=self._describe_bench(opened, world),
            simulation=world,
            interlocks=[lock for lock in self.interlocks if lock.quantity.split(".")[0] in opened],
            trust=self.trust,
            record=self.record,
            record_interval=self.record_interval,
            watchdog=self._watchdog(opened, claims) if watchdog else None,
            heir=None if self.simulated else lambda: self._watchdog(opened, claims),
            claims=claims,
            on_close=lambda: _close(opened),
            on_reopen=lambda names: self._reopen(names, specs, opened, world, bench.clock),
        )
        return bench

    def _reopen(
        self,
        names: Iterable[str],
        specs: tuple[InstrumentSpec, ...],
        opened: dict[str, RoleAdapter],
        world: SimulatedWorld | None,
        clock: InterruptibleClock,
    ) -> dict[str, RoleAdapter]:
        """Reconnect instruments, parts before the instruments made of them, and return them.

        An old connection is closed once the new one is made: a device that does not answer may still obey it.
        What is called through a vendor's library can be had once only, and is let go before.
        """
        wanted = with_parts(names, specs)
        made_of_them = {spec.name for spec in specs if wanted & set(spec.uses.values())}
        replaced: dict[str, RoleAdapter] = {}
        for spec in in_order(tuple(spec for spec in specs if spec.name in wanted | made_of_them)):
            old = opened[spec.name]
            if not spec.entry.adapter.uses_visa():
                _let_go(old)
            is_deaf = getattr(getattr(old, "device", None), "is_deaf", False)
            opened[spec.name] = replaced[spec.name] = self._open(
                spec, world, clock.clock, opened, is_deaf=is_deaf
            )
            if spec.entry.adapter.uses_visa():
                _let_go(old)
        give_clock(replaced.values(), clock)
        return replaced

    def _watchdog(self, names: Iterable[str], claims: Claims) -> Watchdog:
        simulated = self.simulated_among(names)
        command = self._guard_command(name for name in names if name not in simulated)
        place = command.index(text_digest(self.text))
        return Watchdog(
            command,
            name=self.name,
            inherited=lambda: claims.descriptors,
            # By the text: the file may change meanwhile.
            spare=[*command[:place], "-", *command[place + 1 :]],
            feed=json.dumps(self.text) + "\n",
            title=f"station {self.path.resolve()}",
        )

    def _guard_command(self, names: Iterable[str]) -> list[str]:
        path = str(self.path.resolve())
        return [sys.executable, "-m", "labspin.station.guard", path, text_digest(self.text), *names]

    def describe(self) -> dict[str, Any]:
        """Return what goes into a run file: name, path, text of the file, digests of the code it names."""
        return {
            "name": self.name,
            "description": self.description,
            "path": str(self.path),
            "text": self.text,
            "simulated": self.simulated,
            "kind": self.kind,
            "drivers": {spec.name: spec.driver for spec in self.instruments},
            "code": code_of(self.text, self.path.parent),
        }

    def _describe_bench(self, names: Iterable[str], world: SimulatedWorld | None) -> dict[str, object]:
        """Return what a run file says of the bench: the station, and which instruments are simulated."""
        more = (
            {}
            if world is None
            else {"simulated_instruments": self.simulated_among(names), "seed": world.seed}
        )
        return self.describe() | more


def text_digest(text: str) -> str:
    """Return the SHA-256 digest of the text of a station file, hexadecimal.

    Parameters
    ----------
    text
        The file's text.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _close(opened: dict[str, RoleAdapter]) -> None:
    for name, adapter in reversed(opened.items()):
        log.debug("closing %s", name)
        _let_go(adapter)


def _let_go(adapter: RoleAdapter) -> None:
    with contextlib.suppress(LabspinError, OSError):
        adapter.close()


def load_station(path: str | Path, *, text: str | None = None) -> Station:
    """Return the station that a file describes, completely checked; nothing is connected.

    Parameters
    ----------
    path
        The station file.
    text
        What it holds, if it is not to be read: it may have been changed since.

    Raises
    ------
    StationError
        The file is wrong; the text says where (file, line, key), what was wanted and what came.
    """
    path = Path(path)
    root, text = read_document(path, text=text)
    if "procedure" in root:
        root.fail("procedure", "this is a run card; give it as the card, and a station file (--on) here")
    header = root.section("station", required=True)
    name = header.take("name", str, example='name = "levitated diamond"')
    description = header.take("description", str, "")
    visa_library = header.take("visa_library", str, "")
    order = header.take("safe_order", list, [])
    header.finish()
    simulation = read_simulation(root, path.parent)
    instruments = read_instruments(root, simulation, folder=path.parent)
    interlocks = read_interlocks(root, instruments)
    trust = read_trust(root)
    record, record_interval = read_record(root, instruments)
    root.finish()
    names = [spec.name for spec in instruments]
    for entry in order:
        if entry not in names or order.count(entry) > 1:
            near = difflib.get_close_matches(str(entry), names, n=1) if entry not in names else []
            hint = f"; did you mean {near[0]!r}?" if near else ""
            header.fail(
                "safe_order",
                f"wanted each of {', '.join(names)} at most once, got {entry!r} in {order!r}{hint}",
            )
    return Station(
        path=path,
        text=text,
        name=name,
        description=description,
        visa_library=visa_library,
        safe_order=tuple(order),
        instruments=instruments,
        simulation=simulation,
        interlocks=interlocks,
        trust=trust,
        record=record,
        record_interval=record_interval,
    )
