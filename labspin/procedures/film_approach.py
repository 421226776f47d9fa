"""The frequency of a cantilever against its distance from a film, with light and without.

Light pumps the centres at the tip, and spin waves of the film pull at pumped centres: the gradient of the
force shifts the cantilever by Δf = −f F'/2k (C. Gonzalez-Ballestero *et al.*, (258)–(259)). Everything else
that pulls at a tip (surface forces, charges, a drift of the cantilever) is there in the dark as well. So at
every distance the frequency is measured in the dark and in the light, and the difference is what the light
does.

Far from the film the resonance is searched and swept once. Then the drive stays at that frequency, and the
pole p = f + if/2Q follows from the settled response R = a/(f_drive − p): no sweep is needed where the shift
is a small part of a linewidth, and shift and damping come out together. What the sweep leaves uncertain of
the line is common to all positions: it scales every shift alike. It is in the errors, and is listed next to
them (``scale_uncertainty``).

Thermal motion is remembered for a ring-down time τ: a record of T holds about T/2τ independent readings, and
its scatter shows a part only of what its mean is off.

The approach goes from far to near. It ends by itself where the cantilever has shifted too much in the dark,
where its response breaks in or grows (the tip touches), or at the last distance; ``hysteresis`` then
goes back the way it came. Positions are those of the stage; where the surface is, a fit finds
(``spin_wave_force``).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import (
    BooleanParameter,
    CountParameter,
    Point,
    Procedure,
    QuantityParameter,
)
from labspin.instruments import CantileverReadout, LaserPower, Positioner
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.resonance import Resonance, resonance_from_sweep, search_resonance, sweep_frequencies

__all__ = ["FilmApproach"]

_log = logging.getLogger(__name__)
_SETTLED = 7.0  # ring-down times after which what is left of a change is a thousandth
_RINGS = 6.0  # ring-down times that a record should last for its scatter to say something
_SWEPT = 21  # points of the sweep far away
_AS_A_RULE = 6.0  # longest ring-down time that is waited for, over the ring-down time of a usual cantilever
_STATES = ("dark", "light")


class FilmApproach(Procedure):
    """Shift and damping of a cantilever against the distance from a film, in the dark and in the light."""

    name = "film_approach"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"positioner": Positioner, "cantilever": CantileverReadout, "laser": LaserPower}
    )
    coordinates: Sequence[Column] = (
        Column(name="positioner_position", unit="m", role="coordinate", description="of the stage"),
        Column(name="direction", role="coordinate", description="1: approach, -1: back"),
    )
    quantities: Sequence[Column] = (
        *(
            column
            for state in _STATES
            for column in (
                Column(name=f"frequency_{state}", unit="Hz", description=f"resonance in the {state}"),
                Column(name=f"frequency_{state}_errors", unit="Hz", description="its standard error"),
                Column(name=f"inverse_quality_{state}", description=f"1/Q in the {state}"),
                Column(name=f"inverse_quality_{state}_errors", description="its standard error"),
            )
        ),
        Column(name="light_shift", unit="Hz", description="frequency in the light less that in the dark"),
        Column(name="light_shift_errors", unit="Hz", description="its standard error"),
        Column(
            name="light_shift_noise",
            unit="Hz",
            description="its scatter, without the scale of all points",
        ),
        Column(name="force_gradient", unit="N/m", description="of the light: F' = -2k light_shift/f"),
        Column(name="force_gradient_errors", unit="N/m", description="its standard error"),
        Column(
            name="scale_uncertainty",
            description="relative error of all shifts and forces together, by the sweep",
        ),
        Column(name="dark_shift", unit="Hz", description="frequency in the dark less that far away"),
        Column(name="response", unit="V", description="magnitude of the response in the dark"),
        Column(name="measured_position", unit="m", description="of the stage, by its sensor"),
        Column(name="touched", dtype="int64", description="1: here the approach was ended"),
    )
    signal = "light_shift"
    is_open_ended = True

    positions = QuantityListParameter(
        "Positions", units="m", default="2 um, 1 um, 600 nm, 400 nm", description="From far to near"
    )
    hysteresis = BooleanParameter("Go back the way it came", default=True)
    laser_power = QuantityParameter("Laser power in the light", units="W", minimum=0.0, default="100 uW")
    drive = QuantityParameter("Drive amplitude", units="V", minimum=0.0, default="20 mV")
    record_time = QuantityParameter("Averaging in each light", units="s", minimum=1e-3, default="30 s")
    repeats = CountParameter(
        "Dark and light at each position", minimum=1, maximum=1000, default=1, description="How often"
    )
    spring_constant = QuantityParameter(
        "Spring constant of the cantilever", units="N/m", minimum=1e-12, default="0.1 mN/m"
    )
    search_start = QuantityParameter("Search from", units="Hz", minimum=0.0, default="4990 Hz")
    search_stop = QuantityParameter("Search to", units="Hz", minimum=0.0, default="5010 Hz")
    longest_ring_down = QuantityParameter(
        "Longest ring-down time", units="s", minimum=1e-6, default="20 s", description="That is waited for"
    )
    largest_shift = QuantityParameter(
        "Largest shift in the dark",
        units="Hz",
        minimum=0.0,
        default="50 mHz",
        description="Ends the approach",
    )
    response_change = QuantityParameter(
        "Largest change of the response", minimum=1e-3, default=0.5,
        description="Relative to far away; ends the approach",
    )  # fmt: skip

    def settings(self) -> Mapping[str, float]:
        """Return the drive amplitude, and the laser off."""
        return {"cantilever.amplitude": self.drive, "laser.power": 0.0}

    def plan(self) -> Generator[dict[str, float], Any, None]:
        """Return the positions from far to near, and back; the approach ends where a reading says so.

        Raises
        ------
        PlanError
            The positions do not go from far to near, or the search has no range.
        """
        self._check()
        return self._points()

    def _check(self) -> None:
        if not self.positions or np.any(np.diff(self.positions) >= 0) or min(self.positions) <= 0:
            raise PlanError(
                f"procedure {self.name!r}: wanted positions from far to near, each > 0 m and nearer than the "
                f"one before, got {self.positions!r}"
            )
        if not self.search_start < self.search_stop:
            raise PlanError(
                f"procedure {self.name!r}: wanted search_start < search_stop, got {self.search_start:g} and "
                f"{self.search_stop:g} Hz"
            )

    def _points(self) -> Generator[dict[str, float], Any, None]:
        visited = []
        for position in self.positions:
            found = yield {"positioner.position": position, "direction": 1.0}
            if found is not None and found["touched"]:
                break
            visited.append(position)
        if self.hysteresis:
            for position in reversed(visited):
                yield {"positioner.position": position, "direction": -1.0}

    def duration(self, point: Point) -> float:
        """Return the time of one position, s: settling and averaging, in the dark and in the light.

        Parameters
        ----------
        point
            At the first one, the resonance is searched and swept before, which takes about equally long.
        """
        settled = _SETTLED * self.longest_ring_down / _AS_A_RULE
        finding = 2 * _SWEPT * settled + self.record_time if point.index == 0 else 0.0
        return float(2 * self.repeats * (self.record_time + settled) + finding)

    def check(self, bench: Bench) -> None:
        """Raise an error if the search, the positions or the light leave the limits of the bench.

        Parameters
        ----------
        bench
            The instruments.

        Raises
        ------
        LimitError
            They do.
        """
        bench.actuator("cantilever.frequency").check(np.array([self.search_start, self.search_stop]))
        bench.actuator("positioner.position").check(np.array(self.positions))
        bench.actuator("laser.power").check(self.laser_power)

    def prepare(self, bench: Bench) -> None:
        """Forget an earlier reference.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        self._reference: _Reference | None = None

    def finish(self, bench: Bench) -> None:
        """Switch the light off.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        bench.actuator("laser.power").move(0.0)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Measure frequency and damping in the dark and in the light.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point; its set-point is the position of the stage, m.

        Returns
        -------
        Mapping
            Frequencies, dampings and what follows from them; ``touched`` is 1 where the approach must end.
        """
        if self._reference is None:
            self._reference = self._find(bench)
        reference = self._reference
        responses: dict[str, list[tuple[complex, float]]] = {state: [] for state in _STATES}
        for _ in range(self.repeats):
            for state in _STATES:
                bench.actuator("laser.power").move(self.laser_power if state == "light" else 0.0)
                responses[state].append(self._response(bench, reference))
        poles = {state: reference.poles(values) for state, values in responses.items()}
        found: dict[str, Any] = {}
        for state, (pole, noise) in poles.items():
            error = math.hypot(noise, reference.error)
            found[f"frequency_{state}"], found[f"frequency_{state}_errors"] = pole.real, error
            found[f"inverse_quality_{state}"] = 2 * pole.imag / pole.real
            found[f"inverse_quality_{state}_errors"] = 2 * error / pole.real
        found["measured_position"] = bench.positioner.measured_position
        response = float(np.mean([abs(value) for value, _ in responses["dark"]]))
        return found | self._conclusions(poles, found["measured_position"], response, reference)

    def _conclusions(
        self, poles: Mapping[str, tuple[complex, float]], position: float, response: float,
        reference: _Reference,
    ) -> dict[str, object]:  # fmt: skip
        (lit, lit_noise), (unlit, unlit_noise) = poles["light"], poles["dark"]
        shift = lit.real - unlit.real
        noise = math.hypot(lit_noise, unlit_noise)
        error = math.hypot(noise, reference.scale_error * abs(lit - unlit))
        dark = unlit.real - reference.frequency
        factor = 2 * self.spring_constant / reference.frequency
        touched = abs(dark) > self.largest_shift
        touched |= abs(response / abs(reference.response) - 1) > self.response_change
        if touched:
            _log.warning(
                "film_approach: ended at %.4g m: shift %.3g Hz in the dark, response %.3g of that far away",
                position, dark, response / abs(reference.response),
            )  # fmt: skip
        return {
            "light_shift": shift,
            "light_shift_errors": error,
            "light_shift_noise": noise,
            "force_gradient": -factor * shift,
            "force_gradient_errors": factor * error,
            "scale_uncertainty": reference.scale_error,
            "dark_shift": dark,
            "response": response,
            "touched": int(touched),
        }

    def _find(self, bench: Bench) -> _Reference:
        """Search the resonance in the dark, sweep over it, and leave the drive on it."""
        readout = bench.cantilever
        rough = search_resonance(
            lambda frequencies, dwell: readout.sweep(frequencies, settling_time=dwell),
            low=self.search_start, high=self.search_stop, points=41, settle=readout.settling_time(0.0),
            longest=self.longest_ring_down,
        )  # fmt: skip
        wait = _SETTLED * rough.ring_down_time + readout.settling_time(0.0)
        where = sweep_frequencies(
            rough, span=4.0, points=_SWEPT, low=self.search_start, high=self.search_stop
        )
        fine = resonance_from_sweep(*readout.sweep(where, settling_time=wait))
        bench.actuator("cantilever.frequency").move(fine.frequency)
        reference = _Reference(readout.frequency, fine, 0j)
        if self.record_time < _RINGS * fine.ring_down_time:
            _log.warning(
                "film_approach: record_time: %.3g s is %.2g ring-down times of the cantilever, so that "
                "errors are known roughly; wanted %g of them or more",
                self.record_time, self.record_time / fine.ring_down_time, _RINGS,
            )  # fmt: skip
        return _Reference(readout.frequency, fine, *self._response(bench, reference))

    def _response(self, bench: Bench, reference: _Reference) -> tuple[complex, float]:
        """Return the settled response and the standard error of each part of it, V."""
        readout, ring_down = bench.cantilever, reference.resonance.ring_down_time
        bench.clock.sleep(_SETTLED * ring_down + readout.settling_time(0.0))
        times, record = readout.record(self.record_time, rate=10.0 / min(ring_down, float(self.record_time)))
        return complex(np.mean(record)), _error_of_mean(times, record, ring_down)


