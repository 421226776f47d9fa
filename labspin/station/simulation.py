"""The simulated world of a station: sample, clock, detectors, and a simulated device for every driver.

This is the only place where labspin's own instruments meet their twins. The drivers do not notice: a twin
answers the bytes of the real device, in process.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from labspin.clock import SimulatedClock
from labspin.errors import LabspinError, StationError
from labspin.station.records import InstrumentSpec, SimulationSpec

__all__ = ["SimulatedWorld"]


class SimulatedWorld:
    """The world under a simulated bench, with the hooks that an engine calls.

    Parameters
    ----------
    spec
        What the station file says.
    where
        File and key path, for errors.

    Attributes
    ----------
    world
        The `labspin.twin.World`.
    devices
        The simulated devices by instrument name, for faults and practice.
    """

    def __init__(self, spec: SimulationSpec, where: str) -> None:
        from labspin.twin import PhotonDetector, World

        self.seed = spec.seed
        self.clock = SimulatedClock(spec.speed)
        self.devices: dict[str, Any] = {}
        self._where = where
        try:
            detectors = {name: PhotonDetector(**values) for name, values in spec.detectors.items()}
            sample = _sample(spec.sample, spec.parameters)
            self.world = World(sample, self.clock, seed=spec.seed, detectors=detectors)
        except LabspinError as error:
            raise StationError(f"{where}: {error}") from error

    def connection(self, spec: InstrumentSpec) -> Any:
        """Return what ``spec``'s driver connects to: the simulated device, in process.

        Raises
        ------
        StationError
            The driver has no twin, or the twin does not take the wiring or the options.
        """
        from labspin.twin.adapter import SimulatedAdapter

        kind = _twin_class(spec, self._where)
        try:
            device = kind(self.world, wiring=spec.wiring, **_twin_options(kind, spec))
        except LabspinError as error:
            raise StationError(f"{self._where}: instruments.{spec.name}.twin: {error}") from error
        self.devices[spec.name] = device
        if hasattr(device, "handle"):  # speaks in whole requests, not in lines
            return device
        return SimulatedAdapter(device, timeout=spec.timeout)

    def begin_point(self, index: int) -> None:
        """Make the noise from here on a function of the seed and ``index``."""
        self.world.begin_point(index)

    def restore(self, time: float) -> None:
        """Move the simulated clock on to ``time``, s."""
        self.world.restore(time)

    def truth(self) -> dict[str, Any]:
        """Return what is really the case, to be recorded with a run."""
        return dict(self.world.truth())


def _twin_class(spec: InstrumentSpec, where: str) -> type:
    from labspin.twin.devices import DEVICES

    kind = spec.entry.adapter.twin or DEVICES.get(spec.driver)
    if kind is None:
        raise StationError(
            f"{where}: instruments.{spec.name}: driver {spec.driver!r} has no simulated device; give its "
            f"adapter a 'twin' class, or take a driver that has one: {', '.join(DEVICES)}"
        )
    return kind


def _twin_options(kind: Any, spec: InstrumentSpec) -> dict[str, Any]:
    """Return the twin's options; those that it shares with the driver follow the driver's."""
    shared = {name: getattr(spec.options, name) for name in kind.options if hasattr(spec.options, name)}
    return {**shared, **spec.twin}


def _sample(name: str, parameters: Mapping[str, Any]) -> Any:
    from labspin.twin import samples

    kind = samples.load(name)
    known = inspect.signature(kind).parameters
    for parameter in parameters:
        if parameter not in known:
            near = difflib.get_close_matches(parameter, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StationError(
                f"parameters.{parameter}: sample {name!r} has no such parameter{hint}; "
                f"known: {', '.join(known)}"
            )
    return kind(**parameters)
