"""Manual work at a bench: describe it, read it back, set it, align by its count rates.

A host does this for its clients, in the only thread that addresses the instruments. Names are
``instrument.attribute``; what may be moved is moved as by ``bench.instrument.attribute = value``, through
limits and ramp.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.bench import Actuator, Bench
from labspin.errors import ArgumentError, DeviceError, LabspinError, StationError
from labspin.instruments import ACTUATORS, ROLES, PulseSequence
from labspin.session.host_records import ActuatorRecord, BenchDescription, ReadingRecord
from labspin.station import Station

if TYPE_CHECKING:
    from labspin.station.records import InstrumentSpec

__all__ = ["call_method", "count_rates", "describe_bench", "read_all", "read_value", "set_value"]

_PLAIN = (bool, int, float, complex, str, np.generic, np.ndarray, list, tuple, dict, type(None))
_MOTION = {"motion_x": "V", "motion_y": "V", "motion_magnitude": "V"}
"""Readings of a cantilever, which come from one question."""
_GATE = 10e-3  # s, of one look at the count rates
_LOOKS = 10  # gates of one look
_TRIGGER = 1e-6  # s


# -- what there is ------------------------------------------------------------------------------------------


def describe_bench(station: Station, bench: Bench) -> BenchDescription:
    """Return everything that a client needs to show a panel for every instrument, as plain data.

    Parameters
    ----------
    station
        The station file.
    bench
        The same station, connected.

    Returns
    -------
    dict
        ``instruments`` (role, driver, readings and settable attributes with units, methods), ``actuators``
        (unit, limits, ramp time per unit, safe value, the attribute that is moved) and the station's name.
    """
    return {
        "name": station.name,
        "description": station.description,
        "path": str(station.path.resolve()),
        "simulated": station.simulated,
        "kind": station.kind,
        "instruments": {
            spec.name: {
                "role": spec.role,
                "driver": spec.driver,
                "address": spec.address or ("simulated" if station.simulated_among([spec.name]) else ""),
                "settable": _settable(spec),
                "readings": _readings(spec, bench.instruments[spec.name]),
                "has_output": _has(bench.instruments[spec.name], "output_enabled"),
                "detectors": list(getattr(bench.instruments[spec.name], "detectors", ())),
                "methods": _methods(spec.role),
            }
            for spec in station.instruments
        },
        "actuators": {name: _actuator_record(name, a) for name, a in bench.actuators.items()},
    }


def _settable(spec: InstrumentSpec) -> dict[str, str]:
    return dict(spec.entry.settable)


def _readings(spec: InstrumentSpec, device: object) -> dict[str, str]:
    found = {name: unit for name, unit in spec.entry.readable.items() if name not in spec.entry.settable}
    if spec.role == "CantileverReadout" and _has(device, "quadratures"):
        found |= _MOTION
    return found


def _has(device: object, attribute: str) -> bool:
    return inspect.getattr_static(device.__class__, attribute, None) is not None


def _methods(role: str) -> list[str]:
    """Return the methods that a role asks for."""
    kind = ROLES.get(role, object)
    return sorted(
        name
        for name in dir(kind)
        if not name.startswith("_") and inspect.isfunction(inspect.getattr_static(kind, name, None))
    )


def _actuator_record(name: str, actuator: Actuator) -> ActuatorRecord:
    spec = actuator.spec
    return {
        "unit": actuator.unit,
        "minimum": actuator.minimum,
        "maximum": actuator.maximum,
        "ramp_time": None
        if spec.ramp_rate is None
        else actuator.ramp_time(0.0, 1.0) - actuator.ramp_time(0.0, 0.0),
        "safe": None if spec.safe is None else _in_unit(actuator, spec.safe),
        "instrument": spec.instrument,
        "attribute": name.partition(".")[2],
        "moves": spec.name,
        "slope": _in_unit(actuator, 1.0) - _in_unit(actuator, 0.0),
        "offset": _in_unit(actuator, 0.0),
    }


def _in_unit(actuator: Actuator, raw: float) -> float:
    calibration = actuator.spec.calibration
    if calibration is None or actuator.name == actuator.spec.name:
        return raw
    return calibration.offset + calibration.slope * raw


# -- reading and setting ------------------------------------------------------------------------------------


def read_all(bench: Bench, description: BenchDescription) -> dict[str, ReadingRecord]:
    """Return every read-back of a bench: name to ``{"value", "time"}``, or to ``{"error", "time"}``.

    Parameters
    ----------
    bench
        A connected bench.
    description
        Description of it, by `describe_bench`.
    """
    found: dict[str, ReadingRecord] = {}
    for name, record in description["instruments"].items():
        motion = [attribute for attribute in record["readings"] if attribute in _MOTION]
        attributes = [*record["settable"], *(a for a in record["readings"] if a not in _MOTION)]
        if record["has_output"]:
            attributes.append("output_enabled")
        for attribute in attributes:
            _note(found, f"{name}.{attribute}", functools.partial(_scalar, bench, name, attribute))
        if motion:
            _note_motion(found, bench, name)
    for name, actuator in description["actuators"].items():
        if name != actuator["moves"]:
            _note(found, name, bench.actuators[name].read)
    return found


def _scalar(bench: Bench, instrument: str, attribute: str) -> float | bool | str:
    value = getattr(bench.instruments[instrument], attribute)
    return value if isinstance(value, (bool, str)) else float(value)


def _note(found: dict[str, ReadingRecord], name: str, read: Callable[[], float | bool | str]) -> None:
    try:
        found[name] = {"value": read(), "time": time.time()}
    except Exception as error:  # noqa: BLE001 - one instrument that is lost does not hide the others
        found[name] = {"error": _sentence(error), "time": time.time()}


def _note_motion(found: dict[str, ReadingRecord], bench: Bench, name: str) -> None:
    names = [f"{name}.{attribute}" for attribute in _MOTION]
    try:
        motion, moment = complex(bench.instruments[name].quadratures()), time.time()
    except Exception as error:  # noqa: BLE001 - one instrument that is lost does not hide the others
        found |= {full: {"error": _sentence(error), "time": time.time()} for full in names}
        return
    for full, value in zip(names, (motion.real, motion.imag, abs(motion)), strict=True):
        found[full] = {"value": value, "time": moment}


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, LabspinError) else f"{type(error).__name__}: {error}"


def read_value(bench: Bench, name: str) -> object:
    """Return the value of ``bench.instrument.attribute``.

    Parameters
    ----------
    bench
        A connected bench.
    name
        ``instrument.attribute``.

    Raises
    ------
    ArgumentError
        There is no such attribute, or it is not a plain value.
    InstrumentError
        The instrument does not answer.
    """
    instrument, attribute = _parts(bench, name)
    value = getattr(getattr(bench, instrument), attribute)
    if not isinstance(value, _PLAIN):
        value = dict(value) if isinstance(value, Mapping) else value
    if not isinstance(value, _PLAIN):
        raise ArgumentError(f"{name}: is {type(value).__name__}, wanted an attribute with a plain value")
    return value


def set_value(bench: Bench, name: str, value: object) -> object:
    """Set ``bench.instrument.attribute`` through limits and ramp, and return the value read afterwards.

    Parameters
    ----------
    bench
        A connected bench.
    name
        ``instrument.attribute``.
    value
        A number in the attribute's unit, or text with any unit of the same dimension.

    Raises
    ------
    LabspinError
        There is no such attribute, the value is refused, or the instrument does not obey.
    """
    instrument, attribute = _parts(bench, name)
    handle = getattr(bench, instrument)
    device = bench.instruments[instrument].__class__
    if name not in bench.actuators:
        found = inspect.getattr_static(device, attribute, None)
        if not (isinstance(found, property) and found.fset is not None):
            raise ArgumentError(f"{name}: cannot be set; it can be read only")
        value = _own_unit(bench, instrument, attribute, value)
    setattr(handle, attribute, value)
    return read_value(bench, name)


def _own_unit(bench: Bench, instrument: str, attribute: str, value: object) -> object:
    """Convert a text with a unit to a number in the attribute's unit."""
    from labspin.units import parse_quantity

    if not isinstance(value, str):
        return value
    device = bench.instruments[instrument]
    units = {**ACTUATORS.get(getattr(device, "role", ""), {}), **getattr(device, "units", {})}
    if attribute in units:
        return parse_quantity(value, units[attribute], name=f"{instrument}.{attribute}")
    words = {"on": True, "true": True, "off": False, "false": False}
    return words.get(value.lower(), value)