def _error_of_mean(times: NDArray[np.float64], record: NDArray[np.complex128], memory: float) -> float:
    """Return the standard error of each part of a mean of readings that are correlated as e^(−t/memory).

    With m = ΣΣ e^(−|t_i − t_j|/memory)/n², a mean has the variance mσ², and the scatter about the mean is
    (1 − m)σ²: readings that go astray together do not show it. Readings are equally spaced: of pairs that are
    k readings apart there are n − k.
    """
    apart = np.arange(1, times.size)
    alike = np.exp(-apart * (times[-1] - times[0]) / (max(times.size - 1, 1) * memory))
    together = float(times.size + 2 * np.sum((times.size - apart) * alike)) / times.size**2
    scatter = 0.5 * float(np.var(record))
    return math.sqrt(scatter * together / (1 - together))


class _Reference:
    """The resonance far away, and what the response there says of the drive."""

    def __init__(self, drive: float, resonance: Resonance, response: complex, error: float = 0.0) -> None:
        self.drive, self.resonance, self.response = drive, resonance, response
        far = complex(resonance.frequency, 0.5 * resonance.linewidth)
        self.strength = response * (drive - far)  # a of R = a/(f_drive − p)
        relative = error / abs(response) if error else 0.0
        self.scale_error = math.hypot(resonance.frequency_error / abs(drive - far), relative)
        self.error = self.scale_error * abs(drive - far)  # Hz, of each part of every pole, common to all

    @property
    def frequency(self) -> float:
        """Resonance far away, Hz."""
        return self.resonance.frequency

    def pole(self, response: complex, error: float) -> tuple[complex, float]:
        """Return f + if/2Q from a response, and what its error adds to each part, Hz."""
        return self.drive - self.strength / response, abs(self.strength) * error / abs(response) ** 2

    def poles(self, responses: Sequence[tuple[complex, float]]) -> tuple[complex, float]:
        """Return the mean pole of responses with errors, and what their errors add to each part, Hz."""
        found = [self.pole(*pair) for pair in responses]
        error = math.sqrt(sum(noise**2 for _, noise in found)) / len(found)
        return complex(np.mean([pole for pole, _ in found])), error
