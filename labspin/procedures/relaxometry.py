"""Relaxation of spin-1 centres over both transitions, field by field, as noise of a magnetic film causes it.

A laser pulse pumps into |0>, the centres relax in the dark for a time t, and the light of a second pulse is
read with and without a π pulse on one of the lines just before it. The difference is ρ_0 − ρ_∓ at t:
contrast, background and what recharges in the dark cancel (T. van der Sar *et al.*, Nat. Commun. 6, 7886
(2015); C. Du *et al.*, Science 357, 195 (2017)).

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████      pump, read out
    microwave  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁      π on one line, or nothing for as long
    trigger    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁      of the counter's gates
                     guard   dark time π  A   B

Near a film the relaxation time changes by orders of magnitude with the field. So the dark times of every
field go from the faster to the slower of the two relaxations that are expected there: by the physics of spin
waves at ``expected_distance``, or ``expected_T1`` everywhere. The microwave follows the lines D ∓ γB; each
line is measured through before the next, dark times in a random order of its own.

The recipe ``relaxometry`` fits both differences of a field at once (``three_level_relaxation``); the recipe
``relaxometry_distance`` goes from there to the distance from the film (``film_relaxation``). Distances are
an axis of a scan: ``[scan] "positioner.position" = ["400 nm", "200 nm"]``.

Where the relaxation is no slower than the pumping, the centres are never polarised: the guard after the light
must be short against the expected time, which is checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import (
    CountParameter,
    ListParameter,
    Point,
    QuantityParameter,
    Repeat,
    Sweep,
    Values,
)
from labspin.instruments import PulseSequence
from labspin.physics.spinwaves.keywords import CentreState
from labspin.procedures.field_by_field import LINES, FieldByField
from labspin.procedures.pulsed import TRIGGER, on_time_steps

__all__ = ["Relaxometry"]

FloatArray = NDArray[np.float64]


class _Quantities:
    """The columns: arrays over the dark times of an instance, or of the default, asked of the class."""

    def __get__(self, procedure: Any, kind: type) -> tuple[Column, ...]:
        count = 17 if procedure is None else int(procedure.dark_times)
        columns = [
            Column(name="dark_time", unit="s", shape=(count,), description="end of pumping to π pulse")
        ]
        for line, sign in zip(LINES, "−+", strict=True):
            for suffix, pulse in (("0", "without"), ("pi", "with")):
                about = f"counts {{}}, {pulse} π pulse on |0> <-> |{sign}>"
                for gate, where in (("signal", "in gate A"), ("reference", "in gate B")):
                    name = f"{gate}_{line}_{suffix}"
                    text = about.format(where)
                    columns.append(Column(name=name, dtype="int64", shape=(count,), description=text))
            about = f"contrast without less contrast with π on |0> <-> |{sign}>"
            columns.append(Column(name=f"difference_{line}", shape=(count,), description=about))
            columns.append(
                Column(name=f"difference_{line}_errors", shape=(count,), description="its standard error")
            )
            columns.append(Column(name=f"frequency_{line}", unit="Hz", description="of the π pulse"))
        for name, about in (
            ("difference", "difference_lower + i difference_upper"),
            ("difference_errors", "theirs"),
        ):
            columns.append(Column(name=name, dtype="complex128", shape=(count,), description=about))
        return tuple(columns)


class Relaxometry(FieldByField):
    """Both relaxation rates of spin-1 centres against the field."""

    name = "relaxometry"
    coordinates: Sequence[Column] = (
        Column(name="average", role="coordinate", description="pass through all fields"),
        *FieldByField.coordinates,
    )
    quantities = _Quantities()
    signal = "difference_lower"

    pi_lower = QuantityParameter("π pulse on |0> <-> |->", units="s", minimum=1e-9, default="100 ns")
    pi_upper = QuantityParameter("π pulse on |0> <-> |+>", units="s", minimum=1e-9, default="100 ns")
    dark_times = CountParameter("Number of dark times", minimum=4, maximum=1000, default=17)
    shortest = QuantityParameter(
        "Shortest dark time",
        units="1",
        minimum=1e-4,
        default="0.03",
        description="Over the faster relaxation",
    )
    longest = QuantityParameter(
        "Longest dark time", units="1", minimum=0.1, default="1.0", description="Over the slower relaxation"
    )
    expected = ListParameter("Relaxation expected", choices=["film", "fixed"], default="film")
    expected_distance = QuantityParameter(
        "Distance from the film, about", units="m", minimum=1e-9, default="200 nm", group_by="expected",
        group_condition="film",
    )  # fmt: skip
    expected_T1 = QuantityParameter(
        "T1 far from the film, about", units="s", minimum=1e-6, default="3 ms",
        description="With 'fixed': everywhere",
    )  # fmt: skip
    temperature = QuantityParameter("Temperature of the film", units="K", minimum=1e-3, default="300 K")
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=2)
    time_step = QuantityParameter(
        "Time step of the dark times", units="s", minimum=0.0, default="0 s",
        description="Dark times are rounded to it; 0: the pulse generator's resolution",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    def plan(self) -> Sweep:
        """Return every field, as often as is averaged."""
        self.gates()
        for field in self.fields:
            self.lines(field)
            self.dark_time_values(field)
        return Repeat(Values("magnet.field", self.fields, unit="T"), self.averages, name="average")

    def expected_times(self, field: float) -> tuple[float, float]:
        """Return the faster and the slower relaxation that is expected at a field, s.

        Parameters
        ----------
        field
            Field in T.
        """
        if self.expected == "fixed":
            return float(self.expected_T1), float(self.expected_T1)
        return _film_times(
            field, self.expected_distance, self.expected_T1, self.temperature, self.zero_field_splitting,
            self.gyromagnetic_ratio,
        )  # fmt: skip

    def dark_time_values(self, field: float) -> FloatArray:
        """Return the dark times at a field in s, ascending, multiples of the time step.

        Parameters
        ----------
        field
            Field in T.

        Raises
        ------
        PlanError
            Two of them fall on one time step, or the light cannot pump against the relaxation.
        """
        fast, slow = self.expected_times(field)
        if self.guard_time > 0.5 * fast:
            raise PlanError(
                f"procedure 'relaxometry': at {field:g} T the centres relax within {fast:.3g} s, and the "
                f"guard after the light lasts {self.guard_time:g} s; shorten guard_time, go farther from the "
                "film or leave the field out"
            )
        step = self.time_step
        first = max(float(self.shortest) * fast, float(step) or 1e-9)
        times = np.geomspace(first, max(float(self.longest) * slow, 2 * first), self.dark_times)
        return on_time_steps(self.name, "dark times", times, step)

    def sequence(self, dark_time: float, pulse: float, *, with_pi: bool) -> PulseSequence:
        """Return one period of the pulse sequence; both kinds last equally long.

        Parameters
        ----------
        dark_time
            Dark time, s.
        pulse
            Length of the π pulse, s.
        with_pi
            Whether the π pulse is played; otherwise its time passes in the dark.
        """
        microwave = ("microwave",) if with_pi else ()
        dark = (
            PulseSequence()
            .then("laser", duration=self.laser_duration)
            .wait(self.guard_time)
            .wait(dark_time)
            .then(*microwave, duration=pulse)
        )
        readout = dark.pulse("laser", start=dark.duration, duration=self.laser_duration)
        return readout.pulse("trigger", start=dark.duration, duration=TRIGGER)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequences of the shortest dark time at the first field, to be drawn."""
        shortest = float(self.dark_time_values(self.fields[0])[0])
        return {
            "with π pulse": self.sequence(shortest, self.pi_lower, with_pi=True),
            "without π pulse": self.sequence(shortest, self.pi_lower, with_pi=False),
        }

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequences with a π pulse of every field and dark time."""
        for field in self.fields:
            for dark_time in self.dark_time_values(field).tolist():
                for pulse in (self.pi_lower, self.pi_upper):
                    yield self.sequence(dark_time, pulse, with_pi=True)

    def duration(self, point: Point) -> float:
        """Return the time for which the sequences of both lines are played at a field, s.

        Parameters
        ----------
        point
            The point, whose set-point is the field in T.
        """
        times = self.dark_time_values(point.setpoints["magnet.field"])
        period = 2 * self.laser_duration + self.guard_time
        played = sum(2 * float((times + period + pulse).sum()) for pulse in (self.pi_lower, self.pi_upper))
        return self.repetitions * played

    def moves(self, point: Point) -> Iterable[Mapping[str, float]]:
        """Return the moves of the microwave to the two lines.

        Parameters
        ----------
        point
            The point, whose set-point is the field in T.
        """
        return [{"microwave.frequency": line} for line in self.lines(point.setpoints["magnet.field"])]

    def check(self, bench: Bench) -> None:
        """Raise an error if the instruments cannot make the sequences, the gates or the lines.

        Parameters
        ----------
        bench
            The instruments.
        """
        super().check(bench)
        for field in self.fields:
            for line in self.lines(field):
                bench.actuator("microwave.frequency").check(line)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Measure all dark times on one line, then on the other.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, with the field in T as set-point and the coordinate ``average``.

        Returns
        -------
        Mapping
            The dark times in s; for each line its frequency in Hz, the counts and the difference of the
            contrasts.
        """
        field = point.setpoints["magnet.field"]
        times = self.dark_time_values(field)
        rng = np.random.default_rng([int(self.seed), int(point.coordinates["average"]), round(1e7 * field)])
        found: dict[str, Any] = {"dark_time": times}
        for name, frequency, pulse in zip(
            LINES, self.lines(field), (self.pi_lower, self.pi_upper), strict=True
        ):
            bench.actuator("microwave.frequency").move(frequency)
            found[f"frequency_{name}"] = frequency
            found |= self._line(bench, name, times, pulse, rng)
        for suffix in ("", "_errors"):
            found[f"difference{suffix}"] = (
                found[f"difference_lower{suffix}"] + 1j * found[f"difference_upper{suffix}"]
            )
        return found

    def _line(
        self, bench: Bench, name: str, times: FloatArray, pulse: float, rng: np.random.Generator
    ) -> dict[str, object]:
        """Count with and without the π pulse at all dark times, in a random order."""
        counts = np.zeros((times.size, 2, 2), dtype=np.int64)  # dark time, with π, gate
        for at in rng.permutation(times.size).tolist():
            for with_pi in (at % 2 == 0, at % 2 == 1):
                sequence = self.sequence(float(times[at]), pulse, with_pi=with_pi)
                counts[at, int(with_pi)] = self.count(bench, sequence, self.gates())
                self.watch(bench, int(counts[at, int(with_pi), 1]))
        found: dict[str, object] = {}
        contrasts = np.empty((times.size, 2, 2))  # dark time, with π, value and error
        for number, suffix in enumerate(("0", "pi")):
            found[f"signal_{name}_{suffix}"] = counts[:, number, 0]
            found[f"reference_{name}_{suffix}"] = counts[:, number, 1]
            for at in range(times.size):
                contrasts[at, number] = self.contrast(*(int(count) for count in counts[at, number]))
        found[f"difference_{name}"] = contrasts[:, 0, 0] - contrasts[:, 1, 0]
        found[f"difference_{name}_errors"] = np.hypot(contrasts[:, 0, 1], contrasts[:, 1, 1])
        return found


@lru_cache(maxsize=1024)
def _film_times(
    field: float, distance: float, T1: float, temperature: float, splitting: float, gyromagnetic_ratio: float
) -> tuple[float, float]:
    """Return the faster and the slower relaxation near a film of YIG, s."""
    from labspin.physics.spinwaves import YIG_FIGURES, ParamagneticSpin, relaxation_times, spin_wave_bath

    turn = 2 * math.pi
    spin = ParamagneticSpin(turn * splitting, turn * gyromagnetic_ratio, T1, min(1e-6, T1))
    place: CentreState = {"spin": spin, "field": field, "temperature": temperature}
    bath = spin_wave_bath(film=YIG_FIGURES, distance=distance, rtol=1e-3, counter_rotating=False, **place)
    times = relaxation_times(**place, bath=bath)
    return float(times.t1b), float(times.t1a)