def call_method(
    bench: Bench, name: str, arguments: Sequence[object] = (), keywords: Mapping[str, object] | None = None
) -> object:
    """Call a method of an instrument that its role names, and return its plain result.

    Parameters
    ----------
    bench
        A connected bench.
    name
        ``instrument.method``.
    arguments, keywords
        Plain values.

    Raises
    ------
    ArgumentError
        The role has no such method, or the result is not plain.
    """
    instrument, method = _parts(bench, name)
    allowed = _methods(getattr(bench.instruments[instrument], "role", ""))
    if method not in allowed:
        raise ArgumentError(f"{name}: wanted one of the methods {', '.join(allowed) or 'none'}")
    result = getattr(getattr(bench, instrument), method)(*arguments, **(keywords or {}))
    if not isinstance(result, _PLAIN):
        raise ArgumentError(f"{name}: returned {type(result).__name__}, which cannot be sent")
    return result


def _parts(bench: Bench, name: str) -> tuple[str, str]:
    instrument, _, attribute = name.partition(".")
    if instrument not in bench.instruments:
        known = list(bench.instruments)
        raise ArgumentError(
            f"{name!r}: station {bench.name!r} has no instrument {instrument!r}; it has "
            f"{', '.join(known)}{_near(instrument, known)}"
        )
    device = bench.instruments[instrument]
    known = sorted(
        {a for a in dir(device.__class__) if not a.startswith("_")}
        | {full.partition(".")[2] for full in bench.actuators if full.startswith(f"{instrument}.")}
    )
    if attribute not in known:
        raise ArgumentError(f"{name!r}: {instrument} has no attribute {attribute!r}{_near(attribute, known)}")
    return instrument, attribute


