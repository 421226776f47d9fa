"""The simulated world of a station: sample, clock, detectors, and a simulated device for every driver.

This is the only place where labspin's own instruments meet their twins. The drivers do not notice: a twin
answers the bytes of the real device, in process.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from labspin.clock import SimulatedClock
from labspin.errors import LabspinError, StationError
from labspin.station.records import InstrumentSpec, SimulationSpec

if TYPE_CHECKING:
    from labspin.twin.device import SimulatedDevice

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
        self.devices: dict[str, SimulatedDevice] = {}
        self._where = where
        try:
            detectors = {name: PhotonDetector(**values) for name, values in spec.detectors.items()}
            sample = _sample(spec.sample, spec.parameters, spec.folder)
            self.world = World(sample, self.clock, seed=spec.seed, detectors=detectors)
        except LabspinError as error:
            raise StationError(f"{where}: {error}") from error

    def device(self, spec: InstrumentSpec) -> SimulatedDevice:
        """Return the simulated device of ``spec``, wired to the world.

        Parameters
        ----------
        spec
            The instrument.

        Raises
        ------
        StationError
            The driver has no twin, or the twin does not take the wiring or the options.
        """
        kind = _twin_class(spec, self._where)
        try:
            device: SimulatedDevice = kind(
                self.world, wiring=_wiring(kind, spec), **_twin_options(kind, spec)
            )
        except LabspinError as error:
            raise StationError(f"{self._where}: instruments.{spec.name}.twin: {error}") from error
        self.devices[spec.name] = device
        return device

    def connection(self, spec: InstrumentSpec) -> Any:
        """Return what the driver of ``spec`` connects to: the simulated device, in process; see `device`.

        Parameters
        ----------
        spec
            The instrument.

        Returns
        -------
            The device itself where the driver hands it requests or calls it, else an adapter for bytes.
        """
        from labspin.twin.adapter import SimulatedAdapter

        device = self.devices.get(spec.name) or self.device(spec)
        device.connect()
        # Some speak in whole requests or are called; what takes bytes needs an adapter.
        if hasattr(device, "handle") or getattr(device, "in_process", False):
            return device
        return SimulatedAdapter(device, timeout=spec.timeout)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been measured on it yet."""
        return self.world.is_fresh

    def begin_point(self, index: int) -> None:
        """Make the noise from here on a function of the seed and ``index``.

        Parameters
        ----------
        index
            Index of the point in the plan.
        """
        self.world.begin_point(index)

    def restore(self, time: float) -> None:
        """Move the simulated clock on to ``time``, s.

        Parameters
        ----------
        time
            Time of the simulated clock, s.
        """
        self.world.restore(time)

    def truth(self) -> dict[str, Any]:
        """Return what is really the case, to be recorded with a run."""
        return dict(self.world.truth())

    @property
    def truth_units(self) -> Mapping[str, str]:
        """Units of what `truth` returns; what is not named is a pure number."""
        return self.world.sample.truth_units


def _twin_class(spec: InstrumentSpec, where: str) -> type:
    from labspin.twin.devices import DEVICES

    kind = spec.entry.adapter.twin or DEVICES.get(spec.driver)
    if kind is None:
        raise StationError(
            f"{where}: instruments.{spec.name}: driver {spec.driver!r} has no simulated device; give its "
            f"adapter a 'twin' class, or take a driver that has one: {', '.join(DEVICES)}"
        )
    return kind


def _twin_options(kind: type[SimulatedDevice], spec: InstrumentSpec) -> dict[str, Any]:
    """Return the twin's options; those that it shares with the driver follow the driver's."""
    shared = {name: getattr(spec.options, name) for name in kind.options if hasattr(spec.options, name)}
    return {**shared, **spec.twin}


def _wiring(kind: type[SimulatedDevice], spec: InstrumentSpec) -> Mapping[str, str]:
    """Return the wiring of a twin; a pulse generator plays its lines where its driver has them."""
    lines = getattr(spec.options, "lines", None)
    if not isinstance(lines, Mapping):
        return spec.wiring
    outputs = {str(output): line for line, output in lines.items() if str(output) in kind.ports}
    return {**dict.fromkeys(kind.default_wiring, ""), **outputs, **spec.wiring}


def _sample(name: str, parameters: Mapping[str, object], folder: Path) -> Any:
    """Return the sample; its parameters are the numbers of its settings record, in SI."""
    from labspin.twin import samples

    kind = samples.load(name, folder)
    if not parameters:
        return kind()
    record, settable = _settings_record(kind), tuple(sample_numbers(kind))
    for parameter, value in parameters.items():
        if parameter not in settable:
            near = difflib.get_close_matches(parameter, settable, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StationError(
                f"parameters.{parameter}: sample {name!r} has no such number{hint}; "
                f"known: {', '.join(settable)}"
            )
        if not isinstance(value, (int, float)):
            raise StationError(
                f"parameters.{parameter}: wanted a number in SI units (angular frequencies in rad/s), "
                f"got {value!r}"
            )
    return cast(Any, kind)(record(**parameters))


def sample_numbers(kind: type) -> dict[str, object]:
    """Return what a station file can say under ``[simulation.parameters]``: name to default, in SI units.

    Parameters
    ----------
    kind
        Class of the sample.
    """
    numbers = ("float", "int", "bool")
    fields = dataclasses.fields(_settings_record(kind))
    return {one.name: one.default for one in fields if one.type in numbers}


def _settings_record(kind: type) -> Any:
    """Return the dataclass that ``kind`` takes as its settings."""
    hints = get_type_hints(kind.__init__)  # type: ignore[misc]
    for hint in hints.values():
        for choice in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(choice):
                return choice
    raise StationError(f"parameters: sample {kind.__name__} has no settings; remove the parameters")
