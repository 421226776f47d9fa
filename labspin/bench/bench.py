"""A bench: connected instruments under the names that procedures use, and what may be moved on it.

A station file becomes a `Bench`, real or simulated alike. Instruments are attributes (``bench.microwave``),
whose set-points keep to the station's limits and ramps (`labspin.bench.handle`), actuators are looked
up by name (``bench.actuator("magnet.field")``), and `Bench.safe` brings the whole bench to its safe state,
whatever single devices do. `labspin.run` runs a procedure on a bench.
"""

from __future__ import annotations

import difflib
import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from labspin.bench.actuators import Actuator, ActuatorSpec, Calibration, Settle
from labspin.bench.attributes import BenchAttributes
from labspin.bench.claims import Claims
from labspin.bench.handle import InstrumentHandle
from labspin.bench.interlock import Interlock
from labspin.bench.knob import Knob
from labspin.bench.notices import leave_notice, withdraw_notice
from labspin.bench.read_back import read_back
from labspin.bench.safety import SafeAction, longest_way, safe_state, unsafe_instruments
from labspin.bench.simulation import Simulation
from labspin.bench.trust import TrustRules
from labspin.bench.waiting import InterruptibleClock
from labspin.bench.watchdog import Watchdog
from labspin.clock import Clock
from labspin.errors import ArgumentError, PlanError, SafetyError, StationError
from labspin.instruments import missing_members
from labspin.notebook import html_page
from labspin.workspaces import quantity_text

__all__ = ["Actuator", "ActuatorSpec", "Bench", "Calibration", "Settle", "Simulation"]

_log = logging.getLogger(__name__)
Reopen = Callable[[Sequence[str]], Mapping[str, Any]]