def _near(word: str, words: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


# -- alignment ----------------------------------------------------------------------------------------------


def count_rates(bench: Bench, description: Mapping[str, Any]) -> dict[str, float]:
    """Return the count rate of every detector under steady laser light, in 1/s.

    The pulse generator holds the laser line high and triggers the counter, which counts in short gates.

    Parameters
    ----------
    bench
        A connected bench with a pulse generator and a photon counter.
    description
        Description of it, by `describe_bench`.

    Raises
    ------
    StationError
        The bench cannot count.
    DeviceError
        The triggers did not come.
    """
    roles = {record["role"]: name for name, record in description["instruments"].items()}
    if not {"PulseGenerator", "PhotonCounter"} <= roles.keys():
        raise StationError(f"station {bench.name!r}: has no pulse generator and photon counter to align by")
    pulses = bench.instruments[roles["PulseGenerator"]]
    counter = bench.instruments[roles["PhotonCounter"]]
    lines = [line for line in ("laser",) if line in pulses.lines]
    period = PulseSequence().pulse("trigger", start=0.0, duration=_TRIGGER)
    for line in lines:
        period = period.pulse(line, start=0.0, duration=_GATE + 2 * _TRIGGER)
    pulses.load(period, repetitions=-1)
    pulses.start()
    try:
        detectors = list(counter.detectors)
        size = max(1, int(counter.max_gates))
        found: dict[str, float] = {}
        for first in range(0, len(detectors), size):
            found |= _counted(bench, counter, detectors[first : first + size], period.duration)
        return found
    finally:
        pulses.stop()


def _counted(bench: Bench, counter: Any, detectors: Sequence[str], period: float) -> dict[str, float]:
    gates = [(0.0, _GATE)] * len(detectors)
    counter.arm(gates, triggers=_LOOKS, detectors=detectors)
    deadline = bench.clock.now() + 3 * _LOOKS * period + 2.0
    bench.clock.sleep(_LOOKS * period)
    while not counter.is_done():
        if bench.clock.now() > deadline:
            counter.stop()
            raise DeviceError("counter: the triggers of the count rates did not come; check cable and level")
        bench.clock.sleep(0.01)
    counts = counter.counts()
    rates = {name: float(n) / (_LOOKS * _GATE) for name, n in zip(detectors, counts, strict=True)}
    return {name: rate for name, rate in rates.items() if math.isfinite(rate)}