class Bench(BenchAttributes):
    """Connected instruments and their actuators.

    Parameters
    ----------
    name
        The station's name.
    clock
        Every wait of a run goes through it.
    instruments
        Binding name -> role object (with ``safe()``, ``identity()`` and ``settings()``).
    actuators
        What may be moved; each belongs to one of the instruments.
    safe_order
        Instruments that are made safe first, in this order; the others follow as declared.
    description
        Goes into the run file: name, path, station text, versions, whether it is simulated.
    simulation
        Hooks of a simulated bench.
    interlocks
        Watched in every run on this bench.
    trust
        What a run does when a status or a changed setting makes readings meaningless.
    record, record_interval
        What is recorded beside every point, ``"instrument.attribute"`` to unit; and how often beside that, s.
    watchdog
        Makes the bench safe if this process is killed or hangs during a run.
    heir
        Makes a watchdog that keeps trying to make safe what a run could not, where there is none yet; None:
        the bench is simulated.
    claims
        Keep other processes from the instruments until the bench is closed.
    on_close
        Called by `close`, to disconnect.
    on_reopen
        Given names of instruments, reconnects them and returns the new ones.

    Raises
    ------
    StationError
        An actuator or the safe order names an instrument that is not there, or two actuators share a name.
    """

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        instruments: Mapping[str, Any],
        actuators: Sequence[ActuatorSpec] = (),
        safe_order: Sequence[str] = (),
        description: Mapping[str, Any] = MappingProxyType({}),
        simulation: Simulation | None = None,
        interlocks: Sequence[Interlock] = (),
        trust: TrustRules | None = None,
        record: Mapping[str, str] = MappingProxyType({}),
        record_interval: float = math.inf,
        watchdog: Watchdog | None = None,
        heir: Callable[[], Watchdog] | None = None,
        claims: Claims | None = None,
        on_close: Callable[[], None] | None = None,
        on_reopen: Reopen | None = None,
    ) -> None:
        self.name, self.description = name, dict(description)
        self.clock, self._safety = InterruptibleClock(clock), threading.RLock()
        self.simulation = simulation
        self.interlocks = tuple(interlocks)
        self.trust = trust or TrustRules()
        self.record, self.record_interval = dict(record), record_interval
        self.safe_order = tuple(safe_order)
        self._instruments = dict(instruments)
        self._parts = _parts(instruments)
        taken = sorted(name for name in instruments if name in vars(self) or hasattr(Bench, name))
        if taken:
            raise StationError(
                f"station {name!r}: wanted instrument names that mean nothing else on a bench, got {taken}; "
                "rename them"
            )
        self._on_close, self._on_reopen = on_close, on_reopen
        self._open = [self]  # as actuators know it; empty once it is closed, else they would keep each other
        self._handles: dict[str, Any] = {}
        self._sent: dict[str, float] = {}
        self._watchdog, self._heir, self._claims = watchdog, heir, claims
        self._refuse_unknown("safe order", self.safe_order)
        self._refuse_unknown("actuators", [spec.instrument for spec in actuators])
        self._actuators: dict[str, Actuator] = {}
        for spec in actuators:
            self._refuse_taken(spec)
            self._install(spec)
        self._hand_out()

    def _refuse_unknown(self, what: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._instruments:
                raise StationError(
                    f"station {self.name!r}: {what}: wanted one of the instruments "
                    f"{sorted(self._instruments)}, got {name!r}"
                )

    def _refuse_taken(self, spec: ActuatorSpec) -> None:
        for name in (spec.name, spec.calibrated_name):
            if name in self._actuators:
                raise StationError(f"station {self.name!r}: actuator {name!r} is declared twice")

    def _install(self, spec: ActuatorSpec) -> None:
        part, attribute = self._moved(spec.instrument, spec.attribute)
        former = self._actuators.get(spec.name)  # a thread that hangs in an old connection holds its knob
        device, knob = self._instruments[part], Knob(former.knob.elsewhere if former else None)
        for calibrated in (False, True) if spec.calibration is not None else (False,):
            actuator = Actuator(
                spec,
                device,
                self.clock,
                calibrated=calibrated,
                sent=self._sent,
                knob=knob,
                attribute=attribute,
                on_send=partial(_note_sent, self._open),
            )
            self._actuators[actuator.name] = actuator

    def _moved(self, name: str, attribute: str) -> tuple[str, str]:
        """Return the instrument and its attribute that are moved when ``attribute`` of ``name`` is set."""
        device = self._instruments[name]
        part, moved = getattr(device, "moves", {}).get(attribute, ("", ""))
        found = [other for other, it in self._instruments.items() if part and it is self._parts[name][part]]
        return (found[0], moved) if found else (name, attribute)

    def _handle(self, name: str) -> Any:
        device = self._instruments[name]
        moved = {
            full.partition(".")[2]: actuator
            for full, actuator in self._actuators.items()
            if actuator.spec.instrument == name
        }
        knobs = {
            self._moved(actuator.spec.instrument, actuator.spec.attribute): actuator
            for actuator in self._actuators.values()
            if actuator.name == actuator.spec.name
        }
        for attribute in (*getattr(device, "moves", ()), *(one for other, one in knobs if other == name)):
            shared = knobs.get(self._moved(name, attribute))
            if shared is not None:  # declared at what is made of it, or at what it is made of
                moved.setdefault(attribute, shared)
        return InstrumentHandle(name, device, moved) if moved else device

    def _hand_out(self) -> None:
        """Make the handles; what is made of other instruments gets theirs instead of the instruments."""
        self._handles = {name: self._handle(name) for name in self._instruments}
        for name, parts in self._parts.items():
            for part, device in parts.items():
                for other, it in self._instruments.items():
                    if it is device:
                        self._instruments[name].made_of[part] = self._handles[other]
        vars(self).update(self._handles)

    def _repr_html_(self) -> str:
        rows = [
            (name, *(quantity_text(end, actuator.unit) for end in (actuator.minimum, actuator.maximum)))
            for name, actuator in self.actuators.items()
        ]
        facts = [("instruments", ", ".join(self.instruments))]
        return html_page(f"bench {self.name}", facts, ("set-point", "from", "to"), rows)

    @property
    def instruments(self) -> Mapping[str, Any]:
        """The instruments by binding name, within the same limits as the attributes of this bench."""
        return MappingProxyType(self._handles)

    def raw(self, name: str, *, reason: str) -> Any:
        """Return an instrument itself, past every limit and ramp of the station: for commissioning.

        That this was done is logged, and so recorded in a run, and kept in ``description["bypassed"]``, which
        every later run on this bench records.

        Parameters
        ----------
        name
            Name of the instrument.
        reason
            Why; recorded.

        Raises
        ------
        PlanError
            There is no such instrument.
        ArgumentError
            No reason is given.
        """
        if name not in self._instruments:
            raise PlanError(f"station {self.name!r} has no {name!r}, only {sorted(self._instruments)}")
        if not reason.strip():
            raise ArgumentError(f"bench.raw({name!r}): wanted a reason, got none")
        text = f"{name}: {reason}"
        self.description.setdefault("bypassed", []).append(text)
        _log.warning("the limits and ramps of the station are bypassed: %s", text)
        return self._instruments[name]

    @property
    def actuators(self) -> Mapping[str, Actuator]:
        """Everything that can be set, by name; calibrated names included."""
        return MappingProxyType(self._actuators)

    @property
    def sent(self) -> Mapping[str, float]:
        """The last set-point sent to each actuator, in its raw unit, by name; it changes during a ramp."""
        return MappingProxyType(self._sent)

    def actuator(self, name: str) -> Actuator:
        """Return the actuator called ``name``.

        Parameters
        ----------
        name
            ``"instrument.attribute"``, or ``"instrument."`` and the name of the calibration.

        Raises
        ------
        PlanError
            There is none.
        """
        try:
            return self._actuators[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._actuators, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlanError(
                f"station {self.name!r} has no actuator {name!r}, only {sorted(self._actuators)}{hint}"
            ) from None

    def require(self, roles: Mapping[str, type]) -> None:
        """Refuse a bench that lacks what a procedure asks for.

        Parameters
        ----------
        roles
            Binding name -> role (a Protocol of `labspin.instruments`).

        Raises
        ------
        PlanError
            An instrument is missing, or cannot do what the role asks.
        """
        for name, role in roles.items():
            if name not in self._instruments:
                raise PlanError(
                    f"station {self.name!r} has no {name!r} ({role.__name__}), only "
                    f"{sorted(self._instruments)}; add an instrument of that name to the station file"
                )
            missing = missing_members(type(self._instruments[name]), role)
            if missing:
                raise PlanError(
                    f"station {self.name!r}: {name!r} is no {role.__name__}: it lacks {', '.join(missing)}"
                )

    def snapshot(self, *, tolerant: bool = False) -> dict[str, Any]:
        """Return the settings that every instrument reports and the values of all actuators, read back now.

        Parameters
        ----------
        tolerant
            Note the error of an instrument that cannot be read instead of raising it.
        """
        return {"time": self.clock.now(), **read_back(self._instruments, self._actuators, tolerant=tolerant)}

    def safe(self) -> list[SafeAction]:
        """Bring every device to its safe state, in the declared order, even if one fails.

        What fails is tried once more, over a new connection where one can be made. Signals (Ctrl-C, SIGTERM)
        are put off until it is done, and no abort interrupts it. Two threads do it one after the other.
        """
        with self._safety, self.clock.uninterrupted():
            actions = safe_state(self, self.safe_order, self.clock)
        if self._heir is not None:
            left = unsafe_instruments(actions)
            made = [name for name in self._instruments if name not in left]
            withdraw_notice(Path(str(self.description.get("path", ""))), made)
        return actions

    def reopen(self, names: Sequence[str]) -> None:
        """Reconnect instruments that became unreachable, and the instruments composed of them; moves nothing.

        Parameters
        ----------
        names
            Names of the instruments.

        Raises
        ------
        InstrumentError
            One cannot be reached; the old connections then stay.
        StationError
            This bench has no way to reconnect.
        """
        if self._on_reopen is None:
            raise StationError(
                f"bench {self.name!r}: cannot reconnect: the bench was made without `on_reopen`"
            )
        replaced = self._on_reopen(names)
        self._instruments.update(replaced)
        self._parts |= _parts(replaced)
        for actuator in [*self._actuators.values()]:
            if actuator.spec.instrument in replaced and actuator.name == actuator.spec.name:
                self._install(actuator.spec)
        self._hand_out()

    def watched(self, path: Path) -> AbstractContextManager[None]:
        """Return a context in which the watchdog, if there is one, watches the run recorded in ``path``.

        Parameters
        ----------
        path
            The run's file.

        Raises
        ------
        SafetyError
            The watchdog cannot be started, or the bench is another run's.
        """
        return self._watchdog.watching(path) if self._watchdog is not None else nullcontext()

    @property
    def is_watched(self) -> bool:
        """Whether there is a watchdog, which wants to hear from a run now and then."""
        return self._watchdog is not None

    @property
    def longest_way_to_safety(self) -> float:
        """The time that `safe` may take at most, s of the bench's clock."""
        return longest_way(self)

    def beat(self, patience: float) -> str:
        """Tell the watchdog, if there is one, that the run makes progress; see `Watchdog.beat`.

        Parameters
        ----------
        patience
            Time for which the run may be silent after this, s.

        Returns
        -------
            What must be recorded: that the watchdog was gone, and another was started. Mostly empty.
        """
        return self._watchdog.beat(patience) if self._watchdog is not None else ""

    def recall(self, sent: Mapping[str, float]) -> None:
        """Take it for known where ramped actuators were last sent: by another process, which is gone.

        Nothing is moved. An actuator that cannot be read back is made safe from there.

        Parameters
        ----------
        sent
            Name of an actuator -> its last set-point, in its raw unit; others than those of this bench are
            passed over.
        """
        self._sent.update({name: value for name, value in sent.items() if name in self._actuators})

    def entrust(self, unsafe: Mapping[str, str], path: Path) -> str:
        """Leave instruments to a separate process that keeps trying to make them safe, and write a notice.

        Parameters
        ----------
        unsafe
            Instrument -> where it was last known to be, in words.
        path
            The run's file.

        Returns
        -------
            What is to be recorded; empty on a simulated bench.

        Raises
        ------
        SafetyError
            No such process can be started; the notice is written nevertheless.
        """
        if self._heir is None:
            return ""
        for actuator in self._actuators.values():
            if (name := actuator.spec.instrument) in unsafe:
                self._sent.pop(actuator.spec.name, None)  # no longer known to this process
                actuator.knob.elsewhere = partial(self.refuse_while_entrusted, name)
        station, process = Path(str(self.description.get("path", ""))), 0
        try:
            if self._watchdog is None:
                self._watchdog = self._heir()
            process = self._watchdog.entrust(list(unsafe), path)
        finally:
            leave_notice(station, self.name, unsafe, path, watchdog=process)
        return f"{', '.join(unsafe)}: process {process} keeps trying to make it safe"

    def refuse_while_entrusted(self, what: str) -> None:
        """Refuse to touch something as long as another process makes safe what a run here could not.

        Parameters
        ----------
        what
            For the error.

        Raises
        ------
        SafetyError
            Two that ramp one supply would tear its set-point to and fro.
        """
        if self._watchdog is not None and self._watchdog.is_trying:
            raise SafetyError(
                f"{what}: an earlier run could not make the bench safe, and a separate process keeps "
                "trying; wait until it has (labspin unsafe), or make it safe by hand"
            )

    def close(self) -> None:
        """Disconnect, once no other thread makes it safe. Does not move anything: `safe` does."""
        with self._safety:
            if self._watchdog is not None:
                self._watchdog.close()
            if self._on_close is not None:
                on_close, self._on_close = self._on_close, None
                on_close()
            if self._claims is not None:
                self._claims.close()
            self._open.clear()
            self._on_reopen = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self.safe()
        finally:
            self.close()


def _note_sent(benches: Sequence[Bench], name: str, value: float) -> None:
    """Tell the watchdog of a bench, if there is one, what is sent next."""
    for bench in benches:
        if bench._watchdog is not None:
            bench._watchdog.note_sent(name, value)


def _parts(instruments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parts of those instruments that are made of others."""
    return {name: dict(device.made_of) for name, device in instruments.items() if hasattr(device, "made_of")}
